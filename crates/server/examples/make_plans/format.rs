//! The pretix format, as much of it as the plans need, and the pen that they are drawn with.

#![allow(clippy::struct_field_names, reason = "members are called as in the format")]

use serde::Serialize;

/// Between two neighbours, in the units of all plans: about half a metre.
pub(crate) const PITCH: f64 = 20.0;
/// Between two rows.
pub(crate) const ROW_PITCH: f64 = 32.0;

/// A file.
#[derive(Serialize)]
pub(crate) struct Plan {
    pub(crate) name: &'static str,
    pub(crate) size: Size,
    pub(crate) categories: Vec<Category>,
    pub(crate) zones: Vec<Zone>,
}

#[derive(Serialize)]
pub(crate) struct Size {
    pub(crate) width: i32,
    pub(crate) height: i32,
}

#[derive(Serialize)]
pub(crate) struct Category {
    pub(crate) name: &'static str,
    pub(crate) color: &'static str,
}

#[derive(Serialize)]
pub(crate) struct Zone {
    pub(crate) name: String,
    pub(crate) zone_id: String,
    pub(crate) position: Position,
    pub(crate) rows: Vec<Row>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) areas: Vec<Area>,
}

#[derive(Serialize)]
pub(crate) struct Row {
    pub(crate) row_number: String,
    pub(crate) position: Position,
    pub(crate) seats: Vec<Seat>,
}

#[derive(Serialize)]
pub(crate) struct Seat {
    pub(crate) seat_guid: String,
    pub(crate) seat_number: String,
    pub(crate) position: Position,
    pub(crate) category: &'static str,
    /// Ours: pretix has no mark for wheelchair places.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) accessible: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Position {
    pub(crate) x: i32,
    pub(crate) y: i32,
}

#[derive(Serialize)]
pub(crate) struct Area {
    pub(crate) shape: &'static str,
    pub(crate) color: &'static str,
    pub(crate) border_color: &'static str,
    pub(crate) rotation: i32,
    pub(crate) position: Position,
    pub(crate) rectangle: Size,
    pub(crate) text: Text,
}

#[derive(Serialize)]
pub(crate) struct Text {
    pub(crate) text: &'static str,
    pub(crate) color: &'static str,
    pub(crate) size: i32,
    pub(crate) position: Position,
}

/// A point with its fractions, until it is written down.
pub(crate) type Point = (f64, f64);

/// Whole units: a fortieth of a metre is fine enough for a seat.
fn place((x, y): Point) -> Position {
    #[expect(clippy::cast_possible_truncation, reason = "halls are thousands of units wide, not billions")]
    let whole = |number: f64| number.round() as i32;
    Position { x: whole(x), y: whole(y) }
}

impl Zone {
    /// A zone without rows, whose corner is there.
    pub(crate) fn new(name: impl Into<String>, zone_id: impl Into<String>, corner: Point) -> Self {
        let (name, zone_id) = (name.into(), zone_id.into());
        Self { name, zone_id, position: place(corner), rows: Vec::new(), areas: Vec::new() }
    }

    /// Adds a row of seats at these points of the hall, numbered from 1. `accessible` are numbers.
    pub(crate) fn row(&mut self, name: &str, category: &'static str, points: &[Point], accessible: &[usize]) {
        let Some(first) = points.first() else { return };
        let from = |a: Position, b: Position| Position { x: b.x - a.x, y: b.y - a.y };
        let first = place(*first);
        let seats = (1..).zip(points).map(|(number, point): (usize, _)| Seat {
            seat_guid: format!("{}-{name}-{number}", self.zone_id),
            seat_number: number.to_string(),
            position: from(first, place(*point)),
            category,
            accessible: accessible.contains(&number),
        });
        let seats = seats.collect();
        self.rows.push(Row { row_number: name.to_owned(), position: from(self.position, first), seats });
    }

    pub(crate) fn seats(&self) -> usize {
        self.rows.iter().map(|row| row.seats.len()).sum()
    }
}

/// A zone that is only a stage, in the middle of `middle`.
pub(crate) fn stage(middle: Point, width: f64, height: f64) -> Zone {
    let mut zone = Zone::new("Stage", "stage", (middle.0 - width / 2.0, middle.1 - height / 2.0));
    let size = place((width, height));
    zone.areas.push(Area {
        shape: "rectangle",
        color: "#d9d9d9",
        border_color: "#8c8c8c",
        rotation: 0,
        position: Position { x: 0, y: 0 },
        rectangle: Size { width: size.x, height: size.y },
        text: Text {
            text: "Stage",
            color: "#333333",
            size: (size.y / 4).clamp(16, 120),
            position: place((width / 2.0, height / 2.0)),
        },
    });
    zone
}

/// The names of rows in halls: letters without I and O, which look like numbers.
pub(crate) fn letter(row: usize) -> String {
    const LETTERS: &[u8; 24] = b"ABCDEFGHJKLMNPQRSTUVWXYZ";
    char::from(LETTERS[row % LETTERS.len()]).to_string()
}

/// So many points on a straight line, one pitch apart, around a middle; `gaps` are the numbers of seats after which an
/// aisle of one pitch comes.
pub(crate) fn line(middle: Point, count: usize, gaps: &[usize]) -> Vec<Point> {
    let mut x = middle.0 - ((count - 1 + gaps.len()) as f64) * PITCH / 2.0;
    let mut points = Vec::with_capacity(count);
    for number in 1..=count {
        points.push((x, middle.1));
        x += if gaps.contains(&number) { 2.0 * PITCH } else { PITCH };
    }
    points
}
