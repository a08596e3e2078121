//! What could not be handed over: parked to be tried again, and dead letters.

use std::collections::HashSet;

use frontrow_domain::Timestamp;
use uuid::Uuid;

use super::log::LoggedEvent;
use crate::store::Read;

/// An event that waits to be tried again, or for an earlier one of its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parked {
    /// The event.
    pub event: LoggedEvent,
    /// How often it was tried.
    pub tries: u32,
    /// When it was first kept back.
    pub since: Timestamp,
    /// When it may be tried again.
    pub next_at: Timestamp,
    /// Why the last try failed; empty when there was none.
    pub reason: String,
}

/// An event that a consumer could not deal with for good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// Its id. The order of ids is the order in which they came.
    pub id: Uuid,
    /// Whose it was.
    pub consumer: String,
    /// The whole event.
    pub event: LoggedEvent,
    /// How often it was tried.
    pub tries: u32,
    /// Why it is here.
    pub reason: String,
    /// Since when.
    pub at: Timestamp,
}

/// What consumers have not dealt with.
///
/// MUSTs of every adapter: what was answered survives the loss of power; each method is done whole or not at all.
pub trait Undelivered: Send + Sync + 'static {
    /// Keeps events back. One that is kept back already stays as it is.
    fn park(&self, consumer: String, events: Vec<Parked>) -> Read<'_, ()>;

    /// Which of these keys something is kept back of.
    fn parked_keys(&self, consumer: String, keys: Vec<Uuid>) -> Read<'_, HashSet<Uuid>>;

    /// What may be tried again at `now`: of each key the event with the lowest sequence, the longest due first, at most
    /// `limit`.
    fn due(&self, consumer: String, now: Timestamp, limit: usize) -> Read<'_, Vec<Parked>>;

    /// How many events are kept back for a consumer, and since when the first of them.
    fn parked(&self, consumer: String) -> Read<'_, (u64, Option<Timestamp>)>;

    /// Notes another try of an event that stays kept back.
    fn postpone(&self, consumer: String, parked: Parked) -> Read<'_, ()>;

    /// Forgets events that are kept back, because they were dealt with.
    fn settle(&self, consumer: String, events: Vec<(Uuid, u64)>) -> Read<'_, ()>;

    /// Keeps dead letters, and forgets that their events are kept back.
    fn bury(&self, letters: Vec<DeadLetter>) -> Read<'_, ()>;

    /// Dead letters, newest first, before the one given.
    fn dead_letters(&self, before: Option<Uuid>, limit: usize) -> Read<'_, Vec<DeadLetter>>;

    /// How many there are.
    fn count_dead_letters(&self) -> Read<'_, u64>;

    /// The dead letter of that id.
    fn dead_letter(&self, id: Uuid) -> Read<'_, Option<DeadLetter>>;

    /// Makes a dead letter an event that is kept back and due at `now`. Answers false when there is none of that id.
    fn revive(&self, id: Uuid, now: Timestamp) -> Read<'_, bool>;
}
