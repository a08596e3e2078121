//! How often somebody may try something within a window: guesses of a password, joins of a line.
//!
//! Where several instances share a sale, they count together by the port [`AttemptCounts`]. Each counts for itself as well:
//! who has used up the limit at one instance alone needs nobody else to be refused, and when what they share is away,
//! every instance goes on with its own count. Nobody is refused because a count cannot be reached.

use std::collections::HashMap;
use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use frontrow_domain::Timestamp;
use frontrow_domain::records::Digest;
use futures_util::FutureExt as _;
use parking_lot::Mutex;

use crate::clock::Clock;

/// How many keys a generation remembers. Somebody is forgotten early when so many others came after them.
const KEYS_MAX: usize = 131_072;
/// For so long nobody asks again for a shared count that could not be reached.
const AWAY_MS: u32 = 1_000;

/// So many attempts within a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AttemptLimit {
    /// How many, at least 1.
    pub attempts: u32,
    /// Seconds in the window, at least 1. It begins with the first attempt.
    pub window_seconds: u32,
}

/// What a call of [`AttemptCounts`] answers.
pub type Counting<'a, T> = Pin<Box<dyn Future<Output = Result<T, CountAway>> + Send + 'a>>;

/// Nobody can say how many there were.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("attempts cannot be counted together: {0}")]
pub struct CountAway(pub String);

/// Counts attempts by key, for all instances that share it.
///
/// An adapter MUST count an attempt and compare it with the limit as one step, over all instances; MUST forget a key at
/// the end of its window; and MUST answer within half a second, whatever is away. Keys are digests with a secret in them:
/// they say nothing of whom they are for.
pub trait AttemptCounts: Send + Sync + 'static {
    /// Counts an attempt. When there were as many as the limit already it does not count, and the answer says for how
    /// many seconds there may be no more, at least 1.
    fn enter(&self, key: Digest, limit: AttemptLimit) -> Counting<'_, Result<(), u64>>;

    /// One attempt of this key does not count. Nothing to do when there is none.
    fn take_back(&self, key: Digest) -> Counting<'_, ()>;
}

/// Counts of one process.
///
/// They are in two generations, of which the older is dropped as a whole, so nothing has to be swept. All keys of one
/// have the same window.
pub struct MemoryCounts {
    clock: Arc<dyn Clock>,
    windows: Mutex<Windows>,
}

struct Windows {
    young: HashMap<Digest, Window>,
    old: HashMap<Digest, Window>,
    turns_at: Timestamp,
}

impl Default for Windows {
    fn default() -> Self {
        Self { young: HashMap::new(), old: HashMap::new(), turns_at: Timestamp::ZERO }
    }
}

#[derive(Debug, Clone, Copy)]
struct Window {
    ends_at: Timestamp,
    attempts: u32,
}

impl MemoryCounts {
    /// Counts that begin at nothing.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, windows: Mutex::default() }
    }

    fn enter_now(&self, key: Digest, limit: AttemptLimit) -> Result<(), u64> {
        let now = self.clock.now();
        let mut windows = self.windows.lock();
        let window = windows.open(key, limit.window_seconds, now);
        if window.attempts >= limit.attempts {
            return Err(now.seconds_until(window.ends_at).max(1));
        }
        window.attempts += 1;
        Ok(())
    }

    fn take_back_now(&self, key: Digest) {
        let mut windows = self.windows.lock();
        let Windows { young, old, .. } = &mut *windows;
        if let Some(window) = young.get_mut(&key).or_else(|| old.get_mut(&key)) {
            window.attempts = window.attempts.saturating_sub(1);
        }
    }
}

impl Windows {
    /// The window of a key, begun now when there is none.
    fn open(&mut self, key: Digest, window_seconds: u32, now: Timestamp) -> &mut Window {
        if now >= self.turns_at || self.young.len() >= KEYS_MAX {
            self.old = mem::take(&mut self.young);
            self.turns_at = now.plus_seconds(window_seconds);
        }
        let fresh = Window { ends_at: now.plus_seconds(window_seconds), attempts: 0 };
        let old = &mut self.old;
        let window = self.young.entry(key).or_insert_with(|| old.remove(&key).unwrap_or(fresh));
        // A clock that was set back locks nobody out for longer than a window.
        if now >= window.ends_at || window.ends_at > fresh.ends_at {
            *window = fresh;
        }
        window
    }
}

impl AttemptCounts for MemoryCounts {
    fn enter(&self, key: Digest, limit: AttemptLimit) -> Counting<'_, Result<(), u64>> {
        async move { Ok(self.enter_now(key, limit)) }.boxed()
    }

    fn take_back(&self, key: Digest) -> Counting<'_, ()> {
        async move {
            self.take_back_now(key);
            Ok(())
        }
        .boxed()
    }
}

/// Attempts of one kind, counted here and, where there is a shared count, together with the other instances.
pub struct Attempts {
    own: MemoryCounts,
    shared: Option<Arc<dyn AttemptCounts>>,
    clock: Arc<dyn Clock>,
    /// Until when the shared count is left alone, in microseconds.
    away_until: AtomicI64,
}

/// An attempt that was counted.
#[derive(Debug)]
#[must_use]
pub struct Attempt {
    key: Digest,
    is_shared: bool,
}

impl Attempts {
    /// Attempts whose keys all have the same window.
    pub fn new(clock: Arc<dyn Clock>, shared: Option<Arc<dyn AttemptCounts>>) -> Self {
        let own = MemoryCounts::new(Arc::clone(&clock));
        Self { own, shared, clock, away_until: AtomicI64::new(i64::MIN) }
    }

    /// Counts an attempt, or answers for how many seconds there may be no more.
    pub async fn enter(&self, key: Digest, limit: AttemptLimit) -> Result<Attempt, u64> {
        self.own.enter_now(key, limit)?;
        let mut attempt = Attempt { key, is_shared: false };
        if let Some(shared) = self.reachable() {
            match shared.enter(key, limit).await {
                Ok(Ok(())) => attempt.is_shared = true,
                Ok(Err(seconds)) => {
                    self.own.take_back_now(key);
                    return Err(seconds);
                }
                Err(away) => self.note(&away),
            }
        }
        Ok(attempt)
    }

    /// The attempt does not count.
    pub async fn take_back(&self, attempt: Attempt) {
        self.own.take_back_now(attempt.key);
        if attempt.is_shared
            && let Some(shared) = self.reachable()
            && let Err(away) = shared.take_back(attempt.key).await
        {
            self.note(&away);
        }
    }

    fn reachable(&self) -> Option<&Arc<dyn AttemptCounts>> {
        let is_away = self.clock.now().micros() < self.away_until.load(Ordering::Acquire);
        self.shared.as_ref().filter(|_| !is_away)
    }

    fn note(&self, away: &CountAway) {
        let until = self.clock.now().plus_millis(AWAY_MS);
        if self.away_until.swap(until.micros(), Ordering::AcqRel) == i64::MIN {
            tracing::warn!(error = %away, "each server counts attempts for itself meanwhile");
        }
    }
}

#[cfg(test)]
mod tests;
