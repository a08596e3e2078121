//! Deals with a batch: hands it to the consumer, and puts away what nothing can be done with.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use frontrow_application::events::{Consumer, DeadLetter, LoggedEvent};
use futures_util::FutureExt as _;
use metrics::counter;

use crate::bus::BusParts;
use crate::desk::Batch;
use crate::fault::client_name;

/// How long until something is tried again that has to be done before going on.
const AGAIN_AFTER: Duration = Duration::from_millis(500);

/// What deals with batches, on the runtime.
pub(crate) struct Work {
    pub(crate) parts: BusParts,
    pub(crate) consumer: Arc<dyn Consumer>,
    pub(crate) stop: Arc<AtomicBool>,
    /// Held while the consumer sees to what is due.
    pub(crate) tending: tokio::sync::Mutex<()>,
}

/// What became of a batch.
pub(crate) enum Done {
    /// So many from the front are dealt with; the next batch may begin after a while.
    Through(usize, Option<Duration>),
    /// The consumer has panicked.
    Panicked,
}

impl Work {
    pub(crate) fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }

    /// Deals with a batch. With a reason to give up, its events become dead letters without being handed over.
    pub(crate) async fn deal(&self, batch: Batch, give_up: Option<&str>) -> Done {
        let events = match batch {
            Batch::Unreadable(record) => {
                let letter = self.letter(record.as_event(), &record.reason);
                let consumer = self.consumer.name();
                let is_done = self.bury(vec![letter]).await
                    && self
                        .until_done(|| self.parts.dead_letters.publish_unreadable(consumer, &record))
                        .await;
                return Done::Through(usize::from(is_done), None);
            }
            Batch::Events(events) => events,
        };
        if let Some(reason) = give_up {
            let dead: Vec<_> = (0..events.len()).map(|place| (place, reason.to_owned())).collect();
            let is_done = self.put_away(&events, &dead).await;
            return Done::Through(if is_done { events.len() } else { 0 }, None);
        }
        let handed_over = self.consumer.handle(&events, self.parts.clock.now());
        // A panic is of one event; the others of the batch, and this member, go on.
        let Ok(handled) = AssertUnwindSafe(handed_over).catch_unwind().await else { return Done::Panicked };
        if !self.put_away(&events, &handled.dead).await {
            return Done::Through(0, handled.pause);
        }
        let through = handled.through.min(events.len());
        let count = u64::try_from(through).unwrap_or(u64::MAX);
        counter!("frontrow_kafka_consumed_total", "consumer" => client_name(self.consumer.name()))
            .increment(count);
        Done::Through(through, handled.pause)
    }

    /// Has the consumer see to what is due without a new event, unless it does already.
    pub(crate) async fn tend(&self) {
        let Ok(_alone) = self.tending.try_lock() else { return };
        let tended = AssertUnwindSafe(self.consumer.tend(self.parts.clock.now())).catch_unwind().await;
        match tended {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(consumer = self.consumer.name(), %error, "cannot try again yet"),
            Err(_) => {
                tracing::error!(consumer = self.consumer.name(), "panicked at what was to be tried again");
            }
        }
    }

    /// Puts dead letters into the store and on their topic. Answers false when it was stopped before that was done.
    async fn put_away(&self, events: &[LoggedEvent], dead: &[(usize, String)]) -> bool {
        let letters = dead.iter().filter_map(|(place, reason)| {
            let event = events.get(*place)?.clone();
            Some(self.letter(event, reason))
        });
        let letters: Vec<DeadLetter> = letters.collect();
        if letters.is_empty() {
            return true;
        }
        if !self.bury(letters.clone()).await {
            return false;
        }
        for letter in &letters {
            if !self.until_done(|| self.parts.dead_letters.publish(letter)).await {
                return false;
            }
        }
        true
    }

    async fn bury(&self, letters: Vec<DeadLetter>) -> bool {
        self.until_done(|| self.parts.undelivered.bury(letters.clone())).await
    }

    fn letter(&self, event: LoggedEvent, reason: &str) -> DeadLetter {
        let consumer = self.consumer.name().to_owned();
        tracing::error!(consumer, event = event.id(), reason, "an event became a dead letter");
        let (id, at) = (self.parts.entropy.uuid(), self.parts.clock.now());
        DeadLetter { id, consumer, event, tries: 1, reason: reason.to_owned(), at }
    }

    /// Does something until it is done, or until this member is stopped.
    async fn until_done<E, F>(&self, what: impl Fn() -> F) -> bool
    where
        E: std::fmt::Display,
        F: Future<Output = Result<(), E>>,
    {
        loop {
            match what().await {
                Ok(()) => return true,
                Err(error) => {
                    tracing::warn!(consumer = self.consumer.name(), %error, "a dead letter is tried again");
                }
            }
            if self.is_stopped() {
                return false;
            }
            tokio::time::sleep(AGAIN_AFTER).await;
        }
    }
}
