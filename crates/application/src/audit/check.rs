//! What must agree, said once for every kind of slice.

use frontrow_domain::payment::PaymentState;
use frontrow_domain::reservation::{Claim, Reservation, ReservationState, ReservationStatus, SeatState};
use frontrow_domain::ticket::TicketState;
use frontrow_domain::wallet::{CounterAccount, EntryKind};
use frontrow_domain::{Money, PaymentId, Timestamp};

use super::{AuditReport, DrawSlice, ReservationFacts, ScheduleSlice, WalletFacts};

/// Claims against the reservations that they name.
pub(super) fn schedule(slice: &ScheduleSlice, report: &mut AuditReport) {
    report.schedules += 1;
    report.seats += u64::from(slice.seats);
    let mut claimed = 0_u64;
    for (seat, claim, reservation) in &slice.claims {
        claimed += 1;
        *report.seats_by_state.entry(SeatState::of(Some(claim)).name()).or_default() += 1;
        let place = format!("schedule {} seat {seat}", slice.id);
        if seat.get() == 0 || seat.get() > slice.seats {
            report.note(format!("{place}: claimed, but not in the plan"));
        }
        if let Some(id) = claim.reservation() {
            match reservation {
                None => report.note(format!("{place}: claimed by {id}, which is not there")),
                Some(found) if found.schedule != slice.id || !found.seats.contains(seat) => {
                    report.note(format!("{place}: claimed by {id}, which does not list it"));
                }
                Some(found) => check_claim(&place, claim, found, report),
            }
        }
    }
    let free = u64::from(slice.seats).saturating_sub(claimed);
    *report.seats_by_state.entry(SeatState::Available.name()).or_default() += free;
}

fn check_claim(place: &str, claim: &Claim, found: &Reservation, report: &mut AuditReport) {
    let agrees = match (claim, found.state) {
        (Claim::Held { user, until, .. }, ReservationState::Pending { expires_at, .. }) => {
            *user == found.user && *until == expires_at
        }
        (Claim::Sold { user, .. }, ReservationState::Confirmed { .. }) => *user == found.user,
        _ => false,
    };
    if !agrees {
        report.note(format!("{place}: {claim:?} does not agree with {:?} of {}", found.state, found.id));
    }
}

/// A reservation against its claims, payments and tickets.
pub(super) fn reservation(facts: &ReservationFacts, now: Timestamp, report: &mut AuditReport) {
    let found = &facts.reservation;
    let status = found.status(now);
    *report.reservations.entry(status.name()).or_default() += 1;
    for (seat, claim) in &facts.claims {
        let is_own = claim.as_ref().and_then(Claim::reservation) == Some(found.id);
        let place = format!("reservation {} seat {seat}", found.id);
        match status {
            ReservationStatus::Confirmed => {
                if !is_own || !matches!(claim, Some(Claim::Sold { .. })) {
                    report.note(format!("{place}: paid, but the seat says {claim:?}"));
                }
            }
            ReservationStatus::Pending => {
                if !is_own {
                    report.note(format!("{place}: held, but the seat says {claim:?}"));
                }
            }
            ReservationStatus::Expired | ReservationStatus::Cancelled | ReservationStatus::Refunded => {
                // A lapsed hold that no job has noted yet may still carry its claims; they do not count.
                let still_counts = claim.as_ref().is_some_and(|claim| !claim.has_lapsed(now));
                if is_own && still_counts {
                    report.note(format!("{place}: ended, but the seat says {claim:?}"));
                }
            }
        }
    }
    check_payments(facts, report);
    check_tickets(facts, status, report);
}

fn check_tickets(facts: &ReservationFacts, status: ReservationStatus, report: &mut AuditReport) {
    let found = &facts.reservation;
    let seats_of = |is_meant: fn(TicketState) -> bool| {
        let mut seats: Vec<_> =
            facts.tickets.iter().filter(|ticket| is_meant(ticket.state)).map(|ticket| ticket.seat).collect();
        seats.sort_unstable();
        seats
    };
    let void = seats_of(|state| state == TicketState::Void);
    let good = seats_of(|state| state != TicketState::Void);
    let seats = found.seats.as_slice();
    let (good_expected, void_expected) = match status {
        ReservationStatus::Confirmed => (seats, &[][..]),
        ReservationStatus::Refunded => (&[][..], seats),
        _ => (&[][..], &[][..]),
    };
    if good != good_expected || void != void_expected {
        report.note(format!(
            "reservation {}: tickets for {good:?}, void ones for {void:?}, {} with seats {seats:?}",
            found.id,
            status.name()
        ));
    }
}

