//! What a server says of itself: which request a line is about, what became of it in events and traces, and nothing that is
//! secret or personal, however much it is asked to say.

use std::path::Path;
use std::time::Duration;

use reqwest::{Client, Method};
use serde_json::{Value, json};

use crate::client::{Person, http, on_sale, on_sale_in_line};
use crate::events::{committed, until_told};
use crate::receiver::Receiver;
use crate::sale::audit;
use crate::server::{Server, frontrow, log_file};

const PASSWORD: &str = "a password that nobody is to read";
const EMAIL: &str = "fan-of-the-band@example.test";
const WRONG: &str = "not the password of anybody";
const NAME: &str = "Fan With A Name";
const KEY: &str = "an-idempotency-key-of-the-evening";
const TRACEPARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// Somebody with an account, by hand: every header and every answer is looked at.
struct Visitor {
    client: Client,
    base: String,
    /// What is not to be found in any log.
    secrets: Vec<String>,
    bearer: String,
    pass: String,
}

impl Visitor {
    async fn ask(&mut self, method: Method, path: &str, id: &str, body: Option<Value>) -> Value {
        let mut request = self
            .client
            .request(method, format!("{}{path}", self.base))
            .header("X-Request-Id", id)
            .header("traceparent", TRACEPARENT)
            .header("Idempotency-Key", format!("{KEY}-{id}"));
        if !self.bearer.is_empty() {
            request = request.bearer_auth(&self.bearer);
        }
        if !self.pass.is_empty() {
            request = request.header("Queue-Token", &self.pass);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await.expect("an answer");
        assert_eq!(answer.headers()["x-request-id"], id);
        let text = answer.text().await.expect("a body");
        serde_json::from_str(&text).unwrap_or(Value::String(text))
    }

    /// Keeps a secret of an answer.
    fn secret(&mut self, answer: &Value, member: &str) -> String {
        let secret = answer[member].as_str().unwrap_or_else(|| panic!("no {member} in {answer}")).to_owned();
        self.secrets.push(secret.clone());
        secret
    }
}

/// An evening of a fan, from the account to the ticket. Answers the reservation.
async fn evening(visitor: &mut Visitor, (concert, schedule): (u64, u64)) -> String {
    let account = json!({"email": EMAIL, "password": PASSWORD, "name": NAME});
    visitor.ask(Method::POST, "/auth/signup", "r-signup", Some(account)).await;
    let wrong = json!({"email": EMAIL, "password": WRONG});
    let refused = visitor.ask(Method::POST, "/auth/login", "r-wrong", Some(wrong)).await;
    assert_eq!(refused["code"], "invalid_credentials");
    let right = json!({"email": EMAIL, "password": PASSWORD});
    let tokens = visitor.ask(Method::POST, "/auth/login", "r-login", Some(right)).await;
    visitor.secret(&tokens, "accessToken");
    let refresh = visitor.secret(&tokens, "refreshToken");
    let again = json!({"refreshToken": refresh});
    let tokens = visitor.ask(Method::POST, "/auth/refresh", "r-refresh", Some(again)).await;
    visitor.bearer = visitor.secret(&tokens, "accessToken");
    visitor.secret(&tokens, "refreshToken");
    let joined = visitor.ask(Method::POST, "/queues", "r-join", Some(json!({"concertId": concert}))).await;
    let token = visitor.secret(&joined, "token");
    visitor.pass.clone_from(&token);
    while visitor.ask(Method::GET, "/queues/status", "r-status", None).await["state"] != "active" {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // A browser sends the token in the address.
    let stream = format!("{}/queues/stream?token={token}", visitor.base);
    let mut stream = visitor.client.get(stream).send().await.expect("a stream");
    stream.chunk().await.expect("the first event");
    let amount = json!({"amount": 50_000, "method": "card"});
    visitor.ask(Method::POST, "/users/me/charge", "r-charge", Some(amount)).await;
    let wanted = json!({"scheduleId": schedule, "seats": [7]});
    let held = visitor.ask(Method::POST, "/reservations", "r-hold", Some(wanted)).await;
    let reservation = held["reservationId"].as_str().expect("an id").to_owned();
    let paid = visitor
        .ask(Method::POST, "/payments", "r-pay", Some(json!({"reservationId": reservation.clone()})))
        .await;
    assert_eq!(paid["status"], "completed", "{paid}");
    let code = paid["tickets"][0]["code"].as_str().expect("a code").to_owned();
    visitor.secrets.push(code);
    reservation
}

fn evening_settings(traces: &str) -> Vec<(&str, &str)> {
    vec![
        ("FRONTROW__LOG__FORMAT", "json"),
        ("FRONTROW__LOG__FILTER", "trace"),
        ("FRONTROW__EVENTS__ALLOW_PRIVATE_TARGETS", "true"),
        ("FRONTROW__AUTH__TRUSTED_PROXIES", "127.0.0.1"),
        ("FRONTROW__TELEMETRY__TRACES_URL", traces),
        ("FRONTROW__TELEMETRY__TRACES_PER_THOUSAND", "0"),
        ("FRONTROW__ADMIN__EMAIL", "first-admin@example.test"),
        ("FRONTROW__ADMIN__PASSWORD", "the password of the first admin"),
        ("FRONTROW__AUTH__SIGNING_SECRET", "a signing secret of more than 32 bytes, told to nobody"),
    ]
}

/// The lines of a log, each of which is a JSON object.
fn lines(folder: &Path) -> (String, Vec<Value>) {
    let text = std::fs::read_to_string(log_file(folder)).expect("a log");
    let lines =
        text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"))).collect();
    (text, lines)
}

/// What is said of requests under this id.
fn about<'a>(lines: &'a [Value], id: &str) -> Vec<&'a Value> {
    lines.iter().filter(|line| line["request_id"] == id).collect()
}

