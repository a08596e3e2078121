//! Deliveries under test: how a suite gets them, deliveries in plain maps, and a consumer that remembers.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use frontrow_application::events::{
    Attempt, Consumer, Courier, DeadLetter, Delivery, Handled, Lease, Leases, LoggedEvent, Mark, Message,
    Parked, PostResult, Posted, ShareOut, Start, Undelivered, Webhook, Webhooks, consumer_name,
};
use frontrow_application::store::Read;
use frontrow_domain::Timestamp;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, ready};
use parking_lot::Mutex;
use uuid::Uuid;

/// What is kept of events on their way, of a test's own and empty at first.
///
/// An adapter's `tests/it` implements this and names it in [`delivery_suite!`](crate::delivery_suite).
pub trait DeliverySource: Send + Sync + 'static {
    /// Opens it. Every call opens the *same*, with all that is kept there.
    fn open(&self) -> Arc<dyn Delivery>;
}

/// Deliveries in plain maps. Clones share what they keep.
#[derive(Clone, Default)]
pub struct MemoryDelivery(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    leases: BTreeMap<(String, u16), (Lease, Timestamp)>,
    parked: BTreeMap<(String, Uuid, u64), Parked>,
    letters: BTreeMap<Uuid, DeadLetter>,
    webhooks: BTreeMap<Uuid, Webhook>,
    attempts: BTreeMap<Uuid, Attempt>,
}

impl DeliverySource for MemoryDelivery {
    fn open(&self) -> Arc<dyn Delivery> {
        Arc::new(self.clone())
    }
}

impl MemoryDelivery {
    fn with<T: Send + 'static>(&self, work: impl FnOnce(&mut State) -> T) -> Read<'static, T> {
        ready(Ok(work(&mut self.0.lock()))).boxed()
    }
}

impl Leases for MemoryDelivery {
    fn share(
        &self,
        consumer: String,
        shards: u16,
        begin: u64,
        now: Timestamp,
        rule: ShareOut,
    ) -> Read<'_, Vec<Lease>> {
        self.with(|state| {
            for shard in 0..shards {
                let new = Lease { shard, position: begin, owner: None, wanted: None };
                state.leases.entry((consumer.clone(), shard)).or_insert((new, now));
            }
            let mine = |(name, _): &&(String, u16)| *name == consumer;
            let keys: Vec<_> = state.leases.keys().filter(mine).cloned().collect();
            let mut leases: Vec<Lease> = keys.iter().map(|key| state.leases[key].0).collect();
            rule(&mut leases);
            for (key, lease) in keys.into_iter().zip(&leases) {
                let seen = if lease.owner.is_some() { now } else { state.leases[&key].1 };
                state.leases.insert(key, (*lease, seen));
            }
            leases
        })
    }

    fn advance(&self, consumer: String, owner: Uuid, marks: Vec<(u16, u64)>) -> Read<'_, Vec<u16>> {
        self.with(|state| {
            let mut lost = Vec::new();
            for (shard, position) in marks {
                match state.leases.get_mut(&(consumer.clone(), shard)) {
                    Some((lease, _)) if lease.owner.is_some_and(|term| term.of == owner) => {
                        lease.position = lease.position.max(position);
                    }
                    _ => lost.push(shard),
                }
            }
            lost
        })
    }

    fn release(&self, owner: Uuid) -> Read<'_, ()> {
        self.with(|state| {
            for (lease, _) in state.leases.values_mut() {
                lease.owner = lease.owner.filter(|term| term.of != owner);
                lease.wanted = lease.wanted.filter(|term| term.of != owner);
            }
        })
    }

    fn marks(&self) -> Read<'_, Vec<Mark>> {
        self.with(|state| {
            let mut marks: BTreeMap<String, (u64, Timestamp)> = BTreeMap::new();
            for ((consumer, _), (lease, seen)) in &state.leases {
                let mark = marks.entry(consumer.clone()).or_insert((lease.position, *seen));
                *mark = (mark.0.min(lease.position), mark.1.max(*seen));
            }
            let mark = |(consumer, (position, seen_at))| Mark { consumer, position, seen_at };
            marks.into_iter().map(mark).collect()
        })
    }

    fn forget(&self, consumer: String) -> Read<'_, ()> {
        self.with(|state| state.forget(&consumer))
    }
}

impl State {
    fn forget(&mut self, consumer: &str) {
        self.leases.retain(|(name, _), _| name != consumer);
        self.parked.retain(|(name, _, _), _| name != consumer);
    }

    fn park(&mut self, consumer: &str, parked: Parked) {
        let key = (consumer.to_owned(), parked.event.key, parked.event.sequence);
        self.parked.entry(key).or_insert(parked);
    }
}

