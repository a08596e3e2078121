//! What a group changed, as a row of the journal: deletes, updates, inserts; lines in order of key; tables in one fixed
//! order, which is that of folding.
//!
//! What a sale is made of goes this way. Accounts, log-ins, the catalogue and the audit log do not: they are written into
//! their tables at once ([`crate::save`]), in the same transaction.

use frontrow_application::store::StoreError;
use frontrow_domain::catalog::Schedule;
use frontrow_domain::payment::{Payment, Refund};
use frontrow_domain::records::{Change, Changes, Key, OnceRecord};
use frontrow_domain::reservation::{Claim, Reservation};
use frontrow_domain::ticket::Ticket;
use frontrow_domain::wallet::{LedgerEntry, Wallet};
use frontrow_domain::{
    EntryId, Money, PaymentId, ReservationId, ScheduleId, SeatNo, TicketId, Timestamp, UserId,
};

use super::form::RowForm;
use super::statements::Statement;
use crate::codec;
use crate::save::{loaded_version, never_deleted};

/// A row that is to be appended.
pub(crate) struct NewRow {
    pub(crate) form: Vec<u8>,
    /// What was written of each event, in the order of the events.
    pub(crate) bodies: Vec<String>,
}

/// True when a schedule only notes what became of its seats: the one change of it that goes through the journal.
pub(crate) fn is_move(change: &Change<'_, ScheduleId, Schedule>) -> bool {
    let (Some((before, _)), Some(after)) = (change.before, change.after) else { return false };
    before.plan_version == after.plan_version
        && before.cancelled_at == after.cancelled_at
        && before.draft() == after.draft()
}

/// The row of a group; nothing when there is nothing for the journal. The first of its events gets the position
/// `first_event`.
pub(crate) fn row_of(
    changes: &Changes<'_>,
    now: Timestamp,
    first_event: u64,
) -> Result<Option<NewRow>, StoreError> {
    let mut form = RowForm::new();
    changes.wallets.iter().try_for_each(|change| wallet(&mut form, change))?;
    for change in changes.schedules.iter().filter(|change| is_move(change)) {
        schedule(&mut form, change);
    }
    claims(&mut form, &changes.claims);
    changes.reservations.iter().try_for_each(|change| reservation(&mut form, change))?;
    changes.ledger.iter().for_each(|made| entry(&mut form, made));
    changes.payments.iter().for_each(|made| payment(&mut form, made));
    changes.refunds.iter().for_each(|made| refund(&mut form, made));
    changes.tickets.iter().try_for_each(|change| ticket(&mut form, change))?;
    let mut bodies = Vec::with_capacity(changes.events.len());
    for (event, position) in changes.events.iter().zip(first_event..) {
        let body = serde_json::to_string(event).map_err(|error| StoreError::Broken(error.to_string()))?;
        let ended = event.ends_entry();
        form.line(Statement::OutboxInsert)
            .count(position)
            .blob(event.key.as_bytes())
            .count(event.sequence)
            .number(event.at.micros())
            .text(&body)
            .blob_or_null(ended.as_ref().map(EntryId::bytes))
            .end();
        bodies.push(body);
    }
    for change in &changes.once {
        if let Some(record) = change.after {
            key(&mut form, change.key, record);
        }
    }
    for change in changes.seat_changes {
        let seats = codec::seats_text(change.seats.iter().map(|(seat, _)| *seat));
        form.line(Statement::SeatChangeInsert)
            .number(change.schedule.get())
            .count(change.version)
            .number(now.micros())
            .text(&seats)
            .end();
    }
    Ok((!form.is_empty()).then(|| NewRow { form: form.into_bytes(), bodies }))
}

fn wallet(form: &mut RowForm, change: &Change<'_, UserId, Wallet>) -> Result<(), StoreError> {
    let Some(wallet) = change.after else { return Err(never_deleted(&Key::Wallet(*change.key))) };
    let statement = match change.before {
        None => Statement::WalletInsert,
        Some(_) => Statement::WalletUpdate,
    };
    form.line(statement)
        .blob(wallet.user.bytes())
        .number(wallet.balance.minor())
        .count(wallet.last_entry)
        .count(wallet.last_event)
        .count(loaded_version(change.before) + 1)
        .end();
    Ok(())
}

fn schedule(form: &mut RowForm, change: &Change<'_, ScheduleId, Schedule>) {
    let Some(schedule) = change.after else { return };
    form.line(Statement::ScheduleMove)
        .number(schedule.id.get())
        .number(schedule.in_use)
        .count(schedule.version)
        .number(schedule.decided_at.micros())
        .count(schedule.last_event)
        .number_or_null(schedule.sold_out_at.map(Timestamp::micros))
        .count(loaded_version(change.before) + 1)
        .end();
}

