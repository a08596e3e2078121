//! The arrivals of an open loop.

use std::time::{Duration, Instant};

const MILLION: u128 = 1_000_000;

/// Evenly spaced arrivals. The waiting ones are a difference of two numbers, not a queue: however far the
/// server falls behind, the schedule takes no memory.
#[derive(Debug)]
pub(crate) struct Schedule {
    start: Instant,
    /// Nanoseconds that a million arrivals take: fine enough to be off by less than a second in a year.
    million_nanos: u128,
    taken: u64,
}

impl Schedule {
    /// The first arrival is at `start`. `per_second` has been checked by the plan.
    pub(crate) fn new(start: Instant, per_second: f64) -> Self {
        let million_nanos = Duration::from_secs_f64(1e6 / per_second).as_nanos().max(1);
        Self { start, million_nanos, taken: 0 }
    }

    /// When the first arrival that nobody took is due.
    pub(crate) fn next_at(&self) -> Instant {
        let nanos = u128::from(self.taken) * self.million_nanos / MILLION;
        self.start + Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// The first arrival has found a connection.
    pub(crate) fn take(&mut self) {
        self.taken += 1;
    }

    /// How many arrivals due in the time from `since` to `until` were not taken.
    pub(crate) fn left(&self, since: Instant, until: Instant) -> u64 {
        self.due_before(until).saturating_sub(self.taken.max(self.due_before(since)))
    }

    fn due_before(&self, end: Instant) -> u64 {
        let nanos = end.saturating_duration_since(self.start).as_nanos();
        u64::try_from((nanos * MILLION).div_ceil(self.million_nanos)).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrivals_keep_their_rate_over_a_long_time() {
        let start = Instant::now();
        let mut schedule = Schedule::new(start, 3_000.0);
        assert_eq!(schedule.next_at(), start);
        schedule.taken = 3_000 * 3_600;
        let hour = Duration::from_hours(1);
        let off = (schedule.next_at() - start).abs_diff(hour);
        assert!(off < Duration::from_micros(10), "off by {off:?} after an hour");
    }

    #[test]
    fn what_was_due_and_not_taken_is_left() {
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        let mut schedule = Schedule::new(start, 10.0);
        assert_eq!(schedule.left(start, at(1_000)), 10, "0, 100, … 900 ms");
        assert_eq!(schedule.left(start, at(1_001)), 11);
        for _ in 0..4 {
            schedule.take();
        }
        assert_eq!(schedule.next_at(), at(400));
        assert_eq!(schedule.left(start, at(1_000)), 6);
        assert_eq!(schedule.left(at(500), at(1_000)), 5, "the one of 400 ms is not asked for");
        assert_eq!(schedule.left(start, at(300)), 0);
    }
}
