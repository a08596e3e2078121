//! What could not be handed over.

use std::collections::HashSet;

use frontrow_application::events::{DeadLetter, Parked, Undelivered};
use frontrow_application::store::Read;
use frontrow_domain::Timestamp;
use rusqlite::{OptionalExtension, Row, Transaction};
use uuid::Uuid;

use super::{SqliteDelivery, event, id, time};
use crate::reads::rows;

/// Longer than any id, and so after all of them.
const AFTER_ALL: [u8; 17] = [0xFF; 17];

const LETTER: &str = "letter_id, consumer, tries, reason, dead_at, position, event_key, sequence, at, body";

impl Undelivered for SqliteDelivery {
    fn park(&self, consumer: String, events: Vec<Parked>) -> Read<'_, ()> {
        self.with(move |transaction| {
            events.iter().try_for_each(|parked| park(transaction, &consumer, parked))
        })
    }

    fn parked_keys(&self, consumer: String, keys: Vec<Uuid>) -> Read<'_, HashSet<Uuid>> {
        self.with(move |transaction| {
            let sql = "SELECT EXISTS (SELECT 1 FROM parked_event WHERE consumer = ?1 AND event_key = ?2)";
            let mut found = HashSet::new();
            for key in keys {
                let values = (&consumer, key.as_bytes());
                if transaction.prepare_cached(sql)?.query_row(values, |row| row.get(0))? {
                    found.insert(key);
                }
            }
            Ok(found)
        })
    }

    fn due(&self, consumer: String, now: Timestamp, limit: usize) -> Read<'_, Vec<Parked>> {
        self.with(move |transaction| {
            let sql = "SELECT tries, since, next_at, reason, position, event_key, sequence, at, body \
                       FROM parked_event AS head WHERE consumer = ?1 AND next_at <= ?2 AND NOT EXISTS \
                       (SELECT 1 FROM parked_event AS earlier WHERE earlier.consumer = head.consumer \
                        AND earlier.event_key = head.event_key AND earlier.sequence < head.sequence) \
                       ORDER BY next_at, event_key LIMIT ?3";
            let read = |row: &Row<'_>| {
                Ok(Parked {
                    tries: row.get(0)?,
                    since: time(row, 1)?,
                    next_at: time(row, 2)?,
                    reason: row.get(3)?,
                    event: event(row, 4)?,
                })
            };
            let values = (&consumer, now.micros(), rows(limit));
            transaction.prepare_cached(sql)?.query_map(values, read)?.collect()
        })
    }

    fn parked(&self, consumer: String) -> Read<'_, (u64, Option<Timestamp>)> {
        self.with(move |transaction| {
            let sql = "SELECT count(*), min(since) FROM parked_event WHERE consumer = ?1";
            transaction.prepare_cached(sql)?.query_row([consumer], |row| {
                let since: Option<i64> = row.get(1)?;
                Ok((row.get(0)?, since.map(Timestamp::from_micros)))
            })
        })
    }

    fn postpone(&self, consumer: String, parked: Parked) -> Read<'_, ()> {
        self.with(move |transaction| {
            let sql = "UPDATE parked_event SET tries = ?4, next_at = ?5, reason = ?6 \
                       WHERE consumer = ?1 AND event_key = ?2 AND sequence = ?3";
            let event = &parked.event;
            let values = (
                &consumer,
                event.key.as_bytes(),
                event.sequence,
                parked.tries,
                parked.next_at.micros(),
                &parked.reason,
            );
            transaction.prepare_cached(sql)?.execute(values).map(drop)
        })
    }

    fn settle(&self, consumer: String, events: Vec<(Uuid, u64)>) -> Read<'_, ()> {
        self.with(move |transaction| {
            events.iter().try_for_each(|(key, sequence)| settle(transaction, &consumer, *key, *sequence))
        })
    }

    fn bury(&self, letters: Vec<DeadLetter>) -> Read<'_, ()> {
        self.with(move |transaction| letters.iter().try_for_each(|letter| bury(transaction, letter)))
    }

    fn dead_letters(&self, before: Option<Uuid>, limit: usize) -> Read<'_, Vec<DeadLetter>> {
        self.with(move |transaction| {
            let sql = format!(
                "SELECT {LETTER} FROM dead_letter WHERE letter_id < ?1 ORDER BY letter_id DESC LIMIT ?2"
            );
            let before = before.map_or_else(|| AFTER_ALL.to_vec(), |id| id.as_bytes().to_vec());
            transaction.prepare_cached(&sql)?.query_map((before, rows(limit)), letter)?.collect()
        })
    }

    fn count_dead_letters(&self) -> Read<'_, u64> {
        self.with(|transaction| {
            transaction.query_row("SELECT count(*) FROM dead_letter", [], |row| row.get(0))
        })
    }

    fn dead_letter(&self, id: Uuid) -> Read<'_, Option<DeadLetter>> {
        self.with(move |transaction| find(transaction, id))
    }

    fn revive(&self, id: Uuid, now: Timestamp) -> Read<'_, bool> {
        self.with(move |transaction| {
            let Some(letter) = find(transaction, id)? else { return Ok(false) };
            let parked =
                Parked { event: letter.event, tries: 0, since: now, next_at: now, reason: String::new() };
            park(transaction, &letter.consumer, &parked)?;
            transaction.execute("DELETE FROM dead_letter WHERE letter_id = ?1", [id.as_bytes()])?;
            Ok(true)
        })
    }
}

