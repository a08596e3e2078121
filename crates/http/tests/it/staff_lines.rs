//! Every route with which staff changes something leaves its line on the audit log: one, with who, what and to what.

use std::collections::BTreeSet;

use frontrow_application::catalog::WaitingRoomPatch;
use frontrow_domain::account::Role;
use frontrow_domain::staff::ActionKind;
use serde_json::{Value, json};

use crate::deliveries;
use crate::hall::Hall;
use crate::world::{Answer, Client, World};

/// Takes no idempotency key.
const KEYLESS: [&str; 2] = ["PATCH", "DELETE"];

/// A route, a request that is refused, and one that is not.
struct Row {
    /// As the document names it.
    operation: &'static str,
    path: String,
    /// Refused, with this status.
    wrong: (Value, u16),
    right: Value,
    action: ActionKind,
    /// What the line says of what it was done to; a star stands for the id of the answer.
    target: String,
    is_for_admins: bool,
}

impl Row {
    fn method(&self) -> &'static str {
        self.operation.split(' ').next().expect("a method")
    }

    fn takes_key(&self) -> bool {
        // Webhooks and dead letters change neither money nor seats.
        !KEYLESS.contains(&self.method())
            && !self.operation.contains("/webhooks")
            && !self.operation.ends_with("/replay")
    }
}

fn row(
    operation: &'static str,
    path: String,
    wrong: (Value, u16),
    right: Value,
    line: (ActionKind, String),
) -> Row {
    let (action, target) = line;
    Row { operation, path, wrong, right, action, target, is_for_admins: false }
}

fn lines(page: &Value) -> usize {
    page["items"].as_array().expect("items").len()
}

async fn log(world: &World, anton: &Client) -> Value {
    world.get("/api/v1/admin/audit-log?limit=100").by(anton).send().await.expect(200).json()
}

async fn send(world: &World, by: &Client, row: &Row, key: &str, body: &Value) -> Answer {
    let call = world.call(row.method(), &format!("/api/v1{}", row.path)).by(by).key(key);
    let has_no_body = row.method() == "DELETE" || row.operation.ends_with("/replay");
    if has_no_body { call.send().await } else { call.json(body).send().await }
}

