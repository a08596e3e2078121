//! Events reach those who asked for them, whatever is killed or fails (R-E1 to R-E3).

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::{Algorithm, EncodingKey};
use reqwest::Method;
use serde_json::{Value, json};

use crate::client::{Person, http, on_sale};
use crate::crash::reaches;
use crate::receiver::{Manner, Received, Receiver};
use crate::sale::audit;
use crate::server::{Server, frontrow};

const LOCAL: &[(&str, &str)] = &[("FRONTROW__EVENTS__ALLOW_PRIVATE_TARGETS", "true")];
/// How often the server is killed.
const ROUNDS: usize = 4;
/// How many fans are busy at once, and how many answers a round waits for.
const FANS: usize = 16;
const ANSWERS_A_ROUND: usize = 120;

async fn webhook(operator: &Person, url: &str, types: &[&str]) -> Value {
    let made = operator.post("/admin/webhooks", "w", json!({"url": url, "types": types})).await.expect(201);
    // It is told of what happens once a server has taken it up; the test message shows that it can be reached.
    let path = format!("/admin/webhooks/{}/test", made["webhookId"].as_str().expect("an id"));
    let sent = operator.try_ask(Method::POST, &path, None, None).await.expect("an answer").expect(200);
    assert_eq!(sent["delivered"], true, "{sent}");
    made
}

