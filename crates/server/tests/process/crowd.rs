//! Fans who go on buying beside whatever a test does, and what they were told.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use reqwest::{Client, Method};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::client::Person;
use crate::crash::reaches;
use crate::server::Server;

/// What one seat costs.
pub(crate) const PRICE: i64 = 1_000;

/// Fans who each charge, hold one seat and pay, again and again.
pub(crate) struct Crowd {
    told: Arc<Mutex<HashMap<String, Bought>>>,
    answers: Arc<AtomicUsize>,
    is_over: Arc<AtomicBool>,
    /// What somebody was told that no sale should tell.
    wrong: Arc<Mutex<Vec<String>>>,
    fans: Vec<JoinHandle<()>>,
}

/// A reservation whose payment was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bought {
    /// Whose it is.
    pub(crate) fan: String,
    /// The code of its ticket.
    pub(crate) code: String,
}

impl Crowd {
    /// Lets so many fans of a server buy seats of a schedule that has enough.
    pub(crate) fn begin(server: &Server, client: &Client, schedule: u64, fans: usize) -> Self {
        Self::of((0..fans).map(|number| format!("buyer {number}")), schedule, |name| {
            Person::new(server, client, name, "fan")
        })
    }

    /// The same for fans of these names, who ask wherever `person` does.
    pub(crate) fn of(
        names: impl Iterator<Item = String>,
        schedule: u64,
        person: impl Fn(&str) -> Person,
    ) -> Self {
        let (told, answers) = (Arc::<Mutex<HashMap<_, _>>>::default(), Arc::new(AtomicUsize::new(0)));
        let wrong = Arc::<Mutex<Vec<_>>>::default();
        let is_over = Arc::new(AtomicBool::new(false));
        let next_seat = Arc::new(AtomicUsize::new(1));
        let fans = names.map(|name| {
            let person = person(&name);
            let (told, answers, wrong) = (Arc::clone(&told), Arc::clone(&answers), Arc::clone(&wrong));
            let (is_over, next_seat) = (Arc::clone(&is_over), Arc::clone(&next_seat));
            tokio::spawn(async move {
                for step in 0.. {
                    if is_over.load(Ordering::Relaxed) {
                        return;
                    }
                    let seat = next_seat.fetch_add(1, Ordering::Relaxed);
                    match buy(&person, schedule, seat, &format!("{name} {step}")).await {
                        Ok((id, code)) => drop(told.lock().insert(id, Bought { fan: name.clone(), code })),
                        Err(what) => return wrong.lock().push(what),
                    }
                    answers.fetch_add(3, Ordering::Relaxed);
                }
            })
        });
        let fans = fans.collect();
        Self { told, answers, is_over, wrong, fans }
    }

    /// Waits until so many more answers have come, all of them as they were meant.
    pub(crate) async fn goes_on(&self, answers: usize) {
        let target = self.answers.load(Ordering::Relaxed) + answers;
        tokio::select! {
            () = reaches(&self.answers, target) => {}
            () = self.goes_wrong() => {}
        }
        let wrong = self.wrong.lock().clone();
        assert!(wrong.is_empty(), "{wrong:#?}");
    }

    /// Waits until somebody was told what no sale should tell.
    pub(crate) async fn goes_wrong(&self) {
        while self.wrong.lock().is_empty() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// What was answered so far.
    pub(crate) fn told(&self) -> HashMap<String, Bought> {
        self.told.lock().clone()
    }

    /// Lets everybody come to the end of what they are doing, and answers what they were told. Every request has to have
    /// been answered, and as it was meant.
    pub(crate) async fn end(self) -> HashMap<String, Bought> {
        let (told, wrong) = self.end_in_any_way().await;
        assert!(wrong.is_empty(), "{wrong:#?}");
        told
    }

    /// The same, with what was not answered, or not as it was meant.
    pub(crate) async fn end_in_any_way(self) -> (HashMap<String, Bought>, Vec<String>) {
        self.is_over.store(true, Ordering::Relaxed);
        for fan in self.fans {
            fan.await.expect("a fan");
        }
        let (told, wrong) = (self.told.lock().clone(), self.wrong.lock().clone());
        (told, wrong)
    }
}

/// Charges, holds one seat and pays: the reservation and the code of its ticket.
async fn buy(person: &Person, schedule: u64, seat: usize, key: &str) -> Result<(String, String), String> {
    let ask = async |path: &str, body: Value, status: u16| {
        let key = format!("{key} {path}");
        let answer = person.try_ask(Method::POST, path, Some(&key), Some(body)).await;
        let answer = answer.map_err(|error| format!("{path}: {error:?}"))?;
        if answer.status == status {
            Ok(answer.body)
        } else {
            Err(format!("{path}: {} {}", answer.status, answer.body))
        }
    };
    ask("/users/me/charge", json!({"amount": PRICE, "method": "card"}), 200).await?;
    let held = ask("/reservations", json!({"scheduleId": schedule, "seats": [seat]}), 201).await?;
    let id = held["reservationId"].as_str().expect("an id").to_owned();
    let paid = ask("/payments", json!({"reservationId": id}), 201).await?;
    Ok((id, paid["tickets"][0]["code"].as_str().expect("a code").to_owned()))
}
