//! `frontrow rehearse`: the night of a sale before it happens, on servers that are thrown away afterwards; on one that is
//! there only when told ([`live`]).
//!
//! The crowd and the judgement are in `frontrow-rehearsal`; here is what it takes to let it loose: the concert
//! ([`concert`]), servers of its own in processes of their own ([`scratch`], [`shared`]), what the crowd has to know before
//! it comes ([`prepare`]), and what is told while it goes on ([`progress`]) and afterwards ([`told`]). Nothing is ever written
//! to the store that a concert is copied from, and no fan of it is touched.

mod concert;
mod live;
mod prepare;
mod progress;
mod scratch;
mod servers;
mod shared;
mod told;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;
use frontrow_application::Clock as _;
use frontrow_rehearsal::night::{Audit, Crew, Crowd, Curve, LogIn, Night, Outcome, Sale, Targets, Verdict};
use frontrow_rehearsal::{Plan, run as fire};
use tokio::signal::unix::{SignalKind, signal};

use self::concert::Source;
use self::live::LiveArguments;
use self::prepare::Prepared;
use self::progress::Progress;
use self::scratch::Scratch;
use self::servers::Servers;
use self::shared::{ClusterArguments, Shared};
use self::told::Ground;
use super::answer;
use crate::adapters::clock::SystemClock;
use crate::config::Config;
use crate::open_files;

/// A request that takes longer has no answer: fans have reloaded the page by then.
const TIMEOUT: Duration = Duration::from_secs(30);
/// How long after the last arrival the night is over in any case, unless it is said otherwise. Seconds.
const LIMIT_AFTER: u64 = 1_800;

const EXAMPLES: &str = "\
Examples:
  frontrow rehearse                                          10,000 fans on an arena with 15,000 seats
  frontrow rehearse --fans 50000 --html report.html          the same with more, and a report for people
  frontrow rehearse --plan plans/example-theatre.json        a concert as `frontrow concert import` takes it
  frontrow rehearse --concert 7 --data ./data --fans 30000   a copy of a concert of this store
  frontrow rehearse --seats 50 --fans 500 --over 10 --thinking 0.2
  frontrow rehearse --admit-per-second 200 --max-active 1000   other limits of the waiting room
  frontrow rehearse --targets targets.toml                   the exit code says whether they were met
  frontrow rehearse --streaming 30                           a third of the fans follows streams, as browsers do
  frontrow rehearse --mysql mysql://root@db:3306 --redis redis://redis:6379 --servers 2
                                                             on a cluster of its own, gone afterwards
  frontrow rehearse --live http://10.0.0.5:8080 --concert 7 --operator operator.txt --fans 2000
                                                             on a server that is there; says first what that means

Exits with 0 when every target was met, with 1 when one was not or the audit found a difference, and with 2 when
nothing could be rehearsed. docs/rehearsal.md says how to read the report.";

/// What to rehearse, who comes, and what has to be reached.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct RehearseArguments {
    /// How many fans come
    #[arg(long, value_name = "NUMBER", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    fans: u32,
    /// A concert with its schedules, or a seat plan, as .json or .json.gz; an arena with 15,000 seats when nothing is named
    #[arg(long, value_name = "FILE", conflicts_with_all = ["concert", "seats"])]
    plan: Option<PathBuf>,
    /// So many plain seats in place of a plan
    #[arg(long, value_name = "NUMBER", conflicts_with = "concert", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    seats: Option<u32>,
    /// A copy of this concert of the store: its settings, schedules, plans and prices; never its fans. With --live the
    /// concert there
    #[arg(long, value_name = "ID")]
    concert: Option<u32>,
    /// Seconds within which all fans come: three fifths of them in the first fifth
    #[arg(long, alias = "seconds", value_name = "SECONDS", default_value_t = 300, value_parser = clap::value_parser!(u32).range(0..=86_400))]
    over: u32,
    /// Seconds after the opening when the rehearsal ends in any case [default: half an hour after the last arrival]
    #[arg(long, value_name = "SECONDS")]
    limit: Option<u64>,
    /// What the crowd is drawn from: the same number, the same fans
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
    /// How slowly fans think: 0.5 is twice as fast as people are
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0, value_parser = factor)]
    thinking: f64,
    /// How many of a hundred fans give up on their way
    #[arg(long, value_name = "PERCENT", default_value_t = 10, value_parser = clap::value_parser!(u32).range(0..=100))]
    give_up: u32,
    /// How many of a hundred fans follow their place, and the map, on streams, and do not ask again and again
    #[arg(long, value_name = "PERCENT", default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=100))]
    streaming: u32,
    /// Let in at most so many at once, in place of what the concert says
    #[arg(long, value_name = "NUMBER")]
    max_active: Option<u32>,
    /// Let in at most so many a second, in place of what the concert says
    #[arg(long, value_name = "NUMBER", value_parser = factor)]
    admit_per_second: Option<f64>,
    /// Hold seats for so long, in place of what the schedules say
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..=3_600))]
    hold_seconds: Option<u32>,
    /// Connections that the fans share, as behind a proxy
    #[arg(long, value_name = "NUMBER", default_value_t = 256, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    connections: u32,
    /// What has to be reached, as TOML; docs/rehearsal.md has every key
    #[arg(long, value_name = "FILE")]
    targets: Option<PathBuf>,
    /// Write everything that was found as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write a report for people: one page that needs nothing else
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    #[command(flatten)]
    cluster: ClusterArguments,
    #[command(flatten)]
    live: LiveArguments,
}

