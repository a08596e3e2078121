//! Publishes the log: every event on one topic, in order for each key.
//!
//! Of one key, an event is sent only when the one before it is acknowledged or a dead letter. So whatever happens in
//! between (a retry, an error, another instance that publishes the same, a crash and a start from an older mark), the
//! first appearance of a number on the topic comes after the first appearance of the number before it: a reader that
//! drops what it has passed sees each key in order and without a gap. Keys do not wait for each other. ADR 0023 says why
//! the library's own guarantees are not enough.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use frontrow_application::Entropy;
use frontrow_application::events::{Consumer, DeadLetter, Handled, LoggedEvent, Start, Undelivered};
use frontrow_application::store::ReadError;
use frontrow_domain::Timestamp;
use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream;
use metrics::counter;
use rdkafka::message::{Header, OwnedHeaders};
use uuid::Uuid;

use crate::fault::KafkaFault;
use crate::sender::{Message, NotSent, Sender};
use crate::settings::KafkaSettings;
use crate::topics::prepare_topics;

/// The publisher's name as a consumer of the log.
pub const PUBLISHER: &str = "kafka";
/// Into how many shards the log is cut for it: so many instances may publish at once.
const SHARDS: u16 = 8;
/// How many keys are on their way at once.
const KEYS_MAX: usize = 2_000;
/// How many replays are looked for at once.
const REPLAYS_MAX: usize = 100;
/// The pause before the first repetition; it doubles up to the longest.
const PAUSE: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(5);
/// How long to wait before topics are looked for again.
const PAUSE_FOR_TOPICS: Duration = Duration::from_secs(2);
/// What the body of a message is.
pub(crate) const CONTENT_TYPE: &str = "application/cloudevents+json; charset=utf-8";

/// A consumer of the log that publishes it.
///
/// Its [`Consumer::handle`] takes as long as Kafka is away: an event that can be sent is never given up. What Kafka cannot
/// take at all becomes a dead letter.
pub struct KafkaPublisher {
    settings: KafkaSettings,
    topic: String,
    sender: Sender,
    are_topics_there: AtomicBool,
    replays: Option<Replays>,
}

/// Where a publisher finds the dead letters of its own that staff wants to be tried again.
#[derive(Clone)]
pub struct Replays {
    /// What is kept of them.
    pub undelivered: Arc<dyn Undelivered>,
    /// Ids.
    pub entropy: Arc<dyn Entropy>,
}

/// The events of one key, by their places in the batch, and what became of them.
struct Chain {
    places: Vec<usize>,
    /// How many are sent or dead.
    sent: usize,
    dead: Vec<(usize, String)>,
    /// True when it stopped at one that was refused in company.
    is_suspect: bool,
}

impl KafkaPublisher {
    /// A publisher that begins to look for brokers with its first event.
    pub fn new(settings: &KafkaSettings) -> Result<Self, KafkaFault> {
        settings.check()?;
        Ok(Self {
            settings: settings.clone(),
            topic: settings.events_topic(),
            sender: Sender::new(settings, "publisher", None),
            are_topics_there: AtomicBool::new(false),
            replays: None,
        })
    }

    /// Publishes again what becomes due there. It comes behind what was published of its key in the meantime.
    #[must_use]
    pub fn with_replays(self, replays: Replays) -> Self {
        Self { replays: Some(replays), ..self }
    }

    async fn replay(&self, replays: &Replays, now: Timestamp) -> Result<(), ReadError> {
        loop {
            let due = replays.undelivered.due(PUBLISHER.to_owned(), now, REPLAYS_MAX).await?;
            if due.is_empty() || self.prepare().await.is_err() {
                return Ok(());
            }
            let events: Vec<LoggedEvent> = due.iter().map(|parked| parked.event.clone()).collect();
            let dead = self.publish(&events).await;
            let letters = dead.iter().filter_map(|(place, reason)| {
                let parked = due.get(*place)?.clone();
                let (id, consumer) = (replays.entropy.uuid(), PUBLISHER.to_owned());
                let (event, tries, reason) = (parked.event, parked.tries + 1, reason.clone());
                Some(DeadLetter { id, consumer, event, tries, reason, at: now })
            });
            let letters: Vec<DeadLetter> = letters.collect();
            if !letters.is_empty() {
                replays.undelivered.bury(letters).await?;
            }
            let sent = events.iter().map(|event| (event.key, event.sequence)).collect();
            replays.undelivered.settle(PUBLISHER.to_owned(), sent).await?;
        }
    }

