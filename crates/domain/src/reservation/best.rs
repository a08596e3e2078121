//! Best available: which seats somebody gets who names none (R-R1).
//!
//! A choice is pure: the plan, which seats are free, what is asked for, and a seed. It is made inside the claim, so
//! speed counts: seats are sets of bits (see `catalog/layout.rs`), and all blocks that begin in one word of 64 seats
//! are looked at together. Words are looked at nearest first, and no further once no block can be better.
//!
//! No choice leaves a single seat behind while there is another way. That is a preference and never a refusal: the
//! last pair of the house can be sold.

use std::cmp::Ordering;
use std::ops::Range;

use bits::{WORD, all_set, at, both, clear, count, either, first_of, from, holds, links};

use crate::SeatNo;
use crate::catalog::{SeatLayout, SeatPlan};

mod bits;
mod free;

pub use free::FreeSeats;

/// Seats in an eighth of a word.
const EIGHTH: usize = 8;

/// What somebody asks for who leaves the choice to us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BestRequest {
    /// How many seats.
    pub quantity: usize,
    /// Position of their grade in [`SeatPlan::grades`]; nothing when any grade will do.
    pub grade: Option<u16>,
    /// True when they are wanted beside each other or not at all. Otherwise that is preferred.
    pub adjacent: bool,
    /// True when one of them must be an accessible seat. The others are for companions.
    pub accessible: bool,
}

/// Why there is no such choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotAvailable {
    /// There are not as many free seats of that kind.
    #[error("only {seats_left} such seats are left")]
    SoldOut {
        /// How many there are; none when an accessible seat was asked for and all of those are taken.
        seats_left: u32,
    },
    /// There are as many, but not beside each other.
    #[error("there are not as many such seats beside each other")]
    NotTogether,
}

/// Chooses the best seats for a request, in order of number. None for a quantity of none.
///
/// Of all blocks of as many free seats beside each other it takes the one that leaves the fewest single seats behind;
/// among those one of a single grade, with the fewest accessible seats, then the nearest by the sum of its distances.
/// A block that would leave an odd number of seats on both of its sides moves on by one seat, if what comes before its
/// distance stays as good: most come in pairs, and an odd number of seats ends in a single one. `seed` decides between blocks that are as good, each as likely as the others; one seed always gives one answer.
///
/// A single seat is a free one that is not accessible, beside the block, with no other such seat on its far side.
///
/// When there is no such block, and the request does not insist, the seats come in blocks as large as can be had. Of
/// equally good ones the next is the one whose number is nearest to the first. When an accessible seat is asked for,
/// it is in the first block, and the other blocks have accessible seats only when the ordinary ones have run out.
///
/// A seat that `free` does not know counts as taken.
pub fn best_available(
    plan: &SeatPlan,
    free: &FreeSeats,
    request: &BestRequest,
    seed: u64,
) -> Result<Vec<SeatNo>, NotAvailable> {
    let quantity = request.quantity;
    if quantity == 0 {
        return Ok(Vec::new());
    }
    let mut hall = Hall::of(plan, free, request);
    if let Some(best) = hall.best_blocks(quantity) {
        let start = hall.even_out(best.by_seed(seed), quantity, seed);
        return Ok(numbered(start..start + quantity));
    }
    let seats_left = hall.seats_left();
    if (seats_left as usize) < quantity {
        return Err(NotAvailable::SoldOut { seats_left });
    }
    if request.adjacent {
        return Err(NotAvailable::NotTogether);
    }
    let mut seats = hall.split(quantity, seed);
    seats.sort_unstable();
    Ok(numbered(seats.into_iter()))
}

/// How good a block is: the less, the better, the first member before the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    /// Single seats that it leaves behind.
    stranded: u8,
    /// Whether it has seats of several grades although none was named.
    mixed: bool,
    /// Its accessible seats, when one was asked for.
    accessible: u32,
    /// The sum of its distances.
    distance: u64,
}

impl Rank {
    /// All that comes before the distance.
    const fn but_distance(self) -> Self {
        Self { distance: 0, ..self }
    }
}

/// The best blocks found so far, all of one rank.
struct Best {
    rank: Rank,
    /// Where they begin: words that are not empty, with their positions, each once.
    starts: Vec<(usize, u64)>,
}

impl Best {
    fn nothing_yet() -> Self {
        let rank = Rank { stranded: u8::MAX, mixed: true, accessible: u32::MAX, distance: u64::MAX };
        Self { rank, starts: Vec::new() }
    }

