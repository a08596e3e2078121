//! Sets of seats that overlap, asked for in opposite order at several servers: somebody has them all, or nobody has any,
//! and nobody waits for ever.

use std::time::Duration;

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::json;
use sqlx::{Connection as _, MySqlConnection};

use crate::client::{Person, on_sale, states};
use crate::cluster::{Cluster, until};

/// Fans at once, in turn at each server.
const FANS: usize = 48;
/// How often each tries. A fan may let go of ten holds.
const TRIES: usize = 8;
const SEATS: u32 = 12;
/// Seats of one set.
const WANTED: u32 = 8;
/// The longest that one answer may take. It tells a hang from a slow machine.
const ANSWER_MAX: Duration = Duration::from_secs(30);

/// A window of seats that wanders around the hall, forward for some and backward for others.
fn wanted(fan: usize, attempt: usize) -> Vec<u32> {
    let first = u32::try_from(fan + attempt).expect("few") % SEATS;
    let mut seats: Vec<u32> = (0..WANTED).map(|step| (first + step) % SEATS + 1).collect();
    if fan % 4 < 2 {
        seats.reverse();
    }
    seats
}

#[tokio::test(flavor = "multi_thread")]
async fn sets_in_opposite_order_at_two_servers_all_end() {
    let cluster = Cluster::start(2).await;
    let operator = cluster.person(0, "operator", "operator");
    let sale = on_sale(&operator, SEATS, 1_000, 300).await;
    let tries = (0..FANS).map(|number| {
        let fan = cluster.person(number % 2, &format!("fan {number}"), "fan");
        async move {
            let mut held = 0;
            for attempt in 0..TRIES {
                held += usize::from(holds_and_lets_go(&fan, sale.1, number, attempt).await);
            }
            held
        }
    });
    let held: usize = join_all(tries).await.into_iter().sum();
    assert!(held > 0, "nobody ever had a set");
    until("the map shows that all is free", || async { states(&operator, sale).await == "a".repeat(12) })
        .await;
    let figures = cluster.audit();
    assert_eq!(figures["reservations"]["cancelled"], held);
    assert_eq!(figures["seatsByState"]["available"], SEATS);
}

async fn holds_and_lets_go(fan: &Person, schedule: u64, number: usize, attempt: usize) -> bool {
    let seats = wanted(number, attempt);
    let key = format!("try {attempt}");
    let hold = fan.hold(&key, schedule, &seats);
    let answer = tokio::time::timeout(ANSWER_MAX, hold).await.expect("a hold is answered");
    if answer.status.as_u16() == 409 {
        assert_eq!(answer.code(), "seat_unavailable", "{}", answer.body);
        return false;
    }
    let got = answer.expect(201);
    assert_eq!(got["seats"].as_array().map(Vec::len), Some(WANTED as usize), "a set was held by halves");
    let path = format!("/reservations/{}", got["reservationId"].as_str().expect("an id"));
    let free = fan.try_ask(Method::DELETE, &path, None, None);
    let freed = tokio::time::timeout(ANSWER_MAX, free).await.expect("a cancellation is answered");
    assert_eq!(freed.expect("an answer").expect(200)["status"], json!("cancelled"));
    true
}

/// The same seats written in opposite orders by hand: the database ends one of the two. It is their order that keeps
/// servers from that.
#[tokio::test(flavor = "multi_thread")]
async fn control_claims_written_in_opposite_order_are_a_deadlock() {
    let cluster = Cluster::start(1).await;
    let claim = |seat: u32| {
        format!(
            "INSERT INTO claim (schedule_id, seat_no, kind) VALUES (7, {seat}, 2) \
             ON DUPLICATE KEY UPDATE kind = kind"
        )
    };
    let mut connections = Vec::new();
    for seat in [1, 2] {
        let mut connection = MySqlConnection::connect(cluster.database()).await.expect("the database");
        ask(&mut connection, "BEGIN".to_owned()).await.expect("begun");
        ask(&mut connection, claim(seat)).await.expect("nobody else has it");
        connections.push((connection, claim(3 - seat)));
    }
    let crossed = connections.iter_mut().map(|(connection, other)| ask(connection, other.clone()));
    let ended = join_all(crossed).await;
    let deadlocks = ended.iter().filter(|answer| answer.as_ref().is_err_and(is_deadlock)).count();
    assert_eq!(deadlocks, 1, "{ended:?}");
}

async fn ask(connection: &mut MySqlConnection, sql: String) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(connection).await.map(drop)
}

fn is_deadlock(error: &sqlx::Error) -> bool {
    error.to_string().contains("Deadlock")
}
