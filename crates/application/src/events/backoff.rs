//! When something is tried again that has failed.

use std::time::Duration;

/// Seconds between the tries of one event: the schedule that the Standard Webhooks specification proposes
/// (<https://www.standardwebhooks.com>), three days and some hours in all.
const STEPS: [u32; 10] = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 50_400, 72_000, 43_200];

/// Seconds until the next try after so many; nothing when that was the last. `seed` spreads those that failed together
/// over a tenth more.
pub(super) fn next_try(tries: u32, seed: u64) -> Option<u32> {
    let step = STEPS.get(usize::try_from(tries.saturating_sub(1)).unwrap_or(usize::MAX)).copied()?;
    let spread = u64::from(step / 10) + 1;
    Some(step + u32::try_from(seed % spread).unwrap_or(0))
}

/// How long a receiver is left alone that has failed so often in a row: a second at first, five minutes at the most.
pub(super) fn pause(failures: u32) -> Duration {
    Duration::from_secs(1_u64 << failures.saturating_sub(1).min(9)).min(Duration::from_mins(5))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_tried_for_three_days() {
        let total: u32 = (1..=10).filter_map(|tries| next_try(tries, 0)).sum();
        assert!((3 * 86_400..4 * 86_400).contains(&total), "{total} s");
        assert_eq!(next_try(11, 0), None);
        assert_eq!(next_try(1, 0), Some(5));
    }

    #[test]
    fn tries_are_spread_over_a_tenth() {
        for seed in 0..1_000 {
            let next = next_try(2, seed).expect("not the last");
            assert!((300..=330).contains(&next), "{next}");
        }
    }

    #[test]
    fn a_pause_grows_to_five_minutes() {
        let pauses: Vec<u64> = (1..=11).map(|failures| pause(failures).as_secs()).collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
        assert_eq!(pause(0).as_secs(), 1);
    }
}
