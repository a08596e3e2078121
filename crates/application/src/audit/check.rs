//! What must agree, said once for every kind of slice.

use frontrow_domain::payment::PaymentState;
use frontrow_domain::reservation::{Claim, Reservation, ReservationState, ReservationStatus, SeatState};
use frontrow_domain::wallet::{CounterAccount, EntryKind};
use frontrow_domain::{Money, Timestamp};

use super::{AuditReport, ReservationFacts, ScheduleSlice, WalletFacts};

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
            ReservationStatus::Expired | ReservationStatus::Cancelled => {
                // A lapsed hold that no job has noted yet may still carry its claims; they do not count.
                let still_counts = claim.as_ref().is_some_and(|claim| !claim.has_lapsed(now));
                if is_own && still_counts {
                    report.note(format!("{place}: ended, but the seat says {claim:?}"));
                }
            }
        }
    }
    check_payments(facts, report);
    let expected = if status == ReservationStatus::Confirmed { found.seats.as_slice() } else { &[] };
    let mut ticketed: Vec<_> = facts.tickets.iter().map(|ticket| ticket.seat).collect();
    ticketed.sort_unstable();
    if ticketed != expected {
        report.note(format!("reservation {}: tickets for {ticketed:?}, seats {expected:?}", found.id));
    }
}

fn check_payments(facts: &ReservationFacts, report: &mut AuditReport) {
    let found = &facts.reservation;
    let completed: Vec<_> =
        facts.payments.iter().filter(|payment| payment.state == PaymentState::Completed).collect();
    match found.state {
        ReservationState::Confirmed { payment, .. } => {
            add(&mut report.confirmed, found.amount);
            let is_paid = completed.len() == 1
                && completed[0].id == payment
                && completed[0].amount == found.amount
                && completed[0].user == found.user;
            if !is_paid {
                report.note(format!("reservation {}: paid by {payment}, payments {completed:?}", found.id));
            }
        }
        _ => {
            if !completed.is_empty() {
                report.note(format!("reservation {}: not paid, payments {completed:?}", found.id));
            }
        }
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

fn check_debits(facts: &WalletFacts, report: &mut AuditReport) {
    let user = facts.wallet.user;
    let mut debits: Vec<_> = facts
        .entries
        .iter()
        .filter_map(|entry| match entry.kind {
            EntryKind::Payment { payment, .. } => Some((payment, entry.amount.negated())),
            EntryKind::Charge(_) => None,
        })
        .collect();
    let mut payments: Vec<_> =
        facts.payments.iter().map(|(payment, _)| (payment.id, payment.amount)).collect();
    debits.sort_unstable();
    payments.sort_unstable();
    if debits != payments {
        report.note(format!("wallet {user}: debits {debits:?}, completed payments {payments:?}"));
    }
    for (payment, reservation) in &facts.payments {
        let is_confirmed = reservation.as_ref().is_some_and(|found| {
            matches!(found.state, ReservationState::Confirmed { payment: by, .. } if by == payment.id)
        });
        if !is_confirmed {
            report.note(format!("payment {}: completed, reservation {reservation:?}", payment.id));
        }
    }
}

fn add(sum: &mut Money, amount: Money) {
    // Beyond the exact range the totals stop; the differences do not depend on them.
    *sum = sum.plus(amount).unwrap_or(*sum);
}
