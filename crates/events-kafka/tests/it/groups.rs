//! Consumers on a group: everything once as long as nothing breaks, at least once whatever breaks, and nobody waits for
//! what cannot be dealt with.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use frontrow_application::events::{Consumer, Handled, LoggedEvent, Start, Undelivered as _};
use frontrow_domain::Timestamp;
use frontrow_events_kafka::{BusParts, KafkaBus, KafkaPublisher, KafkaSettings, prepare_topics};
use frontrow_testkit::bounded;
use frontrow_testkit::delivery::{MemoryDelivery, Recorder};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use rdkafka::ClientConfig;
use rdkafka::producer::{FutureProducer, FutureRecord};
use uuid::Uuid;

use crate::world::{all_on, assert_complete, event, events, parts, settings, shared_url, until};

const NOW: Timestamp = Timestamp::from_micros(0);

fn bus<C: Consumer>(settings: &KafkaSettings, parts: &BusParts, consumer: &Arc<C>) -> KafkaBus {
    let consumer: Arc<dyn Consumer> = Arc::<C>::clone(consumer);
    KafkaBus::start(settings, parts.clone(), consumer).expect("good settings")
}

async fn publish(settings: &KafkaSettings, batch: &[LoggedEvent]) {
    let publisher = KafkaPublisher::new(settings).expect("good settings");
    assert_eq!(publisher.handle(batch, NOW).await, Handled::all(batch));
}

async fn until_seen(consumer: &Recorder, count: usize) {
    until("all is seen", || async { count <= consumer.seen().len() }).await;
}

/// The effect of events, in one place for all members: once for each, as a table of what was processed does it.
#[derive(Default)]
struct Effects {
    last: Mutex<HashMap<Uuid, u64>>,
    again: AtomicUsize,
}

impl Effects {
    fn take(&self, event: &LoggedEvent) {
        let mut last = self.last.lock();
        let last = last.entry(event.key).or_default();
        if event.sequence <= *last {
            self.again.fetch_add(1, Ordering::Relaxed);
            return;
        }
        assert_eq!(event.sequence, *last + 1, "{} is out of order", event.id());
        *last = event.sequence;
    }

    fn count(&self) -> u64 {
        self.last.lock().values().sum()
    }
}

/// A member whose effects are shared, and that takes its time.
struct Member {
    effects: Arc<Effects>,
    seen: AtomicUsize,
    wait: Duration,
}

impl Member {
    fn of(effects: &Arc<Effects>, wait: Duration) -> Arc<Self> {
        Arc::new(Self { effects: Arc::clone(effects), seen: AtomicUsize::new(0), wait })
    }
}

impl Consumer for Member {
    fn name(&self) -> &'static str {
        "member"
    }

    fn start(&self) -> Start {
        Start::Oldest
    }

    fn handle<'a>(&'a self, events: &'a [LoggedEvent], _: Timestamp) -> BoxFuture<'a, Handled> {
        async move {
            tokio::time::sleep(self.wait).await;
            for event in events {
                self.effects.take(event);
            }
            self.seen.fetch_add(events.len(), Ordering::Relaxed);
            Handled::all(events)
        }
        .boxed()
    }
}

/// Members come and go in the middle of it: each event has its effect once, and none is handed over twice, because who
/// gives a partition back finishes and commits first.
#[test]
fn partitions_go_from_member_to_member_with_nothing_lost_or_twice() {
    bounded(async {
        let settings = settings("rebalance");
        let (parts, _) = parts(&settings);
        prepare_topics(&settings).await.expect("made");
        // It goes on for as long as members come and go, however long that takes here.
        let is_over = Arc::new(AtomicBool::new(false));
        let publishing = tokio::spawn({
            let (settings, is_over) = (settings.clone(), Arc::clone(&is_over));
            async move {
                let publisher = KafkaPublisher::new(&settings).expect("good settings");
                let mut sent = 0_u64;
                for batch in events(200, 600).chunks(100) {
                    if is_over.load(Ordering::Acquire) {
                        break;
                    }
                    assert_eq!(publisher.handle(batch, NOW).await, Handled::all(batch));
                    sent += batch.len() as u64;
                    tokio::time::sleep(Duration::from_millis(40)).await;
                }
                sent
            }
        });
        let effects = Arc::new(Effects::default());
        let members: Vec<_> = (0..3).map(|_| Member::of(&effects, Duration::from_millis(15))).collect();
        let first = bus(&settings, &parts, &members[0]);
        let works = |member: &Arc<Member>| 0 < member.seen.load(Ordering::Relaxed);
        until("the first works", || async { works(&members[0]) }).await;
        let others = [bus(&settings, &parts, &members[1]), bus(&settings, &parts, &members[2])];
        until("the others work", || async { works(&members[1]) && works(&members[2]) }).await;
        first.stop().await;
        let left = effects.count();
        until("those that stay go on", || async { left < effects.count() }).await;
        is_over.store(true, Ordering::Release);
        let published = publishing.await.expect("no panic");
        until("all has had its effect", || async { effects.count() == published }).await;
        for one in others {
            one.stop().await;
        }
        assert_eq!(effects.again.load(Ordering::Relaxed), 0, "nothing broke, so nothing came twice");
    });
}