/// The line that says how a request was answered.
fn answered<'a>(lines: &'a [Value], id: &str) -> &'a Value {
    let of_request = about(lines, id);
    let answered: Vec<_> =
        of_request.into_iter().filter(|line| line["target"] == "frontrow_http::access").collect();
    let [.., last] = answered[..] else { panic!("{id} is nowhere") };
    last
}

#[tokio::test(flavor = "multi_thread")]
async fn a_busy_evening_leaves_its_ids_in_the_log_and_none_of_its_secrets() {
    let folder = tempfile::tempdir().expect("folder");
    let (collector, receiver) = (Receiver::open().await, Receiver::open().await);
    let traces = collector.url();
    let server = Server::start(folder.path(), &evening_settings(&traces));
    let client = http();
    let operator = Person::new(&server, &client, "operator", "operator");
    let room = json!({"enabled": true, "maxActive": 10, "admitPerSecond": 10});
    let sale = on_sale_in_line(&operator, "Night", 20, room).await;
    let hook = json!({"url": format!("{}?key=secret-of-the-hook", receiver.url()), "types": []});
    let hook = operator.post("/admin/webhooks", "hook", hook).await.expect(201);
    let mut visitor = Visitor {
        client: client.clone(),
        base: server.url(""),
        secrets: [
            PASSWORD,
            WRONG,
            EMAIL,
            NAME,
            KEY,
            "secret-of-the-hook",
            "first-admin@",
            "the password of the first",
        ]
        .map(str::to_owned)
        .to_vec(),
        bearer: String::new(),
        pass: String::new(),
    };
    visitor.secrets.push("a signing secret of more".to_owned());
    visitor.secret(&hook, "secret");
    until_told(&Person::new(&server, &client, "somebody", "fan"), &receiver).await;
    let reservation = evening(&mut visitor, sale).await;
    let searched = operator.get(&format!("/admin/reservations?email={EMAIL}")).await.expect(200);
    assert_eq!(searched["items"].as_array().map(Vec::len), Some(1));
    let scan = json!({"code": visitor.secrets.last().expect("a code")});
    Person::new(&server, &client, "door", "gate").post("/gate/scan", "scan", scan).await.expect(200);
    let tell = |id: &Value| id["data"]["reservationId"] == reservation.as_str();
    receiver.until("its payment is told", |all| all.iter().any(|message| tell(&message.json()))).await;
    let stopped = tokio::task::spawn_blocking(move || server.stop()).await.expect("it stops");
    assert!(stopped.success());

    let (text, lines) = lines(folder.path());
    for secret in &visitor.secrets {
        let line = text.lines().find(|line| line.contains(secret.as_str()));
        assert_eq!(line, None, "{secret}");
    }
    // The control: the evening is in the log, with whatever says who and what without saying it to strangers.
    for (id, method, route, status) in [
        ("r-signup", "POST", "/api/v1/auth/signup", 201),
        ("r-wrong", "POST", "/api/v1/auth/login", 401),
        ("r-login", "POST", "/api/v1/auth/login", 200),
        ("r-join", "POST", "/api/v1/queues", 201),
        ("r-status", "GET", "/api/v1/queues/status", 200),
        ("r-hold", "POST", "/api/v1/reservations", 201),
        ("r-pay", "POST", "/api/v1/payments", 201),
    ] {
        let fields = &answered(&lines, id)["fields"];
        assert_eq!((&fields["method"], &fields["route"]), (&json!(method), &json!(route)), "{fields}");
        assert_eq!(fields["status"], status, "{fields}");
        assert!(fields["took_us"].as_u64().is_some_and(|took| took > 0), "{fields}");
    }
    let (joined, paid) = (answered(&lines, "r-join"), answered(&lines, "r-pay"));
    for id in ["r-signup", "r-login", "r-refresh", "r-join", "r-status", "r-hold"] {
        assert_eq!(answered(&lines, id)["user_id"], paid["user_id"], "{id}");
    }
    assert!(answered(&lines, "r-wrong").get("user_id").is_none(), "nobody has come in");
    assert!(joined["user_id"].is_string() && joined["entry_id"].is_string(), "{joined}");
    assert_eq!(paid["trace_id"], "4bf92f3577b34da6a3ce929d0e0e4736");
    let chatty =
        lines.iter().filter(|line| matches!(line["level"].as_str(), Some("DEBUG" | "TRACE"))).count();
    assert!(chatty > 20, "the server was asked to say all it can: {chatty}");

    events_name_their_requests(folder.path(), &reservation, joined);
    spans_follow_from_their_callers(&collector);
    audit(folder.path());
}

