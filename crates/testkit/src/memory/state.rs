//! What is on the disk, how records are loaded from it, and the guards that saving goes through.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use frontrow_application::store::StoreError;
use frontrow_domain::account::{Account, Email, Login};
use frontrow_domain::catalog::{Concert, Drawing, Schedule};
use frontrow_domain::event::OutboxEvent;
use frontrow_domain::payment::{Payment, PaymentState, Refund};
use frontrow_domain::records::{Change, Changes, Counter, Digest, Key, Keys, OnceRecord, Records};
use frontrow_domain::reservation::{Claim, Reservation, ReservationState};
use frontrow_domain::staff::{REQUEST_ID_MAX, StaffAction};
use frontrow_domain::ticket::Ticket;
use frontrow_domain::wallet::{LedgerEntry, Wallet};
use frontrow_domain::{
    AuditEntryId, ConcertId, EntryId, LoginId, PaymentId, ReservationId, ScheduleId, SeatNo, TicketId,
    Timestamp, UserId,
};

/// A value with the version of its row.
#[derive(Debug, Clone)]
pub(super) struct Row<V> {
    pub(super) value: V,
    version: u64,
}

type Rows<K, V> = BTreeMap<K, Row<V>>;

/// Everything that is stored.
#[derive(Debug, Clone, Default)]
pub(super) struct State {
    pub(super) accounts: Rows<UserId, Account>,
    pub(super) emails: Rows<Email, UserId>,
    pub(super) identities: Rows<Digest, UserId>,
    logins: Rows<LoginId, Login>,
    pub(super) wallets: Rows<UserId, Wallet>,
    counters: Rows<Counter, u32>,
    pub(super) concerts: Rows<ConcertId, Concert>,
    pub(super) schedules: Rows<ScheduleId, Schedule>,
    pub(super) claims: Rows<(ScheduleId, SeatNo), Claim>,
    pub(super) reservations: Rows<ReservationId, Reservation>,
    pub(super) once: Rows<Digest, OnceRecord>,
    pub(super) ledger: BTreeMap<(UserId, u64), LedgerEntry>,
    pub(super) payments: BTreeMap<PaymentId, Payment>,
    pub(super) tickets: Rows<TicketId, Ticket>,
    pub(super) refunds: BTreeMap<PaymentId, Refund>,
    pub(super) drawings: BTreeMap<(ScheduleId, u32), Arc<Drawing>>,
    pub(super) draw_parts: BTreeMap<(ConcertId, u32), Vec<EntryId>>,
    /// When which seats were changed, by schedule and version.
    pub(super) seat_changes: BTreeMap<(ScheduleId, u64), (Timestamp, Vec<SeatNo>)>,
    pub(super) outbox: Vec<OutboxEvent>,
    /// How many events were dropped before the first that is there.
    pub(super) outbox_gone: u64,
    pub(super) staff_actions: BTreeMap<AuditEntryId, StaffAction>,
}

/// The value of a row with its version, as records are loaded.
fn found<K: Ord, V: Clone>(rows: &Rows<K, V>, key: &K) -> Option<(V, u64)> {
    rows.get(key).map(|row| (row.value.clone(), row.version))
}

fn lost(key: Key) -> StoreError {
    StoreError::Lost(Keys::from(key))
}

impl State {
    /// Loads what a key names, in a group that began at `begun`.
    pub(super) fn load(&self, key: &Key, records: &mut Records, begun: Timestamp) {
        match key {
            Key::Once(digest) => records.once.load(*digest, found(&self.once, digest)),
            Key::Email(email) => records.emails.load(email.clone(), found(&self.emails, email)),
            Key::Identity(digest) => records.identities.load(*digest, found(&self.identities, digest)),
            Key::Account(id) => records.accounts.load(*id, found(&self.accounts, id)),
            Key::Login(id) => records.logins.load(*id, found(&self.logins, id)),
            Key::Wallet(id) => records.wallets.load(*id, found(&self.wallets, id)),
            Key::Counter(counter) => records.counters.load(*counter, found(&self.counters, counter)),
            Key::Concert(id) => records.concerts.load(*id, found(&self.concerts, id)),
            Key::Schedule(id) => records.schedules.load(*id, found(&self.schedules, id)),
            Key::Reservation(id) => records.reservations.load(*id, found(&self.reservations, id)),
            Key::FanReservations(schedule, user) => {
                let mut ids = Vec::new();
                for (id, row) in &self.reservations {
                    if (row.value.schedule, row.value.user) == (*schedule, *user) {
                        ids.push(*id);
                        records.reservations.load(*id, found(&self.reservations, id));
                    }
                }
                records.loaded_fan_reservations(*schedule, *user, ids);
            }
            Key::Tickets(reservation) => self.load_tickets(*reservation, records),
            Key::ClaimsSince(schedule, version) => self.load_claims_since(*schedule, *version, records),
            Key::LapsedClaims(schedule) => self.load_lapsed_claims(*schedule, records, begun),
            Key::Claim(schedule, seat) => self.load_claim(*schedule, *seat, records),
        }
    }

