//! Rules of the audit that a store of ours refuses to break: they are for files that somebody else has had.
//! What a store can be made to hold is in the testkit's conformance suite, fault by fault.

use frontrow_domain::payment::{PaymentState, RefundCause};
use frontrow_domain::reservation::ReservationState;
use frontrow_domain::ticket;
use frontrow_domain::wallet::{ChargeMethod, EntryKind};
use frontrow_domain::{ConcertId, PaymentId, TicketId, TransactionId};
use uuid::Uuid;

use super::*;

fn at(second: i64) -> Timestamp {
    Timestamp::from_micros(second * 1_000_000)
}

fn user(number: u128) -> UserId {
    UserId::new(Uuid::from_u128(number))
}

fn payment(number: u128, reservation: &Reservation) -> Payment {
    Payment {
        id: PaymentId::new(Uuid::from_u128(number)),
        reservation: reservation.id,
        schedule: reservation.schedule,
        user: reservation.user,
        amount: reservation.amount,
        seats: 2,
        at: at(1),
        state: PaymentState::Completed,
    }
}

/// A reservation of two seats that is paid, with everything that belongs to it.
fn paid() -> ReservationFacts {
    let reservation = Reservation {
        id: ReservationId::new(Uuid::from_u128(1)),
        user: user(1),
        concert: ConcertId::new(1),
        schedule: ScheduleId::new(1),
        seats: vec![SeatNo::new(1), SeatNo::new(2)],
        amount: Money::of(100),
        created_at: at(0),
        entry: None,
        state: ReservationState::Confirmed {
            at: at(1),
            payment: PaymentId::new(Uuid::from_u128(1)),
            held_until: at(300),
        },
        last_event: 3,
    };
    let sold = Claim::Sold { reservation: reservation.id, user: reservation.user };
    let first = TicketId::new(Uuid::from_u128(1));
    ReservationFacts {
        claims: reservation.seats.iter().map(|&seat| (seat, Some(sold))).collect(),
        payments: vec![payment(1, &reservation)],
        refunds: Vec::new(),
        tickets: ticket::issue(
            first,
            reservation.id,
            reservation.schedule,
            reservation.user,
            &reservation.seats,
        ),
        reservation,
    }
}

fn entry(number: u64, before: i64, amount: i64, after: i64) -> LedgerEntry {
    LedgerEntry {
        user: user(1),
        number,
        transaction: TransactionId::new(Uuid::from_u128(u128::from(number))),
        kind: EntryKind::Charge(ChargeMethod::Card),
        amount: Money::of(amount),
        before: Money::of(before),
        after: Money::of(after),
        at: at(1),
    }
}

fn wallet(balance: i64, entries: Vec<LedgerEntry>) -> WalletFacts {
    let last_entry = entries.len() as u64;
    let wallet = Wallet { user: user(1), balance: Money::of(balance), last_entry, last_event: 0 };
    WalletFacts { wallet, entries, payments: Vec::new(), refunds: Vec::new() }
}

fn of_reservation(facts: &ReservationFacts) -> Vec<String> {
    let mut report = AuditReport::default();
    check::reservation(facts, at(10), &mut report);
    report.differences
}

fn of_wallet(facts: &WalletFacts) -> Vec<String> {
    let mut report = AuditReport::default();
    check::wallet(facts, &mut report);
    report.differences
}

/// Exactly one difference, and about this.
fn assert_one(differences: &[String], words: &str) {
    let [difference] = differences else { panic!("one difference about {words:?}: {differences:?}") };
    assert!(difference.contains(words), "{difference:?} does not say {words:?}");
}

fn refund(returned: i64, fee: i64, reservation: &Reservation) -> Refund {
    Refund {
        payment: PaymentId::new(Uuid::from_u128(1)),
        reservation: reservation.id,
        schedule: reservation.schedule,
        user: reservation.user,
        returned: Money::of(returned),
        fee: Money::of(fee),
        at: at(2),
        cause: RefundCause::Staff,
    }
}

/// The same reservation after it went back for 70 of its 100.
fn refunded() -> ReservationFacts {
    let mut facts = paid();
    let payment = facts.payments[0].id;
    facts.reservation.state = ReservationState::Refunded {
        at: at(2),
        paid_at: at(1),
        payment,
        held_until: at(300),
        returned: Money::of(70),
    };
    facts.refunds = vec![refund(70, 30, &facts.reservation)];
    facts.claims.iter_mut().for_each(|(_, claim)| *claim = None);
    facts.tickets.iter_mut().for_each(|ticket| ticket.state = ticket::TicketState::Void);
    facts
}

