//! Queries about what was written to the outbox. There is one writer, so its numbers are in the order of commits.

use std::future::ready;

use frontrow_application::events::{EventLog, LoggedEvent, Partitions};
use frontrow_application::store::{OutboxReads, Read, SessionEnd};
use frontrow_domain::Timestamp;
use frontrow_domain::event::{Event, PaymentMade};
use rusqlite::Result;
use uuid::Uuid;

use super::{all, rows};
use crate::SqliteReads;
use crate::codec::unreadable;
use crate::live::NewEvent;

impl OutboxReads for SqliteReads {
    fn session_ends(&self, after: u64, limit: usize) -> Read<'_, Vec<SessionEnd>> {
        let of_memory = self.new_events(after, limit, |event| event.ends_session);
        self.scan(move |connection| {
            // Named, so that no plan of the query ever walks over every event that there is.
            let sql = "SELECT outbox_id, body FROM outbox INDEXED BY outbox_session_end \
                       WHERE queue_entry IS NOT NULL AND outbox_id > ?1 ORDER BY outbox_id LIMIT ?2";
            // No row has a number past what the column can hold.
            let after = i64::try_from(after).unwrap_or(i64::MAX);
            let mut found = all(connection, sql, (after, rows(limit)), |row| {
                let body = row.get_ref(1)?.as_str()?;
                Ok(SessionEnd { position: row.get(0)?, event: payment_made(body)? })
            })?;
            let last = found.last().map_or(0, |end| end.position);
            for event in of_memory.iter().filter(|event| event.position > last) {
                found.push(SessionEnd { position: event.position, event: payment_made(&event.body)? });
            }
            found.truncate(limit);
            Ok(found)
        })
    }
}

impl EventLog for SqliteReads {
    fn events(&self, after: u64, partitions: Partitions, limit: usize) -> Read<'_, Vec<LoggedEvent>> {
        let of_memory = self.new_events(after, limit, |event| partitions.have(event.key));
        self.scan(move |connection| {
            let sql = "SELECT outbox_id, key, sequence, at, body FROM outbox WHERE outbox_id > ?1 ORDER BY outbox_id";
            let mut statement = connection.prepare_cached(sql)?;
            let mut found = statement.query([i64::try_from(after).unwrap_or(i64::MAX)])?;
            let mut events: Vec<LoggedEvent> = Vec::new();
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
            let last = events.last().map_or(0, |event| event.position);
            events.extend(of_memory.into_iter().filter(|event| event.position > last).map(|event| LoggedEvent {
                position: event.position,
                key: event.key,
                sequence: event.sequence,
                at: event.at,
                body: event.body,
            }));
            events.truncate(limit);
            Ok(events)
        })
    }

    fn log_end(&self) -> Read<'_, u64> {
        if let Some(newest) = self.live.read().events.back() {
            return Box::pin(ready(Ok(newest.position)));
        }
        self.point(|connection| {
            let sql = "SELECT coalesce(max(outbox_id), 0) FROM outbox";
            connection.prepare_cached(sql)?.query_row([], |row| row.get(0))
        })
    }
}

impl SqliteReads {
    /// The oldest events after a position that are not in their table yet, as far as they are of a kind. Taken before the
    /// table is read: what leaves memory meanwhile is there.
    fn new_events(&self, after: u64, limit: usize, is_meant: impl Fn(&NewEvent) -> bool) -> Vec<NewEvent> {
        let state = self.live.read();
        let begin = state.events.partition_point(|event| event.position <= after);
        state.events.range(begin..).filter(|event| is_meant(event)).take(limit).cloned().collect()
    }
}

fn payment_made(body: &str) -> Result<PaymentMade> {
    match serde_json::from_str(body) {
        Ok(Event::PaymentCompleted(made)) => Ok(made),
        _ => Err(unreadable(1, "event that ends a session")),
    }
}
