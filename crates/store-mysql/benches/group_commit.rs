//! How many durable holds a second the box office commits on MySQL or MariaDB, in process: no HTTP, no authentication.
//!
//! `FRONTROW_TEST_MYSQL_URL=… cargo bench -p frontrow-store-mysql --bench group_commit -- [seconds] [schedules] [workers]`
//!
//! It makes a database of its own and drops it. `same-seat` has everybody want the same seat; `pay` has everybody pay for the
//! seat at once, which counts as one answer.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]
#![expect(clippy::disallowed_methods, reason = "where the server is comes from the environment")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use frontrow_application::OnceTag;
use frontrow_application::reservation::{HoldRequest, Wanted};
use frontrow_domain::{SeatNo, UserId};
use frontrow_store_mysql::{MysqlStore, Options};
use frontrow_testkit::{ManualClock, Opened, Stage};
use sqlx::{AssertSqlSafe, Connection as _, MySqlConnection};

const DATABASE: &str = "frontrow_bench";
const SEATS: u64 = 60_000;
const FANS: u32 = 4_000;

/// What is measured.
#[derive(Clone, Copy)]
struct Plan {
    time: Duration,
    schedules: u64,
    workers: usize,
    is_one_seat: bool,
    is_paid: bool,
}

fn main() {
    let server =
        std::env::var("FRONTROW_TEST_MYSQL_URL").expect("FRONTROW_TEST_MYSQL_URL says where the server is");
    let numbers: Vec<u64> = std::env::args().filter_map(|text| text.parse().ok()).collect();
    let plan = Plan {
        time: Duration::from_secs(numbers.first().copied().unwrap_or(4)),
        schedules: numbers.get(1).copied().unwrap_or(1),
        workers: usize::try_from(numbers.get(2).copied().unwrap_or(8)).unwrap_or(8),
        is_one_seat: std::env::args().any(|text| text == "same-seat"),
        is_paid: std::env::args().any(|text| text == "pay"),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("runtime");
    println!(
        "holds of one seat each with a key{}, {}, {} schedules, {} workers",
        if plan.is_paid { ", and their payments" } else { "" },
        if plan.is_one_seat { "all of one seat" } else { "all different" },
        plan.schedules,
        plan.workers
    );
    for in_flight in [1, 64, 256, 1_024] {
        runtime.block_on(run(&server, in_flight, plan));
    }
}

async fn on_server(server: &str, sql: String) {
    let mut connection = MySqlConnection::connect(server).await.expect("the server is there");
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.expect("done");
}

async fn run(server: &str, in_flight: usize, plan: Plan) {
    on_server(server, format!("DROP DATABASE IF EXISTS {DATABASE}; CREATE DATABASE {DATABASE}")).await;
    let clock = ManualClock::default();
    let url = format!("{}/{DATABASE}", server.trim_end_matches('/'));
    let store = MysqlStore::open(Options::new(&url, Arc::new(clock.clone()))).await.expect("store");
    let upkeep = Arc::<MysqlStore>::clone(&store);
    let opened = Opened { reads: Arc::new(store.reads()), upkeep, store };
    let stage = Stage::over(opened, clock, |settings| settings.box_office.workers = plan.workers);
    let mut schedules = Vec::new();
    for _ in 0..plan.schedules {
        let seats = u32::try_from(SEATS).expect("a hall");
        schedules.push(stage.a_schedule().seats(seats).make().await);
    }
    // Each fan buys one seat of every schedule, so that the limits of the rules stand in nobody's way.
    let fans = if plan.is_paid { stage.fans(FANS, 10_000_000).await } else { Vec::new() };
    let fans = Arc::new(fans);
    let (schedules, next) = (Arc::new(schedules), Arc::new(AtomicU64::new(0)));
    let begun = Instant::now();
    let tasks: Vec<_> = (0..in_flight)
        .map(|_| {
            let (app, schedules, next) = (Arc::clone(&stage.app), Arc::clone(&schedules), Arc::clone(&next));
            let fans = Arc::clone(&fans);
            tokio::spawn(async move {
                let (mut answered, mut held) = (0_u64, 0_u64);
                while begun.elapsed() < plan.time {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let schedule = schedules[usize::try_from(number % plan.schedules).unwrap_or(0)];
                    let seat = if plan.is_one_seat { 0 } else { number / plan.schedules };
                    if seat >= SEATS {
                        break;
                    }
                    let seat = SeatNo::new(u32::try_from(seat).unwrap_or(0) + 1);
                    let user = if plan.is_paid {
                        let turn = usize::try_from(number / plan.schedules).unwrap_or(0);
                        let Some(&fan) = fans.get(turn) else { break };
                        fan
                    } else {
                        UserId::new(app.draw_id())
                    };
                    let request = HoldRequest { schedule, seats: Wanted::Numbers(vec![seat]) };
                    let tag = OnceTag::new(user, "key", &[&number.to_le_bytes()]);
                    let answer = app.hold(user, request, Some(tag)).await;
                    if let (Ok(answer), true) = (&answer, plan.is_paid) {
                        let tag = OnceTag::new(user, "pay", &[&number.to_le_bytes()]);
                        app.pay(user, answer.outcome.0.id, Some(tag)).await.expect("paid");
                    }
                    held += u64::from(answer.is_ok());
                    answered += 1;
                }
                (answered, held)
            })
        })
        .collect();
    let (mut answered, mut held) = (0, 0);
    for task in tasks {
        let (more_answered, more_held) = task.await.expect("task");
        answered += more_answered;
        held += more_held;
    }
    let elapsed = begun.elapsed().as_secs_f64();
    println!(
        "{in_flight:>6} in flight: {:>9.0} answers/s, {:>9.0} holds/s ({held} in {elapsed:.1} s)",
        answered as f64 / elapsed,
        held as f64 / elapsed
    );
    drop(stage);
    on_server(server, format!("DROP DATABASE {DATABASE}")).await;
}