    fn load_claim(&self, schedule: ScheduleId, seat: SeatNo, records: &mut Records) {
        records.claims.load((schedule, seat), found(&self.claims, &(schedule, seat)));
    }

    fn load_tickets(&self, reservation: ReservationId, records: &mut Records) {
        let mut of_it: Vec<&Ticket> = self.tickets.values().map(|row| &row.value).collect();
        of_it.retain(|ticket| ticket.reservation == reservation);
        of_it.sort_by_key(|ticket| ticket.seat);
        for ticket in &of_it {
            records.tickets.load(ticket.id, found(&self.tickets, &ticket.id));
        }
        records.loaded_tickets(reservation, of_it.iter().map(|ticket| ticket.id).collect());
    }

    /// The version of a map, and which seats were changed after the one given. Nothing when not all of that is known.
    pub(super) fn changed_since(
        &self,
        schedule: ScheduleId,
        version: u64,
    ) -> Option<(u64, BTreeSet<SeatNo>)> {
        let present = self.schedules.get(&schedule).map_or(0, |row| row.value.version);
        let later = self.seat_changes.range((schedule, version.saturating_add(1))..=(schedule, u64::MAX));
        let later: Vec<_> = later.map(|(_, (_, seats))| seats).collect();
        let knows_all = version > 0 && present.checked_sub(version) == Some(later.len() as u64);
        knows_all.then(|| (present, later.into_iter().flatten().copied().collect()))
    }

    fn load_claims_since(&self, schedule: ScheduleId, version: u64, records: &mut Records) {
        if records.claims_known_since(schedule).is_some_and(|known| known <= version) {
            return;
        }
        let changed = self.changed_since(schedule, version).map(|(_, seats)| seats);
        let knows_all = changed.is_some();
        let seats = changed.unwrap_or_else(|| {
            self.claims
                .range((schedule, SeatNo::new(0))..)
                .map(|(key, _)| *key)
                .take_while(|key| key.0 == schedule)
                .map(|key| key.1)
                .collect()
        });
        for seat in seats {
            self.load_claim(schedule, seat, records);
        }
        records.loaded_claims_since(schedule, if knows_all { version } else { 0 });
    }

    fn load_lapsed_claims(&self, schedule: ScheduleId, records: &mut Records, begun: Timestamp) {
        let now = begun.max(records.decided_at());
        let all = self.reservations.values().map(|row| &row.value).filter(|one| one.schedule == schedule);
        let lapsed = all.filter(
            |one| matches!(one.state, ReservationState::Pending { expires_at, .. } if now >= expires_at),
        );
        for seat in lapsed.flat_map(|one| &one.seats) {
            self.load_claim(schedule, *seat, records);
        }
        records.loaded_lapsed_claims(schedule);
    }

    /// Saves what a group changed, or says which guard is against it; then the whole state is to be dropped.
    pub(super) fn save(&mut self, changes: &Changes<'_>, now: Timestamp) -> Result<(), StoreError> {
        save(&mut self.accounts, &changes.accounts, |id| Key::Account(*id))?;
        save(&mut self.emails, &changes.emails, |email| Key::Email(email.clone()))?;
        save(&mut self.identities, &changes.identities, |digest| Key::Identity(*digest))?;
        save(&mut self.logins, &changes.logins, |id| Key::Login(*id))?;
        save(&mut self.wallets, &changes.wallets, |id| Key::Wallet(*id))?;
        save(&mut self.counters, &changes.counters, |counter| Key::Counter(*counter))?;
        save(&mut self.concerts, &changes.concerts, |id| Key::Concert(*id))?;
        save(&mut self.schedules, &changes.schedules, |id| Key::Schedule(*id))?;
        self.save_claims(&changes.claims)?;
        save(&mut self.reservations, &changes.reservations, |id| Key::Reservation(*id))?;
        save(&mut self.once, &changes.once, |digest| Key::Once(*digest))?;
        for wallet in changes.wallets.iter().filter_map(|change| change.after) {
            if wallet.balance.is_negative() {
                return Err(StoreError::Broken(format!("balance {} of {}", wallet.balance, wallet.user)));
            }
        }
        self.save_tickets(&changes.tickets)?;
        self.add_payments(changes)?;
        self.add_lines(changes)?;
        for change in changes.seat_changes {
            let seats = change.seats.iter().map(|(seat, _)| *seat).collect();
            self.seat_changes.insert((change.schedule, change.version), (now, seats));
        }
        Ok(())
    }

