//! The thread of a member of a group: asks the library, hands over, commits.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError, channel};
use std::time::{Duration, Instant};

use frontrow_application::events::{LoggedEvent, Start};
use parking_lot::Mutex;
use rdkafka::config::{FromClientConfigAndContext, RDKafkaLogLevel};
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _, ConsumerContext, Rebalance};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::message::{BorrowedMessage, Message as _};
use rdkafka::statistics::Statistics;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList, TopicPartitionListElem};
use rdkafka::{ClientConfig, ClientContext};
use tokio::runtime::Handle;
use tokio::sync::watch;

use crate::desk::{Desk, Record};
use crate::fault::Watch;
use crate::letters::Unreadable;
use crate::work::{Done, Work};

/// How many events are handed over at once.
const BATCH: usize = 500;
/// How many records may wait in memory. With more, nothing is fetched until there are half as many.
const WAITING_MAX: usize = 4 * BATCH;
/// How long the library is asked for when there is nothing to do, and when the consumer's answer is awaited.
const ASK_IDLE: Duration = Duration::from_millis(100);
const ASK_BUSY: Duration = Duration::from_millis(5);
/// How often offsets are committed at the most.
const COMMIT_EVERY: Duration = Duration::from_millis(100);
/// How often what is due without a new event is seen to, by the member that has the first partition.
const TEND_EVERY: Duration = Duration::from_secs(1);
/// How long a question to the brokers may take that something else waits for.
const ANSWER: Duration = Duration::from_secs(5);
/// How long a batch is waited for when its partition goes to another member, or at the end.
pub(crate) const FINISH: Duration = Duration::from_secs(5);
/// How long the last commit is waited for. What is not committed is handed over again.
pub(crate) const LAST_COMMIT: Duration = Duration::from_secs(2);
/// How long after an error that a client cannot go on after, and after a panic.
const AGAIN_AFTER: Duration = Duration::from_secs(1);
/// How often a consumer panics at an event before that is a dead letter.
const PANICS_MAX: u32 = 3;

/// How far a member has come in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    Runs,
    /// Nothing is at hand any more, and what was done is committed as far as that is possible.
    Finished,
    /// It is no member any more.
    Left,
}

/// What a thread and the library's calls back into it have in common. All of it happens on that thread.
pub(crate) struct Shared {
    topic: String,
    start: Start,
    watch: Watch,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    desk: Desk,
    /// The answer to what is at hand.
    answer: Option<Receiver<Done>>,
    /// When the next batch may begin.
    not_before: Option<Instant>,
    /// How often the consumer has panicked without dealing with anything in between.
    panics: u32,
    /// True while nothing is fetched.
    is_full: bool,
    /// How many commits are on their way.
    commits: usize,
}

impl Shared {
    pub(crate) fn new(topic: String, consumer: &str, start: Start) -> Self {
        Self { topic, start, watch: Watch::of(consumer), state: Mutex::default() }
    }

    /// Takes the consumer's answer, if there is one within that time.
    fn collect(&self, wait: Duration) {
        let mut state = self.state.lock();
        let Some(answer) = state.answer.take() else { return };
        let done = if wait.is_zero() {
            answer.try_recv().map_err(|error| error == TryRecvError::Disconnected)
        } else {
            answer.recv_timeout(wait).map_err(|error| error == RecvTimeoutError::Disconnected)
        };
        match done {
            Ok(Done::Through(through, pause)) => {
                state.desk.settle(through);
                state.panics = if through == 0 { state.panics } else { 0 };
                state.not_before = pause.map(|pause| Instant::now() + pause);
            }
            // A task that went without an answer is a runtime that is being closed.
            Ok(Done::Panicked) | Err(true) => {
                state.desk.settle(0);
                state.panics += 1;
                state.not_before = Some(Instant::now() + AGAIN_AFTER);
            }
            Err(false) => state.answer = Some(answer),
        }
    }

    /// Tells the group how far partitions are done, those given or all.
    fn commit<C: ConsumerContext>(&self, consumer: &BaseConsumer<C>, only: Option<&[i32]>, mode: CommitMode) {
        let news = self.state.lock().desk.tell(only);
        if news.is_empty() {
            return;
        }
        let list = self.list(news.iter().map(|(partition, offset)| (*partition, Offset::Offset(*offset))));
        let is_later = matches!(mode, CommitMode::Async);
        let result = consumer.commit(&list, mode);
        if result.is_ok() && is_later {
            self.state.lock().commits += 1;
        }
        if let Err(error) = result {
            let partitions: Vec<i32> = news.iter().map(|(partition, _)| *partition).collect();
            self.state.lock().desk.untold(&partitions);
            self.watch.complain(format!("offsets were not committed: {error}"));
        }
    }

