//! Checks what no shape alone says of a plan of pretix, and makes the plan and its drawing.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use frontrow_domain::Money;
use frontrow_domain::catalog::{
    Area, Drawing, Grade, PlanParts, Point, Row, SEATS_MAX, Seat, SeatPlan, Section, Shape, aisles,
};

use super::areas::point;
use super::findings::{Findings, Step};
use super::pretix::{PlanForm, RowForm, SeatForm, ZoneForm, categories};
use super::rows::wrong_price;
use super::{ImportedPlan, LABEL_MAX};

/// Left free beyond the outermost seats and areas where the file does not say how large its drawing is.
const MARGIN: f32 = 24.0;

/// Puts a plan together. Without prices (of a file that is only looked at) every seat costs nothing, and the paths are
/// those of the file by itself.
pub(super) fn import(
    form: &PlanForm,
    prices: Option<&[(Box<str>, i64)]>,
    mut findings: Findings,
) -> Result<ImportedPlan, Findings> {
    let (of_plan, of_prices): (&[_], &[_]) =
        if prices.is_some() { (&["pretix", "plan"], &["pretix"]) } else { (&[], &[]) };
    let (known, used) = findings.inside(of_plan, |findings| {
        check_size(findings);
        let known = categories(form, findings);
        let used = check_seats(form, &known, findings);
        (known, used)
    });
    if let Some(prices) = prices {
        findings.inside(of_prices, |findings| check_prices(form, &known, &used, prices, findings));
    }
    if !findings.is_empty() {
        return Err(findings);
    }
    assemble(form, &used, prices.unwrap_or_default()).ok_or_else(|| {
        findings.wrong("cannot be put together");
        findings
    })
}

fn check_size(findings: &mut Findings) {
    if findings.seats == 0 && findings.is_empty() {
        findings.wrong_member("zones", "must have a seat at the least");
    }
    if findings.seats > SEATS_MAX as usize {
        let message = format!("must have {SEATS_MAX} seats at the most, not {}", findings.seats);
        findings.wrong_member("zones", message);
    }
}

/// Checks every seat, and says which categories have seats, by their place.
fn check_seats(form: &PlanForm, known: &HashMap<&str, usize>, findings: &mut Findings) -> Vec<bool> {
    let mut used = vec![false; form.categories.len()];
    let mut guids: HashMap<&str, String> = HashMap::new();
    // Where a guid was first is written down only once it comes again: most never do.
    let mut first: HashSet<&str> = HashSet::new();
    let mut again: HashSet<&str> = HashSet::new();
    for seat in each_row(form).flat_map(|(_, row)| &row.seats) {
        if let Some(guid) = seat.guid.as_deref()
            && !first.insert(guid)
        {
            again.insert(guid);
        }
    }
    drop(first);
    findings.enter_member("zones");
    for (zone, row) in each_row(form) {
        findings.enter(Step::Item(zone.at));
        findings.enter_member("rows");
        findings.enter(Step::Item(row.at));
        findings.enter_member("seats");
        for seat in &row.seats {
            findings.enter(Step::Item(seat.at));
            if let Some(category) = seat.category.as_deref() {
                match known.get(category) {
                    Some(&at) => used[at] = true,
                    None => findings.wrong_member("category", "must be the name of a category of the plan"),
                }
            }
            if let Some(guid) = seat.guid.as_deref()
                && again.contains(guid)
            {
                if let Some(place) = guids.get(guid) {
                    findings.wrong_member("seat_guid", format!("is the one of {place} already"));
                } else {
                    let place = format!("zones[{}].rows[{}].seats[{}]", zone.at, row.at, seat.at);
                    guids.insert(guid, place);
                }
            }
            if seat.number.is_some() && label(zone, row, seat).chars().count() > LABEL_MAX {
                let message = format!(
                    "makes a label longer than {LABEL_MAX} characters, with the names of zone and row"
                );
                findings.wrong_member("seat_number", message);
            }
            findings.leave();
        }
        (0..4).for_each(|_| findings.leave());
    }
    findings.leave();
    used
}

/// The rows with seats, with their zones, in document order.
fn each_row(form: &PlanForm) -> impl Iterator<Item = (&ZoneForm, &RowForm)> {
    form.zones.iter().flat_map(|zone| zone.rows.iter().map(move |row| (zone, row)))
}

fn check_prices(
    form: &PlanForm,
    known: &HashMap<&str, usize>,
    used: &[bool],
    prices: &[(Box<str>, i64)],
    findings: &mut Findings,
) {
    let given: HashSet<&str> = prices.iter().map(|(name, _)| &**name).collect();
    for (category, _) in form.categories.iter().zip(used).filter(|(_, used)| **used) {
        if let Some(name) = category.name.as_deref().filter(|name| !given.contains(name)) {
            wrong_price(name, "must be given: seats have this category", findings);
        }
    }
    for (name, _) in prices.iter().filter(|(name, _)| !known.contains_key(&**name)) {
        wrong_price(name, "is for a category that the plan does not have", findings);
    }
}

