//! The two topics: made when they are not there, looked at when they are.
//!
//! All events are on one topic, because what is numbered together has to be in one partition: the payment of a reservation
//! carries the next number of that reservation, and a topic for each kind of event would tear the two apart.

use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::metadata::MetadataTopic;
use rdkafka::producer::{FutureProducer, Producer as _};

use crate::fault::{KafkaFault, Watch};
use crate::settings::KafkaSettings;

/// What is known of the topic of events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicsReport {
    /// How many partitions the topic of events has.
    pub partitions: usize,
    /// The most bytes that its brokers take at once.
    pub batch_bytes_max: Option<usize>,
    /// What works, and is not as it should be.
    pub warnings: Vec<String>,
}

/// Makes the topics that are not there, and looks at those that are. Waits no longer than
/// [`KafkaSettings::answer_timeout`] for each of its questions.
pub async fn prepare_topics(settings: &KafkaSettings) -> Result<TopicsReport, KafkaFault> {
    settings.check()?;
    let (settings, runtime) = (settings.clone(), tokio::runtime::Handle::current());
    // The client waits where it is asked for what is there, and when it is closed.
    let asked = tokio::task::spawn_blocking(move || runtime.block_on(Asking::begin(&settings)?.prepare()));
    asked.await.map_err(|error| KafkaFault::Away(error.to_string()))?
}

struct Asking<'a> {
    settings: &'a KafkaSettings,
    admin: AdminClient<Watch>,
    /// Asks what is there. Unlike the other it hears why nobody answers.
    asker: FutureProducer<Watch>,
    watch: Watch,
}

impl<'a> Asking<'a> {
    fn begin(settings: &'a KafkaSettings) -> Result<Self, KafkaFault> {
        let watch = Watch::of("admin");
        let wrong = |error| KafkaFault::of_settings(&error);
        let admin = AdminClient::from_config_and_context(&settings.client(), watch.clone()).map_err(wrong)?;
        let asker =
            FutureProducer::from_config_and_context(&settings.client(), watch.clone()).map_err(wrong)?;
        Ok(Self { settings, admin, asker, watch })
    }

    async fn prepare(self) -> Result<TopicsReport, KafkaFault> {
        let topics = [self.settings.events_topic(), self.settings.dead_letters_topic()];
        let mut report = TopicsReport { partitions: 0, batch_bytes_max: None, warnings: Vec::new() };
        for topic in &topics {
            if !self.is_there(topic)? {
                self.make(topic).await?;
            }
            let partitions = self.look_at(topic, &mut report.warnings)?;
            let batch_bytes_max = self.look_into(topic, &mut report.warnings).await;
            if topic == &topics[0] {
                (report.partitions, report.batch_bytes_max) = (partitions, batch_bytes_max);
            }
        }
        Ok(report)
    }

    fn options(&self) -> AdminOptions {
        let wait = Some(self.settings.answer_timeout);
        AdminOptions::new().request_timeout(wait).operation_timeout(wait)
    }

    /// What the cluster says of a topic, without the answer that it is not there.
    fn ask<T>(&self, topic: &str, read: impl FnOnce(&MetadataTopic) -> T) -> Result<Option<T>, KafkaFault> {
        let answer = self.asker.client().fetch_metadata(Some(topic), self.settings.answer_timeout);
        let answer = answer.map_err(|error| {
            let heard = self.watch.last_words();
            KafkaFault::Away(format!("{error}; {heard}"))
        })?;
        let Some(known) = answer.topics().first() else { return Ok(None) };
        match known.error().map(RDKafkaErrorCode::from) {
            None => Ok(Some(read(known))),
            Some(RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic) => Ok(None),
            Some(code) => Err(KafkaFault::Topic { topic: topic.to_owned(), why: code.to_string() }),
        }
    }

    fn is_there(&self, topic: &str) -> Result<bool, KafkaFault> {
        Ok(self.ask(topic, |_| ())?.is_some())
    }

