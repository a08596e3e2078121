//! Kafka, where events go to others.

use serde::{Deserialize, Serialize};

use crate::config::merge::{Merge, quoted};
use crate::config::secret::Secret;

/// The ways of logging in that Kafka calls so.
const MECHANISMS: [&str; 3] = ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"];

/// `[kafka]`: where events go to others, beside the consumers inside.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Kafka {
    /// Empty: no Kafka, consumers run from the store.
    pub(crate) url: String,
    pub(crate) client_id: String,
    pub(crate) topic_prefix: String,
    pub(crate) group_prefix: String,
    /// Of a topic that is made.
    pub(crate) partitions: u16,
    /// Of a topic that is made; 0: as the brokers do by themselves.
    pub(crate) replication: u16,
    /// In days.
    pub(crate) retention_days: u64,
    pub(crate) tls: bool,
    /// A file; empty: the authorities of the machine.
    pub(crate) tls_authorities: String,
    /// A file; together with the key.
    pub(crate) tls_certificate: String,
    /// A file; together with the certificate.
    pub(crate) tls_key: String,
    /// Empty: nobody logs in.
    pub(crate) mechanism: String,
    pub(crate) user: String,
    pub(crate) password: Secret,
    /// As `name=value`.
    pub(crate) properties: Vec<String>,
}

impl Kafka {
    pub(in crate::config) fn validate(&self, problems: &mut Merge) {
        if self.url.is_empty() {
            return;
        }
        let findings = self.findings();
        if findings.is_empty() {
            self.validate_as_a_whole(problems);
        }
        for (keys, wrong, help) in findings {
            problems.refuse(keys, wrong, help);
        }
    }

    /// What does not go together: the keys, what is wrong, and what to do.
    fn findings(&self) -> Vec<(&'static [&'static str], String, &'static str)> {
        let mut found: Vec<(&[&str], String, &str)> = Vec::new();
        if !self.mechanism.is_empty() && !MECHANISMS.contains(&self.mechanism.as_str()) {
            let wrong = format!("cannot be {}", quoted(&self.mechanism));
            found.push((&["kafka.mechanism"], wrong, "choose PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512"));
        }
        if self.mechanism == "PLAIN" && !self.tls {
            let wrong = "is PLAIN, which without TLS sends the password in the clear".to_owned();
            let help = "set kafka.tls, or log in by SCRAM";
            found.push((&["kafka.mechanism", "kafka.tls"], wrong, help));
        }
        let given = [!self.mechanism.is_empty(), !self.user.is_empty(), !self.password.is_empty()];
        if given.contains(&true) && given.contains(&false) {
            let wrong = "does not go without kafka.user and kafka.password, nor they without it".to_owned();
            let keys: &[&str] = &["kafka.mechanism", "kafka.user", "kafka.password"];
            found.push((keys, wrong, "give all three, or none"));
        }
        let files = [&self.tls_authorities, &self.tls_certificate, &self.tls_key];
        if !self.tls && files.iter().any(|file| !file.is_empty()) {
            let wrong = "is off, although files for TLS are named".to_owned();
            let keys: &[&str] =
                &["kafka.tls", "kafka.tls_authorities", "kafka.tls_certificate", "kafka.tls_key"];
            found.push((keys, wrong, "set kafka.tls, or leave the files out"));
        }
        for property in self.properties.iter().filter(|property| !property.contains('=')) {
            let wrong = format!("has {}, which is not name=value", quoted(property));
            found.push((&["kafka.properties"], wrong, "write it like linger.ms=5"));
        }
        found
    }

    #[cfg(feature = "kafka")]
    fn validate_as_a_whole(&self, problems: &mut Merge) {
        if let Err(error) = self.settings() {
            let keys: &[&str] =
                &["kafka.url", "kafka.properties", "kafka.topic_prefix", "kafka.tls_authorities"];
            let help = "config/default.toml says what each of them may be";
            problems.refuse(keys, format!("is of no use as it is set: {error}"), help);
        }
    }

    #[cfg(not(feature = "kafka"))]
    fn validate_as_a_whole(&self, problems: &mut Merge) {
        let wrong = "is set, but this program was built without Kafka";
        problems.refuse(&["kafka.url"], wrong, "build it with the feature kafka, or leave it out");
    }

    /// What the adapter is told. Fails when that cannot work.
    #[cfg(feature = "kafka")]
    pub(crate) fn settings(
        &self,
    ) -> Result<frontrow_events_kafka::KafkaSettings, frontrow_events_kafka::KafkaFault> {
        use frontrow_events_kafka::{KafkaSettings, Login, Mechanism, Tls};

        let mut settings = KafkaSettings::new(&self.url)?;
        settings.client_id.clone_from(&self.client_id);
        settings.topic_prefix.clone_from(&self.topic_prefix);
        settings.group_prefix.clone_from(&self.group_prefix);
        settings.partitions = self.partitions;
        settings.replication = self.replication;
        settings.retention = std::time::Duration::from_hours(self.retention_days * 24);
        let file = |name: &String| (!name.is_empty()).then(|| name.into());
        settings.tls = self.tls.then(|| Tls {
            authorities: file(&self.tls_authorities),
            certificate: file(&self.tls_certificate),
            key: file(&self.tls_key),
        });
        settings.login = Mechanism::parse(&self.mechanism).map(|mechanism| Login {
            mechanism,
            user: self.user.clone(),
            password: self.password.expose().to_owned(),
        });
        let properties = self.properties.iter().filter_map(|property| property.split_once('='));
        settings.properties =
            properties.map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned())).collect();
        settings.check()?;
        Ok(settings)
    }
}

