//! What a group names, sorted by kind.

use std::collections::{BTreeMap, BTreeSet};

use frontrow_domain::account::Email;
use frontrow_domain::records::{Counter, Digest, Key, Records};
use frontrow_domain::{ConcertId, LoginId, ReservationId, ScheduleId, SeatNo, UserId};

/// The names of each kind, in order. Ranges of claims are loaded apart.
#[derive(Default)]
pub(super) struct Wanted {
    pub(super) accounts: BTreeSet<UserId>,
    pub(super) logins: BTreeSet<LoginId>,
    pub(super) wallets: BTreeSet<UserId>,
    pub(super) counters: BTreeSet<Counter>,
    pub(super) concerts: BTreeSet<ConcertId>,
    pub(super) schedules: BTreeSet<ScheduleId>,
    pub(super) once: BTreeSet<Digest>,
    pub(super) emails: BTreeSet<Email>,
    pub(super) identities: BTreeSet<Digest>,
    pub(super) reservations: BTreeSet<ReservationId>,
    pub(super) fans: BTreeMap<ScheduleId, BTreeSet<UserId>>,
    pub(super) tickets: BTreeSet<ReservationId>,
    pub(super) claims: BTreeMap<ScheduleId, BTreeSet<SeatNo>>,
}

impl Wanted {
    pub(super) fn of(keys: &[Key]) -> Self {
        let mut wanted = Self::default();
        for key in keys {
            wanted.add(key);
        }
        wanted
    }

    fn add(&mut self, key: &Key) {
        match key {
            Key::Once(digest) => _ = self.once.insert(*digest),
            Key::Email(email) => _ = self.emails.insert(email.clone()),
            Key::Identity(digest) => _ = self.identities.insert(*digest),
            Key::Account(id) => _ = self.accounts.insert(*id),
            Key::Login(id) => _ = self.logins.insert(*id),
            Key::Wallet(id) => _ = self.wallets.insert(*id),
            Key::Counter(counter) => _ = self.counters.insert(*counter),
            Key::Concert(id) => _ = self.concerts.insert(*id),
            Key::Schedule(id) => _ = self.schedules.insert(*id),
            Key::Reservation(id) => _ = self.reservations.insert(*id),
            Key::FanReservations(schedule, user) => _ = self.fans.entry(*schedule).or_default().insert(*user),
            Key::Tickets(reservation) => _ = self.tickets.insert(*reservation),
            Key::Claim(schedule, seat) => _ = self.claims.entry(*schedule).or_default().insert(*seat),
            Key::ClaimsSince(..) | Key::LapsedClaims(_) => {}
        }
    }

    /// Notes all of them as absent; what was found comes over it.
    pub(super) fn note_absent(&self, records: &mut Records) {
        self.accounts.iter().for_each(|id| records.accounts.load(*id, None));
        self.logins.iter().for_each(|id| records.logins.load(*id, None));
        self.wallets.iter().for_each(|id| records.wallets.load(*id, None));
        self.counters.iter().for_each(|counter| records.counters.load(*counter, None));
        self.concerts.iter().for_each(|id| records.concerts.load(*id, None));
        self.schedules.iter().for_each(|id| records.schedules.load(*id, None));
        self.once.iter().for_each(|digest| records.once.load(*digest, None));
        self.emails.iter().for_each(|email| records.emails.load(email.clone(), None));
        self.identities.iter().for_each(|digest| records.identities.load(*digest, None));
        self.reservations.iter().for_each(|id| records.reservations.load(*id, None));
        for (schedule, users) in &self.fans {
            for user in users {
                records.loaded_fan_reservations(*schedule, *user, Vec::new());
            }
        }
        self.tickets.iter().for_each(|reservation| records.loaded_tickets(*reservation, Vec::new()));
        for (schedule, seats) in &self.claims {
            for seat in seats {
                records.claims.load((*schedule, *seat), None);
            }
        }
    }
}
