//! One fan's place: `waiting` → `active` → `expired`, in the words of the interface.

use super::pace::presence_seconds;
use crate::{ConcertId, EntryId, Sequence, Timestamp, UserId};

/// One fan's place in one line. Everything but `state` never changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// In front of which concert.
    pub concert: ConcertId,
    /// The order of arrival.
    pub sequence: Sequence,
    /// What the place is called outside: new for every place, also of the same fan.
    pub entry: EntryId,
    /// Whose it is.
    pub user: UserId,
    /// When it was given out.
    pub joined_at: Timestamp,
    /// Where it stands.
    pub state: PlaceState,
}

/// Where a place stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlaceState {
    /// In line.
    Waiting,
    /// The fan was gone when their turn came. Out of the count of those ahead, and next when they return (R-Q6).
    Skipped,
    /// Let in.
    Active(Session),
    /// Over.
    Ended {
        /// Why.
        reason: EndReason,
        /// When.
        at: Timestamp,
        /// When the fan had been let in, if they were.
        admitted_at: Option<Timestamp>,
    },
}

/// The time that a fan has once let in: one for all schedules of the concert (R-Q5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Session {
    /// When the fan was let in.
    pub admitted_at: Timestamp,
    /// The first moment at which the session is over in any case.
    pub ends_at: Timestamp,
    /// Until when the fan has to come; nothing once they have.
    pub claim_by: Option<Timestamp>,
}

/// Why a place is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EndReason {
    /// The fan has paid and holds nothing more of this concert.
    Paid,
    /// The fan has left.
    Left,
    /// The session is over.
    TimedOut,
    /// The fan was called and did not come within the claim time.
    NoShow,
    /// The line was closed.
    Closed,
    /// An operator has taken the place away.
    Revoked,
}

impl EndReason {
    /// All of them, in the order in which they are documented.
    pub const ALL: [Self; 6] =
        [Self::Paid, Self::Left, Self::TimedOut, Self::NoShow, Self::Closed, Self::Revoked];

    /// The name used in the interface.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Paid => "paid",
            Self::Left => "left",
            Self::TimedOut => "timed_out",
            Self::NoShow => "no_show",
            Self::Closed => "closed",
            Self::Revoked => "revoked",
        }
    }
}

/// What the sessions of a line are like, as an operator has set it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionTerms {
    /// Seconds that a session lasts. Sessions that have begun keep their end when this changes.
    pub session_seconds: u32,
    /// Seconds within which a called fan has to come.
    pub claim_seconds: u32,
}

impl Session {
    /// The session of a fan who is let in at `now`. They were last seen at `seen_at` and told to ask again after
    /// `told_seconds`: until then they cannot know that they were called, so the claim time leaves them at least
    /// half of itself after that moment.
    pub fn begin(terms: SessionTerms, now: Timestamp, seen_at: Timestamp, told_seconds: u32) -> Self {
        let claim_by = now.plus_seconds(terms.claim_seconds);
        let after_asking = seen_at.plus_seconds(told_seconds).plus_seconds(terms.claim_seconds / 2);
        Self {
            admitted_at: now,
            ends_at: now.plus_seconds(terms.session_seconds),
            claim_by: Some(claim_by.max(after_asking)),
        }
    }

    /// The first moment at which it no longer counts.
    pub fn expires_at(&self) -> Timestamp {
        self.claim_by.map_or(self.ends_at, |claim_by| claim_by.min(self.ends_at))
    }

    /// Why it is over when it ends by itself.
    pub fn own_end(&self) -> EndReason {
        match self.claim_by {
            Some(claim_by) if claim_by < self.ends_at => EndReason::NoShow,
            _ => EndReason::TimedOut,
        }
    }

    /// The session after its fan has come.
    pub fn claimed(self) -> Self {
        Self { claim_by: None, ..self }
    }

    /// The session after an outage that ended at `ready_at`: a fan who could not come has the claim time anew.
    /// The absolute end stays.
    pub fn resumed(self, terms: SessionTerms, ready_at: Timestamp) -> Self {
        let anew = ready_at.plus_seconds(terms.claim_seconds);
        Self { claim_by: self.claim_by.map(|claim_by| claim_by.max(anew)), ..self }
    }
}

impl PlaceState {
    /// The state as it is at `now`: a session past its end is over at once, also before anything has noted it.
    pub fn at(self, now: Timestamp) -> Self {
        match self {
            Self::Active(session) if now >= session.expires_at() => Self::Ended {
                reason: session.own_end(),
                at: session.expires_at(),
                admitted_at: Some(session.admitted_at),
            },
            other => other,
        }
    }

    /// The state after an end for this reason; what is over stays as it is.
    pub fn ended(self, reason: EndReason, now: Timestamp) -> Self {
        match self.at(now) {
            Self::Ended { .. } => self.at(now),
            Self::Active(session) => Self::Ended { reason, at: now, admitted_at: Some(session.admitted_at) },
            Self::Waiting | Self::Skipped => Self::Ended { reason, at: now, admitted_at: None },
        }
    }

    /// True while the fan is in line: not let in, not over.
    pub const fn is_in_line(&self) -> bool {
        matches!(self, Self::Waiting | Self::Skipped)
    }

    /// When the fan was let in, if they were.
    pub const fn admitted_at(&self) -> Option<Timestamp> {
        match self {
            Self::Active(session) => Some(session.admitted_at),
            Self::Ended { admitted_at, .. } => *admitted_at,
            Self::Waiting | Self::Skipped => None,
        }
    }

    /// True when a fan in line counts as being there at `now`: they gave a sign of life, or the line came back
    /// after an outage, within the time that presence lasts.
    pub fn is_present(
        presence_setting: u32,
        seen_at: Timestamp,
        told_seconds: u32,
        ready_at: Timestamp,
        now: Timestamp,
    ) -> bool {
        now < seen_at.max(ready_at).plus_seconds(presence_seconds(presence_setting, told_seconds))
    }
}
