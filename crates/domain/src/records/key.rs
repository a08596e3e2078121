//! The names of records. Their order is the order in which stores take locks: account, wallet, concert, and the
//! schedule last, so that the hottest lock is held for the shortest time.

use crate::account::Email;
use crate::{ConcertId, LoginId, ReservationId, ScheduleId, SeatNo, UserId};

/// Sixteen bytes of a cryptographic digest: how text keys are kept, so that no store's collation has a say.
pub type Digest = [u8; 16];

/// Numbers that are given out one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Counter {
    /// Numbers of concerts.
    Concert,
    /// Numbers of schedules.
    Schedule,
}

/// The name of a record, or of a range of them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// The outcome kept under an idempotency key.
    Once(Digest),
    /// The owner of an address.
    Email(Email),
    /// The account known to an external issuer.
    Identity(Digest),
    /// An account.
    Account(UserId),
    /// A log-in.
    Login(LoginId),
    /// A wallet.
    Wallet(UserId),
    /// A counter.
    Counter(Counter),
    /// A concert.
    Concert(ConcertId),
    /// A schedule with its plan.
    Schedule(ScheduleId),
    /// A reservation.
    Reservation(ReservationId),
    /// All reservations of a fan in a schedule.
    FanReservations(ScheduleId, UserId),
    /// All tickets of a reservation.
    Tickets(ReservationId),
    /// The claims on all seats of a schedule that a commit has changed after this version of its map. After
    /// version 0: all claims. Whoever has the map of that version then knows of every seat.
    ClaimsSince(ScheduleId, u64),
    /// The claims of all holds of a schedule that have ended unpaid and that nobody has noted as expired.
    LapsedClaims(ScheduleId),
    /// The claim on a seat.
    Claim(ScheduleId, SeatNo),
}

/// A command touched a record that was not loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Need(pub Key);

/// A set of names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Keys(Vec<Key>);

impl Keys {
    /// The set of these names.
    pub fn new(keys: impl IntoIterator<Item = Key>) -> Self {
        Self(keys.into_iter().collect())
    }

    /// Adds a name.
    pub fn with(mut self, key: Key) -> Self {
        self.0.push(key);
        self
    }

    /// Adds many names.
    pub fn and(mut self, keys: impl IntoIterator<Item = Key>) -> Self {
        self.0.extend(keys);
        self
    }

    /// The names as they were added, perhaps with repeats.
    pub fn iter(&self) -> std::slice::Iter<'_, Key> {
        self.0.iter()
    }

    /// How many names were added.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True when nothing was named.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// True when it names this record.
    pub fn contains(&self, key: &Key) -> bool {
        self.0.contains(key)
    }

    /// The names in the order of locking, each once.
    pub fn in_lock_order(mut self) -> Vec<Key> {
        self.0.sort_unstable();
        self.0.dedup();
        self.0
    }
}

impl Extend<Key> for Keys {
    fn extend<T: IntoIterator<Item = Key>>(&mut self, keys: T) {
        self.0.extend(keys);
    }
}

impl<'a> IntoIterator for &'a Keys {
    type Item = &'a Key;
    type IntoIter = std::slice::Iter<'a, Key>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl IntoIterator for Keys {
    type Item = Key;
    type IntoIter = std::vec::IntoIter<Key>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl From<Key> for Keys {
    fn from(key: Key) -> Self {
        Self(vec![key])
    }
}
