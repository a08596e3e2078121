//! The audit log of staff actions.

use std::fmt::Write as _;

use axum::body::Body;
use axum::http::Request;
use expect_test::expect;
use frontrow_domain::account::Role;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::world::{Client, World};

const CONCERTS: &str = "/api/v1/admin/concerts";
const LOG: &str = "/api/v1/admin/audit-log";

fn concert() -> Value {
    json!({"title": "Spring Day", "artist": "The Front Row", "description": "An evening."})
}

fn schedule(world: &World) -> Value {
    json!({"venue": "Olympic Hall", "startsAt": world.time(86_400), "durationMinutes": 120,
        "bookingStart": world.time(0), "bookingEnd": world.time(86_400),
        "seatPlan": {"plain": {"seats": 50, "price": 50_000}}})
}

/// The log as this member of the staff sees it.
async fn log(world: &World, client: &Client, query: &str) -> Value {
    world.get(&format!("{LOG}{query}")).by(client).send().await.expect(200).json()
}

/// What was done to what, newest first.
async fn actions(world: &World, client: &Client) -> Vec<String> {
    let page = log(world, client, "?limit=100").await;
    let items = page["items"].as_array().expect("items");
    let text = |line: &Value, member: &str| line[member].as_str().expect("text").to_owned();
    items.iter().map(|line| format!("{} {}", text(line, "action"), text(line, "target"))).collect()
}

