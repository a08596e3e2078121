//! Selling, giving away and taking back at the box office; finding reservations of all fans.

use frontrow_domain::account::Role;
use serde_json::{Value, json};

use crate::hall::{Hall, R, VIP};
use crate::world::Answer;

fn id(answer: &Answer) -> String {
    answer.json()["reservationId"].as_str().expect("id").to_owned()
}

#[tokio::test]
async fn seats_are_sold_for_cash_from_the_wallet_and_for_nothing() {
    let hall = Hall::new().await;
    let ann = hall.world.fan("ann", 200_000).await;
    for (payment, seat, amount, balance) in
        [("cash", 1, VIP, 200_000), ("wallet", 2, VIP, 50_000), ("free", 3, 0, 50_000)]
    {
        let sold = hall.sell(&ann, json!({"seats": [seat], "payment": payment})).await.expect(201).json();
        assert_eq!((&sold["status"], &sold["amount"]), (&json!("confirmed"), &json!(amount)), "{payment}");
        assert_eq!(sold["tickets"].as_array().map(Vec::len), Some(1));
        assert_eq!((&sold["seats"][0]["no"], &sold["seats"][0]["price"]), (&json!(seat), &json!(VIP)));
        assert_eq!(hall.world.stage.balance(ann.user).await, balance, "{payment}");
    }
    assert_eq!(hall.map().await, "sssaaaaaaaaa");
    let best = json!({"bestAvailable": {"quantity": 2, "grade": "R"}});
    let sold = hall.sell(&ann, best).await.expect(201).json();
    assert_eq!(sold["seats"].as_array().map(Vec::len), Some(2));
    assert_eq!(sold["amount"], 2 * R);
    // The fan sees them as their own.
    let own = hall.world.get("/api/v1/reservations").by(&ann).send().await.expect(200).json();
    assert_eq!(own["items"].as_array().map(Vec::len), Some(4));
    hall.world.stage.assert_clean().await;
}

#[tokio::test]
async fn a_sale_is_repeated_with_its_key() {
    let hall = Hall::new().await;
    let ann = hall.world.fan("ann", 0).await;
    let form = json!({"userId": ann.user.to_string(), "scheduleId": hall.schedule.get(), "seats": [1],
        "payment": "cash"});
    let first = hall.post("/reservations", "k", &form).send().await.expect(201);
    assert_eq!(first.header("idempotency-replayed"), "");
    let again = hall.post("/reservations", "k", &form).send().await.expect(201);
    assert_eq!((again.header("idempotency-replayed"), &again.body), ("true", &first.body));
    let mut other = form;
    other["payment"] = json!("free");
    hall.post("/reservations", "k", &other).send().await.problem(422, "idempotency_key_reused");
    assert_eq!(hall.map().await, "saaaaaaaaaaa");
}

#[tokio::test]
async fn what_binds_fans_does_not_bind_the_box_office() {
    let hall = Hall::new().await;
    let ann = hall.world.fan("ann", 0).await;
    let address = format!("/api/v1/admin/schedules/{}", hall.schedule);
    let patch = json!({"maxSeatsPerFan": 1, "salesPaused": true});
    hall.world.patch(&address, &patch).by(&hall.olga).send().await.expect(200);
    hall.sell(&ann, json!({"seats": [1, 2, 3]})).await.expect(201);
    hall.block(json!({"seats": [4, 5]})).await.expect(200);
    let refused = hall.sell(&ann, json!({"seats": [4, 6]})).await.problem(409, "seat_unavailable");
    assert_eq!(refused["seats"], json!([4]));
    hall.sell(&ann, json!({"seats": [4, 6], "fromBlocked": true, "payment": "free"})).await.expect(201);
    let taken = hall.sell(&ann, json!({"seats": [1, 5], "fromBlocked": true})).await;
    assert_eq!(taken.problem(409, "seat_unavailable")["seats"], json!([1]));
    assert_eq!(hall.map().await, "ssssbsaaaaaa");
    hall.world.stage.assert_clean().await;
}

