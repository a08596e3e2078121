//! Logs on standard error, and the metrics that `/metrics` shows.

use std::io::IsTerminal;

use anyhow::Context;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::FmtSpan;

use crate::config::sections::{Log, LogFormat};

/// Bounds of the histogram of commands in a group.
const GROUP_SIZES: [f64; 11] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1_000.0];
/// Bounds of the histograms of seconds.
const SECONDS: [f64; 12] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0];

/// Begins to log.
pub(crate) fn log(settings: &Log) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&settings.filter)
        .with_context(|| format!("log.filter cannot be used: {:?}", settings.filter))?;
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_span_events(FmtSpan::NONE);
    let begun = match settings.format {
        LogFormat::Human => log.try_init(),
        LogFormat::Json => log.json().try_init(),
    };
    begun.map_err(|error| anyhow::anyhow!("cannot begin to log: {error}"))
}

/// Begins to count.
pub(crate) fn metrics() -> anyhow::Result<PrometheusHandle> {
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Full("frontrow_group_commands".to_owned()), &GROUP_SIZES)?
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)?
        .install_recorder()?;
    metrics::describe_histogram!("frontrow_group_commands", "Commands in a committed group.");
    metrics::describe_histogram!(
        "frontrow_group_commit_seconds",
        metrics::Unit::Seconds,
        "From taking a group to its commit."
    );
    metrics::describe_counter!("frontrow_commands_shed_total", "Commands refused because a queue was full.");
    metrics::describe_counter!(
        "frontrow_seat_messages_total",
        "Messages between servers about seats, by what came of them."
    );
    metrics::describe_gauge!(
        "frontrow_sqlite_log_pages",
        "Pages in the write-ahead log of the embedded store."
    );
    Ok(handle)
}
