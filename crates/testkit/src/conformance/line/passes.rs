//! What a pass opens: its own place and nothing else (R-Q7), and what can be looked at without one.

use frontrow_application::waiting_room::{NotLetIn, Pass};
use frontrow_domain::queue::{EndReason, RoomState};
use frontrow_domain::{ConcertId, Sequence};

use super::bench::{Bench, OTHER_CONCERT};
use crate::line::LineFactory;
use crate::samples;

/// Passes that resemble a good one and are none.
fn forgeries(pass: Pass) -> [Pass; 7] {
    [
        Pass { user: samples::user(99), ..pass },
        Pass { entry: samples::entry_id(999_999), ..pass },
        Pass { concert: OTHER_CONCERT, ..pass },
        Pass { concert: ConcertId::new(77), ..pass },
        Pass { sequence: Sequence::new(pass.sequence.get() + 1), ..pass },
        Pass { sequence: Sequence::new(0), ..pass },
        Pass { sequence: Sequence::new(u64::MAX), ..pass },
    ]
}

/// A pass that names somebody else, another entry, another number or another line opens nothing.
pub async fn a_pass_opens_its_own_place_only(factory: impl LineFactory) {
    let mut bench = Bench::open(factory);
    bench.concert = OTHER_CONCERT;
    bench.join_all(0..4).await;
    bench.concert = samples::CONCERT;
    bench.join_all(0..4).await;
    for cap in [0, 2] {
        bench.tick_with_cap(cap).await;
        for pass in [bench.pass(0).await, bench.pass(1).await] {
            for forgery in forgeries(pass) {
                assert_eq!(bench.room().standing(forgery).await, Ok(None), "{forgery:?}");
                assert_eq!(bench.enter_with(forgery).await, Err(NotLetIn::Ended), "{forgery:?}");
            }
            assert!(bench.room().standing(pass).await.expect("the line answers").is_some());
        }
    }
    assert!(bench.session(0).await.claim_by.is_some(), "nobody has come with a forged pass");
}

/// A pass of a place that never was is nothing, in a line that never was as well.
pub async fn an_unknown_pass_is_nothing(factory: impl LineFactory) {
    let bench = Bench::open(factory);
    let pass = Pass {
        concert: bench.concert,
        sequence: Sequence::new(1),
        entry: samples::entry_id(1),
        user: samples::user(1),
    };
    for number in [1, 2, 1_000_000] {
        let pass = Pass { sequence: Sequence::new(number), ..pass };
        assert_eq!(bench.room().standing(pass).await, Ok(None));
        assert_eq!(bench.enter_with(pass).await, Err(NotLetIn::Ended));
    }
    assert_eq!(bench.find(1).await, None);
    assert_eq!(bench.tick().await.waiting, 0);
}

/// The door is open to whoever is let in, as often as they come; to nobody in line, and to nobody whose place is over.
pub async fn the_door_is_open_to_whoever_is_let_in(factory: impl LineFactory) {
    let mut bench = Bench::open(factory);
    bench.join_all(0..4).await;
    bench.clock.advance(60);
    bench.ask_all([1, 2, 3]).await;
    bench.tick_with_cap(1).await;
    assert_eq!(bench.tell(0..3).await, "skipped, active, waiting 0");
    for _ in 0..2 {
        assert_eq!(bench.enter(0).await, Err(NotLetIn::Waiting));
        assert_eq!(bench.enter(1).await, Ok(()));
        assert_eq!(bench.enter(2).await, Err(NotLetIn::Waiting));
    }
    bench.leave(1).await;
    assert_eq!(bench.enter(1).await, Err(NotLetIn::Ended));
    bench.tick_in(RoomState::Closed).await;
    for fan in [0, 2, 3] {
        assert_eq!(bench.enter(fan).await, Err(NotLetIn::Ended), "the line was closed");
    }
}

/// Bug 26: a pass is worth its place. Whatever ended that, the pass opens nothing more, here or after a restart,
/// and not the new place of the same fan either; but its bearer is told what became of it.
pub async fn bug_26_the_pass_of_an_ended_place_opens_nothing(factory: impl LineFactory) {
    let mut bench = Bench::open(factory);
    let mut old = Vec::new();
    for (fan, reason) in (0..).zip(EndReason::ALL) {
        bench.join(fan).await;
        bench.policy.settings.max_active += 1;
        bench.tick().await;
        assert_eq!(bench.enter(fan).await, Ok(()));
        old.push((fan, bench.pass(fan).await));
        bench.end(fan, reason).await.expect("there is a place to end");
    }
    for fan in 0..old.len() as u64 {
        bench.join(fan).await;
    }
    for is_let_in in [false, true] {
        if is_let_in {
            bench.crash();
            bench.policy.settings.max_active = 100;
            bench.tick().await;
        }
        for (fan, pass) in &old {
            assert_eq!(bench.enter_with(*pass).await, Err(NotLetIn::Ended), "fan {fan}");
            let told = bench.room().standing(*pass).await.expect("the line answers").expect("known");
            assert_eq!((told.place.entry, told.ahead), (pass.entry, None));
            assert_eq!(bench.enter(*fan).await.is_ok(), is_let_in, "the new place of fan {fan}");
        }
    }
}

/// Looking finds the newest place of a fan, over or not, and takes nothing from it.
pub async fn looking_finds_the_newest_place(factory: impl LineFactory) {
    let mut bench = Bench::open(factory);
    assert_eq!(bench.tell([0]).await, "nothing");
    bench.join_all(0..2).await;
    assert_eq!(bench.tell(0..2).await, "waiting 0, waiting 1");
    bench.tick_with_cap(1).await;
    bench.find(0).await;
    assert!(bench.session(0).await.claim_by.is_some(), "being looked at is not coming");
    bench.leave(0).await;
    assert_eq!(bench.tell([0]).await, "left");
    let left = bench.look(0).await.place;
    let new = bench.join(0).await.standing.place;
    assert_eq!(bench.look(0).await.place, new);
    let told = bench.room().standing(Pass::of(&left)).await.expect("the line answers");
    assert_eq!(told.map(|standing| standing.place), Some(left), "the old pass still tells of the old place");
}
