//! Row versions move, or a lost update would go unnoticed; and events keep their order.

use frontrow_domain::account::Account;
use frontrow_domain::catalog::Schedule;
use frontrow_domain::event::{
    ConcertSoldOut, Event, Origin, OutboxEvent, PaymentDeclined, PaymentMade, QueueAdmitted,
    ReservationCreated, ReservationEnded, ReservationRefunded, ScheduleCancelled, SeatsMoved,
};
use frontrow_domain::payment::{FailureReason, RefundCause};
use frontrow_domain::records::{Counter, Key, Keys};
use frontrow_domain::reservation::{Reservation, ReservationState};
use frontrow_domain::{Money, ScheduleId, SeatNo, Sequence, Timestamp};

use super::bench::Bench;
use crate::samples;
use crate::store::{StoreFactory, apply};

/// A moment with microseconds.
const NOW: Timestamp = Timestamp::from_micros(1_788_260_400_123_457);

/// Events of every type, in the order in which they happened.
pub async fn events_read_as_they_were_written(factory: impl StoreFactory) {
    let bench = Bench::open(factory);
    let reservation = samples::reservation(1, 1, &[1, 2]);
    let Reservation { id, user, concert, schedule, seats, amount, .. } = reservation.clone();
    let payment_id = samples::payment_id(1);
    let made = PaymentMade {
        payment_id,
        reservation_id: id,
        user_id: user,
        concert_id: concert,
        schedule_id: schedule,
        seats,
        amount,
        entry_id: None,
    };
    let ended = PaymentMade { entry_id: Some(samples::entry_id(1)), ..made.clone() };
    let declined = PaymentDeclined {
        payment_id,
        reservation_id: id,
        user_id: user,
        concert_id: concert,
        schedule_id: schedule,
        amount: Money::MAX,
        reason: FailureReason::InsufficientBalance.name().to_owned(),
    };
    let seats = vec![(SeatNo::new(1), SeatNo::new(1)), (SeatNo::new(3), SeatNo::new(u32::MAX))];
    let moved = SeatsMoved { concert_id: concert, schedule_id: schedule, seats };
    let types = [
        Event::ReservationCreated(ReservationCreated::of(&reservation)),
        Event::ReservationExtended(ReservationCreated::of(&reservation)),
        Event::ReservationConfirmed(ReservationEnded::of(&reservation)),
        Event::ReservationCancelled(ReservationEnded::of(&reservation)),
        Event::ReservationExpired(ReservationEnded::of(&reservation)),
        Event::PaymentCompleted(made),
        Event::PaymentCompleted(ended),
        Event::PaymentFailed(declined),
        Event::ReservationRefunded(ReservationRefunded {
            reservation_id: id,
            payment_id,
            user_id: user,
            concert_id: concert,
            schedule_id: schedule,
            seats: reservation.seats.clone(),
            amount: Money::MAX,
            returned: Money::ZERO,
            fee: Money::MAX,
            cause: RefundCause::ScheduleCancelled.name().to_owned(),
        }),
        Event::ConcertSoldOut(ConcertSoldOut {
            concert_id: concert,
            schedule_id: schedule,
            seats_sold: u32::MAX,
            seats_kept_back: 0,
            sold_out_at: samples::hold_end(),
            sold_out_seconds: u64::from(u32::MAX),
        }),
        Event::QueueAdmitted(QueueAdmitted {
            entry_id: samples::entry_id(1),
            user_id: samples::user(1),
            concert_id: concert,
            number: Sequence::new(u64::MAX >> 1),
            joined_at: NOW,
            admitted_at: samples::hold_end(),
        }),
        Event::SeatsBlocked(moved.clone()),
        Event::SeatsReleased(moved),
        Event::ScheduleCancelled(ScheduleCancelled {
            concert_id: concert,
            schedule_id: schedule,
            reason: "태풍 \"Hinnamnor\"".to_owned(),
        }),
    ];
    let mut all: Vec<OutboxEvent> = (1..)
        .zip(types)
        .map(|(sequence, event)| {
            // With and without a request, and a request with and without a trace.
            let origin = (sequence > 2).then(|| Origin {
                request_id: format!("\"{sequence}\" {{}}"),
                traceparent: (sequence > 4).then(|| "00-1-2-01".to_owned()),
            });
            OutboxEvent { key: id.uuid(), sequence, at: NOW, event, origin }
        })
        .collect();
    // Of a lower key: the order of writing counts, not that of keys.
    all.push(samples::event(0, 1));
    apply(bench.store(), Keys::default(), {
        let all = all.clone();
        move |records, _| {
            records.events.add_all(all.clone());
            Ok(())
        }
    })
    .await;
    assert_eq!(bench.factory.outbox(), all);
}

