//! Queue tokens: a place in a line, bound to its fan and its concert, signed by us (R-Q7).
//!
//! `base64url(version 2 | key 4 | concert 4 | sequence 8 | entry 16 | user 16 | mac 16)`: 87 characters; those of version
//! 1 name no key and are still read. A token says what was given out once and never changes, so the same place has the
//! same one until another key signs, and the old one counts as long as its key is listed. Whether the place is still
//! good is asked of the line, not of the token: revoking hits the place.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use frontrow_application::waiting_room::Pass;
use frontrow_domain::{ConcertId, EntryId, Sequence, UserId};
use hmac::Mac as _;
use uuid::Uuid;

use crate::keyring::{KEY_ID, Keyring, TokenKey};

const VERSION: u8 = 2;
/// The version that names no key.
const VERSION_1: u8 = 1;
/// Bytes between the name of the key and the MAC.
const BODY: usize = 4 + 8 + 16 + 16;
/// Bytes of the MAC that are sent: 128 bits cannot be guessed online.
const MAC: usize = 16;
/// Bytes of a token that names its key. What is signed of it fits into one block of the hash.
const BYTES: usize = 1 + KEY_ID + BODY + MAC;
/// Bytes of a token that names none.
const BYTES_1: usize = 1 + BODY + MAC;
/// Characters of a token that names its key.
const LENGTH: usize = (BYTES * 4).div_ceil(3);
/// Characters of a token that names none.
const LENGTH_1: usize = (BYTES_1 * 4).div_ceil(3);

/// Makes and reads queue tokens.
pub(crate) struct QueueTokens {
    keys: Arc<Keyring>,
}

impl QueueTokens {
    /// With keys of their own, derived from those of tokens.
    pub(crate) fn new(keys: Arc<Keyring>) -> Self {
        Self { keys }
    }

