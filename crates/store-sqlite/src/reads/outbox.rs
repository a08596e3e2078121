//! Queries about what was written to the outbox. There is one writer, so its numbers are in the order of commits.

use frontrow_application::events::{EventLog, LoggedEvent, Partitions};
use frontrow_application::store::{OutboxReads, Read, SessionEnd};
use frontrow_domain::Timestamp;
use frontrow_domain::event::{Event, PaymentMade};
use rusqlite::{Result, Row};
use uuid::Uuid;

use super::{all, rows};
use crate::SqliteReads;
use crate::codec::unreadable;

impl OutboxReads for SqliteReads {
    fn session_ends(&self, after: u64, limit: usize) -> Read<'_, Vec<SessionEnd>> {
        self.scan(move |connection| {
            // Named, so that no plan of the query ever walks over every event that there is.
            let sql = "SELECT outbox_id, body FROM outbox INDEXED BY outbox_session_end \
                       WHERE queue_entry IS NOT NULL AND outbox_id > ?1 ORDER BY outbox_id LIMIT ?2";
            // No row has a number past what the column can hold.
            let after = i64::try_from(after).unwrap_or(i64::MAX);
            all(connection, sql, (after, rows(limit)), |row| {
                Ok(SessionEnd { position: row.get(0)?, event: payment_made(row, 1)? })
            })
        })
    }
}

impl EventLog for SqliteReads {
    fn events(&self, after: u64, partitions: Partitions, limit: usize) -> Read<'_, Vec<LoggedEvent>> {
        self.scan(move |connection| {
            let sql = "SELECT outbox_id, key, sequence, at, body FROM outbox WHERE outbox_id > ?1 ORDER BY outbox_id";
            let mut statement = connection.prepare_cached(sql)?;
            let mut found = statement.query([i64::try_from(after).unwrap_or(i64::MAX)])?;
            let mut events = Vec::new();
            while events.len() < limit
                && let Some(row) = found.next()?
            {
                let key = Uuid::from_bytes(row.get(1)?);
                if partitions.have(key) {
                    let at = Timestamp::from_micros(row.get(3)?);
                    let (position, sequence, body) = (row.get(0)?, row.get(2)?, row.get(4)?);
                    events.push(LoggedEvent { position, key, sequence, at, body });
                }
            }
            Ok(events)
        })
    }

    fn log_end(&self) -> Read<'_, u64> {
        self.point(|connection| {
            let sql = "SELECT coalesce(max(outbox_id), 0) FROM outbox";
            connection.prepare_cached(sql)?.query_row([], |row| row.get(0))
        })
    }
}

fn payment_made(row: &Row<'_>, column: usize) -> Result<PaymentMade> {
    match serde_json::from_str(row.get_ref(column)?.as_str()?) {
        Ok(Event::PaymentCompleted(made)) => Ok(made),
        _ => Err(unreadable(column, "event that ends a session")),
    }
}