/// Changes a record twice and expects a new row version each time.
macro_rules! assert_version_moves {
    ($bench:expr, $table:ident, $key:expr, $name:expr, $one:expr, $two:expr) => {{
        let mut versions = Vec::new();
        for value in [$one, $two, $one, $two] {
            let key = $key.clone();
            let version = apply($bench.store(), $name, move |records, _| {
                records.$table.get(&key)?;
                records.$table.put(key.clone(), value.clone());
                let changed = records.changed();
                let change = changed.$table.iter().find(|change| *change.key == key);
                Ok(change.and_then(|change| change.before).map(|(_, version)| version))
            });
            versions.push(version.await);
        }
        assert_eq!(versions[0], None, "{} was not there", stringify!($table));
        let moved = versions.windows(2).all(|pair| pair[0] < pair[1]);
        assert!(moved, "row versions of {}: {versions:?}", stringify!($table));
    }};
}

/// Otherwise a lost update would not be noticed.
pub async fn row_versions_move_with_every_change(factory: impl StoreFactory) {
    let bench = Bench::open(factory);
    let id = samples::user(1);
    let account = samples::account(1);
    let other = Account { name: "Other".to_owned(), ..account.clone() };
    assert_version_moves!(bench, accounts, id, Key::Account(id), account.clone(), other.clone());
    let login = samples::login(1);
    assert_version_moves!(bench, logins, login.id, Key::Login(login.id), login.clone(), login.clone().end());
    let (one, two) = (samples::wallet(1, 1, 1), samples::wallet(1, 2, 2));
    assert_version_moves!(bench, wallets, id, Key::Wallet(id), one.clone(), two.clone());
    assert_version_moves!(bench, counters, Counter::Concert, Key::Counter(Counter::Concert), 1, 2);
    let concert = samples::concert(1, "One");
    let second = samples::concert(1, "Two");
    assert_version_moves!(
        bench,
        concerts,
        concert.id,
        Key::Concert(concert.id),
        concert.clone(),
        second.clone()
    );
    let schedule = samples::schedule(1, samples::CONCERT, 5);
    let edited = Schedule { version: 2, ..schedule.clone() };
    let name = Key::Schedule(schedule.id);
    assert_version_moves!(bench, schedules, schedule.id, name.clone(), schedule.clone(), edited.clone());
    let called_off = Schedule { cancelled_at: Some(bench.now()), ..schedule.clone() };
    let other = Schedule { id: ScheduleId::new(3), ..schedule.clone() };
    let called_off = Schedule { id: other.id, ..called_off };
    let name = Key::Schedule(other.id);
    assert_version_moves!(bench, schedules, other.id, name.clone(), other.clone(), called_off.clone());
    let paused = Schedule { sales_paused: true, id: ScheduleId::new(2), ..schedule.clone() };
    let resumed = Schedule { sales_paused: false, ..paused.clone() };
    assert_version_moves!(
        bench,
        schedules,
        paused.id,
        Key::Schedule(paused.id),
        paused.clone(),
        resumed.clone()
    );
    let reservation = samples::reservation(1, 1, &[1]);
    let cancelled = ReservationState::Cancelled { at: bench.now(), held_until: samples::hold_end() };
    let cancelled = Reservation { state: cancelled, ..reservation.clone() };
    let name = Key::Reservation(reservation.id);
    assert_version_moves!(
        bench,
        reservations,
        reservation.id,
        name.clone(),
        reservation.clone(),
        cancelled.clone()
    );
    let address = samples::email("abc@x.y");
    let name = Key::Email(address.clone());
    assert_version_moves!(bench, emails, address, name.clone(), samples::user(1), samples::user(2));
}