    /// Makes the topics or looks at them, unless that was done. Says what is not as it should be.
    async fn prepare(&self) -> Result<(), KafkaFault> {
        if self.are_topics_there.load(Ordering::Acquire) {
            return Ok(());
        }
        let report = prepare_topics(&self.settings).await?;
        for warning in &report.warnings {
            tracing::warn!(warning, "a topic is not as it should be");
        }
        if let Some(bytes) = report.batch_bytes_max {
            self.sender.limit_batches(bytes);
        }
        self.are_topics_there.store(true, Ordering::Release);
        Ok(())
    }

    async fn publish(&self, events: &[LoggedEvent]) -> Vec<(usize, String)> {
        let chains: Vec<Chain> = stream::iter(chains(events))
            .map(|chain| self.send_chain(events, chain, false))
            .buffer_unordered(KEYS_MAX)
            .collect()
            .await;
        let mut dead = Vec::new();
        for mut chain in chains {
            if chain.is_suspect {
                // Brokers refuse a batch with all that is in it. Alone, it shows whether it is the culprit.
                chain = self.send_chain(events, chain, true).await;
            }
            dead.append(&mut chain.dead);
        }
        dead.sort_unstable();
        dead
    }

    /// Sends the events of a key, each when the one before it is through. Stops at one that is refused in company.
    async fn send_chain(&self, events: &[LoggedEvent], mut chain: Chain, is_alone: bool) -> Chain {
        chain.is_suspect = false;
        while let Some((place, event)) =
            chain.places.get(chain.sent).and_then(|place| Some((*place, events.get(*place)?)))
        {
            match self.send(event, is_alone).await {
                Ok(()) => counter!("frontrow_kafka_published_total").increment(1),
                Err(reason) if is_alone => {
                    counter!("frontrow_kafka_unpublishable_total").increment(1);
                    chain.dead.push((place, reason));
                }
                Err(_) => {
                    chain.is_suspect = true;
                    return chain;
                }
            }
            chain.sent += 1;
        }
        chain
    }

    /// Sends an event until it is taken, or answers why it cannot be.
    async fn send(&self, event: &LoggedEvent, is_alone: bool) -> Result<(), String> {
        let payload = event.to_cloud_event(&self.settings.source).map_err(|error| error.to_string())?;
        let key = event.key.to_string();
        let message = Message {
            topic: &self.topic,
            key: &key,
            payload: payload.as_bytes(),
            at: event.at.millis(),
            headers: content_type(OwnedHeaders::new()),
        };
        let mut pause = PAUSE;
        loop {
            match self.sender.send(&message).await {
                Ok(()) => return Ok(()),
                Err(NotSent::Hopeless(reason)) => {
                    return Err(if is_alone { format!("{reason}, {} bytes", payload.len()) } else { reason });
                }
                Err(NotSent::Again(reason)) => {
                    counter!("frontrow_kafka_publish_retries_total").increment(1);
                    tracing::debug!(event = event.id(), reason, "an event is sent again");
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(PAUSE_MAX);
                }
            }
        }
    }
}

impl Consumer for KafkaPublisher {
    fn name(&self) -> &'static str {
        PUBLISHER
    }

    fn start(&self) -> Start {
        Start::Oldest
    }

    fn shards(&self) -> u16 {
        SHARDS
    }

    fn handle<'a>(&'a self, events: &'a [LoggedEvent], _: Timestamp) -> BoxFuture<'a, Handled> {
        Box::pin(async move {
            if let Err(fault) = self.prepare().await {
                self.sender.watch.complain(fault.to_string());
                return Handled { pause: Some(PAUSE_FOR_TOPICS), ..Handled::default() };
            }
            let dead = self.publish(events).await;
            Handled { dead, ..Handled::all(events) }
        })
    }

    fn tend(&self, now: Timestamp) -> BoxFuture<'_, Result<(), ReadError>> {
        Box::pin(async move {
            match &self.replays {
                Some(replays) => self.replay(replays, now).await,
                None => Ok(()),
            }
        })
    }
}

/// The events of each key, in their order.
fn chains(events: &[LoggedEvent]) -> Vec<Chain> {
    let mut numbers: HashMap<Uuid, usize> = HashMap::new();
    let mut chains: Vec<Chain> = Vec::new();
    for (place, event) in events.iter().enumerate() {
        let number = *numbers.entry(event.key).or_insert(chains.len());
        match chains.get_mut(number) {
            Some(chain) => chain.places.push(place),
            None => chains.push(Chain { places: vec![place], sent: 0, dead: Vec::new(), is_suspect: false }),
        }
    }
    chains
}

/// Says what the body of a message is, as `CloudEvents` has it for Kafka in structured mode.
pub(crate) fn content_type(headers: OwnedHeaders) -> OwnedHeaders {
    headers.insert(Header { key: "content-type", value: Some(CONTENT_TYPE) })
}
