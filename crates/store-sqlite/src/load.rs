//! Loading what a group names into its working set: from memory, and from the tables what is not there.

pub(crate) mod ranges;

use std::sync::LazyLock;

use frontrow_domain::account::Email;
use frontrow_domain::catalog::Schedule;
use frontrow_domain::records::{Counter, Digest, Key, Records};
use frontrow_domain::{ReservationId, ScheduleId, Timestamp, UserId};
use rusqlite::{Connection, OptionalExtension, Result, Row, ToSql};

use crate::codec::catalog::{CONCERT_COLUMNS, SCHEDULE_COLUMNS};
use crate::codec::{self, ACCOUNT_COLUMNS, RESERVATION_COLUMNS, WALLET_COLUMNS};
use crate::live::State;
use crate::once::OnceTables;
use crate::reads::plans::PlanCache;

// Made once: a hold loads four records, and putting its statements together would cost as much as running them.
static ACCOUNT: LazyLock<String> = LazyLock::new(|| select(ACCOUNT_COLUMNS, "account WHERE user_id = ?1"));
static WALLET: LazyLock<String> = LazyLock::new(|| select(WALLET_COLUMNS, "wallet WHERE user_id = ?1"));
static CONCERT: LazyLock<String> = LazyLock::new(|| select(CONCERT_COLUMNS, "concert WHERE concert_id = ?1"));
static SCHEDULE: LazyLock<String> =
    LazyLock::new(|| select(SCHEDULE_COLUMNS, "schedule WHERE schedule_id = ?1"));
static RESERVATION: LazyLock<String> =
    LazyLock::new(|| select(RESERVATION_COLUMNS, "reservation WHERE reservation_id = ?1"));
static FAN_RESERVATIONS: LazyLock<String> = LazyLock::new(|| {
    let from = "reservation WHERE user_id = ?1 AND schedule_id = ?2 ORDER BY reservation_id";
    select(RESERVATION_COLUMNS, from)
});

/// Where records are: in memory, and in the tables what is not there. The schedules and halls of all that is loaded must
/// be in memory already ([`needed`]).
pub(crate) struct Loader<'a> {
    pub(crate) connection: &'a Connection,
    pub(crate) state: &'a State,
    /// The tables of idempotency keys.
    pub(crate) once: &'a OnceTables,
    /// The time at which the transaction began, to know which two days may still count.
    pub(crate) begun: Timestamp,
}

