//! Webhooks and tries to tell them.

use frontrow_application::events::{Attempt, Webhook, WebhookSecret, WebhookStatus, Webhooks, consumer_name};
use frontrow_application::store::Read;
use frontrow_domain::Timestamp;
use uuid::Uuid;

use super::{MysqlDelivery, marks, time};
use crate::error::DbError;
use crate::reads::{answer, limit};
use crate::row::{Result, Row, all, first};
use crate::sql::{LIST_MAX, fill, tuple, values};

const WEBHOOK: &str = "webhook_id, url, description, types, secret, status, created_at, row_version";

impl Webhooks for MysqlDelivery {
    fn webhooks(&self) -> Read<'_, Vec<Webhook>> {
        answer(async move {
            let sql = format!("SELECT {WEBHOOK} FROM webhook ORDER BY webhook_id");
            all(&self.reads.rows(sql).await?, webhook)
        })
    }

    fn webhook(&self, id: Uuid) -> Read<'_, Option<Webhook>> {
        answer(async move {
            let sql = format!("SELECT {WEBHOOK} FROM webhook WHERE webhook_id = ?");
            first(&self.reads.rows(fill(&sql, &values![id.as_bytes()])).await?, webhook)
        })
    }

    fn add_webhook(&self, webhook: Webhook) -> Read<'_, ()> {
        answer(async move {
            let types = types_text(&webhook.types);
            let row = tuple(&values![
                webhook.id.as_bytes(),
                &webhook.url,
                &webhook.description,
                &types,
                webhook.secret.0.as_slice(),
                webhook.status.number(),
                webhook.created_at,
                webhook.version,
            ]);
            self.write(vec![format!("INSERT INTO webhook ({WEBHOOK}) VALUES {row}")]).await.map(drop)
        })
    }

    fn save_webhook(&self, webhook: Webhook) -> Read<'_, bool> {
        answer(async move {
            let types = types_text(&webhook.types);
            let values = values![
                &webhook.url,
                &webhook.description,
                &types,
                webhook.secret.0.as_slice(),
                webhook.status.number(),
                webhook.version,
                webhook.id.as_bytes(),
                webhook.version.saturating_sub(1),
            ];
            let sql = "UPDATE webhook SET url = ?, description = ?, types = ?, secret = ?, status = ?, \
                       row_version = ? WHERE webhook_id = ? AND row_version = ?";
            let answers = self.write(vec![fill(sql, &values)]).await?;
            Ok(answers.first().is_some_and(|answer| answer.affected == 1))
        })
    }

    fn delete_webhook(&self, id: Uuid) -> Read<'_, bool> {
        answer(async move {
            let by_id = |sql: &str| fill(sql, &values![id.as_bytes()]);
            let mut statements = vec![
                by_id("DELETE FROM webhook WHERE webhook_id = ?"),
                by_id("DELETE FROM webhook_attempt WHERE webhook_id = ?"),
            ];
            statements.extend(marks::forgetting(&consumer_name(id)));
            let answers = self.write(statements).await?;
            Ok(answers.first().is_some_and(|answer| answer.affected == 1))
        })
    }

    fn note_attempts(&self, attempts: Vec<Attempt>) -> Read<'_, ()> {
        answer(async move {
            let row = |attempt: &Attempt| {
                tuple(&values![
                    attempt.id.as_bytes(),
                    attempt.webhook.as_bytes(),
                    attempt.event_id.as_bytes(),
                    attempt.event_type.as_bytes(),
                    attempt.at,
                    attempt.try_no,
                    attempt.took_ms,
                    attempt.http_status,
                    &attempt.reason,
                ])
            };
            let into = "INSERT INTO webhook_attempt \
                 (attempt_id, webhook_id, event_id, event_type, at, try_no, took_ms, http_status, reason) VALUES";
            let rows: Vec<String> = attempts.iter().map(row).collect();
            let statements = rows.chunks(LIST_MAX).map(|some| format!("{into} {}", some.join(",")));
            self.write(statements.collect()).await.map(drop)
        })
    }

    fn attempts(&self, webhook: Uuid, before: Option<Uuid>, count: usize) -> Read<'_, Vec<Attempt>> {
        answer(async move {
            let mut sql = fill(
                "SELECT attempt_id, webhook_id, event_id, event_type, at, try_no, took_ms, http_status, reason \
                 FROM webhook_attempt WHERE webhook_id = ?",
                &values![webhook.as_bytes()],
            );
            if let Some(before) = before {
                sql.push_str(&fill(" AND attempt_id < ?", &values![before.as_bytes()]));
            }
            sql.push_str(&fill(" ORDER BY attempt_id DESC LIMIT ?", &values![limit(count)]));
            all(&self.reads.rows(sql).await?, attempt)
        })
    }

    fn forget_attempts(&self, before: Timestamp, count: usize) -> Read<'_, usize> {
        answer(async move {
            let sql = "DELETE FROM webhook_attempt WHERE at < ? ORDER BY at LIMIT ?";
            let answers = self.write(vec![fill(sql, &values![before, limit(count)])]).await?;
            let gone = answers.first().map_or(0, |answer| answer.affected);
            Ok(usize::try_from(gone).unwrap_or(usize::MAX))
        })
    }
}

fn types_text(types: &[String]) -> String {
    serde_json::Value::from(types).to_string()
}

fn webhook(row: &Row<'_>) -> Result<Webhook> {
    let status: u8 = row.get(5)?;
    let status = WebhookStatus::ALL.get(usize::from(status)).copied();
    let types = serde_json::from_str(row.text(3)?).map_err(|_| DbError::Unreadable("list of types"))?;
    Ok(Webhook {
        id: row.get(0)?,
        url: row.get(1)?,
        description: row.get(2)?,
        types,
        secret: WebhookSecret(row.get(4)?),
        status: status.ok_or(DbError::Unreadable("status of a webhook"))?,
        created_at: time(row, 6)?,
        version: row.get(7)?,
    })
}

fn attempt(row: &Row<'_>) -> Result<Attempt> {
    Ok(Attempt {
        id: row.get(0)?,
        webhook: row.get(1)?,
        event_id: row.get(2)?,
        event_type: row.get(3)?,
        at: time(row, 4)?,
        try_no: row.get(5)?,
        took_ms: row.get(6)?,
        http_status: row.get(7)?,
        reason: row.get(8)?,
    })
}
