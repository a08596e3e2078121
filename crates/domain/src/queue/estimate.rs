//! How long somebody will wait, as a range, from what the line has really done.
//!
//! Two things bound a line: the rate, and the cap on active fans. Until the cap is reached the rate decides; from
//! then on one is let in for each who is done. How fast active fans are done is measured as ends for each second
//! that an active fan was there (events over exposure, the maximum-likelihood estimate of a constant hazard):
//! fans who are still at it count with the time that they have been there, so the first quick ones do not make
//! the line look faster than it is. Absent fans ahead cost no time when their turn comes; the share of those who
//! are present is sampled from the line.

use std::collections::VecDeque;

use super::rate::RateLimit;
use crate::Timestamp;
use crate::time::SECOND_MICROS;

/// Seconds over which the line is measured.
const MEASURED_SECONDS: i64 = 60;
/// The fewest ends of sessions from which a speed is told.
const ENDS_MIN: f64 = 5.0;

/// What happened in a line within some time.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Tally {
    /// How many were let in.
    pub admitted: u32,
    /// How many sessions ended.
    pub ended: u32,
    /// How many are let in now.
    pub active: u32,
}

/// What a line has done in the last minute.
#[derive(Debug, Clone, Default)]
pub struct Outflow {
    seconds: VecDeque<Second>,
    reckoned_at: Option<Timestamp>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Second {
    number: i64,
    admitted: f64,
    ended: f64,
    /// Seconds that active fans spent, added up.
    exposure: f64,
}

/// What can be said of a line's speed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Forecast {
    /// People a second that the rate admits.
    pub rate: f64,
    /// The most that may be active.
    pub cap: u32,
    /// How many are.
    pub active: u32,
    /// Ends of sessions for each second of an active fan; nothing while too few have ended.
    pub hazard: Option<f64>,
    /// The share of those in line who are present.
    pub present: f64,
    /// True when fans are being let in, so that there is something to go by.
    pub is_flowing: bool,
}

/// How long somebody will wait, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WaitRange {
    /// Hardly less than this.
    pub low: u32,
    /// Hardly more than this.
    pub high: u32,
}

impl WaitRange {
    /// True when a wait of so many seconds was within the range.
    pub const fn holds(self, seconds: u64) -> bool {
        self.low as u64 <= seconds && seconds <= self.high as u64
    }
}

impl Outflow {
    /// Adds what happened up to `now`, since it was last called.
    pub fn add(&mut self, tally: Tally, now: Timestamp) {
        let elapsed = self.reckoned_at.map_or(0, |then| now.micros_since(then));
        self.reckoned_at = Some(now);
        let number = now.micros().div_euclid(SECOND_MICROS);
        if self.seconds.back().is_none_or(|second| second.number < number) {
            self.seconds.push_back(Second { number, ..Second::default() });
        }
        while self.seconds.front().is_some_and(|second| second.number + MEASURED_SECONDS < number) {
            self.seconds.pop_front();
        }
        if let Some(second) = self.seconds.back_mut() {
            second.admitted += f64::from(tally.admitted);
            second.ended += f64::from(tally.ended);
            second.exposure += f64::from(tally.active) * elapsed as f64 / SECOND_MICROS as f64;
        }
    }

    /// How many were let in within the last minute.
    pub fn admitted(&self) -> f64 {
        self.seconds.iter().map(|second| second.admitted).sum()
    }

    /// Ends of sessions for each second of an active fan; nothing while too few have ended.
    pub fn hazard(&self) -> Option<f64> {
        let ended: f64 = self.seconds.iter().map(|second| second.ended).sum();
        let exposure: f64 = self.seconds.iter().map(|second| second.exposure).sum();
        (ended >= ENDS_MIN && exposure > 0.0).then(|| ended / exposure)
    }
}

impl Forecast {
    /// Nothing can be said.
    pub const UNKNOWN: Self =
        Self { rate: 0.0, cap: 0, active: 0, hazard: None, present: 1.0, is_flowing: false };

    /// What could be said with another rate and cap.
    pub fn with(self, limit: RateLimit, cap: u32, is_flowing: bool) -> Self {
        Self { rate: limit.per_second(), cap, is_flowing: self.is_flowing && is_flowing, ..self }
    }

    /// How long somebody with so many ahead will wait; nothing when nobody can say.
    ///
    /// `high` is at most twice `low` and half a minute. When the line is bound by the cap and nobody has left
    /// yet, nothing is said, because the answer would be a guess.
    pub fn wait(&self, ahead: u64) -> Option<WaitRange> {
        if !self.is_flowing || self.rate <= 0.0 {
            return None;
        }
        let people = (ahead as f64 + 1.0) * self.present.clamp(0.0, 1.0);
        let by_rate = people / self.rate;
        let free = f64::from(self.cap.saturating_sub(self.active));
        if people <= free {
            return Some(WaitRange::around(by_rate, 0.85, 1.2, 3.0));
        }
        let turnover = self.hazard? * f64::from(self.cap);
        if turnover <= 0.0 {
            return None;
        }
        let by_cap = free / self.rate + (people - free) / turnover;
        Some(WaitRange::around(by_rate.max(by_cap), 0.7, 1.4, 5.0))
    }
}

impl WaitRange {
    fn around(seconds: f64, least: f64, most: f64, slack: f64) -> Self {
        // The bounds are far above any sale, and far below what a number can hold.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to the range")]
        let whole = |seconds: f64| seconds.clamp(0.0, 1.0e9) as u32;
        Self { low: whole((seconds * least).floor()), high: whole((seconds * most + slack).ceil()) }
    }
}
