//! Make and edit a schedule.

use std::sync::Arc;

use frontrow_domain::catalog::{
    BookingWindow, Drawing, FieldError, HoldPolicy, RefundPolicy, Schedule, ScheduleDraft, SeatPlan,
};
use frontrow_domain::records::{Counter, Key, Keys, PlanDrawing, Records};
use frontrow_domain::staff::ActionKind;
use frontrow_domain::{ConcertId, ScheduleId, Timestamp};

use super::concert::{next_number, number_from_bytes, number_to_bytes};
use super::seen::SeenSchedule;
use crate::app::App;
use crate::box_office::{Failure, Priority};
use crate::command::{Command, Stop, refuse};
use crate::once::{Answered, Compact, OnceRefused, OnceTag};
use crate::staff::{By, Deed, Signature};

/// What an operator says of a new schedule.
#[derive(Debug, Clone)]
pub struct NewSchedule {
    /// Of which concert.
    pub concert: ConcertId,
    /// Everything but the seats.
    pub draft: ScheduleDraft,
    /// The seats.
    pub plan: Arc<SeatPlan>,
    /// Where they are on the screen, for a plan that says so.
    pub drawing: Option<Arc<Drawing>>,
}

/// What an operator changes of a schedule; what is absent stays.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SchedulePatch {
    /// Where.
    pub venue: Option<String>,
    /// When it begins.
    pub starts_at: Option<Timestamp>,
    /// IANA name of the venue's time zone, checked at the edge.
    pub time_zone: Option<String>,
    /// How long it takes.
    pub duration_minutes: Option<u32>,
    /// When the sale opens.
    pub booking_start: Option<Timestamp>,
    /// When the sale closes.
    pub booking_end: Option<Timestamp>,
    /// How long seats are held.
    pub hold_seconds: Option<u32>,
    /// When a hold ends in any case.
    pub hold_max_seconds: Option<u32>,
    /// What the one extension adds.
    pub hold_extension_seconds: Option<u32>,
    /// The most seats that one fan may have.
    pub max_seats_per_fan: Option<u32>,
    /// What a fan gets back who returns paid seats.
    pub refund_policy: Option<RefundPolicy>,
    /// Whether new holds are stopped.
    pub sales_paused: Option<bool>,
    /// Other seats, as long as none was ever claimed.
    pub plan: Option<Arc<SeatPlan>>,
    /// Where those are on the screen, for a plan that says so.
    pub drawing: Option<Arc<Drawing>>,
}

/// Why a schedule is not made or edited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EditScheduleRefused {
    /// There is no such concert or schedule.
    NotFound,
    /// These members are wrong.
    Invalid(Vec<FieldError>),
    /// Seats were claimed already, so the plan is fixed.
    InUse,
}

impl SchedulePatch {
    fn apply(&self, present: ScheduleDraft) -> ScheduleDraft {
        ScheduleDraft {
            venue: self.venue.clone().unwrap_or(present.venue),
            starts_at: self.starts_at.unwrap_or(present.starts_at),
            time_zone: self.time_zone.clone().unwrap_or(present.time_zone),
            duration_minutes: self.duration_minutes.unwrap_or(present.duration_minutes),
            booking: BookingWindow {
                start: self.booking_start.unwrap_or(present.booking.start),
                end: self.booking_end.unwrap_or(present.booking.end),
            },
            hold: HoldPolicy {
                hold_seconds: self.hold_seconds.unwrap_or(present.hold.hold_seconds),
                max_seconds: self.hold_max_seconds.unwrap_or(present.hold.max_seconds),
                extension_seconds: self.hold_extension_seconds.unwrap_or(present.hold.extension_seconds),
            },
            max_seats_per_fan: self.max_seats_per_fan.unwrap_or(present.max_seats_per_fan),
            refund_policy: self.refund_policy.clone().unwrap_or(present.refund_policy),
            sales_paused: self.sales_paused.unwrap_or(present.sales_paused),
        }
    }
}

impl Compact for ScheduleId {
    fn to_bytes(&self) -> Option<Vec<u8>> {
        Some(number_to_bytes(self.get()))
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        number_from_bytes(bytes).map(Self::new)
    }
}

