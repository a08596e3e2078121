//! The places of one line by number, and by fan.
//!
//! Numbers are dense, so places lie in chunks in order of number: 1,024 to a chunk, which neither moves nor
//! copies them when the line grows. The index over fans is in parts, so that no growth of a table holds up the
//! line for longer than a part takes.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasherDefault, Hasher};

use frontrow_domain::queue::PlaceState;
use frontrow_domain::{EntryId, Timestamp, UserId};

/// Places in a chunk.
const CHUNK: u64 = CHUNK_PLACES as u64;
const CHUNK_PLACES: usize = 1_024;
/// Parts of the index over fans.
const PARTS: usize = 64;

/// A place in memory: what is journaled, and what is only of the moment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slot {
    pub(super) user: UserId,
    pub(super) entry: EntryId,
    pub(super) joined_at: Timestamp,
    pub(super) state: PlaceState,
    /// The last sign of life.
    pub(super) seen_at: Timestamp,
    /// Seconds after which the fan was told to ask again.
    pub(super) told_seconds: u32,
    /// The wait that was told at joining, in seconds; `u32::MAX` twice when nobody knew.
    pub(super) told_wait: (u32, u32),
}

/// All places of a line that are kept in memory.
#[derive(Debug)]
pub(super) struct Slots {
    /// The number of the first place of the first chunk; a multiple of [`CHUNK`].
    base: u64,
    chunks: VecDeque<Vec<Option<Slot>>>,
    by_user: Vec<Part>,
}

type Part = HashMap<UserId, u64, BuildHasherDefault<IdHasher>>;

/// Takes the last eight bytes of an id as its hash. Ids are drawn by us, and 62 of those bits are random, so nobody can
/// choose ids that fall together; mixing them again would cost more than the look-up.
#[derive(Default)]
struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.rchunks(8).take(1) {
            let mut tail = [0; 8];
            tail[8 - chunk.len()..].copy_from_slice(chunk);
            // A table looks at the highest and the lowest bits, and the part has taken the lowest already.
            self.0 ^= u64::from_be_bytes(tail).rotate_right(8);
        }
    }
}

impl Default for Slots {
    fn default() -> Self {
        let by_user = (0..PARTS).map(|_| Part::default()).collect();
        Self { base: 0, chunks: VecDeque::new(), by_user }
    }
}

impl Slots {
    /// Adds a place at the end, and makes it the newest of its fan.
    pub(super) fn push(&mut self, number: u64, slot: Slot) {
        if self.chunks.is_empty() {
            self.base = number / CHUNK * CHUNK;
        }
        let Some((chunk, place)) = self.position(number) else { return };
        while self.chunks.len() <= chunk {
            self.chunks.push_back(Vec::new());
        }
        let chunk = &mut self.chunks[chunk];
        if chunk.is_empty() {
            chunk.reserve_exact(CHUNK_PLACES);
        }
        while chunk.len() <= place {
            chunk.push(None);
        }
        chunk[place] = Some(slot);
        self.part(slot.user).insert(slot.user, number);
    }

    /// The place of that number.
    pub(super) fn get(&self, number: u64) -> Option<&Slot> {
        let (chunk, place) = self.position(number)?;
        self.chunks.get(chunk)?.get(place)?.as_ref()
    }

    /// The place of that number, to be changed.
    pub(super) fn get_mut(&mut self, number: u64) -> Option<&mut Slot> {
        let (chunk, place) = self.position(number)?;
        self.chunks.get_mut(chunk)?.get_mut(place)?.as_mut()
    }

    /// The number of a fan's newest place.
    pub(super) fn number_of(&self, user: UserId) -> Option<u64> {
        self.by_user[part_of(user)].get(&user).copied()
    }

    /// Takes a place out.
    pub(super) fn remove(&mut self, number: u64) {
        let Some((chunk, place)) = self.position(number) else { return };
        let slot = self.chunks.get_mut(chunk).and_then(|chunk| chunk.get_mut(place)).and_then(Option::take);
        if let Some(slot) = slot
            && self.number_of(slot.user) == Some(number)
        {
            self.part(slot.user).remove(&slot.user);
        }
        while self.chunks.len() > 1 && self.chunks[0].iter().all(Option::is_none) {
            self.chunks.pop_front();
            self.base += CHUNK;
        }
    }

    /// Makes an older place the newest of its fan again, if it is still there.
    pub(super) fn make_newest(&mut self, number: u64, user: UserId) {
        if self.get(number).is_some() {
            self.part(user).insert(user, number);
        }
    }

    /// The numbers of the first chunks' places, for whoever looks for what can be forgotten: from `from` on, at
    /// most `limit`, whether or not there is a place.
    pub(super) fn numbers(&self, from: u64, limit: u64) -> std::ops::Range<u64> {
        let from = from.max(self.base);
        let end = self.base + self.chunks.len() as u64 * CHUNK;
        from.min(end)..from.saturating_add(limit).min(end)
    }

    fn part(&mut self, user: UserId) -> &mut Part {
        &mut self.by_user[part_of(user)]
    }

    fn position(&self, number: u64) -> Option<(usize, usize)> {
        let offset = number.checked_sub(self.base)?;
        Some((usize::try_from(offset / CHUNK).ok()?, (offset % CHUNK) as usize))
    }
}

/// The tail of a `UUIDv7` is random.
fn part_of(user: UserId) -> usize {
    usize::from(user.bytes()[15]) % PARTS
}
