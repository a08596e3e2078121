//! Time as a number: microseconds since the Unix epoch (ADR 0005). Every end is exclusive: something that
//! ends at `t` is valid while `now < t`.

use serde::{Deserialize, Serialize};

/// A moment, in microseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

/// Microseconds in a second.
const MICROS: i64 = 1_000_000;

impl Timestamp {
    /// The earliest moment there is; a clock never answers it.
    pub const ZERO: Self = Self(0);

    /// The moment `micros` microseconds after the epoch.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since the epoch.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Whole milliseconds since the epoch.
    pub const fn millis(self) -> i64 {
        self.0.div_euclid(1_000)
    }

    /// The moment `seconds` later, at the most the last one that can be written.
    pub const fn plus_seconds(self, seconds: u32) -> Self {
        Self(self.0.saturating_add((seconds as i64).saturating_mul(MICROS)))
    }

    /// The moment `seconds` earlier, at the least the first one that can be written.
    pub const fn minus_seconds(self, seconds: u32) -> Self {
        Self(self.0.saturating_sub((seconds as i64).saturating_mul(MICROS)))
    }

    /// The moment `millis` milliseconds later.
    pub const fn plus_millis(self, millis: u32) -> Self {
        Self(self.0.saturating_add((millis as i64).saturating_mul(1_000)))
    }

    /// Whole seconds from here until `later`, rounded up; zero when `later` has passed.
    pub const fn seconds_until(self, later: Self) -> u64 {
        let micros = later.0.saturating_sub(self.0);
        if micros <= 0 { 0 } else { micros.cast_unsigned().div_ceil(MICROS.cast_unsigned()) }
    }

    /// The UTC day, counted from 1970-01-01.
    pub const fn day(self) -> i64 {
        self.0.div_euclid(86_400 * MICROS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_until_rounds_up_and_never_goes_below_zero() {
        let now = Timestamp::from_micros(10_000_000);
        assert_eq!(now.seconds_until(now), 0);
        assert_eq!(now.seconds_until(now.minus_seconds(5)), 0);
        assert_eq!(now.seconds_until(Timestamp::from_micros(10_000_001)), 1);
        assert_eq!(now.seconds_until(now.plus_seconds(3)), 3);
    }

    #[test]
    fn days_are_utc_days_also_before_the_epoch() {
        assert_eq!(Timestamp::from_micros(0).day(), 0);
        assert_eq!(Timestamp::from_micros(-1).day(), -1);
        assert_eq!(Timestamp::from_micros(86_400_000_000).day(), 1);
    }
}
