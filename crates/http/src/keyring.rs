//! The keys that sign, by purpose: one signs, all that are listed verify. They may be replaced while the server runs;
//! from then on nothing counts that only a key said which is no longer listed.
//!
//! What is signed names its key, so that one look finds it. What is not here: where keys are kept, and when one begins
//! to sign; the server says so by replacing them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::{ArcSwap, Guard};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{SigningKey, VerifyingKey};
use hmac::{Hmac, KeyInit as _, Mac as _};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header};
use sha2::{Digest as _, Sha256};

/// Bytes by which a token names its key.
pub(crate) const KEY_ID: usize = 4;

/// The keys of one purpose.
#[derive(Clone)]
pub struct KeyList<K> {
    /// The one that signs.
    pub signing: K,
    /// Those that verify beside it.
    pub accepted: Vec<K>,
}

/// The keys of all purposes.
#[derive(Clone)]
pub struct SigningKeys {
    /// HS256 keys of access tokens, from which those of refresh and queue tokens are derived; 32 bytes or more each.
    pub tokens: KeyList<Vec<u8>>,
    /// Ed25519 keys of ticket codes.
    pub tickets: KeyList<SigningKey>,
}

/// The keys in force.
pub struct Keyring {
    ring: ArcSwap<Ring>,
    generations: AtomicU64,
}

/// The keys as they were at one moment.
pub(crate) struct Ring {
    /// Counts the sets of keys, so that what was believed under an old one is not believed for ever.
    pub(crate) generation: u64,
    pub(crate) tokens: KeyList<TokenKey>,
    pub(crate) tickets: KeyList<TicketKey>,
}

/// A key of tokens, made ready for each kind.
pub(crate) struct TokenKey {
    pub(crate) id: [u8; KEY_ID],
    pub(crate) header: Header,
    pub(crate) encoding: EncodingKey,
    pub(crate) decoding: DecodingKey,
    pub(crate) refresh: Hmac<Sha256>,
    pub(crate) queue: Hmac<Sha256>,
    /// Names those whose attempts are counted.
    pub(crate) counts: Hmac<Sha256>,
}

/// A key of ticket codes.
pub(crate) struct TicketKey {
    pub(crate) signing: SigningKey,
    pub(crate) verifying: VerifyingKey,
    pub(crate) thumbprint: [u8; 32],
}

/// The `kid` of a key of tokens: the first bytes of its SHA-256, in hexadecimal.
pub fn token_key_id(secret: &[u8]) -> String {
    hex(&short_id(secret))
}

/// The `kid` of a key of ticket codes: its thumbprint (RFC 7638), in base64url.
pub fn ticket_key_id(key: &SigningKey) -> String {
    URL_SAFE_NO_PAD.encode(thumbprint(&key.verifying_key()))
}

impl Keyring {
    /// With the keys of the start.
    pub fn new(keys: &SigningKeys) -> Self {
        Self { ring: ArcSwap::from_pointee(Ring::new(keys, 0)), generations: AtomicU64::new(1) }
    }

    /// Takes these keys in place of the present ones, from the next request on.
    pub fn replace(&self, keys: &SigningKeys) {
        let generation = self.generations.fetch_add(1, Ordering::Relaxed);
        self.ring.store(Arc::new(Ring::new(keys, generation)));
    }

    /// The keys of this moment. Whoever verifies and keeps what came of it takes both from one look.
    pub(crate) fn now(&self) -> Guard<Arc<Ring>> {
        self.ring.load()
    }
}

impl<K> KeyList<K> {
    /// Every key that verifies, the one that signs first.
    pub(crate) fn all(&self) -> impl Iterator<Item = &K> {
        std::iter::once(&self.signing).chain(&self.accepted)
    }

    fn map<T>(&self, make: impl Fn(&K) -> T) -> KeyList<T> {
        KeyList { signing: make(&self.signing), accepted: self.accepted.iter().map(make).collect() }
    }
}

