//! What an active place is asked for, and who needs none.

use frontrow_application::catalog::WaitingRoomPatch;
use frontrow_application::queue::QueuePatch;
use frontrow_application::staff::By;
use frontrow_domain::account::Role;
use serde_json::{Value, json};

use crate::line::{QUEUES, Sale};
use crate::world::{Answer, Client, World};

const HOLD: &str = "/api/v1/reservations";

fn room() -> WaitingRoomPatch {
    WaitingRoomPatch::default()
}

/// The gated reads of a sale.
fn reads(sale: Sale) -> [String; 3] {
    let path = format!("/api/v1/concerts/{}/schedules/{}", sale.concert, sale.schedule);
    [format!("{path}/seats"), format!("{path}/states"), format!("{path}/seats/stream")]
}

async fn hold(world: &World, sale: Sale, client: &Client, token: Option<&str>, seat: u32) -> Answer {
    let form = json!({"scheduleId": sale.schedule.get(), "seats": [seat]});
    let call = world.post(HOLD, &form).by(client).key(&format!("seat {seat}"));
    let call = if let Some(token) = token { call.token(token) } else { call };
    call.send().await
}

/// What everything that is gated answers to this token.
async fn expect_refusal(world: &World, sale: Sale, client: &Client, token: Option<&str>, code: &str) {
    for path in reads(sale) {
        for bearer in [None, Some(client)] {
            let call = world.get(&path);
            let call = if let Some(token) = token { call.token(token) } else { call };
            let call = if let Some(client) = bearer { call.by(client) } else { call };
            call.send().await.problem(403, code);
        }
    }
    hold(world, sale, client, token, 50).await.problem(403, code);
}

#[tokio::test]
async fn every_way_not_to_be_let_in_has_its_code() {
    let world = World::new();
    let (ann, bob, eve) = (world.fan("ann", 0).await, world.fan("bob", 0).await, world.fan("eve", 0).await);
    let sale = world.a_sale(room()).await;
    let other = world.a_sale(room()).await;
    let (first, second) = (world.join(&ann, sale.concert).await, world.join(&bob, sale.concert).await);
    let elsewhere = world.join(&ann, other.concert).await;
    world.tick().await;

    expect_refusal(&world, sale, &ann, None, "queue_token_required").await;
    expect_refusal(&world, sale, &ann, Some(""), "queue_token_required").await;
    expect_refusal(&world, sale, &ann, Some("nonsense"), "queue_token_invalid").await;
    expect_refusal(&world, sale, &ann, Some(&first[1..]), "queue_token_invalid").await;
    expect_refusal(&world, sale, &ann, Some(&elsewhere), "queue_token_invalid").await;
    expect_refusal(&world, sale, &bob, Some(&second), "queue_not_active").await;
    // To look the token alone is enough; to hold it has to be one's own.
    for path in reads(sale) {
        world.get(&path).token(&first).send().await.expect(200);
        world.get(&path).token(&first).by(&bob).send().await.expect(200);
        world.get(&path).token(&first).header("authorization", "Bearer nonsense").send().await.expect(200);
    }
    hold(&world, sale, &eve, Some(&first), 1).await.problem(403, "queue_token_invalid");
    hold(&world, sale, &ann, Some(&first), 1).await.expect(201);

    world.delete(QUEUES).token(&first).send().await.expect(204);
    expect_refusal(&world, sale, &ann, Some(&first), "queue_token_expired").await;
    // Without a token, what is wrong with the access token counts.
    let path = &reads(sale)[0];
    world.get(path).header("authorization", "Bearer nonsense").send().await.problem(401, "unauthenticated");
    world.stage.clock.advance(900);
    world.get(path).by(&ann).send().await.problem(401, "access_token_expired");
}

