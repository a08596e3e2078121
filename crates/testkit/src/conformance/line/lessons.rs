//! What was seen to break in other systems, by the numbers of docs and reference. Bugs 23, 24 and 26 and defects D10
//! and D16 are where their subject is.

use frontrow_domain::queue::{EndReason, PlaceState, RoomState};

use super::bench::{Bench, OTHER_CONCERT};
use crate::line::LineFactory;
use crate::samples;

/// D11: ten minutes of waiting cost nobody their place, as long as they ask; the order is the same at the end.
pub async fn d11_ten_minutes_of_waiting_keep_the_order(factory: impl LineFactory) {
    let mut bench = Bench::open(factory);
    bench.policy.state = RoomState::Paused;
    bench.join_all(0..30).await;
    let before: Vec<_> = bench.crowd(0..30).await;
    for second in (0..600).step_by(30) {
        bench.clock.advance(30);
        bench.tick().await;
        // In another order each time: asking is no arrival.
        bench.ask_all((0..30).map(|fan| (fan * 7 + second) % 30)).await;
    }
    assert_eq!(bench.crowd(0..30).await, before);
    bench.policy.state = RoomState::Open;
    for cap in 1..=30 {
        bench.tick_with_cap(cap).await;
        let newest = u64::from(cap - 1);
        assert!(matches!(bench.state(newest).await, PlaceState::Active(_)), "fan {newest} is next");
        assert_eq!(bench.find(newest + 1).await.and_then(|next| next.ahead), (cap < 30).then_some(0));
    }
}

/// Bug 27: what happens in the line of one concert is nothing to another, step by step in turns.
pub async fn bug_27_two_lines_do_not_touch_each_other(factory: impl LineFactory) {
    let mut bench = Bench::open(factory);
    let lines = [samples::CONCERT, OTHER_CONCERT];
    for fan in 0..6 {
        for concert in lines {
            bench.concert = concert;
            let joined = bench.join(fan).await;
            assert_eq!((joined.is_new, joined.standing.ahead), (true, Some(fan)));
        }
    }
    bench.concert = samples::CONCERT;
    bench.tick_with_cap(2).await;
    bench.leave(0).await;
    bench.concert = OTHER_CONCERT;
    let figures = bench.tick_with_cap(1).await;
    assert_eq!((figures.active, figures.waiting), (1, 5));
    assert_eq!(bench.tell(0..3).await, "active, waiting 0, waiting 1");
    bench.tick_in(RoomState::Closed).await;
    bench.crash();
    assert_eq!(bench.tell(0..3).await, "active, closed, closed");
    bench.concert = samples::CONCERT;
    assert_eq!(bench.tell(0..4).await, "left, active, waiting 0, waiting 1");
    bench.policy.state = RoomState::Open;
    let figures = bench.tick_with_cap(2).await;
    assert_eq!((figures.active, figures.waiting, figures.admitted), (2, 3, 1));
    assert_eq!(bench.end(0, EndReason::Left).await, None);
    bench.concert = OTHER_CONCERT;
    assert!(bench.end(0, EndReason::Left).await.is_some());
}

/// Bug 28: a raised cap, a raised rate and a resumed room show at the next tick, in what everybody is told.
pub async fn bug_28_what_an_operator_changes_shows_at_the_next_tick(factory: impl LineFactory) {
    let mut bench = Bench::open(factory);
    bench.policy.settings.admit_per_second_milli = 1_000;
    bench.join_all(0..12).await;
    bench.tick_with_cap(1).await;
    assert_eq!(bench.tell(0..3).await, "active, waiting 0, waiting 1");
    bench.clock.advance(1);
    bench.tick_with_cap(2).await;
    assert_eq!(bench.tell(0..3).await, "active, active, waiting 0");
    bench.policy.settings.max_active = 10;
    bench.tick_with_rate(100_000_000).await;
    bench.clock.advance_micros(20_000);
    let figures = bench.tick().await;
    assert_eq!((figures.active, figures.forecast.cap), (10, 10));
    assert_eq!(bench.tell(9..12).await, "active, waiting 0, waiting 1");
    bench.policy.settings.max_active = 11;
    bench.tick_in(RoomState::Paused).await;
    bench.tick_in(RoomState::Open).await;
    assert_eq!(bench.tell(10..12).await, "active, waiting 0");
}
