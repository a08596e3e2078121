//! Idempotency keys: one effect, and the answer as often as it is asked for.

use std::sync::Arc;

use frontrow_domain::account::Role;
use frontrow_testkit::faults::FaultyStore;
use frontrow_testkit::memory::{Disk, MemoryStore};
use frontrow_testkit::{ManualClock, Opened};
use serde_json::{Value, json};

use crate::world::{Answer, Client, World};

async fn charge(world: &World, by: &Client, whose: &str, key: &str, body: &str) -> Answer {
    let call = world.call("POST", &format!("/api/v1/users/{whose}/charge"));
    call.raw("application/json", body.as_bytes()).by(by).key(key).send().await
}

const CHARGE: &str = r#"{"amount": 1000, "method": "card"}"#;

#[tokio::test]
async fn d13_a_repeat_shows_the_same_answer_and_has_no_effect() {
    let world = World::new();
    let ann = world.fan("ann", 0).await;
    let first = charge(&world, &ann, "me", "k", CHARGE).await.expect(200);
    assert_eq!(first.header("idempotency-replayed"), "");
    let by_id = ann.user.to_string();
    // The same request, however it is spelt.
    for (whose, body) in [
        ("me", CHARGE),
        (by_id.as_str(), CHARGE),
        ("me", "{\n  \"method\": \"card\",\n  \"amount\": 1000\n}"),
        ("me", "{\"amount\":1000,\"m\\u0065thod\":\"card\"}"),
    ] {
        let again = charge(&world, &ann, whose, "k", body).await.expect(200);
        assert_eq!((again.header("idempotency-replayed"), &again.body), ("true", &first.body), "{body}");
    }
    assert_eq!(world.stage.balance(ann.user).await, 1_000);
    charge(&world, &ann, "me", "another key", CHARGE).await.expect(200);
    assert_eq!(world.stage.balance(ann.user).await, 2_000);
}

#[tokio::test]
async fn a_key_belongs_to_one_account() {
    let world = World::new();
    let (ann, bob) = (world.fan("ann", 0).await, world.fan("bob", 0).await);
    charge(&world, &ann, "me", "k", CHARGE).await.expect(200);
    let of_bob = charge(&world, &bob, "me", "k", CHARGE).await.expect(200);
    assert_eq!(of_bob.header("idempotency-replayed"), "");
    assert_eq!(world.stage.balance(bob.user).await, 1_000);
}

#[tokio::test]
async fn a_used_key_is_told_before_anything_else_that_is_wrong() {
    let world = World::new();
    let ann = world.fan("ann", 0).await;
    let schedule = world.stage.a_schedule().make().await;
    charge(&world, &ann, "me", "k", CHARGE).await.expect(200);
    let reused = |answer: Answer| answer.problem(422, "idempotency_key_reused");
    for body in [
        r#"{"amount": 2000, "method": "card"}"#,
        r#"{"amount": 1, "method": "card"}"#,
        r#"{"amount": "x", "method": "card"}"#,
        r#"{"amount": 1000, "method": "card", "extra": 1}"#,
        "{",
        "",
    ] {
        reused(charge(&world, &ann, "me", "k", body).await);
    }
    let huge = format!("{{\"amount\": {}1}}", " ".repeat(70_000));
    reused(charge(&world, &ann, "me", "k", &huge).await);
    reused(charge(&world, &ann, "not-an-id", "k", CHARGE).await);
    let call = world.call("POST", "/api/v1/users/me/charge").raw("text/plain", b"x");
    reused(call.by(&ann).key("k").send().await);
    for form in [
        json!({"scheduleId": schedule.get(), "seats": [1]}),
        json!({"scheduleId": schedule.get(), "seats": [1, 1]}),
        json!({"scheduleId": 99, "seats": [1]}),
        json!({"scheduleId": schedule.get(), "bestAvailable": {}}),
    ] {
        reused(world.post("/api/v1/reservations", &form).by(&ann).key("k").send().await);
    }
    let somewhere = "0190a1b2-0000-7000-8000-00000000000a";
    reused(
        world.post("/api/v1/payments", &json!({"reservationId": somewhere})).by(&ann).key("k").send().await,
    );
    reused(
        world
            .call("POST", &format!("/api/v1/reservations/{somewhere}/extend"))
            .by(&ann)
            .key("k")
            .send()
            .await,
    );
    reused(world.call("POST", "/api/v1/reservations/x/extend").by(&ann).key("k").send().await);
    // Also where the caller may not go at all.
    reused(world.post("/api/v1/admin/concerts", &json!({})).by(&ann).key("k").send().await);
    // But not before it is known who asks.
    let nobody = world.post("/api/v1/reservations", &json!({})).key("k").send().await;
    nobody.problem(401, "unauthenticated");
    assert_eq!(world.stage.balance(ann.user).await, 1_000);
}