impl KeyList<TokenKey> {
    /// The keys that go by this name: one, unless two share the first bytes of their hash.
    pub(crate) fn named(&self, id: &[u8]) -> impl Iterator<Item = &TokenKey> {
        self.all().filter(move |key| key.id == id)
    }
}

impl Ring {
    fn new(keys: &SigningKeys, generation: u64) -> Self {
        Self {
            generation,
            tokens: keys.tokens.map(|secret| TokenKey::new(secret)),
            tickets: keys.tickets.map(TicketKey::new),
        }
    }
}

impl TokenKey {
    fn new(secret: &[u8]) -> Self {
        let id = short_id(secret);
        let mut header = Header::new(Algorithm::HS256);
        header.kid = Some(hex(&id));
        Self {
            id,
            header,
            encoding: EncodingKey::from_secret(secret),
            decoding: DecodingKey::from_secret(secret),
            refresh: derived(secret, "frontrow refresh token v1"),
            queue: derived(secret, "frontrow queue token v1"),
            counts: derived(secret, "frontrow attempts"),
        }
    }
}

impl TicketKey {
    fn new(key: &SigningKey) -> Self {
        let verifying = key.verifying_key();
        Self { signing: key.clone(), verifying, thumbprint: thumbprint(&verifying) }
    }
}

fn short_id(secret: &[u8]) -> [u8; KEY_ID] {
    let hash = Sha256::digest(secret);
    std::array::from_fn(|at| hash[at])
}

fn thumbprint(key: &VerifyingKey) -> [u8; 32] {
    let x = URL_SAFE_NO_PAD.encode(key.as_bytes());
    // The members in the order and spelling that RFC 7638 and RFC 8037 name.
    let members = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#);
    Sha256::digest(members).into()
}

/// The key for one kind of token, so that what is written for one says nothing for another.
fn derived(secret: &[u8], purpose: &str) -> Hmac<Sha256> {
    let key = keyed(secret).chain_update(purpose).finalize().into_bytes();
    keyed(&key)
}

#[expect(clippy::expect_used, reason = "HMAC takes a key of any length")]
fn keyed(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes a key of any length")
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing into a string has no way to fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Keys for the tests of what they sign: numbers instead of keys, the first of which signs.
#[cfg(test)]
pub(crate) fn ring_of(numbers: &[u8]) -> SigningKeys {
    let (first, others) = numbers.split_first().expect("one key at least");
    SigningKeys {
        tokens: KeyList {
            signing: vec![*first; 32],
            accepted: others.iter().map(|number| vec![*number; 32]).collect(),
        },
        tickets: KeyList {
            signing: SigningKey::from_bytes(&[*first; 32]),
            accepted: others.iter().map(|number| SigningKey::from_bytes(&[*number; 32])).collect(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_thumbprint_is_that_of_the_standard() {
        // RFC 8037, appendix A.1 and A.3.
        let secret = URL_SAFE_NO_PAD.decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A").expect("base64");
        let key = SigningKey::from_bytes(&secret.try_into().expect("32 bytes"));
        assert_eq!(ticket_key_id(&key), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    }

    #[test]
    fn a_kid_is_of_its_key_and_every_replacement_is_another_generation() {
        assert_eq!(token_key_id(&[7; 32]), token_key_id(&[7; 32]));
        assert_ne!(token_key_id(&[7; 32]), token_key_id(&[8; 32]));
        let ring = Keyring::new(&ring_of(&[7]));
        let first = ring.now().generation;
        ring.replace(&ring_of(&[8, 7]));
        assert_ne!(ring.now().generation, first);
        assert_eq!(ring.now().tokens.all().count(), 2);
        assert_eq!(ring.now().tokens.signing.id, short_id(&[8; 32]));
        let id = short_id(&[7; 32]);
        assert_eq!(ring.now().tokens.named(&id).count(), 1);
    }
}
