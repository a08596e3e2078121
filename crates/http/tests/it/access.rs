//! Who may do what: nobody, a fan, another fan, staff. Every operation of the document has its line here.

use frontrow_application::catalog::WaitingRoomPatch;
use frontrow_domain::account::Role;
use frontrow_domain::{ConcertId, UserId};
use serde_json::json;

use crate::world::{Client, World, rfc3339};

/// What each of them gets.
struct Row {
    method: &'static str,
    path: String,
    body: Option<serde_json::Value>,
    /// Statuses for nobody, the owner, another fan, an operator, a gate.
    statuses: [u16; 5],
}

fn row(method: &'static str, path: String, body: Option<serde_json::Value>, statuses: [u16; 5]) -> Row {
    Row { method, path, body, statuses }
}

#[tokio::test]
async fn d7_every_operation_answers_only_whom_it_is_for() {
    let world = World::new();
    let ann = world.fan("ann", 500_000).await;
    let bob = world.fan("bob", 0).await;
    let olga = world.staff("olga", Role::Operator).await;
    let gate = world.staff("gina", Role::Gate).await;
    let schedule = world.stage.a_schedule().make().await;
    let concert = world.stage.app.any_schedule(schedule).await.expect("read").expect("there");
    let concert = concert.schedule.concert;
    let lined = world.a_sale(WaitingRoomPatch::default()).await.concert;
    let paid = world.hold(&ann, schedule, &[1]).await;
    let payment = world.pay(&ann, &paid).await;
    let held = world.hold(&ann, schedule, &[2]).await;
    let ann_id = ann.user;
    let start = world.time(86_400);
    let new_schedule = json!({"venue": "V", "startsAt": start, "durationMinutes": 60,
        "bookingStart": world.time(0), "bookingEnd": start, "seatPlan": {"plain": {"seats": 1, "price": 0}}});
    let new_concert = json!({"title": "T", "artist": "A", "description": ""});
    let everybody = [200; 5];
    let staff = [401, 403, 403, 200, 403];
    let of_ann = |path: &str| format!("/api/v1/users/{ann_id}{path}");
    let s = format!("/api/v1/concerts/{concert}/schedules/{schedule}");
    let rows = [
        row("GET", "/health/live".into(), None, everybody),
        row("GET", "/health/ready".into(), None, everybody),
        row("GET", "/metrics".into(), None, everybody),
        row("GET", "/.well-known/jwks.json".into(), None, everybody),
        row("GET", "/api/v1/concerts".into(), None, everybody),
        row("GET", format!("/api/v1/concerts/{concert}"), None, everybody),
        row("GET", format!("/api/v1/concerts/{concert}/schedules"), None, everybody),
        row("GET", format!("{s}/seats"), None, everybody),
        row("GET", format!("{s}/states"), None, everybody),
        row("GET", format!("{s}/seats/stream"), None, everybody),
        row("GET", format!("{s}/plan"), None, everybody),
        row("POST", "/api/v1/auth/signup".into(), Some(json!({})), [422; 5]),
        row("POST", "/api/v1/auth/login".into(), Some(json!({})), [422; 5]),
        row("POST", "/api/v1/auth/refresh".into(), Some(json!({})), [422; 5]),
        row("POST", "/api/v1/auth/logout".into(), Some(json!({})), [422; 5]),
        row("GET", of_ann(""), None, [401, 200, 404, 200, 404]),
        row("GET", of_ann("/balance"), None, [401, 200, 404, 200, 404]),
        row("GET", of_ann("/transactions"), None, [401, 200, 404, 200, 404]),
        row("GET", of_ann("/payments"), None, [401, 200, 404, 200, 404]),
        row(
            "POST",
            of_ann("/charge"),
            Some(json!({"amount": 1_000, "method": "cash"})),
            [401, 200, 404, 200, 404],
        ),
        row("GET", "/api/v1/reservations".into(), None, [401, 200, 200, 200, 200]),
        row("GET", format!("/api/v1/reservations/{held}"), None, [401, 200, 404, 404, 404]),
        row("GET", format!("/api/v1/payments/{payment}"), None, [401, 200, 404, 404, 404]),
        row(
            "POST",
            "/api/v1/reservations".into(),
            Some(json!({"scheduleId": schedule.get(), "seats": [1]})),
            [401, 409, 409, 409, 409],
        ),
        row(
            "POST",
            "/api/v1/payments".into(),
            Some(json!({"reservationId": paid})),
            [401, 409, 404, 404, 404],
        ),
        row("POST", format!("/api/v1/reservations/{held}/extend"), None, [401, 200, 404, 404, 404]),
        row("DELETE", format!("/api/v1/reservations/{held}"), None, [401, 200, 404, 404, 404]),
        row("GET", "/api/v1/admin/concerts".into(), None, staff),
        row("GET", format!("/api/v1/admin/concerts/{concert}"), None, staff),
        row("POST", "/api/v1/admin/concerts".into(), Some(new_concert), [401, 403, 403, 201, 403]),
        row("PATCH", format!("/api/v1/admin/concerts/{concert}"), Some(json!({})), staff),
        row(
            "POST",
            format!("/api/v1/admin/concerts/{concert}/schedules"),
            Some(new_schedule),
            [401, 403, 403, 201, 403],
        ),
        row("PATCH", format!("/api/v1/admin/schedules/{schedule}"), Some(json!({})), staff),
        row("GET", "/api/v1/admin/audit-log".into(), None, staff),
        row("DELETE", of_ann(""), None, [401, 204, 404, 204, 404]),
    ];

    let mut covered = std::collections::BTreeSet::new();
    for (number, Row { method, path, body, statuses }) in
        of_a_line(lined, ann_id).iter().chain(&rows).enumerate()
    {
        covered.insert(operation(method, path, &ann_id.to_string()));
        let callers: [Option<&Client>; 5] = [None, Some(&ann), Some(&bob), Some(&olga), Some(&gate)];
        // The owner last: what it does may be final.
        for at in [0, 2, 4, 3, 1] {
            if *method == "DELETE" && path.contains("/users/") && at == 3 {
                continue;
            }
            let mut call = world.call(method, path).key(&format!("{number} {at}"));
            if let Some(body) = body {
                call = call.json(body);
            }
            if let Some(client) = callers[at] {
                call = call.by(client);
            }
            let answer = call.send().await;
            assert_eq!(answer.status, statuses[at], "{method} {path} by {at}: {answer}");
        }
    }
    assert_eq!(covered, documented(), "every operation has its line");
}

