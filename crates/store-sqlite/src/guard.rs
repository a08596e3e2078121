//! The last look before a group is appended to the journal: whether what it was decided on is so, and whether what it
//! writes can be in the tables.
//!
//! The tables say no by themselves, but they are asked only when a group is folded, after it was answered. So everything
//! that they would refuse is refused here, from what is in memory and in the tables, whatever the group says that it has
//! loaded: a claim on a seat that somebody has, a number of a ledger twice, a reservation paid twice, a key used twice,
//! an id used twice, a row that has moved on, a negative amount. It does not ask whether a rule was kept: that is decided
//! elsewhere, and must not be decided by the same code twice. If it lets something pass after all, folding stops, and
//! selling with it ([`crate::journal::FoldError::Violation`]).

mod records;

use std::collections::HashSet;
use std::hash::Hash;

use frontrow_application::store::StoreError;
use frontrow_domain::payment::PaymentState;
use frontrow_domain::records::{Changes, Key, Keys};
use frontrow_domain::{Money, PaymentId, ReservationId, TicketId, Timestamp, UserId};
use rusqlite::{Connection, OptionalExtension as _, Params};
use uuid::Uuid;

use crate::error::store_error;
use crate::journal::{Named, is_move};
use crate::live::State;
use crate::once::OnceTables;

type Checked = Result<(), StoreError>;

/// The highest ids that were ever in the tables: one beyond them is in none.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Highest {
    reservation: Option<ReservationId>,
    payment: Option<PaymentId>,
    ticket: Option<TicketId>,
}

impl Highest {
    pub(crate) fn read(connection: &Connection) -> rusqlite::Result<Self> {
        let highest = |sql| -> rusqlite::Result<Option<Uuid>> {
            let found: Option<[u8; 16]> = connection.query_row(sql, [], |row| row.get(0))?;
            Ok(found.map(Uuid::from_bytes))
        };
        Ok(Self {
            reservation: highest("SELECT max(reservation_id) FROM reservation")?.map(ReservationId::new),
            payment: highest("SELECT max(payment_id) FROM payment")?.map(PaymentId::new),
            ticket: highest("SELECT max(ticket_id) FROM ticket")?.map(TicketId::new),
        })
    }

    /// Notes that these are in the tables now.
    pub(crate) fn note(&mut self, folded: &[Named]) {
        for named in folded {
            match *named {
                Named::Reservation(id) => self.reservation = self.reservation.max(Some(id)),
                Named::Payment(id) => self.payment = self.payment.max(Some(id)),
                Named::Ticket(id) => self.ticket = self.ticket.max(Some(id)),
                _ => {}
            }
        }
    }
}

/// Where the truth is.
pub(crate) struct Guard<'a> {
    pub(crate) connection: &'a Connection,
    pub(crate) state: &'a State,
    pub(crate) once: &'a OnceTables,
    pub(crate) highest: Highest,
    /// The time of the group.
    pub(crate) now: Timestamp,
}

