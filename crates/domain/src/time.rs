//! Time as a number: microseconds since the Unix epoch (ADR 0005). Every end is exclusive: something that
//! ends at `t` is valid while `now < t`.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A moment, in microseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

/// Microseconds in a second.
pub const SECOND_MICROS: i64 = 1_000_000;
const MICROS: i64 = SECOND_MICROS;

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

    /// Microseconds from `earlier` until here; zero when `earlier` is later.
    pub const fn micros_since(self, earlier: Self) -> u64 {
        let micros = self.0.saturating_sub(earlier.0);
        if micros <= 0 { 0 } else { micros.cast_unsigned() }
    }

    /// The UTC day, counted from 1970-01-01.
    pub const fn day(self) -> i64 {
        self.0.div_euclid(86_400 * MICROS)
    }

    /// The moment as RFC 3339 writes it, in UTC. One outside the calendar (year 10,000) shows as its last day.
    pub fn rfc3339(self) -> impl fmt::Display {
        jiff::Timestamp::from_microsecond(self.0).unwrap_or(jiff::Timestamp::MAX)
    }

    /// The moment that a text of RFC 3339 names, with any offset.
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        text.parse::<jiff::Timestamp>().ok().map(|moment| Self(moment.as_microsecond()))
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
    fn every_moment_can_be_written() {
        assert_eq!(Timestamp::from_micros(1_500_000).rfc3339().to_string(), "1970-01-01T00:00:01.5Z");
        assert!(Timestamp::from_micros(i64::MAX).rfc3339().to_string().starts_with("9999-12-"));
    }

    #[test]
    fn days_are_utc_days_also_before_the_epoch() {
        assert_eq!(Timestamp::from_micros(0).day(), 0);
        assert_eq!(Timestamp::from_micros(-1).day(), -1);
        assert_eq!(Timestamp::from_micros(86_400_000_000).day(), 1);
    }
}
