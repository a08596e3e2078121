//! How many events a second one server publishes to Kafka, and how long one event is on its way to a consumer.
//!
//! `cargo bench -p frontrow-events-kafka --bench publish -- [kafka url] [events]`
//!
//! Events are those of reservations: three of each key in one batch of the log, so that each batch waits three times for
//! brokers. Beside it stands the floor, which travels between machines as figures do not: the same messages from the
//! library alone, all on their way at once, with no order beyond that of the library.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use frontrow_application::events::{Consumer, Handled, LoggedEvent, Start};
use frontrow_domain::Timestamp;
use frontrow_events_kafka::{
    BusParts, DeadLetterTopic, KafkaBus, KafkaPublisher, KafkaSettings, prepare_topics,
};
use frontrow_testkit::delivery::MemoryDelivery;
use frontrow_testkit::{ManualClock, SeededEntropy};
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, join_all, ready};
use rdkafka::ClientConfig;
use rdkafka::producer::{FutureProducer, FutureRecord};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use uuid::Uuid;

/// What a relay reads of the log at once.
const BATCH: usize = 2_000;
/// How many events a reservation has in a batch.
const EACH: u64 = 3;
/// How many events are sent one after the other, to see how long one takes.
const ALONE: usize = 300;
const NOW: Timestamp = Timestamp::from_micros(0);

/// An event as large as that of a hold of four seats.
fn event(key: u64, sequence: u64) -> LoggedEvent {
    let key = Uuid::from_u64_pair(key.wrapping_mul(0x9E37_79B9_7F4A_7C15), key);
    let body = format!(
        "{{\"type\":\"frontrow.reservation.created.v1\",\"data\":{{\"reservationId\":\"{key}\",\"userId\":\"{key}\",\
         \"concertId\":17,\"scheduleId\":170,\"seats\":[101,102,103,104],\"amount\":520000,\
         \"expiresAt\":\"2026-11-20T12:05:00Z\"}}}}"
    );
    LoggedEvent { position: 0, key, sequence, at: NOW, body }
}

fn events(count: u64) -> Vec<LoggedEvent> {
    (0..count).map(|number| event(number / EACH, number % EACH + 1)).collect()
}

async fn publish_all(publisher: &KafkaPublisher, events: &[LoggedEvent]) -> f64 {
    let begun = Instant::now();
    for batch in events.chunks(BATCH) {
        assert_eq!(publisher.handle(batch, NOW).await, Handled::all(batch), "all are taken");
    }
    events.len() as f64 / begun.elapsed().as_secs_f64()
}

async fn floor(url: &str, topic: &str, events: &[LoggedEvent]) -> f64 {
    let producer: FutureProducer = ClientConfig::new()
        .set("bootstrap.servers", url.trim_start_matches("kafka://"))
        .set("enable.idempotence", "true")
        .set("compression.type", "lz4")
        .set("linger.ms", "1")
        .create()
        .expect("a producer");
    let messages: Vec<(String, String)> = events
        .iter()
        .map(|event| (event.key.to_string(), event.to_cloud_event("bench").expect("an event")))
        .collect();
    let begun = Instant::now();
    for batch in messages.chunks(BATCH * 5) {
        let sent = batch.iter().map(|(key, payload)| {
            producer.send(FutureRecord::to(topic).key(key).payload(payload), Duration::from_mins(1))
        });
        for one in join_all(sent).await {
            one.expect("taken");
        }
    }
    events.len() as f64 / begun.elapsed().as_secs_f64()
}

/// Says when it is handed something.
struct Ears(UnboundedSender<Instant>);

impl Consumer for Ears {
    fn name(&self) -> &'static str {
        "ears"
    }

    fn start(&self) -> Start {
        Start::Newest
    }

    fn handle<'a>(&'a self, events: &'a [LoggedEvent], _: Timestamp) -> BoxFuture<'a, Handled> {
        // Nobody listens any more when the benchmark is at its end.
        let _ = self.0.send(Instant::now());
        ready(Handled::all(events)).boxed()
    }
}

/// How long events take that come one after the other, in order of duration.
async fn alone(settings: &KafkaSettings, publisher: &KafkaPublisher) -> Vec<Duration> {
    let (say, mut heard) = unbounded_channel();
    let clock = ManualClock::default();
    let parts = BusParts {
        undelivered: Arc::new(MemoryDelivery::default()),
        dead_letters: Arc::new(DeadLetterTopic::new(settings).expect("good settings")),
        entropy: Arc::new(SeededEntropy::new(clock.clone(), 1)),
        clock: Arc::new(clock),
    };
    let bus = KafkaBus::start(settings, parts, Arc::new(Ears(say))).expect("good settings");
    let mut taken = Vec::new();
    let mut number = 0;
    while taken.len() < ALONE {
        number += 1;
        let one = [event(u64::MAX - number, 1)];
        let begun = Instant::now();
        publisher.handle(&one, NOW).await;
        // The first ones are before it has its partitions.
        if let Ok(Some(at)) = tokio::time::timeout(Duration::from_millis(500), heard.recv()).await {
            taken.push(at.duration_since(begun));
        }
        while heard.try_recv().is_ok() {}
    }
    bus.stop().await;
    taken.sort_unstable();
    taken
}

#[tokio::main]
async fn main() {
    // Cargo says that it is a benchmark.
    let mut args = std::env::args().skip(1).filter(|arg| arg != "--bench");
    let url = args.next().unwrap_or_else(|| "kafka://127.0.0.1:9092".to_owned());
    let count = args.next().and_then(|arg| arg.parse().ok()).unwrap_or(300_000);
    let mut settings = KafkaSettings::new(&url).expect("the URL of a Kafka");
    settings.topic_prefix = format!("bench-{}.", std::process::id());
    settings.group_prefix.clone_from(&settings.topic_prefix);
    prepare_topics(&settings).await.expect("Kafka answers");
    let publisher = KafkaPublisher::new(&settings).expect("good settings");
    publish_all(&publisher, &events(BATCH as u64)).await;
    let all = events(count);
    for _ in 0..3 {
        let rate = publish_all(&publisher, &all).await;
        let floor = floor(&url, &settings.events_topic(), &all).await;
        println!("{rate:.0} events/s published; the library alone: {floor:.0}/s; {:.2} of it", rate / floor);
    }
    let taken = alone(&settings, &publisher).await;
    let at = |percent: usize| taken[(taken.len() - 1) * percent / 100];
    println!("one event to a consumer: p50 {:?}, p99 {:?}, of {}", at(50), at(99), taken.len());
}
