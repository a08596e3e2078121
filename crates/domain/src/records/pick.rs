//! Choosing seats inside a decision: which seats nobody has, exactly, without loading every claim of a hall.
//!
//! A command brings the map of a version that it has seen. The store adds the claims of every seat that a commit
//! has changed since ([`Key::ClaimsSince`]). So of each seat it is known whether somebody has it: from its claim
//! where one was looked for, from the picture elsewhere. What commands of the same group have taken before is in the
//! table of claims, and is put on top as it comes and goes.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::{Key, Need, Records, Table};
use crate::catalog::SeatPlan;
use crate::reservation::{BestRequest, Claim, FreeSeats, NotAvailable, best_available};
use crate::{ScheduleId, SeatNo, Timestamp};

/// Which seats showed as available at one version of a map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeatPicture {
    /// The version of the map.
    pub version: u64,
    /// Of which plan of the schedule.
    pub plan_version: u32,
    /// The seats.
    pub free: FreeSeats,
}

/// What is known of the seats of schedules beyond single claims.
#[derive(Debug, Default)]
pub(super) struct Picks {
    /// After which version of a map all changed seats have been loaded.
    since: HashMap<ScheduleId, u64>,
    /// Where the claims of lapsed holds have been loaded.
    lapsed: HashSet<ScheduleId>,
    /// Which seats nobody has now.
    free: HashMap<ScheduleId, Free>,
}

#[derive(Debug)]
struct Free {
    seats: FreeSeats,
    /// How much of what happened to claims is in it.
    mark: usize,
    /// The time as of which claims have lapsed.
    now: Timestamp,
}

type Claims = Table<(ScheduleId, SeatNo), Claim>;

fn is_free(claims: &Claims, key: (ScheduleId, SeatNo), now: Timestamp) -> bool {
    matches!(claims.get(&key), Ok(claim) if claim.is_none_or(|claim| claim.has_lapsed(now)))
}

impl Picks {
    /// Brings every picture up to date after claims were rolled back to `mark`.
    pub(super) fn roll_back(&mut self, claims: &Claims, seats: &[(ScheduleId, SeatNo)], mark: usize) {
        for key in seats {
            if let Some(free) = self.free.get_mut(&key.0) {
                free.seats.set(key.1, is_free(claims, *key, free.now));
            }
        }
        for free in self.free.values_mut() {
            free.mark = free.mark.min(mark);
        }
    }

    /// Forgets what was worked out; what was loaded stays.
    pub(super) fn forget(&mut self) {
        self.free.clear();
    }
}

impl Records {
    /// Notes that the claims of all seats that were changed after that version of a map have been loaded.
    pub fn loaded_claims_since(&mut self, schedule: ScheduleId, version: u64) {
        let since = self.picks.since.entry(schedule).or_insert(version);
        *since = version.min(*since);
    }

    /// After which version of a map all changed seats have been loaded; 0 when all claims have.
    pub fn claims_known_since(&self, schedule: ScheduleId) -> Option<u64> {
        self.picks.since.get(&schedule).copied()
    }

    /// Notes that the claims of all lapsed holds of a schedule have been loaded.
    pub fn loaded_lapsed_claims(&mut self, schedule: ScheduleId) {
        self.picks.lapsed.insert(schedule);
    }

    /// The claim on a seat; nothing when there is none. Where all claims of a schedule have been loaded, one that was
    /// not found is not there.
    pub fn claim(&self, schedule: ScheduleId, seat: SeatNo) -> Result<Option<&Claim>, Need> {
        let key = (schedule, seat);
        if self.picks.since.get(&schedule) == Some(&0) && !self.claims.knows(&key) {
            return Ok(None);
        }
        self.claims.get(&key)
    }

    /// Chooses the best seats that nobody has. A refusal counts: it was looked for among lapsed holds as well.
    pub fn pick_best(
        &mut self,
        schedule: ScheduleId,
        picture: &SeatPicture,
        request: &BestRequest,
        seed: u64,
        now: Timestamp,
    ) -> Result<Result<Vec<SeatNo>, NotAvailable>, Need> {
        let plan = self.know_free_seats(schedule, picture, now)?;
        let Some(free) = self.picks.free.get(&schedule) else {
            return Err(Need(Key::ClaimsSince(schedule, 0)));
        };
        match best_available(&plan, &free.seats, request, seed) {
            Err(_) if !self.picks.lapsed.contains(&schedule) => Err(Need(Key::LapsedClaims(schedule))),
            Err(refused) => Ok(Err(refused)),
            Ok(seats) => {
                for &seat in &seats {
                    // A seat that was free in the picture and has not changed since has no claim.
                    if !self.claims.knows(&(schedule, seat)) {
                        self.claims.load((schedule, seat), None);
                    }
                }
                Ok(Ok(seats))
            }
        }
    }

    /// Works out which seats nobody has, or brings that up to date. Answers the plan that they belong to.
    fn know_free_seats(
        &mut self,
        schedule: ScheduleId,
        picture: &SeatPicture,
        now: Timestamp,
    ) -> Result<Arc<SeatPlan>, Need> {
        let Some(present) = self.schedules.get(&schedule)? else { return Err(Need(Key::Schedule(schedule))) };
        let plan = Arc::clone(&present.plan);
        let mark = self.claims.mark();
        if let Some(free) = self.picks.free.get_mut(&schedule)
            && free.now == now
        {
            for key in self.claims.touched_since(free.mark).filter(|key| key.0 == schedule) {
                free.seats.set(key.1, is_free(&self.claims, *key, now));
            }
            free.mark = mark;
            return Ok(plan);
        }
        let since = self.picks.since.get(&schedule).copied();
        let fits = picture.plan_version == present.plan_version && picture.version <= present.version;
        let mut seats = match since {
            Some(0) => FreeSeats::all(plan.seats().len()),
            Some(since) if fits && picture.version >= since => picture.free.clone(),
            None if fits => return Err(Need(Key::ClaimsSince(schedule, picture.version))),
            _ => return Err(Need(Key::ClaimsSince(schedule, 0))),
        };
        for key in self.claims.names().filter(|key| key.0 == schedule) {
            seats.set(key.1, is_free(&self.claims, *key, now));
        }
        self.picks.free.insert(schedule, Free { seats, mark, now });
        Ok(plan)
    }
}
