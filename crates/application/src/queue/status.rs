//! Where a fan stands (R-Q3), leaving, and following a line.

use std::sync::Arc;

use frontrow_domain::queue::{EndReason, Pace, PlaceState, WaitRange};
use frontrow_domain::{ConcertId, EntryId, Sequence, Timestamp};
use tokio::sync::Notify;

use super::view::RoomView;
use crate::app::App;
use crate::store::ReadError;
use crate::waiting_room::{LineError, Pass, Standing};

/// Why a question about a place has no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QueueFailure {
    /// The concert is gone, or fans may not see it.
    NotFound,
    /// The waiting room does not answer.
    Line(LineError),
    /// The store does not answer.
    Read(ReadError),
}

/// The state of a place as a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum QueueState {
    /// In the lobby of a sale with a draw.
    Lobby,
    /// In line.
    Waiting,
    /// Let in.
    Active,
    /// Over.
    Expired,
}

impl QueueState {
    /// All of them, in the order in which they are documented.
    pub const ALL: [Self; 4] = [Self::Lobby, Self::Waiting, Self::Active, Self::Expired];

    /// The name used in the interface.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Lobby => "lobby",
            Self::Waiting => "waiting",
            Self::Active => "active",
            Self::Expired => "expired",
        }
    }
}

/// Where a fan stands, with what everybody in line is told.
#[derive(Debug, Clone)]
pub struct QueueStatus {
    /// The room and its stock, as at the last tick.
    pub room: Arc<RoomView>,
    /// The place.
    pub entry: EntryId,
    /// Its number in the line, or in the lobby.
    pub sequence: Sequence,
    /// Where it stands.
    pub state: QueueState,
    /// How many are ahead; nothing in the lobby, and once it is over.
    pub ahead: Option<u64>,
    /// How long the fan will wait; nothing when nobody can say, or when they wait no more.
    pub wait: Option<WaitRange>,
    /// Seconds after which to ask again.
    pub poll_after_seconds: u32,
    /// When the place was given out.
    pub joined_at: Timestamp,
    /// When the fan was let in.
    pub admitted_at: Option<Timestamp>,
    /// When the session ends, while there is one.
    pub expires_at: Option<Timestamp>,
    /// Why it is over; nothing too when it has been over for long.
    pub end_reason: Option<EndReason>,
}

impl QueueStatus {
    /// The status of a place.
    pub(super) fn of(standing: &Standing, room: Arc<RoomView>) -> Self {
        let place = &standing.place;
        let (state, expires_at, end_reason) = match place.state {
            PlaceState::Waiting if place.sequence.is_lobby() => (QueueState::Lobby, None, None),
            PlaceState::Waiting | PlaceState::Skipped => (QueueState::Waiting, None, None),
            PlaceState::Active(session) => (QueueState::Active, Some(session.expires_at()), None),
            PlaceState::Ended { reason, .. } => (QueueState::Expired, None, Some(reason)),
        };
        let wait = match state {
            QueueState::Waiting => standing.ahead.and_then(|ahead| room.wait(ahead)),
            _ => None,
        };
        let poll_after_seconds = match state {
            QueueState::Lobby => ask_after_opening(standing, &room),
            _ => standing.poll_after_seconds,
        };
        Self {
            room,
            entry: place.entry,
            sequence: place.sequence,
            state,
            ahead: standing.ahead,
            wait,
            poll_after_seconds,
            joined_at: place.joined_at,
            admitted_at: place.state.admitted_at(),
            expires_at,
            end_reason,
        }
    }

    /// The status of a place that nobody remembers: it was signed, so it was there, and it is over.
    fn forgotten(pass: &Pass, room: Arc<RoomView>) -> Self {
        Self {
            room,
            entry: pass.entry,
            sequence: pass.sequence,
            state: QueueState::Expired,
            ahead: None,
            wait: None,
            poll_after_seconds: Pace::ended(),
            joined_at: drawn_at(pass.entry),
            admitted_at: None,
            expires_at: None,
            end_reason: None,
        }
    }
}

/// Fans in a lobby who may ask again within the same second after the opening.
const ASKING_A_SECOND: u64 = 5_000;
/// Seconds after the opening within which all of them ask.
const ASKING_SECONDS: u64 = 60;

/// Seconds after which somebody in a lobby asks again: as everybody else, but soon after the opening at the latest, when they
/// may be first in line. A crowd is spread over a minute, by the random tail of the entry.
fn ask_after_opening(standing: &Standing, room: &RoomView) -> u32 {
    let Some(opens_at) = room.facts.opens_at() else { return standing.poll_after_seconds };
    let fans = room.figures.as_ref().map_or(0, |figures| figures.lobby);
    let spread = (fans / ASKING_A_SECOND).min(ASKING_SECONDS) + 1;
    let (_, tail) = standing.place.entry.uuid().as_u64_pair();
    let seconds = standing.now.seconds_until(opens_at) + 2 + tail % spread;
    standing.poll_after_seconds.min(u32::try_from(seconds).unwrap_or(u32::MAX))
}

/// When an id was drawn, to the millisecond: a `UUIDv7` says so itself (RFC 9562, section 5.7).
fn drawn_at(entry: EntryId) -> Timestamp {
    let (first_half, _) = entry.uuid().as_u64_pair();
    // 48 bits of milliseconds; as microseconds they fit.
    let millis = first_half >> 16;
    Timestamp::from_micros(millis.cast_signed() * 1_000)
}

impl App {
    /// Where the fan of a pass stands. Counts as a sign of life.
    pub async fn queue_status(&self, pass: Pass) -> Result<QueueStatus, QueueFailure> {
        let room =
            self.room(pass.concert).await.map_err(QueueFailure::Read)?.ok_or(QueueFailure::NotFound)?;
        let standing = self.waiting_room.standing(pass).await.map_err(QueueFailure::Line)?;
        Ok(match standing {
            Some(standing) => QueueStatus::of(&standing, room),
            None => QueueStatus::forgotten(&pass, room),
        })
    }

    /// Gives the place of a pass up. Doing so again changes nothing.
    pub async fn leave_queue(&self, pass: Pass) -> Result<(), QueueFailure> {
        let ended = self.waiting_room.end(pass.concert, pass.user, Some(pass.entry), EndReason::Left).await;
        ended.map(|_| ()).map_err(QueueFailure::Line)
    }

    /// Rings (`notify_waiters`) whenever there may be something new to be told of a line: about twice a second
    /// while it is on.
    pub fn follow_queue(&self, concert: ConcertId) -> Arc<Notify> {
        self.memory.lines.pulse(concert)
    }
}
