//! Schedules, as the catalogue shows them.

use axum::extract::State;
use axum::http::StatusCode;
use frontrow_application::catalog::ScheduleDetails;
use frontrow_domain::catalog::{RefundPolicy, RefundRow, ScheduleStatus};
use frontrow_domain::{ConcertId, Currency};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::ReadProblems;
use crate::page::Page;
use crate::problem::Problem;
use crate::request::{Asked, At, Query, QueryErrors, parse_word};
use crate::respond::{self, Answer, Keep};
use crate::state::HttpState;
use crate::time::Time;
use crate::words;

/// One dated performance of a concert.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Schedule {
    schedule_id: u32,
    concert_id: u32,
    #[schema(value_type = words::ScheduleStatus)]
    status: &'static str,
    venue: String,
    starts_at: Time,
    /// IANA name of the venue's time zone.
    #[schema(example = "Asia/Seoul")]
    time_zone: String,
    duration_minutes: u32,
    /// When the sale opens.
    booking_start: Time,
    /// When the sale closes.
    booking_end: Time,
    total_seats: u32,
    /// Seats that are available now.
    seats_left: u32,
    grades: Vec<GradeLeft>,
    #[schema(example = "KRW")]
    currency: String,
    /// Seconds that a hold lasts.
    hold_seconds: u32,
    /// Seconds after which a hold ends in any case.
    hold_max_seconds: u32,
    /// Seconds that the one extension adds.
    hold_extension_seconds: u32,
    max_seats_per_fan: u32,
    /// Null: nothing is refunded.
    #[schema(required)]
    refund_policy: Option<Vec<RefundStep>>,
    /// Counts the seat plans; for `GET …/plan?v=`.
    plan_version: u32,
}

/// A price category.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct GradeLeft {
    #[schema(example = "STANDARD")]
    grade: String,
    /// In minor units.
    price: i64,
    seats_left: u32,
}

/// What is given back when a reservation is returned early enough.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct RefundStep {
    /// Hours before the start at which this step has passed; fewer from step to step.
    #[schema(maximum = 43_920, example = 240)]
    until_hours_before: u32,
    /// Percent of what was paid, rounded down to whole minor units.
    #[schema(maximum = 100, example = 100)]
    percent: u32,
}

impl RefundStep {
    /// The step as a row of a policy, whose rules check it.
    pub(crate) const fn row(&self) -> RefundRow {
        RefundRow { until_hours_before: self.until_hours_before, percent: self.percent }
    }

    /// The steps of a policy; nothing of one that takes nothing back.
    pub(crate) fn of(policy: &RefundPolicy) -> Option<Vec<Self>> {
        let step =
            |row: &RefundRow| Self { until_hours_before: row.until_hours_before, percent: row.percent };
        let rows = policy.rows();
        (!rows.is_empty()).then(|| rows.iter().map(step).collect())
    }
}

impl Schedule {
    pub(crate) fn of(details: &ScheduleDetails, currency: Currency) -> Self {
        let ScheduleDetails { schedule, board, status } = details;
        let plan = &schedule.plan;
        let grades = plan.grades().iter().zip(board.available_by_grade());
        Self {
            schedule_id: schedule.id.get(),
            concert_id: schedule.concert.get(),
            status: status.name(),
            venue: schedule.venue.clone(),
            starts_at: Time(schedule.starts_at),
            time_zone: schedule.time_zone.clone(),
            duration_minutes: schedule.duration_minutes,
            booking_start: Time(schedule.booking.start),
            booking_end: Time(schedule.booking.end),
            total_seats: plan.size(),
            seats_left: details.seats_left(),
            grades: grades
                .map(|(grade, &seats_left)| GradeLeft {
                    grade: grade.name.to_string(),
                    price: grade.price.minor(),
                    seats_left,
                })
                .collect(),
            currency: currency.code().to_owned(),
            hold_seconds: schedule.hold.hold_seconds,
            hold_max_seconds: schedule.hold.max_seconds,
            hold_extension_seconds: schedule.hold.extension_seconds,
            max_seats_per_fan: schedule.max_seats_per_fan,
            refund_policy: RefundStep::of(&schedule.refund_policy),
            plan_version: schedule.plan_version,
        }
    }
}

/// Which schedules of a concert.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ScheduleQuery {
    /// Only those of this status.
    #[param(value_type = Option<words::ScheduleStatus>)]
    status: Option<String>,
}

impl Query for ScheduleQuery {
    type Parsed = Option<ScheduleStatus>;

    fn parse(self, errors: &mut QueryErrors) -> Self::Parsed {
        parse_word(errors, "status", self.status.as_deref(), ScheduleStatus::parse)
    }
}

/// The schedules of a concert
#[utoipa::path(get, operation_id = "listSchedules", path = "/api/v1/concerts/{concertId}/schedules", tag = "catalogue",
    params(("concertId" = u32, Path), ScheduleQuery),
    responses((status = 200, body = Page<Schedule>), ReadProblems))]
pub(super) async fn list(
    State(state): State<HttpState>,
    At(concert): At<ConcertId>,
    Asked(status): Asked<ScheduleQuery>,
) -> Answer {
    let found = state.app().concert(concert, true).await.map_err(|error| state.problem(error))?;
    let concert = found.ok_or_else(Problem::not_found)?;
    let currency = state.app().settings().currency;
    let is_wanted = |schedule: &&ScheduleDetails| status.is_none_or(|status| schedule.status == status);
    let wanted = concert.schedules.iter().filter(is_wanted);
    let page = Page::whole(wanted.map(|schedule| Schedule::of(schedule, currency)).collect());
    respond::json(StatusCode::OK, Keep::Second, &page)
}
