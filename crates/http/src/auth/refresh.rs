//! Refresh tokens: opaque to clients, and for us the address of a log-in with a proof that we wrote it.
//!
//! `base64url(version 1 | login 16 | user 16 | generation 4 | nonce 8 | mac 16)`. The generation is what the
//! store checks; the MAC keeps strangers from making it look.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use frontrow_application::account::RefreshToken;
use frontrow_domain::{LoginId, UserId};
use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use uuid::Uuid;

use super::derived;

const VERSION: u8 = 1;
/// Bytes before the MAC.
const SAID: usize = 1 + 16 + 16 + 4 + 8;
/// Bytes of the MAC that are sent: 128 bits cannot be guessed online.
const MAC: usize = 16;

/// Makes and reads refresh tokens.
pub(crate) struct RefreshTokens {
    mac: Hmac<Sha256>,
}

impl RefreshTokens {
    /// With a key of their own, derived from the signing secret.
    pub(crate) fn new(secret: &[u8]) -> Self {
        Self { mac: derived(secret, "frontrow refresh token v1") }
    }

    /// The token as it is handed out. `nonce` makes two tokens of one generation differ.
    pub(crate) fn write(&self, token: RefreshToken, nonce: u64) -> String {
        let mut bytes = Vec::with_capacity(SAID + MAC);
        bytes.push(VERSION);
        bytes.extend(token.login.bytes());
        bytes.extend(token.user.bytes());
        bytes.extend(token.generation.to_be_bytes());
        bytes.extend(nonce.to_be_bytes());
        let mac = self.mac.clone().chain_update(&bytes).finalize().into_bytes();
        bytes.extend(&mac[..MAC]);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// What a token says; nothing when we have not written it.
    pub(crate) fn read(&self, text: &str) -> Option<RefreshToken> {
        let bytes: [u8; SAID + MAC] = URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()?;
        let (said, mac) = bytes.split_at(SAID);
        self.mac.clone().chain_update(said).verify_truncated_left(mac).ok()?;
        let (version, rest) = said.split_first()?;
        let (login, rest) = rest.split_first_chunk::<16>()?;
        let (user, rest) = rest.split_first_chunk::<16>()?;
        let (generation, _nonce) = rest.split_first_chunk::<4>()?;
        (*version == VERSION).then(|| RefreshToken {
            login: LoginId::new(Uuid::from_bytes(*login)),
            user: UserId::new(Uuid::from_bytes(*user)),
            generation: u32::from_be_bytes(*generation),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_reads_as_it_was_written_and_no_changed_one_does() {
        let tokens = RefreshTokens::new(&[7; 32]);
        let token = RefreshToken {
            login: LoginId::new(Uuid::from_u128(1)),
            user: UserId::new(Uuid::from_u128(2)),
            generation: 3,
        };
        let text = tokens.write(token, 4);
        assert_eq!(tokens.read(&text), Some(token));
        assert_ne!(tokens.write(token, 5), text);
        assert_eq!(RefreshTokens::new(&[8; 32]).read(&text), None);

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
}
