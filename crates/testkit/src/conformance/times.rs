//! Time never runs backwards over a schedule, and is read once the lock is held.

use std::sync::mpsc;

use frontrow_application::reservation::HoldRequest;
use frontrow_domain::records::{Key, Keys};
use frontrow_domain::reservation::Claim;
use frontrow_domain::{SeatNo, Timestamp};

use super::bench::{Bench, HOLD_UP_MAX};
use super::races::{grab, hold};
use crate::samples;
use crate::stage::{Stage, seats};
use crate::store::{Raw, StoreFactory, apply, commit, commit_patiently};

/// What time a command over the schedule is decided at.
async fn decided(bench: &Bench<impl StoreFactory>) -> Timestamp {
    apply(bench.store(), Key::Schedule(samples::SCHEDULE), |records, now| {
        let schedule = records.schedules.get(&samples::SCHEDULE)?;
        assert!(schedule.is_some_and(|schedule| now >= schedule.decided_at), "time ran backwards");
        Ok(now)
    })
    .await
}

/// Not when the clock jumps back, and not when a record that says so is loaded only later.
pub async fn a_group_is_never_decided_before_its_schedule(factory: impl StoreFactory) {
    let mut bench = Bench::open(factory);
    bench.a_sale(5).await;
    bench.clock.advance(100);
    let before = bench.now();
    commit_patiently(bench.store(), hold(1, &[1])).await.expect("the seat is free");
    let stored = bench.reads().schedule(samples::SCHEDULE).await.expect("read").expect("there");
    assert_eq!(stored.decided_at, before, "the commit noted its time");
    bench.clock.step_back(50);
    assert_eq!(decided(&bench).await, before);
    // The command names nothing, so the schedule comes in the second round.
    let late = apply(bench.store(), Keys::default(), |records, now| {
        records.schedules.get(&samples::SCHEDULE)?;
        Ok(now)
    });
    assert_eq!(late.await, before);
    // A commit in that time notes no earlier one.
    commit_patiently(bench.store(), hold(2, &[2])).await.expect("the seat is free");
    bench.reopen();
    assert_eq!(decided(&bench).await, before, "also after a restart");
    bench.clock.advance(60);
    assert_eq!(decided(&bench).await, before.plus_seconds(10), "the clock has caught up");
}

/// A command that waited for the lock is decided at the time when it gets it, not when it came.
pub async fn a_hold_is_decided_after_the_lock(factory: impl StoreFactory) {
    let bench = Bench::open(factory);
    bench.a_sale(5).await;
    let (says_entered, mut entered) = tokio::sync::mpsc::unbounded_channel();
    let (lets_go, may_go) = mpsc::channel::<()>();
    let first = Raw::new(Key::Schedule(samples::SCHEDULE), move |records, now| {
        records.schedules.get(&samples::SCHEDULE)?;
        let _ = says_entered.send(());
        let _ = may_go.recv_timeout(HOLD_UP_MAX);
        Ok(now)
    });
    let store = std::sync::Arc::clone(bench.store());
    let holding = tokio::spawn(async move { commit(&store, first).await });
    entered.recv().await.expect("the first command has the lock");
    let begun = bench.now();
    let store = std::sync::Arc::clone(bench.store());
    let waiting = tokio::spawn(async move {
        let keys = Key::Schedule(samples::SCHEDULE);
        let second = Raw::new(keys, |records, now| {
            records.schedules.get(&samples::SCHEDULE)?;
            Ok(now)
        });
        commit_patiently(&store, second).await
    });
    // Whether the second has come to the lock by now or comes later, it has not got it.
    tokio::task::yield_now().await;
    bench.clock.advance(7);
    drop(lets_go);
    assert_eq!(holding.await.expect("no panic"), Ok(Ok(begun)));
    assert_eq!(waiting.await.expect("no panic"), Ok(bench.now()));
}

