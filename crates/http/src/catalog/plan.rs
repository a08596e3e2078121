//! The drawing of a seat plan, with absolute positions: fetched once and kept.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use flate2::Compression;
use frontrow_domain::catalog::{Area as Drawn, Drawing, Point, Schedule, SeatPlan, Shape};
use frontrow_domain::{ConcertId, ScheduleId};
use serde::{Deserialize, Serialize, Serializer};
use utoipa::{IntoParams, ToSchema};

use super::ReadProblems;
use crate::encoding::{Coding, TakesGzip};
use crate::kept::{Content, Form, Wanted};
use crate::problem::Problem;
use crate::request::{Asked, At, Query, QueryErrors, parse_number};
use crate::respond::{self, Answer, Keep};
use crate::state::HttpState;
use crate::words;

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
    areas: Vec<Area<'a>>,
}

/// The size of the drawing.
#[derive(Serialize, ToSchema)]
struct Size {
    #[schema(value_type = f64)]
    width: Measure,
    #[schema(value_type = f64)]
    height: Measure,
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
    #[schema(value_type = f64)]
    x: Measure,
    /// Of its centre, from the top.
    #[schema(value_type = f64)]
    y: Measure,
    /// Whether it is meant for people in a wheelchair.
    accessible: bool,
    /// What it is called in the file that the plan comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    guid: Option<&'a str>,
}

/// Something that is drawn beside the seats.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PlanArea)]
struct Area<'a> {
    #[schema(value_type = words::AreaShape)]
    shape: &'static str,
    /// Of a circle or an ellipse its centre, of a rectangle its top left corner; what it is turned around.
    #[schema(value_type = f64)]
    x: Measure,
    #[schema(value_type = f64)]
    y: Measure,
    /// Of a rectangle.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<f64>)]
    width: Option<Measure>,
    /// Of a rectangle.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<f64>)]
    height: Option<Measure>,
    /// Of a circle; of an ellipse across.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<f64>)]
    radius: Option<Measure>,
    /// Of an ellipse down.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<f64>)]
    radius_y: Option<Measure>,
    /// The corners of a polygon, on the drawing, before it is turned.
    #[serde(skip_serializing_if = "Option::is_none")]
    points: Option<Vec<Place>>,
    /// Degrees, clockwise.
    #[schema(value_type = f64)]
    rotation: Measure,
    #[schema(required)]
    color: Option<&'a str>,
    #[schema(required)]
    border_color: Option<&'a str>,
    #[schema(required)]
    text: Option<Text<'a>>,
}

/// What is written on an area.
#[derive(Serialize, ToSchema)]
#[schema(as = PlanText)]
struct Text<'a> {
    text: &'a str,
    /// Of its middle.
    #[schema(value_type = f64)]
    x: Measure,
    #[schema(value_type = f64)]
    y: Measure,
    #[schema(required)]
    color: Option<&'a str>,
    /// How high letters are.
    #[schema(value_type = f64)]
    size: Measure,
}

/// A place on the drawing.
#[derive(Serialize, ToSchema)]
#[schema(as = PlanPoint)]
struct Place {
    #[schema(value_type = f64)]
    x: Measure,
    #[schema(value_type = f64)]
    y: Measure,
}

/// A number of units, written as short as it can be: whole, or with two decimals at the most.
struct Measure(f32);

impl Serialize for Measure {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Beyond this a number of this type has no decimals anyway.
        const WHOLE: f64 = 16_777_216.0;
        let rounded = (f64::from(self.0) * 100.0).round() / 100.0;
        #[expect(clippy::cast_possible_truncation, reason = "within the bounds that are checked before")]
        if rounded.fract() == 0.0 && rounded.abs() <= WHOLE {
            serializer.serialize_i32(rounded as i32)
        } else {
            serializer.serialize_f64(rounded)
        }
    }
}

/// A seat plan and its drawing.
struct DrawnPlan {
    schedule: Arc<Schedule>,
    drawing: Drawing,
}

impl Serialize for DrawnPlan {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Schedule { id, plan_version, plan, .. } = &*self.schedule;
        Plan::of(*id, *plan_version, plan, &self.drawing).serialize(serializer)
    }
}

impl Content for DrawnPlan {
    /// Fetched over and over and changed hardly ever.
    const LEVEL: Compression = Compression::new(6);

