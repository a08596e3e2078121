//! Getting a place (R-Q1, R-Q2).

use std::sync::Arc;

use frontrow_domain::queue::{EndReason, JoinRefused, PlaceState, RoomState};
use frontrow_domain::{Sequence, Timestamp};
use futures_util::future::{join_all, poll_immediate};
use tokio::sync::Barrier;

use super::bench::{Bench, OTHER_CONCERT};
use crate::line::LineFactory;
use crate::samples;

/// How many devices of one fan ask at the same instant.
const DEVICES: usize = 64;

const EVERY_REFUSAL: [JoinRefused; 5] = [
    JoinRefused::NoWaitingRoom,
    JoinRefused::NotOpen { opens_at: None },
    JoinRefused::NotOpen { opens_at: Some(Timestamp::from_micros(1)) },
    JoinRefused::Closed,
    JoinRefused::SoldOut,
];

/// A place is given at once, with a number above all before it, and names who, where and when.
pub async fn places_are_numbered_in_order_of_arrival(factory: impl LineFactory) {
    let bench = Bench::open(factory);
    let mut last = Sequence::new(0);
    for fan in 0..5 {
        bench.clock.advance(1);
        let newcomer = bench.newcomer(fan);
        let answer = bench.room().join(bench.concert, newcomer, Ok(())).await;
        let joined = answer.expect("the line answers").expect("nobody is refused");
        let place = joined.standing.place;
        assert!(joined.is_new);
        assert_eq!((place.concert, place.user, place.entry), (bench.concert, newcomer.user, newcomer.entry));
        assert_eq!((place.joined_at, place.state), (bench.now(), PlaceState::Waiting));
        assert_eq!((joined.standing.ahead, joined.standing.now), (Some(fan), bench.now()));
        assert!(joined.standing.poll_after_seconds > 0);
        assert!(place.sequence > last, "{} follows {last}", place.sequence);
        assert_eq!(bench.find(fan).await, Some(joined.standing), "that is what can be seen of it");
        last = place.sequence;
    }
}

/// Another device draws another entry, and gets the place that is there.
pub async fn joining_again_gives_the_same_place(factory: impl LineFactory) {
    let bench = Bench::open(factory);
    bench.join_all(0..3).await;
    let first = bench.look(1).await.place;
    bench.clock.advance(5);
    for _ in 0..3 {
        let again = bench.join(1).await;
        assert!(!again.is_new);
        assert_eq!((again.standing.place, again.standing.ahead), (first, Some(1)));
    }
    assert_eq!(bench.tell(0..3).await, "waiting 0, waiting 1, waiting 2");
    assert_eq!(bench.join(3).await.standing.ahead, Some(3), "asking again has taken no place");
}

/// Sixty-four devices of one fan, from one barrier: one place, and one of them was first.
pub async fn sixty_four_devices_at_the_same_instant_are_one_fan(factory: impl LineFactory) {
    let bench = Bench::open(factory);
    bench.join(0).await;
    let start = Arc::new(Barrier::new(DEVICES));
    let tasks = (0..DEVICES).map(|_| {
        let (room, concert, newcomer) = (Arc::clone(bench.room()), bench.concert, bench.newcomer(1));
        let start = Arc::clone(&start);
        tokio::spawn(async move {
            start.wait().await;
            room.join(concert, newcomer, Ok(())).await.expect("the line answers").expect("nobody is refused")
        })
    });
    let answers: Vec<_> =
        join_all(tasks).await.into_iter().map(|task| task.expect("a device does not panic")).collect();
    let place = bench.look(1).await.place;
    assert!(answers.iter().all(|joined| joined.standing.place == place), "{answers:?}");
    assert_eq!(answers.iter().filter(|joined| joined.is_new).count(), 1, "one of them was first");
    assert_eq!(bench.join(2).await.standing.ahead, Some(2), "they take up one place");
}

/// A fan who hangs up before the answer has a place or none, never two, and stands in nobody's way.
pub async fn a_fan_who_hangs_up_has_one_place(factory: impl LineFactory) {
    let mut bench = Bench::open(factory);
    bench.join(0).await;
    for _ in 0..3 {
        // Asked, and no longer waited for.
        let _ = poll_immediate(bench.room().join(bench.concert, bench.newcomer(1), Ok(()))).await;
    }
    let place = bench.join(1).await.standing.place;
    assert_eq!(bench.join(2).await.standing.ahead, Some(2));
    bench.crash();
    assert_eq!(bench.look(1).await.place, place);
    assert_eq!(bench.tell(0..3).await, "waiting 0, waiting 1, waiting 2");
}

