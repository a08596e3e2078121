//! The most who are active at once (R-Q4, R-Q5).

use std::sync::Arc;

use frontrow_domain::queue::{EndReason, PlaceState};
use futures_util::future::join_all;

use super::bench::Bench;
use super::checks::cap_exceeded;
use super::evening::Evening;
use crate::line::LineFactory;

/// As many are let in as the cap admits, and no more at any later tick.
pub async fn no_more_are_let_in_than_the_cap_admits(factory: impl LineFactory) {
    let mut bench = Bench::open(factory);
    bench.join_all(0..10).await;
    assert_eq!(bench.tick_with_cap(0).await.active, 0, "a cap of zero lets nobody in");
    for _ in 0..3 {
        let figures = bench.tick_with_cap(4).await;
        assert_eq!((figures.active, figures.waiting), (4, 6));
        bench.clock.advance(1);
    }
    assert_eq!(bench.tell(3..6).await, "active, waiting 0, waiting 1");
}

/// Through an evening at random no tick lets anybody in beyond the cap, and the sessions that can be seen are as
/// many as the figures say.
pub async fn the_cap_holds_through_an_evening(factory: impl LineFactory) {
    let mut evening = Evening::open(factory, 6);
    let mut was_full = 0;
    for step in 0..500 {
        evening.step().await;
        let figures = evening.bench.tick().await;
        assert_eq!(cap_exceeded(&figures, evening.cap()), None, "step {step}");
        let mut active = 0;
        for fan in evening.fans() {
            let state = evening.bench.find(fan).await.map(|standing| standing.place.state);
            active += u32::from(matches!(state, Some(PlaceState::Active(_))));
        }
        assert_eq!(figures.active, active, "step {step}");
        was_full += u32::from(active > 0 && active >= evening.cap());
    }
    assert!(was_full > 50, "the cap was reached after {was_full} steps: the evening was too quiet");
}

/// A cap below the present number throws nobody out, and lets nobody in until there is room.
pub async fn a_lowered_cap_throws_nobody_out(factory: impl LineFactory) {
    let mut bench = Bench::open(factory);
    bench.join_all(0..6).await;
    bench.tick_with_cap(4).await;
    let figures = bench.tick_with_cap(2).await;
    assert_eq!((figures.active, figures.admitted), (4, 0));
    for fan in 0..2 {
        bench.leave(fan).await;
        let figures = bench.settle().await;
        assert_eq!((figures.active, figures.waiting), (3 - u32::try_from(fan).expect("small"), 2));
    }
    bench.leave(2).await;
    bench.settle().await;
    assert_eq!(bench.tell(0..6).await, "left, left, left, active, active, waiting 0");
}

/// A slot that is free again goes on at the next tick, whatever freed it.
pub async fn a_freed_slot_goes_on_at_the_next_tick(factory: impl LineFactory) {
    let mut bench = Bench::open(factory);
    bench.join_all(0..5).await;
    bench.tick_with_cap(1).await;
    for (fan, reason) in (0..).zip([EndReason::Left, EndReason::Paid, EndReason::Revoked]) {
        assert!(bench.end(fan, reason).await.is_some());
        assert_eq!(bench.tick().await.admitted, 1, "after {reason:?}");
        assert!(matches!(bench.state(fan + 1).await, PlaceState::Active(_)));
    }
    bench.clock.advance(59);
    bench.ask(4).await;
    bench.clock.advance(1);
    // What a tick has found over, it may give out itself or leave to the next one.
    assert_eq!(bench.settle().await.active, 1);
    assert_eq!(bench.tell(0..5).await, "left, paid, revoked, no_show, active");
}

/// Ending a place twice, or two ways at once, frees one slot.
pub async fn a_slot_is_freed_once(factory: impl LineFactory) {
    let mut bench = Bench::open(factory);
    bench.join_all(0..6).await;
    bench.tick_with_cap(2).await;
    let ends = (0..32).map(|number: usize| {
        let (room, concert) = (Arc::clone(bench.room()), bench.concert);
        let reason = EndReason::ALL[number % EndReason::ALL.len()];
        tokio::spawn(async move { room.end(concert, crate::samples::user(0), None, reason).await })
    });
    let ended = join_all(ends).await.into_iter().map(|task| task.expect("no panic").expect("answered"));
    assert_eq!(ended.flatten().count(), 1, "one of them has ended it");
    let figures = bench.settle().await;
    assert_eq!((figures.active, figures.waiting), (2, 3));
}

/// Ticks that come at the same moment let in together what one may.
pub async fn ticks_at_the_same_moment_share_cap_and_rate(factory: impl LineFactory) {
    let mut bench = Bench::open(factory);
    bench.crowd(0..60).await;
    bench.policy.settings.max_active = 7;
    for round in 0..3_u32 {
        let ticks = (0..16).map(|_| {
            let (room, concert, policy) = (Arc::clone(bench.room()), bench.concert, bench.policy);
            tokio::spawn(async move { room.tick(concert, policy).await.expect("the line answers") })
        });
        let figures: Vec<_> = join_all(ticks).await.into_iter().map(|tick| tick.expect("no panic")).collect();
        let admitted: u32 = figures.iter().map(|figures| figures.admitted).sum();
        let late = bench.tick().await;
        assert_eq!(admitted + late.admitted, 7, "round {round}");
        assert_eq!(late.active, 7 * (round + 1));
        bench.policy.settings.max_active += 7;
    }
}
