//! Joins of a fan within a minute, over all servers of a sale: a place is kept by asking about it, and not by joining again
//! and again, which costs the line more.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use frontrow_application::Clock;
use frontrow_application::attempts::{AttemptCounts, AttemptLimit, Attempts};
use frontrow_domain::UserId;

use crate::auth::CountKeys;
use crate::keyring::Keyring;

/// Seconds within which joins are counted.
const WINDOW_SECONDS: u32 = 60;

/// Limits how often a fan joins.
pub(crate) struct JoinLimit {
    /// 0 where everybody may join as often as they like.
    per_minute: AtomicU32,
    attempts: Attempts,
    names: CountKeys,
}

impl JoinLimit {
    pub(crate) fn new(
        per_minute: u32,
        keys: Arc<Keyring>,
        clock: Arc<dyn Clock>,
        shared: Option<Arc<dyn AttemptCounts>>,
    ) -> Self {
        let per_minute = AtomicU32::new(per_minute);
        Self { per_minute, attempts: Attempts::new(clock, shared), names: CountKeys::new(keys) }
    }

    /// So many from now on.
    pub(crate) fn set(&self, per_minute: u32) {
        self.per_minute.store(per_minute, Ordering::Relaxed);
    }

    /// Counts a join, or answers for how many seconds there may be no more.
    pub(crate) async fn enter(&self, fan: UserId) -> Result<(), u64> {
        let per_minute = self.per_minute.load(Ordering::Relaxed);
        if per_minute == 0 {
            return Ok(());
        }
        let limit = AttemptLimit { attempts: per_minute, window_seconds: WINDOW_SECONDS };
        // A join counts whatever comes of it, so nothing is taken back.
        self.attempts.enter(self.names.of(b'j', fan.bytes()), limit).await.map(drop)
    }
}