/// Somebody without a place hears why, and leaves no trace.
pub async fn a_newcomer_is_refused_with_the_reason(factory: impl LineFactory) {
    let bench = Bench::open(factory);
    bench.join(0).await;
    for reason in EVERY_REFUSAL {
        assert_eq!(bench.join_refused(1, reason).await, Err(reason));
        assert_eq!(bench.find(1).await, None);
    }
    assert_eq!(bench.join(2).await.standing.ahead, Some(1));
    assert_eq!(bench.tick().await.waiting, 2);
}

/// A place is kept by who has it: whether newcomers may join does not matter to them.
pub async fn a_fan_with_a_place_gets_it_whoever_may_join(factory: impl LineFactory) {
    let mut bench = Bench::open(factory);
    bench.join_all(0..2).await;
    bench.clock.advance(60);
    bench.ask(1).await;
    bench.tick_with_cap(1).await;
    bench.join(2).await;
    assert_eq!(bench.tell(0..3).await, "skipped, active, waiting 0");
    for reason in EVERY_REFUSAL {
        for fan in 0..3 {
            let before = bench.look(fan).await.place;
            let again = bench.join_refused(fan, reason).await.expect("a fan with a place is not refused");
            assert_eq!((again.is_new, again.standing.place), (false, before));
        }
    }
}

/// Once a place is over, however it ended, joining makes a new one behind everybody.
pub async fn after_the_end_of_a_place_joining_makes_a_new_one_at_the_end(factory: impl LineFactory) {
    let bench = Bench::open(factory);
    for (number, reason) in (0..).zip(EndReason::ALL) {
        bench.join(number).await;
        bench.join(100 + number).await;
        let old = bench.look(number).await.place;
        assert!(bench.end(number, reason).await.is_some());
        let refused = bench.join_refused(number, JoinRefused::SoldOut).await;
        assert_eq!(refused, Err(JoinRefused::SoldOut), "an ended place is none");
        let last = bench.look(100 + number).await.place;
        let new = bench.join(number).await;
        assert!(new.is_new);
        assert_ne!(new.standing.place.entry, old.entry);
        assert!(new.standing.place.sequence > last.sequence, "at the end of the line");
        assert_eq!(new.standing.ahead, Some(2 * number + 1));
        assert_eq!(bench.look(number).await.place, new.standing.place, "the newest place is the one found");
    }
}

/// A session whose time has passed is over at once, whether or not a tick has noted it.
pub async fn after_a_session_ran_out_joining_needs_no_tick(factory: impl LineFactory) {
    let mut bench = Bench::open(factory);
    bench.join_all(0..2).await;
    bench.tick_with_cap(2).await;
    bench.enter(1).await.expect("let in");
    bench.clock.advance(60);
    let came_late = bench.join(0).await;
    assert!(came_late.is_new, "the claim time is over");
    assert_eq!(came_late.standing.place.state, PlaceState::Waiting);
    assert!(!bench.join(1).await.is_new, "the session goes on");
    bench.clock.advance(240);
    assert!(bench.join(1).await.is_new, "the session is over");
    bench.policy.settings.max_active = 0;
    assert_eq!(bench.settle().await.active, 0);
    assert_eq!(bench.tell(0..2).await, "waiting 0, waiting 1");
}

/// A number belongs to one place for good: not when all have left, not when they are forgotten, not after a restart
/// long after.
pub async fn a_number_is_given_out_once(factory: impl LineFactory) {
    let mut bench = Bench::open(factory);
    let mut last = Sequence::new(0);
    for round in 0..4 {
        for fan in 0..3 {
            let place = bench.join(fan).await.standing.place;
            assert!(place.sequence > last, "round {round}: {} follows {last}", place.sequence);
            last = place.sequence;
        }
        for fan in 0..3 {
            bench.leave(fan).await;
        }
        match round {
            0 => bench.crash(),
            // Long enough for a line to leave out what is over when it opens.
            1 => bench.crash_for(400 * 86_400),
            _ => {
                bench.clock.advance(400 * 86_400);
                while bench.room().clean().await.expect("the line answers") > 0 {}
                bench.reopen();
            }
        }
    }
}

/// The lines of two concerts have nothing to do with each other, and one fan may stand in both.
pub async fn a_fan_may_stand_in_the_lines_of_two_concerts(factory: impl LineFactory) {
    let mut bench = Bench::open(factory);
    bench.join_all(0..2).await;
    bench.concert = OTHER_CONCERT;
    let other = bench.join(1).await;
    assert!(other.is_new);
    assert_eq!(other.standing.ahead, Some(0));
    bench.leave(1).await;
    bench.tick_in(RoomState::Closed).await;
    bench.concert = samples::CONCERT;
    assert_eq!(bench.tell(0..2).await, "waiting 0, waiting 1");
}
