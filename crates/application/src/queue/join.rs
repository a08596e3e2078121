//! Join a line (R-Q1, R-Q2), or its lobby (R-Q8).

use frontrow_domain::queue::JoinRefused;
use frontrow_domain::{ConcertId, EntryId, UserId};

use super::status::QueueStatus;
use crate::app::App;
use crate::store::ReadError;
use crate::waiting_room::{LineError, Newcomer, Pass};

/// Why a fan gets no place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JoinFailure {
    /// There is no such concert.
    NotFound,
    /// The rules say no.
    Refused(JoinRefused),
    /// The waiting room does not answer.
    Line(LineError),
    /// The store does not answer.
    Read(ReadError),
}

/// A fan's place, and the pass that proves it.
#[derive(Debug, Clone)]
pub struct JoinedQueue {
    /// What is signed.
    pub pass: Pass,
    /// Where it stands.
    pub status: QueueStatus,
    /// False when they had it already.
    pub is_new: bool,
}

impl App {
    /// Gives a fan their place in the line of a concert.
    pub async fn join_queue(&self, user: UserId, concert: ConcertId) -> Result<JoinedQueue, JoinFailure> {
        let room = self.room(concert).await.map_err(JoinFailure::Read)?.ok_or(JoinFailure::NotFound)?;
        let newcomer = Newcomer { user, entry: EntryId::new(self.entropy.uuid()) };
        let may_join = room.facts.check_join(self.clock.now());
        // Where there is no room there are no places either.
        if may_join == Err(JoinRefused::NoWaitingRoom) {
            return Err(JoinFailure::Refused(JoinRefused::NoWaitingRoom));
        }
        let joined = if room.facts.lobby.is_some_and(|lobby| !lobby.is_drawn) {
            self.waiting_room.join_lobby(concert, newcomer, may_join).await
        } else {
            self.waiting_room.join(concert, newcomer, may_join).await
        };
        let joined = joined.map_err(JoinFailure::Line)?;
        let joined = joined.map_err(JoinFailure::Refused)?;
        if joined.is_new {
            self.memory.lines.line(concert).wake();
        }
        let status = QueueStatus::of(&joined.standing, room);
        Ok(JoinedQueue { pass: Pass::of(&joined.standing.place), status, is_new: joined.is_new })
    }
}
