//! The end of a place, by whoever ends it, and how far the ends of sessions were applied.

use frontrow_domain::queue::{EndReason, PlaceState};

use super::bench::Bench;
use crate::line::LineFactory;
use crate::samples;

/// Each reason ends a place in line and one that is let in, once; the answer is the place as it was.
pub async fn a_place_is_ended_once_for_a_reason(factory: impl LineFactory) {
    let mut bench = Bench::open(factory);
    let reasons = EndReason::ALL;
    let (active, waiting) = (0..reasons.len() as u64, 100..100 + reasons.len() as u64);
    bench.join_all(active.clone().chain(waiting.clone())).await;
    bench.tick_with_cap(u32::try_from(reasons.len()).expect("few reasons")).await;
    bench.clock.advance(3);
    for (fan, reason) in active.zip(reasons).chain(waiting.zip(reasons)) {
        let before = bench.look(fan).await;
        let admitted_at = before.place.state.admitted_at();
        assert_eq!(admitted_at.is_some(), fan < 100);
        let answered = bench.end(fan, reason).await.expect("there is a place to end");
        assert_eq!(answered, before);
        let after = bench.look(fan).await;
        assert_eq!(after.place.state, PlaceState::Ended { reason, at: bench.now(), admitted_at });
        assert_eq!((after.ahead, after.place.entry), (None, before.place.entry));
    }
    let figures = bench.tick().await;
    assert_eq!((figures.waiting, figures.active), (0, 0));
}

/// What is over stays as it is, whatever ends it again.
pub async fn ending_again_changes_nothing(factory: impl LineFactory) {
    let bench = Bench::open(factory);
    bench.join_all(0..2).await;
    bench.end(0, EndReason::Revoked).await.expect("there is a place to end");
    let over = bench.state(0).await;
    bench.clock.advance(1);
    for reason in EndReason::ALL {
        assert_eq!(bench.end(0, reason).await, None);
        assert_eq!(bench.state(0).await, over);
    }
    assert_eq!(bench.tell(0..2).await, "revoked, waiting 0");
    assert_eq!(bench.end(7, EndReason::Left).await, None, "nobody has no place to end");
    let elsewhere = frontrow_domain::ConcertId::new(77);
    let ended = bench.room().end(elsewhere, samples::user(1), None, EndReason::Left).await;
    assert_eq!(ended, Ok(None), "nor is there one in another line");
}

/// A session that ran out is not ended by what comes later: it was over by itself.
pub async fn a_session_that_ran_out_is_not_ended_by_anything_else(factory: impl LineFactory) {
    let mut bench = Bench::open(factory);
    bench.join_all(0..2).await;
    bench.tick_with_cap(2).await;
    bench.enter(1).await.expect("let in");
    bench.clock.advance(60);
    assert_eq!(bench.end(0, EndReason::Paid).await, None, "before any tick has noted it");
    assert_eq!(bench.tell(0..2).await, "no_show, active");
    bench.clock.advance(240);
    bench.settle().await;
    assert_eq!(bench.end(1, EndReason::Left).await, None, "and afterwards");
    assert_eq!(bench.tell(0..2).await, "no_show, timed_out");
}

/// A payment ends the session under which its seats were held, and no other of the same fan.
pub async fn a_payment_ends_only_the_entry_named(factory: impl LineFactory) {
    let mut bench = Bench::open(factory);
    bench.join(0).await;
    bench.tick_with_cap(1).await;
    let old = bench.look(0).await.place.entry;
    bench.leave(0).await;
    bench.join(0).await;
    let new = bench.look(0).await.place.entry;
    let user = samples::user(0);
    for state in ["waiting 0", "active"] {
        if state == "active" {
            bench.tick().await;
        }
        for stranger in [old, samples::entry_id(999_999)] {
            let ended = bench.room().end(bench.concert, user, Some(stranger), EndReason::Paid).await;
            assert_eq!(ended, Ok(None));
            assert_eq!(bench.tell([0]).await, state);
        }
    }
    let ended = bench.room().end(bench.concert, user, Some(new), EndReason::Paid).await;
    assert_eq!(ended.expect("the line answers").map(|standing| standing.place.entry), Some(new));
    assert_eq!(bench.tell([0]).await, "paid");
    let again = bench.room().end(bench.concert, user, Some(new), EndReason::Paid).await;
    assert_eq!(again, Ok(None), "delivered twice");
}

/// How far the ends of sessions were applied is known again after a restart; a crash may lose it, never invent it.
pub async fn how_far_sessions_were_ended_is_kept(factory: impl LineFactory) {
    let mut bench = Bench::open(factory);
    assert_eq!(bench.room().sessions_through().await, Ok(0));
    for position in [3, 17] {
        bench.room().note_sessions_through(position).await.expect("the line answers");
        assert_eq!(bench.room().sessions_through().await, Ok(position));
    }
    bench.reopen();
    assert_eq!(bench.room().sessions_through().await, Ok(17));
    bench.room().note_sessions_through(40).await.expect("the line answers");
    bench.crash();
    let position = bench.room().sessions_through().await.expect("the line answers");
    assert!((17..=40).contains(&position), "{position}");
}

/// What has been over for long is forgotten in the end, and nothing else is.
pub async fn old_places_are_forgotten_and_nothing_else(factory: impl LineFactory) {
    let mut bench = Bench::open(factory);
    bench.policy.settings.session_seconds = 86_400 * 1_000;
    bench.join_all(0..6).await;
    bench.tick_with_cap(2).await;
    bench.enter(0).await.expect("let in");
    bench.enter(1).await.expect("let in");
    for fan in [1, 3] {
        bench.leave(fan).await;
    }
    let pass = bench.pass(3).await;
    assert_eq!(bench.room().clean().await, Ok(0), "they were ended just now");
    assert_eq!(bench.tell(0..6).await, "active, left, waiting 0, left, waiting 1, waiting 2");
    bench.clock.advance(400 * 86_400);
    bench.note_all_told().await;
    assert_eq!(bench.room().clean().await, Ok(2));
    assert_eq!(bench.room().clean().await, Ok(0));
    let told = "active, nothing, waiting 0, nothing, waiting 1, waiting 2";
    assert_eq!(bench.tell(0..6).await, told);
    assert_eq!(bench.room().standing(pass).await, Ok(None));
    bench.crash();
    assert_eq!(bench.tell(0..6).await, told);
    assert!(bench.join(3).await.is_new);
}
