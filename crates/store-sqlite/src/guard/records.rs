//! Records that are changed: what they were decided on is what there is.

use frontrow_application::store::StoreError;
use frontrow_domain::catalog::Schedule;
use frontrow_domain::records::{Change, Changes, Digest, Key, OnceRecord};
use frontrow_domain::reservation::{Claim, Reservation};
use frontrow_domain::ticket::Ticket;
use frontrow_domain::wallet::Wallet;
use frontrow_domain::{Money, ReservationId, ScheduleId, SeatNo, TicketId, UserId};

use super::{Checked, Guard, Once, broken, lost};
use crate::error::store_error;
use crate::live::Known;
use crate::load::ranges;

impl Guard<'_> {
    pub(super) fn wallet(&self, change: &Change<'_, UserId, Wallet>) -> Checked {
        let key = Key::Wallet(*change.key);
        if change.after.is_some_and(|wallet| wallet.balance < Money::ZERO) {
            return Err(broken(&key, "a balance below zero"));
        }
        let present = match self.state.wallets.get(change.key) {
            Some(kept) => Some(kept.value.1),
            None => {
                self.version("SELECT row_version FROM wallet WHERE user_id = ?1", [change.key.bytes()])?
            }
        };
        same(change, present, key)
    }

    /// A schedule that is made or edited is written at once, and its table says whether it was as loaded.
    pub(super) fn schedule(&self, change: &Change<'_, ScheduleId, Schedule>, is_move: bool) -> Checked {
        let key = Key::Schedule(*change.key);
        let present = match self.state.schedules.get(change.key) {
            Some((_, version)) => Some(*version),
            None if is_move => {
                self.version("SELECT row_version FROM schedule WHERE schedule_id = ?1", [change.key.get()])?
            }
            None => return Ok(()),
        };
        same(change, present, key)
    }

    pub(super) fn claim(&self, change: &Change<'_, (ScheduleId, SeatNo), Claim>) -> Checked {
        let (schedule, seat) = *change.key;
        let hall = self.state.halls.get(&schedule);
        let present = match hall.map_or(Known::InTheTable, |hall| hall.claim(seat)) {
            Known::Is(claim) => claim,
            Known::InTheTable => {
                ranges::claim(self.connection, schedule, seat).map_err(|error| store_error(&error, None))?
            }
        };
        let holder = |claim: &Claim| claim.reservation();
        let seen = change.before.map(|(claim, _)| holder(claim));
        if seen == present.as_ref().map(holder) { Ok(()) } else { Err(lost(Key::Claim(schedule, seat))) }
    }

    pub(super) fn reservation(&self, change: &Change<'_, ReservationId, Reservation>) -> Checked {
        let key = Key::Reservation(*change.key);
        if change.after.is_some_and(|reservation| reservation.amount < Money::ZERO) {
            return Err(broken(&key, "an amount below zero"));
        }
        let is_new = change.before.is_none();
        let present = match self.state.reservations.get(change.key) {
            Some(kept) => Some(kept.value.1),
            None if is_new && self.highest.reservation.is_none_or(|highest| *change.key > highest) => None,
            None => {
                let sql = "SELECT row_version FROM reservation WHERE reservation_id = ?1";
                self.version(sql, [change.key.bytes()])?
            }
        };
        same(change, present, key)
    }

    pub(super) fn tickets(&self, changes: &Changes<'_>) -> Checked {
        let mut seats = Once::default();
        for change in &changes.tickets {
            let Some(ticket) = change.after else { continue };
            let key = Key::Tickets(ticket.reservation);
            let mut checked = self.ticket(change, ticket, &key);
            if checked.is_ok() && change.before.is_none() {
                let is_first = seats.add((ticket.reservation, ticket.seat), &key);
                checked = is_first.and_then(|()| self.seat_of_ticket(ticket, &key));
            }
            checked.map_err(|error| match error {
                // Tickets are issued by who names the reservation, and scanned by who names its tickets.
                StoreError::Lost(keys) => StoreError::Lost(keys.with(Key::Reservation(ticket.reservation))),
                other => other,
            })?;
        }
        Ok(())
    }

    fn ticket(&self, change: &Change<'_, TicketId, Ticket>, ticket: &Ticket, key: &Key) -> Checked {
        let is_new = change.before.is_none();
        let present = match self.state.tickets.get(&ticket.id) {
            Some(kept) => Some(kept.value.1),
            None if is_new && self.highest.ticket.is_none_or(|highest| ticket.id > highest) => None,
            None => {
                self.version("SELECT row_version FROM ticket WHERE ticket_id = ?1", [ticket.id.bytes()])?
            }
        };
        same(change, present, key.clone())
    }

    /// A reservation has one ticket a seat.
    fn seat_of_ticket(&self, ticket: &Ticket, key: &Key) -> Checked {
        let of_reservation = self.state.tickets_of.get(&ticket.reservation).into_iter().flatten();
        let mut kept = of_reservation.filter_map(|id| self.state.tickets.get(id));
        if kept.any(|kept| kept.value.0.seat == ticket.seat) {
            return Err(lost(key.clone()));
        }
        let sql = "SELECT 1 FROM ticket WHERE reservation_id = ?1 AND seat_no = ?2";
        self.absent(sql, (ticket.reservation.bytes(), ticket.seat.get()), key)
    }

    /// A key is kept once in the two days for which it may count.
    pub(super) fn key(&self, change: &Change<'_, Digest, OnceRecord>) -> Checked {
        let Some(record) = change.after else { return Ok(()) };
        let key = || Key::Once(*change.key);
        let is_of_the_day = |kept: &OnceRecord| kept.created_at.day() == record.created_at.day();
        if let Some(kept) = self.state.once.get(change.key) {
            return if is_of_the_day(&kept.value) { Err(lost(key())) } else { Ok(()) };
        }
        let unindexed = self.state.unindexed.get(change.key).copied();
        let found = self.once.find(self.connection, change.key, unindexed, self.now);
        match found.map_err(|error| store_error(&error, Some(key())))? {
            Some(kept) if is_of_the_day(&kept) => Err(lost(key())),
            _ => Ok(()),
        }
    }
}

/// A record has the version at which it was loaded.
fn same<K, V>(change: &Change<'_, K, V>, present: Option<u64>, key: Key) -> Checked {
    let seen = change.before.map(|(_, version)| version);
    if seen == present { Ok(()) } else { Err(lost(key)) }
}
