//! How long somebody will wait, as a range, from what the line does and has done.
//!
//! Two things bound a line: the rate, and the cap on active fans. While there is room under the cap, the rate decides; from
//! then on one is let in for each who is done. How long sessions last is measured ([`stay`]), with what the settings
//! presume where nothing has been seen yet; what comes of it for a line of so many is reckoned forward ([`flow`]). The range
//! is as wide as what is not known makes it, within what may be told: `high` at most twice `low` and half a minute. Absent
//! fans ahead cost no time when their turn comes; the share of those who are present is sampled from the line.

mod flow;
mod stay;

use std::sync::Arc;

pub use self::stay::{AGES, Ages};

use self::flow::{Flow, Room};
use self::stay::{Sessions, presumed_seconds};
use super::rate::RateLimit;
use crate::Timestamp;

/// What the middle of a range and its ends are apart where everything is known, as standard deviations of the logarithm of
/// how long sessions last: fans act otherwise later in the night.
const CHANGE: f64 = 0.12;
/// The same for what is presumed of sessions and was not seen: real ones are half as long, or twice.
const PRESUMPTION: f64 = 0.7;
/// So many standard deviations to both sides hold four of five.
const FOUR_OF_FIVE: f64 = 1.28;
/// A rate is not quite reached, and sometimes nobody has to be let in for a moment.
const LEAST: f64 = 0.85;
const MOST: f64 = 1.2;
const SLACK_SECONDS: f64 = 3.0;
/// How far the ends of a range may be apart: `high` ≤ 2 × `low` + 30 s.
const WIDEST_TIMES: f64 = 2.0;
const WIDEST_SECONDS: f64 = 30.0;
/// Seats that somebody who is let in takes, before it was seen. Fans come in pairs and more, and others leave with none.
const PRESUMED_SEATS: f64 = 1.0;
/// What those take who come later, as a share of that: the fewer seats are left, the oftener others were faster. A rehearsal
/// sold 1,500 seats to the first 1,720 who were let in, and more than one each to the first hundred.
const LATER_SHARE: f64 = 0.85;
/// So many fans have to have been let in until what they took counts for half.
const PRESUMED_TAKERS: f64 = 50.0;
/// The fewest seats that somebody takes, on average.
const SEATS_MIN: f64 = 0.01;
/// People behind the last bend of a forecast, up to whom it is told.
const FAR_PEOPLE: f64 = 1e9;

/// What happened in a line within some time.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Tally {
    /// How many were let in.
    pub admitted: u32,
    /// How many sessions ended, by how long they had lasted.
    pub ended: Ages,
    /// How many are let in now.
    pub active: u32,
}

/// What a line does, as far as it decides how fast it goes.
#[derive(Debug, Clone, Default)]
pub struct Outflow {
    sessions: Sessions,
    /// How many were let in since the beginning.
    admitted: f64,
    /// Seats that could be had when a forecast was first asked for, and how many had been let in by then.
    stock: Option<(u32, f64)>,
}

/// What a line keeps to, as far as it decides how fast it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// How many are let in at most.
    pub rate: RateLimit,
    /// The most that may be active.
    pub cap: u32,
    /// Seconds after which a session is over in any case.
    pub session_seconds: u32,
    /// Seconds for which a fan keeps seats that are not paid.
    pub hold_seconds: u32,
    /// Seats that can be had.
    pub seats_left: u32,
}

/// What can be said of a line's speed.
#[derive(Debug, Clone, PartialEq)]
pub struct Forecast {
    /// The most that may be active.
    pub cap: u32,
    /// The share of those in line who are present.
    pub present: f64,
    /// How many can be let in before the seats are gone, more or less.
    pub lasting: f64,
    /// Nothing when nobody is let in.
    course: Option<Arc<Course>>,
}

/// How a line will go.
#[derive(Debug, PartialEq)]
struct Course {
    room: Room,
    /// By how much longer or shorter sessions may be than they seem, as a factor.
    doubt: f64,
    bends: Vec<Bend>,
}

/// The wait behind so many people. Between two of these it changes evenly.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bend {
    /// How many have to be let in.
    pub people: f64,
    /// Hardly less than this, in seconds.
    pub low: f64,
    /// Hardly more than this, in seconds.
    pub high: f64,
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
    pub fn add(&mut self, tally: &Tally, now: Timestamp) {
        self.sessions.add(tally.admitted, &tally.ended, tally.active, now);
        self.admitted += f64::from(tally.admitted);
    }

    /// What can be said with these limits, when that share of those in line is present.
    pub fn forecast(&mut self, limits: Limits, present: f64) -> Forecast {
        let presumed = presumed_seconds(limits.session_seconds, limits.hold_seconds);
        let stay = self.sessions.stay(presumed, f64::from(limits.session_seconds));
        let room = Room::new(&stay, self.sessions.by_age());
        let few = 1.0 / (1.0 + self.sessions.ends());
        let deviation = (CHANGE.powi(2) + (PRESUMPTION * stay.unseen).powi(2) + few).sqrt().min(PRESUMPTION);
        let doubt = (FOUR_OF_FIVE * deviation).exp();
        let lasting = self.lasting(limits.seats_left);
        Forecast {
            cap: limits.cap,
            present,
            lasting,
            course: Course::new(room, doubt, limits.rate, limits.cap),
        }
    }

    /// How many can be let in before so many seats are gone, by what those took who were let in so far.
    fn lasting(&mut self, seats_left: u32) -> f64 {
        let (then, admitted) = *self.stock.get_or_insert((seats_left, self.admitted));
        let taken = f64::from(then.saturating_sub(seats_left));
        // Half of those who are there have not taken any yet.
        let takers = (self.admitted - admitted - 0.5 * self.sessions.there()).max(0.0);
        let each = (taken + PRESUMED_TAKERS * PRESUMED_SEATS) / (takers + PRESUMED_TAKERS);
        f64::from(seats_left) / (LATER_SHARE * each.max(SEATS_MIN))
    }
}