/// A handler takes longer than the library lets a member be silent: the member goes on asking meanwhile.
#[test]
fn a_slow_consumer_stays_in_its_group() {
    bounded(async {
        let mut settings = settings("slow");
        // What comes from several partitions comes in several batches, and each takes its time.
        settings.partitions = 1;
        settings.session_timeout = Duration::from_secs(2);
        settings.properties.insert("max.poll.interval.ms".to_owned(), "2500".to_owned());
        publish(&settings, &events(10, 3)).await;
        let (parts, _) = parts(&settings);
        let effects = Arc::new(Effects::default());
        let member = Member::of(&effects, Duration::from_secs(4));
        let bus = bus(&settings, &parts, &member);
        until("all is dealt with", || async { effects.count() == 30 }).await;
        bus.stop().await;
        assert_eq!(effects.again.load(Ordering::Relaxed), 0);
    });
}

#[test]
fn what_was_not_dealt_with_comes_again_and_what_was_does_not() {
    bounded(async {
        let mut settings = settings("again");
        settings.partitions = 1;
        publish(&settings, &events(1, 50)).await;
        let (parts, _) = parts(&settings);
        let first = Recorder::new("recorder", 1);
        let long = Some(Duration::from_mins(10));
        first.answer([
            Handled { through: 0, dead: Vec::new(), pause: Some(Duration::from_millis(50)) },
            Handled { through: 20, dead: Vec::new(), pause: long },
        ]);
        let one = bus(&settings, &parts, &first);
        until_seen(&first, 20).await;
        one.stop().await;
        assert_eq!(first.seen().len(), 20, "it was not asked again during its pause");
        let second = Recorder::new("recorder", 1);
        let two = bus(&settings, &parts, &second);
        until_seen(&second, 30).await;
        two.stop().await;
        let sequences: Vec<u64> = second.seen().iter().map(|event| event.sequence).collect();
        assert_eq!(sequences, (21..=50).collect::<Vec<_>>());
    });
}

#[test]
fn a_poison_event_goes_to_the_dead_letters_and_blocks_nothing() {
    bounded(async {
        let mut settings = settings("poison");
        settings.partitions = 1;
        publish(&settings, &events(1, 3)).await;
        let brokers = shared_url().replace("kafka://", "");
        let producer: FutureProducer =
            ClientConfig::new().set("bootstrap.servers", brokers).create().expect("a producer");
        for payload in ["{\"specversion\":\"0.9\"}", "\u{1F480}", ""] {
            let topic = settings.events_topic();
            let record = FutureRecord::to(&topic).key("somebody").payload(payload);
            producer.send(record, Duration::from_secs(20)).await.expect("sent");
        }
        publish(&settings, &[event(1, 4), event(2, 1)]).await;
        let (parts, delivery) = parts(&settings);
        let consumer = Recorder::new("recorder", 1);
        consumer.answer([Handled { through: 3, dead: vec![(1, "makes no sense".to_owned())], pause: None }]);
        let one = bus(&settings, &parts, &consumer);
        until_seen(&consumer, 5).await;
        one.stop().await;
        let buried = delivery.dead_letters(None, 10).await.expect("there");
        let mut reasons: Vec<(String, String)> =
            buried.iter().map(|letter| (letter.event.kind(), letter.reason.clone())).collect();
        reasons.reverse();
        assert_eq!(reasons[0], ("frontrow.test.v1".to_owned(), "makes no sense".to_owned()));
        assert_eq!(reasons.len(), 4);
        assert!(reasons[1..].iter().all(|(kind, _)| kind == "frontrow.kafka.unreadable"), "{reasons:?}");
        assert!(buried[1].event.body.contains('\u{1F480}'), "the whole record: {}", buried[1].event.body);
        let on_topic = all_on(&settings, &shared_url(), &settings.dead_letters_topic()).await;
        assert_eq!(on_topic.len(), 4);
        assert_eq!(on_topic[0].event(), event(1, 2));
        assert_eq!(on_topic[1].payload, "{\"specversion\":\"0.9\"}");
        assert_eq!(on_topic[1].headers["frontrow-offset"], "3");
        let next = Recorder::new("recorder", 1);
        let two = bus(&settings, &parts, &next);
        publish(&settings, &[event(2, 2)]).await;
        until_seen(&next, 1).await;
        two.stop().await;
        assert_eq!(next.seen(), [event(2, 2)], "nothing of before comes again");
        assert_eq!(delivery.count_dead_letters().await, Ok(4));
    });
}

