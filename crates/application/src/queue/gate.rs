//! Who is let through to seats and reservations: the fan of an active place, where the concert has a room (R-Q7,
//! R-Q10).

use frontrow_domain::{ConcertId, EntryId, ScheduleId, UserId};

use crate::app::App;
use crate::store::ReadError;
use crate::waiting_room::{LineError, NotLetIn, Pass};

/// Why somebody is not let through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GateRefused {
    /// No token was sent.
    TokenRequired,
    /// The token is another fan's, or another concert's.
    TokenInvalid,
    /// It is not this fan's turn yet.
    NotActive,
    /// The place is over.
    TokenExpired,
    /// The waiting room does not answer.
    Line(LineError),
    /// The store does not answer.
    Read(ReadError),
}

/// What somebody shows to be let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entrance {
    /// A fan's pass, if they have one.
    Fan(Option<Pass>),
    /// None: operators and admins need none.
    Staff,
}

impl App {
    /// Lets somebody through to hold seats of a schedule.
    pub(crate) async fn enter_schedule(
        &self,
        schedule: ScheduleId,
        entrance: Entrance,
        user: UserId,
    ) -> Result<Option<EntryId>, GateRefused> {
        let Entrance::Fan(pass) = entrance else { return Ok(None) };
        let schedule = self.memory.catalog.schedule(schedule).await.map_err(GateRefused::Read)?;
        match schedule {
            Some(schedule) => self.pass_gate(schedule.concert, pass, Some(user)).await,
            None => Ok(None),
        }
    }

    /// Lets the fan of a pass through, and answers the place under which they go; nothing where no pass is asked
    /// for. With `user`, the pass has to be that fan's. The first time is what the claim time waits for.
    pub async fn pass_gate(
        &self,
        concert: ConcertId,
        pass: Option<Pass>,
        user: Option<UserId>,
    ) -> Result<Option<EntryId>, GateRefused> {
        let known = self.memory.catalog.concert(concert).await.map_err(GateRefused::Read)?;
        // What fans may not see is not there for them, and is refused elsewhere.
        if known.is_none_or(|known| !known.published || !known.waiting_room.enabled) {
            return Ok(None);
        }
        let pass = pass.ok_or(GateRefused::TokenRequired)?;
        if pass.concert != concert || user.is_some_and(|user| user != pass.user) {
            return Err(GateRefused::TokenInvalid);
        }
        match self.waiting_room.enter(pass).await.map_err(GateRefused::Line)? {
            Ok(()) => Ok(Some(pass.entry)),
            Err(NotLetIn::Waiting) => Err(GateRefused::NotActive),
            Err(NotLetIn::Ended) => Err(GateRefused::TokenExpired),
        }
    }
}
