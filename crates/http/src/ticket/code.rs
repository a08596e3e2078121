//! The codes on tickets: short, signed, and good without a network. A scanner needs only the public key in
//! `/.well-known/jwks.json`.
//!
//! `base64url(version 1 | key 1 | ticket 16 | schedule 4 | seat 4 | Ed25519 signature 64)`, numbers big-endian;
//! `key` is the first byte of the key's thumbprint (RFC 7638), to choose among several. The signature covers
//! everything before it, behind a line that no other use of the key begins with.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signature, Signer as _};
use frontrow_domain::ticket::Ticket;
use frontrow_domain::{ScheduleId, SeatNo, TicketId};
use quick_cache::sync::Cache;
use serde_json::{Value, json};
use std::sync::Arc;
use uuid::Uuid;

use crate::keyring::{Keyring, TicketKey};

const VERSION: u8 = 1;
/// Bytes before the signature.
const SAID: usize = 1 + 1 + 16 + 4 + 4;
/// Bytes of a code.
const CODE: usize = SAID + ed25519_dalek::SIGNATURE_LENGTH;
/// What the signed bytes begin with.
const CONTEXT: &[u8] = b"frontrow ticket v1\n";
/// How many codes are kept: signing one costs as much as the rest of the answer.
const CODES_MAX: usize = 65_536;

/// Signs and checks the codes on tickets.
pub struct TicketSigner {
    keys: Arc<Keyring>,
    /// By the set of keys, so that no code is shown that a retired key has signed.
    codes: Cache<(u64, TicketId), Arc<str>>,
}

/// What a code says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TicketCode {
    /// The ticket.
    pub ticket: TicketId,
    /// What it admits to.
    pub schedule: ScheduleId,
    /// The seat.
    pub seat: SeatNo,
}

/// The text is no code of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a ticket of this server")]
pub struct NotATicket;

impl TicketSigner {
    /// With the keys in force.
    pub fn new(keys: Arc<Keyring>) -> Self {
        Self { keys, codes: Cache::new(CODES_MAX) }
    }

    /// The code of a ticket: the same one as long as the same key signs.
    pub fn sign(&self, ticket: &Ticket) -> Arc<str> {
        let ring = self.keys.now();
        let key = &ring.tickets.signing;
        let slot = (ring.generation, ticket.id);
        if let Some(known) = self.codes.get(&slot) {
            return known;
        }
        let mut bytes = Vec::with_capacity(CODE);
        bytes.extend([VERSION, key.thumbprint[0]]);
        bytes.extend(ticket.id.bytes());
        bytes.extend(ticket.schedule.get().to_be_bytes());
        bytes.extend(ticket.seat.get().to_be_bytes());
        let signature = key.signing.sign(&[CONTEXT, &bytes].concat());
        bytes.extend(signature.to_bytes());
        let code: Arc<str> = URL_SAFE_NO_PAD.encode(bytes).into();
        self.codes.insert(slot, Arc::clone(&code));
        code
    }

    /// What a code says, if a key that is listed has signed it.
    pub fn verify(&self, code: &str) -> Result<TicketCode, NotATicket> {
        let bytes = URL_SAFE_NO_PAD.decode(code).map_err(|_| NotATicket)?;
        let (said, signature) = bytes.split_first_chunk::<SAID>().ok_or(NotATicket)?;
        let signature = Signature::from_slice(signature).map_err(|_| NotATicket)?;
        let signed = [CONTEXT, said].concat();
        let signed_it = |key: &TicketKey| {
            said[..2] == [VERSION, key.thumbprint[0]]
                && key.verifying.verify_strict(&signed, &signature).is_ok()
        };
        if !self.keys.now().tickets.all().any(signed_it) {
            return Err(NotATicket);
        }
        let (ticket, rest) = said[2..].split_first_chunk::<16>().ok_or(NotATicket)?;
        let (schedule, rest) = rest.split_first_chunk::<4>().ok_or(NotATicket)?;
        let (seat, _) = rest.split_first_chunk::<4>().ok_or(NotATicket)?;
        Ok(TicketCode {
            ticket: TicketId::new(Uuid::from_bytes(*ticket)),
            schedule: ScheduleId::new(u32::from_be_bytes(*schedule)),
            seat: SeatNo::new(u32::from_be_bytes(*seat)),
        })
    }