impl Undelivered for MemoryDelivery {
    fn park(&self, consumer: String, events: Vec<Parked>) -> Read<'_, ()> {
        self.with(|state| events.into_iter().for_each(|parked| state.park(&consumer, parked)))
    }

    fn parked_keys(&self, consumer: String, keys: Vec<Uuid>) -> Read<'_, HashSet<Uuid>> {
        self.with(|state| {
            let of_consumer = state.parked.keys().filter(|(name, _, _)| *name == consumer);
            of_consumer.map(|(_, key, _)| *key).filter(|key| keys.contains(key)).collect()
        })
    }

    fn due(&self, consumer: String, now: Timestamp, limit: usize) -> Read<'_, Vec<Parked>> {
        self.with(|state| {
            let mut heads: HashMap<Uuid, &Parked> = HashMap::new();
            for ((name, key, _), parked) in &state.parked {
                if *name == consumer {
                    heads.entry(*key).or_insert(parked);
                }
            }
            let mut due: Vec<Parked> =
                heads.into_values().filter(|one| one.next_at <= now).cloned().collect();
            due.sort_by_key(|parked| (parked.next_at, parked.event.key));
            due.truncate(limit);
            due
        })
    }

    fn parked(&self, consumer: String) -> Read<'_, (u64, Option<Timestamp>)> {
        self.with(|state| {
            let of_consumer = || state.parked.iter().filter(|((name, _, _), _)| *name == consumer);
            (of_consumer().count() as u64, of_consumer().map(|(_, parked)| parked.since).min())
        })
    }

    fn postpone(&self, consumer: String, parked: Parked) -> Read<'_, ()> {
        self.with(|state| {
            let key = (consumer, parked.event.key, parked.event.sequence);
            if let Some(kept) = state.parked.get_mut(&key) {
                *kept = Parked { event: kept.event.clone(), since: kept.since, ..parked };
            }
        })
    }

    fn settle(&self, consumer: String, events: Vec<(Uuid, u64)>) -> Read<'_, ()> {
        self.with(|state| {
            for (key, sequence) in events {
                state.parked.remove(&(consumer.clone(), key, sequence));
            }
        })
    }

    fn bury(&self, letters: Vec<DeadLetter>) -> Read<'_, ()> {
        self.with(|state| {
            for letter in letters {
                state.parked.remove(&(letter.consumer.clone(), letter.event.key, letter.event.sequence));
                state.letters.insert(letter.id, letter);
            }
        })
    }

    fn dead_letters(&self, before: Option<Uuid>, limit: usize) -> Read<'_, Vec<DeadLetter>> {
        self.with(|state| {
            let newest = state.letters.values().rev();
            newest.filter(|letter| before.is_none_or(|id| letter.id < id)).take(limit).cloned().collect()
        })
    }

    fn count_dead_letters(&self) -> Read<'_, u64> {
        self.with(|state| state.letters.len() as u64)
    }

    fn dead_letter(&self, id: Uuid) -> Read<'_, Option<DeadLetter>> {
        self.with(|state| state.letters.get(&id).cloned())
    }

    fn revive(&self, id: Uuid, now: Timestamp) -> Read<'_, bool> {
        self.with(|state| {
            let Some(letter) = state.letters.remove(&id) else { return false };
            let event = letter.event;
            let parked = Parked { event, tries: 0, since: now, next_at: now, reason: String::new() };
            state.park(&letter.consumer, parked);
            true
        })
    }
}

impl Webhooks for MemoryDelivery {
    fn webhooks(&self) -> Read<'_, Vec<Webhook>> {
        self.with(|state| state.webhooks.values().cloned().collect())
    }

    fn webhook(&self, id: Uuid) -> Read<'_, Option<Webhook>> {
        self.with(|state| state.webhooks.get(&id).cloned())
    }

    fn add_webhook(&self, webhook: Webhook) -> Read<'_, ()> {
        self.with(|state| drop(state.webhooks.insert(webhook.id, webhook)))
    }

    fn save_webhook(&self, webhook: Webhook) -> Read<'_, bool> {
        self.with(|state| match state.webhooks.get_mut(&webhook.id) {
            Some(kept) if kept.version + 1 == webhook.version => {
                let created_at = kept.created_at;
                *kept = Webhook { created_at, ..webhook };
                true
            }
            _ => false,
        })
    }

    fn delete_webhook(&self, id: Uuid) -> Read<'_, bool> {
        self.with(|state| {
            state.forget(&consumer_name(id));
            state.attempts.retain(|_, attempt| attempt.webhook != id);
            state.webhooks.remove(&id).is_some()
        })
    }

    fn note_attempts(&self, attempts: Vec<Attempt>) -> Read<'_, ()> {
        self.with(|state| state.attempts.extend(attempts.into_iter().map(|attempt| (attempt.id, attempt))))
    }

    fn attempts(&self, webhook: Uuid, before: Option<Uuid>, limit: usize) -> Read<'_, Vec<Attempt>> {
        self.with(|state| {
            let newest = state.attempts.values().rev().filter(|attempt| attempt.webhook == webhook);
            newest.filter(|attempt| before.is_none_or(|id| attempt.id < id)).take(limit).cloned().collect()
        })
    }

    fn forget_attempts(&self, before: Timestamp, limit: usize) -> Read<'_, usize> {
        self.with(|state| {
            let mut old: Vec<_> = state.attempts.values().filter(|attempt| attempt.at < before).collect();
            old.sort_by_key(|attempt| attempt.at);
            let ids: Vec<Uuid> = old.into_iter().take(limit).map(|attempt| attempt.id).collect();
            ids.iter().filter(|id| state.attempts.remove(id).is_some()).count()
        })
    }
}

