//! A ticket: the proof of one paid seat. Its signed code is made at the interface from these facts, so the
//! store keeps no secret.

use crate::{ReservationId, ScheduleId, SeatNo, TicketId, UserId};

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
}

impl TicketState {
    /// The name used in the interface and in stores.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Valid => "valid",
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
