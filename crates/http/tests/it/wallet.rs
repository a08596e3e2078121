//! The balance, charging it, and its history.

use expect_test::expect;
use frontrow_domain::account::Role;
use frontrow_http::ChargeBy;
use serde_json::{Value, json};

use crate::world::{Answer, Client, World};

async fn charge(world: &World, by: &Client, whose: &str, key: &str, form: &Value) -> Answer {
    world.post(&format!("/api/v1/users/{whose}/charge"), form).by(by).key(key).send().await
}

#[tokio::test]
async fn charging_and_the_history() {
    let world = World::new();
    let ann = world.fan("ann", 0).await;
    let empty = world.get("/api/v1/users/me/balance").by(&ann).send().await;
    expect![[r#"
        200
        cache-control: private, no-cache
        content-length: 148
        content-type: application/json
        x-request-id: test
        {"userId":"01a05ca0-3b80-7000-8000-0b81b7410cca","balance":0,"currency":"KRW","limits":{"chargeMin":1000,"chargeMax":1000000,"balanceMax":10000000}}
    "#]].assert_eq(&empty.to_string());
    let charged = charge(&world, &ann, "me", "k", &json!({"amount": 120_000, "method": "card"})).await;
    expect![[r#"
        200
        cache-control: private, no-cache
        content-length: 73
        content-type: application/json
        x-request-id: test
        {"transactionId":"01a05ca0-3b80-7000-8000-1785edb451f6","balance":120000}
    "#]]
    .assert_eq(&charged.to_string());
    let schedule = world.stage.a_schedule().make().await;
    let id = world.hold(&ann, schedule, &[1]).await;
    world.pay(&ann, &id).await;
    charge(&world, &ann, &ann.user.to_string(), "l", &json!({"amount": 1_000, "method": "cash"}))
        .await
        .expect(200);
    let history = world.get("/api/v1/users/me/transactions").by(&ann).send().await;
    expect![[r#"
        200
        cache-control: private, no-cache
        content-length: 665
        content-type: application/json
        x-request-id: test
        {"items":[{"transactionId":"01a05ca0-3b80-7000-8000-2b3cdbd04645","type":"charge","amount":1000,"balanceBefore":70000,"balanceAfter":71000,"method":"cash","createdAt":"2026-09-01T11:00:00Z"},{"transactionId":"01a05ca0-3b80-7000-8000-20188edf30a9","type":"payment","amount":-50000,"balanceBefore":120000,"balanceAfter":70000,"paymentId":"01a05ca0-3b80-7000-8000-1cf506fd2573","reservationId":"01a05ca0-3b80-7000-8000-18ed6c9ad2af","createdAt":"2026-09-01T11:00:00Z"},{"transactionId":"01a05ca0-3b80-7000-8000-1785edb451f6","type":"charge","amount":120000,"balanceBefore":0,"balanceAfter":120000,"method":"card","createdAt":"2026-09-01T11:00:00Z"}],"nextCursor":null}
    "#]].assert_eq(&history.to_string());

    let first = world.get("/api/v1/users/me/transactions?limit=2").by(&ann).send().await.expect(200).json();
    let cursor = first["nextCursor"].as_str().expect("cursor");
    let path = format!("/api/v1/users/me/transactions?limit=2&cursor={cursor}");
    let second = world.get(&path).by(&ann).send().await.expect(200).json();
    assert_eq!(second["items"].as_array().expect("items").len(), 1);
    assert_eq!((&second["items"][0]["amount"], &second["nextCursor"]), (&json!(120_000), &json!(null)));
}

#[tokio::test]
async fn amounts_that_are_not_taken() {
    let world = World::new();
    let ann = world.fan("ann", 9_500_000).await;
    for amount in [0, 1, 999, -1_000, 1_000_001, i64::MIN, i64::MAX] {
        charge(&world, &ann, "me", "k", &json!({"amount": amount, "method": "card"}))
            .await
            .problem(422, "invalid_amount");
    }
    charge(&world, &ann, "me", "k", &json!({"amount": 500_001, "method": "card"}))
        .await
        .problem(409, "balance_limit_exceeded");
    for (form, field) in [
        (json!({"amount": "1000", "method": "card"}), "amount"),
        (json!({"amount": 1000.5, "method": "card"}), "amount"),
        (json!({"amount": 1e300, "method": "card"}), "amount"),
        (json!({"amount": null, "method": "card"}), "amount"),
        (json!({"amount": 1_000, "method": "cheque"}), "method"),
        (json!({"amount": 1_000, "method": 1}), "method"),
        (json!({"amount": 1_000, "method": {"card": null}}), "method"),
        (json!({"amount": 1_000, "method": "CARD"}), "method"),
        (json!({"amount": 1_000}), "method"),
        (json!({"method": "card"}), "amount"),
        (json!({"amount": 1_000, "method": "card", "userId": "x"}), "userId"),
    ] {
        let answer = charge(&world, &ann, "me", "k", &form).await;
        assert_eq!(answer.wrong(), [field]);
        answer.problem(422, "validation_failed");
    }
    assert_eq!(world.stage.balance(ann.user).await, 9_500_000);
}

#[tokio::test]
async fn operators_charge_for_others_and_fans_only_where_it_is_left_to_them() {
    let world = World::with(|http| http.charge_by = ChargeBy::Operator, |_| {});
    let ann = world.fan("ann", 0).await;
    let olga = world.staff("olga", Role::Operator).await;
    let form = json!({"amount": 1_000, "method": "cash"});
    charge(&world, &ann, "me", "k", &form).await.problem(403, "forbidden");
    let id = ann.user.to_string();
    let charged = charge(&world, &olga, &id, "k", &form).await.expect(200).json();
    assert_eq!(charged["balance"], 1_000);
    let nobody = "0190a1b2-0000-7000-8000-00000000000a";
    charge(&world, &olga, nobody, "l", &form).await.problem(404, "not_found");
    for path in ["balance", "transactions", "payments"] {
        let seen = world.get(&format!("/api/v1/users/{id}/{path}")).by(&olga).send().await;
        assert_eq!(seen.status, 200, "{seen}");
    }
}
