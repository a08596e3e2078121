//! Who is in line, and how many are ahead of a number: a bit for each number, and over the words of bits a
//! binary indexed tree of their counts (Fenwick 1994, "A new data structure for cumulative frequency tables").
//!
//! A place costs an eighth of a byte and half a byte in the tree. Adding at the end, taking out anywhere and
//! counting what is ahead are O(log n): 15 steps with a million in line.

/// Bits in a word.
const BITS: u64 = 64;
/// Words that have to be empty at the front before they are dropped.
const DROP_WORDS: usize = 1_024;

/// The numbers that are in line.
#[derive(Debug, Clone, Default)]
pub(super) struct Ranks {
    /// The number of the first bit; a multiple of 64.
    base: u64,
    words: Vec<u64>,
    /// `tree[i]` counts the bits of the words `i - lowbit(i + 1) + 1 ..= i`.
    tree: Vec<u32>,
    /// No word before this one has a bit.
    head: usize,
    count: u64,
    /// True when lower numbers may still come in, so that the front has to stay.
    keeps_front: bool,
}

impl Ranks {
    /// A set into which numbers may come in any order.
    pub(super) fn in_any_order() -> Self {
        Self { keeps_front: true, ..Self::default() }
    }

    /// How many are in line.
    pub(super) const fn len(&self) -> u64 {
        self.count
    }

    /// Adds a number; unless the set takes any order, one above all that were ever added.
    pub(super) fn push(&mut self, number: u64) {
        if self.words.is_empty() {
            self.base = if self.keeps_front { 0 } else { number / BITS * BITS };
            self.head = 0;
        }
        let Some((word, bit)) = self.place_of(number) else { return };
        while self.words.len() <= word {
            self.words.push(0);
            self.grow_tree();
        }
        if self.words[word] & bit == 0 {
            self.words[word] |= bit;
            self.head = self.head.min(word);
            self.add(word, true);
            self.count += 1;
        }
    }

    /// Takes a number out. Answers whether it was in line.
    pub(super) fn remove(&mut self, number: u64) -> bool {
        let Some((word, bit)) = self
            .place_of(number)
            .filter(|(word, bit)| self.words.get(*word).is_some_and(|bits| bits & bit != 0))
        else {
            return false;
        };
        self.words[word] &= !bit;
        self.add(word, false);
        self.count -= 1;
        self.drop_front();
        true
    }

    /// Takes out every number below this one.
    pub(super) fn remove_below(&mut self, number: u64) {
        let kept: Vec<u64> = self.above(number).collect();
        *self = Self { keeps_front: self.keeps_front, ..Self::default() };
        for number in kept {
            self.push(number);
        }
    }

    /// How many in line have a lower number.
    pub(super) fn ahead_of(&self, number: u64) -> u64 {
        let Some(offset) = number.checked_sub(self.base) else { return 0 };
        let word = usize::try_from(offset / BITS).unwrap_or(usize::MAX);
        if word >= self.words.len() {
            return self.count;
        }
        let below = self.words[word] & ((1 << (offset % BITS)) - 1);
        self.sum_before(word) + u64::from(below.count_ones())
    }

    /// The lowest number in line.
    pub(super) fn first(&self) -> Option<u64> {
        self.above(0).next()
    }

    /// The numbers in line from this one on, in order.
    pub(super) fn above(&self, number: u64) -> impl Iterator<Item = u64> {
        let offset = number.saturating_sub(self.base);
        let from = usize::try_from(offset / BITS).unwrap_or(usize::MAX).max(self.head);
        let words = self.words.iter().enumerate().skip(from);
        words
            .flat_map(move |(word, &bits)| {
                let base = self.base + word as u64 * BITS;
                Bits(bits).map(move |bit| base + bit)
            })
            .skip_while(move |&found| found < number)
    }

    fn place_of(&self, number: u64) -> Option<(usize, u64)> {
        let offset = number.checked_sub(self.base)?;
        Some((usize::try_from(offset / BITS).ok()?, 1 << (offset % BITS)))
    }

