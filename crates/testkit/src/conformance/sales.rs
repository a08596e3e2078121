//! What was sold: every sum equals a count of the payments one by one.

use std::collections::BTreeMap;

use frontrow_application::store::{MinuteSales, Takings};
use frontrow_domain::catalog::Concert;
use frontrow_domain::payment::{FailureReason, Payment, PaymentState, Refund};
use frontrow_domain::records::{Key, Keys};
use frontrow_domain::reservation::{Claim, Reservation};
use frontrow_domain::{ConcertId, Money, ScheduleId, SeatNo, Timestamp};

use super::bench::Bench;
use crate::clock::ManualClock;
use crate::samples;
use crate::store::{StoreFactory, apply};

const PAYMENTS: u64 = 90;
const MINUTE: i64 = 60_000_000;

/// Four schedules: two of the first concert, one of the second, one of a third that is not published.
const CONCERT_OF: [u32; 4] = [1, 1, 2, 3];

fn reservation(number: u64) -> Reservation {
    let schedule = ScheduleId::new(u32::try_from(number % 4).expect("small") + 1);
    let seats: Vec<u32> = (1..=u32::try_from(number % 3).expect("small") + 1).collect();
    Reservation { schedule, ..samples::reservation(number, number, &seats) }
}

/// Some 20 seconds one after the other, some of them at the very beginning of a minute; every fifth has failed.
fn payment(number: u64) -> Payment {
    let micros = i64::try_from(number).expect("small") * (MINUTE / 3);
    let at = Timestamp::from_micros(ManualClock::EPOCH.micros() + micros);
    let failed = PaymentState::Failed(FailureReason::InsufficientBalance);
    let state = if number.is_multiple_of(5) { failed } else { PaymentState::Completed };
    Payment { at, state, ..samples::payment(number, &reservation(number)) }
}

/// Every fourth that was completed went back, some with a fee.
fn refund(number: u64) -> Option<Refund> {
    let is_refunded = number % 4 == 1 && !number.is_multiple_of(5);
    let fee = i64::try_from(number % 3).expect("small") * 10_000;
    is_refunded.then(|| samples::refund(number, &reservation(number), fee))
}

fn sold() -> impl Iterator<Item = Payment> {
    (1..=PAYMENTS).map(payment).filter(|payment| payment.state == PaymentState::Completed)
}

fn still_sold() -> impl Iterator<Item = Payment> {
    let is_there = |payment: &Payment| (1..=PAYMENTS).filter_map(refund).all(|one| one.payment != payment.id);
    sold().filter(is_there)
}

fn sum(amounts: impl Iterator<Item = Money>) -> Money {
    Money::sum(amounts).expect("a small sum")
}

async fn a_season(bench: &Bench<impl StoreFactory>) {
    apply(bench.store(), Keys::default(), |records, _| {
        for number in 1..=3 {
            let concert = Concert { published: number < 3, ..samples::concert(number, "One of three") };
            records.concerts.put_new(concert.id, concert);
        }
        for (number, concert) in (1..).zip(CONCERT_OF) {
            let schedule = samples::schedule(number, ConcertId::new(concert), 50);
            records.schedules.put_new(schedule.id, schedule);
        }
        records.payments.add_all((1..=PAYMENTS).map(payment));
        records.refunds.add_all((1..=PAYMENTS).filter_map(refund));
        Ok(())
    })
    .await;
}

/// Gross, and what went back and was kept of it.
pub async fn takings_are_the_sum_of_payments_and_refunds(factory: impl StoreFactory) {
    let bench = Bench::open(factory);
    a_season(&bench).await;
    for schedule in (1..=5).map(ScheduleId::new) {
        let refunds = || (1..=PAYMENTS).filter_map(refund).filter(|one| one.schedule == schedule);
        let expected = Takings {
            gross: sum(sold().filter(|one| one.schedule == schedule).map(|one| one.amount)),
            refunded: sum(refunds().map(|one| one.returned)),
            fees: sum(refunds().map(|one| one.fee)),
        };
        assert_eq!(bench.reads().takings(schedule).await, Ok(expected), "{schedule}");
    }
    let unknown = bench.reads().takings(ScheduleId::new(u32::MAX)).await;
    assert_eq!(unknown, Ok(Takings::default()));
}

/// Only whole minutes from the moment that is asked for on; a refund takes nothing out of its minute.
pub async fn sales_come_by_minute(factory: impl StoreFactory) {
    let bench = Bench::open(factory);
    a_season(&bench).await;
    let epoch = ManualClock::EPOCH.micros();
    for schedule in (1..=4).map(ScheduleId::new) {
        for since in [0, epoch, epoch + 1, epoch + 7 * MINUTE, epoch + 8 * MINUTE - 1, i64::MAX] {
            let since = Timestamp::from_micros(since);
            let mut minutes: BTreeMap<i64, MinuteSales> = BTreeMap::new();
            for payment in sold().filter(|one| one.schedule == schedule) {
                let at = Timestamp::from_micros(payment.at.micros() / MINUTE * MINUTE);
                if at >= since {
                    let none = MinuteSales { at, seats: 0, revenue: Money::ZERO };
                    let minute = minutes.entry(at.micros()).or_insert(none);
                    minute.seats += u64::from(payment.seats);
                    minute.revenue = sum([minute.revenue, payment.amount].into_iter());
                }
            }
            let expected: Vec<_> = minutes.into_values().collect();
            let found = bench.reads().sales_by_minute(schedule, since).await;
            assert_eq!(found, Ok(expected), "{schedule} since {since:?}");
        }
    }
}