/// After every commit, and after a restart: what the map says it is, is what the schedule says.
pub async fn the_map_has_the_version_of_its_schedule(factory: impl StoreFactory) {
    let mut bench = Bench::open(factory);
    bench.a_sale(40).await;
    for number in 1..=30_u32 {
        let seat = number % 7 + 1;
        commit_patiently(bench.store(), grab(u64::from(number), &[seat])).await.expect("nobody looks");
        if number % 3 == 0 {
            let key = (samples::SCHEDULE, SeatNo::new(seat));
            apply(
                bench.store(),
                Keys::new([Key::Schedule(key.0), Key::Claim(key.0, key.1)]),
                move |records, _| {
                    records.schedules.get(&key.0)?;
                    records.claims.get(&key)?;
                    records.claims.remove(key);
                    Ok(())
                },
            )
            .await;
        }
        if number % 10 == 0 {
            bench.reopen();
        }
        let map = bench.reads().seat_map(samples::SCHEDULE).await.expect("read").expect("there");
        let schedule = bench.reads().schedule(samples::SCHEDULE).await.expect("read").expect("there");
        assert_eq!(map.schedule, schedule);
        assert_eq!(map.schedule.version, u64::from(1 + number + number / 3), "one for every changing commit");
    }
    let map = bench.reads().seat_map(samples::SCHEDULE).await.expect("read").expect("there");
    assert!(map.taken.is_sorted_by_key(|(seat, _)| *seat), "in order of number: {:?}", map.taken);
    // A commit that changes no seat leaves the version alone.
    apply(bench.store(), Keys::default(), |records, _| {
        records.accounts.put_new(samples::user(1), samples::account(1));
        Ok(())
    })
    .await;
    let after = bench.reads().seat_map(samples::SCHEDULE).await;
    assert_eq!(after, Ok(Some(map)));
}

/// The clock of the machine is set right by an hour in the middle of a sale.
pub async fn a_clock_that_jumps_back_does_not_stop_the_sale(factory: impl StoreFactory) {
    let stage = Stage::open(&factory);
    let schedule = stage.a_schedule().seats(5).hold_seconds(300).make().await;
    let fans = stage.fans(3, 100_000).await;
    let hold = |fan, seat| stage.app.hold(fan, HoldRequest { schedule, seats: seats([seat]) }, None);
    let lapsed = hold(fans[0], 1).await.expect("free").outcome.0;
    stage.clock.advance(3_600);
    let taken_over = hold(fans[1], 1).await.expect("lapsed").outcome.0;
    stage.clock.step_back(3_600);
    let another = hold(fans[2], 2).await.expect("the sale goes on").outcome.0;
    assert!(another.created_at >= taken_over.created_at, "decided in the past");
    stage.app.pay(fans[1], taken_over.id, None).await.expect("the hold counts");
    let refused = stage.app.pay(fans[0], lapsed.id, None).await;
    assert!(refused.is_err(), "a hold that had lapsed was paid: {refused:?}");
    let map = stage.opened.reads.seat_map(schedule).await.expect("read").expect("there");
    assert_eq!(map.taken.len(), 2);
    let claim = apply(&stage.opened.store, Key::Claim(schedule, SeatNo::new(1)), move |records, _| {
        Ok(records.claims.get(&(schedule, SeatNo::new(1)))?.copied())
    });
    assert_eq!(claim.await, Some(Claim::Sold { reservation: taken_over.id, user: fans[1] }));
}

/// What was decided in the hour that the clock has lost is no fault: the audit looks at it from then.
pub async fn a_clock_that_jumps_back_does_not_fool_the_audit(factory: impl StoreFactory) {
    let stage = Stage::open(&factory);
    let schedule = stage.a_schedule().seats(5).hold_seconds(300).make().await;
    let fans = stage.fans(2, 100_000).await;
    let hold = |fan| stage.app.hold(fan, HoldRequest { schedule, seats: seats([1]) }, None);
    hold(fans[0]).await.expect("free");
    stage.clock.advance(3_600);
    hold(fans[1]).await.expect("lapsed");
    stage.assert_clean().await;
    stage.clock.step_back(3_600);
    stage.assert_clean().await;
}
