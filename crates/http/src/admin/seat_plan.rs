//! Seat plans as they are described in the OpenAPI document. They are read by the application
//! ([`PlanDocument`](frontrow_application::catalog::plan_import::PlanDocument)), which finds everything that is wrong with
//! one at once; nothing here is ever made.
#![allow(dead_code, reason = "only what the document says of them matters")]

use std::collections::BTreeMap;

use utoipa::ToSchema;

/// The seats, in exactly one of three forms. They are numbered from 1 in the order in which they are described.
#[derive(ToSchema)]
#[schema(as = SeatPlan)]
pub(super) struct SeatPlanForm {
    plain: Option<PlainPlan>,
    rows: Option<RowsPlan>,
    pretix: Option<PretixPlan>,
}

/// Numbered seats at one price: grade STANDARD, labels "1" to "50".
#[derive(ToSchema)]
struct PlainPlan {
    #[schema(minimum = 1, maximum = 100_000, example = 50)]
    seats: u32,
    /// In minor units.
    #[schema(minimum = 0, example = 50_000)]
    price: i64,
}

/// Sections of rows, each row of one grade.
#[derive(ToSchema)]
#[schema(example = json!({
    "sections": [
        {"name": "1F", "rows": [
            {"row": "A", "seats": 20, "grade": "VIP", "aislesAfter": [10], "accessible": [1, 20]},
            {"row": "B", "seats": 22, "grade": "R", "aislesAfter": [11]}]},
        {"name": "2F", "rows": [{"row": "A", "seats": 24, "grade": "R"}]}],
    "prices": {"VIP": 150_000, "R": 110_000}}))]
struct RowsPlan {
    /// From the stage to the back.
    #[schema(min_items = 1, max_items = 10_000)]
    sections: Vec<RowsSection>,
    /// What each grade costs, in minor units: every grade that a row has, and no other.
    prices: BTreeMap<String, i64>,
}

/// A section.
#[derive(ToSchema)]
struct RowsSection {
    /// Its name, which no other section has.
    #[schema(min_length = 1, max_length = 100, example = "1F")]
    name: String,
    /// From the front to the back.
    #[schema(min_items = 1)]
    rows: Vec<RowsRow>,
}

/// A row of seats, numbered from 1. Seat 7 of row A in section 1F has the label "1F A-7", which may have up to 100
/// characters.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
struct RowsRow {
    /// Its name, which no other row of the section has.
    #[schema(min_length = 1, max_length = 100, example = "A")]
    row: String,
    /// How many.
    #[schema(minimum = 1, maximum = 100_000)]
    seats: u32,
    #[schema(min_length = 1, max_length = 100, example = "VIP")]
    grade: String,
    /// The seats after which an aisle comes: those on its sides are not beside each other.
    #[schema(example = json!([10]))]
    aisles_after: Option<Vec<u32>>,
    /// The seats that are meant for people in a wheelchair.
    #[schema(example = json!([1, 20]))]
    accessible: Option<Vec<u32>>,
}

/// A plan in the open seating plan format of pretix, with a price for each category that seats have.
#[derive(ToSchema)]
struct PretixPlan {
    plan: PretixFile,
    /// What each category costs, in minor units. Every category that seats have needs a price.
    #[schema(example = json!({"VIP": 150_000, "R": 110_000}))]
    prices: BTreeMap<String, i64>,
}

/// A file as the seating plan editor of pretix writes it. Members that are not listed here are not looked at.
#[derive(ToSchema)]
#[schema(example = json!({
    "name": "Small hall", "size": {"width": 300, "height": 200},
    "categories": [{"name": "VIP", "color": "#8e24aa"}],
    "zones": [{
        "name": "Stalls", "position": {"x": 20, "y": 60},
        "areas": [{"shape": "rectangle", "position": {"x": 0, "y": -40}, "rectangle": {"width": 100, "height": 30},
            "color": "#d9d9d9", "text": {"text": "Stage", "position": {"x": 50, "y": 15}}}],
        "rows": [{"row_number": "A", "position": {"x": 0, "y": 0}, "seats": [
            {"seat_guid": "stalls-A-1", "seat_number": "1", "category": "VIP", "position": {"x": 0, "y": 0}},
            {"seat_guid": "stalls-A-2", "seat_number": "2", "category": "VIP", "position": {"x": 24, "y": 0},
                "accessible": true}]}]}]}))]
struct PretixFile {
    categories: Vec<PretixCategory>,
    zones: Vec<PretixZone>,
    /// The size of the drawing; where it is missing or too small, what is needed.
    size: Option<PretixSize>,
}

/// A category, which becomes a grade when seats have it.
#[derive(ToSchema)]
struct PretixCategory {
    /// Its name, which no other category has.
    #[schema(min_length = 1, max_length = 100)]
    name: String,
    /// `#rrggbb` or `#rgb`.
    #[schema(example = "#8e24aa")]
    color: Option<String>,
}

/// A zone, which becomes a section when it has seats.
#[derive(ToSchema)]
struct PretixZone {
    #[schema(max_length = 100)]
    name: Option<String>,
    position: Option<PretixPosition>,
    rows: Vec<PretixRow>,
    /// What else is drawn, such as the stage: objects with `shape` (`polygon`, `rectangle`, `ellipse`, `circle` or
    /// `text`), the member of that name with the measures, `position`, `rotation`, `color`, `border_color` and `text`.
    #[schema(value_type = Option<Vec<Object>>)]
    areas: Option<Vec<serde_json::Value>>,
}

/// A row of seats, in order.
#[derive(ToSchema)]
struct PretixRow {
    #[schema(max_length = 100)]
    row_number: Option<String>,
    position: Option<PretixPosition>,
    seats: Vec<PretixSeat>,
}

/// A seat. Its label is made of the zone's name, `row_number` and `seat_number` ("Stalls A-1"), without what has no name,
/// and may have up to 100 characters.
#[derive(ToSchema)]
struct PretixSeat {
    /// Its name, which no other seat of the plan has.
    #[schema(min_length = 1, max_length = 200)]
    seat_guid: String,
    #[schema(min_length = 1, max_length = 100)]
    seat_number: String,
    /// The name of a category of the plan.
    category: String,
    position: PretixPosition,
    /// True when it is meant for people in a wheelchair. This member is ours: the format has none for it.
    accessible: Option<bool>,
}

/// Counted from the row, the row from the zone, the zone from the top left corner.
#[derive(ToSchema)]
struct PretixPosition {
    #[schema(minimum = -1_000_000, maximum = 1_000_000)]
    x: f64,
    #[schema(minimum = -1_000_000, maximum = 1_000_000)]
    y: f64,
}

/// Width and height.
#[derive(ToSchema)]
struct PretixSize {
    width: f64,
    height: f64,
}