#[tokio::test]
async fn a_session_is_over_at_its_end_and_not_before() {
    let world = World::new();
    let ann = world.fan("ann", 100_000).await;
    let sale = world.a_sale(WaitingRoomPatch { session_seconds: Some(100), ..room() }).await;
    let token = world.join(&ann, sale.concert).await;
    world.tick().await;
    let held = hold(&world, sale, &ann, Some(&token), 1).await.expect(201);
    world.stage.clock.advance_micros(99_999_999);
    hold(&world, sale, &ann, Some(&token), 2).await.expect(201);
    world.stage.clock.advance_micros(1);
    // Also before any tick has noted it.
    expect_refusal(&world, sale, &ann, Some(&token), "queue_token_expired").await;
    world.tick().await;
    assert_eq!(world.status(&token).await["endReason"], "timed_out");
    // What is held stays payable, can be extended, and is shown again under its key.
    let again = hold(&world, sale, &ann, Some(&token), 1).await.expect(201);
    assert_eq!((again.header("idempotency-replayed"), &again.body), ("true", &held.body));
    let again = hold(&world, sale, &ann, None, 1).await.expect(201);
    assert_eq!(again.header("idempotency-replayed"), "true");
    let id = held.json()["reservationId"].as_str().expect("id").to_owned();
    world.call("POST", &format!("{HOLD}/{id}/extend")).by(&ann).key("x").send().await.expect(200);
    world.pay(&ann, &id).await;
    // Another request under a used key is told about the key, and not about the session.
    let form = json!({"scheduleId": sale.schedule.get(), "seats": [3]});
    let reused = world.post(HOLD, &form).by(&ann).key("seat 1").token(&token).send().await;
    reused.problem(422, "idempotency_key_reused");
    world.stage.assert_clean().await;
}

#[tokio::test]
async fn a_called_fan_who_does_not_come_loses_the_place() {
    let world = World::new();
    let (ann, bob) = (world.fan("ann", 0).await, world.fan("bob", 0).await);
    let room = WaitingRoomPatch { max_active: Some(2), claim_seconds: Some(30), ..room() };
    let sale = world.a_sale(room).await;
    let (first, second) = (world.join(&ann, sale.concert).await, world.join(&bob, sale.concert).await);
    world.tick().await;
    assert_eq!(world.status(&first).await["expiresAt"], world.time(30));
    // Looking at the seats is coming.
    world.get(&reads(sale)[1]).token(&first).send().await.expect(200);
    assert_eq!(world.status(&first).await["expiresAt"], world.time(300));
    world.later(30_000).await;
    assert_eq!(world.status(&first).await["state"], "active");
    assert_eq!(world.status(&second).await["endReason"], "no_show");
}

#[tokio::test]
async fn staff_need_no_token() {
    let world = World::new();
    let sale = world.a_sale(room()).await;
    let staff = [world.staff("olga", Role::Operator).await, world.staff("adam", Role::Admin).await];
    for (seat, client) in (1..).zip(&staff) {
        for path in reads(sale) {
            world.get(&path).by(client).send().await.expect(200);
            world.get(&path).by(client).token("nonsense").send().await.expect(200);
        }
        hold(&world, sale, client, None, seat).await.expect(201);
    }
    // Somebody at the door is a fan like any other.
    let gina = world.staff("gina", Role::Gate).await;
    expect_refusal(&world, sale, &gina, None, "queue_token_required").await;
}

#[tokio::test]
async fn without_a_waiting_room_no_token_is_asked_for() {
    let world = World::new();
    let ann = world.fan("ann", 0).await;
    let sale = world.a_sale(room()).await;
    let token = world.join(&ann, sale.concert).await;
    world.set_room(sale.concert, WaitingRoomPatch { enabled: Some(false), ..room() }).await;
    for path in reads(sale) {
        world.get(&path).send().await.expect(200);
        for token in ["nonsense", &token] {
            world.get(&path).token(token).send().await.expect(200);
        }
    }
    hold(&world, sale, &ann, None, 1).await.expect(201);
    hold(&world, sale, &ann, Some("nonsense"), 2).await.expect(201);
    // Switched on again, the next request needs one; what is held stays.
    world.set_room(sale.concert, WaitingRoomPatch { enabled: Some(true), ..room() }).await;
    expect_refusal(&world, sale, &ann, None, "queue_token_required").await;
    let listed = world.get(HOLD).by(&ann).send().await.expect(200).json();
    assert_eq!(listed["items"].as_array().map(Vec::len), Some(2));
}

#[tokio::test]
async fn a_concert_that_is_not_published_is_not_there_whatever_its_room() {
    let world = World::new();
    let ann = world.fan("ann", 0).await;
    let sale = world.a_sale(room()).await;
    let token = world.join(&ann, sale.concert).await;
    let hide = frontrow_application::catalog::ConcertPatch { published: Some(false), ..Default::default() };
    world.stage.app.edit_concert(By::System, sale.concert, hide).await.expect("edit");
    for path in reads(sale) {
        world.get(&path).send().await.problem(404, "not_found");
    }
    world.ask(&ann, sale.concert).await.problem(404, "not_found");
    world.get("/api/v1/queues/status").token(&token).send().await.problem(404, "not_found");
    world.get("/api/v1/queues/stream").token(&token).send().await.problem(404, "not_found");
    hold(&world, sale, &ann, None, 1).await.problem(404, "not_found");
}

