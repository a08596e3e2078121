//! kill -9 while requests are in flight, several times: what was answered is there, and what was not has happened
//! once or not at all.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::client::{Person, http, on_sale};
use crate::sale::audit;
use crate::server::Server;

/// How often the server is killed.
const ROUNDS: usize = 4;
/// How many fans buy at once.
const BUYERS: usize = 32;
/// How many answers a round waits for before it kills.
const ANSWERS_A_ROUND: usize = 400;
const PRICE: i64 = 1_000;

/// What one buyer was told, and what it never heard.
#[derive(Default)]
struct Told {
    /// Reservations that were answered with 201, and whether their payment was.
    held: HashMap<String, bool>,
    /// The amount of all charges that were answered with 200.
    charged: i64,
    /// The request without an answer: path, key, body.
    open: Option<(&'static str, String, Value)>,
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_with_requests_in_flight_nothing_that_was_answered_is_lost() {
    let folder = tempfile::tempdir().expect("folder");
    let client = http();
    let mut server = Server::start(folder.path(), &[]);
    let operator = Person::new(&server, &client, "operator", "operator");
    let (_, schedule) = on_sale(&operator, 50_000, PRICE, 3_600).await;
    let mut told: Vec<Told> = (0..BUYERS).map(|_| Told::default()).collect();
    let next_seat = Arc::new(AtomicUsize::new(0));
    let mut in_the_journal = 0;

    for round in 0..ROUNDS {
        let answers = Arc::new(AtomicUsize::new(0));
        let is_over = Arc::new(AtomicBool::new(false));
        let buyers: Vec<_> = told
            .drain(..)
            .enumerate()
            .map(|(number, told)| {
                let buyer = Buyer {
                    person: Person::new(&server, &client, &format!("buyer {number}"), "fan"),
                    schedule,
                    next_seat: Arc::clone(&next_seat),
                    answers: Arc::clone(&answers),
                    is_over: Arc::clone(&is_over),
                    told,
                };
                tokio::spawn(buyer.buy(format!("{round}-{number}")))
            })
            .collect();
        reaches(&answers, ANSWERS_A_ROUND).await;
        server.kill();
        in_the_journal += left_in_the_journal(folder.path());
        is_over.store(true, Ordering::Relaxed);
        for buyer in buyers {
            told.push(buyer.await.expect("a buyer"));
        }
        assert!(told.iter().any(|told| told.open.is_some()), "the kill met requests in flight");

        server = Server::start(folder.path(), &[]);
        audit(folder.path());
        for (number, told) in told.iter_mut().enumerate() {
            let person = Person::new(&server, &client, &format!("buyer {number}"), "fan");
            repeat_open(&person, told).await;
            check(&person, told).await;
        }
    }
    assert!(in_the_journal > 0, "no kill met a group that was committed and not in its tables");
    let figures = audit(folder.path());
    let paid: usize = told.iter().map(|told| told.held.values().filter(|&&paid| paid).count()).sum();
    assert_eq!(figures["reservations"]["confirmed"], paid, "every payment once");
    assert_eq!(figures["charged"], told.iter().map(|told| told.charged).sum::<i64>(), "every charge once");
}

/// How many groups a killed server has left in its journal. It is looked for in a copy, because looking puts SQLite's own log
/// in order.
fn left_in_the_journal(folder: &Path) -> u32 {
    let copy = tempfile::tempdir().expect("folder");
    for name in ["frontrow.sqlite", "frontrow.sqlite-wal"] {
        std::fs::copy(folder.join(name), copy.path().join(name)).expect("a copy");
    }
    let store = rusqlite::Connection::open(copy.path().join("frontrow.sqlite")).expect("the store");
    store.query_row("SELECT count(*) FROM journal", [], |row| row.get(0)).expect("counted")
}

/// Waits until so many have been counted, and not for ever.
pub(crate) async fn reaches(count: &AtomicUsize, target: usize) {
    let is_reached = async {
        while count.load(Ordering::Relaxed) < target {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_mins(2), is_reached).await.expect("the server goes on answering");
}

struct Buyer {
    person: Person,
    schedule: u64,
    next_seat: Arc<AtomicUsize>,
    answers: Arc<AtomicUsize>,
    is_over: Arc<AtomicBool>,
    told: Told,
}

impl Buyer {
    /// Charges, holds and pays until the server is gone.
    async fn buy(mut self, prefix: String) -> Told {
        for step in 0.. {
            if self.is_over.load(Ordering::Relaxed) {
                break;
            }
            let body = json!({"amount": PRICE, "method": "card"});
            if self.ask("/users/me/charge", format!("{prefix}-c{step}"), body).await.is_none() {
                break;
            }
            let seat = self.next_seat.fetch_add(1, Ordering::Relaxed) + 1;
            let body = json!({"scheduleId": self.schedule, "seats": [seat]});
            let Some(held) = self.ask("/reservations", format!("{prefix}-h{step}"), body).await else {
                break;
            };
            let body = json!({"reservationId": held["reservationId"]});
            if self.ask("/payments", format!("{prefix}-p{step}"), body).await.is_none() {
                break;
            }
        }
        self.told
    }

    async fn ask(&mut self, path: &'static str, key: String, body: Value) -> Option<Value> {
        let sent = self.person.try_ask(Method::POST, path, Some(&key), Some(body.clone())).await;
        let Ok(answer) = sent else {
            self.told.open = Some((path, key, body));
            return None;
        };
        self.answers.fetch_add(1, Ordering::Relaxed);
        assert!(answer.status.is_success(), "{path}: {} {}", answer.status, answer.body);
        self.told.note(path, &body, &answer.body);
        Some(answer.body)
    }
}

impl Told {
    fn note(&mut self, path: &str, request: &Value, answer: &Value) {
        let id = |value: &Value| value["reservationId"].as_str().expect("an id").to_owned();
        match path {
            "/reservations" => drop(self.held.insert(id(answer), false)),
            "/payments" => drop(self.held.insert(id(request), true)),
            _ => self.charged += PRICE,
        }
    }
}

/// Sends what was never answered once more, with the same key: it happens now, or is shown to have happened.
async fn repeat_open(person: &Person, told: &mut Told) {
    let Some((path, key, body)) = told.open.take() else { return };
    let first = person.post(path, &key, body.clone()).await;
    assert!(first.status.is_success(), "{path}: {} {}", first.status, first.body);
    told.note(path, &body, &first.body);
    let second = person.post(path, &key, body).await;
    assert!(second.replayed, "the second time is always a replay");
    assert_eq!(second.body, first.body);
}

async fn check(person: &Person, told: &Told) {
    for (id, paid) in &told.held {
        let found = person.get(&format!("/reservations/{id}")).await.expect(200);
        let expected = if *paid { "confirmed" } else { "pending" };
        assert_eq!(found["status"], expected, "reservation {id}");
    }
    let paid = told.held.values().filter(|&&paid| paid).count();
    let paid = i64::try_from(paid).expect("few") * PRICE;
    let balance = person.get("/users/me/balance").await.expect(200);
    assert_eq!(balance["balance"], told.charged - paid);
}
