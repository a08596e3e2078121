//! Operators steer a line, look at a fan's place, and take one away.

use expect_test::expect;
use frontrow_application::catalog::WaitingRoomPatch;
use frontrow_domain::account::Role;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::line::Sale;
use crate::world::{Answer, Client, World};

fn room() -> WaitingRoomPatch {
    WaitingRoomPatch::default()
}

async fn steer(world: &World, sale: Sale, client: &Client, change: Value) -> Answer {
    world.patch(&format!("/api/v1/admin/concerts/{}/queue", sale.concert), &change).by(client).send().await
}

fn fan_path(sale: Sale, user: impl std::fmt::Display) -> String {
    format!("/api/v1/admin/concerts/{}/queue/fans/{user}", sale.concert)
}

async fn audit_log(world: &World, client: &Client) -> Vec<Value> {
    let log = world.get("/api/v1/admin/audit-log").by(client).send().await.expect(200).json();
    log["items"].as_array().expect("items").clone()
}

#[tokio::test]
async fn a_line_is_steered_while_it_stands() {
    let world = World::new();
    let olga = world.staff("olga", Role::Operator).await;
    let sale = world.a_sale(WaitingRoomPatch { max_active: Some(0), ..room() }).await;
    let mut tokens = Vec::new();
    for name in ["ann", "bob", "eve"] {
        let fan = world.fan(name, 0).await;
        tokens.push(world.join(&fan, sale.concert).await);
    }
    world.tick().await;
    let states = async || {
        let mut states = String::new();
        for token in &tokens {
            states.push_str(&world.status(token).await["state"].as_str().expect("text")[..1]);
        }
        states
    };
    assert_eq!(states().await, "www");
    let first =
        steer(&world, sale, &olga, json!({"maxActive": 2, "admitPerSecond": 1, "notice": "Welcome!"})).await;
    expect![[r#"
        200
        cache-control: private, no-cache
        content-length: 220
        content-type: application/json
        x-request-id: test
        {"settings":{"maxActive":2,"admitPerSecond":1.0,"sessionSeconds":300,"claimSeconds":60,"presenceSeconds":60,"paused":false,"drain":false,"closed":false,"notice":"Welcome!"},"preview":{"waitBefore":null,"waitAfter":null}}
    "#]].assert_eq(&first.to_string());
    world.later(500).await;
    assert_eq!(states().await, "aww", "one a second");
    world.later(1_000).await;
    assert_eq!(states().await, "aaw", "two at once");
    assert_eq!(world.status(&tokens[2]).await["notice"], "Welcome!");
    // A cap below what is there throws nobody out, and a session keeps its end.
    let change = json!({"maxActive": 1, "sessionSeconds": 10, "claimSeconds": 5, "presenceSeconds": 30});
    steer(&world, sale, &olga, change).await.expect(200);
    world.later(1_000).await;
    assert_eq!(states().await, "aaw");

    let closed = steer(&world, sale, &olga, json!({"closed": true, "notice": null})).await.expect(200).json();
    assert_eq!((&closed["settings"]["closed"], &closed["settings"]["notice"]), (&json!(true), &Value::Null));
    world.later(1_000).await;
    assert_eq!(states().await, "aae", "those who are in may finish");
    let over = world.status(&tokens[2]).await;
    assert_eq!((&over["endReason"], &over["room"]), (&json!("closed"), &json!("closed")));
    let defaults = json!({"maxActive": null, "admitPerSecond": null, "sessionSeconds": null, "claimSeconds": null,
        "presenceSeconds": null, "paused": null, "drain": null, "closed": null, "notice": null, "dryRun": null});
    let back = steer(&world, sale, &olga, defaults).await;
    expect![[r#"
        200
        cache-control: private, no-cache
        content-length: 219
        content-type: application/json
        x-request-id: test
        {"settings":{"maxActive":5000,"admitPerSecond":140.0,"sessionSeconds":300,"claimSeconds":60,"presenceSeconds":60,"paused":false,"drain":false,"closed":false,"notice":null},"preview":{"waitBefore":null,"waitAfter":null}}
    "#]].assert_eq(&back.to_string());
}

#[tokio::test]
async fn steering_is_on_the_audit_log() {
    let world = World::new();
    let olga = world.staff("olga", Role::Operator).await;
    let sale = world.a_sale(room()).await;
    steer(&world, sale, &olga, json!({"paused": true, "admitPerSecond": 2.5})).await.expect(200);
    steer(&world, sale, &olga, json!({"paused": true})).await.expect(200);
    let log = audit_log(&world, &olga).await;
    assert_eq!(log.len(), 1, "what changed nothing leaves no line");
    let line = &log[0];
    assert_eq!((&line["action"], &line["target"]), (&json!("edit_queue"), &json!("concert/1/queue")));
    assert_eq!(line["before"], json!({"paused": false, "admitPerSecond": 140.0}));
    assert_eq!(line["after"], json!({"paused": true, "admitPerSecond": 2.5}));
    assert_eq!((&line["actor"]["name"], &line["requestId"]), (&json!("olga"), &json!("test")));
}

#[tokio::test]
async fn a_dry_run_says_what_would_come_of_it_and_changes_nothing() {
    let world = World::new();
    let olga = world.staff("olga", Role::Operator).await;
    let rate = Some(1_000);
    let sale = world
        .a_sale(WaitingRoomPatch { max_active: Some(1_000), admit_per_second_milli: rate, ..room() })
        .await;
    for fan in world.stage.fans(50, 0).await {
        world.stage.app.join_queue(fan, sale.concert).await.expect("a place");
    }
    for _ in 0..10 {
        world.later(1_000).await;
    }
    let before = world.line(sale.concert).await;
    let tried = steer(&world, sale, &olga, json!({"admitPerSecond": 10, "dryRun": true})).await;
    expect![[r#"
        200
        cache-control: private, no-cache
        content-length: 248
        content-type: application/json
        x-request-id: test
        {"settings":{"maxActive":1000,"admitPerSecond":10.0,"sessionSeconds":300,"claimSeconds":60,"presenceSeconds":60,"paused":false,"drain":false,"closed":false,"notice":null},"preview":{"waitBefore":{"low":34,"high":53},"waitAfter":{"low":3,"high":8}}}
    "#]].assert_eq(&tried.to_string());
    let paused = steer(&world, sale, &olga, json!({"paused": true, "dryRun": true})).await.expect(200).json();
    assert_eq!(paused["preview"]["waitAfter"], Value::Null);
    assert_eq!(world.line(sale.concert).await, before);
    assert_eq!(audit_log(&world, &olga).await, [] as [Value; 0]);
    let kept = world.get("/api/v1/admin/concerts/1").by(&olga).send().await.expect(200).json();
    assert_eq!(kept["waitingRoom"]["admitPerSecond"], 1.0);
    let done =
        steer(&world, sale, &olga, json!({"admitPerSecond": 10, "dryRun": false})).await.expect(200).json();
    assert_eq!(done, tried.json(), "and so it is");
    let kept = world.get("/api/v1/admin/concerts/1").by(&olga).send().await.expect(200).json();
    assert_eq!(kept["waitingRoom"]["admitPerSecond"], 10.0);
}

#[tokio::test]
async fn d9_what_a_line_cannot_be_set_to() {
    let world = World::new();
    let olga = world.staff("olga", Role::Operator).await;
    let sale = world.a_sale(room()).await;
    let long = "봄".repeat(501);
    for (change, wrong) in [
        (json!({"maxActive": 1_000_001}), "maxActive"),
        (json!({"maxActive": -1}), "maxActive"),
        (json!({"admitPerSecond": 0}), "admitPerSecond"),
        (json!({"admitPerSecond": 0.000_1}), "admitPerSecond"),
        (json!({"admitPerSecond": 1_000_000.1}), "admitPerSecond"),
        (json!({"sessionSeconds": 9}), "sessionSeconds"),
        (json!({"sessionSeconds": 86_401}), "sessionSeconds"),
        (json!({"claimSeconds": 0}), "claimSeconds"),
        (json!({"presenceSeconds": 0}), "presenceSeconds"),
        (json!({"paused": "yes"}), "paused"),
        (json!({"notice": ""}), "notice"),
        (json!({ "notice": long }), "notice"),
        (json!({"publicValue": "8f3a"}), "publicValue"),
        (json!({"challenge": true}), "challenge"),
        (json!({"enabled": false}), "enabled"),
        (json!([]), ""),
    ] {
        for dry_run in [false, true] {
            let mut change = change.clone();
            if let Some(members) = change.as_object_mut() {
                members.insert("dryRun".to_owned(), json!(dry_run));
            }
            let answer = steer(&world, sale, &olga, change.clone()).await;
            assert_eq!(answer.wrong(), [wrong], "{change}");
            answer.problem(422, "validation_failed");
        }
    }
    let both =
        steer(&world, sale, &olga, json!({"publicValue": 1, "challenge": {}, "admitPerSecond": -1})).await;
    assert_eq!(both.wrong(), ["publicValue", "challenge", "admitPerSecond"]);
    steer(&world, sale, &olga, json!({"notice": "봄".repeat(500)})).await.expect(200);
    for dry_run in [false, true] {
        let path = "/api/v1/admin/concerts/99/queue";
        let call = world.patch(path, &json!({ "dryRun": dry_run })).by(&olga);
        call.send().await.problem(404, "not_found");
    }
}

#[tokio::test]
async fn an_operator_sees_a_fans_place() {
    let world = World::new();
    let (ann, bob) = (world.fan("ann", 0).await, world.fan("bob", 0).await);
    let olga = world.staff("olga", Role::Operator).await;
    let sale = world.a_sale(WaitingRoomPatch { max_active: Some(0), ..room() }).await;
    let see = |user: Uuid| world.get(&fan_path(sale, user)).by(&olga).send();
    see(ann.user.uuid()).await.problem(404, "not_found");
    let token = world.join(&ann, sale.concert).await;
    let seen = see(ann.user.uuid()).await;
    expect![[r#"
        200
        cache-control: private, no-cache
        content-length: 418
        content-type: application/json
        x-request-id: test
        {"userId":"01a05ca0-3b80-7000-8000-0b81b7410cca","concertId":1,"state":"waiting","room":"open","entryId":"01a05ca0-3b80-7000-8000-2c2ecfa96ddd","sequence":1,"ahead":0,"position":1,"estimatedWaitSeconds":null,"seatsLeft":50,"seatsHeld":0,"schedules":[{"scheduleId":1,"seatsLeft":50,"seatsHeld":0}],"pollAfterSeconds":2,"joinedAt":"2026-09-01T11:00:00Z","admittedAt":null,"expiresAt":null,"endReason":null,"notice":null}
    "#]].assert_eq(&seen.to_string());
    let mut expected = world.status(&token).await;
    expected["userId"] = json!(ann.user.to_string());
    assert_eq!(seen.json(), expected);
    see(bob.user.uuid()).await.problem(404, "not_found");
    for path in ["x", "me", "00000000-0000-7000-8000-00000000000"] {
        world.get(&fan_path(sale, path)).by(&olga).send().await.problem(404, "not_found");
    }
    world
        .get(&format!("/api/v1/admin/concerts/99/queue/fans/{}", ann.user))
        .by(&olga)
        .send()
        .await
        .problem(404, "not_found");
    // Looking is no sign of life of the fan.
    for _ in 0..10 {
        world.later(10_000).await;
        see(ann.user.uuid()).await.expect(200);
    }
    world.set_room(sale.concert, WaitingRoomPatch { max_active: Some(1), ..room() }).await;
    world.later(1_000).await;
    assert_eq!(world.line(sale.concert).await["waiting"], 0, "skipped");
}

#[tokio::test]
async fn a_place_is_taken_away_once() {
    let world = World::new();
    let (ann, bob) = (world.fan("ann", 0).await, world.fan("bob", 0).await);
    let olga = world.staff("olga", Role::Operator).await;
    let sale = world.a_sale(room()).await;
    let revoke = || world.delete(&fan_path(sale, ann.user)).by(&olga).send();
    revoke().await.problem(404, "not_found");
    let (token, behind) = (world.join(&ann, sale.concert).await, world.join(&bob, sale.concert).await);
    revoke().await.expect(204);
    assert_eq!(world.status(&token).await["endReason"], "revoked");
    assert_eq!(world.status(&behind).await["ahead"], 0);
    revoke().await.problem(404, "not_found");
    let seen = world.get(&fan_path(sale, ann.user)).by(&olga).send().await.expect(200).json();
    assert_eq!((&seen["state"], &seen["endReason"]), (&json!("expired"), &json!("revoked")));
    let log = audit_log(&world, &olga).await;
    assert_eq!(log.len(), 1);
    assert_eq!(log[0]["action"], "revoke_place");
    assert_eq!(log[0]["target"], format!("concert/1/queue/fans/{}", ann.user));
    assert_eq!(log[0]["before"]["state"], "waiting");
    world.delete(&fan_path(sale, Uuid::nil())).by(&olga).send().await.problem(404, "not_found");
}