#[tokio::test]
async fn what_is_not_sold() {
    let hall = Hall::new().await;
    let ann = hall.world.fan("ann", 1_000).await;
    let short = hall.sell(&ann, json!({"seats": [1], "payment": "wallet"})).await;
    let short = short.problem(402, "insufficient_balance");
    assert_eq!((&short["required"], &short["balance"]), (&json!(VIP), &json!(1_000)));
    assert_eq!(short.get("paymentId"), None, "nothing is recorded of it");
    assert_eq!(hall.sell(&ann, json!({"seats": [13]})).await.problem(404, "not_found")["seats"], json!([13]));
    let twice = hall.sell(&ann, json!({"seats": [1, 1]})).await.problem(422, "duplicate_seats");
    assert_eq!(twice["seats"], json!([1]));
    let many: Vec<u32> = (1..=21).collect();
    assert_eq!(hall.sell(&ann, json!({"seats": many})).await.problem(422, "too_many_seats")["limit"], 20);
    let best = |quantity: u32, grade: &str| json!({"bestAvailable": {"quantity": quantity, "grade": grade}});
    assert_eq!(hall.sell(&ann, best(5, "VIP")).await.problem(409, "sold_out")["seatsLeft"], 4);
    hall.sell(&ann, best(5, "R")).await.problem(409, "no_adjacent_seats");
    hall.sell(&ann, json!({"seats": [1], "scheduleId": 99})).await.problem(404, "not_found");
    assert_eq!(hall.map().await, "a".repeat(12));
    // Until the end of the performance there may be somebody to be let in; afterwards there is not.
    let end = 30 * 86_400 + 120 * 60;
    hall.world.stage.clock.advance(end - 1);
    let olga = hall.world.log_in("olga").await;
    let form = |seat: u32| {
        json!({"userId": ann.user.to_string(), "scheduleId": hall.schedule.get(),
        "seats": [seat], "payment": "cash"})
    };
    let sell = |seat: u32, key: &'static str| {
        hall.world.post("/api/v1/admin/reservations", &form(seat)).by(&olga).key(key).send()
    };
    sell(1, "in time").await.expect(201);
    hall.world.stage.clock.advance(1);
    sell(2, "too late").await.problem(409, "sale_closed");
    hall.world.stage.assert_clean().await;
}

#[tokio::test]
async fn nothing_is_sold_of_a_performance_that_was_called_off() {
    let hall = Hall::new().await;
    let ann = hall.world.fan("ann", 0).await;
    let path = format!("/schedules/{}/cancel", hall.schedule);
    hall.post(&path, "cancel", &json!({"reason": "Rain"})).send().await.expect(200);
    hall.sell(&ann, json!({"seats": [1]})).await.problem(409, "sale_closed");
}

#[tokio::test]
async fn d9_forms_that_sell_nothing() {
    let hall = Hall::new().await;
    let ann = hall.world.fan("ann", 0).await;
    for (change, field) in [
        (json!({}), "seats"),
        (json!({"seats": []}), "seats"),
        (json!({"seats": [1], "bestAvailable": {"quantity": 1}}), "bestAvailable"),
        (json!({"seats": ["1"]}), "seats[0]"),
        (json!({"seats": [[1, 2]]}), "seats[0]"),
        (json!({"bestAvailable": {"quantity": 0}}), "bestAvailable.quantity"),
        (json!({"bestAvailable": {}}), "bestAvailable.quantity"),
        (json!({"bestAvailable": [1]}), "bestAvailable"),
        (json!({"bestAvailable": {"quantity": 1, "row": "A"}}), "bestAvailable.row"),
        (json!({"bestAvailable": {"quantity": 1, "grade": "S"}}), "bestAvailable.grade"),
        (json!({"bestAvailable": {"quantity": 1}, "fromBlocked": true}), "fromBlocked"),
        (json!({"seats": [1], "fromBlocked": "yes"}), "fromBlocked"),
        (json!({"seats": [1], "payment": "card"}), "payment"),
        (json!({"seats": [1], "payment": null}), "payment"),
        (json!({"seats": [1], "payment": 1}), "payment"),
        (json!({"seats": [1], "payment": {"cash": null}}), "payment"),
        (json!({"seats": [1], "userId": "me"}), "userId"),
        (json!({"seats": [1], "userId": "00000000-0000-7000-8000-000000000000"}), "userId"),
        (json!({"seats": [1], "scheduleId": "1"}), "scheduleId"),
        (json!({"seats": [1], "amount": 1}), "amount"),
    ] {
        let answer = hall.sell(&ann, change.clone()).await;
        assert_eq!(answer.status, 422, "{change}: {answer}");
        assert_eq!(answer.wrong(), [field], "{change}");
    }
    let form = json!({"userId": ann.user.to_string(), "scheduleId": hall.schedule.get(), "seats": [1],
        "payment": "cash"});
    let call = hall.world.post("/api/v1/admin/reservations", &form).by(&hall.olga);
    call.send().await.problem(400, "idempotency_key_required");
    let erased = hall.world.fan("erased", 0).await;
    hall.world.delete("/api/v1/users/me").by(&erased).send().await.expect(204);
    assert_eq!(hall.sell(&erased, json!({"seats": [1]})).await.wrong(), ["userId"]);
    assert_eq!(hall.map().await, "a".repeat(12));
}

