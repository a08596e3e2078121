//! The dead-letter topic.

use std::sync::Arc;

use frontrow_application::events::{Consumer as _, DeadLetter, Delivery, LoggedEvent, Undelivered as _};
use frontrow_domain::Timestamp;
use frontrow_events_kafka::{
    DeadLetterTopic, KafkaPublisher, KafkaSettings, PUBLISHER, Replays, WithDeadLetterTopic, prepare_topics,
};
use frontrow_testkit::delivery::{DeliverySource, MemoryDelivery};
use frontrow_testkit::{ManualClock, SeededEntropy, bounded};
use uuid::Uuid;

use crate::world::{OnTopic, all_on, event, event_of, settings, shared_url, until};

fn letter(id: u128, event: LoggedEvent) -> DeadLetter {
    DeadLetter {
        id: Uuid::from_u128(id),
        consumer: "chat".to_owned(),
        event,
        tries: 8,
        reason: "answered 500".to_owned(),
        at: Timestamp::from_micros(1_500_000),
    }
}

async fn letters(settings: &KafkaSettings) -> Vec<OnTopic> {
    all_on(settings, &shared_url(), &settings.dead_letters_topic()).await
}

#[test]
fn a_letter_is_there_whole_with_its_reason() {
    bounded(async {
        let settings = settings("letters");
        prepare_topics(&settings).await.expect("made");
        let topic = DeadLetterTopic::new(&settings).expect("good settings");
        topic.publish(&letter(7, event(1, 3))).await.expect("sent");
        let found = letters(&settings).await;
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].event(), event(1, 3));
        for (name, value) in [
            ("frontrow-dead-letter", Uuid::from_u128(7).to_string()),
            ("frontrow-consumer", "chat".to_owned()),
            ("frontrow-event", event(1, 3).id()),
            ("frontrow-tries", "8".to_owned()),
            ("frontrow-reason", "answered 500".to_owned()),
            ("frontrow-since", "1970-01-01T00:00:01.5Z".to_owned()),
        ] {
            assert_eq!(found[0].headers[name], value);
        }
    });
}

#[test]
fn a_letter_that_is_too_large_says_what_it_leaves_out() {
    bounded(async {
        let settings = settings("large");
        prepare_topics(&settings).await.expect("made");
        let topic = DeadLetterTopic::new(&settings).expect("good settings");
        let large = event_of(1, 1, &format!("\"{}\"", "x".repeat(1_100_000)));
        topic.publish(&letter(1, large)).await.expect("sent");
        let found = letters(&settings).await;
        assert_eq!((found.len(), found[0].payload.as_str()), (1, ""));
        assert!(found[0].headers["frontrow-left-out"].contains("too large"), "{found:?}");
        assert_eq!(found[0].headers["frontrow-event"], event(1, 1).id());
    });
}

#[test]
fn what_is_buried_in_the_store_gets_a_copy() {
    bounded(async {
        let settings = settings("copies");
        prepare_topics(&settings).await.expect("made");
        let store = MemoryDelivery::default();
        let topic = Arc::new(DeadLetterTopic::new(&settings).expect("good settings"));
        let undelivered = WithDeadLetterTopic::new(Arc::new(store.clone()), topic);
        undelivered.bury(vec![letter(1, event(1, 1)), letter(2, event(2, 1))]).await.expect("buried");
        assert_eq!(store.count_dead_letters().await, Ok(2));
        until("both are on the topic", || async { letters(&settings).await.len() == 2 }).await;
    });
}

#[test]
fn a_replayed_letter_is_published() {
    bounded(async {
        let settings = settings("replayed");
        let store = MemoryDelivery::default();
        let entropy = Arc::new(SeededEntropy::new(ManualClock::default(), 5));
        let replays = Replays { undelivered: Arc::new(store.clone()), entropy };
        let publisher = KafkaPublisher::new(&settings).expect("good settings").with_replays(replays);
        let of_publisher = |id, event| DeadLetter { consumer: PUBLISHER.to_owned(), ..letter(id, event) };
        let hopeless = LoggedEvent { body: "no event".to_owned(), ..event(2, 1) };
        let letters = vec![of_publisher(1, event(1, 7)), of_publisher(2, hopeless)];
        store.bury(letters).await.expect("buried");
        let now = Timestamp::from_micros(2_000_000);
        for id in [1, 2] {
            assert_eq!(store.revive(Uuid::from_u128(id), now).await, Ok(true));
        }
        publisher.tend(now).await.expect("in memory");
        let found = all_on(&settings, &shared_url(), &settings.events_topic()).await;
        assert_eq!(found.iter().map(OnTopic::event).collect::<Vec<_>>(), [event(1, 7)]);
        assert_eq!(store.parked(PUBLISHER.to_owned()).await, Ok((0, None)), "nothing is left to be tried");
        let dead = store.dead_letters(None, 9).await.expect("in memory");
        assert_eq!(dead.iter().map(|letter| letter.event.key).collect::<Vec<_>>(), [event(2, 1).key]);
    });
}

/// Deliveries in memory with copies on Kafka.
struct Copied(MemoryDelivery, Arc<DeadLetterTopic>);

impl DeliverySource for Copied {
    fn open(&self) -> Arc<dyn Delivery> {
        Arc::new(WithDeadLetterTopic::new(self.0.open(), Arc::clone(&self.1)))
    }
}

fn copied() -> Copied {
    let topic = DeadLetterTopic::new(&settings("suite")).expect("good settings");
    Copied(MemoryDelivery::default(), Arc::new(topic))
}

/// Whoever has copies made keeps what the store promises: [`WithDeadLetterTopic`].
mod suite {
    frontrow_testkit::delivery_suite!(super::copied());
}
