//! The four halls.

use super::format::{Category, PITCH, Plan, Point, ROW_PITCH, Size, Zone, letter, line, stage};

const VIP: Category = Category { name: "VIP", color: "#8e24aa" };
const SR: Category = Category { name: "SR", color: "#c2410c" };
const R: Category = Category { name: "R", color: "#1f4e9c" };
const S: Category = Category { name: "S", color: "#2e7d32" };
const A: Category = Category { name: "A", color: "#b8860b" };
const STANDARD: Category = Category { name: "STANDARD", color: "#1f4e9c" };

/// All of them, each with the name of its file and whether that is packed.
pub(crate) fn all() -> [(&'static str, Plan, bool); 4] {
    [
        ("club-50.json", club(), false),
        ("theatre-1300.json", theatre(), false),
        ("arena-15000.json.gz", arena(), true),
        ("stadium-100000.json.gz", stadium(), true),
    ]
}

/// Fifty seats: five rows of ten with an aisle in the middle, two wheelchair places in the last row.
fn club() -> Plan {
    let mut hall = Zone::new("Club", "club", (60.0, 180.0));
    for row in 0..5 {
        let points = line((180.0, 180.0 + row as f64 * ROW_PITCH), 10, &[5]);
        let accessible: &[usize] = if row == 4 { &[1, 10] } else { &[] };
        hall.row(&letter(row), "STANDARD", &points, accessible);
    }
    Plan {
        name: "Club, 50 seats",
        size: Size { width: 360, height: 360 },
        categories: vec![STANDARD],
        zones: vec![stage((180.0, 80.0), 200.0, 80.0), hall],
    }
}

/// 1,300 seats on curves around the stage: stalls with two aisles and a balcony behind.
pub(crate) fn theatre() -> Plan {
    let focus = (800.0, -150.0);
    let mut stalls = Zone::new("Stalls", "stalls", (0.0, 300.0));
    for row in 0..22 {
        // One seat more a row, but the last row is shorter: the way in is there, with eight wheelchair places.
        let count = if row == 21 { 40 } else { 30 + row };
        let accessible: &[usize] = if row == 21 { &[1, 2, 3, 4, 37, 38, 39, 40] } else { &[] };
        let category = match row {
            0..5 => "VIP",
            5..15 => "R",
            _ => "S",
        };
        stalls.row(
            &letter(row),
            category,
            &curve(focus, 500.0 + row as f64 * ROW_PITCH, count, 0.3),
            accessible,
        );
    }
    let mut balcony = Zone::new("Balcony", "balcony", (0.0, 1_130.0));
    for row in 0..12 {
        let count = if row == 11 { 35 } else { 30 + row };
        let category = if row < 3 { "R" } else { "S" };
        let radius = 1_310.0 + row as f64 * ROW_PITCH;
        balcony.row(&letter(row), category, &curve(focus, radius, count, 0.16), &[]);
    }
    Plan {
        name: "Theatre, 1,300 seats",
        size: Size { width: 1_600, height: 1_550 },
        categories: vec![VIP, R, S],
        zones: vec![stage((800.0, 130.0), 640.0, 160.0), stalls, balcony],
    }
}

/// A row of seats on a circle, in three blocks: the two aisles run straight away from the stage, `aisles` to either
/// side of the middle as an angle.
fn curve(focus: Point, radius: f64, count: usize, aisles: f64) -> Vec<Point> {
    const AISLE: f64 = 1.2 * PITCH;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a row has dozens of seats")]
    let middle = (2.0 * aisles * radius / PITCH) as usize;
    // As many on the left as on the right.
    let middle = middle.min(count - 4);
    let middle = middle - (count - middle) % 2;
    let side = (count - middle) / 2;
    let length = (count - 1) as f64 * PITCH + 2.0 * AISLE;
    let mut along = -length / 2.0;
    let mut points = Vec::with_capacity(count);
    for number in 1..=count {
        let angle = along / radius;
        points.push((focus.0 + radius * angle.sin(), focus.1 + radius * angle.cos()));
        along += PITCH + if number == side || number == side + middle { AISLE } else { 0.0 };
    }
    points
}

/// Stands around a floor, open at the end where the stage is: two straight sides, a straight back and round corners.
struct Horseshoe {
    /// Where the stands begin: the middle of the open end.
    top: Point,
    /// From the middle to a side, the length of a side, and the radius of a corner, all at the first row.
    half_width: f64,
    side: f64,
    corner: f64,
    /// How many sections a side, a corner and the back have.
    sections: [usize; 3],
}

impl Horseshoe {
    /// The points of one row of every section, `offset` behind the first row, from the left of the stage around to its
    /// right.
    fn row(&self, offset: f64) -> Vec<Vec<Point>> {
        use std::f64::consts::{FRAC_PI_2, PI};
        let Self { top: (x, y), half_width, side, corner, sections: [sides, corners, backs] } = *self;
        let (left, right) = (x - half_width, x + half_width);
        let mut row = straight((left - offset, y), (0.0, 1.0), side, sides);
        row.extend(arc((left + corner, y + side), corner + offset, (PI, FRAC_PI_2), corners));
        let back = (left + corner, y + side + corner + offset);
        row.extend(straight(back, (1.0, 0.0), 2.0 * (half_width - corner), backs));
        row.extend(arc((right - corner, y + side), corner + offset, (FRAC_PI_2, 0.0), corners));
        row.extend(straight((right + offset, y + side), (0.0, -1.0), side, sides));
        row
    }

    /// A tier of stands: a zone for each section, named from `first` on.
    fn tier(
        &self,
        first: usize,
        rows: usize,
        from: f64,
        category: impl Fn(usize) -> &'static str,
    ) -> Vec<Zone> {
        let mut zones: Vec<Zone> = Vec::new();
        for row in 0..rows {
            let sections = self.row(from + row as f64 * ROW_PITCH);
            for (at, points) in sections.iter().enumerate() {
                if row == 0 {
                    let name = (first + at).to_string();
                    zones.push(Zone::new(format!("Section {name}"), name, points[0]));
                }
                zones[at].row(&(row + 1).to_string(), category(row), points, &[]);
            }
        }
        zones
    }
}

/// Left free at either end of a section's row, so that two such ends make the stairs.
const STAIRS: f64 = 1.5 * PITCH;

/// How many seats fit, and where the first one is.
fn fit(length: f64) -> (usize, f64) {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a row has dozens of seats")]
    let gaps = ((length - 2.0 * STAIRS) / PITCH) as usize;
    (gaps + 1, (length - gaps as f64 * PITCH) / 2.0)
}

fn straight(from: Point, towards: Point, length: f64, sections: usize) -> Vec<Vec<Point>> {
    let length = length / sections as f64;
    let (count, first) = fit(length);
    let point = |section: usize, seat: usize| {
        let along = section as f64 * length + first + seat as f64 * PITCH;
        (from.0 + along * towards.0, from.1 + along * towards.1)
    };
    (0..sections).map(|section| (0..count).map(|seat| point(section, seat)).collect()).collect()
}

fn arc(middle: Point, radius: f64, (from, to): (f64, f64), sections: usize) -> Vec<Vec<Point>> {
    let angle = (to - from) / sections as f64;
    let (count, first) = fit(angle.abs() * radius);
    let point = |section: usize, seat: usize| {
        let along = (first + seat as f64 * PITCH) / radius;
        let angle = from + section as f64 * angle + along * angle.signum();
        (middle.0 + radius * angle.cos(), middle.1 + radius * angle.sin())
    };
    (0..sections).map(|section| (0..count).map(|seat| point(section, seat)).collect()).collect()
}

/// Blocks of straight rows on the floor, named A1, A2, … from the left, A next to the stage.
fn floor(top: Point, blocks: (usize, usize), rows: usize, seats: usize, gap: f64, vip: usize) -> Vec<Zone> {
    let width = (seats - 1) as f64 * PITCH;
    let depth = (rows - 1) as f64 * ROW_PITCH;
    let mut zones = Vec::new();
    for line_of_blocks in 0..blocks.1 {
        for block in 0..blocks.0 {
            let x = top.0 + (block as f64 - (blocks.0 - 1) as f64 / 2.0) * (width + gap);
            let y = top.1 + line_of_blocks as f64 * (depth + gap);
            let name = format!("{}{}", letter(line_of_blocks), block + 1);
            let mut zone = Zone::new(format!("Floor {name}"), name, (x - width / 2.0, y));
            let category = if line_of_blocks < vip { "VIP" } else { "SR" };
            for row in 0..rows {
                let points = line((x, y + row as f64 * ROW_PITCH), seats, &[]);
                zone.row(&(row + 1).to_string(), category, &points, &[]);
            }
            zones.push(zone);
        }
    }
    zones
}

/// Wheelchair places at both ends of the last row of every section of a tier: where one can drive in.
fn make_accessible(zones: &mut [Zone]) {
    for zone in zones {
        let Some(row) = zone.rows.last_mut() else { continue };
        let count = row.seats.len();
        for (at, seat) in row.seats.iter_mut().enumerate() {
            seat.accessible = at < 2 || at + 2 >= count;
        }
    }
}

/// Takes seats from the ends of the rows at the very back until there are exactly so many: there are cameras and lamps.
fn trim(zones: &mut [Zone], floor: &[Zone], lower: &[Zone], seats: usize) {
    let mut total: usize = [floor, lower, &*zones].into_iter().flatten().map(Zone::seats).sum();
    assert!(total >= seats, "the hall is too small: {total}");
    while total > seats {
        for zone in zones.iter_mut() {
            if total == seats {
                break;
            }
            let Some(row) = zone.rows.last_mut() else { continue };
            row.seats.pop();
            total -= 1;
            if row.seats.is_empty() {
                zone.rows.pop();
            }
        }
    }
}

/// 15,000 seats: a stage at one end, a floor of blocks, two tiers of stands in a horseshoe.
fn arena() -> Plan {
    let stands = Horseshoe {
        top: (2_300.0, 500.0),
        half_width: 900.0,
        side: 1_700.0,
        corner: 400.0,
        sections: [4, 2, 3],
    };
    let floor = floor((2_300.0, 660.0), (3, 3), 14, 22, 110.0, 1);
    let mut lower = stands.tier(101, 15, 0.0, |_| "R");
    make_accessible(&mut lower);
    let mut upper = stands.tier(201, 21, 620.0, |row| if row < 9 { "S" } else { "A" });
    trim(&mut upper, &floor, &lower, 15_000);
    let stage = stage((2_300.0, 380.0), 1_000.0, 300.0);
    Plan {
        name: "Arena, 15,000 seats",
        size: Size { width: 4_600, height: 4_100 },
        categories: vec![VIP, SR, R, S, A],
        zones: [vec![stage], floor, lower, upper].into_iter().flatten().collect(),
    }
}

/// 100,000 seats: a stage at one end of the pitch, blocks on the pitch, two tiers around.
fn stadium() -> Plan {
    let stands = Horseshoe {
        top: (5_300.0, 600.0),
        half_width: 2_150.0,
        side: 4_600.0,
        corner: 1_100.0,
        sections: [9, 4, 4],
    };
    let floor = floor((5_300.0, 1_000.0), (6, 7), 19, 26, 100.0, 2);
    let mut lower = stands.tier(101, 42, 0.0, |_| "R");
    make_accessible(&mut lower);
    let mut upper = stands.tier(201, 48, 1_500.0, |row| if row < 20 { "S" } else { "A" });
    trim(&mut upper, &floor, &lower, 100_000);
    let stage = stage((5_300.0, 600.0), 2_400.0, 560.0);
    Plan {
        name: "Stadium, 100,000 seats",
        size: Size { width: 10_600, height: 9_600 },
        categories: vec![VIP, SR, R, S, A],
        zones: [vec![stage], floor, lower, upper].into_iter().flatten().collect(),
    }
}
