//! The port to the waiting rooms: the line in front of each concert.
//!
//! The rules are in `frontrow_domain::queue`; an adapter keeps the order, the places and what happened lately,
//! and applies those rules atomically. MUSTs of every adapter, proven by the conformance suite in
//! `frontrow-testkit`:
//! - A place that was answered is there after a crash, with its number (R-Q9). Neither its `ahead` nor its state
//!   is ever worse afterwards: what has moved others forward is kept before anybody is told of it.
//! - If the answer to A's join arrived before B's request was sent, A is ahead of B (R-Q2). A fan has at most one
//!   place in a line that is not over; joining again gives it back, also at the same instant (R-Q1).
//! - Admissions never exceed the cap at their time, nor the rate in any sliding second (R-Q4), over all instances,
//!   across pauses, restarts and steps of the clock.
//! - The time of a line never goes back. It is the line's own: lines need not agree on it, nor with the clock of the
//!   application.
//! - Until the draw of a lobby is done nobody in it is ahead of anybody, and nobody gets a number in the line (R-Q8).
//! - Whoever is let in is in [`WaitingRoom::untold`] until [`WaitingRoom::note_told`] says otherwise, also across a crash.
//!   Those of one [`Untold`] stay together, in the same order, so that telling of them can be repeated.
//! - When it cannot keep what it decides, joining and admission stop closed with [`LineError`]; places can still
//!   be asked for where that is possible.

use frontrow_domain::catalog::WaitingRoomSettings;
use frontrow_domain::event::QueueAdmitted;
use frontrow_domain::queue::{EndReason, Forecast, JoinRefused, Limits, Place, RateLimit, RoomState};
use frontrow_domain::{ConcertId, EntryId, Sequence, Timestamp, UserId};
use futures_util::future::BoxFuture;

/// Why a waiting room does not answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    /// It cannot keep what it would decide, or cannot be reached. Nothing happened.
    #[error("the waiting room is unavailable: {0}")]
    Unavailable(String),
    /// There is too much to do. Nothing happened.
    #[error("the waiting room has too much to do")]
    Overloaded,
    /// Nobody can say whether it happened. Joining again is safe.
    #[error("the outcome of a request to the waiting room is unknown: {0}")]
    OutcomeUnknown(String),
}

/// The answer of a waiting room, later.
pub type Line<'a, T> = BoxFuture<'a, Result<T, LineError>>;

/// A place as its token names it: what was signed when it was given out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Pass {
    /// In front of which concert.
    pub concert: ConcertId,
    /// The place's number in the line.
    pub sequence: Sequence,
    /// The place.
    pub entry: EntryId,
    /// Whose it is.
    pub user: UserId,
}

impl Pass {
    /// The pass for a place.
    pub const fn of(place: &Place) -> Self {
        Self { concert: place.concert, sequence: place.sequence, entry: place.entry, user: place.user }
    }
}

/// Somebody who wants a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Newcomer {
    /// Who.
    pub user: UserId,
    /// What a new place is to be called; drawn at the edge.
    pub entry: EntryId,
}

/// What came of joining.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Joined {
    /// The fan's place.
    pub standing: Standing,
    /// False when they had it already.
    pub is_new: bool,
}

/// A place, as it is at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// The place, with its state as of `now`.
    pub place: Place,
    /// How many are ahead, exactly; 0 once the fan is let in; nothing when the place is over.
    pub ahead: Option<u64>,
    /// Seconds after which to ask again. The fan counts as present for at least twice as long.
    pub poll_after_seconds: u32,
    /// The time in the line.
    pub now: Timestamp,
}

/// What a line is to keep to from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinePolicy {
    /// Cap, rate, session, claim and presence.
    pub settings: WaitingRoomSettings,
    /// Whether anybody is let in, and whether the line is over.
    pub state: RoomState,
    /// Seconds for which a fan who was let in keeps seats that are not paid; the longest of all schedules.
    pub hold_seconds: u32,
    /// Seats that can be had.
    pub seats_left: u32,
}

impl LinePolicy {
    /// What decides how fast the line goes.
    pub fn limits(&self) -> Limits {
        Limits {
            rate: RateLimit::of_milli(self.settings.admit_per_second_milli),
            cap: self.settings.max_active,
            session_seconds: self.settings.session_seconds,
            hold_seconds: self.hold_seconds,
            seats_left: self.seats_left,
        }
    }
}

/// What a line looks like after a tick.
#[derive(Debug, Clone, PartialEq)]
pub struct LineFigures {
    /// Fans in line who were never skipped: those that `ahead` counts.
    pub waiting: u64,
    /// Fans in the lobby of a sale with a draw.
    pub lobby: u64,
    /// Fans who were skipped and may return.
    pub skipped: u64,
    /// Fans who are let in.
    pub active: u32,
    /// The lowest number in line that was never skipped; the next one to be given out when there is none.
    pub head: Sequence,
    /// Let in within the last ten seconds, per second.
    pub admitted_per_second: f64,
    /// Let in by this tick.
    pub admitted: u32,
    /// What can be said of how fast it goes.
    pub forecast: Forecast,
    /// Of those let in by this tick, by what they were told at joining.
    pub estimates: EstimateHits,
}

