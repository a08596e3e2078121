//! Kafka, as the settings name it.

use std::sync::Arc;

use anyhow::Context;
use frontrow_application::events::{Consumer, Undelivered};
use frontrow_application::{Clock, Entropy};
use frontrow_events_kafka::{
    BusParts, DeadLetterTopic, KafkaBus, KafkaPublisher, KafkaSettings, WithDeadLetterTopic,
};

use crate::config::Config;

/// What events go to Kafka and come from there with.
pub(crate) struct Kafka {
    settings: KafkaSettings,
    dead_letters: Arc<DeadLetterTopic>,
}

impl Kafka {
    /// The Kafka that the settings name, if they name one. It need not be there.
    pub(crate) fn open(config: &Config) -> anyhow::Result<Option<Self>> {
        if config.kafka.url.is_empty() {
            return Ok(None);
        }
        let settings = config.kafka.settings().context("kafka")?;
        let dead_letters = Arc::new(DeadLetterTopic::new(&settings).context("kafka")?);
        frontrow_events_kafka::describe_metrics();
        Ok(Some(Self { settings, dead_letters }))
    }

    /// What publishes the log: to be given a relay, like any other consumer.
    pub(crate) fn publisher(&self) -> anyhow::Result<Arc<dyn Consumer>> {
        Ok(Arc::new(KafkaPublisher::new(&self.settings).context("kafka")?))
    }

    /// The list of dead letters with copies on Kafka: for relays, not for [`Kafka::bus`].
    pub(crate) fn with_dead_letters(&self, undelivered: Arc<dyn Undelivered>) -> Arc<dyn Undelivered> {
        Arc::new(WithDeadLetterTopic::new(undelivered, Arc::clone(&self.dead_letters)))
    }

    /// Runs a consumer from Kafka instead of from the log, until it is stopped. Needs a runtime around it.
    pub(crate) fn bus(
        &self,
        undelivered: Arc<dyn Undelivered>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        consumer: Arc<dyn Consumer>,
    ) -> anyhow::Result<KafkaBus> {
        let dead_letters = Arc::clone(&self.dead_letters);
        let parts = BusParts { undelivered, dead_letters, clock, entropy };
        KafkaBus::start(&self.settings, parts, consumer).context("kafka")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_a_kafka_where_one_is_named() {
        let open = |variables: &[(&str, &str)]| {
            let config = crate::config::load(None, variables.iter().copied(), &[]).expect("good settings");
            Kafka::open(&config).expect("it need not be there")
        };
        assert!(open(&[]).is_none());
        let kafka = open(&[("FRONTROW__KAFKA__URL", "kafka://127.0.0.1:1")]).expect("named");
        assert_eq!(kafka.publisher().expect("good settings").name(), "kafka");
    }
}