    /// Keeps these blocks of one word if there are no better ones. Those of one word come one after the other.
    fn offer(&mut self, rank: Rank, word: usize, starts: u64) {
        match rank.cmp(&self.rank) {
            Ordering::Greater => return,
            Ordering::Equal => {}
            Ordering::Less => {
                self.rank = rank;
                self.starts.clear();
            }
        }
        match self.starts.last_mut() {
            Some((last, present)) if *last == word => *present |= starts,
            _ => self.starts.push((word, starts)),
        }
    }

    /// One of them, each as likely as the others.
    fn by_seed(&self, seed: u64) -> usize {
        let total: u64 = self.starts.iter().map(|(_, starts)| u64::from(starts.count_ones())).sum();
        // Seeds that follow each other must not give blocks that do.
        let mut place = mix(seed) % total.max(1);
        for &(word, mut starts) in &self.starts {
            let here = u64::from(starts.count_ones());
            if place < here {
                for _ in 0..place {
                    starts &= starts - 1;
                }
                return first_of(word, starts);
            }
            place -= here;
        }
        0
    }

    /// The one whose number is nearest to that of a seat.
    fn nearest_to(&self, seat: usize) -> usize {
        let both_sides = |&(word, starts): &(usize, u64)| {
            let before = match word.cmp(&(seat / WORD)) {
                Ordering::Less => u64::MAX,
                Ordering::Equal => (1 << (seat % WORD)) - 1,
                Ordering::Greater => 0,
            };
            let last_before = (starts & before).checked_ilog2().map(|bit| word * WORD + bit as usize);
            let first_after = (starts & !before != 0).then(|| first_of(word, starts & !before));
            [last_before, first_after].into_iter().flatten()
        };
        self.starts.iter().flat_map(both_sides).min_by_key(|start| start.abs_diff(seat)).unwrap_or(0)
    }
}

/// The seats that one request may have, and what is around them.
struct Hall<'a> {
    layout: &'a SeatLayout,
    distances: &'a [u32],
    /// Seats that can be left single: free, not accessible, of any grade.
    open: Vec<u64>,
    /// Seats that may be given.
    eligible: Vec<u64>,
    /// Those of them that are beside the next one, which may be given too.
    linked: Vec<u64>,
    /// Pairs of two grades; nothing when there are none or a grade was named.
    mixed_pairs: Option<&'a [u64]>,
    /// True as long as a block needs an accessible seat.
    needs_accessible: bool,
}

impl<'a> Hall<'a> {
    fn of(plan: &'a SeatPlan, free: &FreeSeats, request: &BestRequest) -> Self {
        let layout = plan.layout();
        let open = both(layout.ordinary(), &free.words);
        let eligible = match request.grade {
            None if request.accessible => either(&open, &both(layout.accessible(), &free.words)),
            None => open.clone(),
            Some(grade) => {
                let mut eligible = vec![0; open.len()];
                for &(word, seats) in layout.grade(grade) {
                    let kind = if request.accessible { u64::MAX } else { at(layout.ordinary(), word) };
                    if let Some(here) = eligible.get_mut(word) {
                        *here = seats & kind & at(&free.words, word);
                    }
                }
                eligible
            }
        };
        Self {
            layout,
            distances: plan.distances(),
            open,
            linked: links(&eligible, layout.joined()),
            eligible,
            mixed_pairs: if request.grade.is_some() { None } else { layout.mixed_pairs() },
            needs_accessible: request.accessible,
        }
    }

    /// How many seats may be given. None when an accessible one is needed and there is none.
    fn seats_left(&self) -> u32 {
        if self.needs_accessible && count(&both(&self.eligible, self.layout.accessible())) == 0 {
            return 0;
        }
        count(&self.eligible)
    }

    /// Where in a word a block of this length can begin.
    fn starts(&self, word: usize, length: usize) -> u64 {
        let mut starts = match length {
            0 => 0,
            1 => at(&self.eligible, word),
            // Most words of a hall that is almost sold out.
            _ if at(&self.linked, word) == 0 => 0,
            _ => all_set(|word| at(&self.linked, word), word, length - 1),
        };
        if self.needs_accessible && starts != 0 {
            starts &= !all_set(|word| !at(self.layout.accessible(), word), word, length);
        }
        starts
    }

