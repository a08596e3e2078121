//! `frontrow export`: what was sold, as a table that any program reads.

mod csv;

use std::fs::OpenOptions;
use std::io::{self, BufWriter, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use frontrow_application::Clock as _;
use frontrow_application::sales::{Sale, SaleFilter, each_sale};
use frontrow_domain::{ConcertId, ScheduleId, Timestamp};

use self::csv::{Table, Text};
use crate::adapters::clock::SystemClock;
use crate::config::Config;
use crate::wiring::open_reads;

/// The columns, which docs/backup.md explains. New ones are added at the end, because programs count them.
const COLUMNS: [&str; 17] = [
    "reservation_id",
    "status",
    "concert_id",
    "concert",
    "schedule_id",
    "starts_at",
    "venue",
    "seat_count",
    "seats",
    "currency",
    "amount",
    "paid_at",
    "payment_id",
    "refunded_at",
    "refunded",
    "fee",
    "user_id",
];

#[derive(Subcommand)]
pub(super) enum ExportCommand {
    /// A line for each reservation that was paid, refunded since or not, as CSV
    Sales(SalesArguments),
}

/// Which sales, and where to.
#[derive(Args)]
#[command(after_help = "Examples:\n  \
    frontrow export sales --to sales.csv\n  \
    frontrow export sales --concert 3 --since 2026-09-01T00:00:00+09:00 --until 2026-10-01T00:00:00+09:00 > september.csv")]
pub(super) struct SalesArguments {
    /// A file that is not there yet; standard output when not given
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,
    /// Only this concert
    #[arg(long, value_name = "NUMBER")]
    concert: Option<u32>,
    /// Only this schedule
    #[arg(long, value_name = "NUMBER")]
    schedule: Option<u32>,
    /// Only what was paid or refunded then or later, as 2026-09-01T00:00:00+09:00
    #[arg(long, value_name = "TIME", value_parser = time)]
    since: Option<Timestamp>,
    /// Only what was paid or refunded before
    #[arg(long, value_name = "TIME", value_parser = time)]
    until: Option<Timestamp>,
    /// Begin with a byte-order mark, without which some spreadsheets take Korean for something else
    #[arg(long)]
    bom: bool,
}

pub(super) fn run(config: &Config, command: ExportCommand) -> anyhow::Result<ExitCode> {
    let ExportCommand::Sales(arguments) = command;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    match runtime.block_on(sales(config, &arguments)) {
        // Whoever reads no more, such as `head`, has what they want.
        Err(error) if is_closed(&error) => Ok(ExitCode::SUCCESS),
        Err(error) => Err(error),
        Ok(()) => Ok(ExitCode::SUCCESS),
    }
}

async fn sales(config: &Config, arguments: &SalesArguments) -> anyhow::Result<()> {
    let filter = filter(arguments)?;
    let reads = open_reads(config).await?;
    if let Some(concert) = filter.concert
        && reads.concert(concert).await?.is_none()
    {
        bail!("there is no concert {concert}; leave --concert out for all of them");
    }
    if let Some(schedule) = filter.schedule
        && reads.schedule(schedule).await?.is_none()
    {
        bail!("there is no schedule {schedule}; leave --schedule out for all of them");
    }
    let out: Box<dyn Write + Send> = match &arguments.to {
        None => Box::new(io::stdout()),
        Some(path) => {
            // Who has bought what concerns its owner only.
            let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
            Box::new(file.with_context(|| {
                format!("cannot make {}; a file that is there is not written over", path.display())
            })?)
        }
    };
    let mut out = BufWriter::new(out);
    if arguments.bom {
        out.write_all("\u{feff}".as_bytes())?;
    }
    let mut table = Table::begin(out, &COLUMNS)?;
    let now = SystemClock::start().now();
    let currency = config.wallet.currency.as_str();
    let count =
        each_sale::<anyhow::Error>(&*reads, filter, now, &mut |sale| Ok(table.row(&cells(sale, currency))?))
            .await?;
    table.finish()?;
    if let Some(path) = &arguments.to {
        eprintln!("{count} sales in {}", path.display());
    }
    Ok(())
}

fn filter(arguments: &SalesArguments) -> anyhow::Result<SaleFilter> {
    if let (Some(since), Some(until)) = (arguments.since, arguments.until)
        && since >= until
    {
        bail!("--since has to be before --until");
    }
    Ok(SaleFilter {
        concert: arguments.concert.map(ConcertId::new),
        schedule: arguments.schedule.map(ScheduleId::new),
        since: arguments.since,
        until: arguments.until,
    })
}

/// The cells of a sale, in order of [`COLUMNS`].
fn cells(sale: &Sale<'_>, currency: &str) -> [Text; COLUMNS.len()] {
    let Sale { concert, schedule, reservation, payment, paid_at, refund } = *sale;
    let labels = reservation.seats.iter().map(|no| match schedule.plan.seat(*no) {
        Some(seat) => seat.label.to_string(),
        // A plan is not replaced once a seat was sold from it.
        None => no.to_string(),
    });
    let labels: Vec<String> = labels.collect();
    let refunded = refund.map(|(_, returned)| returned.minor());
    [
        Text::own(reservation.id),
        Text::own(if refund.is_some() { "refunded" } else { "confirmed" }),
        Text::own(concert.id),
        Text::foreign(&concert.title),
        Text::own(schedule.id),
        Text::own(schedule.starts_at.rfc3339()),
        Text::foreign(&schedule.venue),
        Text::own(reservation.seats.len()),
        Text::foreign(&labels.join("; ")),
        Text::own(currency),
        Text::own(reservation.amount.minor()),
        Text::own(paid_at.rfc3339()),
        Text::own(payment),
        Text::perhaps(refund.map(|(at, _)| at.rfc3339())),
        Text::perhaps(refunded),
        Text::perhaps(refunded.map(|returned| reservation.amount.minor() - returned)),
        Text::own(reservation.user),
    ]
}

fn time(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse_rfc3339(text).ok_or_else(|| "write it as 2026-09-01T00:00:00+09:00".to_owned())
}

fn is_closed(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
}