#[tokio::test]
async fn revoking_kills_a_token_at_once() {
    let world = World::new();
    let (ann, olga) = (world.fan("ann", 0).await, world.staff("olga", Role::Operator).await);
    let sale = world.a_sale(room()).await;
    let token = world.join(&ann, sale.concert).await;
    world.tick().await;
    let held = hold(&world, sale, &ann, Some(&token), 1).await.expect(201).json();
    let path = format!("/api/v1/admin/concerts/{}/queue/fans/{}", sale.concert, ann.user);
    world.delete(&path).by(&olga).send().await.expect(204);
    expect_refusal(&world, sale, &ann, Some(&token), "queue_token_expired").await;
    assert_eq!(world.status(&token).await["endReason"], "revoked");
    let id = held["reservationId"].as_str().expect("id");
    let seen = world.get(&format!("{HOLD}/{id}")).by(&ann).send().await.expect(200).json();
    assert_eq!(seen["status"], "pending", "what is held stays payable");
    // A new place is another one, at the end.
    let anew = world.join(&ann, sale.concert).await;
    assert_ne!(anew, token);
    world.later(1_000).await;
    hold(&world, sale, &ann, Some(&anew), 2).await.expect(201);
}

#[tokio::test]
async fn a_seat_stream_ends_with_the_session() {
    let world = World::new();
    let (ann, olga) = (world.fan("ann", 0).await, world.staff("olga", Role::Operator).await);
    let sale = world.a_sale(room()).await;
    let token = world.join(&ann, sale.concert).await;
    world.tick().await;
    let path = &reads(sale)[2];
    let mut by_header = world.get(path).token(&token).listen().await;
    let mut by_query = world.get(&format!("{path}?token={token}")).listen().await;
    let mut of_staff = world.get(path).by(&olga).listen().await;
    for stream in [&mut by_header, &mut by_query, &mut of_staff] {
        assert_eq!(stream.status, 200);
        assert_eq!(stream.next().await.data, json!({"version": 1, "changes": []}));
    }
    hold(&world, sale, &ann, Some(&token), 1).await.expect(201);
    world.stage.app.tick_feeds().await.expect("tick");
    for stream in [&mut by_header, &mut by_query, &mut of_staff] {
        let held = json!({"version": 2, "changes": [{"no": 1, "state": "held"}]});
        assert_eq!(stream.next().await.data, held);
    }
    world.delete(QUEUES).token(&token).send().await.expect(204);
    hold(&world, sale, &olga, None, 2).await.expect(201);
    world.stage.app.tick_feeds().await.expect("tick");
    by_header.end().await;
    by_query.end().await;
    assert_eq!(of_staff.next().await.data["version"], 3, "staff look on");
}

#[tokio::test]
async fn a_paused_line_lets_nobody_in_and_throws_nobody_out() {
    let world = World::new();
    let (ann, bob) = (world.fan("ann", 0).await, world.fan("bob", 0).await);
    let sale = world.a_sale(WaitingRoomPatch { max_active: Some(10), ..room() }).await;
    let first = world.join(&ann, sale.concert).await;
    world.tick().await;
    let second = world.join(&bob, sale.concert).await;
    let steer = |patch| world.stage.app.edit_queue(By::System, sale.concert, patch, false);
    steer(QueuePatch { paused: Some(true), ..QueuePatch::default() }).await.expect("edit");
    world.later(1_000).await;
    hold(&world, sale, &ann, Some(&first), 1).await.expect(201);
    hold(&world, sale, &bob, Some(&second), 2).await.problem(403, "queue_not_active");
    assert_eq!(world.status(&second).await["room"], "paused");
    steer(QueuePatch { paused: Some(false), ..QueuePatch::default() }).await.expect("edit");
    world.later(1_000).await;
    hold(&world, sale, &bob, Some(&second), 2).await.expect(201);
    let line: Value = world.line(sale.concert).await;
    assert_eq!((&line["state"], &line["active"]), (&json!("open"), &json!(2)));
}
