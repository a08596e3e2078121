//! What staff does with webhooks and dead letters.
//!
//! None of it is kept among the records, so the line on the audit log is written first: were the server to end in
//! between, the log would tell of something that was asked for and not done, never the other way round.

use frontrow_domain::Timestamp;
use frontrow_domain::catalog::FieldError;
use frontrow_domain::records::{Keys, Records};
use frontrow_domain::staff::ActionKind;
use serde::Serialize;
use sha2::{Digest as _, Sha512};
use uuid::Uuid;

use super::signature::SECRET_BYTES;
use super::subscriber::{Subscriber, SubscriberParts};
use super::undelivered::DeadLetter;
use super::webhook::{Attempt, Webhook, WebhookSecret, WebhookStatus};
use crate::account::unavailable;
use crate::app::App;
use crate::box_office::{Failure, Priority};
use crate::command::{Command, Stop};
use crate::staff::{By, Deed, Signature};
use crate::store::ReadError;

/// Characters in the longest address of a webhook.
const URL_MAX: usize = 2_000;
/// Characters in the longest description.
const DESCRIPTION_MAX: usize = 200;
/// How many types a webhook may name: more than there are.
const TYPES_MAX: usize = 100;
/// How many webhooks there may be: each has a task and a mark of its own.
const WEBHOOKS_MAX: usize = 100;

/// A webhook, as it is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WebhookDraft {
    /// Where events are to be sent.
    pub url: String,
    /// What staff calls it.
    pub description: String,
    /// The types that are wanted; none: all.
    pub types: Vec<String>,
}

/// What is changed of a webhook; what is absent stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WebhookPatch {
    /// Where events are to be sent.
    pub url: Option<String>,
    /// What staff calls it.
    pub description: Option<String>,
    /// The types that are wanted; none: all.
    pub types: Option<Vec<String>>,
    /// Whether it is told.
    pub is_on: Option<bool>,
    /// True for a new secret.
    pub new_secret: bool,
}

/// Why something is not done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventsRefused {
    /// There is no such webhook or dead letter.
    NotFound,
    /// These members are wrong.
    Invalid(Vec<FieldError>),
    /// Somebody else has changed it at the same moment.
    Changed,
}

/// Leaves a line on the audit log.
struct Note<B, A> {
    action: ActionKind,
    target: String,
    before: B,
    after: A,
    signature: Signature,
}

impl<B, A> Command for Note<B, A>
where
    B: Serialize + Clone + Send + 'static,
    A: Serialize + Clone + Send + 'static,
{
    type Outcome = ();
    type Refusal = EventsRefused;

    fn keys(&self) -> Keys {
        Keys::new([])
    }

    fn decide(&self, records: &mut Records, now: Timestamp) -> Result<(), Stop<Self::Refusal>> {
        let (target, before, after) = (self.target.clone(), self.before.clone(), self.after.clone());
        self.signature.note(records, now, Deed { action: self.action, target, before, after });
        Ok(())
    }
}

/// A webhook on the audit log. Its secret is not.
#[derive(Serialize, Clone)]
#[serde(rename_all = "camelCase")]
struct SeenWebhook {
    url: String,
    description: String,
    types: Vec<String>,
    status: &'static str,
    secret_version: u64,
}

impl SeenWebhook {
    fn of(webhook: &Webhook, has_new_secret: bool) -> Self {
        Self {
            url: webhook.url.clone(),
            description: webhook.description.clone(),
            types: webhook.types.clone(),
            status: webhook.status.name(),
            // Shows that the secret was changed, and nothing of it.
            secret_version: if has_new_secret { webhook.version } else { 0 },
        }
    }
}

/// A dead letter on the audit log.
#[derive(Serialize, Clone)]
#[serde(rename_all = "camelCase")]
struct SeenLetter {
    consumer: String,
    event: String,
    reason: String,
}

impl App {
    /// All webhooks, oldest first.
    pub async fn webhooks(&self) -> Result<Vec<Webhook>, ReadError> {
        self.delivery.webhooks().await
    }

