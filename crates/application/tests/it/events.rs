//! Events on their way, with the store and everything else in memory.

use std::sync::Arc;
use std::time::Duration;

use frontrow_application::events::{
    Consumer, Handled, LoggedEvent, Pace, Partitions, PostResult, Relay, RelayParts, Subscriber,
    SubscriberParts, Undelivered as _, Webhook, WebhookSecret, WebhookStatus, Webhooks as _,
};
use frontrow_application::store::Reads;
use frontrow_domain::records::Keys;
use frontrow_domain::reservation::Reservation;
use frontrow_testkit::conformance::bench::Bench;
use frontrow_testkit::delivery::{DeliverySource, MemoryDelivery, Receivers, Recorder};
use frontrow_testkit::memory::MemoryFactory;
use frontrow_testkit::store::apply;
use frontrow_testkit::{ManualClock, SeededEntropy, Stage, bounded, samples};
use uuid::Uuid;

const URL: &str = "https://partner.example/hook";
const DAY: u32 = 86_400;

/// A store with deliveries, and nobody who is told of anything yet.
struct World {
    bench: Bench<MemoryFactory>,
    delivery: MemoryDelivery,
    receivers: Arc<Receivers>,
    entropy: SeededEntropy,
}

impl World {
    fn open() -> Self {
        let bench = Bench::open(MemoryFactory::new());
        let entropy = SeededEntropy::new(bench.clock.clone(), 7);
        Self { bench, delivery: MemoryDelivery::default(), receivers: Arc::default(), entropy }
    }

    /// Commits events, as pairs of key and sequence.
    async fn write(&self, events: &[(u64, u64)]) {
        let events: Vec<_> = events.iter().map(|(key, sequence)| samples::event(*key, *sequence)).collect();
        apply(self.bench.store(), Keys::default(), move |records, _| {
            records.events.add_all(events.clone());
            Ok(())
        })
        .await;
    }

    fn relay(&self, owner: u128, consumer: Arc<dyn Consumer>) -> Relay {
        let delivery = self.delivery.open();
        let reads: Arc<dyn Reads> = Arc::clone(&self.bench.opened().reads);
        let parts = RelayParts {
            log: reads,
            leases: Arc::new(self.delivery.clone()),
            undelivered: delivery,
            clock: Arc::new(self.bench.clock.clone()),
            entropy: Arc::new(self.entropy.clone()),
            owner: Uuid::from_u128(owner),
        };
        Relay::new(parts, consumer)
    }

    async fn subscriber(&self, types: &[&str]) -> Arc<Subscriber> {
        let webhook = Webhook {
            id: Uuid::from_u128(77),
            url: URL.to_owned(),
            description: String::new(),
            types: types.iter().map(ToString::to_string).collect(),
            secret: WebhookSecret(vec![1; 32]),
            status: WebhookStatus::On,
            created_at: ManualClock::EPOCH,
            version: 1,
        };
        self.delivery.add_webhook(webhook.clone()).await.expect("kept");
        let parts = SubscriberParts {
            delivery: self.delivery.open(),
            courier: Arc::<Receivers>::clone(&self.receivers),
            clock: Arc::new(self.bench.clock.clone()),
            entropy: Arc::new(self.entropy.clone()),
            source: "frontrow".to_owned(),
        };
        Arc::new(Subscriber::new(parts, webhook))
    }

    async fn status(&self) -> WebhookStatus {
        self.delivery.webhook(Uuid::from_u128(77)).await.expect("read").expect("it is there").status
    }
}

/// Ticks until nothing is left, waiting out pauses on the clock; at most so many times.
async fn drain(world: &World, relay: &Relay, ticks: u32) {
    for _ in 0..ticks {
        relay.renew().await.expect("renewed");
        match relay.tick().await.expect("a tick") {
            Pace::Idle => return,
            Pace::Busy => {}
            Pace::Pause(pause) => {
                world.bench.clock.advance(u32::try_from(pause.as_secs()).expect("short").max(1));
                relay.tend().await.expect("tended");
            }
        }
    }
}

