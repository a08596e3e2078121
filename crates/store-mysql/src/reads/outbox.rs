//! Queries about what was written to the outbox.
//!
//! The numbers of the outbox are given out when events are written, and a lower one may be committed after a higher one
//! was read. So nobody goes by them. An event gets its position later, once it is committed: whoever asks gives positions
//! to all events that he can see and that have none, one asker at a time, under the lock on the row that has the last
//! position. So who sees a position has seen all that are lower, positions are in the order in which events became visible,
//! and none is given out twice. Events of one key keep their order: each was written under the lock of its record.

use frontrow_application::events::{EventLog, LoggedEvent, Partitions};
use frontrow_application::store::{OutboxReads, Read, SessionEnd};
use frontrow_domain::Timestamp;
use frontrow_domain::event::{Event, PaymentMade};

use super::{answer, limit};
use crate::MysqlReads;
use crate::error::DbError;
use crate::row::{Result, Row, all, first};
use crate::sql::{LIST_MAX, Value, fill, list, values};

/// How many events get their position in one transaction.
const PLACED_AT_ONCE: usize = 2_000;

const UNPLACED: &str = "SELECT outbox_id FROM outbox FORCE INDEX (outbox_unplaced) WHERE unplaced = 1 \
     ORDER BY outbox_id LIMIT ?";

impl EventLog for MysqlReads {
    fn events(&self, after: u64, partitions: Partitions, count: usize) -> Read<'_, Vec<LoggedEvent>> {
        answer(async move {
            self.place().await?;
            let mut sql = fill(
                "SELECT position, event_key, sequence, at, body FROM outbox FORCE INDEX (outbox_position) \
                 WHERE position > ?",
                &values![i64::try_from(after).unwrap_or(i64::MAX)],
            );
            if partitions == Partitions::NONE {
                return Ok(Vec::new());
            }
            if partitions != Partitions::ALL {
                sql.push_str(" AND partition_no IN (");
                sql.push_str(&list(partitions.numbers().map(Value::from)));
                sql.push(')');
            }
            sql.push_str(&fill(" ORDER BY position LIMIT ?", &values![limit(count)]));
            all(&self.rows(sql).await?, logged)
        })
    }

    fn log_end(&self) -> Read<'_, u64> {
        answer(async move {
            self.place().await?;
            let rows = self.rows("SELECT value FROM outbox_position WHERE name = 0".to_owned()).await?;
            Ok(first(&rows, |row| row.get(0))?.unwrap_or(0))
        })
    }
}

fn logged(row: &Row<'_>) -> Result<LoggedEvent> {
    Ok(LoggedEvent {
        position: row.get(0)?,
        key: row.get(1)?,
        sequence: row.get(2)?,
        at: Timestamp::from_micros(row.get(3)?),
        body: row.get(4)?,
    })
}

impl OutboxReads for MysqlReads {
    fn session_ends(&self, after: u64, count: usize) -> Read<'_, Vec<SessionEnd>> {
        answer(async move {
            self.place().await?;
            // No row has a number past what the column can hold.
            let after = i64::try_from(after).unwrap_or(i64::MAX);
            let template = "SELECT position, body FROM outbox FORCE INDEX (outbox_session_end) \
                            WHERE ends_session = 1 AND position > ? ORDER BY position LIMIT ?";
            let rows = self.rows(fill(template, &values![after, limit(count)])).await?;
            all(&rows, |row| Ok(SessionEnd { position: row.get(0)?, event: payment_made(row, 1)? }))
        })
    }
}

impl MysqlReads {
    /// Gives a position to every event that is committed and has none. Another instance that is just doing so is not
    /// waited for: what it has placed so far is an answer, and the rest comes with the next question.
    async fn place(&self) -> Result<()> {
        loop {
            if self.rows(fill(UNPLACED, &values![1_u8])).await?.is_empty() {
                return Ok(());
            }
            match self.place_some().await {
                Ok(PLACED_AT_ONCE) => {}
                Ok(_) => return Ok(()),
                Err(error) if error.is_conflict() => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }

    async fn place_some(&self) -> Result<usize> {
        let sql = "SET TRANSACTION ISOLATION LEVEL READ COMMITTED; START TRANSACTION; \
                   SELECT value FROM outbox_position WHERE name = 0 FOR UPDATE";
        let mut link = self.pool.take().await?;
        let rows = link.run(sql.to_owned()).await.map_err(|failed| failed.error)?;
        let last =
            rows.last().map(|answer| first(&answer.rows, |row| row.get::<u64>(0))).transpose()?.flatten();
        let last = last.ok_or(DbError::Unreadable("last position of the outbox"))?;
        // Read under the lock, so that what another has just placed is not placed again.
        let found = link.rows(fill(UNPLACED, &values![PLACED_AT_ONCE as u64])).await?;
        let ids = all(&found, |row| row.get::<i64>(0))?;
        let (Some(lowest), Some(highest)) = (ids.first(), ids.last()) else {
            link.roll_back().await;
            return Ok(0);
        };
        // Moved as they are, gaps and all, so that a few statements place them: only the order of positions counts.
        let last = i64::try_from(last).unwrap_or(i64::MAX);
        let by = last - lowest + 1;
        let mut statements: Vec<String> = ids
            .chunks(LIST_MAX)
            .map(|some| {
                let ids = list(some.iter().map(|id| Value::from(*id)));
                let template =
                    "UPDATE outbox SET position = outbox_id + (?), unplaced = NULL WHERE outbox_id IN";
                format!("{} ({ids})", fill(template, &values![by]))
            })
            .collect();
        statements.push(fill("UPDATE outbox_position SET value = ? WHERE name = 0", &values![highest + by]));
        statements.push("COMMIT".to_owned());
        link.run(statements.join(";")).await.map_err(|failed| failed.error)?;
        link.give_back();
        Ok(ids.len())
    }
}

fn payment_made(row: &Row<'_>, column: usize) -> Result<PaymentMade> {
    match serde_json::from_str(row.text(column)?) {
        Ok(Event::PaymentCompleted(made)) => Ok(made),
        _ => Err(DbError::Unreadable("event that ends a session")),
    }
}
