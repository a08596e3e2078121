//! What a committed group changed comes into memory, and goes from it.

use frontrow_domain::payment::PaymentState;
use frontrow_domain::records::Changes;
use frontrow_domain::reservation::{Reservation, ReservationState};
use frontrow_domain::wallet::LedgerEntry;
use frontrow_domain::{PaymentId, ReservationId, TicketId, UserId};

use super::{HashMap, Kept, NewEvent, State};
use crate::journal::Named;
use crate::save::loaded_version;

impl State {
    /// Takes in what was committed as row `at` of the journal; `bodies` are its events as they were written, the first of
    /// which has the position `first_event`. A group that changed nothing of what goes through the journal has no row: then
    /// `at` is the newest that there is. The halls of its schedules must be here already.
    pub(crate) fn apply(&mut self, changes: &Changes<'_>, at: u64, first_event: u64, bodies: Vec<String>) {
        self.tip = self.tip.max(at);
        for change in &changes.wallets {
            if let Some(wallet) = change.after {
                let value = (wallet.clone(), loaded_version(change.before) + 1);
                self.wallets.insert(*change.key, Kept { value, at });
            }
        }
        for change in &changes.schedules {
            if let Some(schedule) = change.after {
                self.schedules.insert(*change.key, (schedule.clone(), loaded_version(change.before) + 1));
            }
        }
        for change in &changes.claims {
            let (schedule, seat) = *change.key;
            if let Some(hall) = self.halls.get_mut(&schedule) {
                hall.put(seat, change.after.copied(), at);
            }
        }
        for change in &changes.reservations {
            if let Some(reservation) = change.after {
                self.put_reservation(reservation, loaded_version(change.before) + 1, at);
            }
        }
        for entry in changes.ledger {
            self.ledger.entry(entry.user).or_default().push(Kept { value: entry.clone(), at });
        }
        for payment in changes.payments {
            self.payments.insert(payment.id, Kept { value: payment.clone(), at });
            self.payments_of.entry(payment.user).or_default().push(payment.id);
            if payment.state == PaymentState::Completed {
                self.paid.insert(payment.reservation, payment.id);
            }
        }
        for refund in changes.refunds {
            self.refunds.insert(refund.payment, Kept { value: refund.clone(), at });
            self.refunded.insert(refund.reservation, refund.payment);
        }
        for change in &changes.tickets {
            if let Some(ticket) = change.after {
                let value = (ticket.clone(), loaded_version(change.before) + 1);
                if self.tickets.insert(*change.key, Kept { value, at }).is_none() {
                    self.tickets_of.entry(ticket.reservation).or_default().push(ticket.id);
                }
            }
        }
        for change in &changes.once {
            if let Some(record) = change.after {
                self.once.insert(*change.key, Kept { value: record.clone(), at });
            }
        }
        let events = changes.events.iter().zip(bodies).zip(first_event..);
        self.events.extend(events.map(|((event, body), position)| NewEvent {
            position,
            key: event.key,
            sequence: event.sequence,
            at: event.at,
            body,
            ends_session: event.ends_entry().is_some(),
        }));
        for change in changes.seat_changes {
            let seats = change.seats.iter().map(|(seat, _)| *seat).collect();
            if let Some(hall) = self.halls.get_mut(&change.schedule) {
                hall.changed(change.version, seats);
            }
        }
    }

    fn put_reservation(&mut self, reservation: &Reservation, version: u64, at: u64) {
        let (id, user) = (reservation.id, reservation.user);
        let value = (reservation.clone(), version);
        match self.reservations.insert(id, Kept { value, at }) {
            Some(before) => self.not_pending(&before.value.0),
            None => self.of_fan.entry(user).or_default().push(id),
        }
        if let ReservationState::Pending { expires_at, .. } = reservation.state {
            self.pending.insert((expires_at, id));
        }
        if let Some(hall) = self.halls.get_mut(&reservation.schedule) {
            hall.met(user);
        }
    }

    fn not_pending(&mut self, reservation: &Reservation) {
        if let ReservationState::Pending { expires_at, .. } = reservation.state {
            self.pending.remove(&(expires_at, reservation.id));
        }
    }

    /// Lets go of a record that was folded, unless it was changed since.
    pub(super) fn drop_folded(&mut self, named: Named, folded: u64) {
        match named {
            Named::Wallet(user) => {
                self.wallets.remove_if(&user, folded);
            }
            Named::Claim(schedule, seat) => {
                if let Some(hall) = self.halls.get_mut(&schedule) {
                    hall.drop_folded(seat, folded);
                }
            }
            Named::Reservation(id) => self.drop_reservation(id, folded),
            Named::Entry(user, number) => self.drop_entry(user, number, folded),
            Named::Payment(id) => self.drop_payment(id, folded),
            Named::Refund(id) => {
                if let Some(refund) = self.refunds.remove_if(&id, folded) {
                    self.refunded.remove(&refund.reservation);
                }
            }
            Named::Ticket(id) => self.drop_ticket(id, folded),
            Named::Key(key) => {
                self.once.remove_if(&key, folded);
            }
        }
    }

    fn drop_reservation(&mut self, id: ReservationId, folded: u64) {
        if let Some((reservation, _)) = self.reservations.remove_if(&id, folded) {
            self.not_pending(&reservation);
            take_off(&mut self.of_fan, reservation.user, &id);
        }
    }

    fn drop_entry(&mut self, user: UserId, number: u64, folded: u64) {
        if let Some(entries) = self.ledger.get_mut(&user) {
            let goes = |kept: &Kept<LedgerEntry>| kept.value.number == number && kept.at <= folded;
            entries.retain(|kept| !goes(kept));
            if entries.is_empty() {
                self.ledger.remove(&user);
            }
        }
    }

    fn drop_payment(&mut self, id: PaymentId, folded: u64) {
        if let Some(payment) = self.payments.remove_if(&id, folded) {
            take_off(&mut self.payments_of, payment.user, &id);
            if self.paid.get(&payment.reservation) == Some(&id) {
                self.paid.remove(&payment.reservation);
            }
        }
    }

    fn drop_ticket(&mut self, id: TicketId, folded: u64) {
        if let Some((ticket, _)) = self.tickets.remove_if(&id, folded) {
            take_off(&mut self.tickets_of, ticket.reservation, &id);
        }
    }
}

/// Takes one name off somebody's list.
fn take_off<O: Eq + std::hash::Hash, T: PartialEq>(lists: &mut HashMap<O, Vec<T>>, owner: O, name: &T) {
    if let Some(list) = lists.get_mut(&owner) {
        list.retain(|one| one != name);
        if list.is_empty() {
            lists.remove(&owner);
        }
    }
}

trait RemoveIf<K, V> {
    /// Removes a record that was not changed after that row of the journal.
    fn remove_if(&mut self, key: &K, folded: u64) -> Option<V>;
}

impl<K: Eq + std::hash::Hash, V> RemoveIf<K, V> for HashMap<K, Kept<V>> {
    fn remove_if(&mut self, key: &K, folded: u64) -> Option<V> {
        self.get(key).is_some_and(|kept| kept.at <= folded).then(|| self.remove(key))?.map(|kept| kept.value)
    }
}
