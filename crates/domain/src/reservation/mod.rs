//! Reservations and the claims that they hold on seats.
//!
//! A seat is never written as "free": it is free when there is no [`Claim`] on it, or when the claim has lapsed.
//! So an unpaid hold can be taken over the moment it ends, whether or not any job has run (R-R4), and a paid
//! seat cannot, whatever the clock does.

mod best;
mod claim;
mod model;
mod policy;

pub use best::{BestRequest, FreeSeats, NotAvailable, best_available};
pub use claim::{
    Claim, SeatState, SeatTaken, block_seats, claim_seats, confirm_seats, extend_seats, release_seats,
    return_seats, taken_seats, unblock_seats,
};
pub use model::{
    ExtendRefused, NotPending, PayRefused, RefundRefused, Reservation, ReservationState, ReservationStatus,
    Transition,
};
pub use policy::{FanLimitRefused, FanLimits, LapsePolicy, check_fan_limits};

#[cfg(test)]
mod tests;