#[tokio::test]
async fn a_paid_reservation_is_taken_back_whatever_its_policy_says() {
    let hall = Hall::new().await;
    let ann = hall.world.fan("ann", 1_000_000).await;
    let reservation = hall.world.hold(&ann, hall.schedule, &[1]).await;
    let pending = hall.refund(&reservation, json!({"reason": "x"})).await;
    pending.problem(409, "refund_not_allowed");
    hall.world.pay(&ann, &reservation).await;
    let form = json!({"percent": 33, "reason": "The view was blocked"});
    let path = format!("/reservations/{reservation}/refund");
    let refunded = hall.post(&path, "k", &form).send().await.expect(200);
    let seen = refunded.json();
    assert_eq!(seen["status"], "refunded");
    assert_eq!((&seen["refund"]["amount"], &seen["refund"]["fee"]), (&json!(49_500), &json!(100_500)));
    assert_eq!(seen["tickets"][0]["status"], "void");
    assert_eq!(hall.world.stage.balance(ann.user).await, 1_000_000 - VIP + 49_500);
    assert_eq!(hall.map().await, "a".repeat(12), "its seats are to be had at once");
    let again = hall.post(&path, "k", &form).send().await.expect(200);
    assert_eq!((again.header("idempotency-replayed"), &again.body), ("true", &refunded.body));
    let other = json!({"percent": 34, "reason": "x"});
    hall.post(&path, "k", &other).send().await.problem(422, "idempotency_key_reused");
    // One that was given back stays as it is, whatever is asked for.
    let more = hall.refund(&reservation, json!({"reason": "x"})).await.expect(200).json();
    assert_eq!(more["refund"]["amount"], 49_500);
    assert_eq!(hall.world.stage.balance(ann.user).await, 1_000_000 - VIP + 49_500);
    let log = hall.get("/audit-log").await;
    let lines = log["items"].as_array().expect("items").iter();
    let refunds: Vec<_> = lines.filter(|line| line["action"] == "refund_reservation").collect();
    assert_eq!(refunds.len(), 1, "a repeat and a second refund leave no line");
    assert_eq!(refunds[0]["after"]["reason"], "The view was blocked");
    hall.world.stage.assert_clean().await;
}

#[tokio::test]
async fn a_refund_is_whole_unless_told_otherwise_and_may_be_nothing() {
    let hall = Hall::new().await;
    let ann = hall.world.fan("ann", 0).await;
    for (seat, form, amount) in [
        (1, json!({"reason": "x"}), VIP),
        (2, json!({"reason": "x", "percent": null}), VIP),
        (3, json!({"reason": "x", "percent": 0}), 0),
    ] {
        let sold = id(&hall.sell(&ann, json!({"seats": [seat]})).await.expect(201));
        let refunded = hall.refund(&sold, form.clone()).await.expect(200).json();
        assert_eq!(refunded["refund"]["amount"], amount, "{form}");
    }
    hall.world.stage.assert_clean().await;
}