    fn version(&self) -> u64 {
        self.schedule.plan_version.into()
    }
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
    TakesGzip(takes_gzip): TakesGzip,
) -> Answer {
    let present = look(&state, concert, schedule).await?;
    let coding = if takes_gzip { Coding::Gzip } else { Coding::Identity };
    let wanted = Wanted {
        schedule,
        form: Form::Drawing,
        coding,
        version: present.plan_version.into(),
        // The plan of a stadium takes a tenth of a second.
        is_long: true,
    };
    let newest = async {
        let schedule = look(&state, concert, schedule).await?;
        let drawing = state.app().drawing(&schedule).await.map_err(|error| state.problem(error))?;
        Ok(DrawnPlan { schedule, drawing })
    };
    let drawn = state.kept().get(wanted, newest).await?;
    // Another version than the one asked for must not be kept under that address.
    let is_asked_for = version.is_some_and(|version| u64::from(version) == drawn.version);
    let keep = if is_asked_for { Keep::Forever } else { Keep::Second };
    let mut response = respond::bytes(StatusCode::OK, keep, drawn.bytes.clone());
    coding.note(response.headers_mut());
    Ok(response)
}

async fn look(state: &HttpState, concert: ConcertId, schedule: ScheduleId) -> Result<Arc<Schedule>, Problem> {
    let found = state.app().schedule(concert, schedule, true).await.map_err(|error| state.problem(error))?;
    Ok(found.ok_or_else(Problem::not_found)?.schedule)
}

impl<'a> Plan<'a> {
    fn of(schedule: ScheduleId, version: u32, plan: &'a SeatPlan, drawing: &'a Drawing) -> Self {
        let mut sections: Vec<Section<'_>> = plan
            .sections()
            .iter()
            .map(|section| Section { name: section.name.as_deref(), rows: Vec::new() })
            .collect();
        let mut seats = plan.numbered().peekable();
        for (at, row) in (0_u32..).zip(plan.rows()) {
            let mut drawn = Row { row: row.name.as_deref(), seats: Vec::new() };
            while let Some((no, seat)) = seats.next_if(|(_, seat)| seat.row == at) {
                let point = drawing.points.get(no.index()).copied().unwrap_or_default();
                drawn.seats.push(Seat {
                    no: no.get(),
                    label: &seat.label,
                    grade: &plan.grade_of(seat).name,
                    x: Measure(point.x),
                    y: Measure(point.y),
                    accessible: seat.accessible,
                    guid: drawing.guids.get(no.index()).and_then(Option::as_deref),
                });
            }
            if let Some(section) = sections.get_mut(usize::from(row.section)) {
                section.rows.push(drawn);
            }
        }
        let color = |at: usize| drawing.colors.get(at).and_then(Option::as_deref);
        let grades = plan.grades().iter().zip(COLORS.iter().cycle()).enumerate();
        let grades = grades
            .map(|(at, (grade, usual))| GradeColor { grade: &grade.name, color: color(at).unwrap_or(usual) });
        Self {
            schedule_id: schedule.get(),
            plan_version: version,
            size: Size { width: Measure(drawing.width), height: Measure(drawing.height) },
            grades: grades.collect(),
            sections,
            areas: drawing.areas.iter().map(Area::of).collect(),
        }
    }
}

/// What a shape is called.
pub(crate) fn shape_name(shape: &Shape) -> &'static str {
    match shape {
        Shape::Circle(_) => "circle",
        Shape::Ellipse(..) => "ellipse",
        Shape::Rectangle(..) => "rectangle",
        Shape::Polygon(_) => "polygon",
        Shape::Text => "text",
    }
}

impl<'a> Area<'a> {
    fn of(area: &'a Drawn) -> Self {
        let [width, height, radius, radius_y] = match &area.shape {
            Shape::Circle(radius) => [None, None, Some(radius), None],
            Shape::Ellipse(across, down) => [None, None, Some(across), Some(down)],
            Shape::Rectangle(width, height) => [Some(width), Some(height), None, None],
            Shape::Polygon(_) | Shape::Text => [None; 4],
        };
        let measure = |number: Option<&f32>| number.copied().map(Measure);
        let corner =
            |point: &Point| Place { x: Measure(area.at.x + point.x), y: Measure(area.at.y + point.y) };
        let points = match &area.shape {
            Shape::Polygon(points) => Some(points.iter().map(corner).collect()),
            _ => None,
        };
        let text = area.text.as_ref().map(|text| Text {
            text: &text.text,
            x: Measure(text.at.x),
            y: Measure(text.at.y),
            color: text.color.as_deref(),
            size: Measure(text.size),
        });
        Self {
            shape: shape_name(&area.shape),
            x: Measure(area.at.x),
            y: Measure(area.at.y),
            width: measure(width),
            height: measure(height),
            radius: measure(radius),
            radius_y: measure(radius_y),
            points,
            rotation: Measure(area.rotation),
            color: area.color.as_deref(),
            border_color: area.border_color.as_deref(),
            text,
        }
    }
}
