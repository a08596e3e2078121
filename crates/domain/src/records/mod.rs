//! The working set that commands decide on: one table per kind of record, loaded by the names in [`Keys`].
//!
//! A store loads what a group's keys name, lets the group decide, and saves what changed; nothing else is ever
//! written. A command that touches a record nobody loaded gets [`Need`] and runs again once it is there. Every
//! change can be taken back to a [`Mark`], so that a command that refuses leaves nothing and the others of its
//! group stand.
//!
//! Who adds a kind of record: add its [`Key`], its table here, its line in [`Records::mark`],
//! [`Records::roll_back`] and [`Changes`], then its loading and saving in every store; the conformance suite
//! fails until all of them agree.

mod key;
mod pick;
mod table;

pub use key::{Counter, Digest, Key, Keys, Need};
pub use pick::SeatPicture;
pub use table::{Change, Journal, Table};

use std::collections::HashMap;
use std::sync::Arc;

use uuid::Uuid;

use crate::account::{Account, Email, Login};
use crate::catalog::{Concert, Drawing, Schedule};
use crate::event::{Origin, OutboxEvent};
use crate::payment::{Payment, Refund};
use crate::reservation::{Claim, Reservation, SeatState};
use crate::staff::StaffAction;
use crate::ticket::Ticket;
use crate::wallet::{LedgerEntry, Wallet};
use crate::{ConcertId, EntryId, LoginId, ReservationId, ScheduleId, SeatNo, TicketId, Timestamp, UserId};
use pick::Picks;

/// The stored outcome of a command that was sent with an idempotency key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnceRecord {
    /// Digest of method, path and parsed body: a repeat must match it.
    pub request: Digest,
    /// The outcome in compact form; the first byte is its version.
    pub outcome: Vec<u8>,
    /// When it was kept. It counts for a day.
    pub created_at: Timestamp,
}

/// The seats of one schedule that one commit changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeatChanges {
    /// Which schedule.
    pub schedule: ScheduleId,
    /// The version of its map after the commit.
    pub version: u64,
    /// What each changed seat shows now, in order of number.
    pub seats: Vec<(SeatNo, SeatState)>,
}

/// The drawing of a plan, to be kept beside it.
#[derive(Debug, Clone, PartialEq)]
pub struct PlanDrawing {
    /// Of which schedule.
    pub schedule: ScheduleId,
    /// Of which of its plans.
    pub plan_version: u32,
    /// The drawing.
    pub drawing: Arc<Drawing>,
}

/// A part of the order in which a lobby was drawn, to be published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DrawPart {
    /// Of which concert.
    pub concert: ConcertId,
    /// How many were drawn before these.
    pub first: u32,
    /// Who, in drawn order.
    pub entries: Vec<EntryId>,
}

/// The working set of one group.
#[derive(Debug)]
pub struct Records {
    /// Accounts by id.
    pub accounts: Table<UserId, Account>,
    /// Who owns an address.
    pub emails: Table<Email, UserId>,
    /// Who is known to an external issuer under a subject.
    pub identities: Table<Digest, UserId>,
    /// Log-ins by id.
    pub logins: Table<LoginId, Login>,
    /// Wallets by owner.
    pub wallets: Table<UserId, Wallet>,
    /// The last number given out.
    pub counters: Table<Counter, u32>,
    /// Concerts by number.
    pub concerts: Table<ConcertId, Concert>,
    /// Schedules by number.
    pub schedules: Table<ScheduleId, Schedule>,
    /// Claims by seat.
    pub claims: Table<(ScheduleId, SeatNo), Claim>,
    /// Reservations by id.
    pub reservations: Table<ReservationId, Reservation>,
    /// Outcomes by the digest of account and idempotency key.
    pub once: Table<Digest, OnceRecord>,
    /// New lines of the ledger.
    pub ledger: Journal<LedgerEntry>,
    /// New payments.
    pub payments: Journal<Payment>,
    /// Tickets by id.
    pub tickets: Table<TicketId, Ticket>,
    /// New refunds.
    pub refunds: Journal<Refund>,
    /// New drawings of plans.
    pub drawings: Journal<PlanDrawing>,
    /// New parts of drawn orders.
    pub draw_parts: Journal<DrawPart>,
    /// New events.
    pub events: Journal<OutboxEvent>,
    /// New lines of the audit log.
    pub staff_actions: Journal<StaffAction>,
    picks: Picks,
    tickets_of: HashMap<ReservationId, Vec<TicketId>>,
    /// To whose list a ticket was added, in order, so that it can be taken off again.
    ticket_additions: Vec<ReservationId>,
    fan_reservations: HashMap<(ScheduleId, UserId), Vec<ReservationId>>,
    /// To whose list a reservation was added, in order, so that it can be taken off again.
    fan_additions: Vec<(ScheduleId, UserId)>,
    seat_changes: Vec<SeatChanges>,
}

