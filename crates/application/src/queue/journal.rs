//! The port to what the embedded waiting room keeps on the disk.
//!
//! The line itself is in memory; this is what it is rebuilt from. One process has it at a time.
//!
//! MUSTs of every adapter:
//! - What [`LineJournal::append`] has taken survives the loss of power, all of a batch or nothing.
//! - [`JournalError::Refused`] means that nothing of the batch is there, now and after a restart. A move of a place
//!   that is over or not there refuses its whole batch: the line and its journal have come apart.
//! - A place that was let in after what was told of its line is neither left out of what is read nor forgotten.
//! - Places in a lobby are places like others, with numbers above [`Sequence::LOBBY`] and no other states than waiting and
//!   ended. They are no part of the line that a [`RoomMark`] closes. A [`LobbyStage`] never goes back. While it is
//!   [`LobbyStage::Drawing`], no place of the lobby is left out of what is read, nor forgotten.
//! - No number is ever given out twice, whatever was forgotten: [`LineJournal::load`] gives a mark for every line of
//!   which it has ever had a place, with `next` above them all; and so for every lobby.
//!
//! The position up to which sessions have been ended is one in the outbox of the sale, which is kept elsewhere. Were
//! the sale restored from an older backup and the line not, it would be too high, and slots would come free by
//! time-out only: the two are backed up and restored together.

use frontrow_domain::queue::{Place, PlaceState};
use frontrow_domain::{ConcertId, Sequence, Timestamp};

/// Why a batch was not kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JournalError {
    /// It was not; a later one may be.
    #[error("the journal takes nothing: {0}")]
    Refused(String),
    /// Nobody can say; it takes nothing more until the process was started anew.
    #[error("the outcome of a write is unknown: {0}")]
    OutcomeUnknown(String),
    /// What is stored cannot be what was written.
    #[error("the journal holds something unreadable: {0}")]
    Corrupt(String),
}

/// What changed, in the order in which it happened.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LineBatch {
    /// New places, in order of number within each line and each lobby; all of them waiting.
    pub joined: Vec<Place>,
    /// Places that came into another state, after those above were there.
    pub moved: Vec<Moved>,
    /// Rooms whose marks moved.
    pub rooms: Vec<RoomMark>,
    /// How far the ends of sessions have been applied, if that moved.
    pub sessions_through: Option<u64>,
    /// Lines of which more admissions were told to others.
    pub told: Vec<Told>,
    /// Lobbies whose draw has come further. One that is done is empty from then on: its places go.
    pub lobbies: Vec<LobbyMark>,
}

impl LineBatch {
    /// True when there is nothing to keep.
    pub fn is_empty(&self) -> bool {
        self.joined.is_empty()
            && self.moved.is_empty()
            && self.rooms.is_empty()
            && self.sessions_through.is_none()
            && self.told.is_empty()
            && self.lobbies.is_empty()
    }
}

/// A place that came into another state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moved {
    /// In which line.
    pub concert: ConcertId,
    /// Its number there.
    pub sequence: Sequence,
    /// The state that it came into.
    pub state: PlaceState,
}

/// What is known of a line as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RoomMark {
    /// Which line.
    pub concert: ConcertId,
    /// No number below this one may be given out again, whatever rows are left.
    pub next: Sequence,
    /// Every place below this number that was in line when the line was closed is over.
    pub closed_below: Sequence,
    /// When it was last closed; the epoch when it never was.
    pub closed_at: Timestamp,
}

/// How far the draw of a lobby is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LobbyMark {
    /// Of which line.
    pub concert: ConcertId,
    /// No number of the lobby below this one may be given out again, whatever rows are left.
    pub next: Sequence,
    /// Where it stands.
    pub stage: LobbyStage,
}

/// Where a lobby stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LobbyStage {
    /// Fans come.
    Gathering,
    /// Who is in the draw is settled.
    Drawing {
        /// Places with lower numbers are in it, unless they were over by then.
        below: Sequence,
        /// When that was.
        at: Timestamp,
        /// The number in the line of whoever is drawn first.
        first: Sequence,
    },
    /// It was drawn.
    Done,
}

/// How far the admissions of a line were told to others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Told {
    /// Which line.
    pub concert: ConcertId,
    /// Whoever was let in then or before was told of. It never goes back.
    pub through: Timestamp,
}

/// What a line is rebuilt from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stored {
    /// How far the ends of sessions have been applied.
    SessionsThrough(u64),
    /// A line; before its places.
    Room(RoomMark),
    /// How far its admissions were told; before its places.
    Told(Told),
    /// How far the draw of its lobby is; before its places.
    Lobby(LobbyMark),
    /// A place. Those of one line come in order of number.
    Place(Place),
}

/// What the embedded waiting room keeps on the disk.
pub trait LineJournal: Send + Sync + 'static {
    /// Reads everything, but places that ended before `ended_after`, or were in line when their line was closed
    /// before that. Places of whose admission nobody was told are read whenever they ended.
    fn load(&self, ended_after: Timestamp, take: &mut dyn FnMut(Stored)) -> Result<(), JournalError>;

    /// Keeps a batch. Blocks until it is on the disk.
    fn append(&self, batch: &LineBatch) -> Result<(), JournalError>;

    /// Deletes up to `limit` places that ended before that time, or were in line below the number at which their
    /// line was closed before that time, but none of whose admission nobody was told. Answers how many. Blocks.
    fn forget(&self, ended_before: Timestamp, limit: usize) -> Result<usize, JournalError>;
}
