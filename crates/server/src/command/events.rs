//! `frontrow events`: what happened, and what could not be told, from the command line; also beside a running server.

use std::io::{ErrorKind, Write as _};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use frontrow_application::Clock as _;
use frontrow_application::events::{DeadLetter, LoggedEvent, Partitions};
use serde_json::json;
use uuid::Uuid;

use super::answer;
use crate::adapters::clock::SystemClock;
use crate::config::Config;
use crate::wiring::{open_delivery, open_reads};

/// How many are read at once.
const BATCH: usize = 500;
/// How often it is looked for new events.
const TICK: Duration = Duration::from_millis(200);

#[derive(Subcommand)]
pub(super) enum EventsCommand {
    /// Dead letters: events that somebody could not be told of, newest first, one JSON object a line
    List(ListArguments),
    /// Events as they are committed, one cloud event in JSON a line, until stopped
    Tail(TailArguments),
    /// Have dead letters tried again
    Replay(ReplayArguments),
}

#[derive(Args)]
pub(super) struct ListArguments {
    /// How many at the most
    #[arg(long, default_value_t = 100)]
    limit: usize,
}

#[derive(Args)]
pub(super) struct TailArguments {
    /// Begin with the oldest event that is kept, instead of the next one
    #[arg(long)]
    all: bool,
    /// Stop when there are no more, instead of waiting
    #[arg(long)]
    no_follow: bool,
    /// Only events of this type, such as frontrow.payment.completed.v1
    #[arg(long = "type", value_name = "TYPE")]
    kind: Option<String>,
}

#[derive(Args)]
pub(super) struct ReplayArguments {
    /// Ids of dead letters, as `frontrow events list` shows them
    #[arg(required_unless_present = "all", value_name = "ID")]
    ids: Vec<Uuid>,
    /// All of them
    #[arg(long, conflicts_with = "ids")]
    all: bool,
}

pub(super) fn run(config: &Config, command: EventsCommand) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.context("cannot start the runtime")?;
    runtime.block_on(async {
        match command {
            EventsCommand::List(arguments) => list(config, arguments.limit).await,
            EventsCommand::Tail(arguments) => tail(config, arguments).await,
            EventsCommand::Replay(arguments) => replay(config, arguments).await,
        }
    })
}

async fn list(config: &Config, limit: usize) -> anyhow::Result<ExitCode> {
    let delivery = open_delivery(config).await?;
    for letter in delivery.dead_letters(None, limit).await? {
        answer(&shown(&letter, &config.events.source))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn shown(letter: &DeadLetter, source: &str) -> String {
    let event = letter.event.to_cloud_event(source).ok();
    let event = event.and_then(|text| serde_json::from_str::<serde_json::Value>(&text).ok());
    json!({
        "deadLetterId": letter.id,
        "at": letter.at.rfc3339().to_string(),
        "consumer": letter.consumer,
        "tries": letter.tries,
        "reason": letter.reason,
        "event": event.unwrap_or_else(|| letter.event.body.clone().into()),
    })
    .to_string()
}

async fn tail(config: &Config, arguments: TailArguments) -> anyhow::Result<ExitCode> {
    let reads = open_reads(config).await?;
    let mut position = if arguments.all { 0 } else { reads.log_end().await? };
    loop {
        let events = reads.events(position, Partitions::ALL, BATCH).await?;
        for event in &events {
            let is_wanted = arguments.kind.as_ref().is_none_or(|kind| event.kind() == *kind);
            if is_wanted && !print(&written(event, &config.events.source))? {
                return Ok(ExitCode::SUCCESS);
            }
        }
        match events.last() {
            Some(last) => position = last.position,
            None if arguments.no_follow => return Ok(ExitCode::SUCCESS),
            None => tokio::time::sleep(TICK).await,
        }
    }
}

/// Writes a line; false when nobody reads any more, such as after `| head`.
fn print(line: &str) -> anyhow::Result<bool> {
    let mut out = std::io::stdout().lock();
    match writeln!(out, "{line}").and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
        written => Ok(written.map(|()| true)?),
    }
}

/// One that is no event is shown as it is kept: whoever looks wants to see that.
fn written(event: &LoggedEvent, source: &str) -> String {
    event.to_cloud_event(source).unwrap_or_else(|_| event.body.clone())
}

async fn replay(config: &Config, arguments: ReplayArguments) -> anyhow::Result<ExitCode> {
    let delivery = open_delivery(config).await?;
    let now = SystemClock::start().now();
    let ids = if arguments.all {
        let letters = delivery.dead_letters(None, usize::MAX >> 1).await?;
        letters.into_iter().map(|letter| letter.id).collect()
    } else {
        arguments.ids
    };
    let mut missing = Vec::new();
    let mut count = 0;
    for id in ids {
        if delivery.revive(id, now).await? { count += 1 } else { missing.push(id.to_string()) }
    }
    answer(&format!("{count} events are tried again by the servers that run on this store"))?;
    if !missing.is_empty() {
        bail!("no dead letters of these ids: {}; see `frontrow events list`", missing.join(", "));
    }
    Ok(ExitCode::SUCCESS)
}
