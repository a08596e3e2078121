//! What could not be handed over.

use std::collections::HashSet;

use frontrow_application::events::{DeadLetter, Parked, Undelivered};
use frontrow_application::store::Read;
use frontrow_domain::Timestamp;
use uuid::Uuid;

use super::{MysqlDelivery, event, time};
use crate::reads::{answer, limit};
use crate::row::{Result, Row, all, first};
use crate::sql::{LIST_MAX, Value, fill, list, tuple, values};

const LETTER: &str = "letter_id, consumer, tries, reason, dead_at, position, event_key, sequence, at, body";

impl Undelivered for MysqlDelivery {
    fn park(&self, consumer: String, events: Vec<Parked>) -> Read<'_, ()> {
        answer(async move {
            let statements: Vec<String> =
                events.chunks(LIST_MAX).map(|some| parking(&consumer, some)).collect();
            self.write(statements).await.map(drop)
        })
    }

    fn parked_keys(&self, consumer: String, keys: Vec<Uuid>) -> Read<'_, HashSet<Uuid>> {
        answer(async move {
            let mut found = HashSet::new();
            for some in keys.chunks(LIST_MAX) {
                let sql = fill(
                    "SELECT DISTINCT event_key FROM parked_event WHERE consumer = ? AND event_key IN",
                    &values![consumer.as_bytes()],
                );
                let keys = list(some.iter().map(|key| Value::from(key.as_bytes())));
                let rows = self.reads.rows(format!("{sql} ({keys})")).await?;
                found.extend(all(&rows, |row| row.get::<Uuid>(0))?);
            }
            Ok(found)
        })
    }

    fn due(&self, consumer: String, now: Timestamp, count: usize) -> Read<'_, Vec<Parked>> {
        answer(async move {
            let sql = "SELECT tries, since, next_at, reason, position, event_key, sequence, at, body \
                       FROM parked_event AS head WHERE consumer = ? AND next_at <= ? AND NOT EXISTS \
                       (SELECT 1 FROM parked_event AS earlier WHERE earlier.consumer = head.consumer \
                        AND earlier.event_key = head.event_key AND earlier.sequence < head.sequence) \
                       ORDER BY next_at, event_key LIMIT ?";
            let values = values![consumer.as_bytes(), now, limit(count)];
            let rows = self.reads.rows(fill(sql, &values)).await?;
            all(&rows, |row| {
                Ok(Parked {
                    tries: row.get(0)?,
                    since: time(row, 1)?,
                    next_at: time(row, 2)?,
                    reason: row.get(3)?,
                    event: event(row, 4)?,
                })
            })
        })
    }

    fn parked(&self, consumer: String) -> Read<'_, (u64, Option<Timestamp>)> {
        answer(async move {
            let sql = "SELECT COUNT(*), MIN(since) FROM parked_event WHERE consumer = ?";
            let rows = self.reads.rows(fill(sql, &values![consumer.as_bytes()])).await?;
            let found = first(&rows, |row| {
                let since: Option<i64> = row.get(1)?;
                Ok((row.get(0)?, since.map(Timestamp::from_micros)))
            })?;
            Ok(found.unwrap_or_default())
        })
    }

    fn postpone(&self, consumer: String, parked: Parked) -> Read<'_, ()> {
        answer(async move {
            let sql = "UPDATE parked_event SET tries = ?, next_at = ?, reason = ? \
                       WHERE consumer = ? AND event_key = ? AND sequence = ?";
            let (event, reason) = (&parked.event, &parked.reason);
            let values = values![
                parked.tries,
                parked.next_at,
                reason,
                consumer.as_bytes(),
                event.key.as_bytes(),
                event.sequence
            ];
            self.write(vec![fill(sql, &values)]).await.map(drop)
        })
    }

    fn settle(&self, consumer: String, events: Vec<(Uuid, u64)>) -> Read<'_, ()> {
        answer(async move {
            let statements = events.iter().map(|(key, sequence)| settling(&consumer, *key, *sequence));
            self.write(statements.collect()).await.map(drop)
        })
    }

    fn bury(&self, letters: Vec<DeadLetter>) -> Read<'_, ()> {
        answer(async move {
            let statements = letters.iter().flat_map(|letter| {
                let settled = settling(&letter.consumer, letter.event.key, letter.event.sequence);
                [burying(letter), settled]
            });
            self.write(statements.collect()).await.map(drop)
        })
    }

    fn dead_letters(&self, before: Option<Uuid>, count: usize) -> Read<'_, Vec<DeadLetter>> {
        answer(async move {
            let mut sql = format!("SELECT {LETTER} FROM dead_letter");
            if let Some(before) = before {
                sql.push_str(&fill(" WHERE letter_id < ?", &values![before.as_bytes()]));
            }
            sql.push_str(&fill(" ORDER BY letter_id DESC LIMIT ?", &values![limit(count)]));
            all(&self.reads.rows(sql).await?, letter)
        })
    }

    fn count_dead_letters(&self) -> Read<'_, u64> {
        answer(async move {
            let rows = self.reads.rows("SELECT COUNT(*) FROM dead_letter".to_owned()).await?;
            Ok(first(&rows, |row| row.get(0))?.unwrap_or_default())
        })
    }

    fn dead_letter(&self, id: Uuid) -> Read<'_, Option<DeadLetter>> {
        answer(self.letter_of(id))
    }

    fn revive(&self, id: Uuid, now: Timestamp) -> Read<'_, bool> {
        answer(async move {
            let Some(letter) = self.letter_of(id).await? else { return Ok(false) };
            let parked =
                Parked { event: letter.event, tries: 0, since: now, next_at: now, reason: String::new() };
            let delete = fill("DELETE FROM dead_letter WHERE letter_id = ?", &values![id.as_bytes()]);
            let answers = self.write(vec![parking(&letter.consumer, &[parked]), delete]).await?;
            // Another that was faster has made the same of it.
            Ok(answers.get(1).is_some_and(|answer| answer.affected == 1))
        })
    }
}