/// The rows, in an order in which each can be done.
async fn rows(hall: &Hall, ann: &Client, bob: &Client) -> Vec<Row> {
    let (world, concert, schedule) = (&hall.world, hall.concert, hall.schedule);
    let sold = hall.sell(ann, json!({"seats": [1]})).await.expect(201);
    let sold = id_of(&sold);
    let (webhook, letter) = (deliveries::webhook(world).await, deliveries::letter(world).await);
    let (ann, bob, invalid) = (ann.user, bob.user, json!({"extra": 1}));
    let start = world.time(86_400);
    let new_schedule = json!({"venue": "V", "startsAt": start, "durationMinutes": 60, "bookingStart": world.time(0),
        "bookingEnd": start, "seatPlan": {"plain": {"seats": 1, "price": 0}}});
    let no_seat = json!({"seats": [99]});
    let (of_concert, of_schedule) =
        (format!("/admin/concerts/{concert}"), format!("/admin/schedules/{schedule}"));
    let place = format!("{of_concert}/queue/fans/{ann}");
    let sell = |seat: u32, payment: &str| json!({"userId": ann.to_string(), "scheduleId": schedule.get(), "seats": [seat], "payment": payment});
    let mut edit_user = row(
        "PATCH /api/v1/admin/users/{userId}",
        format!("/admin/users/{ann}"),
        (json!({"role": "king"}), 422),
        json!({"role": "gate"}),
        (ActionKind::EditUser, format!("user/{ann}")),
    );
    edit_user.is_for_admins = true;
    vec![
        row(
            "POST /api/v1/admin/concerts",
            "/admin/concerts".to_owned(),
            (json!({"title": "", "artist": "A", "description": ""}), 422),
            json!({"title": "T", "artist": "A", "description": ""}),
            (ActionKind::CreateConcert, "concert/*".to_owned()),
        ),
        row(
            "PATCH /api/v1/admin/concerts/{concertId}",
            of_concert.clone(),
            (json!({"title": ""}), 422),
            json!({"title": "Another"}),
            (ActionKind::EditConcert, format!("concert/{concert}")),
        ),
        row(
            "POST /api/v1/admin/concerts/{concertId}/schedules",
            format!("{of_concert}/schedules"),
            (invalid.clone(), 422),
            new_schedule,
            (ActionKind::CreateSchedule, "schedule/*".to_owned()),
        ),
        row(
            "PATCH /api/v1/admin/schedules/{scheduleId}",
            of_schedule.clone(),
            (json!({"seatPlan": {"plain": {"seats": 1, "price": 1}}}), 409),
            json!({"refundPolicy": null}),
            (ActionKind::EditSchedule, format!("schedule/{schedule}")),
        ),
        row(
            "PATCH /api/v1/admin/concerts/{concertId}/queue",
            format!("{of_concert}/queue"),
            (json!({"sessionSeconds": 9}), 422),
            json!({"notice": "Soon."}),
            (ActionKind::EditQueue, format!("concert/{concert}/queue")),
        ),
        row(
            "DELETE /api/v1/admin/concerts/{concertId}/queue/fans/{userId}",
            place.clone(),
            (json!(null), 404),
            json!(null),
            (
                ActionKind::RevokePlace,
                place.trim_start_matches("/admin/concerts").replacen('/', "concert/", 1),
            ),
        ),
        row(
            "POST /api/v1/admin/schedules/{scheduleId}/seats/block",
            format!("{of_schedule}/seats/block"),
            (json!({"seats": [1, 2]}), 409),
            json!({"seats": [2]}),
            (ActionKind::BlockSeats, format!("schedule/{schedule}/seats")),
        ),
        row(
            "POST /api/v1/admin/schedules/{scheduleId}/seats/release",
            format!("{of_schedule}/seats/release"),
            (no_seat, 404),
            json!({"seats": [2]}),
            (ActionKind::ReleaseSeats, format!("schedule/{schedule}/seats")),
        ),
        row(
            "POST /api/v1/admin/reservations",
            "/admin/reservations".to_owned(),
            (sell(2, "wallet"), 402),
            sell(2, "cash"),
            (ActionKind::SellSeats, "reservation/*".to_owned()),
        ),
        row(
            "POST /api/v1/admin/reservations/{reservationId}/refund",
            format!("/admin/reservations/{sold}/refund"),
            (invalid.clone(), 422),
            json!({"reason": "x", "percent": 0}),
            (ActionKind::RefundReservation, format!("reservation/{sold}")),
        ),
        row(
            "POST /api/v1/admin/schedules/{scheduleId}/cancel",
            format!("{of_schedule}/cancel"),
            (invalid, 422),
            json!({"reason": "Rain"}),
            (ActionKind::CancelSchedule, format!("schedule/{schedule}")),
        ),
        edit_user,
        row(
            "POST /api/v1/users/{userId}/charge",
            format!("/users/{ann}/charge"),
            (json!({"amount": 1, "method": "cash"}), 422),
            json!({"amount": 1_000, "method": "cash"}),
            (ActionKind::ChargeWallet, format!("user/{ann}/wallet")),
        ),
        row(
            "DELETE /api/v1/users/{userId}",
            format!("/users/{bob}"),
            (json!(null), 404),
            json!(null),
            (ActionKind::EraseUser, format!("user/{bob}")),
        ),
        row(
            "POST /api/v1/admin/webhooks",
            "/admin/webhooks".to_owned(),
            (json!({"url": "ftp://partner.example/"}), 422),
            json!({"url": "https://partner.example/hook"}),
            (ActionKind::CreateWebhook, "webhook/*".to_owned()),
        ),
        row(
            "PATCH /api/v1/admin/webhooks/{webhookId}",
            format!("/admin/webhooks/{webhook}"),
            (json!({"types": ["no type"]}), 422),
            json!({"description": "accounting", "newSecret": true}),
            (ActionKind::EditWebhook, format!("webhook/{webhook}")),
        ),
        row(
            "DELETE /api/v1/admin/webhooks/{webhookId}",
            format!("/admin/webhooks/{webhook}"),
            (json!(null), 404),
            json!(null),
            (ActionKind::DeleteWebhook, format!("webhook/{webhook}")),
        ),
        row(
            "POST /api/v1/admin/events/dead-letters/{deadLetterId}/replay",
            format!("/admin/events/dead-letters/{letter}/replay"),
            (json!(null), 404),
            json!(null),
            (ActionKind::ReplayEvent, format!("dead-letter/{letter}")),
        ),
    ]
}

/// Everything of the document that staff changes something with.
fn changing() -> BTreeSet<String> {
    let document = serde_json::to_value(frontrow_http::openapi()).expect("json");
    let mut operations = BTreeSet::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for method in item.as_object().expect("operations").keys().filter(|method| *method != "get") {
            let operation = format!("{} {path}", method.to_uppercase());
            // What fans do for themselves, staff does for others.
            let is_for_others = path == "/api/v1/users/{userId}" || path == "/api/v1/users/{userId}/charge";
            // A test message changes nothing, and is on the list of tries.
            let is_test = path.ends_with("/test");
            if (path.starts_with("/api/v1/admin/") && !is_test) || is_for_others {
                operations.insert(operation);
            }
        }
    }
    operations
}