fn places(events: &[LoggedEvent]) -> Vec<(Uuid, u64)> {
    events.iter().map(|event| (event.key, event.sequence)).collect()
}

fn id(key: u64, sequence: u64) -> String {
    format!("{}-{sequence}", samples::uuid(key))
}

#[test]
fn a_consumer_gets_everything_in_order_and_once() {
    bounded(async {
        let world = World::open();
        world.write(&[(1, 1), (2, 1), (1, 2)]).await;
        let recorder = Recorder::new("r", 4);
        let relay = world.relay(1, recorder.clone());
        assert_eq!(relay.tick().await, Ok(Pace::Idle), "nothing without a share of the log");
        drain(&world, &relay, 5).await;
        world.write(&[(1, 3)]).await;
        drain(&world, &relay, 5).await;
        let all = world.bench.reads().events(0, Partitions::ALL, 10).await.expect("read");
        assert_eq!(places(&recorder.seen()), places(&all));
        // After a restart it goes on where it was.
        let again = Recorder::new("r", 4);
        drain(&world, &world.relay(1, again.clone()), 5).await;
        assert_eq!(places(&again.seen()), []);
    });
}

#[test]
fn what_was_not_dealt_with_comes_again() {
    bounded(async {
        let world = World::open();
        world.write(&[(1, 1), (2, 1), (3, 1)]).await;
        let recorder = Recorder::new("r", 1);
        recorder.answer([
            Handled { through: 1, ..Handled::default() },
            Handled { through: 0, pause: Some(Duration::from_secs(9)), ..Handled::default() },
        ]);
        let relay = world.relay(1, recorder.clone());
        relay.renew().await.expect("renewed");
        assert_eq!(relay.tick().await, Ok(Pace::Busy));
        assert_eq!(relay.tick().await, Ok(Pace::Pause(Duration::from_secs(9))));
        drain(&world, &relay, 5).await;
        assert_eq!(recorder.seen().len(), 3, "each once");
    });
}

#[test]
fn bug_30_a_poisonous_event_becomes_a_dead_letter_and_blocks_nothing() {
    bounded(async {
        let world = World::open();
        world.write(&[(1, 1), (2, 1), (3, 1)]).await;
        let recorder = Recorder::new("r", 1);
        recorder.answer([Handled { through: 3, dead: vec![(1, "poison".to_owned())], pause: None }]);
        drain(&world, &world.relay(1, recorder.clone()), 5).await;
        let letters = world.delivery.dead_letters(None, 10).await.expect("read");
        let found: Vec<_> = letters.iter().map(|letter| (letter.event.key, letter.reason.as_str())).collect();
        assert_eq!(found, [(samples::uuid(2), "poison")]);
        assert_eq!(letters[0].consumer, "r");
    });
}

/// Two instances over one log, of which one stands still for longer than its lease and then goes on: its events may come
/// again, but nobody's order is broken for who drops the numbers that they have passed.
#[test]
fn two_relays_at_once_never_break_the_order_of_a_key() {
    bounded(async {
        let world = World::open();
        let (one, two) = (Recorder::new("r", 8), Recorder::new("r", 8));
        let (first, second) = (world.relay(1, one.clone()), world.relay(2, two.clone()));
        for round in 1..=40 {
            let events: Vec<(u64, u64)> = (1..=9).map(|key| (key, round)).collect();
            world.write(&events).await;
            // The first does not renew in the middle of the night, and ticks on all the same.
            if !(10..25).contains(&round) {
                first.renew().await.expect("renewed");
            }
            second.renew().await.expect("renewed");
            first.tick().await.expect("a tick");
            second.tick().await.expect("a tick");
            world.bench.clock.advance(1);
        }
        drain(&world, &first, 9).await;
        drain(&world, &second, 9).await;
        let mut seen = one.seen();
        seen.extend(two.seen());
        assert!(!one.seen().is_empty() && !two.seen().is_empty(), "both have had a share");
        for key in 1..=9 {
            let key = samples::uuid(key);
            let numbers: std::collections::BTreeSet<u64> =
                seen.iter().filter(|event| event.key == key).map(|event| event.sequence).collect();
            assert_eq!(numbers, (1..=40).collect(), "no gap");
            for recorder in [&one, &two] {
                let mut passed = 0;
                for event in recorder.seen().iter().filter(|event| event.key == key) {
                    assert!(event.sequence > passed, "{} after {passed}", event.sequence);
                    passed = event.sequence;
                }
            }
        }
    });
}