/// From the join to the event: the place under which the fan has joined, and the request that has paid.
fn events_name_their_requests(folder: &Path, reservation: &str, joined: &Value) {
    let events = committed(folder);
    let of_type = |kind: &str| {
        let is_it = |event: &&Value| event["type"] == kind && event["data"]["reservationId"] == reservation;
        events.iter().find(is_it).unwrap_or_else(|| panic!("no {kind}"))
    };
    let (held, paid) = (of_type("frontrow.reservation.created.v1"), of_type("frontrow.payment.completed.v1"));
    assert_eq!((&held["requestid"], &paid["requestid"]), (&json!("r-hold"), &json!("r-pay")));
    assert_eq!(
        (&paid["data"]["entryId"], &paid["data"]["userId"]),
        (&joined["entry_id"], &joined["user_id"])
    );
    for event in [held, paid] {
        let traceparent = event["traceparent"].as_str().expect("it was traced");
        assert!(traceparent.starts_with("00-4bf92f3577b34da6a3ce929d0e0e4736-"), "{traceparent}");
        assert!(traceparent.ends_with("-01") && !traceparent.contains("00f067aa0ba902b7"), "{traceparent}");
    }
}

/// What was sent to the collector: a step for each request, and below those that commit one for the group.
fn spans_follow_from_their_callers(collector: &Receiver) {
    let mut spans = Vec::new();
    for message in collector.messages() {
        assert_eq!(message.headers["content-type"], "application/json");
        let scopes = message.json()["resourceSpans"][0]["scopeSpans"].clone();
        spans.extend(scopes[0]["spans"].as_array().expect("spans").clone());
    }
    assert!(spans.iter().all(|span| span["traceId"] == "4bf92f3577b34da6a3ce929d0e0e4736"), "{spans:#?}");
    let named =
        |name: &str| spans.iter().find(|span| span["name"] == name).unwrap_or_else(|| panic!("no {name}"));
    let paid = named("POST /api/v1/payments");
    assert_eq!((&paid["parentSpanId"], &paid["kind"]), (&json!("00f067aa0ba902b7"), &json!(2)));
    let commit = spans.iter().find(|span| span["parentSpanId"] == paid["spanId"]).expect("its commit");
    assert_eq!((&commit["name"], &commit["kind"]), (&json!("commit"), &json!(1)));
    let nanos =
        |value: &Value| value.as_str().and_then(|text| text.parse::<u64>().ok()).expect("nanoseconds");
    assert!(nanos(&commit["startTimeUnixNano"]) >= nanos(&paid["startTimeUnixNano"]));
    assert!(nanos(&commit["endTimeUnixNano"]) <= nanos(&paid["endTimeUnixNano"]));
}

