//! MariaDB and Redis end in the middle of a sale over HTTP and come back: nobody is told anything but "not now", nothing
//! is lost, and the sale goes on by itself within five seconds.
//!
//! Both are a test's own, so that no other test notices.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use frontrow_testkit::services::OwnServer;
use futures_util::future::join_all;
use parking_lot::Mutex;
use reqwest::Method;
use serde_json::json;

use crate::client::{Person, on_sale, on_sale_in_line};
use crate::cluster::{Cluster, service, until};

/// How long the sale may take to go on (quality, "Reliability").
const RECOVERY_MAX: Duration = Duration::from_secs(5);
/// Clients hear sooner than by default that something takes too long.
const IMPATIENT: [(&str, &str); 2] =
    [("FRONTROW__HTTP__REQUEST_TIMEOUT_MS", "2000"), ("FRONTROW__STORE__DEADLINE_MS", "1000")];

/// Does something that blocks, beside everything else.
fn aside(work: impl FnOnce()) {
    tokio::task::block_in_place(work);
}

async fn the_sale_goes_on_after_mariadb_was(ended: fn(&OwnServer)) {
    let mysql = OwnServer::mariadb();
    let redis = service("FRONTROW_TEST_REDIS_URL");
    let cluster = Cluster::start_on(&mysql.url(), &redis, 2, &IMPATIENT).await;
    let operator = cluster.person(0, "operator", "operator");
    let sale = on_sale(&operator, 200, 1_000, 300).await;
    let fans: Vec<Person> =
        (0..200).map(|number| cluster.person(number % 2, &format!("fan {number}"), "fan")).collect();
    for some in fans.chunks(50) {
        join_all(some.iter().map(|fan| fan.charge(10_000))).await;
    }
    let (done, failed) = (&AtomicUsize::new(0), &AtomicUsize::new(0));
    let successes = &Mutex::new(Vec::new());
    // A hundred pairs of seats, two fans for each, who come one after the other.
    let buy = fans.iter().enumerate().map(|(number, fan)| async move {
        tokio::time::sleep(Duration::from_millis(number as u64 * 10)).await;
        let first = (number / 2) * 2 + 1;
        let body = json!({"scheduleId": sale.1, "seats": [first, first + 1]});
        let held = fan.insist("/reservations", &format!("hold {number}"), body, failed).await;
        done.fetch_add(1, Ordering::Relaxed);
        if held.code() == "seat_unavailable" {
            return 0;
        }
        let id = held.expect(201)["reservationId"].clone();
        successes.lock().push(Instant::now());
        let key = format!("pay {number}");
        fan.insist("/payments", &key, json!({"reservationId": id}), failed).await.expect(201);
        successes.lock().push(Instant::now());
        1
    });
    let trouble = async {
        until("some have asked", || async { done.load(Ordering::Relaxed) >= 30 }).await;
        aside(|| ended(&mysql));
        until("it is felt", || async { failed.load(Ordering::Relaxed) >= 20 }).await;
        aside(|| mysql.start_again());
        Instant::now()
    };
    let (bought, back) = tokio::join!(join_all(buy), trouble);
    assert_eq!(bought.iter().sum::<u32>(), 100, "every pair of seats has one buyer");
    let successes = successes.lock();
    let first = successes.iter().filter(|at| **at >= back).min().expect("somebody buys afterwards");
    let took = first.duration_since(back);
    assert!(took <= RECOVERY_MAX, "the sale went on only after {took:?}");
    eprintln!("the first success {took:?} after the return");
    let figures = cluster.audit();
    assert_eq!(figures["seatsByState"]["sold"], 200);
    assert_eq!(figures["reservations"]["confirmed"], 100);
    assert_eq!(figures["charged"], 200 * 10_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn mariadb_restarted_in_a_sale_loses_nothing() {
    the_sale_goes_on_after_mariadb_was(OwnServer::stop).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mariadb_killed_in_a_sale_loses_nothing() {
    the_sale_goes_on_after_mariadb_was(OwnServer::kill).await;
}

/// What becomes of Redis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trouble {
    /// It ends, and is back with all that it had.
    Restarted,
    /// It ends, and is back empty.
    Lost,
    /// It is emptied while it runs.
    Flushed,
}

impl Trouble {
    const fn forgets(self) -> bool {
        matches!(self, Self::Lost | Self::Flushed)
    }
}

/// Fans who wait behind the two who are let in.
const WAITING: usize = 12;

async fn the_line_stands_after_redis_was(trouble: Trouble) {
    let redis = OwnServer::redis();
    let mysql = service("FRONTROW_TEST_MYSQL_URL");
    let cluster = Cluster::start_on(&mysql, &redis.url(), 2, &IMPATIENT).await;
    let operator = cluster.person(0, "operator", "operator");
    let room = json!({"enabled": true, "maxActive": 2, "admitPerSecond": 50});
    let sale = on_sale_in_line(&operator, "Away", 20, room).await;
    let path = &format!("/concerts/{}/queue", sale.0);
    for at in [0, 1] {
        let anybody = &cluster.person(at, "anybody", "fan");
        until("the room opens", || async { anybody.get(path).await.body["state"] == "open" }).await;
    }
    let mut fans = Vec::new();
    for number in 0..2 + WAITING {
        let mut fan = cluster.person(number % 2, &format!("fan {number}"), "fan");
        let place = fan.join(sale.0).await.expect("an answer").expect(201);
        fans.push((fan, place["sequence"].clone()));
    }
    let (payer, looker) = (&fans[0].0, &fans[1].0);
    payer.charge(10_000).await.expect(200);
    for fan in [payer, looker] {
        until("they are let in", || async { fan.place().await["state"] == "active" }).await;
    }
    let held = payer.hold("hold", sale.1, &[1, 2]).await.expect(201);
    let id = held["reservationId"].as_str().expect("an id");

    match trouble {
        Trouble::Flushed => aside(|| redis.flush()),
        Trouble::Restarted | Trouble::Lost => {
            aside(|| redis.stop());
            closed_while_redis_is_away(&cluster, sale, looker).await;
            // Who holds can pay, whatever has become of the line.
            payer.pay("pay", id).await.expect(201);
            if trouble.forgets() {
                redis.forget();
            }
            aside(|| redis.start_again());
        }
    }
    let back = Instant::now();
    // Everybody shows the token that they have; these two at one server each.
    for (fan, _) in &fans[2..4] {
        until("the line answers", || async { fan.get("/queues/status").await.status.is_success() }).await;
    }
    let took = back.elapsed();
    assert!(took <= RECOVERY_MAX, "the line was back only after {took:?}");
    eprintln!("{trouble:?}: the line answers {took:?} after the return");
    for (number, (fan, sequence)) in fans.iter().enumerate().skip(1) {
        let place = fan.place().await;
        assert_eq!(&place["sequence"], sequence, "fan {number} is put back where they were: {place}");
    }
    let mut late = cluster.person(1, "late", "fan");
    let last = late.join(sale.0).await.expect("an answer").expect(201);
    let highest = fans.last().expect("fans").1.as_u64();
    assert!(last["sequence"].as_u64() > highest, "nobody new is before those who were there: {last}");
    if trouble == Trouble::Flushed {
        payer.pay("pay", id).await.expect(201);
    }
    until("who was let in may go on", || async { looker.place().await["state"] == "active" }).await;
    looker.hold("look", sale.1, &[3]).await.expect(201);

    // All are let in, in their old order.
    let path = format!("/admin/concerts/{}/queue", sale.0);
    let orders = json!({"maxActive": 100});
    operator.try_ask(Method::PATCH, &path, None, Some(orders)).await.expect("an answer").expect(200);
    let mut admitted = Vec::new();
    for (fan, _) in &fans[2..] {
        until("everybody is let in", || async { fan.place().await["state"] == "active" }).await;
        admitted.push(fan.place().await["admittedAt"].as_str().expect("a time").to_owned());
    }
    until("the last too", || async { late.place().await["state"] == "active" }).await;
    admitted.push(late.place().await["admittedAt"].as_str().expect("a time").to_owned());
    assert!(admitted.is_sorted(), "somebody was let in before somebody ahead: {admitted:?}");
    let figures = cluster.audit();
    assert_eq!(figures["seatsByState"]["sold"], 2);
    assert_eq!(figures["seatsByState"]["held"], 1);
}

/// Joining and what the gate is in front of are refused for now, at every server.
async fn closed_while_redis_is_away(cluster: &Cluster, sale: (u64, u64), looker: &Person) {
    for at in [0, 1] {
        let mut nobody = cluster.person(at, "nobody", "fan");
        let refused = nobody.join(sale.0).await.expect("an answer");
        assert!(refused.is_not_now() && refused.code() == "waiting_room_unavailable", "{refused:?}");
    }
    let refused = looker.hold("closed", sale.1, &[5]).await;
    assert!(refused.is_not_now() && refused.code() == "waiting_room_unavailable", "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_restarted_in_a_sale_keeps_every_place() {
    the_line_stands_after_redis_was(Trouble::Restarted).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_back_empty_in_a_sale_has_every_place_from_its_token() {
    the_line_stands_after_redis_was(Trouble::Lost).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_flushed_in_a_sale_has_every_place_from_its_token() {
    the_line_stands_after_redis_was(Trouble::Flushed).await;
}
