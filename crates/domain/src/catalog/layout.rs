//! What a choice of seats is made on: a seat plan as sets of bits, worked out once a plan.

use super::Seat;

/// A plan as sets of bits.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SeatLayout {
    size: usize,
}

impl SeatLayout {
    pub(super) fn of(seats: &[Seat], _grades: usize, _distances: &[u32]) -> Self {
        Self { size: seats.len() }
    }

    /// How many seats there are.
    pub fn size(&self) -> usize {
        self.size
    }
}
