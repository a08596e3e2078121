//! The brake on guessing passwords: so many failed attempts for one account, and from one address, within a
//! window. An attempt is counted before the password is looked at, so that a crowd of attempts at once is
//! counted as well, and taken back when it was no wrong guess.

use std::collections::HashMap;
use std::net::IpAddr;

use frontrow_application::once::digest;
use frontrow_domain::Timestamp;
use frontrow_domain::account::Email;
use frontrow_domain::records::Digest;
use parking_lot::Mutex;

use crate::settings::LogInLimits;

/// How many accounts and addresses are remembered. Beyond that the oldest window gives way.
const KEYS_MAX: usize = 100_000;

/// Counts attempts to log in.
pub(crate) struct LogInThrottle {
    limits: LogInLimits,
    counts: Mutex<HashMap<Digest, Window>>,
}

#[derive(Debug, Clone, Copy)]
struct Window {
    ends_at: Timestamp,
    attempts: u32,
}

/// An attempt that was counted.
#[derive(Debug)]
pub(crate) struct Attempt(Vec<Digest>);

impl LogInThrottle {
    pub(crate) fn new(limits: LogInLimits) -> Self {
        Self { limits, counts: Mutex::new(HashMap::new()) }
    }

    /// Counts an attempt, or answers for how many seconds there may be no more.
    pub(crate) fn enter(&self, email: &str, client: Option<IpAddr>, now: Timestamp) -> Result<Attempt, u64> {
        let keys = [
            (Some(account_key(email)), self.limits.per_account),
            (client.map(address_key), self.limits.per_address),
        ];
        let mut counts = self.counts.lock();
        let mut entered = Vec::with_capacity(keys.len());
        for (key, limit) in keys {
            let Some(key) = key else { continue };
            let window = open_window(&mut counts, key, self.limits.window_seconds, now);
            if window.attempts >= limit {
                let seconds = now.seconds_until(window.ends_at);
                take_back(&mut counts, &entered);
                return Err(seconds);
            }
            window.attempts += 1;
            entered.push(key);
        }
        Ok(Attempt(entered))
    }

    /// The attempt was no wrong guess: it does not count.
    pub(crate) fn take_back(&self, attempt: &Attempt) {
        take_back(&mut self.counts.lock(), &attempt.0);
    }
}

fn open_window(
    counts: &mut HashMap<Digest, Window>,
    key: Digest,
    window_seconds: u32,
    now: Timestamp,
) -> &mut Window {
    if counts.len() >= KEYS_MAX && !counts.contains_key(&key) {
        counts.retain(|_, window| now < window.ends_at);
        if counts.len() >= KEYS_MAX {
            let next = counts.iter().min_by_key(|(_, window)| window.ends_at).map(|(key, _)| *key);
            next.map(|key| counts.remove(&key));
        }
    }
    let fresh = Window { ends_at: now.plus_seconds(window_seconds), attempts: 0 };
    let window = counts.entry(key).or_insert(fresh);
    if now >= window.ends_at {
        *window = fresh;
    }
    window
}

fn take_back(counts: &mut HashMap<Digest, Window>, keys: &[Digest]) {
    for key in keys {
        if let Some(window) = counts.get_mut(key) {
            window.attempts = window.attempts.saturating_sub(1);
        }
    }
}

/// Every spelling of an address is the same account.
fn account_key(email: &str) -> Digest {
    match Email::parse(email) {
        Ok(email) => digest(&[b"account", email.as_str().as_bytes()]),
        Err(_) => digest(&[b"account", email.as_bytes()]),
    }
}

/// Of IPv6 the network counts: one customer has all of its addresses.
fn address_key(address: IpAddr) -> Digest {
    match address {
        IpAddr::V4(v4) => digest(&[b"address", &v4.octets()]),
        IpAddr::V6(v6) => digest(&[b"address", &v6.octets()[..8]]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: LogInLimits = LogInLimits { per_account: 2, per_address: 3, window_seconds: 60 };

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000)
    }

    #[test]
    fn wrong_guesses_for_an_account_are_counted_whatever_its_spelling() {
        let throttle = LogInThrottle::new(LIMITS);
        assert!(throttle.enter("ann@example.com", None, at(0)).is_ok());
        assert!(throttle.enter(" Ann@Example.com ", None, at(10)).is_ok());
        assert_eq!(throttle.enter("ann@example.com", None, at(20)).err(), Some(40));
        assert!(throttle.enter("bob@example.com", None, at(20)).is_ok());
        assert!(throttle.enter("ann@example.com", None, at(60)).is_ok(), "the window is over");
    }

    #[test]
    fn an_attempt_that_was_no_wrong_guess_does_not_count() {
        let throttle = LogInThrottle::new(LIMITS);
        for _ in 0..10 {
            let attempt = throttle.enter("ann@example.com", None, at(0)).expect("room");
            throttle.take_back(&attempt);
        }
    }

    #[test]
    fn guesses_from_one_address_are_counted_and_a_refused_one_is_not() {
        let throttle = LogInThrottle::new(LIMITS);
        let client = |text: &str| Some(text.parse().expect("address"));
        for fan in ["a@x", "b@x", "c@x"] {
            assert!(throttle.enter(fan, client("2001:db8::1"), at(0)).is_ok());
        }
        assert_eq!(throttle.enter("d@x", client("2001:db8::2"), at(0)).err(), Some(60), "the same network");
        assert!(throttle.enter("d@x", client("203.0.113.7"), at(0)).is_ok());
        assert!(throttle.enter("d@x", client("203.0.113.7"), at(0)).is_ok(), "the refused one did not count");
    }
}
