//! Saving claims, reservations, and what is only ever added.

use frontrow_application::store::StoreError;
use frontrow_domain::event::{self, OutboxEvent};
use frontrow_domain::payment::{Payment, Refund};
use frontrow_domain::records::{Change, Key};
use frontrow_domain::reservation::{Claim, Reservation};
use frontrow_domain::staff::StaffAction;
use frontrow_domain::ticket::Ticket;
use frontrow_domain::wallet::LedgerEntry;
use frontrow_domain::{ReservationId, ScheduleId, SeatNo, TicketId};

use super::updates::Updates;
use super::{Look, Rows, Saved, Saver, never_deleted};
use crate::codec;
use crate::sql::{tuple, values};

impl Saver {
    pub(super) fn claims(&mut self, changes: &[Change<'_, (ScheduleId, SeatNo), Claim>]) {
        for change in changes.iter().filter(|change| change.after.is_none()) {
            let (schedule, seat) = *change.key;
            let holder = change.before.and_then(|(claim, _)| claim.reservation());
            self.matched(
                "DELETE FROM claim WHERE schedule_id = ? AND seat_no = ? AND reservation_id <=> ?",
                &values![schedule, seat, holder.as_ref()],
                Key::Claim(schedule, seat),
            );
        }
        let mut rows = Rows::new("claim (schedule_id, seat_no, kind, reservation_id, user_id, held_until)");
        rows.look = Some(Look::Claims);
        for change in changes {
            let Some(claim) = change.after else { continue };
            let (schedule, seat) = *change.key;
            let (kind, reservation, user, until) = codec::claim_columns(claim);
            let key = Key::Claim(schedule, seat);
            if change.before.is_none() {
                rows.add(&values![schedule, seat, kind, reservation, user, until], key);
            }
        }
        self.update_claims(changes);
        self.insert(rows);
    }

    pub(super) fn reservations(&mut self, changes: &[Change<'_, ReservationId, Reservation>]) -> Saved {
        let mut rows = Rows::new(
            "reservation (reservation_id, user_id, concert_id, schedule_id, seats, amount, created_at, state, \
             state_at, held_until, extended, payment_id, last_event, queue_entry, paid_at, returned, row_version)",
        );
        let mut updates = Updates::new(
            "reservation",
            "reservation_id",
            &[
                "state",
                "state_at",
                "held_until",
                "extended",
                "payment_id",
                "last_event",
                "paid_at",
                "returned",
            ],
        );
        for change in changes {
            let key = Key::Reservation(*change.key);
            let Some(reservation) = change.after else { return Err(never_deleted(&key)) };
            let columns = codec::state_columns(&reservation.state);
            let (id, event, held_until) = (&reservation.id, reservation.last_event, reservation.held_until());
            let (state, at, extended, payment) =
                (columns.state, columns.at, columns.extended, columns.payment);
            let Some((_, version)) = change.before else {
                let seats = codec::seats_text(reservation.seats.iter().copied());
                rows.add(
                    &values![
                        id,
                        &reservation.user,
                        reservation.concert,
                        reservation.schedule,
                        &seats,
                        reservation.amount,
                        reservation.created_at,
                        state,
                        at,
                        held_until,
                        extended,
                        payment,
                        event,
                        reservation.entry.as_ref(),
                        columns.paid_at,
                        columns.returned,
                        1_u8,
                    ],
                    key,
                );
                continue;
            };
            // Everything else about a reservation never changes.
            updates.add(
                id.into(),
                version,
                &values![state, at, held_until, extended, payment, event, columns.paid_at, columns.returned],
                key,
            );
        }
        self.update(&updates);
        self.insert(rows);
        Ok(())
    }

    pub(super) fn ledger(&mut self, entries: &[LedgerEntry]) {
        let mut rows = Rows::new(
            "ledger (user_id, number, transaction_id, kind, counter_account, method, payment_id, reservation_id, \
             amount, balance_before, balance_after, at)",
        );
        for entry in entries {
            let (kind, method, payment, reservation) = codec::entry_columns(&entry.kind);
            let account = codec::counter_account_number(entry.kind.counter_account());
            rows.add(
                &values![
                    &entry.user,
                    entry.number,
                    &entry.transaction,
                    kind,
                    account,
                    method,
                    payment,
                    reservation,
                    entry.amount,
                    entry.before,
                    entry.after,
                    entry.at,
                ],
                Key::Wallet(entry.user),
            );
        }
        self.insert(rows);
    }

    pub(super) fn payments(&mut self, payments: &[Payment]) {
        let mut rows = Rows::new(
            "payment (payment_id, reservation_id, schedule_id, user_id, amount, seats, at, state, failure_reason)",
        );
        for payment in payments {
            let (state, reason) = codec::payment_columns(payment.state);
            rows.add(
                &values![
                    &payment.id,
                    &payment.reservation,
                    payment.schedule,
                    &payment.user,
                    payment.amount,
                    payment.seats,
                    payment.at,
                    state,
                    reason,
                ],
                Key::Reservation(payment.reservation),
            );
        }
        self.insert(rows);
    }

    pub(super) fn refunds(&mut self, refunds: &[Refund]) {
        let mut rows =
            Rows::new("refund (payment_id, reservation_id, schedule_id, user_id, returned, fee, at, cause)");
        for refund in refunds {
            rows.add(
                &values![
                    &refund.payment,
                    &refund.reservation,
                    refund.schedule,
                    &refund.user,
                    refund.returned,
                    refund.fee,
                    refund.at,
                    refund.cause.name(),
                ],
                Key::Reservation(refund.reservation),
            );
        }
        self.insert(rows);
    }

    pub(super) fn tickets(&mut self, changes: &[Change<'_, TicketId, Ticket>]) -> Saved {
        let mut rows = Rows::new(
            "ticket (ticket_id, reservation_id, schedule_id, seat_no, user_id, state, used_at, used_by, row_version)",
        );
        for change in changes {
            let Some(ticket) = change.after else {
                let key = change.before.map(|(ticket, _)| ticket.reservation).map(Key::Tickets);
                if let Some(key) = key {
                    return Err(never_deleted(&key));
                }
                continue;
            };
            let (state, at, by) = codec::ticket_columns(&ticket.state);
            let Some((_, version)) = change.before else {
                let (schedule, seat) = (ticket.schedule, ticket.seat);
                // Tickets are issued by who names the reservation.
                rows.add(
                    &values![
                        &ticket.id,
                        &ticket.reservation,
                        schedule,
                        seat,
                        &ticket.user,
                        state,
                        at,
                        by,
                        1_u8
                    ],
                    Key::Reservation(ticket.reservation),
                );
                continue;
            };
            // Everything else about a ticket never changes. It is scanned by who names its tickets.
            self.matched_of(
                "UPDATE ticket SET state = ?, used_at = ?, used_by = ?, row_version = row_version + 1 \
                 WHERE ticket_id = ? AND row_version = ?",
                &values![state, at, by, &ticket.id, version],
                vec![Key::Tickets(ticket.reservation), Key::Reservation(ticket.reservation)],
            );
        }
        self.insert(rows);
        Ok(())
    }

    pub(super) fn events(&mut self, events: &[OutboxEvent]) -> Saved {
        let mut rows = Vec::with_capacity(events.len());
        for event in events {
            let body = serde_json::to_string(event).map_err(|error| StoreError::Broken(error.to_string()))?;
            let entry = event.ends_entry();
            let ends_session = entry.is_some().then_some(1_u8);
            rows.push(tuple(&values![
                event.key.as_bytes(),
                event.sequence,
                event.at,
                &body,
                event::partition(event.key),
                entry.as_ref(),
                ends_session,
            ]));
        }
        let into = "outbox (event_key, sequence, at, body, partition_no, queue_entry, ends_session)";
        self.insert_unnamed(into, &rows);
        Ok(())
    }

    pub(super) fn staff_actions(&mut self, actions: &[StaffAction]) {
        let rows: Vec<String> = actions
            .iter()
            .map(|action| {
                tuple(&values![
                    &action.id,
                    action.at,
                    &action.actor.user,
                    codec::role_number(action.actor.role),
                    action.action.name(),
                    &action.target,
                    action.before.as_ref(),
                    action.after.as_ref(),
                    &action.request_id,
                ])
            })
            .collect();
        let into =
            "audit_log (entry_id, at, user_id, role, action, target, seen_before, seen_after, request_id)";
        self.insert_unnamed(into, &rows);
    }
}