    /// The public keys, as JSON Web Keys (RFC 8037): the one that signs first.
    pub fn public_keys(&self) -> Vec<Value> {
        let as_jwk = |key: &TicketKey| {
            json!({
                "kty": "OKP",
                "crv": "Ed25519",
                "x": URL_SAFE_NO_PAD.encode(key.verifying.as_bytes()),
                "kid": URL_SAFE_NO_PAD.encode(key.thumbprint),
                "use": "sig",
                "alg": "EdDSA",
            })
        };
        self.keys.now().tickets.all().map(as_jwk).collect()
    }
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::SigningKey;
    use frontrow_domain::ticket::TicketState;
    use frontrow_domain::{ReservationId, UserId};

    use super::*;
    use crate::keyring::ring_of;

    fn signer(keys: &[u8]) -> TicketSigner {
        TicketSigner::new(Arc::new(Keyring::new(&ring_of(keys))))
    }

    fn ticket() -> Ticket {
        Ticket {
            id: TicketId::new(Uuid::from_u128(1)),
            reservation: ReservationId::new(Uuid::from_u128(2)),
            schedule: ScheduleId::new(3),
            seat: SeatNo::new(4),
            user: UserId::new(Uuid::from_u128(5)),
            state: TicketState::Valid,
        }
    }

    #[test]
    fn a_code_says_which_seat_and_no_changed_one_is_taken() {
        let signer = signer(&[7]);
        let code = signer.sign(&ticket());
        let said = TicketCode { ticket: ticket().id, schedule: ScheduleId::new(3), seat: SeatNo::new(4) };
        assert_eq!(signer.verify(&code), Ok(said));
        assert_eq!(code.len(), 120);
        assert_eq!(signer.sign(&ticket()), code, "one ticket, one code");

        let bytes = URL_SAFE_NO_PAD.decode(&*code).expect("base64");
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            assert_eq!(signer.verify(&URL_SAFE_NO_PAD.encode(changed)), Err(NotATicket), "byte {at}");
        }
        for text in ["", "x", &code[1..], &format!("{code}AAAA")] {
            assert_eq!(signer.verify(text), Err(NotATicket), "{text:?}");
        }
    }

    #[test]
    fn a_code_of_another_key_is_not_taken() {
        let code = signer(&[8]).sign(&ticket());
        assert_eq!(signer(&[7]).verify(&code), Err(NotATicket));
    }

    #[test]
    fn a_code_counts_as_long_as_its_key_is_listed_and_no_longer_shown_than_it_signs() {
        let signer = signer(&[7]);
        let old = signer.sign(&ticket());
        signer.keys.replace(&ring_of(&[8, 7]));
        let new = signer.sign(&ticket());
        assert_ne!(old, new, "what is shown is what the new key signs");
        assert!(signer.verify(&old).is_ok() && signer.verify(&new).is_ok());
        assert_eq!(signer.public_keys().len(), 2);
        signer.keys.replace(&ring_of(&[8]));
        assert_eq!(signer.verify(&old), Err(NotATicket));
        assert_eq!(signer.sign(&ticket()), new);
        assert_eq!(signer.public_keys().len(), 1);
        // One that is not signed with yet is published, for scanners without a network.
        signer.keys.replace(&ring_of(&[8, 9]));
        assert_eq!(signer.sign(&ticket()), new);
        assert_eq!(signer.public_keys().len(), 2);
    }

    #[test]
    fn the_public_key_is_that_of_the_standard() {
        // RFC 8037, appendix A.1 and A.3.
        let secret = URL_SAFE_NO_PAD.decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A").expect("base64");
        let mut keys = ring_of(&[7]);
        keys.tickets.signing = SigningKey::from_bytes(&secret.try_into().expect("32 bytes"));
        let public = TicketSigner::new(Arc::new(Keyring::new(&keys))).public_keys().remove(0);
        assert_eq!(public["x"], "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
        assert_eq!(public["kid"], "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    }
}
