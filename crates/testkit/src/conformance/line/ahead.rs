//! How many are ahead: exact, and never more than before (R-Q2, R-Q3).

use std::collections::HashMap;

use frontrow_domain::Sequence;
use frontrow_domain::queue::PlaceState;

use super::bench::Bench;
use super::evening::Evening;
use crate::clock::Dice;
use crate::line::LineFactory;

/// Fans of the lines here: some words of bits, and not a multiple of them.
const FANS: u64 = 150;

/// Asserts for everybody that `ahead` is the number of those in line before them who were never skipped.
async fn assert_exact<F: LineFactory>(bench: &Bench<F>, fans: std::ops::Range<u64>) {
    let mut waiting = Vec::new();
    for fan in fans {
        let Some(standing) = bench.find(fan).await else { continue };
        match standing.place.state {
            PlaceState::Waiting => waiting.push((standing.place.sequence, standing.ahead)),
            PlaceState::Active(_) => assert_eq!(standing.ahead, Some(0), "fan {fan} is let in"),
            PlaceState::Ended { .. } => assert_eq!(standing.ahead, None, "the place of fan {fan} is over"),
            PlaceState::Skipped => {}
        }
    }
    waiting.sort_unstable();
    for (expected, (sequence, ahead)) in (0..).zip(waiting) {
        assert_eq!(ahead, Some(expected), "place {sequence}");
    }
}

/// Whoever leaves is no longer ahead of anybody, wherever they stood.
pub async fn ahead_is_exact_while_others_leave(factory: impl LineFactory) {
    let bench = Bench::open(factory);
    bench.join_all(0..FANS).await;
    let mut dice = Dice::new(1);
    let mut left = 0;
    for fan in 0..FANS {
        if dice.percent(40) {
            bench.leave(fan).await;
            left += 1;
        }
        if fan % 30 == 0 {
            assert_exact(&bench, 0..FANS).await;
        }
    }
    assert_exact(&bench, 0..FANS).await;
    assert_eq!(bench.tick().await.waiting, FANS - left);
    assert_eq!(bench.join(FANS).await.standing.ahead, Some(FANS - left));
}

/// Whoever is let in, or skipped, is no longer ahead of anybody.
pub async fn ahead_is_exact_while_others_are_let_in_and_skipped(factory: impl LineFactory) {
    let mut bench = Bench::open(factory);
    bench.join_all(0..FANS).await;
    bench.clock.advance(60);
    bench.ask_all((0..FANS).filter(|fan| fan % 3 != 0)).await;
    for cap in [1, 2, 10, 11, 50, 80] {
        let figures = bench.tick_with_cap(cap).await;
        assert_eq!(figures.active, cap);
        assert!(figures.skipped >= u64::from(cap) / 3, "{figures:?}");
        assert_eq!(figures.waiting + figures.skipped + u64::from(figures.active), FANS);
        assert_exact(&bench, 0..FANS).await;
    }
}

/// R-Q2: a place never gets worse, whatever happens around it, across restarts and crashes.
pub async fn a_place_never_gets_worse(factory: impl LineFactory) {
    let mut evening = Evening::open(factory, 3);
    let mut told: HashMap<Sequence, u64> = HashMap::new();
    for step in 0..600 {
        evening.step().await;
        for fan in evening.fans() {
            let Some(standing) = evening.bench.find(fan).await else { continue };
            let PlaceState::Waiting = standing.place.state else { continue };
            let ahead = standing.ahead.expect("somebody in line has a rank");
            let before = told.insert(standing.place.sequence, ahead).unwrap_or(u64::MAX);
            assert!(ahead <= before, "step {step}: fan {fan} had {before} ahead and has {ahead}");
        }
    }
    assert!(told.len() > 50, "{} places: the evening was too quiet", told.len());
}

/// Once somebody is no longer in line they never are again, in that place.
pub async fn a_state_never_goes_back(factory: impl LineFactory) {
    let mut evening = Evening::open(factory, 4);
    let mut ranks: HashMap<Sequence, u8> = HashMap::new();
    for step in 0..600 {
        evening.step().await;
        for fan in evening.fans() {
            let Some(standing) = evening.bench.find(fan).await else { continue };
            let rank = match standing.place.state {
                PlaceState::Waiting => 0,
                PlaceState::Skipped => 1,
                PlaceState::Active(_) => 2,
                PlaceState::Ended { .. } => 3,
            };
            let before = ranks.insert(standing.place.sequence, rank).unwrap_or(0);
            assert!(before <= rank, "step {step}: {:?} after rank {before}", standing.place);
        }
    }
    let mut seen: Vec<_> = ranks.into_values().collect();
    seen.sort_unstable();
    seen.dedup();
    assert!(seen.contains(&1) && seen.contains(&2) && seen.contains(&3), "a quiet evening: {seen:?}");
}

/// The figures of a tick are the places counted, and the public document's promise holds:
/// `ahead ≤ sequence − headSequence`.
pub async fn figures_are_the_places_counted(factory: impl LineFactory) {
    let mut evening = Evening::open(factory, 5);
    let mut let_in = 0;
    for step in 0..400 {
        evening.step().await;
        let figures = evening.bench.tick().await;
        let_in += figures.admitted;
        let (mut waiting, mut skipped, mut active, mut head) = (0, 0, 0, Sequence::new(u64::MAX));
        let mut standings = Vec::new();
        for fan in evening.fans() {
            let Some(standing) = evening.bench.find(fan).await else { continue };
            match standing.place.state {
                PlaceState::Waiting => {
                    waiting += 1;
                    head = head.min(standing.place.sequence);
                    standings.push(standing);
                }
                PlaceState::Skipped => skipped += 1,
                PlaceState::Active(_) => active += 1,
                PlaceState::Ended { .. } => {}
            }
        }
        assert_eq!(
            (figures.waiting, figures.skipped, figures.active),
            (waiting, skipped, active),
            "step {step}"
        );
        if waiting > 0 {
            assert_eq!(figures.head, head, "step {step}");
        }
        for standing in standings {
            let gap = standing.place.sequence.get() - figures.head.get();
            assert!(standing.ahead <= Some(gap), "step {step}: {standing:?} with head {}", figures.head);
        }
        assert_eq!((figures.active, figures.forecast.cap), (active, evening.cap()));
    }
    assert!(let_in > 30, "{let_in} let in: the evening was too quiet");
}

/// With nobody in line the head is the next number, so that an app shows the front.
pub async fn the_head_of_an_empty_line_is_the_next_number(factory: impl LineFactory) {
    let mut bench = Bench::open(factory);
    bench.join_all(0..3).await;
    let last = bench.look(2).await.place.sequence;
    assert_eq!(bench.tick().await.head, bench.look(0).await.place.sequence);
    let head = bench.tick_with_cap(3).await.head;
    assert!(head > last, "{head} after {last}");
    let next = bench.join(3).await.standing.place.sequence;
    assert!(head <= next, "{head} before {next}");
    assert_eq!(bench.tick().await.head, next);
}