    /// Adds the tree's node for the newest word, which is still empty.
    fn grow_tree(&mut self) {
        let node = self.tree.len() + 1;
        let from = node - (node & node.wrapping_neg());
        let counted = self.sum_before(node - 1) - self.sum_before(from);
        self.tree.push(u32::try_from(counted).unwrap_or(u32::MAX));
    }

    fn add(&mut self, word: usize, up: bool) {
        let mut node = word + 1;
        while let Some(count) = self.tree.get_mut(node - 1) {
            *count = if up { *count + 1 } else { *count - 1 };
            node += node & node.wrapping_neg();
        }
    }

    fn sum_before(&self, word: usize) -> u64 {
        let (mut node, mut sum) = (word, 0);
        while node > 0 {
            sum += u64::from(self.tree[node - 1]);
            node -= node & node.wrapping_neg();
        }
        sum
    }

    /// Drops empty words at the front, once they are many and at least half of all: each number is moved less
    /// than twice over its life.
    fn drop_front(&mut self) {
        while self.words.get(self.head) == Some(&0) {
            self.head += 1;
        }
        if self.keeps_front || self.head < DROP_WORDS || self.head * 2 < self.words.len() {
            return;
        }
        self.words.drain(..self.head);
        self.base += self.head as u64 * BITS;
        self.head = 0;
        self.tree.clear();
        for word in 0..self.words.len() {
            self.grow_tree();
            self.tree[word] += self.words[word].count_ones();
        }
    }
}

/// The set bits of a word, from the lowest.
struct Bits(u64);

impl Iterator for Bits {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        if self.0 == 0 {
            return None;
        }
        let bit = self.0.trailing_zeros();
        self.0 &= self.0 - 1;
        Some(u64::from(bit))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn counts_as_a_sorted_list_does(
            start in 1_u64..200,
            steps in proptest::collection::vec((any::<bool>(), 0_usize..400, 1_u64..90), 1..600),
        ) {
            let (mut ranks, mut list, mut next) = (Ranks::default(), BTreeSet::new(), start);
            for (join, which, gap) in steps {
                if join || list.is_empty() {
                    ranks.push(next);
                    list.insert(next);
                    next += gap;
                } else {
                    let number = *list.iter().nth(which % list.len()).expect("there");
                    prop_assert!(ranks.remove(number));
                    prop_assert!(!ranks.remove(number));
                    list.remove(&number);
                }
                let probe = next.saturating_sub(which as u64);
                prop_assert_eq!(ranks.ahead_of(probe), list.range(..probe).count() as u64);
                prop_assert_eq!(ranks.first(), list.first().copied());
                prop_assert_eq!(ranks.len(), list.len() as u64);
            }
            let middle = next / 2;
            ranks.remove_below(middle);
            let left: Vec<_> = list.range(middle..).copied().collect();
            prop_assert_eq!(ranks.above(0).collect::<Vec<_>>(), left);
        }
    }

    #[test]
    fn takes_numbers_in_any_order_when_told_to() {
        let mut ranks = Ranks::in_any_order();
        for number in [500, 3, 90_000, 70] {
            ranks.push(number);
        }
        assert_eq!(ranks.above(0).collect::<Vec<_>>(), [3, 70, 500, 90_000]);
        assert_eq!((ranks.ahead_of(500), ranks.ahead_of(90_001)), (2, 4));
        assert!(ranks.remove(3) && ranks.remove(70));
        ranks.push(4);
        assert_eq!((ranks.first(), ranks.ahead_of(500)), (Some(4), 1));
    }

    #[test]
    fn stays_exact_while_a_long_line_moves_on_and_its_front_is_dropped() {
        let mut ranks = Ranks::default();
        for number in 1..=300_000 {
            ranks.push(number);
        }
        for number in 1..=250_000 {
            assert!(ranks.remove(number));
        }
        assert!(ranks.base > 100_000, "the front was dropped: {}", ranks.base);
        assert_eq!(ranks.ahead_of(300_001), 50_000);
        assert_eq!(ranks.ahead_of(260_001), 10_000);
        assert_eq!((ranks.ahead_of(5), ranks.first()), (0, Some(250_001)));
        ranks.push(300_001);
        assert_eq!(ranks.ahead_of(300_001), 50_000);
    }
}
