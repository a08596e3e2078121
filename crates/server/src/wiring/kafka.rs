//! Kafka, as the settings name it.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use frontrow_application::Entropy;
use frontrow_application::events::{Consumer, Delivery, Undelivered};
use frontrow_events_kafka::{
    BusParts, DeadLetterTopic, KafkaBus, KafkaPublisher, KafkaSettings, Replays, WithDeadLetterTopic,
};

use super::Wired;
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
        let mut settings = config.kafka.settings().context("kafka")?;
        settings.source.clone_from(&config.events.source);
        let dead_letters = Arc::new(DeadLetterTopic::new(&settings).context("kafka")?);
        Ok(Some(Self { settings, dead_letters }))
    }

    /// Whether a broker answers within this time.
    pub(crate) async fn check(&self, wait: Duration) -> bool {
        self.dead_letters.check(wait).await.is_ok()
    }

    /// What publishes the log: to be given a relay, like any other consumer.
    pub(crate) fn publisher(
        &self,
        undelivered: Arc<dyn Undelivered>,
        entropy: Arc<dyn Entropy>,
    ) -> anyhow::Result<Arc<dyn Consumer>> {
        let publisher = KafkaPublisher::new(&self.settings).context("kafka")?;
        Ok(Arc::new(publisher.with_replays(Replays { undelivered, entropy })))
    }

    /// Has a consumer read from here, until the bus that comes back is stopped.
    pub(crate) fn consume(&self, wired: &Wired, consumer: Arc<dyn Consumer>) -> anyhow::Result<KafkaBus> {
        let of_app = wired.app.subscriber_parts();
        let parts = BusParts {
            undelivered: Arc::clone(&wired.delivery) as Arc<dyn Undelivered>,
            dead_letters: Arc::clone(&self.dead_letters),
            clock: of_app.clock,
            entropy: of_app.entropy,
        };
        KafkaBus::start(&self.settings, parts, consumer).context("kafka")
    }

    /// What a store keeps of events on their way, with copies of its dead letters on Kafka.
    pub(crate) fn with_dead_letters(&self, delivery: Arc<dyn Delivery>) -> Arc<dyn Delivery> {
        Arc::new(WithDeadLetterTopic::new(delivery, Arc::clone(&self.dead_letters)))
    }
}

#[cfg(test)]
mod tests {
    use frontrow_testkit::{ManualClock, SeededEntropy};

    use super::*;

    #[test]
    fn there_is_a_kafka_where_one_is_named() {
        let open = |variables: &[(&str, &str)]| {
            let config = crate::config::load(None, variables.iter().copied(), &[]).expect("good settings");
            Kafka::open(&config).expect("it need not be there")
        };
        assert!(open(&[]).is_none());
        let kafka = open(&[("FRONTROW__KAFKA__URL", "kafka://127.0.0.1:1")]).expect("named");
        let delivery = frontrow_testkit::delivery::MemoryDelivery::default();
        let entropy = SeededEntropy::new(ManualClock::default(), 1);
        let publisher = kafka.publisher(Arc::new(delivery), Arc::new(entropy));
        assert_eq!(publisher.expect("good settings").name(), "kafka");
    }
}
