//! How long sessions last, from those that have ended and those that go on.
//!
//! The ends are counted by the age of the session, over the time that sessions of that age were there (occurrence over
//! exposure, as in a table of mortality): a rate of ends for each age, which together are a curve of survival. It is the
//! piecewise-exponential model (M. Friedman, "Piecewise exponential models for survival data with covariates", Annals of
//! Statistics 10, 1982). A session that goes on counts with every age that it has passed, so the first quick ones do not
//! make the line look faster than it is, and the many young ones of a line that has just opened do not make it look slower.
//! Ages that nobody has reached keep what is assumed of them ([`presumed_seconds`]): each age begins with a few ends that
//! were never seen, at the assumed rate, which is the conjugate gamma prior of such a rate.

use std::collections::VecDeque;

use crate::Timestamp;
use crate::time::SECOND_MICROS;

/// How many ages are told apart.
pub const AGES: usize = 32;
/// Seconds after which what was seen counts by a factor of e less: fans act otherwise when few seats are left.
const MEMORY_SECONDS: f64 = 90.0;
/// Ends at each age that are assumed and were not seen.
const ASSUMED_ENDS: f64 = 2.0;
/// So many ends at an age say half of what there is to know of it.
const ENOUGH_ENDS: f64 = 5.0;
/// How much ages beside each other are alike, of 1.
const ALIKE: f64 = 0.9;
/// What a session lasts before any was seen, in seconds: people look, lose seats to others, and pay.
const PRESUMED_SECONDS: f64 = 45.0;
/// The same as a share of the time that fans are given, where that is short. People take some of what they have, and few
/// take all of it.
const PRESUMED_SHARE: f64 = 0.35;
/// The most groups of sessions that are kept apart by the second of their admission; older ones are put together.
const COHORTS_MAX: usize = 2_048;

/// Counts of sessions by their age: 0, 2, 3, 4, 6, 8, 12, 16 seconds and so on are where an age begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ages(pub [u32; AGES]);

impl Ages {
    /// Counts a session that lasted so many seconds.
    pub fn note(&mut self, seconds: u64) {
        let count = &mut self.0[age_of(seconds as f64)];
        *count = count.saturating_add(1);
    }

    /// What was counted since then. A count that has fallen is one that was begun anew, of which nothing is known.
    pub fn since(&self, before: &Self) -> Self {
        Self(std::array::from_fn(|age| self.0[age].saturating_sub(before.0[age])))
    }
}

/// The seconds at which ages begin, and at which the last one ends: 2, 4, 8 and so on, and the middle between two of them.
const BEGINS: [f64; AGES + 1] = {
    let mut begins = [0.0; AGES + 1];
    let mut age = 1;
    while age <= AGES {
        let seconds = if age % 2 == 1 { 1_u32 << age.div_ceil(2) } else { 3 << (age / 2 - 1) };
        begins[age] = seconds as f64;
        age += 1;
    }
    begins
};

fn age_of(seconds: f64) -> usize {
    BEGINS[1..AGES].partition_point(|begin| *begin <= seconds)
}

/// The rate of ends between two ages where a session takes two steps of equal length on average, such as choosing and
/// paying (Erlang's distribution): nobody is done at once, and few take for ever.
fn usual_hazard(mean: f64, from: f64, to: f64) -> f64 {
    let step = 2.0 / mean;
    let up_to = |seconds: f64| step * seconds - (step * seconds).ln_1p();
    (up_to(to) - up_to(from)) / (to - from)
}

/// What a session lasts on average as long as nobody knows better, in seconds.
pub(super) fn presumed_seconds(session_seconds: u32, hold_seconds: u32) -> f64 {
    (PRESUMED_SHARE * f64::from(session_seconds.min(hold_seconds).max(1))).min(PRESUMED_SECONDS)
}

/// The sessions of a line: who is there since when, and at which age others have ended.
#[derive(Debug, Clone, Default)]
pub(super) struct Sessions {
    cohorts: VecDeque<Cohort>,
    ended: [f64; AGES],
    /// Seconds that sessions spent at each age.
    exposure: [f64; AGES],
    reckoned_at: Option<Timestamp>,
}

/// Those who were let in within one second and are still there.
#[derive(Debug, Clone, Copy)]
struct Cohort {
    second: i64,
    count: f64,
}

impl Sessions {
    /// Takes in what happened up to `now`, since it was last called.
    pub(super) fn add(&mut self, admitted: u32, ended: &Ages, active: u32, now: Timestamp) {
        let elapsed = self.reckoned_at.map_or(0, |then| now.micros_since(then)) as f64 / SECOND_MICROS as f64;
        self.reckoned_at = Some(now);
        let forgotten = (-elapsed / MEMORY_SECONDS).exp();
        for age in 0..AGES {
            self.ended[age] = self.ended[age] * forgotten + f64::from(ended.0[age]);
            self.exposure[age] *= forgotten;
        }
        let second = now.micros().div_euclid(SECOND_MICROS);
        for cohort in &self.cohorts {
            self.exposure[cohort.age(second)] += cohort.count * elapsed;
        }
        self.admit(f64::from(admitted), second);
        self.end(ended, second);
        self.reconcile(f64::from(active), second);
    }

