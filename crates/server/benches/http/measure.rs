//! Measuring a route and its floor in turn.

use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use frontrow_rehearsal::floor::{FloorAnswer, FloorProcess};
use frontrow_rehearsal::{Answer, Next, Plan, Repeat, Report, Script, Spread, Step, Then, run};

/// A run is so much longer than what is measured of it: the first 20 % are not.
pub(crate) const WITH_WARM_UP: f64 = 1.25;
/// Bytes of headers that the floor's answers have anyway.
const WRITTEN_ANYWAY: usize = 32;

/// How to measure, and what.
pub(crate) struct Options {
    pub(crate) seconds: f64,
    pub(crate) runs: usize,
    pub(crate) connections: Vec<usize>,
    /// Only the routes whose name contains this.
    pub(crate) only: String,
    /// How many wait while places are asked for.
    pub(crate) places: u64,
    /// The store and the line that servers share, and how many servers; nothing for the embedded ones.
    pub(crate) shared: Option<Shared>,
}

/// What servers share.
#[derive(Debug, Clone)]
pub(crate) struct Shared {
    /// A MySQL or MariaDB, without a database: each table gets one of its own.
    pub(crate) mysql: String,
    pub(crate) redis: String,
    /// How many servers.
    pub(crate) servers: usize,
}

impl Options {
    /// Whether a route of this name is to be measured.
    pub(crate) fn wants(&self, name: &str) -> bool {
        name.contains(&self.only)
    }

    /// The same with runs of this part of the time.
    pub(crate) fn share(&self, parts: usize) -> Self {
        Self {
            seconds: self.seconds / parts as f64,
            connections: self.connections.clone(),
            only: self.only.clone(),
            shared: self.shared.clone(),
            ..*self
        }
    }

    /// How long one route is measured in all, with every warm-up.
    pub(crate) fn whole_time(&self) -> Duration {
        let runs = self.runs * self.connections.len();
        Duration::from_secs_f64(self.seconds * WITH_WARM_UP * runs as f64)
    }

    /// One run, with its warm-up.
    pub(crate) fn plan(&self, addresses: &[SocketAddr], connections: usize) -> Plan {
        let (address, others) = addresses.split_first().expect("there is a server");
        Plan::new(*address, connections)
            .also(others)
            .duration(Duration::from_secs_f64(self.seconds * WITH_WARM_UP))
            .warm_up_percent(20)
            .timeout(Duration::from_secs(30))
    }
}

/// Requests of one kind, as the fans send them.
pub(crate) trait Route {
    /// What it is called in the table.
    fn name(&self) -> String;

    /// The status of every answer.
    fn expected(&self) -> u16;

    /// Writes the next request, and answers what it is about; nothing when there is nothing left to do.
    fn write(&mut self, buffer: &mut Vec<u8>) -> Option<usize>;

    /// Reads the answer to it, when that is what was expected.
    fn read(&mut self, about: usize, body: &[u8]) {
        let _ = (about, body);
    }
}

/// What the runs of one route have shown, one after the other.
#[derive(Default)]
pub(crate) struct Figures {
    pub(crate) floors: Vec<f64>,
    pub(crate) rates: Vec<f64>,
    /// Milliseconds.
    pub(crate) p50: Vec<f64>,
    /// Milliseconds.
    pub(crate) p99: Vec<f64>,
}

impl Figures {
    /// How much of its floor each run has reached.
    pub(crate) fn ratios(&self) -> Vec<f64> {
        self.rates.iter().zip(&self.floors).map(|(rate, floor)| rate / floor).collect()
    }

    /// The row of the table.
    pub(crate) fn print(&self, name: &str, connections: usize) -> Result<()> {
        let spread = |figures: &Vec<f64>| Spread::of(figures.iter().copied()).context("no runs");
        println!(
            "| {name} | {connections} | {:.0} | {:.0} | {:.2} | {:.1} | {:.1} |",
            spread(&self.floors)?,
            spread(&self.rates)?,
            spread(&self.ratios())?,
            spread(&self.p50)?,
            spread(&self.p99)?
        );
        Ok(())
    }
}

/// The head of the table that [`measure`] writes rows of.
pub(crate) fn print_head() {
    println!("\n| route | connections | floor/s | Frontrow/s | ratio | p50 ms | p99 ms |");
    println!("|---|---|---|---|---|---|---|");
}

