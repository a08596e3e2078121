//! A server in a box: the router over an application on a store of its own, and clients that talk to it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, Response};
use ed25519_dalek::SigningKey;
use frontrow_application::Settings;
use frontrow_application::account::NewAccount;
use frontrow_domain::account::Role;
use frontrow_domain::{ScheduleId, Timestamp, UserId};
use frontrow_http::{
    ChargeBy, HttpSettings, HttpState, InFlightLimits, KeyList, Keyring, Limits, LogInLimits, SigningKeys,
};
use frontrow_store_sqlite::{Options, SqliteStore};
use frontrow_testkit::stage::PASSWORD;
use frontrow_testkit::{ManualClock, Opened, Stage};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

/// A server in a box.
pub(crate) struct World {
    pub(crate) stage: Stage,
    pub(crate) router: Router,
    pub(crate) http: HttpState,
    pub(crate) ready: Arc<AtomicBool>,
    pub(crate) stopping: CancellationToken,
    _folder: Option<TempDir>,
}

/// Somebody who is logged in.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    pub(crate) user: UserId,
    pub(crate) token: String,
    pub(crate) refresh: String,
}

/// What is asked of the server.
#[must_use]
pub(crate) struct Call<'a> {
    world: &'a World,
    request: axum::http::request::Builder,
    body: Vec<u8>,
}

/// What it answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

/// Keys by number, the first of which signs.
pub(crate) fn keys(numbers: &[u8]) -> SigningKeys {
    let (first, others) = numbers.split_first().expect("one at least");
    let ticket = |number: &u8| SigningKey::from_bytes(&[*number; 32]);
    SigningKeys {
        tokens: KeyList {
            signing: vec![*first; 32],
            accepted: others.iter().map(|number| vec![*number; 32]).collect(),
        },
        tickets: KeyList { signing: ticket(first), accepted: others.iter().map(ticket).collect() },
    }
}

/// The settings of the interface in tests.
pub(crate) fn http_settings() -> HttpSettings {
    HttpSettings {
        access_token_seconds: 900,
        keys: Arc::new(Keyring::new(&keys(&[7]))),
        issuer: None,
        limits: Limits {
            log_in: LogInLimits { per_account: 3, per_address: 100, window_seconds: 300 },
            // The clock of tests stands still, so nobody would ever earn another request.
            requests_per_fan_per_second: 0,
            request_burst_per_fan: 1,
            joins_per_fan_per_minute: 0,
        },
        is_trusted_proxy: Arc::new(|_| false),
        shared_counts: None,
        charge_by: ChargeBy::Fan,
        body_limit_bytes: 65_536,
        plan_body_limit_bytes: 1 << 20,
        request_timeout: Duration::from_mins(1),
        body_timeout: Duration::from_mins(1),
        bodies_kib: 1 << 11,
        in_flight: InFlightLimits { pay: 1_000, hold: 1_000, look: 1_000, join: 1_000 },
        traces: None,
        cors_origins: Vec::new(),
        ready: Arc::new(AtomicBool::new(true)),
        stopping: CancellationToken::new(),
        parts: Vec::new(),
        metrics: Arc::new(|| "frontrow_up 1\n".to_owned()),
    }
}

impl World {
    /// A server with the settings of tests.
    pub(crate) fn new() -> Self {
        Self::with(|_| {}, |_| {})
    }

    /// The same with other settings.
    pub(crate) fn with(http: impl FnOnce(&mut HttpSettings), sales: impl FnOnce(&mut Settings)) -> Self {
        let folder = tempfile::tempdir().expect("folder");
        let clock = ManualClock::default();
        let options = Options::new(folder.path(), Arc::new(clock.clone()));
        let store = SqliteStore::open(options).expect("store");
        let reads = Arc::new(store.reads());
        let opened = Opened { store: Arc::<SqliteStore>::clone(&store), reads, upkeep: store };
        Self::over(opened, clock, folder, http, sales)
    }

