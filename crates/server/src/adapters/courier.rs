//! Messages to receivers over HTTP.
//!
//! Whoever may make a webhook could have the server ask its own network: so nothing is sent to an address that is not
//! public, unless the operator allows it. Names are resolved here and their addresses looked at, at every connection, so
//! that a name that changes its mind afterwards gains nothing; redirects are not followed.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use frontrow_application::events::{Courier, Message, PostResult, Posted};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::{Client, Url};

/// How long a receiver may take to answer; what the Standard Webhooks specification proposes is 15 to 30 s, and a slow
/// one keeps only its own messages waiting.
const PATIENCE: Duration = Duration::from_secs(15);
/// How long a connection may take to come about.
const CONNECT_MAX: Duration = Duration::from_secs(5);

/// Takes messages to receivers with `reqwest`.
pub(crate) struct HttpCourier {
    client: Client,
    allows_private: bool,
}

impl HttpCourier {
    /// One that sends to private addresses as well, or not.
    pub(crate) fn new(allows_private: bool) -> anyhow::Result<Self> {
        // Fails only when a provider is installed already, which is just as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut client = Client::builder()
            .timeout(PATIENCE)
            .connect_timeout(CONNECT_MAX)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .user_agent(concat!("frontrow/", env!("CARGO_PKG_VERSION")));
        if !allows_private {
            client = client.dns_resolver(Arc::new(PublicOnly));
        }
        let client = client.build().context("cannot make the client that takes messages to receivers")?;
        Ok(Self { client, allows_private })
    }

    fn check(&self, text: &str) -> Result<Url, String> {
        let url = Url::parse(text).map_err(|_| "must be a web address".to_owned())?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err("must be an address of http or https".to_owned());
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("must have no user name or password in it".to_owned());
        }
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        // A name is looked at when it is resolved, an address nowhere but here.
        match host.parse::<IpAddr>() {
            Ok(address) if !self.allows_private && !is_public(address) => Err(format!(
                "must not be on a private network: {address}; events.allow_private_targets allows it"
            )),
            Err(_) if !self.allows_private && (host == "localhost" || host.ends_with(".localhost")) => {
                Err("must not be on this machine; events.allow_private_targets allows it".to_owned())
            }
            _ => Ok(url),
        }
    }

    async fn send(&self, message: Message) -> PostResult {
        let url = match self.check(&message.url) {
            Ok(url) => url,
            Err(reason) => return PostResult::Failed(format!("the address {reason}")),
        };
        let mut request = self.client.post(url).header(CONTENT_TYPE, "application/json").body(message.body);
        for (name, value) in message.headers {
            request = request.header(name, value);
        }
        match request.send().await {
            Ok(answer) => {
                let retry_after = answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
                let retry_after = retry_after.and_then(|text| text.parse().ok()).map(Duration::from_secs);
                PostResult::Answered { status: answer.status().as_u16(), retry_after }
            }
            Err(error) => PostResult::Failed(reason(&error)),
        }
    }
}

/// Why there was no answer, without the address, which may carry a secret.
fn reason(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "the receiver did not answer in time".to_owned();
    }
    let mut source: &dyn std::error::Error = error;
    while let Some(cause) = source.source() {
        source = cause;
    }
    if error.is_connect() { format!("no connection: {source}") } else { format!("no answer: {source}") }
}

impl Courier for HttpCourier {
    fn post(&self, message: Message) -> BoxFuture<'_, Posted> {
        async move {
            let begun = Instant::now();
            let result = self.send(message).await;
            Posted { result, took: begun.elapsed() }
        }
        .boxed()
    }

    fn refuses(&self, url: &str) -> Option<String> {
        self.check(url).err()
    }
}

/// Resolves names as the system does, and forgets what is not public.
struct PublicOnly;

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let public: Vec<SocketAddr> = found.filter(|address| is_public(address.ip())).collect();
            if public.is_empty() {
                return Err("the name resolves to private addresses only".into());
            }
            Ok(Box::new(public.into_iter()) as Addrs)
        })
    }
}

/// True for addresses that anybody on the internet can reach, by the registries of special-purpose addresses of IANA
/// (RFC 6890).
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            !(v4.is_private()
                || v4.is_loopback()
                || v4.is_link_local()
                || v4.is_broadcast()
                || v4.is_documentation()
                || v4.is_multicast()
                || a == 0
                || a >= 240
                || (a == 100 && (64..128).contains(&b))
                || (a == 192 && b == 0 && c == 0)
                || (a == 198 && (18..20).contains(&b)))
        }
        IpAddr::V6(v6) => {
            if let Some(v4) = v6.to_ipv4_mapped() {
                return is_public(IpAddr::V4(v4));
            }
            let [first, second, ..] = v6.segments();
            let is_translated = (first, second) == (0x64, 0xff9b) || first == 0x2002;
            // Of the global unicast addresses those that stand for another address or for nobody are left out.
            (first & 0xe000) == 0x2000
                && !is_translated
                && !(first == 0x2001 && (second < 0x200 || second == 0xdb8))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_addresses_are_known() {
        for text in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "0.0.0.0",
            "100.64.0.1",
            "255.255.255.255",
            "224.0.0.1",
            "198.18.0.1",
            "192.0.0.8",
            "240.0.0.1",
            "192.0.2.1",
            "::1",
            "::",
            "fe80::1",
            "fc00::1",
            "ff02::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "2001:db8::1",
            "2001::1",
        ] {
            assert!(!is_public(text.parse().expect("an address")), "{text}");
        }
        for text in ["1.1.1.1", "8.8.8.8", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "::ffff:1.1.1.1"] {
            assert!(is_public(text.parse().expect("an address")), "{text}");
        }
    }

    #[test]
    fn targets_are_refused_with_the_reason() {
        let strict = HttpCourier::new(false).expect("a client");
        for (url, reason) in [
            ("", "web address"),
            ("ftp://example.org/", "http or https"),
            ("file:///etc/passwd", "http or https"),
            ("https://a:b@example.org/", "user name"),
            ("http://127.0.0.1/", "private network"),
            ("http://2130706433/", "private network"),
            ("http://0x7f.1/", "private network"),
            ("http://[::1]:8080/", "private network"),
            ("http://[::ffff:169.254.169.254]/", "private network"),
            ("http://localhost:80/", "this machine"),
            ("http://a.localhost/", "this machine"),
        ] {
            let refused = strict.refuses(url).unwrap_or_default();
            assert!(refused.contains(reason), "{url}: {refused:?}");
        }
        assert_eq!(strict.refuses("https://example.org/hook?a=1"), None);
        let open = HttpCourier::new(true).expect("a client");
        assert_eq!(open.refuses("http://127.0.0.1:9/"), None);
        assert!(open.refuses("gopher://127.0.0.1/").is_some());
    }

    /// Also when a name hides it: what the resolver answers is looked at.
    #[tokio::test]
    async fn a_name_of_a_private_address_is_not_connected_to() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("its address").port();
        let name: Name = "localhost".parse().expect("a name");
        let resolved = PublicOnly.resolve(name).await.map(drop);
        assert!(resolved.is_err());
        let strict = HttpCourier::new(false).expect("a client");
        let url = format!("http://localhost:{port}/");
        let posted = strict.post(Message { url, headers: Vec::new(), body: String::new() }).await;
        assert!(posted.failure().is_some_and(|reason| reason.contains("this machine")), "{posted:?}");
    }
}
