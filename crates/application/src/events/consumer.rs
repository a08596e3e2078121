//! Whoever events are handed to.

use std::time::Duration;

use frontrow_domain::Timestamp;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, ready};

use super::log::LoggedEvent;
use crate::store::ReadError;

/// Where a consumer begins that has never been there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// With the oldest event that is still kept.
    Oldest,
    /// With what happens from now on.
    Newest,
}

/// Whoever events are handed to, in order for each key.
///
/// MUSTs of every consumer:
/// - It may be handed an event again, with those that followed it, after a crash or a change of instance; its effect is
///   there once all the same, or its receiver can tell by [`LoggedEvent::id`].
/// - It has dealt with an event when its effect survives the loss of power, or is a receiver's answer.
/// - It waits for receivers with a limit of time, and never keeps an event back without a limit of tries.
pub trait Consumer: Send + Sync + 'static {
    /// Its name, the same on all instances and for ever: its mark in the log is kept under it. At most 64 characters.
    fn name(&self) -> &str;

    /// Where it begins when it is new.
    fn start(&self) -> Start;

    /// Into how many shards the log is cut for it, each of which one instance at a time has. At most 64.
    fn shards(&self) -> u16 {
        1
    }

    /// Deals with the events that are next, of at least one key, in order of each key. Not called again before it has
    /// answered.
    fn handle<'a>(&'a self, events: &'a [LoggedEvent], now: Timestamp) -> BoxFuture<'a, Handled>;

    /// Does what is due without a new event, such as trying again what was kept back. Called about once a second, on one
    /// instance at a time.
    fn tend(&self, _now: Timestamp) -> BoxFuture<'_, Result<(), ReadError>> {
        ready(Ok(())).boxed()
    }
}

/// What became of a batch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Handled {
    /// How many events from the front are dealt with. Those after them are handed over again.
    pub through: usize,
    /// Of those the ones that nothing can be done with, by their place in the batch, and why: they become dead letters.
    pub dead: Vec<(usize, String)>,
    /// How long to wait before the next batch.
    pub pause: Option<Duration>,
}

impl Handled {
    /// All were dealt with.
    pub fn all(events: &[LoggedEvent]) -> Self {
        Self { through: events.len(), ..Self::default() }
    }
}