    fn list(&self, entries: impl Iterator<Item = (i32, Offset)>) -> TopicPartitionList {
        let mut list = TopicPartitionList::new();
        for (partition, offset) in entries {
            if let Err(error) = list.add_partition_offset(&self.topic, partition, offset) {
                self.watch.complain(format!("offset {offset:?} of {partition}: {error}"));
            }
        }
        list
    }

    /// Has a new consumer begin with what happens from now on, and that noted: otherwise what happens until its first
    /// commit would be passed over when it starts again before that.
    fn begin_at_the_end<C: ConsumerContext>(&self, consumer: &BaseConsumer<C>, partitions: &[i32]) {
        let asked = self.list(partitions.iter().map(|partition| (*partition, Offset::Invalid)));
        let begun = consumer.committed_offsets(asked, ANSWER).and_then(|known| {
            let mut ends = Vec::new();
            for new in known.elements().iter().filter(|element| element.offset() == Offset::Invalid) {
                let (_, end) = consumer.fetch_watermarks(&self.topic, new.partition(), ANSWER)?;
                ends.push((new.partition(), Offset::Offset(end)));
            }
            if ends.is_empty() {
                return Ok(());
            }
            consumer.commit(&self.list(ends.into_iter()), CommitMode::Sync)
        });
        if let Err(error) = begun {
            self.watch.complain(format!("where to begin could not be noted: {error}"));
        }
    }

    /// Reads a record, or says why it is no event.
    fn read(&self, message: &BorrowedMessage<'_>) -> Record {
        let payload = message.payload().unwrap_or_default();
        let read = std::str::from_utf8(payload)
            .map_err(|error| error.to_string())
            .and_then(|text| LoggedEvent::from_cloud_event(text).map_err(|error| error.to_string()));
        read.map_or_else(
            |reason| {
                Record::Unreadable(Arc::new(Unreadable {
                    topic: self.topic.clone(),
                    partition: message.partition(),
                    offset: message.offset(),
                    at: message.timestamp().to_millis().unwrap_or_default(),
                    key: message.key().unwrap_or_default().to_vec(),
                    payload: payload.to_vec(),
                    reason,
                }))
            },
            Record::Event,
        )
    }
}

/// What the library calls back while it is asked.
struct Ears(Arc<Shared>);

impl ClientContext for Ears {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, line: &str) {
        self.0.watch.log(level, facility, line);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.0.watch.error(error, reason);
    }

    fn stats(&self, statistics: Statistics) {
        self.0.watch.stats(statistics);
    }
}

impl ConsumerContext for Ears {
    fn pre_rebalance(&self, consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        let shared = &self.0;
        let numbers = |list: &TopicPartitionList| -> Vec<i32> {
            list.elements().iter().map(TopicPartitionListElem::partition).collect()
        };
        match rebalance {
            Rebalance::Assign(list) => {
                let partitions = numbers(list);
                if shared.start == Start::Newest {
                    shared.begin_at_the_end(consumer, &partitions);
                }
                let mut state = shared.state.lock();
                state.desk.assigned(&partitions);
                // The new ones are fetched from. Whether that is too much is looked at again.
                state.is_full = false;
                drop(state);
                tracing::info!(consumer = shared.watch.whose(), ?partitions, "has partitions");
            }
            Rebalance::Revoke(list) => {
                let partitions = numbers(list);
                // What was lost by silence is another's already.
                if !consumer.assignment_lost() {
                    let is_at_hand = shared.state.lock().desk.is_busy_with(&partitions);
                    if is_at_hand {
                        shared.collect(FINISH);
                    }
                    shared.commit(consumer, Some(&partitions), CommitMode::Sync);
                }
                shared.state.lock().desk.revoked(&partitions);
                tracing::info!(consumer = shared.watch.whose(), ?partitions, "gives partitions back");
            }
            Rebalance::Error(error) => shared.watch.complain(error.to_string()),
        }
    }

    fn commit_callback(&self, result: KafkaResult<()>, offsets: &TopicPartitionList) {
        let mut state = self.0.state.lock();
        state.commits = state.commits.saturating_sub(1);
        drop(state);
        if let Err(error) = result {
            let partitions: Vec<i32> =
                offsets.elements().iter().map(TopicPartitionListElem::partition).collect();
            self.0.state.lock().desk.untold(&partitions);
            self.0.watch.complain(format!("offsets were not committed: {error}"));
        }
    }
}

