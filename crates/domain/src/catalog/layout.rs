//! What a choice of seats is made on: a seat plan as sets of bits, worked out once a plan.
//!
//! Bit `i` of a set, counted from the lowest bit of the first word, is seat number `i + 1`. A set takes an eighth
//! of a byte a seat; all of this together takes about one and a half bytes a seat. It knows nothing about who has
//! which seat: that is `reservation/best.rs`, the only reader.

use std::ops::Range;

use super::Seat;

/// Seats in a word of a set.
const WORD: usize = 64;
/// Seats in an eighth of a word.
const EIGHTH: usize = 8;

/// A plan as sets of bits.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SeatLayout {
    size: usize,
    joined: Vec<u64>,
    mixed_pairs: Vec<u64>,
    has_mixed_pairs: bool,
    ordinary: Vec<u64>,
    accessible: Vec<u64>,
    /// The words of each grade that are not empty, in order. A full set a grade would be 12 MB for a thousand
    /// grades of a large hall; this is at most one entry a seat.
    grades: Vec<Vec<(usize, u64)>>,
    nearest_first: Vec<usize>,
    /// Of each word.
    reaches: Vec<Reach>,
    /// Of each eighth of a word, the least distance.
    eighths: Vec<u32>,
}

/// How near the blocks are that begin in one word: the least and the greatest distance of its seats, and of those
/// that a block can have beyond them (see [`zone`]).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Reach {
    least: u32,
    greatest: u32,
}

impl SeatLayout {
    /// Works it out. `grades` is how many there are; `distances` has one of each seat.
    pub(super) fn of(seats: &[Seat], grades: usize, distances: &[u32]) -> Self {
        let size = seats.len();
        let pair = |first: usize| Some((&seats[first], seats.get(first + 1)?));
        let joined = set_of(size, |seat| pair(seat).is_some_and(|(one, next)| is_joined(one, next)));
        let mixed_pairs = set_of(size, |seat| {
            pair(seat).is_some_and(|(one, next)| is_joined(one, next) && one.grade != next.grade)
        });
        let spans = |span: usize| (0..size).step_by(span).map(move |from| (from, span));
        let measure = |(from, span): (usize, usize)| extremes(distances, zone(&joined, size, from, span));
        let reaches: Vec<_> = spans(WORD).map(measure).collect();
        let mut nearest_first: Vec<_> = (0..reaches.len()).collect();
        nearest_first.sort_by_key(|&word| reaches[word].least);
        Self {
            size,
            has_mixed_pairs: mixed_pairs.iter().any(|&word| word != 0),
            mixed_pairs,
            ordinary: set_of(size, |seat| !seats[seat].accessible),
            accessible: set_of(size, |seat| seats[seat].accessible),
            grades: sets_of_grades(seats, grades),
            nearest_first,
            reaches,
            eighths: spans(EIGHTH).map(measure).map(|reach| reach.least).collect(),
            joined,
        }
    }

    /// How many seats there are.
    pub fn size(&self) -> usize {
        self.size
    }

    /// Seats that are beside the next one: in the same row, with no aisle between.
    pub(crate) fn joined(&self) -> &[u64] {
        &self.joined
    }

    /// Seats that are beside the next one while it has another grade. Nothing when there are none.
    pub(crate) fn mixed_pairs(&self) -> Option<&[u64]> {
        self.has_mixed_pairs.then_some(&self.mixed_pairs)
    }

    /// Seats for anybody.
    pub(crate) fn ordinary(&self) -> &[u64] {
        &self.ordinary
    }

    /// Seats that are given out on request only.
    pub(crate) fn accessible(&self) -> &[u64] {
        &self.accessible
    }

    /// The seats of a grade, as the words that are not empty with their positions. Empty for an unknown grade.
    pub(crate) fn grade(&self, grade: u16) -> &[(usize, u64)] {
        self.grades.get(usize::from(grade)).map_or(&[], Vec::as_slice)
    }

    /// All words, those with the nearest seats first.
    pub(crate) fn nearest_first(&self) -> &[usize] {
        &self.nearest_first
    }

    /// What the seats of a block of this length that begins in this word add up to at least.
    pub(crate) fn floor(&self, word: usize, length: usize) -> u64 {
        // Wherever in the word it begins, this many of its first seats lie within reach. The rest counts nothing.
        sum(self.reach(word).least, length.min(WORD + 1))
    }

    /// The same for a block that begins in this eighth of the word, from 0 to 7.
    pub(crate) fn floor_of_eighth(&self, word: usize, eighth: usize, length: usize) -> u64 {
        let least = self.eighths.get(word * (WORD / EIGHTH) + eighth).copied().unwrap_or(0);
        // Wherever in the eighth it begins, this many of its first seats lie within reach of the eighth.
        let near = length.min(EIGHTH + 1);
        sum(least, near) + sum(self.reach(word).least, length.min(WORD + 1) - near)
    }

    /// What the seats of a block of this length add up to when that is the same wherever in this word it begins.
    pub(crate) fn same_everywhere(&self, word: usize, length: usize) -> Option<u64> {
        let reach = self.reach(word);
        (reach.least == reach.greatest && length <= WORD + 1).then(|| sum(reach.least, length))
    }

    fn reach(&self, word: usize) -> Reach {
        self.reaches.get(word).copied().unwrap_or_default()
    }
}

/// True when the two, which follow each other in the plan, are beside each other.
fn is_joined(one: &Seat, next: &Seat) -> bool {
    one.row == next.row && !one.aisle_after
}

fn set_of(size: usize, has: impl Fn(usize) -> bool) -> Vec<u64> {
    let mut set = vec![0; size.div_ceil(WORD)];
    for seat in (0..size).filter(|&seat| has(seat)) {
        set[seat / WORD] |= 1 << (seat % WORD);
    }
    set
}

fn sets_of_grades(seats: &[Seat], grades: usize) -> Vec<Vec<(usize, u64)>> {
    let mut by_grade: Vec<Vec<(usize, u64)>> = vec![Vec::new(); grades];
    for (position, seat) in seats.iter().enumerate() {
        let Some(set) = by_grade.get_mut(usize::from(seat.grade)) else { continue };
        let (word, bit) = (position / WORD, 1 << (position % WORD));
        match set.last_mut() {
            Some((last, bits)) if *last == word => *bits |= bit,
            _ => set.push((word, bit)),
        }
    }
    for set in &mut by_grade {
        set.shrink_to_fit();
    }
    by_grade
}

/// The seats that a block can have which begins at one of the `span` seats from `from` on: those, and up to as many
/// more as long as each is joined to the one before.
fn zone(joined: &[u64], size: usize, from: usize, span: usize) -> Range<usize> {
    let own = size.min(from + span);
    let end = size.min(own + span);
    let is_cut_off = |seat: &usize| joined[(seat - 1) / WORD] >> ((seat - 1) % WORD) & 1 == 0;
    from..(own..end).find(is_cut_off).unwrap_or(end)
}

/// The least and the greatest distance of a range of seats.
fn extremes(distances: &[u32], seats: Range<usize>) -> Reach {
    let distances = distances.get(seats).unwrap_or_default();
    let least = distances.iter().min().copied().unwrap_or(0);
    Reach { least, greatest: distances.iter().max().copied().unwrap_or(u32::MAX) }
}

/// So many seats at this distance.
fn sum(distance: u32, seats: usize) -> u64 {
    u64::from(distance).saturating_mul(seats as u64)
}
