//! Who has asked to be told of events, and what came of telling them.

use std::fmt;

use frontrow_domain::Timestamp;
use uuid::Uuid;

use crate::store::Read;

/// Somebody who is told of events by HTTP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// Its id.
    pub id: Uuid,
    /// Where events are sent.
    pub url: String,
    /// What staff calls it.
    pub description: String,
    /// The types of events that are wanted; none: all of them.
    pub types: Vec<String>,
    /// What messages are signed with.
    pub secret: WebhookSecret,
    /// Whether it is told.
    pub status: WebhookStatus,
    /// When it was made.
    pub created_at: Timestamp,
    /// Goes up with every change.
    pub version: u64,
}

/// The key of a webhook's signatures; never shown by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct WebhookSecret(pub Vec<u8>);

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookSecret(…)")
    }
}

/// Whether a webhook is told of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WebhookStatus {
    /// It is.
    On,
    /// Staff has switched it off.
    Off,
    /// Its receiver has answered 410 Gone.
    Gone,
    /// Its receiver has taken nothing for as long as anything is tried.
    Failed,
}

impl WebhookStatus {
    /// All of them, by the number under which stores keep them.
    pub const ALL: [Self; 4] = [Self::On, Self::Off, Self::Gone, Self::Failed];

    /// The number under which stores keep it.
    pub const fn number(self) -> u8 {
        match self {
            Self::On => 0,
            Self::Off => 1,
            Self::Gone => 2,
            Self::Failed => 3,
        }
    }

    /// The name used in the interface.
    pub const fn name(self) -> &'static str {
        match self {
            Self::On => "on",
            Self::Off => "off",
            Self::Gone => "gone",
            Self::Failed => "failed",
        }
    }
}

/// One try to tell a webhook of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// Its id. The order of ids is that of time.
    pub id: Uuid,
    /// Who was told.
    pub webhook: Uuid,
    /// Of which event.
    pub event_id: String,
    /// Of what type.
    pub event_type: String,
    /// When.
    pub at: Timestamp,
    /// Which try it was, from 1.
    pub try_no: u32,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
    /// The status of the answer; nothing when there was none.
    pub http_status: Option<u16>,
    /// Why it failed; empty when the event was delivered.
    pub reason: String,
}

/// Webhooks and what came of telling them.
///
/// MUSTs of every adapter: what was answered survives the loss of power, but for [`Webhooks::note_attempts`].
pub trait Webhooks: Send + Sync + 'static {
    /// All webhooks, oldest first.
    fn webhooks(&self) -> Read<'_, Vec<Webhook>>;

    /// The webhook of that id.
    fn webhook(&self, id: Uuid) -> Read<'_, Option<Webhook>>;

    /// Keeps a new one.
    fn add_webhook(&self, webhook: Webhook) -> Read<'_, ()>;

    /// Changes the one that still has the version before that of `webhook`. Answers false when there is none.
    fn save_webhook(&self, webhook: Webhook) -> Read<'_, bool>;

    /// Forgets a webhook with its attempts, its mark and what is kept back for it. Answers false when there is none.
    fn delete_webhook(&self, id: Uuid) -> Read<'_, bool>;

    /// Notes tries.
    fn note_attempts(&self, attempts: Vec<Attempt>) -> Read<'_, ()>;

    /// Tries, newest first, before the one given.
    fn attempts(&self, webhook: Uuid, before: Option<Uuid>, limit: usize) -> Read<'_, Vec<Attempt>>;

    /// Forgets tries that were made before that time, at most `limit`. Answers how many.
    fn forget_attempts(&self, before: Timestamp, limit: usize) -> Read<'_, usize>;
}

/// The name under which the relay of a webhook is known.
pub fn consumer_name(webhook: Uuid) -> String {
    format!("webhook-{webhook}")
}
