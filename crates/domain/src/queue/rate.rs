//! How many may be let in: a hard limit on every sliding second (R-Q4).

use std::collections::VecDeque;

use crate::Timestamp;

/// Microseconds in a second.
const SECOND: i64 = 1_000_000;
/// What one admission costs of the credit: thousandths a second × microseconds.
const ONE: u64 = 1_000 * 1_000_000;
/// Microseconds for which credit is saved up, so that a tick that comes late costs no rate. It only smooths:
/// what is admitted stays under the limit of the window.
const CREDIT_MICROS: u64 = 250_000;
/// Seconds over which the shown rate of admission is an average.
const SHOWN_SECONDS: u32 = 10;

/// The most that may be let in within any sliding second, in thousandths.
///
/// Whole people are let in: of 2.5 a second at most 2 are let in within any second. A rate under one a second
/// lets one in within any `1 / rate` seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    milli: u32,
}

impl RateLimit {
    /// A limit of so many thousandths a second; zero counts as one thousandth.
    pub const fn of_milli(milli: u32) -> Self {
        Self { milli: if milli == 0 { 1 } else { milli } }
    }

    /// How long the window is in which [`per_window`](Self::per_window) is the most, in microseconds.
    pub const fn window_micros(self) -> i64 {
        if self.milli >= 1_000 {
            SECOND
        } else {
            (1_000 * SECOND + self.milli as i64 - 1) / self.milli as i64
        }
    }

    /// The most that may be let in within any window.
    pub const fn per_window(self) -> u32 {
        if self.milli >= 1_000 { self.milli / 1_000 } else { 1 }
    }

    /// People a second that can be let in over a long time.
    pub fn per_second(self) -> f64 {
        f64::from(self.per_window()) * SECOND as f64 / self.window_micros() as f64
    }

    /// Whole seconds within which so many cannot have been let in.
    pub fn seconds_for(self, people: u64) -> u64 {
        people.saturating_mul(self.window_micros().unsigned_abs() / SECOND.unsigned_abs())
            / u64::from(self.per_window())
    }
}

/// When how many were let in lately.
#[derive(Debug, Clone, Default)]
pub struct AdmissionLog {
    times: VecDeque<(Timestamp, u32)>,
    /// What may be let in by now if it went evenly, in thousandths a second × microseconds.
    credit: u64,
    /// When the credit was last reckoned.
    reckoned_at: Option<Timestamp>,
}

impl AdmissionLog {
    /// How many may be let in at `now`.
    pub fn allowed(&mut self, limit: RateLimit, now: Timestamp) -> u32 {
        self.reckon(limit, now);
        let by_credit = u32::try_from(self.credit / ONE).unwrap_or(u32::MAX);
        limit.per_window().saturating_sub(self.since(now, limit.window_micros())).min(by_credit)
    }

    /// Notes that so many are let in at `now`. Also for those of before a restart, oldest first.
    pub fn note(&mut self, now: Timestamp, count: u32) {
        if count == 0 {
            return;
        }
        self.credit = self.credit.saturating_sub(u64::from(count) * ONE);
        match self.times.back_mut() {
            Some((at, counted)) if *at >= now => *counted += count,
            _ => self.times.push_back((now, count)),
        }
    }

    /// How many were let in within the last ten seconds, per second.
    pub fn shown_per_second(&self, now: Timestamp) -> f64 {
        f64::from(self.since(now, i64::from(SHOWN_SECONDS) * SECOND)) / f64::from(SHOWN_SECONDS)
    }

    fn reckon(&mut self, limit: RateLimit, now: Timestamp) {
        let rate = u64::from(limit.milli);
        // At least one whole person fits, or a low rate would never let anybody in.
        let most = (rate * CREDIT_MICROS).max(ONE);
        let earned = match self.reckoned_at {
            Some(then) => rate.saturating_mul(now.micros_since(then)),
            None => most,
        };
        self.reckoned_at = Some(now);
        self.credit = self.credit.saturating_add(earned).min(most);
        let keep = limit.window_micros().max(i64::from(SHOWN_SECONDS) * SECOND);
        while self.times.front().is_some_and(|(at, _)| at.micros() <= now.micros() - keep) {
            self.times.pop_front();
        }
    }

    /// How many were let in at a time above `now - micros`: a window without its first moment.
    fn since(&self, now: Timestamp, micros: i64) -> u32 {
        let from = now.micros().saturating_sub(micros);
        self.times.iter().rev().take_while(|(at, _)| at.micros() > from).map(|(_, count)| count).sum()
    }
}
