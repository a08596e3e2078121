//! What `/metrics` shows: the recorder, told of every metric in the catalogue (`frontrow_application::metric`), and what is
//! looked at when somebody asks. What takes longer to look at is looked at every few seconds, by
//! `command/serve/measures.rs`.

mod machine;

use std::sync::Arc;
use std::time::Duration;

use frontrow_application::metric::{self, Kind, Metric, Scope};
use metrics::{Label, counter, gauge, histogram};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder};
use metrics_util::MetricKindMask;
use tokio::runtime::Handle;

use crate::config::Config;
use crate::wiring::Wired;

pub(crate) use machine::Machine;

/// After how long a gauge is forgotten that nobody sets any more: its schedule, concert or webhook is gone, or whoever set
/// it is. Longer than anything that is alive leaves its gauges alone.
const GAUGE_IDLE: Duration = Duration::from_mins(2);

/// Begins to count. Before anything that keeps a handle.
pub(crate) fn install(config: &Config) -> anyhow::Result<PrometheusHandle> {
    let recorder = recorder(GAUGE_IDLE)?;
    let handle = recorder.handle();
    metrics::set_global_recorder(recorder)
        .map_err(|error| anyhow::anyhow!("cannot begin to count: {error}"))?;
    let is_shared = !config.store.url.is_empty();
    let is_shown = |metric: &&Metric| match metric.scope {
        Scope::Always => true,
        Scope::Embedded => !is_shared,
        Scope::Shared => is_shared,
        Scope::Kafka => !config.kafka.url.is_empty(),
    };
    metric::all().filter(is_shown).for_each(announce);
    Ok(handle)
}

fn recorder(gauge_idle: Duration) -> anyhow::Result<PrometheusRecorder> {
    let mut builder = PrometheusBuilder::new().idle_timeout(MetricKindMask::GAUGE, Some(gauge_idle));
    for metric in metric::all() {
        if let Kind::Histogram(bounds) = metric.kind {
            builder = builder.set_buckets_for_metric(Matcher::Full(metric.name.to_owned()), bounds)?;
        }
    }
    Ok(builder.build_recorder())
}

/// Says what a metric is, and has what counts up stand at 0, so that the first time is seen as one more.
fn announce(metric: &Metric) {
    let series = metric.known_series().into_iter();
    let mut series = series.map(|labels| {
        labels.into_iter().map(|(name, value)| Label::from_static_parts(name, value)).collect::<Vec<_>>()
    });
    match metric.kind {
        Kind::Counter => {
            metrics::describe_counter!(metric.name, metric.help);
            series.by_ref().for_each(|labels| counter!(metric.name, labels).increment(0));
        }
        Kind::Histogram(_) => {
            metrics::describe_histogram!(metric.name, metric.help);
            series.by_ref().for_each(|labels| drop(histogram!(metric.name, labels)));
        }
        Kind::Gauge => metrics::describe_gauge!(metric.name, metric.help),
    }
}

/// What is shown of this server to whoever asks.
pub(crate) struct Shown {
    handle: PrometheusHandle,
    wired: Arc<Wired>,
}

impl Shown {
    pub(crate) const fn new(handle: PrometheusHandle, wired: Arc<Wired>) -> Self {
        Self { handle, wired }
    }

    /// Looks at what is in memory, and writes everything in the text format of Prometheus. Within the runtime.
    pub(crate) fn write(&self) -> String {
        self.wired.app.measure_memory();
        self.wired.measure();
        let runtime = Handle::current().metrics();
        gauge!("frontrow_runtime_workers").set(runtime.num_workers() as f64);
        gauge!("frontrow_runtime_tasks").set(runtime.num_alive_tasks() as f64);
        gauge!("frontrow_runtime_queued_tasks").set(runtime.global_queue_depth() as f64);
        gauge!("frontrow_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
        self.handle.render()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gauge_that_nobody_sets_is_forgotten_and_a_counter_is_not() {
        let recorder = recorder(Duration::from_millis(20)).expect("bounds in order");
        let handle = recorder.handle();
        metrics::with_local_recorder(&recorder, || {
            gauge!("frontrow_schedule_seats", "schedule" => "1").set(5.0);
            counter!("frontrow_http_panics_total").increment(1);
            let shows = |what: &str| handle.render().contains(what);
            assert!(
                shows("frontrow_schedule_seats{schedule=\"1\"} 5\n")
                    && shows("frontrow_http_panics_total 1\n")
            );
            let deadline = std::time::Instant::now() + Duration::from_secs(10);
            while shows("frontrow_schedule_seats") {
                assert!(std::time::Instant::now() < deadline, "it stays for ever");
                std::thread::yield_now();
            }
            assert!(shows("frontrow_http_panics_total 1\n"));
            gauge!("frontrow_schedule_seats", "schedule" => "1").set(6.0);
            assert!(shows("frontrow_schedule_seats{schedule=\"1\"} 6\n"), "it can come back");
        });
    }

    #[test]
    fn what_counts_up_is_there_from_the_start_with_what_it_is() {
        let recorder = recorder(GAUGE_IDLE).expect("bounds in order");
        let handle = recorder.handle();
        metrics::with_local_recorder(&recorder, || metric::all().for_each(announce));
        let text = handle.render();
        for metric in metric::all().filter(|metric| metric.kind != Kind::Gauge) {
            let is_known = !metric.known_series().is_empty();
            let has = |line: String| text.contains(&line);
            assert_eq!(has(format!("# HELP {} {}\n", metric.name, metric.help)), is_known, "{}", metric.name);
            assert_eq!(has(format!("# TYPE {} {}\n", metric.name, metric.kind.name())), is_known);
        }
        assert!(text.contains("frontrow_commands_shed_total{priority=\"settle\"} 0\n"), "{text}");
        assert!(text.contains("frontrow_group_commands_bucket{le=\"1000\"} 0\n"), "{text}");
    }
}
