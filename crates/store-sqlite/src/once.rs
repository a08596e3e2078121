//! Outcomes under idempotency keys: one table a UTC day, so that old ones go by the table.
//!
//! A key counts for a day, so it is in today's table or in yesterday's.

use frontrow_domain::Timestamp;
use frontrow_domain::records::{Digest, OnceRecord};
use rusqlite::{Connection, OptionalExtension, Result};

use crate::codec;

const PREFIX: &str = "once_";

fn table(day: i64) -> String {
    format!("{PREFIX}{day}")
}

/// The days whose tables are there.
pub(crate) fn days(connection: &Connection) -> Result<Vec<i64>> {
    let mut statement = connection.prepare(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name LIKE 'once\\_%' ESCAPE '\\'",
    )?;
    let names = statement.query_map([], |row| row.get::<_, String>(0))?;
    let mut days = Vec::new();
    for name in names {
        if let Some(day) = name?.strip_prefix(PREFIX).and_then(|day| day.parse().ok()) {
            days.push(day);
        }
    }
    Ok(days)
}

/// Makes the table of a day.
pub(crate) fn create(connection: &Connection, day: i64) -> Result<()> {
    connection.execute_batch(&format!(
        "CREATE TABLE IF NOT EXISTS {} (
             key BLOB PRIMARY KEY CHECK (length(key) = 16),
             request BLOB NOT NULL CHECK (length(request) = 16),
             outcome BLOB NOT NULL,
             created_at INTEGER NOT NULL
         ) STRICT, WITHOUT ROWID",
        table(day)
    ))
}

/// Drops the table of a day.
pub(crate) fn drop(connection: &Connection, day: i64) -> Result<()> {
    connection.execute_batch(&format!("DROP TABLE IF EXISTS {}", table(day)))
}

/// What a day's table has under a key. The table must be there.
pub(crate) fn find(connection: &Connection, day: i64, key: &Digest) -> Result<Option<OnceRecord>> {
    let sql = format!("SELECT request, outcome, created_at FROM {} WHERE key = ?1", table(day));
    connection
        .prepare_cached(&sql)?
        .query_row([key], |row| {
            Ok(OnceRecord { request: row.get(0)?, outcome: row.get(1)?, created_at: codec::time(row, 2)? })
        })
        .optional()
}

/// Keeps an outcome in the table of its day. The table must be there.
pub(crate) fn insert(connection: &Connection, key: &Digest, record: &OnceRecord) -> Result<()> {
    let sql = format!(
        "INSERT INTO {} (key, request, outcome, created_at) VALUES (?1, ?2, ?3, ?4)",
        table(record.created_at.day())
    );
    let values = (key, &record.request, &record.outcome, record.created_at.micros());
    connection.prepare_cached(&sql)?.execute(values).map(|_| ())
}

/// The newest outcome that any of the two days has under a key.
pub(crate) fn find_recent(
    connection: &Connection,
    known_days: &[i64],
    key: &Digest,
    now: Timestamp,
) -> Result<Option<OnceRecord>> {
    for day in [now.day(), now.day() - 1] {
        if known_days.contains(&day)
            && let Some(record) = find(connection, day, key)?
        {
            return Ok(Some(record));
        }
    }
    Ok(None)
}
