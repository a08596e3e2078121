//! The audit's queries: each planted fault is found, and nothing else.

use std::sync::Arc;

use frontrow_application::Stop;
use frontrow_application::audit::{AuditReport, audit};
use frontrow_application::store::Store;
use frontrow_domain::payment::Payment;
use frontrow_domain::records::{Key, Keys, Records};
use frontrow_domain::reservation::{Claim, Reservation, ReservationState};
use frontrow_domain::wallet::{EntryKind, LedgerEntry};
use frontrow_domain::{Money, SeatNo};

use super::bench::Bench;
use crate::samples;
use crate::store::{StoreFactory, apply};

/// Changes the records of a sound sale so that they are not.
type Plant = fn(&mut Records) -> Result<(), Stop<&'static str>>;

fn confirmed() -> Reservation {
    let state = ReservationState::Confirmed {
        at: samples::hold_end(),
        payment: samples::payment_id(1),
        held_until: samples::hold_end(),
    };
    Reservation { state, ..samples::reservation(1, 1, &[1, 2]) }
}

fn pending() -> Reservation {
    samples::reservation(2, 2, &[3])
}

fn debit() -> LedgerEntry {
    let kind =
        EntryKind::Payment { payment: samples::payment_id(1), reservation: samples::reservation_id(1) };
    LedgerEntry { kind, ..samples::charge(1, 2, 150_000, 50_000) }
}

fn everything() -> Keys {
    let seats: Vec<_> = (1..=5).map(SeatNo::new).collect();
    Keys::new([
        Key::Schedule(samples::SCHEDULE),
        Key::Wallet(samples::user(1)),
        Key::Wallet(samples::user(2)),
        Key::Reservation(samples::reservation_id(1)),
        Key::Reservation(samples::reservation_id(2)),
    ])
    .and(Key::claims(samples::SCHEDULE, &seats))
}

/// A sale of five seats: one fan has paid two, another holds one, one is blocked.
async fn a_sound_sale(bench: &Bench<impl StoreFactory>, with: impl Fn(&mut Records) + Send + 'static) {
    bench.a_sale(5).await;
    apply(bench.store(), everything(), move |records, _| {
        for (reservation, seats) in [(confirmed(), &[1, 2][..]), (pending(), &[3])] {
            for &seat in seats {
                let key = (samples::SCHEDULE, SeatNo::new(seat));
                records.claims.put(key, samples::claim(&reservation));
            }
            records.add_reservation(reservation);
        }
        records.claims.put((samples::SCHEDULE, SeatNo::new(4)), Claim::Blocked);
        records.ledger.add_all([samples::charge(1, 1, 0, 150_000), samples::charge(2, 1, 0, 1_000)]);
        with(records);
        Ok(())
    })
    .await;
    // In a commit of their own: a store may refuse a wallet that is not what the entries beside it say.
    apply(bench.store(), everything(), |records, _| {
        records.wallets.put(samples::user(1), samples::wallet(1, 50_000, 2));
        records.wallets.put(samples::user(2), samples::wallet(2, 1_000, 1));
        Ok(())
    })
    .await;
}

/// The rest of the sound sale: what cannot be taken back once it is written.
fn settled(records: &mut Records) {
    records.ledger.add(debit());
    records.payments.add(samples::payment(1, &confirmed()));
    records.add_ticket(samples::ticket(1, &confirmed(), 1));
    records.add_ticket(samples::ticket(2, &confirmed(), 2));
}

async fn report(bench: &Bench<impl StoreFactory>) -> AuditReport {
    audit(bench.reads()).await.expect("the store can be read")
}

async fn plant(store: &Arc<dyn Store>, change: Plant) {
    apply(store, everything(), move |records, _| change(records)).await;
}

/// Makes each change in turn, expects to hear of it in these words, and takes the records back after it.
async fn assert_found(bench: &Bench<impl StoreFactory>, faults: &[(&str, Plant)]) {
    a_sound_sale(bench, settled).await;
    assert!(report(bench).await.is_clean(), "{}", report(bench).await);
    for (words, change) in faults {
        plant(bench.store(), *change).await;
        let found = report(bench).await;
        assert!(!found.is_clean(), "not found: {words}");
        let heard = found.differences.iter().any(|difference| difference.contains(words));
        assert!(heard, "found something else than {words:?}:\n{found}");
        plant(bench.store(), take_back).await;
        let found = report(bench).await;
        assert!(found.is_clean(), "after {words:?} was taken back:\n{found}");
    }
}