/// Receivers of messages that are nowhere: each URL answers what a test says, 200 at first, and everything is remembered.
#[derive(Default)]
pub struct Receivers {
    answers: Mutex<HashMap<String, PostResult>>,
    poison: Mutex<HashSet<String>>,
    messages: Mutex<Vec<Message>>,
}

impl Receivers {
    /// From now on a URL answers like this.
    pub fn answer(&self, url: &str, result: PostResult) {
        self.answers.lock().insert(url.to_owned(), result);
    }

    /// From now on a URL answers with this status.
    pub fn status(&self, url: &str, status: u16) {
        self.answer(url, PostResult::Answered { status, retry_after: None });
    }

    /// From now on every URL answers 500 to a message with this text in it.
    pub fn choke_on(&self, text: &str) {
        self.poison.lock().insert(text.to_owned());
    }

    /// Every message so far, in order.
    pub fn messages(&self) -> Vec<Message> {
        self.messages.lock().clone()
    }

    /// The ids of the messages so far that a URL has taken, in order.
    pub fn taken(&self, url: &str) -> Vec<String> {
        let messages = self.messages.lock();
        let taken = messages.iter().filter(|message| message.url == url && self.takes(message));
        let id = |message: &Message| {
            let (_, id) = message.headers.iter().find(|(name, _)| *name == "webhook-id")?;
            Some(id.clone())
        };
        taken.filter_map(id).collect()
    }

    fn takes(&self, message: &Message) -> bool {
        matches!(self.result(message), PostResult::Answered { status: 200, .. })
    }

    fn result(&self, message: &Message) -> PostResult {
        if self.poison.lock().iter().any(|text| message.body.contains(text)) {
            return PostResult::Answered { status: 500, retry_after: None };
        }
        let fine = PostResult::Answered { status: 200, retry_after: None };
        self.answers.lock().get(&message.url).cloned().unwrap_or(fine)
    }
}

impl Courier for Receivers {
    fn post(&self, message: Message) -> BoxFuture<'_, Posted> {
        let result = self.result(&message);
        if !matches!(result, PostResult::Failed(_)) {
            self.messages.lock().push(message);
        }
        ready(Posted { result, took: Duration::from_millis(1) }).boxed()
    }

    fn refuses(&self, url: &str) -> Option<String> {
        (!url.starts_with("https://")).then(|| "must be an https address".to_owned())
    }
}

/// A consumer that remembers all that it was handed.
pub struct Recorder {
    name: String,
    shards: u16,
    start: Start,
    seen: Mutex<Vec<LoggedEvent>>,
    script: Mutex<Vec<Handled>>,
}

impl Recorder {
    /// One of this name that begins with the oldest event.
    pub fn new(name: &str, shards: u16) -> Arc<Self> {
        Self::starting(name, shards, Start::Oldest)
    }

    /// One of this name that begins there.
    pub fn starting(name: &str, shards: u16, start: Start) -> Arc<Self> {
        Arc::new(Self {
            name: name.to_owned(),
            shards,
            start,
            seen: Mutex::default(),
            script: Mutex::default(),
        })
    }

    /// Answers the next batches like this, one after the other; after that all of a batch is dealt with.
    pub fn answer(&self, handled: impl IntoIterator<Item = Handled>) {
        self.script.lock().extend(handled);
    }

    /// All that it has dealt with so far, in order.
    pub fn seen(&self) -> Vec<LoggedEvent> {
        self.seen.lock().clone()
    }
}

impl Consumer for Recorder {
    fn name(&self) -> &str {
        &self.name
    }

    fn start(&self) -> Start {
        self.start
    }

    fn shards(&self) -> u16 {
        self.shards
    }

    fn handle<'a>(&'a self, events: &'a [LoggedEvent], _: Timestamp) -> BoxFuture<'a, Handled> {
        let mut script = self.script.lock();
        let handled = if script.is_empty() { Handled::all(events) } else { script.remove(0) };
        self.seen.lock().extend_from_slice(&events[..handled.through.min(events.len())]);
        ready(handled).boxed()
    }
}
