//! How far a seat is from where everybody wants to sit: what best available goes by.
//!
//! The rule: the straight way on the drawing to the middle of the stage, in halves of the usual distance between two
//! neighbours. So seats that mirror each other are equally good, a seat further back is worse than the one before it,
//! and seats that nobody could tell apart are not told apart. The stage is the first area whose text names one
//! (`Stage`, `Bühne`, `무대`, `scène`, `escenario` and the like, as a part of the text, whatever its case; a backstage is
//! none). Where there is no such area, it is taken to be in the middle of the upper edge of all seats.

use super::drawing::PITCH;
use super::{Area, Drawing, Point, Seat, Shape};

/// What a stage is called, in small letters.
const STAGE_NAMES: [&str; 8] =
    ["stage", "bühne", "buehne", "무대", "scène", "escenario", "palcoscenico", "ステージ"];
/// What has such a name in it and is none.
const NO_STAGE: &str = "backstage";

impl Drawing {
    /// How far each of these seats is from where everybody wants to sit, in order of number.
    pub fn distances(&self, seats: &[Seat]) -> Vec<u32> {
        let focus = self.focus();
        let unit = usual_distance(seats, &self.points) / 2.0;
        let distance = |point: &Point| {
            let way = (f64::from(point.x) - focus.0).hypot(f64::from(point.y) - focus.1);
            // Seats straight before the stage are often whole halves away from it: a quarter more keeps them from
            // being told apart from their mirror images by a rounding error.
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "never negative; what is too far away for the type is equally far"
            )]
            let halves = (way / unit + 0.25) as u32;
            halves
        };
        self.points.iter().map(distance).collect()
    }

    /// The first area whose text names a stage.
    pub fn stage(&self) -> Option<&Area> {
        self.areas.iter().find(|area| is_stage(area))
    }

    /// Where everybody wants to be.
    fn focus(&self) -> (f64, f64) {
        if let Some(stage) = self.stage() {
            return middle(stage);
        }
        let edge = |x: f64| if x.is_finite() { x } else { 0.0 };
        let xs = self.points.iter().map(|point| f64::from(point.x));
        let (left, right) = (xs.clone().fold(f64::INFINITY, f64::min), xs.fold(f64::NEG_INFINITY, f64::max));
        let top = self.points.iter().map(|point| f64::from(point.y)).fold(f64::INFINITY, f64::min);
        (edge(f64::midpoint(left, right)), edge(top))
    }
}

fn is_stage(area: &Area) -> bool {
    area.text.as_ref().is_some_and(|text| {
        let text = text.text.to_lowercase();
        !text.contains(NO_STAGE) && STAGE_NAMES.iter().any(|name| text.contains(name))
    })
}

/// The middle of an area, turned as it is.
fn middle(area: &Area) -> (f64, f64) {
    let (dx, dy) = match &area.shape {
        Shape::Circle(_) | Shape::Ellipse(..) => (0.0, 0.0),
        Shape::Rectangle(width, height) => (f64::from(*width) / 2.0, f64::from(*height) / 2.0),
        Shape::Polygon(points) => {
            let span = |of: fn(&Point) -> f32| {
                let all = points.iter().map(of).map(f64::from);
                let (low, high) =
                    (all.clone().fold(f64::INFINITY, f64::min), all.fold(f64::NEG_INFINITY, f64::max));
                if points.is_empty() { 0.0 } else { f64::midpoint(low, high) }
            };
            (span(|point| point.x), span(|point| point.y))
        }
        // Words alone are where they are.
        Shape::Text => {
            let at = area.text.as_ref().map_or(area.at, |text| text.at);
            return (f64::from(at.x), f64::from(at.y));
        }
    };
    let (sin, cos) = f64::from(area.rotation).to_radians().sin_cos();
    (f64::from(area.at.x) + dx * cos - dy * sin, f64::from(area.at.y) + dx * sin + dy * cos)
}

/// The median of the distances between neighbours of one row.
fn usual_distance(seats: &[Seat], points: &[Point]) -> f64 {
    let pairs = seats.windows(2).zip(points.windows(2));
    let pairs = pairs.filter(|(seats, _)| seats[0].row == seats[1].row);
    let mut gaps: Vec<f64> = pairs.map(|(_, points)| gap(points[0], points[1])).collect();
    gaps.retain(|gap| *gap > 0.0);
    median(&mut gaps).unwrap_or(f64::from(PITCH))
}

/// From one place to another.
fn gap(a: Point, b: Point) -> f64 {
    (f64::from(a.x) - f64::from(b.x)).hypot(f64::from(a.y) - f64::from(b.y))
}

/// The one in the middle; of an even number half-way between the two in the middle.
fn median(values: &mut [f64]) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let upper = values.get(values.len() / 2)?;
    let lower = values.get((values.len() - 1) / 2)?;
    Some(f64::midpoint(*lower, *upper))
}

/// After which of the seats of a row, given where they are, an aisle comes: where the gap to the next one is more than
/// 1.6 times the usual one of this row.
pub fn aisles(row: &[Point]) -> Vec<bool> {
    const WIDE: f64 = 1.6;
    let gaps: Vec<f64> = row.windows(2).map(|pair| gap(pair[0], pair[1])).collect();
    let usual = median(&mut gaps.clone()).unwrap_or(0.0);
    let mut found: Vec<bool> = gaps.into_iter().map(|gap| gap > WIDE * usual).collect();
    found.resize(row.len(), false);
    found
}

#[cfg(test)]
mod tests;
