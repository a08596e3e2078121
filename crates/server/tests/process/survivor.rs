//! One of two servers is killed under load: the other goes on within a second, by its own answers.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use parking_lot::Mutex;
use reqwest::Method;
use serde_json::json;

use crate::client::{Person, on_sale};
use crate::cluster::{Cluster, until};

/// Who asks each server at once, without a pause.
const BUYERS: usize = 24;
/// How many seats are held before the kill, at each.
const BEFORE: usize = 150;
/// How long the survivor is looked at afterwards.
const AFTER: Duration = Duration::from_secs(3);
/// The longest that it may be without a success (quality, "Reliability").
const GAP_MAX: Duration = Duration::from_secs(1);
/// More than a few seconds take.
const SEATS: u32 = 20_000;
/// Holds of one fan: no more than one may have seats.
const HOLDS_A_FAN: usize = 90;

/// What all buyers know.
struct Rush {
    schedule: u64,
    next_seat: AtomicU32,
    is_over: AtomicBool,
    /// When each hold was answered.
    successes: [Mutex<Vec<Instant>>; 2],
    lost: AtomicUsize,
}

impl Rush {
    /// Holds one seat after the other until it is over, or the server is gone.
    async fn buy(&self, cluster: &Cluster, at: usize, buyer: usize) {
        for number in 0.. {
            if self.is_over.load(Ordering::Relaxed) {
                return;
            }
            let name = format!("buyer {at} {buyer} {}", number / HOLDS_A_FAN);
            let fan: Person = cluster.person(at, &name, "fan");
            let seat = self.next_seat.fetch_add(1, Ordering::Relaxed) + 1;
            let body = json!({"scheduleId": self.schedule, "seats": [seat]});
            let key = format!("hold {number}");
            let Ok(held) = fan.try_ask(Method::POST, "/reservations", Some(&key), Some(body)).await else {
                self.lost.fetch_add(1, Ordering::Relaxed);
                return;
            };
            held.expect(201);
            self.successes[at].lock().push(Instant::now());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_two_is_killed_under_load_and_the_other_goes_on_within_a_second() {
    let cluster = Cluster::start(2).await;
    let operator = cluster.person(0, "operator", "operator");
    let (_, schedule) = on_sale(&operator, SEATS, 1_000, 3_600).await;
    let rush = Rush {
        schedule,
        next_seat: AtomicU32::new(0),
        is_over: AtomicBool::new(false),
        successes: [const { Mutex::new(Vec::new()) }; 2],
        lost: AtomicUsize::new(0),
    };
    let buyers = (0..2 * BUYERS).map(|number| rush.buy(&cluster, number % 2, number / 2));
    let trouble = async {
        until("both sell", || async {
            rush.successes.iter().all(|successes| successes.lock().len() >= BEFORE)
        })
        .await;
        cluster.kill(1);
        let killed = Instant::now();
        tokio::time::sleep_until((killed + AFTER).into()).await;
        rush.is_over.store(true, Ordering::Relaxed);
        killed
    };
    let (_, killed) = tokio::join!(join_all(buyers), trouble);
    assert!(rush.lost.load(Ordering::Relaxed) > 0, "the kill has met nobody");

    let successes = rush.successes[0].lock();
    let before = successes.iter().rfind(|at| **at <= killed).copied().expect("it sold before");
    let mut last = before;
    let mut longest = Duration::ZERO;
    for at in successes.iter().filter(|at| **at > killed).copied().chain([killed + AFTER]) {
        longest = longest.max(at - last);
        last = at;
    }
    assert!(longest <= GAP_MAX, "the survivor sold nothing for {longest:?}");
    eprintln!("the longest gap between two holds of the survivor: {longest:?}");
    // What the dead one had answered is there; it may have committed what it could not answer any more.
    let answered: usize = successes.len() + rush.successes[1].lock().len();
    let held = cluster.audit()["seatsByState"]["held"].as_u64().expect("a number");
    let held = usize::try_from(held).expect("few");
    assert!((answered..=answered + BUYERS).contains(&held), "{held} are held, {answered} were answered");
}
