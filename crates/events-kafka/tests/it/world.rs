//! What tests have in common: where Kafka is, events, a log, and a look at a topic past the adapter.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;
use std::time::Duration;

use frontrow_application::events::{EventLog, LoggedEvent, Partitions};
use frontrow_application::store::Read;
use frontrow_domain::Timestamp;
use frontrow_events_kafka::{BusParts, DeadLetterTopic, KafkaSettings};
use frontrow_testkit::delivery::MemoryDelivery;
use frontrow_testkit::{ManualClock, SeededEntropy};
use futures_util::FutureExt as _;
use futures_util::future::ready;
use parking_lot::Mutex;
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::message::{Headers as _, Message as _};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

/// The longest that anything here may take. Nobody asserts it: it tells a hang from a failure.
const PATIENCE: Duration = Duration::from_secs(90);
/// Between two looks at a condition.
const LOOK: Duration = Duration::from_millis(20);

/// Waits for a condition, with a bound.
pub(crate) async fn until<F: Future<Output = bool>>(what: &str, mut holds: impl FnMut() -> F) {
    let end = Instant::now() + PATIENCE;
    while !holds().await {
        assert!(Instant::now() < end, "in vain: {what}");
        sleep(LOOK).await;
    }
}

/// The Kafka that `make services` starts.
#[expect(clippy::disallowed_methods, reason = "where the servers for tests are is no setting of ours")]
pub(crate) fn shared_url() -> String {
    match std::env::var("FRONTROW_TEST_KAFKA_URL") {
        Ok(url) if !url.is_empty() => url,
        _ => panic!(
            "FRONTROW_TEST_KAFKA_URL is not set: this test needs a real Kafka. Start the services and tell the shell of \
             them: make services && eval \"$(deploy/dev/services env)\""
        ),
    }
}

/// Settings with topics and groups of a test's own.
pub(crate) fn settings_at(url: &str, test: &str) -> KafkaSettings {
    let mut settings = KafkaSettings::new(url).expect("the URL of Kafka can be read");
    let prefix = format!("{test}-{:016x}.", RandomState::new().hash_one(test));
    settings.topic_prefix.clone_from(&prefix);
    settings.group_prefix = prefix;
    settings.partitions = 6;
    settings
}

pub(crate) fn settings(test: &str) -> KafkaSettings {
    settings_at(&shared_url(), test)
}

/// What a bus of a test runs on, and what it puts away.
pub(crate) fn parts(settings: &KafkaSettings) -> (BusParts, MemoryDelivery) {
    let delivery = MemoryDelivery::default();
    let clock = ManualClock::default();
    let parts = BusParts {
        undelivered: Arc::new(delivery.clone()),
        dead_letters: Arc::new(DeadLetterTopic::new(settings).expect("good settings")),
        entropy: Arc::new(SeededEntropy::new(clock.clone(), 1)),
        clock: Arc::new(clock),
    };
    (parts, delivery)
}

/// An event that says nothing but its number.
pub(crate) fn event(key: u128, sequence: u64) -> LoggedEvent {
    event_of(key, sequence, &format!("{{\"number\":{sequence}}}"))
}

pub(crate) fn event_of(key: u128, sequence: u64, data: &str) -> LoggedEvent {
    LoggedEvent {
        position: 0,
        // Keys of a test are not to fall into one partition together, nor always the same.
        key: Uuid::from_u128(key.wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835)),
        sequence,
        at: Timestamp::from_micros(
            ManualClock::EPOCH.micros() + i64::try_from(sequence).expect("few") * 1_000,
        ),
        body: format!("{{\"type\":\"frontrow.test.v1\",\"data\":{data}}}"),
    }
}

/// The first so many events of so many keys, in turns.
pub(crate) fn events(keys: u128, each: u64) -> Vec<LoggedEvent> {
    (1..=each).flat_map(|sequence| (1..=keys).map(move |key| event(key, sequence))).collect()
}

/// A log in memory.
#[derive(Default)]
pub(crate) struct Lines(Mutex<Vec<LoggedEvent>>);

impl Lines {
    pub(crate) fn of(events: Vec<LoggedEvent>) -> Arc<Self> {
        let log = Self::default();
        log.add(events);
        Arc::new(log)
    }

    pub(crate) fn add(&self, events: Vec<LoggedEvent>) {
        let mut lines = self.0.lock();
        for event in events {
            let position = lines.len() as u64 + 1;
            lines.push(LoggedEvent { position, ..event });
        }
    }
}

impl EventLog for Lines {
    fn events(&self, after: u64, partitions: Partitions, limit: usize) -> Read<'_, Vec<LoggedEvent>> {
        let lines = self.0.lock();
        let next = lines.iter().filter(|event| after < event.position && partitions.have(event.key));
        ready(Ok(next.take(limit).cloned().collect())).boxed()
    }

    fn log_end(&self) -> Read<'_, u64> {
        ready(Ok(self.0.lock().len() as u64)).boxed()
    }
}

