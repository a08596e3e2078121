//! Everything that a sale asks of the server over HTTP, each beside the floor of the same run: a bare axum server that
//! takes and gives the same bytes. Everything is on: authentication, queue tokens, idempotency, outbox, durable commit.
//! A result counts only when the audit passes on the store afterwards.
//!
//! Each part has a server with a data folder of its own, so that none measures what another has left behind: `sale` is
//! holds, charges, payments and reads; `one_seat` is a crowd that wants one and the same; `best` is best available; `join` and `poll` are the line; `maps` are seats behind a waiting room;
//! `journeys` is all of it, one fan after the other; `storm` is holds beside a storm of log-ins, `backup`
//! holds beside `frontrow backup`.
//!
//! `cargo bench -p frontrow-server --bench http -- [--seconds 3] [--runs 3] [--connections 64,256]
//! [--only /reservations] [--places 1000000] [--mysql URL --redis URL [--servers 2]]`
//!
//! With `--mysql` and `--redis` so many servers share them, and the generator spreads its connections over all: holds,
//! charges, payments and reads, the crowd on one seat, joins, questions and journeys. The other parts are of the embedded ones alone.
//!
//! `… --bench http -- --sizes 1k,100k,1M [--plot growth.svg]` measures growth instead ([`growth`]), over 64 connections when
//! nothing else is said.
//!
//! To add a route: a `Route` in the file of its part, and its name where the part says what it measures.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

mod asking;
mod backup;
mod best;
mod growth;
mod house;
mod join;
mod journeys;
mod maps;
mod measure;
mod one_seat;
mod places;
mod poll;
#[path = "../process/mod.rs"]
mod process;
mod sale;
#[path = "../../tests/process/server.rs"]
mod server;
mod storm;

use anyhow::{Context, Result, bail};
use frontrow_rehearsal::floor::{Floor, FloorAnswer, announce_and_serve};
use growth::Growth;
use measure::{Options, Shared};

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let mut options = Options {
        seconds: 3.0,
        runs: 3,
        connections: Vec::new(),
        only: String::new(),
        places: 1_000_000,
        shared: None,
    };
    let mut growth = Growth { sizes: Vec::new(), plot: None };
    let (mut mysql, mut redis, mut servers) = (None, None, 1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().with_context(|| format!("{argument} needs a value"));
        match argument.as_str() {
            "--bench" => {}
            "--serve-floor" => {
                let answer = FloorAnswer::sized(value()?.parse()?, value()?.parse()?);
                return Ok(announce_and_serve(Floor { post: answer.clone(), get: answer })?);
            }
            "--seconds" => options.seconds = value()?.parse()?,
            "--only" => options.only = value()?,
            "--mysql" => mysql = Some(value()?),
            "--redis" => redis = Some(value()?),
            "--servers" => servers = value()?.parse()?,
            "--sizes" => growth.sizes = Growth::sizes(&value()?)?,
            "--plot" => growth.plot = Some(value()?.into()),
            "--runs" => options.runs = value()?.parse()?,
            "--places" => options.places = value()?.parse()?,
            "--connections" => {
                options.connections = value()?.split(',').map(str::parse).collect::<Result<_, _>>()?;
            }
            other => bail!("unknown argument {other}; see the top of benches/http/main.rs"),
        }
    }
    options.shared = match (mysql, redis) {
        (None, None) => None,
        (Some(mysql), Some(redis)) if servers > 0 => Some(Shared { mysql, redis, servers }),
        _ => bail!("--mysql and --redis go together, and --servers is 1 or more"),
    };
    if options.connections.is_empty() {
        options.connections = if growth.sizes.is_empty() { vec![64, 256] } else { vec![64] };
    }
    println!(
        "{} processors; {} runs of {} s each after 20 % warm-up, route and floor in turn; median (lowest–highest)",
        std::thread::available_parallelism()?,
        options.runs,
        options.seconds
    );
    match &options.shared {
        None => println!("SQLite WAL synchronous=FULL, a server and a data folder for each table"),
        Some(shared) => {
            println!("{} servers on one MySQL and one Redis, empty for each table", shared.servers);
        }
    }
    if !growth.sizes.is_empty() {
        return growth::bench(&options, &growth);
    }
    sale::bench(&options)?;
    one_seat::bench(&options)?;
    best::bench(&options)?;
    join::bench(&options)?;
    poll::bench(&options)?;
    asking::bench(&options)?;
    maps::bench(&options)?;
    journeys::bench(&options)?;
    storm::bench(&options)?;
    backup::bench(&options)
}