#[cfg(test)]
mod tests {
    use crate::config::load;

    const URL: (&str, &str) = ("FRONTROW__KAFKA__URL", "kafka://k1:9092,k2:9092");

    /// What is said of these settings, or nothing where they are good.
    fn said_of(variables: &[(&str, &str)]) -> String {
        match load(None, variables.iter().copied(), &[]) {
            Ok(_) => String::new(),
            Err(problems) => problems.to_string(),
        }
    }

    fn said_beside_a_url(variables: &[(&str, &str)]) -> String {
        said_of(&[&[URL], variables].concat())
    }

    #[test]
    fn a_url_alone_is_enough_and_a_login_is_whole_or_not_there() {
        assert_eq!(said_of(&[URL]), "");
        let login = [
            ("FRONTROW__KAFKA__MECHANISM", "SCRAM-SHA-512"),
            ("FRONTROW__KAFKA__USER", "frontrow"),
            ("FRONTROW__KAFKA__PASSWORD", "hush"),
        ];
        assert_eq!(said_beside_a_url(&login), "");
        for missing in 0..login.len() {
            let mut rest = login.to_vec();
            rest.remove(missing);
            let said = said_beside_a_url(&rest);
            assert!(said.contains("kafka.mechanism does not go without") && !said.contains("hush"), "{said}");
        }
    }

    #[test]
    fn what_cannot_work_is_told_before_anything_is_started() {
        for (key, value, part) in [
            ("FRONTROW__KAFKA__URL", "kafka://me:hush@k1", "kafka.url is of no use"),
            ("FRONTROW__KAFKA__URL", "http://k1", "kafka://"),
            ("FRONTROW__KAFKA__MECHANISM", "GSSAPI", "GSSAPI"),
            ("FRONTROW__KAFKA__MECHANISM", "PLAIN", "in the clear"),
            ("FRONTROW__KAFKA__TLS_KEY", "/nowhere.pem", "kafka.tls is off"),
            ("FRONTROW__KAFKA__PROPERTIES", "linger.ms", "name=value"),
            ("FRONTROW__KAFKA__PROPERTIES", "lingr.ms=5", "lingr.ms"),
            ("FRONTROW__KAFKA__PROPERTIES", "acks=0", "acks"),
            ("FRONTROW__KAFKA__TOPIC_PREFIX", "a b", "letters, digits"),
        ] {
            let variables = if key == URL.0 { vec![(key, value)] } else { vec![URL, (key, value)] };
            let said = said_of(&variables);
            assert!(said.contains(part) && !said.contains("hush"), "{key}={value}: {said}");
        }
    }

    #[test]
    fn without_a_url_nothing_of_it_is_looked_at() {
        assert_eq!(said_of(&[("FRONTROW__KAFKA__MECHANISM", "GSSAPI")]), "");
    }
}
