//! Refunds, tickets at the door, and drawings: written as they are, once, and over nobody's head.

use std::sync::Arc;

use frontrow_application::store::{Admissions, PaymentRecord};
use frontrow_domain::catalog::Drawing;
use frontrow_domain::payment::{Refund, RefundCause};
use frontrow_domain::records::{Key, Keys, PlanDrawing, Records};
use frontrow_domain::reservation::Reservation;
use frontrow_domain::ticket::{Ticket, TicketState};
use frontrow_domain::{Money, ReservationId, ScheduleId, SeatNo, Timestamp};

use super::bench::Bench;
use super::records::LAST;
use crate::samples;
use crate::store::{StoreFactory, apply, look, refused_by_the_store};

async fn add_refunds(bench: &Bench<impl StoreFactory>, refunds: Vec<Refund>) {
    apply(bench.store(), Keys::default(), move |records, _| {
        records.refunds.add_all(refunds.clone());
        Ok(())
    })
    .await;
}

/// Beside the payment that it belongs to; of every cause, up to the most that there can be.
pub async fn refunds_read_as_they_were_written(factory: impl StoreFactory) {
    let mut bench = Bench::open(factory);
    let reservation = |number| samples::reservation(number, 1, &[1]);
    let mut refunds: Vec<Refund> = (1..)
        .zip(RefundCause::ALL)
        .map(|(number, cause)| Refund { cause, ..samples::refund(number, &reservation(number), 500) })
        .collect();
    refunds.push(Refund {
        returned: Money::MAX,
        fee: Money::MAX,
        at: LAST,
        schedule: ScheduleId::new(u32::MAX),
        ..samples::refund(4, &reservation(4), 0)
    });
    refunds.push(Refund {
        returned: Money::ZERO,
        fee: Money::ZERO,
        at: Timestamp::ZERO,
        ..samples::refund(5, &reservation(5), 0)
    });
    apply(bench.store(), Keys::default(), move |records, _| {
        records.payments.add_all((1..=6).map(|number| samples::payment(number, &reservation(number))));
        Ok(())
    })
    .await;
    add_refunds(&bench, refunds.clone()).await;
    bench.reopen();
    let expected: Vec<_> = (1..=6)
        .map(|number: u64| {
            let refund = refunds.iter().find(|refund| refund.payment == samples::payment_id(number)).cloned();
            PaymentRecord { payment: samples::payment(number, &reservation(number)), refund }
        })
        .collect();
    for record in &expected {
        assert_eq!(bench.reads().payment(record.payment.id).await, Ok(Some(record.clone())));
    }
    let newest_first: Vec<_> = expected.into_iter().rev().collect();
    assert_eq!(bench.reads().payments_of(samples::user(1), None, 10).await, Ok(newest_first));
}

/// One refund a payment and a reservation, whoever says that there was none.
pub async fn a_payment_is_refunded_once(factory: impl StoreFactory) {
    let bench = Bench::open(factory);
    let (first, second) = (samples::reservation(1, 1, &[1]), samples::reservation(2, 1, &[2]));
    add_refunds(&bench, vec![samples::refund(1, &first, 0)]).await;
    for (what, refund) in [
        ("the same refund again", samples::refund(1, &first, 0)),
        ("a second refund of the payment", samples::refund(1, &second, 100)),
        ("a second refund of the reservation", samples::refund(2, &first, 0)),
    ] {
        refused_by_the_store(bench.store(), what, Keys::default(), move |records, _| {
            records.refunds.add(refund.clone());
            Ok(())
        })
        .await;
    }
    refused_by_the_store(bench.store(), "two refunds in one commit", Keys::default(), {
        let second = second.clone();
        move |records, _| {
            records.refunds.add_all([samples::refund(2, &second, 0), samples::refund(3, &second, 0)]);
            Ok(())
        }
    })
    .await;
    add_refunds(&bench, vec![samples::refund(2, &second, 0)]).await;
}

fn tickets_key() -> Key {
    Key::Tickets(samples::reservation_id(1))
}

fn three_seats() -> Reservation {
    samples::reservation(1, 1, &[2, 10, 40])
}

async fn issue(bench: &Bench<impl StoreFactory>, tickets: Vec<Ticket>) {
    apply(bench.store(), Keys::default(), move |records, _| {
        for ticket in &tickets {
            records.add_ticket(ticket.clone());
        }
        Ok(())
    })
    .await;
}