#[tokio::test]
async fn one_success_leaves_one_line_and_neither_a_refusal_nor_a_repeat_any() {
    let hall = Hall::new().await;
    let world = &hall.world;
    let anton = world.staff("anton", Role::Admin).await;
    let (ann, bob) = (world.fan("ann", 0).await, world.fan("bob", 0).await);
    world
        .set_room(hall.concert, WaitingRoomPatch { enabled: Some(true), ..WaitingRoomPatch::default() })
        .await;
    let rows = rows(&hall, &ann, &bob).await;
    let mut done = BTreeSet::new();
    for (number, row) in rows.iter().enumerate() {
        let (by, role) = if row.is_for_admins { (&anton, "admin") } else { (&hall.olga, "operator") };
        let (key, operation) = (format!("row {number}"), row.operation);
        let before = lines(&log(world, &anton).await);
        let (wrong, status) = &row.wrong;
        if row.operation.ends_with("/replay") {
            let nothing = "/api/v1/admin/events/dead-letters/00000000-0000-7000-8000-000000000000/replay";
            let refused = world.call("POST", nothing).by(by).send().await;
            assert_eq!(refused.status, *status, "{operation}: {refused}");
        } else if row.method() == "DELETE" {
            // Of those without a body what is not there is refused.
            let nobody = row.path.replace(&ann.user.to_string(), &bob.user.to_string());
            let nobody =
                if nobody == row.path { "/users/00000000-0000-7000-8000-000000000000" } else { &nobody };
            let refused = world.delete(&format!("/api/v1{nobody}")).by(by).send().await;
            assert_eq!(refused.status, *status, "{operation}: {refused}");
        } else {
            let refused = send(world, by, row, &key, wrong).await;
            assert_eq!(refused.status, *status, "{operation}: {refused}");
        }
        assert_eq!(lines(&log(world, &anton).await), before, "{operation}: a refusal leaves no line");
        if row.operation.contains("queue/fans") {
            world.join(&ann, hall.concert).await;
        }
        let answer = send(world, by, row, &key, &row.right).await;
        assert!((200..300).contains(&answer.status), "{operation}: {answer}");
        let page = log(world, &anton).await;
        assert_eq!(lines(&page), before + 1, "{operation}: a success leaves one line");
        let line = &page["items"][0];
        assert_eq!(line["action"], row.action.name(), "{operation}");
        let target = row.target.replace('*', &id_of(&answer));
        assert_eq!(line["target"], target, "{operation}");
        assert_eq!(line["actor"]["userId"], by.user.to_string(), "{operation}");
        assert_eq!(
            (&line["actor"]["role"], &line["requestId"]),
            (&json!(role), &json!("test")),
            "{operation}"
        );
        if row.takes_key() {
            let again = send(world, by, row, &key, &row.right).await;
            assert_eq!(again.header("idempotency-replayed"), "true", "{operation}: {again}");
            assert_eq!(lines(&log(world, &anton).await), before + 1, "{operation}: a repeat leaves no line");
        }
        done.insert(operation.to_owned());
    }
    assert_eq!(done, changing(), "every route that changes something has its row");
    let kinds: BTreeSet<_> = rows.iter().map(|row| row.action.name()).collect();
    let all: BTreeSet<_> = ActionKind::ALL.iter().map(|kind| kind.name()).collect();
    assert_eq!(kinds, all, "every action has its row");
    world.stage.assert_clean().await;
}

/// The id of what an answer shows, if it shows anything that was made.
fn id_of(answer: &Answer) -> String {
    let Ok(body) = serde_json::from_slice::<Value>(&answer.body) else { return String::new() };
    let id =
        ["reservationId", "scheduleId", "concertId", "webhookId"].iter().find_map(|member| body.get(*member));
    id.map_or_else(String::new, |id| id.as_str().map_or_else(|| id.to_string(), str::to_owned))
}

#[tokio::test]
async fn what_somebody_does_with_their_own_account_is_not_on_the_log() {
    let world = World::new();
    let anton = world.staff("anton", Role::Admin).await;
    let olga = world.staff("olga", Role::Operator).await;
    let ann = world.fan("ann", 0).await;
    let form = json!({"amount": 1_000, "method": "card"});
    for client in [&ann, &olga] {
        for whose in ["me".to_owned(), client.user.to_string()] {
            let charge = world.post(&format!("/api/v1/users/{whose}/charge"), &form).by(client).key(&whose);
            charge.send().await.expect(200);
        }
        world.delete("/api/v1/users/me").by(client).send().await.expect(204);
    }
    assert_eq!(log(&world, &anton).await["items"], json!([]));
}