impl MysqlDelivery {
    async fn letter_of(&self, id: Uuid) -> Result<Option<DeadLetter>> {
        let sql = format!("SELECT {LETTER} FROM dead_letter WHERE letter_id = ?");
        first(&self.reads.rows(fill(&sql, &values![id.as_bytes()])).await?, letter)
    }
}

/// One that is kept back already stays as it is.
fn parking(consumer: &str, events: &[Parked]) -> String {
    let row = |parked: &Parked| {
        let event = &parked.event;
        tuple(&values![
            consumer.as_bytes(),
            event.key.as_bytes(),
            event.sequence,
            event.position,
            event.at,
            &event.body,
            parked.tries,
            parked.since,
            parked.next_at,
            &parked.reason,
        ])
    };
    let rows: Vec<String> = events.iter().map(row).collect();
    format!(
        "INSERT INTO parked_event (consumer, event_key, sequence, position, at, body, tries, since, next_at, reason) \
         VALUES {} ON DUPLICATE KEY UPDATE sequence = parked_event.sequence",
        rows.join(",")
    )
}

fn settling(consumer: &str, key: Uuid, sequence: u64) -> String {
    fill(
        "DELETE FROM parked_event WHERE consumer = ? AND event_key = ? AND sequence = ?",
        &values![consumer.as_bytes(), key.as_bytes(), sequence],
    )
}

fn burying(letter: &DeadLetter) -> String {
    let event = &letter.event;
    let row = tuple(&values![
        letter.id.as_bytes(),
        letter.consumer.as_bytes(),
        letter.tries,
        &letter.reason,
        letter.at,
        event.position,
        event.key.as_bytes(),
        event.sequence,
        event.at,
        &event.body,
    ]);
    format!("INSERT INTO dead_letter ({LETTER}) VALUES {row}")
}

fn letter(row: &Row<'_>) -> Result<DeadLetter> {
    Ok(DeadLetter {
        id: row.get(0)?,
        consumer: row.get(1)?,
        tries: row.get(2)?,
        reason: row.get(3)?,
        at: time(row, 4)?,
        event: event(row, 5)?,
    })
}
