//! Which seats nobody has.

use super::bits::{WORD, count, holds};
use crate::SeatNo;

/// Which seats nobody has, a bit a seat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FreeSeats {
    size: usize,
    pub(super) words: Vec<u64>,
}

impl FreeSeats {
    /// A hall of so many seats that nobody has taken any of.
    pub fn all(size: usize) -> Self {
        let mut words = vec![u64::MAX; size.div_ceil(WORD)];
        if let Some(last) = words.last_mut()
            && !size.is_multiple_of(WORD)
        {
            *last = (1 << (size % WORD)) - 1;
        }
        Self { size, words }
    }

    /// A hall of so many seats that are all taken.
    pub fn none(size: usize) -> Self {
        Self { size, words: vec![0; size.div_ceil(WORD)] }
    }

    /// How many seats the hall has, free or not.
    pub fn size(&self) -> usize {
        self.size
    }

    /// True when nobody has the seat. An unknown seat is not free.
    pub fn is_free(&self, seat: SeatNo) -> bool {
        seat.index() < self.size && holds(&self.words, seat.index())
    }

    /// Notes that the seat is free, or no longer is. An unknown seat is ignored.
    pub fn set(&mut self, seat: SeatNo, free: bool) {
        let index = seat.index();
        if index < self.size {
            let bit = 1 << (index % WORD);
            let word = &mut self.words[index / WORD];
            *word = if free { *word | bit } else { *word & !bit };
        }
    }

    /// How many are free.
    pub fn count(&self) -> u32 {
        count(&self.words)
    }
}