fn factor(text: &str) -> Result<f64, String> {
    let factor: f64 = text.parse().map_err(|_| "write a number such as 0.5".to_owned())?;
    if (0.001..=1_000_000.0).contains(&factor) {
        Ok(factor)
    } else {
        Err("has to be from 0.001 to 1000000".to_owned())
    }
}

/// What every rehearsal has, wherever it is.
struct Rehearsal<'a> {
    arguments: &'a RehearseArguments,
    targets: Targets,
    connections: usize,
    stopped: Arc<AtomicBool>,
}

pub(super) fn run(config: &Config, arguments: &RehearseArguments) -> anyhow::Result<ExitCode> {
    // Everything that can be wrong is looked at before anything takes long.
    let targets = read_targets(arguments)?;
    check_writable(arguments)?;
    // Each stream is a connection of its own.
    let streams = arguments.fans as usize * arguments.streaming as usize / 100;
    let wanted = arguments.connections as usize;
    let connections = open_files::room_for(wanted + streams).min(wanted);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let stopped = Arc::new(AtomicBool::new(false));
    // Interrupted, it takes its servers and its folder with it, or takes back what it has bought.
    runtime.spawn(watch_signals(Arc::clone(&stopped)));
    let rehearsal = Rehearsal { arguments, targets, connections, stopped };
    if arguments.live.is_wanted() { live::run(&rehearsal) } else { on_scratch(config, &rehearsal, &runtime) }
}

/// Rehearses on servers that are thrown away.
fn on_scratch(
    config: &Config,
    rehearsal: &Rehearsal<'_>,
    runtime: &tokio::runtime::Runtime,
) -> anyhow::Result<ExitCode> {
    let arguments = rehearsal.arguments;
    let Some(import) = runtime.block_on(Source::of(arguments).read(config, arguments))? else {
        return Ok(ExitCode::from(2));
    };
    let shared = Shared::make(&arguments.cluster, runtime)?;
    let scratch = Scratch::make(config, import, shared, runtime)?;
    let servers = scratch.servers()?;
    let now = SystemClock::start().now().micros() / 1_000_000;
    let bearers = scratch.bearers(arguments.fans as usize, now)?;
    prepare::make_known(&servers, &bearers, &rehearsal.stopped)?;
    let prepared = Prepared::look(&servers, prepare::only_concert(&servers)?)?;
    let limits = prepare::limits(&servers, &bearers[0])?;
    let night = rehearsal.night(prepared, limits, &servers, bearers, Vec::new());
    let outcome = rehearsal.fire(&night, "stopping the server, and auditing its store")?;
    if rehearsal.stopped.load(Ordering::Acquire) {
        bail!("interrupted: nothing was judged, and what was made for the rehearsal is gone");
    }
    let store = scratch.store();
    let (audit, memory_kib) = scratch.close(runtime)?;
    let ground =
        Ground { server: told::this_program(&store), facts: Vec::new(), memory_kib, is_shared: true };
    rehearsal.tell(&night, &outcome, &audit, ground)
}

