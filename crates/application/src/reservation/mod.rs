//! Reservations: hold, extend, cancel, expire, read.

mod compact;
mod end;
mod extend;
mod hold;
mod read;

pub use end::CancelReservationRefused;
pub use extend::ExtendReservationRefused;
pub use hold::{HoldRequest, HoldSeatsRefused};
pub use read::ReservationDetails;

use frontrow_domain::records::{Key, Keys};
use frontrow_domain::reservation::Reservation;
use frontrow_domain::{ReservationId, ScheduleId, SeatNo};

/// A reservation as it stood when a command had decided. What an idempotency key keeps, so that a repeat shows
/// the reservation as it was then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing(pub Reservation);

/// What every command names that moves a reservation on: the reservation, its schedule, and the claims on its seats.
pub(crate) fn keys_of(reservation: ReservationId, schedule: ScheduleId, seats: &[SeatNo]) -> Keys {
    Keys::new([Key::Schedule(schedule), Key::Reservation(reservation)]).and(Key::claims(schedule, seats))
}
