//! Who may do what: nobody, a fan, another fan, a gate, an operator, an admin. Every operation of the document has its
//! row here, and every request of a row is about objects of its own, which are really there.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU32, Ordering};

use frontrow_application::catalog::WaitingRoomPatch;
use frontrow_domain::account::Role;
use frontrow_domain::{ConcertId, ScheduleId};
use serde_json::{Value, json};

use crate::deliveries;
use crate::world::{Client, World, rfc3339};

/// What nobody, the owner, another fan, a gate, an operator and an admin get.
type Statuses = [u16; 6];

/// A place of the row of statuses.
const OWNER: usize = 1;

const EVERYBODY: Statuses = [200; 6];
const LOGGED_IN: Statuses = [401, 200, 200, 200, 200, 200];
/// What a fan owns, and nobody else is told of, staff neither.
const OWN: Statuses = [401, 200, 404, 404, 404, 404];
/// What a fan owns, and staff sees.
const OWN_AND_STAFF: Statuses = [401, 200, 404, 404, 200, 200];
const DOOR: Statuses = [401, 403, 403, 200, 403, 403];
const STAFF: Statuses = [401, 403, 403, 403, 200, 200];
const STAFF_MAKES: Statuses = [401, 403, 403, 403, 201, 201];
const ADMIN: Statuses = [401, 403, 403, 403, 403, 200];

