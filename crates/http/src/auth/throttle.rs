//! The brake on guessing passwords: so many failed attempts for one account, and from one address, within a
//! window, over all servers of a sale. An attempt is counted before the password is looked at, so that a crowd of attempts
//! at once is counted as well, and taken back when it was no wrong guess.

use std::net::IpAddr;
use std::sync::Arc;

use frontrow_application::Clock;
use frontrow_application::attempts::{Attempt, AttemptCounts, AttemptLimit, Attempts};
use frontrow_domain::account::Email;
use frontrow_domain::records::Digest;
use hmac::Mac as _;
use parking_lot::Mutex;

use crate::keyring::Keyring;
use crate::settings::LogInLimits;

/// Counts attempts to log in.
pub(crate) struct LogInThrottle {
    limits: Mutex<LogInLimits>,
    attempts: Attempts,
    names: CountKeys,
}

/// The names under which somebody is counted: digests with the key that signs, which say nothing of whom they are for. All
/// servers of a sale have the same key, and so the same names; with the next key everybody is counted anew.
pub(crate) struct CountKeys(Arc<Keyring>);

/// Attempts that were counted.
#[derive(Debug)]
pub(crate) struct Entered(Vec<Attempt>);

impl CountKeys {
    pub(crate) fn new(keys: Arc<Keyring>) -> Self {
        Self(keys)
    }

    /// The name of whatever these bytes are, among those of its kind.
    pub(crate) fn of(&self, kind: u8, bytes: &[u8]) -> Digest {
        let of_key = self.0.now().tokens.signing.counts.clone();
        let mac = of_key.chain_update([kind]).chain_update(bytes).finalize().into_bytes();
        let mut short = Digest::default();
        short.copy_from_slice(&mac[..16]);
        short
    }

    /// Every spelling of an address is the same account.
    fn of_account(&self, email: &str) -> Digest {
        match Email::parse(email) {
            Ok(email) => self.of(b'a', email.as_str().as_bytes()),
            Err(_) => self.of(b'a', email.as_bytes()),
        }
    }

    /// Of IPv6 the network counts: one customer has all of its addresses.
    fn of_client(&self, address: IpAddr) -> Digest {
        match address {
            IpAddr::V4(v4) => self.of(b'4', &v4.octets()),
            IpAddr::V6(v6) => self.of(b'6', &v6.octets()[..8]),
        }
    }
}

impl LogInThrottle {
    pub(crate) fn new(
        limits: LogInLimits,
        keys: Arc<Keyring>,
        clock: Arc<dyn Clock>,
        shared: Option<Arc<dyn AttemptCounts>>,
    ) -> Self {
        let limits = Mutex::new(limits);
        Self { limits, attempts: Attempts::new(clock, shared), names: CountKeys::new(keys) }
    }

    /// So many from now on.
    pub(crate) fn set(&self, limits: LogInLimits) {
        *self.limits.lock() = limits;
    }

    /// Counts an attempt, or answers for how many seconds there may be no more.
    pub(crate) async fn enter(&self, email: &str, client: Option<IpAddr>) -> Result<Entered, u64> {
        let LogInLimits { per_account, per_address, window_seconds } = *self.limits.lock();
        let mut entered = Entered(Vec::with_capacity(2));
        let account = Some((self.names.of_account(email), per_account));
        let address = client.map(|client| (self.names.of_client(client), per_address));
        for (name, attempts) in [account, address].into_iter().flatten() {
            match self.attempts.enter(name, AttemptLimit { attempts, window_seconds }).await {
                Ok(attempt) => entered.0.push(attempt),
                Err(seconds) => {
                    self.take_back(entered).await;
                    return Err(seconds);
                }
            }
        }
        Ok(entered)
    }

    /// The attempt was no wrong guess: it does not count.
    pub(crate) async fn take_back(&self, entered: Entered) {
        for attempt in entered.0 {
            self.attempts.take_back(attempt).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use frontrow_testkit::ManualClock;

    use super::*;
    use crate::keyring::ring_of;

    fn keys(number: u8) -> Arc<Keyring> {
        Arc::new(Keyring::new(&ring_of(&[number])))
    }

    const LIMITS: LogInLimits = LogInLimits { per_account: 2, per_address: 3, window_seconds: 60 };

    fn throttle() -> (ManualClock, LogInThrottle) {
        let clock = ManualClock::default();
        (clock.clone(), LogInThrottle::new(LIMITS, keys(7), Arc::new(clock), None))
    }

    #[tokio::test]
    async fn wrong_guesses_for_an_account_are_counted_whatever_its_spelling() {
        let (clock, throttle) = throttle();
        assert!(throttle.enter("ann@example.com", None).await.is_ok());
        clock.advance(10);
        assert!(throttle.enter(" Ann@Example.com ", None).await.is_ok());
        clock.advance(10);
        assert_eq!(throttle.enter("ann@example.com", None).await.err(), Some(40));
        assert!(throttle.enter("bob@example.com", None).await.is_ok());
        clock.advance(40);
        assert!(throttle.enter("ann@example.com", None).await.is_ok(), "the window is over");
    }

    #[tokio::test]
    async fn an_attempt_that_was_no_wrong_guess_does_not_count() {
        let (_, throttle) = throttle();
        for _ in 0..10 {
            let entered = throttle.enter("ann@example.com", None).await.expect("room");
            throttle.take_back(entered).await;
        }
    }

    #[tokio::test]
    async fn guesses_from_one_address_are_counted_and_a_refused_one_is_not() {
        let (_, throttle) = throttle();
        let client = |text: &str| Some(text.parse().expect("address"));
        for fan in ["a@x", "b@x", "c@x"] {
            assert!(throttle.enter(fan, client("2001:db8::1")).await.is_ok());
        }
        let refused = throttle.enter("d@x", client("2001:db8::2")).await;
        assert_eq!(refused.err(), Some(60), "the same network");
        assert!(throttle.enter("d@x", client("203.0.113.7")).await.is_ok());
        let again = throttle.enter("d@x", client("203.0.113.7")).await;
        assert!(again.is_ok(), "the refused one did not count");
    }

    #[test]
    fn names_are_those_of_the_key_and_of_the_kind() {
        let (ours, theirs) = (CountKeys::new(keys(1)), CountKeys::new(keys(2)));
        assert_eq!(ours.of(b'a', b"x"), CountKeys::new(keys(1)).of(b'a', b"x"));
        assert_ne!(ours.of(b'a', b"x"), theirs.of(b'a', b"x"));
        assert_ne!(ours.of(b'a', b"x"), ours.of(b'4', b"x"));
    }
}
