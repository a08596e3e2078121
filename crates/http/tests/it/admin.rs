//! Making and editing concerts and schedules.

use expect_test::expect;
use frontrow_domain::ConcertId;
use frontrow_domain::account::Role;
use serde_json::{Value, json};

use crate::world::{World, rfc3339};

fn concert() -> Value {
    json!({"title": "Spring Day", "artist": "The Front Row", "description": "An evening."})
}

fn schedule(world: &World) -> Value {
    json!({"venue": "Olympic Hall", "startsAt": world.time(86_400), "durationMinutes": 120,
        "bookingStart": world.time(0), "bookingEnd": world.time(86_400),
        "seatPlan": {"plain": {"seats": 50, "price": 50_000}}})
}

#[tokio::test]
async fn a_concert_and_a_schedule_are_made_and_seen() {
    let world = World::new();
    let olga = world.staff("olga", Role::Operator).await;
    let made = world.post("/api/v1/admin/concerts", &concert()).by(&olga).send().await;
    expect![[r#"
        201
        cache-control: private, no-cache
        content-length: 342
        content-type: application/json
        x-request-id: test
        {"concertId":1,"title":"Spring Day","artist":"The Front Row","description":"An evening.","published":true,"status":"upcoming","seatsLeft":0,"waitingRoom":{"enabled":false,"maxActive":5000,"admitPerSecond":140.0,"sessionSeconds":300,"claimSeconds":60,"presenceSeconds":60,"lobbyOpensAt":null},"schedules":[],"createdAt":"2026-09-01T11:00:00Z"}
    "#]].assert_eq(&made.to_string());
    let mut form = schedule(&world);
    form["timeZone"] = json!("asia/seoul");
    let made = world.post("/api/v1/admin/concerts/1/schedules", &form).by(&olga).send().await;
    expect![[r#"
        201
        cache-control: private, no-cache
        content-length: 525
        content-type: application/json
        x-request-id: test
        {"scheduleId":1,"concertId":1,"status":"on_sale","venue":"Olympic Hall","startsAt":"2026-09-02T11:00:00Z","timeZone":"Asia/Seoul","durationMinutes":120,"bookingStart":"2026-09-01T11:00:00Z","bookingEnd":"2026-09-02T11:00:00Z","totalSeats":50,"seatsLeft":50,"grades":[{"grade":"STANDARD","price":50000,"seatsLeft":50}],"currency":"KRW","holdSeconds":300,"holdMaxSeconds":600,"holdExtensionSeconds":300,"maxSeatsPerFan":4,"refundPolicy":null,"planVersion":1,"salesPaused":false,"inUse":false,"createdAt":"2026-09-01T11:00:00Z"}
    "#]].assert_eq(&made.to_string());
    let seen = world.get("/api/v1/admin/concerts/1").by(&olga).send().await.expect(200).json();
    assert_eq!(seen["schedules"][0], made.json());
    let list = world.get("/api/v1/admin/concerts").by(&olga).send().await;
    expect![[r#"
        200
        cache-control: private, no-cache
        content-length: 293
        content-type: application/json
        x-request-id: test
        {"items":[{"concertId":1,"title":"Spring Day","artist":"The Front Row","description":"An evening.","status":"on_sale","schedules":1,"seatsLeft":50,"bookingStart":"2026-09-01T11:00:00Z","bookingEnd":"2026-09-02T11:00:00Z","published":true,"createdAt":"2026-09-01T11:00:00Z"}],"nextCursor":null}
    "#]].assert_eq(&list.to_string());
    let admin = world.staff("anton", Role::Admin).await;
    world.get("/api/v1/admin/concerts/1").by(&admin).send().await.expect(200);
}

#[tokio::test]
async fn times_with_any_offset_are_the_same_moments() {
    let world = World::new();
    let olga = world.staff("olga", Role::Operator).await;
    world.post("/api/v1/admin/concerts", &concert()).by(&olga).send().await.expect(201);
    let mut form = schedule(&world);
    form["startsAt"] = json!("2099-08-21T19:00:00+09:00");
    form["bookingEnd"] = json!("2099-08-21T06:00:00-04:00");
    let made =
        world.post("/api/v1/admin/concerts/1/schedules", &form).by(&olga).send().await.expect(201).json();
    assert_eq!(
        (&made["startsAt"], &made["bookingEnd"]),
        (&json!("2099-08-21T10:00:00Z"), &json!("2099-08-21T10:00:00Z"))
    );
}

#[tokio::test]
async fn a_concert_is_edited_by_merge_patch() {
    let world = World::new();
    let olga = world.staff("olga", Role::Operator).await;
    world.post("/api/v1/admin/concerts", &concert()).by(&olga).send().await.expect(201);
    let patch = |form: Value| world.patch("/api/v1/admin/concerts/1", &form).by(&olga).send();
    let edited =
        patch(json!({"title": "Autumn Day", "waitingRoom": {"maxActive": 10, "admitPerSecond": 2.5}})).await;
    let edited = edited.expect(200).json();
    assert_eq!((&edited["title"], &edited["artist"]), (&json!("Autumn Day"), &json!("The Front Row")));
    let room = &edited["waitingRoom"];
    assert_eq!(
        (&room["maxActive"], &room["admitPerSecond"], &room["sessionSeconds"]),
        (&json!(10), &json!(2.5), &json!(300))
    );
    let edited = patch(json!({"waitingRoom": {"sessionSeconds": 60}})).await.expect(200).json();
    assert_eq!(edited["waitingRoom"]["maxActive"], 10, "members are merged one by one");
    let edited = patch(json!({"waitingRoom": {"maxActive": null}})).await.expect(200).json();
    assert_eq!(
        (&edited["waitingRoom"]["maxActive"], &edited["waitingRoom"]["sessionSeconds"]),
        (&json!(5_000), &json!(60))
    );
    let edited = patch(json!({"waitingRoom": null, "published": false})).await.expect(200).json();
    assert_eq!(
        (&edited["waitingRoom"]["sessionSeconds"], &edited["published"]),
        (&json!(300), &json!(false))
    );
    world.get("/api/v1/concerts/1").send().await.problem(404, "not_found");
    patch(json!({"published": null})).await.expect(200);
    world.get("/api/v1/concerts/1").send().await.expect(200);

    let answer = patch(json!({"title": null, "artist": null})).await;
    assert_eq!(answer.wrong(), ["title", "artist"]);
    let answer = patch(json!({"title": ""})).await;
    assert_eq!(answer.wrong(), ["title"]);
    let same = world.call("PATCH", "/api/v1/admin/concerts/1").raw("application/merge-patch+json", b"{}");
    same.by(&olga).send().await.expect(200);
    world.patch("/api/v1/admin/concerts/99", &json!({})).by(&olga).send().await.problem(404, "not_found");
}

#[tokio::test]
async fn a_waiting_room_is_switched_on_and_off_with_its_concert() {
    let world = World::new();
    let olga = world.staff("olga", Role::Operator).await;
    let mut form = concert();
    form["waitingRoom"] =
        json!({"enabled": true, "maxActive": 100, "admitPerSecond": 0.5, "sessionSeconds": 60});
    let made = world.post("/api/v1/admin/concerts", &form).by(&olga).send().await.expect(201).json();
    let room = json!({"enabled": true, "maxActive": 100, "admitPerSecond": 0.5, "sessionSeconds": 60,
        "claimSeconds": 60, "presenceSeconds": 60, "lobbyOpensAt": null});
    assert_eq!(made["waitingRoom"], room);
    let seen =
        || async { world.get("/api/v1/concerts/1").send().await.expect(200).json()["waitingRoom"].clone() };
    assert_eq!(seen().await, json!({"enabled": true, "lobbyOpensAt": null, "opensAt": null}));
    let opens_at = world.stage.now().plus_seconds(60);
    let concert = ConcertId::new(1);
    world.stage.a_schedule().of(concert).booking_start(opens_at.plus_seconds(60)).make().await;
    world.stage.a_schedule().of(concert).booking_start(opens_at).make().await;
    assert_eq!(seen().await, json!({"enabled": true, "lobbyOpensAt": null, "opensAt": rfc3339(opens_at)}));

    let patch =
        |change| world.patch("/api/v1/admin/concerts/1", &json!({ "waitingRoom": change })).by(&olga).send();
    let lobby = patch(json!({"lobbyOpensAt": world.time(0)})).await.expect(200).json();
    assert_eq!(lobby["waitingRoom"]["lobbyOpensAt"], world.time(0));
    let with_lobby = json!({"enabled": true, "lobbyOpensAt": world.time(0), "opensAt": rfc3339(opens_at)});
    assert_eq!(seen().await, with_lobby);
    patch(json!({"enabled": false})).await.expect(200);
    let off = json!({"enabled": false, "lobbyOpensAt": world.time(0), "opensAt": rfc3339(opens_at)});
    assert_eq!(seen().await, off);
    patch(json!({"enabled": true, "lobbyOpensAt": null})).await.expect(200);
    assert_eq!(seen().await["lobbyOpensAt"], Value::Null);
    patch(json!({"enabled": null})).await.expect(200);
    assert_eq!(seen().await["enabled"], false, "null is the default");
}

#[tokio::test]
async fn d9_ranges_of_a_concert() {
    let world = World::new();
    let olga = world.staff("olga", Role::Operator).await;
    let long = "x".repeat(201);
    for (change, field) in [
        (json!({"title": ""}), "title"),
        (json!({"title": long}), "title"),
        (json!({"title": "a\u{0}b"}), "title"),
        (json!({"title": 1}), "title"),
        (json!({"published": "yes"}), "published"),
        (json!({"extra": 1}), "extra"),
        (json!({"waitingRoom": []}), "waitingRoom"),
        (json!({"waitingRoom": {"extra": 1}}), "waitingRoom.extra"),
        (json!({"waitingRoom": {"maxActive": 1_000_001}}), "waitingRoom.maxActive"),
        (json!({"waitingRoom": {"maxActive": -1}}), "waitingRoom.maxActive"),
        (json!({"waitingRoom": {"sessionSeconds": 9}}), "waitingRoom.sessionSeconds"),
        (json!({"waitingRoom": {"sessionSeconds": 86_401}}), "waitingRoom.sessionSeconds"),
        (json!({"waitingRoom": {"admitPerSecond": 0}}), "waitingRoom.admitPerSecond"),
        (json!({"waitingRoom": {"admitPerSecond": -1.5}}), "waitingRoom.admitPerSecond"),
        (json!({"waitingRoom": {"admitPerSecond": 1e300}}), "waitingRoom.admitPerSecond"),
        (json!({"waitingRoom": {"admitPerSecond": 0.000_1}}), "waitingRoom.admitPerSecond"),
        (json!({"waitingRoom": {"lobbyOpensAt": "tomorrow"}}), "waitingRoom.lobbyOpensAt"),
    ] {
        let mut form = concert();
        form.as_object_mut().expect("object").extend(change.as_object().expect("object").clone());
        let answer = world.post("/api/v1/admin/concerts", &form).by(&olga).send().await;
        assert_eq!(answer.status, 422, "{change}: {answer}");
        assert_eq!(answer.wrong(), [field], "{change}");
    }
}

#[tokio::test]
async fn d9_ranges_of_a_schedule() {
    let world = World::new();
    let olga = world.staff("olga", Role::Operator).await;
    world.post("/api/v1/admin/concerts", &concert()).by(&olga).send().await.expect(201);
    for (change, fields) in [
        (json!({"venue": ""}), vec!["venue"]),
        (json!({"startsAt": "2026-08-21"}), vec!["startsAt"]),
        (json!({"startsAt": 1}), vec!["startsAt"]),
        (json!({"timeZone": "Mars/Olympus"}), vec!["timeZone"]),
        (json!({"durationMinutes": 0}), vec!["durationMinutes"]),
        (json!({"holdSeconds": 0}), vec!["holdSeconds"]),
        (json!({"holdSeconds": 3_601}), vec!["holdSeconds", "holdMaxSeconds"]),
        (json!({"holdSeconds": 300, "holdMaxSeconds": 299}), vec!["holdMaxSeconds"]),
        (json!({"maxSeatsPerFan": 0}), vec!["maxSeatsPerFan"]),
        (json!({"maxSeatsPerFan": 101}), vec!["maxSeatsPerFan"]),
        (json!({"bookingEnd": world.time(0)}), vec!["bookingEnd"]),
        (json!({"bookingEnd": world.time(86_401)}), vec!["bookingEnd"]),
        (json!({"refundPolicy": {"untilHoursBefore": 24, "percent": 70}}), vec!["refundPolicy"]),
        (json!({"refundPolicy": [[24, 70]]}), vec!["refundPolicy[0]"]),
        (json!({"refundPolicy": [{"percent": 70}]}), vec!["refundPolicy[0].untilHoursBefore"]),
        (
            json!({"refundPolicy": [{"untilHoursBefore": 24, "percent": 70, "fee": 1}]}),
            vec!["refundPolicy[0].fee"],
        ),
        (
            json!({"refundPolicy": [{"untilHoursBefore": 43_921, "percent": 101}]}),
            vec!["refundPolicy[0].untilHoursBefore", "refundPolicy[0].percent"],
        ),
        (
            json!({"refundPolicy": [{"untilHoursBefore": 24, "percent": 70}, {"untilHoursBefore": 24, "percent": 50}]}),
            vec!["refundPolicy[1].untilHoursBefore"],
        ),
        (
            json!({"refundPolicy": vec![json!({"untilHoursBefore": 24, "percent": 70}); 21]}),
            vec!["refundPolicy"],
        ),
        (json!({"seatPlan": {}}), vec!["seatPlan"]),
        (json!({"seatPlan": {"plain": {"seats": 0, "price": 1}}}), vec!["seatPlan.plain.seats"]),
        (
            json!({"seatPlan": {"plain": {"seats": 100_001, "price": -1}}}),
            vec!["seatPlan.plain.price", "seatPlan.plain.seats"],
        ),
        (
            json!({"seatPlan": {"plain": {"seats": 1, "price": 1_000_000_000_001_i64}}}),
            vec!["seatPlan.plain.price"],
        ),
        (json!({"seatPlan": {"plain": {"seats": "1", "price": 1}}}), vec!["seatPlan.plain.seats"]),
        (json!({"seatPlan": {"plain": [1, 1]}}), vec!["seatPlan.plain"]),
        (json!({"seatPlan": {"rows": {}}}), vec!["seatPlan.rows.sections", "seatPlan.rows.prices"]),
        (
            json!({"seatPlan": {"pretix": {"plan": {}}}}),
            vec!["seatPlan.pretix.plan.zones", "seatPlan.pretix.plan.categories", "seatPlan.pretix.prices"],
        ),
        (json!({"seatPlan": {"circle": {}}}), vec!["seatPlan.circle"]),
        (json!({"seatPlan": null}), vec!["seatPlan"]),
        (json!({"seats": 5}), vec!["seats"]),
    ] {
        let mut form = schedule(&world);
        form.as_object_mut().expect("object").extend(change.as_object().expect("object").clone());
        let answer = world.post("/api/v1/admin/concerts/1/schedules", &form).by(&olga).send().await;
        assert_eq!(answer.status, 422, "{change}: {answer}");
        assert_eq!(answer.wrong(), fields, "{change}");
    }
    let mut form = schedule(&world);
    form["refundPolicy"] = Value::Null;
    form["holdSeconds"] = json!(900);
    let made =
        world.post("/api/v1/admin/concerts/1/schedules", &form).by(&olga).send().await.expect(201).json();
    assert_eq!(
        (&made["holdSeconds"], &made["holdMaxSeconds"], &made["timeZone"]),
        (&json!(900), &json!(900), &json!("UTC"))
    );
    world.post("/api/v1/admin/concerts/2/schedules", &form).by(&olga).send().await.problem(404, "not_found");
    world.post("/api/v1/admin/concerts/x/schedules", &form).by(&olga).send().await.problem(404, "not_found");
}

#[tokio::test]
async fn a_schedule_is_edited_and_its_plan_until_the_first_claim() {
    let world = World::new();
    let olga = world.staff("olga", Role::Operator).await;
    let id = world.stage.a_schedule().make().await;
    let address = format!("/api/v1/admin/schedules/{id}");
    let patch = |form: Value| world.patch(&address, &form).by(&olga).send();
    let edited = patch(json!({"venue": "Small Hall", "salesPaused": true, "holdSeconds": 60}))
        .await
        .expect(200)
        .json();
    assert_eq!(
        (&edited["venue"], &edited["status"], &edited["holdSeconds"]),
        (&json!("Small Hall"), &json!("paused"), &json!(60))
    );
    let edited = patch(json!({"salesPaused": null, "holdSeconds": null})).await.expect(200).json();
    assert_eq!((&edited["status"], &edited["holdSeconds"]), (&json!("on_sale"), &json!(300)));
    let plan = json!({"seatPlan": {"plain": {"seats": 2, "price": 10}}});
    let edited = patch(plan.clone()).await.expect(200).json();
    assert_eq!(
        (&edited["totalSeats"], &edited["seatsLeft"], &edited["planVersion"]),
        (&json!(2), &json!(2), &json!(2))
    );
    for (form, field) in [
        (json!({"venue": null}), "venue"),
        (json!({"seatPlan": null}), "seatPlan"),
        (json!({"seatPlan": {"rows": []}}), "seatPlan.rows"),
        (json!({"refundPolicy": "none"}), "refundPolicy"),
        (json!({"refundPolicy": [{"untilHoursBefore": 1, "percent": 101}]}), "refundPolicy[0].percent"),
        (json!({"bookingEnd": "2000-01-01T00:00:00Z"}), "bookingEnd"),
    ] {
        let answer = patch(form.clone()).await;
        assert_eq!(answer.wrong(), [field], "{form}");
        answer.problem(422, "validation_failed");
    }
    let ann = world.fan("ann", 0).await;
    world.hold(&ann, id, &[1]).await;
    patch(plan).await.problem(409, "schedule_in_use");
    patch(json!({"venue": "Great Hall"})).await.expect(200);
    world.patch("/api/v1/admin/schedules/99", &json!({})).by(&olga).send().await.problem(404, "not_found");
}

#[tokio::test]
async fn a_refund_policy_is_made_seen_and_taken_away() {
    let world = World::new();
    let olga = world.staff("olga", Role::Operator).await;
    world.post("/api/v1/admin/concerts", &concert()).by(&olga).send().await.expect(201);
    let policy = json!([{"untilHoursBefore": 240, "percent": 100}, {"untilHoursBefore": 0, "percent": 0}]);
    let mut form = schedule(&world);
    form["refundPolicy"] = policy.clone();
    let made =
        world.post("/api/v1/admin/concerts/1/schedules", &form).by(&olga).send().await.expect(201).json();
    assert_eq!(made["refundPolicy"], policy);
    let public = world.get("/api/v1/concerts/1").send().await.expect(200).json();
    assert_eq!(public["schedules"][0]["refundPolicy"], policy);
    let patch = |form: Value| world.patch("/api/v1/admin/schedules/1", &form).by(&olga).send();
    let same = patch(json!({"venue": "Small Hall"})).await.expect(200).json();
    assert_eq!(same["refundPolicy"], policy, "what is absent stays");
    let other = json!([{"untilHoursBefore": 24, "percent": 70}]);
    assert_eq!(patch(json!({"refundPolicy": other})).await.expect(200).json()["refundPolicy"], other);
    for none in [Value::Null, json!([])] {
        let edited = patch(json!({"refundPolicy": none})).await.expect(200).json();
        assert_eq!(edited["refundPolicy"], Value::Null, "{none}");
        patch(json!({"refundPolicy": other})).await.expect(200);
    }
}
