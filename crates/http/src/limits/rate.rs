//! Requests a second, as a token bucket: a fan may send a burst at once, and earns the next request evenly.
//!
//! A bucket is one number, the moment at which all that was asked for so far will be earned (the generic cell rate
//! algorithm). Somebody for whom that moment has passed is as good as unknown, so nothing has to be swept: the
//! buckets of a shard are in two generations, and the older one is dropped as a whole when everybody in it has been
//! idle for long enough, or when the younger one is full.

use std::collections::HashMap;
use std::mem;
use std::sync::atomic::{AtomicU64, Ordering};

use frontrow_domain::Timestamp;

use super::{SHARDS, Shards};

/// How many fans a generation remembers, over all shards. In a crowd that is larger, a fan is forgotten when so many
/// others came after their last request; whoever sends too many is not.
const FANS_MAX: usize = 131_072;
const SECOND_MICROS: u64 = 1_000_000;

/// Limits how many requests a fan sends.
pub(crate) struct RequestLimit {
    /// Microseconds in which one request is earned; 0 where everybody may send as many as they like.
    interval: AtomicU64,
    /// How many may be sent at once.
    burst: AtomicU64,
    fans: Shards<Fans>,
}

#[derive(Debug, Clone, Copy)]
struct Pace {
    /// Microseconds in which one request is earned.
    interval: u64,
    /// Microseconds in which a whole burst is.
    burst: u64,
}

/// When each fan will have earned what they asked for, in microseconds.
#[derive(Default)]
struct Fans {
    young: HashMap<[u8; 16], u64>,
    old: HashMap<[u8; 16], u64>,
    turned_at: u64,
}

impl RequestLimit {
    /// So many requests a second over a long time, so many at once. With 0 a second there is no limit.
    pub(crate) fn new(per_second: u32, burst: u32) -> Self {
        let limit = Self { interval: AtomicU64::new(0), burst: AtomicU64::new(1), fans: Shards::default() };
        limit.set(per_second, burst);
        limit
    }

    /// The same from now on. What was asked for before counts as it did.
    pub(crate) fn set(&self, per_second: u32, burst: u32) {
        let interval = SECOND_MICROS.checked_div(u64::from(per_second)).map_or(0, |interval| interval.max(1));
        self.burst.store(u64::from(burst.max(1)), Ordering::Relaxed);
        self.interval.store(interval, Ordering::Relaxed);
    }

    /// A request that meets a change may have the one of before and the other of now, for itself alone.
    fn pace(&self) -> Option<Pace> {
        let interval = self.interval.load(Ordering::Relaxed);
        (interval > 0).then(|| Pace { interval, burst: interval * self.burst.load(Ordering::Relaxed) })
    }

    /// Counts a request, or answers for how many seconds there may be no more. A refused one does not count.
    pub(crate) fn enter(&self, fan: &[u8; 16], now: Timestamp) -> Result<(), u64> {
        let Some(Pace { interval, burst }) = self.pace() else { return Ok(()) };
        let now = now.micros().max(0).unsigned_abs();
        let mut fans = self.fans.of(fan);
        let earned_at = fans.earned_at(fan, now, burst);
        // Nobody owes more than a burst, unless the clock was set back: then they begin anew.
        let owed_until = if *earned_at > now + burst { now } else { (*earned_at).max(now) };
        let next = owed_until + interval;
        if next > now + burst {
            return Err((next - now - burst).div_ceil(SECOND_MICROS));
        }
        *earned_at = next;
        Ok(())
    }
}