/// Method and path below a base, the body or a queue token, and what each gets. Names in angle brackets stand for objects, which
/// [`Stand::find`] makes for each request.
type Row = (&'static str, &'static str, &'static str, Statuses);

const ACCOUNTS: &[Row] = &[
    (
        "POST",
        "/auth/signup",
        r#"{"email": "<new>@example.test", "password": "open sesame", "name": "x"}"#,
        [201; 6],
    ),
    ("POST", "/auth/login", r#"{"email": "<name>@example.test", "password": "open sesame"}"#, EVERYBODY),
    ("POST", "/auth/refresh", r#"{"refreshToken": "<refresh>"}"#, EVERYBODY),
    ("POST", "/auth/logout", r#"{"refreshToken": "<refresh>"}"#, [204; 6]),
    ("GET", "/users/<owner>", "", OWN_AND_STAFF),
    ("DELETE", "/users/<owner>", "", [401, 204, 404, 404, 204, 204]),
    ("GET", "/users/<owner>/balance", "", OWN_AND_STAFF),
    ("POST", "/users/<owner>/charge", r#"{"amount": 1000, "method": "cash"}"#, OWN_AND_STAFF),
    ("GET", "/users/<owner>/transactions", "", OWN_AND_STAFF),
    ("GET", "/users/<owner>/payments", "", OWN_AND_STAFF),
];

const CATALOGUE: &[Row] = &[
    ("GET", "/concerts", "", EVERYBODY),
    ("GET", "/concerts/<concert>", "", EVERYBODY),
    ("GET", "/concerts/<concert>/schedules", "", EVERYBODY),
    ("GET", "/concerts/<concert>/schedules/<schedule>/seats", "", EVERYBODY),
    ("GET", "/concerts/<concert>/schedules/<schedule>/states", "", EVERYBODY),
    ("GET", "/concerts/<concert>/schedules/<schedule>/seats/stream", "", EVERYBODY),
    ("GET", "/concerts/<concert>/schedules/<schedule>/plan", "", EVERYBODY),
    ("GET", "/rankings/best-selling", "", EVERYBODY),
    ("GET", "/rankings/sold-out", "", EVERYBODY),
    // Seats behind a line are for whoever is let in, and for those who run it.
    ("GET", "/concerts/<lined>/schedules/<schedule of lined>/seats", "", [403, 403, 403, 403, 200, 200]),
    ("GET", "/concerts/<lined>/schedules/<schedule of lined>/states", "", [403, 403, 403, 403, 200, 200]),
    (
        "GET",
        "/concerts/<lined>/schedules/<schedule of lined>/seats/stream",
        "",
        [403, 403, 403, 403, 200, 200],
    ),
];

/// A place in a line is asked about with its token, whoever is logged in.
const LINES: &[Row] = &[
    ("GET", "/concerts/<lined>/queue", "", EVERYBODY),
    ("GET", "/concerts/<lined>/queue/draw", "", [409; 6]),
    ("GET", "/concerts/<drawn>/queue/draw", "", EVERYBODY),
    ("GET", "/queues/challenge?concertId=<lined>", "", [404; 6]),
    ("POST", "/queues", r#"{"concertId": <lined>}"#, [401, 201, 201, 201, 201, 201]),
    ("GET", "/queues/status", "", [403; 6]),
    ("GET", "/queues/stream", "", [403; 6]),
    ("DELETE", "/queues", "", [403; 6]),
    ("GET", "/queues/stream?token=<token>", "", EVERYBODY),
    ("GET", "/queues/status", "Queue-Token: <token>", EVERYBODY),
    ("GET", "/queues/stream", "Queue-Token: <token>", EVERYBODY),
    ("DELETE", "/queues", "Queue-Token: <token>", [204; 6]),
];

const SALES: &[Row] = &[
    ("GET", "/reservations", "", LOGGED_IN),
    (
        "POST",
        "/reservations",
        r#"{"scheduleId": <schedule>, "seats": [<seat>]}"#,
        [401, 201, 201, 201, 201, 201],
    ),
    ("GET", "/reservations/<held>", "", OWN),
    ("POST", "/reservations/<held>/extend", "", OWN),
    ("DELETE", "/reservations/<held>", "", OWN),
    ("POST", "/payments", r#"{"reservationId": "<held>"}"#, [401, 201, 404, 404, 404, 404]),
    ("GET", "/payments/<payment>", "", OWN),
    ("GET", "/tickets/<ticket>/qr.svg", "", OWN),
    ("GET", "/tickets/<ticket>/qr.png", "", OWN),
    ("POST", "/gate/scan", r#"{"code": "<code>"}"#, DOOR),
    ("GET", "/gate/schedules/<schedule>", "", DOOR),
];

const OFFICE: &[Row] = &[
    ("GET", "/admin/concerts", "", STAFF),
    ("POST", "/admin/concerts", r#"{"title": "T", "artist": "A", "description": ""}"#, STAFF_MAKES),
    ("GET", "/admin/concerts/<concert>", "", STAFF),
    ("PATCH", "/admin/concerts/<concert>", "{}", STAFF),
    (
        "POST",
        "/admin/concerts/<concert>/schedules",
        r#"{"venue": "V", "startsAt": "<later>", "durationMinutes": 60, "bookingStart": "<now>", "bookingEnd": "<later>",
            "seatPlan": {"plain": {"seats": 1, "price": 0}}}"#,
        STAFF_MAKES,
    ),
    ("PATCH", "/admin/schedules/<schedule>", "{}", STAFF),
    ("POST", "/admin/schedules/<new schedule>/cancel", r#"{"reason": "Rain"}"#, STAFF),
    ("POST", "/admin/schedules/<schedule>/seats/block", r#"{"seats": [<seat>]}"#, STAFF),
    ("POST", "/admin/schedules/<schedule>/seats/release", r#"{"seats": [<seat>]}"#, STAFF),
    ("GET", "/admin/concerts/<concert>/sales", "", STAFF),
    ("PATCH", "/admin/concerts/<lined>/queue", "{}", STAFF),
    ("GET", "/admin/concerts/<lined>/queue/fans/<joined>", "", STAFF),
    ("DELETE", "/admin/concerts/<lined>/queue/fans/<joined>", "", [401, 403, 403, 403, 204, 204]),
    ("GET", "/admin/reservations?userId=<owner>", "", STAFF),
    (
        "POST",
        "/admin/reservations",
        r#"{"userId": "<owner>", "scheduleId": <schedule>, "seats": [<seat>], "payment": "cash"}"#,
        STAFF_MAKES,
    ),
    ("POST", "/admin/reservations/<paid>/refund", r#"{"reason": "x"}"#, STAFF),
    ("GET", "/admin/audit-log", "", STAFF),
    ("GET", "/admin/events/dead-letters", "", STAFF),
    ("POST", "/admin/events/dead-letters/<letter>/replay", "", [401, 403, 403, 403, 204, 204]),
    ("GET", "/admin/webhooks", "", STAFF),
    ("POST", "/admin/webhooks", r#"{"url": "https://partner.example/hook"}"#, STAFF_MAKES),
    ("GET", "/admin/webhooks/<webhook>", "", STAFF),
    ("PATCH", "/admin/webhooks/<webhook>", r#"{"enabled": false}"#, STAFF),
    ("DELETE", "/admin/webhooks/<webhook>", "", [401, 403, 403, 403, 204, 204]),
    ("POST", "/admin/webhooks/<webhook>/test", "", STAFF),
    ("GET", "/admin/webhooks/<webhook>/attempts", "", STAFF),
    ("GET", "/admin/users", "", ADMIN),
    ("GET", "/admin/users/<owner>", "", ADMIN),
    ("PATCH", "/admin/users/<owner>", r#"{"blocked": true}"#, ADMIN),
];

/// What is not below `/api/v1`.
const SERVICE: &[Row] = &[
    ("GET", "/health/live", "", EVERYBODY),
    ("GET", "/health/ready", "", EVERYBODY),
    ("GET", "/metrics", "", EVERYBODY),
    ("GET", "/.well-known/jwks.json", "", EVERYBODY),
];

/// Rows with a base of their paths.
const ROWS: [(&str, &[Row]); 6] = [
    ("/api/v1", ACCOUNTS),
    ("/api/v1", CATALOGUE),
    ("/api/v1", LINES),
    ("/api/v1", SALES),
    ("/api/v1", OFFICE),
    ("", SERVICE),
];

/// A server with a sale, a line, and somebody of each kind but the owner, who is somebody new in every request.
struct Stand {
    world: World,
    others: [Client; 4],
    concert: ConcertId,
    schedule: ScheduleId,
    lined: ConcertId,
    schedule_of_lined: ScheduleId,
    drawn: ConcertId,
    number: AtomicU32,
}

impl Stand {
    async fn new() -> Self {
        let world = World::new();
        let others = [
            world.fan("bob", 0).await,
            world.staff("gina", Role::Gate).await,
            world.staff("olga", Role::Operator).await,
            world.staff("anton", Role::Admin).await,
        ];
        let concert = world.stage.a_concert().make().await;
        let schedule = world.stage.a_schedule().of(concert).seats(1_000).price(1_000).make().await;
        let line = world.a_sale(WaitingRoomPatch::default()).await;
        let (lined, schedule_of_lined) = (line.concert, line.schedule);
        let drawn = world.a_lobby(WaitingRoomPatch::default()).await.concert;
        world.later(60_000).await;
        world.draw().await;
        Self { world, others, concert, schedule, lined, schedule_of_lined, drawn, number: AtomicU32::new(1) }
    }

    fn next(&self) -> u32 {
        self.number.fetch_add(1, Ordering::Relaxed)
    }

    /// The tickets of a new paid reservation, with its id and that of its payment.
    async fn pay(&self, owner: &Client) -> (String, String, Value) {
        let paid = self.world.hold(owner, self.schedule, &[self.next()]).await;
        let payment = self.world.pay(owner, &paid).await;
        let seen = self.world.get(&format!("/api/v1/reservations/{paid}")).by(owner).send().await.expect(200);
        (paid, payment, seen.json()["tickets"][0].take())
    }

    /// What a name in angle brackets stands for.
    async fn find(&self, name: &str, owner: &Client, owner_name: &str) -> String {
        match name {
            "concert" => self.concert.to_string(),
            "schedule" => self.schedule.to_string(),
            "lined" => self.lined.to_string(),
            "drawn" => self.drawn.to_string(),
            "schedule of lined" => self.schedule_of_lined.to_string(),
            "new schedule" => self.world.stage.a_schedule().of(self.concert).make().await.to_string(),
            "owner" => owner.user.to_string(),
            "name" => owner_name.to_owned(),
            "new" => format!("new{}", self.next()),
            "refresh" => owner.refresh.clone(),
            "seat" => self.next().to_string(),
            "now" => self.world.time(0),
            "later" => self.world.time(86_400),
            "token" => self.world.join(owner, self.lined).await,
            "joined" => {
                self.world.join(owner, self.lined).await;
                owner.user.to_string()
            }
            "held" => self.world.hold(owner, self.schedule, &[self.next()]).await,
            "paid" => self.pay(owner).await.0,
            "payment" => self.pay(owner).await.1,
            "ticket" => self.pay(owner).await.2["ticketId"].as_str().expect("id").to_owned(),
            "code" => self.pay(owner).await.2["code"].as_str().expect("code").to_owned(),
            "webhook" => deliveries::webhook(&self.world).await,
            "letter" => deliveries::letter(&self.world).await,
            other => panic!("{other} stands for nothing"),
        }
    }

    async fn fill(&self, text: &str, owner: &Client, owner_name: &str) -> String {
        let mut pieces = text.split('<');
        let mut filled = pieces.next().unwrap_or_default().to_owned();
        for piece in pieces {
            let (name, rest) = piece.split_once('>').expect("a name and what follows it");
            filled.push_str(&self.find(name, owner, owner_name).await);
            filled.push_str(rest);
        }
        filled
    }

    /// Sends the request of a row as the one at this place.
    async fn try_it(&self, base: &str, row: &Row, place: usize) {
        let (method, path, body, statuses) = row;
        let name = format!("ann{}", self.next());
        let owner = self.world.fan(&name, 10_000).await;
        let address = format!("{base}{}", self.fill(path, &owner, &name).await);
        let mut call = self.world.call(method, &address).key(&name);
        let body = self.fill(body, &owner, &name).await;
        if let Some(token) = body.strip_prefix("Queue-Token: ") {
            call = call.token(token);
        } else if !body.is_empty() {
            call = call.raw("application/json", body.as_bytes());
        }
        let client = match place {
            0 => None,
            OWNER => Some(&owner),
            other => Some(&self.others[other - 2]),
        };
        if let Some(client) = client {
            call = call.by(client);
        }
        let answer = call.send().await;
        assert_eq!(answer.status, statuses[place], "{method} {path} by {place}: {answer}");
    }
}

async fn check(rows: usize) {
    let stand = Stand::new().await;
    let (base, rows) = ROWS[rows];
    for row in rows {
        for place in 0..6 {
            stand.try_it(base, row, place).await;
        }
    }
    stand.world.stage.assert_clean().await;
}

#[tokio::test]
async fn d7_accounts_answer_only_whom_they_are_for() {
    check(0).await;
}

#[tokio::test]
async fn d7_the_catalogue_answers_everybody_and_hides_seats_behind_a_line() {
    check(1).await;
}

#[tokio::test]
async fn d7_lines_answer_whoever_has_the_token() {
    check(2).await;
}

#[tokio::test]
async fn d7_reservations_payments_and_tickets_answer_only_their_owner() {
    check(3).await;
}

#[tokio::test]
async fn d7_the_office_answers_only_staff() {
    check(4).await;
}

#[tokio::test]
async fn d7_machines_need_nobody() {
    check(5).await;
}

/// A path with the names of its ids taken out.
fn bare(path: &str) -> String {
    let path = path.split('?').next().unwrap_or_default();
    let parts = path.split('/').map(|part| if part.starts_with(['<', '{']) { "{}" } else { part });
    parts.collect::<Vec<_>>().join("/")
}

/// All operations of the document.
fn documented() -> BTreeSet<String> {
    let document = serde_json::to_value(frontrow_http::openapi()).expect("json");
    let mut operations = BTreeSet::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for method in item.as_object().expect("operations").keys() {
            operations.insert(format!("{} {}", method.to_uppercase(), bare(path)));
        }
    }
    operations
}

#[test]
fn d7_every_operation_has_its_row() {
    let has_row = |(base, rows): &(&str, &[Row])| -> Vec<String> {
        rows.iter()
            .map(|(method, path, _, _)| format!("{method} {}", bare(&format!("{base}{path}"))))
            .collect()
    };
    let rows: BTreeSet<_> = ROWS.iter().flat_map(has_row).collect();
    let documented = documented();
    let missing: Vec<_> = documented.difference(&rows).collect();
    let unknown: Vec<_> = rows.difference(&documented).collect();
    assert!(
        missing.is_empty() && unknown.is_empty(),
        "without a row: {missing:?}; not in the document: {unknown:?}"
    );
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
