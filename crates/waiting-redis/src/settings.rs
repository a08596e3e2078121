//! Where Redis is, how long it may take, and whose clock a line goes by.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use frontrow_application::Clock;
use redis::{ConnectionInfo, IntoConnectionInfo};

/// How long a new connection may take. Redis is near: one that takes longer is away.
const CONNECT: Duration = Duration::from_millis(500);
/// How long an answer may take. A batch takes Redis a few milliseconds.
const ANSWER: Duration = Duration::from_secs(1);
/// Silence of all instances after which a room has been away, so that absence and claim times count anew.
const OUTAGE: Duration = Duration::from_secs(5);
/// Connections to a single Redis. One room uses one, so that its requests keep their order.
const CONNECTIONS: usize = 4;

/// What the waiting room on Redis has to be told.
#[derive(Clone)]
pub struct RedisSettings {
    pub(crate) endpoint: Endpoint,
    /// What the names of all keys begin with. Two systems on one Redis need two prefixes.
    pub prefix: String,
    /// How long a new connection may take.
    pub connect_timeout: Duration,
    /// How long an answer may take.
    pub answer_timeout: Duration,
    /// Silence of all instances after which a room has been away.
    pub outage: Duration,
    /// Connections to a single Redis, over which the rooms spread. A cluster has one to each node.
    pub connections: usize,
    /// Whose clock the lines go by.
    pub time: RedisTime,
}

/// Whose clock the lines go by.
#[derive(Clone, Default)]
pub enum RedisTime {
    /// That of Redis: the only one that several instances agree on.
    #[default]
    OfRedis,
    /// One that a test turns by hand. Never in earnest: two instances would bring two times.
    Argument(Arc<dyn Clock>),
}

#[derive(Clone)]
pub(crate) enum Endpoint {
    Single(ConnectionInfo),
    Cluster(Vec<ConnectionInfo>),
}

/// Why an address cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// It begins with something else.
    #[error("a waiting room on Redis begins with redis:// or redis+cluster://, not: {0}")]
    Scheme(String),
    /// What comes behind is no address. It is not repeated here: it may hold a password.
    #[error("the address of Redis cannot be read: {0}")]
    Address(String),
    /// A prefix is part of every key, in front of the braces that choose the slot.
    #[error("the prefix of the keys may not be empty, nor have braces in it")]
    Prefix,
}

impl RedisSettings {
    /// For one server, `redis://[user:password@]host:port[/database]`, or for a cluster,
    /// `redis+cluster://[user:password@]host:port[,host:port…]`.
    pub fn new(url: &str) -> Result<Self, SettingsError> {
        let address = |error: redis::RedisError| SettingsError::Address(error.category().to_owned());
        let endpoint = if let Some(nodes) = url.strip_prefix("redis+cluster://") {
            let (login, nodes) =
                nodes.rsplit_once('@').map_or((None, nodes), |(login, nodes)| (Some(login), nodes));
            let login = login.map_or_else(String::new, |login| format!("{login}@"));
            let nodes = nodes.trim_end_matches('/').split(',');
            let nodes = nodes.map(|node| format!("redis://{login}{node}").into_connection_info());
            Endpoint::Cluster(nodes.collect::<Result<_, _>>().map_err(address)?)
        } else if url.starts_with("redis://") {
            Endpoint::Single(url.into_connection_info().map_err(address)?)
        } else {
            let scheme = url.split("://").next().unwrap_or_default();
            return Err(SettingsError::Scheme(scheme.to_owned()));
        };
        Ok(Self {
            endpoint,
            prefix: "frontrow".to_owned(),
            connect_timeout: CONNECT,
            answer_timeout: ANSWER,
            outage: OUTAGE,
            connections: CONNECTIONS,
            time: RedisTime::OfRedis,
        })
    }

    pub(crate) fn check(&self) -> Result<(), SettingsError> {
        let is_good = !self.prefix.is_empty() && !self.prefix.contains(['{', '}']);
        if is_good { Ok(()) } else { Err(SettingsError::Prefix) }
    }
}

impl fmt::Debug for RedisSettings {
    // Without the address: it may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.endpoint {
            Endpoint::Single(_) => "one server",
            Endpoint::Cluster(_) => "a cluster",
        };
        write!(f, "RedisSettings({kind}, prefix {})", self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nodes(url: &str) -> Vec<String> {
        match RedisSettings::new(url).expect("an address").endpoint {
            Endpoint::Single(one) => vec![one.addr().to_string()],
            Endpoint::Cluster(all) => all.iter().map(|node| node.addr().to_string()).collect(),
        }
    }

    #[test]
    fn addresses_are_of_one_server_or_of_a_cluster() {
        assert_eq!(nodes("redis://127.0.0.1:7000/2"), ["127.0.0.1:7000"]);
        assert_eq!(nodes("redis+cluster://:secret@a:1,b:2"), ["a:1", "b:2"]);
    }

    #[test]
    fn what_is_no_address_is_said_without_its_password() {
        for url in ["", "http://:secret@a:1", "redis://:secret@", "redis+cluster://:secret@a:1,b:x"] {
            let error = RedisSettings::new(url).expect_err("no address").to_string();
            assert!(!error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn a_prefix_chooses_no_slot() {
        let settings = RedisSettings::new("redis://a:1").expect("an address");
        assert_eq!(settings.check(), Ok(()));
        for prefix in ["", "{a}", "a}b"] {
            let settings = RedisSettings { prefix: prefix.to_owned(), ..settings.clone() };
            assert_eq!(settings.check(), Err(SettingsError::Prefix));
        }
    }
}
