//! Keeping seats back from sale, and putting them on sale again (R-C5): all or nothing.

use std::sync::Arc;

use frontrow_domain::catalog::{Schedule, SeatPlan};
use frontrow_domain::event::{self, Event, SeatsMoved};
use frontrow_domain::records::{Key, Keys, Records};
use frontrow_domain::reservation::{block_seats, taken_seats, unblock_seats};
use frontrow_domain::staff::ActionKind;
use frontrow_domain::{ScheduleId, SeatNo, Timestamp};
use serde::{Deserialize, Serialize};

use crate::account::unavailable;
use crate::app::App;
use crate::box_office::{Failure, Priority};
use crate::command::{Command, Stop, refuse};
use crate::once::{Answered, Compact, OnceRefused, OnceTag};
use crate::staff::{By, Deed, Signature};

/// From this many seats on all claims of the schedule are loaded at once, which is quicker than one by one.
const MANY: usize = 1_000;
/// How often the seats are looked up again when the plan is replaced meanwhile.
const LOOKS_MAX: usize = 3;

/// Which seats of a schedule are meant: those that fit every member that is given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SeatSelection {
    /// These numbers, from the first up to and with the second of each pair.
    pub seats: Option<Vec<(SeatNo, SeatNo)>>,
    /// All of this section.
    pub section: Option<String>,
    /// All of the rows of this name.
    pub row: Option<String>,
    /// All of this grade.
    pub grade: Option<String>,
}

/// What is to be done with seats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeepBack {
    /// Keep them back from sale.
    Block,
    /// Put those on sale again that are kept back.
    Release,
}

/// What has become of the seats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptBack {
    /// How many seats changed.
    pub changed: u32,
    /// The version of the seat map that shows it.
    pub version: u64,
}

/// Why nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeepBackRefused {
    /// There is no such schedule.
    NotFound,
    /// These seats are not in the plan.
    UnknownSeats(Vec<SeatNo>),
    /// No member that selects anything was given.
    NothingSelected,
    /// No seat of the plan fits.
    NoSuchSeats,
    /// These seats are held or sold.
    SeatUnavailable(Vec<SeatNo>),
    /// The plan was replaced while the seats were looked up.
    PlanReplaced,
}

/// The version of the compact form of [`KeptBack`].
const KEPT_BACK_V1: u8 = 1;

impl Compact for KeptBack {
    fn to_bytes(&self) -> Option<Vec<u8>> {
        postcard::to_extend(self, vec![KEPT_BACK_V1]).ok()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (KEPT_BACK_V1, rest) = bytes.split_first().map(|(version, rest)| (*version, rest))? else {
            return None;
        };
        postcard::from_bytes(rest).ok()
    }
}

impl SeatSelection {
    /// The seats of a plan that are meant, in order of number.
    fn of(&self, plan: &SeatPlan) -> Result<Vec<SeatNo>, KeepBackRefused> {
        if self.seats.is_none() && self.section.is_none() && self.row.is_none() && self.grade.is_none() {
            return Err(KeepBackRefused::NothingSelected);
        }
        let mut wanted = vec![self.seats.is_none(); plan.seats().len()];
        let mut unknown = Vec::new();
        for &(from, to) in self.seats.iter().flatten() {
            for end in [from, to] {
                if plan.seat(end).is_none() {
                    unknown.push(end);
                }
            }
            if let Some(run) = wanted.get_mut(from.index()..=to.index()) {
                run.fill(true);
            }
        }
        if !unknown.is_empty() {
            unknown.sort_unstable();
            unknown.dedup();
            return Err(KeepBackRefused::UnknownSeats(unknown));
        }
        let fits = |given: &Option<String>, name: Option<&str>| {
            given.as_deref().is_none_or(|given| name == Some(given))
        };
        let seats: Vec<_> = plan
            .numbered()
            .zip(wanted)
            .filter(|&((_, seat), wanted)| {
                wanted
                    && fits(&self.section, plan.section_name(seat))
                    && fits(&self.row, plan.row_name(seat))
                    && fits(&self.grade, Some(&plan.grade_of(seat).name))
            })
            .map(|((no, _), _)| no)
            .collect();
        if seats.is_empty() { Err(KeepBackRefused::NoSuchSeats) } else { Ok(seats) }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SeenSeats<'a> {
    /// First and last number of each run.
    seats: Vec<(SeatNo, SeatNo)>,
    reason: Option<&'a str>,
}

struct ChangeSeats {
    schedule: ScheduleId,
    plan_version: u32,
    seats: Vec<SeatNo>,
    /// True when the seats were named one by one: then a held or sold one among those to release is a mistake.
    are_named: bool,
    what: KeepBack,
    reason: Option<String>,
    signature: Signature,
}

impl Command for ChangeSeats {
    type Outcome = KeptBack;
    type Refusal = KeepBackRefused;