    /// The token for a place.
    pub(crate) fn write(&self, pass: &Pass) -> String {
        let ring = self.keys.now();
        let key = &ring.tokens.signing;
        let mut bytes = Vec::with_capacity(BYTES);
        bytes.push(VERSION);
        bytes.extend(key.id);
        bytes.extend(pass.concert.get().to_be_bytes());
        bytes.extend(pass.sequence.get().to_be_bytes());
        bytes.extend(pass.entry.bytes());
        bytes.extend(pass.user.bytes());
        let mac = key.queue.clone().chain_update(&bytes).finalize().into_bytes();
        bytes.extend(&mac[..MAC]);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// What a token says; nothing when no key that is listed has written it.
    pub(crate) fn read(&self, text: &[u8]) -> Option<Pass> {
        let mut bytes = [0; BYTES];
        let bytes = match text.len() {
            LENGTH => &mut bytes[..],
            LENGTH_1 => &mut bytes[..BYTES_1],
            _ => return None,
        };
        URL_SAFE_NO_PAD.decode_slice(text, bytes).ok()?;
        let (said, mac) = bytes.split_at_checked(bytes.len() - MAC)?;
        let wrote = |key: &TokenKey| {
            let computed = key.queue.clone().chain_update(said);
            computed.verify_truncated_left(mac).is_ok()
        };
        let ring = self.keys.now();
        let body = match said {
            [VERSION, rest @ ..] => {
                let (id, body) = rest.split_first_chunk::<KEY_ID>()?;
                ring.tokens.named(id).any(wrote).then_some(body)?
            }
            [VERSION_1, body @ ..] => ring.tokens.all().any(wrote).then_some(body)?,
            _ => return None,
        };
        let body: &[u8; BODY] = body.try_into().ok()?;
        let (concert, rest) = body.split_first_chunk::<4>()?;
        let (sequence, rest) = rest.split_first_chunk::<8>()?;
        let (entry, user) = rest.split_first_chunk::<16>()?;
        let user = user.first_chunk::<16>()?;
        Some(Pass {
            concert: ConcertId::new(u32::from_be_bytes(*concert)),
            sequence: Sequence::new(u64::from_be_bytes(*sequence)),
            entry: EntryId::new(Uuid::from_bytes(*entry)),
            user: UserId::new(Uuid::from_bytes(*user)),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::keyring::ring_of;

    /// Bytes before the MAC.
    const SAID: usize = BYTES - MAC;

    fn tokens() -> QueueTokens {
        tokens_of(&[7])
    }

    fn tokens_of(keys: &[u8]) -> QueueTokens {
        QueueTokens::new(Arc::new(Keyring::new(&ring_of(keys))))
    }

    fn pass() -> Pass {
        Pass {
            concert: ConcertId::new(3),
            sequence: Sequence::new(41),
            entry: EntryId::new(Uuid::from_u128(1)),
            user: UserId::new(Uuid::from_u128(2)),
        }
    }

    /// What we would sign if we said this.
    fn signed(said: &[u8]) -> String {
        let mac = tokens().keys.now().tokens.signing.queue.clone();
        let mac = mac.chain_update(said).finalize().into_bytes();
        URL_SAFE_NO_PAD.encode([said, &mac[..MAC]].concat())
    }

    #[test]
    fn a_token_reads_as_it_was_written_and_is_always_the_same() {
        let token = tokens().write(&pass());
        assert_eq!(token.len(), LENGTH);
        assert_eq!(token, tokens().write(&pass()));
        assert_eq!(tokens().read(token.as_bytes()), Some(pass()));
        let other = Pass { user: UserId::new(Uuid::from_u128(3)), ..pass() };
        assert_ne!(tokens().write(&other), token);
    }

    #[test]
    fn no_bit_can_be_changed() {
        let token = tokens().write(&pass());
        let bytes = URL_SAFE_NO_PAD.decode(&token).expect("base64");
        for bit in 0..bytes.len() * 8 {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            let changed = URL_SAFE_NO_PAD.encode(changed);
            assert_eq!(tokens().read(changed.as_bytes()), None, "bit {bit}");
        }
        // Not in the text either: a token has one spelling.
        for bit in 0..token.len() * 8 {
            let mut changed = token.clone().into_bytes();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(tokens().read(&changed), None, "bit {bit} of the text");
        }
    }

    #[test]
    fn a_token_of_another_key_version_or_length_is_refused() {
        let token = tokens().write(&pass());
        assert_eq!(tokens_of(&[8]).read(token.as_bytes()), None);
        for length in 0..token.len() {
            assert_eq!(tokens().read(&token.as_bytes()[..length]), None, "{length} characters");
        }
        for text in [format!("{token}A"), format!("{token}="), format!(" {token}"), "A".repeat(1_024)] {
            assert_eq!(tokens().read(text.as_bytes()), None, "{text}");
        }
        let bytes = URL_SAFE_NO_PAD.decode(&token).expect("base64");
        for version in (0..=u8::MAX).filter(|version| *version != VERSION) {
            let said = [&[version], &bytes[1..SAID]].concat();
            assert_eq!(tokens().read(signed(&said).as_bytes()), None, "version {version}");
        }
        assert_eq!(signed(&bytes[..SAID]), token, "the same with the right version is a token");
    }

    #[test]
    fn a_token_counts_as_long_as_its_key_is_listed() {
        let tokens = tokens();
        let old = tokens.write(&pass());
        tokens.keys.replace(&ring_of(&[8, 7]));
        let new = tokens.write(&pass());
        assert_ne!(old, new);
        assert_eq!([&old, &new].map(|text| tokens.read(text.as_bytes())), [Some(pass()); 2]);
        tokens.keys.replace(&ring_of(&[8]));
        assert_eq!([&old, &new].map(|text| tokens.read(text.as_bytes())), [None, Some(pass())]);
    }

    #[test]
    fn a_token_from_before_keys_had_names_is_read_by_whatever_key_is_listed() {
        let bytes = URL_SAFE_NO_PAD.decode(tokens().write(&pass())).expect("base64");
        let text = signed(&[&[VERSION_1], &bytes[1 + KEY_ID..SAID]].concat());
        assert_eq!(text.len(), 82);
        assert_eq!(tokens_of(&[8, 7]).read(text.as_bytes()), Some(pass()));
        assert_eq!(tokens_of(&[8]).read(text.as_bytes()), None);
    }

    #[test]
    fn a_token_of_another_purpose_is_no_queue_token() {
        let bytes = URL_SAFE_NO_PAD.decode(tokens().write(&pass())).expect("base64");
        let mac = tokens().keys.now().tokens.signing.refresh.clone();
        let mac = mac.chain_update(&bytes[..SAID]).finalize().into_bytes();
        let forged = URL_SAFE_NO_PAD.encode([&bytes[..SAID], &mac[..MAC]].concat());
        assert_eq!(tokens().read(forged.as_bytes()), None);
    }

    proptest! {
        #[test]
        fn strangers_bytes_are_refused_and_never_panic(
            bytes in proptest::collection::vec(any::<u8>(), 0..200),
            long in proptest::collection::vec(any::<u8>(), BYTES..=BYTES),
        ) {
            prop_assert_eq!(tokens().read(&bytes), None);
            prop_assert_eq!(tokens().read(URL_SAFE_NO_PAD.encode(&bytes).as_bytes()), None);
            prop_assert_eq!(tokens().read(URL_SAFE_NO_PAD.encode(long).as_bytes()), None);
        }

        #[test]
        fn every_place_has_a_token_that_reads_back(concert: u32, sequence: u64, entry: u128, user: u128) {
            let pass = Pass {
                concert: ConcertId::new(concert),
                sequence: Sequence::new(sequence),
                entry: EntryId::new(Uuid::from_u128(entry)),
                user: UserId::new(Uuid::from_u128(user)),
            };
            prop_assert_eq!(tokens().read(tokens().write(&pass).as_bytes()), Some(pass));
        }
    }
}
