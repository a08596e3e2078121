//! Time that tests turn by hand, and ids that come out the same in every run.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use frontrow_application::{Clock, Entropy};
use frontrow_domain::Timestamp;
use parking_lot::Mutex;
use uuid::Uuid;

/// A clock that stands still until it is told otherwise. Clones share one time.
///
/// Like every clock it never goes back, except by [`ManualClock::step_back`], for tests of what a jump of the
/// machine's clock does.
#[derive(Debug, Clone)]
pub struct ManualClock(Arc<AtomicI64>);

impl Default for ManualClock {
    fn default() -> Self {
        Self::at(Self::EPOCH)
    }
}

impl ManualClock {
    /// When tests begin: 2026-09-01T11:00:00Z, eight in the evening in Seoul.
    pub const EPOCH: Timestamp = Timestamp::from_micros(1_788_260_400_000_000);

    /// A clock that shows this.
    pub fn at(now: Timestamp) -> Self {
        Self(Arc::new(AtomicI64::new(now.micros())))
    }

    /// Moves to a later moment.
    pub fn set(&self, now: Timestamp) {
        let before = self.0.fetch_max(now.micros(), Ordering::SeqCst);
        assert!(before <= now.micros(), "a clock never goes back: use step_back to test that it did");
    }

    /// Moves on by seconds.
    pub fn advance(&self, seconds: u32) {
        self.advance_micros(i64::from(seconds) * 1_000_000);
    }

    /// Moves on by microseconds.
    pub fn advance_micros(&self, micros: i64) {
        assert!(micros >= 0, "a clock never goes back: use step_back to test that it did");
        self.0.fetch_add(micros, Ordering::SeqCst);
    }

    /// Jumps back by seconds, as the clock of a machine does that is set right.
    pub fn step_back(&self, seconds: u32) {
        self.0.fetch_sub(i64::from(seconds) * 1_000_000, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::SeqCst))
    }
}

/// Draws `UUIDv7`s from a clock, a counter and a seed: unique, growing, and the same in every run.
#[derive(Debug, Clone)]
pub struct SeededEntropy {
    clock: ManualClock,
    seed: u64,
    last: Arc<Mutex<Last>>,
}

#[derive(Debug, Default)]
struct Last {
    /// The milliseconds of the newest id; they never go back, whatever the clock does.
    millis: u64,
    count: u64,
    /// Of secrets: whoever draws one changes no id.
    secrets: u64,
}

impl SeededEntropy {
    /// Ids of this clock and seed. Two with different seeds may draw for one store.
    pub fn new(clock: ManualClock, seed: u64) -> Self {
        Self { clock, seed, last: Arc::default() }
    }
}

impl Entropy for SeededEntropy {
    fn uuid(&self) -> Uuid {
        let mut last = self.last.lock();
        last.millis = last.millis.max(u64::try_from(self.clock.now().millis()).unwrap_or(0));
        last.count += 1;
        let count = last.count;
        // RFC 9562, section 5.7: 48 bits of time, version, 12 bits, variant, 62 bits. The counter takes the
        // 12 bits and the 20 after them, so that ids of one millisecond grow; the rest tells seeds apart.
        let high = (last.millis << 16) | (7 << 12) | ((count >> 20) & 0xFFF);
        let low = (0b10 << 62) | ((count & 0xF_FFFF) << 42) | (mix(self.seed ^ mix(count)) >> 22);
        Uuid::from_u64_pair(high, low)
    }

    /// Not secret at all: the same in every run.
    fn secret(&self) -> [u8; 32] {
        let mut bytes = [0; 32];
        let (parts, _) = bytes.as_chunks_mut::<8>();
        for part in parts {
            let mut last = self.last.lock();
            last.secrets += 1;
            *part = mix(!self.seed ^ mix(last.secrets)).to_be_bytes();
        }
        bytes
    }
}

/// Spreads the bits of a number (the finalizer of splitmix64).
pub const fn mix(number: u64) -> u64 {
    let number = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    number ^ (number >> 31)
}

/// A small generator for simulations: seeded, so that a failure can be replayed.
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    /// The dice of this seed.
    pub const fn new(seed: u64) -> Self {
        Self(mix(seed))
    }

    /// A number below `sides`, which is not 0.
    pub fn below(&mut self, sides: u32) -> u32 {
        self.0 = mix(self.0);
        u32::try_from((self.0 >> 33) % u64::from(sides)).expect("the remainder is below a u32")
    }

    /// True so many times in a hundred.
    pub fn percent(&mut self, chance: u32) -> bool {
        self.below(100) < chance
    }

    /// One of these.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        let count = u32::try_from(items.len()).ok().filter(|&count| count > 0)?;
        items.get(self.below(count) as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_unique_growing_version_seven_and_replayable() {
        let clock = ManualClock::default();
        let entropy = SeededEntropy::new(clock.clone(), 1);
        let again = SeededEntropy::new(ManualClock::default(), 1);
        let other = SeededEntropy::new(clock.clone(), 2);
        let mut last = Uuid::nil();
        for _ in 0..10_000 {
            let id = entropy.uuid();
            assert!(id > last, "{id} follows {last}");
            assert_eq!(id.get_version_num(), 7);
            assert_eq!(id.get_variant(), uuid::Variant::RFC4122);
            assert_eq!(id, again.uuid());
            assert_ne!(id, other.uuid());
            last = id;
        }
        clock.step_back(3_600);
        assert!(entropy.uuid() > last, "a clock that jumps back makes no old ids");
    }

    #[test]
    fn a_clock_moves_for_all_its_clones() {
        let clock = ManualClock::default();
        let clone = clock.clone();
        clock.advance(5);
        assert_eq!(clone.now(), ManualClock::EPOCH.plus_seconds(5));
        clone.step_back(6);
        assert_eq!(clock.now(), ManualClock::EPOCH.minus_seconds(1));
    }
}
