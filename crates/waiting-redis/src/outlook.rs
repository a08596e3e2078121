//! What a line is like after a tick, and what can be said of its speed. Each instance works it out for itself from
//! the totals that all share.

use std::sync::Arc;

use frontrow_application::waiting_room::{EstimateHits, LineFigures, LinePolicy};
use frontrow_domain::catalog::WaitingRoomSettings;
use frontrow_domain::queue::{Ages, Forecast, Outflow, RoomState, Tally};
use frontrow_domain::{Sequence, Timestamp};

/// Seconds over which the shown rate of admission is an average; `lua/tick.lua` counts as many.
const SHOWN_SECONDS: f64 = 10.0;
/// The script tells the share of those present in millionths.
const SHARE_ONE: f64 = 1e6;
/// Seconds after which a forecast is made anew.
const FORECAST_SECONDS: u32 = 1;

/// What one call of the tick's script has answered.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ticked {
    waiting: u64,
    lobby: u64,
    skipped: u64,
    active: u32,
    head: u64,
    /// The last number that was given out.
    pub(crate) last: u64,
    /// The same in the lobby.
    pub(crate) last_in_lobby: u64,
    admitted: u32,
    lately: u32,
    estimates: EstimateHits,
    admitted_total: u64,
    /// How many sessions have ended, by age.
    ended: Ages,
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
            present_millionths: few(12)?,
            wants_sample: few(13)? == 1,
            has_more: few(14)? == 1,
            now: Timestamp::from_micros(*numbers.get(15)?),
            lobby: many(16)?,
            last_in_lobby: many(17)?,
            ended: ages(numbers.get(18..)?)?,
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

/// The counts by age; nothing when there are too few of them.
fn ages(numbers: &[i64]) -> Option<Ages> {
    let mut ages = Ages::default();
    for (age, count) in ages.0.iter_mut().enumerate() {
        *count = u32::try_from(*numbers.get(age)?).ok()?;
    }
    Some(ages)
}

/// What one instance has seen of a line.
#[derive(Debug)]
pub(crate) struct Outlook {
    outflow: Outflow,
    /// How many had been let in, and how many sessions had ended, at the last tick.
    seen: Option<(u64, Ages)>,
    forecast: Forecast,
    /// When it was made, and with which policy.
    made: Option<(Timestamp, WaitingRoomSettings, RoomState)>,
    /// What newcomers are told of the wait, as `lua/forecast.lua` reads it.
    pub(crate) told: Arc<[u8]>,
}

impl Default for Outlook {
    fn default() -> Self {
        Self {
            outflow: Outflow::default(),
            seen: None,
            forecast: Forecast::UNKNOWN,
            made: None,
            told: Arc::from(&[][..]),
        }
    }
}

impl Outlook {
    /// Takes in a tick, and answers its figures.
    pub(crate) fn take_in(&mut self, ticked: &Ticked, policy: LinePolicy) -> LineFigures {
        let before = self.seen.replace((ticked.admitted_total, ticked.ended));
        let (admitted, ended) = before
            .unwrap_or((ticked.admitted_total.saturating_sub(u64::from(ticked.admitted)), ticked.ended));
        // Totals fall when Redis has lost something: then nothing is known of what happened.
        let admitted = ticked.admitted_total.saturating_sub(admitted);
        let tally = Tally {
            admitted: u32::try_from(admitted).unwrap_or(u32::MAX),
            ended: ticked.ended.since(&ended),
            active: ticked.active,
        };
        self.outflow.add(&tally, ticked.now);
        self.look_ahead(ticked, policy);
        LineFigures {
            waiting: ticked.waiting,
            lobby: ticked.lobby,
            skipped: ticked.skipped,
            active: ticked.active,
            head: Sequence::new(ticked.head),
            admitted_per_second: f64::from(ticked.lately) / SHOWN_SECONDS,
            admitted: ticked.admitted,
            forecast: self.forecast.clone(),
            estimates: ticked.estimates,
        }
    }

    /// Makes the forecast anew, once a second and when the policy has changed.
    fn look_ahead(&mut self, ticked: &Ticked, policy: LinePolicy) {
        let is_fresh = self.made.is_some_and(|(at, settings, state)| {
            ticked.now < at.plus_seconds(FORECAST_SECONDS)
                && (settings, state) == (policy.settings, policy.state)
        });
        if is_fresh {
            return;
        }
        self.made = Some((ticked.now, policy.settings, policy.state));
        let present = f64::from(ticked.present_millionths) / SHARE_ONE;
        let forecast = self.outflow.forecast(policy.limits(), present);
        self.forecast = if policy.state == RoomState::Open { forecast } else { forecast.halted() };
        self.told = told(&self.forecast);
    }
}

/// A forecast as the script reads it.
pub(crate) fn told(forecast: &Forecast) -> Arc<[u8]> {
    let bends = forecast.bends();
    if bends.is_empty() {
        return Arc::from(&[][..]);
    }
    let of_bends = bends.iter().flat_map(|bend| [bend.people, bend.low, bend.high]);
    [forecast.present, forecast.lasting].into_iter().chain(of_bends).flat_map(f64::to_le_bytes).collect()
}
