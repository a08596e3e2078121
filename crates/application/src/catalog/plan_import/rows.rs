//! Plans as sections of rows: `{"sections": [{"name", "rows": [{"row", "seats", "grade", …}]}], "prices": {…}}`.

use std::collections::{HashMap, HashSet};

use frontrow_domain::Money;
use frontrow_domain::catalog::{Drawing, Grade, PlanParts, Row, SEATS_MAX, Seat, SeatPlan, Section};
use serde::Serialize;
use serde::de::{MapAccess, SeqAccess};

use super::findings::{Findings, Step};
use super::shape::{GRADES_MAX, Members, Prices, Shape, Whole, items, value};
use super::{LABEL_MAX, NAME, SECTIONS_MAX};

/// The `rows` of a seat plan, as they were read.
#[derive(Debug, Default, Serialize)]
pub(super) struct RowsForm {
    sections: Vec<SectionForm>,
    prices: Vec<(Box<str>, i64)>,
}

#[derive(Debug, Default, Serialize)]
struct SectionForm {
    /// Where it is in the document.
    at: usize,
    name: Option<Box<str>>,
    rows: Vec<RowForm>,
}

#[derive(Debug, Default, Serialize)]
struct RowForm {
    /// Where it is in its section.
    at: usize,
    name: Option<Box<str>>,
    seats: u32,
    grade: Option<Box<str>>,
    aisles_after: Vec<u32>,
    accessible: Vec<u32>,
}

/// Reads the member `rows`.
pub(super) struct RowsShape;

impl Shape for RowsShape {
    type Out = RowsForm;
    const MUST_BE: &'static str = "an object with sections and prices";

    fn object<'de, A: MapAccess<'de>>(
        self,
        object: A,
        findings: &mut Findings,
    ) -> Result<Option<RowsForm>, A::Error> {
        let members =
            Members { known: &["sections", "prices"], required: &["sections", "prices"], is_strict: true };
        let mut form = RowsForm::default();
        members.read(object, findings, |name, object, findings| {
            match name {
                "sections" => form.sections = value(object, SectionsShape, findings)?.unwrap_or_default(),
                _ => form.prices = value(object, Prices, findings)?.unwrap_or_default(),
            }
            Ok(())
        })?;
        Ok(Some(form))
    }
}

struct SectionsShape;

impl Shape for SectionsShape {
    type Out = Vec<SectionForm>;
    const MUST_BE: &'static str = "a list of sections";

    fn list<'de, A: SeqAccess<'de>>(
        self,
        list: A,
        findings: &mut Findings,
    ) -> Result<Option<Vec<SectionForm>>, A::Error> {
        let mut sections = Vec::new();
        let keep = |at, section| {
            if sections.len() < SECTIONS_MAX {
                sections.push(SectionForm { at, ..section });
            }
        };
        let count = items(list, findings, || SectionShape, keep)?;
        if count > SECTIONS_MAX {
            findings.wrong(format!("must be {SECTIONS_MAX} at the most"));
        }
        Ok(Some(sections))
    }
}

struct SectionShape;

impl Shape for SectionShape {
    type Out = SectionForm;
    const MUST_BE: &'static str = "a section: an object with name and rows";

    fn object<'de, A: MapAccess<'de>>(
        self,
        object: A,
        findings: &mut Findings,
    ) -> Result<Option<SectionForm>, A::Error> {
        let members = Members { known: &["name", "rows"], required: &["name", "rows"], is_strict: true };
        let mut section = SectionForm::default();
        members.read(object, findings, |name, object, findings| {
            match name {
                "name" => section.name = value(object, NAME, findings)?,
                _ => section.rows = value(object, RowListShape, findings)?.unwrap_or_default(),
            }
            Ok(())
        })?;
        Ok(Some(section))
    }
}

struct RowListShape;

impl Shape for RowListShape {
    type Out = Vec<RowForm>;
    const MUST_BE: &'static str = "a list of rows";

    fn list<'de, A: SeqAccess<'de>>(
        self,
        list: A,
        findings: &mut Findings,
    ) -> Result<Option<Vec<RowForm>>, A::Error> {
        let mut rows: Vec<RowForm> = Vec::new();
        let keep = |at, row: RowForm| rows.push(RowForm { at, ..row });
        if items(list, findings, || RowShape, keep)? == 0 {
            findings.wrong("must have a row at the least");
        }
        Ok(Some(rows))
    }
}

