//! Keeping seats back from sale, and putting them on sale again.

use expect_test::expect;
use serde_json::{Value, json};

use crate::hall::Hall;

#[tokio::test]
async fn seats_are_kept_back_and_put_on_sale_again() {
    let hall = Hall::new().await;
    let form = json!({"seats": [1, [3, 5]], "reason": "For guests"});
    let path = format!("/schedules/{}/seats/block", hall.schedule);
    let blocked = hall.post(&path, "k", &form).send().await;
    expect![[r#"
        200
        cache-control: private, no-cache
        content-length: 25
        content-type: application/json
        x-request-id: test
        {"changed":4,"version":2}
    "#]]
    .assert_eq(&blocked.to_string());
    assert_eq!(hall.map().await, "babbbaaaaaaa");
    // A repeat, also in another spelling of the same seats.
    for form in [form, json!({"reason": "For guests", "seats": [[1, 1], [3, 5]]})] {
        let again = hall.post(&path, "k", &form).send().await.expect(200);
        assert_eq!((again.header("idempotency-replayed"), &again.body), ("true", &blocked.body));
    }
    hall.post(&path, "k", &json!({"seats": [2]})).send().await.problem(422, "idempotency_key_reused");
    // What is kept back already is not counted, and a map that did not change keeps its version.
    let more = hall.block(json!({"seats": [[1, 5]]})).await.expect(200).json();
    assert_eq!(more, json!({"changed": 1, "version": 3}));
    let same = hall.block(json!({"seats": [[1, 5]]})).await.expect(200).json();
    assert_eq!(same, json!({"changed": 0, "version": 3}));
    let freed = hall.release(json!({"seats": [[1, 12]]})).await.expect(200).json();
    assert_eq!(freed, json!({"changed": 5, "version": 4}));
    assert_eq!(hall.map().await, "a".repeat(12));
    hall.world.stage.assert_clean().await;
}

#[tokio::test]
async fn what_is_given_narrows_each_other() {
    let hall = Hall::new().await;
    for (form, map) in [
        (json!({"section": "1F"}), "bbbbbbbbaaaa"),
        (json!({"row": "A"}), "bbbbaaaabbbb"),
        (json!({"grade": "R"}), "aaaabbbbbbbb"),
        (json!({"section": "1F", "grade": "R"}), "aaaabbbbaaaa"),
        (json!({"section": "2F", "row": "A"}), "aaaaaaaabbbb"),
        (json!({"seats": [[1, 6]], "grade": "R"}), "aaaabbaaaaaa"),
        (json!({"seats": [1, 1, [1, 2]], "section": "1F", "row": "A", "grade": "VIP"}), "bbaaaaaaaaaa"),
        (json!({"seats": [[1, 12]], "section": null}), "bbbbbbbbbbbb"),
    ] {
        hall.block(form.clone()).await.expect(200);
        assert_eq!(hall.map().await, map, "{form}");
        hall.release(json!({"seats": [[1, 12]]})).await.expect(200);
    }
}

#[tokio::test]
async fn a_held_or_sold_seat_stands_in_the_way_of_all() {
    let hall = Hall::new().await;
    let ann = hall.world.fan("ann", 1_000_000).await;
    let paid = hall.world.hold(&ann, hall.schedule, &[2]).await;
    hall.world.pay(&ann, &paid).await;
    hall.world.hold(&ann, hall.schedule, &[3]).await;
    for form in [json!({"seats": [[1, 4]]}), json!({"grade": "VIP"})] {
        let refused = hall.block(form).await.problem(409, "seat_unavailable");
        assert_eq!(refused["seats"], json!([2, 3]));
    }
    assert_eq!(hall.map().await, "ashaaaaaaaaa");
    hall.block(json!({"seats": [1, 5]})).await.expect(200);
    let refused = hall.release(json!({"seats": [1, 2, 3]})).await.problem(409, "seat_unavailable");
    assert_eq!(refused["seats"], json!([2, 3]), "a seat that is named has to be one that can be released");
    let freed = hall.release(json!({"section": "1F"})).await.expect(200).json();
    assert_eq!(freed["changed"], 2, "of a section those that are kept back");
    assert_eq!(hall.map().await, "ashaaaaaaaaa");
    hall.world.stage.assert_clean().await;
}

#[tokio::test]
async fn a_blocked_seat_is_not_to_be_had() {
    let hall = Hall::new().await;
    hall.block(json!({"seats": [1]})).await.expect(200);
    let ann = hall.world.fan("ann", 0).await;
    let form = json!({"scheduleId": hall.schedule.get(), "seats": [1, 2]});
    let refused = hall.world.post("/api/v1/reservations", &form).by(&ann).key("k").send().await;
    assert_eq!(refused.problem(409, "seat_unavailable")["seats"], json!([1]));
    let seen = hall.world.get(&format!("/api/v1/concerts/{}", hall.concert)).send().await.expect(200).json();
    assert_eq!(seen["schedules"][0]["seatsLeft"], 11);
}

#[tokio::test]
async fn d9_what_cannot_be_kept_back() {
    let hall = Hall::new().await;
    for what in ["block", "release"] {
        let path = format!("/schedules/{}/seats/{what}", hall.schedule);
        for (form, fields) in [
            (json!({}), vec!["seats"]),
            (json!({"reason": "x"}), vec!["seats"]),
            (json!({"seats": []}), vec!["seats"]),
            (json!({"seats": [3, [5, 4]]}), vec!["seats[1]"]),
            (json!({"seats": 3}), vec!["seats"]),
            (json!({"seats": ["3"]}), vec!["seats[0]"]),
            (json!({"seats": [1.5]}), vec!["seats[0]"]),
            (json!({"seats": [-1]}), vec!["seats[0]"]),
            (json!({"seats": [4_294_967_296_u64]}), vec!["seats[0]"]),
            (json!({"seats": [null]}), vec!["seats[0]"]),
            (json!({"seats": [{"from": 1}]}), vec!["seats[0]"]),
            (json!({"seats": [[1]]}), vec!["seats[0]"]),
            (json!({"seats": [[1, 2, 3]]}), vec!["seats[0]"]),
            (json!({"seats": [[1, "2"]]}), vec!["seats[0][1]"]),
            (json!({"section": 1}), vec!["section"]),
            (json!({"section": "3F"}), vec!["section"]),
            (json!({"section": "2F", "grade": "VIP"}), vec!["section", "grade"]),
            (json!({"seats": [1], "row": "B"}), vec!["seats", "row"]),
            (json!({"seats": [1], "reason": " "}), vec!["reason"]),
            (json!({"seats": [1], "reason": "x".repeat(501)}), vec!["reason"]),
            (json!({"seats": [1], "price": 1}), vec!["price"]),
        ] {
            let answer = hall.post(&path, "k", &form).send().await;
            assert_eq!(answer.status, 422, "{form}: {answer}");
            assert_eq!(answer.wrong(), fields, "{form}");
            answer.problem(422, "validation_failed");
        }
        for (form, seats) in [
            (json!({"seats": [0]}), json!([0])),
            (json!({"seats": [13]}), json!([13])),
            (json!({"seats": [[12, 4_294_967_295_u32], [0, 3], 13]}), json!([0, 13, 4_294_967_295_u32])),
        ] {
            let answer = hall.post(&path, "k", &form).send().await;
            assert_eq!(answer.problem(404, "not_found")["seats"], seats, "{form}");
        }
        let all = json!({"seats": [1]});
        for schedule in ["99", "0", "x", "01"] {
            let path = format!("/schedules/{schedule}/seats/{what}");
            hall.post(&path, "k", &all).send().await.problem(404, "not_found");
        }
        let without_key = hall.world.post(&format!("/api/v1/admin{path}"), &all).by(&hall.olga).send().await;
        without_key.problem(400, "idempotency_key_required");
        let no_json = hall.world.call("POST", &format!("/api/v1/admin{path}")).raw("application/json", b"{");
        no_json.by(&hall.olga).key("k").send().await.problem(400, "invalid_request");
        let text = hall.world.call("POST", &format!("/api/v1/admin{path}")).raw("text/plain", b"{}");
        text.by(&hall.olga).key("k").send().await.problem(415, "unsupported_media_type");
    }
    assert_eq!(hall.map().await, "a".repeat(12));
    assert_eq!(hall.get("/audit-log").await["items"][0]["action"], "create_schedule", "nothing was done");
}

#[tokio::test]
async fn a_reason_is_on_the_log_with_the_seats_as_runs() {
    let hall = Hall::new().await;
    hall.block(json!({"seats": [1, 2, 4], "reason": "For guests"})).await.expect(200);
    let line = hall.get("/audit-log?limit=1").await["items"][0].take();
    let target = format!("schedule/{}/seats", hall.schedule);
    assert_eq!((&line["action"], &line["target"]), (&json!("block_seats"), &json!(target)));
    assert_eq!(line["before"], Value::Null);
    assert_eq!(line["after"], json!({"seats": [[1, 2], [4, 4]], "reason": "For guests"}));
}
