//! A whole night at two servers that share a MySQL and a Redis: a crowd joins the line, waits, looks, holds and pays;
//! meanwhile one server is killed and comes back, and Redis is restarted.
//!
//! `FRONTROW_TEST_NIGHT_FANS=10000` has as many come; a plain run has fewer.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use frontrow_testkit::clock::{Dice, mix};
use frontrow_testkit::services::OwnServer;
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::client::{Answer, Person, on_sale_in_line, states};
use crate::cluster::{Cluster, service, until};

/// How many come where nobody asks for more.
const FANS: usize = 500;
/// Of so many fans one can have a seat.
const FANS_A_SEAT: usize = 4;
/// Requests at once, over both servers.
const AT_ONCE: usize = 192;
/// Between two attempts of somebody who was not answered, or told that not now.
const AGAIN: Duration = Duration::from_millis(100);
/// The longest that the night may take for each fan. It tells a hang from a slow machine.
const NIGHT_MAX_A_FAN: Duration = Duration::from_millis(100);

/// How many fans are asked for.
#[expect(clippy::disallowed_methods, reason = "a long run is asked for from outside")]
fn fans() -> usize {
    std::env::var("FRONTROW_TEST_NIGHT_FANS").ok().and_then(|text| text.parse().ok()).unwrap_or(FANS)
}

/// What all fans share.
struct Night {
    sale: (u64, u64),
    at_once: Semaphore,
    bought: AtomicUsize,
    /// Requests that were lost with their server.
    lost: AtomicUsize,
    /// Requests that could not be done then.
    not_now: AtomicUsize,
}

/// One fan, who turns to the other server when one does not answer.
struct Fan {
    night: Arc<Night>,
    number: usize,
    people: [Person; 2],
    at: usize,
    dice: Dice,
}

/// What became of a fan.
struct Story {
    sequence: u64,
    entry: String,
    admitted_at: Option<String>,
    seats: Vec<u64>,
}

impl Fan {
    /// Asks until there is an answer that is not "not now", at one server or the other.
    async fn ask(&mut self, method: Method, path: &str, key: Option<&str>, body: Option<Value>) -> Answer {
        loop {
            let answer = {
                let _turn = self.night.at_once.acquire().await.expect("never closed");
                self.people[self.at].try_ask(method.clone(), path, key, body.clone()).await
            };
            match answer {
                Ok(answer) if answer.is_not_now() || answer.code() == "request_in_flight" => {
                    self.night.not_now.fetch_add(1, Ordering::Relaxed);
                }
                Ok(answer) => return answer,
                Err(_) => {
                    self.night.lost.fetch_add(1, Ordering::Relaxed);
                    self.at = 1 - self.at;
                }
            }
            tokio::time::sleep(AGAIN).await;
        }
    }

    async fn post(&mut self, path: &str, key: &str, body: Value) -> Answer {
        self.ask(Method::POST, path, Some(key), Some(body)).await
    }

    /// The whole night of one fan.
    async fn live(mut self) -> Story {
        let concert = self.night.sale.0;
        let joined = self.ask(Method::POST, "/queues", None, Some(json!({ "concertId": concert }))).await;
        assert!(joined.status.is_success(), "fan {}: {}", self.number, joined.body);
        let token = joined.body["token"].as_str().expect("a token");
        self.people = self.people.map(|person| person.with_pass(token));
        let mut story = Story {
            sequence: joined.body["sequence"].as_u64().expect("a number"),
            entry: joined.body["entryId"].as_str().expect("an id").to_owned(),
            admitted_at: None,
            seats: Vec::new(),
        };
        loop {
            let place = self.ask(Method::GET, "/queues/status", None, None).await.expect(200);
            assert_eq!(place["sequence"], story.sequence, "a place never changes");
            match place["state"].as_str() {
                Some("active") => {
                    story.admitted_at = place["admittedAt"].as_str().map(str::to_owned);
                    story.seats = self.buy().await;
                    return story;
                }
                Some("waiting") if place["room"] == "sold_out" && place["seatsHeld"] == 0 => return story,
                Some("waiting") => {
                    let seconds = place["pollAfterSeconds"].as_u64().expect("seconds");
                    tokio::time::sleep(Duration::from_secs(seconds)).await;
                }
                _ => panic!("fan {} has {place}", self.number),
            }
        }
    }

