//! What one fan may have: requests a second, and open streams.

use frontrow_application::catalog::WaitingRoomPatch;
use frontrow_domain::account::Role;
use serde_json::json;

use crate::line::{QUEUES, STATUS, STREAM};
use crate::world::World;

const ME: &str = "/api/v1/users/me";

/// A server on which a fan may send two requests a second, and five at once.
fn world() -> World {
    World::with(
        |http| {
            http.limits.requests_per_fan_per_second = 2;
            http.limits.request_burst_per_fan = 5;
        },
        |_| {},
    )
}

fn room() -> WaitingRoomPatch {
    WaitingRoomPatch::default()
}

#[tokio::test]
async fn a_fan_who_sends_too_many_requests_has_to_slow_down() {
    let world = world();
    let (ann, bob) = (world.fan("ann", 100_000).await, world.fan("bob", 0).await);
    let schedule = world.stage.a_schedule().make().await;
    let reservation = world.hold(&ann, schedule, &[1]).await;
    // Reads, commands and what is refused for another reason count alike.
    world.get(ME).by(&ann).send().await.expect(200);
    world.post("/api/v1/reservations", &json!({})).by(&ann).key("k").send().await.expect(422);
    world.post("/api/v1/reservations", &json!({})).by(&ann).send().await.expect(400);
    world.get("/api/v1/admin/concerts").by(&ann).send().await.expect(403);
    let limited = world.get(ME).by(&ann).send().await;
    assert_eq!(limited.header("retry-after"), "1");
    assert_eq!(limited.problem(429, "rate_limited")["retryAfter"], 1);
    let form = json!({ "reservationId": reservation });
    let pay = || world.post("/api/v1/payments", &form).by(&ann).key("pay").send();
    pay().await.problem(429, "rate_limited");
    // Neither others nor what names nobody is concerned.
    world.get(ME).by(&bob).send().await.expect(200);
    world.get("/api/v1/concerts").by(&ann).send().await.expect(200);
    world.stage.clock.advance_micros(500_000);
    pay().await.expect(201);
    pay().await.problem(429, "rate_limited");
    world.stage.clock.advance(60);
    for _ in 0..5 {
        world.get(ME).by(&ann).send().await.expect(200);
    }
    world.get(ME).by(&ann).send().await.problem(429, "rate_limited");
    world.stage.assert_clean().await;
}

#[tokio::test]
async fn a_fan_who_joins_again_and_again_has_to_wait() {
    let world = World::with(|http| http.limits.joins_per_fan_per_minute = 3, |_| {});
    let (ann, bob) = (world.fan("ann", 0).await, world.fan("bob", 0).await);
    let concert = world.a_sale(room()).await.concert;
    let join = |fan| world.post(QUEUES, &json!({"concertId": concert.get()})).by(fan).send();
    join(&ann).await.expect(201);
    join(&ann).await.expect(200);
    // What is refused for another reason counts as well.
    world.post(QUEUES, &json!({"concertId": 999})).by(&ann).send().await.expect(404);
    let limited = join(&ann).await;
    assert_eq!(limited.header("retry-after"), "60");
    limited.problem(429, "rate_limited");
    join(&bob).await.expect(201);
    world.stage.clock.advance(60);
    join(&ann).await.expect(200);
}

#[tokio::test]
async fn a_place_that_is_asked_about_too_often_has_to_slow_down() {
    let world = world();
    let (ann, bob) = (world.fan("ann", 0).await, world.fan("bob", 0).await);
    let sale = world.a_sale(WaitingRoomPatch { max_active: Some(0), ..room() }).await;
    let (token, other) = (world.join(&ann, sale.concert).await, world.join(&bob, sale.concert).await);
    let seats = format!("/api/v1/concerts/{}/schedules/{}/seats", sale.concert, sale.schedule);
    world.status(&token).await;
    world.get(&seats).token(&token).send().await.problem(403, "queue_not_active");
    world.get(&format!("{seats}/stream")).token(&token).send().await.problem(403, "queue_not_active");
    world.get(STREAM).token(&token).send().await.expect(200);
    world.status(&token).await;
    for (method, path) in [("GET", STATUS), ("GET", STREAM), ("DELETE", QUEUES), ("GET", &seats)] {
        world.call(method, path).token(&token).send().await.problem(429, "rate_limited");
    }
    // What nobody of ours has signed is nobody's request.
    for _ in 0..10 {
        world.get(STATUS).token("nonsense").send().await.problem(403, "queue_token_invalid");
        world.get(STATUS).send().await.problem(403, "queue_token_required");
    }
    // The account is counted apart, and so are others.
    world.get(ME).by(&ann).send().await.expect(200);
    world.status(&other).await;
    world.later(500).await;
    world.status(&token).await;
}

#[tokio::test]
async fn a_stream_that_is_open_counts_once() {
    let world = world();
    let ann = world.fan("ann", 0).await;
    let sale = world.a_sale(WaitingRoomPatch { max_active: Some(0), ..room() }).await;
    let token = world.join(&ann, sale.concert).await;
    let mut stream = world.follow(&token).await;
    stream.next().await;
    for _ in 0..20 {
        world.later(1).await;
        stream.now();
    }
    for _ in 0..4 {
        world.status(&token).await;
    }
    world.get(STATUS).token(&token).send().await.problem(429, "rate_limited");
}

#[tokio::test]
async fn staff_are_not_limited() {
    let world = world();
    let sale = world.a_sale(room()).await;
    let seats = format!("/api/v1/concerts/{}/schedules/{}/seats", sale.concert, sale.schedule);
    for (name, role) in [("olga", Role::Operator), ("adam", Role::Admin), ("gina", Role::Gate)] {
        let client = world.staff(name, role).await;
        for _ in 0..20 {
            world.get(ME).by(&client).send().await.expect(200);
        }
        if role != Role::Gate {
            for _ in 0..20 {
                world.get(&seats).by(&client).send().await.expect(200);
            }
        }
    }
}

#[tokio::test]
async fn no_rate_is_no_limit() {
    let world = World::new();
    let ann = world.fan("ann", 0).await;
    for _ in 0..200 {
        world.get(ME).by(&ann).send().await.expect(200);
    }
}

#[tokio::test]
async fn a_fan_follows_four_seat_maps_and_no_more() {
    let world = World::new();
    let (ann, bob) = (world.fan("ann", 0).await, world.fan("bob", 0).await);
    let sale = world.a_sale(WaitingRoomPatch { max_active: Some(2), ..room() }).await;
    let (token, other) = (world.join(&ann, sale.concert).await, world.join(&bob, sale.concert).await);
    world.tick().await;
    let path = format!("/api/v1/concerts/{}/schedules/{}/seats/stream", sale.concert, sale.schedule);
    let mut open = Vec::new();
    for _ in 0..4 {
        let mut stream = world.get(&path).token(&token).listen().await;
        stream.next().await;
        open.push(stream);
    }
    let refused = world.get(&path).token(&token).send().await;
    assert_eq!(refused.header("retry-after"), "5");
    refused.problem(429, "rate_limited");
    let mut others = world.get(&path).token(&other).listen().await;
    others.next().await;
    // A place is free again when a stream is closed, by whichever side.
    open.pop();
    let mut again = world.get(&path).token(&token).listen().await;
    again.next().await;
    world.get(&path).token(&token).send().await.problem(429, "rate_limited");
}
