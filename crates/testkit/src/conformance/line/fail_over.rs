//! Crashes and restarts (R-Q9): what was answered is there afterwards, and nothing is worse.

use std::collections::HashMap;

use frontrow_application::waiting_room::Pass;
use frontrow_domain::queue::{EndReason, Place, PlaceState};

use super::bench::Bench;
use super::evening::Evening;
use crate::line::LineFactory;

/// A place in every state that there is.
async fn one_of_each<F: LineFactory>(factory: F) -> Bench<F> {
    let mut bench = Bench::open(factory);
    bench.join_all(0..8).await;
    bench.clock.advance(60);
    bench.ask_all(1..8).await;
    bench.tick_with_cap(4).await;
    bench.enter(1).await.expect("let in");
    bench.enter(2).await.expect("let in");
    bench.end(2, EndReason::Paid).await.expect("there is a place to end");
    bench.leave(3).await;
    bench.end(6, EndReason::Revoked).await.expect("there is a place to end");
    let told = "skipped, active, paid, left, active, waiting 0, revoked, waiting 1";
    assert_eq!(bench.tell(0..8).await, told);
    bench
}

async fn places<F: LineFactory>(bench: &Bench<F>, fans: std::ops::Range<u64>) -> Vec<Option<Place>> {
    let mut places = Vec::new();
    for fan in fans {
        places.push(bench.find(fan).await.map(|standing| standing.place));
    }
    places
}

/// The place without the claim time, which an outage gives anew.
fn without_claim(place: Place) -> Place {
    match place.state {
        PlaceState::Active(session) => {
            let session = frontrow_domain::queue::Session { claim_by: None, ..session };
            Place { state: PlaceState::Active(session), ..place }
        }
        _ => place,
    }
}

/// Every answered place is there after a crash and after a restart: number, entry, times and state.
pub async fn places_in_every_state_survive(factory: impl LineFactory) {
    let mut bench = one_of_each(factory).await;
    for is_crash in [true, false, true] {
        let before = places(&bench, 0..8).await;
        let told = bench.tell(0..8).await;
        if is_crash {
            bench.crash();
        } else {
            bench.reopen();
        }
        for (before, after) in before.iter().zip(places(&bench, 0..8).await) {
            assert_eq!(after.map(without_claim), before.map(without_claim));
        }
        assert_eq!(bench.tell(0..8).await, told);
        assert_eq!(bench.session(1).await.claim_by, None, "they have come");
        for fan in 0..8 {
            let pass = bench.pass(fan).await;
            let standing = bench.room().standing(pass).await.expect("the line answers");
            assert!(standing.is_some_and(|standing| Pass::of(&standing.place) == pass));
        }
    }
    let figures = bench.tick_with_cap(0).await;
    assert_eq!((figures.waiting, figures.skipped, figures.active), (2, 1, 2));
}

/// After a crash the line goes on where it was: the same order, the same cap, newcomers behind.
pub async fn the_line_goes_on_after_a_crash(factory: impl LineFactory) {
    let mut bench = one_of_each(factory).await;
    bench.crash();
    assert!(!bench.join(5).await.is_new);
    assert_eq!(bench.join(8).await.standing.ahead, Some(2));
    bench.tick_with_cap(2).await;
    assert_eq!(bench.tell([5, 7, 8]).await, "waiting 0, waiting 1, waiting 2", "it is full");
    bench.tick_with_cap(3).await;
    assert_eq!(bench.tell([5, 7, 8]).await, "active, waiting 0, waiting 1");
    bench.ask(0).await;
    bench.tick_with_cap(4).await;
    assert_eq!(bench.tell([0, 7, 8]).await, "active, waiting 0, waiting 1", "the skipped fan has come back");
}

/// A place taken after a session ran out is there after a crash, whether or not a tick had noted the end.
pub async fn a_new_place_after_a_session_ran_out_survives_a_crash(factory: impl LineFactory) {
    let mut bench = Bench::open(factory);
    bench.join_all(0..2).await;
    bench.tick_with_cap(2).await;
    bench.enter(1).await.expect("let in");
    bench.clock.advance(300);
    let new = [bench.join(0).await.standing.place, bench.join(1).await.standing.place];
    bench.crash();
    assert_eq!(bench.tell(0..2).await, "waiting 0, waiting 1");
    assert_eq!([bench.look(0).await.place, bench.look(1).await.place], new);
    bench.policy.settings.max_active = 0;
    let figures = bench.settle().await;
    assert_eq!((figures.active, figures.waiting), (0, 2), "nobody has two places");
    bench.tick_with_cap(2).await;
    assert_eq!(bench.tell(0..2).await, "active, active");
}

/// Bug 24: through crash after crash each joiner keeps the one number that they were told, however often they ask.
pub async fn bug_24_every_joiner_keeps_one_number(factory: impl LineFactory) {
    let mut bench = Bench::open(factory);
    let mut told: HashMap<u64, Place> = HashMap::new();
    for round in 0..5_u64 {
        // Half of them were there before.
        let fans = round * 100..round * 100 + 200;
        let asked: Vec<u64> = fans.clone().collect();
        bench.crowd(asked).await;
        for fan in fans {
            let place = bench.look(fan).await.place;
            assert_eq!(*told.entry(fan).or_insert(place), place, "fan {fan}");
        }
        bench.crash();
        for (&fan, place) in &told {
            assert_eq!(bench.look(fan).await.place, *place, "round {round}");
        }
    }
    let mut places: Vec<_> = told.into_values().collect();
    places.sort_unstable_by_key(|place| place.sequence);
    for (ahead, place) in (0..).zip(&places) {
        let standing = bench.room().standing(Pass::of(place)).await.expect("the line answers");
        assert_eq!(standing.and_then(|standing| standing.ahead), Some(ahead));
    }
}

/// What was shown before a crash is shown after it, through an evening at random.
pub async fn a_crash_changes_nothing_that_was_shown(factory: impl LineFactory) {
    let mut evening = Evening::open(factory, 7);
    let mut seen = 0;
    for step in 0..400 {
        evening.step().await;
        if step % 10 != 9 {
            continue;
        }
        let bench = &mut evening.bench;
        bench.tick().await;
        bench.flush().await;
        let (before, told) = (places(bench, 0..40).await, bench.tell(0..40).await);
        if step % 20 == 9 {
            bench.crash();
        } else {
            bench.reopen();
        }
        let after = places(bench, 0..40).await;
        for (before, after) in before.into_iter().zip(after) {
            assert_eq!(after.map(without_claim), before.map(without_claim), "step {step}");
            seen += usize::from(before.is_some());
        }
        assert_eq!(bench.tell(0..40).await, told, "step {step}");
    }
    assert!(seen > 400, "{seen} places: the evening was too quiet");
}