/// The rows of a line that nobody has joined so far.
fn of_a_line(concert: ConcertId, ann: UserId) -> [Row; 10] {
    let (queue, fan) = (format!("{concert}/queue"), format!("{concert}/queue/fans/{ann}"));
    [
        row("GET", format!("/api/v1/concerts/{queue}"), None, [200; 5]),
        row("GET", format!("/api/v1/concerts/{queue}/draw"), None, [409; 5]),
        row("GET", format!("/api/v1/queues/challenge?concertId={concert}"), None, [404; 5]),
        // A place is asked about with its token, whoever is logged in.
        row("GET", "/api/v1/queues/status".into(), None, [403; 5]),
        row("GET", "/api/v1/queues/stream".into(), None, [403; 5]),
        row("DELETE", "/api/v1/queues".into(), None, [403; 5]),
        row(
            "POST",
            "/api/v1/queues".into(),
            Some(json!({"concertId": concert.get()})),
            [401, 201, 201, 201, 201],
        ),
        row("PATCH", format!("/api/v1/admin/concerts/{queue}"), Some(json!({})), [401, 403, 403, 200, 403]),
        row("GET", format!("/api/v1/admin/concerts/{fan}"), None, [401, 403, 403, 200, 403]),
        row("DELETE", format!("/api/v1/admin/concerts/{fan}"), None, [401, 403, 403, 204, 403]),
    ]
}