    /// The best blocks of this length; nothing when there is none.
    fn best_blocks(&self, length: usize) -> Option<Best> {
        let mut best = Best::nothing_yet();
        for &word in self.layout.nearest_first() {
            let starts = self.starts(word, length);
            if starts == 0 {
                continue;
            }
            if best.rank < self.floor(0, false, self.layout.floor(word, length)) {
                break;
            }
            self.weigh(word, starts, length, &mut best);
        }
        (!best.starts.is_empty()).then_some(best)
    }

    /// What no block is better than that strands so many and is that far away.
    fn floor(&self, stranded: u8, mixed: bool, distance: u64) -> Rank {
        Rank { stranded, mixed, accessible: self.needs_accessible.into(), distance }
    }

    /// Weighs all blocks that begin in a word, those first that cannot be worse than the others.
    fn weigh(&self, word: usize, starts: u64, length: usize, best: &mut Best) {
        let (left, right) = self.singles_beside(word, length);
        let mixed = self.mixed_pairs.map_or(0, |pairs| !all_set(|word| !at(pairs, word), word, length - 1));
        let by_stranded = [(0, !(left | right)), (1, left ^ right), (2, left & right)];
        for (stranded, strands) in by_stranded {
            for (is_mixed, mixes) in [(false, !mixed), (true, mixed)] {
                let alike = starts & strands & mixes;
                if alike == 0 {
                    continue;
                }
                let floor = self.floor(stranded, is_mixed, self.layout.floor(word, length));
                if best.rank < floor {
                    return;
                }
                self.weigh_alike(word, alike, length, floor, best);
            }
        }
    }

    /// Weighs blocks of one word that differ in nothing but their accessible seats and their distance.
    fn weigh_alike(&self, word: usize, mut starts: u64, length: usize, floor: Rank, best: &mut Best) {
        if !self.needs_accessible
            && let Some(distance) = self.layout.same_everywhere(word, length)
        {
            best.offer(Rank { distance, ..floor }, word, starts);
            return;
        }
        while starts != 0 {
            let eighth = starts.trailing_zeros() as usize / EIGHTH;
            let mut here = starts & 0xff << (eighth * EIGHTH);
            starts &= !here;
            if best.rank < (Rank { distance: self.layout.floor_of_eighth(word, eighth, length), ..floor }) {
                continue;
            }
            while here != 0 {
                let bit = here & here.wrapping_neg();
                here &= !bit;
                let seats = first_of(word, bit)..first_of(word, bit) + length;
                let accessible = if self.needs_accessible { self.accessible_among(seats.clone()) } else { 0 };
                let distances = self.distances.get(seats).unwrap_or_default();
                let distance = distances.iter().map(|&distance| u64::from(distance)).sum();
                best.offer(Rank { accessible, distance, ..floor }, word, bit);
            }
        }
    }

    fn accessible_among(&self, seats: Range<usize>) -> u32 {
        seats.map(|seat| u32::from(holds(self.layout.accessible(), seat))).sum()
    }

    /// Blocks of this length, by the word where they begin, that leave a single seat on their left, and on their
    /// right.
    fn singles_beside(&self, word: usize, length: usize) -> (u64, u64) {
        let joined = self.layout.joined();
        let open_to_next = |word: usize| at(&self.open, word) & at(joined, word);
        let (here, before) = (open_to_next(word), word.checked_sub(1).map_or(0, open_to_next));
        let has_left = here << 1 | before >> 63;
        let left_has_left = here << 2 | before >> 62;

        let right = word * WORD + length;
        let has_right = from(joined, right - 1) & from(&self.open, right);
        let right_has_right = from(joined, right) & from(&self.open, right + 1);
        (has_left & !left_has_left, has_right & !right_has_right)
    }

    /// The block that begins at `start`, or the one a seat further on that leaves even numbers of seats beside it.
    fn even_out(&self, start: usize, length: usize, seed: u64) -> usize {
        let is_odd = |beside: usize| !beside.is_multiple_of(2);
        if !is_odd(self.open_before(start)) || !is_odd(self.open_after(start + length)) {
            return start;
        }
        let Some(own) = self.rank(start, length) else { return start };
        let mut alike = Best::nothing_yet();
        for here in [start.checked_sub(1), Some(start + 1)].into_iter().flatten() {
            // Nothing that comes before the distance may get worse for it.
            if let Some(rank) = self.rank(here, length)
                && rank.but_distance() <= own.but_distance()
            {
                alike.offer(rank, here / WORD, 1 << (here % WORD));
            }
        }
        if alike.starts.is_empty() { start } else { alike.by_seed(seed) }
    }