/// Puts every record that can be changed back to what the sound sale has.
fn take_back(records: &mut Records) -> Result<(), Stop<&'static str>> {
    for seat in 1..=5 {
        let key = (samples::SCHEDULE, SeatNo::new(seat));
        records.claims.get(&key)?;
        match seat {
            1 | 2 => records.claims.put(key, samples::claim(&confirmed())),
            3 => records.claims.put(key, samples::claim(&pending())),
            4 => records.claims.put(key, Claim::Blocked),
            _ => records.claims.remove(key),
        }
    }
    let beyond = (samples::SCHEDULE, SeatNo::new(6));
    if records.claims.get(&beyond)?.is_some() {
        records.claims.remove(beyond);
    }
    records.reservations.put(samples::reservation_id(1), confirmed());
    records.reservations.put(samples::reservation_id(2), pending());
    records.wallets.put(samples::user(1), samples::wallet(1, 50_000, 2));
    records.wallets.put(samples::user(2), samples::wallet(2, 1_000, 1));
    Ok(())
}

fn seat(number: u32) -> (frontrow_domain::ScheduleId, SeatNo) {
    (samples::SCHEDULE, SeatNo::new(number))
}

fn set_state(records: &mut Records, reservation: Reservation, state: ReservationState) {
    records.reservations.put(reservation.id, Reservation { state, ..reservation });
}

/// A sound sale is clean, and the report counts it right.
pub async fn an_evening_audits_clean(factory: impl StoreFactory) {
    let bench = Bench::open(factory);
    assert_eq!(report(&bench).await, AuditReport::default(), "an empty store has nothing to report");
    a_sound_sale(&bench, settled).await;
    let found = report(&bench).await;
    assert!(found.is_clean(), "{found}");
    assert_eq!((found.schedules, found.seats, found.wallets), (1, 5, 2));
    let states: Vec<_> = found.seats_by_state.into_iter().collect();
    assert_eq!(states, [("available", 1), ("blocked", 1), ("held", 1), ("sold", 2)]);
    let reservations: Vec<_> = found.reservations.into_iter().collect();
    assert_eq!(reservations, [("confirmed", 1), ("pending", 1)]);
    let money = [found.charged, found.balances, found.paid, found.confirmed].map(Money::minor);
    assert_eq!(money, [151_000, 51_000, 100_000, 100_000]);
    bench.clock.advance(301);
    let later = report(&bench).await;
    assert!(later.is_clean(), "a lapsed hold that no job has noted is no fault:\n{later}");
    assert_eq!(later.reservations.get("expired"), Some(&1));
}

/// Claims that no reservation stands behind, and claims that say something else than it.
pub async fn planted_claims_are_found(factory: impl StoreFactory) {
    let bench = Bench::open(factory);
    assert_found(
        &bench,
        &[
            ("which is not there", |records| {
                let reservation = samples::reservation_id(99);
                records.claims.put(seat(5), Claim::Sold { reservation, user: samples::user(1) });
                Ok(())
            }),
            ("which does not list it", |records| {
                records.claims.put(seat(5), samples::claim(&pending()));
                Ok(())
            }),
            ("not in the plan", |records| {
                records.claims.get(&seat(6))?;
                records.claims.put(seat(6), Claim::Blocked);
                Ok(())
            }),
            ("seat 3: Held", |records| {
                let Reservation { id: reservation, user, .. } = pending();
                let until = samples::hold_end().plus_seconds(1);
                records.claims.put(seat(3), Claim::Held { reservation, user, until });
                Ok(())
            }),
            ("seat 3: Sold", |records| {
                let Reservation { id: reservation, user, .. } = pending();
                records.claims.put(seat(3), Claim::Sold { reservation, user });
                Ok(())
            }),
            ("seat 1: Sold", |records| {
                let reservation = confirmed().id;
                records.claims.put(seat(1), Claim::Sold { reservation, user: samples::user(2) });
                Ok(())
            }),
        ],
    )
    .await;
}

