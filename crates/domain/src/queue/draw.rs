//! The draw of a sale with a lobby (R-Q8): fans who came before the opening, in an order that nobody chose and anybody
//! can work out again.
//!
//! The method, [`METHOD`], with SHA-256 (FIPS 180-4), ids as their sixteen bytes and `‖` for one after the other:
//!
//! 1. `commitment = SHA-256(seed)`: shown from the opening of the lobby on, while the seed is secret.
//! 2. `list = SHA-256(entry ‖ entry ‖ …)` over the ids of all who were in the lobby at the opening of the sale, in ascending
//!    order of their bytes. `key = SHA-256(seed ‖ list)`.
//! 3. The entries in ascending order of `SHA-256(key ‖ entry)`. That is the order of the line.
//!
//! The seed is fixed before the first fan comes, so nobody can choose an order that they like; every entry goes into the key,
//! so one entry more, less or other gives everybody another place. Whoever knows the seed beforehand could still try entries
//! of their own: it is drawn by the server and shown to nobody, operators included, until the draw is done.

use std::fmt;

use sha2::{Digest as _, Sha256};

use crate::{EntryId, Timestamp};

/// How entries come into order, by its public name.
pub const METHOD: &str = "frontrow-sha256-1";

/// Bytes of a seed and of a commitment.
const BYTES: usize = 32;

/// What the order comes from. Secret until the draw is done.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Seed([u8; BYTES]);

impl Seed {
    /// The seed of these random bytes.
    pub const fn new(bytes: [u8; BYTES]) -> Self {
        Self(bytes)
    }

    /// The bytes, for whoever keeps it.
    pub const fn bytes(&self) -> [u8; BYTES] {
        self.0
    }

    /// What is shown of it before the draw.
    pub fn commitment(&self) -> Commitment {
        Commitment(Sha256::digest(self.0).into())
    }

    /// The seed as it is shown after the draw: 64 lower-case hexadecimal digits.
    pub fn to_hex(&self) -> String {
        to_hex(&self.0)
    }

    /// Reads what [`to_hex`](Self::to_hex) has written; nothing when it is something else.
    pub fn from_hex(text: &str) -> Option<Self> {
        from_hex(text).map(Self)
    }
}

/// Tells nothing: what is logged is read by people who could still join.
impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seed(secret)")
    }
}

/// The digest of a seed: it cannot be turned back, and no other seed has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Commitment([u8; BYTES]);

impl Commitment {
    /// As it is shown: 64 lower-case hexadecimal digits.
    pub fn to_hex(&self) -> String {
        to_hex(&self.0)
    }

    /// Reads what [`to_hex`](Self::to_hex) has written; nothing when it is something else.
    pub fn from_hex(text: &str) -> Option<Self> {
        from_hex(text).map(Self)
    }
}

/// The draw of a concert's lobby, as it is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Draw {
    /// What the order comes from.
    pub seed: Seed,
    /// How many entries of the drawn order are kept already, from its beginning on.
    pub listed: u32,
    /// When it was done; nothing before.
    pub drawn_at: Option<Timestamp>,
}

impl Draw {
    /// A draw that is to come.
    pub const fn new(seed: Seed) -> Self {
        Self { seed, listed: 0, drawn_at: None }
    }
}

/// Why a draw cannot have come about as it is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DrawFault {
    /// The seed is not the one that was promised.
    #[error("the seed is not the one that was committed to before the draw")]
    Seed,
    /// An entry has two places.
    #[error("entry {0} is there twice")]
    Twice(EntryId),
    /// The order is another.
    #[error("place {place} has entry {found}, and the seed gives it to {expected}")]
    Order {
        /// Which place, from 1; the first that differs.
        place: u64,
        /// Whose it is by the seed.
        expected: EntryId,
        /// Who is said to have it.
        found: EntryId,
    },
}

/// The order in which a seed puts these entries: the positions that they have in `entries`, drawn first to last. It does
/// not depend on the order of `entries`.
pub fn order(seed: &Seed, entries: &[EntryId]) -> Vec<u32> {
    let key = key_of(seed, entries);
    let mut drawn: Vec<([u8; BYTES], u32)> = (0..)
        .zip(entries)
        .map(|(position, entry)| {
            // One block of the hash: 32 and 16 bytes with its own ending are less than 64.
            let digest = Sha256::new().chain_update(key).chain_update(entry.bytes()).finalize();
            (digest.into(), position)
        })
        .collect();
    drawn.sort_unstable();
    drawn.into_iter().map(|(_, position)| position).collect()
}

/// Works a draw out again and compares: `drawn` is the order that was published.
///
/// # Errors
/// The first thing that does not fit.
pub fn verify(seed: &Seed, commitment: &Commitment, drawn: &[EntryId]) -> Result<(), DrawFault> {
    if seed.commitment() != *commitment {
        return Err(DrawFault::Seed);
    }
    let mut sorted = drawn.to_vec();
    sorted.sort_unstable();
    if let Some(pair) = sorted.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(DrawFault::Twice(pair[0]));
    }
    let expected = order(seed, drawn).into_iter().filter_map(|position| drawn.get(position as usize));
    for ((place, expected), found) in (1..).zip(expected).zip(drawn) {
        if expected != found {
            return Err(DrawFault::Order { place, expected: *expected, found: *found });
        }
    }
    Ok(())
}

fn key_of(seed: &Seed, entries: &[EntryId]) -> [u8; BYTES] {
    let mut sorted: Vec<[u8; 16]> = entries.iter().map(|entry| *entry.bytes()).collect();
    sorted.sort_unstable();
    let list = Sha256::digest(sorted.as_flattened());
    Sha256::new().chain_update(seed.0).chain_update(list).finalize().into()
}

fn to_hex(bytes: &[u8]) -> String {
    let digit = |half: u8| char::from_digit(u32::from(half), 16).unwrap_or('0');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

fn from_hex(text: &str) -> Option<[u8; BYTES]> {
    let digits: Option<Vec<u8>> = text
        .chars()
        .map(|digit| digit.to_digit(16).filter(|_| !digit.is_ascii_uppercase()))
        .map(|digit| digit.and_then(|digit| u8::try_from(digit).ok()))
        .collect();
    let digits = digits?;
    let (pairs, rest) = digits.as_chunks::<2>();
    let bytes: Vec<u8> = pairs.iter().map(|[high, low]| high << 4 | low).collect();
    if rest.is_empty() { bytes.try_into().ok() } else { None }
}

#[cfg(test)]
mod tests;