/// Waits until a webhook is served: what is charged from then on arrives.
pub(crate) async fn until_told(fan: &Person, receiver: &Receiver) {
    for number in 0.. {
        assert!(number < 600, "nobody is told of anything");
        fan.post("/users/me/charge", &format!("told {number}"), json!({"amount": 1_000, "method": "card"}))
            .await
            .expect(200);
        if receiver.taken().iter().any(|message| message.json()["type"] == "frontrow.wallet.charged.v1") {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// All that was committed, as the command line shows it.
pub(crate) fn committed(folder: &Path) -> Vec<Value> {
    let output = frontrow(folder).args(["events", "tail", "--all", "--no-follow"]).output().expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("text");
    text.lines().map(|line| serde_json::from_str(line).expect("a line is an event")).collect()
}

pub(crate) fn place(event: &Value) -> (String, u64) {
    let sequence = event["sequence"].as_str().and_then(|text| text.parse().ok()).expect("a number");
    (event["partitionkey"].as_str().expect("a key").to_owned(), sequence)
}

/// Charges and holds, one after the other, until the server is gone.
async fn keep_busy(
    fan: Person,
    schedule: u64,
    name: String,
    seats: Arc<AtomicUsize>,
    answers: Arc<AtomicUsize>,
    is_over: Arc<AtomicBool>,
) {
    for step in 0.. {
        let seat = seats.fetch_add(1, Ordering::Relaxed) + 1;
        let steps = [
            ("/users/me/charge", json!({"amount": 1_000, "method": "card"})),
            ("/reservations", json!({"scheduleId": schedule, "seats": [seat]})),
        ];
        let mut held = None;
        for (path, body) in steps {
            let key = format!("{name}-{step}-{path}");
            let Ok(answer) = fan.try_ask(Method::POST, path, Some(&key), Some(body)).await else { return };
            answers.fetch_add(1, Ordering::Relaxed);
            held = answer.body.get("reservationId").cloned();
        }
        if let Some(held) = held {
            let body = json!({"reservationId": held});
            if fan
                .try_ask(Method::POST, "/payments", Some(&format!("{name}-{step}-p")), Some(body))
                .await
                .is_err()
            {
                return;
            }
        }
        if is_over.load(Ordering::Relaxed) {
            return;
        }
    }
}

/// What a receiver makes of messages that may come again: each key's numbers, those that it has passed dropped.
pub(crate) fn effects(messages: &[Received]) -> BTreeMap<String, Vec<u64>> {
    let mut effects: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for message in messages {
        let (key, sequence) = message.place();
        let passed = effects.entry(key).or_default();
        if passed.last().is_none_or(|last| sequence > *last) {
            passed.push(sequence);
        }
    }
    effects
}

/// Killed at any instant, several times: after a commit, after a message was sent, before the mark was moved.
#[tokio::test(flavor = "multi_thread")]
async fn d14_every_committed_event_is_told_whatever_is_killed() {
    let folder = tempfile::tempdir().expect("folder");
    let (client, receiver) = (http(), Receiver::open().await);
    let mut server = Server::start(folder.path(), LOCAL);
    let operator = Person::new(&server, &client, "operator", "operator");
    let (_, schedule) = on_sale(&operator, 20_000, 1_000, 3_600).await;
    webhook(&operator, &receiver.url(), &[]).await;
    until_told(&Person::new(&server, &client, "first", "fan"), &receiver).await;
    let seats = Arc::new(AtomicUsize::new(0));
    for round in 0..ROUNDS {
        let (answers, is_over) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let fans: Vec<_> = (0..FANS)
            .map(|number| {
                let fan = Person::new(&server, &client, &format!("fan {number}"), "fan");
                let name = format!("{round}-{number}");
                let (seats, answers, is_over) = (seats.clone(), answers.clone(), is_over.clone());
                tokio::spawn(keep_busy(fan, schedule, name, seats, answers, is_over))
            })
            .collect();
        reaches(&answers, ANSWERS_A_ROUND).await;
        server.kill();
        is_over.store(true, Ordering::Relaxed);
        for fan in fans {
            fan.await.expect("a fan");
        }
        server = Server::start(folder.path(), LOCAL);
    }
    let told_from = receiver
        .taken()
        .iter()
        .find(|message| message.json()["type"] == "frontrow.wallet.charged.v1")
        .map(Received::place);
    let all: Vec<(String, u64)> = committed(folder.path()).iter().map(place).collect();
    let begun =
        all.iter().position(|place| Some(place) == told_from.as_ref()).expect("the first is in the log");
    let expected: BTreeSet<(String, u64)> = all[begun..].iter().cloned().collect();
    assert!(expected.len() > ROUNDS * ANSWERS_A_ROUND / 2, "{} events", expected.len());
    receiver
        .until("every event arrives", |messages| {
            let seen: BTreeSet<_> = messages
                .iter()
                .filter(|message| message.headers["webhook-id"].len() > 10)
                .filter(|message| message.json()["type"] != "frontrow.webhook.tested.v1")
                .map(Received::place)
                .collect();
            expected.is_subset(&seen)
        })
        .await;
    let messages: Vec<Received> = receiver
        .taken()
        .into_iter()
        .filter(|message| message.json()["type"] != "frontrow.webhook.tested.v1")
        .collect();
    for (key, numbers) in effects(&messages) {
        let committed: Vec<u64> =
            all.iter().filter(|(of, _)| *of == key).map(|(_, number)| *number).collect();
        let first = numbers.first().copied().expect("a number");
        let expected: Vec<u64> = committed.into_iter().filter(|number| *number >= first).collect();
        assert_eq!(numbers, expected, "{key}: in order, without a gap, each once");
    }
    audit(folder.path());
    server.stop();
}

/// Each message is signed so that its receiver can check it with what it was told when the webhook was made.
#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_signed_as_its_specification_says() {
    let folder = tempfile::tempdir().expect("folder");
    let (client, receiver) = (http(), Receiver::open().await);
    let server = Server::start(folder.path(), LOCAL);
    let operator = Person::new(&server, &client, "operator", "operator");
    let made = webhook(&operator, &receiver.url(), &[]).await;
    let secret = made["secret"].as_str().and_then(|text| text.strip_prefix("whsec_")).expect("a secret");
    let key = EncodingKey::from_secret(&STANDARD.decode(secret).expect("base64"));
    let message = receiver.messages().pop().expect("the test message");
    let (id, at) = (&message.headers["webhook-id"], &message.headers["webhook-timestamp"]);
    let content = format!("{id}.{at}.{}", message.text);
    // The same code as for tokens: HMAC-SHA256, in another spelling of base64.
    let signature = jsonwebtoken::crypto::sign(content.as_bytes(), &key, Algorithm::HS256).expect("signed");
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(signature).expect("base64");
    assert_eq!(message.headers["webhook-signature"], format!("v1,{}", STANDARD.encode(bytes)));
    assert_eq!(message.headers["content-type"], "application/json");
    server.stop();
}

/// Receivers that fail in every way: each keeps only its own messages waiting, and gets them when it is well again.
#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_fails_keeps_nobody_else_waiting() {
    let folder = tempfile::tempdir().expect("folder");
    let client = http();
    let server = Server::start(folder.path(), LOCAL);
    let operator = Person::new(&server, &client, "operator", "operator");
    let fan = Person::new(&server, &client, "fan", "fan");
    let well = Receiver::open().await;
    webhook(&operator, &well.url(), &[]).await;
    let manners = [Manner::Status(500), Manner::Hang, Manner::Cut, Manner::Status(302), Manner::Status(410)];
    let mut bad = Vec::new();
    for manner in manners {
        let receiver = Receiver::open().await;
        let made = webhook(&operator, &receiver.url(), &["frontrow.wallet.charged.v1"]).await;
        receiver.behave(manner);
        bad.push((receiver, manner, made["webhookId"].as_str().expect("an id").to_owned()));
    }
    until_told(&fan, &well).await;
    for (receiver, manner, _) in &bad {
        receiver.until(&format!("{manner:?} is tried"), |messages| messages.len() > 1).await;
    }
    let before = well.taken().len();
    for number in 0..20 {
        let body = json!({"amount": 1_000, "method": "card"});
        fan.post("/users/me/charge", &format!("more {number}"), body).await.expect(200);
    }
    well.until("the one that is well hears all", |messages| messages.len() >= before + 20).await;
    for (receiver, manner, id) in &bad {
        let hook = operator.get(&format!("/admin/webhooks/{id}")).await.expect(200);
        if *manner == Manner::Status(410) {
            assert_eq!(hook["status"], "gone");
            continue;
        }
        assert_eq!(hook["status"], "on", "{manner:?}");
        let tries = operator.get(&format!("/admin/webhooks/{id}/attempts")).await.expect(200);
        if *manner != Manner::Hang {
            let reasons: Vec<_> =
                tries["items"].as_array().expect("items").iter().map(|item| &item["reason"]).collect();
            assert!(
                reasons.iter().any(|reason| reason.as_str().is_some_and(|text| !text.is_empty())),
                "{tries}"
            );
        }
        receiver.behave(Manner::Status(200));
    }
    let (recovered, _, _) = &bad[0];
    recovered
        .until("it hears what it has missed", |messages| messages.iter().filter(|one| one.taken).count() > 10)
        .await;
    server.stop();
}

/// Whoever may make a webhook must not have the server ask its own network, by whatever name or redirect.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_sent_to_private_addresses_unless_allowed() {
    let folder = tempfile::tempdir().expect("folder");
    let (client, receiver) = (http(), Receiver::open().await);
    let server = Server::start(folder.path(), &[]);
    let operator = Person::new(&server, &client, "operator", "operator");
    for url in [
        receiver.url(),
        format!("http://localhost:{}/", receiver.address.port()),
        "http://169.254.169.254/".to_owned(),
    ] {
        let refused = operator.post("/admin/webhooks", "w", json!({"url": url})).await.expect(422);
        assert_eq!(refused["errors"][0]["field"], "url", "{refused}");
    }
    assert_eq!(receiver.messages().len(), 0);
    server.stop();
}