/// Runs the routes in turn, each after its floor, and prints a row for each.
pub(crate) fn measure(
    addresses: &[SocketAddr],
    routes: &mut [&mut dyn Route],
    connections: usize,
    options: &Options,
) -> Result<Vec<Figures>> {
    let mut all: Vec<Figures> = routes.iter().map(|_| Figures::default()).collect();
    for _ in 0..options.runs {
        for (route, figures) in routes.iter_mut().zip(&mut all) {
            run_beside_floor(addresses, *route, connections, options, figures)?;
        }
    }
    for (route, figures) in routes.iter().zip(&all) {
        figures.print(&route.name(), connections)?;
    }
    Ok(all)
}

fn run_beside_floor(
    addresses: &[SocketAddr],
    route: &mut dyn Route,
    connections: usize,
    options: &Options,
    figures: &mut Figures,
) -> Result<()> {
    let name = route.name();
    let mut sample = Vec::new();
    let Some(about) = route.write(&mut sample) else {
        bail!("nothing is left for {name}: fewer runs, or shorter ones")
    };
    let answer =
        FloorAnswer::sampled(addresses[0], &sample)?.with_context(|| format!("{name}: no answer"))?;
    if answer.status != route.expected() {
        bail!("{name} answered {} {}", answer.status, String::from_utf8_lossy(&answer.body));
    }
    route.read(about, &answer.body);
    let floor = floor_report(&sample, &answer, |address| options.plan(&[address], connections))?;
    let report = run_once(addresses, route, connections, options)?;
    figures.floors.push(floor.rate());
    figures.rates.push(report.rate());
    figures.p50.push(report.latency().p50 as f64 / 1_000.0);
    figures.p99.push(report.latency().p99 as f64 / 1_000.0);
    Ok(())
}

/// One run of a route, of which nothing may be refused.
pub(crate) fn run_once(
    addresses: &[SocketAddr],
    route: &mut dyn Route,
    connections: usize,
    options: &Options,
) -> Result<Report> {
    let name = route.name();
    let mut script = Fans { route, refused: None };
    let report = run(&options.plan(addresses, connections), &mut script)?;
    check(&report, &name, script.refused.as_deref())?;
    Ok(report)
}

/// The floor with the bytes of this request and this answer.
pub(crate) fn floor_report(
    request: &[u8],
    answer: &FloorAnswer,
    plan: impl FnOnce(SocketAddr) -> Plan,
) -> Result<Report> {
    let header_bytes: usize =
        answer.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    let mut command = Command::new(std::env::current_exe()?);
    command.args([
        "--serve-floor",
        &header_bytes.saturating_sub(WRITTEN_ANYWAY).to_string(),
        &answer.body.len().to_string(),
    ]);
    let floor = FloorProcess::start(command)?;
    let line_end = request.iter().position(|&byte| byte == b'\r').context("no request line")?;
    let method = if request.starts_with(b"GET") { "GET" } else { "POST" };
    let mut same = format!("{method} /floor HTTP/1.1").into_bytes();
    same.extend_from_slice(&request[line_end..]);
    let report = run(&plan(floor.address()), &mut Repeat::new(same))?;
    if report.errors().total() > 0 || report.statuses().keys().any(|status| *status != 200) {
        bail!("the floor did not answer cleanly:\n{report}");
    }
    Ok(report)
}

/// Nothing was refused, and nothing was lost.
pub(crate) fn check(report: &Report, name: &str, refused: Option<&str>) -> Result<()> {
    if let Some(refused) = refused {
        bail!("{name} answered {refused}");
    }
    if report.errors().total() > 0 {
        bail!("{name}: {report}");
    }
    Ok(())
}

/// What an answer says, for the eye.
pub(crate) fn shown(answer: &Answer<'_>) -> String {
    format!("{} {}", answer.status, String::from_utf8_lossy(answer.body))
}

/// All fans doing one thing.
struct Fans<'a> {
    route: &'a mut dyn Route,
    refused: Option<String>,
}

impl Script for Fans<'_> {
    fn next(&mut self, _connection: usize, buffer: &mut Vec<u8>) -> Next {
        self.route.write(buffer).map_or(Next::Done, |about| Next::Send(Step(about)))
    }

    fn steps(&self) -> Vec<String> {
        Vec::new()
    }

    fn answered(&mut self, _connection: usize, about: Step, answer: &Answer<'_>) -> Then {
        if answer.status == self.route.expected() {
            self.route.read(about.0, answer.body);
        } else if self.refused.is_none() {
            self.refused = Some(shown(answer));
        }
        Then::Free
    }
}
