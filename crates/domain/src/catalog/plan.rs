//! The seats of a schedule: immutable once made, shared by every record that refers to it.
//!
//! Seats are numbered 1..N in document order. The plan keeps sections and rows as ranges over that order, so a
//! seat costs a label, a grade and a row, and the neighbours of a seat are its neighbours in the list.

use super::{FieldError, SeatLayout};
use crate::{Money, SeatNo};

/// The most seats that a schedule may have (R-C3).
pub const SEATS_MAX: u32 = 100_000;

/// The grade of every seat of a plain plan.
pub const PLAIN_GRADE: &str = "STANDARD";

/// A price category.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grade {
    /// Its name, e.g. VIP.
    pub name: Box<str>,
    /// What a seat of it costs.
    pub price: Money,
}

/// A part of the hall.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// Its name; a plain plan has one section without a name.
    pub name: Option<Box<str>>,
}

/// A row of seats.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Position of its section in [`SeatPlan::sections`].
    pub section: u16,
    /// Its name; the row of a plain plan has none.
    pub name: Option<Box<str>>,
}

/// One seat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seat {
    /// What is printed on it.
    pub label: Box<str>,
    /// Position of its row in [`SeatPlan::rows`].
    pub row: u32,
    /// Position of its grade in [`SeatPlan::grades`].
    pub grade: u16,
    /// True when it is meant for people in a wheelchair; best available gives it out on request only.
    pub accessible: bool,
    /// True when an aisle is between it and the next seat of its row: the two are not beside each other.
    pub aisle_after: bool,
}

/// All seats of a schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeatPlan {
    sections: Vec<Section>,
    rows: Vec<Row>,
    grades: Vec<Grade>,
    seats: Vec<Seat>,
    distances: Vec<u32>,
    layout: SeatLayout,
}

/// The parts of a plan: how it is described, stored and put together again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PlanParts {
    /// The sections, in document order.
    pub sections: Vec<Section>,
    /// The rows, in document order.
    pub rows: Vec<Row>,
    /// The grades, in document order.
    pub grades: Vec<Grade>,
    /// The seats, in order of number. Those of one row follow each other.
    pub seats: Vec<Seat>,
    /// How far each seat is from where everybody wants to sit, in order of number: any unit, less is better. Seats
    /// at the same distance are equally good.
    pub distances: Vec<u32>,
}

impl SeatPlan {
    /// A plain plan: `seats` numbered seats at one price.
    pub fn plain(seats: u32, price: Money) -> Result<Self, Vec<FieldError>> {
        let mut errors = Vec::new();
        if seats == 0 || seats > SEATS_MAX {
            errors.push(FieldError::new("seatPlan.plain.seats", format!("must be from 1 to {SEATS_MAX}")));
        }
        if price.is_negative() || price > Self::PRICE_MAX {
            let message = format!("must be from 0 to {}", Self::PRICE_MAX);
            errors.push(FieldError::new("seatPlan.plain.price", message));
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        let seat = |no: u32| Seat {
            label: no.to_string().into_boxed_str(),
            row: 0,
            grade: 0,
            accessible: false,
            aisle_after: false,
        };
        Ok(Self::assemble(PlanParts {
            sections: vec![Section { name: None }],
            rows: vec![Row { section: 0, name: None }],
            grades: vec![Grade { name: PLAIN_GRADE.into(), price }],
            seats: (1..=seats).map(seat).collect(),
            // Nobody knows where these seats are: the first numbers count as the best.
            distances: (1..=seats).collect(),
        }))
    }

    /// The most that one seat may cost. A hundred seats at this price still add up within [`Money::MAX`].
    pub const PRICE_MAX: Money = Money::of(1_000_000_000_000);

    /// Puts a plan together. Nothing when a part refers to one that is not there, when the seats of a row do not
    /// follow each other, or when there are too many or no seats: nobody must be handed half a plan.
    pub fn from_parts(parts: PlanParts) -> Option<Self> {
        let PlanParts { sections, rows, grades, seats, distances } = &parts;
        let rows_are_sound = rows.iter().all(|row| usize::from(row.section) < sections.len());
        let seats_are_sound = seats
            .iter()
            .all(|seat| (seat.row as usize) < rows.len() && usize::from(seat.grade) < grades.len());
        let rows_are_whole = seats.is_sorted_by_key(|seat| seat.row);
        let size_is_sound = !seats.is_empty() && seats.len() <= SEATS_MAX as usize;
        let is_measured = distances.len() == seats.len();
        (rows_are_sound && seats_are_sound && rows_are_whole && size_is_sound && is_measured)
            .then(|| Self::assemble(parts))
    }

    fn assemble(parts: PlanParts) -> Self {
        let PlanParts { sections, rows, grades, seats, distances } = parts;
        let layout = SeatLayout::of(&seats, grades.len(), &distances);
        Self { sections, rows, grades, seats, distances, layout }
    }

    /// The parts that it was put together from.
    pub fn parts(&self) -> PlanParts {
        PlanParts {
            sections: self.sections.clone(),
            rows: self.rows.clone(),
            grades: self.grades.clone(),
            seats: self.seats.clone(),
            distances: self.distances.clone(),
        }
    }

    /// What a choice of seats is made on.
    pub fn layout(&self) -> &SeatLayout {
        &self.layout
    }

    /// How far each seat is from where everybody wants to sit, in order of number.
    pub fn distances(&self) -> &[u32] {
        &self.distances
    }

    /// How many seats there are.
    pub fn size(&self) -> u32 {
        // A plan never has more than SEATS_MAX seats.
        u32::try_from(self.seats.len()).unwrap_or(SEATS_MAX)
    }

    /// The sections, in document order.
    pub fn sections(&self) -> &[Section] {
        &self.sections
    }

    /// The rows, in document order.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// The grades, in document order.
    pub fn grades(&self) -> &[Grade] {
        &self.grades
    }

    /// The seats, in order of number.
    pub fn seats(&self) -> &[Seat] {
        &self.seats
    }

    /// All seat numbers with their seats.
    pub fn numbered(&self) -> impl Iterator<Item = (SeatNo, &Seat)> {
        (1_u32..).map(SeatNo::new).zip(&self.seats)
    }

    /// The seat of that number.
    pub fn seat(&self, no: SeatNo) -> Option<&Seat> {
        self.seats.get(no.index())
    }

    /// The grade of a seat of this plan.
    pub fn grade_of(&self, seat: &Seat) -> &Grade {
        &self.grades[usize::from(seat.grade)]
    }

    /// The position of the grade of that name.
    pub fn grade_named(&self, name: &str) -> Option<u16> {
        (0_u16..).zip(&self.grades).find(|(_, grade)| &*grade.name == name).map(|(position, _)| position)
    }

    /// The name of the row of a seat of this plan.
    pub fn row_name(&self, seat: &Seat) -> Option<&str> {
        self.rows[seat.row as usize].name.as_deref()
    }

    /// The name of the section of a seat of this plan.
    pub fn section_name(&self, seat: &Seat) -> Option<&str> {
        let row = &self.rows[seat.row as usize];
        self.sections[usize::from(row.section)].name.as_deref()
    }

    /// What these seats cost together; nothing when one of them is not in the plan.
    pub fn price_of(&self, seats: &[SeatNo]) -> Option<Money> {
        seats.iter().try_fold(Money::ZERO, |sum, &no| {
            let seat = self.seat(no)?;
            sum.plus(self.grade_of(seat).price)
        })
    }
}