impl Rehearsal<'_> {
    fn night(
        &self,
        prepared: Prepared,
        (charge_min, charge_max): (i64, i64),
        servers: &Servers,
        bearers: Vec<String>,
        log_ins: Vec<LogIn>,
    ) -> Prelude {
        let arguments = self.arguments;
        let crew = Crew {
            fans: arguments.fans as usize,
            curve: Curve::new(Duration::from_secs(arguments.over.into())),
            seed: arguments.seed,
            thinking: arguments.thinking,
            give_up_percent: arguments.give_up,
            streaming_percent: arguments.streaming,
            party_max: prepared.party_max,
            schedules: prepared.halls.len(),
        };
        let limit = arguments.limit.unwrap_or(u64::from(arguments.over) + LIMIT_AFTER);
        let Prepared { title, has_line, halls, seats, currency, facts, .. } = prepared;
        let (host, servers) = (servers.host.clone(), servers.addresses.clone());
        let sale = Sale { host, servers, has_line, halls, seats, charge_min, charge_max, bearers, log_ins };
        Prelude { night: Night { sale, crew, limit: Duration::from_secs(limit) }, title, currency, facts }
    }

    /// Lets the crowd loose. `afterwards` is what comes next, in words.
    fn fire(&self, prelude: &Prelude, afterwards: &str) -> anyhow::Result<Outcome> {
        let night = &prelude.night;
        let servers = &night.sale.servers;
        let plan = Plan::new(servers[0], self.connections).also(&servers[1..]).planned().timeout(TIMEOUT);
        let mut progress = Progress::begin(night);
        let stopped = &self.stopped;
        let watch = |sample: &_| progress.tell(sample) && !stopped.load(Ordering::Acquire);
        let mut crowd = Crowd::new(night, watch).context("the crowd cannot follow streams")?;
        let report = fire(&plan, &mut crowd).context("the rehearsal ended")?;
        let outcome = crowd.outcome(&report);
        progress.end(afterwards);
        Ok(outcome)
    }

    /// Judges the night, and tells it in every form that was asked for.
    fn tell(
        &self,
        prelude: &Prelude,
        outcome: &Outcome,
        audit: &Audit,
        ground: Ground,
    ) -> anyhow::Result<ExitCode> {
        let arguments = self.arguments;
        let verdict = Verdict::of(outcome, audit, &self.targets);
        let settings = told::settings(prelude, arguments, self.connections, ground);
        if let Some(file) = &arguments.json {
            told::write_json(file, &settings, outcome, audit, &self.targets, &verdict)?;
        }
        if let Some(file) = &arguments.html {
            let page = frontrow_rehearsal::night::page(&settings, outcome, audit, &verdict);
            std::fs::write(file, page).with_context(|| format!("cannot write {}", file.display()))?;
        }
        answer(&told::summary(outcome, &verdict))?;
        Ok(if verdict.met { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

/// A night that is about to begin, and what its report says of it.
struct Prelude {
    night: Night,
    title: String,
    currency: String,
    facts: Vec<(String, String)>,
}

fn read_targets(arguments: &RehearseArguments) -> anyhow::Result<Targets> {
    let Some(file) = &arguments.targets else { return Ok(Targets::default()) };
    let text = std::fs::read_to_string(file)
        .with_context(|| format!("cannot read the targets in {}", file.display()))?;
    match Targets::read(&text) {
        Ok(targets) => Ok(targets),
        Err(error) => bail!(
            "{} does not say what has to be reached: {}\nEvery key is in docs/rehearsal.md; for instance: ask_p99_ms = 500",
            file.display(),
            error.trim_end()
        ),
    }
}

/// A report that cannot be written is found out before the night and not after it.
fn check_writable(arguments: &RehearseArguments) -> anyhow::Result<()> {
    for file in [&arguments.json, &arguments.html].into_iter().flatten() {
        let opened = std::fs::OpenOptions::new().create(true).append(true).open(file);
        opened.with_context(|| {
            format!("cannot write {}; name a file in a folder that is there", file.display())
        })?;
    }
    Ok(())
}

async fn watch_signals(stopped: Arc<AtomicBool>) {
    let (Ok(mut interrupt), Ok(mut terminate)) =
        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    stopped.store(true, Ordering::Release);
}