pub(crate) struct Member {
    pub(crate) config: ClientConfig,
    pub(crate) shared: Arc<Shared>,
    pub(crate) work: Arc<Work>,
    pub(crate) runtime: Handle,
    pub(crate) stage: watch::Sender<Stage>,
}

impl Member {
    /// Attends to the group until it is stopped, with another client after an error that one cannot go on after.
    pub(crate) fn run(&self) {
        while !self.work.is_stopped() {
            if let Err(error) = self.attend() {
                self.shared.watch.complain(format!("joins the group again: {error}"));
                std::thread::park_timeout(AGAIN_AFTER);
            }
        }
        self.stage.send_replace(Stage::Left);
    }

    fn attend(&self) -> KafkaResult<()> {
        let ears = Ears(Arc::clone(&self.shared));
        let consumer: BaseConsumer<Ears> = BaseConsumer::from_config_and_context(&self.config, ears)?;
        consumer.subscribe(&[&self.shared.topic])?;
        let mut committed_at = Instant::now();
        let mut tended_at = Instant::now();
        while !self.work.is_stopped() {
            let has_more = match consumer.poll(self.patience()) {
                Some(Ok(message)) => {
                    let record = self.shared.read(&message);
                    self.shared.state.lock().desk.take_in(message.partition(), message.offset(), record);
                    true
                }
                Some(Err(error @ KafkaError::MessageConsumptionFatal(_))) => return Err(error),
                Some(Err(error)) => {
                    self.shared.watch.complain(error.to_string());
                    false
                }
                None => false,
            };
            self.shared.collect(Duration::ZERO);
            self.begin(has_more);
            self.keep_within_limits(&consumer)?;
            if COMMIT_EVERY <= committed_at.elapsed() {
                self.shared.commit(&consumer, None, CommitMode::Async);
                committed_at = Instant::now();
            }
            if TEND_EVERY <= tended_at.elapsed() {
                self.tend();
                tended_at = Instant::now();
            }
        }
        self.shared.collect(FINISH);
        // Not one that waits by itself: brokers that are away would be waited for as long as a session lasts.
        self.shared.commit(&consumer, None, CommitMode::Async);
        let end = Instant::now() + LAST_COMMIT;
        while self.shared.state.lock().commits > 0 && Instant::now() < end {
            // What is fetched now is nobody's.
            drop(consumer.poll(ASK_BUSY));
        }
        self.stage.send_replace(Stage::Finished);
        // Whoever is closed gives its partitions back, and is called for that. It waits for commits that are on their way.
        Ok(())
    }

    fn patience(&self) -> Duration {
        let state = self.shared.state.lock();
        match (state.desk.is_busy(), state.desk.waiting()) {
            (false, 0) => ASK_IDLE,
            (false, _) if state.not_before.is_none() => Duration::ZERO,
            _ => ASK_BUSY,
        }
    }

    /// Hands the next batch over, unless one is under way, a pause is on, or more comes in that can go with it.
    fn begin(&self, has_more: bool) {
        let mut state = self.shared.state.lock();
        if state.not_before.is_some_and(|at| Instant::now() < at) || has_more && state.desk.waiting() < BATCH
        {
            return;
        }
        state.not_before = None;
        let most = if state.panics == 0 { BATCH } else { 1 };
        let Some(batch) = state.desk.begin(most) else { return };
        let give_up = (PANICS_MAX <= state.panics).then_some("the consumer panicked");
        let (say, answer) = channel();
        state.answer = Some(answer);
        let work = Arc::clone(&self.work);
        self.runtime.spawn(async move {
            // Nobody listens any more when the group was left in the meantime.
            let _ = say.send(work.deal(batch, give_up).await);
        });
    }

    /// Has the consumer see to what is due without a new event, unless it still does.
    fn tend(&self) {
        if self.shared.state.lock().desk.partitions().first() == Some(&0) {
            let work = Arc::clone(&self.work);
            self.runtime.spawn(async move { work.tend().await });
        }
    }

    /// Stops fetching when too much waits, and goes on when there is room. The library is asked all the time.
    fn keep_within_limits(&self, consumer: &BaseConsumer<Ears>) -> KafkaResult<()> {
        let mut state = self.shared.state.lock();
        let waiting = state.desk.waiting();
        let is_full = if state.is_full { WAITING_MAX / 2 < waiting } else { WAITING_MAX <= waiting };
        if is_full == state.is_full {
            return Ok(());
        }
        state.is_full = is_full;
        let partitions = state.desk.partitions();
        drop(state);
        let list = self.shared.list(partitions.into_iter().map(|partition| (partition, Offset::Invalid)));
        if is_full { consumer.pause(&list) } else { consumer.resume(&list) }
    }
}