/// A moment in the life of a working set, to roll back to.
#[derive(Debug, Clone, Copy)]
pub struct Mark {
    tables: [usize; 12],
    journals: [usize; 7],
    fan_additions: usize,
    ticket_additions: usize,
}

/// What an adapter gets to save: for every kind the changed records in order of key.
#[derive(Debug)]
pub struct Changes<'a> {
    /// Changed accounts.
    pub accounts: Vec<Change<'a, UserId, Account>>,
    /// Changed owners of addresses.
    pub emails: Vec<Change<'a, Email, UserId>>,
    /// New external identities.
    pub identities: Vec<Change<'a, Digest, UserId>>,
    /// Changed log-ins.
    pub logins: Vec<Change<'a, LoginId, Login>>,
    /// Changed wallets.
    pub wallets: Vec<Change<'a, UserId, Wallet>>,
    /// Counters that moved.
    pub counters: Vec<Change<'a, Counter, u32>>,
    /// Changed concerts.
    pub concerts: Vec<Change<'a, ConcertId, Concert>>,
    /// Changed schedules.
    pub schedules: Vec<Change<'a, ScheduleId, Schedule>>,
    /// Changed claims.
    pub claims: Vec<Change<'a, (ScheduleId, SeatNo), Claim>>,
    /// Changed reservations.
    pub reservations: Vec<Change<'a, ReservationId, Reservation>>,
    /// New outcomes.
    pub once: Vec<Change<'a, Digest, OnceRecord>>,
    /// New lines of the ledger.
    pub ledger: &'a [LedgerEntry],
    /// New payments.
    pub payments: &'a [Payment],
    /// New and changed tickets.
    pub tickets: Vec<Change<'a, TicketId, Ticket>>,
    /// New refunds.
    pub refunds: &'a [Refund],
    /// New drawings of plans.
    pub drawings: &'a [PlanDrawing],
    /// New parts of drawn orders.
    pub draw_parts: &'a [DrawPart],
    /// New events, in the order in which they happened.
    pub events: &'a [OutboxEvent],
    /// New lines of the audit log.
    pub staff_actions: &'a [StaffAction],
    /// Which seats changed, by schedule.
    pub seat_changes: &'a [SeatChanges],
}

impl Default for Records {
    fn default() -> Self {
        Self {
            accounts: Table::new(|key| Key::Account(*key)),
            emails: Table::new(|key| Key::Email(key.clone())),
            identities: Table::new(|key| Key::Identity(*key)),
            logins: Table::new(|key| Key::Login(*key)),
            wallets: Table::new(|key| Key::Wallet(*key)),
            counters: Table::new(|key| Key::Counter(*key)),
            concerts: Table::new(|key| Key::Concert(*key)),
            schedules: Table::new(|key| Key::Schedule(*key)),
            claims: Table::new(|key| Key::Claim(key.0, key.1)),
            reservations: Table::new(|key| Key::Reservation(*key)),
            once: Table::new(|key| Key::Once(*key)),
            ledger: Journal::default(),
            payments: Journal::default(),
            // Tickets are asked for by their reservation, which `tickets_of` names; the id alone does not say it.
            tickets: Table::new(|_| Key::Tickets(ReservationId::new(Uuid::nil()))),
            refunds: Journal::default(),
            drawings: Journal::default(),
            draw_parts: Journal::default(),
            events: Journal::default(),
            staff_actions: Journal::default(),
            picks: Picks::default(),
            tickets_of: HashMap::new(),
            ticket_additions: Vec::new(),
            fan_reservations: HashMap::new(),
            fan_additions: Vec::new(),
            seat_changes: Vec::new(),
        }
    }
}

impl Records {
    /// An empty working set, to be loaded.
    pub fn new() -> Self {
        Self::default()
    }

    /// Notes that all reservations of a fan in a schedule are these, and that they have been loaded.
    pub fn loaded_fan_reservations(&mut self, schedule: ScheduleId, user: UserId, ids: Vec<ReservationId>) {
        self.fan_reservations.insert((schedule, user), ids);
    }

