//! Defects of published systems, each as the test that it would have failed (lessons.md, the table of D numbers).
//!
//! Those that show at one hand's pace are scenarios; those that need a crowd are races.

use std::sync::Arc;

use frontrow_application::payment::PayOutcome;
use frontrow_application::reservation::{HoldRequest, HoldSeatsRefused};
use frontrow_application::staff::By;
use frontrow_application::{Answered, Failure, OnceRefused};
use frontrow_domain::wallet::ChargeMethod;
use frontrow_domain::{Money, SeatNo};

use super::races::race;
use crate::faults::{Fault, FaultyStore};
use crate::scenario::check;
use crate::stage::{Stage, seats};
use crate::store::StoreFactory;

/// goodmirow: a paid reservation was deleted and resold within 30 s of the end of its hold.
pub async fn d1_a_paid_seat_stays_sold_whatever_the_clock_does(factory: impl StoreFactory) {
    check(
        factory,
        "
        schedule hall seats 5 price 50000 hold 300
        fan alice 100000
        fan bob 100000
        hold alice 1,2 -> r1
        wait 299s
        pay alice r1 -> paid 100000
        wait 1s
        expire -> 0
        hold bob 1 -> taken 1
        wait 100000s
        expire -> 0
        hold bob 2 -> taken 2
        show alice r1 -> confirmed
        tickets alice r1 -> 1,2
        back 200000s
        hold bob 1 -> taken 1
        restart
        hold bob 1 -> taken 1
        expire -> 0
        map -> ssaaa
        audit -> clean
        ",
    )
    .await;
}

/// yuiyeong: an expired hold never made its seat available again.
pub async fn d2_an_unpaid_seat_is_free_at_the_end_of_its_hold(factory: impl StoreFactory) {
    check(
        factory,
        "
        schedule hall seats 5 price 50000 hold 300
        fan alice 100000
        fan bob 100000
        hold alice 1,2 -> r1
        wait 299s
        hold bob 1 -> taken 1
        wait 1s
        # No job has run: the seat is free all the same, and the old hold is worth nothing.
        show alice r1 -> expired
        hold bob 1 -> r2
        pay alice r1 -> expired
        extend alice r1 -> expired
        cancel alice r1 -> expired
        balance alice -> 100000
        # The job frees what is left of the old hold, and not what somebody else has taken over.
        expire -> 1
        map -> haaaa
        pay bob r2 -> paid 50000
        expire -> 0
        map -> saaaa
        show alice r1 -> expired
        audit -> clean
        ",
    )
    .await;
}

/// `RabbitHZ`: expiry saved only the last of a batch, and counted up with each second.
pub async fn d3_a_hundred_expired_at_once_are_a_hundred_free(factory: impl StoreFactory) {
    let stage = Stage::open(&factory);
    let schedule = stage.a_schedule().seats(250).make().await;
    let fans = stage.fans(250, 0).await;
    let all_hold = async || {
        let holds = fans
            .iter()
            .zip(1_u32..)
            .map(|(&fan, seat)| stage.app.hold(fan, HoldRequest { schedule, seats: seats([seat]) }, None));
        futures_util::future::join_all(holds).await.into_iter().flatten().count()
    };
    for _ in 0..2 {
        assert_eq!(all_hold().await, 250);
        assert_eq!(stage.map(schedule).await, "h".repeat(250));
        stage.clock.advance(300);
        assert_eq!(stage.app.tick_expiry().await, Ok(250), "more than one batch, all at once");
        assert_eq!(stage.app.tick_expiry().await, Ok(0));
        assert_eq!(stage.map(schedule).await, "a".repeat(250), "as many free as there are");
        stage.assert_clean().await;
    }
    assert_eq!(all_hold().await, 250, "each can be had again");
}

/// `DevCHW`: a cancelled seat was unsellable for ever.
pub async fn d5_a_cancelled_seat_is_sold_again(factory: impl StoreFactory) {
    check(
        factory,
        "
        schedule hall seats 3 price 50000 hold 300
        fan alice 100000
        fan bob 100000
        hold alice 1,2 -> r1
        cancel alice r1 -> cancelled
        map -> aaa
        cancel alice r1 -> cancelled
        hold bob 2 -> r2
        hold alice 1 -> r3
        # The old reservation has no say over seats that are others' now.
        cancel alice r1 -> cancelled
        pay alice r1 -> not pending
        map -> hha
        pay bob r2 -> paid 50000
        cancel bob r2 -> no refund
        map -> hsa
        audit -> clean
        ",
    )
    .await;
}

