//! Loading what a group names into its working set: locks first, in the one order that all take them in, everything else
//! after the last lock.
//!
//! Locked and loaded are accounts, log-ins, wallets, counters, concerts and schedules, each kind in order of key, and the
//! schedule last, so that the hottest lock is held for the shortest time. What belongs to a schedule is read under its
//! lock; whatever else a group changes is matched on what was loaded. Nothing that is absent is locked: under READ
//! COMMITTED a search locks the rows that it finds and no gaps.

pub(crate) mod ranges;
mod wanted;

use frontrow_domain::records::{Counter, Key, Records};
use frontrow_domain::{ScheduleId, Timestamp, UserId};
use sqlx::mysql::MySqlRow;

use crate::codec::catalog::{CONCERT_COLUMNS, SCHEDULE_COLUMNS};
use crate::codec::{
    self, ACCOUNT_COLUMNS, LOGIN_COLUMNS, RESERVATION_COLUMNS, TICKET_COLUMNS, WALLET_COLUMNS,
};
use crate::error::DbError;
use crate::once;
use crate::plans::PlanCache;
use crate::pool::{Answer, Link};
use crate::row::{Result, Row};
use crate::sql::{LIST_MAX, Value, list};
use wanted::Wanted;

/// What a statement of a load reads.
#[derive(Debug, Clone, Copy)]
enum Part {
    Nothing,
    Accounts,
    Logins,
    Wallets,
    Counters,
    Concerts,
    Schedules,
    Once,
    Emails,
    Identities,
    Reservations,
    FanReservations,
    Tickets,
    Claims(ScheduleId),
}

/// Loads into a working set.
pub(crate) struct Loader<'a, 'p> {
    pub(crate) link: &'a mut Link<'p>,
    pub(crate) plans: &'a PlanCache,
}

/// True for the names whose rows are locked.
pub(crate) const fn is_locked(key: &Key) -> bool {
    matches!(
        key,
        Key::Account(_)
            | Key::Login(_)
            | Key::Wallet(_)
            | Key::Counter(_)
            | Key::Concert(_)
            | Key::Schedule(_)
    )
}

impl Loader<'_, '_> {
    /// Begins a transaction, takes all locks and loads, in one packet. Whether anything of a key is there says its
    /// table afterwards. `days` are those of which idempotency keys may still count.
    pub(crate) async fn begin(&mut self, keys: &[Key], days: &[i64], records: &mut Records) -> Result<()> {
        let wanted = Wanted::of(keys);
        let mut packet = Packet::new("START TRANSACTION");
        wanted.lock(&mut packet);
        wanted.read(days, &mut packet);
        self.load(packet, &wanted, records).await
    }

    /// Loads what needs no lock, into a transaction that has all its locks.
    pub(crate) async fn more(&mut self, keys: &[Key], days: &[i64], records: &mut Records) -> Result<()> {
        let wanted = Wanted::of(keys);
        let mut packet = Packet::default();
        wanted.read(days, &mut packet);
        if packet.parts.is_empty() {
            return Ok(());
        }
        self.load(packet, &wanted, records).await
    }

    /// Loads what one name stands for many of, once it is known what the time is.
    pub(crate) async fn ranges(&mut self, keys: &[Key], now: Timestamp, records: &mut Records) -> Result<()> {
        for key in keys {
            match key {
                Key::ClaimsSince(schedule, version) => {
                    self.claims_since(*schedule, *version, records).await?;
                }
                Key::LapsedClaims(schedule) => self.lapsed_claims(*schedule, now, records).await?,
                _ => {}
            }
        }
        Ok(())
    }

    async fn load(&mut self, packet: Packet, wanted: &Wanted, records: &mut Records) -> Result<()> {
        let parts = packet.parts.clone();
        let answers = self.link.run(packet.sql).await.map_err(|failed| failed.error)?;
        wanted.note_absent(records);
        for (part, answer) in parts.into_iter().zip(answers) {
            self.take(part, &answer, records).await?;
        }
        Ok(())
    }

