//! Saving claims, reservations, and what is only ever added.

use frontrow_application::store::StoreError;
use frontrow_domain::event::OutboxEvent;
use frontrow_domain::payment::{Payment, Refund};
use frontrow_domain::records::{Change, Key};
use frontrow_domain::reservation::{Claim, Reservation};
use frontrow_domain::staff::StaffAction;
use frontrow_domain::ticket::Ticket;
use frontrow_domain::wallet::LedgerEntry;
use frontrow_domain::{
    EntryId, Money, PaymentId, ReservationId, ScheduleId, SeatNo, TicketId, Timestamp, UserId,
};

use super::{Saved, Saver, never_deleted};
use crate::codec;
use crate::error::store_error;

impl Saver<'_> {
    pub(super) fn claims(&self, changes: &[Change<'_, (ScheduleId, SeatNo), Claim>]) -> Saved {
        for change in changes.iter().filter(|change| change.after.is_none()) {
            let (schedule, seat) = *change.key;
            let holder = change.before.and_then(|(claim, _)| claim.reservation());
            self.matched(
                "DELETE FROM claim WHERE schedule_id = ?1 AND seat_no = ?2 AND reservation_id IS ?3",
                (schedule.get(), seat.get(), holder.as_ref().map(ReservationId::bytes)),
                Key::Claim(schedule, seat),
            )?;
        }
        for change in changes {
            let (Some((before, _)), Some(claim)) = (change.before, change.after) else { continue };
            let (schedule, seat) = *change.key;
            let (kind, reservation, user, until) = codec::claim_columns(claim);
            let holder = before.reservation();
            self.matched(
                "UPDATE claim SET kind = ?4, reservation_id = ?5, user_id = ?6, until = ?7 \
                 WHERE schedule_id = ?1 AND seat_no = ?2 AND reservation_id IS ?3",
                (
                    schedule.get(),
                    seat.get(),
                    holder.as_ref().map(ReservationId::bytes),
                    kind,
                    reservation.map(ReservationId::bytes),
                    user.map(UserId::bytes),
                    until.map(Timestamp::micros),
                ),
                Key::Claim(schedule, seat),
            )?;
        }
        for change in changes.iter().filter(|change| change.before.is_none()) {
            let Some(claim) = change.after else { continue };
            let (schedule, seat) = *change.key;
            let (kind, reservation, user, until) = codec::claim_columns(claim);
            self.insert(
                "INSERT INTO claim (schedule_id, seat_no, kind, reservation_id, user_id, until) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                (
                    schedule.get(),
                    seat.get(),
                    kind,
                    reservation.map(ReservationId::bytes),
                    user.map(UserId::bytes),
                    until.map(Timestamp::micros),
                ),
                Key::Claim(schedule, seat),
            )?;
        }
        Ok(())
    }

    pub(super) fn reservation(&self, change: &Change<'_, ReservationId, Reservation>) -> Saved {
        let key = Key::Reservation(*change.key);
        let Some(reservation) = change.after else { return Err(never_deleted(&key)) };
        let columns = codec::state_columns(&reservation.state);
        match change.before {
            None => self.insert(
                "INSERT INTO reservation (reservation_id, user_id, concert_id, schedule_id, seats, amount, \
                 created_at, state, state_at, extended, payment_id, last_event, held_until, queue_entry, \
                 paid_at, returned, row_version) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, 1)",
                (
                    reservation.id.bytes(),
                    reservation.user.bytes(),
                    reservation.concert.get(),
                    reservation.schedule.get(),
                    codec::seats_text(reservation.seats.iter().copied()),
                    reservation.amount.minor(),
                    reservation.created_at.micros(),
                    columns.state,
                    columns.at.micros(),
                    columns.extended,
                    columns.payment.map(PaymentId::bytes),
                    reservation.last_event,
                    reservation.held_until().micros(),
                    reservation.entry.as_ref().map(EntryId::bytes),
                    columns.paid_at.map(Timestamp::micros),
                    columns.returned.map(Money::minor),
                ),
                key,
            ),
            // Everything else about a reservation never changes.
            Some((_, version)) => self.matched(
                "UPDATE reservation SET state = ?2, state_at = ?3, extended = ?4, payment_id = ?5, \
                 last_event = ?6, held_until = ?8, paid_at = ?9, returned = ?10, row_version = ?7 + 1 \
                 WHERE reservation_id = ?1 AND row_version = ?7",
                (
                    reservation.id.bytes(),
                    columns.state,
                    columns.at.micros(),
                    columns.extended,
                    columns.payment.map(PaymentId::bytes),
                    reservation.last_event,
                    version,
                    reservation.held_until().micros(),
                    columns.paid_at.map(Timestamp::micros),
                    columns.returned.map(Money::minor),
                ),
                key,
            ),
        }
    }

    pub(super) fn ledger(&self, entries: &[LedgerEntry]) -> Saved {
        for entry in entries {
            let (kind, method, payment, reservation) = codec::entry_columns(&entry.kind);
            self.insert(
                "INSERT INTO ledger (user_id, number, transaction_id, kind, method, payment_id, reservation_id, \
                 amount, balance_before, balance_after, at, counter_account) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
                (
                    entry.user.bytes(),
                    entry.number,
                    entry.transaction.bytes(),
                    kind,
                    method,
                    payment.map(PaymentId::bytes),
                    reservation.map(ReservationId::bytes),
                    entry.amount.minor(),
                    entry.before.minor(),
                    entry.after.minor(),
                    entry.at.micros(),
                    codec::counter_account_number(entry.kind.counter_account()),
                ),
                Key::Wallet(entry.user),
            )?;
        }
        Ok(())
    }

    pub(super) fn payments(&self, payments: &[Payment]) -> Saved {
        for payment in payments {
            let (state, reason) = codec::payment_columns(payment.state);
            self.insert(
                "INSERT INTO payment (payment_id, reservation_id, schedule_id, user_id, amount, at, state, \
                 failure_reason, seats) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
                (
                    payment.id.bytes(),
                    payment.reservation.bytes(),
                    payment.schedule.get(),
                    payment.user.bytes(),
                    payment.amount.minor(),
                    payment.at.micros(),
                    state,
                    reason,
                    payment.seats,
                ),
                Key::Reservation(payment.reservation),
            )?;
        }
        Ok(())
    }

    pub(super) fn refunds(&self, refunds: &[Refund]) -> Saved {
        for refund in refunds {
            self.insert(
                "INSERT INTO refund (payment_id, reservation_id, schedule_id, user_id, returned, fee, at, cause) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                (
                    refund.payment.bytes(),
                    refund.reservation.bytes(),
                    refund.schedule.get(),
                    refund.user.bytes(),
                    refund.returned.minor(),
                    refund.fee.minor(),
                    refund.at.micros(),
                    refund.cause.name(),
                ),
                Key::Reservation(refund.reservation),
            )?;
        }
        Ok(())
    }

    pub(super) fn ticket(&self, change: &Change<'_, TicketId, Ticket>) -> Saved {
        let Some(ticket) = change.after else {
            let key = change.before.map(|(ticket, _)| ticket.reservation).map(Key::Tickets);
            return key.map_or(Ok(()), |key| Err(never_deleted(&key)));
        };
        let (state, at, by) = codec::ticket_columns(&ticket.state);
        let (at, by) = (at.map(Timestamp::micros), by.map(UserId::bytes));
        let saved = match change.before {
            None => self.insert(
                "INSERT INTO ticket (ticket_id, reservation_id, schedule_id, seat_no, user_id, state, used_at, \
                 used_by, row_version) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 1)",
                (
                    ticket.id.bytes(),
                    ticket.reservation.bytes(),
                    ticket.schedule.get(),
                    ticket.seat.get(),
                    ticket.user.bytes(),
                    state,
                    at,
                    by,
                ),
                Key::Tickets(ticket.reservation),
            ),
            // Everything else about a ticket never changes.
            Some((_, version)) => self.matched(
                "UPDATE ticket SET state = ?2, used_at = ?3, used_by = ?4, row_version = ?5 + 1 \
                 WHERE ticket_id = ?1 AND row_version = ?5",
                (ticket.id.bytes(), state, at, by, version),
                Key::Tickets(ticket.reservation),
            ),
        };
        saved.map_err(|error| match error {
            // Tickets are issued by who names the reservation, and scanned by who names its tickets.
            StoreError::Lost(keys) => StoreError::Lost(keys.with(Key::Reservation(ticket.reservation))),
            other => other,
        })
    }

    pub(super) fn events(&self, events: &[OutboxEvent]) -> Saved {
        for event in events {
            let body = serde_json::to_string(event).map_err(|error| StoreError::Broken(error.to_string()))?;
            self.connection
                .prepare_cached(
                    "INSERT INTO outbox (key, sequence, at, body, queue_entry) VALUES (?1, ?2, ?3, ?4, ?5)",
                )
                .and_then(|mut statement| {
                    let entry = event.ends_entry();
                    let entry = entry.as_ref().map(EntryId::bytes);
                    statement.execute((event.key.as_bytes(), event.sequence, event.at.micros(), body, entry))
                })
                .map_err(|error| store_error(&error, None))?;
        }
        Ok(())
    }

    pub(super) fn staff_actions(&self, actions: &[StaffAction]) -> Saved {
        for action in actions {
            let values = (
                action.id.bytes(),
                action.at.micros(),
                action.actor.user.bytes(),
                codec::role_number(action.actor.role),
                action.action.name(),
                &action.target,
                &action.before,
                &action.after,
                &action.request_id,
            );
            self.connection
                .prepare_cached(
                    "INSERT INTO audit_log (entry_id, at, user_id, role, action, target, before, after, request_id) \
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
                )
                .and_then(|mut statement| statement.execute(values))
                .map_err(|error| store_error(&error, None))?;
        }
        Ok(())
    }
}
