//! How fast the floor is, and what the generator costs.
//!
//! Runs `GET /floor` and `POST /floor` at several numbers of connections against a floor server in another
//! process (this program, started again with `--serve-floor`) and prints medians with lowest and highest.
//!
//! `cargo bench -p frontrow-rehearsal --bench floor -- [--seconds 3] [--runs 3] [--connections 64,256,512]
//! [--header-bytes 60] [--body-bytes 600] [--open 20000]`

use std::io::{self, Write};
use std::process::Command;
use std::time::Duration;
use std::{env, fs, thread};

use anyhow::{Context, Result, bail};
use frontrow_rehearsal::floor::{Floor, FloorAnswer, FloorProcess, announce_and_serve};
use frontrow_rehearsal::{Plan, Repeat, Report, Request, Spread, run};

/// As many bytes as a fan's headers have: two tokens and a key.
const HEADERS: [(&str, &str); 3] = [
    (
        "authorization",
        concat!(
            "Bearer ",
            "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
        ),
    ),
    ("queue-token", "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"),
    ("idempotency-key", "01890a5d-ac96-774b-bcce-b302099a8057"),
];
const HOLD: &[u8] = br#"{"scheduleId":1,"seats":[12345]}"#;

struct Options {
    serve_floor: bool,
    seconds: f64,
    runs: usize,
    connections: Vec<usize>,
    header_bytes: usize,
    body_bytes: usize,
    /// Arrivals a second of an open loop, instead of a closed one.
    open: Option<f64>,
}

fn main() -> Result<()> {
    let options = Options::parse(env::args().skip(1))?;
    if options.serve_floor {
        let answer = FloorAnswer::sized(options.header_bytes, options.body_bytes);
        return Ok(announce_and_serve(Floor { post: answer.clone(), get: answer })?);
    }
    let mut out = io::stdout().lock();
    let cores = thread::available_parallelism()?;
    writeln!(
        out,
        "{cores} cores; {} runs of {} s each after 20 % warm-up; answers of {} header and {} body bytes",
        options.runs, options.seconds, options.header_bytes, options.body_bytes
    )?;
    let pace =
        options.open.map_or("closed loop".to_owned(), |rate| format!("open loop, {rate} arrivals a second"));
    writeln!(out, "{pace}, median (lowest–highest); CPU is per answer, times in µs\n")?;
    writeln!(out, "| route | connections | requests/s | p50 | p99 | generator CPU | server CPU |")?;
    writeln!(out, "|---|---|---|---|---|---|---|")?;
    for &connections in &options.connections {
        for method in ["GET", "POST"] {
            let mut runs = Vec::new();
            for _ in 0..options.runs {
                runs.push(measure(&options, method, connections)?);
            }
            let spread = |figure: fn(&Run) -> f64| Spread::of(runs.iter().map(figure)).context("no runs");
            writeln!(
                out,
                "| {method} | {connections} | {:.0} | {:.0} | {:.0} | {:.1} | {:.1} |",
                spread(|run| run.report.rate())?,
                spread(|run| micros(run.report.latency().p50))?,
                spread(|run| micros(run.report.latency().p99))?,
                spread(|run| run.report.generator_cpu_per_request().as_secs_f64() * 1e6)?,
                spread(|run| run.server_cpu_micros)?,
            )?;
            out.flush()?;
        }
    }
    Ok(())
}

struct Run {
    report: Report,
    server_cpu_micros: f64,
}

fn measure(options: &Options, method: &str, connections: usize) -> Result<Run> {
    let mut command = Command::new(env::current_exe()?);
    command.arg("--serve-floor");
    command.args(["--header-bytes", &options.header_bytes.to_string()]);
    command.args(["--body-bytes", &options.body_bytes.to_string()]);
    let floor = FloorProcess::start(command)?;
    let host = floor.address().to_string();
    let request = match method {
        "GET" => Request::get(&host, "/floor"),
        _ => Request::post(&host, "/floor", HOLD),
    };
    let request = request.headers(&HEADERS).to_bytes();
    let duration = Duration::from_secs_f64(options.seconds * 1.25);
    let plan = Plan::new(floor.address(), connections).duration(duration).warm_up_percent(20);
    let plan = options.open.map_or(plan.clone(), |rate| plan.open(rate));
    let report = run(&plan, &mut Repeat::new(request))?;
    if report.errors().total() > 0 || report.statuses().keys().any(|status| *status != 200) {
        bail!("the floor did not answer cleanly:\n{report}");
    }
    // Warm-up included on both sides of the division.
    let answers = micros(report.requests()) / 0.8;
    Ok(Run { report, server_cpu_micros: process_cpu(floor.id()).unwrap_or(f64::NAN) * 1e6 / answers })
}

/// Seconds of CPU that the process has taken. Linux counts them in hundredths.
fn process_cpu(id: u32) -> Option<f64> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // Fields 14 and 15; the second, the name in parentheses, may hold spaces.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let user: f64 = fields.next()?.parse().ok()?;
    let system: f64 = fields.next()?.parse().ok()?;
    Some((user + system) / 100.0)
}

#[expect(clippy::cast_precision_loss, reason = "figures for people")]
fn micros(figure: u64) -> f64 {
    figure as f64
}

impl Options {
    fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self> {
        let mut options = Self {
            serve_floor: false,
            seconds: 3.0,
            runs: 3,
            connections: vec![64, 256, 512],
            header_bytes: 60,
            body_bytes: 600,
            open: None,
        };
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().with_context(|| format!("{argument} needs a value"));
            match argument.as_str() {
                // Cargo adds it.
                "--bench" => {}
                "--serve-floor" => options.serve_floor = true,
                "--seconds" => options.seconds = value()?.parse()?,
                "--runs" => options.runs = value()?.parse()?,
                "--connections" => {
                    options.connections = value()?.split(',').map(str::parse).collect::<Result<_, _>>()?;
                }
                "--open" => options.open = Some(value()?.parse()?),
                "--header-bytes" => options.header_bytes = value()?.parse()?,
                "--body-bytes" => options.body_bytes = value()?.parse()?,
                other => bail!("unknown argument {other}; see the top of benches/floor.rs"),
            }
        }
        Ok(options)
    }
}
