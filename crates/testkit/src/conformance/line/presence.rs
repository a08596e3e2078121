//! Who counts as being there (R-Q6): fans who are gone do not hold the line, and lose nothing until their turn.

use frontrow_application::waiting_room::Pass;
use frontrow_domain::queue::{PlaceState, RoomState};
use frontrow_domain::{EntryId, Timestamp};

use super::bench::{Bench, SETTINGS};
use crate::line::LineFactory;
use crate::samples;

/// A line of these fans, all of whom were last heard of now.
async fn a_line<F: LineFactory>(factory: F, fans: u64) -> Bench<F> {
    let bench = Bench::open(factory);
    bench.join_all(0..fans).await;
    bench
}

/// A fan who was silent for a minute when their turn comes is skipped: no longer ahead of anybody, not active.
pub async fn a_fan_who_is_gone_is_skipped_when_their_turn_comes(factory: impl LineFactory) {
    let mut bench = a_line(factory, 4).await;
    bench.clock.advance(30);
    bench.ask_all([1, 3]).await;
    bench.clock.advance(30);
    let figures = bench.tick_with_cap(1).await;
    assert_eq!((figures.active, figures.skipped, figures.waiting, figures.admitted), (1, 1, 2, 1));
    assert_eq!(bench.tell(0..4).await, "skipped, active, waiting 0, waiting 1");
    assert_eq!(figures.head, bench.look(2).await.place.sequence, "the head was never skipped");
}

/// A minute is a minute: to the last microsecond of it they are there.
pub async fn a_silent_fan_is_there_to_the_end_of_the_minute(factory: impl LineFactory) {
    let mut bench = a_line(factory, 1).await;
    bench.clock.advance_micros(i64::from(SETTINGS.presence_seconds) * 1_000_000 - 1);
    bench.tick_with_cap(1).await;
    assert_eq!(bench.tell([0]).await, "active");
}

/// Nobody is skipped before it is their turn: not while the line is full, nor while it is held, nor for a rate that
/// lets nobody in just now. Until then they count among those ahead.
pub async fn nobody_is_skipped_before_their_turn(factory: impl LineFactory) {
    let mut bench = a_line(factory, 4).await;
    bench.policy.settings.session_seconds = 86_400;
    bench.tick_with_cap(1).await;
    bench.enter(0).await.expect("let in");
    bench.clock.advance(3_600);
    bench.ask(3).await;
    let told = "active, waiting 0, waiting 1, waiting 2";
    for state in [RoomState::Open, RoomState::Paused, RoomState::SoldOut] {
        bench.tick_in(state).await;
        assert_eq!(bench.tell(0..4).await, told, "full, and {}", state.name());
    }
    bench.policy.settings.max_active = 10;
    for state in [RoomState::Paused, RoomState::SoldOut, RoomState::Scheduled] {
        bench.tick_in(state).await;
        assert_eq!(bench.tell(0..4).await, told, "{}", state.name());
    }
    bench.tick_in(RoomState::Open).await;
    assert_eq!(bench.tell(0..4).await, "active, skipped, skipped, active");
}

/// The same while the rate is used up.
pub async fn nobody_is_skipped_while_the_rate_is_used_up(factory: impl LineFactory) {
    let mut bench = a_line(factory, 4).await;
    bench.clock.advance(60);
    bench.ask_all([0, 3]).await;
    bench.policy.settings.max_active = 10;
    bench.tick_with_rate(1_000).await;
    bench.clock.advance_micros(999_999);
    bench.tick().await;
    assert_eq!(bench.tell(0..4).await, "active, waiting 0, waiting 1, waiting 2");
    bench.clock.advance_micros(1);
    bench.tick().await;
    assert_eq!(bench.tell(0..4).await, "active, skipped, skipped, active");
}

/// Absent fans cost no rate: whoever is there behind them is let in by the same tick.
pub async fn skipping_costs_neither_rate_nor_cap(factory: impl LineFactory) {
    let mut bench = a_line(factory, 400).await;
    bench.clock.advance(60);
    bench.ask_all([398, 399]).await;
    bench.policy.settings.max_active = 1;
    let figures = bench.tick_with_rate(1_000).await;
    assert_eq!((figures.skipped, figures.active, figures.waiting), (398, 1, 1));
    assert_eq!(bench.tell(397..400).await, "skipped, active, waiting 0");
}

/// Being asked for by the fan is a sign of life, by joining and by asking; being looked at is none.
pub async fn only_the_fan_gives_a_sign_of_life(factory: impl LineFactory) {
    let mut bench = a_line(factory, 5).await;
    let pass = bench.pass(3).await;
    let foreign = Pass { user: samples::user(99), ..pass };
    let made_up = Pass { entry: EntryId::new(samples::uuid(99_999)), ..pass };
    bench.clock.advance(59);
    bench.ask(0).await;
    bench.join(1).await;
    bench.find(2).await;
    for stranger in [foreign, made_up] {
        assert_eq!(bench.room().standing(stranger).await, Ok(None));
    }
    bench.clock.advance(1);
    bench.ask(4).await;
    bench.tick_with_cap(3).await;
    assert_eq!(bench.tell(0..5).await, "active, active, skipped, skipped, active");
}

