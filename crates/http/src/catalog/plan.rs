//! The drawing of a seat plan, with absolute positions: fetched once and kept.

use axum::extract::State;
use axum::http::StatusCode;
use bytes::Bytes;
use frontrow_application::catalog::ScheduleDetails;
use frontrow_domain::catalog::SeatPlan;
use frontrow_domain::{ConcertId, ScheduleId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::ReadProblems;
use crate::problem::Problem;
use crate::request::{Asked, At, Query, QueryErrors, parse_number};
use crate::respond::{self, Answer, Keep};
use crate::state::HttpState;

/// Distance between two seats, and from the edge to the first.
const PITCH: u32 = 24;

/// Colours of grades, in order; they differ in lightness as well, for those who see no hues.
const COLORS: [&str; 8] =
    ["#1f4e9c", "#c2410c", "#2e7d32", "#8e24aa", "#b8860b", "#00838f", "#6d4c41", "#455a64"];

/// The drawing of a seat plan.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Plan<'a> {
    schedule_id: u32,
    plan_version: u32,
    size: Size,
    grades: Vec<GradeColor<'a>>,
    sections: Vec<Section<'a>>,
    /// What else is drawn, such as the stage.
    areas: Vec<serde_json::Value>,
}

/// The size of the drawing.
#[derive(Serialize, ToSchema)]
struct Size {
    width: u32,
    height: u32,
}

/// What a grade is drawn in.
#[derive(Serialize, ToSchema)]
struct GradeColor<'a> {
    grade: &'a str,
    #[schema(example = "#1f4e9c")]
    color: &'a str,
}

/// A part of the hall.
#[derive(Serialize, ToSchema)]
#[schema(as = PlanSection)]
struct Section<'a> {
    #[schema(required)]
    name: Option<&'a str>,
    rows: Vec<Row<'a>>,
}

/// A row of seats.
#[derive(Serialize, ToSchema)]
#[schema(as = PlanRow)]
struct Row<'a> {
    #[schema(required)]
    row: Option<&'a str>,
    seats: Vec<Seat<'a>>,
}

/// Where a seat is.
#[derive(Serialize, ToSchema)]
#[schema(as = PlanSeat)]
struct Seat<'a> {
    /// Its number within the schedule.
    no: u32,
    label: &'a str,
    grade: &'a str,
    /// Of its centre, from the left.
    x: u32,
    /// Of its centre, from the top.
    y: u32,
    /// Whether it is meant for people in a wheelchair.
    accessible: bool,
}

/// Which version.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct PlanQuery {
    /// The `planVersion` of the schedule: the answer may then be kept for good.
    #[param(value_type = Option<u32>)]
    v: Option<String>,
}

impl Query for PlanQuery {
    type Parsed = Option<u32>;

    fn parse(self, errors: &mut QueryErrors) -> Option<u32> {
        parse_number(errors, "v", self.v.as_deref())
    }
}

/// The drawing of a schedule's seats
#[utoipa::path(get, operation_id = "readPlan", path = "/api/v1/concerts/{concertId}/schedules/{scheduleId}/plan", tag = "catalogue",
    params(("concertId" = u32, Path), ("scheduleId" = u32, Path), PlanQuery),
    responses((status = 200, body = Plan), ReadProblems))]
pub(super) async fn plan(
    State(state): State<HttpState>,
    At((concert, schedule)): At<(ConcertId, ScheduleId)>,
    Asked(version): Asked<PlanQuery>,
) -> Answer {
    let found = state.app().schedule(concert, schedule, true).await.map_err(|error| state.problem(error))?;
    let ScheduleDetails { schedule, .. } = found.ok_or_else(Problem::not_found)?;
    let draw = || draw(schedule.id, schedule.plan_version, &schedule.plan);
    let body = state.plan((schedule.id, schedule.plan_version), draw);
    // Another version than the one asked for must not be kept under that address.
    let keep = if version == Some(schedule.plan_version) { Keep::Forever } else { Keep::Second };
    Ok(respond::bytes(StatusCode::OK, keep, body))
}

/// Rows of seats without positions of their own are laid out one below the other, long ones broken so that the
/// drawing is about twice as wide as high.
fn draw(schedule: ScheduleId, version: u32, plan: &SeatPlan) -> Bytes {
    let columns = (2 * plan.size()).isqrt().max(1);
    let mut sections: Vec<Section<'_>> = plan
        .sections()
        .iter()
        .map(|section| Section { name: section.name.as_deref(), rows: Vec::new() })
        .collect();
    let mut line = 0;
    let mut seats = plan.numbered().peekable();
    for (at, row) in (0_u32..).zip(plan.rows()) {
        let mut drawn = Row { row: row.name.as_deref(), seats: Vec::new() };
        let mut column = 0;
        while let Some((no, seat)) = seats.next_if(|(_, seat)| seat.row == at) {
            if column == columns {
                (line, column) = (line + 1, 0);
            }
            drawn.seats.push(Seat {
                no: no.get(),
                label: &seat.label,
                grade: &plan.grade_of(seat).name,
                x: (column + 1) * PITCH,
                y: (line + 1) * PITCH,
                accessible: false,
            });
            column += 1;
        }
        line += 1;
        if let Some(section) = sections.get_mut(usize::from(row.section)) {
            section.rows.push(drawn);
        }
    }
    let size = Size { width: (columns.min(plan.size()) + 1) * PITCH, height: (line + 1) * PITCH };
    let grades = plan.grades().iter().zip(COLORS.iter().cycle());
    let grades = grades.map(|(grade, color)| GradeColor { grade: &grade.name, color }).collect();
    let drawing = Plan {
        schedule_id: schedule.get(),
        plan_version: version,
        size,
        grades,
        sections,
        areas: Vec::new(),
    };
    respond::write(&drawing).unwrap_or_default()
}