    /// One ticket a seat of a reservation, and no change of one that has changed since it was loaded.
    fn save_tickets(&mut self, changes: &[Change<'_, TicketId, Ticket>]) -> Result<(), StoreError> {
        for change in changes {
            let Some(ticket) = change.after else {
                return Err(StoreError::Broken(format!("ticket {} is to be deleted", change.key)));
            };
            let is_rival = |row: &Row<Ticket>| {
                row.value.id != ticket.id
                    && (row.value.reservation, row.value.seat) == (ticket.reservation, ticket.seat)
            };
            if self.tickets.values().any(is_rival) {
                return Err(lost(Key::Tickets(ticket.reservation)));
            }
            let name = Keys::new([Key::Tickets(ticket.reservation), Key::Reservation(ticket.reservation)]);
            let one = std::slice::from_ref(change);
            save(&mut self.tickets, one, |_| Key::Tickets(ReservationId::new(uuid::Uuid::nil())))
                .map_err(|_| StoreError::Lost(name))?;
        }
        Ok(())
    }

    /// A claim has no version: it is matched on the reservation that it was loaded with.
    fn save_claims(&mut self, changes: &[Change<'_, (ScheduleId, SeatNo), Claim>]) -> Result<(), StoreError> {
        for change in changes {
            let key = *change.key;
            let present = self.claims.get(&key).map(|row| row.value.reservation());
            let expected = change.before.map(|(claim, _)| claim.reservation());
            if present != expected {
                return Err(lost(Key::Claim(key.0, key.1)));
            }
            match change.after {
                Some(claim) => drop(self.claims.insert(key, Row { value: *claim, version: 1 })),
                None => drop(self.claims.remove(&key)),
            }
        }
        Ok(())
    }

    fn add_payments(&mut self, changes: &Changes<'_>) -> Result<(), StoreError> {
        for payment in changes.payments {
            let completes = payment.state == PaymentState::Completed;
            let is_paid = |other: &Payment| {
                other.reservation == payment.reservation && other.state == PaymentState::Completed
            };
            if completes && self.payments.values().any(is_paid) {
                return Err(lost(Key::Reservation(payment.reservation)));
            }
            if self.payments.insert(payment.id, payment.clone()).is_some() {
                return Err(lost(Key::Reservation(payment.reservation)));
            }
        }
        for refund in changes.refunds {
            let of_same = |other: &Refund| other.reservation == refund.reservation;
            if self.refunds.values().any(of_same)
                || self.refunds.insert(refund.payment, refund.clone()).is_some()
            {
                return Err(lost(Key::Reservation(refund.reservation)));
            }
        }
        Ok(())
    }

    fn add_lines(&mut self, changes: &Changes<'_>) -> Result<(), StoreError> {
        for entry in changes.ledger {
            if self.ledger.insert((entry.user, entry.number), entry.clone()).is_some() {
                return Err(lost(Key::Wallet(entry.user)));
            }
        }
        for one in changes.drawings {
            let key = (one.schedule, one.plan_version);
            if self.drawings.insert(key, Arc::clone(&one.drawing)).is_some() {
                return Err(lost(Key::Schedule(one.schedule)));
            }
        }
        for part in changes.draw_parts {
            if part.entries.is_empty() {
                return Err(StoreError::Broken(format!("nobody drawn for concert {}", part.concert)));
            }
            if self.draw_parts.insert((part.concert, part.first), part.entries.clone()).is_some() {
                return Err(lost(Key::Concert(part.concert)));
            }
        }
        for event in changes.events {
            if self.outbox.iter().any(|other| (other.key, other.sequence) == (event.key, event.sequence)) {
                return Err(StoreError::Broken(format!("event {} of {} twice", event.sequence, event.key)));
            }
            self.outbox.push(event.clone());
        }
        for action in changes.staff_actions {
            if action.request_id.len() > REQUEST_ID_MAX {
                return Err(StoreError::Broken(format!("the request id of {}", action.id)));
            }
            if self.staff_actions.insert(action.id, action.clone()).is_some() {
                return Err(StoreError::Broken(format!("line {} twice", action.id)));
            }
        }
        Ok(())
    }
}

/// Saves rows with a match on the version that was loaded.
fn save<K: Ord + Clone, V: Clone>(
    rows: &mut Rows<K, V>,
    changes: &[Change<'_, K, V>],
    name: fn(&K) -> Key,
) -> Result<(), StoreError> {
    for change in changes {
        let present = rows.get(change.key).map(|row| row.version);
        let expected = change.before.map(|(_, version)| version);
        if present != expected {
            return Err(lost(name(change.key)));
        }
        match change.after {
            Some(value) => {
                let version = present.unwrap_or(0) + 1;
                rows.insert(change.key.clone(), Row { value: value.clone(), version });
            }
            None => drop(rows.remove(change.key)),
        }
    }
    Ok(())
}
