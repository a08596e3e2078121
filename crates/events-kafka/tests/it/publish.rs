//! Publishing: what is on the topic is what was in the log, and what cannot be there holds nothing up.

use frontrow_application::events::{Consumer as _, Handled};
use frontrow_domain::Timestamp;
use frontrow_events_kafka::{KafkaPublisher, KafkaSettings, prepare_topics};
use frontrow_testkit::bounded;
use frontrow_testkit::clock::Dice;
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, AlterConfig, ResourceSpecifier};
use rdkafka::client::DefaultClientContext;

use crate::world::{OnTopic, all_on, assert_complete, event, event_of, events, settings, shared_url};

const NOW: Timestamp = Timestamp::from_micros(0);

fn publisher(settings: &KafkaSettings) -> KafkaPublisher {
    KafkaPublisher::new(settings).expect("good settings")
}

async fn published(settings: &KafkaSettings) -> Vec<OnTopic> {
    all_on(settings, &shared_url(), &settings.events_topic()).await
}

/// Text that does not become small when it is compressed.
fn noise(bytes: usize) -> String {
    let mut dice = Dice::new(7);
    let letters = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
    let noise: Vec<u8> = (0..bytes).map(|_| *dice.pick(letters).expect("there are some")).collect();
    format!("\"{}\"", String::from_utf8(noise).expect("letters"))
}

#[test]
fn events_are_published_as_they_were_committed_each_key_in_its_order() {
    bounded(async {
        let settings = settings("publish");
        let publisher = publisher(&settings);
        let all = events(300, 10);
        for batch in all.chunks(700) {
            assert_eq!(publisher.handle(batch, NOW).await, Handled::all(batch));
        }
        let found = published(&settings).await;
        let again = assert_complete(found.iter().map(OnTopic::event), 300, 10);
        assert_eq!(again, 0, "nothing went wrong, so nothing came twice");
        for record in &found {
            let event = record.event();
            let original = all.iter().find(|one| one.id() == event.id()).expect("it was in the log");
            assert_eq!(&event, original);
            assert_eq!(record.key, event.key.to_string());
            assert_eq!(record.at, event.at.millis());
            assert_eq!(record.headers["content-type"], "application/cloudevents+json; charset=utf-8");
            let of_key = found.iter().filter(|other| other.key == record.key);
            assert!(
                of_key.clone().all(|other| other.partition == record.partition),
                "a key is in one partition"
            );
        }
        let used: std::collections::BTreeSet<i32> = found.iter().map(|record| record.partition).collect();
        assert_eq!(used.len(), 6, "keys spread over all partitions");
    });
}

#[test]
fn what_kafka_cannot_take_becomes_a_dead_letter_and_holds_nothing_up() {
    bounded(async {
        let settings = settings("dead");
        let publisher = publisher(&settings);
        let mut batch = events(20, 4);
        batch[25] = event_of(6, 2, &noise(1_200_000));
        batch[43].body = "this was never written by a sale".to_owned();
        let handled = publisher.handle(&batch, NOW).await;
        assert_eq!(handled.through, batch.len());
        let dead: Vec<usize> = handled.dead.iter().map(|(place, _)| *place).collect();
        assert_eq!(dead, [25, 43]);
        assert!(handled.dead[0].1.contains("too large"), "{:?}", handled.dead[0]);
        assert!(handled.dead[1].1.contains("not an event"), "{:?}", handled.dead[1]);
        let found: Vec<_> = published(&settings).await.iter().map(OnTopic::event).collect();
        assert_eq!(found.len(), batch.len() - 2);
        let of_key = found.iter().filter(|one| one.key == batch[25].key).map(|one| one.sequence);
        assert_eq!(of_key.collect::<Vec<_>>(), [1, 3, 4], "the others of its key, in their order");
    });
}

