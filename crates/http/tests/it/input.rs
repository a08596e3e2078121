//! Bad input (D9): every malformed, oversized or misdirected request gets its code, and changes nothing.

use frontrow_domain::account::Role;
use serde_json::json;

use crate::world::World;

#[tokio::test]
async fn d9_bodies_that_cannot_be_read() {
    let world = World::new();
    let ann = world.fan("ann", 0).await;
    let send = |content_type: &'static str, body: Vec<u8>| {
        let call = world.call("POST", "/api/v1/users/me/charge").raw(content_type, &body).by(&ann).key("k");
        call.send()
    };
    let good = br#"{"amount": 1000, "method": "card"}"#.to_vec();
    for body in [
        &b""[..],
        b"{",
        b"not json",
        b"{\"amount\": 1000, \"method\": \"card\"} x",
        b"\xFF\xFE",
        b"{'amount': 1}",
    ] {
        send("application/json", body.to_vec()).await.problem(400, "invalid_request");
    }
    let deep = [vec![b'['; 10_000], vec![b']'; 10_000]].concat();
    send("application/json", deep).await.problem(422, "validation_failed");
    for body in [&b"[]"[..], b"null", b"1", b"\"x\"", b"[1000, \"card\"]", b"{}"] {
        send("application/json", body.to_vec()).await.problem(422, "validation_failed");
    }
    for content_type in [
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "application/xml",
        "json",
    ] {
        send(content_type, good.clone()).await.problem(415, "unsupported_media_type");
    }
    assert_eq!(world.stage.balance(ann.user).await, 0);
    send("Application/JSON; charset=utf-8", good).await.expect(200);
}

#[tokio::test]
async fn d9_bodies_that_are_too_long() {
    let world = World::new();
    let ann = world.fan("ann", 0).await;
    let olga = world.staff("olga", Role::Operator).await;
    let body = |length: usize| {
        let start = r#"{"email": "a@example.test", "password": "long enough", "name": "A""#;
        format!("{start}{}}}", " ".repeat(length - start.len() - 1)).into_bytes()
    };
    let sign_up =
        |body: Vec<u8>| world.call("POST", "/api/v1/auth/signup").raw("application/json", &body).send();
    sign_up(body(65_537)).await.problem(413, "payload_too_large");
    sign_up(body(65_536)).await.expect(201);
    // Announced too long: refused without being read.
    let call = world.call("POST", "/api/v1/auth/signup").raw("application/json", b"{}");
    call.header("content-length", "99999999999").send().await.problem(413, "payload_too_large");
    // Seat plans may be longer, and only theirs.
    let schedule = world.stage.a_schedule().make().await;
    let plan = format!("{{{}}}", " ".repeat(100_000)).into_bytes();
    let patch = |path: String| world.call("PATCH", &path).raw("application/json", &plan).by(&olga).send();
    patch(format!("/api/v1/admin/schedules/{schedule}")).await.expect(200);
    patch("/api/v1/admin/concerts/1".to_owned()).await.problem(413, "payload_too_large");
    let huge = vec![b' '; (1 << 20) + 1];
    let call =
        world.call("PATCH", &format!("/api/v1/admin/schedules/{schedule}")).raw("application/json", &huge);
    call.by(&olga).send().await.problem(413, "payload_too_large");
    // Whoever may not send a plan at all is told so before it is read.
    let call =
        world.call("PATCH", &format!("/api/v1/admin/schedules/{schedule}")).raw("application/json", &huge);
    call.by(&ann).send().await.problem(403, "forbidden");
}