/// All tickets of a reservation in order of seat, valid, used and void; each by its id as well.
pub async fn tickets_are_loaded_by_reservation(factory: impl StoreFactory) {
    let mut bench = Bench::open(factory);
    let with = |number, seat, state| Ticket { state, ..samples::ticket(number, &three_seats(), seat) };
    let by = samples::user(9);
    let mut all = vec![
        with(3, 2, TicketState::Void),
        with(1, 10, TicketState::Used { at: LAST, by }),
        with(2, 40, TicketState::Valid),
    ];
    issue(&bench, vec![all[2].clone(), all[0].clone(), all[1].clone()]).await;
    issue(&bench, vec![samples::ticket(9, &samples::reservation(2, 1, &[2]), 2)]).await;
    bench.reopen();
    for states in [
        [TicketState::Used { at: Timestamp::ZERO, by }, TicketState::Void, TicketState::Valid],
        [TicketState::Void, TicketState::Valid, TicketState::Used { at: LAST, by: samples::user(8) }],
    ] {
        let found =
            look(bench.store(), tickets_key(), |records| records.tickets_of(samples::reservation_id(1)));
        assert_eq!(found.await, all);
        assert_eq!(bench.reads().tickets(samples::reservation_id(1)).await, Ok(all.clone()));
        for ticket in &all {
            assert_eq!(bench.reads().ticket(ticket.id).await, Ok(Some(ticket.clone())));
        }
        for (ticket, state) in all.iter_mut().zip(states) {
            ticket.state = state;
        }
        let changed = all.clone();
        apply(bench.store(), tickets_key(), move |records, _| {
            for ticket in &changed {
                records.tickets.put(ticket.id, ticket.clone());
            }
            Ok(())
        })
        .await;
    }
    let none = look(bench.store(), Key::Tickets(samples::reservation_id(7)), |records| {
        records.tickets_of(samples::reservation_id(7))
    });
    assert_eq!(none.await, vec![]);
    assert_eq!(bench.reads().ticket(samples::ticket(7, &three_seats(), 1).id).await, Ok(None));
}

/// Two tickets for one seat of a reservation are one too many, in two commits or in one.
pub async fn a_seat_of_a_reservation_has_one_ticket(factory: impl StoreFactory) {
    let bench = Bench::open(factory);
    issue(&bench, vec![samples::ticket(1, &three_seats(), 2)]).await;
    refused_by_the_store(bench.store(), "a second ticket", tickets_key(), |records, _| {
        records.add_ticket(samples::ticket(2, &three_seats(), 2));
        Ok(())
    })
    .await;
    refused_by_the_store(bench.store(), "two tickets in one commit", tickets_key(), |records, _| {
        records.add_ticket(samples::ticket(2, &three_seats(), 10));
        records.add_ticket(samples::ticket(3, &three_seats(), 10));
        Ok(())
    })
    .await;
    issue(&bench, vec![samples::ticket(2, &samples::reservation(2, 1, &[2]), 2)]).await;
    let found = bench.reads().tickets(samples::reservation_id(1)).await;
    assert_eq!(found, Ok(vec![samples::ticket(1, &three_seats(), 2)]));
}

/// The row version with which a ticket was loaded, after it was changed in the set.
fn loaded_version(records: &Records) -> Option<u64> {
    let changed = records.changed();
    changed.tickets.first().and_then(|change| change.before).map(|(_, version)| version)
}

/// Who scans a ticket that somebody has scanned, voided or changed meanwhile loses, and the first scan stands.
pub async fn a_ticket_that_has_moved_on_is_not_overwritten(factory: impl StoreFactory) {
    let bench = Bench::open(factory);
    let ticket = samples::ticket(1, &three_seats(), 2);
    issue(&bench, vec![ticket.clone()]).await;
    let used_by = |number| TicketState::Used { at: LAST, by: samples::user(number) };
    let mut versions = Vec::new();
    for state in [used_by(1), TicketState::Void, used_by(2)] {
        let next = Ticket { state, ..ticket.clone() };
        let version = apply(bench.store(), tickets_key(), move |records, _| {
            records.tickets_of(next.reservation)?;
            records.tickets.put(next.id, next.clone());
            Ok(loaded_version(records))
        });
        versions.push(version.await.expect("it was loaded"));
    }
    assert!(versions.windows(2).all(|pair| pair[0] < pair[1]), "row versions: {versions:?}");
    for stale in versions {
        let (seen, late) = (ticket.clone(), Ticket { state: used_by(3), ..ticket.clone() });
        refused_by_the_store(bench.store(), "a ticket seen as it was", tickets_key(), move |records, _| {
            records.tickets.load(seen.id, Some((seen.clone(), stale)));
            records.tickets.put(seen.id, late.clone());
            Ok(())
        })
        .await;
    }
    let found = bench.reads().ticket(ticket.id).await;
    assert_eq!(found, Ok(Some(Ticket { state: used_by(2), ..ticket })));
}

