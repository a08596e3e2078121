//! Lines of the log that would come thousands of times a second: one a second is enough, with how many there were.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// Milliseconds between two lines.
const PAUSE_MS: u64 = 1_000;

/// When anything of this process was first asked. No line is earlier.
static BEGUN: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Lets something be said once a second.
#[derive(Debug, Default)]
pub struct Seldom {
    /// Milliseconds after which it may be said again; 0 before the first time.
    next_ms: AtomicU64,
    untold: AtomicU64,
}

impl Seldom {
    /// One that has said nothing yet.
    pub const fn new() -> Self {
        Self { next_ms: AtomicU64::new(0), untold: AtomicU64::new(0) }
    }

    /// How many were not said since the last time, when it may be said now; nothing when not yet.
    pub fn turn(&self) -> Option<u64> {
        self.turn_at(u64::try_from(BEGUN.elapsed().as_millis()).unwrap_or(u64::MAX))
    }

    fn turn_at(&self, now_ms: u64) -> Option<u64> {
        let next = self.next_ms.load(Ordering::Relaxed);
        // Of those who come at once one has the turn.
        let is_turn = now_ms >= next
            && self
                .next_ms
                .compare_exchange(next, now_ms.saturating_add(PAUSE_MS), Ordering::Relaxed, Ordering::Relaxed)
                .is_ok();
        if is_turn {
            return Some(self.untold.swap(0, Ordering::Relaxed));
        }
        self.untold.fetch_add(1, Ordering::Relaxed);
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_said_once_a_second_with_how_many_there_were() {
        let seldom = Seldom::new();
        assert_eq!(seldom.turn_at(0), Some(0), "the first at once");
        for moment in [0, 1, 500, 999] {
            assert_eq!(seldom.turn_at(moment), None);
        }
        assert_eq!(seldom.turn_at(1_000), Some(4));
        assert_eq!(seldom.turn_at(1_500), None);
        assert_eq!(seldom.turn_at(9_000), Some(1));
        assert_eq!(seldom.turn_at(10_000), Some(0));
    }
}
