//! The form in which stores keep a seat plan: postcard behind a version byte. A plan is kept as it was numbered,
//! not as it was described, so that a later change to how descriptions are read can never move a seat.

use std::fmt;

use frontrow_domain::Money;
use frontrow_domain::catalog::{Grade, PlanParts, Row, SEATS_MAX, Seat, SeatPlan, Section};
use serde::de::{SeqAccess, Visitor};
use serde::ser::SerializeSeq as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

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
    seats: Seats,
    distances: Vec<u32>,
}

/// Label, row, grade, whether it is accessible, and whether an aisle follows, of each seat. Read into a list that has room for
/// them and for no more: it stays in memory as long as the plan, and a list that grows by doubling keeps up to twice of what it
/// needs, and leaves as much behind on its way.
struct Seats(Vec<Seat>);

impl Serialize for Seats {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(self.0.len()))?;
        for Seat { label, row, grade, accessible, aisle_after } in &self.0 {
            list.serialize_element(&(label, row, grade, accessible, aisle_after))?;
        }
        list.end()
    }
}

impl<'de> Deserialize<'de> for Seats {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(SeatsVisitor)
    }
}

struct SeatsVisitor;

impl<'de> Visitor<'de> for SeatsVisitor {
    type Value = Seats;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("seats")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Seats, A::Error> {
        // A form that was damaged may say any number.
        let mut seats = Vec::with_capacity(list.size_hint().unwrap_or(0).min(SEATS_MAX as usize));
        while let Some((label, row, grade, accessible, aisle_after)) = list.next_element()? {
            seats.push(Seat { label, row, grade, accessible, aisle_after });
        }
        Ok(Seats(seats))
    }
}

/// The bytes of a plan.
pub fn to_bytes(plan: &SeatPlan) -> Vec<u8> {
    let form = PlanV2 {
        sections: plan.sections().iter().map(|section| section.name.clone()).collect(),
        rows: plan.rows().iter().map(|row| (row.section, row.name.clone())).collect(),
        grades: plan.grades().iter().map(|grade| (grade.name.clone(), grade.price)).collect(),
        seats: Seats(plan.seats().to_vec()),
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
    SeatPlan::from_parts(PlanParts {
        sections: form.sections.into_iter().map(|name| Section { name }).collect(),
        rows: form.rows.into_iter().map(|(section, name)| Row { section, name }).collect(),
        grades: form.grades.into_iter().map(|(name, price)| Grade { name, price }).collect(),
        seats: form.seats.0,
        distances: form.distances,
    })
}

impl From<PlanV1> for PlanV2 {
    /// Then there were only plain plans: no aisles, and the first numbers are the best.
    fn from(form: PlanV1) -> Self {
        let distances = (1_u32..).zip(&form.seats).map(|(no, _)| no).collect();
        let seat = |(label, row, grade)| Seat { label, row, grade, accessible: false, aisle_after: false };
        Self {
            sections: form.sections,
            rows: form.rows,
            grades: form.grades,
            seats: Seats(form.seats.into_iter().map(seat).collect()),
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

    #[test]
    fn a_form_that_says_it_has_more_seats_than_there_can_be_is_none() {
        let no_lists = [PLAN_V2, 0, 0, 0];
        let length = postcard::to_allocvec(&u32::MAX).expect("a number");
        assert_eq!(from_bytes(&[&no_lists[..], &length].concat()), None);
        assert_eq!(from_bytes(&[&no_lists[..], &length, &[0; 100]].concat()), None);
    }

    #[test]
    fn the_oldest_form_still_reads() {
        let plan = SeatPlan::plain(3, Money::of(5)).expect("plan");
        let seats = [("1", 0_u32, 0_u16), ("2", 0, 0), ("3", 0, 0)];
        let form = (
            vec![None::<&str>],
            vec![(0_u16, None::<&str>)],
            vec![("STANDARD", Money::of(5))],
            seats.to_vec(),
        );
        let bytes = postcard::to_extend(&form, vec![PLAN_V1]).expect("written");
        assert_eq!(from_bytes(&bytes), Some(plan));
    }
}
