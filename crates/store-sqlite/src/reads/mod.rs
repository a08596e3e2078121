//! The queries. Look-ups by key run where they are asked for; lists and audits on threads that may block.
//!
//! What was committed is in the tables only once it was folded. Three ways lead to an answer that has all of it:
//!
//! - A look-up by key looks into memory first ([`crate::live`]), and into the tables for what is not there.
//! - A fan's own lists and a seat map take what is in memory, then read the tables, and put both together; where both have
//!   a record, memory is right. Memory comes first: what leaves it meanwhile is in the tables before.
//! - Everything else waits until what was committed before is in the tables ([`SqliteReads::settled`]), which are always
//!   what the store was after some group.

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

use std::collections::BTreeMap;
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

    /// A query of many records that waits for the tables to have everything that was committed before.
    fn settled<T: Send + 'static>(
        &self,
        query: impl FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Read<'_, T> {
        Box::pin(async move {
            if !self.live.settled().await {
                return Err(ReadError::Unavailable("what was sold does not fit into the tables".to_owned()));
            }
            self.scan(query).await
        })
    }

    /// A query that may take longer, of tables that are written to at once, or put together with what is in memory.
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

/// Records of one list from memory and from the tables, in order of name, the greatest first: each once, and as it is in
/// memory where it is in both.
fn newest_first<K: Ord + Copy, T>(
    of_memory: impl IntoIterator<Item = T>,
    of_tables: impl IntoIterator<Item = T>,
    name: impl Fn(&T) -> K,
) -> Vec<T> {
    let mut found: BTreeMap<K, T> = of_tables.into_iter().map(|one| (name(&one), one)).collect();
    found.extend(of_memory.into_iter().map(|one| (name(&one), one)));
    found.into_values().rev().collect()
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
        let still_counts = move |record: &OnceRecord| frontrow_application::once::still_counts(record, now);
        let unindexed = {
            let live = self.live.read();
            if let Some(kept) = live.once.get(&key) {
                return Box::pin(ready(Ok(Some(kept.value.clone()).filter(still_counts))));
            }
            live.unindexed.get(&key).copied()
        };
        self.point(move |connection| {
            let found = OnceTables::read(connection)?.find(connection, &key, unindexed, now)?;
            Ok(found.filter(still_counts))
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
