//! Refresh tokens: opaque to clients, and for us the address of a log-in with a proof that we wrote it.
//!
//! `base64url(version 2 | key 4 | login 16 | user 16 | generation 4 | nonce 8 | mac 16)`; those of version 1 name no key
//! and are still read. The generation is what the store checks; the MAC keeps strangers from making it look.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use frontrow_application::account::RefreshToken;
use frontrow_domain::{LoginId, UserId};
use hmac::Mac as _;
use uuid::Uuid;

use crate::keyring::{KEY_ID, Keyring};

const VERSION: u8 = 2;
/// The version that names no key.
const VERSION_1: u8 = 1;
/// Bytes between the name of the key and the MAC.
const BODY: usize = 16 + 16 + 4 + 8;
/// Bytes of the MAC that are sent: 128 bits cannot be guessed online.
const MAC: usize = 16;

/// Makes and reads refresh tokens.
pub(crate) struct RefreshTokens {
    keys: Arc<Keyring>,
}

impl RefreshTokens {
    /// With keys of their own, derived from those of tokens.
    pub(crate) fn new(keys: Arc<Keyring>) -> Self {
        Self { keys }
    }

    /// The token as it is handed out. `nonce` makes two tokens of one generation differ.
    pub(crate) fn write(&self, token: RefreshToken, nonce: u64) -> String {
        let ring = self.keys.now();
        let key = &ring.tokens.signing;
        let mut bytes = Vec::with_capacity(1 + KEY_ID + BODY + MAC);
        bytes.push(VERSION);
        bytes.extend(key.id);
        bytes.extend(token.login.bytes());
        bytes.extend(token.user.bytes());
        bytes.extend(token.generation.to_be_bytes());
        bytes.extend(nonce.to_be_bytes());
        let mac = key.refresh.clone().chain_update(&bytes).finalize().into_bytes();
        bytes.extend(&mac[..MAC]);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// What a token says; nothing when no key that is listed has written it.
    pub(crate) fn read(&self, text: &str) -> Option<RefreshToken> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (said, mac) = bytes.split_at_checked(bytes.len().checked_sub(MAC)?)?;
        let ring = self.keys.now();
        let (version, rest) = said.split_first()?;
        let (id, body) = match *version {
            VERSION => rest.split_first_chunk::<KEY_ID>().map(|(id, body)| (Some(id), body))?,
            VERSION_1 => (None, rest),
            _ => return None,
        };
        let body: &[u8; BODY] = body.try_into().ok()?;
        let mut candidates = ring.tokens.all().filter(|key| id.is_none_or(|id| key.id == *id));
        candidates
            .any(|key| key.refresh.clone().chain_update(said).verify_truncated_left(mac).is_ok())
            .then_some(())?;
        let (login, rest) = body.split_first_chunk::<16>()?;
        let (user, rest) = rest.split_first_chunk::<16>()?;
        let (generation, _nonce) = rest.split_first_chunk::<4>()?;
        Some(RefreshToken {
            login: LoginId::new(Uuid::from_bytes(*login)),
            user: UserId::new(Uuid::from_bytes(*user)),
            generation: u32::from_be_bytes(*generation),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keyring::ring_of;

    fn tokens(keys: &[u8]) -> RefreshTokens {
        RefreshTokens::new(Arc::new(Keyring::new(&ring_of(keys))))
    }

    fn token() -> RefreshToken {
        RefreshToken {
            login: LoginId::new(Uuid::from_u128(1)),
            user: UserId::new(Uuid::from_u128(2)),
            generation: 3,
        }
    }

    #[test]
    fn a_token_reads_as_it_was_written_and_no_changed_one_does() {
        let tokens = tokens(&[7]);
        let text = tokens.write(token(), 4);
        assert_eq!(tokens.read(&text), Some(token()));
        assert_ne!(tokens.write(token(), 5), text);
        assert_eq!(self::tokens(&[8]).read(&text), None);

        let bytes = URL_SAFE_NO_PAD.decode(&text).expect("base64");
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            assert_eq!(tokens.read(&URL_SAFE_NO_PAD.encode(changed)), None, "byte {at}");
        }
        for text in ["", "x", &text[1..], &format!("{text}AAAA")] {
            assert_eq!(tokens.read(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_token_counts_as_long_as_its_key_is_listed() {
        let tokens = tokens(&[7]);
        let old = tokens.write(token(), 4);
        tokens.keys.replace(&ring_of(&[8, 7]));
        let new = tokens.write(token(), 4);
        assert_ne!(old, new);
        assert_eq!([tokens.read(&old), tokens.read(&new)], [Some(token()); 2]);
        tokens.keys.replace(&ring_of(&[8]));
        assert_eq!([tokens.read(&old), tokens.read(&new)], [None, Some(token())]);
    }

    #[test]
    fn a_token_from_before_keys_had_names_is_read_by_whatever_key_is_listed() {
        // Written by the first version of this program, with the key 7.
        let body = [1_u128.to_be_bytes(), 2_u128.to_be_bytes()].concat();
        let said = [&[1][..], &body, &3_u32.to_be_bytes(), &4_u64.to_be_bytes()].concat();
        let ring = Keyring::new(&ring_of(&[7]));
        let mac = ring.now().tokens.signing.refresh.clone().chain_update(&said).finalize().into_bytes();
        let text = URL_SAFE_NO_PAD.encode([&said[..], &mac[..MAC]].concat());
        assert_eq!(tokens(&[8, 7]).read(&text), Some(token()));
        assert_eq!(tokens(&[8]).read(&text), None);
    }
}
