//! Tells one webhook of events.
//!
//! - Events of different keys are sent side by side, those of one key one after the other. One that is not taken is
//!   parked, with what follows it of the same key, and tried again by the schedule of [`backoff`]; after
//!   the last try it is a dead letter.
//! - When nothing of a round was taken, the receiver counts as down: the rest of the log waits where it is, and one event
//!   at a time is tried until something is taken, at growing distances. An event that is itself the reason is parked
//!   after some of these tries, so that it blocks nothing.
//! - 410 Gone switches the webhook off; so does three days in which nothing was taken.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use frontrow_domain::Timestamp;
use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt, stream};
use parking_lot::Mutex;
use uuid::Uuid;

use super::Delivery;
use super::backoff;
use super::consumer::{Consumer, Handled, Start};
use super::courier::{Courier, Message, Posted};
use super::log::LoggedEvent;
use super::signature::headers;
use super::undelivered::{DeadLetter, Parked};
use super::webhook::{Attempt, Webhook, WebhookStatus, consumer_name};
use crate::clock::{Clock, Entropy};
use crate::store::ReadError;

/// How many events of one round are sent, and so how many are parked when the receiver goes down.
const ROUND: usize = 50;
/// How many are on their way at once.
const AT_ONCE: usize = 8;
/// How often an event is tried while the receiver is down, before another is.
const PROBES: u32 = 3;
/// After how many seconds without anything taken a webhook is switched off.
const DOWN_MAX_SECONDS: u32 = 3 * 86_400;
/// How long is waited after something could not be kept.
const STORE_PAUSE: Duration = Duration::from_secs(1);

/// What tells a webhook.
pub struct Subscriber {
    parts: SubscriberParts,
    name: String,
    webhook: Webhook,
    health: Mutex<Health>,
}

/// What a subscriber runs on.
#[derive(Clone)]
pub struct SubscriberParts {
    /// What is kept of events on their way.
    pub delivery: Arc<dyn Delivery>,
    /// Who takes messages to receivers.
    pub courier: Arc<dyn Courier>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Ids.
    pub entropy: Arc<dyn Entropy>,
    /// What events name as their source.
    pub source: String,
}

/// How the receiver does.
#[derive(Debug, Default)]
struct Health {
    /// Rounds in a row of which nothing was taken.
    failures: u32,
    /// Since when.
    down_since: Option<Timestamp>,
    /// Which event is tried meanwhile, and how often it was.
    probe: Option<(Uuid, u64, u32)>,
    /// True once it is not to be told any more.
    is_over: bool,
}

/// An event that was sent, or that was not because an earlier one of its key was not taken.
struct Outcome {
    event: LoggedEvent,
    attempt: Option<Attempt>,
}

impl Outcome {
    fn is_taken(&self) -> bool {
        self.attempt.as_ref().is_some_and(|attempt| attempt.reason.is_empty())
    }
}

impl Subscriber {
    /// Tells this webhook. One whose settings have changed needs another.
    pub fn new(parts: SubscriberParts, webhook: Webhook) -> Self {
        Self { parts, name: consumer_name(webhook.id), webhook, health: Mutex::default() }
    }

    fn is_wanted(&self, event: &LoggedEvent) -> bool {
        self.webhook.types.is_empty() || self.webhook.types.contains(&event.kind())
    }

    /// Sends one event, once.
    async fn send(&self, event: &LoggedEvent, try_no: u32) -> Result<Attempt, ReadError> {
        let at = self.parts.clock.now();
        let posted = match event.to_cloud_event(&self.parts.source) {
            Ok(body) => {
                let headers = headers(&self.webhook.secret, event.id(), at, &body);
                self.parts.courier.post(Message { url: self.webhook.url.clone(), headers, body }).await
            }
            Err(error) => {
                Posted { result: super::PostResult::Failed(error.to_string()), took: Duration::ZERO }
            }
        };
        if posted.status() == Some(410) {
            self.switch_off(WebhookStatus::Gone).await?;
        }
        let failure = posted.failure();
        let result = if failure.is_none() { "delivered" } else { "failed" };
        metrics::counter!("frontrow_webhook_attempts_total", "result" => result).increment(1);
        Ok(Attempt {
            id: self.parts.entropy.uuid(),
            webhook: self.webhook.id,
            event_id: event.id(),
            event_type: event.kind(),
            at,
            try_no,
            took_ms: u64::try_from(posted.took.as_millis()).unwrap_or(u64::MAX),
            http_status: posted.status(),
            reason: failure.unwrap_or_default(),
        })
    }

    /// Switches the webhook off for good, or until staff switches it on.
    async fn switch_off(&self, status: WebhookStatus) -> Result<(), ReadError> {
        self.health.lock().is_over = true;
        tracing::warn!(webhook = %self.webhook.id, status = status.name(), "a webhook was switched off");
        let version = self.webhook.version + 1;
        // When somebody else has changed it meanwhile, that counts, and another subscriber is started.
        let changed = Webhook { status, version, ..self.webhook.clone() };
        self.parts.delivery.save_webhook(changed).await.map(drop)
    }

