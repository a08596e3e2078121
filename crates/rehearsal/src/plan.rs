//! How a run is driven: against what, over how many connections, how fast, for how long.

use std::net::SocketAddr;
use std::time::Duration;

/// What decides when a request is sent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Pace {
    /// Every connection sends its next request as soon as the last answer is in: saturating. Latencies say how
    /// long the queue in the server is, not what a visitor would wait: a stalled server is asked less.
    Closed,
    /// Requests are due at evenly spaced times whatever the server does, and latency counts from the due time.
    /// If no connection is free the request waits for one, and its wait counts.
    Open {
        /// Arrivals a second.
        per_second: f64,
    },
    /// Requests are due when [`crate::Script::due`] says, whatever the server does, and latency counts from then on. If no
    /// connection is free the request waits for one, and its wait counts.
    Planned,
}

/// One run of the generator. Ends at the first of: as many requests as asked for, the duration, or the script
/// having no more.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The server to load.
    pub target: SocketAddr,
    /// More servers that share the load: connections take one after the other in turn.
    pub others: Vec<SocketAddr>,
    /// Connections opened before the clock starts, and kept open.
    pub connections: usize,
    /// What decides when a request is sent.
    pub pace: Pace,
    /// Send no more than this, warm-up included.
    pub requests: Option<u64>,
    /// Send nothing after this, warm-up included. Requests in flight are still waited for and counted.
    pub duration: Option<Duration>,
    /// The first part of the requests or of the duration, whichever is over first, that is sent but not counted.
    pub warm_up_percent: u32,
    /// From the sending of a request to the end of its answer; also for opening a connection.
    pub timeout: Duration,
    /// How long the server may be away, no connection at all, before the run is abandoned.
    pub patience: Duration,
    /// An answer longer than this, head included, is malformed.
    pub max_answer_bytes: usize,
}

impl Plan {
    /// A closed loop without an end, a warm-up or a limit: set at least one of `requests` and `duration`, unless
    /// the script ends by itself.
    pub fn new(target: SocketAddr, connections: usize) -> Self {
        Self {
            target,
            others: Vec::new(),
            connections,
            pace: Pace::Closed,
            requests: None,
            duration: None,
            warm_up_percent: 0,
            timeout: Duration::from_secs(10),
            patience: Duration::from_secs(10),
            max_answer_bytes: 16 << 20,
        }
    }

    /// Spreads the connections over these servers as well.
    pub fn also(self, others: &[SocketAddr]) -> Self {
        Self { others: others.to_vec(), ..self }
    }

    /// An open loop with this many arrivals a second.
    pub fn open(self, per_second: f64) -> Self {
        Self { pace: Pace::Open { per_second }, ..self }
    }

    /// An open loop whose arrivals the script plans.
    pub fn planned(self) -> Self {
        Self { pace: Pace::Planned, ..self }
    }

    /// Stops after this many requests, warm-up included.
    pub fn requests(self, requests: u64) -> Self {
        Self { requests: Some(requests), ..self }
    }

    /// Stops after this long, warm-up included.
    pub fn duration(self, duration: Duration) -> Self {
        Self { duration: Some(duration), ..self }
    }

    /// Doesn't count the first part of the run.
    pub fn warm_up_percent(self, percent: u32) -> Self {
        Self { warm_up_percent: percent, ..self }
    }

    /// Gives up on a request, and on its connection, after this long.
    pub fn timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// Abandons the run when no connection could be had for this long.
    pub fn patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// How many requests are sent before those that count, if their number decides.
    pub(crate) fn warm_up_requests(&self) -> Option<u64> {
        self.requests.map(|all| all.saturating_mul(self.warm_up_percent.into()) / 100)
    }

    /// Why this plan can't be run, if it can't.
    pub(crate) fn fault(&self) -> Option<&'static str> {
        match self.pace {
            _ if self.connections == 0 => Some("connections must be at least 1"),
            _ if self.warm_up_percent >= 100 => Some("warm_up_percent must be below 100"),
            _ if self.warm_up_percent > 0 && self.requests.is_none() && self.duration.is_none() => {
                Some("a warm-up is part of requests or of a duration: set one of them")
            }
            _ if self.timeout.is_zero() => Some("timeout must be longer than nothing"),
            // Below one a day or above one a nanosecond the schedule's arithmetic has no meaning.
            Pace::Open { per_second } if !(1e-5..=1e9).contains(&per_second) => {
                Some("per_second must be between 0.00001 and 1,000,000,000")
            }
            Pace::Open { .. } | Pace::Planned | Pace::Closed => None,
        }
    }
}
