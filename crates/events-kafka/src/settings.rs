//! Where Kafka is, how to log in there, and what topics and groups are called.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use rdkafka::ClientConfig;

use crate::fault::KafkaFault;

/// How the URL of a Kafka begins.
const SCHEME: &str = "kafka://";
/// The port of a broker that does not say one.
const PORT: u16 = 9_092;
/// The most characters of a topic's name that Kafka takes.
const TOPIC_NAME_MAX: usize = 249;
/// How long questions about topics may take.
const ANSWER: Duration = Duration::from_secs(10);
/// How long a member of a group may be silent until others get its share: as long as a lease of the log lasts.
const SESSION: Duration = Duration::from_secs(10);
/// How long events stay on their topic: as long as the store keeps those that were delivered.
const RETENTION: Duration = Duration::from_hours(30 * 24);

/// What the order and the safety of events rests on: no property of an operator may change these.
const RESERVED: &[&str] = &[
    "acks",
    "auto.offset.reset",
    "batch.size",
    "bootstrap.servers",
    "client.id",
    "delivery.timeout.ms",
    "enable.auto.commit",
    "enable.auto.offset.store",
    "enable.gapless.guarantee",
    "enable.idempotence",
    "group.id",
    "group.protocol",
    "max.in.flight",
    "max.in.flight.requests.per.connection",
    "message.send.max.retries",
    "message.timeout.ms",
    "metadata.broker.list",
    "partition.assignment.strategy",
    "partitioner",
    "request.required.acks",
    "retries",
    "transactional.id",
];

/// What the adapter on Kafka has to be told.
#[derive(Clone)]
pub struct KafkaSettings {
    brokers: String,
    /// What the brokers' logs call this server.
    pub client_id: String,
    /// What the names of topics begin with: the events are on `<prefix>events`, dead letters on `<prefix>dead-letters`.
    pub topic_prefix: String,
    /// What the ids of consumer groups begin with; the consumer's name follows.
    pub group_prefix: String,
    /// What events say as their `source` (`CloudEvents`).
    pub source: String,
    /// Into how many partitions a topic is cut that is made here.
    pub partitions: u16,
    /// On how many brokers a topic is kept that is made here; 0: as many as the brokers do by themselves.
    pub replication: u16,
    /// How long a topic that is made here keeps events.
    pub retention: Duration,
    /// How connections are encrypted; in the clear where this is nothing.
    pub tls: Option<Tls>,
    /// Who logs in, where anybody has to.
    pub login: Option<Login>,
    /// More properties of librdkafka, by name. Those that order and safety rest on are refused.
    pub properties: BTreeMap<String, String>,
    /// How long questions about topics may take.
    pub answer_timeout: Duration,
    /// How long a member of a group may be silent until others get its share.
    pub session_timeout: Duration,
}

/// How connections are encrypted. Files are PEM.
#[derive(Debug, Clone, Default)]
pub struct Tls {
    /// Whose signature makes a broker's certificate good; the machine's own list where this is nothing.
    pub authorities: Option<PathBuf>,
    /// This server's own certificate, where brokers ask for one.
    pub certificate: Option<PathBuf>,
    /// The key of that certificate.
    pub key: Option<PathBuf>,
}

/// Who logs in.
#[derive(Clone)]
pub struct Login {
    /// By which mechanism.
    pub mechanism: Mechanism,
    /// The user's name.
    pub user: String,
    /// The user's password. It is never shown.
    pub password: String,
}

/// The ways of logging in by a password (SASL).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mechanism {
    /// The password itself is sent: nothing to be done without TLS.
    Plain,
    /// A proof of knowing the password is sent, with SHA-256.
    ScramSha256,
    /// The same with SHA-512.
    ScramSha512,
}

impl Mechanism {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Plain, Self::ScramSha256, Self::ScramSha512];

    /// What Kafka calls it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha512 => "SCRAM-SHA-512",
        }
    }

    /// The one that Kafka calls so.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.name() == name)
    }
}