/// Twice what a fan was told to wait before asking again counts as presence, when that is longer than the setting.
pub async fn a_fan_is_there_for_twice_what_they_were_told(factory: impl LineFactory) {
    let mut bench = Bench::open(factory);
    bench.policy.settings.presence_seconds = 1;
    bench.tick().await;
    bench.join(0).await;
    bench.clock.advance(1);
    // The last answer counts, whether the fan has joined or asked.
    let told = bench.ask(0).await.poll_after_seconds;
    assert!(told >= 1, "told {told}");
    bench.clock.advance_micros(i64::from(told) * 2_000_000 - 1);
    let told_late = bench.join(1).await.standing.poll_after_seconds;
    bench.tick_with_cap(1).await;
    assert_eq!(bench.tell(0..2).await, "active, waiting 0");
    bench.clock.advance_micros(i64::from(told_late) * 2_000_000);
    bench.join(2).await;
    bench.tick_with_cap(2).await;
    assert_eq!(bench.tell(0..3).await, "active, skipped, active");
}

/// Nobody could ask while the process was away: absence counts from its readiness, for everybody in line.
pub async fn absence_counts_from_readiness(factory: impl LineFactory) {
    let mut bench = a_line(factory, 4).await;
    bench.clock.advance(59);
    bench.crash_for(600);
    bench.tick_with_cap(1).await;
    assert_eq!(bench.tell(0..2).await, "active, waiting 0", "an outage is nobody's absence");
    bench.clock.advance(30);
    bench.ask(3).await;
    bench.clock.advance(30);
    bench.tick_with_cap(2).await;
    assert_eq!(bench.tell(1..4).await, "skipped, skipped, active", "the minute begins with the readiness");
}

/// A skipped fan has to come back themselves: that the process did so is no return.
pub async fn a_restart_brings_no_skipped_fan_back(factory: impl LineFactory) {
    let mut bench = a_line(factory, 3).await;
    bench.clock.advance(60);
    bench.ask(2).await;
    bench.tick_with_cap(1).await;
    assert_eq!(bench.tell(0..3).await, "skipped, skipped, active");
    bench.crash();
    bench.join(3).await;
    bench.tick_with_cap(2).await;
    assert_eq!(bench.tell(0..4).await, "skipped, skipped, active, active");
    bench.ask(1).await;
    bench.join(4).await;
    bench.tick_with_cap(3).await;
    assert_eq!(bench.tell([0, 1, 4]).await, "skipped, active, waiting 0");
}

/// A fan who is let in need not ask: their session has an end of its own.
pub async fn a_fan_who_is_let_in_need_not_ask(factory: impl LineFactory) {
    let mut bench = a_line(factory, 1).await;
    bench.tick_with_cap(1).await;
    bench.enter(0).await.expect("let in");
    bench.clock.advance(SETTINGS.session_seconds - 1);
    bench.tick().await;
    assert_eq!(bench.tell([0]).await, "active");
}

/// How often to ask is told with every answer, grows with the distance and stays short near the front.
pub async fn everybody_is_told_when_to_ask_again(factory: impl LineFactory) {
    let mut bench = Bench::open(factory);
    bench.tick_with_rate(140_000).await;
    bench.crowd(0..5_000).await;
    let mut told = Vec::new();
    for fan in 0..5_000 {
        let standing = bench.look(fan).await;
        told.push((standing.ahead, standing.poll_after_seconds));
    }
    told.sort_unstable();
    assert!(told.is_sorted_by_key(|(_, seconds)| *seconds), "who is farther away asks less often");
    assert!(
        told[0].1 <= 5 && told[4_999].1 > told[0].1 && told[4_999].1 <= 300,
        "{:?} {:?}",
        told[0],
        told[4_999]
    );
}

/// How the seconds of a case with many absent fans are ticked.
const TICK_MICROS: i64 = 20_000;
const TICKS_A_SECOND: u32 = 50;

/// Bug 23: with ninety in a hundred gone, those who are there are let in at the rate, to within five in a hundred.
pub async fn bug_23_absent_fans_do_not_slow_the_line(factory: impl LineFactory) {
    const FANS: u64 = 10_000;
    const SECONDS: u32 = 5;
    let mut bench = Bench::open(factory);
    bench.tick_with_rate(140_000).await;
    let places = bench.crowd(0..FANS).await;
    bench.clock.advance(SETTINGS.presence_seconds);
    let is_there = |index: usize| index % 10 == 7;
    for (index, place) in places.iter().enumerate() {
        if is_there(index) {
            let answer = bench.room().standing(Pass::of(place)).await.expect("the line answers");
            assert!(answer.is_some());
        }
    }
    bench.policy.settings.max_active = 1_000_000;
    let mut admitted = Vec::new();
    for _ in 0..(SECONDS + 1) * TICKS_A_SECOND {
        bench.clock.advance_micros(TICK_MICROS);
        admitted.push(bench.tick().await.admitted);
    }
    // The first second is left out: a line that has stood still may begin it with a quarter of a second's worth.
    let let_in: u32 = admitted[TICKS_A_SECOND as usize..].iter().sum();
    let share = f64::from(let_in) / (140.0 * f64::from(SECONDS));
    assert!((0.95..=1.05).contains(&share), "{let_in} within {SECONDS} s are {share} of the rate");
    let mut last = Timestamp::ZERO;
    for (index, place) in places.iter().enumerate() {
        let standing = bench.room().find(place.concert, place.user).await.expect("answered").expect("there");
        match standing.place.state {
            PlaceState::Active(session) => {
                assert!(is_there(index), "{place:?} was gone");
                assert!(session.admitted_at >= last, "in order of arrival");
                last = session.admitted_at;
            }
            PlaceState::Skipped => assert!(!is_there(index), "{place:?} was there"),
            _ => {}
        }
    }
}
