//! How a sale goes, and calling a performance off.

use expect_test::expect;
use frontrow_domain::account::Role;
use serde_json::{Value, json};

use crate::hall::{Hall, R, VIP};
use crate::world::World;

async fn sales(hall: &Hall) -> Value {
    hall.get(&format!("/concerts/{}/sales", hall.concert)).await
}

#[tokio::test]
async fn a_sale_in_figures() {
    let hall = Hall::new().await;
    let ann = hall.world.fan("ann", 1_000_000).await;
    let empty =
        hall.world.get(&format!("/api/v1/admin/concerts/{}/sales", hall.concert)).by(&hall.olga).send().await;
    expect![[r#"
        200
        cache-control: private, no-cache
        content-length: 188
        content-type: application/json
        x-request-id: test
        {"waiting":0,"active":0,"admittedPerSecond":0.0,"currency":"KRW","schedules":[{"scheduleId":1,"available":12,"held":0,"sold":0,"blocked":0,"gross":0,"refunded":0,"fees":0}],"perMinute":[]}
    "#]]
    .assert_eq(&empty.to_string());
    let begin = hall.world.time(0);
    let paid = hall.world.hold(&ann, hall.schedule, &[1, 2]).await;
    hall.world.pay(&ann, &paid).await;
    hall.world.stage.clock.advance(60);
    let next = hall.world.time(0);
    let back = hall.world.hold(&ann, hall.schedule, &[5]).await;
    hall.world.pay(&ann, &back).await;
    hall.refund(&back, json!({"percent": 70, "reason": "x"})).await.expect(200);
    hall.world.hold(&ann, hall.schedule, &[6]).await;
    hall.block(json!({"seats": [[9, 12]]})).await.expect(200);
    let seen = sales(&hall).await;
    assert_eq!(
        seen["schedules"],
        json!([{"scheduleId": hall.schedule.get(), "available": 5, "held": 1, "sold": 2, "blocked": 4,
            "gross": 2 * VIP + R, "refunded": 70_000, "fees": 30_000}])
    );
    assert_eq!(
        seen["perMinute"],
        json!([{"at": begin, "admitted": 0, "sold": 2, "revenue": 2 * VIP},
            {"at": next, "admitted": 0, "sold": 1, "revenue": R}])
    );
    hall.world.stage.clock.advance(3_600);
    let olga = hall.world.log_in("olga").await;
    let later =
        hall.world.get(&format!("/api/v1/admin/concerts/{}/sales", hall.concert)).by(&olga).send().await;
    let later = later.expect(200).json();
    assert_eq!(
        later["perMinute"].as_array().map(Vec::len),
        Some(1),
        "an hour back, the minute at its edge included"
    );
    assert_eq!(later["schedules"][0]["gross"], 2 * VIP + R, "money since the beginning");
}

#[tokio::test]
async fn a_line_in_figures() {
    let world = World::new();
    let olga = world.staff("olga", Role::Operator).await;
    let sale = world.a_sale(frontrow_application::catalog::WaitingRoomPatch::default()).await;
    let (ann, bob) = (world.fan("ann", 0).await, world.fan("bob", 0).await);
    world.join(&ann, sale.concert).await;
    world.join(&bob, sale.concert).await;
    world.later(20).await;
    let path = format!("/api/v1/admin/concerts/{}/sales", sale.concert);
    let seen = world.get(&path).by(&olga).send().await.expect(200).json();
    assert_eq!((&seen["waiting"], &seen["active"]), (&json!(1), &json!(1)));
    assert_eq!(seen["perMinute"][0]["admitted"], 1);
}

#[tokio::test]
async fn there_are_no_figures_of_what_is_not_there() {
    let hall = Hall::new().await;
    for concert in ["99", "x", "0"] {
        let path = format!("/api/v1/admin/concerts/{concert}/sales");
        hall.world.get(&path).by(&hall.olga).send().await.problem(404, "not_found");
    }
    // One that is not published is there for staff.
    let hidden = hall.world.stage.a_concert().unpublished().make().await;
    assert_eq!(hall.get(&format!("/concerts/{hidden}/sales")).await["schedules"], json!([]));
}

async fn cancel(hall: &Hall, key: &str, form: Value) -> crate::world::Answer {
    hall.post(&format!("/schedules/{}/cancel", hall.schedule), key, &form).send().await
}

#[tokio::test]
async fn a_performance_is_called_off_and_everything_goes_back() {
    let hall = Hall::new().await;
    let (ann, bob) = (hall.world.fan("ann", 1_000_000).await, hall.world.fan("bob", 0).await);
    let paid = hall.world.hold(&ann, hall.schedule, &[1, 5]).await;
    hall.world.pay(&ann, &paid).await;
    let held = hall.world.hold(&bob, hall.schedule, &[2]).await;
    let reason = json!({"reason": "The artist is ill", "dryRun": true});
    let dry = cancel(&hall, "k", reason).await.expect(200).json();
    let whole = json!({"pending": 1, "confirmed": 1, "amount": VIP + R});
    assert_eq!((&dry["status"], &dry["withdrawal"]), (&json!("on_sale"), &whole));
    assert_eq!(dry.get("cancelledAt"), None);

    let form = json!({"reason": "The artist is ill"});
    let cancelled = cancel(&hall, "k", form.clone()).await.expect(200);
    assert_eq!(cancelled.header("idempotency-replayed"), "", "a dry run keeps nothing");
    let cancelled = cancelled.json();
    assert_eq!((&cancelled["status"], &cancelled["withdrawal"]), (&json!("cancelled"), &whole));
    assert_eq!(cancelled["cancelledAt"], json!(hall.world.time(0)));
    let again = json!({"scheduleId": hall.schedule.get(), "seats": [3]});
    let refused = hall.world.post("/api/v1/reservations", &again).by(&bob).key("h").send().await;
    refused.problem(409, "sale_closed");

    assert_eq!(hall.world.stage.app.tick_cancellations().await.expect("tick"), 2);
    let replayed = cancel(&hall, "k", form.clone()).await.expect(200);
    assert_eq!(replayed.header("idempotency-replayed"), "true");
    let none = json!({"pending": 0, "confirmed": 0, "amount": 0});
    assert_eq!(replayed.json()["withdrawal"], none, "a repeat shows what is left to do");
    let status = |client, id: String| hall.world.get(&format!("/api/v1/reservations/{id}")).by(client).send();
    let of_ann = status(&ann, paid).await.expect(200).json();
    assert_eq!((&of_ann["status"], &of_ann["refund"]["fee"]), (&json!("refunded"), &json!(0)));
    assert_eq!(status(&bob, held).await.expect(200).json()["status"], "cancelled");
    assert_eq!(hall.world.stage.balance(ann.user).await, 1_000_000);
    let figures = sales(&hall).await["schedules"][0].take();
    assert_eq!(
        (&figures["gross"], &figures["refunded"], &figures["fees"], &figures["sold"]),
        (&json!(VIP + R), &json!(VIP + R), &json!(0), &json!(0))
    );
    // Called off once more it stays as it is, and only the first time is on the log.
    cancel(&hall, "another", json!({"reason": "Again"})).await.expect(200);
    let log = hall.get("/audit-log").await;
    let lines = log["items"].as_array().expect("items").iter();
    let cancels: Vec<_> = lines.filter(|line| line["action"] == "cancel_schedule").collect();
    assert_eq!(cancels.len(), 1);
    assert_eq!(cancels[0]["after"], json!({"reason": "The artist is ill"}));
    hall.world.stage.assert_clean().await;
}

#[tokio::test]
async fn d9_what_is_not_called_off() {
    let hall = Hall::new().await;
    for (form, field) in [
        (json!({}), "reason"),
        (json!({"reason": ""}), "reason"),
        (json!({"reason": 1}), "reason"),
        (json!({"reason": "x".repeat(501)}), "reason"),
        (json!({"reason": "x", "dryRun": "no"}), "dryRun"),
        (json!({"reason": "x", "refund": 50}), "refund"),
    ] {
        let answer = cancel(&hall, "k", form.clone()).await;
        assert_eq!(answer.status, 422, "{form}: {answer}");
        assert_eq!(answer.wrong(), [field], "{form}");
    }
    let path = format!("/api/v1/admin/schedules/{}/cancel", hall.schedule);
    let form = json!({"reason": "x"});
    hall.world.post(&path, &form).by(&hall.olga).send().await.problem(400, "idempotency_key_required");
    for dry_run in [false, true] {
        let form = json!({"reason": "x", "dryRun": dry_run});
        hall.post("/schedules/99/cancel", "k", &form).send().await.problem(404, "not_found");
        hall.post("/schedules/x/cancel", "k", &form).send().await.problem(404, "not_found");
    }
    // A key that belongs to another request is told of, in a dry run too.
    hall.post(&format!("/schedules/{}/seats/block", hall.schedule), "used", &json!({"seats": [1]}))
        .send()
        .await
        .expect(200);
    for dry_run in [false, true] {
        let form = json!({"reason": "x", "dryRun": dry_run});
        cancel(&hall, "used", form).await.problem(422, "idempotency_key_reused");
    }
    let seen = hall.get(&format!("/concerts/{}", hall.concert)).await;
    assert_eq!(seen["schedules"][0]["status"], "on_sale");
}

#[tokio::test]
async fn what_is_done_after_a_cancellation_does_not_undo_it() {
    let hall = Hall::new().await;
    let ann = hall.world.fan("ann", 1_000_000).await;
    let held = hall.world.hold(&ann, hall.schedule, &[1]).await;
    let cancelled = cancel(&hall, "k", json!({"reason": "Rain"})).await.expect(200).json();
    assert_eq!(cancelled["withdrawal"], json!({"pending": 1, "confirmed": 0, "amount": 0}));
    let address = format!("/api/v1/admin/schedules/{}", hall.schedule);
    let patch = json!({"salesPaused": true, "venue": "Small Hall"});
    let edited = hall.world.patch(&address, &patch).by(&hall.olga).send().await.expect(200).json();
    assert_eq!((&edited["status"], &edited["venue"]), (&json!("cancelled"), &json!("Small Hall")));
    let form = json!({ "reservationId": held });
    let pay = hall.world.post("/api/v1/payments", &form).by(&ann).key("pay").send().await;
    pay.problem(409, "reservation_not_pending");
    assert_eq!(hall.world.stage.app.tick_cancellations().await.expect("tick"), 1);
    assert_eq!(hall.world.stage.app.tick_cancellations().await.expect("tick"), 0, "all is done");
    assert_eq!(hall.world.stage.balance(ann.user).await, 1_000_000);
    hall.block(json!({"seats": [1]})).await.expect(200);
    assert_eq!(hall.map().await, "baaaaaaaaaaa");
    hall.world.stage.assert_clean().await;
}