#[tokio::test]
async fn d9_what_is_not_taken_back() {
    let hall = Hall::new().await;
    let ann = hall.world.fan("ann", 0).await;
    let sold = id(&hall.sell(&ann, json!({"seats": [1]})).await.expect(201));
    for (form, field) in [
        (json!({}), "reason"),
        (json!({"reason": ""}), "reason"),
        (json!({"reason": null}), "reason"),
        (json!({"reason": "x".repeat(501)}), "reason"),
        (json!({"reason": "x", "percent": 101}), "percent"),
        (json!({"reason": "x", "percent": -1}), "percent"),
        (json!({"reason": "x", "percent": 50.5}), "percent"),
        (json!({"reason": "x", "percent": "50"}), "percent"),
        (json!({"reason": "x", "amount": 1}), "amount"),
    ] {
        let answer = hall.refund(&sold, form.clone()).await;
        assert_eq!(answer.status, 422, "{form}: {answer}");
        assert_eq!(answer.wrong(), [field], "{form}");
    }
    for reservation in ["x", "00000000-0000-7000-8000-000000000000"] {
        hall.refund(reservation, json!({"reason": "x"})).await.problem(404, "not_found");
    }
    let path = format!("/api/v1/admin/reservations/{sold}/refund");
    let call = hall.world.post(&path, &json!({"reason": "x"})).by(&hall.olga);
    call.send().await.problem(400, "idempotency_key_required");
    let held = hall.world.hold(&ann, hall.schedule, &[2]).await;
    hall.world.delete(&format!("/api/v1/reservations/{held}")).by(&ann).send().await.expect(200);
    hall.refund(&held, json!({"reason": "x"})).await.problem(409, "refund_not_allowed");
    assert_eq!(hall.map().await, "saaaaaaaaaaa");
}

#[tokio::test]
async fn nobody_gets_money_back_for_a_seat_that_was_taken() {
    let hall = Hall::new().await;
    let ann = hall.world.fan("ann", 0).await;
    let gina = hall.world.staff("gina", Role::Gate).await;
    let sold = hall.sell(&ann, json!({"seats": [1, 2]})).await.expect(201);
    let code = sold.json()["tickets"][1]["code"].clone();
    let scan = hall.world.post("/api/v1/gate/scan", &json!({ "code": code })).by(&gina);
    let used_at = scan.send().await.expect(200).json()["usedAt"].clone();
    let sold = id(&sold);
    let refused = hall.refund(&sold, json!({"reason": "x"})).await.problem(409, "ticket_already_used");
    assert_eq!(refused["usedAt"], used_at);
    assert_eq!(hall.map().await, "ssaaaaaaaaaa");
    // When the performance is called off they do get it.
    let path = format!("/schedules/{}/cancel", hall.schedule);
    hall.post(&path, "cancel", &json!({"reason": "Rain"})).send().await.expect(200);
    assert_eq!(hall.world.stage.app.tick_cancellations().await.expect("tick"), 1);
    assert_eq!(hall.world.stage.balance(ann.user).await, 2 * VIP);
    hall.world.stage.assert_clean().await;
}

/// The seats of the reservations that are found, each reservation in brackets.
async fn found(hall: &Hall, query: &str) -> String {
    let page = hall.get(&format!("/reservations{query}")).await;
    let numbers = |item: &Value| -> String {
        let seats = item["seats"].as_array().expect("seats");
        format!("{:?}", seats.iter().map(|seat| seat["no"].as_u64().unwrap_or(0)).collect::<Vec<_>>())
    };
    page["items"].as_array().expect("items").iter().map(numbers).collect()
}

