//! Where a fan stands, as it changes.

use expect_test::expect;
use frontrow_application::catalog::WaitingRoomPatch;
use frontrow_application::queue::Entrance;
use frontrow_application::reservation::HoldRequest;
use frontrow_application::staff::By;
use frontrow_testkit::stage::seats;
use serde_json::json;

use crate::line::{Event, QUEUES, STREAM};
use crate::world::World;

fn room() -> WaitingRoomPatch {
    WaitingRoomPatch::default()
}

#[tokio::test]
async fn a_stream_tells_of_a_place_from_joining_to_its_end() {
    let world = World::new();
    let (ann, bob) = (world.fan("ann", 0).await, world.fan("bob", 0).await);
    let sale = world.a_sale(room()).await;
    let (first, second) = (world.join(&ann, sale.concert).await, world.join(&bob, sale.concert).await);
    world.tick().await;
    let mut stream = world.follow(&second).await;
    let header = |name: &str| stream.headers[name].to_str().expect("text");
    assert_eq!(
        (stream.status, header("content-type"), header("cache-control"), header("x-accel-buffering")),
        (200, "text/event-stream", "no-store", "no")
    );
    let present = stream.next().await;
    assert_eq!((present.name.as_str(), present.id), ("status", 1));
    assert_eq!(present.data, world.status(&second).await, "the present state, as it can be asked for");
    assert_eq!(present.data["state"], "waiting");

    // The longer the first one takes, the longer the second one waits; nothing else has changed.
    world.later(2_000).await;
    let meanwhile = stream.now();
    let [longer] = &meanwhile[..] else { panic!("one event: {meanwhile:?}") };
    let without_wait = |event: &Event| {
        let mut data = event.data.clone();
        data["estimatedWaitSeconds"].take();
        data
    };
    assert_eq!((longer.id, without_wait(longer)), (2, without_wait(&present)));
    // A new state is told at once.
    world.delete(QUEUES).token(&first).send().await.expect(204);
    world.later(500).await;
    let active = stream.next().await;
    assert_eq!(
        (active.id, &active.data["state"], &active.data["position"]),
        (3, &json!("active"), &json!(0))
    );
    world.later(60_000).await;
    let expired = stream.next().await;
    assert_eq!((expired.id, &expired.data["endReason"]), (4, &json!("no_show")));
    stream.end().await;

    let back = |last: &str| world.get(STREAM).token(&second).header("last-event-id", last).send();
    let gone = back("4").await.expect(204);
    expect![["
        204
        content-length: 0
        x-request-id: test

    "]]
    .assert_eq(&gone.to_string());
    back("0").await.expect(204);
    // Somebody who has not heard of it gets the one event.
    let mut first_time = world.follow(&second).await;
    assert_eq!(first_time.next().await.data["state"], "expired");
    first_time.end().await;
}

#[tokio::test]
async fn a_stream_is_silent_while_nothing_changes() {
    let world = World::new();
    let ann = world.fan("ann", 0).await;
    let sale = world.a_sale(WaitingRoomPatch { max_active: Some(0), ..room() }).await;
    let token = world.join(&ann, sale.concert).await;
    world.tick().await;
    let mut stream = world.follow(&token).await;
    assert_eq!(stream.next().await.data["estimatedWaitSeconds"], json!(null), "nobody is let in");
    world.later(2_000).await;
    assert_eq!(stream.now(), []);
}

#[tokio::test]
async fn ids_go_on_where_the_stream_before_ended() {
    let world = World::new();
    let ann = world.fan("ann", 0).await;
    let sale = world.a_sale(room()).await;
    let token = world.join(&ann, sale.concert).await;
    for (last, next) in [("41", 42), ("18446744073709551615", u64::MAX)] {
        let mut stream = world.get(STREAM).token(&token).header("last-event-id", last).listen().await;
        let event = stream.next().await;
        assert_eq!((event.id, &event.data["state"]), (next, &json!("waiting")), "the present state again");
    }
    for last in ["x", "-1", "1.5"] {
        let call = world.get(STREAM).token(&token).header("last-event-id", last);
        call.send().await.problem(400, "invalid_request");
    }
}

#[tokio::test]
async fn the_token_may_come_in_the_address() {
    let world = World::new();
    let (ann, bob) = (world.fan("ann", 0).await, world.fan("bob", 0).await);
    let sale = world.a_sale(room()).await;
    let (first, second) = (world.join(&ann, sale.concert).await, world.join(&bob, sale.concert).await);
    let mut stream = world.get(&format!("{STREAM}?token={second}")).listen().await;
    assert_eq!(stream.next().await.data["sequence"], 2);
    // The header counts more.
    let mut stream = world.get(&format!("{STREAM}?token={second}")).token(&first).listen().await;
    assert_eq!(stream.next().await.data["sequence"], 1);
    world.get(&format!("{STREAM}?token=")).send().await.problem(403, "queue_token_required");
    world.get(&format!("{STREAM}?token=x")).send().await.problem(403, "queue_token_invalid");
    for query in [format!("token={first}&token={second}"), format!("token={first}&x=1")] {
        world.get(&format!("{STREAM}?{query}")).send().await.problem(400, "invalid_request");
    }
}

#[tokio::test]
async fn the_newest_stream_of_a_token_wins() {
    let world = World::new();
    let (ann, bob) = (world.fan("ann", 0).await, world.fan("bob", 0).await);
    let sale = world.a_sale(WaitingRoomPatch { max_active: Some(0), ..room() }).await;
    let (token, others) = (world.join(&ann, sale.concert).await, world.join(&bob, sale.concert).await);
    let mut other = world.follow(&others).await;
    let mut older = world.follow(&token).await;
    older.next().await;
    other.next().await;
    let mut newer = world.follow(&token).await;
    older.end().await;
    newer.next().await;
    world.set_room(sale.concert, WaitingRoomPatch { max_active: Some(2), ..room() }).await;
    world.later(1_000).await;
    assert_eq!(newer.next().await.data["state"], "active");
    assert_eq!(other.next().await.data["state"], "active", "others are not concerned");
}

#[tokio::test]
async fn the_farther_away_the_less_often_somebody_is_told() {
    let world = World::new();
    let sale = world.a_sale(WaitingRoomPatch { max_active: Some(0), ..room() }).await;
    let (ann, bob) = (world.fan("ann", 0).await, world.fan("bob", 0).await);
    let first = world.join(&ann, sale.concert).await;
    let fans = world.stage.fans(100, 0).await;
    for fan in &fans {
        world.stage.app.join_queue(*fan, sale.concert).await.expect("a place");
    }
    let last = world.join(&bob, sale.concert).await;
    world.tick().await;
    let (mut near, mut far) = (world.follow(&first).await, world.follow(&last).await);
    assert_eq!(
        (near.next().await.data["ahead"].clone(), far.next().await.data["ahead"].clone()),
        (json!(0), json!(101))
    );
    let mut told = [0, 0];
    // A seat goes every half second, so there is always something new.
    for seat in 1..=20 {
        let request = HoldRequest { schedule: sale.schedule, seats: seats([seat]) };
        let buyer = fans[seat as usize];
        world.stage.app.hold_by(buyer, Entrance::Staff, request, None).await.expect("a hold");
        world.later(500).await;
        told[0] += near.now().len();
        told[1] += far.now().len();
    }
    assert_eq!(told, [10, 5], "every second, and every two");
}

#[tokio::test]
async fn a_stream_is_a_sign_of_life() {
    let world = World::new();
    let (ann, bob) = (world.fan("ann", 0).await, world.fan("bob", 0).await);
    let sale = world.a_sale(WaitingRoomPatch { max_active: Some(0), ..room() }).await;
    let (silent, followed) = (world.join(&ann, sale.concert).await, world.join(&bob, sale.concert).await);
    let mut stream = world.follow(&followed).await;
    stream.next().await;
    for _ in 0..300 {
        world.later(1_000).await;
        stream.now();
    }
    world.set_room(sale.concert, WaitingRoomPatch { max_active: Some(1), ..room() }).await;
    world.later(1_000).await;
    assert_eq!(stream.next().await.data["state"], "active");
    assert_eq!(world.status(&silent).await["state"], "waiting");
}

#[tokio::test]
async fn a_stream_ends_when_its_concert_is_hidden_or_the_server_stops() {
    let world = World::new();
    let (ann, bob) = (world.fan("ann", 0).await, world.fan("bob", 0).await);
    let (sale, other) = (world.a_sale(room()).await, world.a_sale(room()).await);
    let (hidden, stopped) = (world.join(&ann, sale.concert).await, world.join(&bob, other.concert).await);
    world.tick().await;
    let (mut first, mut second) = (world.follow(&hidden).await, world.follow(&stopped).await);
    first.next().await;
    second.next().await;
    let hide = frontrow_application::catalog::ConcertPatch { published: Some(false), ..Default::default() };
    world.stage.app.edit_concert(By::System, sale.concert, hide).await.expect("edit");
    world.later(1_000).await;
    first.end().await;
    assert!(!second.has_ended);
    world.stopping.cancel();
    while !second.has_ended {
        second.now();
    }
}

#[tokio::test]
async fn what_is_told_of_a_revoked_place_is_its_end() {
    let world = World::new();
    let ann = world.fan("ann", 0).await;
    let sale = world.a_sale(room()).await;
    let token = world.join(&ann, sale.concert).await;
    world.tick().await;
    let mut stream = world.follow(&token).await;
    assert_eq!(stream.next().await.data["state"], "active");
    assert_eq!(world.stage.app.revoke_place(By::System, sale.concert, ann.user).await, Ok(true));
    world.later(500).await;
    let event = stream.next().await;
    assert_eq!((&event.data["state"], &event.data["endReason"]), (&json!("expired"), &json!("revoked")));
    stream.end().await;
}
