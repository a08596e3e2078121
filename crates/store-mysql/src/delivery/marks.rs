//! How far consumers have come, and who has which part of the log.

use frontrow_application::events::{Lease, Leases, Mark, ShareOut, Term};
use frontrow_application::store::Read;
use frontrow_domain::Timestamp;
use uuid::Uuid;

use super::{BEGIN, MysqlDelivery, time};
use crate::reads::answer;
use crate::row::{Result, Row, all};
use crate::sql::{Value, fill, tuple, values};

impl Leases for MysqlDelivery {
    fn share(
        &self,
        consumer: String,
        shards: u16,
        begin: u64,
        now: Timestamp,
        rule: ShareOut,
    ) -> Read<'_, Vec<Lease>> {
        answer(async move {
            self.make_parts(&consumer, shards, begin, now).await?;
            let mut link = self.reads.begin(BEGIN).await?;
            let sql = "SELECT shard, position, owner, owned_until, wanted_by, wanted_until FROM consumer_mark \
                       WHERE consumer = ? ORDER BY shard FOR UPDATE";
            let rows = link.rows(fill(sql, &values![consumer.as_bytes()])).await?;
            let mut leases = all(&rows, |row| {
                let (owner, wanted) = (term(row, 2)?, term(row, 4)?);
                Ok(Lease { shard: row.get(0)?, position: row.get(1)?, owner, wanted })
            })?;
            let before = leases.clone();
            rule(&mut leases);
            let mut statements: Vec<String> = leases
                .iter()
                .zip(&before)
                .filter(|(lease, before)| lease != before)
                .map(|(lease, _)| saved(&consumer, lease, now))
                .collect();
            statements.push("COMMIT".to_owned());
            link.run(statements.join("; ")).await.map_err(|failed| failed.error)?;
            link.give_back();
            Ok(leases)
        })
    }

    fn advance(&self, consumer: String, owner: Uuid, marks: Vec<(u16, u64)>) -> Read<'_, Vec<u16>> {
        answer(async move {
            let template = "UPDATE consumer_mark SET position = GREATEST(position, ?) \
                            WHERE consumer = ? AND shard = ? AND owner = ?";
            let update = |(shard, position): &(u16, u64)| {
                fill(template, &values![*position, consumer.as_bytes(), *shard, owner.as_bytes()])
            };
            let answers = self.write(marks.iter().map(update).collect()).await?;
            let lost = marks.iter().zip(&answers).filter(|(_, answer)| answer.affected == 0);
            Ok(lost.map(|((shard, _), _)| *shard).collect())
        })
    }

    fn release(&self, owner: Uuid) -> Read<'_, ()> {
        answer(async move {
            let taken = "UPDATE consumer_mark SET owner = NULL, owned_until = NULL WHERE owner = ?";
            let wanted = "UPDATE consumer_mark SET wanted_by = NULL, wanted_until = NULL WHERE wanted_by = ?";
            let statements = [taken, wanted].map(|sql| fill(sql, &values![owner.as_bytes()]));
            self.write(statements.to_vec()).await.map(drop)
        })
    }

    fn marks(&self) -> Read<'_, Vec<Mark>> {
        answer(async move {
            let sql = "SELECT consumer, MIN(position), MAX(seen_at) FROM consumer_mark GROUP BY consumer \
                       ORDER BY consumer";
            let rows = self.reads.rows(sql.to_owned()).await?;
            all(&rows, |row| {
                Ok(Mark { consumer: row.get(0)?, position: row.get(1)?, seen_at: time(row, 2)? })
            })
        })
    }

    fn forget(&self, consumer: String) -> Read<'_, ()> {
        answer(async move { self.write(forgetting(&consumer)).await.map(drop) })
    }
}

impl MysqlDelivery {
    /// Makes the parts that are not there. Almost always all are.
    async fn make_parts(&self, consumer: &str, shards: u16, begin: u64, now: Timestamp) -> Result<()> {
        let count = "SELECT shard FROM consumer_mark WHERE consumer = ?";
        let there = self.reads.rows(fill(count, &values![consumer.as_bytes()])).await?;
        if there.len() >= usize::from(shards) {
            return Ok(());
        }
        let parts: Vec<String> =
            (0..shards).map(|shard| tuple(&values![consumer.as_bytes(), shard, begin, now])).collect();
        let into = "INSERT IGNORE INTO consumer_mark (consumer, shard, position, seen_at) VALUES";
        self.write(vec![format!("{into} {}", parts.join(","))]).await.map(drop)
    }
}

/// Statements that forget a consumer, with what is parked for it.
pub(super) fn forgetting(consumer: &str) -> Vec<String> {
    ["DELETE FROM consumer_mark WHERE consumer = ?", "DELETE FROM parked_event WHERE consumer = ?"]
        .map(|sql| fill(sql, &values![consumer.as_bytes()]))
        .to_vec()
}

fn saved(consumer: &str, lease: &Lease, now: Timestamp) -> String {
    let [owner, owned_until] = columns(lease.owner.as_ref());
    let [wanted_by, wanted_until] = columns(lease.wanted.as_ref());
    let seen = if lease.owner.is_some() { Value::from(now) } else { Value::Null };
    let (consumer, shard) = (Value::from(consumer.as_bytes()), Value::from(lease.shard));
    fill(
        "UPDATE consumer_mark SET owner = ?, owned_until = ?, wanted_by = ?, wanted_until = ?, \
         seen_at = COALESCE(?, seen_at) WHERE consumer = ? AND shard = ?",
        &[owner, owned_until, wanted_by, wanted_until, seen, consumer, shard],
    )
}

fn columns(term: Option<&Term>) -> [Value<'_>; 2] {
    [term.map(|term| term.of.as_bytes()).into(), term.map(|term| term.until).into()]
}

fn term(row: &Row<'_>, first: usize) -> Result<Option<Term>> {
    let (of, until): (Option<Uuid>, Option<i64>) = (row.get(first)?, row.get(first + 1)?);
    Ok(of.zip(until).map(|(of, until)| Term { of, until: Timestamp::from_micros(until) }))
}
