//! The wall clock, read once at the start and carried on by the monotonic clock: it never goes back, and a step
//! of the wall clock during a sale moves no hold. Where servers share a store, it follows the clock of the store.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::{Instant, SystemTime};

use frontrow_application::Clock;
use frontrow_domain::Timestamp;

/// Microseconds by which the clock of a shared store may be away from what is known of it. Beyond, this server is not
/// ready: its times would not be those of the others.
const DISAGREEMENT_MAX_MICROS: i64 = 250_000;

/// The system's time.
pub(crate) struct SystemClock {
    started: Instant,
    started_at_micros: i64,
    /// How far the store's clock is ahead.
    offset_micros: AtomicI64,
    /// The latest time that was told, so that a smaller offset does not turn it back.
    latest_micros: AtomicI64,
    /// True while the store's clock is where it was.
    agrees: AtomicBool,
}

impl SystemClock {
    pub(crate) fn start() -> Self {
        Self {
            started: Instant::now(),
            started_at_micros: wall_micros(),
            offset_micros: AtomicI64::new(0),
            latest_micros: AtomicI64::new(i64::MIN),
            agrees: AtomicBool::new(true),
        }
    }

    /// Takes over the time of a store that others share, which was `store` halfway between the question and the answer
    /// that came just now and `took_micros` later. At the first time whatever it says; later only small steps.
    pub(crate) fn follow(&self, store: Timestamp, took_micros: i64, is_first: bool) {
        let here = self.unshifted().saturating_sub(took_micros / 2);
        let offset = store.micros().saturating_sub(here);
        let step = offset.saturating_sub(self.offset_micros.load(Ordering::Acquire)).saturating_abs();
        // What was asked for so long says little.
        let agrees = is_first || step <= DISAGREEMENT_MAX_MICROS.saturating_add(took_micros);
        if agrees {
            self.offset_micros.store(offset, Ordering::Release);
        }
        if self.agrees.swap(agrees, Ordering::AcqRel) && !agrees {
            tracing::error!(
                step_micros = step,
                "the clock of the store has jumped; this server is not ready"
            );
        }
    }

    /// True while the store's clock is where it was known to be.
    pub(crate) fn agrees(&self) -> bool {
        self.agrees.load(Ordering::Acquire)
    }

    fn unshifted(&self) -> i64 {
        let since = i64::try_from(self.started.elapsed().as_micros()).unwrap_or(i64::MAX);
        self.started_at_micros.saturating_add(since)
    }

    /// How far the wall clock has moved away since the start, in microseconds; positive when it is ahead.
    pub(crate) fn drift_micros(&self) -> i64 {
        wall_micros().saturating_sub(self.unshifted())
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let shifted = self.unshifted().saturating_add(self.offset_micros.load(Ordering::Acquire));
        let latest = self.latest_micros.fetch_max(shifted, Ordering::AcqRel);
        Timestamp::from_micros(shifted.max(latest))
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the adapter of the clock port")]
fn wall_micros() -> i64 {
    match SystemTime::now().duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_micros()).unwrap_or(i64::MAX),
        // A clock before 1970 is a clock that was never set; the store's own times then decide.
        Err(_) => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_follows_the_store_in_small_steps_and_never_goes_back() {
        let clock = SystemClock::start();
        let ahead = |seconds: i64| Timestamp::from_micros(clock.unshifted() + seconds * 1_000_000);
        clock.follow(ahead(3_600), 0, true);
        let then = clock.now();
        assert!(then >= ahead(3_599), "whatever it says at first");
        // Two seconds less, and at once a long way off.
        clock.follow(ahead(3_598), 0, false);
        assert!(!clock.agrees());
        assert!(clock.now() >= then);
        let here = Timestamp::from_micros(clock.now().micros() - 100_000);
        clock.follow(here, 0, false);
        assert!(clock.agrees());
        let now = clock.now();
        assert!(now >= then && clock.now() >= now);
    }
}
