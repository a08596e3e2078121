//! What a line is like after a tick, and what can be said of its speed. Each instance works it out for itself from
//! the totals that all share.

use frontrow_application::waiting_room::{EstimateHits, LineFigures, LinePolicy};
use frontrow_domain::queue::{Forecast, Outflow, RateLimit, RoomState, Tally};
use frontrow_domain::{Sequence, Timestamp};

/// Seconds over which the shown rate of admission is an average; `lua/tick.lua` counts as many.
const SHOWN_SECONDS: f64 = 10.0;
/// The script tells the share of those present in millionths.
const SHARE_ONE: f64 = 1e6;

/// What one call of the tick's script has answered.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ticked {
    waiting: u64,
    skipped: u64,
    active: u32,
    head: u64,
    /// The last number that was given out.
    pub(crate) last: u64,
    admitted: u32,
    lately: u32,
    estimates: EstimateHits,
    admitted_total: u64,
    ended_total: u64,
    pub(crate) present_millionths: u32,
    pub(crate) wants_sample: bool,
    pub(crate) has_more: bool,
    now: Timestamp,
}

impl Ticked {
    /// Reads the answer; nothing when it is not in the form of the script.
    pub(crate) fn read(numbers: &[i64]) -> Option<Self> {
        let many = |index: usize| numbers.get(index).and_then(|number| u64::try_from(*number).ok());
        let few = |index: usize| numbers.get(index).and_then(|number| u32::try_from(*number).ok());
        Some(Self {
            waiting: many(0)?,
            skipped: many(1)?,
            active: few(2)?,
            head: many(3)?,
            last: many(4)?,
            admitted: few(5)?,
            lately: few(6)?,
            estimates: EstimateHits { inside: few(7)?, shorter: few(8)?, longer: few(9)?, unknown: few(10)? },
            admitted_total: many(11)?,
            ended_total: many(12)?,
            present_millionths: few(13)?,
            wants_sample: few(14)? == 1,
            has_more: few(15)? == 1,
            now: Timestamp::from_micros(*numbers.get(16)?),
        })
    }

    /// The same tick, after its next chunk.
    pub(crate) fn and_then(self, next: Self) -> Self {
        let (a, b) = (self.estimates, next.estimates);
        let estimates = EstimateHits {
            inside: a.inside + b.inside,
            shorter: a.shorter + b.shorter,
            longer: a.longer + b.longer,
            unknown: a.unknown + b.unknown,
        };
        let wants_sample = self.wants_sample || next.wants_sample;
        Self { admitted: self.admitted + next.admitted, estimates, wants_sample, ..next }
    }
}

/// What one instance has seen of a line.
#[derive(Debug)]
pub(crate) struct Outlook {
    outflow: Outflow,
    /// How many had been let in, and how many sessions had ended, at the last tick.
    seen: Option<(u64, u64)>,
    /// What newcomers are told of the wait.
    pub(crate) told: Forecast,
}

impl Default for Outlook {
    fn default() -> Self {
        Self { outflow: Outflow::default(), seen: None, told: Forecast::UNKNOWN }
    }
}

impl Outlook {
    /// Takes in a tick, and answers its figures.
    pub(crate) fn take_in(&mut self, ticked: &Ticked, policy: LinePolicy) -> LineFigures {
        let totals = (ticked.admitted_total, ticked.ended_total);
        let before = self.seen.replace(totals);
        let (admitted, ended) =
            before.unwrap_or((totals.0.saturating_sub(u64::from(ticked.admitted)), totals.1));
        // Totals fall when Redis has lost something: then nothing is known of what happened.
        let since = |total: u64, before: u64| u32::try_from(total.saturating_sub(before)).unwrap_or(u32::MAX);
        let tally = Tally {
            admitted: since(totals.0, admitted),
            ended: since(totals.1, ended),
            active: ticked.active,
        };
        self.outflow.add(tally, ticked.now);
        let settings = policy.settings;
        self.told = Forecast {
            rate: RateLimit::of_milli(settings.admit_per_second_milli).per_second(),
            cap: settings.max_active,
            active: ticked.active,
            hazard: self.outflow.hazard(),
            present: f64::from(ticked.present_millionths) / SHARE_ONE,
            is_flowing: policy.state == RoomState::Open && self.outflow.admitted() > 0.0,
        };
        LineFigures {
            waiting: ticked.waiting,
            skipped: ticked.skipped,
            active: ticked.active,
            head: Sequence::new(ticked.head),
            admitted_per_second: f64::from(ticked.lately) / SHOWN_SECONDS,
            admitted: ticked.admitted,
            forecast: self.told,
            estimates: ticked.estimates,
        }
    }
}
