//! Schedules, as operators make and edit them.

use axum::extract::State;
use axum::http::StatusCode;
use frontrow_application::catalog::plan_import::{ImportedPlan, PlanDocument, PlanFiles};
use frontrow_application::catalog::{NewSchedule, ScheduleDetails, SchedulePatch};
use frontrow_domain::catalog::{
    BookingWindow, FieldError, HoldPolicy, RefundPolicy, ScheduleDefaults, ScheduleDraft,
};
use frontrow_domain::{ConcertId, Currency, ScheduleId};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::patch::Member;
use super::seat_plan::SeatPlanForm;
use super::{CreateProblems, EditScheduleProblems};
use crate::auth::Caller;
use crate::catalog::{RefundStep, Schedule};
use crate::problem::Problem;
use crate::request::{Form, KeyRule, Object, Refused, Sent};
use crate::respond::{self, Answer};
use crate::state::HttpState;
use crate::time::Time;

/// The time zone of a schedule whose operator names none.
const TIME_ZONE: &str = "UTC";

/// A new schedule.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ScheduleForm {
    #[schema(min_length = 1, max_length = 200)]
    venue: String,
    starts_at: Time,
    /// IANA name of the venue's time zone; UTC when absent.
    #[schema(example = "Asia/Seoul")]
    time_zone: Option<String>,
    #[schema(minimum = 1, maximum = 10_080)]
    duration_minutes: u32,
    /// When the sale opens.
    booking_start: Time,
    /// When the sale closes; not after `startsAt`.
    booking_end: Time,
    /// Seconds that a hold lasts.
    #[schema(minimum = 1, maximum = 3_600)]
    hold_seconds: Option<u32>,
    /// Seconds after which a hold ends in any case.
    #[schema(minimum = 1, maximum = 3_600)]
    hold_max_seconds: Option<u32>,
    /// Seconds that the one extension adds.
    #[schema(maximum = 3_600)]
    hold_extension_seconds: Option<u32>,
    #[schema(minimum = 1, maximum = 100)]
    max_seats_per_fan: Option<u32>,
    /// What a fan gets back, in order of time: the first row that has not passed counts. Null, or no rows: nothing.
    #[schema(value_type = Option<Vec<RefundStep>>, max_items = 20)]
    refund_policy: Option<Vec<Object<RefundStep>>>,
    /// True to stop new holds.
    sales_paused: Option<bool>,
    #[schema(value_type = SeatPlanForm)]
    seat_plan: PlanDocument,
}

/// What changes of a schedule.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct SchedulePatchForm {
    #[serde(default)]
    #[schema(value_type = Option<String>, nullable = false)]
    venue: Member<String>,
    #[serde(default)]
    #[schema(value_type = Option<Time>, nullable = false)]
    starts_at: Member<Time>,
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    time_zone: Member<String>,
    #[serde(default)]
    #[schema(value_type = Option<u32>, nullable = false)]
    duration_minutes: Member<u32>,
    #[serde(default)]
    #[schema(value_type = Option<Time>, nullable = false)]
    booking_start: Member<Time>,
    #[serde(default)]
    #[schema(value_type = Option<Time>, nullable = false)]
    booking_end: Member<Time>,
    #[serde(default)]
    #[schema(value_type = Option<u32>)]
    hold_seconds: Member<u32>,
    #[serde(default)]
    #[schema(value_type = Option<u32>)]
    hold_max_seconds: Member<u32>,
    #[serde(default)]
    #[schema(value_type = Option<u32>)]
    hold_extension_seconds: Member<u32>,
    #[serde(default)]
    #[schema(value_type = Option<u32>)]
    max_seats_per_fan: Member<u32>,
    /// Counts at once, for what was paid before as well. Null, or no rows: nothing is given back.
    #[serde(default)]
    #[schema(value_type = Option<Vec<RefundStep>>, max_items = 20)]
    refund_policy: Member<Vec<Object<RefundStep>>>,
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    sales_paused: Member<bool>,
    /// Other seats, as long as none was ever claimed.
    #[serde(default)]
    #[schema(value_type = Option<SeatPlanForm>, nullable = false)]
    seat_plan: Member<PlanDocument>,
}