/// How good the ranges were that fans were told when they joined.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct EstimateHits {
    /// Waited within the range.
    pub inside: u32,
    /// Waited shorter.
    pub shorter: u32,
    /// Waited longer.
    pub longer: u32,
    /// Were told that nobody knows.
    pub unknown: u32,
}

/// Fans who were let in at the same time, and of whom nobody was told yet.
#[derive(Debug, Clone, PartialEq)]
pub struct Untold {
    /// Who, and when, in the order of their numbers.
    pub admitted: Vec<QueueAdmitted>,
    /// What says to the waiting room which ones these are.
    pub receipt: Receipt,
}

/// The name that an adapter gives to an [`Untold`]; only it can read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt(pub Vec<u8>);

/// Why somebody is not let through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotLetIn {
    /// The place is still in line.
    #[error("it is not this fan's turn yet")]
    Waiting,
    /// The place is over, or never was.
    #[error("the place is over")]
    Ended,
}

/// How far the draw of a lobby is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DrawStage {
    /// Who is in it is settled.
    Drawing,
    /// Everybody has their number in the line, and whoever comes joins the line.
    Done,
}

/// Somebody who is in a draw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drawee {
    /// The number of their place in the lobby.
    pub sequence: Sequence,
    /// The place, as it stays also in the line.
    pub entry: EntryId,
}

/// The most places of a lobby that one request is about.
pub const DRAW_CHUNK: usize = 1_000;

/// The waiting rooms of all concerts.
pub trait WaitingRoom: Send + Sync + 'static {
    /// Gives a fan their place: the one they have, or a new one at the end of the line where `may_join` admits
    /// newcomers. Counts as a sign of life.
    fn join(
        &self,
        concert: ConcertId,
        newcomer: Newcomer,
        may_join: Result<(), JoinRefused>,
    ) -> Line<'_, Result<Joined, JoinRefused>>;

    /// The same where a sale has a lobby: as long as that was not drawn, a new place is in it, waiting, with a number of its
    /// own ([`Sequence::is_lobby`]) and nobody ahead that could be counted. A pass for it stays good in the line.
    fn join_lobby(
        &self,
        concert: ConcertId,
        newcomer: Newcomer,
        may_join: Result<(), JoinRefused>,
    ) -> Line<'_, Result<Joined, JoinRefused>>;

    /// Settles who is in the draw: everybody in the lobby now. Who comes until it is done goes after them, in order of
    /// arrival. Doing so again, on whichever instance, changes nothing.
    fn close_lobby(&self, concert: ConcertId) -> Line<'_, DrawStage>;

    /// Those in the draw whose numbers are above `after`, in order of number, at most [`DRAW_CHUNK`]: the same at every time
    /// and on every instance until the draw is done, also if some of them have left since.
    fn drawees(&self, concert: ConcertId, after: Sequence) -> Line<'_, Vec<Drawee>>;

    /// Gives these places of the lobby, at most [`DRAW_CHUNK`], their numbers in the line, in this order: they come behind
    /// `rank` others in the draw, all of whom were placed before. Whoever has left meanwhile gets none. Doing so again changes
    /// nothing.
    fn place_drawn(&self, concert: ConcertId, rank: u64, drawn: Vec<Sequence>) -> Line<'_, ()>;

    /// Once all in the draw were placed: lets those follow who came after it was settled, at most [`DRAW_CHUNK`] of them.
    /// To be asked again until the draw is done.
    fn finish_draw(&self, concert: ConcertId) -> Line<'_, DrawStage>;

    /// The place of a pass; nothing when it is not known (any more). Counts as a sign of life.
    fn standing(&self, pass: Pass) -> Line<'_, Option<Standing>>;

    /// The newest place of a fan in a line, over or not. Counts for nothing.
    fn find(&self, concert: ConcertId, user: UserId) -> Line<'_, Option<Standing>>;

    /// Whether the fan of a pass is let in now. The first time is what the claim time waits for.
    fn enter(&self, pass: Pass) -> Line<'_, Result<(), NotLetIn>>;

    /// Ends a fan's place in a line, if it is not over: only the entry named, or whichever they have. Answers the
    /// place as it was before, if there was one to end; nothing, maybe, where a request of unknown outcome is repeated.
    fn end(
        &self,
        concert: ConcertId,
        user: UserId,
        only: Option<EntryId>,
        reason: EndReason,
    ) -> Line<'_, Option<Standing>>;

    /// Moves the line on: ends sessions whose time is over, skips absent fans whose turn it is, and lets in as
    /// many as cap and rate admit. Called every few hundredths of a second, on every instance.
    fn tick(&self, concert: ConcertId, policy: LinePolicy) -> Line<'_, LineFigures>;

    /// Up to which outbox position the ends of sessions are known to have been applied.
    fn sessions_through(&self) -> Line<'_, u64>;

    /// Notes that position. May be kept late: applying an end again changes nothing.
    fn note_sessions_through(&self, position: u64) -> Line<'_, ()>;

    /// Those who were let in and of whom nobody was told yet, the oldest first: a bounded number of them. Those who were let
    /// in at this very moment may be left out.
    fn untold(&self, concert: ConcertId) -> Line<'_, Vec<Untold>>;

    /// Notes that they were told of. May be kept late, and may come again: then nothing happens.
    fn note_told(&self, concert: ConcertId, receipt: Receipt) -> Line<'_, ()>;

    /// Forgets places that have been over for long. Answers how many.
    fn clean(&self) -> Line<'_, usize>;
}
