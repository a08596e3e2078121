//! The wall clock, read once at the start and carried on by the monotonic clock: it never goes back, and a step
//! of the wall clock during a sale moves no hold.

use std::time::{Instant, SystemTime};

use frontrow_application::Clock;
use frontrow_domain::Timestamp;

/// The system's time.
pub(crate) struct SystemClock {
    started: Instant,
    started_at_micros: i64,
}

impl SystemClock {
    pub(crate) fn start() -> Self {
        Self { started: Instant::now(), started_at_micros: wall_micros() }
    }

    /// How far the wall clock has moved away since the start, in microseconds; positive when it is ahead.
    pub(crate) fn drift_micros(&self) -> i64 {
        wall_micros().saturating_sub(self.now().micros())
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since = i64::try_from(self.started.elapsed().as_micros()).unwrap_or(i64::MAX);
        Timestamp::from_micros(self.started_at_micros.saturating_add(since))
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
