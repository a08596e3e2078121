//! A store that fails: 503 with `Retry-After`, never a 500 and never a lie.

use std::sync::Arc;

use frontrow_application::Settings;
use frontrow_http::{HttpSettings, InFlightLimits};
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

/// What piles up in front of a store that hangs takes the room of newcomers, then of those who look, then of holds; who
/// pays waits for the store, and readiness says what is going on without taking the server away.
#[tokio::test]
async fn while_the_store_hangs_what_is_worth_least_is_refused_first() {
    let clock = ManualClock::default();
    let opened = Opened::of(MemoryStore::open(&Disk::default(), Arc::new(clock.clone())));
    let (store, opened) = FaultyStore::before(&opened);
    let folder = tempfile::tempdir().expect("folder");
    let limits = |http: &mut HttpSettings| {
        http.in_flight = InFlightLimits { pay: 4, hold: 3, look: 2, join: 1 };
    };
    let world = World::over(opened, clock, folder, limits, |_| {});
    let ann = world.fan("ann", 100_000).await;
    let schedule = world.stage.a_schedule().make().await;
    let reservation = world.hold(&ann, schedule, &[1]).await;
    let ready = async || world.get("/health/ready").send().await.expect(200).json();
    assert_eq!(ready().await["shedding"], false);
    store.shut_door();
    let arrived = store.arrived();
    let (pay, hold) =
        (json!({ "reservationId": reservation }), json!({"scheduleId": schedule.get(), "seats": [2]}));
    let paying = || world.post("/api/v1/payments", &pay).by(&ann).key("pay").send();
    let holding = |key: &'static str| world.post("/api/v1/reservations", &hold).by(&ann).key(key).send();
    let log_in = json!({"email": "ann@example.test", "password": "open sesame"});
    let newcomer = || world.post("/api/v1/auth/login", &log_in).send();
    let looking = || world.get("/api/v1/concerts").send();
    let crowd = async {
        store.until_arrived(arrived + 1).await;
        assert_eq!(newcomer().await.problem(503, "overloaded")["retryAfter"], 5);
        looking().await.expect(200);
        let (second, third) = (std::pin::pin!(holding("b")), std::pin::pin!(holding("c")));
        let refused = async {
            // Both wait by now, each with a place.
            while looking().await.status == 200 {
                tokio::task::yield_now().await;
            }
            looking().await.problem(503, "overloaded");
            while holding("d").await.expect(503).json()["code"] != "overloaded" {}
            let ready = ready().await;
            assert_eq!((&ready["status"], &ready["shedding"]), (&json!("ready"), &json!(true)));
            world.get("/api/v1/admin/concerts").send().await.problem(401, "unauthenticated");
            store.open_door();
        };
        let (second, third, ()) = tokio::join!(second, third, refused);
        (second, third)
    };
    let (paid, (second, third)) = tokio::join!(paying(), crowd);
    paid.expect(201);
    // One has the seat.
    let mut statuses = [second.status, third.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409]);
    newcomer().await.expect(200);
    looking().await.expect(200);
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
