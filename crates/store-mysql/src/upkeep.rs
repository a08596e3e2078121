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
}

impl MysqlStore {
    async fn tidy(&self, now: Timestamp) -> Result<usize, DbError> {
        let tables = &self.writer.tables;
        let mut gone = self.writer.once.drop_before(tables, now.day() - 1).await?;
        let before = now.minus_seconds(SEAT_CHANGES_KEPT_SECONDS);
        let sql = fill("DELETE FROM seat_change WHERE at < ? ORDER BY at LIMIT ?", &values![before, ROWS]);
        loop {
            // The connection is given back between the steps, and each is a transaction of its own.
            let mut link = self.writer.pool.take().await?;
            let answers = link.run(sql.clone()).await.map_err(|failed| failed.error)?;
            link.give_back();
            let step = answers.first().map_or(0, |answer| answer.affected);
            gone += usize::try_from(step).unwrap_or(usize::MAX);
            if step < ROWS {
                break;
            }
        }
        Ok(gone + lane::clean(&self.writer.pool).await?)
    }
}