    /// All reservations of a fan in a schedule, in whatever state, in order of age.
    pub fn fan_reservations(
        &self,
        schedule: ScheduleId,
        user: UserId,
    ) -> Result<impl Iterator<Item = &Reservation>, Need> {
        let ids =
            self.fan_reservations.get(&(schedule, user)).ok_or(Need(Key::FanReservations(schedule, user)))?;
        Ok(ids.iter().filter_map(|id| self.reservations.get(id).ok().flatten()))
    }

    /// Adds a reservation that did not exist before.
    pub fn add_reservation(&mut self, reservation: Reservation) {
        let owner = (reservation.schedule, reservation.user);
        if let Some(ids) = self.fan_reservations.get_mut(&owner) {
            ids.push(reservation.id);
            self.fan_additions.push(owner);
        }
        self.reservations.put_new(reservation.id, reservation);
    }

    /// Notes that all tickets of a reservation are these, and that they have been loaded.
    pub fn loaded_tickets(&mut self, reservation: ReservationId, ids: Vec<TicketId>) {
        self.tickets_of.insert(reservation, ids);
    }

    /// All tickets of a reservation, in order of seat.
    pub fn tickets_of(&self, reservation: ReservationId) -> Result<Vec<Ticket>, Need> {
        let ids = self.tickets_of.get(&reservation).ok_or(Need(Key::Tickets(reservation)))?;
        Ok(ids.iter().filter_map(|id| self.tickets.get(id).ok().flatten().cloned()).collect())
    }

    /// Adds a ticket that did not exist before.
    pub fn add_ticket(&mut self, ticket: Ticket) {
        if let Some(ids) = self.tickets_of.get_mut(&ticket.reservation) {
            ids.push(ticket.id);
            self.ticket_additions.push(ticket.reservation);
        }
        self.tickets.put_new(ticket.id, ticket);
    }

    /// The present moment in the life of the set.
    pub fn mark(&self) -> Mark {
        Mark {
            tables: [
                self.accounts.mark(),
                self.emails.mark(),
                self.identities.mark(),
                self.logins.mark(),
                self.wallets.mark(),
                self.counters.mark(),
                self.concerts.mark(),
                self.schedules.mark(),
                self.claims.mark(),
                self.reservations.mark(),
                self.once.mark(),
                self.tickets.mark(),
            ],
            journals: [
                self.ledger.mark(),
                self.payments.mark(),
                self.refunds.mark(),
                self.drawings.mark(),
                self.draw_parts.mark(),
                self.events.mark(),
                self.staff_actions.mark(),
            ],
            fan_additions: self.fan_additions.len(),
            ticket_additions: self.ticket_additions.len(),
        }
    }

    /// Notes on every event written since `mark` which request it came of.
    pub fn came_of(&mut self, mark: &Mark, origin: &Origin) {
        let [_, _, _, _, _, events, _] = mark.journals;
        for event in self.events.since(events) {
            event.origin = Some(origin.clone());
        }
    }

    /// Takes back every change made since `mark`.
    pub fn roll_back(&mut self, mark: &Mark) {
        let [
            accounts,
            emails,
            identities,
            logins,
            wallets,
            counters,
            concerts,
            schedules,
            claims,
            reservations,
            once,
            tickets,
        ] = mark.tables;
        let seats: Vec<_> = self.claims.touched_since(claims).copied().collect();
        self.accounts.roll_back(accounts);
        self.emails.roll_back(emails);
        self.identities.roll_back(identities);
        self.logins.roll_back(logins);
        self.wallets.roll_back(wallets);
        self.counters.roll_back(counters);
        self.concerts.roll_back(concerts);
        self.schedules.roll_back(schedules);
        self.claims.roll_back(claims);
        self.reservations.roll_back(reservations);
        self.once.roll_back(once);
        self.tickets.roll_back(tickets);
        self.picks.roll_back(&self.claims, &seats, claims);
        let [ledger, payments, refunds, drawings, draw_parts, events, staff_actions] = mark.journals;
        self.ledger.roll_back(ledger);
        self.payments.roll_back(payments);
        self.refunds.roll_back(refunds);
        self.drawings.roll_back(drawings);
        self.draw_parts.roll_back(draw_parts);
        self.events.roll_back(events);
        self.staff_actions.roll_back(staff_actions);
        for owner in self.fan_additions.drain(mark.fan_additions..).rev() {
            if let Some(ids) = self.fan_reservations.get_mut(&owner) {
                ids.pop();
            }
        }
        for reservation in self.ticket_additions.drain(mark.ticket_additions..).rev() {
            if let Some(ids) = self.tickets_of.get_mut(&reservation) {
                ids.pop();
            }
        }
    }