    /// A server over a store that is open already, perhaps behind a decorator.
    pub(crate) fn over(
        opened: Opened,
        clock: ManualClock,
        folder: TempDir,
        http: impl FnOnce(&mut HttpSettings),
        sales: impl FnOnce(&mut Settings),
    ) -> Self {
        let stage = Stage::over(opened, clock, sales);
        let mut settings = http_settings();
        http(&mut settings);
        let (ready, stopping) = (Arc::clone(&settings.ready), settings.stopping.clone());
        let http = HttpState::new(Arc::clone(&stage.app), settings);
        let router = frontrow_http::router(http.clone());
        Self { stage, router, http, ready, stopping, _folder: Some(folder) }
    }

    /// Another instance on the same store and clock. It must not outlive this one, whose folder it uses.
    pub(crate) fn second(&self) -> Self {
        let stage = self.stage.second();
        let settings = http_settings();
        let (ready, stopping) = (Arc::clone(&settings.ready), settings.stopping.clone());
        let http = HttpState::new(Arc::clone(&stage.app), settings);
        let router = frontrow_http::router(http.clone());
        Self { stage, router, http, ready, stopping, _folder: None }
    }

    /// A request, with a request id that is always the same.
    pub(crate) fn call(&self, method: &str, path: &str) -> Call<'_> {
        let request = Request::builder().method(method).uri(path).header("x-request-id", "test");
        Call { world: self, request, body: Vec::new() }
    }

    pub(crate) fn get(&self, path: &str) -> Call<'_> {
        self.call("GET", path)
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Call<'_> {
        self.call("POST", path).json(body)
    }

    pub(crate) fn patch(&self, path: &str, body: &Value) -> Call<'_> {
        self.call("PATCH", path).json(body)
    }

    pub(crate) fn delete(&self, path: &str) -> Call<'_> {
        self.call("DELETE", path)
    }

    /// A fan with so much in the wallet, logged in.
    pub(crate) async fn fan(&self, name: &str, balance: i64) -> Client {
        self.stage.a_fan().named(name).with_balance(balance).make().await;
        self.log_in(name).await
    }

    /// Somebody of the staff, logged in.
    pub(crate) async fn staff(&self, name: &str, role: Role) -> Client {
        let email = format!("{name}@example.test");
        let new = NewAccount { email, password: PASSWORD.to_owned(), name: name.to_owned(), role };
        self.stage.app.sign_up(new).await.expect("staff");
        self.log_in(name).await
    }

    /// Logs in over HTTP.
    pub(crate) async fn log_in(&self, name: &str) -> Client {
        let form = json!({"email": format!("{name}@example.test"), "password": PASSWORD});
        let answer = self.post("/api/v1/auth/login", &form).send().await.expect(200);
        let body = answer.json();
        let text = |member: &str| body[member].as_str().expect("text").to_owned();
        let user = text("userId").parse().expect("id");
        Client { user, token: text("accessToken"), refresh: text("refreshToken") }
    }

    /// Holds seats over HTTP and answers the id of the reservation.
    pub(crate) async fn hold(&self, client: &Client, schedule: ScheduleId, seats: &[u32]) -> String {
        let form = json!({"scheduleId": schedule.get(), "seats": seats});
        let key = format!("hold {schedule} {seats:?} {}", self.stage.now().micros());
        let answer = self.post("/api/v1/reservations", &form).by(client).key(&key).send().await.expect(201);
        answer.json()["reservationId"].as_str().expect("id").to_owned()
    }

    /// Pays a reservation over HTTP and answers the id of the payment.
    pub(crate) async fn pay(&self, client: &Client, reservation: &str) -> String {
        let form = json!({ "reservationId": reservation });
        let call = self.post("/api/v1/payments", &form).by(client).key(&format!("pay {reservation}"));
        call.send().await.expect(201).json()["paymentId"].as_str().expect("id").to_owned()
    }

    /// A moment as the interface writes it.
    pub(crate) fn time(&self, seconds_from_now: i64) -> String {
        rfc3339(Timestamp::from_micros(self.stage.now().micros() + seconds_from_now * 1_000_000))
    }
}

