//! Joining a line, where one stands in it, leaving it, and what everybody may know of it.

use expect_test::expect;
use frontrow_application::catalog::WaitingRoomPatch;
use frontrow_application::queue::QueuePatch;
use frontrow_application::staff::By;
use serde_json::{Value, json};

use crate::line::{QUEUES, STATUS};
use crate::world::{World, keys};

fn room() -> WaitingRoomPatch {
    WaitingRoomPatch::default()
}

#[tokio::test]
async fn from_the_end_of_the_line_to_a_ticket() {
    let world = World::new();
    let (ann, bob) = (world.fan("ann", 100_000).await, world.fan("bob", 0).await);
    let sale = world.a_sale(room()).await;
    let joined = world.ask(&ann, sale.concert).await;
    expect![[r#"
        201
        cache-control: private, no-cache
        content-length: 468
        content-type: application/json
        x-request-id: test
        {"concertId":1,"state":"waiting","room":"open","entryId":"01a05ca0-3b80-7000-8000-258a6762531f","sequence":1,"ahead":0,"position":1,"estimatedWaitSeconds":null,"seatsLeft":50,"seatsHeld":0,"schedules":[{"scheduleId":1,"seatsLeft":50,"seatsHeld":0}],"pollAfterSeconds":2,"joinedAt":"2026-09-01T11:00:00Z","admittedAt":null,"expiresAt":null,"endReason":null,"notice":null,"token":"Akuwb44AAAABAAAAAAAAAAEBoFygO4BwAIAAJYpnYlMfAaBcoDuAcACAAAuBt0EMyqyb_z8zN05NHLZejRBf5KM"}
    "#]].assert_eq(&joined.to_string());
    let token = joined.json()["token"].as_str().expect("text").to_owned();
    let bobs = world.join(&bob, sale.concert).await;
    world.stage.clock.advance(1);
    let waiting = world.get(STATUS).token(&bobs).send().await;
    expect![[r#"
        200
        cache-control: private, no-cache
        content-length: 370
        content-type: application/json
        etag: "f7eccdf53083f6bf"
        x-request-id: test
        {"concertId":1,"state":"waiting","room":"open","entryId":"01a05ca0-3b80-7000-8000-2b3cdbd04645","sequence":2,"ahead":1,"position":2,"estimatedWaitSeconds":null,"seatsLeft":50,"seatsHeld":0,"schedules":[{"scheduleId":1,"seatsLeft":50,"seatsHeld":0}],"pollAfterSeconds":2,"joinedAt":"2026-09-01T11:00:00Z","admittedAt":null,"expiresAt":null,"endReason":null,"notice":null}
    "#]].assert_eq(&waiting.to_string());

    world.tick().await;
    let active = world.get(STATUS).token(&token).send().await;
    expect![[r#"
        200
        cache-control: private, no-cache
        content-length: 405
        content-type: application/json
        etag: "8745159c2ba0ad64"
        x-request-id: test
        {"concertId":1,"state":"active","room":"open","entryId":"01a05ca0-3b80-7000-8000-258a6762531f","sequence":1,"ahead":0,"position":0,"estimatedWaitSeconds":null,"seatsLeft":50,"seatsHeld":0,"schedules":[{"scheduleId":1,"seatsLeft":50,"seatsHeld":0}],"pollAfterSeconds":5,"joinedAt":"2026-09-01T11:00:00Z","admittedAt":"2026-09-01T11:00:01Z","expiresAt":"2026-09-01T11:01:01Z","endReason":null,"notice":null}
    "#]].assert_eq(&active.to_string());
    let next = world.status(&bobs).await;
    assert_eq!(
        (&next["state"], &next["ahead"], &next["position"]),
        (&json!("waiting"), &json!(0), &json!(1))
    );

    let form = json!({"scheduleId": sale.schedule.get(), "seats": [7]});
    let ask = || world.post("/api/v1/reservations", &form).by(&ann).key("hold").token(&token).send();
    let held = ask().await.expect(201);
    let reservation = held.json()["reservationId"].as_str().expect("id").to_owned();
    world.tick().await;
    let left = world.status(&bobs).await;
    assert_eq!(
        (&left["seatsLeft"], &left["seatsHeld"], &left["schedules"]),
        (&json!(49), &json!(1), &json!([{"scheduleId": 1, "seatsLeft": 49, "seatsHeld": 1}]))
    );
    world.pay(&ann, &reservation).await;
    assert_eq!(world.stage.app.tick_sessions().await, Ok(1));
    let paid = world.get(STATUS).token(&token).send().await;
    expect![[r#"
        200
        cache-control: private, no-cache
        content-length: 397
        content-type: application/json
        etag: "4261d247b9d83574"
        x-request-id: test
        {"concertId":1,"state":"expired","room":"open","entryId":"01a05ca0-3b80-7000-8000-258a6762531f","sequence":1,"ahead":null,"position":null,"estimatedWaitSeconds":null,"seatsLeft":49,"seatsHeld":1,"schedules":[{"scheduleId":1,"seatsLeft":49,"seatsHeld":1}],"pollAfterSeconds":60,"joinedAt":"2026-09-01T11:00:00Z","admittedAt":"2026-09-01T11:00:01Z","expiresAt":null,"endReason":"paid","notice":null}
    "#]].assert_eq(&paid.to_string());

    world.later(1_000).await;
    assert_eq!(world.status(&bobs).await["state"], "active", "the slot goes on");
    // What was answered once is shown again, whatever has become of the session.
    let again = ask().await.expect(201);
    assert_eq!((again.header("idempotency-replayed"), &again.body), ("true", &held.body));
    world.stage.assert_clean().await;
}

#[tokio::test]
async fn joining_again_gives_the_same_place_and_the_same_token() {
    let world = World::new();
    let (ann, bob) = (world.fan("ann", 0).await, world.fan("bob", 0).await);
    let sale = world.a_sale(room()).await;
    let first = world.ask(&ann, sale.concert).await.expect(201).json();
    world.join(&bob, sale.concert).await;
    world.stage.clock.advance(5);
    // Another device, and an idempotency key that belongs to something else: it is not looked at.
    let other_device = world.log_in("ann").await;
    let form = json!({"concertId": sale.concert.get(), "challenge": {"nonce": "x"}, "accessCode": "vip"});
    for key in ["", "k", &"k".repeat(300)] {
        let call = world.post(QUEUES, &form).by(&other_device);
        let call = if key.is_empty() { call } else { call.key(key) };
        let again = call.send().await.expect(200);
        assert_eq!(again.header("idempotency-replayed"), "");
        assert_eq!(again.json(), first);
    }
    world.tick().await;
    let active = world.ask(&ann, sale.concert).await.expect(200).json();
    assert_eq!((&active["state"], &active["token"]), (&json!("active"), &first["token"]));

    let token = first["token"].as_str().expect("text");
    world.delete(QUEUES).token(token).send().await.expect(204);
    let anew = world.ask(&ann, sale.concert).await.expect(201).json();
    assert_ne!(anew["token"], first["token"]);
    assert_ne!(anew["entryId"], first["entryId"]);
    assert_eq!((&anew["sequence"], &anew["ahead"]), (&json!(3), &json!(1)), "at the end of the line");
    let old = world.status(token).await;
    assert_eq!((&old["state"], &old["endReason"]), (&json!("expired"), &json!("left")));
}

#[tokio::test]
async fn leaving_is_harmless_to_repeat_and_frees_the_slot() {
    let world = World::new();
    let (ann, bob, eve) = (world.fan("ann", 0).await, world.fan("bob", 0).await, world.fan("eve", 0).await);
    let sale = world.a_sale(room()).await;
    let (first, second) = (world.join(&ann, sale.concert).await, world.join(&bob, sale.concert).await);
    let third = world.join(&eve, sale.concert).await;
    assert_eq!(world.status(&third).await["ahead"], 2);
    for _ in 0..2 {
        let left = world.delete(QUEUES).token(&second).send().await.expect(204);
        assert_eq!(left.body, b"");
    }
    assert_eq!(world.status(&third).await["ahead"], 1);
    world.tick().await;
    world.delete(QUEUES).token(&first).send().await.expect(204);
    world.later(1_000).await;
    assert_eq!(world.status(&third).await["state"], "active");
    let over = world.get(STATUS).token(&second).send().await;
    expect![[r#"
        200
        cache-control: private, no-cache
        content-length: 379
        content-type: application/json
        etag: "9616ab34407f8028"
        x-request-id: test
        {"concertId":1,"state":"expired","room":"open","entryId":"01a05ca0-3b80-7000-8000-31ec8c79a8aa","sequence":2,"ahead":null,"position":null,"estimatedWaitSeconds":null,"seatsLeft":50,"seatsHeld":0,"schedules":[{"scheduleId":1,"seatsLeft":50,"seatsHeld":0}],"pollAfterSeconds":60,"joinedAt":"2026-09-01T11:00:00Z","admittedAt":null,"expiresAt":null,"endReason":"left","notice":null}
    "#]].assert_eq(&over.to_string());
}

#[tokio::test]
async fn whoever_cannot_join_is_told_why() {
    let world = World::new();
    let ann = world.fan("ann", 1_000_000).await;
    world.ask(&ann, 99.to_string().parse().expect("id")).await.problem(404, "not_found");
    let call = || world.post(QUEUES, &json!({"concertId": 0})).by(&ann);
    call().send().await.problem(404, "not_found");

    let concert = world.stage.a_concert().make().await;
    world.ask(&ann, concert).await.problem(409, "no_waiting_room");
    world.set_room(concert, WaitingRoomPatch { enabled: Some(true), ..room() }).await;
    let early = world.ask(&ann, concert).await.problem(409, "sale_not_open");
    assert_eq!(early.get("opensAt"), None, "nobody knows without a schedule");
    let (start, end) = (world.stage.now().plus_seconds(60), world.stage.now().plus_seconds(600));
    let schedule = world.stage.a_schedule().of(concert).booking_start(start).booking_end(end).seats(2);
    let schedule = schedule.make().await;
    let early = world.ask(&ann, concert).await.problem(409, "sale_not_open");
    assert_eq!(early["opensAt"], world.time(60));

    world.stage.clock.advance(60);
    let steer = |patch| world.stage.app.edit_queue(By::System, concert, patch, false);
    steer(QueuePatch { draining: Some(true), ..QueuePatch::default() }).await.expect("edit");
    world.tick().await;
    world.ask(&ann, concert).await.problem(409, "sale_closed");
    steer(QueuePatch { draining: Some(false), ..QueuePatch::default() }).await.expect("edit");
    world.later(1_000).await;
    let token = world.join(&ann, concert).await;
    world.later(1_000).await;
    let form = json!({"scheduleId": schedule.get(), "seats": [1, 2]});
    let held =
        world.post("/api/v1/reservations", &form).by(&ann).key("k").token(&token).send().await.expect(201);
    world.pay(&ann, held.json()["reservationId"].as_str().expect("id")).await;
    world.tick().await;
    let bob = world.fan("bob", 0).await;
    world.ask(&bob, concert).await.problem(409, "sold_out");
    world.ask(&ann, concert).await.expect(200);

    world.stage.clock.advance(540);
    world.tick().await;
    world.ask(&bob, concert).await.problem(409, "sale_closed");
}

#[tokio::test]
async fn a_body_that_is_wrong_joins_nothing() {
    let world = World::new();
    let ann = world.fan("ann", 0).await;
    let sale = world.a_sale(room()).await;
    for (body, wrong) in [
        (json!({}), "concertId"),
        (json!({"concertId": "1"}), "concertId"),
        (json!({"concertId": -1}), "concertId"),
        (json!({"concertId": 1.5}), "concertId"),
        (json!({"concertId": null}), "concertId"),
        (json!({"concertId": 1, "userId": "x"}), "userId"),
        (json!({"concertId": 1, "accessCode": 7}), "accessCode"),
        (json!([1]), ""),
    ] {
        let answer = world.post(QUEUES, &body).by(&ann).send().await;
        assert_eq!(answer.wrong(), [wrong], "{body}");
        answer.problem(422, "validation_failed");
    }
    world
        .call("POST", QUEUES)
        .raw("text/plain", b"{}")
        .by(&ann)
        .send()
        .await
        .problem(415, "unsupported_media_type");
    world
        .call("POST", QUEUES)
        .raw("application/json", b"{")
        .by(&ann)
        .send()
        .await
        .problem(400, "invalid_request");
    world.tick().await;
    let line = world.line(sale.concert).await;
    assert_eq!((&line["waiting"], &line["active"], &line["headSequence"]), (&json!(0), &json!(0), &json!(1)));
}

#[tokio::test]
async fn a_flood_without_accounts_leaves_the_line_empty() {
    let world = World::new();
    let sale = world.a_sale(room()).await;
    let ann = world.fan("ann", 0).await;
    let forged = format!("Bearer {}x", ann.token);
    for number in 0..1_000 {
        let call = world.post(QUEUES, &json!({"concertId": sale.concert.get()}));
        let call = if number % 2 == 0 { call } else { call.header("authorization", &forged) };
        call.send().await.problem(401, "unauthenticated");
    }
    world.later(1_000).await;
    let line = world.line(sale.concert).await;
    assert_eq!((&line["waiting"], &line["active"], &line["headSequence"]), (&json!(0), &json!(0), &json!(1)));
    let joined = world.ask(&ann, sale.concert).await.expect(201).json();
    assert_eq!(joined["sequence"], 1);
}

#[tokio::test]
async fn a_place_is_asked_for_with_a_token_of_ours() {
    let world = World::new();
    let ann = world.fan("ann", 0).await;
    let sale = world.a_sale(room()).await;
    let token = world.join(&ann, sale.concert).await;
    let turned: String = token.chars().rev().collect();
    for (method, path) in [("GET", STATUS), ("DELETE", QUEUES), ("GET", "/api/v1/queues/stream")] {
        let call = || world.call(method, path);
        call().send().await.problem(403, "queue_token_required");
        call().token("").send().await.problem(403, "queue_token_required");
        call().by(&ann).send().await.problem(403, "queue_token_required");
        for forged in [&turned, "x", &token[1..], &ann.token, &"A".repeat(1_024)] {
            call().token(forged).send().await.problem(403, "queue_token_invalid");
        }
        call().header("queue-token", "봄").send().await.problem(403, "queue_token_invalid");
        call().token(&token).token(&token).send().await.problem(400, "invalid_request");
    }
    // Only streams take it in the address.
    world.get(&format!("{STATUS}?token={token}")).send().await.problem(403, "queue_token_required");
    assert_eq!(world.status(&token).await["state"], "waiting");
    // A token of another server, with another secret.
    let other = World::with(|http| http.keys.replace(&keys(&[1])), |_| {});
    let sale = other.a_sale(room()).await;
    let eve = other.fan("eve", 0).await;
    let foreign = other.join(&eve, sale.concert).await;
    world.get(STATUS).token(&foreign).send().await.problem(403, "queue_token_invalid");
}

#[tokio::test]
async fn a_status_that_has_not_changed_is_not_sent_again_and_is_a_sign_of_life() {
    let world = World::new();
    let (ann, eve) = (world.fan("ann", 0).await, world.fan("eve", 0).await);
    let sale = world.a_sale(WaitingRoomPatch { max_active: Some(0), ..room() }).await;
    let (silent, token) = (world.join(&eve, sale.concert).await, world.join(&ann, sale.concert).await);
    world.tick().await;
    let seen = world.get(STATUS).token(&token).send().await.expect(200);
    let tag = seen.header("etag").to_owned();
    for _ in 0..10 {
        world.later(20_000).await;
        let answer = world.get(STATUS).token(&token).header("if-none-match", &tag).send().await;
        assert_eq!(
            (answer.header("etag"), answer.header("cache-control")),
            (tag.as_str(), "private, no-cache")
        );
        assert_eq!(answer.body, b"");
        answer.expect(304);
    }
    world.set_room(sale.concert, WaitingRoomPatch { max_active: Some(1), ..room() }).await;
    world.later(1_000).await;
    let answer = world.get(STATUS).token(&token).header("if-none-match", &tag).send().await.expect(200);
    assert_eq!(answer.json()["state"], "active", "two hundred seconds of 304 have kept the place");
    assert_ne!(answer.header("etag"), tag);
    assert_eq!(world.line(sale.concert).await["waiting"], 0);
    assert_eq!(world.status(&silent).await["state"], "waiting", "whoever was silent was skipped");
}

#[tokio::test]
async fn everybody_may_see_the_line() {
    let world = World::new();
    let path = "/api/v1/concerts/1/queue";
    world.get(path).send().await.problem(404, "not_found");
    let concert = world.stage.a_concert().make().await;
    let off = world.get(path).send().await;
    expect![[r#"
        200
        cache-control: max-age=1
        content-length: 184
        content-type: application/json
        etag: "5b524ff5fc02cc8c"
        x-request-id: test
        {"state":"off","opensAt":null,"lobbyOpensAt":null,"closesAt":null,"waiting":0,"active":0,"headSequence":1,"admittedPerSecond":0.0,"seatsLeft":0,"seatsHeld":0,"notice":null,"draw":null}
    "#]].assert_eq(&off.to_string());
    world.stage.a_schedule().of(concert).make().await;
    let one = WaitingRoomPatch { enabled: Some(true), max_active: Some(1), ..room() };
    world.set_room(concert, one).await;
    for name in ["ann", "bob", "eve"] {
        let fan = world.fan(name, 0).await;
        world.join(&fan, concert).await;
    }
    world.tick().await;
    let open = world.get(path).send().await;
    expect![[r#"
        200
        cache-control: max-age=1
        content-length: 222
        content-type: application/json
        etag: "37681fec6f557f01"
        x-request-id: test
        {"state":"open","opensAt":"2026-09-01T10:00:00Z","lobbyOpensAt":null,"closesAt":"2026-10-01T11:00:00Z","waiting":2,"active":1,"headSequence":2,"admittedPerSecond":0.1,"seatsLeft":50,"seatsHeld":0,"notice":null,"draw":null}
    "#]].assert_eq(&open.to_string());
    let tag = open.header("etag").to_owned();
    let same = world.get(path).header("if-none-match", &tag).send().await.expect(304);
    assert_eq!((same.header("etag"), same.header("cache-control")), (tag.as_str(), "max-age=1"));
    world.later(10_000).await;
    let later = world.get(path).header("if-none-match", &tag).send().await.expect(200).json();
    assert_eq!(later["admittedPerSecond"], 0.0);
    for (patch, state) in [
        (
            QueuePatch {
                paused: Some(true),
                notice: Some(Some("Soon.".to_owned())),
                ..QueuePatch::default()
            },
            "paused",
        ),
        (QueuePatch { closed: Some(true), notice: Some(None), ..QueuePatch::default() }, "closed"),
    ] {
        let notice = patch.notice.clone().flatten().map_or(Value::Null, Value::from);
        world.stage.app.edit_queue(By::System, concert, patch, false).await.expect("edit");
        world.later(1_000).await;
        let line = world.line(concert).await;
        assert_eq!((&line["state"], &line["notice"]), (&json!(state), &notice));
    }
    let hidden = world.stage.a_concert().unpublished().make().await;
    world.get(&format!("/api/v1/concerts/{hidden}/queue")).send().await.problem(404, "not_found");
    world.get("/api/v1/concerts/x/queue").send().await.problem(404, "not_found");
}

#[tokio::test]
async fn nobody_has_more_ahead_than_the_document_says() {
    let world = World::new();
    let sale = world.a_sale(WaitingRoomPatch { max_active: Some(3), ..room() }).await;
    let mut tokens = Vec::new();
    for number in 0..12 {
        let fan = world.fan(&format!("fan{number}"), 0).await;
        tokens.push(world.join(&fan, sale.concert).await);
    }
    for leaving in [5, 7, 1] {
        world.later(1_000).await;
        let head = world.line(sale.concert).await["headSequence"].as_u64().expect("number");
        for token in &tokens {
            let status = world.status(token).await;
            if status["state"] == "waiting" {
                let (ahead, sequence) = (status["ahead"].as_u64(), status["sequence"].as_u64());
                assert!(ahead.expect("number") <= sequence.expect("number") - head, "{status} {head}");
                assert_eq!(status["position"].as_u64(), ahead.map(|ahead| ahead + 1));
            }
        }
        world.delete(QUEUES).token(&tokens[leaving]).send().await.expect(204);
    }
}

#[tokio::test]
async fn there_is_no_draw_without_a_lobby_and_no_challenge_yet() {
    let world = World::new();
    let concert = world.stage.a_concert().make().await;
    let path = format!("/api/v1/concerts/{concert}/queue/draw");
    world.get(&path).send().await.problem(409, "no_waiting_room");
    world.set_room(concert, WaitingRoomPatch { enabled: Some(true), ..room() }).await;
    world.get(&path).send().await.problem(409, "draw_not_done");
    world.get("/api/v1/concerts/99/queue/draw").send().await.problem(404, "not_found");
    let challenge = |query: &str| world.get(&format!("/api/v1/queues/challenge{query}")).send();
    challenge(&format!("?concertId={concert}")).await.problem(404, "not_found");
    for query in ["", "?", "?concertId=x", "?concertId=0", "?concert=1", "?concertId=1&concertId=1"] {
        challenge(query).await.problem(400, "invalid_request");
    }
}

#[tokio::test]
async fn a_line_that_cannot_be_kept_takes_nobody_and_forgets_nobody() {
    let world = World::new();
    let (ann, bob) = (world.fan("ann", 0).await, world.fan("bob", 0).await);
    let sale = world.a_sale(room()).await;
    let token = world.join(&ann, sale.concert).await;
    world.stage.line.close();
    let refused = world.ask(&bob, sale.concert).await;
    assert_eq!(refused.header("retry-after"), "1");
    refused.problem(503, "waiting_room_unavailable");
    world.delete(QUEUES).token(&token).send().await.problem(503, "waiting_room_unavailable");
    assert_eq!(world.status(&token).await["state"], "waiting");
}

#[tokio::test]
async fn a_room_that_is_switched_off_keeps_its_places() {
    let world = World::new();
    let (ann, bob) = (world.fan("ann", 0).await, world.fan("bob", 0).await);
    let sale = world.a_sale(WaitingRoomPatch { max_active: Some(0), ..room() }).await;
    let (first, second) = (world.join(&ann, sale.concert).await, world.join(&bob, sale.concert).await);
    world.tick().await;
    world.set_room(sale.concert, WaitingRoomPatch { enabled: Some(false), ..room() }).await;
    world.later(1_000).await;
    world.ask(&ann, sale.concert).await.problem(409, "no_waiting_room");
    let status = world.status(&second).await;
    assert_eq!(
        (&status["state"], &status["room"], &status["ahead"]),
        (&json!("waiting"), &json!("off"), &json!(1))
    );
    assert_eq!(world.line(sale.concert).await["state"], "off");
    let on = WaitingRoomPatch { enabled: Some(true), max_active: Some(1), ..room() };
    world.set_room(sale.concert, on).await;
    world.later(1_000).await;
    assert_eq!(world.status(&first).await["state"], "active", "in the same order");
    assert_eq!(world.status(&second).await["state"], "waiting");
}