fn check_time_zone(errors: &mut Vec<FieldError>, name: Option<String>) -> Option<String> {
    let name = name?;
    let Ok(zone) = TimeZone::get(&name) else {
        errors.push(FieldError::new("timeZone", "must be an IANA time zone such as Asia/Seoul"));
        return None;
    };
    // One spelling for one zone, whatever the case it was written in.
    Some(zone.iana_name().map_or(name, str::to_owned))
}

fn refund_policy(steps: Vec<Object<RefundStep>>) -> RefundPolicy {
    RefundPolicy::of(steps.into_iter().map(|Object(step)| step.row()).collect())
}

/// A new schedule that was read: everything but its concert, which the path names.
#[derive(Debug)]
pub(super) struct ScheduleInput {
    pub(super) draft: ScheduleDraft,
    pub(super) seats: ImportedPlan,
}

impl Form for ScheduleForm {
    const ROUTE: &'static str = "POST /admin/concerts/{id}/schedules";
    const KEY: KeyRule = KeyRule::Optional;
    const HAS_PLAN: bool = true;
    type Input = ScheduleInput;

    fn allow(caller: Caller, _state: &HttpState) -> Result<(), Refused> {
        caller.check_staff()
    }

    fn check(self, state: &HttpState) -> Result<ScheduleInput, Refused> {
        self.read(state.app().settings().sales.defaults, None).map_err(Problem::invalid)
    }
}

impl ScheduleForm {
    /// The schedule, or everything that is wrong with it. `files` reads the plans that the form only names, where it may
    /// name any.
    pub(super) fn read(
        self,
        defaults: ScheduleDefaults,
        files: Option<&PlanFiles<'_>>,
    ) -> Result<ScheduleInput, Vec<FieldError>> {
        let ScheduleDefaults { hold, max_seats_per_fan } = defaults;
        let mut errors = Vec::new();
        let time_zone = check_time_zone(&mut errors, self.time_zone);
        let hold_seconds = self.hold_seconds.unwrap_or(hold.hold_seconds);
        let draft = ScheduleDraft {
            venue: self.venue,
            starts_at: self.starts_at.0,
            time_zone: time_zone.unwrap_or_else(|| TIME_ZONE.to_owned()),
            duration_minutes: self.duration_minutes,
            booking: BookingWindow { start: self.booking_start.0, end: self.booking_end.0 },
            hold: HoldPolicy {
                hold_seconds,
                // A longer hold than usual brings its own cap, unless one is named.
                max_seconds: self.hold_max_seconds.unwrap_or(hold.max_seconds.max(hold_seconds)),
                extension_seconds: self.hold_extension_seconds.unwrap_or(hold.extension_seconds),
            },
            max_seats_per_fan: self.max_seats_per_fan.unwrap_or(max_seats_per_fan),
            sales_paused: self.sales_paused.unwrap_or(false),
            refund_policy: refund_policy(self.refund_policy.unwrap_or_default()),
        };
        errors.extend(draft.check());
        let seats = match files {
            Some(files) => self.seat_plan.import_with("seatPlan", files),
            None => self.seat_plan.import("seatPlan"),
        };
        match seats {
            Ok(seats) if errors.is_empty() => Ok(ScheduleInput { draft, seats }),
            Ok(_) => Err(errors),
            Err(wrong) => {
                errors.extend(wrong);
                Err(errors)
            }
        }
    }
}

impl Form for SchedulePatchForm {
    const ROUTE: &'static str = "PATCH /admin/schedules/{id}";
    const KEY: KeyRule = KeyRule::Ignored;
    const HAS_PLAN: bool = true;
    type Input = SchedulePatch;

    fn allow(caller: Caller, _state: &HttpState) -> Result<(), Refused> {
        caller.check_staff()
    }

