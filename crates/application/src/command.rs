//! The shape of every change.

use frontrow_domain::Timestamp;
use frontrow_domain::records::{Keys, Need, Records};

/// One change: which records it touches, and what becomes of them.
pub trait Command: Send + 'static {
    /// What it answers when it is done.
    type Outcome: Send + 'static;
    /// What it answers when it is not to be done. A refusal leaves nothing behind.
    type Refusal: Send + 'static;

    /// The records that it touches, as far as they are known before any is read.
    fn keys(&self) -> Keys;

    /// Decides. May run any number of times (a conflict or a missing record repeats it), so it keeps nothing
    /// between runs, draws no ids and reads no clock: `now` is the time of the decision.
    fn decide(&self, records: &mut Records, now: Timestamp) -> Result<Self::Outcome, Stop<Self::Refusal>>;
}

/// Why a command did not come to an outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop<R> {
    /// The rules say no.
    Refused(R),
    /// It touched records that were not loaded: load them and run it again.
    Need(Keys),
}

impl<R> From<Need> for Stop<R> {
    fn from(need: Need) -> Self {
        Self::Need(Keys::from(need.0))
    }
}

impl<R> Stop<R> {
    /// Changes the type of the refusal.
    pub fn map<S>(self, refusal: impl FnOnce(R) -> S) -> Stop<S> {
        match self {
            Self::Refused(reason) => Stop::Refused(refusal(reason)),
            Self::Need(keys) => Stop::Need(keys),
        }
    }
}

/// The rules say no.
pub const fn refuse<T, R>(reason: R) -> Result<T, Stop<R>> {
    Err(Stop::Refused(reason))
}
