//! A store that fails: 503 with `Retry-After`, never a 500 and never a lie.

use std::sync::Arc;

use frontrow_application::Settings;
use frontrow_testkit::faults::{Fault, FaultyStore};
use frontrow_testkit::memory::{Disk, MemoryStore};
use frontrow_testkit::{ManualClock, Opened};
use serde_json::json;

use crate::world::World;

fn world() -> (World, Arc<FaultyStore>) {
    world_with(|_| {})
}

fn world_with(sales: impl FnOnce(&mut Settings)) -> (World, Arc<FaultyStore>) {
    let clock = ManualClock::default();
    let opened = Opened::of(MemoryStore::open(&Disk::default(), Arc::new(clock.clone())));
    let (store, opened) = FaultyStore::before(&opened);
    let folder = tempfile::tempdir().expect("folder");
    (World::over(opened, clock, folder, |_| {}, sales), store)
}

#[tokio::test]
async fn what_a_failing_store_is_told_as() {
    let (world, store) = world();
    let ann = world.fan("ann", 0).await;
    let schedule = world.stage.a_schedule().make().await;
    let form = json!({"scheduleId": schedule.get(), "seats": [1]});
    let hold = || world.post("/api/v1/reservations", &form).by(&ann).key("k").send();
    store.fail_next(Fault::Unavailable);
    let answer = hold().await;
    assert_eq!(answer.header("retry-after"), "1");
    answer.problem(503, "store_unavailable");
    store.heal();
    for fault in [Fault::UnknownBefore, Fault::UnknownAfter] {
        store.fail_next(fault);
        let answer = hold().await;
        assert_eq!(answer.header("retry-after"), "1");
        answer.problem(503, "outcome_unknown");
        store.heal();
    }
    // Safe to repeat with the same key: the second did happen.
    let answer = hold().await.expect(201);
    assert_eq!(answer.header("idempotency-replayed"), "true");
    world.stage.assert_clean().await;
}

#[tokio::test]
async fn what_cannot_wait_any_more_is_refused_at_once() {
    let (world, store) = world_with(|sales| sales.box_office.queue = [1, 1, 1]);
    let ann = world.fan("ann", 0).await;
    let charge = |key: &str| {
        let form = json!({"amount": 1_000, "method": "card"});
        world.post("/api/v1/users/me/charge", &form).by(&ann).key(key).send()
    };
    store.shut_door();
    let arrived = store.arrived();
    let first = charge("a");
    let crowd = async {
        store.until_arrived(arrived + 1).await;
        // One may wait behind the one in the store; the other is sent away while the door is still shut.
        let (second, third) = (std::pin::pin!(charge("b")), std::pin::pin!(charge("c")));
        let (sent_away, waiting) = futures_util::future::select(second, third).await.factor_first();
        store.open_door();
        (sent_away, waiting.await)
    };
    let (first, (sent_away, waiting)) = tokio::join!(first, crowd);
    first.expect(200);
    waiting.expect(200);
    assert_eq!(sent_away.header("retry-after"), "1");
    sent_away.problem(503, "overloaded");
    assert_eq!(world.stage.balance(ann.user).await, 2_000);
}