fn check_payments(facts: &ReservationFacts, report: &mut AuditReport) {
    let found = &facts.reservation;
    let completed: Vec<_> =
        facts.payments.iter().filter(|payment| payment.state == PaymentState::Completed).collect();
    let Some((_, payment)) = found.paid() else {
        if !completed.is_empty() || !facts.refunds.is_empty() {
            let refunds = &facts.refunds;
            report.note(format!("reservation {}: not paid, payments {completed:?} {refunds:?}", found.id));
        }
        return;
    };
    let is_paid = completed.len() == 1
        && completed[0].id == payment
        && completed[0].amount == found.amount
        && completed[0].user == found.user
        && completed[0].seats as usize == found.seats.len();
    if !is_paid {
        report.note(format!("reservation {}: paid by {payment}, payments {completed:?}", found.id));
    }
    let agrees = match (found.state, facts.refunds.as_slice()) {
        (ReservationState::Refunded { returned, .. }, [refund]) => {
            add(&mut report.refunded, refund.returned);
            add(&mut report.fees, refund.fee);
            refund.payment == payment
                && refund.user == found.user
                && refund.returned == returned
                && refund.returned.plus(refund.fee) == Some(found.amount)
        }
        (ReservationState::Confirmed { .. }, []) => {
            add(&mut report.confirmed, found.amount);
            true
        }
        _ => false,
    };
    if !agrees {
        let refunds = &facts.refunds;
        report.note(format!("reservation {}: {:?}, refunds {refunds:?}", found.id, found.state));
    }
}

/// A wallet against its entries, and its debits against its owner's payments.
pub(super) fn wallet(facts: &WalletFacts, report: &mut AuditReport) {
    report.wallets += 1;
    let wallet = &facts.wallet;
    add(&mut report.balances, wallet.balance);
    let mut balance = Money::ZERO;
    for (expected, entry) in (1_u64..).zip(&facts.entries) {
        let chains = entry.number == expected
            && entry.before == balance
            && entry.before.plus(entry.amount) == Some(entry.after)
            && !entry.after.is_negative();
        if !chains {
            report.note(format!("wallet {}: entry {} does not follow {balance}", wallet.user, entry.number));
        }
        balance = entry.after;
        match entry.kind.counter_account() {
            CounterAccount::External => add(&mut report.charged, entry.amount),
            // What refunds move is summed up from the reservations.
            CounterAccount::Sales if is_refund(entry.kind) => {}
            CounterAccount::Sales => add(&mut report.paid, entry.amount.negated()),
            CounterAccount::Fees => {}
        }
    }
    if balance != wallet.balance || wallet.last_entry != facts.entries.len() as u64 {
        report.note(format!(
            "wallet {}: balance {} after {} entries, entries say {balance} after {}",
            wallet.user,
            wallet.balance,
            wallet.last_entry,
            facts.entries.len()
        ));
    }
    check_debits(facts, report);
}

const fn is_refund(kind: EntryKind) -> bool {
    matches!(kind, EntryKind::Refund { .. })
}

/// What moved in a wallet for payments, against what payments and refunds say.
fn check_debits(facts: &WalletFacts, report: &mut AuditReport) {
    let user = facts.wallet.user;
    let mut moved: Vec<(&str, PaymentId, Money)> = facts
        .entries
        .iter()
        .filter_map(|entry| match entry.kind {
            EntryKind::Payment { payment, .. } => Some(("paid", payment, entry.amount.negated())),
            EntryKind::Refund { payment, .. } => Some(("given back", payment, entry.amount)),
            EntryKind::Fee { payment, .. } => Some(("kept", payment, entry.amount.negated())),
            EntryKind::Charge(_) => None,
        })
        .collect();
    let paid = facts.payments.iter().map(|(payment, _)| ("paid", payment.id, payment.amount));
    let given_back = facts.refunds.iter().map(|refund| {
        let whole = refund.returned.plus(refund.fee).unwrap_or(Money::MAX);
        ("given back", refund.payment, whole)
    });
    let kept = facts.refunds.iter().filter(|refund| refund.fee != Money::ZERO);
    let kept = kept.map(|refund| ("kept", refund.payment, refund.fee));
    let mut said: Vec<_> = paid.chain(given_back).chain(kept).collect();
    moved.sort_unstable();
    said.sort_unstable();
    if moved != said {
        report.note(format!("wallet {user}: entries say {moved:?}, payments and refunds {said:?}"));
    }
    for (payment, reservation) in &facts.payments {
        let is_paid = reservation
            .as_ref()
            .is_some_and(|found| matches!(found.paid(), Some((_, by)) if by == payment.id));
        if !is_paid {
            report.note(format!("payment {}: completed, reservation {reservation:?}", payment.id));
        }
    }
}

/// The parts of a drawn order against one another, and against how many entries are said to be kept.
pub(super) fn draw(slice: &DrawSlice, report: &mut AuditReport) {
    report.draws += 1;
    let concert = slice.concert;
    let mut listed = 0;
    for &(first, entries) in &slice.parts {
        if u64::from(first) != listed {
            let what = "entries, and the parts before it have";
            report.note(format!("draw of concert {concert}: a part begins behind {first} {what} {listed}"));
        }
        listed += entries;
    }
    if listed != u64::from(slice.listed) {
        report.note(format!(
            "draw of concert {concert}: {} entries are kept, parts have {listed}",
            slice.listed
        ));
    }
}

fn add(sum: &mut Money, amount: Money) {
    // Beyond the exact range the totals stop; the differences do not depend on them.
    *sum = sum.plus(amount).unwrap_or(*sum);
}
