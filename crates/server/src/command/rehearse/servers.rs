//! The servers that a crowd is let loose on, and questions to them one by one.

use std::net::{SocketAddr, ToSocketAddrs as _};

use anyhow::{Context, bail};
use frontrow_rehearsal::Request;
use frontrow_rehearsal::floor::FloorAnswer;
use serde_json::Value;

/// Where servers are that sell together, at least one.
#[derive(Debug, Clone)]
pub(super) struct Servers {
    /// What requests name as their host.
    pub(super) host: String,
    pub(super) addresses: Vec<SocketAddr>,
}

/// What one request was answered.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
}

impl Servers {
    /// Servers of this machine.
    pub(super) fn local(addresses: Vec<SocketAddr>) -> anyhow::Result<Self> {
        let host = addresses.first().context("there is no server")?.to_string();
        Ok(Self { host, addresses })
    }

    /// Servers by their URLs. `flag` is where those were written.
    pub(super) fn named(flag: &str, urls: &[String]) -> anyhow::Result<Self> {
        let (mut hosts, mut addresses) = (Vec::new(), Vec::new());
        for url in urls {
            let host = host_of(flag, url)?;
            let named = if host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok()) {
                host.to_owned()
            } else {
                format!("{host}:80")
            };
            let mut found = named.to_socket_addrs().with_context(|| format!("{flag}: cannot find {host}"))?;
            addresses.push(found.next().with_context(|| format!("{flag}: {host} has no address"))?);
            hosts.push(host.to_owned());
        }
        let host = hosts.into_iter().next().with_context(|| format!("{flag} names no server"))?;
        Ok(Self { host, addresses })
    }

    /// The first of them, which is asked what all of them would answer.
    pub(super) fn first(&self) -> SocketAddr {
        self.addresses[0]
    }

    /// What a request is answered.
    pub(super) fn ask(&self, request: Request<'_>) -> anyhow::Result<Told> {
        asked(self.first(), request)
    }

    /// A document that has to be there.
    pub(super) fn document(&self, path: &str, bearer: Option<&str>) -> anyhow::Result<Vec<u8>> {
        let bearer = bearer.map(|bearer| ("authorization", bearer));
        let told = self.ask(Request::get(&self.host, path).headers(bearer.as_slice()))?;
        told.expect(path, &[200])
    }

    /// The same as JSON.
    pub(super) fn json(&self, path: &str, bearer: Option<&str>) -> anyhow::Result<Value> {
        let document = self.document(path, bearer)?;
        serde_json::from_slice(&document).with_context(|| format!("{path} was not answered with JSON"))
    }
}

/// What a server answers to a request.
pub(super) fn asked(address: SocketAddr, request: Request<'_>) -> anyhow::Result<Told> {
    let answer = FloorAnswer::sampled(address, &request.to_bytes())?;
    let answer =
        answer.with_context(|| format!("the server at {address} gave no answer that can be read"))?;
    Ok(Told { status: answer.status.as_u16(), body: answer.body.to_vec() })
}

impl Told {
    /// The body, when the status is one of these.
    pub(super) fn expect(self, what: &str, statuses: &[u16]) -> anyhow::Result<Vec<u8>> {
        if !statuses.contains(&self.status) {
            bail!("{what} was answered {} {}", self.status, String::from_utf8_lossy(&self.body));
        }
        Ok(self.body)
    }
}

/// The host and port of `http://host:port`. The crowd speaks plain HTTP, which is cheap enough to be many.
fn host_of<'a>(flag: &str, url: &'a str) -> anyhow::Result<&'a str> {
    if url.starts_with("https://") {
        bail!(
            "{flag}: the crowd speaks no TLS, which would cost this machine more than all the rest; name the servers \
             behind the proxy, such as http://10.0.0.5:8080, or the proxy by a door without TLS"
        );
    }
    let host = url.strip_prefix("http://").map(|rest| rest.trim_end_matches('/'));
    match host {
        Some(host) if !host.is_empty() && !host.contains(['/', '?', '#', '@']) => Ok(host),
        _ => bail!("{flag}: write it as http://host:port, without a path"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_named_by_its_url() {
        let urls = ["http://127.0.0.1:8080/".to_owned(), "http://127.0.0.2".to_owned()];
        let servers = Servers::named("--live", &urls).unwrap();
        assert_eq!(servers.host, "127.0.0.1:8080");
        assert_eq!(servers.addresses, ["127.0.0.1:8080", "127.0.0.2:80"].map(|at| at.parse().unwrap()));
    }

    #[test]
    fn what_cannot_be_fired_at_is_refused_with_what_to_write() {
        for (url, says) in [
            ("https://sale.example", "no TLS"),
            ("sale.example:8080", "http://host:port"),
            ("http://", "http://host:port"),
            ("http://sale.example/api", "without a path"),
            ("http://me:secret@sale.example", "http://host:port"),
        ] {
            let error = Servers::named("--live", &[url.to_owned()]).unwrap_err().to_string();
            assert!(error.contains(says), "{url}: {error}");
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