/// Payments are told to the chat; a chat that does not answer costs the sale nothing.
#[tokio::test(flavor = "multi_thread")]
async fn the_chat_hears_of_payments() {
    let folder = tempfile::tempdir().expect("folder");
    let (client, chat) = (http(), Receiver::open().await);
    let url = chat.url();
    let server = Server::start(folder.path(), &[("FRONTROW__EVENTS__CHAT_URL", url.as_str())]);
    let operator = Person::new(&server, &client, "operator", "operator");
    let (_, schedule) = on_sale(&operator, 50, 1_000, 3_600).await;
    let fan = Person::new(&server, &client, "fan", "fan");
    fan.post("/users/me/charge", "c", json!({"amount": 3_000, "method": "card"})).await.expect(200);
    let mut seat = 0;
    // The chat begins with what happens once it is served.
    while chat.messages().is_empty() {
        seat += 1;
        assert!(seat <= 4, "the chat hears of nothing");
        let held = fan
            .post("/reservations", &format!("h{seat}"), json!({"scheduleId": schedule, "seats": [seat]}))
            .await;
        let held = held.expect(201);
        let paid =
            fan.post("/payments", &format!("p{seat}"), json!({"reservationId": held["reservationId"]})).await;
        assert!(paid.status.is_success() || paid.code() == "insufficient_balance", "{}", paid.body);
        let waiting = chat.until("", |messages| !messages.is_empty());
        let _ = tokio::time::timeout(Duration::from_secs(4), waiting).await;
    }
    let text = chat.messages()[0].json()["text"].as_str().expect("text").to_owned();
    assert!(text.contains("Payment") && text.contains("KRW"), "{text}");
    server.stop();
}

/// Dead letters from the command line, beside a running server.
#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_lists_and_replays() {
    let folder = tempfile::tempdir().expect("folder");
    let server = Server::start(folder.path(), &[]);
    let client = http();
    let fan = Person::new(&server, &client, "fan", "fan");
    fan.post("/users/me/charge", "c", json!({"amount": 3_000, "method": "card"})).await.expect(200);
    let events = committed(folder.path());
    assert_eq!(events.len(), 1, "{events:?}");
    assert_eq!(events[0]["type"], "frontrow.wallet.charged.v1");
    assert_eq!(events[0]["specversion"], "1.0");
    let run =
        |arguments: &[&str]| frontrow(folder.path()).arg("events").args(arguments).output().expect("it runs");
    let listed = run(&["list"]);
    assert!(listed.status.success() && listed.stdout.is_empty(), "there are none");
    let nothing = run(&["replay", "01890000-0000-7000-8000-000000000000"]);
    let said = String::from_utf8_lossy(&nothing.stderr).into_owned();
    assert!(!nothing.status.success() && said.contains("frontrow events list"), "{said}");
    let none = run(&["replay"]);
    assert!(!none.status.success(), "it has to be told which");
    server.stop();
}
