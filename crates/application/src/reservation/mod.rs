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

use frontrow_domain::reservation::Reservation;

/// A reservation as it stood when a command had decided. What an idempotency key keeps, so that a repeat shows
/// the reservation as it was then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing(pub Reservation);