    async fn take(&mut self, part: Part, answer: &Answer, records: &mut Records) -> Result<()> {
        let rows = answer.rows.as_slice();
        match part {
            Part::Nothing => {}
            Part::Accounts => each(rows, codec::account, |(found, version)| {
                records.accounts.load(found.id, Some((found, version)));
            })?,
            Part::Logins => each(rows, codec::login, |(found, version)| {
                records.logins.load(found.id, Some((found, version)));
            })?,
            Part::Wallets => each(rows, codec::wallet, |(found, version)| {
                records.wallets.load(found.user, Some((found, version)));
            })?,
            Part::Counters => each(rows, counter, |(found, value, version)| {
                records.counters.load(found, Some((value, version)));
            })?,
            Part::Concerts => each(rows, codec::catalog::concert, |(found, version)| {
                records.concerts.load(found.id, Some((found, version)));
            })?,
            Part::Schedules => self.schedules(rows, records).await?,
            // Of two days' tables the newer comes first and counts.
            Part::Once => each(rows, once::record, |(key, found)| {
                if records.once.get(&key).is_ok_and(|known| known.is_none()) {
                    records.once.load(key, Some((found, 0)));
                }
            })?,
            Part::Emails => each(rows, codec::owner, |(email, user, version)| {
                records.emails.load(email, Some((user, version)));
            })?,
            Part::Identities => each(rows, identity, |(digest, user)| {
                records.identities.load(digest, Some((user, 0)));
            })?,
            Part::Reservations => each(rows, codec::reservation, |(found, version)| {
                records.reservations.load(found.id, Some((found, version)));
            })?,
            Part::FanReservations => ranges::fan_reservations(rows, records)?,
            Part::Tickets => ranges::tickets(rows, records)?,
            Part::Claims(schedule) => ranges::claims(rows, schedule, records)?,
        }
        Ok(())
    }

    async fn schedules(&mut self, rows: &[MySqlRow], records: &mut Records) -> Result<()> {
        for (schedule, version) in self.plans.schedules(self.link, rows).await? {
            records.schedules.load(schedule.id, Some((schedule, version)));
        }
        Ok(())
    }
}

/// Statements that go to the server together, and what each of them reads.
#[derive(Default)]
struct Packet {
    sql: String,
    parts: Vec<Part>,
}

impl Packet {
    fn new(first: &str) -> Self {
        Self { sql: first.to_owned(), parts: vec![Part::Nothing] }
    }

    fn add(&mut self, part: Part, sql: &str) {
        if !self.sql.is_empty() {
            self.sql.push(';');
        }
        self.sql.push_str(sql);
        self.parts.push(part);
    }

    /// One statement for each list of keys. `before` and `after` are what stands around the list.
    fn add_lists<'k>(
        &mut self,
        part: Part,
        before: &str,
        keys: impl IntoIterator<Item = Value<'k>>,
        after: &str,
    ) {
        let keys: Vec<Value<'k>> = keys.into_iter().collect();
        for keys in keys.chunks(LIST_MAX) {
            self.add(part, &format!("{before} IN ({}){after}", list(keys.iter().copied())));
        }
    }
}