/// Reservations whose seats are somebody else's, or still theirs when they should not be.
pub async fn planted_reservations_are_found(factory: impl StoreFactory) {
    let bench = Bench::open(factory);
    assert_found(
        &bench,
        &[
            ("paid, but the seat says None", |records| {
                records.claims.remove(seat(2));
                Ok(())
            }),
            ("paid, but the seat says Some(Blocked)", |records| {
                records.claims.put(seat(2), Claim::Blocked);
                Ok(())
            }),
            ("held, but the seat says None", |records| {
                records.claims.remove(seat(3));
                Ok(())
            }),
            ("ended, but the seat says", |records| {
                set_state(
                    records,
                    pending(),
                    ReservationState::Cancelled { at: samples::hold_end(), held_until: samples::hold_end() },
                );
                Ok(())
            }),
            ("ended, but the seat says", |records| {
                set_state(records, pending(), ReservationState::Expired { at: samples::hold_end() });
                Ok(())
            }),
            // Paid on paper: no payment, no ticket, and the seat is only held.
            ("tickets for [], void ones for []", |records| {
                let payment = samples::payment_id(7);
                set_state(
                    records,
                    pending(),
                    ReservationState::Confirmed {
                        at: samples::hold_end(),
                        payment,
                        held_until: samples::hold_end(),
                    },
                );
                Ok(())
            }),
            // Paid once, and then said not to be.
            ("not paid, payments", |records| {
                set_state(
                    records,
                    confirmed(),
                    ReservationState::Cancelled { at: samples::hold_end(), held_until: samples::hold_end() },
                );
                Ok(())
            }),
        ],
    )
    .await;
}

/// Builds the sale with a fault that cannot be taken back, each in a store that saw only sound things before.
async fn assert_found_once(bench: &Bench<impl StoreFactory>, words: &str, with: fn(&mut Records)) {
    a_sound_sale(bench, with).await;
    let found = report(bench).await;
    let heard = found.differences.iter().any(|difference| difference.contains(words));
    assert!(heard, "not found: {words}\n{found}");
}

/// A payment that is missing, and one of another amount.
pub async fn planted_payments_are_found(factory: impl StoreFactory) {
    let bench = Bench::open(factory);
    a_sound_sale(&bench, settled).await;
    // Of a reservation that is not paid; its wallet knows nothing of it.
    apply(bench.store(), Keys::default(), |records, _| {
        records.payments.add(samples::payment(8, &pending()));
        Ok(())
    })
    .await;
    let found = report(&bench).await;
    for words in ["not paid, payments", "payments and refunds", "completed, reservation"] {
        let heard = found.differences.iter().any(|difference| difference.contains(words));
        assert!(heard, "not found: {words}\n{found}");
    }
    // Of a reservation that is not there at all.
    apply(bench.store(), Keys::default(), |records, _| {
        records.payments.add(samples::payment(9, &samples::reservation(99, 2, &[5])));
        Ok(())
    })
    .await;
    let found = report(&bench).await;
    let heard = found.differences.iter().any(|difference| difference.contains("completed, reservation None"));
    assert!(heard, "{found}");
}

/// Money that came from nowhere, or went there.
pub async fn planted_ledgers_are_found(factory: impl StoreFactory) {
    let bench = Bench::open(factory);
    assert_found(
        &bench,
        &[
            ("balance 50001 after 2 entries", |records| {
                records.wallets.put(samples::user(1), samples::wallet(1, 50_001, 2));
                Ok(())
            }),
            ("balance 49999 after 2 entries", |records| {
                records.wallets.put(samples::user(1), samples::wallet(1, 49_999, 2));
                Ok(())
            }),
            ("after 3 entries, entries say 50000 after 2", |records| {
                records.wallets.put(samples::user(1), samples::wallet(1, 50_000, 3));
                Ok(())
            }),
        ],
    )
    .await;
    // A gap in the numbers.
    apply(bench.store(), Keys::default(), |records, _| {
        records.ledger.add(samples::charge(2, 3, 1_000, 2_000));
        Ok(())
    })
    .await;
    let found = report(&bench).await;
    assert!(
        found.differences.iter().any(|difference| difference.contains("entry 3 does not follow")),
        "{found}"
    );
    // An entry that begins at another balance than the one before it ended with.
    apply(bench.store(), Keys::default(), |records, _| {
        records.ledger.add(samples::charge(1, 3, 49_000, 50_000));
        Ok(())
    })
    .await;
    let found = report(&bench).await;
    assert!(
        found.differences.iter().any(|difference| difference.contains("entry 3 does not follow 50000")),
        "{found}"
    );
}