#[tokio::test]
async fn reservations_of_all_fans_are_found() {
    let hall = Hall::new().await;
    let (ann, bob) = (hall.world.fan("ann", 1_000_000).await, hall.world.fan("bob", 0).await);
    let other = hall.world.stage.a_schedule().make().await;
    let paid = hall.world.hold(&ann, hall.schedule, &[1, 2]).await;
    hall.world.pay(&ann, &paid).await;
    hall.world.stage.clock.advance(1);
    hall.world.hold(&bob, hall.schedule, &[3]).await;
    hall.world.stage.clock.advance(1);
    hall.world.hold(&ann, other, &[4]).await;
    let (concert, schedule, ann_id) = (hall.concert, hall.schedule, ann.user);
    for (query, expected) in [
        (String::new(), "[4][3][1, 2]"),
        (format!("?concertId={concert}"), "[3][1, 2]"),
        (format!("?scheduleId={schedule}"), "[3][1, 2]"),
        (format!("?scheduleId={other}"), "[4]"),
        (format!("?concertId={concert}&scheduleId={other}"), ""),
        (format!("?userId={ann_id}"), "[4][1, 2]"),
        ("?email=ann@example.test".to_owned(), "[4][1, 2]"),
        ("?email=ANN%40Example.test".to_owned(), "[4][1, 2]"),
        ("?email=nobody@example.test".to_owned(), ""),
        ("?email=nonsense".to_owned(), ""),
        (format!("?email=bob@example.test&userId={ann_id}"), ""),
        (format!("?email=ann@example.test&userId={ann_id}&status=pending"), "[4]"),
        ("?status=confirmed".to_owned(), "[1, 2]"),
        ("?status=refunded".to_owned(), ""),
        (format!("?scheduleId={schedule}&seat=2"), "[1, 2]"),
        (format!("?scheduleId={schedule}&seat=3"), "[3]"),
        (format!("?scheduleId={schedule}&seat=9"), ""),
        (format!("?scheduleId={schedule}&seat=3&status=confirmed"), ""),
        (format!("?scheduleId={schedule}&seat=2000"), ""),
        ("?concertId=99".to_owned(), ""),
        ("?userId=00000000-0000-7000-8000-000000000000".to_owned(), ""),
    ] {
        assert_eq!(found(&hall, &query).await, expected, "{query}");
    }
    let first = hall.get("/reservations?status=confirmed").await["items"][0].take();
    let fan = json!({"userId": ann_id.to_string(), "name": "ann", "email": "ann@example.test"});
    assert_eq!(first["fan"], fan);
    let own =
        hall.world.get(&format!("/api/v1/reservations/{paid}")).by(&ann).send().await.expect(200).json();
    let mut same = first;
    same.as_object_mut().expect("object").remove("fan");
    assert_eq!(same, own, "beside the fan it is what the fan sees");
    // A hold that has lapsed reads as expired at once.
    hall.world.stage.clock.advance(301);
    let olga = hall.world.log_in("olga").await;
    let expired = hall.world.get("/api/v1/admin/reservations?status=expired").by(&olga).send().await;
    assert_eq!(expired.expect(200).json()["items"].as_array().map(Vec::len), Some(2));
}

#[tokio::test]
async fn the_name_of_a_fan_who_is_erased_is_not_told() {
    let hall = Hall::new().await;
    let ann = hall.world.fan("ann", 0).await;
    hall.sell(&ann, json!({"seats": [1]})).await.expect(201);
    hall.world.delete("/api/v1/users/me").by(&ann).send().await.expect(204);
    let fan = hall.get("/reservations").await["items"][0]["fan"].take();
    assert_eq!(fan, json!({"userId": ann.user.to_string(), "name": null, "email": null}));
}

#[tokio::test]
async fn reservations_come_in_pages() {
    let hall = Hall::new().await;
    let ann = hall.world.fan("ann", 0).await;
    for seat in 1..=5 {
        hall.sell(&ann, json!({"seats": [seat]})).await.expect(201);
        hall.world.stage.clock.advance(1);
    }
    let (mut seen, mut query) = (String::new(), "?limit=2".to_owned());
    loop {
        seen.push_str(&found(&hall, &query).await);
        let page = hall.get(&format!("/reservations{query}")).await;
        let Some(next) = page["nextCursor"].as_str() else { break };
        query = format!("?limit=2&cursor={next}");
    }
    assert_eq!(seen, "[5][4][3][2][1]");
}

#[tokio::test]
async fn d9_queries_that_find_nothing_out() {
    let hall = Hall::new().await;
    for (query, field) in [
        ("?seat=3", "seat"),
        ("?seat=x&scheduleId=1", "seat"),
        ("?concertId=x", "concertId"),
        ("?scheduleId=-1", "scheduleId"),
        ("?userId=me", "userId"),
        ("?status=paid", "status"),
        ("?limit=0", "limit"),
        ("?limit=101", "limit"),
        ("?cursor=x", "cursor"),
    ] {
        let answer =
            hall.world.get(&format!("/api/v1/admin/reservations{query}")).by(&hall.olga).send().await;
        assert_eq!(answer.status, 400, "{query}: {answer}");
        assert_eq!(answer.wrong(), [field], "{query}");
        answer.problem(400, "invalid_request");
    }
    for query in ["?extra=1", "?seat=1&seat=2"] {
        let answer =
            hall.world.get(&format!("/api/v1/admin/reservations{query}")).by(&hall.olga).send().await;
        answer.problem(400, "invalid_request");
    }
}
