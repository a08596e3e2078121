//! Outcomes under idempotency keys: one table a UTC day, so that old ones go by the table.
//!
//! A key counts for a day, so it is in today's table or in yesterday's. Outcomes come in order and are appended; keys are
//! scattered, and to write each into an index at once costs a page for each. So which key is in which row is in memory at
//! first ([`Unindexed`]), and goes into the index of the day in batches, in order of key: [`indexing`](mod@indexing).

mod indexing;

use frontrow_domain::Timestamp;
use frontrow_domain::records::{Digest, OnceRecord};
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, OptionalExtension, Result, Row};

use crate::codec;
use crate::live::{HashMap, KeysSeen};

pub(crate) use indexing::{Batch, KEYS};

const PREFIX: &str = "once_";
/// Of the table that says in which row of the day a key is. It has one row more: the empty key, with the row up to which
/// all are in it.
const INDEX_PREFIX: &str = "once_key_";

/// The row of a day's table in which a key is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OnceRow {
    pub(crate) day: i64,
    pub(crate) id: i64,
}

/// Keys that are in a table and not in its index yet.
pub(crate) type Unindexed = HashMap<Digest, OnceRow>;

/// The tables that are there.
#[derive(Default)]
pub(crate) struct OnceTables(Vec<OnceTable>);

/// The table of one day, with its statements.
struct OnceTable {
    day: i64,
    /// By key.
    find: String,
    /// By row.
    read: String,
    insert: String,
    has_index: bool,
    /// Which keys certainly are not in it, where that is known.
    seen: Option<KeysSeen>,
}

impl OnceTable {
    /// `has_index` is false for a table of a version before the index was apart: there a key is found in the table itself.
    fn of(day: i64, has_index: bool) -> Self {
        let columns = "request, outcome, created_at";
        let by_key = if has_index {
            format!("once_id = (SELECT once_id FROM {INDEX_PREFIX}{day} WHERE key = ?1)")
        } else {
            "key = ?1".to_owned()
        };
        Self {
            day,
            find: format!("SELECT {columns} FROM {PREFIX}{day} WHERE {by_key}"),
            read: format!("SELECT {columns} FROM {PREFIX}{day} WHERE once_id = ?1"),
            insert: format!(
                "INSERT INTO {PREFIX}{day} (key, request, outcome, created_at) VALUES (?1, ?2, ?3, ?4)"
            ),
            has_index,
            seen: None,
        }
    }
}

impl OnceTables {
    /// Looks which tables are there.
    pub(crate) fn read(connection: &Connection) -> Result<Self> {
        let sql = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name LIKE 'once\\_%' ESCAPE '\\'";
        let mut statement = connection.prepare_cached(sql)?;
        let names = statement.query_map([], |row| row.get::<_, String>(0))?;
        let names = names.collect::<Result<Vec<_>>>()?;
        let days = names.iter().filter_map(|name| name.strip_prefix(PREFIX)?.parse::<i64>().ok());
        let has_index = |day: i64| names.iter().any(|name| *name == format!("{INDEX_PREFIX}{day}"));
        Ok(Self(days.map(|day| OnceTable::of(day, has_index(day))).collect()))
    }

