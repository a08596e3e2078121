//! What keeps the store tidy.

use frontrow_application::store::{Read, ReadError, Upkeep};
use frontrow_domain::Timestamp;

use crate::error::DbError;
use crate::sql::{fill, values};
use crate::{MysqlStore, lane};

/// Seconds for which it is known which seats a commit changed. Whoever asks for older changes gets the whole map.
const SEAT_CHANGES_KEPT_SECONDS: u32 = 3_600;
/// How many rows one step deletes, so that no fan waits for it.
const ROWS: u64 = 1_000;

impl Upkeep for MysqlStore {
    fn clean(&self, now: Timestamp) -> Read<'_, usize> {
        Box::pin(async move { self.tidy(now).await.map_err(DbError::into_read) as Result<usize, ReadError> })
    }

    fn clean_events(&self, before: Timestamp, through: u64) -> Read<'_, usize> {
        Box::pin(async move {
            // By position, and not by number: an event that has none yet was handed to nobody. Only the oldest are
            // looked at, so that a step costs the same however many there are.
            let sql = fill(
                "DELETE outbox FROM outbox JOIN (SELECT position, at FROM outbox WHERE position <= ? \
                 ORDER BY position LIMIT ?) AS oldest USING (position) WHERE oldest.at < ? \
                 AND outbox.position < (SELECT value FROM outbox_position WHERE name = 0)",
                &values![i64::try_from(through).unwrap_or(i64::MAX), ROWS, before],
            );
            self.delete_in_steps(sql).await.map_err(DbError::into_read) as Result<usize, ReadError>
        })
    }
}

impl MysqlStore {
    async fn tidy(&self, now: Timestamp) -> Result<usize, DbError> {
        let tables = &self.writer.tables;
        let mut gone = self.writer.once.drop_before(tables, now.day() - 1).await?;
        let before = now.minus_seconds(SEAT_CHANGES_KEPT_SECONDS);
        let sql = fill("DELETE FROM seat_change WHERE at < ? ORDER BY at LIMIT ?", &values![before, ROWS]);
        gone += self.delete_in_steps(sql).await?;
        Ok(gone + lane::clean(&self.writer.pool).await?)
    }

    /// Runs a statement that deletes [`ROWS`] rows at the most until it finds fewer.
    async fn delete_in_steps(&self, sql: String) -> Result<usize, DbError> {
        let mut gone = 0;
        loop {
            // The connection is given back between the steps, and each is a transaction of its own.
            let mut link = self.writer.pool.take().await?;
            let answers = link.run(sql.clone()).await.map_err(|failed| failed.error)?;
            link.give_back();
            let step = answers.first().map_or(0, |answer| answer.affected);
            gone += usize::try_from(step).unwrap_or(usize::MAX);
            if step < ROWS {
                return Ok(gone);
            }
        }
    }
}