/// Those that were used, and those that are not void: one a sold seat, whatever became of others.
pub async fn admissions_count_tickets(factory: impl StoreFactory) {
    let bench = Bench::open(factory);
    bench.a_sale(50).await;
    let nobody = bench.reads().admissions(samples::SCHEDULE).await;
    assert_eq!(nobody, Ok(Admissions::default()));
    let by = samples::user(9);
    apply(bench.store(), Key::Schedule(samples::SCHEDULE), move |records, now| {
        for number in 1..=9 {
            let seat = u32::try_from(number).expect("small");
            let plain = samples::reservation(number, number, &[seat]);
            let (reservation, state) = match number {
                1..=3 => (samples::refunded(plain, number, 0), TicketState::Void),
                4 | 5 => (samples::paid(plain, number), TicketState::Used { at: now, by }),
                _ => (samples::paid(plain, number), TicketState::Valid),
            };
            records.add_ticket(Ticket { state, ..samples::ticket(number, &reservation, seat) });
            if state != TicketState::Void {
                records.claims.put_new((samples::SCHEDULE, SeatNo::new(seat)), samples::claim(&reservation));
            }
            records.add_reservation(reservation);
        }
        // Held and kept back seats have no tickets.
        let held = samples::claim(&samples::reservation(20, 20, &[20]));
        records.claims.put_new((samples::SCHEDULE, SeatNo::new(20)), held);
        let blocked = frontrow_domain::reservation::Claim::Blocked;
        records.claims.put_new((samples::SCHEDULE, SeatNo::new(21)), blocked);
        Ok(())
    })
    .await;
    let counted = bench.reads().admissions(samples::SCHEDULE).await;
    assert_eq!(counted, Ok(Admissions { admitted: 2, total: 6 }));
    assert_eq!(bench.reads().admissions(ScheduleId::new(2)).await, Ok(Admissions::default()));
}

/// Each with the plan that it belongs to, and never two for one.
pub async fn drawings_read_as_they_were_written(factory: impl StoreFactory) {
    let mut bench = Bench::open(factory);
    let drawing = |schedule: u32, plan_version, seats| PlanDrawing {
        schedule: ScheduleId::new(schedule),
        plan_version,
        drawing: Arc::new(samples::drawing(seats)),
    };
    let empty = PlanDrawing { drawing: Arc::new(Drawing::default()), ..drawing(2, 1, 0) };
    let all = [drawing(1, 1, 3), drawing(1, 2, 2_000), empty, drawing(u32::MAX, u32::MAX, 1)];
    apply(bench.store(), Keys::default(), {
        let all = all.clone();
        move |records, _| {
            records.drawings.add_all(all.clone());
            Ok(())
        }
    })
    .await;
    bench.reopen();
    for PlanDrawing { schedule, plan_version, drawing } in &all {
        let found = bench.reads().drawing(*schedule, *plan_version).await;
        assert_eq!(found.as_ref().map(Option::as_ref), Ok(Some(&**drawing)), "{schedule}, {plan_version}");
    }
    assert_eq!(bench.reads().drawing(ScheduleId::new(1), 3).await, Ok(None));
    assert_eq!(bench.reads().drawing(ScheduleId::new(3), 1).await, Ok(None));
    let again = drawing(1, 1, 1);
    refused_by_the_store(bench.store(), "a second drawing of a plan", Keys::default(), move |records, _| {
        records.drawings.add(again.clone());
        Ok(())
    })
    .await;
}

/// What belongs together is saved together: with one guard against it, nothing of a refund is there.
pub async fn half_a_refund_is_none(factory: impl StoreFactory) {
    let bench = Bench::open(factory);
    bench.a_sale(5).await;
    bench.a_fan(1, 100_000).await;
    let paid = samples::paid(samples::reservation(1, 1, &[1]), 1);
    let ticket = samples::ticket(1, &paid, 1);
    let key = (samples::SCHEDULE, SeatNo::new(1));
    apply(bench.store(), Key::Schedule(samples::SCHEDULE), {
        let (paid, ticket) = (paid.clone(), ticket.clone());
        move |records, _| {
            records.claims.put_new(key, samples::claim(&paid));
            records.add_reservation(paid.clone());
            records.payments.add(samples::payment(1, &paid));
            records.add_ticket(ticket.clone());
            // A refund that the reservation knows nothing of: the guard that is against the other one.
            records.refunds.add(samples::refund(1, &paid, 0));
            Ok(())
        }
    })
    .await;
    let keys = Keys::new([
        Key::Wallet(samples::user(1)),
        Key::Schedule(samples::SCHEDULE),
        Key::Reservation(paid.id),
        tickets_key(),
        Key::Claim(key.0, key.1),
    ]);
    refused_by_the_store(bench.store(), "a second refund", keys, {
        let (paid, ticket) = (paid.clone(), ticket.clone());
        move |records, _| {
            records.claims.remove(key);
            records.tickets.put(ticket.id, ticket.clone().voided());
            records.reservations.put(paid.id, samples::refunded(paid.clone(), 1, 0));
            records.wallets.put(paid.user, samples::wallet(1, 150_000, 2));
            records.ledger.add(samples::charge(1, 2, 100_000, 150_000));
            records.refunds.add(samples::refund(1, &paid, 0));
            Ok(())
        }
    })
    .await;
    let reads = bench.reads();
    let id: ReservationId = paid.id;
    assert_eq!(reads.reservation(id).await, Ok(Some(paid)));
    assert_eq!(reads.ticket(ticket.id).await, Ok(Some(ticket)));
    assert_eq!(reads.wallet(samples::user(1)).await, Ok(Some(samples::wallet(1, 100_000, 1))));
    let map = reads.seat_map(samples::SCHEDULE).await.expect("read").expect("there");
    assert_eq!((map.schedule.version, map.taken.len()), (2, 1));
}
