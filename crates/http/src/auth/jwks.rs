//! The keys that an external issuer publishes. The server fetches them; here they are kept ready, and somebody
//! is told when a token names a key that is not among them.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use arc_swap::ArcSwap;
use frontrow_domain::Timestamp;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, JwkSet, KeyAlgorithm, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use tokio::sync::Notify;

/// Seconds between two calls for fresh keys: a flood of made-up key names is not to become a flood on the issuer.
const WANTED_SECONDS: i64 = 10;

/// The most keys of one set that are kept.
const KEYS_MAX: usize = 64;

/// The keys of one issuer, as last fetched.
#[derive(Default)]
pub struct Jwks {
    keys: ArcSwap<Vec<PublishedKey>>,
    generation: AtomicU64,
    wanted: Notify,
    wanted_at_second: AtomicI64,
}

/// One published key with the algorithms that it may be used with: what a token's header asks for is never
/// enough.
pub(super) struct PublishedKey {
    id: Option<String>,
    algorithm: Algorithm,
    key: DecodingKey,
}

impl Jwks {
    /// No keys yet: every token of the issuer is refused until [`Jwks::replace`].
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes a freshly fetched set in place of the present one. Keys that are not for signatures, secret keys
    /// and unknown kinds are left out. Answers how many were taken.
    pub fn replace(&self, set: &JwkSet) -> usize {
        let keys: Vec<_> = set.keys.iter().filter_map(PublishedKey::of).take(KEYS_MAX).collect();
        let count = keys.len();
        self.keys.store(keys.into());
        // After the keys: whoever sees the new generation sees the new keys.
        self.generation.fetch_add(1, Ordering::Release);
        count
    }

    /// True while there is no key.
    pub fn is_empty(&self) -> bool {
        self.keys.load().is_empty()
    }

    /// Waits until a token names a key that is not in the set: time to fetch it again.
    pub async fn wanted(&self) {
        self.wanted.notified().await;
    }

    /// Counts the sets, so that what was believed under an old one is not believed for ever.
    pub(super) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// Tries the keys that a token could have been signed with: the one that it names, or all of its algorithm.
    pub(super) fn find<T>(
        &self,
        id: Option<&str>,
        algorithm: Algorithm,
        now: Timestamp,
        verify: impl Fn(Algorithm, &DecodingKey) -> Option<T>,
    ) -> Option<T> {
        let keys = self.keys.load();
        let is_candidate = |key: &&PublishedKey| match id {
            Some(id) => key.id.as_deref() == Some(id),
            None => true,
        };
        let mut candidates = keys.iter().filter(is_candidate).peekable();
        if candidates.peek().is_none() {
            self.want(now);
        }
        candidates.filter(|key| key.algorithm == algorithm).find_map(|key| verify(key.algorithm, &key.key))
    }

    fn want(&self, now: Timestamp) {
        let second = now.millis().div_euclid(1_000);
        let last = self.wanted_at_second.load(Ordering::Relaxed);
        let is_due = second >= last.saturating_add(WANTED_SECONDS);
        let swap =
            || self.wanted_at_second.compare_exchange(last, second, Ordering::Relaxed, Ordering::Relaxed);
        if is_due && swap().is_ok() {
            self.wanted.notify_one();
        }
    }
}

impl PublishedKey {
    fn of(jwk: &Jwk) -> Option<Self> {
        if !matches!(jwk.common.public_key_use, None | Some(PublicKeyUse::Signature)) {
            return None;
        }
        let algorithm = match (&jwk.algorithm, jwk.common.key_algorithm) {
            (AlgorithmParameters::RSA(_), None | Some(KeyAlgorithm::RS256)) => Algorithm::RS256,
            (AlgorithmParameters::RSA(_), Some(KeyAlgorithm::RS384)) => Algorithm::RS384,
            (AlgorithmParameters::RSA(_), Some(KeyAlgorithm::RS512)) => Algorithm::RS512,
            (AlgorithmParameters::RSA(_), Some(KeyAlgorithm::PS256)) => Algorithm::PS256,
            (AlgorithmParameters::EllipticCurve(ec), None | Some(KeyAlgorithm::ES256))
                if ec.curve == EllipticCurve::P256 =>
            {
                Algorithm::ES256
            }
            (AlgorithmParameters::EllipticCurve(ec), None | Some(KeyAlgorithm::ES384))
                if ec.curve == EllipticCurve::P384 =>
            {
                Algorithm::ES384
            }
            (AlgorithmParameters::OctetKeyPair(pair), None | Some(KeyAlgorithm::EdDSA))
                if pair.curve == EllipticCurve::Ed25519 =>
            {
                Algorithm::EdDSA
            }
            _ => return None,
        };
        let key = DecodingKey::from_jwk(jwk).ok()?;
        Some(Self { id: jwk.common.key_id.clone(), algorithm, key })
    }
}
