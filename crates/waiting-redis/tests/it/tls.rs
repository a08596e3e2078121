//! The line, the messages and the counts over TLS, on servers with certificates of an authority of the test's own.

use std::path::PathBuf;
use std::sync::Arc;

use frontrow_application::attempts::{AttemptCounts as _, AttemptLimit};
use frontrow_application::messages::Messages as _;
use frontrow_application::waiting_room::{LineError, WaitingRoom as _};
use frontrow_testkit::conformance::messages::until_listening;
use frontrow_testkit::samples;
use frontrow_waiting_redis::{RedisCounts, RedisLine, RedisMessages, RedisSettings};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use tempfile::TempDir;

use crate::own::{Fans, Keeps, OwnRedis, bounded, until};
use crate::own_cluster::OwnCluster;

/// An authority, and a certificate of it for this machine, in files as Redis reads them.
pub(crate) struct Authority {
    folder: TempDir,
}

impl Authority {
    /// A new one, with a key that nobody else has. Its certificate is for the server of this name.
    fn for_server(name: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let mut authority = CertificateParams::default();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        // Of one name, a certificate would pass for its own authority's.
        authority.distinguished_name.push(DnType::CommonName, "an authority of tests");
        let authority_key = KeyPair::generate().expect("a key");
        let authority_pem = authority.self_signed(&authority_key).expect("signed").pem();
        let issuer = Issuer::new(authority, authority_key);
        let key = KeyPair::generate().expect("a key");
        let server = CertificateParams::new([name.to_owned()]).expect("a name");
        let certificate = server.signed_by(&key, &issuer).expect("signed").pem();
        let files = [("ca.pem", authority_pem), ("cert.pem", certificate), ("key.pem", key.serialize_pem())];
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).expect("a file can be written");
        }
        Self { folder }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn pem(&self) -> Vec<u8> {
        std::fs::read(self.file("ca.pem")).expect("it is there")
    }

    /// What a Redis is started with to serve by TLS on its port, and to speak it with other nodes.
    pub(crate) fn arguments(&self) -> Vec<String> {
        let mut arguments = Vec::new();
        for (option, file) in
            [("--tls-ca-cert-file", "ca.pem"), ("--tls-cert-file", "cert.pem"), ("--tls-key-file", "key.pem")]
        {
            arguments.extend([option.to_owned(), self.file(file).to_string_lossy().into_owned()]);
        }
        for (option, value) in [("--tls-auth-clients", "no"), ("--tls-replication", "yes")] {
            arguments.extend([option.to_owned(), value.to_owned()]);
        }
        arguments
    }

    /// What `redis-cli` is told to speak with such a server.
    pub(crate) fn of_client(&self) -> Vec<String> {
        vec!["--tls".to_owned(), "--cacert".to_owned(), self.file("ca.pem").to_string_lossy().into_owned()]
    }

    /// Settings that trust this authority.
    fn settings(&self, url: &str) -> RedisSettings {
        let mut settings = RedisSettings::new(url).expect("an address");
        settings.trust(self.pem()).expect("certificates");
        settings
    }
}

/// Everything that goes by Redis goes by this one.
async fn everything_goes_by(settings: RedisSettings) {
    let fans = Fans::of(RedisLine::open(settings.clone()).expect("good settings"));
    fans.until_back().await;
    let passes = fans.join_all(0..5).await;
    assert_eq!(fans.ahead(passes[4]).await, Some(4));
    assert_eq!(fans.tick(2).await, Ok(2));
    let [one, two] = [(); 2].map(|()| RedisMessages::open(settings.clone()).expect("good settings"));
    until_listening(&*two).await;
    one.send(b"hello".to_vec()).await.expect("sent");
    assert_eq!(bounded("a message", two.next()).await, b"hello");
    let counts = RedisCounts::open(settings).expect("good settings");
    let limit = AttemptLimit { attempts: 1, window_seconds: 60 };
    until("it counts", || async { counts.enter([1; 16], limit).await.is_ok() }).await;
    assert!(counts.enter([1; 16], limit).await.expect("counted").is_err());
}

#[test]
fn a_redis_with_tls_serves_all_that_one_without_does() {
    frontrow_testkit::bounded(async {
        let authority = Arc::new(Authority::for_server("127.0.0.1"));
        let redis = OwnRedis::start_with_tls(Keeps::Nothing, Arc::clone(&authority)).await;
        everything_goes_by(authority.settings(&format!("rediss://127.0.0.1:{}", redis.port()))).await;
    });
}

#[test]
fn a_cluster_with_tls_serves_all_that_one_without_does() {
    frontrow_testkit::bounded(async {
        let authority = Arc::new(Authority::for_server("127.0.0.1"));
        let cluster = OwnCluster::start_with(3, 0, Some(Arc::clone(&authority))).await;
        everything_goes_by(authority.settings(&cluster.url("rediss+cluster"))).await;
    });
}

async fn nothing_is_said_to(settings: RedisSettings) {
    let fans = Fans::of(RedisLine::open(settings.clone()).expect("good settings"));
    let pass = frontrow_application::waiting_room::Pass {
        concert: samples::CONCERT,
        sequence: frontrow_domain::Sequence::new(1),
        entry: samples::entry_id(1),
        user: samples::user(1),
    };
    for _ in 0..3 {
        let refused = bounded("a join", fans.try_join(1)).await;
        assert!(matches!(refused, Err(LineError::Unavailable(_))), "{refused:?}");
        assert!(fans.line.standing(pass).await.is_err());
    }
    let counts = RedisCounts::open(settings).expect("good settings");
    let limit = AttemptLimit { attempts: 1, window_seconds: 60 };
    assert!(counts.enter([1; 16], limit).await.is_err());
}

/// Who is not vouched for, or is vouched for under another name, is nobody to speak with; and neither is one without TLS.
#[test]
fn whoever_is_not_trusted_is_not_spoken_with() {
    frontrow_testkit::bounded(async {
        let (ours, theirs) =
            (Arc::new(Authority::for_server("127.0.0.1")), Authority::for_server("127.0.0.1"));
        let redis = OwnRedis::start_with_tls(Keeps::Nothing, Arc::clone(&ours)).await;
        let url = format!("rediss://127.0.0.1:{}", redis.port());
        nothing_is_said_to(theirs.settings(&url)).await;
        nothing_is_said_to(RedisSettings::new(&url).expect("an address")).await;
        nothing_is_said_to(redis.settings()).await;
        let named = Arc::new(Authority::for_server("elsewhere.test"));
        let other = OwnRedis::start_with_tls(Keeps::Nothing, Arc::clone(&named)).await;
        nothing_is_said_to(named.settings(&format!("rediss://127.0.0.1:{}", other.port()))).await;
        let plain = OwnRedis::start(Keeps::Nothing).await;
        nothing_is_said_to(ours.settings(&format!("rediss://127.0.0.1:{}", plain.port()))).await;
    });
}
