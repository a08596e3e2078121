//! Holding seats, looking at holds, extending and giving back.

use expect_test::expect;
use frontrow_application::staff::By;
use serde_json::{Value, json};

use crate::world::{Client, World};

async fn hold(world: &World, client: &Client, key: &str, form: &Value) -> crate::world::Answer {
    world.post("/api/v1/reservations", form).by(client).key(key).send().await
}

#[tokio::test]
async fn a_hold_from_its_beginning_to_its_end() {
    let world = World::new();
    let ann = world.fan("ann", 200_000).await;
    let schedule = world.stage.a_schedule().make().await;
    let form = json!({"scheduleId": schedule.get(), "seats": [7, 3]});
    let held = hold(&world, &ann, "k", &form).await;
    expect![[r#"
        201
        cache-control: private, no-cache
        content-length: 501
        content-type: application/json
        x-request-id: test
        {"reservationId":"01a05ca0-3b80-7000-8000-18ed6c9ad2af","status":"pending","concertId":1,"concertTitle":"Spring Day","scheduleId":1,"startsAt":"2026-10-01T11:00:00Z","venue":"Olympic Hall","seats":[{"no":3,"label":"3","section":null,"row":null,"grade":"STANDARD","price":50000},{"no":7,"label":"7","section":null,"row":null,"grade":"STANDARD","price":50000}],"amount":100000,"currency":"KRW","createdAt":"2026-09-01T11:00:00Z","expiresAt":"2026-09-01T11:05:00Z","extendable":true,"refundableAmount":0}
    "#]].assert_eq(&held.to_string());
    let id = held.json()["reservationId"].as_str().expect("id").to_owned();
    let path = format!("/api/v1/reservations/{id}");

    world.stage.clock.advance(10);
    let seen = world.get(&path).by(&ann).send().await;
    expect![[r#"
        200
        cache-control: private, no-cache
        content-length: 501
        content-type: application/json
        x-request-id: test
        {"reservationId":"01a05ca0-3b80-7000-8000-18ed6c9ad2af","status":"pending","concertId":1,"concertTitle":"Spring Day","scheduleId":1,"startsAt":"2026-10-01T11:00:00Z","venue":"Olympic Hall","seats":[{"no":3,"label":"3","section":null,"row":null,"grade":"STANDARD","price":50000},{"no":7,"label":"7","section":null,"row":null,"grade":"STANDARD","price":50000}],"amount":100000,"currency":"KRW","createdAt":"2026-09-01T11:00:00Z","expiresAt":"2026-09-01T11:05:00Z","extendable":true,"refundableAmount":0}
    "#]].assert_eq(&seen.to_string());
    world.stage.clock.advance(290);
    let expired = world.get(&path).by(&ann).send().await;
    expect![[r#"
        200
        cache-control: private, no-cache
        content-length: 535
        content-type: application/json
        x-request-id: test
        {"reservationId":"01a05ca0-3b80-7000-8000-18ed6c9ad2af","status":"expired","concertId":1,"concertTitle":"Spring Day","scheduleId":1,"startsAt":"2026-10-01T11:00:00Z","venue":"Olympic Hall","seats":[{"no":3,"label":"3","section":null,"row":null,"grade":"STANDARD","price":50000},{"no":7,"label":"7","section":null,"row":null,"grade":"STANDARD","price":50000}],"amount":100000,"currency":"KRW","createdAt":"2026-09-01T11:00:00Z","expiresAt":"2026-09-01T11:05:00Z","extendable":false,"endedAt":"2026-09-01T11:05:00Z","refundableAmount":0}
    "#]].assert_eq(&expired.to_string());
    world.stage.app.tick_expiry().await.expect("expiry");
    let noted = world.get(&path).by(&ann).send().await;
    assert_eq!(noted.body, expired.body, "the job changes nothing that a fan sees");
}

#[tokio::test]
async fn extending_works_once_and_shows_the_same_again() {
    let world = World::new();
    let ann = world.fan("ann", 0).await;
    let schedule = world.stage.a_schedule().make().await;
    let id = world.hold(&ann, schedule, &[1]).await;
    let path = format!("/api/v1/reservations/{id}/extend");
    world.stage.clock.advance(60);
    let extended = world.call("POST", &path).by(&ann).key("a").send().await.expect(200);
    assert_eq!(extended.json()["expiresAt"], json!(world.time(540)));
    assert_eq!(extended.json()["extendable"], false);
    let again = world.post(&path, &json!({})).by(&ann).key("b").send().await.expect(200);
    assert_eq!(again.body, extended.body);
    world
        .post(&path, &json!({"seconds": 5}))
        .by(&ann)
        .key("c")
        .send()
        .await
        .problem(422, "validation_failed");
    world
        .call("POST", &path)
        .raw("text/plain", b"x")
        .by(&ann)
        .key("c")
        .send()
        .await
        .problem(415, "unsupported_media_type");
    world.call("POST", &path).by(&ann).send().await.problem(400, "idempotency_key_required");
    world.stage.clock.advance(540);
    world.call("POST", &path).by(&ann).key("d").send().await.problem(410, "reservation_expired");
}

#[tokio::test]
async fn giving_back_frees_the_seats_at_once_and_shows_the_same_again() {
    let world = World::new();
    let ann = world.fan("ann", 100_000).await;
    let schedule = world.stage.a_schedule().make().await;
    let id = world.hold(&ann, schedule, &[1, 2]).await;
    let path = format!("/api/v1/reservations/{id}");
    world.stage.clock.advance(5);
    let cancelled = world.delete(&path).by(&ann).send().await;
    expect![[r#"
        200
        cache-control: private, no-cache
        content-length: 537
        content-type: application/json
        x-request-id: test
        {"reservationId":"01a05ca0-3b80-7000-8000-18ed6c9ad2af","status":"cancelled","concertId":1,"concertTitle":"Spring Day","scheduleId":1,"startsAt":"2026-10-01T11:00:00Z","venue":"Olympic Hall","seats":[{"no":1,"label":"1","section":null,"row":null,"grade":"STANDARD","price":50000},{"no":2,"label":"2","section":null,"row":null,"grade":"STANDARD","price":50000}],"amount":100000,"currency":"KRW","createdAt":"2026-09-01T11:00:00Z","expiresAt":"2026-09-01T11:05:00Z","extendable":false,"endedAt":"2026-09-01T11:00:05Z","refundableAmount":0}
    "#]].assert_eq(&cancelled.to_string());
    world.stage.clock.advance(5);
    assert_eq!(world.delete(&path).by(&ann).send().await.expect(200).body, cancelled.body);
    let bob = world.fan("bob", 0).await;
    world.hold(&bob, schedule, &[1, 2]).await;
    let pay = json!({ "reservationId": id });
    world
        .post("/api/v1/payments", &pay)
        .by(&ann)
        .key("p")
        .send()
        .await
        .problem(409, "reservation_not_pending");
    world
        .post(&format!("{path}/extend"), &json!({}))
        .by(&ann)
        .key("e")
        .send()
        .await
        .problem(409, "reservation_not_pending");

    let lapsing = world.hold(&ann, schedule, &[3]).await;
    world.stage.clock.advance(300);
    world
        .delete(&format!("/api/v1/reservations/{lapsing}"))
        .by(&ann)
        .send()
        .await
        .problem(410, "reservation_expired");
    let paid = world.hold(&ann, schedule, &[4]).await;
    world.pay(&ann, &paid).await;
    world
        .delete(&format!("/api/v1/reservations/{paid}"))
        .by(&ann)
        .send()
        .await
        .problem(409, "refund_not_allowed");
}

#[tokio::test]
async fn seats_that_cannot_be_held() {
    let world = World::new();
    let (ann, bob) = (world.fan("ann", 0).await, world.fan("bob", 0).await);
    let schedule = world.stage.a_schedule().make().await;
    world.hold(&ann, schedule, &[1, 2]).await;
    let form = |seats: Value| json!({"scheduleId": schedule.get(), "seats": seats});
    let taken = hold(&world, &bob, "k", &form(json!([3, 2, 1]))).await.problem(409, "seat_unavailable");
    assert_eq!(taken["seats"], json!([1, 2]));
    let limit = hold(&world, &ann, "k", &form(json!([3, 4, 5]))).await.problem(409, "seat_limit_exceeded");
    assert_eq!((&limit["limit"], &limit["held"]), (&json!(4), &json!(2)));
    let twice = hold(&world, &bob, "k", &form(json!([3, 4, 3]))).await.problem(422, "duplicate_seats");
    assert_eq!(twice["seats"], json!([3]));
    let many: Vec<u32> = (1..=21).collect();
    let many = hold(&world, &bob, "k", &form(json!(many))).await.problem(422, "too_many_seats");
    assert_eq!(many["limit"], 20);
    let none = hold(&world, &bob, "k", &form(json!([]))).await;
    assert_eq!(none.wrong(), ["seats"]);
    none.problem(422, "validation_failed");
    let missing = hold(&world, &bob, "k", &json!({"scheduleId": schedule.get()})).await;
    assert_eq!(missing.wrong(), ["seats"]);
    hold(&world, &bob, "k", &json!({"scheduleId": 99, "seats": [1]})).await.problem(404, "not_found");
    hold(&world, &bob, "k", &json!({"scheduleId": 0, "seats": [1]})).await.problem(404, "not_found");
    // No refusal has used the key up.
    hold(&world, &bob, "k", &form(json!([3]))).await.expect(201);
}

#[tokio::test]
async fn bug_21_a_seat_that_the_plan_does_not_have_is_unknown() {
    let world = World::new();
    let ann = world.fan("ann", 0).await;
    let schedule = world.stage.a_schedule().seats(50).make().await;
    for (seats, unknown) in [
        (json!([51]), json!([51])),
        (json!([0]), json!([0])),
        (json!([1, 99, 4_294_967_295_u32]), json!([99, 4_294_967_295_u32])),
    ] {
        let form = json!({"scheduleId": schedule.get(), "seats": seats});
        let problem = hold(&world, &ann, "k", &form).await.problem(404, "not_found");
        assert_eq!(problem["seats"], unknown);
    }
    for seats in
        [json!(["1"]), json!([-1]), json!([1.5]), json!([4_294_967_296_u64]), json!("1"), json!([null])]
    {
        let form = json!({"scheduleId": schedule.get(), "seats": seats});
        hold(&world, &ann, "k", &form).await.problem(422, "validation_failed");
    }
    assert_eq!(world.stage.map(schedule).await, "a".repeat(50));
}

#[tokio::test]
async fn outside_the_sale_nothing_is_held() {
    let world = World::new();
    let ann = world.fan("ann", 0).await;
    let start = world.stage.now().plus_seconds(60);
    let end = world.stage.now().plus_seconds(120);
    let schedule = world.stage.a_schedule().booking_start(start).booking_end(end).make().await;
    let form = json!({"scheduleId": schedule.get(), "seats": [1]});
    let early = hold(&world, &ann, "k", &form).await.problem(409, "sale_not_open");
    assert_eq!(early["opensAt"], json!(world.time(60)));
    world.stage.clock.advance(60);
    let paused =
        frontrow_application::catalog::SchedulePatch { sales_paused: Some(true), ..Default::default() };
    world.stage.app.edit_schedule(By::System, schedule, paused).await.expect("edit");
    hold(&world, &ann, "k", &form).await.problem(409, "sale_paused");
    world.stage.clock.advance(60);
    hold(&world, &ann, "k", &form).await.problem(409, "sale_closed");
}

#[tokio::test]
async fn a_fan_who_lets_go_too_often_has_to_wait() {
    let world = World::with(|_| {}, |sales| sales.sales.lapses.limit = 2);
    let ann = world.fan("ann", 0).await;
    let schedule = world.stage.a_schedule().make().await;
    for seat in [1, 2] {
        let id = world.hold(&ann, schedule, &[seat]).await;
        world.delete(&format!("/api/v1/reservations/{id}")).by(&ann).send().await.expect(200);
    }
    world.stage.clock.advance(20);
    let answer = hold(&world, &ann, "k", &json!({"scheduleId": schedule.get(), "seats": [3]})).await;
    assert_eq!(answer.header("retry-after"), "40");
    assert_eq!(answer.problem(429, "rate_limited")["retryAfter"], 40);
    world.stage.clock.advance(40);
    world.hold(&ann, schedule, &[3]).await;
}

#[tokio::test]
async fn ones_own_reservations_are_listed_newest_first() {
    let world = World::new();
    let (ann, bob) = (world.fan("ann", 200_000).await, world.fan("bob", 0).await);
    let schedule = world.stage.a_schedule().make().await;
    let other = world.stage.a_schedule().make().await;
    let mut ids = Vec::new();
    for (schedule, seat) in [(schedule, 1), (schedule, 2), (other, 3)] {
        ids.push(world.hold(&ann, schedule, &[seat]).await);
        world.stage.clock.advance(1);
    }
    world.hold(&bob, schedule, &[4]).await;
    world.pay(&ann, &ids[0]).await;
    let listed = |query: &str| {
        let call = world.get(&format!("/api/v1/reservations{query}")).by(&ann);
        async {
            let answer = call.send().await.expect(200);
            assert_eq!(answer.header("cache-control"), "private, no-cache");
            let body = answer.json();
            let items = body["items"].as_array().expect("items").clone();
            let ids = items.iter().map(|item| item["reservationId"].as_str().expect("id").to_owned());
            (ids.collect::<Vec<_>>(), body["nextCursor"].as_str().map(str::to_owned))
        }
    };
    let newest_first: Vec<_> = ids.iter().rev().cloned().collect();
    assert_eq!(listed("").await, (newest_first.clone(), None));
    let (first, cursor) = listed("?limit=2").await;
    assert_eq!(first, newest_first[..2]);
    let (rest, end) = listed(&format!("?limit=2&cursor={}", cursor.expect("cursor"))).await;
    assert_eq!((rest.as_slice(), end), (&newest_first[2..], None));
    assert_eq!(listed("?status=confirmed").await.0, [ids[0].clone()]);
    assert_eq!(listed("?status=pending").await.0.len(), 2);
    assert_eq!(listed("?status=refunded").await.0.len(), 0);
    let concert = world.stage.app.any_schedule(other).await.expect("read").expect("there").schedule.concert;
    assert_eq!(listed(&format!("?concertId={concert}")).await.0, [ids[2].clone()]);
    world.stage.clock.advance(300);
    assert_eq!(listed("?status=expired").await.0.len(), 2, "also before any job has noted it");
}
