//! Outcomes under idempotency keys: one table a UTC day, so that old ones go by the table.
//!
//! A key counts for a day, so it is in today's table or in yesterday's. Keys are scattered, outcomes come in order:
//! the rows are appended, and only the short index of keys is written all over the place.

use frontrow_domain::Timestamp;
use frontrow_domain::records::{Digest, OnceRecord};
use rusqlite::{Connection, OptionalExtension, Result};

use crate::codec;
use crate::live::KeysSeen;

const PREFIX: &str = "once_";

/// The tables that are there.
#[derive(Default)]
pub(crate) struct OnceTables(Vec<OnceTable>);

/// The table of one day, with its statements.
struct OnceTable {
    day: i64,
    find: String,
    insert: String,
    /// Which keys certainly are not in it, where that is known.
    seen: Option<KeysSeen>,
}

impl OnceTable {
    fn of(day: i64) -> Self {
        Self {
            day,
            find: format!("SELECT request, outcome, created_at FROM {PREFIX}{day} WHERE key = ?1"),
            insert: format!(
                "INSERT INTO {PREFIX}{day} (key, request, outcome, created_at) VALUES (?1, ?2, ?3, ?4)"
            ),
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
        let mut tables = Vec::new();
        for name in names {
            if let Some(day) = name?.strip_prefix(PREFIX).and_then(|day| day.parse().ok()) {
                tables.push(OnceTable::of(day));
            }
        }
        Ok(Self(tables))
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
                 key BLOB NOT NULL UNIQUE CHECK (length(key) = 16),
                 request BLOB NOT NULL CHECK (length(request) = 16),
                 outcome BLOB NOT NULL,
                 created_at INTEGER NOT NULL
             ) STRICT"
        ))?;
        self.0.push(OnceTable { seen: Some(KeysSeen::none()), ..OnceTable::of(day) });
        Ok(())
    }

    /// Drops the tables of the days before `day`. Answers how many there were.
    pub(crate) fn drop_before(&mut self, connection: &Connection, day: i64) -> Result<usize> {
        let before = self.0.len();
        for table in self.0.iter().filter(|table| table.day < day) {
            connection.execute_batch(&format!("DROP TABLE IF EXISTS {PREFIX}{}", table.day))?;
        }
        self.0.retain(|table| table.day >= day);
        Ok(before - self.0.len())
    }

    /// The newest outcome that either of the two days which may still count at `now` has under a key.
    pub(crate) fn find(
        &self,
        connection: &Connection,
        key: &Digest,
        now: Timestamp,
    ) -> Result<Option<OnceRecord>> {
        for day in [now.day(), now.day() - 1] {
            let Some(table) = self.0.iter().find(|table| table.day == day) else { continue };
            if table.seen.as_ref().is_some_and(|seen| !seen.may_have(key)) {
                continue;
            }
            let found = connection
                .prepare_cached(&table.find)?
                .query_row([key], |row| {
                    Ok(OnceRecord {
                        request: row.get(0)?,
                        outcome: row.get(1)?,
                        created_at: codec::time(row, 2)?,
                    })
                })
                .optional()?;
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    /// The statement that keeps an outcome in the table of a day, which must have been made.
    pub(crate) fn insert_of(&self, day: i64) -> Option<&str> {
        self.0.iter().find(|table| table.day == day).map(|table| table.insert.as_str())
    }
}