    /// Takes back everything, keeping what was loaded: for a second round.
    pub fn roll_back_all(&mut self) {
        self.seat_changes.clear();
        self.picks.forget();
        self.roll_back(&Mark { tables: [0; 12], journals: [0; 7], fan_additions: 0, ticket_additions: 0 });
    }

    /// True when a command of this group has changed seats of the schedule, whose version moves on with the seal.
    pub fn has_changed_seats(&self, schedule: ScheduleId) -> bool {
        self.claims.touched_since(0).any(|(changed, _)| *changed == schedule)
    }

    /// Ends the deciding: moves the version of every schedule whose seats changed on by one, notes the time of
    /// the decision on it, takes back that it is sold out when a seat came back, and lists what changed. A schedule whose claims changed without the schedule being
    /// loaded is a defect of the command, and is asked for.
    pub fn seal(&mut self, now: Timestamp) -> Result<(), Need> {
        let mut seats: Vec<((ScheduleId, SeatNo), SeatState)> = self
            .claims
            .changes()
            .into_iter()
            .map(|change| (*change.key, SeatState::of(change.after)))
            .collect();
        seats.sort_unstable_by_key(|(key, _)| *key);
        self.seat_changes.clear();
        for chunk in seats.chunk_by(|a, b| a.0.0 == b.0.0) {
            let id = chunk[0].0.0;
            let Some(schedule) = self.schedules.get(&id)?.cloned() else {
                return Err(Need(Key::Schedule(id)));
            };
            let version = schedule.version.saturating_add(1);
            let decided_at = schedule.decided_at.max(now);
            // Whoever gave a seat back did not look whether it was a seat of something sold out.
            let is_taken = |state: &SeatState| matches!(state, SeatState::Sold | SeatState::Blocked);
            let sold_out_at = schedule.sold_out_at.filter(|_| chunk.iter().all(|(_, state)| is_taken(state)));
            self.schedules.put(id, Schedule { sold_out_at, version, decided_at, ..schedule });
            let seats = chunk.iter().map(|((_, seat), state)| (*seat, *state)).collect();
            self.seat_changes.push(SeatChanges { schedule: id, version, seats });
        }
        Ok(())
    }

    /// Which seats changed, by schedule; known once the set is sealed.
    pub fn seat_changes(&self) -> &[SeatChanges] {
        &self.seat_changes
    }

    /// The latest time at which anything was decided over a loaded schedule.
    pub fn decided_at(&self) -> Timestamp {
        self.schedules.loaded().map(|schedule| schedule.decided_at).max().unwrap_or(Timestamp::ZERO)
    }

    /// Everything that changed.
    pub fn changed(&self) -> Changes<'_> {
        Changes {
            accounts: self.accounts.changes(),
            emails: self.emails.changes(),
            identities: self.identities.changes(),
            logins: self.logins.changes(),
            wallets: self.wallets.changes(),
            counters: self.counters.changes(),
            concerts: self.concerts.changes(),
            schedules: self.schedules.changes(),
            claims: self.claims.changes(),
            reservations: self.reservations.changes(),
            once: self.once.changes(),
            ledger: self.ledger.items(),
            payments: self.payments.items(),
            tickets: self.tickets.changes(),
            refunds: self.refunds.items(),
            drawings: self.drawings.items(),
            draw_parts: self.draw_parts.items(),
            events: self.events.items(),
            staff_actions: self.staff_actions.items(),
            seat_changes: &self.seat_changes,
        }
    }
}

impl Changes<'_> {
    /// True when there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.accounts.is_empty()
            && self.emails.is_empty()
            && self.identities.is_empty()
            && self.logins.is_empty()
            && self.wallets.is_empty()
            && self.counters.is_empty()
            && self.concerts.is_empty()
            && self.schedules.is_empty()
            && self.claims.is_empty()
            && self.reservations.is_empty()
            && self.once.is_empty()
            && self.ledger.is_empty()
            && self.payments.is_empty()
            && self.tickets.is_empty()
            && self.refunds.is_empty()
            && self.drawings.is_empty()
            && self.draw_parts.is_empty()
            && self.events.is_empty()
            && self.staff_actions.is_empty()
    }
}

#[cfg(test)]
mod tests;
