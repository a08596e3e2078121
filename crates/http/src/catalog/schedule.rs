//! Schedules, as the catalogue shows them.

use axum::extract::State;
use axum::http::StatusCode;
use frontrow_application::catalog::ScheduleDetails;
use frontrow_domain::catalog::ScheduleStatus;
use frontrow_domain::{ConcertId, Currency};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::ReadProblems;
use crate::page::Page;
use crate::problem::Problem;
use crate::request::{Asked, At, Query, QueryErrors};
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
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RefundStep {
    until_hours_before: u32,
    percent: u32,
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
            refund_policy: None,
            plan_version: schedule.plan_version,
        }
    }
}

/// Which of a status is asked for. Words of the contract that nothing has yet are known, and match nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted<T> {
    Any,
    Only(T),
    Nothing,
}

impl<T> Wanted<T> {
    /// Reads `status`.
    pub(crate) fn parse(
        errors: &mut QueryErrors,
        text: Option<&str>,
        parse: impl Fn(&str) -> Option<T>,
        not_yet: &[&str],
    ) -> Self {
        let Some(text) = text else { return Self::Any };
        if let Some(status) = parse(text) {
            return Self::Only(status);
        }
        if !not_yet.contains(&text) {
            errors.add("status", "is no status");
        }
        Self::Nothing
    }

    /// The one that is asked for, if it is one.
    pub(crate) fn only(self) -> Option<T> {
        match self {
            Self::Only(status) => Some(status),
            Self::Any | Self::Nothing => None,
        }
    }
}

/// Words for the status of a schedule that nothing has yet.
pub(super) const NOT_YET: &[&str] = &["cancelled"];

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
    type Parsed = Wanted<ScheduleStatus>;

    fn parse(self, errors: &mut QueryErrors) -> Self::Parsed {
        Wanted::parse(errors, self.status.as_deref(), ScheduleStatus::parse, NOT_YET)
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
    let is_wanted = |schedule: &&ScheduleDetails| match status {
        Wanted::Any => true,
        Wanted::Only(status) => schedule.status == status,
        Wanted::Nothing => false,
    };
    let wanted = concert.schedules.iter().filter(is_wanted);
    let page = Page::whole(wanted.map(|schedule| Schedule::of(schedule, currency)).collect());
    respond::json(StatusCode::OK, Keep::Second, &page)
}