/// An operation with its ids taken out.
fn operation(method: &str, path: &str, user: &str) -> String {
    let path = path.split('?').next().unwrap_or_default();
    let parts = path.split('/').map(|part| {
        let is_id = part == user
            || part.len() == 36
            || (!part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()));
        if is_id { "{}" } else { part }
    });
    format!("{method} {}", parts.collect::<Vec<_>>().join("/"))
}

/// All operations of the document, with the names of their ids taken out.
fn documented() -> std::collections::BTreeSet<String> {
    let document = serde_json::to_value(frontrow_http::openapi()).expect("json");
    let mut operations = std::collections::BTreeSet::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        let path: Vec<_> =
            path.split('/').map(|part| if part.starts_with('{') { "{}" } else { part }).collect();
        for method in item.as_object().expect("operations").keys() {
            operations.insert(format!("{} {}", method.to_uppercase(), path.join("/")));
        }
    }
    operations
}

#[tokio::test]
async fn d7_an_id_in_a_path_or_header_or_body_never_says_who_asks() {
    let world = World::new();
    let (ann, bob) = (world.fan("ann", 100_000).await, world.fan("bob", 100_000).await);
    let schedule = world.stage.a_schedule().make().await;
    let held = world.hold(&ann, schedule, &[1]).await;
    let form = json!({ "reservationId": held });
    let answer = world
        .post("/api/v1/payments", &form)
        .by(&bob)
        .key("k")
        .header("x-user-id", &ann.user.to_string())
        .header("user-id", &ann.user.to_string())
        .send()
        .await;
    answer.problem(404, "not_found");
    let with_user = json!({"reservationId": held, "userId": ann.user.to_string()});
    world
        .post("/api/v1/payments", &with_user)
        .by(&bob)
        .key("k")
        .send()
        .await
        .problem(422, "validation_failed");
    assert_eq!(world.stage.balance(ann.user).await, 100_000);
    assert_eq!(world.stage.balance(bob.user).await, 100_000);
    world.stage.assert_clean().await;
}

#[tokio::test]
async fn a_token_is_good_until_its_end_and_not_at_it() {
    let world = World::new();
    let ann = world.fan("ann", 0).await;
    // The end of a token is a whole second.
    let end = world.stage.now().millis().div_euclid(1_000) + 900;
    world.stage.clock.set(frontrow_domain::Timestamp::from_micros(end * 1_000_000 - 1));
    world.get("/api/v1/users/me").by(&ann).send().await.expect(200);
    world.stage.clock.set(frontrow_domain::Timestamp::from_micros(end * 1_000_000));
    let answer = world.get("/api/v1/users/me").by(&ann).send().await;
    assert!(answer.header("www-authenticate").contains("invalid_token"), "{answer}");
    answer.problem(401, "access_token_expired");
    assert!(rfc3339(world.stage.now()).ends_with('Z'));
}

#[tokio::test]
async fn what_is_no_token_of_ours_is_refused() {
    let world = World::new();
    let ann = world.fan("ann", 0).await;
    let (rest, signature) = ann.token.rsplit_once('.').expect("dots");
    let (header, payload) = rest.split_once('.').expect("dots");
    let none = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0";
    let turned: String = signature.chars().rev().collect();
    for authorization in [
        String::new(),
        "Bearer".to_owned(),
        "Bearer ".to_owned(),
        "Basic YTpi".to_owned(),
        format!("Token {}", ann.token),
        format!("Bearer {none}.{payload}."),
        format!("Bearer {none}.{payload}.{signature}"),
        format!("Bearer {header}.{payload}.{turned}"),
        format!("Bearer {header}.{payload}"),
        format!("Bearer {}", "a".repeat(20_000)),
        "Bearer a.b.c".to_owned(),
    ] {
        let call = world.get("/api/v1/users/me").header("authorization", &authorization);
        let answer = call.send().await;
        assert!(answer.header("www-authenticate").starts_with("Bearer"), "{answer}");
        answer.problem(401, "unauthenticated");
    }
    // The scheme is not case-sensitive (RFC 9110, section 11.1).
    let authorization = format!("bearer {}", ann.token);
    world.get("/api/v1/users/me").header("authorization", &authorization).send().await.expect(200);
}
