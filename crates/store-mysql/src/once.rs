//! Outcomes under idempotency keys: one table a UTC day, so that old ones go by the table.
//!
//! A key counts for a day, so it is in today's table or in yesterday's, or close to midnight in tomorrow's. A table cannot be made in a transaction (MySQL
//! would commit what is open), so it is made before one begins.

use std::collections::BTreeSet;

use frontrow_domain::Timestamp;
use frontrow_domain::records::OnceRecord;
use parking_lot::Mutex;

use crate::codec;
use crate::error::DbError;
use crate::pool::Pool;
use crate::row::{Result, Row, all};

const PREFIX: &str = "once_";

/// The tables that are known to be there.
#[derive(Default)]
pub(crate) struct OnceTables(Mutex<BTreeSet<i64>>);

impl OnceTables {
    /// True when a key of that day can be read and kept.
    pub(crate) fn has(&self, day: i64) -> bool {
        self.0.lock().contains(&day)
    }

    /// Makes the tables of these days, unless they are there. Another instance may do so at the same time.
    pub(crate) async fn make(&self, pool: &Pool, days: &[i64]) -> Result<()> {
        if days.iter().all(|day| self.has(*day)) {
            return Ok(());
        }
        let mut link = pool.take().await?;
        for day in days {
            let sql = format!(
                "CREATE TABLE IF NOT EXISTS {} (
                    once_key BINARY(16) NOT NULL PRIMARY KEY,
                    request BINARY(16) NOT NULL,
                    outcome VARBINARY(2048) NOT NULL,
                    created_at BIGINT NOT NULL
                ) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin",
                table(*day)
            );
            link.run(sql).await.map_err(|failed| failed.error)?;
            self.0.lock().insert(*day);
        }
        link.give_back();
        Ok(())
    }

    /// Forgets what is there, because it is not.
    pub(crate) fn forget(&self) {
        self.0.lock().clear();
    }

    /// Drops the tables of the days before `day`. Answers how many there were.
    pub(crate) async fn drop_before(&self, pool: &Pool, day: i64) -> Result<usize> {
        let mut link = pool.take().await?;
        let sql = "SELECT table_name FROM information_schema.tables \
                   WHERE table_schema = DATABASE() AND table_name LIKE 'once%'";
        let rows = link.rows(sql.to_owned()).await?;
        let names = all(&rows, |row| row.get::<String>(0))?;
        let days = names.iter().filter_map(|name| name.strip_prefix(PREFIX)?.parse::<i64>().ok());
        let mut gone = 0;
        for old in days.filter(|found| *found < day) {
            self.0.lock().remove(&old);
            let sql = format!("DROP TABLE IF EXISTS {}", table(old));
            link.run(sql).await.map_err(|failed| failed.error)?;
            gone += 1;
        }
        link.give_back();
        Ok(gone)
    }
}

/// The name of a day's table.
pub(crate) fn table(day: i64) -> String {
    format!("{PREFIX}{day}")
}

/// Seconds by which the clock of another instance may be ahead, with room to spare: it may write into tomorrow's table
/// already. It is also longer than anybody waits for a lock.
const AHEAD_SECONDS: u32 = 60;

/// The days of which keys may still count, the newest first.
pub(crate) fn days(now: Timestamp) -> Vec<i64> {
    let mut days = vec![now.plus_seconds(AHEAD_SECONDS).day(), now.day(), now.day() - 1];
    days.dedup();
    days
}

/// What is read of an outcome.
pub(crate) const COLUMNS: &str = "once_key, request, outcome, created_at";

/// An outcome, and the digest that it is kept under.
pub(crate) fn record(row: &Row<'_>) -> std::result::Result<([u8; 16], OnceRecord), DbError> {
    let record = OnceRecord { request: row.get(1)?, outcome: row.get(2)?, created_at: codec::time(row, 3)? };
    Ok((row.get(0)?, record))
}
