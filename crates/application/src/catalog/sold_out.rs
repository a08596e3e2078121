//! Telling that a performance is sold out. Nobody who buys a seat has to know whether it is the last one: that is looked
//! at after the commit, on the seat board, and told by a command of its own, which only counts while the map still has
//! the version that was looked at (ADR 0024).

use std::collections::HashSet;
use std::convert::Infallible;

use frontrow_domain::catalog::Schedule;
use frontrow_domain::event::{self, ConcertSoldOut, Event};
use frontrow_domain::records::{Key, Keys, Records, SeatChanges};
use frontrow_domain::reservation::SeatState;
use frontrow_domain::{ScheduleId, Timestamp};
use futures_util::future::join_all;
use parking_lot::Mutex;

use crate::account::unavailable;
use crate::app::App;
use crate::box_office::{Failure, Priority};
use crate::command::{Command, Stop};
use crate::store::ReadError;

/// Seconds between two looks at all schedules. What an instance has committed it looks at by itself; only one that has
/// died between the two leaves something to be found.
const SWEEP_SECONDS: u32 = 600;
/// How many schedules one round looks at at once: what may share a group.
const BATCH: usize = 200;

/// Schedules that may be sold out without anybody having been told.
#[derive(Default)]
pub(crate) struct Suspects {
    schedules: Mutex<HashSet<ScheduleId>>,
    /// When all schedules are looked at next; nothing before the first time.
    sweep_at: Mutex<Option<Timestamp>>,
}

impl Suspects {
    /// Takes in a commit. Only one that sells seats or keeps them back can have taken the last one.
    pub(crate) fn note(&self, change: &SeatChanges) {
        let may_be_last =
            |&(_, state): &(_, SeatState)| matches!(state, SeatState::Sold | SeatState::Blocked);
        if change.seats.iter().any(may_be_last) {
            self.schedules.lock().insert(change.schedule);
        }
    }

    fn add(&self, schedules: impl IntoIterator<Item = ScheduleId>) {
        self.schedules.lock().extend(schedules);
    }

    fn take(&self) -> Vec<ScheduleId> {
        let mut taken: Vec<_> = std::mem::take(&mut *self.schedules.lock()).into_iter().collect();
        taken.sort_unstable();
        taken
    }

    fn is_sweep_due(&self, now: Timestamp) -> bool {
        self.sweep_at.lock().is_none_or(|at| now >= at)
    }
}

/// Tells that a schedule is sold out, as its map of this version shows.
struct TellSoldOut {
    schedule: ScheduleId,
    version: u64,
    sold: u32,
    kept_back: u32,
}

impl Command for TellSoldOut {
    /// True when this command did it.
    type Outcome = bool;
    type Refusal = Infallible;

    fn keys(&self) -> Keys {
        Keys::from(Key::Schedule(self.schedule))
    }

    fn decide(&self, records: &mut Records, now: Timestamp) -> Result<bool, Stop<Infallible>> {
        let Some(schedule) = records.schedules.get(&self.schedule)?.cloned() else { return Ok(false) };
        // Whoever has moved the map on has made this schedule a suspect again, if it may still be sold out.
        let is_as_seen = schedule.version == self.version && !records.has_changed_seats(self.schedule);
        let is_news = schedule.sold_out_at.is_none() && schedule.is_sold_out(self.sold, self.kept_back);
        if !is_as_seen || !is_news {
            return Ok(false);
        }
        let sold_out_at = schedule.decided_at;
        let told = Schedule { sold_out_at: Some(sold_out_at), ..schedule };
        let (told, event) = event::of_schedule(told, now, |schedule| {
            Event::ConcertSoldOut(ConcertSoldOut {
                concert_id: schedule.concert,
                schedule_id: schedule.id,
                seats_sold: self.sold,
                seats_kept_back: self.kept_back,
                sold_out_at,
                sold_out_seconds: schedule.booking.start.seconds_until(sold_out_at),
            })
        });
        records.events.add(event);
        records.schedules.put(self.schedule, told);
        Ok(true)
    }
}

impl App {
    /// Tells of every schedule that was sold out since the last time. To be called about once a second. Answers how many
    /// there were.
    pub async fn tick_sold_out(&self) -> Result<usize, Failure<Infallible>> {
        let suspects = &self.memory.suspects;
        let now = self.clock.now();
        if suspects.is_sweep_due(now) {
            suspects.add(self.untold().await.map_err(unavailable)?);
            *suspects.sweep_at.lock() = Some(now.plus_seconds(SWEEP_SECONDS));
        }
        let taken = suspects.take();
        let mut told = 0;
        let mut failed = None;
        for some in taken.chunks(BATCH) {
            let done = join_all(some.iter().map(|&schedule| self.tell_sold_out(schedule))).await;
            for (&schedule, done) in some.iter().zip(done) {
                match done {
                    Ok(is_told) => told += usize::from(is_told),
                    Err(failure) => {
                        suspects.add([schedule]);
                        failed = Some(failure);
                    }
                }
            }
        }
        failed.map_or(Ok(told), Err)
    }

    async fn tell_sold_out(&self, schedule: ScheduleId) -> Result<bool, Failure<Infallible>> {
        let Some(board) = self.memory.boards.get(schedule).await.map_err(unavailable)? else {
            return Ok(false);
        };
        let (sold, kept_back) = (board.count(SeatState::Sold), board.count(SeatState::Blocked));
        if sold == 0 || sold + kept_back < board.plan().size() {
            return Ok(false);
        }
        let command = TellSoldOut { schedule, version: board.version(), sold, kept_back };
        self.box_office.run(Priority::Job, command).await
    }

    /// Schedules that are sold out as the store has it, and not marked so.
    async fn untold(&self) -> Result<Vec<ScheduleId>, ReadError> {
        let mut untold = Vec::new();
        for (id, taken) in self.reads.taken_by_schedule().await? {
            // Plans of what was sold never change, so the one in memory will do; the mark may be newer than that.
            let Some(known) = self.memory.catalog.schedule(id).await? else { continue };
            if taken < known.plan.size() {
                continue;
            }
            let fresh = self.reads.schedule(id).await?;
            untold.extend(fresh.filter(|fresh| fresh.sold_out_at.is_none()).map(|fresh| fresh.id));
        }
        Ok(untold)
    }
}