#[tokio::test]
async fn a_refused_request_does_not_use_its_key_up() {
    let world = World::new();
    let ann = world.fan("ann", 0).await;
    charge(&world, &ann, "me", "k", r#"{"amount": 1, "method": "card"}"#)
        .await
        .problem(422, "invalid_amount");
    charge(&world, &ann, "me", "k", "{").await.problem(400, "invalid_request");
    charge(&world, &ann, "me", "k", CHARGE).await.expect(200);
}

#[tokio::test]
async fn a_repeated_hold_shows_the_hold_as_it_was() {
    let world = World::new();
    let ann = world.fan("ann", 100_000).await;
    let schedule = world.stage.a_schedule().make().await;
    let form = json!({"scheduleId": schedule.get(), "seats": [1, 2]});
    let hold = || world.post("/api/v1/reservations", &form).by(&ann).key("h").send();
    let first = hold().await.expect(201);
    let id = first.json()["reservationId"].as_str().expect("id").to_owned();
    let extend = || world.call("POST", &format!("/api/v1/reservations/{id}/extend")).by(&ann).key("e").send();
    let extended = extend().await.expect(200);
    world.pay(&ann, &id).await;
    world.stage.clock.advance(800);
    for (again, then) in [(hold().await.expect(201), &first), (extend().await.expect(200), &extended)] {
        assert_eq!((again.header("idempotency-replayed"), &again.body), ("true", &then.body));
    }
}

#[tokio::test]
async fn keys_are_good_for_a_day() {
    let world = World::new();
    let ann = world.fan("ann", 0).await;
    charge(&world, &ann, "me", "k", CHARGE).await.expect(200);
    world.stage.clock.advance(24 * 60 * 60 - 1);
    let ann = world.log_in("ann").await;
    let again = charge(&world, &ann, "me", "k", CHARGE).await.expect(200);
    assert_eq!(again.header("idempotency-replayed"), "true");
    world.stage.clock.advance(1);
    let ann = world.log_in("ann").await;
    let anew = charge(&world, &ann, "me", "k", CHARGE).await.expect(200);
    assert_eq!(anew.header("idempotency-replayed"), "");
    assert_eq!(world.stage.balance(ann.user).await, 2_000);
}

#[tokio::test]
async fn keys_that_are_no_keys() {
    let world = World::new();
    let ann = world.fan("ann", 0).await;
    charge(&world, &ann, "me", "", CHARGE).await.problem(400, "invalid_request");
    charge(&world, &ann, "me", &"x".repeat(256), CHARGE).await.problem(400, "invalid_request");
    charge(&world, &ann, "me", &"x".repeat(255), CHARGE).await.expect(200);
    let twice = world.call("POST", "/api/v1/users/me/charge").raw("application/json", CHARGE.as_bytes());
    twice.by(&ann).key("a").key("b").send().await.problem(400, "invalid_request");
    for (path, form) in [
        ("/api/v1/users/me/charge", json!({})),
        ("/api/v1/reservations", json!({})),
        ("/api/v1/payments", json!({})),
        ("/api/v1/reservations/x/extend", json!({})),
    ] {
        world.post(path, &form).by(&ann).send().await.problem(400, "idempotency_key_required");
    }
}

#[tokio::test]
async fn an_optional_key_counts_where_somebody_is_logged_in_and_nowhere_else() {
    let world = World::new();
    let olga = world.staff("olga", Role::Operator).await;
    let form = json!({"title": "T", "artist": "A", "description": ""});
    let make = |form: &Value| world.post("/api/v1/admin/concerts", form).by(&olga).key("k").send();
    let first = make(&form).await.expect(201);
    let again = make(&form).await.expect(201);
    assert_eq!((again.header("idempotency-replayed"), &again.body), ("true", &first.body));
    let other = json!({"title": "U", "artist": "A", "description": ""});
    make(&other).await.problem(422, "idempotency_key_reused");
    let list = world.get("/api/v1/admin/concerts").by(&olga).send().await.expect(200).json();
    assert_eq!(list["items"].as_array().expect("items").len(), 1);

    let form = json!({"email": "a@example.test", "password": "long enough", "name": "A"});
    world.post("/api/v1/auth/signup", &form).key("k").send().await.expect(201);
    world.post("/api/v1/auth/signup", &form).key("k").send().await.problem(409, "email_taken");
}

#[tokio::test]
async fn a_repeat_while_the_first_is_running_is_asked_to_come_again() {
    let clock = ManualClock::default();
    let opened = Opened::of(MemoryStore::open(&Disk::default(), Arc::new(clock.clone())));
    let (store, opened) = FaultyStore::before(&opened);
    let folder = tempfile::tempdir().expect("folder");
    let world = World::over(opened, clock, folder, |_| {}, |_| {});
    let ann = world.fan("ann", 0).await;
    store.shut_door();
    let arrived = store.arrived();
    let first = charge(&world, &ann, "me", "k", CHARGE);
    let second = async {
        store.until_arrived(arrived + 1).await;
        let answer = charge(&world, &ann, "me", "k", CHARGE).await;
        store.open_door();
        answer
    };
    let (first, second) = tokio::join!(first, second);
    assert_eq!(second.header("retry-after"), "1");
    assert_eq!(second.problem(409, "request_in_flight")["retryAfter"], 1);
    let again = charge(&world, &ann, "me", "k", CHARGE).await.expect(200);
    assert_eq!(again.body, first.expect(200).body);
}