impl KafkaSettings {
    /// For the brokers of `kafka://host[:port][,host[:port]…]`. One that answers is enough: it knows the others.
    pub fn new(url: &str) -> Result<Self, KafkaFault> {
        let wrong = |why: &str| KafkaFault::Settings(format!("the URL of Kafka {why}"));
        let list = url.strip_prefix(SCHEME).ok_or_else(|| wrong("has to begin with kafka://"))?;
        if list.contains('@') {
            return Err(wrong("may not have a login: user and password are settings of their own"));
        }
        let brokers: Vec<String> = list
            .trim_end_matches('/')
            .split(',')
            .map(|broker| address(broker).ok_or_else(|| wrong("has to list host:port, with commas between")))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            brokers: brokers.join(","),
            client_id: "frontrow".to_owned(),
            topic_prefix: "frontrow.".to_owned(),
            group_prefix: "frontrow.".to_owned(),
            source: "frontrow".to_owned(),
            partitions: 16,
            replication: 0,
            retention: RETENTION,
            tls: None,
            login: None,
            properties: BTreeMap::new(),
            answer_timeout: ANSWER,
            session_timeout: SESSION,
        })
    }

    /// The topic of all events.
    pub fn events_topic(&self) -> String {
        format!("{}events", self.topic_prefix)
    }

    /// The topic of dead letters.
    pub fn dead_letters_topic(&self) -> String {
        format!("{}dead-letters", self.topic_prefix)
    }

    /// The group of a consumer.
    pub fn group(&self, consumer: &str) -> String {
        format!("{}{consumer}", self.group_prefix)
    }

    /// Says what cannot work, without asking a broker.
    pub fn check(&self) -> Result<(), KafkaFault> {
        let wrong = |why: String| Err(KafkaFault::Settings(why));
        let topic = self.dead_letters_topic();
        let is_good = |letter: char| letter.is_ascii_alphanumeric() || "._-".contains(letter);
        if topic.len() > TOPIC_NAME_MAX || !topic.chars().all(is_good) {
            return wrong(
                "the prefix of topics may have letters, digits, and . _ -, and at most 237".to_owned(),
            );
        }
        if self.partitions == 0 {
            return wrong("a topic has at least one partition".to_owned());
        }
        if let Some(tls) = &self.tls {
            if tls.certificate.is_some() != tls.key.is_some() {
                return wrong("a certificate for TLS and its key go together".to_owned());
            }
            for file in [&tls.authorities, &tls.certificate, &tls.key].into_iter().flatten() {
                if let Err(error) = std::fs::File::open(file) {
                    return wrong(format!("{} cannot be read: {error}", file.display()));
                }
            }
        }
        if self.login.as_ref().is_some_and(|login| login.user.is_empty() || login.password.is_empty()) {
            return wrong("a login to Kafka has a user and a password".to_owned());
        }
        if let Some(name) = self.properties.keys().find(|name| RESERVED.contains(&name.as_str())) {
            return wrong(format!("the property {name} is not to be set: the order of events rests on it"));
        }
        // The library knows which properties there are and what may be in them.
        self.client().create_native_config().map(|_| ()).map_err(|error| KafkaFault::of_settings(&error))
    }

    /// What every client is told.
    pub(crate) fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        for (name, value) in &self.properties {
            config.set(name, value);
        }
        config.set("bootstrap.servers", &self.brokers).set("client.id", &self.client_id);
        // A broker that is back is to be found again within a few seconds.
        config.set("reconnect.backoff.ms", "100").set("reconnect.backoff.max.ms", "2000");
        // A topic that nobody has made is an error, and not one more topic.
        config.set("allow.auto.create.topics", "false");
        let protocol = match (&self.tls, &self.login) {
            (None, None) => "plaintext",
            (Some(_), None) => "ssl",
            (None, Some(_)) => "sasl_plaintext",
            (Some(_), Some(_)) => "sasl_ssl",
        };
        config.set("security.protocol", protocol);
        if let Some(tls) = &self.tls {
            let files = [
                ("ssl.ca.location", &tls.authorities),
                ("ssl.certificate.location", &tls.certificate),
                ("ssl.key.location", &tls.key),
            ];
            for (name, file) in files {
                if let Some(file) = file {
                    config.set(name, file.to_string_lossy());
                }
            }
        }
        if let Some(login) = &self.login {
            config
                .set("sasl.mechanism", login.mechanism.name())
                .set("sasl.username", &login.user)
                .set("sasl.password", &login.password);
        }
        config
    }
}

