//! Paying a reservation.

use expect_test::expect;
use frontrow_http::TicketSigner;
use serde_json::{Value, json};

use crate::world::{Answer, Client, World, http_settings};

async fn pay(world: &World, client: &Client, key: &str, reservation: &str) -> Answer {
    world.post("/api/v1/payments", &json!({ "reservationId": reservation })).by(client).key(key).send().await
}

/// Codes of tickets are long; this shortens them.
fn shown(answer: &Answer) -> String {
    let mut text = answer.to_string();
    let body = answer.json();
    for ticket in body["tickets"].as_array().into_iter().flatten() {
        text = text.replace(ticket["code"].as_str().expect("code"), "<code>");
    }
    text
}

#[tokio::test]
async fn a_paid_reservation_and_its_tickets() {
    let world = World::new();
    let ann = world.fan("ann", 100_000).await;
    let schedule = world.stage.a_schedule().make().await;
    let id = world.hold(&ann, schedule, &[8, 9]).await;
    let paid = pay(&world, &ann, "k", &id).await;
    expect![[r#"
        201
        cache-control: private, no-cache
        content-length: 656
        content-type: application/json
        x-request-id: test
        {"paymentId":"01a05ca0-3b80-7000-8000-1cf506fd2573","reservationId":"01a05ca0-3b80-7000-8000-18ed6c9ad2af","amount":100000,"currency":"KRW","status":"completed","createdAt":"2026-09-01T11:00:00Z","paidAt":"2026-09-01T11:00:00Z","tickets":[{"ticketId":"01a05ca0-3b80-7000-8000-258a6762531f","seat":8,"code":"<code>","status":"valid"},{"ticketId":"01a05ca0-3b80-7000-8000-258a67625320","seat":9,"code":"<code>","status":"valid"}]}
    "#]].assert_eq(&shown(&paid));
    let body = paid.json();
    let signer = TicketSigner::new(http_settings().keys);
    for (ticket, seat) in body["tickets"].as_array().expect("tickets").iter().zip([8, 9]) {
        let code = signer.verify(ticket["code"].as_str().expect("code")).expect("signed by us");
        assert_eq!((code.schedule, code.seat.get()), (schedule, seat));
        assert_eq!(code.ticket.to_string(), ticket["ticketId"].as_str().expect("id"));
    }
    let payment = body["paymentId"].as_str().expect("id");
    let seen = world.get(&format!("/api/v1/payments/{payment}")).by(&ann).send().await;
    assert_eq!(seen.json(), body);
    let reservation = world.get(&format!("/api/v1/reservations/{id}")).by(&ann).send().await;
    expect![[r#"
        200
        cache-control: private, no-cache
        content-length: 1020
        content-type: application/json
        x-request-id: test
        {"reservationId":"01a05ca0-3b80-7000-8000-18ed6c9ad2af","status":"confirmed","concertId":1,"concertTitle":"Spring Day","scheduleId":1,"startsAt":"2026-10-01T11:00:00Z","venue":"Olympic Hall","seats":[{"no":8,"label":"8","section":null,"row":null,"grade":"STANDARD","price":50000},{"no":9,"label":"9","section":null,"row":null,"grade":"STANDARD","price":50000}],"amount":100000,"currency":"KRW","createdAt":"2026-09-01T11:00:00Z","expiresAt":"2026-09-01T11:05:00Z","extendable":false,"confirmedAt":"2026-09-01T11:00:00Z","paymentId":"01a05ca0-3b80-7000-8000-1cf506fd2573","refundableAmount":0,"tickets":[{"ticketId":"01a05ca0-3b80-7000-8000-258a6762531f","seat":8,"code":"<code>","status":"valid"},{"ticketId":"01a05ca0-3b80-7000-8000-258a67625320","seat":9,"code":"<code>","status":"valid"}]}
    "#]].assert_eq(&shown(&reservation));
    let list = world.get("/api/v1/users/me/payments").by(&ann).send().await;
    expect![[r#"
        200
        cache-control: private, no-cache
        content-length: 258
        content-type: application/json
        x-request-id: test
        {"items":[{"paymentId":"01a05ca0-3b80-7000-8000-1cf506fd2573","reservationId":"01a05ca0-3b80-7000-8000-18ed6c9ad2af","amount":100000,"currency":"KRW","status":"completed","createdAt":"2026-09-01T11:00:00Z","paidAt":"2026-09-01T11:00:00Z"}],"nextCursor":null}
    "#]].assert_eq(&list.to_string());
}

#[tokio::test]
async fn too_little_money_is_recorded_and_the_hold_lives_on() {
    let world = World::new();
    let ann = world.fan("ann", 49_999).await;
    let schedule = world.stage.a_schedule().make().await;
    let id = world.hold(&ann, schedule, &[1]).await;
    let problem = pay(&world, &ann, "k", &id).await.problem(402, "insufficient_balance");
    assert_eq!((&problem["required"], &problem["balance"]), (&json!(50_000), &json!(49_999)));
    let payment = problem["paymentId"].as_str().expect("id").to_owned();
    let seen = world.get(&format!("/api/v1/payments/{payment}")).by(&ann).send().await;
    expect![[r#"
        200
        cache-control: private, no-cache
        content-length: 231
        content-type: application/json
        x-request-id: test
        {"paymentId":"01a05ca0-3b80-7000-8000-1cf506fd2573","reservationId":"01a05ca0-3b80-7000-8000-18ed6c9ad2af","amount":50000,"currency":"KRW","status":"failed","createdAt":"2026-09-01T11:00:00Z","failureReason":"insufficient_balance"}
    "#]].assert_eq(&seen.to_string());
    world.stage.pay_in(ann.user, 1_000).await;
    // A declined payment is no success: its key may be used again.
    pay(&world, &ann, "k", &id).await.expect(201);
    let list = world.get("/api/v1/users/me/payments?limit=1").by(&ann).send().await.expect(200).json();
    assert_eq!(list["items"][0]["status"], "completed");
    let path = format!("/api/v1/users/me/payments?cursor={}", list["nextCursor"].as_str().expect("cursor"));
    let rest = world.get(&path).by(&ann).send().await.expect(200).json();
    let statuses: Vec<&Value> =
        rest["items"].as_array().expect("items").iter().map(|one| &one["status"]).collect();
    assert_eq!(statuses, ["failed"]);
    world.stage.assert_clean().await;
}

#[tokio::test]
async fn d6_paying_again_shows_the_same_and_takes_nothing() {
    let world = World::new();
    let ann = world.fan("ann", 200_000).await;
    let schedule = world.stage.a_schedule().make().await;
    let id = world.hold(&ann, schedule, &[1]).await;
    world
        .post("/api/v1/payments", &json!({ "reservationId": id }))
        .key("k")
        .send()
        .await
        .problem(401, "unauthenticated");
    world
        .post("/api/v1/payments", &json!({ "reservationId": id }))
        .by(&ann)
        .send()
        .await
        .problem(400, "idempotency_key_required");
    let first = pay(&world, &ann, "k", &id).await.expect(201);
    assert_eq!(first.header("idempotency-replayed"), "");
    let again = pay(&world, &ann, "k", &id).await.expect(201);
    assert_eq!((again.header("idempotency-replayed"), &again.body), ("true", &first.body));
    let other = pay(&world, &ann, "l", &id).await.problem(409, "already_paid");
    assert_eq!(other["paymentId"], first.json()["paymentId"]);
    assert_eq!(world.stage.balance(ann.user).await, 150_000);

    let late = world.hold(&ann, schedule, &[2]).await;
    world.stage.clock.advance(300);
    pay(&world, &ann, "m", &late).await.problem(410, "reservation_expired");
    assert_eq!(world.stage.balance(ann.user).await, 150_000);
    world.stage.assert_clean().await;
}

#[tokio::test]
async fn d7_what_belongs_to_somebody_else_is_not_there() {
    let world = World::new();
    let (ann, bob) = (world.fan("ann", 0).await, world.fan("bob", 100_000).await);
    let schedule = world.stage.a_schedule().make().await;
    let id = world.hold(&ann, schedule, &[1]).await;
    let before = world.get(&format!("/api/v1/reservations/{id}")).by(&ann).send().await.body;
    let foreign = pay(&world, &bob, "k", &id).await.problem(404, "not_found");
    let nowhere =
        pay(&world, &bob, "k", "0190a1b2-0000-7000-8000-00000000000a").await.problem(404, "not_found");
    assert_eq!(foreign, nowhere, "nobody can tell the two apart");
    for call in [
        world.get(&format!("/api/v1/reservations/{id}")),
        world.delete(&format!("/api/v1/reservations/{id}")),
        world.post(&format!("/api/v1/reservations/{id}/extend"), &json!({})).key("k"),
    ] {
        call.by(&bob).send().await.problem(404, "not_found");
    }
    assert_eq!(world.get(&format!("/api/v1/reservations/{id}")).by(&ann).send().await.body, before);
    assert_eq!(world.stage.balance(bob.user).await, 100_000);
}

#[tokio::test]
async fn an_amount_of_nothing_can_be_paid() {
    let world = World::new();
    let ann = world.fan("ann", 0).await;
    let schedule = world.stage.a_schedule().price(0).make().await;
    let id = world.hold(&ann, schedule, &[1]).await;
    assert_eq!(pay(&world, &ann, "k", &id).await.expect(201).json()["amount"], 0);
}