/// Panics at one event, and counts what it is handed.
struct Touchy {
    at: String,
    seen: Mutex<Vec<LoggedEvent>>,
}

impl Consumer for Touchy {
    fn name(&self) -> &'static str {
        "touchy"
    }

    fn start(&self) -> Start {
        Start::Oldest
    }

    fn handle<'a>(&'a self, events: &'a [LoggedEvent], _: Timestamp) -> BoxFuture<'a, Handled> {
        async move {
            assert!(events.iter().all(|event| event.id() != self.at), "not that one");
            self.seen.lock().extend_from_slice(events);
            Handled::all(events)
        }
        .boxed()
    }
}

#[test]
fn an_event_that_a_consumer_panics_at_becomes_a_dead_letter() {
    bounded(async {
        let mut settings = settings("panic");
        settings.partitions = 1;
        publish(&settings, &events(4, 2)).await;
        let (parts, delivery): (_, MemoryDelivery) = parts(&settings);
        let consumer = Arc::new(Touchy { at: event(2, 1).id(), seen: Mutex::default() });
        let bus = bus(&settings, &parts, &consumer);
        until("the others are seen", || async { consumer.seen.lock().len() == 7 }).await;
        bus.stop().await;
        let buried = delivery.dead_letters(None, 10).await.expect("there");
        assert_eq!(buried.len(), 1);
        assert_eq!(
            (buried[0].event.clone(), buried[0].reason.as_str()),
            (event(2, 1), "the consumer panicked")
        );
    });
}

#[test]
fn who_is_new_begins_with_the_oldest_or_with_what_is_new() {
    bounded(async {
        let settings = settings("start");
        publish(&settings, &events(20, 2)).await;
        let (parts, _) = parts(&settings);
        let oldest = Recorder::starting("oldest", 1, Start::Oldest);
        let newest = Recorder::starting("newest", 1, Start::Newest);
        let buses = [bus(&settings, &parts, &oldest), bus(&settings, &parts, &newest)];
        until_seen(&oldest, 40).await;
        // From when on it is there nobody is told, so it is shown something until it sees it.
        until("the newest sees what is new", || async {
            let batch: Vec<_> = (1..=20).map(|key| event(key + 1_000, 1)).collect();
            publish(&settings, &batch).await;
            !newest.seen().is_empty()
        })
        .await;
        for one in buses {
            one.stop().await;
        }
        let old: Vec<Uuid> = events(20, 1).iter().map(|event| event.key).collect();
        assert!(
            newest.seen().iter().all(|event| !old.contains(&event.key)),
            "it has seen what was before it"
        );
        // What happens while it is away is not passed over.
        let missed: Vec<_> = (1..=20).map(|key| event(key + 2_000, 1)).collect();
        publish(&settings, &missed).await;
        let again = Recorder::starting("newest", 1, Start::Newest);
        let one = bus(&settings, &parts, &again);
        let keys: Vec<Uuid> = missed.iter().map(|event| event.key).collect();
        let has_all = || again.seen().iter().filter(|event| keys.contains(&event.key)).count() == 20;
        until("what it has missed is there", || async { has_all() }).await;
        one.stop().await;
        assert_complete(oldest.seen().into_iter().filter(|event| old.contains(&event.key)), 20, 2);
    });
}

/// A topic that nobody has made yet is waited for.
#[test]
fn a_consumer_that_was_there_before_its_topic_gets_everything() {
    bounded(async {
        let settings = settings("early");
        let (parts, _) = parts(&settings);
        let consumer = Recorder::new("recorder", 1);
        let bus = bus(&settings, &parts, &consumer);
        publish(&settings, &events(10, 2)).await;
        until_seen(&consumer, 20).await;
        bus.stop().await;
        assert_eq!(assert_complete(consumer.seen(), 10, 2), 0);
    });
}
