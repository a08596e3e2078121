//! What the indexes are for: a MariaDB of two million schedules, more than ten million seats and over a million
//! reservations, asked by this store's queries, with its composite indexes and without them.
//!
//! `cargo run --release -p frontrow-store-mysql --example index_report -- [schedules] [reservations]`
//!
//! It starts a MariaDB of its own, takes minutes to fill it, and prints tables for `docs/performance.md`. Statements are
//! those that the server's log has of each query, so they are what the store sends, to the letter.

#![expect(clippy::print_stdout, reason = "a report is printed")]

mod fill;
mod queries;
mod statements;

use std::sync::Arc;
use std::time::Instant;

use frontrow_store_mysql::{MysqlStore, Options};
use frontrow_testkit::services::OwnServer;
use frontrow_testkit::{ManualClock, Opened, Stage};
use sqlx::{AssertSqlSafe, Connection as _, MySqlConnection};

use queries::QUERIES;
use statements::{Log, Plain};

/// How often a query is timed; the first time does not count.
const RUNS: usize = 5;
/// Settings of a server for this and nothing else. What it is filled with need not outlast the power.
const SETTINGS: [&str; 5] = [
    "--innodb-buffer-pool-size=2G",
    "--innodb-flush-log-at-trx-commit=0",
    "--innodb-doublewrite=OFF",
    "--log-output=TABLE",
    "--innodb-log-file-size=512M",
];
/// The indexes that are taken away: all that serve queries, and no guard.
const INDEXES: &[(&str, &str)] = &[
    ("account", "account_changed"),
    ("schedule", "schedule_by_concert"),
    ("schedule", "schedule_by_booking"),
    ("schedule", "schedule_by_opening"),
    ("schedule", "schedule_cancelled"),
    ("reservation", "reservation_by_fan"),
    ("reservation", "reservation_by_schedule"),
    ("reservation", "reservation_by_state"),
    ("reservation", "reservation_by_status"),
    ("payment", "payment_by_fan"),
    ("payment", "payment_by_schedule"),
    ("payment", "payment_by_time"),
    ("refund", "refund_by_schedule"),
    ("refund", "refund_by_fan"),
    ("ticket", "ticket_by_schedule"),
];

#[tokio::main]
async fn main() {
    let numbers: Vec<u64> = std::env::args().filter_map(|text| text.parse().ok()).collect();
    let size = fill::Size {
        schedules: numbers.first().copied().unwrap_or(2_000_000),
        reservations: numbers.get(1).copied().unwrap_or(1_200_000),
    };
    let server = tokio::task::block_in_place(|| OwnServer::mariadb_with(&SETTINGS));
    let mut connection = MySqlConnection::connect(&server.url()).await.expect("the server is there");
    run(&mut connection, "CREATE DATABASE report").await;
    let url = format!("{}/report", server.url());
    let clock = ManualClock::default();
    let store = MysqlStore::open(Options::new(&url, Arc::new(clock.clone()))).await.expect("the store opens");
    let reads = Arc::new(store.reads());
    let upkeep = Arc::<MysqlStore>::clone(&store);
    let stage = Stage::over(Opened { store, reads, upkeep }, clock, |_| {});
    let mut plain = Plain::connect(&url).await;
    let begun = Instant::now();
    fill::fill(&stage, &mut plain, size).await;
    println!("filled in {:.0} s\n", begun.elapsed().as_secs_f64());
    fill::print_sizes(&mut plain).await;

    println!("\n| query | rows | with its indexes, ms | without, ms |\n|---|---|---|---|");
    let mut plans = String::new();
    let mut asked = Vec::new();
    for query in QUERIES {
        let log = Log::begin(&mut plain).await;
        let rows = (query.ask)(&stage, size).await;
        let statements = log.end(&mut plain).await;
        let mut times = Vec::new();
        for _ in 0..RUNS {
            let begun = Instant::now();
            (query.ask)(&stage, size).await;
            times.push(begun.elapsed().as_secs_f64() * 1_000.0);
        }
        times.sort_by(f64::total_cmp);
        eprintln!("{}: {rows} rows, {:.2} ms", query.name, times[times.len() / 2]);
        plans += &plain.explain("with", query.name, &statements).await;
        asked.push((query.name, rows, times[times.len() / 2], statements));
    }
    for (table, index) in INDEXES {
        plain.run(&format!("ALTER TABLE {table} ALTER INDEX {index} IGNORED")).await;
    }
    for (name, rows, with, statements) in asked {
        let without = plain.time_without_hints(&statements).await;
        println!("| {name} | {rows} | {with:.2} | {without} |");
        plans += &plain.explain("without", name, &statements).await;
    }
    println!(
        "\n| query | indexes | table | access | index | rows looked at | besides |\n|---|---|---|---|---|---|---|"
    );
    println!("{plans}");
}

async fn run(connection: &mut MySqlConnection, sql: &str) {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(connection).await.expect("done");
}
