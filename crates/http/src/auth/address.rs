//! The address that a request comes from, through proxies that are trusted to say it.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::request::Parts;

use crate::state::HttpState;

/// The other end of the connection, put on every request by the server.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PeerAddress(pub(crate) SocketAddr);

/// Where a request comes from; unknown when it did not come over a connection (in tests).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ClientAddress(pub(crate) Option<IpAddr>);

impl FromRequestParts<HttpState> for ClientAddress {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &HttpState) -> Result<Self, Infallible> {
        let peer = parts.extensions.get::<PeerAddress>().map(|peer| peer.0.ip());
        let is_trusted = |address| (state.settings().is_trusted_proxy)(address);
        Ok(Self(peer.map(|peer| client_behind(peer, &parts.headers, is_trusted))))
    }
}

/// Walks `X-Forwarded-For` from the end, where our own proxy has written, as long as whoever wrote an entry is
/// trusted. What comes before was written by a stranger.
fn client_behind(peer: IpAddr, headers: &HeaderMap, is_trusted: impl Fn(IpAddr) -> bool) -> IpAddr {
    let mut client = peer.to_canonical();
    let lines = headers.get_all("x-forwarded-for");
    let lines = lines.iter().filter_map(|line| line.to_str().ok()).collect::<Vec<_>>();
    for entry in lines.iter().rev().flat_map(|line| line.rsplit(',')) {
        if !is_trusted(client) {
            return client;
        }
        let Some(address) = parse(entry.trim()) else { return client };
        client = address.to_canonical();
    }
    client
}

/// An address, possibly with a port, as proxies write them.
fn parse(entry: &str) -> Option<IpAddr> {
    entry
        .parse::<IpAddr>()
        .or_else(|_| entry.parse::<SocketAddr>().map(|address| address.ip()))
        .or_else(|_| entry.trim_matches(['[', ']']).parse())
        .ok()
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn check(peer: &str, lines: &[&'static str], expected: &str) {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append("x-forwarded-for", HeaderValue::from_static(line));
        }
        let is_trusted = |address: IpAddr| matches!(address, IpAddr::V4(v4) if v4.octets()[0] == 10);
        let client = client_behind(peer.parse().expect("address"), &headers, is_trusted);
        assert_eq!(client.to_string(), expected, "{peer} {lines:?}");
    }

    #[test]
    fn a_forwarded_address_counts_from_a_trusted_proxy_only() {
        check("10.0.0.1", &[], "10.0.0.1");
        check("10.0.0.1", &["203.0.113.7"], "203.0.113.7");
        check("203.0.113.9", &["198.51.100.1"], "203.0.113.9");
        check("::ffff:10.0.0.1", &["203.0.113.7"], "203.0.113.7");
    }

    #[test]
    fn what_a_client_writes_in_front_does_not_count() {
        check("10.0.0.1", &["1.1.1.1, 203.0.113.7"], "203.0.113.7");
        check("10.0.0.1", &["1.1.1.1", "203.0.113.7, 10.0.0.2"], "203.0.113.7");
        check("10.0.0.1", &["1.1.1.1, nonsense, 10.0.0.2"], "10.0.0.2");
        check("10.0.0.1", &["[2001:db8::1]:4711"], "2001:db8::1");
    }
}
