//! The queries, on connections of their own. What has to agree with each other is read in one snapshot.

mod account;
mod audit;
mod catalog;
mod outbox;
mod reservation;
mod sales;
mod staff;
mod staff_list;
mod wallet;

use std::future::Future;

use frontrow_application::store::{OnceReads, Read};
use frontrow_domain::Timestamp;
use frontrow_domain::records::{Digest, OnceRecord};
use sqlx::mysql::MySqlRow;

pub(crate) use reservation::LookUps;

use crate::MysqlReads;
use crate::error::{DbError, NO_TABLE};
use crate::once;
use crate::pool::Link;
use crate::row::{Result, first};
use crate::sql::{LIST_MAX, Value, fill, list, values};

impl MysqlReads {
    /// The rows of one statement.
    pub(crate) async fn rows(&self, sql: String) -> Result<Vec<MySqlRow>> {
        self.pool.rows(sql).await
    }

    /// A connection on which everything is read as of one moment.
    async fn snapshot(&self) -> Result<Link<'_>> {
        self.begin("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY").await
    }

    /// A connection with a transaction.
    pub(crate) async fn begin(&self, begin: &str) -> Result<Link<'_>> {
        let mut link = self.pool.take().await?;
        match link.run(begin.to_owned()).await {
            Ok(_) => Ok(link),
            Err(_) if link.is_reused => {
                drop(link);
                self.pool.forget_idle();
                link = self.pool.take().await?;
                link.run(begin.to_owned()).await.map_err(|failed| failed.error)?;
                Ok(link)
            }
            Err(failed) => Err(failed.error),
        }
    }

    /// The time of the database, which several instances have in common.
    pub async fn database_time(
        &self,
    ) -> std::result::Result<Timestamp, frontrow_application::store::ReadError> {
        let sql = "SELECT CAST(UNIX_TIMESTAMP(SYSDATE(6)) * 1000000 AS SIGNED)".to_owned();
        let rows = self.rows(sql).await.map_err(DbError::into_read)?;
        let micros = first(&rows, |row| row.get::<i64>(0)).map_err(DbError::into_read)?;
        Ok(Timestamp::from_micros(micros.unwrap_or_default()))
    }
}

/// The answer of a query, with its error as the ports have it.
pub(crate) fn answer<'a, T>(query: impl Future<Output = Result<T>> + Send + 'a) -> Read<'a, T> {
    Box::pin(async move { query.await.map_err(DbError::into_read) })
}

/// The rows of one statement for each list of keys, all in one packet. `before` and `after` are what stands around a
/// list.
async fn lists<'k>(
    link: &mut Link<'_>,
    before: &str,
    keys: impl IntoIterator<Item = Value<'k>>,
    after: &str,
) -> Result<Vec<MySqlRow>> {
    let sql = {
        let keys: Vec<Value<'k>> = keys.into_iter().collect();
        let statements: Vec<String> = keys
            .chunks(LIST_MAX)
            .map(|keys| format!("{before} IN ({}){after}", list(keys.iter().copied())))
            .collect();
        statements.join(";")
    };
    packet(link, sql).await
}

/// The rows of all statements of a packet.
async fn packet(link: &mut Link<'_>, sql: String) -> Result<Vec<MySqlRow>> {
    if sql.is_empty() {
        return Ok(Vec::new());
    }
    let answers = link.run(sql).await.map_err(|failed| failed.error)?;
    Ok(answers.into_iter().flat_map(|answer| answer.rows).collect())
}

/// The condition that a key lies before the one given, which begins with `AND`.
fn and_before(key: &str, before: Option<&[u8; 16]>) -> String {
    before.map_or_else(String::new, |before| format!(" AND {key} < {}", list([Value::Bytes(before)])))
}

/// The condition that a key lies after the one given, which begins with `AND`.
fn and_after(key: &str, after: Option<&[u8; 16]>) -> String {
    after.map_or_else(String::new, |after| format!(" AND {key} > {}", list([Value::Bytes(after)])))
}

/// A limit as the server takes it.
pub(crate) fn limit(limit: usize) -> u64 {
    limit as u64
}

impl OnceReads for MysqlReads {
    fn once(&self, key: Digest, now: Timestamp) -> Read<'_, Option<OnceRecord>> {
        answer(async move {
            for day in once::days(now) {
                let from = format!("SELECT {} FROM {} WHERE once_key = ?", once::COLUMNS, once::table(day));
                let rows = match self.rows(fill(&from, &values![&key])).await {
                    // Nothing was kept on that day.
                    Err(error) if error.number() == Some(NO_TABLE) => continue,
                    rows => rows?,
                };
                if let Some((_, record)) = first(&rows, once::record)? {
                    let counts = frontrow_application::once::still_counts(&record, now);
                    return Ok(counts.then_some(record));
                }
            }
            Ok(None)
        })
    }
}
