//! The drawing of a seat plan: where everything is on the screen. It is kept beside the plan and read only by those
//! who look at it; what is sold never depends on it.
//!
//! A plan that comes without positions is arranged here: [`Drawing::arrange`] always makes the same drawing of the
//! same plan, so nobody has to keep it.

use super::{PlanParts, Seat, SeatPlan};

/// Between two seats that are beside each other, between two rows, and from the edge to the first seat.
pub(super) const PITCH: f32 = 24.0;
/// The height of the stage of an arranged drawing.
const STAGE_HEIGHT: f32 = 48.0;
/// What is written on the stage of an arranged drawing.
const STAGE_TEXT: &str = "STAGE";

/// The drawing of a plan.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Drawing {
    /// Its width, in units of its own.
    pub width: f32,
    /// Its height.
    pub height: f32,
    /// What each grade is drawn in, in order of grade: `#rrggbb`; nothing where the plan does not say.
    pub colors: Vec<Option<Box<str>>>,
    /// Where each seat is, in order of number.
    pub points: Vec<Point>,
    /// What each seat is called in the file that it comes from; empty when none has such a name.
    pub guids: Vec<Option<Box<str>>>,
    /// What else is drawn.
    pub areas: Vec<Area>,
}

/// A place on a drawing: right and down from its top left corner.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Point {
    /// To the right.
    pub x: f32,
    /// Down.
    pub y: f32,
}

/// Something that is drawn beside the seats, such as the stage.
#[derive(Debug, Clone, PartialEq)]
pub struct Area {
    /// What it looks like.
    pub shape: Shape,
    /// Where it is: of a circle or an ellipse its centre, of a polygon what its points are counted from, of the rest
    /// its top left corner.
    pub at: Point,
    /// By how many degrees it is turned around that place, clockwise.
    pub rotation: f32,
    /// What it is filled with: `#rrggbb`.
    pub color: Option<Box<str>>,
    /// What its edge is drawn in.
    pub border_color: Option<Box<str>>,
    /// What is written on it.
    pub text: Option<AreaText>,
}

/// What is written on an area.
#[derive(Debug, Clone, PartialEq)]
pub struct AreaText {
    /// The words.
    pub text: Box<str>,
    /// Where their middle is, on the drawing.
    pub at: Point,
    /// What they are drawn in.
    pub color: Option<Box<str>>,
    /// How high they are.
    pub size: f32,
}

/// What an area looks like.
#[derive(Debug, Clone, PartialEq)]
pub enum Shape {
    /// A circle with this radius.
    Circle(f32),
    /// An ellipse with these radii, across and down.
    Ellipse(f32, f32),
    /// A rectangle of this width and height.
    Rectangle(f32, f32),
    /// The lines between these points, closed.
    Polygon(Vec<Point>),
    /// Only its text.
    Text,
}

impl Point {
    /// A place so far to the right and so far down.
    pub const fn new(x: f32, y: f32) -> Self {
        Self { x, y }
    }
}

impl Drawing {
    /// The drawing of a plan that came without one.
    pub fn arrange(plan: &SeatPlan) -> Self {
        let colors = vec![None; plan.grades().len()];
        let is_plain = plan.rows().len() == 1 && plan.rows()[0].name.is_none();
        if is_plain { grid(plan.seats().len(), colors) } else { rows(plan.seats(), &sections(plan), colors) }
    }

    /// The same for the parts of a plan that is still being put together.
    pub fn arrange_parts(parts: &PlanParts) -> Self {
        let sections: Vec<u16> = parts.rows.iter().map(|row| row.section).collect();
        rows(&parts.seats, &sections, vec![None; parts.grades.len()])
    }
}

/// The section of each row.
fn sections(plan: &SeatPlan) -> Vec<u16> {
    plan.rows().iter().map(|row| row.section).collect()
}

/// Seats without rows: lines one below the other, broken so that the drawing is about twice as wide as high.
fn grid(seats: usize, colors: Vec<Option<Box<str>>>) -> Drawing {
    let columns = (2 * seats).isqrt().max(1);
    let lines = seats.div_ceil(columns);
    let point = |at: usize| Point::new(step(at % columns + 1), step(at / columns + 1));
    Drawing {
        width: step(columns.min(seats) + 1),
        height: step(lines + 1),
        colors,
        points: (0..seats).map(point).collect(),
        guids: Vec::new(),
        areas: Vec::new(),
    }
}

/// Rows as the audience sits: the stage on top, the first row next to it, every row in the middle. An aisle is a gap
/// of one seat, and a section begins one row further back than its first row would.
fn rows(seats: &[Seat], sections: &[u16], colors: Vec<Option<Box<str>>>) -> Drawing {
    let widths: Vec<f32> = seats.chunk_by(|a, b| a.row == b.row).map(width).collect();
    let widest = widths.iter().copied().fold(0.0, f32::max);
    let middle = PITCH + widest / 2.0;
    let mut points = Vec::with_capacity(seats.len());
    let mut y = PITCH + STAGE_HEIGHT + PITCH;
    let mut before: Option<u16> = None;
    for (row, width) in seats.chunk_by(|a, b| a.row == b.row).zip(&widths) {
        let section = row.first().and_then(|seat| sections.get(seat.row as usize)).copied();
        if before.is_some() {
            y += if before == section { PITCH } else { 2.0 * PITCH };
        }
        before = section;
        let mut x = middle - width / 2.0;
        for seat in row {
            points.push(Point::new(x, y));
            x += if seat.aisle_after { 2.0 * PITCH } else { PITCH };
        }
    }
    let stage = (widest / 2.0).max(4.0 * PITCH);
    // A hall narrower than its stage is as wide as the stage.
    let shift = (stage / 2.0 - middle + PITCH).max(0.0);
    for point in &mut points {
        point.x += shift;
    }
    let middle = middle + shift;
    Drawing {
        width: 2.0 * middle,
        height: y + PITCH,
        colors,
        points,
        guids: Vec::new(),
        areas: vec![Area {
            shape: Shape::Rectangle(stage, STAGE_HEIGHT),
            at: Point::new(middle - stage / 2.0, PITCH),
            rotation: 0.0,
            color: Some("#d9d9d9".into()),
            border_color: Some("#8c8c8c".into()),
            text: Some(AreaText {
                text: STAGE_TEXT.into(),
                at: Point::new(middle, PITCH + STAGE_HEIGHT / 2.0),
                color: Some("#333333".into()),
                size: 16.0,
            }),
        }],
    }
}

/// From the first seat of a row to its last.
fn width(row: &[Seat]) -> f32 {
    let inner = &row[..row.len().saturating_sub(1)];
    step(inner.len() + inner.iter().filter(|seat| seat.aisle_after).count())
}

/// So many pitches. There are never so many seats that they could not be counted exactly.
fn step(count: usize) -> f32 {
    count as f32 * PITCH
}

#[cfg(test)]
mod tests;
