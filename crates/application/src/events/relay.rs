//! Hands the log to one consumer.

use std::sync::Arc;
use std::time::Duration;

use frontrow_domain::Timestamp;
use parking_lot::Mutex;
use uuid::Uuid;

use super::consumer::{Consumer, Handled, Start};
use super::lease::{Lease, Leases, share_out};
use super::log::{EventLog, LoggedEvent, Partitions};
use super::undelivered::{DeadLetter, Undelivered};
use crate::clock::{Clock, Entropy};
use crate::store::ReadError;

/// How many events are read at once.
const BATCH: usize = 2_000;
/// So many events in a batch mean that the sale is busy.
const MANY: usize = 64;
/// How long a relay then lets events gather before it reads the next ones. Every batch is a question to the log, a mark on
/// the disk and a bundle to a receiver, whatever is in it: hundreds a second would take from the sale what tens do as well.
const GATHER: Duration = Duration::from_millis(50);

/// What a relay runs on.
#[derive(Clone)]
pub struct RelayParts {
    /// The log.
    pub log: Arc<dyn EventLog>,
    /// The marks in it.
    pub leases: Arc<dyn Leases>,
    /// What could not be handed over.
    pub undelivered: Arc<dyn Undelivered>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Ids.
    pub entropy: Arc<dyn Entropy>,
    /// This instance, as it is known to the others.
    pub owner: Uuid,
}

/// When a relay wants to be called again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// At once: there is more.
    Busy,
    /// When something was committed, or after a while.
    Idle,
    /// Not before that long.
    Pause(Duration),
}

/// A part of the log that this instance has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Held {
    shard: u16,
    position: u64,
}

/// Hands the log to one consumer.
pub struct Relay {
    parts: RelayParts,
    consumer: Arc<dyn Consumer>,
    held: Mutex<Vec<Held>>,
}

impl Relay {
    /// A relay for this consumer, which has nothing yet: [`Relay::renew`] gets it a share.
    pub fn new(parts: RelayParts, consumer: Arc<dyn Consumer>) -> Self {
        Self { parts, consumer, held: Mutex::default() }
    }

    /// Whom it serves.
    pub fn consumer(&self) -> &Arc<dyn Consumer> {
        &self.consumer
    }

    /// Gets a share of the log, or keeps it. To be called every few seconds, also while [`Relay::tick`] is under way.
    pub async fn renew(&self) -> Result<(), ReadError> {
        let begin = match self.consumer.start() {
            Start::Oldest => 0,
            Start::Newest => self.parts.log.log_end().await?,
        };
        let (owner, now) = (self.parts.owner, self.parts.clock.now());
        let name = self.consumer.name().to_owned();
        let rule = Box::new(move |leases: &mut [Lease]| share_out(leases, owner, now));
        let leases = self.parts.leases.share(name, self.consumer.shards(), begin, now, rule).await?;
        let mine = leases.iter().filter(|lease| lease.owner.is_some_and(|term| term.of == owner));
        let mut held = self.held.lock();
        *held = mine
            .map(|lease| {
                // While a batch is on its way this process knows better than the store how far it has come.
                let known =
                    held.iter().find(|held| held.shard == lease.shard).map_or(0, |held| held.position);
                Held { shard: lease.shard, position: lease.position.max(known) }
            })
            .collect();
        Ok(())
    }

    /// Hands over what is next, and moves the marks past what was dealt with.
    pub async fn tick(&self) -> Result<Pace, ReadError> {
        let held = self.held.lock().clone();
        let Some(after) = held.iter().map(|held| held.position).min() else { return Ok(Pace::Idle) };
        let shards = self.consumer.shards();
        let partitions =
            held.iter().fold(Partitions::NONE, |all, held| all.and(Partitions::of_shard(held.shard, shards)));
        let events = self.parts.log.events(after, partitions, BATCH).await?;
        let (Some(last), is_full) = (events.last().map(|event| event.position), events.len() == BATCH) else {
            return Ok(Pace::Idle);
        };
        let events: Vec<LoggedEvent> =
            events.into_iter().filter(|event| is_next(&held, shards, event)).collect();
        let now = self.parts.clock.now();
        let handled =
            if events.is_empty() { Handled::default() } else { self.consumer.handle(&events, now).await };
        self.bury(&events, &handled).await?;
        let reached = match events.get(handled.through) {
            // Everything below the first that was not dealt with.
            Some(next) => next.position.saturating_sub(1),
            None => last,
        };
        self.advance(&held, reached).await?;
        Ok(match handled.pause {
            Some(pause) => Pace::Pause(pause),
            None if is_full || handled.through < events.len() => Pace::Busy,
            None if events.len() >= MANY => Pace::Pause(GATHER),
            None => Pace::Idle,
        })
    }

    /// Does what is due without a new event, on the one instance that has the first part of the log.
    pub async fn tend(&self) -> Result<(), ReadError> {
        let is_mine = self.held.lock().iter().any(|held| held.shard == 0);
        if is_mine { self.consumer.tend(self.parts.clock.now()).await } else { Ok(()) }
    }

    async fn bury(&self, events: &[LoggedEvent], handled: &Handled) -> Result<(), ReadError> {
        if handled.dead.is_empty() {
            return Ok(());
        }
        let at = self.parts.clock.now();
        let letters = handled.dead.iter().filter_map(|(place, reason)| {
            let event = events.get(*place)?.clone();
            Some(self.letter(event, 1, reason.clone(), at))
        });
        self.parts.undelivered.bury(letters.collect()).await
    }

    fn letter(&self, event: LoggedEvent, tries: u32, reason: String, at: Timestamp) -> DeadLetter {
        let consumer = self.consumer.name().to_owned();
        tracing::error!(consumer, event = event.id(), reason, "an event became a dead letter");
        DeadLetter { id: self.parts.entropy.uuid(), consumer, event, tries, reason, at }
    }

    async fn advance(&self, held: &[Held], reached: u64) -> Result<(), ReadError> {
        let marks: Vec<(u16, u64)> =
            held.iter().filter(|held| held.position < reached).map(|held| (held.shard, reached)).collect();
        if marks.is_empty() {
            return Ok(());
        }
        let name = self.consumer.name().to_owned();
        let lost = self.parts.leases.advance(name, self.parts.owner, marks.clone()).await?;
        let mut held = self.held.lock();
        held.retain(|held| !lost.contains(&held.shard));
        for one in held.iter_mut().filter(|held| marks.iter().any(|(shard, _)| *shard == held.shard)) {
            one.position = one.position.max(reached);
        }
        Ok(())
    }
}

/// True when nobody has dealt with an event of a part that is held. A part may be ahead of another.
fn is_next(held: &[Held], shards: u16, event: &LoggedEvent) -> bool {
    let part = held.iter().find(|held| Partitions::of_shard(held.shard, shards).have(event.key));
    part.is_some_and(|held| event.position > held.position)
}
