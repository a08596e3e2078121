//! `frontrow audit`: reads beside a running server, in slices, and takes no lock.

use std::process::ExitCode;

use frontrow_application::audit::{AuditReport, audit};

use super::answer;
use crate::config::Config;
use crate::wiring::open_reads;

pub(super) fn run(config: &Config, json: bool) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let report = runtime.block_on(async {
        let reads = open_reads(config).await?;
        anyhow::Ok(audit(&*reads).await?)
    })?;
    if json {
        answer(&serde_json::to_string_pretty(&as_json(&report))?)?;
    } else {
        answer(&report.to_string())?;
    }
    Ok(if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

pub(super) fn as_json(report: &AuditReport) -> serde_json::Value {
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
        "draws": report.draws,
        "differenceCount": report.difference_count,
        "differences": report.differences,
    })
}