    /// Looks which tables are there, and which keys are in those that may still count.
    pub(crate) fn read_with_keys(connection: &Connection, now: Timestamp) -> Result<Self> {
        let mut tables = Self::read(connection)?;
        for table in tables.0.iter_mut().filter(|table| table.day >= now.day() - 1) {
            let mut seen = KeysSeen::none();
            let mut statement = connection.prepare(&format!("SELECT key FROM {PREFIX}{}", table.day))?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                seen.add(&row.get(0)?);
            }
            table.seen = Some(seen);
        }
        Ok(tables)
    }

    /// Looks again which tables are there, after a transaction that may have made one was rolled back.
    pub(crate) fn look_again(&mut self, connection: &Connection) -> Result<()> {
        let there = Self::read(connection)?;
        self.0.retain(|table| there.0.iter().any(|one| one.day == table.day));
        for table in there.0 {
            if self.0.iter().all(|one| one.day != table.day) {
                self.0.push(table);
            }
        }
        Ok(())
    }

    /// Notes that a key is going into the table of a day.
    pub(crate) fn note(&mut self, day: i64, key: &Digest) {
        let table = self.0.iter_mut().find(|table| table.day == day);
        if let Some(seen) = table.and_then(|table| table.seen.as_mut()) {
            seen.add(key);
        }
    }

    /// Makes the table of a day, unless it is there. One that is made now has no keys.
    pub(crate) fn make(&mut self, connection: &Connection, day: i64) -> Result<()> {
        if self.0.iter().any(|table| table.day == day) {
            return Ok(());
        }
        connection.execute_batch(&format!(
            "CREATE TABLE IF NOT EXISTS {PREFIX}{day} (
                 once_id INTEGER PRIMARY KEY,
                 key BLOB NOT NULL CHECK (length(key) = 16),
                 request BLOB NOT NULL CHECK (length(request) = 16),
                 outcome BLOB NOT NULL,
                 created_at INTEGER NOT NULL
             ) STRICT;
             CREATE TABLE IF NOT EXISTS {INDEX_PREFIX}{day} (
                 key BLOB PRIMARY KEY CHECK (length(key) IN (0, 16)),
                 once_id INTEGER NOT NULL
             ) STRICT, WITHOUT ROWID;
             INSERT OR IGNORE INTO {INDEX_PREFIX}{day} (key, once_id) VALUES (x'', 0)"
        ))?;
        self.0.push(OnceTable { seen: Some(KeysSeen::none()), ..OnceTable::of(day, true) });
        Ok(())
    }

    /// Drops the tables of the days before `day`. Answers how many there were.
    pub(crate) fn drop_before(&mut self, connection: &Connection, day: i64) -> Result<usize> {
        let before = self.0.len();
        for table in self.0.iter().filter(|table| table.day < day) {
            let day = table.day;
            let sql = format!("DROP TABLE IF EXISTS {PREFIX}{day}; DROP TABLE IF EXISTS {INDEX_PREFIX}{day}");
            connection.execute_batch(&sql)?;
        }
        self.0.retain(|table| table.day >= day);
        Ok(before - self.0.len())
    }

    /// The newest outcome that either of the two days which may still count at `now` has under a key.
    pub(crate) fn find(
        &self,
        connection: &Connection,
        key: &Digest,
        unindexed: Option<OnceRow>,
        now: Timestamp,
    ) -> Result<Option<OnceRecord>> {
        for day in [now.day(), now.day() - 1] {
            let Some(table) = self.0.iter().find(|table| table.day == day) else { continue };
            if let Some(row) = unindexed.filter(|row| row.day == day) {
                return connection.prepare_cached(&table.read)?.query_row([row.id], record).optional();
            }
            if table.seen.as_ref().is_some_and(|seen| !seen.may_have(key)) {
                continue;
            }
            let found = connection.prepare_cached(&table.find)?.query_row([key], record).optional()?;
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    /// Keeps an outcome in the table of a day, which must have been made: key, request, outcome and time. Answers where the
    /// key has to be remembered until it is in the index; nothing where the table has none apart.
    pub(crate) fn insert(
        &self,
        connection: &Connection,
        day: i64,
        values: &[ValueRef<'_>],
    ) -> Result<Option<OnceRow>> {
        let table = self.0.iter().find(|table| table.day == day).ok_or(rusqlite::Error::InvalidQuery)?;
        let mut statement = connection.prepare_cached(&table.insert)?;
        for (index, &value) in (1..).zip(values) {
            statement.raw_bind_parameter(index, ToSqlOutput::Borrowed(value))?;
        }
        statement.raw_execute()?;
        Ok(table.has_index.then(|| OnceRow { day, id: connection.last_insert_rowid() }))
    }

    /// The keys of all tables that are not in an index yet.
    pub(crate) fn unindexed(&self, connection: &Connection) -> Result<Unindexed> {
        let mut unindexed = Unindexed::default();
        for table in self.0.iter().filter(|table| table.has_index) {
            let day = table.day;
            let sql = format!(
                "SELECT key, once_id FROM {PREFIX}{day} \
                 WHERE once_id > (SELECT once_id FROM {INDEX_PREFIX}{day} WHERE key = x'')"
            );
            let mut statement = connection.prepare(&sql)?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                unindexed.insert(row.get(0)?, OnceRow { day, id: row.get(1)? });
            }
        }
        Ok(unindexed)
    }

    fn has(&self, day: i64) -> bool {
        self.0.iter().any(|table| table.day == day)
    }
}

fn record(row: &Row<'_>) -> Result<OnceRecord> {
    Ok(OnceRecord { request: row.get(0)?, outcome: row.get(1)?, created_at: codec::time(row, 2)? })
}
