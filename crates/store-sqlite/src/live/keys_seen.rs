//! Which idempotency keys are certainly not in the tables: a Bloom filter over their digests.
//!
//! Bloom, Space/time trade-offs in hash coding with allowable errors, CACM 13 (1970). A key is a digest already, so its own
//! bytes are the positions.

use frontrow_domain::records::Digest;

/// Bits; two MiB. With a million keys one look-up in 400 goes to the tables in vain, with four million one in six.
const BITS: usize = 1 << 24;

pub(crate) struct KeysSeen(Vec<u64>);

impl KeysSeen {
    /// None. The system gives the memory when it is first used.
    pub(crate) fn none() -> Self {
        Self(vec![0; BITS / 64])
    }

    pub(crate) fn add(&mut self, key: &Digest) {
        for bit in positions(key) {
            self.0[bit / 64] |= 1 << (bit % 64);
        }
    }

    /// False when the key was never added.
    pub(crate) fn may_have(&self, key: &Digest) -> bool {
        positions(key).all(|bit| self.0[bit / 64] & (1 << (bit % 64)) != 0)
    }
}

/// Four positions, each of four bytes of the digest.
fn positions(key: &Digest) -> impl Iterator<Item = usize> + '_ {
    let (words, _) = key.as_chunks::<4>();
    words.iter().map(|word| u32::from_le_bytes(*word) as usize % BITS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: u64) -> Digest {
        // Spread the way a digest is.
        let spread = |number: u64| number.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let [first, second] = [spread(number), spread(spread(number) >> 7)];
        let mut key = [0; 16];
        key[..8].copy_from_slice(&first.to_be_bytes());
        key[8..].copy_from_slice(&second.to_be_bytes());
        key
    }

    #[test]
    fn what_was_added_may_be_there_and_hardly_anything_else() {
        let mut seen = KeysSeen::none();
        assert!(!seen.may_have(&key(0)));
        (0..100_000).for_each(|number| seen.add(&key(number)));
        assert!((0..100_000).all(|number| seen.may_have(&key(number))));
        let in_vain = (100_000..200_000).filter(|&number| seen.may_have(&key(number))).count();
        assert!(in_vain < 1_000, "{in_vain} of 100,000");
    }
}