#[test]
fn a_webhook_is_told_of_the_types_that_it_wants() {
    bounded(async {
        let world = World::open();
        world.write(&[(9, 1)]).await;
        let wanted = world.subscriber(&["frontrow.wallet.charged.v1"]).await;
        let relay = world.relay(1, wanted);
        relay.renew().await.expect("renewed");
        world.write(&[(1, 1), (2, 1)]).await;
        drain(&world, &relay, 9).await;
        assert_eq!(world.receivers.taken(URL), [id(1, 1), id(2, 1)], "what happens from now on");
        let message = &world.receivers.messages()[0];
        let names: Vec<&str> = message.headers.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, ["webhook-id", "webhook-timestamp", "webhook-signature"]);
        assert!(message.body.contains("\"type\":\"frontrow.wallet.charged.v1\""), "{}", message.body);
        let attempts = world.delivery.attempts(Uuid::from_u128(77), None, 10).await.expect("read");
        assert!(attempts.iter().all(|attempt| attempt.http_status == Some(200) && attempt.reason.is_empty()));
        assert_eq!(attempts.len(), 2);
    });
}

#[test]
fn a_webhook_is_not_told_of_other_types() {
    bounded(async {
        let world = World::open();
        let relay = world.relay(1, world.subscriber(&["frontrow.payment.completed.v1"]).await);
        relay.renew().await.expect("renewed");
        world.write(&[(1, 1), (2, 1)]).await;
        drain(&world, &relay, 9).await;
        assert!(world.receivers.messages().is_empty());
    });
}

/// A message that its receiver chokes on waits with what follows of its key; others go on, and at last it is a dead
/// letter, which can be tried again.
#[test]
fn an_event_that_a_receiver_chokes_on_blocks_only_its_key() {
    bounded(async {
        let world = World::open();
        let relay = world.relay(1, world.subscriber(&[]).await);
        relay.renew().await.expect("renewed");
        world.receivers.choke_on(&format!("\"id\":\"{}\"", id(1, 1)));
        world.write(&[(1, 1), (2, 1), (1, 2), (3, 1)]).await;
        drain(&world, &relay, 20).await;
        world.write(&[(1, 3), (2, 2)]).await;
        drain(&world, &relay, 20).await;
        assert_eq!(world.receivers.taken(URL), [id(2, 1), id(3, 1), id(2, 2)]);
        assert_eq!(world.delivery.parked(relay.consumer().name().to_owned()).await.expect("read").0, 3);
        for _ in 0..100 {
            world.bench.clock.advance(DAY / 20);
            relay.renew().await.expect("renewed");
            relay.tend().await.expect("tended");
        }
        let letters = world.delivery.dead_letters(None, 10).await.expect("read");
        assert_eq!(letters.iter().map(|letter| letter.event.id()).collect::<Vec<_>>(), [id(1, 1)]);
        assert_eq!(letters[0].tries, 11, "ten tries more, over three days");
        let taken = world.receivers.taken(URL);
        assert_eq!(taken[3..], [id(1, 2), id(1, 3)], "what waited for it goes on, in order");
    });
}