/// Brokers refuse a batch with all that is in it: the innocent must not go with the culprit.
#[test]
fn a_refused_batch_costs_only_the_culprit() {
    bounded(async {
        let settings = settings("culprit");
        let publisher = publisher(&settings);
        let first = events(1, 1);
        assert_eq!(publisher.handle(&first, NOW).await, Handled::all(&first));
        // Now the topic takes less at once than the publisher knows of.
        let brokers = shared_url().replace("kafka://", "");
        let admin: AdminClient<DefaultClientContext> =
            ClientConfig::new().set("bootstrap.servers", brokers).create().expect("a client");
        let topic = settings.events_topic();
        let less = AlterConfig::new(ResourceSpecifier::Topic(&topic)).set("max.message.bytes", "3000");
        let done = admin.alter_configs([&less], &AdminOptions::new()).await.expect("asked");
        assert!(done.iter().all(Result::is_ok), "{done:?}");
        let filler = noise(500);
        let mut batch: Vec<_> = (1..=3)
            .flat_map(|number| (2..=60).map(move |key| (key, number)))
            .map(|(key, number)| event_of(key, number, &filler))
            .collect();
        let culprit = batch.len() / 2;
        batch[culprit] = event_of(2_000, 1, &noise(9_000));
        let handled = publisher.handle(&batch, NOW).await;
        assert_eq!(handled.through, batch.len());
        assert_eq!(handled.dead.iter().map(|(place, _)| *place).collect::<Vec<_>>(), [culprit]);
        let found = published(&settings).await;
        for (place, event) in batch.iter().enumerate().filter(|(place, _)| *place != culprit) {
            assert!(found.iter().any(|one| one.event().id() == event.id()), "{place} is missing");
        }
    });
}

#[test]
fn topics_are_made_as_they_are_set_and_looked_at_after_that() {
    bounded(async {
        let mut settings = settings("topics");
        settings.partitions = 3;
        let made = prepare_topics(&settings).await.expect("made");
        assert_eq!(made.partitions, 3);
        assert!(made.batch_bytes_max.is_some_and(|bytes| 1_000_000 < bytes), "{made:?}");
        let alone = |warning: &&String| warning.contains("is on one broker");
        assert_eq!(made.warnings.iter().filter(alone).count(), 2, "both, on one broker: {made:?}");
        assert_eq!(made.warnings.len(), 2, "{made:?}");
        settings.partitions = 5;
        let seen = prepare_topics(&settings).await.expect("seen");
        assert_eq!(seen.partitions, 3, "nothing is changed that is there");
        assert!(seen.warnings.iter().any(|warning| warning.contains("has 3 partitions, not 5")), "{seen:?}");
        settings.replication = 3;
        settings.topic_prefix = format!("more-{}", settings.topic_prefix);
        let said = prepare_topics(&settings).await.expect_err("there is one broker").to_string();
        assert!(said.contains("-events cannot be had") || said.contains("events cannot be had"), "{said}");
        assert!(said.to_lowercase().contains("replication"), "{said}");
    });
}

/// Two that publish the same at once, as it happens when a lease runs out: some comes twice, nothing out of order.
#[test]
fn two_publishers_of_the_same_never_break_the_order() {
    bounded(async {
        let settings = settings("two");
        let all = events(40, 25);
        let publish = |batch: usize| {
            let (settings, all) = (settings.clone(), all.clone());
            tokio::spawn(async move {
                let publisher = publisher(&settings);
                for events in all.chunks(batch) {
                    assert_eq!(publisher.handle(events, NOW).await, Handled::all(events));
                }
            })
        };
        let both = [publish(90), publish(170)];
        for one in both {
            one.await.expect("no panic");
        }
        let found = published(&settings).await;
        let again = assert_complete(found.iter().map(OnTopic::event), 40, 25);
        assert_eq!(again, all.len(), "each has published all");
    });
}

#[test]
fn an_event_of_a_key_with_many_goes_the_same_way() {
    bounded(async {
        let settings = settings("one-key");
        let batch: Vec<_> = (1..=200).map(|number| event(1, number)).collect();
        assert_eq!(publisher(&settings).handle(&batch, NOW).await, Handled::all(&batch));
        assert_eq!(assert_complete(published(&settings).await.iter().map(OnTopic::event), 1, 200), 0);
    });
}
