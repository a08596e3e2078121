//! Giving paid seats back, as a fan.

use serde_json::json;

use crate::hall::{Hall, R, VIP};

#[tokio::test]
async fn a_refund_is_shown_everywhere() {
    let hall = Hall::new().await;
    let world = &hall.world;
    let ann = world.fan("ann", 500_000).await;
    let id = world.hold(&ann, hall.schedule, &[1, 5]).await;
    let path = format!("/api/v1/reservations/{id}");
    let show = || async { world.get(&path).by(&ann).send().await.expect(200).json() };
    assert_eq!(show().await["refundableAmount"], 0, "nothing is paid");
    let payment = world.pay(&ann, &id).await;
    assert_eq!(show().await["refundableAmount"], VIP + R);
    // Ten days before the first row passes.
    world.stage.clock.advance(20 * 86_400);
    let ann = world.log_in("ann").await;
    let kept = (VIP + R) * 3 / 10;
    let shown = world.get(&path).by(&ann).send().await.expect(200).json();
    assert_eq!(shown["refundableAmount"], VIP + R - kept);

    let back = world.delete(&path).by(&ann).send().await.expect(200).json();
    let now = world.time(0);
    assert_eq!(back["status"], "refunded");
    assert_eq!(back["refund"], json!({"amount": VIP + R - kept, "fee": kept, "refundedAt": now}));
    assert_eq!((&back["endedAt"], &back["paymentId"]), (&json!(now), &json!(payment)));
    assert_eq!(back["confirmedAt"], shown["confirmedAt"]);
    assert_eq!(back["refundableAmount"], 0);
    let tickets = back["tickets"].as_array().expect("tickets").clone();
    assert_eq!(tickets.iter().filter(|ticket| ticket["status"] == "void").count(), 2);
    assert_eq!(world.delete(&path).by(&ann).send().await.expect(200).json(), back, "again: the same");
    assert_eq!(hall.map().await, "a".repeat(12));

    let shown = world.get(&format!("/api/v1/payments/{payment}")).by(&ann).send().await.expect(200).json();
    assert_eq!(shown["status"], "refunded");
    let list = world.get("/api/v1/users/me/payments").by(&ann).send().await.expect(200).json();
    assert_eq!(list["items"][0]["status"], "refunded");
    let entries = world.get("/api/v1/users/me/transactions").by(&ann).send().await.expect(200).json();
    let seen = |at: usize| (entries["items"][at]["type"].clone(), entries["items"][at]["amount"].clone());
    assert_eq!(seen(0), (json!("adjustment"), json!(-kept)));
    assert_eq!(seen(1), (json!("refund"), json!(VIP + R)));
    assert_eq!(entries["items"][0]["balanceAfter"], 500_000 - kept);
    for at in [0, 1] {
        assert_eq!(entries["items"][at]["reservationId"], json!(id));
        assert_eq!(entries["items"][at]["paymentId"], json!(payment));
    }
    let refunded = world.get("/api/v1/reservations?status=refunded").by(&ann).send().await.expect(200).json();
    assert_eq!(refunded["items"][0]["reservationId"], json!(id));
    world.stage.assert_clean().await;
}

#[tokio::test]
async fn what_is_not_taken_back_says_why() {
    let hall = Hall::new().await;
    let world = &hall.world;
    let (ann, bob) = (world.fan("ann", 500_000).await, world.fan("bob", 0).await);
    let id = world.hold(&ann, hall.schedule, &[1]).await;
    world.pay(&ann, &id).await;
    let path = format!("/api/v1/reservations/{id}");
    world.delete(&path).by(&bob).send().await.problem(404, "not_found");
    // A day before, and not a moment longer.
    world.stage.clock.advance(29 * 86_400);
    let ann = world.log_in("ann").await;
    world.delete(&path).by(&ann).send().await.problem(409, "refund_not_allowed");
    let shown = world.get(&path).by(&ann).send().await.expect(200).json();
    assert_eq!((&shown["status"], &shown["refundableAmount"]), (&json!("confirmed"), &json!(0)));
    let plain = world.stage.a_schedule().make().await;
    let kept = world.hold(&ann, plain, &[1]).await;
    world.pay(&ann, &kept).await;
    let kept = world.delete(&format!("/api/v1/reservations/{kept}")).by(&ann).send().await;
    kept.problem(409, "refund_not_allowed");
}

#[tokio::test]
async fn the_policy_is_in_the_catalogue() {
    let hall = Hall::new().await;
    let path = format!("/api/v1/concerts/{}/schedules", hall.concert);
    let shown = hall.world.get(&path).send().await.expect(200).json();
    let policy = json!([{"untilHoursBefore": 240, "percent": 100}, {"untilHoursBefore": 24, "percent": 70}]);
    assert_eq!(shown["items"][0]["refundPolicy"], policy);
}