/// A slice ends where it was asked to, and the next one begins there.
pub async fn audits_come_in_slices(factory: impl StoreFactory) {
    let bench = Bench::open(factory);
    bench.a_sale(5).await;
    apply(bench.store(), Keys::default(), |records, _| {
        for number in 1..=7 {
            records.add_reservation(Reservation {
                state: ReservationState::Cancelled {
                    at: samples::hold_end(),
                    held_until: samples::hold_end(),
                },
                ..samples::reservation(number, 1, &[1])
            });
            records.wallets.put_new(samples::user(number), samples::wallet(number, 0, 0));
        }
        for number in 2..=4 {
            let schedule = samples::schedule(number, samples::CONCERT, number);
            records.schedules.put_new(schedule.id, schedule);
        }
        Ok(())
    })
    .await;
    let mut schedules = Vec::new();
    while let Some(slice) = {
        let after = schedules.last().map(|&(id, _)| id);
        bench.reads().audit_schedule(after).await.expect("read")
    } {
        assert_eq!(slice.now, bench.now());
        schedules.push((slice.id, slice.seats));
    }
    assert_eq!(
        schedules.iter().map(|(id, seats)| (id.get(), *seats)).collect::<Vec<_>>(),
        [(1, 5), (2, 2), (3, 3), (4, 4)]
    );
    let first = bench.reads().audit_reservations(None, 5).await.expect("read");
    let rest = bench.reads().audit_reservations(Some(samples::reservation_id(5)), 5).await.expect("read");
    let ids: Vec<_> = first.facts.iter().chain(&rest.facts).map(|facts| facts.reservation.id).collect();
    assert_eq!(ids, [1, 2, 3, 4, 5, 6, 7].map(samples::reservation_id));
    let first = bench.reads().audit_wallets(None, 5).await.expect("read");
    let rest = bench.reads().audit_wallets(Some(samples::user(5)), 5).await.expect("read");
    let users: Vec<_> = first.iter().chain(&rest).map(|facts| facts.wallet.user).collect();
    assert_eq!(users, [1, 2, 3, 4, 5, 6, 7].map(samples::user));
}

/// A fault that is there from the beginning, in a sale that is sound but for it.
macro_rules! found_once {
    ($($name:ident: $words:literal, $with:expr;)*) => {
        $(
            /// See the name.
            pub async fn $name(factory: impl StoreFactory) {
                assert_found_once(&Bench::open(factory), $words, $with).await;
            }
        )*
    };
}

found_once! {
    a_missing_payment_is_found: "paid by", |records| {
        records.ledger.add(debit());
        records.add_ticket(samples::ticket(1, &confirmed(), 1));
        records.add_ticket(samples::ticket(2, &confirmed(), 2));
    };
    a_missing_debit_is_found: "payments and refunds", |records| {
        records.payments.add(samples::payment(1, &confirmed()));
        records.add_ticket(samples::ticket(1, &confirmed(), 1));
        records.add_ticket(samples::ticket(2, &confirmed(), 2));
    };
    a_payment_of_another_amount_is_found: "paid by", |records| {
        records.ledger.add(debit());
        records.payments.add(Payment { amount: Money::of(99_999), ..samples::payment(1, &confirmed()) });
        records.add_ticket(samples::ticket(1, &confirmed(), 1));
        records.add_ticket(samples::ticket(2, &confirmed(), 2));
    };
    a_payment_by_another_fan_is_found: "paid by", |records| {
        records.ledger.add(debit());
        records.payments.add(Payment { user: samples::user(2), ..samples::payment(1, &confirmed()) });
        records.add_ticket(samples::ticket(1, &confirmed(), 1));
        records.add_ticket(samples::ticket(2, &confirmed(), 2));
    };
    a_missing_ticket_is_found: "tickets for", |records| {
        records.ledger.add(debit());
        records.payments.add(samples::payment(1, &confirmed()));
        records.add_ticket(samples::ticket(1, &confirmed(), 1));
    };
    a_ticket_for_another_seat_is_found: "tickets for", |records| {
        records.ledger.add(debit());
        records.payments.add(samples::payment(1, &confirmed()));
        records.add_ticket(samples::ticket(1, &confirmed(), 1));
        records.add_ticket(samples::ticket(2, &confirmed(), 3));
    };
}
