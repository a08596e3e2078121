//! Holds beside a storm of log-ins: how much of its speed the sale keeps while many more want to log in than can be hashed.
//! Once with hashing that gives way, as by default, and once with hashing that takes a fair share of the processors.

use std::net::SocketAddr;
use std::thread::{JoinHandle, spawn};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use frontrow_rehearsal::{Next, Plan, Report, Request, Spread, Step, run};

use crate::house::House;
use crate::measure::{Options, WITH_WARM_UP, run_once};
use crate::sale::{Kind, Night, Sale};

const NAME: &str = "POST /reservations beside a storm of log-ins";
/// Log-ins a second: ten times what one thread can hash.
const LOG_INS_PER_SECOND: f64 = 500.0;
const LOG_IN_CONNECTIONS: usize = 128;
/// As costly as they are outside of tests, and from one address as many as there are.
const SETTINGS: [(&str, &str); 4] = [
    ("FRONTROW__AUTH__ARGON2_MEMORY_KIB", "19456"),
    ("FRONTROW__AUTH__ARGON2_ITERATIONS", "2"),
    ("FRONTROW__AUTH__LOGIN_ATTEMPTS_PER_ADDRESS", "1000000"),
    ("FRONTROW__AUTH__LOGIN_ATTEMPTS_PER_ACCOUNT", "1000000"),
];

pub(crate) fn bench(options: &Options) -> Result<()> {
    if options.shared.is_some() || !options.wants(NAME) {
        return Ok(());
    }
    println!("\n{LOG_INS_PER_SECOND} log-ins a second beside holds");
    println!(
        "\n| nice value | connections | holds/s alone | beside the storm | ratio | log-ins/s hashed | refused/s |"
    );
    println!("|---|---|---|---|---|---|---|");
    for niceness in ["10", "0"] {
        let mut settings = SETTINGS.to_vec();
        settings.push(("FRONTROW__AUTH__HASHING_NICENESS", niceness));
        let house = House::open_with(options, &settings)?;
        let mut night = Night::prepare(&house)?;
        for &connections in &options.connections {
            row(&house, &mut night, niceness, connections, options)?;
        }
        house.close()?;
    }
    Ok(())
}

fn row(
    house: &House,
    night: &mut Night,
    niceness: &str,
    connections: usize,
    options: &Options,
) -> Result<()> {
    let (mut quiet, mut stormy, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    let (mut hashed, mut refused) = (Vec::new(), Vec::new());
    for _ in 0..options.runs {
        let mut holds = Sale { night, kind: Kind::Hold };
        let alone = run_once(&house.addresses(), &mut holds, connections, options)?.rate();
        let storm = begin(house.address(), house.host.clone(), options.seconds * WITH_WARM_UP);
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
    }
    let spread = |figures: &Vec<f64>| Spread::of(figures.iter().copied()).context("no runs");
    println!(
        "| {niceness} | {connections} | {:.0} | {:.0} | {:.2} | {:.0} | {:.0} |",
        spread(&quiet)?,
        spread(&stormy)?,
        spread(&ratios)?,
        spread(&hashed)?,
        spread(&refused)?
    );
    Ok(())
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
