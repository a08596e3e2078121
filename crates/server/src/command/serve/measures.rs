//! Looks again and again at what is shown to whoever watches: what Frontrow stands on, seats and money, the machine; and
//! audits the store, a slice at a time.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use frontrow_application::App;
use frontrow_application::audit::AuditRounds;
use frontrow_application::metric::SaleMeter;
use metrics::gauge;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::jobs::Watched;
use crate::metering::Machine;
use crate::wiring::Wired;

/// How often is looked.
const LOOK: Duration = Duration::from_secs(5);
/// How long what is asked whether it is there may take to answer.
const ANSWER: Duration = Duration::from_secs(1);
/// How many times as long as a slice took the audit rests after it, at the least.
const REST: u32 = 19;
/// How long the audit rests after a slice that could not be read.
const AWAY: Duration = Duration::from_secs(5);

/// Looks until told to stop. Each matter by itself, so that what hangs keeps nothing else from being looked at.
pub(super) async fn run_measures(
    wired: Arc<Wired>,
    folder: Option<PathBuf>,
    handle: PrometheusHandle,
    stop: CancellationToken,
) {
    let machine = tokio::spawn(run_machine(Machine::new(folder), handle, stop.clone()));
    let sale = tokio::spawn(run_sale(Arc::clone(&wired.app), stop.clone()));
    let checks = tokio::spawn(run_checks(wired, stop));
    let _ = tokio::join!(machine, sale, checks);
}

/// Asks what Frontrow stands on whether it is there.
async fn run_checks(wired: Arc<Wired>, stop: CancellationToken) {
    let mut tick = interval(LOOK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = tick.tick() => {}
        }
        let (store, line) = wired.engines();
        tokio::join!(
            check("store", store, async {
                wired.app.epoch().await.is_ok() && !wired.has_failed() && !wired.has_violation()
            }),
            check("waiting_room", line, async {
                wired.app.check_line().await.is_ok() && !wired.has_failed()
            }),
        );
        gauge!("frontrow_clock_drift_seconds").set(wired.clock.drift_micros() as f64 / 1e6);
    }
}

/// Looks at seats and money.
async fn run_sale(app: Arc<App>, stop: CancellationToken) {
    let mut tick = interval(LOOK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut meter = SaleMeter::default();
    let mut measuring = Watched::new("measures", "measuring how the sale goes");
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = tick.tick() => {}
        }
        let measured = tokio::select! {
            () = stop.cancelled() => return,
            measured = app.measure_sale(&mut meter) => measured,
        };
        measuring.note(measured);
    }
}

/// Asks something whether it is there, and shows what came of it.
pub(super) async fn check(what: &'static str, engine: &'static str, asked: impl Future<Output = bool>) {
    let begun = Instant::now();
    let is_up = timeout(ANSWER, asked).await.unwrap_or(false);
    let took = begun.elapsed().as_secs_f64();
    gauge!("frontrow_dependency_up", "dependency" => what, "engine" => engine)
        .set(f64::from(u8::from(is_up)));
    gauge!("frontrow_dependency_check_seconds", "dependency" => what, "engine" => engine).set(took);
}

/// Asks Kafka whether it is there, until told to stop.
#[cfg(feature = "kafka")]
pub(super) async fn run_kafka_check(kafka: Arc<crate::wiring::Kafka>, stop: CancellationToken) {
    let mut tick = interval(LOOK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = tick.tick() => check("kafka", "kafka", kafka.check(ANSWER)).await,
        }
    }
}

/// Looks at the process and its disk. With it what was counted is put into its buckets, which otherwise waits for somebody to
/// ask.
async fn run_machine(mut machine: Machine, handle: PrometheusHandle, stop: CancellationToken) {
    let mut tick = interval(LOOK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = tick.tick() => {}
        }
        let handle = handle.clone();
        let looked = tokio::task::spawn_blocking(move || {
            machine.look();
            handle.run_upkeep();
            machine
        });
        let Ok(same) = looked.await else { return };
        machine = same;
    }
}

/// Audits the store until told to stop.
pub(super) async fn run_audit(app: Arc<App>, pause_ms: u64, stop: CancellationToken) {
    if pause_ms == 0 {
        return;
    }
    let pause = Duration::from_millis(pause_ms);
    let mut rounds = AuditRounds::default();
    let mut auditing = Watched::new("audit", "auditing the store");
    rounds.show();
    let mut rest = pause;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = sleep(rest) => {}
        }
        let audited = tokio::select! {
            () = stop.cancelled() => return,
            audited = app.tick_audit(&mut rounds) => audited,
        };
        rest = auditing.note(audited).map_or(AWAY, |(took, _)| pause.max(took * REST));
        rounds.show();
    }
}