    fn admit(&mut self, count: f64, second: i64) {
        match self.cohorts.back_mut() {
            Some(last) if last.second >= second => last.count += count,
            _ if count > 0.0 => self.cohorts.push_back(Cohort { second, count }),
            _ => {}
        }
        if self.cohorts.len() > COHORTS_MAX
            && let Some(oldest) = self.cohorts.pop_front()
            && let Some(next) = self.cohorts.front_mut()
        {
            next.count += oldest.count;
        }
    }

    /// Takes those who have ended from those who were let in so long ago.
    fn end(&mut self, ended: &Ages, second: i64) {
        for (age, &count) in ended.0.iter().enumerate().filter(|(_, count)| **count > 0) {
            let of_age = |cohort: &Cohort| cohort.age(second) == age;
            let there: f64 =
                self.cohorts.iter().filter(|cohort| of_age(cohort)).map(|cohort| cohort.count).sum();
            let stay = if there > 0.0 { (1.0 - f64::from(count) / there).max(0.0) } else { 1.0 };
            self.cohorts.iter_mut().filter(|cohort| of_age(cohort)).for_each(|cohort| cohort.count *= stay);
        }
        self.cohorts.retain(|cohort| cohort.count > 0.01);
    }

    /// Holds to the number of those who are there. Who is there and was not seen to come is taken as just let in.
    fn reconcile(&mut self, active: f64, second: i64) {
        let known = self.there();
        if known > active {
            self.cohorts.iter_mut().for_each(|cohort| cohort.count *= active / known);
        } else {
            self.admit(active - known, second);
        }
    }

    /// The curve of survival, where a session is over after `longest` seconds in any case and is presumed to last
    /// `presumed` seconds.
    pub(super) fn stay(&self, presumed: f64, longest: f64) -> Stay {
        let mut stay = Stay { hazard: [1.0; AGES], longest, mean: 0.0, unseen: 0.0 };
        // By what factor those of the age before went faster than presumed, and how much is known of that.
        let (mut faster, mut known) = (1.0_f64, 0.0);
        for age in 0..AGES {
            let usual = usual_hazard(presumed.max(0.1), BEGINS[age], BEGINS[age + 1]);
            let assumed = usual * faster.powf(ALIKE * known);
            let assumed_seconds = ASSUMED_ENDS / assumed;
            stay.hazard[age] = (ASSUMED_ENDS + self.ended[age]) / (assumed_seconds + self.exposure[age]);
            faster = stay.hazard[age] / usual;
            let seen = self.ended[age].max(self.exposure[age] * usual);
            known = (seen / (seen + ENOUGH_ENDS)).max(ALIKE * known);
            let spent = stay.spent_at(age);
            stay.mean += spent;
            stay.unseen += spent * assumed_seconds / (assumed_seconds + self.exposure[age]);
        }
        stay.unseen /= stay.mean.max(f64::MIN_POSITIVE);
        stay
    }

    /// Those who are there, by age: how many, and their age on average in seconds.
    pub(super) fn by_age(&self) -> impl Iterator<Item = (f64, f64)> {
        let second = self.reckoned_at.map_or(0, |now| now.micros().div_euclid(SECOND_MICROS));
        let mut groups = [(0.0, 0.0); AGES];
        for cohort in &self.cohorts {
            let (count, seconds) = &mut groups[cohort.age(second)];
            *count += cohort.count;
            *seconds += cohort.count * cohort.seconds(second);
        }
        groups.into_iter().filter(|(count, _)| *count > 0.0).map(|(count, seconds)| (count, seconds / count))
    }

    /// How many are there.
    pub(super) fn there(&self) -> f64 {
        self.cohorts.iter().map(|cohort| cohort.count).sum()
    }

    /// How many ends were seen that still count.
    pub(super) fn ends(&self) -> f64 {
        self.ended.iter().sum()
    }
}

impl Cohort {
    /// For how long they have been there, in seconds; those of this very second for half of it.
    fn seconds(self, second: i64) -> f64 {
        ((second - self.second) as f64).max(0.5)
    }

    fn age(self, second: i64) -> usize {
        age_of(self.seconds(second))
    }
}

/// How long a session lasts: a rate of ends for each age.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Stay {
    hazard: [f64; AGES],
    /// Seconds after which a session is over in any case.
    longest: f64,
    /// What a session lasts on average, in seconds.
    pub(super) mean: f64,
    /// The share of that which is assumed and was not seen, of 1.
    pub(super) unseen: f64,
}

impl Stay {
    /// The share of sessions that last longer than so many seconds.
    pub(super) fn beyond(&self, seconds: f64) -> f64 {
        if seconds >= self.longest {
            return 0.0;
        }
        let mut sum = 0.0;
        for (age, (from, hazard)) in BEGINS.iter().zip(&self.hazard).enumerate() {
            if seconds <= *from {
                break;
            }
            sum += hazard * (seconds.min(self.end_of(age)) - from);
        }
        (-sum).exp()
    }

    /// Seconds that a session spends at that age, on average over all sessions.
    fn spent_at(&self, age: usize) -> f64 {
        let (from, to) = (BEGINS[age], self.end_of(age).min(self.longest));
        if from >= to {
            return 0.0;
        }
        // All of this age end at the same rate, so the integral of the survival over it is known.
        self.beyond(from) * (1.0 - (-self.hazard[age] * (to - from)).exp()) / self.hazard[age]
    }

    fn end_of(&self, age: usize) -> f64 {
        if age + 1 < AGES { BEGINS[age + 1] } else { self.longest.max(BEGINS[age]) }
    }
}
