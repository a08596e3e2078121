//! What is sold, and who may have it.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::hall::Hall;

/// So long before a log-in ends it is renewed: longer than any request takes.
const RENEW_BEFORE: Duration = Duration::from_mins(1);

/// What is sold, and to whom it may be.
#[derive(Debug, Clone)]
pub struct Sale {
    /// What requests name as their host.
    pub host: String,
    /// The servers, at least one: streams are opened at one after the other.
    pub servers: Vec<SocketAddr>,
    /// Whether a waiting room is in front.
    pub has_line: bool,
    /// The schedules, at least one.
    pub halls: Vec<Hall>,
    /// Seats that are to be had over all schedules.
    pub seats: usize,
    /// The least that a wallet takes at once, in minor units.
    pub charge_min: i64,
    /// The most that a wallet takes at once, in minor units.
    pub charge_max: i64,
    /// For each fan the value of `authorization`; not looked at where there are log-ins.
    pub bearers: Vec<String>,
    /// For each fan a log-in that has to be renewed on the way; empty where bearers last.
    pub log_ins: Vec<LogIn>,
}

/// A log-in that ends.
#[derive(Debug, Clone)]
pub struct LogIn {
    /// The value of `authorization`.
    pub bearer: String,
    /// What it is renewed with.
    pub refresh_token: String,
    /// When it is to be renewed.
    pub renews: Instant,
}

impl LogIn {
    /// A log-in that was answered just now with these tokens, and lasts so long.
    pub fn new(access_token: &str, refresh_token: &str, lasts: Duration) -> Self {
        // Half of a short one has to do: renewed at once, it would be renewed for ever.
        let renews = Instant::now() + lasts.saturating_sub(RENEW_BEFORE).max(lasts / 2);
        Self { bearer: format!("Bearer {access_token}"), refresh_token: refresh_token.to_owned(), renews }
    }
}
