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
/// How many times as long as a slice took the audit rests after it while the sale is busy, at the least. The same on a
/// store that others use as well, whose sale may be busy without this server.
const REST: f64 = 19.0;
/// The same while the sale is calm: it takes a quarter of a processor then.
const REST_CALM: f64 = 3.0;
/// Which part of the pause of the settings it rests while the sale is calm, at the least.
const PAUSE_CALM: f64 = 0.02;
/// How many times as long as a round took it rests after one while the sale is calm: in the long run it takes a twentieth
/// of a processor then as well.
const ROUND_REST_CALM: f64 = 4.0;
/// The longest rest between two rounds: a proof is at the most so much older than a round is long.
const ROUND_REST_MAX: Duration = Duration::from_mins(5);
/// How long the audit rests after a slice that could not be read.
const AWAY: Duration = Duration::from_secs(5);

/// Looks until told to stop. Each matter by itself, so that what hangs keeps nothing else from being looked at.
pub(super) async fn run_measures(
    wired: Arc<Wired>,
    folder: Option<PathBuf>,
    handle: PrometheusHandle,
    stop: CancellationToken,
) {
    let machine = Machine::new(folder, Arc::clone(&wired.clock));
    let machine = tokio::spawn(run_machine(machine, handle, stop.clone()));
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

/// How long the audit rests after a slice that took so long, between as long as it may while it is calm and as long as it
/// has to while the sale is as busy as can be.
fn rest_after(took: Duration, pause: Duration, pressure: f64, is_shared: bool) -> Duration {
    let between = |calm: f64, busy: f64| calm + (busy - calm) * pressure;
    let of_slice = if is_shared { REST } else { between(REST_CALM, REST) };
    took.mul_f64(of_slice).max(pause.mul_f64(between(PAUSE_CALM, 1.0)))
}

/// How long it rests before the next round, after one that took so long with all its rests. On a shared store it has had its
/// rests by then.
fn rest_after_round(took: Duration, pressure: f64, is_shared: bool) -> Duration {
    if is_shared {
        Duration::ZERO
    } else {
        took.mul_f64(ROUND_REST_CALM * (1.0 - pressure)).min(ROUND_REST_MAX)
    }
}

/// Audits the store until told to stop.
pub(super) async fn run_audit(wired: Arc<Wired>, pause_ms: u64, stop: CancellationToken) {
    if pause_ms == 0 {
        return;
    }
    let pause = Duration::from_millis(pause_ms);
    let mut rounds = AuditRounds::default();
    let mut auditing = Watched::new("audit", "auditing the store");
    rounds.show();
    let mut rest = pause;
    let mut round = Instant::now();
    loop {
        if !rests(&rounds, rest, &stop).await {
            return;
        }
        let audited = tokio::select! {
            () = stop.cancelled() => return,
            audited = wired.app.tick_audit(&mut rounds) => audited,
        };
        let (pressure, is_shared) = (wired.rush.pressure(), wired.is_shared());
        rest = match auditing.note(audited) {
            None => AWAY,
            Some((took, false)) => rest_after(took, pause, pressure, is_shared),
            Some((took, true)) => {
                let of_round = rest_after_round(round.elapsed(), pressure, is_shared);
                round = Instant::now() + of_round;
                of_round.max(rest_after(took, pause, pressure, is_shared))
            }
        };
        rounds.show();
    }
}

/// Rests, and shows meanwhile where the audit is. False when told to stop.
async fn rests(rounds: &AuditRounds, rest: Duration, stop: &CancellationToken) -> bool {
    let until = tokio::time::Instant::now() + rest;
    loop {
        let left = until.saturating_duration_since(tokio::time::Instant::now());
        if left.is_zero() {
            return true;
        }
        tokio::select! {
            () = stop.cancelled() => return false,
            () = sleep(left.min(LOOK)) => rounds.show(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How long a round of so many slices takes, each of so many milliseconds.
    fn round(slices: u32, millis: u64, pressure: f64, is_shared: bool) -> Duration {
        let (took, pause) = (Duration::from_millis(millis), Duration::from_millis(500));
        (took + rest_after(took, pause, pressure, is_shared)) * slices
    }

    #[test]
    fn a_calm_server_is_through_with_a_million_reservations_in_minutes() {
        // 100 schedules of 10,000 seats and 250,000 wallets, 500 at a time.
        let busy = round(600, 50, 1.0, false);
        let calm = round(600, 50, 0.0, false);
        assert_eq!(busy, Duration::from_mins(10));
        assert_eq!(calm, Duration::from_mins(2));
        let falling = [0.0, 0.25, 0.5, 0.75, 1.0].map(|pressure| round(600, 50, pressure, false));
        assert!(falling.windows(2).all(|pair| pair[0] < pair[1]), "{falling:?}");
    }

    #[test]
    fn a_calm_server_does_not_audit_all_the_time() {
        let (round, minutes) = (Duration::from_secs(10), Duration::from_mins);
        assert_eq!(rest_after_round(round, 0.0, false), Duration::from_secs(40));
        assert_eq!(rest_after_round(round, 1.0, false), Duration::ZERO, "it has rested within it");
        assert_eq!(rest_after_round(round, 0.0, true), Duration::ZERO, "and so it has on a shared store");
        // The alert FrontrowAuditNotRunning looks at ten minutes without a slice.
        assert_eq!(rest_after_round(minutes(60), 0.0, false), minutes(5));
    }

    #[test]
    fn the_pause_is_that_of_the_settings_while_the_sale_is_busy_and_never_nothing() {
        let pause = Duration::from_millis(500);
        let rest = |millis, pressure| rest_after(Duration::from_millis(millis), pause, pressure, false);
        assert_eq!(rest(1, 1.0), pause);
        assert_eq!(rest(1, 0.0), Duration::from_millis(10));
        assert_eq!(
            rest(100, 1.0),
            Duration::from_millis(1_900),
            "never more than a twentieth of a processor"
        );
        assert_eq!(rest(100, 0.0), Duration::from_millis(300), "and a quarter of it while nobody needs it");
    }

    #[test]
    fn a_shared_store_may_be_busy_with_the_sale_of_another_server() {
        let rest =
            |pressure| rest_after(Duration::from_millis(100), Duration::from_millis(500), pressure, true);
        assert_eq!(rest(0.0), Duration::from_millis(1_900));
        assert_eq!(rest(1.0), Duration::from_millis(1_900));
    }
}