#[test]
fn what_is_sound_is_clean() {
    assert_eq!(of_reservation(&paid()), [] as [String; 0]);
    assert_eq!(of_reservation(&refunded()), [] as [String; 0]);
    assert_eq!(of_wallet(&wallet(0, vec![])), [] as [String; 0]);
    assert_eq!(of_wallet(&wallet(30, vec![entry(1, 0, 50, 50), entry(2, 50, -20, 30)])), [] as [String; 0]);
}

#[test]
fn a_reservation_that_was_paid_twice_is_found() {
    let mut facts = paid();
    facts.payments.push(payment(2, &facts.reservation));
    assert_one(&of_reservation(&facts), "paid by");
}

#[test]
fn a_payment_that_the_reservation_does_not_name_is_found() {
    let mut facts = paid();
    facts.payments = vec![payment(2, &facts.reservation)];
    assert_one(&of_reservation(&facts), "paid by");
}

#[test]
fn a_reservation_that_was_refunded_twice_is_found() {
    let mut facts = refunded();
    facts.refunds.push(refund(70, 30, &facts.reservation));
    assert_one(&of_reservation(&facts), "Refunded");
    // Two halves are no whole either: there is one refund a payment.
    facts.refunds = vec![refund(35, 15, &facts.reservation), refund(35, 15, &facts.reservation)];
    assert_one(&of_reservation(&facts), "Refunded");
}

#[test]
fn one_void_ticket_too_many_is_found() {
    let mut facts = refunded();
    facts.tickets.push(facts.tickets[0].clone());
    assert_one(&of_reservation(&facts), "void ones for");
}

#[test]
fn a_refund_that_went_into_a_wallet_twice_is_found() {
    let payment = PaymentId::new(Uuid::from_u128(1));
    let reservation = paid().reservation.id;
    let back = |number, before| LedgerEntry {
        kind: EntryKind::Refund { payment, reservation },
        ..entry(number, before, 100, before + 100)
    };
    let pay = EntryKind::Payment { payment, reservation };
    let entries = vec![
        entry(1, 0, 100, 100),
        LedgerEntry { kind: pay, ..entry(2, 100, -100, 0) },
        back(3, 0),
        back(4, 100),
    ];
    let mut facts = wallet(200, entries);
    facts.payments = refunded().payments.into_iter().map(|one| (one, Some(refunded().reservation))).collect();
    facts.refunds = vec![refund(100, 0, &paid().reservation)];
    assert_one(&of_wallet(&facts), "entries say");
    facts.entries.pop();
    facts.wallet = Wallet { balance: Money::of(100), last_entry: 3, ..facts.wallet };
    assert_eq!(of_wallet(&facts), [] as [String; 0]);
}

#[test]
fn one_seat_with_two_tickets_is_found() {
    let mut facts = paid();
    facts.tickets.push(facts.tickets[0].clone());
    assert_one(&of_reservation(&facts), "tickets for");
}

#[test]
fn a_ticket_of_an_unpaid_reservation_is_found() {
    let mut facts = paid();
    facts.reservation.state = ReservationState::Expired { at: at(1) };
    facts.claims.iter_mut().for_each(|(_, claim)| *claim = None);
    facts.payments.clear();
    assert_one(&of_reservation(&facts), "tickets for");
}

#[test]
fn an_entry_that_does_not_add_up_is_found() {
    assert_one(&of_wallet(&wallet(51, vec![entry(1, 0, 50, 51)])), "entry 1 does not follow 0");
}

#[test]
fn a_balance_that_went_below_zero_on_the_way_is_found() {
    let entries = vec![entry(1, 0, -50, -50), entry(2, -50, 80, 30)];
    assert_one(&of_wallet(&wallet(30, entries)), "entry 1 does not follow 0");
}

#[test]
fn a_first_entry_that_is_not_the_first_is_found() {
    let mut facts = wallet(50, vec![entry(2, 0, 50, 50)]);
    assert_one(&of_wallet(&facts), "entry 2 does not follow 0");
    facts.wallet.last_entry = 2;
    assert_eq!(of_wallet(&facts).len(), 2, "and the wallet knows of one more than there is");
}

#[test]
fn money_beyond_the_exact_range_is_a_difference_and_no_panic() {
    let facts = wallet(0, vec![entry(1, i64::MAX, i64::MAX, i64::MIN)]);
    assert_eq!(of_wallet(&facts).len(), 2, "{:?}", of_wallet(&facts));
}

#[test]
fn a_flood_of_differences_is_counted_and_described_in_part() {
    let mut report = AuditReport::default();
    for _ in 0..1_000 {
        check::wallet(&wallet(1, vec![]), &mut report);
    }
    assert_eq!((report.difference_count, report.differences.len()), (1_000, DESCRIBED_MAX));
    assert!(!report.is_clean());
    assert!(report.to_string().ends_with("1000 differences"), "{report}");
}