/// goodmirow: no look at who has paid already, or whether the hold still counts: charged twice.
pub async fn d6_paying_again_charges_once(factory: impl StoreFactory) {
    check(
        factory,
        "
        schedule hall seats 5 price 50000 hold 300
        fan alice 200000
        hold alice 1 -> r1
        pay alice r1 key k1 -> paid 50000
        pay alice r1 key k1 -> paid 50000 again
        pay alice r1 key k2 -> already paid
        pay alice r1 -> already paid
        balance alice -> 150000
        payments alice -> completed 50000
        hold alice 2 -> r2
        wait 300s
        pay alice r2 key k3 -> expired
        pay alice r2 -> expired
        balance alice -> 150000
        restart
        pay alice r1 key k1 -> paid 50000 again
        balance alice -> 150000
        audit -> clean
        ",
    )
    .await;
}

/// yuiyeong, `RabbitHZ`: the owner was not looked at.
pub async fn d7_nobody_touches_what_is_not_theirs(factory: impl StoreFactory) {
    check(
        factory,
        "
        schedule hall seats 5 price 50000 hold 300
        fan alice 100000
        fan mallory 100000
        hold alice 1 -> r1
        show mallory r1 -> not found
        pay mallory r1 -> not found
        extend mallory r1 -> not found
        cancel mallory r1 -> not found
        tickets mallory r1 ->
        balance alice -> 100000
        balance mallory -> 100000
        show alice r1 -> pending 300s
        # A key belongs to one account.
        pay alice r1 key k1 -> paid 50000
        pay mallory r1 key k1 -> not found
        reservations mallory ->
        payments mallory ->
        audit -> clean
        ",
    )
    .await;
}

/// goodmirow: charges without the lock lost each other.
pub async fn d9b_two_hundred_charges_add_up(factory: impl StoreFactory) {
    let stage = Stage::open(&factory);
    let fan = stage.a_fan().make().await;
    let app = Arc::clone(&stage.app);
    let answers = race(200, |_, start| {
        let app = Arc::clone(&app);
        async move {
            start.wait().await;
            app.charge(By::System, fan, Money::of(1_000), ChargeMethod::Card, None).await
        }
    })
    .await;
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    assert_eq!(stage.balance(fan).await, 200_000);
    stage.assert_clean().await;
}

/// yuiyeong: the money was gone, and confirming failed.
pub async fn d12_a_failed_commit_moves_neither_money_nor_seat(factory: impl StoreFactory) {
    let sound = Stage::open(&factory);
    let schedule = sound.a_schedule().seats(3).make().await;
    let fan = sound.a_fan().with_balance(100_000).make().await;
    let (faulty, opened) = FaultyStore::before(&sound.opened);
    let stage = sound.on(opened);
    let request = HoldRequest { schedule, seats: seats([1]) };
    for fault in [Fault::Unavailable, Fault::UnknownBefore] {
        faulty.fail_next(fault);
        assert!(stage.app.hold(fan, request.clone(), None).await.is_err());
        assert_eq!(sound.map(schedule).await, "aaa");
    }
    let held = stage.app.hold(fan, request, None).await.expect("free").outcome.0;
    for fault in [Fault::Unavailable, Fault::UnknownBefore, Fault::Panic] {
        faulty.fail_next(fault);
        let answer = stage.app.pay(fan, held.id, Stage::tag(fan, "key", "pay")).await;
        let expected =
            if fault == Fault::Unavailable { Failure::Unavailable } else { Failure::OutcomeUnknown };
        assert_eq!(answer, Err(expected));
        assert_eq!(stage.balance(fan).await, 100_000, "{fault:?}");
        assert_eq!(sound.stored(held.id).await, held, "{fault:?}");
        assert_eq!(stage.opened.reads.tickets(held.id).await, Ok(vec![]));
        assert_eq!(stage.app.payments(fan, None, 10).await, Ok(vec![]));
    }
    let events = factory.outbox().len();
    // It happened, and nobody was told: the same key tells.
    faulty.fail_next(Fault::UnknownAfter);
    let unknown = stage.app.pay(fan, held.id, Stage::tag(fan, "key", "pay")).await;
    assert_eq!(unknown, Err(Failure::OutcomeUnknown));
    let told = stage.app.pay(fan, held.id, Stage::tag(fan, "key", "pay")).await;
    assert!(matches!(told, Ok(Answered { outcome: PayOutcome::Paid(_), replayed: true })), "{told:?}");
    assert_eq!(stage.balance(fan).await, 50_000);
    assert_eq!(factory.outbox().len(), events + 2, "one payment, one confirmation");
    stage.assert_clean().await;
}

