//! Webhooks and tries to tell them.

use frontrow_application::events::{Attempt, Webhook, WebhookSecret, WebhookStatus, Webhooks, consumer_name};
use frontrow_application::store::Read;
use frontrow_domain::Timestamp;
use rusqlite::{OptionalExtension, Row};
use uuid::Uuid;

use super::{SqliteDelivery, id, marks, time};
use crate::codec::unreadable;
use crate::reads::rows;

/// Longer than any id, and so after all of them.
const AFTER_ALL: [u8; 17] = [0xFF; 17];

const WEBHOOK: &str = "webhook_id, url, description, types, secret, status, created_at, row_version";

impl Webhooks for SqliteDelivery {
    fn webhooks(&self) -> Read<'_, Vec<Webhook>> {
        self.with(|transaction| {
            let sql = format!("SELECT {WEBHOOK} FROM webhook ORDER BY webhook_id");
            transaction.prepare_cached(&sql)?.query_map([], webhook)?.collect()
        })
    }

    fn webhook(&self, id: Uuid) -> Read<'_, Option<Webhook>> {
        self.with(move |transaction| {
            let sql = format!("SELECT {WEBHOOK} FROM webhook WHERE webhook_id = ?1");
            transaction.prepare_cached(&sql)?.query_row([id.as_bytes()], webhook).optional()
        })
    }

    fn add_webhook(&self, webhook: Webhook) -> Read<'_, ()> {
        self.with(move |transaction| {
            let sql = format!("INSERT INTO webhook ({WEBHOOK}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)");
            let values = (
                webhook.id.as_bytes(),
                &webhook.url,
                &webhook.description,
                types_text(&webhook.types),
                &webhook.secret.0,
                webhook.status.number(),
                webhook.created_at.micros(),
                webhook.version,
            );
            transaction.execute(&sql, values).map(drop)
        })
    }

    fn save_webhook(&self, webhook: Webhook) -> Read<'_, bool> {
        self.with(move |transaction| {
            let sql = "UPDATE webhook SET url = ?2, description = ?3, types = ?4, secret = ?5, status = ?6, \
                       row_version = ?7 WHERE webhook_id = ?1 AND row_version = ?7 - 1";
            let values = (
                webhook.id.as_bytes(),
                &webhook.url,
                &webhook.description,
                types_text(&webhook.types),
                &webhook.secret.0,
                webhook.status.number(),
                webhook.version,
            );
            Ok(transaction.execute(sql, values)? == 1)
        })
    }

    fn delete_webhook(&self, id: Uuid) -> Read<'_, bool> {
        self.with(move |transaction| {
            marks::forget(transaction, &consumer_name(id))?;
            transaction.execute("DELETE FROM webhook_attempt WHERE webhook_id = ?1", [id.as_bytes()])?;
            Ok(transaction.execute("DELETE FROM webhook WHERE webhook_id = ?1", [id.as_bytes()])? == 1)
        })
    }

    fn note_attempts(&self, attempts: Vec<Attempt>) -> Read<'_, ()> {
        self.with(move |transaction| {
            let sql = "INSERT INTO webhook_attempt \
                       (attempt_id, webhook_id, event_id, event_type, at, try_no, took_ms, http_status, reason) \
                       VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
            for attempt in attempts {
                let values = (
                    attempt.id.as_bytes(),
                    attempt.webhook.as_bytes(),
                    &attempt.event_id,
                    &attempt.event_type,
                    attempt.at.micros(),
                    attempt.try_no,
                    attempt.took_ms,
                    attempt.http_status,
                    &attempt.reason,
                );
                transaction.prepare_cached(sql)?.execute(values)?;
            }
            Ok(())
        })
    }

    fn attempts(&self, webhook: Uuid, before: Option<Uuid>, limit: usize) -> Read<'_, Vec<Attempt>> {
        self.with(move |transaction| {
            let sql = "SELECT attempt_id, webhook_id, event_id, event_type, at, try_no, took_ms, http_status, reason \
                       FROM webhook_attempt WHERE webhook_id = ?1 AND attempt_id < ?2 \
                       ORDER BY attempt_id DESC LIMIT ?3";
            let before = before.map_or_else(|| AFTER_ALL.to_vec(), |id| id.as_bytes().to_vec());
            let read = |row: &Row<'_>| {
                Ok(Attempt {
                    id: id(row, 0)?,
                    webhook: id(row, 1)?,
                    event_id: row.get(2)?,
                    event_type: row.get(3)?,
                    at: time(row, 4)?,
                    try_no: row.get(5)?,
                    took_ms: row.get(6)?,
                    http_status: row.get(7)?,
                    reason: row.get(8)?,
                })
            };
            let values = (webhook.as_bytes(), before, rows(limit));
            transaction.prepare_cached(sql)?.query_map(values, read)?.collect()
        })
    }

    fn forget_attempts(&self, before: Timestamp, limit: usize) -> Read<'_, usize> {
        self.with(move |transaction| {
            let sql = "DELETE FROM webhook_attempt WHERE attempt_id IN \
                       (SELECT attempt_id FROM webhook_attempt WHERE at < ?1 ORDER BY at LIMIT ?2)";
            transaction.execute(sql, (before.micros(), rows(limit)))
        })
    }
}

fn types_text(types: &[String]) -> String {
    serde_json::Value::from(types).to_string()
}

fn webhook(row: &Row<'_>) -> rusqlite::Result<Webhook> {
    let types = row.get_ref(3)?.as_str()?;
    let status: usize = row.get(5)?;
    Ok(Webhook {
        id: id(row, 0)?,
        url: row.get(1)?,
        description: row.get(2)?,
        types: serde_json::from_str(types).map_err(|_| unreadable(3, "list of types"))?,
        secret: WebhookSecret(row.get(4)?),
        status: WebhookStatus::ALL.get(status).copied().ok_or_else(|| unreadable(5, "status"))?,
        created_at: time(row, 6)?,
        version: row.get(7)?,
    })
}
