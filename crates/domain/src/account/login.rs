//! One log-in and the refresh tokens that descend from it.
//!
//! A refresh token names its log-in and a generation. Refreshing moves the generation on by one; presenting an
//! older one means that two parties hold the chain, so the whole log-in ends (RFC 9700, section 4.14.2). The
//! generation just replaced may come again for a short while: its answer may have been lost on the way.

use crate::{LoginId, Timestamp, UserId};

/// Seconds for which the refresh token that was used last is still taken.
pub const REUSE_GRACE_SECONDS: u32 = 60;

/// A log-in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// Its id, named by every refresh token of the family.
    pub id: LoginId,
    /// Whose it is.
    pub user: UserId,
    /// The generation of refresh token that is valid now, from 0.
    pub generation: u32,
    /// When that generation was made.
    pub rotated_at: Timestamp,
    /// When the log-in ends unless refreshed.
    pub expires_at: Timestamp,
    /// True once it was logged out or a stale token was presented.
    pub ended: bool,
}

/// Why a refresh token is not taken. The interface answers all of them alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RefreshRefused {
    /// The log-in is over.
    #[error("the log-in has ended")]
    Ended,
    /// An old token came again: the log-in ends now.
    #[error("a refresh token was used twice")]
    Reused,
}

impl Login {
    /// A fresh log-in, valid for `lifetime_seconds`.
    pub fn open(id: LoginId, user: UserId, now: Timestamp, lifetime_seconds: u32) -> Self {
        Self {
            id,
            user,
            generation: 0,
            rotated_at: now,
            expires_at: now.plus_seconds(lifetime_seconds),
            ended: false,
        }
    }

    /// Takes the refresh token of `generation` and moves on to the next one.
    pub fn refresh(
        self,
        generation: u32,
        now: Timestamp,
        lifetime_seconds: u32,
    ) -> Result<Self, RefreshRefused> {
        if self.ended || now >= self.expires_at {
            return Err(RefreshRefused::Ended);
        }
        if generation == self.generation {
            return Ok(Self {
                generation: self.generation.saturating_add(1),
                rotated_at: now,
                expires_at: now.plus_seconds(lifetime_seconds),
                ..self
            });
        }
        let is_the_last_one = generation.checked_add(1) == Some(self.generation);
        if is_the_last_one && now < self.rotated_at.plus_seconds(REUSE_GRACE_SECONDS) {
            return Ok(self);
        }
        Err(RefreshRefused::Reused)
    }

    /// Ends the log-in. Ending it twice is ending it.
    pub fn end(self) -> Self {
        Self { ended: true, ..self }
    }
}