    /// The webhook of that id.
    pub async fn webhook(&self, id: Uuid) -> Result<Option<Webhook>, ReadError> {
        self.delivery.webhook(id).await
    }

    /// Tries to tell a webhook, newest first, before the one given.
    pub async fn webhook_attempts(
        &self,
        id: Uuid,
        before: Option<Uuid>,
        limit: usize,
    ) -> Result<Vec<Attempt>, ReadError> {
        self.delivery.attempts(id, before, limit).await
    }

    /// Makes a webhook, which is told of what happens from now on.
    pub async fn create_webhook(
        &self,
        by: By,
        draft: WebhookDraft,
    ) -> Result<Webhook, Failure<EventsRefused>> {
        let mut errors = self.check(&draft);
        if self.delivery.webhooks().await.map_err(unavailable)?.len() >= WEBHOOKS_MAX {
            errors.push(FieldError::new("url", format!("there are {WEBHOOKS_MAX} webhooks already")));
        }
        if !errors.is_empty() {
            return Err(Failure::Refused(EventsRefused::Invalid(errors)));
        }
        let webhook = Webhook {
            id: self.entropy.uuid(),
            url: draft.url,
            description: draft.description,
            types: draft.types,
            secret: self.new_secret(),
            status: WebhookStatus::On,
            created_at: self.clock.now(),
            version: 1,
        };
        let target = format!("webhook/{}", webhook.id);
        self.note(by, ActionKind::CreateWebhook, target, (), SeenWebhook::of(&webhook, false)).await?;
        self.delivery.add_webhook(webhook.clone()).await.map_err(unavailable)?;
        Ok(webhook)
    }

    /// Changes a webhook. Switched on again, it is told of what has happened meanwhile, as far as that is still kept.
    pub async fn edit_webhook(
        &self,
        by: By,
        id: Uuid,
        patch: WebhookPatch,
    ) -> Result<Webhook, Failure<EventsRefused>> {
        let found = self.delivery.webhook(id).await.map_err(unavailable)?;
        let webhook = found.ok_or(Failure::Refused(EventsRefused::NotFound))?;
        let draft = WebhookDraft {
            url: patch.url.unwrap_or_else(|| webhook.url.clone()),
            description: patch.description.unwrap_or_else(|| webhook.description.clone()),
            types: patch.types.unwrap_or_else(|| webhook.types.clone()),
        };
        let errors = self.check(&draft);
        if !errors.is_empty() {
            return Err(Failure::Refused(EventsRefused::Invalid(errors)));
        }
        let status = match patch.is_on {
            Some(true) => WebhookStatus::On,
            Some(false) => WebhookStatus::Off,
            None => webhook.status,
        };
        let secret = if patch.new_secret { self.new_secret() } else { webhook.secret.clone() };
        let (url, description, types) = (draft.url, draft.description, draft.types);
        let version = webhook.version + 1;
        let edited = Webhook { url, description, types, secret, status, version, ..webhook.clone() };
        let (before, after) = (SeenWebhook::of(&webhook, false), SeenWebhook::of(&edited, patch.new_secret));
        self.note(by, ActionKind::EditWebhook, format!("webhook/{id}"), before, after).await?;
        if !self.delivery.save_webhook(edited.clone()).await.map_err(unavailable)? {
            return Err(Failure::Refused(EventsRefused::Changed));
        }
        Ok(edited)
    }

    /// Takes a webhook away, with what is kept back for it.
    pub async fn delete_webhook(&self, by: By, id: Uuid) -> Result<(), Failure<EventsRefused>> {
        let found = self.delivery.webhook(id).await.map_err(unavailable)?;
        let webhook = found.ok_or(Failure::Refused(EventsRefused::NotFound))?;
        let before = SeenWebhook::of(&webhook, false);
        self.note(by, ActionKind::DeleteWebhook, format!("webhook/{id}"), before, ()).await?;
        self.delivery.delete_webhook(id).await.map(drop).map_err(unavailable)
    }