struct RowShape;

impl Shape for RowShape {
    type Out = RowForm;
    const MUST_BE: &'static str = "a row: an object with row, seats and grade";

    fn object<'de, A: MapAccess<'de>>(
        self,
        object: A,
        findings: &mut Findings,
    ) -> Result<Option<RowForm>, A::Error> {
        let members = Members {
            known: &["row", "seats", "grade", "aislesAfter", "accessible"],
            required: &["row", "seats", "grade"],
            is_strict: true,
        };
        let count = Whole { min: 1, max: i64::from(SEATS_MAX) };
        let mut row = RowForm::default();
        members.read(object, findings, |name, object, findings| {
            match name {
                "row" => row.name = value(object, NAME, findings)?,
                "seats" => row.seats = value(object, count, findings)?.map_or(0, number),
                "grade" => row.grade = value(object, NAME, findings)?,
                "aislesAfter" => {
                    row.aisles_after = value(object, NumbersShape, findings)?.unwrap_or_default();
                }
                _ => row.accessible = value(object, NumbersShape, findings)?.unwrap_or_default(),
            }
            Ok(())
        })?;
        // The count of seats may come after the numbers, so they are checked against it here.
        if row.seats > 0 {
            check_numbers("aislesAfter", &row.aisles_after, row.seats - 1, findings);
            check_numbers("accessible", &row.accessible, row.seats, findings);
        }
        findings.seats += row.seats as usize;
        findings.extras += 1;
        // A row has a seat at the least: with so many rows there are too many seats anyway, and no need to keep them.
        Ok((findings.extras <= SEATS_MAX as usize).then_some(row))
    }
}

/// A number that has been checked to be from 0 to [`SEATS_MAX`].
fn number(number: i64) -> u32 {
    u32::try_from(number).unwrap_or(0)
}

/// Numbers of seats within their row. Null and an empty list are the same.
struct NumbersShape;

impl Shape for NumbersShape {
    type Out = Vec<u32>;
    const MUST_BE: &'static str = "a list of numbers of seats";

    fn null(self, _findings: &mut Findings) -> Option<Vec<u32>> {
        None
    }

    fn list<'de, A: SeqAccess<'de>>(
        self,
        list: A,
        findings: &mut Findings,
    ) -> Result<Option<Vec<u32>>, A::Error> {
        let mut numbers = Vec::new();
        let mut next = 0;
        // A place that is wrong stays as 0, so that the others keep their path.
        let keep = |at, seat| {
            while next < at {
                numbers.push(0);
                next += 1;
            }
            numbers.push(number(seat));
            next += 1;
        };
        items(list, findings, || Whole { min: 1, max: i64::from(SEATS_MAX) }, keep)?;
        Ok(Some(numbers))
    }
}

fn check_numbers(name: &'static str, numbers: &[u32], max: u32, findings: &mut Findings) {
    let mut seen = HashSet::new();
    findings.enter_member(name);
    for (at, &number) in numbers.iter().enumerate().filter(|(_, number)| **number > 0) {
        findings.enter(Step::Item(at));
        if number > max && max == 0 {
            findings.wrong("must not be there: the row has one seat");
        } else if number > max {
            findings.wrong(format!("must be from 1 to {max}"));
        } else if !seen.insert(number) {
            findings.wrong("must be named once");
        }
        findings.leave();
    }
    findings.leave();
}

/// Checks what the shape alone does not say, and makes the plan.
pub(super) fn import(form: &RowsForm, mut findings: Findings) -> Result<SeatPlan, Findings> {
    findings.enter_member("rows");
    if findings.seats > SEATS_MAX as usize {
        let message = format!("must have {SEATS_MAX} seats at the most together, not {}", findings.seats);
        findings.wrong_member("sections", message);
    }
    if form.sections.is_empty() && findings.is_empty() {
        findings.wrong_member("sections", "must have a section at the least");
    }
    check_names(form, &mut findings);
    let grades = check_grades(form, &mut findings);
    findings.leave();
    if !findings.is_empty() {
        return Err(findings);
    }
    let mut parts = assemble(form, grades);
    parts.distances = Drawing::arrange_parts(&parts).distances(&parts.seats);
    SeatPlan::from_parts(parts).ok_or_else(|| {
        findings.wrong_member("rows", "cannot be put together");
        findings
    })
}

