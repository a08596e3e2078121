//! The queries. Look-ups by key run where they are asked for; lists and audits on threads that may block.

mod account;
mod audit;
mod catalog;
mod outbox;
pub(crate) mod plans;
mod reservation;
mod sales;
mod staff;
mod staff_list;
mod wallet;

use std::future::ready;
use std::sync::Arc;

use frontrow_application::store::{OnceReads, Read, ReadError};
use frontrow_domain::Timestamp;
use frontrow_domain::records::{Digest, OnceRecord};
use rusqlite::{Connection, OptionalExtension, Params, Row};

use crate::SqliteReads;
use crate::error::lost_task;
use crate::once::OnceTables;

impl SqliteReads {
    /// A look-up by key, here and now.
    fn point<'a, T: Send + 'a>(
        &self,
        query: impl FnOnce(&mut Connection) -> rusqlite::Result<T>,
    ) -> Read<'a, T> {
        Box::pin(ready(self.pool.with(query)))
    }

    /// A query that may take longer.
    fn scan<T: Send + 'static>(
        &self,
        query: impl FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Read<'_, T> {
        let pool = Arc::clone(&self.pool);
        Box::pin(async move {
            let closed = |_| ReadError::Unavailable("the store is closed".to_owned());
            let _permit = self.pool.scans.acquire().await.map_err(closed)?;
            tokio::task::spawn_blocking(move || pool.with(query)).await.map_err(lost_task)?
        })
    }
}

/// The one row that a query finds, if any.
fn one<T>(
    connection: &Connection,
    sql: &str,
    values: impl Params,
    read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Option<T>> {
    connection.prepare_cached(sql)?.query_row(values, read).optional()
}

/// All rows that a query finds.
fn all<T>(
    connection: &Connection,
    sql: &str,
    values: impl Params,
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Vec<T>> {
    connection.prepare_cached(sql)?.query_map(values, read)?.collect()
}

/// Forgets the row version, which only writers need.
fn bare<T>(
    read: impl Fn(&Row<'_>) -> rusqlite::Result<(T, u64)>,
) -> impl Fn(&Row<'_>) -> rusqlite::Result<T> {
    move |row| read(row).map(|(value, _)| value)
}

/// The pattern for texts that contain this one, whatever it contains itself.
fn contains(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len() + 2);
    pattern.push('%');
    for c in text.chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}

/// Longer than any id, and so after all of them: one bound for every page, so that each begins where it is in the index.
const AFTER_ALL: [u8; 17] = [0xFF; 17];

/// A limit as SQLite takes it.
pub(crate) fn rows(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

impl OnceReads for SqliteReads {
    fn once(&self, key: Digest, now: Timestamp) -> Read<'_, Option<OnceRecord>> {
        self.point(move |connection| {
            let found = OnceTables::read(connection)?.find(connection, &key, now)?;
            Ok(found.filter(|record| frontrow_application::once::still_counts(record, now)))
        })
    }
}

/// How SQLite would go about a query on a store of this schema, a step a line.
#[cfg(test)]
fn query_plan(sql: &str) -> String {
    let mut connection = Connection::open_in_memory().expect("a store in memory");
    crate::schema::migrate(&mut connection, Timestamp::ZERO).expect("migrated");
    let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).expect("a query");
    let none = vec![rusqlite::types::Null; statement.parameter_count()];
    let steps = statement.query_map(rusqlite::params_from_iter(none), |row| row.get::<_, String>(3));
    let steps: rusqlite::Result<Vec<String>> = steps.expect("a plan").collect();
    steps.expect("a plan").join("\n")
}