    fn keys(&self) -> Keys {
        let keys = Keys::from(Key::Schedule(self.schedule));
        if self.seats.len() < MANY {
            keys.and(Key::claims(self.schedule, &self.seats))
        } else {
            keys.with(Key::ClaimsSince(self.schedule, 0))
        }
    }

    fn decide(&self, records: &mut Records, now: Timestamp) -> Result<KeptBack, Stop<KeepBackRefused>> {
        let Some(schedule) = records.schedules.get(&self.schedule)? else {
            return refuse(KeepBackRefused::NotFound);
        };
        if schedule.plan_version != self.plan_version {
            return refuse(KeepBackRefused::PlanReplaced);
        }
        let changed = match self.what {
            KeepBack::Block => match block_seats(records, self.schedule, &self.seats, now)? {
                Ok(blocked) => blocked,
                Err(taken) => return refuse(KeepBackRefused::SeatUnavailable(taken.seats)),
            },
            KeepBack::Release => {
                let taken = taken_seats(records, self.schedule, &self.seats, now)?;
                if self.are_named && !taken.is_empty() {
                    return refuse(KeepBackRefused::SeatUnavailable(taken));
                }
                unblock_seats(records, self.schedule, &self.seats)?
            }
        };
        // Read anew: the first claim has fixed the plan.
        let Some(schedule) = records.schedules.get(&self.schedule)?.cloned() else {
            return refuse(KeepBackRefused::NotFound);
        };
        let version = schedule.version.saturating_add(u64::from(!changed.is_empty()));
        let count = u32::try_from(changed.len()).unwrap_or(u32::MAX);
        if !changed.is_empty() {
            self.write(records, schedule, &changed, now);
        }
        Ok(KeptBack { changed: count, version })
    }
}

impl ChangeSeats {
    fn write(&self, records: &mut Records, schedule: Schedule, changed: &[SeatNo], now: Timestamp) {
        let moved = SeatsMoved::of(&schedule, changed);
        let action = match self.what {
            KeepBack::Block => ActionKind::BlockSeats,
            KeepBack::Release => ActionKind::ReleaseSeats,
        };
        let after = SeenSeats { seats: moved.seats.clone(), reason: self.reason.as_deref() };
        let target = format!("schedule/{}/seats", self.schedule);
        self.signature.note(records, now, Deed { action, target, before: (), after });
        let (schedule, event) = event::of_schedule(schedule, now, |_| match self.what {
            KeepBack::Block => Event::SeatsBlocked(moved),
            KeepBack::Release => Event::SeatsReleased(moved),
        });
        records.events.add(event);
        records.schedules.put(schedule.id, schedule);
    }
}

impl App {
    /// Keeps seats back from sale, or puts them on sale again. What is so already stays as it is and is not counted.
    pub async fn keep_back(
        &self,
        by: By,
        schedule: ScheduleId,
        what: KeepBack,
        selection: SeatSelection,
        reason: Option<String>,
        tag: Option<OnceTag>,
    ) -> Result<Answered<KeptBack>, Failure<OnceRefused<KeepBackRefused>>> {
        for _ in 1..LOOKS_MAX {
            let done = self.keep_back_once(by.clone(), schedule, what, &selection, reason.clone(), tag).await;
            if !matches!(done, Err(Failure::Refused(OnceRefused::Refused(KeepBackRefused::PlanReplaced)))) {
                return done;
            }
            self.memory.catalog.forget_schedule(schedule);
        }
        self.keep_back_once(by, schedule, what, &selection, reason, tag).await
    }

    async fn keep_back_once(
        &self,
        by: By,
        schedule: ScheduleId,
        what: KeepBack,
        selection: &SeatSelection,
        reason: Option<String>,
        tag: Option<OnceTag>,
    ) -> Result<Answered<KeptBack>, Failure<OnceRefused<KeepBackRefused>>> {
        let known = self.memory.catalog.schedule(schedule).await.map_err(unavailable)?;
        let known: Option<Arc<Schedule>> = known;
        let Some(known) = known else {
            return self.refuse_early(tag.as_ref(), KeepBackRefused::NotFound).await;
        };
        let seats = match selection.of(&known.plan) {
            Ok(seats) => seats,
            Err(refused) => return self.refuse_early(tag.as_ref(), refused).await,
        };
        let command = ChangeSeats {
            schedule,
            plan_version: known.plan_version,
            seats,
            are_named: selection.seats.is_some(),
            what,
            reason,
            signature: self.sign(by),
        };
        self.run_once(Priority::Begin, tag, command).await
    }
}
