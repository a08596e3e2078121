//! The form in which stores keep a seat plan: postcard behind a version byte. A plan is kept as it was numbered,
//! not as it was described, so that a later change to how descriptions are read can never move a seat.

use frontrow_domain::Money;
use frontrow_domain::catalog::{Grade, Row, Seat, SeatPlan, Section};
use serde::{Deserialize, Serialize};

/// The version of the form below.
const PLAN_V1: u8 = 1;

#[derive(Serialize, Deserialize)]
struct PlanV1 {
    sections: Vec<Option<Box<str>>>,
    /// Section and name of each row.
    rows: Vec<(u16, Option<Box<str>>)>,
    /// Name and price of each grade.
    grades: Vec<(Box<str>, Money)>,
    /// Label, row and grade of each seat.
    seats: Vec<(Box<str>, u32, u16)>,
}

/// The bytes of a plan.
pub fn to_bytes(plan: &SeatPlan) -> Vec<u8> {
    let form = PlanV1 {
        sections: plan.sections().iter().map(|section| section.name.clone()).collect(),
        rows: plan.rows().iter().map(|row| (row.section, row.name.clone())).collect(),
        grades: plan.grades().iter().map(|grade| (grade.name.clone(), grade.price)).collect(),
        seats: plan.seats().iter().map(|seat| (seat.label.clone(), seat.row, seat.grade)).collect(),
    };
    // Writing plain lists into memory has no way to fail.
    postcard::to_extend(&form, vec![PLAN_V1]).unwrap_or_default()
}

/// The plan of those bytes; nothing when they are not such a form.
pub fn from_bytes(bytes: &[u8]) -> Option<SeatPlan> {
    let (PLAN_V1, rest) = bytes.split_first().map(|(version, rest)| (*version, rest))? else { return None };
    let form: PlanV1 = postcard::from_bytes(rest).ok()?;
    SeatPlan::from_parts(
        form.sections.into_iter().map(|name| Section { name }).collect(),
        form.rows.into_iter().map(|(section, name)| Row { section, name }).collect(),
        form.grades.into_iter().map(|(name, price)| Grade { name, price }).collect(),
        form.seats.into_iter().map(|(label, row, grade)| Seat { label, row, grade }).collect(),
    )
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
        assert_eq!(from_bytes(&[2]), None);
    }
}
