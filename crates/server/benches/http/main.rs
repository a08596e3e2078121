//! Everything that a sale asks of the server over HTTP, each beside the floor of the same run: a bare axum server that
//! takes and gives the same bytes. Everything is on: authentication, queue tokens, idempotency, outbox, durable commit.
//! A result counts only when the audit passes on the store afterwards.
//!
//! Each part has a server with a data folder of its own, so that none measures what another has left behind: `sale` is
//! holds, charges, payments and reads; `best` is best available; `join` and `poll` are the line; `maps` are seats behind a waiting room;
//! `journeys` is all of it, one fan after the other.
//!
//! `cargo bench -p frontrow-server --bench http -- [--seconds 3] [--runs 3] [--connections 64,256]
//! [--only /reservations] [--places 1000000]`
//!
//! To add a route: a `Route` in the file of its part, and its name where the part says what it measures.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

mod best;
mod house;
mod join;
mod journeys;
mod maps;
mod measure;
mod poll;
mod sale;
#[path = "../../tests/process/server.rs"]
mod server;

use anyhow::{Context, Result, bail};
use frontrow_rehearsal::floor::{Floor, FloorAnswer, announce_and_serve};
use measure::Options;

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let mut options =
        Options { seconds: 3.0, runs: 3, connections: vec![64, 256], only: String::new(), places: 1_000_000 };
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
            "--runs" => options.runs = value()?.parse()?,
            "--places" => options.places = value()?.parse()?,
            "--connections" => {
                options.connections = value()?.split(',').map(str::parse).collect::<Result<_, _>>()?;
            }
            other => bail!("unknown argument {other}; see the top of benches/http/main.rs"),
        }
    }
    println!(
        "{} processors; {} runs of {} s each after 20 % warm-up, route and floor in turn; median (lowest–highest)",
        std::thread::available_parallelism()?,
        options.runs,
        options.seconds
    );
    println!("SQLite WAL synchronous=FULL, a server and a data folder for each table");
    sale::bench(&options)?;
    best::bench(&options)?;
    join::bench(&options)?;
    poll::bench(&options)?;
    maps::bench(&options)?;
    journeys::bench(&options)
}