/// The log waits for a receiver that is down, without a row for every event, and nothing is lost.
#[test]
fn a_receiver_that_is_down_gets_everything_later() {
    bounded(async {
        let world = World::open();
        let relay = world.relay(1, world.subscriber(&[]).await);
        relay.renew().await.expect("renewed");
        world.receivers.answer(URL, PostResult::Failed("no connection".to_owned()));
        let events: Vec<(u64, u64)> = (1..=300).map(|key| (key, 1)).collect();
        world.write(&events).await;
        for _ in 0..12 {
            drain(&world, &relay, 1).await;
        }
        let (parked, _) = world.delivery.parked(relay.consumer().name().to_owned()).await.expect("read");
        assert!(parked < 60, "{parked} of 300 are kept apart");
        world.receivers.status(URL, 200);
        for _ in 0..40 {
            drain(&world, &relay, 20).await;
            world.bench.clock.advance(600);
            relay.renew().await.expect("renewed");
            relay.tend().await.expect("tended");
        }
        let mut taken = world.receivers.taken(URL);
        taken.sort_unstable();
        taken.dedup();
        assert_eq!(taken.len(), 300);
        assert_eq!(world.delivery.count_dead_letters().await, Ok(0));
    });
}

#[test]
fn gone_switches_a_webhook_off() {
    bounded(async {
        let world = World::open();
        let relay = world.relay(1, world.subscriber(&[]).await);
        relay.renew().await.expect("renewed");
        world.receivers.status(URL, 410);
        world.write(&[(1, 1), (2, 1)]).await;
        drain(&world, &relay, 3).await;
        assert_eq!(world.status().await, WebhookStatus::Gone);
        let told = world.receivers.messages().len();
        world.write(&[(3, 1)]).await;
        drain(&world, &relay, 3).await;
        assert_eq!(world.receivers.messages().len(), told, "nothing more is sent");
    });
}

#[test]
fn three_days_without_an_answer_switch_a_webhook_off() {
    bounded(async {
        let world = World::open();
        let relay = world.relay(1, world.subscriber(&[]).await);
        relay.renew().await.expect("renewed");
        world.receivers.status(URL, 503);
        let events: Vec<(u64, u64)> = (1..=200).map(|key| (key, 1)).collect();
        world.write(&events).await;
        drain(&world, &relay, 2).await;
        assert_eq!(world.status().await, WebhookStatus::On);
        world.bench.clock.advance(3 * DAY);
        drain(&world, &relay, 3).await;
        assert_eq!(world.status().await, WebhookStatus::Failed);
    });
}

/// Old events go once everybody who is served has had them; a consumer that nobody serves any more holds nothing up, and
/// neither does a line whose last session ended long ago.
#[test]
fn old_events_go_once_everybody_has_had_them() {
    bounded(async {
        let stage = Stage::open(&MemoryFactory::new());
        let write = async |events: &[(u64, u64)]| {
            let events: Vec<_> =
                events.iter().map(|(key, sequence)| samples::event(*key, *sequence)).collect();
            apply(&stage.opened.store, Keys::default(), move |records, _| {
                records.events.add_all(events.clone());
                Ok(())
            })
            .await;
        };
        write(&[(1, 1), (1, 2)]).await;
        let entry = Some(samples::entry_id(4));
        let paid = samples::payment_made(4, &Reservation { entry, ..samples::reservation(4, 4, &[1]) });
        apply(&stage.opened.store, Keys::default(), move |records, _| {
            records.events.add(paid.clone());
            Ok(())
        })
        .await;
        write(&[(2, 1), (2, 2)]).await;
        let left = async || stage.opened.reads.events(0, Partitions::ALL, 10).await.expect("read").len();
        assert_eq!(stage.app.tick_old_events(30).await, Ok(0), "none is old");
        stage.clock.advance(31 * DAY);
        assert_eq!(stage.app.tick_old_events(30).await, Ok(2), "the payment has still to end its session");
        stage.app.tick_sessions().await.expect("ended");
        let recorder = Recorder::new("r", 1);
        recorder.answer([Handled { through: 1, ..Handled::default() }]);
        let relay = Relay::new(stage.app.relay_parts(Uuid::from_u128(1)), recorder);
        relay.renew().await.expect("renewed");
        relay.tick().await.expect("a tick");
        assert_eq!(stage.app.tick_old_events(30).await, Ok(1), "what the consumer has had");
        assert_eq!(left().await, 2);
        stage.clock.advance(8 * DAY);
        assert_eq!(
            stage.app.tick_old_events(30).await,
            Ok(1),
            "nobody has served it for a week; the newest stays"
        );
        assert_eq!(left().await, 1);
    });
}
