use super::*;

const LIMIT: AttemptLimit = AttemptLimit { attempts: 2, window_seconds: 60 };
const ANN: Digest = [1; 16];

/// A clock that is turned by hand.
#[derive(Default)]
struct Turned(AtomicI64);

impl Turned {
    fn to(&self, seconds: i64) {
        self.0.store(seconds * 1_000_000, Ordering::Release);
    }
}

impl Clock for Turned {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::Acquire))
    }
}

fn counts() -> (Arc<Turned>, MemoryCounts) {
    let clock = Arc::<Turned>::default();
    (Arc::clone(&clock), MemoryCounts::new(clock))
}

#[test]
fn a_window_begins_with_the_first_attempt_and_ends_once() {
    let (clock, counts) = counts();
    for (at, expected) in [(0, Ok(())), (10, Ok(())), (20, Err(40)), (59, Err(1)), (60, Ok(())), (61, Ok(()))]
    {
        clock.to(at);
        assert_eq!(counts.enter_now(ANN, LIMIT), expected, "at {at}");
    }
    assert_eq!(counts.enter_now(ANN, LIMIT), Err(59));
    assert_eq!(counts.enter_now([2; 16], LIMIT), Ok(()), "others are not concerned");
}

#[test]
fn a_clock_that_was_set_back_locks_nobody_out() {
    let (clock, counts) = counts();
    clock.to(3_600);
    assert_eq!(counts.enter_now(ANN, LIMIT), Ok(()));
    assert_eq!(counts.enter_now(ANN, LIMIT), Ok(()));
    clock.to(0);
    assert_eq!(counts.enter_now(ANN, LIMIT), Ok(()));
}

#[test]
fn what_is_kept_is_bounded_and_whoever_tries_again_is_not_forgotten() {
    let (clock, counts) = counts();
    let mut let_in = 0;
    for number in 0..400_000_u32 {
        let mut key = [9; 16];
        key[..4].copy_from_slice(&number.to_le_bytes());
        assert_eq!(counts.enter_now(key, LIMIT), Ok(()));
        let_in += u32::from(number % 10_000 == 0 && counts.enter_now(ANN, LIMIT).is_ok());
    }
    assert_eq!(let_in, 2);
    let kept = |counts: &MemoryCounts| {
        let windows = counts.windows.lock();
        windows.young.len() + windows.old.len()
    };
    assert!(kept(&counts) <= 2 * KEYS_MAX + 2, "{}", kept(&counts));
    for at in [60, 120] {
        clock.to(at);
        assert_eq!(counts.enter_now(ANN, LIMIT), Ok(()));
    }
    assert!(kept(&counts) <= 2, "windows that are over are gone");
}
