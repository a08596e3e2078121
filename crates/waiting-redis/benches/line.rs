//! What the waiting room on Redis takes: joins, questions and ticks, by the number of fans in line.
//!
//! `cargo bench -p frontrow-waiting-redis --bench line -- [redis url] [fans] [who ask at once]`
//!
//! Beside the figures stands their floor, which travels between machines as they do not: `INCR` on the same Redis, as
//! many at once on one connection.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use frontrow_application::waiting_room::{LinePolicy, Newcomer, Pass, WaitingRoom};
use frontrow_domain::catalog::WaitingRoomSettings;
use frontrow_domain::queue::RoomState;
use frontrow_domain::{ConcertId, EntryId, UserId};
use frontrow_waiting_redis::{RedisLine, RedisSettings};
use futures_util::future::join_all;
use uuid::Uuid;

const CONCERT: ConcertId = ConcertId::new(1);
/// How many questions a round asks.
const QUESTIONS: u64 = 200_000;
const TICKS: u32 = 500;

fn newcomer(number: u64) -> Newcomer {
    let scattered = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let id = |half| Uuid::from_u64_pair(half, scattered);
    Newcomer { user: UserId::new(id(!scattered)), entry: EntryId::new(id(scattered)) }
}

/// Runs `count` of something, so many at once, each beginning as soon as one before it has ended. Answers how many a
/// second.
async fn rate_of<T, F>(count: u64, at_once: u64, what: impl Fn(u64) -> F) -> (f64, Vec<T>)
where
    F: Future<Output = T> + Send + 'static,
    T: Send + 'static,
{
    let begun = Instant::now();
    let what = &what;
    let mut all: Vec<T> = Vec::new();
    let tasks = (0..at_once).map(|task| {
        let step = usize::try_from(at_once).expect("few");
        let jobs: Vec<_> = (task..count).step_by(step).map(what).collect();
        tokio::spawn(async move {
            let mut done = Vec::with_capacity(jobs.len());
            for job in jobs {
                done.push(job.await);
            }
            done
        })
    });
    for task in join_all(tasks).await {
        all.extend(task.expect("no panic"));
    }
    (count as f64 / begun.elapsed().as_secs_f64(), all)
}

async fn floor(url: &str, at_once: u64) -> f64 {
    let client = redis::Client::open(url).expect("an address");
    let connection = client.get_multiplexed_async_connection().await.expect("Redis answers");
    let (rate, _) = rate_of(QUESTIONS, at_once, |_| {
        let mut connection = connection.clone();
        async move {
            let _: i64 = redis::cmd("INCR")
                .arg("frontrow-bench-floor")
                .query_async(&mut connection)
                .await
                .expect("answered");
        }
    })
    .await;
    rate
}

fn used_memory(url: &str) -> u64 {
    let client = redis::Client::open(url).expect("an address");
    let mut connection = client.get_connection().expect("Redis answers");
    let info: String = redis::cmd("INFO").arg("memory").query(&mut connection).expect("answered");
    let line = info.lines().find_map(|line| line.strip_prefix("used_memory:")).expect("it is told");
    line.trim().parse().expect("a number")
}

async fn measure(url: &str, fans: u64, at_once: u64) {
    let mut settings = RedisSettings::new(url).expect("an address");
    settings.prefix = format!("bench-{}-{fans}", std::process::id());
    settings.answer_timeout = Duration::from_secs(20);
    let line = RedisLine::open(settings).expect("good settings");
    let policy = |cap| LinePolicy {
        settings: WaitingRoomSettings {
            enabled: true,
            max_active: cap,
            admit_per_second_milli: 140_000,
            session_seconds: 300,
            claim_seconds: 60,
            presence_seconds: 600,
            lobby_opens_at: None,
        },
        state: RoomState::Open,
        hold_seconds: 300,
        seats_left: 1_000_000,
    };
    line.tick(CONCERT, policy(0)).await.expect("answered");
    let before = used_memory(url);
    let (joins, passes) = rate_of(fans, at_once, |number| {
        let line = Arc::clone(&line);
        async move {
            let joined = line.join(CONCERT, newcomer(number), Ok(())).await.expect("answered");
            Pass::of(&joined.expect("not refused").standing.place)
        }
    })
    .await;
    let bytes = (used_memory(url) - before) / fans;
    let passes = Arc::new(passes);
    let (polls, _) = rate_of(QUESTIONS, at_once, |number| {
        let (line, passes) = (Arc::clone(&line), Arc::clone(&passes));
        async move {
            let index = usize::try_from(number.wrapping_mul(7_919) % fans).expect("small");
            line.standing(passes[index]).await.expect("answered").expect("known");
        }
    })
    .await;
    let (alone, _) = rate_of(5_000, 1, |number| {
        let (line, passes) = (Arc::clone(&line), Arc::clone(&passes));
        async move {
            let index = usize::try_from(number.wrapping_mul(7_919) % fans).expect("small");
            line.standing(passes[index]).await.expect("answered").expect("known");
        }
    })
    .await;
    let begun = Instant::now();
    for _ in 0..TICKS {
        line.tick(CONCERT, policy(1_000_000)).await.expect("answered");
    }
    let tick = begun.elapsed() / TICKS;
    println!(
        "{fans} fans, {at_once} at once: {joins:.0} joins/s, {polls:.0} questions/s, {alone:.0} one after the other, \
         a tick {tick:?}, {bytes} bytes a fan in Redis"
    );
}

#[tokio::main]
async fn main() {
    // Cargo says that it is a benchmark.
    let mut args = std::env::args().skip(1).filter(|arg| arg != "--bench");
    let url = args.next().unwrap_or_else(|| "redis://127.0.0.1:6379".to_owned());
    let fans = args.next().and_then(|arg| arg.parse().ok()).unwrap_or(200_000);
    let at_once = args.next().and_then(|arg| arg.parse().ok()).unwrap_or(512);
    println!("floor: {:.0} INCR/s, {at_once} at once on one connection", floor(&url, at_once).await);
    for fans in [1_000, fans] {
        measure(&url, fans, at_once).await;
    }
}
