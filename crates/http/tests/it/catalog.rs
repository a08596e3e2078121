//! Concerts, schedules, seats, states and plans.

use expect_test::expect;
use serde_json::json;

use crate::world::{Answer, World};

/// Tags carry the random name of the store; this takes it out.
fn shown(answer: &Answer) -> String {
    let tag = answer.header("etag");
    match tag.split_once('-') {
        Some((epoch, _)) => answer.to_string().replace(epoch, "\"epoch"),
        None => answer.to_string(),
    }
}

#[tokio::test]
async fn a_concert_in_the_list_and_alone() {
    let world = World::new();
    let concert = world.stage.a_concert().titled("Spring Day").make().await;
    world.stage.a_schedule().of(concert).seats(3).make().await;
    let list = world.get("/api/v1/concerts").send().await;
    expect![[r#"
        200
        cache-control: max-age=1
        content-length: 229
        content-type: application/json
        x-request-id: test
        {"items":[{"concertId":1,"title":"Spring Day","artist":"The Front Row","description":"","status":"on_sale","schedules":1,"seatsLeft":3,"bookingStart":"2026-09-01T10:00:00Z","bookingEnd":"2026-10-01T11:00:00Z"}],"nextCursor":null}
    "#]].assert_eq(&list.to_string());
    let one = world.get(&format!("/api/v1/concerts/{concert}")).send().await;
    expect![[r#"
        200
        cache-control: max-age=1
        content-length: 738
        content-type: application/json
        x-request-id: test
        {"concertId":1,"title":"Spring Day","artist":"The Front Row","description":"","status":"on_sale","seatsLeft":3,"bookingStart":"2026-09-01T10:00:00Z","bookingEnd":"2026-10-01T11:00:00Z","waitingRoom":{"enabled":false,"lobbyOpensAt":null,"opensAt":"2026-09-01T10:00:00Z"},"schedules":[{"scheduleId":1,"concertId":1,"status":"on_sale","venue":"Olympic Hall","startsAt":"2026-10-01T11:00:00Z","timeZone":"Asia/Seoul","durationMinutes":120,"bookingStart":"2026-09-01T10:00:00Z","bookingEnd":"2026-10-01T11:00:00Z","totalSeats":3,"seatsLeft":3,"grades":[{"grade":"STANDARD","price":50000,"seatsLeft":3}],"currency":"KRW","holdSeconds":300,"holdMaxSeconds":600,"holdExtensionSeconds":300,"maxSeatsPerFan":4,"refundPolicy":null,"planVersion":1}]}
    "#]].assert_eq(&one.to_string());
    let schedules = world.get(&format!("/api/v1/concerts/{concert}/schedules")).send().await;
    expect![[r#"
        200
        cache-control: max-age=1
        content-length: 483
        content-type: application/json
        x-request-id: test
        {"items":[{"scheduleId":1,"concertId":1,"status":"on_sale","venue":"Olympic Hall","startsAt":"2026-10-01T11:00:00Z","timeZone":"Asia/Seoul","durationMinutes":120,"bookingStart":"2026-09-01T10:00:00Z","bookingEnd":"2026-10-01T11:00:00Z","totalSeats":3,"seatsLeft":3,"grades":[{"grade":"STANDARD","price":50000,"seatsLeft":3}],"currency":"KRW","holdSeconds":300,"holdMaxSeconds":600,"holdExtensionSeconds":300,"maxSeatsPerFan":4,"refundPolicy":null,"planVersion":1}],"nextCursor":null}
    "#]].assert_eq(&schedules.to_string());
}

#[tokio::test]
async fn a_concert_without_schedules_is_upcoming_and_has_no_times() {
    let world = World::new();
    let concert = world.stage.a_concert().make().await;
    let body = world.get(&format!("/api/v1/concerts/{concert}")).send().await.expect(200).json();
    assert_eq!(body["status"], "upcoming");
    assert_eq!((&body["bookingStart"], &body["bookingEnd"]), (&json!(null), &json!(null)));
    assert_eq!(body["schedules"], json!([]));
}

#[tokio::test]
async fn lists_are_paged_searched_and_filtered() {
    let world = World::new();
    for number in 0..5 {
        let concert = world.stage.a_concert().titled(&format!("Concert {number}")).make().await;
        let start = world.stage.now().plus_seconds(3_600 * (number + 1));
        world.stage.a_schedule().of(concert).booking_start(start).make().await;
    }
    let titles = |answer: &Answer| -> Vec<String> {
        let body = answer.json();
        let items = body["items"].as_array().expect("items").clone();
        items.iter().map(|item| item["title"].as_str().expect("text").to_owned()).collect()
    };
    let first = world.get("/api/v1/concerts?limit=2").send().await.expect(200);
    assert_eq!(titles(&first), ["Concert 4", "Concert 3"]);
    let cursor = first.json()["nextCursor"].as_str().expect("cursor").to_owned();
    let second = world.get(&format!("/api/v1/concerts?limit=2&cursor={cursor}")).send().await.expect(200);
    assert_eq!(titles(&second), ["Concert 2", "Concert 1"]);
    let cursor = second.json()["nextCursor"].as_str().expect("cursor").to_owned();
    let third = world.get(&format!("/api/v1/concerts?limit=2&cursor={cursor}")).send().await.expect(200);
    assert_eq!((titles(&third), &third.json()["nextCursor"]), (vec!["Concert 0".to_owned()], &json!(null)));

    let found = world.get("/api/v1/concerts?query=concert%203").send().await.expect(200);
    assert_eq!(titles(&found), ["Concert 3"]);
    let found = world.get("/api/v1/concerts?status=upcoming").send().await.expect(200);
    assert_eq!(titles(&found).len(), 5);
    for nothing in ["on_sale", "cancelled"] {
        let found = world.get(&format!("/api/v1/concerts?status={nothing}")).send().await.expect(200);
        assert_eq!(found.json(), json!({"items": [], "nextCursor": null}));
    }
}

#[tokio::test]
async fn what_is_not_published_is_not_there() {
    let world = World::new();
    let concert = world.stage.a_concert().unpublished().make().await;
    let schedule = world.stage.a_schedule().of(concert).make().await;
    let list = world.get("/api/v1/concerts").send().await.expect(200);
    assert_eq!(list.json()["items"], json!([]));
    for path in [
        String::new(),
        "/schedules".to_owned(),
        format!("/schedules/{schedule}/seats"),
        format!("/schedules/{schedule}/states"),
        format!("/schedules/{schedule}/plan"),
    ] {
        world.get(&format!("/api/v1/concerts/{concert}{path}")).send().await.problem(404, "not_found");
    }
    let ann = world.fan("ann", 0).await;
    let form = json!({"scheduleId": schedule.get(), "seats": [1]});
    world.post("/api/v1/reservations", &form).by(&ann).key("k").send().await.problem(404, "not_found");
}

#[tokio::test]
async fn seats_and_states_in_full_and_what_has_changed() {
    let world = World::new();
    let concert = world.stage.a_concert().make().await;
    let schedule = world.stage.a_schedule().of(concert).seats(4).make().await;
    let path = format!("/api/v1/concerts/{concert}/schedules/{schedule}");
    let get = |what: &str| world.get(&format!("{path}/{what}")).send();
    expect![[r#"
        200
        cache-control: no-cache
        content-length: 450
        content-type: application/json
        etag: "epoch-1"
        vary: accept-encoding
        x-request-id: test
        {"scheduleId":1,"version":1,"full":true,"seats":[{"no":1,"label":"1","section":null,"row":null,"grade":"STANDARD","price":50000,"state":"available"},{"no":2,"label":"2","section":null,"row":null,"grade":"STANDARD","price":50000,"state":"available"},{"no":3,"label":"3","section":null,"row":null,"grade":"STANDARD","price":50000,"state":"available"},{"no":4,"label":"4","section":null,"row":null,"grade":"STANDARD","price":50000,"state":"available"}]}
    "#]].assert_eq(&shown(&get("seats").await));
    expect![[r#"
        200
        cache-control: no-cache
        content-length: 41
        content-type: application/json
        etag: "epoch-1"
        vary: accept-encoding
        x-request-id: test
        {"version":1,"full":true,"states":"aaaa"}
    "#]]
    .assert_eq(&shown(&get("states").await));

    let ann = world.fan("ann", 100_000).await;
    let paid = world.hold(&ann, schedule, &[2]).await;
    world.pay(&ann, &paid).await;
    world.hold(&ann, schedule, &[4]).await;
    let json = |answer: Answer| answer.expect(200).json();
    assert_eq!(json(get("states").await), json!({"version": 4, "full": true, "states": "asah"}));
    let changes = json!([{"no": 2, "state": "sold"}, {"no": 4, "state": "held"}]);
    assert_eq!(json(get("states?since=1").await), json!({"version": 4, "full": false, "changes": changes}));
    assert_eq!(
        json(get("states?since=3").await),
        json!({"version": 4, "full": false, "changes": [{"no": 4, "state": "held"}]})
    );
    assert_eq!(json(get("states?since=4").await), json!({"version": 4, "full": false, "changes": []}));
    for unknown in ["5", "0", "9223372036854775807"] {
        let body = json(get(&format!("states?since={unknown}")).await);
        assert_eq!(body, json!({"version": 4, "full": true, "states": "asah"}), "{unknown}");
        assert_eq!(json(get(&format!("seats?since={unknown}")).await)["full"], true);
    }
    let since = json(get("seats?since=3").await);
    assert_eq!((&since["full"], &since["seats"][0]["no"]), (&json!(false), &json!(4)));
    assert_eq!(since["seats"].as_array().expect("seats").len(), 1);
    let available = json(get("seats?state=available").await);
    let numbers: Vec<_> =
        available["seats"].as_array().expect("seats").iter().map(|seat| &seat["no"]).collect();
    assert_eq!(numbers, [&json!(1), &json!(3)]);
}

#[tokio::test]
async fn d9_a_seat_map_is_fresh_and_its_tag_says_when_nothing_has_changed() {
    let world = World::new();
    let concert = world.stage.a_concert().make().await;
    let schedule = world.stage.a_schedule().of(concert).seats(2).make().await;
    let ann = world.fan("ann", 0).await;
    for what in ["seats", "states"] {
        let path = format!("/api/v1/concerts/{concert}/schedules/{schedule}/{what}");
        let first = world.get(&path).send().await.expect(200);
        let tag = first.header("etag").to_owned();
        for held in [tag.clone(), format!("W/{tag}"), format!("\"other\", {tag}"), "*".to_owned()] {
            let same = world.get(&path).header("if-none-match", &held).send().await.expect(304);
            assert!(same.body.is_empty() && same.header("etag") == tag, "{held}");
        }
        world.get(&path).header("if-none-match", "\"other\"").send().await.expect(200);
        let seat = if what == "seats" { 1 } else { 2 };
        world.hold(&ann, schedule, &[seat]).await;
        let changed = world.get(&path).header("if-none-match", &tag).send().await.expect(200);
        assert_ne!(changed.header("etag"), tag, "{what} follow at once");
    }
}

#[tokio::test]
async fn a_plan_is_kept_for_good_under_its_version_only() {
    let world = World::new();
    let concert = world.stage.a_concert().make().await;
    let schedule = world.stage.a_schedule().of(concert).seats(5).make().await;
    let path = format!("/api/v1/concerts/{concert}/schedules/{schedule}/plan");
    expect![[r##"
        200
        cache-control: public, max-age=31536000, immutable
        content-length: 549
        content-type: application/json
        vary: accept-encoding
        x-request-id: test
        {"scheduleId":1,"planVersion":1,"size":{"width":96,"height":72},"grades":[{"grade":"STANDARD","color":"#1f4e9c"}],"sections":[{"name":null,"rows":[{"row":null,"seats":[{"no":1,"label":"1","grade":"STANDARD","x":24,"y":24,"accessible":false},{"no":2,"label":"2","grade":"STANDARD","x":48,"y":24,"accessible":false},{"no":3,"label":"3","grade":"STANDARD","x":72,"y":24,"accessible":false},{"no":4,"label":"4","grade":"STANDARD","x":24,"y":48,"accessible":false},{"no":5,"label":"5","grade":"STANDARD","x":48,"y":48,"accessible":false}]}]}],"areas":[]}
    "##]].assert_eq(&world.get(&format!("{path}?v=1")).send().await.to_string());
    for other in ["", "?v=2", "?v=0"] {
        let answer = world.get(&format!("{path}{other}")).send().await.expect(200);
        assert_eq!(answer.header("cache-control"), "max-age=1", "{other}");
    }
}

#[tokio::test]
async fn ids_that_name_nothing_or_are_no_ids_are_not_found() {
    let world = World::new();
    let concert = world.stage.a_concert().make().await;
    let other = world.stage.a_concert().make().await;
    let schedule = world.stage.a_schedule().of(concert).make().await;
    for path in [
        "0".to_owned(),
        "01".to_owned(),
        "+1".to_owned(),
        "-1".to_owned(),
        "1.0".to_owned(),
        "x".to_owned(),
        "99".to_owned(),
        "4294967296".to_owned(),
        "%31%20".to_owned(),
        "%FF".to_owned(),
        format!("{concert}/schedules/99/seats"),
        format!("{concert}/schedules/x/states"),
        format!("{other}/schedules/{schedule}/seats"),
        format!("{other}/schedules/{schedule}/plan"),
    ] {
        world.get(&format!("/api/v1/concerts/{path}")).send().await.problem(404, "not_found");
    }
}
