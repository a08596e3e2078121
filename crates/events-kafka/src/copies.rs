//! Copies of dead letters, beside the store that keeps them.

use std::collections::HashSet;
use std::sync::Arc;

use frontrow_application::events::{
    Attempt, DeadLetter, Delivery, Lease, Leases, Mark, Parked, ShareOut, Undelivered, Webhook, Webhooks,
};
use frontrow_application::store::Read;
use frontrow_domain::Timestamp;
use metrics::counter;
use tokio::sync::Semaphore;
use uuid::Uuid;

use crate::letters::DeadLetterTopic;

/// How many letters may be on their way beside those who wrote them.
const ON_THEIR_WAY_MAX: usize = 1_000;

/// What a store keeps of events on their way, with copies of its dead letters on Kafka.
///
/// A letter is in the store when [`Undelivered::bury`] answers; the copy follows by itself, so that whoever writes letters
/// never waits for Kafka. A copy that cannot be sent, or that this process does not live to send, is left out, which is
/// logged and counted.
pub struct WithDeadLetterTopic {
    inner: Arc<dyn Delivery>,
    topic: Arc<DeadLetterTopic>,
    room: Arc<Semaphore>,
}

impl WithDeadLetterTopic {
    /// What that store keeps, with copies on that topic. Needs a runtime around it whenever letters are buried.
    pub fn new(inner: Arc<dyn Delivery>, topic: Arc<DeadLetterTopic>) -> Self {
        Self { inner, topic, room: Arc::new(Semaphore::new(ON_THEIR_WAY_MAX)) }
    }

    fn copy(&self, letter: DeadLetter) {
        let Ok(room) = Arc::clone(&self.room).try_acquire_owned() else {
            counter!("frontrow_kafka_dead_letters_total", "result" => "failed").increment(1);
            tracing::error!(letter = %letter.id, "a dead letter has no copy on Kafka: too many are on their way");
            return;
        };
        let topic = Arc::clone(&self.topic);
        tokio::spawn(async move {
            if let Err(error) = topic.publish(&letter).await {
                tracing::error!(letter = %letter.id, %error, "a dead letter has no copy on Kafka");
            }
            drop(room);
        });
    }
}

impl Leases for WithDeadLetterTopic {
    fn share(
        &self,
        consumer: String,
        shards: u16,
        begin: u64,
        now: Timestamp,
        rule: ShareOut,
    ) -> Read<'_, Vec<Lease>> {
        self.inner.share(consumer, shards, begin, now, rule)
    }

    fn advance(&self, consumer: String, owner: Uuid, marks: Vec<(u16, u64)>) -> Read<'_, Vec<u16>> {
        self.inner.advance(consumer, owner, marks)
    }

    fn release(&self, owner: Uuid) -> Read<'_, ()> {
        self.inner.release(owner)
    }

    fn marks(&self) -> Read<'_, Vec<Mark>> {
        self.inner.marks()
    }

    fn forget(&self, consumer: String) -> Read<'_, ()> {
        self.inner.forget(consumer)
    }
}

impl Undelivered for WithDeadLetterTopic {
    fn park(&self, consumer: String, events: Vec<Parked>) -> Read<'_, ()> {
        self.inner.park(consumer, events)
    }

    fn parked_keys(&self, consumer: String, keys: Vec<Uuid>) -> Read<'_, HashSet<Uuid>> {
        self.inner.parked_keys(consumer, keys)
    }

    fn due(&self, consumer: String, now: Timestamp, limit: usize) -> Read<'_, Vec<Parked>> {
        self.inner.due(consumer, now, limit)
    }

    fn parked(&self, consumer: String) -> Read<'_, (u64, Option<Timestamp>)> {
        self.inner.parked(consumer)
    }

    fn postpone(&self, consumer: String, parked: Parked) -> Read<'_, ()> {
        self.inner.postpone(consumer, parked)
    }

    fn settle(&self, consumer: String, events: Vec<(Uuid, u64)>) -> Read<'_, ()> {
        self.inner.settle(consumer, events)
    }

    fn bury(&self, letters: Vec<DeadLetter>) -> Read<'_, ()> {
        Box::pin(async move {
            self.inner.bury(letters.clone()).await?;
            for letter in letters {
                self.copy(letter);
            }
            Ok(())
        })
    }

    fn dead_letters(&self, before: Option<Uuid>, limit: usize) -> Read<'_, Vec<DeadLetter>> {
        self.inner.dead_letters(before, limit)
    }

    fn count_dead_letters(&self) -> Read<'_, u64> {
        self.inner.count_dead_letters()
    }

    fn dead_letter(&self, id: Uuid) -> Read<'_, Option<DeadLetter>> {
        self.inner.dead_letter(id)
    }

    fn revive(&self, id: Uuid, now: Timestamp) -> Read<'_, bool> {
        self.inner.revive(id, now)
    }
}

impl Webhooks for WithDeadLetterTopic {
    fn webhooks(&self) -> Read<'_, Vec<Webhook>> {
        self.inner.webhooks()
    }

    fn webhook(&self, id: Uuid) -> Read<'_, Option<Webhook>> {
        self.inner.webhook(id)
    }

    fn add_webhook(&self, webhook: Webhook) -> Read<'_, ()> {
        self.inner.add_webhook(webhook)
    }

    fn save_webhook(&self, webhook: Webhook) -> Read<'_, bool> {
        self.inner.save_webhook(webhook)
    }

    fn delete_webhook(&self, id: Uuid) -> Read<'_, bool> {
        self.inner.delete_webhook(id)
    }

    fn note_attempts(&self, attempts: Vec<Attempt>) -> Read<'_, ()> {
        self.inner.note_attempts(attempts)
    }

    fn attempts(&self, webhook: Uuid, before: Option<Uuid>, limit: usize) -> Read<'_, Vec<Attempt>> {
        self.inner.attempts(webhook, before, limit)
    }

    fn forget_attempts(&self, before: Timestamp, limit: usize) -> Read<'_, usize> {
        self.inner.forget_attempts(before, limit)
    }
}