/// By seats that are still sold; published ones only; the same count in order of number.
pub async fn what_sells_best_comes_first(factory: impl StoreFactory) {
    let bench = Bench::open(factory);
    assert_eq!(bench.reads().best_selling(None, 10).await, Ok(vec![]));
    a_season(&bench).await;
    let middle = payment(PAYMENTS / 2).at;
    let later = Timestamp::from_micros(middle.micros() + 1);
    for since in [None, Some(Timestamp::ZERO), Some(middle), Some(later), Some(payment(PAYMENTS).at)] {
        let mut counts: BTreeMap<u32, u64> = BTreeMap::new();
        for payment in still_sold().filter(|one| since.is_none_or(|since| one.at >= since)) {
            let concert = CONCERT_OF[payment.schedule.get() as usize - 1];
            if concert < 3 {
                *counts.entry(concert).or_default() += u64::from(payment.seats);
            }
        }
        let mut expected: Vec<_> =
            counts.into_iter().map(|(id, seats)| (ConcertId::new(id), seats)).collect();
        expected.sort_by_key(|(concert, seats)| (std::cmp::Reverse(*seats), *concert));
        assert_eq!(bench.reads().best_selling(since, 10).await.as_deref(), Ok(&expected[..]), "{since:?}");
        expected.truncate(1);
        assert_eq!(bench.reads().best_selling(since, 1).await, Ok(expected), "{since:?}");
    }
    let end = Timestamp::from_micros(i64::MAX);
    assert_eq!(bench.reads().best_selling(Some(end), 10).await, Ok(vec![]));
    // Two that have sold as many: both have one seat since then.
    let (bench, at) = (bench, payment(PAYMENTS).at.plus_seconds(60));
    apply(bench.store(), Keys::default(), move |records, _| {
        for (number, schedule) in [(201, 3), (202, 1)] {
            let schedule = ScheduleId::new(schedule);
            let reservation = Reservation { schedule, ..samples::reservation(number, number, &[1]) };
            records.payments.add(Payment { at, ..samples::payment(number, &reservation) });
        }
        Ok(())
    })
    .await;
    let expected = vec![(ConcertId::new(1), 1), (ConcertId::new(2), 1)];
    assert_eq!(bench.reads().best_selling(Some(at), 10).await, Ok(expected));
}

/// The newest of those that did not go back; declined ones never count.
pub async fn the_last_sale_is_one_that_stands(factory: impl StoreFactory) {
    let bench = Bench::open(factory);
    a_season(&bench).await;
    for schedule in (1..=5).map(ScheduleId::new) {
        let expected = still_sold().filter(|one| one.schedule == schedule).map(|one| one.at).max();
        assert_eq!(bench.reads().last_sale(schedule).await, Ok(expected), "{schedule}");
    }
    // The last one goes back as well.
    let schedule = ScheduleId::new(1);
    let mut of_it: Vec<_> = still_sold().filter(|one| one.schedule == schedule).collect();
    of_it.sort_by_key(|payment| payment.at);
    let last = of_it.pop().expect("some were sold");
    apply(bench.store(), Keys::default(), move |records, now| {
        let Payment { id, reservation, schedule, user, amount, .. } = last;
        records.refunds.add(Refund {
            payment: id,
            reservation,
            schedule,
            user,
            returned: amount,
            fee: Money::ZERO,
            at: now,
            cause: frontrow_domain::payment::RefundCause::Staff,
        });
        Ok(())
    })
    .await;
    let expected = of_it.last().map(|payment| payment.at);
    assert_eq!(bench.reads().last_sale(schedule).await, Ok(expected));
}

/// Sold and kept back together, where at least one seat is sold and the concert is published.
pub async fn seats_that_are_taken_are_counted_by_schedule(factory: impl StoreFactory) {
    let bench = Bench::open(factory);
    assert_eq!(bench.reads().taken_by_schedule().await, Ok(vec![]));
    a_season(&bench).await;
    assert_eq!(bench.reads().taken_by_schedule().await, Ok(vec![]));
    let sold = samples::claim(&samples::paid(samples::reservation(1, 1, &[1]), 1));
    let held = samples::claim(&samples::reservation(2, 2, &[1]));
    let claims = [
        // Sold, kept back and held; sold alone; kept back alone; sold of what is not published.
        (1, vec![sold, sold, Claim::Blocked, held]),
        (2, vec![sold]),
        (3, vec![Claim::Blocked, held]),
        (4, vec![sold]),
    ];
    let keys = (1..=4).map(|number| Key::Schedule(ScheduleId::new(number)));
    apply(bench.store(), Keys::new(keys), move |records, _| {
        for (schedule, claims) in &claims {
            for (number, claim) in (1..).zip(claims) {
                records.claims.put_new((ScheduleId::new(*schedule), SeatNo::new(number)), *claim);
            }
        }
        Ok(())
    })
    .await;
    let expected = vec![(ScheduleId::new(1), 3), (ScheduleId::new(2), 1)];
    assert_eq!(bench.reads().taken_by_schedule().await, Ok(expected));
}