/// Two rows of one name in one section would have seats with the same labels, and so would two such sections.
fn check_names(form: &RowsForm, findings: &mut Findings) {
    let mut sections = HashSet::new();
    findings.enter_member("sections");
    for section in &form.sections {
        findings.enter(Step::Item(section.at));
        if section.name.as_ref().is_some_and(|name| !sections.insert(name)) {
            findings.wrong_member("name", "must be the name of one section only");
        }
        let mut rows = HashSet::new();
        findings.enter_member("rows");
        for row in &section.rows {
            findings.enter(Step::Item(row.at));
            let Some(name) = &row.name else {
                findings.leave();
                continue;
            };
            if !rows.insert(name) {
                findings.wrong_member("row", "must be the name of one row of the section only");
            }
            let section = section.name.as_deref().unwrap_or_default();
            if label(section, name, row.seats).chars().count() > LABEL_MAX {
                let message =
                    format!("makes labels longer than {LABEL_MAX} characters, with the section's name");
                findings.wrong_member("row", message);
            }
            findings.leave();
        }
        findings.leave();
        findings.leave();
    }
    findings.leave();
}

/// The grades in order of their first row. Every grade needs a price and every price a grade.
fn check_grades(form: &RowsForm, findings: &mut Findings) -> Vec<Grade> {
    let prices: HashMap<&str, i64> = form.prices.iter().map(|(name, price)| (&**name, *price)).collect();
    let mut grades = Vec::new();
    let mut known = HashSet::new();
    for row in form.sections.iter().flat_map(|section| &section.rows) {
        let Some(name) = row.grade.as_deref() else { continue };
        if known.insert(name) {
            let price = prices.get(name).copied();
            grades.push(Grade { name: name.into(), price: Money::of(price.unwrap_or(0)) });
            if price.is_none() {
                wrong_price(name, "must be given: rows have this grade", findings);
            }
        }
    }
    if known.len() > GRADES_MAX {
        findings.wrong_member("sections", format!("must have {GRADES_MAX} grades at the most"));
    }
    for (name, _) in form.prices.iter().filter(|(name, _)| !known.contains(&**name)) {
        wrong_price(name, "is for a grade that no row has", findings);
    }
    grades
}

/// Something is wrong with the price of a grade.
pub(super) fn wrong_price(name: &str, message: &str, findings: &mut Findings) {
    findings.enter_member("prices");
    findings.enter_named(name);
    findings.wrong(message);
    findings.leave();
    findings.leave();
}

fn label(section: &str, row: &str, seat: u32) -> String {
    format!("{section} {row}-{seat}")
}

fn assemble(form: &RowsForm, grades: Vec<Grade>) -> PlanParts {
    let numbers: HashMap<Box<str>, u16> =
        (0_u16..).zip(&grades).map(|(at, grade)| (grade.name.clone(), at)).collect();
    let mut parts = PlanParts { grades, ..PlanParts::default() };
    for (at, section) in (0_u16..).zip(&form.sections) {
        parts.sections.push(Section { name: section.name.clone() });
        for row in &section.rows {
            let number = u32::try_from(parts.rows.len()).unwrap_or(u32::MAX);
            parts.rows.push(Row { section: at, name: row.name.clone() });
            let grade = row.grade.as_ref().and_then(|name| numbers.get(name)).copied().unwrap_or(0);
            let (section, name) = (section.name.as_deref(), row.name.as_deref());
            let (section, name) = (section.unwrap_or_default(), name.unwrap_or_default());
            let aisles: HashSet<u32> = row.aisles_after.iter().copied().collect();
            let accessible: HashSet<u32> = row.accessible.iter().copied().collect();
            parts.seats.extend((1..=row.seats).map(|seat| Seat {
                label: label(section, name, seat).into_boxed_str(),
                row: number,
                grade,
                accessible: accessible.contains(&seat),
                aisle_after: aisles.contains(&seat),
            }));
        }
    }
    parts
}
