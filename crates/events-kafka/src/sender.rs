//! Sends messages and says what became of each: the one producer of its owner, made anew when the library gives it up.

use std::time::Duration;

use parking_lot::Mutex;
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::OwnedHeaders;
use rdkafka::producer::{FutureProducer, FutureRecord, Producer};

use crate::fault::{KafkaFault, Watch};
use crate::settings::KafkaSettings;

/// The most bytes of one message, as the library and brokers have it by themselves.
pub(crate) const MESSAGE_BYTES_MAX: usize = 1_000_000;
/// How many bytes may wait in memory for brokers that are away.
const QUEUE_KIB: usize = 64 * 1_024;
/// How long messages wait for more that go with them. Events come in batches anyway.
const LINGER_MS: u32 = 1;
/// How often the library's own figures are read.
const FIGURES_MS: u32 = 5_000;

/// What to send.
pub(crate) struct Message<'a> {
    pub(crate) topic: &'a str,
    pub(crate) key: &'a str,
    pub(crate) payload: &'a [u8],
    /// In milliseconds since the epoch.
    pub(crate) at: i64,
    pub(crate) headers: OwnedHeaders,
}

/// What became of a message that was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NotSent {
    /// It may be taken when it is sent again. It may also have been taken already.
    Again(String),
    /// Not as it is, or not in the company that it was sent in.
    Hopeless(String),
}

pub(crate) struct Sender {
    settings: KafkaSettings,
    /// How long a message is tried for; without an end where this is nothing.
    patience: Option<Duration>,
    producer: Mutex<Option<FutureProducer<Watch>>>,
    batch_bytes: Mutex<usize>,
    pub(crate) watch: Watch,
}

impl Sender {
    pub(crate) fn new(settings: &KafkaSettings, whose: &str, patience: Option<Duration>) -> Self {
        let watch = Watch::of(whose);
        Self {
            settings: settings.clone(),
            patience,
            producer: Mutex::default(),
            batch_bytes: Mutex::new(MESSAGE_BYTES_MAX),
            watch,
        }
    }

    /// Sends no more bytes at once than the topic takes: a batch that is too large is refused with all that is in it.
    pub(crate) fn limit_batches(&self, bytes: usize) {
        *self.batch_bytes.lock() = bytes.clamp(1, MESSAGE_BYTES_MAX);
    }

    /// Sends one message and waits until brokers have it safe.
    pub(crate) async fn send(&self, message: &Message<'_>) -> Result<(), NotSent> {
        loop {
            let producer = self.producer().map_err(|fault| NotSent::Again(fault.to_string()))?;
            let record = FutureRecord::to(message.topic)
                .key(message.key)
                .payload(message.payload)
                .timestamp(message.at)
                .headers(message.headers.clone());
            let result = match producer.send_result(record) {
                Ok(delivery) => delivery.await,
                Err((error, _)) if error.rdkafka_error_code() == Some(RDKafkaErrorCode::QueueFull) => {
                    // So much waits for brokers already; it goes on as soon as something of it is through.
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    continue;
                }
                Err((error, _)) => return Err(self.judge(&error)),
            };
            return match result {
                Ok(Ok(_)) => Ok(()),
                Ok(Err((error, _))) => Err(self.judge(&error)),
                Err(_) => Err(NotSent::Again("the producer was closed".to_owned())),
            };
        }
    }

    /// Whether a broker answers within this time.
    pub(crate) async fn check(&self, topic: &str, wait: Duration) -> Result<(), KafkaFault> {
        let (producer, topic) = (self.producer()?, topic.to_owned());
        // The client waits where it is asked.
        let asked = tokio::task::spawn_blocking(move || {
            producer.client().fetch_metadata(Some(&topic), wait).map(drop)
        });
        let answer = asked.await.map_err(|error| KafkaFault::Away(error.to_string()))?;
        answer.map_err(|error| KafkaFault::Away(error.to_string()))
    }

    /// The producer: another one when the last has come to an error that it cannot go on after. What it still had comes
    /// back as not sent, and is sent again by whoever waits for it.
    fn producer(&self) -> Result<FutureProducer<Watch>, KafkaFault> {
        let mut current = self.producer.lock();
        if let Some(producer) = &*current {
            let Some((code, why)) = producer.client().fatal_error() else { return Ok(producer.clone()) };
            self.watch.complain(format!("the producer has to be made anew: {why} ({code})"));
            if let Some(dead) = current.take() {
                close(dead);
            }
        }
        let producer = FutureProducer::from_config_and_context(&self.config(), self.watch.clone())
            .map_err(|error| KafkaFault::of_settings(&error))?;
        *current = Some(producer.clone());
        Ok(producer)
    }

    fn config(&self) -> rdkafka::ClientConfig {
        let mut config = self.settings.client();
        let patience = self.patience.map_or(0, |patience| patience.as_millis());
        config
            // Brokers keep one copy of what is sent again, in the order in which it was first sent.
            .set("enable.idempotence", "true")
            .set("acks", "all")
            // 0: without an end. What the library gives up would have to be sent again, and could come twice.
            .set("message.timeout.ms", patience.to_string())
            .set("message.max.bytes", MESSAGE_BYTES_MAX.to_string())
            .set("batch.size", self.batch_bytes.lock().to_string())
            .set("queue.buffering.max.kbytes", QUEUE_KIB.to_string())
            // Java's own way of choosing the partition of a key, so that others who write keys agree.
            .set("partitioner", "murmur2_random");
        for (name, value) in [
            ("linger.ms", LINGER_MS.to_string()),
            ("compression.type", "lz4".to_owned()),
            ("statistics.interval.ms", FIGURES_MS.to_string()),
        ] {
            if config.get(name).is_none() {
                config.set(name, value);
            }
        }
        config
    }

    fn judge(&self, error: &KafkaError) -> NotSent {
        let Some(code) = error.rdkafka_error_code() else { return NotSent::Again(error.to_string()) };
        match code {
            RDKafkaErrorCode::MessageSizeTooLarge
            | RDKafkaErrorCode::MessageBatchTooLarge
            | RDKafkaErrorCode::InvalidMessage
            | RDKafkaErrorCode::InvalidMessageSize
            | RDKafkaErrorCode::InvalidRecord
            | RDKafkaErrorCode::InvalidTimestamp => NotSent::Hopeless(code.to_string()),
            _ => {
                self.watch.complain(code.to_string());
                NotSent::Again(code.to_string())
            }
        }
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        if let Some(producer) = self.producer.lock().take() {
            close(producer);
        }
    }
}

/// Lets a producer go. That waits for its thread, and is done beside those who serve requests.
fn close(producer: FutureProducer<Watch>) {
    producer.purge(rdkafka::producer::PurgeConfig::default().queue().inflight());
    match tokio::runtime::Handle::try_current() {
        Ok(runtime) => drop(runtime.spawn_blocking(move || drop(producer))),
        Err(_) => drop(producer),
    }
}