/// An address as `host:port`, if it is one.
fn address(broker: &str) -> Option<String> {
    let (host, port) = match broker.rsplit_once(':') {
        // The colons of an IPv6 address are inside of its brackets.
        Some((host, port)) if !port.ends_with(']') => (host, port.parse().ok()?),
        _ => (broker, PORT),
    };
    let is_good = |letter: char| letter.is_ascii_alphanumeric() || ".-_:[]".contains(letter);
    (!host.is_empty() && port != 0 && host.chars().all(is_good)).then(|| format!("{host}:{port}"))
}

impl fmt::Debug for KafkaSettings {
    // Properties may have secrets in them, and so has a login.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KafkaSettings")
            .field("brokers", &self.brokers)
            .field("topic_prefix", &self.topic_prefix)
            .field("group_prefix", &self.group_prefix)
            .field("tls", &self.tls)
            .field("login", &self.login)
            .field("properties", &self.properties.keys())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} as {}", self.mechanism.name(), self.user)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> KafkaSettings {
        KafkaSettings::new("kafka://broker").expect("a URL")
    }

    fn refusal(change: impl FnOnce(&mut KafkaSettings)) -> String {
        let mut settings = settings();
        change(&mut settings);
        settings.check().expect_err("refused").to_string()
    }

    #[test]
    fn brokers_are_listed_in_a_url() {
        for (url, brokers) in [
            ("kafka://broker", "broker:9092"),
            ("kafka://k-1.example:9093,k-2.example:9094/", "k-1.example:9093,k-2.example:9094"),
            ("kafka://[::1]:7,[::1]", "[::1]:7,[::1]:9092"),
        ] {
            assert_eq!(KafkaSettings::new(url).expect("a URL").brokers, brokers);
        }
        for url in
            ["", "kafka://", "kafka://a,,b", "kafka://a:0", "kafka://a:70000", "kafka://a b", "redis://a"]
        {
            assert!(KafkaSettings::new(url).is_err(), "{url}");
        }
        let said = KafkaSettings::new("kafka://user:hidden@broker").expect_err("refused").to_string();
        assert!(said.contains("settings of their own") && !said.contains("hidden"), "{said}");
    }

    #[test]
    fn what_cannot_work_is_refused_with_the_reason() {
        assert_eq!(settings().check(), Ok(()));
        for (said, part) in [
            (refusal(|settings| settings.topic_prefix = "a b".to_owned()), "letters, digits"),
            (refusal(|settings| settings.topic_prefix = "a".repeat(250)), "at most 237"),
            (refusal(|settings| settings.partitions = 0), "at least one"),
            (
                refusal(|settings| {
                    settings.tls = Some(Tls { authorities: Some("/nowhere.pem".into()), ..Tls::default() });
                }),
                "/nowhere.pem cannot be read",
            ),
            (
                refusal(|settings| {
                    settings.tls = Some(Tls { certificate: Some("/nowhere.pem".into()), ..Tls::default() });
                }),
                "go together",
            ),
            (
                refusal(|settings| drop(settings.properties.insert("acks".to_owned(), "0".to_owned()))),
                "acks is not to be set",
            ),
            (
                refusal(|settings| drop(settings.properties.insert("lingr.ms".to_owned(), "5".to_owned()))),
                "lingr.ms",
            ),
            (
                refusal(|settings| drop(settings.properties.insert("linger.ms".to_owned(), "x".to_owned()))),
                "linger.ms",
            ),
        ] {
            assert!(said.contains(part), "{said}");
        }
    }

    #[test]
    fn a_password_is_never_shown() {
        let mut settings = settings();
        let mechanism = Mechanism::ScramSha512;
        settings.login =
            Some(Login { mechanism, user: "frontrow".to_owned(), password: "hidden".to_owned() });
        settings.properties.insert("ssl.key.password".to_owned(), "hidden".to_owned());
        assert_eq!(settings.check(), Ok(()));
        let shown = format!("{settings:?}");
        assert!(shown.contains("SCRAM-SHA-512 as frontrow") && !shown.contains("hidden"), "{shown}");
    }

    #[test]
    fn mechanisms_are_known_by_their_names() {
        for one in Mechanism::ALL {
            assert_eq!(Mechanism::parse(one.name()), Some(one));
        }
        assert_eq!(Mechanism::parse("GSSAPI"), None);
    }
}