    /// Sends events of one key, one after the other. What follows one that was not taken is not sent.
    async fn send_in_order(&self, events: Vec<LoggedEvent>) -> Result<Vec<Outcome>, ReadError> {
        let mut outcomes: Vec<Outcome> = Vec::with_capacity(events.len());
        for event in events {
            let is_blocked = outcomes.last().is_some_and(|before| !before.is_taken());
            let attempt = if is_blocked { None } else { Some(self.send(&event, 1).await?) };
            outcomes.push(Outcome { event, attempt });
        }
        Ok(outcomes)
    }

    /// Sends what is wanted of a round, and parks what is not taken.
    async fn round(&self, wanted: Vec<&LoggedEvent>, now: Timestamp) -> Result<Duration, ReadError> {
        let keys: Vec<Uuid> = wanted.iter().map(|event| event.key).collect();
        let blocked: HashSet<Uuid> = self.parts.delivery.parked_keys(self.name.clone(), keys).await?;
        let mut groups: Vec<Vec<LoggedEvent>> = Vec::new();
        let mut waiting = Vec::new();
        for event in wanted {
            if blocked.contains(&event.key) {
                waiting.push(waits(event.clone(), now));
            } else if let Some(group) = groups.iter_mut().find(|group| group[0].key == event.key) {
                group.push(event.clone());
            } else {
                groups.push(vec![event.clone()]);
            }
        }
        let sent = stream::iter(groups).map(|group| self.send_in_order(group)).buffer_unordered(AT_ONCE);
        let sent: Vec<Result<Vec<Outcome>, ReadError>> = sent.collect().await;
        let outcomes: Vec<Outcome> =
            sent.into_iter().collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect();
        let is_down = self.note_round(&outcomes, now);
        let (attempts, parked) = self.sort_out(outcomes, now);
        waiting.extend(parked);
        if !waiting.is_empty() {
            self.parts.delivery.park(self.name.clone(), waiting).await?;
        }
        self.parts.delivery.note_attempts(attempts).await?;
        Ok(if is_down { self.pause() } else { Duration::ZERO })
    }

    /// What was tried, and what is to be kept back.
    fn sort_out(&self, outcomes: Vec<Outcome>, now: Timestamp) -> (Vec<Attempt>, Vec<Parked>) {
        let mut attempts = Vec::new();
        let mut parked = Vec::new();
        for outcome in outcomes {
            if !outcome.is_taken() {
                let reason =
                    outcome.attempt.as_ref().map_or_else(String::new, |attempt| attempt.reason.clone());
                let tries = u32::from(outcome.attempt.is_some());
                let seed = self.parts.entropy.uuid().as_u64_pair().1;
                let wait = if tries == 0 { 0 } else { backoff::next_try(tries, seed).unwrap_or(0) };
                let next_at = now.plus_seconds(wait);
                parked.push(Parked { event: outcome.event, tries, since: now, next_at, reason });
            }
            attempts.extend(outcome.attempt);
        }
        (attempts, parked)
    }

    /// Notes how the receiver did. True when nothing was taken of what was sent.
    fn note_round(&self, outcomes: &[Outcome], now: Timestamp) -> bool {
        let tried = outcomes.iter().filter(|outcome| outcome.attempt.is_some());
        let (taken, refused): (Vec<&Outcome>, Vec<&Outcome>) = tried.partition(|outcome| outcome.is_taken());
        let mut health = self.health.lock();
        if !taken.is_empty() {
            let is_over = health.is_over;
            *health = Health { is_over, ..Health::default() };
        } else if !refused.is_empty() {
            health.failures += 1;
            health.down_since.get_or_insert(now);
        }
        taken.is_empty() && !refused.is_empty()
    }

    fn pause(&self) -> Duration {
        backoff::pause(self.health.lock().failures)
    }

    /// Tries the first wanted event while the receiver is down. Answers how many events are dealt with.
    async fn probe(&self, events: &[LoggedEvent], now: Timestamp) -> Result<Handled, ReadError> {
        let down_since = self.health.lock().down_since.unwrap_or(now);
        if down_since.plus_seconds(DOWN_MAX_SECONDS) <= now {
            self.switch_off(WebhookStatus::Failed).await?;
            return Ok(Handled { pause: Some(backoff::pause(u32::MAX)), ..Handled::default() });
        }
        let Some((place, event)) = events.iter().enumerate().find(|(_, event)| self.is_wanted(event)) else {
            return Ok(Handled::all(events));
        };
        let blocked = self.parts.delivery.parked_keys(self.name.clone(), vec![event.key]).await?;
        if !blocked.is_empty() {
            self.parts.delivery.park(self.name.clone(), vec![waits(event.clone(), now)]).await?;
            return Ok(Handled { through: place + 1, ..Handled::default() });
        }
        let tries = {
            let mut health = self.health.lock();
            let tries = match health.probe {
                Some((key, sequence, tries)) if (key, sequence) == (event.key, event.sequence) => tries + 1,
                _ => 1,
            };
            health.probe = Some((event.key, event.sequence, tries));
            tries
        };
        let attempt = self.send(event, tries).await?;
        let outcomes = [Outcome { event: event.clone(), attempt: Some(attempt) }];
        let is_down = self.note_round(&outcomes, now);
        let is_dealt_with = !is_down || tries >= PROBES;
        let (attempts, parked) = self.sort_out(Vec::from(outcomes), now);
        if is_dealt_with && !parked.is_empty() {
            self.parts.delivery.park(self.name.clone(), parked).await?;
        }
        self.parts.delivery.note_attempts(attempts).await?;
        let through = if is_dealt_with { place + 1 } else { place };
        Ok(Handled { through, pause: is_down.then(|| self.pause()), ..Handled::default() })
    }