pub(crate) fn rfc3339(moment: Timestamp) -> String {
    jiff::Timestamp::from_microsecond(moment.micros()).expect("moment").to_string()
}

impl Call<'_> {
    /// Sent by somebody who is logged in.
    pub(crate) fn by(self, client: &Client) -> Self {
        self.header("authorization", &format!("Bearer {}", client.token))
    }

    /// With a queue token.
    pub(crate) fn token(self, token: &str) -> Self {
        self.header("queue-token", token)
    }

    /// With an idempotency key.
    pub(crate) fn key(self, key: &str) -> Self {
        self.header("idempotency-key", key)
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.request = self.request.header(name, value);
        self
    }

    /// With a JSON body.
    pub(crate) fn json(self, body: &Value) -> Self {
        self.raw("application/json", body.to_string().as_bytes())
    }

    /// With any body.
    pub(crate) fn raw(mut self, content_type: &str, body: &[u8]) -> Self {
        self.body = body.to_vec();
        if content_type.is_empty() { self } else { self.header("content-type", content_type) }
    }

    pub(crate) async fn send(self) -> Answer {
        Answer::read(self.open().await).await
    }
}

impl Call<'_> {
    /// The answer with its body still to come.
    pub(crate) async fn open(self) -> Response<Body> {
        let request = self.request.body(Body::from(self.body)).expect("request");
        self.world.router.clone().oneshot(request).await.expect("answer")
    }
}

impl Answer {
    /// Reads an answer to its end. A stream has none: of it only the beginning is read.
    async fn read(response: Response<Body>) -> Self {
        let (head, body) = response.into_parts();
        let is_stream = head.headers.get("content-type").is_some_and(|kind| kind == "text/event-stream");
        let body =
            if is_stream { Vec::new() } else { body.collect().await.expect("body").to_bytes().to_vec() };
        Self { status: head.status.as_u16(), headers: head.headers, body }
    }

    /// Fails the test unless the answer has this status.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{self}");
        self
    }

    /// Fails the test unless the answer is this problem, and is one in all its members.
    #[track_caller]
    pub(crate) fn problem(self, status: u16, code: &str) -> Value {
        let answer = self.expect(status);
        assert_eq!(answer.header("content-type"), "application/problem+json", "{answer}");
        let body = answer.json();
        assert_eq!(body["code"], code, "{answer}");
        assert_eq!(body["status"], status, "{answer}");
        assert_eq!(body["requestId"], "test", "{answer}");
        assert_eq!(answer.header("x-request-id"), "test", "{answer}");
        assert_eq!(body["type"], format!("urn:frontrow:problem:{code}"), "{answer}");
        assert!(body["title"].is_string() && body["detail"].is_string(), "{answer}");
        body
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("no JSON ({error}): {self}"))
    }

    /// The first value of a header; empty when there is none.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("text"))
    }

    /// The names of the members that are wrong.
    pub(crate) fn wrong(&self) -> Vec<String> {
        let body = self.json();
        let errors = body["errors"].as_array().unwrap_or_else(|| panic!("no errors: {self}"));
        errors.iter().map(|error| error["field"].as_str().expect("text").to_owned()).collect()
    }
}

/// Status, headers in order of name, and the body with its members in the order in which they were written.
impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.status)?;
        let headers: BTreeMap<_, _> =
            self.headers.iter().map(|(name, value)| (name.as_str(), value)).collect();
        for (name, value) in headers {
            writeln!(f, "{name}: {}", value.to_str().unwrap_or("?"))?;
        }
        writeln!(f, "{}", String::from_utf8_lossy(&self.body))
    }
}