#[tokio::test]
async fn d9_queries_that_cannot_be_read() {
    let world = World::new();
    let ann = world.fan("ann", 0).await;
    let concert = world.stage.a_concert().make().await;
    let schedule = world.stage.a_schedule().of(concert).make().await;
    let seats = format!("/api/v1/concerts/{concert}/schedules/{schedule}/seats");
    let states = format!("/api/v1/concerts/{concert}/schedules/{schedule}/states");
    let plan = format!("/api/v1/concerts/{concert}/schedules/{schedule}/plan");
    for (path, field) in [
        ("/api/v1/concerts?limit=0".to_owned(), Some("limit")),
        ("/api/v1/concerts?limit=101".to_owned(), Some("limit")),
        ("/api/v1/concerts?limit=-1".to_owned(), Some("limit")),
        ("/api/v1/concerts?limit=x".to_owned(), Some("limit")),
        ("/api/v1/concerts?limit=".to_owned(), Some("limit")),
        ("/api/v1/concerts?limit=1e1".to_owned(), Some("limit")),
        ("/api/v1/concerts?cursor=x".to_owned(), Some("cursor")),
        ("/api/v1/concerts?cursor=".to_owned(), Some("cursor")),
        ("/api/v1/concerts?cursor=AgICAg".to_owned(), Some("cursor")),
        ("/api/v1/concerts?status=open".to_owned(), Some("status")),
        (format!("/api/v1/concerts?query={}", "x".repeat(201)), Some("query")),
        ("/api/v1/concerts?stauts=on_sale".to_owned(), None),
        ("/api/v1/concerts?limit=1&limit=2".to_owned(), None),
        (format!("/api/v1/concerts/{concert}/schedules?status=x"), Some("status")),
        (format!("{seats}?since=x"), Some("since")),
        (format!("{seats}?since=-1"), Some("since")),
        (format!("{seats}?since=9223372036854775808"), Some("since")),
        (format!("{seats}?since=1&state=available"), Some("since")),
        (format!("{seats}?state=sold"), Some("state")),
        (format!("{states}?since=1.5"), Some("since")),
        (format!("{states}?state=available"), None),
        (format!("{plan}?v=x"), Some("v")),
        (format!("{plan}?v=2147483648"), Some("v")),
        ("/api/v1/reservations?status=paid".to_owned(), Some("status")),
        ("/api/v1/reservations?concertId=x".to_owned(), Some("concertId")),
        ("/api/v1/reservations?concertId=2147483648".to_owned(), Some("concertId")),
        ("/api/v1/reservations?cursor=AQAAAAE".to_owned(), Some("cursor")),
        ("/api/v1/users/me/transactions?cursor=AQAAAAE".to_owned(), Some("cursor")),
        ("/api/v1/users/me/payments?limit=1000".to_owned(), Some("limit")),
    ] {
        let answer = world.get(&path).by(&ann).send().await;
        if let Some(field) = field {
            assert_eq!(answer.wrong(), [field], "{path}");
        }
        answer.problem(400, "invalid_request");
    }
}

#[tokio::test]
async fn d9_ids_in_paths_that_are_no_ids() {
    let world = World::new();
    let ann = world.fan("ann", 0).await;
    for id in [
        "1",
        "x",
        "0190a1b200007000800000000000000a",
        "%7B0190a1b2-0000-7000-8000-00000000000a%7D",
        "%00",
        "%FF",
    ] {
        for (method, path) in [
            ("GET", format!("/api/v1/reservations/{id}")),
            ("DELETE", format!("/api/v1/reservations/{id}")),
            ("POST", format!("/api/v1/reservations/{id}/extend")),
            ("GET", format!("/api/v1/payments/{id}")),
            ("GET", format!("/api/v1/users/{id}/balance")),
            ("GET", format!("/api/v1/users/{id}")),
        ] {
            world.call(method, &path).by(&ann).key("k").send().await.problem(404, "not_found");
        }
    }
    let form = json!({"reservationId": "1"});
    let answer = world.post("/api/v1/payments", &form).by(&ann).key("k").send().await;
    assert_eq!(answer.wrong(), ["reservationId"], "in a body it is a wrong member");
}

#[tokio::test]
async fn routes_and_methods_that_are_not_there() {
    let world = World::new();
    for path in
        ["/nowhere", "/api/v1", "/api/v1/", "/api/v1/queues/nowhere", "/api/v1/concerts/", "/api/v2/concerts"]
    {
        world.get(path).send().await.problem(404, "not_found");
    }
    for (method, path, allowed) in [
        ("PUT", "/api/v1/concerts", "GET,HEAD"),
        ("POST", "/api/v1/concerts/1", "GET,HEAD"),
        ("GET", "/api/v1/auth/login", "POST"),
        ("PATCH", "/api/v1/reservations", "POST,GET,HEAD"),
        ("GET", "/api/v1/queues", "POST,DELETE"),
        ("PUT", "/api/v1/users/me", "GET,HEAD,DELETE"),
        ("DELETE", "/api/v1/admin/concerts/1", "GET,HEAD,PATCH"),
        ("POST", "/", "GET,HEAD"),
    ] {
        let answer = world.call(method, path).send().await;
        assert_eq!(answer.header("allow"), allowed, "{method} {path}");
        answer.problem(405, "method_not_allowed");
    }
}