    async fn deal_with(&self, events: &[LoggedEvent], now: Timestamp) -> Result<Handled, ReadError> {
        let (is_over, failures) = {
            let health = self.health.lock();
            (health.is_over, health.failures)
        };
        if is_over {
            return Ok(Handled { pause: Some(backoff::pause(u32::MAX)), ..Handled::default() });
        }
        if failures > 0 {
            return self.probe(events, now).await;
        }
        let wanted: Vec<(usize, &LoggedEvent)> =
            events.iter().enumerate().filter(|(_, event)| self.is_wanted(event)).take(ROUND).collect();
        let through = match wanted.last() {
            Some((last, _)) if wanted.len() == ROUND => last + 1,
            _ => events.len(),
        };
        if wanted.is_empty() {
            return Ok(Handled::all(events));
        }
        let pause = self.round(wanted.into_iter().map(|(_, event)| event).collect(), now).await?;
        Ok(Handled { through, pause: (!pause.is_zero()).then_some(pause), ..Handled::default() })
    }

    /// Tries again what is due.
    async fn retry(&self, now: Timestamp) -> Result<(), ReadError> {
        let due = self.parts.delivery.due(self.name.clone(), now, ROUND).await?;
        let tries = stream::iter(due).map(|parked| self.retry_one(parked, now)).buffer_unordered(AT_ONCE);
        let done: Vec<Result<Attempt, ReadError>> = tries.collect().await;
        let attempts = done.into_iter().collect::<Result<Vec<_>, _>>()?;
        if !attempts.is_empty() {
            self.parts.delivery.note_attempts(attempts).await?;
        }
        Ok(())
    }

    async fn retry_one(&self, parked: Parked, now: Timestamp) -> Result<Attempt, ReadError> {
        let tries = parked.tries + 1;
        let attempt = self.send(&parked.event, tries).await?;
        let (consumer, reason) = (self.name.clone(), attempt.reason.clone());
        if reason.is_empty() {
            let place = (parked.event.key, parked.event.sequence);
            self.parts.delivery.settle(consumer, vec![place]).await?;
        } else if let Some(wait) = backoff::next_try(tries, attempt.id.as_u64_pair().1) {
            let later = Parked { tries, next_at: now.plus_seconds(wait), reason, ..parked };
            self.parts.delivery.postpone(consumer, later).await?;
        } else {
            tracing::error!(consumer, event = parked.event.id(), reason, "an event became a dead letter");
            let (id, at) = (self.parts.entropy.uuid(), self.parts.clock.now());
            let letter = DeadLetter { id, consumer, event: parked.event, tries, reason, at };
            self.parts.delivery.bury(vec![letter]).await?;
        }
        Ok(attempt)
    }

    /// Sends a message that stands for no event, so that staff sees whether one arrives.
    pub async fn test(&self) -> Result<Attempt, ReadError> {
        let id = self.parts.entropy.uuid();
        let body = "{\"type\":\"frontrow.webhook.tested.v1\",\"data\":{}}".to_owned();
        let event = LoggedEvent { position: 0, key: id, sequence: 1, at: self.parts.clock.now(), body };
        let attempt = self.send(&event, 1).await?;
        self.parts.delivery.note_attempts(vec![attempt.clone()]).await?;
        Ok(attempt)
    }
}

/// An event that waits for an earlier one of its key.
fn waits(event: LoggedEvent, now: Timestamp) -> Parked {
    Parked { event, tries: 0, since: now, next_at: now, reason: String::new() }
}

impl Consumer for Subscriber {
    fn name(&self) -> &str {
        &self.name
    }

    fn start(&self) -> Start {
        Start::Newest
    }

    fn handle<'a>(&'a self, events: &'a [LoggedEvent], now: Timestamp) -> BoxFuture<'a, Handled> {
        async move {
            self.deal_with(events, now).await.unwrap_or_else(|error| {
                tracing::debug!(%error, consumer = self.name, "what came of events could not be kept");
                Handled { pause: Some(STORE_PAUSE), ..Handled::default() }
            })
        }
        .boxed()
    }

    fn tend(&self, now: Timestamp) -> BoxFuture<'_, Result<(), ReadError>> {
        async move { if self.health.lock().is_over { Ok(()) } else { Box::pin(self.retry(now)).await } }
            .boxed()
    }
}