    /// Holds one or two seats that look free, and pays for them; leaves when there are none.
    async fn buy(&mut self) -> Vec<u64> {
        let (concert, schedule) = self.night.sale;
        let body = json!({"amount": 10_000, "method": "card"});
        self.post("/users/me/charge", "charge", body).await.expect(200);
        for attempt in 0.. {
            let path = format!("/concerts/{concert}/schedules/{schedule}/states");
            let map = self.ask(Method::GET, &path, None, None).await.expect(200);
            let letters = map["states"].as_str().expect("letters");
            let free: Vec<usize> = letters.match_indices('a').map(|(place, _)| place + 1).collect();
            let Some(first) = self.dice.pick(&free).copied() else { break };
            let mut wanted = vec![first];
            if self.dice.percent(50) && free.contains(&(first + 1)) {
                wanted.push(first + 1);
            }
            let body = json!({"scheduleId": schedule, "seats": wanted});
            let held = self.post("/reservations", &format!("hold {attempt}"), body).await;
            if held.code() == "seat_unavailable" {
                continue;
            }
            let held = held.expect(201);
            let body = json!({"reservationId": held["reservationId"]});
            let paid = self.post("/payments", "pay", body).await.expect(201);
            self.night.bought.fetch_add(wanted.len(), Ordering::Relaxed);
            let tickets = paid["tickets"].as_array().expect("tickets");
            return tickets.iter().map(|ticket| ticket["seat"].as_u64().expect("a number")).collect();
        }
        let left = self.ask(Method::DELETE, "/queues", None, None).await;
        assert_eq!(left.status.as_u16(), 204, "{}", left.body);
        Vec::new()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_sell_a_concert_while_one_is_killed_and_redis_is_restarted() {
    let (fans, redis) = (fans(), OwnServer::redis());
    let seats = fans / FANS_A_SEAT;
    let mut cluster = Cluster::start_on(&service("FRONTROW_TEST_MYSQL_URL"), &redis.url(), 2, &[]).await;
    let operator = cluster.person(0, "operator", "operator");
    let room = json!({"enabled": true, "maxActive": fans / 20, "admitPerSecond": fans / 20});
    let sale = on_sale_in_line(&operator, "Night", u32::try_from(seats).expect("a hall"), room).await;
    let document = &format!("/concerts/{}/queue", sale.0);
    for at in [0, 1] {
        let anybody = &cluster.person(at, "anybody", "fan");
        until("the room opens", || async { anybody.get(document).await.body["state"] == "open" }).await;
    }
    let night = Arc::new(Night {
        sale,
        at_once: Semaphore::new(AT_ONCE),
        bought: AtomicUsize::new(0),
        lost: AtomicUsize::new(0),
        not_now: AtomicUsize::new(0),
    });
    let begun = Instant::now();
    let stories: Vec<_> = (0..fans)
        .map(|number| {
            let name = format!("fan {number}");
            let people = [0, 1].map(|at| cluster.person(at, &name, "fan"));
            let (night, dice) = (Arc::clone(&night), Dice::new(mix(number as u64)));
            tokio::spawn(Fan { night, number, people, at: number % 2, dice }.live())
        })
        .collect();
    let all = tokio::time::timeout(NIGHT_MAX_A_FAN * u32::try_from(fans.max(600)).expect("a crowd"), async {
        let sold = |part: usize| {
            let night = &night;
            async move {
                while night.bought.load(Ordering::Relaxed) * 100 < seats * part {
                    tokio::time::sleep(AGAIN).await;
                }
            }
        };
        sold(15).await;
        cluster.kill(1);
        sold(30).await;
        tokio::task::block_in_place(|| cluster.start_again(1));
        sold(50).await;
        let before = night.not_now.load(Ordering::Relaxed);
        tokio::task::block_in_place(|| redis.stop());
        until("it is felt", || async { night.not_now.load(Ordering::Relaxed) > before }).await;
        tokio::task::block_in_place(|| redis.start_again());
        join_all(stories).await
    });
    let stories = all.await.expect("the night ends").into_iter().map(|story| story.expect("a fan"));
    let stories: Vec<Story> = stories.collect();
    let (lost, not_now) = (night.lost.load(Ordering::Relaxed), night.not_now.load(Ordering::Relaxed));
    eprintln!("{fans} fans, {seats} seats: {:?}, {lost} requests lost, {not_now} not now", begun.elapsed());
    assert!(lost > 0, "the kill has met nobody");
    one_line(&stories);
    one_map(&cluster, sale, &stories, seats).await;
}

/// Everybody had a number of their own, and was let in in the order of numbers.
fn one_line(stories: &[Story]) {
    let by_number: BTreeMap<u64, &Story> = stories.iter().map(|story| (story.sequence, story)).collect();
    assert_eq!(by_number.len(), stories.len(), "a number was given out twice");
    let entries: BTreeSet<&str> = stories.iter().map(|story| story.entry.as_str()).collect();
    assert_eq!(entries.len(), stories.len(), "a place was given out twice");
    let admitted: Vec<&str> = by_number.values().filter_map(|story| story.admitted_at.as_deref()).collect();
    assert!(admitted.is_sorted(), "somebody was let in before somebody ahead");
    let waiting = by_number.values().skip_while(|story| story.admitted_at.is_some());
    assert!(waiting.clone().all(|story| story.admitted_at.is_none()), "somebody was passed over");
}

/// Both servers show the same, nobody's seat is somebody else's, and the store agrees.
async fn one_map(cluster: &Cluster, sale: (u64, u64), stories: &[Story], seats: usize) {
    let mut sold = BTreeSet::new();
    for seat in stories.iter().flat_map(|story| &story.seats) {
        assert!(sold.insert(*seat), "seat {seat} was sold twice");
    }
    assert_eq!(sold.len(), seats, "everything is sold");
    for at in [0, 1] {
        let operator = &cluster.person(at, "operator", "operator");
        until("the map shows it", || async { states(operator, sale).await == "s".repeat(seats) }).await;
    }
    let figures = cluster.audit();
    assert_eq!(figures["seatsByState"]["sold"], seats);
    let buyers = stories.iter().filter(|story| !story.seats.is_empty()).count();
    assert_eq!(figures["reservations"]["confirmed"], buyers);
}
