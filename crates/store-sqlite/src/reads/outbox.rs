//! Queries about what was written to the outbox.

use frontrow_application::store::{OutboxReads, Read, SessionEnd};
use frontrow_domain::event::{Event, PaymentMade};
use rusqlite::{Result, Row};

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

fn payment_made(row: &Row<'_>, column: usize) -> Result<PaymentMade> {
    match serde_json::from_str(row.get_ref(column)?.as_str()?) {
        Ok(Event::PaymentCompleted(made)) => Ok(made),
        _ => Err(unreadable(column, "event that ends a session")),
    }
}
