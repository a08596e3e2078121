//! The time of a fan who is let in (R-Q5, R-Q6): one session with an absolute end, and a claim time within which to
//! come.

use frontrow_application::waiting_room::NotLetIn;
use frontrow_domain::Timestamp;
use frontrow_domain::queue::{EndReason, PlaceState, Session};

use super::bench::{Bench, SETTINGS};
use crate::line::LineFactory;

const MICROSECOND: i64 = 1;

/// A line in which these fans are let in.
async fn let_in<F: LineFactory>(factory: F, fans: u64) -> Bench<F> {
    let mut bench = Bench::open(factory);
    bench.join_all(0..fans).await;
    bench.tick_with_cap(u32::try_from(fans).expect("few fans")).await;
    bench
}

/// Lets time pass until this moment.
fn pass_until<F>(bench: &Bench<F>, moment: Timestamp) {
    bench.clock.set(moment);
}

/// The end of a place with this reason at this time.
fn ended(reason: EndReason, at: Timestamp, admitted_at: Timestamp) -> PlaceState {
    PlaceState::Ended { reason, at, admitted_at: Some(admitted_at) }
}

/// Being let in is a session with both ends in it, and a claim time until the fan has come.
pub async fn a_fan_who_is_let_in_has_a_session(factory: impl LineFactory) {
    let bench = let_in(factory, 1).await;
    let admitted_at = bench.now();
    let ends_at = admitted_at.plus_seconds(SETTINGS.session_seconds);
    let claim_by = Some(admitted_at.plus_seconds(SETTINGS.claim_seconds));
    assert_eq!(bench.session(0).await, Session { admitted_at, ends_at, claim_by });
    bench.clock.advance(10);
    assert_eq!(bench.enter(0).await, Ok(()));
    assert_eq!(bench.session(0).await, Session { admitted_at, ends_at, claim_by: None });
}

/// The end is exclusive and absolute: nothing that a fan does moves it.
pub async fn a_session_ends_on_the_dot_whatever_the_fan_does(factory: impl LineFactory) {
    let bench = let_in(factory, 1).await;
    let Session { admitted_at, ends_at, .. } = bench.session(0).await;
    for _ in 0..29 {
        bench.enter(0).await.expect("let in");
        bench.ask(0).await;
        bench.join(0).await;
        bench.clock.advance(10);
        bench.tick().await;
    }
    pass_until(&bench, Timestamp::from_micros(ends_at.micros() - MICROSECOND));
    assert_eq!((bench.enter(0).await, bench.tick().await.active), (Ok(()), 1));
    pass_until(&bench, ends_at);
    let over = ended(EndReason::TimedOut, ends_at, admitted_at);
    assert_eq!(bench.state(0).await, over, "at once, before any tick");
    assert_eq!(bench.enter(0).await, Err(NotLetIn::Ended));
    bench.clock.advance(5);
    assert_eq!(bench.settle().await.active, 0);
    assert_eq!(bench.ask(0).await.place.state, over, "and so it stays, also where it is noted late");
    assert_eq!(bench.ahead(0).await, None);
}

/// A called fan who does not come within the claim time is a no-show, however often they ask for their place.
pub async fn a_called_fan_who_does_not_come_is_a_no_show(factory: impl LineFactory) {
    let bench = let_in(factory, 2).await;
    let Session { admitted_at, claim_by, .. } = bench.session(0).await;
    let claim_by = claim_by.expect("nobody has come");
    bench.clock.advance(30);
    bench.ask(0).await;
    bench.join(0).await;
    bench.enter(1).await.expect("let in");
    pass_until(&bench, Timestamp::from_micros(claim_by.micros() - MICROSECOND));
    assert_eq!(bench.tick().await.active, 2);
    pass_until(&bench, claim_by);
    assert_eq!(bench.state(0).await, ended(EndReason::NoShow, claim_by, admitted_at));
    assert_eq!(bench.enter(0).await, Err(NotLetIn::Ended));
    assert_eq!(bench.settle().await.active, 1);
    assert_eq!(bench.tell(0..2).await, "no_show, active");
}

/// Whoever comes in the last moment has come.
pub async fn a_fan_who_comes_in_the_last_moment_has_come(factory: impl LineFactory) {
    let bench = let_in(factory, 1).await;
    let claim_by = bench.session(0).await.claim_by.expect("nobody has come");
    pass_until(&bench, Timestamp::from_micros(claim_by.micros() - MICROSECOND));
    assert_eq!(bench.enter(0).await, Ok(()));
    bench.clock.advance(100);
    bench.settle().await;
    assert_eq!(bench.tell([0]).await, "active");
}

