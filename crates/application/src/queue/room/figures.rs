//! What a line looks like, and what can be said of its speed.

use frontrow_domain::queue::{Forecast, PlaceState, RoomState, Tally, WaitRange};
use frontrow_domain::{Sequence, Timestamp};

use super::{Room, UNKNOWN_WAIT};
use crate::waiting_room::LineFigures;

/// How many of those in line are looked at for the share who are present.
const SAMPLES: u64 = 512;
/// Seconds between two looks.
const SAMPLE_SECONDS: u32 = 1;

impl Room {
    /// What the line looks like, and what has happened since this was last asked.
    pub(in crate::queue) fn figures(&mut self, now: Timestamp) -> LineFigures {
        let tally = Tally { active: self.active, ..std::mem::take(&mut self.tally) };
        self.outflow.add(&tally, now);
        let policy = (self.policy.settings, self.policy.state);
        let is_due = now >= self.sampled_at.plus_seconds(SAMPLE_SECONDS);
        if is_due || self.forecast_policy != Some(policy) {
            self.sampled_at = now;
            self.forecast_policy = Some(policy);
            self.present = self.present_share(now);
            self.told_forecast = self.forecast();
        }
        LineFigures {
            waiting: self.waiting.len(),
            lobby: self.lobby.waiting(),
            skipped: self.skipped.len() as u64,
            active: self.active,
            head: self.waiting.first().map_or(self.mark.next, Sequence::new),
            admitted_per_second: self.admissions.shown_per_second(now),
            admitted: tally.admitted,
            forecast: self.told_forecast.clone(),
            estimates: std::mem::take(&mut self.estimates),
        }
    }

    pub(in crate::queue) fn judge(&mut self, told: (u32, u32), joined_at: Timestamp, admitted_at: Timestamp) {
        let (low, high) = told;
        let waited = joined_at.seconds_until(admitted_at);
        let range = WaitRange { low, high };
        if told == UNKNOWN_WAIT {
            self.estimates.unknown += 1;
        } else if range.holds(waited) {
            self.estimates.inside += 1;
        } else if waited < u64::from(low) {
            self.estimates.shorter += 1;
        } else {
            self.estimates.longer += 1;
        }
    }

    pub(in crate::queue) fn present_share(&self, now: Timestamp) -> f64 {
        let Some(first) = self.waiting.first() else { return 1.0 };
        let step = ((self.mark.next.get() - first) / SAMPLES).max(1);
        let (mut present, mut looked_at) = (0_u32, 0_u32);
        let mut number = first;
        while number < self.mark.next.get() {
            if let Some(slot) = self.slots.get(number).filter(|slot| slot.state == PlaceState::Waiting) {
                looked_at += 1;
                present += u32::from(self.is_present(slot, now));
            }
            number += step;
        }
        if looked_at == 0 { 1.0 } else { f64::from(present) / f64::from(looked_at) }
    }

    pub(in crate::queue) fn forecast(&mut self) -> Forecast {
        let forecast = self.outflow.forecast(self.policy.limits(), self.present);
        if self.policy.state == RoomState::Open { forecast } else { forecast.halted() }
    }
}
