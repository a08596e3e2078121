//! The dead-letter topic: what nothing could be done with, for those who look after it outside of this system.
//!
//! The list that counts is the store's (`Undelivered`): staff look at it and have letters tried again. The topic has
//! the same letters for others, and those records of the topic of events that are no events.

use std::time::Duration;

use frontrow_application::events::{DeadLetter, LoggedEvent};
use frontrow_domain::Timestamp;
use metrics::counter;
use rdkafka::message::{Header, OwnedHeaders};
use uuid::Uuid;

use crate::fault::KafkaFault;
use crate::publisher::content_type;
use crate::sender::{MESSAGE_BYTES_MAX, Message, NotSent, Sender};
use crate::settings::KafkaSettings;

/// How long a letter is tried for.
const PATIENCE: Duration = Duration::from_secs(30);
/// What a message has beyond its body.
const HEADERS_BYTES_MAX: usize = 8_192;
/// The longest reason that goes into a header, in characters.
const REASON_MAX: usize = 1_000;

/// Puts dead letters on their topic.
pub struct DeadLetterTopic {
    topic: String,
    source: String,
    sender: Sender,
}

/// A record that is no event, whole.
pub(crate) struct Unreadable {
    pub(crate) topic: String,
    pub(crate) partition: i32,
    pub(crate) offset: i64,
    /// In milliseconds since the epoch, as the record says.
    pub(crate) at: i64,
    pub(crate) key: Vec<u8>,
    pub(crate) payload: Vec<u8>,
    pub(crate) reason: String,
}

impl DeadLetterTopic {
    /// The topic that the settings name.
    pub fn new(settings: &KafkaSettings) -> Result<Self, KafkaFault> {
        settings.check()?;
        Ok(Self {
            topic: settings.dead_letters_topic(),
            source: settings.source.clone(),
            sender: Sender::new(settings, "dead_letters", Some(PATIENCE)),
        })
    }

    /// Whether a broker answers within this time.
    pub async fn check(&self, wait: Duration) -> Result<(), KafkaFault> {
        self.sender.check(&self.topic, wait).await
    }

    /// Puts a letter on the topic and waits until it is safe there: the whole event as its body, and in headers
    /// `frontrow-dead-letter` (the letter's id), `frontrow-consumer`, `frontrow-event`, `frontrow-tries`,
    /// `frontrow-reason` and `frontrow-since`. The body of an event that is too large for Kafka stays in the store; the
    /// letter then has none, and says so in `frontrow-left-out`.
    pub async fn publish(&self, letter: &DeadLetter) -> Result<(), KafkaFault> {
        let event = &letter.event;
        let body = event.to_cloud_event(&self.source);
        let is_cloud_event = body.is_ok();
        let mut payload = body.unwrap_or_else(|_| event.body.clone());
        let mut headers = OwnedHeaders::new();
        if is_cloud_event {
            headers = content_type(headers);
        }
        if MESSAGE_BYTES_MAX < payload.len() + HEADERS_BYTES_MAX {
            let left_out = format!("{} bytes, too large for Kafka", payload.len());
            headers = headers.insert(Header { key: "frontrow-left-out", value: Some(&left_out) });
            payload.clear();
        }
        for (key, value) in [
            ("frontrow-dead-letter", letter.id.to_string()),
            ("frontrow-consumer", letter.consumer.clone()),
            ("frontrow-event", event.id()),
            ("frontrow-tries", letter.tries.to_string()),
            ("frontrow-reason", letter.reason.chars().take(REASON_MAX).collect()),
            ("frontrow-since", letter.at.rfc3339().to_string()),
        ] {
            headers = headers.insert(Header { key, value: Some(&value) });
        }
        self.send(event.key.to_string(), payload.as_bytes(), letter.at.millis(), headers).await
    }

    /// Puts a record on the topic that is no event.
    pub(crate) async fn publish_unreadable(
        &self,
        consumer: &str,
        record: &Unreadable,
    ) -> Result<(), KafkaFault> {
        let mut headers = OwnedHeaders::new();
        for (key, value) in [
            ("frontrow-consumer", consumer.to_owned()),
            ("frontrow-reason", record.reason.chars().take(REASON_MAX).collect()),
            ("frontrow-topic", record.topic.clone()),
            ("frontrow-partition", record.partition.to_string()),
            ("frontrow-offset", record.offset.to_string()),
        ] {
            headers = headers.insert(Header { key, value: Some(&value) });
        }
        let key = String::from_utf8_lossy(&record.key).into_owned();
        self.send(key, &record.payload, record.at, headers).await
    }

    async fn send(
        &self,
        key: String,
        payload: &[u8],
        at: i64,
        headers: OwnedHeaders,
    ) -> Result<(), KafkaFault> {
        let message = Message { topic: &self.topic, key: &key, payload, at, headers };
        let sent = self.sender.send(&message).await;
        let result = if sent.is_ok() { "sent" } else { "failed" };
        counter!("frontrow_kafka_dead_letters_total", "result" => result).increment(1);
        sent.map_err(|error| match error {
            NotSent::Again(why) | NotSent::Hopeless(why) => KafkaFault::Refused(why),
        })
    }
}

impl Unreadable {
    /// The record as an event that no consumer knows, so that the store's list of dead letters has it whole.
    pub(crate) fn as_event(&self) -> LoggedEvent {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let body = serde_json::json!({
            "type": "frontrow.kafka.unreadable",
            "data": {
                "topic": self.topic,
                "partition": self.partition,
                "offset": self.offset,
                "key": text(&self.key),
                "value": text(&self.payload),
            },
        });
        LoggedEvent {
            position: 0,
            key: Uuid::try_parse_ascii(&self.key).unwrap_or_default(),
            sequence: 0,
            at: Timestamp::from_micros(self.at.saturating_mul(1_000)),
            body: body.to_string(),
        }
    }
}
