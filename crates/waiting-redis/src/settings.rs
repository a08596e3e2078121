//! Where Redis is, how long it may take, and whose clock a line goes by.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use frontrow_application::Clock;
use redis::{Client, ConnectionAddr, ConnectionInfo, IntoConnectionInfo, RedisResult, TlsCertificates};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

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
    /// Whom to trust with TLS, as PEM; nothing for the roots of the system.
    authorities: Option<Vec<u8>>,
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
    Single(Box<ConnectionInfo>),
    Cluster(Vec<ConnectionInfo>),
}

impl Endpoint {
    /// The servers whose addresses are known from the start.
    pub(crate) fn nodes(&self) -> &[ConnectionInfo] {
        match self {
            Self::Single(one) => std::slice::from_ref(one),
            Self::Cluster(nodes) => nodes,
        }
    }

    fn has_tls(&self) -> bool {
        self.nodes().iter().any(|node| matches!(node.addr(), ConnectionAddr::TcpTls { .. }))
    }
}

/// The address is not repeated in an error: it may hold a password.
fn address(url: &str) -> Result<ConnectionInfo, SettingsError> {
    let info = url.into_connection_info();
    let info = info.map_err(|error| SettingsError::Address(error.category().to_owned()))?;
    match info.addr() {
        // `#insecure` would take anybody for the server.
        ConnectionAddr::TcpTls { insecure: true, .. } => {
            Err(SettingsError::Address("TLS without looking at certificates is refused".to_owned()))
        }
        _ => Ok(info),
    }
}

fn nodes(scheme: &str, rest: &str) -> Result<Vec<ConnectionInfo>, SettingsError> {
    let (login, nodes) = rest.rsplit_once('@').map_or((None, rest), |(login, nodes)| (Some(login), nodes));
    let login = login.map_or_else(String::new, |login| format!("{login}@"));
    let nodes = nodes.trim_end_matches('/').split(',');
    nodes.map(|node| address(&format!("{scheme}://{login}{node}"))).collect()
}

/// Why an address cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// It begins with something else.
    #[error(
        "a waiting room on Redis begins with redis://, rediss://, redis+cluster:// or rediss+cluster://, not: {0}"
    )]
    Scheme(String),
    /// What comes behind is no address. It is not repeated here: it may hold a password.
    #[error("the address of Redis cannot be read: {0}")]
    Address(String),
    /// What was to be trusted cannot be read, or nobody asks for TLS.
    #[error("the certificates to trust cannot be used: {0}")]
    Authorities(String),
    /// A prefix is part of every key, in front of the braces that choose the slot.
    #[error("the prefix of the keys may not be empty, nor have braces in it")]
    Prefix,
}

impl RedisSettings {
    /// For one server, `redis://[user:password@]host:port[/database]`, or for a cluster,
    /// `redis+cluster://[user:password@]host:port[,host:port…]`; with TLS `rediss://` and `rediss+cluster://`.
    pub fn new(url: &str) -> Result<Self, SettingsError> {
        let (scheme, rest) = url.split_once("://").unwrap_or((url, ""));
        let endpoint = match scheme {
            "redis" | "rediss" => Endpoint::Single(Box::new(address(url)?)),
            "redis+cluster" => Endpoint::Cluster(nodes("redis", rest)?),
            "rediss+cluster" => Endpoint::Cluster(nodes("rediss", rest)?),
            _ => return Err(SettingsError::Scheme(scheme.to_owned())),
        };
        if endpoint.has_tls() {
            // One provider of cryptography in the whole binary; whoever was first has set the same.
            let _ = rustls::crypto::ring::default_provider().install_default();
        }
        Ok(Self {
            endpoint,
            authorities: None,
            prefix: "frontrow".to_owned(),
            connect_timeout: CONNECT,
            answer_timeout: ANSWER,
            outage: OUTAGE,
            connections: CONNECTIONS,
            time: RedisTime::OfRedis,
        })
    }

    /// Trusts these certificates, as PEM, in place of the roots of the system.
    pub fn trust(&mut self, pem: Vec<u8>) -> Result<(), SettingsError> {
        if !self.endpoint.has_tls() {
            return Err(SettingsError::Authorities("the address is one without TLS".to_owned()));
        }
        let mut all = CertificateDer::pem_slice_iter(&pem).peekable();
        if all.peek().is_none() {
            return Err(SettingsError::Authorities("there is none in the file".to_owned()));
        }
        for one in all {
            one.map_err(|error| SettingsError::Authorities(error.to_string()))?;
        }
        self.authorities = Some(pem);
        Ok(())
    }

    /// What the driver is to be told of TLS.
    pub(crate) fn certificates(&self) -> Option<TlsCertificates> {
        let root_cert = self.authorities.clone()?;
        Some(TlsCertificates { client_tls: None, root_cert: Some(root_cert) })
    }

    /// A client of one server.
    pub(crate) fn client_of(&self, info: ConnectionInfo) -> RedisResult<Client> {
        match self.certificates() {
            Some(certificates) => Client::build_with_tls(info, certificates),
            None => Client::open(info),
        }
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
        assert_eq!(nodes("rediss://127.0.0.1:7000/2"), ["127.0.0.1:7000"]);
        assert_eq!(nodes("rediss+cluster://user:secret@a:1,b:2"), ["a:1", "b:2"]);
        for (url, has_tls) in [
            ("redis://a:1", false),
            ("redis+cluster://a:1,b:2", false),
            ("rediss://a:1", true),
            ("rediss+cluster://a:1,b:2", true),
        ] {
            let settings = RedisSettings::new(url).expect("an address");
            let tls = settings.endpoint.nodes().iter().map(|node| node.addr().clone());
            let tls = tls.filter(|addr| matches!(addr, ConnectionAddr::TcpTls { insecure: false, .. }));
            assert_eq!(tls.count() == settings.endpoint.nodes().len(), has_tls, "{url}");
        }
    }

    #[test]
    fn tls_that_trusts_anybody_is_refused() {
        for url in ["rediss://a:1/#insecure", "rediss+cluster://a:1,b:2/#insecure"] {
            let error = RedisSettings::new(url).expect_err("refused").to_string();
            assert!(error.contains("refused"), "{error}");
        }
    }

    #[test]
    fn whom_to_trust_is_read_at_once_and_only_with_tls() {
        let mut plain = RedisSettings::new("redis://a:1").expect("an address");
        assert!(matches!(plain.trust(Vec::new()), Err(SettingsError::Authorities(_))));
        let mut settings = RedisSettings::new("rediss://a:1").expect("an address");
        for pem in ["", "no PEM", "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n"] {
            assert!(matches!(settings.trust(pem.into()), Err(SettingsError::Authorities(_))), "{pem:?}");
        }
    }

    #[test]
    fn what_is_no_address_is_said_without_its_password() {
        for url in [
            "",
            "http://:secret@a:1",
            "redis://:secret@",
            "redis+cluster://:secret@a:1,b:x",
            "rediss+cluster://:secret@a:1,b:x",
        ] {
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
