//! How far consumers have come, and who has which part of the log.

use frontrow_application::events::{Lease, Leases, Mark, ShareOut, Term};
use frontrow_application::store::Read;
use frontrow_domain::Timestamp;
use rusqlite::{Row, Transaction};
use uuid::Uuid;

use super::{SqliteDelivery, time};

impl Leases for SqliteDelivery {
    fn share(
        &self,
        consumer: String,
        shards: u16,
        begin: u64,
        now: Timestamp,
        rule: ShareOut,
    ) -> Read<'_, Vec<Lease>> {
        self.with(move |transaction| {
            let insert = "INSERT INTO consumer_mark (consumer, shard, position, seen_at) VALUES (?1, ?2, ?3, ?4) \
                          ON CONFLICT DO NOTHING";
            for shard in 0..shards {
                transaction.prepare_cached(insert)?.execute((&consumer, shard, begin, now.micros()))?;
            }
            let mut leases = leases(transaction, &consumer)?;
            rule(&mut leases);
            let update = "UPDATE consumer_mark SET owner = ?3, owned_until = ?4, wanted_by = ?5, wanted_until = ?6, \
                          seen_at = iif(?3 IS NULL, seen_at, ?7) WHERE consumer = ?1 AND shard = ?2";
            for lease in &leases {
                let (owner, owned_until) = columns(lease.owner);
                let (wanted_by, wanted_until) = columns(lease.wanted);
                let values =
                    (&consumer, lease.shard, owner, owned_until, wanted_by, wanted_until, now.micros());
                transaction.prepare_cached(update)?.execute(values)?;
            }
            Ok(leases)
        })
    }

    fn advance(&self, consumer: String, owner: Uuid, marks: Vec<(u16, u64)>) -> Read<'_, Vec<u16>> {
        self.with(move |transaction| {
            let update = "UPDATE consumer_mark SET position = max(position, ?4) \
                          WHERE consumer = ?1 AND shard = ?2 AND owner = ?3";
            let mut lost = Vec::new();
            for (shard, position) in marks {
                let values = (&consumer, shard, owner.as_bytes(), position);
                if transaction.prepare_cached(update)?.execute(values)? == 0 {
                    lost.push(shard);
                }
            }
            Ok(lost)
        })
    }

    fn release(&self, owner: Uuid) -> Read<'_, ()> {
        self.with(move |transaction| {
            transaction.execute(
                "UPDATE consumer_mark SET owner = NULL, owned_until = NULL WHERE owner = ?1",
                [owner.as_bytes()],
            )?;
            transaction.execute(
                "UPDATE consumer_mark SET wanted_by = NULL, wanted_until = NULL WHERE wanted_by = ?1",
                [owner.as_bytes()],
            )?;
            Ok(())
        })
    }

    fn marks(&self) -> Read<'_, Vec<Mark>> {
        self.with(|transaction| {
            let sql = "SELECT consumer, min(position), max(seen_at) FROM consumer_mark GROUP BY consumer \
                       ORDER BY consumer";
            let read = |row: &Row<'_>| {
                Ok(Mark { consumer: row.get(0)?, position: row.get(1)?, seen_at: time(row, 2)? })
            };
            transaction.prepare_cached(sql)?.query_map([], read)?.collect()
        })
    }

    fn forget(&self, consumer: String) -> Read<'_, ()> {
        self.with(move |transaction| forget(transaction, &consumer))
    }
}

/// Forgets a consumer, with what is parked for it.
pub(super) fn forget(transaction: &Transaction<'_>, consumer: &str) -> rusqlite::Result<()> {
    transaction.execute("DELETE FROM consumer_mark WHERE consumer = ?1", [consumer])?;
    transaction.execute("DELETE FROM parked_event WHERE consumer = ?1", [consumer])?;
    Ok(())
}

fn leases(transaction: &Transaction<'_>, consumer: &str) -> rusqlite::Result<Vec<Lease>> {
    let sql = "SELECT shard, position, owner, owned_until, wanted_by, wanted_until FROM consumer_mark \
               WHERE consumer = ?1 ORDER BY shard";
    let read = |row: &Row<'_>| {
        Ok(Lease { shard: row.get(0)?, position: row.get(1)?, owner: term(row, 2)?, wanted: term(row, 4)? })
    };
    transaction.prepare_cached(sql)?.query_map([consumer], read)?.collect()
}

fn term(row: &Row<'_>, first: usize) -> rusqlite::Result<Option<Term>> {
    let of: Option<[u8; 16]> = row.get(first)?;
    let until: Option<i64> = row.get(first + 1)?;
    Ok(of
        .zip(until)
        .map(|(of, until)| Term { of: Uuid::from_bytes(of), until: Timestamp::from_micros(until) }))
}

fn columns(term: Option<Term>) -> (Option<[u8; 16]>, Option<i64>) {
    (term.map(|term| term.of.into_bytes()), term.map(|term| term.until.micros()))
}