impl Course {
    /// Nothing when nobody can be let in.
    fn new(room: Room, doubt: f64, rate: RateLimit, cap: u32) -> Option<Arc<Self>> {
        if cap == 0 {
            return None;
        }
        let flow = |times: f64| room.flow(rate.per_second(), f64::from(cap), times);
        let (fast, likely, slow) = (flow(1.0 / doubt), flow(1.0), flow(doubt));
        let bend = |people: f64| {
            let seconds = |flow: &Flow| flow.seconds_for(people);
            let (low, high) = (seconds(&fast) * LEAST, seconds(&slow) * MOST + SLACK_SECONDS);
            let (low, high) = fit(low, seconds(&likely), high);
            Bend { people, low, high }
        };
        let mut bends: Vec<Bend> = Vec::new();
        for people in likely.bends() {
            let last = bends.last().map_or(-1.0, |bend| bend.people);
            if people <= last {
                continue;
            }
            // Where the line stands still, the last one before and the first one behind are far apart.
            let just_before = bend(people - 0.5);
            let here = bend(people);
            if just_before.people > last && here.low - just_before.low > 1.0 {
                bends.push(just_before);
            }
            bends.push(here);
        }
        bends.push(bend(bends.last().map_or(0.0, |bend| bend.people) + FAR_PEOPLE));
        Some(Arc::new(Self { room, doubt, bends }))
    }
}

/// The part of a range that may be told: as much of it to both sides of what is likely, in proportion.
fn fit(low: f64, likely: f64, high: f64) -> (f64, f64) {
    if high <= WIDEST_TIMES * low + WIDEST_SECONDS {
        return (low, high);
    }
    // Where high = 2 × low + 30 and likely / low = high / likely.
    let even = ((WIDEST_SECONDS.powi(2) + 4.0 * WIDEST_TIMES * likely.powi(2)).sqrt() - WIDEST_SECONDS)
        / (2.0 * WIDEST_TIMES);
    let low = low.max(even);
    (low, high.min(WIDEST_TIMES * low + WIDEST_SECONDS))
}

impl Forecast {
    /// Nothing can be said.
    pub const UNKNOWN: Self = Self { cap: 0, present: 1.0, lasting: 0.0, course: None };

    /// What could be said with another rate and cap.
    pub fn with(&self, rate: RateLimit, cap: u32) -> Self {
        let course = self.course.as_ref();
        let course = course.and_then(|course| Course::new(course.room.clone(), course.doubt, rate, cap));
        Self { cap, course, ..*self }
    }

    /// The same line while nobody is let in.
    pub fn halted(self) -> Self {
        Self { course: None, ..self }
    }

    /// How long somebody with so many ahead will wait; nothing when nobody is let in, and when the seats
    /// will be gone before it is their turn.
    ///
    /// `high` is at most twice `low` and half a minute.
    pub fn wait(&self, ahead: u64) -> Option<WaitRange> {
        let bends = self.bends();
        let people = (ahead as f64 + 1.0) * self.present.clamp(0.0, 1.0);
        if people > self.lasting {
            return None;
        }
        let next = bends.partition_point(|bend| bend.people <= people).clamp(1, bends.len().max(2) - 1);
        let (before, after) = bends.get(next - 1).zip(bends.get(next))?;
        let share = (people - before.people) / (after.people - before.people);
        let low = whole((before.low + (after.low - before.low) * share).floor());
        let high = whole((before.high + (after.high - before.high) * share).ceil());
        // Rounding must not widen it.
        Some(WaitRange { low, high: high.min(low.saturating_mul(2).saturating_add(30)) })
    }

    /// The wait by how many have to be let in, in order; nothing when nobody is let in.
    pub fn bends(&self) -> &[Bend] {
        self.course.as_ref().map_or(&[], |course| &course.bends)
    }
}

/// The bounds are far above any sale, and far below what a number can hold.
fn whole(seconds: f64) -> u32 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to the range")]
    let seconds = seconds.clamp(0.0, 1.0e9) as u32;
    seconds
}

#[cfg(test)]
mod tests;