/// `RabbitHZ`, renechoi, dbwogus94: 20 payments for one reservation. Also over two instances, each of which knows
/// only its own requests in flight.
pub async fn d13_copies_of_one_key_have_one_effect(factory: impl StoreFactory) {
    let one = Stage::open(&factory);
    let two = one.second();
    let schedule = one.a_schedule().seats(3).make().await;
    let fan = one.a_fan().with_balance(1_000_000).make().await;
    let charged = race(40, |number, start| {
        let app = Arc::clone(if number % 2 == 0 { &one.app } else { &two.app });
        async move {
            start.wait().await;
            let tag = Stage::tag(fan, "charge", "1000");
            app.charge(By::System, fan, Money::of(1_000), ChargeMethod::Card, tag).await
        }
    })
    .await;
    assert_eq!(charged.iter().flatten().filter(|answer| !answer.replayed).count(), 1, "{charged:?}");
    assert!(
        charged.iter().all(|answer| matches!(answer, Ok(_) | Err(Failure::Refused(OnceRefused::InFlight))))
    );
    assert_eq!(one.balance(fan).await, 1_001_000);
    let request = HoldRequest { schedule, seats: seats([1, 2]) };
    let held = race(40, |number, start| {
        let app = Arc::clone(if number % 2 == 0 { &one.app } else { &two.app });
        let request = request.clone();
        async move {
            start.wait().await;
            app.hold(fan, request, Stage::tag(fan, "hold", "1,2")).await
        }
    })
    .await;
    let first = held.iter().flatten().next().expect("somebody holds").outcome.0.clone();
    assert!(held.iter().flatten().all(|answer| answer.outcome.0 == first), "{held:?}");
    let paid = race(40, |number, start| {
        let app = Arc::clone(if number % 2 == 0 { &one.app } else { &two.app });
        let id = first.id;
        async move {
            start.wait().await;
            app.pay(fan, id, Stage::tag(fan, "pay", "r1")).await
        }
    })
    .await;
    assert_eq!(paid.iter().flatten().filter(|answer| !answer.replayed).count(), 1, "{paid:?}");
    assert!(paid.iter().all(|answer| matches!(answer, Ok(_) | Err(Failure::Refused(OnceRefused::InFlight)))));
    assert_eq!(one.balance(fan).await, 901_000);
    assert_eq!(one.app.payments(fan, None, 10).await.expect("read").len(), 1);
    one.assert_clean().await;
}

/// scars97: 4 of 1,000 contenders got errors, not conflicts.
pub async fn d15_a_thousand_contenders_have_one_winner_and_clean_conflicts(factory: impl StoreFactory) {
    let stage = Stage::open(&factory);
    let schedule = stage.a_schedule().make().await;
    let fans = Arc::new(stage.fans(1_000, 0).await);
    let app = Arc::clone(&stage.app);
    let answers = race(1_000, |number, start| {
        let (app, fans) = (Arc::clone(&app), Arc::clone(&fans));
        async move {
            let fan = fans[usize::try_from(number).expect("few fans")];
            start.wait().await;
            app.hold(fan, HoldRequest { schedule, seats: seats([7]) }, None).await
        }
    })
    .await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
    let taken = HoldSeatsRefused::SeatUnavailable(vec![SeatNo::new(7)]);
    let clean = Err(Failure::Refused(OnceRefused::Refused(taken)));
    assert_eq!(answers.iter().filter(|answer| **answer == clean).count(), 999);
    stage.assert_clean().await;
}