fn park(transaction: &Transaction<'_>, consumer: &str, parked: &Parked) -> rusqlite::Result<()> {
    let event = &parked.event;
    let sql = "INSERT INTO parked_event \
               (consumer, event_key, sequence, position, at, body, tries, since, next_at, reason) \
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT DO NOTHING";
    let values = (
        consumer,
        event.key.as_bytes(),
        event.sequence,
        event.position,
        event.at.micros(),
        &event.body,
        parked.tries,
        parked.since.micros(),
        parked.next_at.micros(),
        &parked.reason,
    );
    transaction.prepare_cached(sql)?.execute(values).map(drop)
}

fn settle(transaction: &Transaction<'_>, consumer: &str, key: Uuid, sequence: u64) -> rusqlite::Result<()> {
    let sql = "DELETE FROM parked_event WHERE consumer = ?1 AND event_key = ?2 AND sequence = ?3";
    transaction.prepare_cached(sql)?.execute((consumer, key.as_bytes(), sequence)).map(drop)
}

fn bury(transaction: &Transaction<'_>, letter: &DeadLetter) -> rusqlite::Result<()> {
    let event = &letter.event;
    let sql = format!("INSERT INTO dead_letter ({LETTER}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)");
    let values = (
        letter.id.as_bytes(),
        &letter.consumer,
        letter.tries,
        &letter.reason,
        letter.at.micros(),
        event.position,
        event.key.as_bytes(),
        event.sequence,
        event.at.micros(),
        &event.body,
    );
    transaction.prepare_cached(&sql)?.execute(values)?;
    settle(transaction, &letter.consumer, event.key, event.sequence)
}

fn find(transaction: &Transaction<'_>, id: Uuid) -> rusqlite::Result<Option<DeadLetter>> {
    let sql = format!("SELECT {LETTER} FROM dead_letter WHERE letter_id = ?1");
    transaction.prepare_cached(&sql)?.query_row([id.as_bytes()], letter).optional()
}

fn letter(row: &Row<'_>) -> rusqlite::Result<DeadLetter> {
    Ok(DeadLetter {
        id: id(row, 0)?,
        consumer: row.get(1)?,
        tries: row.get(2)?,
        reason: row.get(3)?,
        at: time(row, 4)?,
        event: event(row, 5)?,
    })
}