    fn check(self, state: &HttpState) -> Result<SchedulePatch, Refused> {
        let ScheduleDefaults { hold, max_seats_per_fan } = state.app().settings().sales.defaults;
        let mut errors = Vec::new();
        let seat_plan = self.seat_plan.required(&mut errors, "seatPlan");
        let seats = seat_plan.and_then(|plan| match plan.import("seatPlan") {
            Ok(seats) => Some(seats),
            Err(wrong) => {
                errors.extend(wrong);
                None
            }
        });
        let (plan, drawing) = seats.map_or((None, None), |seats| (Some(seats.plan), seats.drawing));
        let time_zone = self.time_zone.or_default(|| TIME_ZONE.to_owned());
        let patch = SchedulePatch {
            venue: self.venue.required(&mut errors, "venue"),
            starts_at: self.starts_at.required(&mut errors, "startsAt").map(|time| time.0),
            time_zone: check_time_zone(&mut errors, time_zone),
            duration_minutes: self.duration_minutes.required(&mut errors, "durationMinutes"),
            booking_start: self.booking_start.required(&mut errors, "bookingStart").map(|time| time.0),
            booking_end: self.booking_end.required(&mut errors, "bookingEnd").map(|time| time.0),
            hold_seconds: self.hold_seconds.or_default(|| hold.hold_seconds),
            hold_max_seconds: self.hold_max_seconds.or_default(|| hold.max_seconds),
            hold_extension_seconds: self.hold_extension_seconds.or_default(|| hold.extension_seconds),
            max_seats_per_fan: self.max_seats_per_fan.or_default(|| max_seats_per_fan),
            sales_paused: self.sales_paused.or_default(|| false),
            refund_policy: self.refund_policy.or_default(Vec::new).map(refund_policy),
            plan,
            drawing,
        };
        if errors.is_empty() { Ok(patch) } else { Err(Problem::invalid(errors)) }
    }
}

/// A schedule with what only staff see.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct AdminSchedule {
    #[serde(flatten)]
    schedule: Schedule,
    /// True while new holds are stopped.
    sales_paused: bool,
    /// True once a seat was ever claimed: the seat plan is fixed.
    in_use: bool,
    /// When it was called off, if it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    cancelled_at: Option<Time>,
    created_at: Time,
}

impl AdminSchedule {
    pub(super) fn of(details: &ScheduleDetails, currency: Currency) -> Self {
        Self {
            schedule: Schedule::of(details, currency),
            sales_paused: details.schedule.sales_paused,
            in_use: details.schedule.in_use,
            cancelled_at: details.schedule.cancelled_at.map(Time),
            created_at: Time(details.schedule.created_at),
        }
    }
}

/// A schedule as staff sees it.
pub(super) async fn find(state: &HttpState, id: ScheduleId) -> Result<AdminSchedule, Problem> {
    let found = state.app().any_schedule(id).await.map_err(|error| state.problem(error))?;
    Ok(AdminSchedule::of(&found.ok_or_else(Problem::not_found)?, state.app().settings().currency))
}

/// Make a schedule of a concert
#[utoipa::path(post, operation_id = "createSchedule", path = "/api/v1/admin/concerts/{concertId}/schedules", tag = "admin",
    security(("bearer" = [])),
    params(("concertId" = u32, Path), ("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255)),
    request_body = ScheduleForm, responses((status = 201, body = AdminSchedule), CreateProblems))]
pub(super) async fn create(State(state): State<HttpState>, sent: Sent<ScheduleForm, ConcertId>) -> Answer {
    let by = sent.staff().by();
    let ScheduleInput { draft, seats: ImportedPlan { plan, drawing } } = sent.input;
    let new = NewSchedule { concert: sent.target, draft, plan, drawing };
    let created = state.app().create_schedule(by, new, sent.tag).await;
    let created = created.map_err(|failure| state.problem(failure))?;
    respond::once(StatusCode::CREATED, created.replayed, &find(&state, created.outcome).await?)
}

/// Edit a schedule
///
/// A JSON Merge Patch (RFC 7396): what is absent stays, null takes a member back to its default. The seat plan
/// may be replaced until the first seat was claimed.
#[utoipa::path(patch, operation_id = "editSchedule", path = "/api/v1/admin/schedules/{scheduleId}", tag = "admin", security(("bearer" = [])),
    params(("scheduleId" = u32, Path)), request_body = SchedulePatchForm,
    responses((status = 200, body = AdminSchedule), EditScheduleProblems))]
pub(super) async fn edit(
    State(state): State<HttpState>,
    sent: Sent<SchedulePatchForm, ScheduleId>,
) -> Answer {
    let edited = state.app().edit_schedule(sent.staff().by(), sent.target, sent.input).await;
    let edited = edited.map_err(|failure| state.problem(failure))?;
    respond::private(&find(&state, edited.id).await?)
}