/// What is printed on a seat: zone, row and number, without what has no name.
fn label(zone: &ZoneForm, row: &RowForm, seat: &SeatForm) -> String {
    let number = seat.number.as_deref().unwrap_or_default();
    let place = match row.number.as_deref() {
        Some(row) => format!("{row}-{number}"),
        None => number.to_owned(),
    };
    match zone.name.as_deref() {
        Some(zone) => format!("{zone} {place}"),
        None => place,
    }
}

fn assemble(form: &PlanForm, used: &[bool], prices: &[(Box<str>, i64)]) -> Option<ImportedPlan> {
    let prices: HashMap<&str, i64> = prices.iter().map(|(name, price)| (&**name, *price)).collect();
    let mut parts = PlanParts::default();
    let mut drawing = Drawing::default();
    let mut grades: HashMap<&str, u16> = HashMap::new();
    for (category, _) in form.categories.iter().zip(used).filter(|(_, used)| **used) {
        let name = category.name.as_deref()?;
        grades.insert(name, u16::try_from(parts.grades.len()).ok()?);
        let price = Money::of(prices.get(name).copied().unwrap_or(0));
        parts.grades.push(Grade { name: name.into(), price });
        drawing.colors.push(category.color.clone());
    }
    for zone in &form.zones {
        if !zone.rows.is_empty() {
            parts.sections.push(Section { name: zone.name.clone() });
        }
        let section = u16::try_from(parts.sections.len().saturating_sub(1)).ok()?;
        for row in &zone.rows {
            let number = u32::try_from(parts.rows.len()).ok()?;
            parts.rows.push(Row { section, name: row.number.clone() });
            let from = (zone.position.0 + row.position.0, zone.position.1 + row.position.1);
            let points: Vec<Point> = row
                .seats
                .iter()
                .map(|SeatForm { position: (x, y), .. }| point((from.0 + x, from.1 + y)))
                .collect();
            for (seat, aisle_after) in row.seats.iter().zip(aisles(&points)) {
                parts.seats.push(Seat {
                    label: label(zone, row, seat).into_boxed_str(),
                    row: number,
                    grade: *grades.get(seat.category.as_deref()?)?,
                    accessible: seat.accessible,
                    aisle_after,
                });
                drawing.guids.push(seat.guid.clone());
            }
            drawing.points.extend(points);
        }
        drawing.areas.extend(zone.areas.iter().map(|area| area.area(zone.position)));
    }
    fit(&mut drawing, form.size);
    parts.distances = drawing.distances(&parts.seats);
    let plan = SeatPlan::from_parts(parts)?;
    Some(ImportedPlan { plan: Arc::new(plan), drawing: Some(Arc::new(drawing)) })
}

/// Sees to it that every seat can be seen: where one is left of 0 or above it, everything is moved, and a size that is
/// missing or too small becomes what is needed. An area that reaches beyond the size that the file gives is cut off, as it
/// is in pretix.
fn fit(drawing: &mut Drawing, size: Option<(f64, f64)>) {
    let low = |of: fn(&Point) -> f32| drawing.points.iter().map(of).fold(f32::INFINITY, f32::min);
    let shift = |low: f32| if low < 0.0 { MARGIN - low } else { 0.0 };
    let (dx, dy) = (shift(low(|point| point.x)), shift(low(|point| point.y)));
    if dx > 0.0 || dy > 0.0 {
        let moved = |at: &mut Point| *at = Point::new(at.x + dx, at.y + dy);
        drawing.points.iter_mut().for_each(moved);
        for area in &mut drawing.areas {
            moved(&mut area.at);
            if let Some(text) = &mut area.text {
                moved(&mut text.at);
            }
        }
    }
    let outermost =
        if size.is_none() { drawing.areas.iter().flat_map(corners).collect() } else { Vec::new() };
    let high = |of: fn(&Point) -> f32| {
        drawing.points.iter().chain(&outermost).map(of).fold(f32::NEG_INFINITY, f32::max)
    };
    let needed = Point::new(high(|point| point.x), high(|point| point.y));
    let given = size.map_or(Point::default(), point);
    let measure =
        |given: f32, needed: f32| if given >= needed && given > 0.0 { given } else { needed + MARGIN };
    drawing.width = measure(given.x, needed.x);
    drawing.height = measure(given.y, needed.y);
}

/// The outermost points of an area, as if it were not turned.
fn corners(area: &Area) -> Vec<Point> {
    let Point { x, y } = area.at;
    let round =
        |across: f32, down: f32| vec![Point::new(x - across, y - down), Point::new(x + across, y + down)];
    match &area.shape {
        Shape::Circle(radius) => round(*radius, *radius),
        Shape::Ellipse(across, down) => round(*across, *down),
        Shape::Rectangle(width, height) => vec![area.at, Point::new(x + width, y + height)],
        Shape::Polygon(points) => points.iter().map(|point| Point::new(x + point.x, y + point.y)).collect(),
        Shape::Text => area.text.iter().map(|text| text.at).collect(),
    }
}
