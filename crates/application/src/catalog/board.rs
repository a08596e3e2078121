//! The seat board of one schedule: which seat shows what, at which version.
//!
//! A board is an immutable picture. Every commit that changes seats makes a new one beside it and swaps it in,
//! so a reader never waits and never sees half a change. One version always has one content.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use frontrow_domain::catalog::{Schedule, SeatPlan};
use frontrow_domain::records::{SeatChanges, SeatPicture};
use frontrow_domain::reservation::{FreeSeats, SeatState};
use frontrow_domain::{ScheduleId, SeatNo};
use parking_lot::Mutex;

use super::spread::Step;
use crate::store::SeatMap;

/// The fewest changed seats that a board remembers for those who ask what has changed.
const HISTORY_MIN: usize = 1_024;

/// The seats of one schedule at one version.
#[derive(Debug)]
pub struct Board {
    schedule: ScheduleId,
    plan: Arc<SeatPlan>,
    version: u64,
    states: Vec<SeatState>,
    counts: [u32; SeatState::ALL.len()],
    /// How many seats of each grade are available, in order of grade.
    available: Vec<u32>,
    /// The seats that are available, for those who ask for the best of them.
    picture: Arc<SeatPicture>,
    history: Arc<Mutex<History>>,
}

/// What the latest commits changed. Shared by all pictures of one board, so that a commit adds to it instead of
/// copying it; each picture looks only at what is not newer than itself.
#[derive(Debug, Default)]
struct History {
    changes: VecDeque<SeatChanges>,
    /// The version after which every change is remembered.
    since: u64,
    /// How many changed seats are remembered.
    seats: usize,
}

/// What has changed since a version.
#[derive(Debug, PartialEq, Eq)]
pub enum MapChanges {
    /// These seats, which show this now.
    Since(Vec<(SeatNo, SeatState)>),
    /// That version is unknown or too long ago: fetch the whole map.
    TooOld,
}

impl Board {
    /// The board of a schedule as it is stored.
    pub fn of(map: &SeatMap) -> Self {
        let Schedule { id, plan, version, plan_version, .. } = &map.schedule;
        let mut free = FreeSeats::all(plan.seats().len());
        for &(seat, _) in &map.taken {
            free.set(seat, false);
        }
        let mut board = Self {
            schedule: *id,
            plan: Arc::clone(plan),
            version: *version,
            states: vec![SeatState::Available; plan.seats().len()],
            counts: [plan.size(), 0, 0, 0],
            available: grade_sizes(plan),
            picture: Arc::new(SeatPicture { version: *version, plan_version: *plan_version, free }),
            history: Arc::default(),
        };
        for &(seat, state) in &map.taken {
            board.set(seat, state);
        }
        board
    }

    /// The board after a step, or nothing when the step is not from this version on.
    pub(crate) fn after(&self, step: &Step) -> Option<Self> {
        let connects = step.from <= self.version && self.version < step.change.version;
        connects.then(|| self.caught_up(&step.change))
    }

    /// The board after everything that has changed since its version.
    pub fn caught_up(&self, change: &SeatChanges) -> Self {
        let mut free = self.picture.free.clone();
        for &(seat, state) in &change.seats {
            free.set(seat, state == SeatState::Available);
        }
        let plan_version = self.picture.plan_version;
        let mut board = Self {
            schedule: self.schedule,
            plan: Arc::clone(&self.plan),
            version: change.version,
            states: self.states.clone(),
            counts: self.counts,
            available: self.available.clone(),
            picture: Arc::new(SeatPicture { version: change.version, plan_version, free }),
            history: Arc::clone(&self.history),
        };
        for &(seat, state) in &change.seats {
            board.set(seat, state);
        }
        board.remember(self.version, change);
        board
    }

    fn remember(&self, before: u64, change: &SeatChanges) {
        let mut history = self.history.lock();
        if history.changes.is_empty() {
            history.since = before;
        }
        // A picture that was made beside this one, and lost, has left the same change already.
        if history.changes.back().is_some_and(|newest| newest.version >= change.version) {
            return;
        }
        history.seats += change.seats.len();
        history.changes.push_back(change.clone());
        while history.seats > HISTORY_MIN.max(self.states.len()) {
            let Some(oldest) = history.changes.pop_front() else { break };
            history.seats -= oldest.seats.len();
            history.since = oldest.version;
        }
    }

    fn set(&mut self, seat: SeatNo, state: SeatState) {
        let Some(present) = self.states.get_mut(seat.index()) else { return };
        let before = std::mem::replace(present, state);
        self.counts[before as usize] -= 1;
        self.counts[state as usize] += 1;
        if let Some(grade) = self.plan.seat(seat).map(|seat| usize::from(seat.grade)) {
            self.available[grade] -= u32::from(before == SeatState::Available);
            self.available[grade] += u32::from(state == SeatState::Available);
        }
    }

    /// Which schedule.
    pub fn schedule(&self) -> ScheduleId {
        self.schedule
    }

    /// Its seats.
    pub fn plan(&self) -> &Arc<SeatPlan> {
        &self.plan
    }

    /// Which seats are available.
    pub fn picture(&self) -> &Arc<SeatPicture> {
        &self.picture
    }

    /// The version of this picture.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// What every seat shows, in order of number.
    pub fn states(&self) -> &[SeatState] {
        &self.states
    }

    /// How many seats show this.
    pub fn count(&self, state: SeatState) -> u32 {
        self.counts[state as usize]
    }

    /// How many seats of each grade are available, in order of grade.
    pub fn available_by_grade(&self) -> &[u32] {
        &self.available
    }

    /// Which seats have changed since a version.
    pub fn since(&self, version: u64) -> MapChanges {
        self.since_at_most(version, usize::MAX)
    }

    /// The same for somebody to whom more than so many seats are as good as the whole map.
    pub fn since_at_most(&self, version: u64, most: usize) -> MapChanges {
        if version == self.version {
            return MapChanges::Since(Vec::new());
        }
        let history = self.history.lock();
        let oldest = if history.changes.is_empty() { self.version } else { history.since };
        if version > self.version || version < oldest {
            return MapChanges::TooOld;
        }
        let newer = history
            .changes
            .iter()
            .rev()
            .skip_while(|change| change.version > self.version)
            .take_while(|change| change.version > version);
        let mut seats = BTreeMap::new();
        for &(seat, _) in newer.flat_map(|change| &change.seats) {
            let Some(&state) = self.states.get(seat.index()) else { continue };
            seats.insert(seat, state);
            if seats.len() > most {
                return MapChanges::TooOld;
            }
        }
        MapChanges::Since(seats.into_iter().collect())
    }
}

fn grade_sizes(plan: &SeatPlan) -> Vec<u32> {
    let mut sizes = vec![0; plan.grades().len()];
    for seat in plan.seats() {
        sizes[usize::from(seat.grade)] += 1;
    }
    sizes
}

#[cfg(test)]
mod tests;
