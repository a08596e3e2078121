//! Holds beside a storm of log-ins: how much of its speed the sale keeps while many more want to log in than can be hashed.
//! With hashing that gives way, as by default; with hashing that never rests; and with hashes that cost nothing, which shows
//! what the requests alone take: all of them are the same but for the hash.

use std::net::SocketAddr;
use std::thread::{JoinHandle, park_timeout, spawn};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use frontrow_rehearsal::floor::FloorAnswer;
use frontrow_rehearsal::{Next, Plan, Report, Request, Spread, Step, run};

use crate::house::House;
use crate::measure::{Options, WITH_WARM_UP, run_once};
use crate::sale::{Kind, Night, Sale};

const NAME: &str = "POST /reservations beside a storm of log-ins";
/// Log-ins a second: many times what one thread can hash.
const LOG_INS_PER_SECOND: f64 = 500.0;
const LOG_IN_CONNECTIONS: usize = 128;
/// From one address as many as there are.
const SETTINGS: [(&str, &str); 2] = [
    ("FRONTROW__AUTH__LOGIN_ATTEMPTS_PER_ADDRESS", "1000000"),
    ("FRONTROW__AUTH__LOGIN_ATTEMPTS_PER_ACCOUNT", "1000000"),
];
/// As costly as they are outside of tests.
const COSTLY: [(&str, &str); 2] =
    [("FRONTROW__AUTH__ARGON2_MEMORY_KIB", "19456"), ("FRONTROW__AUTH__ARGON2_ITERATIONS", "2")];
/// As if nobody sold.
const WITHOUT_REST: (&str, &str) = ("FRONTROW__AUTH__HASHING_MIN_PER_SECOND", "1000");
/// What hashing does in each row.
const ROWS: [(&str, &[(&str, &str)]); 3] = [
    ("gives way", &COSTLY),
    ("never rests", &[COSTLY[0], COSTLY[1], WITHOUT_REST]),
    ("costs nothing", &[WITHOUT_REST]),
];

pub(crate) fn bench(options: &Options) -> Result<()> {
    if options.shared.is_some() || !options.wants(NAME) {
        return Ok(());
    }
    println!("\n{LOG_INS_PER_SECOND} log-ins a second beside holds");
    println!(
        "\n| hashing | connections | holds/s alone | beside the storm | ratio | log-ins/s hashed | refused/s | giving way |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    for (what, settings) in ROWS {
        let settings = [&SETTINGS, settings].concat();
        let house = House::open_with(options, &settings)?;
        let mut night = Night::prepare(&house)?;
        for &connections in &options.connections {
            row(&house, &mut night, what, connections, options)?;
        }
        house.close()?;
    }
    Ok(())
}

fn row(house: &House, night: &mut Night, what: &str, connections: usize, options: &Options) -> Result<()> {
    let (mut quiet, mut stormy, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    let (mut hashed, mut refused, mut giving_way) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..options.runs {
        night.refill(house)?;
        let mut holds = Sale { night, kind: Kind::Hold };
        house.settle()?;
        let alone = run_once(&house.addresses(), &mut holds, connections, options)?.rate();
        let seconds = options.seconds * WITH_WARM_UP;
        house.settle()?;
        let storm = begin(house.address(), house.host.clone(), seconds);
        let way = look(house.address(), house.host.clone(), seconds);
        let beside = run_once(&house.addresses(), &mut holds, connections, options)?.rate();
        let storm = storm.join().map_err(|_| anyhow!("the storm panicked"))??;
        let per_second = |status: u16| {
            let count = storm.statuses().get(&status).copied().unwrap_or(0);
            count as f64 / (options.seconds * WITH_WARM_UP)
        };
        quiet.push(alone);
        stormy.push(beside);
        ratios.push(beside / alone);
        hashed.push(per_second(401));
        refused.push(per_second(503));
        giving_way.push(way.join().map_err(|_| anyhow!("the look panicked"))??);
    }
    let spread = |figures: &Vec<f64>| Spread::of(figures.iter().copied()).context("no runs");
    println!(
        "| {what} | {connections} | {:.0} | {:.0} | {:.2} | {:.0} | {:.0} | {:.2} |",
        spread(&quiet)?,
        spread(&stormy)?,
        spread(&ratios)?,
        spread(&hashed)?,
        spread(&refused)?,
        spread(&giving_way)?
    );
    Ok(())
}

/// How far what can wait gives way in the middle of a run.
fn look(address: SocketAddr, host: String, seconds: f64) -> JoinHandle<Result<f64>> {
    spawn(move || {
        park_timeout(Duration::from_secs_f64(seconds / 2.0));
        let request = Request::get(&host, "/metrics").to_bytes();
        let answer = FloorAnswer::sampled(address, &request)?.context("no metrics")?;
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        let line = text.lines().find_map(|line| line.strip_prefix("frontrow_giving_way_ratio "));
        Ok(line.context("frontrow_giving_way_ratio is not shown")?.trim().parse()?)
    })
}

/// Log-ins with passwords that nobody has, at their pace, whatever the server does.
fn begin(address: SocketAddr, host: String, seconds: f64) -> JoinHandle<Result<Report>> {
    spawn(move || {
        let mut number = 0_u64;
        let mut script = |_connection: usize, buffer: &mut Vec<u8>| {
            number += 1;
            let body = format!("{{\"email\":\"fan{number}@example.test\",\"password\":\"not this one\"}}");
            Request::post(&host, "/api/v1/auth/login", body.as_bytes()).write(buffer);
            Next::Send(Step(0))
        };
        let plan = Plan::new(address, LOG_IN_CONNECTIONS)
            .open(LOG_INS_PER_SECOND)
            .duration(Duration::from_secs_f64(seconds))
            .timeout(Duration::from_secs(30));
        Ok(run(&plan, &mut script)?)
    })
}
