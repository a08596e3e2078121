//! `frontrow audit`: reads beside a running server, in slices, and takes no lock.

use std::process::ExitCode;
use std::sync::Arc;

use frontrow_application::audit::{AuditReport, audit};
use frontrow_store_sqlite::SqliteReads;

use super::answer;
use crate::adapters::clock::SystemClock;
use crate::config::Config;

pub(super) fn run(config: &Config, json: bool) -> anyhow::Result<ExitCode> {
    let reads = SqliteReads::open(&config.store.data, Arc::new(SystemClock::start()))?;
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let report = runtime.block_on(audit(&reads))?;
    if json {
        answer(&serde_json::to_string_pretty(&as_json(&report))?)?;
    } else {
        answer(&report.to_string())?;
    }
    Ok(if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn as_json(report: &AuditReport) -> serde_json::Value {
    serde_json::json!({
        "clean": report.is_clean(),
        "schedules": report.schedules,
        "seats": report.seats,
        "seatsByState": report.seats_by_state,
        "reservations": report.reservations,
        "wallets": report.wallets,
        "charged": report.charged.minor(),
        "paid": report.paid.minor(),
        "balances": report.balances.minor(),
        "confirmed": report.confirmed.minor(),
        "differenceCount": report.difference_count,
        "differences": report.differences,
    })
}