impl Loader<'_> {
    /// Loads a record, or notes that there is none.
    pub(crate) fn load(&self, key: &Key, records: &mut Records) -> Result<()> {
        match key {
            Key::Once(digest) => self.once(digest, records),
            Key::Email(email) => self.email(email, records),
            Key::Identity(digest) => self.identity(digest, records),
            Key::Account(id) => {
                let found = self.one(&ACCOUNT, id.bytes(), codec::account)?;
                records.accounts.load(*id, found);
                Ok(())
            }
            Key::Login(id) => {
                let sql = "SELECT login_id, user_id, generation, rotated_at, expires_at, ended, row_version \
                           FROM login WHERE login_id = ?1";
                let found = self.one(sql, id.bytes(), codec::login)?;
                records.logins.load(*id, found);
                Ok(())
            }
            Key::Wallet(id) => {
                let found = match self.state.wallets.get(id) {
                    Some(kept) => Some(kept.value.clone()),
                    None => self.one(&WALLET, id.bytes(), codec::wallet)?,
                };
                records.wallets.load(*id, found);
                Ok(())
            }
            Key::Counter(counter) => self.counter(*counter, records),
            Key::Concert(id) => {
                let found = self.one(&CONCERT, id.get(), codec::catalog::concert)?;
                records.concerts.load(*id, found);
                Ok(())
            }
            Key::Schedule(id) => {
                records.schedules.load(*id, self.state.schedules.get(id).cloned());
                Ok(())
            }
            Key::Reservation(id) => self.reservation(*id, records),
            Key::FanReservations(schedule, user) => self.fan_reservations(*schedule, *user, records),
            Key::Tickets(reservation) => self.tickets(*reservation, records),
            Key::ClaimsSince(schedule, version) => self.claims_since(*schedule, *version, records),
            Key::LapsedClaims(schedule) => self.lapsed_claims(*schedule, records),
            Key::Claim(schedule, seat) => self.claims(*schedule, &[*seat], records),
        }
    }

    fn one<T>(
        &self,
        sql: &str,
        key: impl ToSql,
        read: impl FnOnce(&Row<'_>) -> Result<T>,
    ) -> Result<Option<T>> {
        self.connection.prepare_cached(sql)?.query_row([key], read).optional()
    }

    fn once(&self, digest: &Digest, records: &mut Records) -> Result<()> {
        let found = if let Some(kept) = self.state.once.get(digest) {
            Some(kept.value.clone())
        } else {
            let unindexed = self.state.unindexed.get(digest).copied();
            self.once.find(self.connection, digest, unindexed, self.begun)?
        };
        records.once.load(*digest, found.map(|record| (record, 0)));
        Ok(())
    }

    fn email(&self, email: &Email, records: &mut Records) -> Result<()> {
        let sql = "SELECT user_id, row_version FROM account_email WHERE email = ?1";
        let found =
            self.one(sql, email.as_str().as_bytes(), |row| Ok((codec::user(row, 0)?, row.get(1)?)))?;
        records.emails.load(email.clone(), found);
        Ok(())
    }

    fn identity(&self, digest: &Digest, records: &mut Records) -> Result<()> {
        let sql = "SELECT user_id FROM account_identity WHERE identity = ?1";
        let found = self.one(sql, digest, |row| Ok((codec::user(row, 0)?, 0)))?;
        records.identities.load(*digest, found);
        Ok(())
    }

    fn counter(&self, counter: Counter, records: &mut Records) -> Result<()> {
        let sql = "SELECT value, row_version FROM counter WHERE name = ?1";
        let found = self.one(sql, counter_number(counter), |row| Ok((row.get(0)?, row.get(1)?)))?;
        records.counters.load(counter, found);
        Ok(())
    }

    fn reservation(&self, id: ReservationId, records: &mut Records) -> Result<()> {
        let found = match self.state.reservations.get(&id) {
            Some(kept) => Some(kept.value.clone()),
            None => self.one(&RESERVATION, id.bytes(), codec::reservation)?,
        };
        records.reservations.load(id, found);
        Ok(())
    }

    fn fan_reservations(&self, schedule: ScheduleId, user: UserId, records: &mut Records) -> Result<()> {
        let mut ids = Vec::new();
        if self.state.halls.get(&schedule).is_none_or(|hall| hall.may_know(user)) {
            let mut statement = self.connection.prepare_cached(&FAN_RESERVATIONS)?;
            let mut rows = statement.query((user.bytes(), schedule.get()))?;
            while let Some(row) = rows.next()? {
                let (reservation, row_version) = codec::reservation(row)?;
                ids.push(reservation.id);
                records.reservations.load(reservation.id, Some((reservation, row_version)));
            }
            for id in self.state.of_fan.get(&user).into_iter().flatten() {
                let Some(kept) = self.state.reservations.get(id) else { continue };
                if kept.value.0.schedule == schedule {
                    ids.push(*id);
                    records.reservations.load(*id, Some(kept.value.clone()));
                }
            }
            ids.sort_unstable();
            ids.dedup();
        }
        records.loaded_fan_reservations(schedule, user, ids);
        Ok(())
    }
}

/// The schedules whose halls have to be in memory before these records are loaded, and those which have to be there
/// themselves.
pub(crate) fn needed(keys: &[Key]) -> (Vec<ScheduleId>, Vec<ScheduleId>) {
    let (mut halls, mut schedules) = (Vec::new(), Vec::new());
    for key in keys {
        match key {
            Key::Schedule(id) => schedules.push(*id),
            Key::FanReservations(id, _) | Key::Claim(id, _) => halls.push(*id),
            Key::ClaimsSince(id, _) | Key::LapsedClaims(id) => {
                halls.push(*id);
                schedules.push(*id);
            }
            _ => {}
        }
    }
    for ids in [&mut halls, &mut schedules] {
        ids.sort_unstable();
        ids.dedup();
    }
    (halls, schedules)
}

/// What its table says of a schedule, with its row version.
pub(crate) fn schedule(
    connection: &Connection,
    plans: &PlanCache,
    id: ScheduleId,
) -> Result<Option<(Schedule, u64)>> {
    let mut statement = connection.prepare_cached(&SCHEDULE)?;
    statement.query_row([id.get()], |row| plans.schedule(connection, row)).optional()
}

/// The number under which a counter is stored.
pub(crate) const fn counter_number(counter: Counter) -> u8 {
    match counter {
        Counter::Concert => 0,
        Counter::Schedule => 1,
    }
}

/// `SELECT` of these columns from there.
pub(crate) fn select(columns: &str, from: &str) -> String {
    format!("SELECT {columns} FROM {from}")
}
