//! Ways to sell a seat once on one database, side by side in one run: five that give every request a transaction of its
//! own, and the box office with its groups.
//!
//! `cargo bench --bench locking -- [runs]`, with `FRONTROW_TEST_MYSQL_URL` and `FRONTROW_TEST_REDIS_URL` set
//! (`make services`). All are in this process, on one MariaDB with as many connections each, and do a durable hold: the
//! seat, a reservation and an event. Ours has its idempotency keys and its log of seat changes on top. After every run
//! the tables are looked at: one winner of one seat, a winner of every seat, and a row each of what belongs to it. What is
//! wrong ends the benchmark.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]
#![expect(clippy::disallowed_methods, reason = "where the servers are comes from the environment")]

mod ours;
mod strategies;

use std::time::{Duration, Instant};

use sqlx::{AssertSqlSafe, Connection as _, MySqlConnection};
use strategies::{OneByOne, Way};

const DATABASE: &str = "frontrow_bench_locking";
/// How many ask at once.
const USERS: [u32; 4] = [10, 100, 1_000, 5_000];
/// Connections of each way.
const CONNECTIONS: u32 = 16;
/// Runs that count, unless another number is asked for.
const RUNS: usize = 5;

/// What all users of a run want.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    OneSeat,
    DifferentSeats,
}

impl Wanted {
    /// The seat of a user.
    pub(crate) const fn seat(self, user: u32) -> u32 {
        match self {
            Self::OneSeat => 1,
            Self::DifferentSeats => user + 1,
        }
    }

    /// How many may win.
    pub(crate) const fn winners(self, users: u32) -> u32 {
        match self {
            Self::OneSeat => 1,
            Self::DifferentSeats => users,
        }
    }
}

/// The columns of the tables: how each is called, and what it does.
const NAMES: [(&str, &str); 6] = [
    ("pessimistic", "SELECT … FOR UPDATE, then the writes"),
    ("optimistic", "UPDATE … WHERE version = what was read, again when somebody was faster"),
    ("conditional", "UPDATE … WHERE nobody has it"),
    ("Redis lock", "SET NX PX on Redis, refused where another has it; then as the first"),
    ("unique key", "INSERT of a claim"),
    ("Frontrow", "the box office on store-mysql: groups; idempotency and outbox on"),
];

fn main() {
    let mysql =
        std::env::var("FRONTROW_TEST_MYSQL_URL").expect("FRONTROW_TEST_MYSQL_URL says where MySQL is");
    let redis =
        std::env::var("FRONTROW_TEST_REDIS_URL").expect("FRONTROW_TEST_REDIS_URL says where Redis is");
    let runs = std::env::args().find_map(|text| text.parse().ok()).unwrap_or(RUNS);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(bench(&mysql, &redis, runs));
}

async fn bench(mysql: &str, redis: &str, runs: usize) {
    on_server(mysql, format!("DROP DATABASE IF EXISTS {DATABASE}; CREATE DATABASE {DATABASE}")).await;
    let url = format!("{}/{DATABASE}", mysql.trim_end_matches('/'));
    let ours = ours::Ours::open(&url).await;
    let others = OneByOne::open(&url, redis).await;
    println!(
        "{runs} runs of each after one that does not count, in turn; {CONNECTIONS} connections each; medians"
    );
    for (name, what) in NAMES {
        println!("- {name}: {what}");
    }
    for wanted in [Wanted::OneSeat, Wanted::DifferentSeats] {
        let names: Vec<&str> = NAMES.iter().map(|(name, _)| *name).collect();
        println!("\n| {wanted:?}, users | {} | best of the others : Frontrow |", names.join(" | "));
        println!("|---|{}---|", "---|".repeat(NAMES.len()));
        for users in USERS {
            let mut times = vec![Vec::new(); NAMES.len()];
            for run in 0..=runs {
                for (way, times) in times.iter_mut().enumerate() {
                    let took = match Way::ALL.get(way) {
                        Some(&way) => others.run(way, wanted, users).await,
                        None => ours.run(wanted, users).await,
                    };
                    if run > 0 {
                        times.push(took);
                    }
                }
            }
            print_row(wanted, users, times);
        }
    }
    drop((ours, others));
    on_server(mysql, format!("DROP DATABASE {DATABASE}")).await;
}

fn print_row(wanted: Wanted, users: u32, times: Vec<Vec<Duration>>) {
    let medians: Vec<f64> = times.into_iter().map(median_ms).collect();
    let cell = |ms: &f64| match wanted {
        Wanted::OneSeat => format!("{ms:.1} ms"),
        Wanted::DifferentSeats => format!("{:.0}/s ({ms:.1} ms)", f64::from(users) / ms * 1_000.0),
    };
    let cells: Vec<String> = medians.iter().map(cell).collect();
    let (ours, others) = medians.split_last().expect("there are ways");
    let best = others.iter().copied().fold(f64::INFINITY, f64::min);
    let ratios = format!("{:.1} (pessimistic: {:.1})", best / ours, medians[0] / ours);
    println!("| {users} | {} | {ratios} |", cells.join(" | "));
}

fn median_ms(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    times[times.len() / 2].as_secs_f64() * 1_000.0
}

/// Has every user ask at once, and answers how many won and how long it took until all were answered.
pub(crate) async fn rush<Fut>(users: u32, ask: impl Fn(u32) -> Fut) -> (u32, Duration)
where
    Fut: Future<Output = bool> + Send + 'static,
{
    let begun = Instant::now();
    let asked: Vec<_> = (0..users).map(|user| tokio::spawn(ask(user))).collect();
    let mut winners = 0;
    for answer in asked {
        winners += u32::from(answer.await.expect("a user does not panic"));
    }
    (winners, begun.elapsed())
}

async fn on_server(server: &str, sql: String) {
    let mut connection = MySqlConnection::connect(server).await.expect("the server is there");
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.expect("done");
}
