//! `[http]`: serving, and the limits on what comes in.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use crate::config::merge::{Merge, quoted};
use crate::config::network::is_origin;

/// `[http]`: the HTTP server and the limits on what comes in.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Http {
    /// Where to listen; port 0 takes a free one.
    pub(crate) listen: SocketAddr,
    /// Connections that the kernel keeps until they are accepted.
    pub(crate) backlog: u32,
    /// Origins as browsers send them; never `*`.
    pub(crate) cors_origins: Vec<String>,
    /// In bytes.
    pub(crate) body_limit_bytes: usize,
    /// In bytes.
    pub(crate) plan_body_limit_bytes: usize,
    /// In bytes; never below what hyper takes.
    pub(crate) header_limit_bytes: usize,
    /// In milliseconds.
    pub(crate) header_timeout_ms: u64,
    /// In milliseconds.
    pub(crate) body_timeout_ms: u64,
    /// In MiB.
    pub(crate) bodies_mib: u32,
    /// In milliseconds.
    pub(crate) write_timeout_ms: u64,
    /// In milliseconds; above `store.deadline_ms`.
    pub(crate) request_timeout_ms: u64,
    /// Connections open at once.
    pub(crate) max_connections: usize,
    /// Connections of one address. 0: no limit.
    pub(crate) max_connections_per_address: usize,
    /// Requests in flight, of all kinds.
    pub(crate) in_flight_join: usize,
    /// The same; not below the one before, as are the others.
    pub(crate) in_flight_look: usize,
    pub(crate) in_flight_hold: usize,
    pub(crate) in_flight_pay: usize,
    /// Seats in one hold.
    pub(crate) max_seats_per_request: usize,
    pub(crate) requests_per_fan_per_second: u32,
    pub(crate) request_burst_per_fan: u32,
    /// How often one fan may join within a minute. 0: no limit.
    pub(crate) joins_per_fan_per_minute: u32,
    /// In seconds.
    pub(crate) drain_seconds: u64,
    /// In seconds.
    pub(crate) shutdown_seconds: u64,
}

impl Http {
    pub(in crate::config) fn validate(&self, problems: &mut Merge) {
        for origin in self.cors_origins.iter().filter(|origin| !is_origin(origin)) {
            problems.refuse(
                &["http.cors_origins"],
                format!("has {}, which no browser sends as an origin", quoted(origin)),
                "write scheme, host and port in lower case, without path or usual port: https://shop.example",
            );
        }
        if self.plan_body_limit_bytes < self.body_limit_bytes {
            problems.refuse(
                &["http.plan_body_limit_bytes", "http.body_limit_bytes"],
                format!(
                    "is {}, below http.body_limit_bytes ({})",
                    self.plan_body_limit_bytes, self.body_limit_bytes
                ),
                "raise it, or lower http.body_limit_bytes",
            );
        }
        self.validate_in_flight(problems);
    }

    /// What is worth more gives way later.
    fn validate_in_flight(&self, problems: &mut Merge) {
        let limits = [
            ("http.in_flight_join", self.in_flight_join),
            ("http.in_flight_look", self.in_flight_look),
            ("http.in_flight_hold", self.in_flight_hold),
            ("http.in_flight_pay", self.in_flight_pay),
        ];
        for pair in limits.windows(2) {
            let [(lesser, low), (greater, high)] = [pair[0], pair[1]];
            if low > high {
                problems.refuse(
                    &[lesser, greater],
                    format!("is {low}, more than {greater} ({high})"),
                    format!("lower it, or raise {greater}"),
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::config::load;

    fn problems(flags: &[(&str, &str)]) -> String {
        let flags: Vec<_> = flags.iter().map(|(key, text)| ((*key).to_owned(), (*text).to_owned())).collect();
        let loaded = load(None, Vec::<(String, String)>::new(), &flags);
        loaded.err().map(|problems| problems.to_string()).unwrap_or_default()
    }

    #[test]
    fn what_is_worth_more_gives_way_later() {
        assert_eq!(problems(&[("http.in_flight_join", "14000")]), "", "the same is fine");
        for (key, text, other) in [
            ("http.in_flight_join", "14001", "http.in_flight_look"),
            ("http.in_flight_look", "18001", "http.in_flight_hold"),
            ("http.in_flight_hold", "20001", "http.in_flight_pay"),
        ] {
            let said = problems(&[(key, text)]);
            assert!(
                said.contains("the settings have 1 problem:") && said.contains(key) && said.contains(other),
                "{said}"
            );
        }
    }
}