impl Fans {
    fn earned_at(&mut self, fan: &[u8; 16], now: u64, idle_after: u64) -> &mut u64 {
        let is_over = now < self.turned_at || now - self.turned_at >= idle_after;
        if is_over || self.young.len() >= FANS_MAX / SHARDS {
            self.old = mem::take(&mut self.young);
            self.turned_at = now;
        }
        let old = &self.old;
        self.young.entry(*fan).or_insert_with(|| old.get(fan).copied().unwrap_or(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANN: [u8; 16] = [1; 16];

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_micros(1_788_260_400_000_000 + millis * 1_000)
    }

    /// A fan of the same shard as Ann.
    fn neighbour(number: u32) -> [u8; 16] {
        let mut fan = ANN;
        fan[..4].copy_from_slice(&number.to_be_bytes());
        fan
    }

    #[test]
    fn a_burst_passes_at_once_and_the_rest_evenly() {
        let limit = RequestLimit::new(20, 60);
        for _ in 0..60 {
            assert_eq!(limit.enter(&ANN, at(0)), Ok(()));
        }
        assert_eq!(limit.enter(&ANN, at(0)), Err(1));
        assert_eq!(limit.enter(&ANN, at(49)), Err(1));
        assert_eq!(limit.enter(&ANN, at(50)), Ok(()), "what was refused did not count");
        assert_eq!(limit.enter(&ANN, at(50)), Err(1));
        let passed = (1..=1_000).filter(|tick| limit.enter(&ANN, at(50 + tick * 10)).is_ok()).count();
        assert_eq!(passed, 200, "20 a second for ten seconds");
        assert_eq!(limit.enter(&neighbour(0), at(0)), Ok(()), "others are not concerned");
    }

    #[test]
    fn somebody_idle_has_the_whole_burst_again_and_no_more() {
        let limit = RequestLimit::new(1, 3);
        for millis in [0, 3_000, 100_000] {
            let passed = (0..10).filter(|_| limit.enter(&ANN, at(millis)).is_ok()).count();
            assert_eq!(passed, 3, "at {millis}");
        }
        assert_eq!(limit.enter(&ANN, at(100_000)), Err(1));
        assert_eq!(RequestLimit::new(1, 0).enter(&ANN, at(0)), Ok(()), "a burst has at least one");
    }

    #[test]
    fn a_crowd_is_forgotten_and_whoever_sends_too_many_is_not() {
        let limit = RequestLimit::new(1, 3);
        let mut passed = 0;
        for number in 0..100_000 {
            assert_eq!(limit.enter(&neighbour(number), at(0)), Ok(()));
            passed += usize::from(number % 1_000 == 0 && limit.enter(&ANN, at(0)).is_ok());
        }
        assert_eq!(passed, 3);
        let fans = limit.fans.of(&ANN);
        let most = FANS_MAX / SHARDS;
        assert!(
            fans.young.len() <= most && fans.old.len() <= most,
            "{} {}",
            fans.young.len(),
            fans.old.len()
        );
    }

    #[test]
    fn idle_fans_are_forgotten_a_generation_at_a_time() {
        let limit = RequestLimit::new(1, 3);
        for number in 0..1_000 {
            assert_eq!(limit.enter(&neighbour(number), at(0)), Ok(()));
        }
        for millis in [3_000, 6_000] {
            assert_eq!(limit.enter(&ANN, at(millis)), Ok(()));
        }
        let fans = limit.fans.of(&ANN);
        assert_eq!((fans.young.len(), fans.old.len()), (1, 1));
    }

    #[test]
    fn a_clock_that_was_set_back_locks_nobody_out() {
        let limit = RequestLimit::new(1, 3);
        assert_eq!(limit.enter(&ANN, at(3_600_000)), Ok(()));
        for _ in 0..3 {
            assert_eq!(limit.enter(&ANN, at(0)), Ok(()));
        }
        assert_eq!(limit.enter(&ANN, at(0)), Err(1));
    }

    #[test]
    fn a_limit_that_is_changed_holds_for_the_next_request() {
        let limit = RequestLimit::new(0, 1);
        assert!((0..100).all(|_| limit.enter(&ANN, at(0)).is_ok()));
        limit.set(1, 2);
        assert_eq!((limit.enter(&ANN, at(1)), limit.enter(&ANN, at(1))), (Ok(()), Ok(())));
        assert_eq!(limit.enter(&ANN, at(1)), Err(1));
        limit.set(1, 3);
        assert_eq!(limit.enter(&ANN, at(1)), Ok(()), "one more at once");
        assert_eq!(limit.enter(&ANN, at(1)), Err(1));
        limit.set(0, 1);
        assert_eq!(limit.enter(&ANN, at(1)), Ok(()));
    }

    #[test]
    fn no_rate_is_no_limit() {
        let limit = RequestLimit::new(0, 1);
        assert!((0..1_000).all(|_| limit.enter(&ANN, at(0)).is_ok()));
        // More a second than there are microseconds.
        let limit = RequestLimit::new(u32::MAX, u32::MAX);
        assert!((0..1_000).all(|_| limit.enter(&ANN, at(0)).is_ok()));
    }
}
