//! Events on Apache Kafka: what publishes the log, and what reads it back for consumers.
//!
//! - [`KafkaPublisher`] is a consumer of the log that puts every event on one topic, as a `CloudEvent` in structured mode,
//!   with its key as the message's key: what is about one reservation is in one partition, in its order.
//! - [`KafkaBus`] is the other way of driving a consumer: from a consumer group instead of from the log. A consumer does
//!   not know which of the two it runs on.
//! - [`DeadLetterTopic`] has what nothing could be done with. [`WithDeadLetterTopic`] makes copies of the store's list.
//! - [`prepare_topics`] makes the topics, or says what is wrong with those that are there.
//!
//! What holds:
//! - Nothing is lost: the publisher's mark in the log moves when brokers have acknowledged (`acks=all`), and a group's
//!   offset when the consumer has dealt with what is before it.
//! - A reader that drops the sequence numbers that it has passed sees each key in order and without a gap, whatever
//!   happens in between (ADR 0023).
//! - Nothing here stops a sale: no commit waits for Kafka, and a server starts without it.
//! - Everything is bounded: what is on its way, what was fetched and not dealt with, what waits to be written.
//!
//! What it is not: a store. Retention, replication and backups of the brokers are theirs; the log stays in the store for as
//! long as that keeps it.

mod bus;
mod copies;
mod desk;
mod fault;
mod letters;
mod member;
mod publisher;
mod sender;
mod settings;
mod topics;
mod work;

pub use bus::{BusParts, KafkaBus};
pub use copies::WithDeadLetterTopic;
pub use fault::KafkaFault;
pub use letters::DeadLetterTopic;
pub use publisher::{KafkaPublisher, PUBLISHER, Replays};
pub use settings::{KafkaSettings, Login, Mechanism, Tls};
pub use topics::{TopicsReport, prepare_topics};
