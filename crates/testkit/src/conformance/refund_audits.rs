//! The audit of what went back: each planted fault is found, about whom it is planted on, and about nobody else.
//!
//! Fan n has paid reservation n for seats of its own and got it back; all that belongs to it is made sound and then, for
//! each fan but the first, broken in one way.

use frontrow_application::audit::{AuditReport, audit};
use frontrow_domain::payment::{Payment, PaymentState, Refund};
use frontrow_domain::records::{Key, Keys, Records};
use frontrow_domain::reservation::{Claim, Reservation, ReservationState};
use frontrow_domain::ticket::{Ticket, TicketState};
use frontrow_domain::wallet::{EntryKind, LedgerEntry};
use frontrow_domain::{Money, SeatNo};

use super::bench::Bench;
use crate::samples;
use crate::store::{StoreFactory, apply};

const PAID: i64 = 100_000;
const FEE: i64 = 30_000;
/// Somebody who has paid nothing and has an empty wallet.
const STRANGER: u64 = 800;

/// All that belongs to one fan's refund.
#[derive(Clone)]
struct Case {
    number: u64,
    reservation: Reservation,
    payment: Payment,
    refund: Option<Refund>,
    entries: Vec<LedgerEntry>,
    tickets: Vec<Ticket>,
    claim: Option<Claim>,
}

