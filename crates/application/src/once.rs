//! Idempotency: a command with a key has its effect once, and its answer as often as it is asked for (R-W4).
//!
//! [`Once`] decorates any command. The outcome is kept in the commit of the effect, in a compact form from
//! which the interface renders the same body again. A refusal keeps nothing, so its key may be used again.

use std::collections::HashSet;
use std::sync::Arc;

use frontrow_domain::records::{Digest, Key, Keys, OnceRecord, Records};
use frontrow_domain::{Timestamp, UserId};
use parking_lot::Mutex;
use sha2::{Digest as _, Sha256};

use crate::command::{Command, Stop, refuse};

/// Seconds for which an outcome is kept. A constant of the interface, and what the daily tables are cut for.
pub const ONCE_SECONDS: u32 = 24 * 60 * 60;

/// An idempotency key and the request that it came with, as digests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OnceTag {
    /// Of the account and the key: a key belongs to one account.
    pub key: Digest,
    /// Of method, path and parsed body.
    pub request: Digest,
}

impl OnceTag {
    /// The tag for what `user` sent. `parts` are method, path and the parsed body in one spelling.
    pub fn new(user: UserId, key: &str, parts: &[&[u8]]) -> Self {
        Self { key: digest(&[user.bytes(), key.as_bytes()]), request: digest(parts) }
    }
}

/// Sixteen bytes of SHA-256 over the parts, each with its length, so that no two lists of parts run together.
pub fn digest(parts: &[&[u8]]) -> Digest {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    let mut short = Digest::default();
    short.copy_from_slice(&hash.finalize()[..16]);
    short
}

/// An outcome that can be kept in a few bytes.
pub trait Compact: Sized {
    /// The bytes to keep, or nothing when this outcome is not to be kept (a declined payment is an outcome, but
    /// not a success). The first byte is the version of the form.
    fn to_bytes(&self) -> Option<Vec<u8>>;
    /// The outcome from those bytes; nothing when their version is unknown.
    fn from_bytes(bytes: &[u8]) -> Option<Self>;
}

/// An outcome, and whether it is that of an earlier request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered<O> {
    /// What came of it.
    pub outcome: O,
    /// True when it was kept from an earlier request.
    pub replayed: bool,
}

/// Why a command with a key was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OnceRefused<R> {
    /// The key came with another request before.
    KeyReused,
    /// The same request is still running.
    InFlight,
    /// The kept outcome is of a form that this version does not know.
    Unreadable,
    /// The command itself was refused.
    Refused(R),
}

/// A command with an idempotency key, or without.
pub struct Once<C> {
    tag: Option<OnceTag>,
    command: C,
}

impl<C> Once<C> {
    /// Decorates a command.
    pub const fn new(tag: Option<OnceTag>, command: C) -> Self {
        Self { tag, command }
    }
}

/// Whether a kept outcome still counts.
pub fn still_counts(record: &OnceRecord, now: Timestamp) -> bool {
    now < record.created_at.plus_seconds(ONCE_SECONDS)
}

impl<C: Command> Command for Once<C>
where
    C::Outcome: Compact,
{
    type Outcome = Answered<C::Outcome>;
    type Refusal = OnceRefused<C::Refusal>;

    fn keys(&self) -> Keys {
        let keys = self.command.keys();
        match &self.tag {
            Some(tag) => keys.with(Key::Once(tag.key)),
            None => keys,
        }
    }

    fn decide(&self, records: &mut Records, now: Timestamp) -> Result<Self::Outcome, Stop<Self::Refusal>> {
        if let Some(tag) = &self.tag
            && let Some(kept) = records.once.get(&tag.key)?
            && still_counts(kept, now)
        {
            if kept.request != tag.request {
                return refuse(OnceRefused::KeyReused);
            }
            return match C::Outcome::from_bytes(&kept.outcome) {
                Some(outcome) => Ok(Answered { outcome, replayed: true }),
                None => refuse(OnceRefused::Unreadable),
            };
        }
        let outcome = self.command.decide(records, now).map_err(|stop| stop.map(OnceRefused::Refused))?;
        if let Some(tag) = &self.tag
            && let Some(bytes) = outcome.to_bytes()
        {
            records.once.put(tag.key, OnceRecord { request: tag.request, outcome: bytes, created_at: now });
        }
        Ok(Answered { outcome, replayed: false })
    }
}

/// The keys whose first request is still running on this instance.
#[derive(Debug, Clone, Default)]
pub struct InFlight(Arc<Mutex<HashSet<Digest>>>);

/// Marks a key as running until it is dropped.
#[derive(Debug)]
pub struct InFlightGuard {
    keys: InFlight,
    key: Digest,
}

impl InFlight {
    /// Marks the key as running; nothing when it already is.
    pub fn enter(&self, key: Digest) -> Option<InFlightGuard> {
        self.0.lock().insert(key).then(|| InFlightGuard { keys: self.clone(), key })
    }
}

impl Drop for InFlightGuard {
    fn drop(&mut self) {
        self.keys.0.lock().remove(&self.key);
    }
}
