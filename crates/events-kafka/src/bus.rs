//! Runs a consumer from a consumer group: the other way beside the relay from the log.
//!
//! A group has one member for each [`KafkaBus`], over all servers. The library wants to be asked all the time, also while
//! the consumer is busy or pauses, and asks back in the middle of that (partitions come and go), so each member has a
//! thread that asks, and hands one batch at a time to the runtime.
//!
//! The order is: fetched, handed over, dealt with, dead letters written, offset committed. When a partition goes to
//! another member, what is at hand of it is waited for, with a limit, and committed before it goes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::Thread;
use std::time::Duration;

use frontrow_application::events::{Consumer, Start, Undelivered};
use frontrow_application::{Clock, Entropy};
use rdkafka::ClientConfig;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::fault::KafkaFault;
use crate::letters::DeadLetterTopic;
use crate::member::{FINISH, LAST_COMMIT, Member, Shared, Stage};
use crate::settings::KafkaSettings;
use crate::work::Work;

/// How long leaving a group may take, which is a word to a broker.
const LEAVE: Duration = Duration::from_secs(1);
/// How often the library's own figures are read.
const FIGURES_MS: u32 = 5_000;

/// What a bus runs on.
#[derive(Clone)]
pub struct BusParts {
    /// What could not be handed over. Not one that copies to Kafka by itself: the bus does that, before it commits.
    pub undelivered: Arc<dyn Undelivered>,
    /// The dead-letter topic.
    pub dead_letters: Arc<DeadLetterTopic>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Ids.
    pub entropy: Arc<dyn Entropy>,
}

/// A member of a consumer's group. It runs until it is stopped.
pub struct KafkaBus {
    stop: Arc<AtomicBool>,
    thread: Thread,
    stage: watch::Receiver<Stage>,
}

impl KafkaBus {
    /// Joins the group of a consumer. Needs a runtime around it, which the consumer will run on. Kafka need not be there.
    pub fn start(
        settings: &KafkaSettings,
        parts: BusParts,
        consumer: Arc<dyn Consumer>,
    ) -> Result<Self, KafkaFault> {
        settings.check()?;
        let stop = Arc::new(AtomicBool::new(false));
        let (say, stage) = watch::channel(Stage::Runs);
        let shared = Shared::new(settings.events_topic(), consumer.name(), consumer.start());
        let name = format!("kafka-{}", consumer.name());
        let member = Member {
            config: config(settings, consumer.as_ref()),
            shared: Arc::new(shared),
            work: Arc::new(Work {
                parts,
                consumer,
                stop: Arc::clone(&stop),
                tending: tokio::sync::Mutex::default(),
            }),
            runtime: Handle::current(),
            stage: say,
        };
        let thread = std::thread::Builder::new().name(name).spawn(move || member.run());
        let thread = thread.map_err(|error| KafkaFault::Settings(format!("no thread for a bus: {error}")))?;
        Ok(Self { stop, thread: thread.thread().clone(), stage })
    }

    /// Deals with what is at hand, within a limit of time, commits it, and leaves the group. Brokers that are away are not
    /// waited for: a member that could not say that it leaves is missed when its session is over.
    pub async fn stop(mut self) {
        self.stop.store(true, Ordering::Release);
        self.thread.unpark();
        let has_finished =
            timeout(FINISH + LAST_COMMIT + LEAVE, self.stage.wait_for(|at| *at != Stage::Runs));
        if !matches!(has_finished.await, Ok(Ok(_))) {
            tracing::warn!("a member of a group does not end");
            return;
        }
        let has_left = timeout(LEAVE, self.stage.wait_for(|at| *at == Stage::Left));
        if !matches!(has_left.await, Ok(Ok(_))) {
            tracing::warn!("a member could not leave its group: Kafka is away");
        }
    }
}

impl Drop for KafkaBus {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
    }
}

fn config(settings: &KafkaSettings, consumer: &dyn Consumer) -> ClientConfig {
    let mut config = settings.client();
    let session = settings.session_timeout.as_millis();
    let reset = match consumer.start() {
        Start::Oldest => "earliest",
        Start::Newest => "latest",
    };
    config
        .set("group.id", settings.group(consumer.name()))
        .set("auto.offset.reset", reset)
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        // Only what moves is taken away; whoever keeps a partition goes on.
        .set("partition.assignment.strategy", "cooperative-sticky")
        .set("session.timeout.ms", session.to_string())
        .set("heartbeat.interval.ms", (session / 3).max(1).to_string())
        // A topic that is made later is to be found soon.
        .set("topic.metadata.refresh.interval.ms", "10000");
    for (name, value) in [
        ("statistics.interval.ms", FIGURES_MS.to_string()),
        ("queued.max.messages.kbytes", "16384".to_owned()),
    ] {
        if config.get(name).is_none() {
            config.set(name, value);
        }
    }
    config
}