/// A collector that is away costs nothing but its traces.
#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_is_away_keeps_nobody_waiting() {
    let folder = tempfile::tempdir().expect("folder");
    let settings = [
        ("FRONTROW__TELEMETRY__TRACES_URL", "http://127.0.0.1:9/v1/traces"),
        ("FRONTROW__TELEMETRY__TRACES_PER_THOUSAND", "1000"),
    ];
    let server = Server::start(folder.path(), &settings);
    let fan = Person::new(&server, &http(), "fan", "fan");
    for number in 0..50 {
        let body = json!({"amount": 1_000, "method": "card"});
        fan.post("/users/me/charge", &format!("{number}"), body).await.expect(200);
    }
    let waiting = async {
        loop {
            let metrics = fan_metrics(&server).await;
            let dropped =
                metrics.lines().find(|line| line.starts_with("frontrow_trace_spans_dropped_total "));
            if dropped.is_some_and(|line| !line.ends_with(" 0")) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), waiting).await.expect("they are dropped, and counted");
    let stopped = tokio::task::spawn_blocking(move || server.stop()).await.expect("it stops");
    assert!(stopped.success());
    let log = std::fs::read_to_string(log_file(folder.path())).expect("a log");
    assert_eq!(log.matches("traces do not reach their collector").count(), 1, "{log}");
    audit(folder.path());
}

/// With a threshold that everything passes: what was in a group, and where its time went.
#[tokio::test(flavor = "multi_thread")]
async fn a_slow_group_is_explained() {
    let folder = tempfile::tempdir().expect("folder");
    let settings = [("FRONTROW__LOG__SLOW_GROUP_MS", "1"), ("FRONTROW__LOG__FORMAT", "json")];
    let server = Server::start(folder.path(), &settings);
    let operator = Person::new(&server, &http(), "operator", "operator");
    on_sale(&operator, 100_000, 1_000, 300).await;
    let stopped = tokio::task::spawn_blocking(move || server.stop()).await.expect("it stops");
    assert!(stopped.success());
    let (text, lines) = lines(folder.path());
    let slow = lines
        .iter()
        .find(|line| line["fields"]["message"] == "a slow group")
        .unwrap_or_else(|| panic!("{text}"));
    let fields = &slow["fields"];
    let part = |name: &str| fields[name].as_u64().unwrap_or_else(|| panic!("no {name} in {fields}"));
    assert_eq!((part("commands"), part("rounds") > 0), (1, true), "{fields}");
    let parts = part("load_ms") + part("decide_ms") + part("save_ms") + part("commit_ms");
    // Each is rounded down.
    assert!((parts..=parts + 3).contains(&part("took_ms")), "{fields}");
    assert!(fields["kinds"].as_str().is_some_and(|kinds| kinds.contains(": 1")), "{fields}");
}

async fn fan_metrics(server: &Server) -> String {
    let url = format!("http://{}/metrics", server.address);
    http().get(url).send().await.expect("an answer").text().await.expect("text")
}

/// Settings that make no sense are refused before anything is served.
#[test]
fn a_collector_has_to_have_an_address() {
    let folder = tempfile::tempdir().expect("folder");
    let output = frontrow(folder.path())
        .args(["config", "check"])
        .env("FRONTROW__TELEMETRY__TRACES_URL", "collector:4318")
        .output()
        .expect("it runs");
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("telemetry.traces_url") && said.contains("no web address"), "{said}");
}