struct CreateSchedule {
    new: NewSchedule,
    signature: Signature,
}

impl Command for CreateSchedule {
    type Outcome = ScheduleId;
    type Refusal = EditScheduleRefused;

    fn keys(&self) -> Keys {
        Keys::new([Key::Concert(self.new.concert), Key::Counter(Counter::Schedule)])
    }

    fn decide(&self, records: &mut Records, now: Timestamp) -> Result<ScheduleId, Stop<EditScheduleRefused>> {
        let NewSchedule { concert, draft, plan, drawing } = &self.new;
        if records.concerts.get(concert)?.is_none() {
            return refuse(EditScheduleRefused::NotFound);
        }
        let errors = draft.check();
        if !errors.is_empty() {
            return refuse(EditScheduleRefused::Invalid(errors));
        }
        let id = ScheduleId::new(next_number(records, Counter::Schedule)?);
        let schedule = draft.clone().into_schedule(id, *concert, Arc::clone(plan), now);
        let (action, target) = (ActionKind::CreateSchedule, format!("schedule/{id}"));
        let deed = Deed { action, target, before: (), after: SeenSchedule::of(&schedule) };
        self.signature.note(records, now, deed);
        keep_drawing(records, &schedule, drawing.as_ref());
        records.schedules.put_new(id, schedule);
        Ok(id)
    }
}

fn keep_drawing(records: &mut Records, schedule: &Schedule, drawing: Option<&Arc<Drawing>>) {
    if let Some(drawing) = drawing {
        let (plan_version, drawing) = (schedule.plan_version, Arc::clone(drawing));
        records.drawings.add(PlanDrawing { schedule: schedule.id, plan_version, drawing });
    }
}

struct EditSchedule {
    id: ScheduleId,
    patch: SchedulePatch,
    signature: Signature,
}

impl Command for EditSchedule {
    type Outcome = Schedule;
    type Refusal = EditScheduleRefused;

    fn keys(&self) -> Keys {
        Keys::new([Key::Schedule(self.id)])
    }

    fn decide(&self, records: &mut Records, now: Timestamp) -> Result<Schedule, Stop<EditScheduleRefused>> {
        let Some(schedule) = records.schedules.get(&self.id)?.cloned() else {
            return refuse(EditScheduleRefused::NotFound);
        };
        if self.patch.plan.is_some() && schedule.in_use {
            return refuse(EditScheduleRefused::InUse);
        }
        let draft = self.patch.apply(schedule.draft());
        let errors = draft.check();
        if !errors.is_empty() {
            return refuse(EditScheduleRefused::Invalid(errors));
        }
        let mut edited = schedule.clone().edited(draft);
        if let Some(plan) = &self.patch.plan {
            edited.plan = Arc::clone(plan);
            edited.plan_version = edited.plan_version.saturating_add(1);
            edited.version = edited.version.saturating_add(1);
            keep_drawing(records, &edited, self.patch.drawing.as_ref());
        }
        edited.decided_at = edited.decided_at.max(now);
        let (action, target) = (ActionKind::EditSchedule, format!("schedule/{}", self.id));
        let (before, after) = (SeenSchedule::of(&schedule), SeenSchedule::of(&edited));
        self.signature.note(records, now, Deed { action, target, before, after });
        records.schedules.put(self.id, edited.clone());
        Ok(edited)
    }
}

impl App {
    /// Makes a schedule of a concert.
    pub async fn create_schedule(
        &self,
        by: By,
        new: NewSchedule,
        tag: Option<OnceTag>,
    ) -> Result<Answered<ScheduleId>, Failure<OnceRefused<EditScheduleRefused>>> {
        self.run_once(Priority::Begin, tag, CreateSchedule { new, signature: self.sign(by) }).await
    }

    /// Edits a schedule.
    pub async fn edit_schedule(
        &self,
        by: By,
        id: ScheduleId,
        patch: SchedulePatch,
    ) -> Result<Schedule, Failure<EditScheduleRefused>> {
        self.box_office.run(Priority::Begin, EditSchedule { id, patch, signature: self.sign(by) }).await
    }
}
