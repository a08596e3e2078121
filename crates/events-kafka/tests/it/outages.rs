//! Kafka killed, and publishers killed, in the middle of it: nothing is lost, and each key keeps its order.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use frontrow_application::events::{Consumer, Leases as _, Relay, RelayParts};
use frontrow_events_kafka::{KafkaBus, KafkaPublisher, KafkaSettings, prepare_topics};
use frontrow_testkit::clock::Dice;
use frontrow_testkit::delivery::{MemoryDelivery, Recorder};
use frontrow_testkit::services::OwnKafka;
use frontrow_testkit::{ManualClock, SeededEntropy, bounded};
use tokio::time::sleep;
use uuid::Uuid;

use crate::world::{
    Ends, Lines, OnTopic, all_on, assert_complete, events, parts, settings, settings_at, shared_url, until,
};

/// Servers that publish one log, one after the other or at once.
struct Servers {
    settings: KafkaSettings,
    log: Arc<Lines>,
    delivery: MemoryDelivery,
    clock: ManualClock,
}

impl Servers {
    fn of(settings: &KafkaSettings, log: &Arc<Lines>) -> Self {
        Self {
            settings: settings.clone(),
            log: Arc::clone(log),
            delivery: MemoryDelivery::default(),
            clock: ManualClock::default(),
        }
    }

    /// Publishes as a server does, until it is aborted.
    fn run(&self, owner: u128) -> tokio::task::JoinHandle<()> {
        let consumer: Arc<dyn Consumer> =
            Arc::new(KafkaPublisher::new(&self.settings).expect("good settings"));
        let parts = RelayParts {
            log: Arc::<Lines>::clone(&self.log),
            leases: Arc::new(self.delivery.clone()),
            undelivered: Arc::new(self.delivery.clone()),
            clock: Arc::new(self.clock.clone()),
            entropy: Arc::new(SeededEntropy::new(self.clock.clone(), 3)),
            owner: Uuid::from_u128(owner),
        };
        let relay = Relay::new(parts, consumer);
        tokio::spawn(async move {
            loop {
                relay.renew().await.expect("in memory");
                let pace = relay.tick().await.expect("in memory");
                if pace != frontrow_application::events::Pace::Busy {
                    sleep(Duration::from_millis(5)).await;
                }
            }
        })
    }

    /// How far all of the log is published.
    async fn mark(&self) -> u64 {
        let marks = self.delivery.marks().await.expect("in memory");
        marks.first().map_or(0, |mark| mark.position)
    }
}

/// The whole way: a log that grows, a relay, Kafka, a group. Kafka is not there at first, and is killed in the middle.
#[test]
fn kafka_away_for_a_while_loses_nothing_and_breaks_no_order() {
    bounded(async {
        let kafka = OwnKafka::new();
        let settings = settings_at(&kafka.url(), "outage");
        let log = Lines::of(events(100, 2));
        let servers = Servers::of(&settings, &log);
        let publishing = servers.run(1);
        let consumer = Recorder::new("recorder", 1);
        let (parts, _) = parts(&settings);
        let of_bus: Arc<dyn Consumer> = Arc::<Recorder>::clone(&consumer);
        let bus = KafkaBus::start(&settings, parts, of_bus).expect("it need not be there");
        sleep(Duration::from_millis(300)).await;
        assert_eq!(servers.mark().await, 0, "nobody has taken anything");
        kafka.start().await;
        until("the beginning is through", || async { consumer.seen().len() == 200 }).await;
        let is_over = Arc::new(AtomicBool::new(false));
        let selling = tokio::spawn({
            let (log, is_over) = (Arc::clone(&log), Arc::clone(&is_over));
            async move {
                let mut all = events(100, 400).into_iter().skip(200).peekable();
                while all.peek().is_some() {
                    log.add(all.by_ref().take(50).collect());
                    sleep(Duration::from_millis(5)).await;
                }
                is_over.store(true, Ordering::Release);
            }
        });
        until("it is in the middle", || async { 2_000 < consumer.seen().len() }).await;
        kafka.kill();
        let before = servers.mark().await;
        until("it was sold on without Kafka", || async {
            let end = frontrow_application::events::EventLog::log_end(&*log).await.expect("in memory");
            before + 3_000 < end
        })
        .await;
        sleep(Duration::from_secs(2)).await;
        kafka.start().await;
        selling.await.expect("no panic");
        assert!(is_over.load(Ordering::Acquire));
        until("all is through", || async { servers.mark().await == 40_000 }).await;
        until("all is seen", || async {
            crate::world::in_order(consumer.seen())
                .is_ok_and(|(last, _)| last.values().sum::<u64>() == 40_000)
        })
        .await;
        bus.stop().await;
        publishing.abort();
        assert_complete(consumer.seen(), 100, 400);
    });
}

/// Killed after it has sent, before its mark has moved, anywhere: whoever comes next begins at the mark.
#[test]
fn d14_a_publisher_that_is_killed_anywhere_loses_nothing_and_breaks_no_order() {
    bounded(async {
        let settings = settings("killed");
        prepare_topics(&settings).await.expect("made");
        let log = Lines::of(events(300, 30));
        let servers = Servers::of(&settings, &log);
        let ends = Ends::of(&settings, &shared_url());
        let mut dice = Dice::new(11);
        let mut owner = 0;
        while servers.mark().await < 9_000 {
            owner += 1;
            let enough = ends.sum().await + 1 + i64::from(dice.below(1_500));
            let server = servers.run(owner);
            until("some more is there, or all is through", || async {
                enough <= ends.sum().await || servers.mark().await == 9_000
            })
            .await;
            server.abort();
            let _ = server.await;
            // What it had is anybody's when it has been silent for as long as a lease.
            servers.clock.advance(11);
        }
        let found = all_on(&settings, &shared_url(), &settings.events_topic()).await;
        assert_complete(found.iter().map(OnTopic::event), 300, 30);
    });
}

/// A bus is told to end while Kafka is away: it does not wait for it.
#[test]
fn a_stop_does_not_wait_for_a_kafka_that_is_away() {
    bounded(async {
        let kafka = OwnKafka::new();
        kafka.start().await;
        let mut settings = settings_at(&kafka.url(), "stop");
        // So long would the library wait by itself.
        settings.session_timeout = Duration::from_mins(2);
        let log = Lines::of(events(10, 2));
        let publishing = Servers::of(&settings, &log).run(1);
        let consumer = Recorder::new("recorder", 1);
        let (parts, _) = parts(&settings);
        let of_bus: Arc<dyn Consumer> = Arc::<Recorder>::clone(&consumer);
        let bus = KafkaBus::start(&settings, parts, of_bus).expect("good settings");
        until("all is seen", || async { consumer.seen().len() == 20 }).await;
        kafka.kill();
        let stopped = tokio::time::timeout(Duration::from_mins(1), bus.stop()).await;
        assert!(stopped.is_ok(), "it waits for Kafka");
        publishing.abort();
    });
}