/// A fault, and the words in which it is heard of.
type Fault = (&'static str, fn(&mut Case));

impl Case {
    /// A refund in which everything agrees.
    fn sound(number: u64) -> Self {
        let first = u32::try_from(number).expect("few fans") * 2 - 1;
        let reservation =
            samples::refunded(samples::reservation(number, number, &[first, first + 1]), number, FEE);
        let (payment, id) = (samples::payment_id(number), reservation.id);
        let entry = |kind, position, before, after| LedgerEntry {
            kind,
            ..samples::charge(number, position, before, after)
        };
        let entries = vec![
            samples::charge(number, 1, 0, PAID),
            entry(EntryKind::Payment { payment, reservation: id }, 2, PAID, 0),
            entry(EntryKind::Refund { payment, reservation: id }, 3, 0, PAID),
            entry(EntryKind::Fee { payment, reservation: id }, 4, PAID, PAID - FEE),
        ];
        let ticket = |offset: u64, seat| samples::ticket(number * 10 + offset, &reservation, seat).voided();
        Self {
            number,
            payment: samples::payment(number, &reservation),
            refund: Some(samples::refund(number, &reservation, FEE)),
            entries,
            tickets: vec![ticket(1, first), ticket(2, first + 1)],
            claim: None,
            reservation,
        }
    }

    fn put(&self, records: &mut Records) {
        records.payments.add(self.payment.clone());
        records.refunds.add_all(self.refund.clone());
        records.ledger.add_all(self.entries.clone());
        let balance = self.entries.last().map_or(0, |entry| entry.after.minor());
        let wallet = samples::wallet(self.number, balance, self.entries.len() as u64);
        records.wallets.put_new(wallet.user, wallet);
        self.tickets.iter().for_each(|ticket| records.add_ticket(ticket.clone()));
        for &seat in &self.reservation.seats {
            if let Some(claim) = self.claim {
                records.claims.put_new((samples::SCHEDULE, seat), claim);
            }
        }
        records.add_reservation(self.reservation.clone());
    }

    /// Makes it one that was paid and stands.
    fn stand(&mut self) {
        self.reservation = samples::paid(self.reservation.clone(), self.number);
        self.claim = Some(samples::claim(&self.reservation));
        self.tickets.iter_mut().for_each(|ticket| ticket.state = TicketState::Valid);
        self.refund = None;
        self.entries.truncate(2);
    }
}

async fn put(bench: &Bench<impl StoreFactory>, cases: Vec<Case>) -> AuditReport {
    bench.a_sale(100).await;
    apply(bench.store(), Keys::from(Key::Schedule(samples::SCHEDULE)), move |records, _| {
        for case in &cases {
            case.put(records);
        }
        Ok(())
    })
    .await;
    audit(bench.reads()).await.expect("the store can be read")
}

/// What went back and what was kept make up what was paid, and the report says how much of each there was.
pub async fn an_evening_of_refunds_audits_clean(factory: impl StoreFactory) {
    let bench = Bench::open(factory);
    let mut stands = Case::sound(2);
    stands.stand();
    let mut whole = Case::sound(3);
    whole.reservation = samples::refunded(whole.reservation, 3, 0);
    whole.refund = Some(samples::refund(3, &whole.reservation, 0));
    whole.entries.pop();
    let mut used = Case::sound(4);
    used.stand();
    used.tickets[0].state = TicketState::Used { at: bench.now(), by: samples::user(9) };
    let found = put(&bench, vec![Case::sound(1), stands, whole, used]).await;
    assert!(found.is_clean(), "{found}");
    let money = [found.charged, found.paid, found.refunded, found.fees, found.confirmed, found.balances];
    assert_eq!(money.map(Money::minor), [4 * PAID, 4 * PAID, 2 * PAID - FEE, FEE, 2 * PAID, 2 * PAID - FEE]);
    let counted: Vec<_> = found.reservations.into_iter().collect();
    assert_eq!(counted, [("confirmed", 2), ("refunded", 2)]);
}

const FAULTS: &[Fault] = &[
    // Money that went back on paper only, and money that went back without one.
    ("entries say", |case| case.entries.truncate(2)),
    ("refunds []", |case| case.refund = None),
    ("entries say", |case| case.refund = None),
    ("entries say", |case| case.entries.truncate(3)),
    // Refunds that do not add up to what was paid, or not to what the reservation says.
    ("refunds [Refund", |case| case.refund.iter_mut().for_each(|refund| refund.fee = Money::of(FEE + 1))),
    ("refunds [Refund", |case| case.refund.iter_mut().for_each(|refund| refund.returned = Money::of(1))),
    ("refunds [Refund", |case| {
        let refund = samples::refund(case.number, &case.reservation, FEE + 5);
        case.refund = Some(refund);
    }),
    ("refunds [Refund", |case| {
        case.refund.iter_mut().for_each(|refund| refund.payment = samples::payment_id(900 + case.number));
    }),
    ("refunds [Refund", |case| {
        case.refund.iter_mut().for_each(|refund| refund.user = samples::user(STRANGER));
    }),
    // Seats and tickets that did not go back.
    ("tickets for [", |case| case.tickets[0].state = TicketState::Valid),
    ("tickets for [", |case| {
        case.tickets[1].state = TicketState::Used { at: samples::hold_end(), by: samples::user(9) };
    }),
    ("void ones for [", |case| case.tickets.truncate(1)),
    ("ended, but the seat says Some(Sold", |case| {
        case.claim = Some(samples::claim(&samples::paid(case.reservation.clone(), case.number)));
    }),
    ("ended, but the seat says Some(Held", |case| {
        case.claim = Some(Claim::Held {
            reservation: case.reservation.id,
            user: case.reservation.user,
            until: samples::hold_end(),
        });
    }),
    // What stands although it went back.
    ("refunds [Refund", |case| {
        let refund = case.refund.clone();
        case.stand();
        case.refund = refund;
    }),
    ("void ones for [", |case| {
        case.stand();
        case.tickets[0].state = TicketState::Void;
    }),
    // What went back although it was never paid.
    ("not paid, payments", |case| {
        let (at, held_until) = (samples::hold_end(), samples::hold_end());
        case.reservation.state = ReservationState::Cancelled { at, held_until };
    }),
    ("paid by", |case| {
        let reason = frontrow_domain::payment::FailureReason::InsufficientBalance;
        case.payment.state = PaymentState::Failed(reason);
    }),
    ("paid by", |case| case.payment.seats += 1),
];

/// Each in the words that belong to it; a sound refund among them is left in peace.
pub async fn planted_refunds_are_found(factory: impl StoreFactory) {
    let bench = Bench::open(factory);
    let mut cases = vec![Case::sound(1)];
    for (number, (_, fault)) in (2..).zip(FAULTS) {
        let mut case = Case::sound(number);
        fault(&mut case);
        cases.push(case);
    }
    bench.a_fan(STRANGER, 0).await;
    let found = put(&bench, cases).await;
    let stranger = samples::user(STRANGER).to_string();
    let wallet = format!("wallet {stranger}: entries say []");
    assert!(found.differences.iter().any(|text| text.contains(&wallet)), "{found}");
    for (number, (words, _)) in (2..).zip(FAULTS) {
        // Reservation and fan have the same number, so one text names both.
        let name = samples::uuid(number).to_string();
        let about: Vec<_> = found.differences.iter().filter(|text| text.contains(&name)).collect();
        assert!(about.iter().any(|text| text.contains(words)), "fault {number}, {words:?}: {about:#?}");
    }
    let sound = samples::uuid(1).to_string();
    assert!(!found.differences.iter().any(|text| text.contains(&sound)), "{found}");
    let seats = [1, 2].map(|number| format!("seat {}:", SeatNo::new(number)));
    assert!(!found.differences.iter().any(|text| seats.iter().any(|seat| text.contains(seat))), "{found}");
}