#[tokio::test]
async fn what_staff_did_is_on_the_log_with_what_was_before_and_after() {
    let world = World::new();
    let olga = world.staff("olga", Role::Operator).await;
    world.post(CONCERTS, &concert()).by(&olga).send().await.expect(201);
    let patch = json!({"artist": "밴드"});
    world.patch(&format!("{CONCERTS}/1"), &patch).by(&olga).send().await.expect(200);
    let page = world.get(&format!("{LOG}?limit=1")).by(&olga).send().await;
    expect![[r#"
        200
        cache-control: private, no-cache
        content-length: 347
        content-type: application/json
        x-request-id: test
        {"items":[{"entryId":"01a05ca0-3b80-7000-8000-18ed6c9ad2af","at":"2026-09-01T11:00:00Z","actor":{"userId":"01a05ca0-3b80-7000-8000-0b81b7410cca","name":"olga","role":"operator"},"action":"edit_concert","target":"concert/1","before":{"artist":"The Front Row"},"after":{"artist":"밴드"},"requestId":"test"}],"nextCursor":"BQGgXKA7gHAAgAAY7Wya0q8"}
    "#]]
    .assert_eq(&page.to_string());

    world.post(&format!("{CONCERTS}/1/schedules"), &schedule(&world)).by(&olga).send().await.expect(201);
    let anton = world.staff("anton", Role::Admin).await;
    let patch = json!({"title": "Autumn Day", "waitingRoom": {"maxActive": 10, "admitPerSecond": 2.5}});
    world.patch(&format!("{CONCERTS}/1"), &patch).by(&anton).send().await.expect(200);
    let patch =
        json!({"salesPaused": true, "holdSeconds": 60, "seatPlan": {"plain": {"seats": 2, "price": 1}}});
    world.patch("/api/v1/admin/schedules/1", &patch).by(&olga).send().await.expect(200);
    let page = log(&world, &anton, "").await;
    assert_eq!(page["nextCursor"], Value::Null);
    let mut seen = String::new();
    for line in page["items"].as_array().expect("items") {
        let (who, what) = (&line["actor"], [&line["action"], &line["target"]].map(|text| text.as_str()));
        let [action, target] = what.map(Option::unwrap_or_default);
        writeln!(seen, "{} {} {action} {target}", who["name"], who["role"]).expect("text");
        writeln!(seen, "  before {}\n  after {}", line["before"], line["after"]).expect("text");
    }
    expect![[r#"
        "olga" "operator" edit_schedule schedule/1
          before {"holdSeconds":300,"planVersion":1,"salesPaused":false,"totalSeats":50}
          after {"holdSeconds":60,"planVersion":2,"salesPaused":true,"totalSeats":2}
        "anton" "admin" edit_concert concert/1
          before {"title":"Spring Day","waitingRoom":{"admitPerSecond":140.0,"maxActive":5000}}
          after {"title":"Autumn Day","waitingRoom":{"admitPerSecond":2.5,"maxActive":10}}
        "olga" "operator" create_schedule schedule/1
          before null
          after {"bookingEnd":"2026-09-02T11:00:00Z","bookingStart":"2026-09-01T11:00:00Z","concertId":1,"durationMinutes":120,"holdExtensionSeconds":300,"holdMaxSeconds":600,"holdSeconds":300,"maxSeatsPerFan":4,"planVersion":1,"refundPolicy":null,"salesPaused":false,"startsAt":"2026-09-02T11:00:00Z","timeZone":"UTC","totalSeats":50,"venue":"Olympic Hall"}
        "olga" "operator" edit_concert concert/1
          before {"artist":"The Front Row"}
          after {"artist":"밴드"}
        "olga" "operator" create_concert concert/1
          before null
          after {"artist":"The Front Row","description":"An evening.","published":true,"title":"Spring Day","waitingRoom":{"admitPerSecond":140.0,"claimSeconds":60,"enabled":false,"lobbyOpensAt":null,"maxActive":5000,"presenceSeconds":60,"sessionSeconds":300}}
    "#]]
    .assert_eq(&seen);
}

#[tokio::test]
async fn what_was_refused_or_replayed_or_changed_nothing_is_not_on_the_log() {
    let world = World::new();
    let olga = world.staff("olga", Role::Operator).await;
    let ann = world.fan("ann", 0).await;
    for _ in 0..2 {
        world.post(CONCERTS, &concert()).by(&olga).key("concert").send().await.expect(201);
    }
    let address = format!("{CONCERTS}/1/schedules");
    for _ in 0..2 {
        world.post(&address, &schedule(&world)).by(&olga).key("schedule").send().await.expect(201);
    }
    world.post(CONCERTS, &concert()).by(&ann).send().await.problem(403, "forbidden");
    world.post(CONCERTS, &json!({"title": ""})).by(&olga).send().await.problem(422, "validation_failed");
    world.patch(&format!("{CONCERTS}/9"), &json!({"title": "x"})).by(&olga).send().await.expect(404);
    world.patch(&format!("{CONCERTS}/1"), &json!({"title": ""})).by(&olga).send().await.expect(422);
    for same in [json!({}), json!({"title": "Spring Day"}), json!({"waitingRoom": null})] {
        world.patch(&format!("{CONCERTS}/1"), &same).by(&olga).send().await.expect(200);
    }
    world.patch("/api/v1/admin/schedules/1", &json!({"holdSeconds": 300})).by(&olga).send().await.expect(200);
    let past = json!({"bookingEnd": "2000-01-01T00:00:00Z"});
    world.patch("/api/v1/admin/schedules/1", &past).by(&olga).send().await.expect(422);
    assert_eq!(actions(&world, &olga).await, ["create_schedule schedule/1", "create_concert concert/1"]);
}

#[tokio::test]
async fn the_log_is_read_in_pages() {
    let world = World::new();
    let olga = world.staff("olga", Role::Operator).await;
    for _ in 0..5 {
        world.post(CONCERTS, &concert()).by(&olga).send().await.expect(201);
    }
    let mut targets = Vec::new();
    let mut query = "?limit=2".to_owned();
    for expected in [2, 2, 1] {
        let page = log(&world, &olga, &query).await;
        let items = page["items"].as_array().expect("items");
        assert_eq!(items.len(), expected);
        targets.extend(items.iter().map(|item| item["target"].clone()));
        query = format!("?limit=2&cursor={}", page["nextCursor"].as_str().unwrap_or("none"));
    }
    assert!(query.ends_with("none"), "the last page has no next one");
    assert_eq!(targets, ["concert/5", "concert/4", "concert/3", "concert/2", "concert/1"]);
    let page = world.get(&format!("{CONCERTS}?limit=1")).by(&olga).send().await.expect(200).json();
    let foreign = format!("?cursor={}", page["nextCursor"].as_str().expect("there are more concerts"));
    let wrong = ["?limit=0", "?limit=101", "?limit=x", "?cursor=x", "?cursor=", "?actor=olga"];
    for wrong in wrong.into_iter().chain([foreign.as_str()]) {
        let answer = world.get(&format!("{LOG}{wrong}")).by(&olga).send().await;
        answer.problem(400, "invalid_request");
    }
}

#[tokio::test]
async fn a_line_has_the_id_of_its_request_whoever_made_it() {
    let world = World::new();
    let olga = world.staff("olga", Role::Operator).await;
    let too_long = "x".repeat(129);
    for sent in [None, Some("mine"), Some(too_long.as_str())] {
        let mut request = Request::post(CONCERTS)
            .header("authorization", format!("Bearer {}", olga.token))
            .header("content-type", "application/json");
        if let Some(sent) = sent {
            request = request.header("x-request-id", sent);
        }
        let request = request.body(Body::from(concert().to_string())).expect("request");
        let answer = world.router.clone().oneshot(request).await.expect("answer");
        assert_eq!(answer.status(), 201);
        let told = answer.headers()["x-request-id"].to_str().expect("text").to_owned();
        assert_eq!(told == "mine", sent == Some("mine"));
        assert_eq!(log(&world, &olga, "?limit=1").await["items"][0]["requestId"], told);
    }
}

#[tokio::test]
async fn the_name_of_an_erased_account_is_not_told() {
    let world = World::new();
    let (olga, anton) = (world.staff("olga", Role::Operator).await, world.staff("anton", Role::Admin).await);
    world.post(CONCERTS, &concert()).by(&olga).send().await.expect(201);
    world.delete("/api/v1/users/me").by(&olga).send().await.expect(204);
    let actor = log(&world, &anton, "").await["items"][0]["actor"].take();
    assert_eq!(actor, json!({"userId": olga.user.to_string(), "name": null, "role": "operator"}));
}

#[tokio::test]
async fn long_texts_are_cut() {
    let world = World::new();
    let olga = world.staff("olga", Role::Operator).await;
    world.post(CONCERTS, &concert()).by(&olga).send().await.expect(201);
    let patch = json!({"description": "봄".repeat(20_000)});
    world.patch(&format!("{CONCERTS}/1"), &patch).by(&olga).send().await.expect(200);
    // The change is past what is shown, and is a change all the same.
    let patch = json!({"description": format!("{}밤", "봄".repeat(19_999))});
    world.patch(&format!("{CONCERTS}/1"), &patch).by(&olga).send().await.expect(200);
    let lines = log(&world, &olga, "").await;
    let cut = json!({"description": format!("{}…", "봄".repeat(500))});
    let (last, first) = (&lines["items"][0], &lines["items"][1]);
    assert_eq!((&first["before"], &first["after"]), (&json!({"description": "An evening."}), &cut));
    assert_eq!((&last["before"], &last["after"]), (&cut, &cut));
}
