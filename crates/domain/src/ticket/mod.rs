//! A ticket: the proof of one paid seat. Its signed code is made at the interface from these facts, so the
//! store keeps no secret.

use crate::{ReservationId, ScheduleId, SeatNo, TicketId, Timestamp, UserId};

/// The proof of one paid seat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticket {
    /// Its id, which the code carries.
    pub id: TicketId,
    /// The reservation that it belongs to.
    pub reservation: ReservationId,
    /// The performance that it admits to.
    pub schedule: ScheduleId,
    /// The seat.
    pub seat: SeatNo,
    /// Whose it is.
    pub user: UserId,
    /// Whether it still admits.
    pub state: TicketState,
}

/// Whether a ticket still admits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TicketState {
    /// It does.
    Valid,
    /// It has admitted its holder, once.
    Used {
        /// When.
        at: Timestamp,
        /// By whom it was scanned.
        by: UserId,
    },
    /// Its seat was given back.
    Void,
}

/// Why a ticket does not admit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ScanRefused {
    /// Somebody has come in with it already.
    #[error("it was used already")]
    AlreadyUsed {
        /// When.
        at: Timestamp,
    },
    /// Its seat was given back.
    #[error("it is void")]
    Void,
    /// It is for another performance.
    #[error("it is for another performance")]
    WrongSchedule,
}

impl TicketState {
    /// The name used in the interface and in stores.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Used { .. } => "used",
            Self::Void => "void",
        }
    }
}

impl Ticket {
    /// Admits its holder at `at`, once. A door that says which performance it guards lets nobody else in.
    pub fn scan(self, door: Option<ScheduleId>, by: UserId, at: Timestamp) -> Result<Self, ScanRefused> {
        match self.state {
            TicketState::Void => Err(ScanRefused::Void),
            _ if door.is_some_and(|door| door != self.schedule) => Err(ScanRefused::WrongSchedule),
            TicketState::Used { at, .. } => Err(ScanRefused::AlreadyUsed { at }),
            TicketState::Valid => Ok(Self { state: TicketState::Used { at, by }, ..self }),
        }
    }

    /// The same ticket, which admits nobody any more.
    pub fn voided(self) -> Self {
        Self { state: TicketState::Void, ..self }
    }

    /// When it was used.
    pub const fn used_at(&self) -> Option<Timestamp> {
        match self.state {
            TicketState::Used { at, .. } => Some(at),
            TicketState::Valid | TicketState::Void => None,
        }
    }
}

/// The tickets of a paid reservation: one a seat, in order of seat number, with ids that follow `first`.
pub fn issue(
    first: TicketId,
    reservation: ReservationId,
    schedule: ScheduleId,
    user: UserId,
    seats: &[SeatNo],
) -> Vec<Ticket> {
    (0_u32..)
        .zip(seats)
        .map(|(position, &seat)| Ticket {
            id: TicketId::nth(first, position),
            reservation,
            schedule,
            seat,
            user,
            state: TicketState::Valid,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn ticket() -> Ticket {
        let (first, reservation) =
            (TicketId::new(Uuid::from_u128(1)), ReservationId::new(Uuid::from_u128(2)));
        let seats = [SeatNo::new(5)];
        issue(first, reservation, ScheduleId::new(3), UserId::new(Uuid::from_u128(4)), &seats).remove(0)
    }

    #[test]
    fn a_ticket_admits_once_and_only_to_its_performance() {
        let (door, by, at) = (Some(ScheduleId::new(3)), UserId::new(Uuid::max()), Timestamp::from_micros(7));
        let later = Timestamp::from_micros(8);
        assert_eq!(ticket().scan(Some(ScheduleId::new(4)), by, at), Err(ScanRefused::WrongSchedule));
        let used = ticket().scan(door, by, at).expect("it admits");
        assert_eq!(used.used_at(), Some(at));
        assert_eq!(used.clone().scan(None, by, later), Err(ScanRefused::AlreadyUsed { at }));
        assert_eq!(used.voided().scan(door, by, later), Err(ScanRefused::Void));
        assert_eq!(ticket().scan(None, by, at).map(|used| used.used_at()), Ok(Some(at)));
    }
}
