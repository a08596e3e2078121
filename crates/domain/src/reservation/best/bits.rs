//! Sets of seats as words of bits, and what is asked of them. Bit `i`, counted from the lowest bit of the first word,
//! is the seat at position `i`. Whatever is past the end of a set is not in it.

/// Seats in a word.
pub(super) const WORD: usize = 64;

/// Where in a word so many bits that are set begin, one after the other. The widths of what is known to be set
/// double: Hacker's Delight, section 6-2.
pub(super) fn all_set(words: impl Fn(usize) -> u64, word: usize, length: usize) -> u64 {
    let mut starts = u64::MAX;
    let mut done = 0;
    while done < length && starts != 0 {
        // Within 64 positions and 64 bits from each only two words count.
        let part = WORD.min(length - done);
        let (mut low, mut high) = (words(word + done / WORD), words(word + done / WORD + 1));
        let mut width = 1;
        while width < part {
            let step = width.min(part - width);
            low &= low >> step | high << (WORD - step);
            high &= high >> step;
            width += step;
        }
        starts &= low;
        done += part;
    }
    starts
}

/// Seats that are joined to the next one, where both may be given.
pub(super) fn links(eligible: &[u64], joined: &[u64]) -> Vec<u64> {
    let mut links: Vec<_> =
        joined.iter().zip(eligible).map(|(joined, here)| joined & here & here >> 1).collect();
    // The last seat of a word is followed by the first of the next.
    for (((link, joined), here), next) in
        links.iter_mut().zip(joined).zip(eligible).zip(eligible.iter().skip(1))
    {
        *link |= joined & here & next << 63;
    }
    links
}

/// What is in both sets, as large as the first.
pub(super) fn both(one: &[u64], other: &[u64]) -> Vec<u64> {
    let mut both = vec![0; one.len()];
    for ((both, one), other) in both.iter_mut().zip(one).zip(other) {
        *both = one & other;
    }
    both
}

/// What is in one of two sets of the same size.
pub(super) fn either(one: &[u64], other: &[u64]) -> Vec<u64> {
    one.iter().zip(other).map(|(one, other)| one | other).collect()
}

/// A word of a set; empty past its end.
pub(super) fn at(bits: &[u64], word: usize) -> u64 {
    bits.get(word).copied().unwrap_or(0)
}

/// The 64 bits of a set from a seat on.
pub(super) fn from(bits: &[u64], seat: usize) -> u64 {
    let (word, bit) = (seat / WORD, seat % WORD);
    // Two steps, as a word cannot be shifted by all its bits.
    at(bits, word) >> bit | at(bits, word + 1) << 1 << (WORD - 1 - bit)
}

/// True when the seat is in the set.
pub(super) fn holds(bits: &[u64], seat: usize) -> bool {
    at(bits, seat / WORD) >> (seat % WORD) & 1 == 1
}

/// Takes the seat out of the set.
pub(super) fn clear(bits: &mut [u64], seat: usize) {
    if let Some(word) = bits.get_mut(seat / WORD) {
        *word &= !(1 << (seat % WORD));
    }
}

/// How many seats are in the set.
pub(super) fn count(bits: &[u64]) -> u32 {
    bits.iter().map(|word| word.count_ones()).sum()
}

/// The first seat in a word of a set.
pub(super) fn first_of(word: usize, bits: u64) -> usize {
    word * WORD + bits.trailing_zeros() as usize
}