fn claims(form: &mut RowForm, changes: &[Change<'_, (ScheduleId, SeatNo), Claim>]) {
    let holder = |claim: &Claim| claim.reservation();
    for change in changes.iter().filter(|change| change.after.is_none()) {
        let Some((before, _)) = change.before else { continue };
        let (schedule, seat) = *change.key;
        form.line(Statement::ClaimDelete)
            .number(schedule.get())
            .number(seat.get())
            .blob_or_null(holder(before).as_ref().map(ReservationId::bytes))
            .end();
    }
    for change in changes {
        let (Some((before, _)), Some(claim)) = (change.before, change.after) else { continue };
        let (schedule, seat) = *change.key;
        let (kind, reservation, user, until) = codec::claim_columns(claim);
        form.line(Statement::ClaimUpdate)
            .number(schedule.get())
            .number(seat.get())
            .blob_or_null(holder(before).as_ref().map(ReservationId::bytes))
            .number(kind)
            .blob_or_null(reservation.map(ReservationId::bytes))
            .blob_or_null(user.map(UserId::bytes))
            .number_or_null(until.map(Timestamp::micros))
            .end();
    }
    for change in changes.iter().filter(|change| change.before.is_none()) {
        let Some(claim) = change.after else { continue };
        let (schedule, seat) = *change.key;
        let (kind, reservation, user, until) = codec::claim_columns(claim);
        form.line(Statement::ClaimInsert)
            .number(schedule.get())
            .number(seat.get())
            .number(kind)
            .blob_or_null(reservation.map(ReservationId::bytes))
            .blob_or_null(user.map(UserId::bytes))
            .number_or_null(until.map(Timestamp::micros))
            .end();
    }
}

fn reservation(
    form: &mut RowForm,
    change: &Change<'_, ReservationId, Reservation>,
) -> Result<(), StoreError> {
    let Some(reservation) = change.after else { return Err(never_deleted(&Key::Reservation(*change.key))) };
    let columns = codec::state_columns(&reservation.state);
    let Some((_, version)) = change.before else {
        form.line(Statement::ReservationInsert)
            .blob(reservation.id.bytes())
            .blob(reservation.user.bytes())
            .number(reservation.concert.get())
            .number(reservation.schedule.get())
            .text(&codec::seats_text(reservation.seats.iter().copied()))
            .number(reservation.amount.minor())
            .number(reservation.created_at.micros())
            .number(columns.state)
            .number(columns.at.micros())
            .number(columns.extended)
            .blob_or_null(columns.payment.map(PaymentId::bytes))
            .number(reservation.last_event)
            .number(reservation.held_until().micros())
            .blob_or_null(reservation.entry.as_ref().map(EntryId::bytes))
            .number_or_null(columns.paid_at.map(Timestamp::micros))
            .number_or_null(columns.returned.map(Money::minor))
            .end();
        return Ok(());
    };
    form.line(Statement::ReservationUpdate)
        .blob(reservation.id.bytes())
        .number(columns.state)
        .number(columns.at.micros())
        .number(columns.extended)
        .blob_or_null(columns.payment.map(PaymentId::bytes))
        .number(reservation.last_event)
        .number(reservation.held_until().micros())
        .number_or_null(columns.paid_at.map(Timestamp::micros))
        .number_or_null(columns.returned.map(Money::minor))
        .count(version + 1)
        .end();
    Ok(())
}

fn entry(form: &mut RowForm, entry: &LedgerEntry) {
    let (kind, method, payment, reservation) = codec::entry_columns(&entry.kind);
    form.line(Statement::LedgerInsert)
        .blob(entry.user.bytes())
        .count(entry.number)
        .blob(entry.transaction.bytes())
        .number(kind)
        .number_or_null(method)
        .blob_or_null(payment.map(PaymentId::bytes))
        .blob_or_null(reservation.map(ReservationId::bytes))
        .number(entry.amount.minor())
        .number(entry.before.minor())
        .number(entry.after.minor())
        .number(entry.at.micros())
        .number(codec::counter_account_number(entry.kind.counter_account()))
        .end();
}

fn payment(form: &mut RowForm, payment: &Payment) {
    let (state, reason) = codec::payment_columns(payment.state);
    form.line(Statement::PaymentInsert)
        .blob(payment.id.bytes())
        .blob(payment.reservation.bytes())
        .number(payment.schedule.get())
        .blob(payment.user.bytes())
        .number(payment.amount.minor())
        .number(payment.at.micros())
        .number(state)
        .text_or_null(reason)
        .number(payment.seats)
        .end();
}

fn refund(form: &mut RowForm, refund: &Refund) {
    form.line(Statement::RefundInsert)
        .blob(refund.payment.bytes())
        .blob(refund.reservation.bytes())
        .number(refund.schedule.get())
        .blob(refund.user.bytes())
        .number(refund.returned.minor())
        .number(refund.fee.minor())
        .number(refund.at.micros())
        .text(refund.cause.name())
        .end();
}

fn ticket(form: &mut RowForm, change: &Change<'_, TicketId, Ticket>) -> Result<(), StoreError> {
    let Some(ticket) = change.after else {
        let key = change.before.map(|(ticket, _)| Key::Tickets(ticket.reservation));
        return key.map_or(Ok(()), |key| Err(never_deleted(&key)));
    };
    let (state, at, by) = codec::ticket_columns(&ticket.state);
    let (at, by) = (at.map(Timestamp::micros), by.map(UserId::bytes));
    match change.before {
        None => form
            .line(Statement::TicketInsert)
            .blob(ticket.id.bytes())
            .blob(ticket.reservation.bytes())
            .number(ticket.schedule.get())
            .number(ticket.seat.get())
            .blob(ticket.user.bytes())
            .number(state)
            .number_or_null(at)
            .blob_or_null(by)
            .end(),
        Some((_, version)) => form
            .line(Statement::TicketUpdate)
            .blob(ticket.id.bytes())
            .number(state)
            .number_or_null(at)
            .blob_or_null(by)
            .count(version + 1)
            .end(),
    }
    Ok(())
}

fn key(form: &mut RowForm, key: &[u8; 16], record: &OnceRecord) {
    form.line(Statement::KeyInsert)
        .number(record.created_at.day())
        .blob(key)
        .blob(&record.request)
        .blob(&record.outcome)
        .number(record.created_at.micros())
        .end();
}
