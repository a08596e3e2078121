//! The form in which stores keep a seat plan: postcard behind a version byte. A plan is kept as it was numbered,
//! not as it was described, so that a later change to how descriptions are read can never move a seat.

use frontrow_domain::Money;
use frontrow_domain::catalog::{Grade, PlanParts, Row, Seat, SeatPlan, Section};
use serde::{Deserialize, Serialize};

/// The version of the form that was written before seats had aisles, wheelchair places and distances.
const PLAN_V1: u8 = 1;
/// The version that is written.
const PLAN_V2: u8 = 2;

#[derive(Deserialize)]
struct PlanV1 {
    sections: Vec<Option<Box<str>>>,
    /// Section and name of each row.
    rows: Vec<(u16, Option<Box<str>>)>,
    /// Name and price of each grade.
    grades: Vec<(Box<str>, Money)>,
    /// Label, row and grade of each seat.
    seats: Vec<(Box<str>, u32, u16)>,
}

#[derive(Serialize, Deserialize)]
struct PlanV2 {
    sections: Vec<Option<Box<str>>>,
    /// Section and name of each row.
    rows: Vec<(u16, Option<Box<str>>)>,
    /// Name and price of each grade.
    grades: Vec<(Box<str>, Money)>,
    /// Label, row, grade, whether it is accessible, and whether an aisle follows, of each seat.
    seats: Vec<(Box<str>, u32, u16, bool, bool)>,
    distances: Vec<u32>,
}

/// The bytes of a plan.
pub fn to_bytes(plan: &SeatPlan) -> Vec<u8> {
    let seat = |seat: &Seat| (seat.label.clone(), seat.row, seat.grade, seat.accessible, seat.aisle_after);
    let form = PlanV2 {
        sections: plan.sections().iter().map(|section| section.name.clone()).collect(),
        rows: plan.rows().iter().map(|row| (row.section, row.name.clone())).collect(),
        grades: plan.grades().iter().map(|grade| (grade.name.clone(), grade.price)).collect(),
        seats: plan.seats().iter().map(seat).collect(),
        distances: plan.distances().to_vec(),
    };
    // Writing plain lists into memory has no way to fail.
    postcard::to_extend(&form, vec![PLAN_V2]).unwrap_or_default()
}

/// The plan of those bytes; nothing when they are not such a form.
pub fn from_bytes(bytes: &[u8]) -> Option<SeatPlan> {
    let (version, rest) = bytes.split_first()?;
    let form = match *version {
        PLAN_V1 => postcard::from_bytes::<PlanV1>(rest).ok()?.into(),
        PLAN_V2 => postcard::from_bytes::<PlanV2>(rest).ok()?,
        _ => return None,
    };
    let seat =
        |(label, row, grade, accessible, aisle_after)| Seat { label, row, grade, accessible, aisle_after };
    SeatPlan::from_parts(PlanParts {
        sections: form.sections.into_iter().map(|name| Section { name }).collect(),
        rows: form.rows.into_iter().map(|(section, name)| Row { section, name }).collect(),
        grades: form.grades.into_iter().map(|(name, price)| Grade { name, price }).collect(),
        seats: form.seats.into_iter().map(seat).collect(),
        distances: form.distances,
    })
}

impl From<PlanV1> for PlanV2 {
    /// Then there were only plain plans: no aisles, and the first numbers are the best.
    fn from(form: PlanV1) -> Self {
        let distances = (1_u32..).zip(&form.seats).map(|(no, _)| no).collect();
        let seats = form.seats.into_iter().map(|(label, row, grade)| (label, row, grade, false, false));
        Self {
            sections: form.sections,
            rows: form.rows,
            grades: form.grades,
            seats: seats.collect(),
            distances,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_reads_as_it_was_written_and_nothing_else_does() {
        let plan = SeatPlan::plain(1_000, Money::of(50_000)).expect("plan");
        let bytes = to_bytes(&plan);
        assert_eq!(from_bytes(&bytes), Some(plan));
        assert_eq!(from_bytes(&bytes[..bytes.len() - 1]), None);
        assert_eq!(from_bytes(&[]), None);
        assert_eq!(from_bytes(&[3]), None);
    }
}