    /// Sends a webhook a message that stands for no event, once, and says what came of it.
    pub async fn test_webhook(&self, id: Uuid) -> Result<Attempt, Failure<EventsRefused>> {
        let found = self.delivery.webhook(id).await.map_err(unavailable)?;
        let webhook = found.ok_or(Failure::Refused(EventsRefused::NotFound))?;
        Subscriber::new(self.subscriber_parts(), webhook).test().await.map_err(unavailable)
    }

    /// What tells webhooks runs on.
    pub fn subscriber_parts(&self) -> SubscriberParts {
        SubscriberParts {
            delivery: self.delivery.clone(),
            courier: self.courier.clone(),
            clock: self.clock.clone(),
            entropy: self.entropy.clone(),
            source: self.event_source.clone(),
        }
    }

    /// Dead letters, newest first, before the one given.
    pub async fn dead_letters(
        &self,
        before: Option<Uuid>,
        limit: usize,
    ) -> Result<Vec<DeadLetter>, ReadError> {
        self.delivery.dead_letters(before, limit).await
    }

    /// Has a dead letter tried again: once at once, and then by the schedule of its consumer.
    pub async fn replay_dead_letter(&self, by: By, id: Uuid) -> Result<DeadLetter, Failure<EventsRefused>> {
        let found = self.delivery.dead_letter(id).await.map_err(unavailable)?;
        let letter = found.ok_or(Failure::Refused(EventsRefused::NotFound))?;
        let (consumer, event) = (letter.consumer.clone(), letter.event.id());
        let seen = SeenLetter { consumer, event, reason: letter.reason.clone() };
        self.note(by, ActionKind::ReplayEvent, format!("dead-letter/{id}"), seen, ()).await?;
        if self.delivery.revive(id, self.clock.now()).await.map_err(unavailable)? {
            Ok(letter)
        } else {
            Err(Failure::Refused(EventsRefused::NotFound))
        }
    }

    async fn note<B, A>(
        &self,
        by: By,
        action: ActionKind,
        target: String,
        before: B,
        after: A,
    ) -> Result<(), Failure<EventsRefused>>
    where
        B: Serialize + Clone + Send + 'static,
        A: Serialize + Clone + Send + 'static,
    {
        let note = Note { action, target, before, after, signature: self.sign(by) };
        self.box_office.run(Priority::Begin, note).await
    }

    /// What is wrong with a webhook.
    fn check(&self, draft: &WebhookDraft) -> Vec<FieldError> {
        let mut errors = Vec::new();
        if draft.url.chars().count() > URL_MAX {
            errors.push(FieldError::new("url", format!("must have at most {URL_MAX} characters")));
        } else if let Some(reason) = self.courier.refuses(&draft.url) {
            errors.push(FieldError::new("url", reason));
        }
        if draft.description.chars().count() > DESCRIPTION_MAX {
            errors.push(FieldError::new(
                "description",
                format!("must have at most {DESCRIPTION_MAX} characters"),
            ));
        }
        if draft.types.len() > TYPES_MAX {
            errors.push(FieldError::new("types", format!("must name at most {TYPES_MAX} types")));
        } else if let Some(wrong) = draft.types.iter().find(|name| !is_type(name)) {
            let message = format!("{wrong:?} is not a type of events, such as frontrow.payment.completed.v1");
            errors.push(FieldError::new("types", message));
        }
        errors
    }

    /// Random bytes: of an id the last half is, and four of them give more than are needed.
    fn new_secret(&self) -> WebhookSecret {
        let mut digest = Sha512::new();
        for _ in 0..4 {
            digest.update(self.entropy.uuid().as_bytes());
        }
        WebhookSecret(digest.finalize()[..SECRET_BYTES].to_vec())
    }
}

/// True for what may be a type of this version or of a later one.
fn is_type(name: &str) -> bool {
    let Some(rest) = name.strip_prefix("frontrow.") else { return false };
    let Some((words, version)) = rest.rsplit_once(".v") else { return false };
    let is_word = |c: char| c.is_ascii_lowercase() || c == '_' || c == '.';
    name.len() <= 128
        && !words.is_empty()
        && words.chars().all(is_word)
        && version.parse::<u32>().is_ok_and(|version| version > 0)
}