    /// How good the block is that begins there, if one can.
    fn rank(&self, start: usize, length: usize) -> Option<Rank> {
        let (word, bit) = (start / WORD, 1 << (start % WORD));
        if self.starts(word, length) & bit == 0 {
            return None;
        }
        let mut own = Best::nothing_yet();
        self.weigh(word, bit, length, &mut own);
        Some(own.rank)
    }

    /// How many seats in a row that can be left single end at a seat.
    fn open_before(&self, seat: usize) -> usize {
        let joined = self.layout.joined();
        let goes_on = |seat: usize| from(&self.open, seat) & from(joined, seat);
        let mut count = 0;
        while let Some(first) = (seat - count).checked_sub(WORD) {
            let run = goes_on(first).leading_ones() as usize;
            count += run;
            if run < WORD {
                return count;
            }
        }
        // Less than a word is left before it.
        let rest = seat - count;
        count + (goes_on(0) << (WORD - 1 - rest) << 1).leading_ones() as usize
    }

    /// How many seats in a row that can be left single begin at a seat.
    fn open_after(&self, seat: usize) -> usize {
        let joined = self.layout.joined();
        let mut count = 0;
        loop {
            let at = seat + count;
            let run = (from(&self.open, at) & from(joined, at - 1)).trailing_ones() as usize;
            count += run;
            if run < WORD {
                return count;
            }
        }
    }

    /// Seats for a request that cannot have them together.
    fn split(&mut self, quantity: usize, seed: u64) -> Vec<usize> {
        let mut given = Vec::with_capacity(quantity);
        if self.needs_accessible {
            self.give_block(&mut given, quantity, seed);
            self.needs_accessible = false;
            let ordinary = both(&self.eligible, self.layout.ordinary());
            let accessible = both(&self.eligible, self.layout.accessible());
            self.allow(ordinary);
            self.fill(&mut given, quantity, seed);
            self.allow(accessible);
        }
        self.fill(&mut given, quantity, seed);
        given
    }

    /// Gives blocks until there are as many seats, or no more.
    fn fill(&mut self, given: &mut Vec<usize>, quantity: usize, seed: u64) {
        let mut longest = quantity;
        while given.len() < quantity && longest > 0 {
            // A block that was given makes no longer ones.
            longest = self.give_block(given, longest.min(quantity - given.len()), seed);
        }
    }

    /// Gives the best of the longest blocks of at most so many seats, and says how long it is.
    fn give_block(&mut self, given: &mut Vec<usize>, at_most: usize, seed: u64) -> usize {
        let length = self.longest_block(at_most);
        let Some(best) = self.best_blocks(length) else { return 0 };
        let start = match given.first() {
            Some(&first) => best.nearest_to(first),
            None => best.by_seed(seed),
        };
        for seat in start..start + length {
            clear(&mut self.open, seat);
            clear(&mut self.eligible, seat);
        }
        for seat in start.saturating_sub(1)..start + length {
            clear(&mut self.linked, seat);
        }
        given.extend(start..start + length);
        length
    }

    /// How long the longest block is, at most so long: where there is one, there are all shorter ones.
    fn longest_block(&self, at_most: usize) -> usize {
        let (mut there, mut not_there) = (0, at_most + 1);
        while there + 1 < not_there {
            let length = usize::midpoint(there, not_there);
            if (0..self.eligible.len()).any(|word| self.starts(word, length) != 0) {
                there = length;
            } else {
                not_there = length;
            }
        }
        there
    }

    /// From now on other seats may be given.
    fn allow(&mut self, eligible: Vec<u64>) {
        self.linked = links(&eligible, self.layout.joined());
        self.eligible = eligible;
    }
}

fn numbered(seats: impl Iterator<Item = usize>) -> Vec<SeatNo> {
    // A plan has at most `SEATS_MAX` seats, so every position fits.
    seats.filter_map(|seat| u32::try_from(seat + 1).ok()).map(SeatNo::new).collect()
}

/// Spreads a seed over all 64 bits: the finaliser of `SplitMix64` (Steele, Lea and Flood, OOPSLA 2014).
fn mix(seed: u64) -> u64 {
    let mut mixed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ mixed >> 31
}

#[cfg(test)]
mod tests;
