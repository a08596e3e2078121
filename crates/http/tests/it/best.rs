//! Best available over HTTP.

use serde_json::{Value, json};

use crate::hall::{Hall, R, VIP};
use crate::world::{Answer, Client};

async fn best(hall: &Hall, by: &Client, wish: Value) -> Answer {
    let form = json!({"scheduleId": hall.schedule.get(), "bestAvailable": wish});
    let key = format!("best {}", hall.world.stage.app.draw_id());
    hall.world.post("/api/v1/reservations", &form).by(by).key(&key).send().await
}

fn numbers(answer: &Answer) -> Vec<u64> {
    let seats = answer.json()["seats"].as_array().expect("seats").clone();
    seats.iter().map(|seat| seat["no"].as_u64().expect("a number")).collect()
}

#[tokio::test]
async fn the_best_seats_are_held_with_what_they_are() {
    let hall = Hall::new().await;
    let ann = hall.world.fan("ann", 0).await;
    let held = best(&hall, &ann, json!({"quantity": 2, "grade": "VIP"})).await.expect(201);
    // Either half of the front row: its middle would leave a single seat on both sides.
    let numbers_held = numbers(&held);
    assert!([[1, 2], [3, 4]].iter().any(|half| *half == *numbers_held), "{numbers_held:?}");
    let body = held.json();
    assert_eq!((&body["status"], &body["amount"]), (&json!("pending"), &json!(2 * VIP)));
    let no = numbers_held[0];
    let seat = json!({"no": no, "label": format!("1F A-{no}"), "section": "1F", "row": "A", "grade": "VIP", "price": VIP});
    assert_eq!(body["seats"][0], seat);
    assert_eq!(hall.map().await, if no == 1 { "hhaaaaaaaaaa" } else { "aahhaaaaaaaa" });
    let other = best(&hall, &hall.world.fan("bob", 0).await, json!({"quantity": 4, "grade": "R"})).await;
    assert_eq!(numbers(&other.expect(201)).len(), 4);
}

#[tokio::test]
async fn what_cannot_be_had_says_why() {
    let hall = Hall::new().await;
    let (ann, bob) = (hall.world.fan("ann", 0).await, hall.world.fan("bob", 0).await);
    let taken = json!({"scheduleId": hall.schedule.get(), "seats": [2, 3]});
    hall.world.post("/api/v1/reservations", &taken).by(&ann).key("taken").send().await.expect(201);
    let apart = json!({"quantity": 2, "grade": "VIP"});
    best(&hall, &bob, apart).await.problem(409, "no_adjacent_seats");
    let many = best(&hall, &bob, json!({"quantity": 3, "grade": "VIP"})).await.problem(409, "sold_out");
    assert_eq!(many["seatsLeft"], 2);
    let accessible = best(&hall, &bob, json!({"quantity": 1, "accessible": true})).await;
    assert_eq!(accessible.problem(409, "sold_out")["seatsLeft"], 0);
    let held = best(&hall, &bob, json!({"quantity": 2, "grade": "VIP", "adjacent": false})).await.expect(201);
    assert_eq!(numbers(&held), [1, 4]);
    let limit = best(&hall, &bob, json!({"quantity": 3})).await.problem(409, "seat_limit_exceeded");
    assert_eq!((&limit["limit"], &limit["held"]), (&json!(4), &json!(2)));
    let grade = best(&hall, &bob, json!({"quantity": 1, "grade": "GOLD"})).await;
    assert_eq!(grade.wrong(), ["bestAvailable.grade"]);
    grade.problem(422, "validation_failed");
    let none = json!({"scheduleId": 99, "bestAvailable": {"quantity": 1}});
    let none = hall.world.post("/api/v1/reservations", &none).by(&bob).key("none").send().await;
    none.problem(404, "not_found");
}

#[tokio::test]
async fn d9_wishes_that_make_no_sense() {
    let hall = Hall::new().await;
    let ann = hall.world.fan("ann", 0).await;
    for (wish, wrong) in [
        (json!({}), "bestAvailable.quantity"),
        (json!({"quantity": "2"}), "bestAvailable.quantity"),
        (json!({"quantity": -1}), "bestAvailable.quantity"),
        (json!({"quantity": 0}), "bestAvailable.quantity"),
        (json!({"quantity": 2, "row": "A"}), "bestAvailable.row"),
        (json!({"quantity": 2, "grade": 1}), "bestAvailable.grade"),
        (json!({"quantity": 2, "adjacent": 1}), "bestAvailable.adjacent"),
        (json!([2]), "bestAvailable"),
    ] {
        let answer = best(&hall, &ann, wish.clone()).await;
        assert_eq!(answer.wrong(), [wrong], "{wish}");
        answer.problem(422, "validation_failed");
    }
    let many = best(&hall, &ann, json!({"quantity": 21})).await.problem(422, "too_many_seats");
    assert_eq!(many["limit"], 20);
    let both = json!({"scheduleId": hall.schedule.get(), "seats": [1], "bestAvailable": {"quantity": 1}});
    let both = hall.world.post("/api/v1/reservations", &both).by(&ann).key("both").send().await;
    assert_eq!(both.wrong(), ["bestAvailable"]);
    assert_eq!(hall.map().await, "a".repeat(12));
}

#[tokio::test]
async fn a_repeat_is_the_same_seats() {
    let hall = Hall::new().await;
    let ann = hall.world.fan("ann", 0).await;
    let form = json!({"scheduleId": hall.schedule.get(), "bestAvailable": {"quantity": 2, "grade": "R"}});
    let send = || hall.world.post("/api/v1/reservations", &form).by(&ann).key("k").send();
    let (first, again) = (send().await.expect(201), send().await.expect(201));
    assert_eq!(again.header("idempotency-replayed"), "true");
    assert_eq!(first.body, again.body);
    assert_eq!(first.json()["amount"], 2 * R);
    let other = json!({"scheduleId": hall.schedule.get(), "bestAvailable": {"quantity": 1, "grade": "R"}});
    let other = hall.world.post("/api/v1/reservations", &other).by(&ann).key("k").send().await;
    other.problem(422, "idempotency_key_reused");
}