/// A fan who was told to ask again in a while cannot know earlier that they were called: half of the claim time is
/// left to them after that moment.
pub async fn the_claim_time_waits_for_the_next_question(factory: impl LineFactory) {
    let mut bench = Bench::open(factory);
    bench.policy.settings.claim_seconds = 2;
    bench.tick().await;
    let told = bench.join(0).await.standing.poll_after_seconds;
    bench.tick_with_cap(1).await;
    let session = bench.session(0).await;
    let at_the_earliest = bench.now().plus_seconds(told).plus_seconds(1);
    assert!(session.claim_by >= Some(at_the_earliest), "{session:?}, told to ask after {told} s");
}

/// Sessions keep the length that they began with; what an operator changes binds those to come.
pub async fn a_changed_session_length_binds_new_sessions_only(factory: impl LineFactory) {
    let mut bench = let_in(factory, 1).await;
    bench.enter(0).await.expect("let in");
    let begun = bench.now();
    for (fan, seconds) in [(1, 1_000), (2, 20), (3, 90)] {
        bench.policy.settings.session_seconds = seconds;
        bench.join(fan).await;
        bench.policy.settings.max_active += 1;
        bench.tick().await;
        bench.enter(fan).await.expect("let in");
    }
    bench.flush().await;
    bench.crash();
    bench.tick().await;
    for (fan, seconds) in [(0, SETTINGS.session_seconds), (1, 1_000), (2, 20), (3, 90)] {
        assert_eq!(bench.session(fan).await.ends_at, begun.plus_seconds(seconds), "fan {fan}");
    }
    bench.clock.advance(90);
    bench.settle().await;
    assert_eq!(bench.tell(0..4).await, "active, active, timed_out, timed_out");
}

/// After an outage a called fan has the claim time anew: they could not come while nobody was there.
pub async fn the_claim_time_counts_from_readiness(factory: impl LineFactory) {
    let mut bench = let_in(factory, 3).await;
    let begun = bench.now();
    bench.enter(2).await.expect("let in");
    bench.clock.advance(50);
    bench.flush().await;
    bench.crash_for(100);
    assert_eq!(bench.tell(0..2).await, "active, active", "before the first tick as well");
    assert_eq!(bench.tick().await.active, 3);
    bench.clock.advance(59);
    assert_eq!(bench.enter(0).await, Ok(()));
    bench.clock.advance(1);
    assert_eq!(bench.settle().await.active, 2);
    assert_eq!(bench.tell(0..3).await, "active, no_show, active");
    for fan in [0, 2] {
        let ends_at = begun.plus_seconds(SETTINGS.session_seconds);
        assert_eq!(bench.session(fan).await.ends_at, ends_at, "an outage is not added to the session");
    }
}

/// A session that ran out during an outage is over, at its own end.
pub async fn a_session_that_ran_out_in_an_outage_is_over(factory: impl LineFactory) {
    let mut bench = let_in(factory, 2).await;
    let Session { admitted_at, ends_at, .. } = bench.session(0).await;
    bench.enter(0).await.expect("let in");
    bench.join(2).await;
    bench.flush().await;
    bench.crash_for(SETTINGS.session_seconds + 17);
    assert_eq!(bench.state(0).await, ended(EndReason::TimedOut, ends_at, admitted_at));
    assert_eq!(bench.state(1).await, ended(EndReason::TimedOut, ends_at, admitted_at), "the end is absolute");
    bench.settle().await;
    assert_eq!(bench.tell(0..3).await, "timed_out, timed_out, active");
}

/// A clock that was set back between two runs makes no session longer: the line goes on from its own time.
pub async fn a_clock_set_back_across_a_crash_makes_no_session_longer(factory: impl LineFactory) {
    let mut bench = let_in(factory, 1).await;
    bench.enter(0).await.expect("let in");
    bench.clock.advance(100);
    // A line has a time of its own, and is ticked every few hundredths of a second.
    bench.tick().await;
    bench.flush().await;
    bench.clock.step_back(3_600);
    bench.crash();
    bench.tick().await;
    bench.clock.advance(SETTINGS.session_seconds - 101);
    assert_eq!(bench.tell([0]).await, "active");
    bench.clock.advance(1);
    assert_eq!(bench.tell([0]).await, "timed_out");
}
