//! What goes wrong with Kafka, and what is heard of it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use metrics::{counter, gauge};
use parking_lot::Mutex;
use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::statistics::Statistics;

/// How often the same client complains at the most: a broker that is away is news once.
const COMPLAIN_EVERY: Duration = Duration::from_secs(10);

/// What is wrong with Kafka, or with what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KafkaFault {
    /// Settings that cannot work.
    #[error("{0}")]
    Settings(String),
    /// No broker answers: it is away, or the login is refused, which the last words of the client tell.
    #[error("no Kafka broker answers: {0}")]
    Away(String),
    /// A topic that is not there and cannot be made.
    #[error("the topic {topic} cannot be had: {why}")]
    Topic {
        /// Which.
        topic: String,
        /// Why.
        why: String,
    },
    /// What was sent was not taken.
    #[error("Kafka has not taken it: {0}")]
    Refused(String),
}

impl KafkaFault {
    /// Of what the library says of settings, which has names and values of properties in it. A password is not shown.
    pub(crate) fn of_settings(error: &KafkaError) -> Self {
        match error {
            KafkaError::ClientConfig(_, why, name, _) => Self::Settings(format!("{name}: {why}")),
            other => Self::Settings(other.to_string()),
        }
    }
}

/// Hears what a client of librdkafka says of itself.
#[derive(Clone)]
pub(crate) struct Watch {
    /// Whose client it is: `publisher`, or a consumer's name.
    whose: Arc<str>,
    heard: Arc<Mutex<Heard>>,
}

#[derive(Default)]
struct Heard {
    last: Option<String>,
    complained_at: Option<Instant>,
}

impl Watch {
    pub(crate) fn of(whose: &str) -> Self {
        Self { whose: whose.into(), heard: Arc::default() }
    }

    pub(crate) fn whose(&self) -> &str {
        &self.whose
    }

    /// What was last heard to be wrong.
    pub(crate) fn last_words(&self) -> String {
        self.heard.lock().last.clone().unwrap_or_else(|| "nothing was heard from it".to_owned())
    }

    /// Notes that something is wrong, and says so unless it has just said something.
    pub(crate) fn complain(&self, what: String) {
        counter!("frontrow_kafka_errors_total", "client" => client_name(&self.whose)).increment(1);
        let mut heard = self.heard.lock();
        let is_due = heard.complained_at.is_none_or(|at| COMPLAIN_EVERY <= at.elapsed());
        if is_due {
            heard.complained_at = Some(Instant::now());
            tracing::warn!(client = &*self.whose, error = what, "Kafka is not well");
        }
        heard.last = Some(what);
    }
}

impl ClientContext for Watch {
    fn log(&self, _: RDKafkaLogLevel, facility: &str, line: &str) {
        // What matters comes as an error as well.
        tracing::debug!(client = &*self.whose, facility, line, "librdkafka");
    }

    fn error(&self, error: KafkaError, reason: &str) {
        let code = error.rdkafka_error_code();
        // The last broker that went is told of once for itself and once for all; the first says why.
        if code != Some(RDKafkaErrorCode::AllBrokersDown) {
            self.complain(reason.to_owned());
        }
    }

    fn stats(&self, statistics: Statistics) {
        if statistics.client_type == "consumer" {
            let partitions = statistics.topics.values().flat_map(|topic| topic.partitions.values());
            let lag: i64 = partitions.map(|partition| partition.consumer_lag.max(0)).sum();
            gauge!("frontrow_kafka_consumer_lag", "consumer" => self.whose.to_string()).set(lag as f64);
        } else {
            gauge!("frontrow_kafka_producer_queue", "client" => client_name(&self.whose))
                .set(statistics.msg_cnt as f64);
        }
    }
}

/// What a client is counted as. All webhooks are one: they come and go, and what counts up can never be forgotten.
pub(crate) fn client_name(whose: &str) -> &'static str {
    match whose {
        "publisher" => "publisher",
        "dead_letters" => "dead_letters",
        "admin" => "admin",
        "chat" => "chat",
        _ => "webhook",
    }
}
