//! Reservations: hold, extend, cancel, expire, give back for money, sell at the box office, read.

mod box_office_sale;
mod choice;
mod compact;
mod end;
mod extend;
mod hold;
mod keep_back;
mod read;
mod refund;

pub use box_office_sale::{SaleMeans, SellRequest, SellSeatsRefused};
pub use choice::{BestWanted, SeatsRefused, Wanted};
pub use end::CancelReservationRefused;
pub use extend::ExtendReservationRefused;
pub use hold::{HoldRequest, HoldSeatsRefused};
pub use keep_back::{KeepBack, KeepBackRefused, KeptBack, SeatSelection};
pub use read::ReservationDetails;
pub use refund::{StaffRefund, StaffRefundRefused};

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