    async fn make(&self, topic: &str) -> Result<(), KafkaFault> {
        let settings = self.settings;
        let replication = if settings.replication == 0 { -1 } else { i32::from(settings.replication) };
        let retention = settings.retention.as_millis().to_string();
        let new = NewTopic::new(topic, i32::from(settings.partitions), TopicReplication::Fixed(replication))
            .set("retention.ms", &retention)
            .set("cleanup.policy", "delete");
        let refused = |why: String| KafkaFault::Topic { topic: topic.to_owned(), why };
        let answer = self.admin.create_topics([&new], &self.options()).await;
        match answer.map_err(|error| refused(error.to_string()))?.pop() {
            // Another server that has just started was quicker.
            Some(Err((_, RDKafkaErrorCode::TopicAlreadyExists))) => Ok(()),
            Some(Err((_, code))) => Err(refused(code.to_string())),
            Some(Ok(_)) | None => {
                tracing::info!(topic, partitions = settings.partitions, "made a topic");
                Ok(())
            }
        }
    }

    /// How many partitions a topic has; a new one is waited for until all brokers know of it.
    fn look_at(&self, topic: &str, warnings: &mut Vec<String>) -> Result<usize, KafkaFault> {
        let end = std::time::Instant::now() + self.settings.answer_timeout;
        let (partitions, replicas) = loop {
            let seen = self.ask(topic, |known| {
                let least = known.partitions().iter().map(|partition| partition.replicas().len()).min();
                (known.partitions().len(), least.unwrap_or_default())
            })?;
            match seen {
                Some((partitions, replicas)) if partitions > 0 => break (partitions, replicas),
                _ if std::time::Instant::now() < end => wait_a_little(),
                _ => {
                    let why = "it was made, and is not there".to_owned();
                    return Err(KafkaFault::Topic { topic: topic.to_owned(), why });
                }
            }
        };
        let wanted = usize::from(self.settings.partitions);
        if partitions != wanted {
            warnings.push(format!(
                "{topic} has {partitions} partitions, not {wanted}; more of them would move keys, and with that break \
                 their order"
            ));
        }
        if replicas < 2 {
            warnings.push(format!("{topic} is on one broker: with its disk, events are lost"));
        } else if replicas < usize::from(self.settings.replication) {
            warnings.push(format!("{topic} is on {replicas} brokers, not {}", self.settings.replication));
        }
        Ok(partitions)
    }

    /// The most bytes at once that a topic takes, if it is told. What cannot be asked is no reason not to publish.
    async fn look_into(&self, topic: &str, warnings: &mut Vec<String>) -> Option<usize> {
        let answer = self.admin.describe_configs(&[ResourceSpecifier::Topic(topic)], &self.options()).await;
        let config = match answer.map(|mut all| all.pop()) {
            Ok(Some(Ok(config))) => config,
            Ok(Some(Err(code))) => {
                tracing::debug!(topic, %code, "the settings of a topic cannot be read");
                return None;
            }
            Ok(None) => return None,
            Err(error) => {
                tracing::debug!(topic, %error, "the settings of a topic cannot be read");
                return None;
            }
        };
        let number =
            |name: &str| config.get(name).and_then(|entry| entry.value.as_ref()?.parse::<i64>().ok());
        let replicas = self.ask(topic, |known| known.partitions().first().map(|one| one.replicas().len()));
        let replicas = i64::try_from(replicas.ok().flatten().flatten().unwrap_or(1)).unwrap_or(1);
        match number("min.insync.replicas") {
            Some(1) if 1 < replicas => warnings.push(format!(
                "{topic} has min.insync.replicas=1: what one broker alone has acknowledged may be lost with it"
            )),
            Some(least) if 1 < replicas && replicas <= least => warnings.push(format!(
                "{topic} has min.insync.replicas={least} of {replicas} brokers: without any one of them nothing is taken"
            )),
            _ => {}
        }
        if config.get("cleanup.policy").and_then(|entry| entry.value.as_deref()) != Some("delete") {
            warnings.push(format!("{topic} is compacted: of each key only the last event would stay"));
        }
        number("max.message.bytes").and_then(|bytes| usize::try_from(bytes).ok())
    }
}

/// Between two looks at what is about to be there. On a thread that is made for waiting.
#[expect(clippy::disallowed_methods, reason = "the client has no way to be told when a topic is there")]
fn wait_a_little() {
    std::thread::sleep(Duration::from_millis(50));
}