impl Wanted {
    /// Takes the locks, in the order of names. The index is named, because a search over the whole of a small table would
    /// wait for rows of others.
    fn lock(&self, packet: &mut Packet) {
        let locked = |columns: &str, table: &str, key: &str| {
            (
                format!("SELECT {columns} FROM {table} FORCE INDEX (PRIMARY) WHERE {key}"),
                format!(" ORDER BY {key} FOR UPDATE"),
            )
        };
        let (before, after) = locked(ACCOUNT_COLUMNS, "account", "user_id");
        packet.add_lists(Part::Accounts, &before, self.accounts.iter().map(Value::from), &after);
        let (before, after) = locked(LOGIN_COLUMNS, "login", "login_id");
        packet.add_lists(Part::Logins, &before, self.logins.iter().map(Value::from), &after);
        let (before, after) = locked(WALLET_COLUMNS, "wallet", "user_id");
        packet.add_lists(Part::Wallets, &before, self.wallets.iter().map(Value::from), &after);
        let (before, after) = locked("name, value, row_version", "counter", "name");
        let counters = self.counters.iter().map(|counter| Value::from(counter_number(*counter)));
        packet.add_lists(Part::Counters, &before, counters, &after);
        let (before, after) = locked(CONCERT_COLUMNS, "concert", "concert_id");
        packet.add_lists(Part::Concerts, &before, self.concerts.iter().copied().map(Value::from), &after);
        let (before, after) = locked(SCHEDULE_COLUMNS, "schedule", "schedule_id");
        packet.add_lists(Part::Schedules, &before, self.schedules.iter().copied().map(Value::from), &after);
    }

    /// Reads what is not locked. Each statement sees what was committed when it begins.
    fn read(&self, days: &[i64], packet: &mut Packet) {
        for &day in days {
            let before = format!("SELECT {} FROM {} WHERE once_key", once::COLUMNS, once::table(day));
            packet.add_lists(Part::Once, &before, self.once.iter().map(Value::from), "");
        }
        let before = "SELECT email, user_id, row_version FROM account_email WHERE email";
        let emails = self.emails.iter().map(|email| Value::Bytes(email.as_str().as_bytes()));
        packet.add_lists(Part::Emails, before, emails, "");
        let before = "SELECT identity, user_id FROM account_identity WHERE identity";
        packet.add_lists(Part::Identities, before, self.identities.iter().map(Value::from), "");
        let before = format!("SELECT {RESERVATION_COLUMNS} FROM reservation WHERE reservation_id");
        packet.add_lists(Part::Reservations, &before, self.reservations.iter().map(Value::from), "");
        for (schedule, users) in &self.fans {
            let before = format!(
                "SELECT {RESERVATION_COLUMNS} FROM reservation FORCE INDEX (reservation_by_fan) WHERE schedule_id = {} \
                 AND user_id",
                schedule.get()
            );
            packet.add_lists(Part::FanReservations, &before, users.iter().map(Value::from), "");
        }
        let before = format!(
            "SELECT {TICKET_COLUMNS} FROM ticket FORCE INDEX (ticket_by_reservation) WHERE reservation_id"
        );
        packet.add_lists(Part::Tickets, &before, self.tickets.iter().map(Value::from), "");
        for (schedule, seats) in &self.claims {
            let before = ranges::claims_of(*schedule);
            packet.add_lists(Part::Claims(*schedule), &before, seats.iter().copied().map(Value::from), "");
        }
    }
}

/// Reads every row and does something with it.
fn each<T>(rows: &[MySqlRow], read: impl Fn(&Row<'_>) -> Result<T>, mut take: impl FnMut(T)) -> Result<()> {
    rows.iter().try_for_each(|row| read(&Row(row)).map(&mut take))
}

/// The number under which a counter is stored.
pub(crate) const fn counter_number(counter: Counter) -> u8 {
    match counter {
        Counter::Concert => 0,
        Counter::Schedule => 1,
    }
}

fn counter(row: &Row<'_>) -> Result<(Counter, u32, u64)> {
    let counter = match row.get::<u8>(0)? {
        0 => Counter::Concert,
        1 => Counter::Schedule,
        _ => return Err(DbError::Unreadable("name of a counter")),
    };
    Ok((counter, row.get(1)?, row.get(2)?))
}

fn identity(row: &Row<'_>) -> Result<([u8; 16], UserId)> {
    Ok((row.get(0)?, codec::user(row, 1)?))
}

/// `SELECT` of these columns from there.
pub(crate) fn select(columns: &str, from: &str) -> String {
    format!("SELECT {columns} FROM {from}")
}
