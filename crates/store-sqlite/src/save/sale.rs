//! Saving claims, reservations, and what is only ever added.

use frontrow_application::store::StoreError;
use frontrow_domain::records::{Change, Changes, Key};
use frontrow_domain::reservation::{Claim, Reservation};
use frontrow_domain::staff::StaffAction;
use frontrow_domain::{EntryId, PaymentId, ReservationId, ScheduleId, SeatNo, Timestamp, UserId};

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
        let (state, at, extended, payment) = codec::state_columns(&reservation.state);
        match change.before {
            None => self.insert(
                "INSERT INTO reservation (reservation_id, user_id, concert_id, schedule_id, seats, amount, \
                 created_at, state, state_at, extended, payment_id, last_event, held_until, queue_entry, row_version) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, 1)",
                (
                    reservation.id.bytes(),
                    reservation.user.bytes(),
                    reservation.concert.get(),
                    reservation.schedule.get(),
                    codec::seats_text(reservation.seats.iter().copied()),
                    reservation.amount.minor(),
                    reservation.created_at.micros(),
                    state,
                    at.micros(),
                    extended,
                    payment.map(PaymentId::bytes),
                    reservation.last_event,
                    reservation.held_until().micros(),
                    reservation.entry.as_ref().map(EntryId::bytes),
                ),
                key,
            ),
            // Everything else about a reservation never changes.
            Some((_, version)) => self.matched(
                "UPDATE reservation SET state = ?2, state_at = ?3, extended = ?4, payment_id = ?5, \
                 last_event = ?6, held_until = ?8, row_version = ?7 + 1 \
                 WHERE reservation_id = ?1 AND row_version = ?7",
                (
                    reservation.id.bytes(),
                    state,
                    at.micros(),
                    extended,
                    payment.map(PaymentId::bytes),
                    reservation.last_event,
                    version,
                    reservation.held_until().micros(),
                ),
                key,
            ),
        }
    }

    pub(super) fn journals(&self, changes: &Changes<'_>) -> Saved {
        for entry in changes.ledger {
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
        for payment in changes.payments {
            let (state, reason) = codec::payment_columns(payment.state);
            self.insert(
                "INSERT INTO payment (payment_id, reservation_id, schedule_id, user_id, amount, at, state, \
                 failure_reason) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                (
                    payment.id.bytes(),
                    payment.reservation.bytes(),
                    payment.schedule.get(),
                    payment.user.bytes(),
                    payment.amount.minor(),
                    payment.at.micros(),
                    state,
                    reason,
                ),
                Key::Reservation(payment.reservation),
            )?;
        }
        for ticket in changes.tickets {
            self.insert(
                "INSERT INTO ticket (ticket_id, reservation_id, schedule_id, seat_no, user_id, state) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                (
                    ticket.id.bytes(),
                    ticket.reservation.bytes(),
                    ticket.schedule.get(),
                    ticket.seat.get(),
                    ticket.user.bytes(),
                    codec::ticket_state_number(ticket.state),
                ),
                Key::Reservation(ticket.reservation),
            )?;
        }
        for event in changes.events {
            let body =
                serde_json::to_string(&event.event).map_err(|error| StoreError::Broken(error.to_string()))?;
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