impl Guard<'_> {
    /// Looks at everything that goes through the journal.
    pub(crate) fn check(&self, changes: &Changes<'_>) -> Checked {
        changes.wallets.iter().try_for_each(|change| self.wallet(change))?;
        for change in &changes.schedules {
            self.schedule(change, is_move(change))?;
        }
        changes.claims.iter().try_for_each(|change| self.claim(change))?;
        changes.reservations.iter().try_for_each(|change| self.reservation(change))?;
        self.ledger(changes)?;
        self.payments(changes)?;
        self.refunds(changes)?;
        self.tickets(changes)?;
        changes.once.iter().try_for_each(|change| self.key(change))
    }

    fn ledger(&self, changes: &Changes<'_>) -> Checked {
        let mut numbers = Once::default();
        for entry in changes.ledger {
            let key = Key::Wallet(entry.user);
            numbers.add((entry.user, entry.number), &key)?;
            if entry.after < Money::ZERO || entry.before < Money::ZERO || entry.number == 0 {
                return Err(broken(&key, "an entry with a balance below zero, or without a number"));
            }
            if entry.before.minor().checked_add(entry.amount.minor()) != Some(entry.after.minor()) {
                return Err(broken(&key, "an entry that does not add up"));
            }
            let mut of_user = self.state.ledger.get(&entry.user).into_iter().flatten();
            if of_user.any(|kept| kept.value.number == entry.number) {
                return Err(lost(key));
            }
            // The numbers of a wallet go up by one, so one that is above its last is new.
            let last = self.state.wallets.get(&entry.user).map(|kept| kept.value.0.last_entry);
            if last.is_none_or(|last| entry.number <= last) {
                let sql = "SELECT 1 FROM ledger WHERE user_id = ?1 AND number = ?2";
                self.absent(sql, (entry.user.bytes(), entry.number), &key)?;
            }
        }
        changes.wallets.iter().try_for_each(|change| chain(change, changes.ledger))
    }

    fn payments(&self, changes: &Changes<'_>) -> Checked {
        let (mut ids, mut paid) = (Once::default(), Once::default());
        for payment in changes.payments {
            let key = Key::Reservation(payment.reservation);
            if payment.amount < Money::ZERO {
                return Err(broken(&key, "a payment below zero"));
            }
            ids.add(payment.id, &key)?;
            if self.state.payments.contains_key(&payment.id) {
                return Err(lost(key));
            }
            if self.highest.payment.is_some_and(|highest| payment.id <= highest) {
                let sql = "SELECT 1 FROM payment WHERE payment_id = ?1";
                self.absent(sql, [payment.id.bytes()], &key)?;
            }
            if payment.state == PaymentState::Completed {
                paid.add(payment.reservation, &key)?;
                if self.state.paid.contains_key(&payment.reservation) {
                    return Err(lost(key));
                }
                let sql = "SELECT 1 FROM payment WHERE reservation_id = ?1 AND state = 0";
                self.absent(sql, [payment.reservation.bytes()], &key)?;
            }
        }
        Ok(())
    }

    fn refunds(&self, changes: &Changes<'_>) -> Checked {
        let (mut payments, mut reservations) = (Once::default(), Once::default());
        for refund in changes.refunds {
            let key = Key::Reservation(refund.reservation);
            if refund.returned < Money::ZERO || refund.fee < Money::ZERO {
                return Err(broken(&key, "a refund below zero"));
            }
            payments.add(refund.payment, &key)?;
            reservations.add(refund.reservation, &key)?;
            if self.state.refunds.contains_key(&refund.payment)
                || self.state.refunded.contains_key(&refund.reservation)
            {
                return Err(lost(key));
            }
            let sql = "SELECT 1 FROM refund WHERE payment_id = ?1 OR reservation_id = ?2";
            self.absent(sql, (refund.payment.bytes(), refund.reservation.bytes()), &key)?;
        }
        Ok(())
    }

    /// Nothing that this finds may be there.
    fn absent(&self, sql: &str, values: impl Params, key: &Key) -> Checked {
        if self.one(sql, values)? { Err(lost(key.clone())) } else { Ok(()) }
    }

    /// True when there is a row.
    fn one(&self, sql: &str, values: impl Params) -> Result<bool, StoreError> {
        let found = self.connection.prepare_cached(sql).and_then(|mut statement| statement.exists(values));
        found.map_err(|error| store_error(&error, None))
    }

    /// The version of a row; nothing when there is none.
    fn version(&self, sql: &str, values: impl Params) -> Result<Option<u64>, StoreError> {
        let found = self
            .connection
            .prepare_cached(sql)
            .and_then(|mut statement| statement.query_row(values, |row| row.get(0)).optional());
        found.map_err(|error| store_error(&error, None))
    }
}

/// The entries of a group chain onto the wallet that it was decided on, and end where the wallet is to be.
fn chain(
    change: &frontrow_domain::records::Change<'_, UserId, frontrow_domain::wallet::Wallet>,
    ledger: &[frontrow_domain::wallet::LedgerEntry],
) -> Checked {
    let Some(after) = change.after else { return Ok(()) };
    let mut entries = ledger.iter().filter(|entry| entry.user == *change.key).peekable();
    if entries.peek().is_none() {
        return Ok(());
    }
    let (mut number, mut balance) =
        change.before.map_or((0, Money::ZERO), |(wallet, _)| (wallet.last_entry, wallet.balance));
    for entry in entries {
        if entry.number != number + 1 || entry.before != balance {
            return Err(broken(
                &Key::Wallet(*change.key),
                "entries of the ledger that do not follow each other",
            ));
        }
        (number, balance) = (entry.number, entry.after);
    }
    if (number, balance) != (after.last_entry, after.balance) {
        return Err(broken(&Key::Wallet(*change.key), "a wallet that is not what its ledger says"));
    }
    Ok(())
}

/// Names of which each may come once in a group.
struct Once<T>(HashSet<T>);

impl<T> Default for Once<T> {
    fn default() -> Self {
        Self(HashSet::new())
    }
}

impl<T: Eq + Hash> Once<T> {
    fn add(&mut self, name: T, key: &Key) -> Checked {
        if self.0.insert(name) { Ok(()) } else { Err(lost(key.clone())) }
    }
}

fn lost(key: Key) -> StoreError {
    StoreError::Lost(Keys::from(key))
}

fn broken(key: &Key, what: &str) -> StoreError {
    StoreError::Broken(format!("{key:?}: {what}"))
}