/// A record as it is on a topic.
#[derive(Debug, Clone)]
pub(crate) struct OnTopic {
    pub(crate) partition: i32,
    pub(crate) key: String,
    pub(crate) payload: String,
    /// In milliseconds since the epoch.
    pub(crate) at: i64,
    pub(crate) headers: HashMap<String, String>,
}

impl OnTopic {
    pub(crate) fn event(&self) -> LoggedEvent {
        LoggedEvent::from_cloud_event(&self.payload).expect("an event")
    }
}

/// Everything that is on a topic, past the adapter, in order of each partition.
pub(crate) async fn all_on(settings: &KafkaSettings, url: &str, topic: &str) -> Vec<OnTopic> {
    let (url, topic, partitions) = (url.to_owned(), topic.to_owned(), i32::from(settings.partitions));
    tokio::task::spawn_blocking(move || read_all(&url, &topic, partitions)).await.expect("no panic")
}

fn read_all(url: &str, topic: &str, partitions: i32) -> Vec<OnTopic> {
    let brokers = url.trim_start_matches("kafka://");
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("group.id", "past-the-adapter")
        .set("enable.partition.eof", "true")
        .set("enable.auto.commit", "false")
        .create()
        .expect("a consumer");
    let mut list = TopicPartitionList::new();
    for partition in 0..partitions {
        list.add_partition_offset(topic, partition, Offset::Beginning).expect("added");
    }
    consumer.assign(&list).expect("assigned");
    let mut found = Vec::new();
    let mut ends = 0;
    let end = std::time::Instant::now() + PATIENCE;
    while ends < partitions {
        assert!(std::time::Instant::now() < end, "{topic} cannot be read to its end");
        match consumer.poll(Duration::from_millis(200)) {
            Some(Err(KafkaError::PartitionEOF(_))) => ends += 1,
            Some(Ok(message)) => {
                let text =
                    |bytes: Option<&[u8]>| String::from_utf8_lossy(bytes.unwrap_or_default()).into_owned();
                let headers = message.headers().map(|headers| {
                    headers.iter().map(|header| (header.key.to_owned(), text(header.value))).collect()
                });
                found.push(OnTopic {
                    partition: message.partition(),
                    key: text(message.key()),
                    payload: text(message.payload()),
                    at: message.timestamp().to_millis().expect("it has one"),
                    headers: headers.unwrap_or_default(),
                });
            }
            Some(Err(error)) => panic!("{topic}: {error}"),
            None => {}
        }
    }
    found
}

/// The ends of the partitions of the topic of events, to see how much is there without reading it.
pub(crate) struct Ends {
    client: Arc<BaseConsumer>,
    topic: String,
    partitions: i32,
}

impl Ends {
    pub(crate) fn of(settings: &KafkaSettings, url: &str) -> Self {
        let brokers = url.trim_start_matches("kafka://");
        let client = ClientConfig::new().set("bootstrap.servers", brokers).create().expect("a client");
        let partitions = i32::from(settings.partitions);
        Self { client: Arc::new(client), topic: settings.events_topic(), partitions }
    }

    /// How many events there are.
    pub(crate) async fn sum(&self) -> i64 {
        let (client, topic, partitions) = (Arc::clone(&self.client), self.topic.clone(), self.partitions);
        let asked = tokio::task::spawn_blocking(move || {
            // A topic that was just made has no leader for a moment, and nothing on it.
            let end =
                |partition| client.fetch_watermarks(&topic, partition, PATIENCE).map_or(0, |(_, end)| end);
            (0..partitions).map(end).sum()
        });
        asked.await.expect("no panic")
    }
}

/// Reads like a consumer that drops the numbers that it has passed, and fails when one is missing. Answers how many
/// events there are of each key, and how often one came again.
pub(crate) fn in_order(
    events: impl IntoIterator<Item = LoggedEvent>,
) -> Result<(HashMap<Uuid, u64>, usize), String> {
    let mut last: HashMap<Uuid, u64> = HashMap::new();
    let mut again = 0;
    for event in events {
        let last = last.entry(event.key).or_default();
        if event.sequence <= *last {
            again += 1;
        } else if event.sequence == *last + 1 {
            *last = event.sequence;
        } else {
            return Err(format!("{} came after {last}", event.id()));
        }
    }
    Ok((last, again))
}

/// Fails unless each of so many keys has so many events, in order and without a gap.
pub(crate) fn assert_complete(found: impl IntoIterator<Item = LoggedEvent>, keys: usize, each: u64) -> usize {
    let (last, again) = in_order(found).expect("in order of each key, without a gap");
    assert_eq!(last.len(), keys, "keys");
    assert!(last.values().all(|last| *last == each), "each key has its {each} events: {last:?}");
    again
}

/// The control of all tests here: what they look with does see a gap and a wrong order.
#[test]
fn a_gap_and_a_wrong_order_are_seen() {
    let all = |numbers: &[u64]| in_order(numbers.iter().map(|number| event(1, *number)));
    assert_eq!(all(&[1, 2, 1, 2, 3]).expect("in order").1, 2);
    assert!(all(&[1, 3]).is_err());
    assert!(all(&[2, 1]).is_err());
    assert!(all(&[1, 2, 4, 3]).is_err());
}
