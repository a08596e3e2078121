//! The compact form of a reservation that is kept under an idempotency key.

use frontrow_domain::reservation::{Reservation, ReservationState};
use frontrow_domain::{ConcertId, Money, PaymentId, ReservationId, ScheduleId, SeatNo, Timestamp, UserId};
use serde::{Deserialize, Serialize};

use super::Standing;
use crate::once::Compact;

/// The version of the form below.
const STANDING_V1: u8 = 1;

#[derive(Serialize, Deserialize)]
struct StandingV1 {
    id: ReservationId,
    user: UserId,
    concert: ConcertId,
    schedule: ScheduleId,
    seats: Vec<SeatNo>,
    amount: Money,
    created_at: Timestamp,
    state: StateV1,
    last_event: u32,
}

#[derive(Serialize, Deserialize)]
enum StateV1 {
    Pending { expires_at: Timestamp, extended: bool },
    Confirmed { at: Timestamp, payment: PaymentId, held_until: Timestamp },
    Cancelled { at: Timestamp, held_until: Timestamp },
    Expired { at: Timestamp },
    // Added at the end, so that what was kept before reads as it did.
    Refunded { at: Timestamp, paid_at: Timestamp, payment: PaymentId, held_until: Timestamp, returned: Money },
}

impl From<ReservationState> for StateV1 {
    fn from(state: ReservationState) -> Self {
        match state {
            ReservationState::Pending { expires_at, extended } => Self::Pending { expires_at, extended },
            ReservationState::Confirmed { at, payment, held_until } => {
                Self::Confirmed { at, payment, held_until }
            }
            ReservationState::Cancelled { at, held_until } => Self::Cancelled { at, held_until },
            ReservationState::Expired { at } => Self::Expired { at },
            ReservationState::Refunded { at, paid_at, payment, held_until, returned } => {
                Self::Refunded { at, paid_at, payment, held_until, returned }
            }
        }
    }
}

impl From<StateV1> for ReservationState {
    fn from(state: StateV1) -> Self {
        match state {
            StateV1::Pending { expires_at, extended } => Self::Pending { expires_at, extended },
            StateV1::Confirmed { at, payment, held_until } => Self::Confirmed { at, payment, held_until },
            StateV1::Cancelled { at, held_until } => Self::Cancelled { at, held_until },
            StateV1::Expired { at } => Self::Expired { at },
            StateV1::Refunded { at, paid_at, payment, held_until, returned } => {
                Self::Refunded { at, paid_at, payment, held_until, returned }
            }
        }
    }
}

impl Compact for Standing {
    fn to_bytes(&self) -> Option<Vec<u8>> {
        let reservation = &self.0;
        let form = StandingV1 {
            id: reservation.id,
            user: reservation.user,
            concert: reservation.concert,
            schedule: reservation.schedule,
            seats: reservation.seats.clone(),
            amount: reservation.amount,
            created_at: reservation.created_at,
            state: reservation.state.into(),
            last_event: reservation.last_event,
        };
        postcard::to_extend(&form, vec![STANDING_V1]).ok()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (STANDING_V1, rest) = bytes.split_first().map(|(version, rest)| (*version, rest))? else {
            return None;
        };
        let form: StandingV1 = postcard::from_bytes(rest).ok()?;
        Some(Self(Reservation {
            id: form.id,
            user: form.user,
            concert: form.concert,
            schedule: form.schedule,
            seats: form.seats,
            amount: form.amount,
            created_at: form.created_at,
            // No answer shows it, so the compact form does without.
            entry: None,
            state: form.state.into(),
            last_event: form.last_event,
        }))
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn twenty_seats_stay_within_two_hundred_bytes_and_read_back() {
        let standing = Standing(Reservation {
            id: ReservationId::new(Uuid::max()),
            user: UserId::new(Uuid::max()),
            concert: ConcertId::new(u32::MAX),
            schedule: ScheduleId::new(u32::MAX),
            seats: (99_981..=100_000).map(SeatNo::new).collect(),
            amount: Money::MAX,
            created_at: Timestamp::from_micros(i64::MAX),
            entry: None,
            state: ReservationState::Refunded {
                at: Timestamp::from_micros(i64::MAX),
                paid_at: Timestamp::from_micros(i64::MAX),
                payment: PaymentId::new(Uuid::max()),
                held_until: Timestamp::from_micros(i64::MAX),
                returned: Money::MAX,
            },
            last_event: u32::MAX,
        });
        let bytes = standing.to_bytes().expect("kept");
        assert!(bytes.len() <= 200, "{} bytes", bytes.len());
        assert_eq!(Standing::from_bytes(&bytes), Some(standing));
        assert_eq!(Standing::from_bytes(&[99, 1, 2]), None);
        assert_eq!(Standing::from_bytes(&[]), None);
    }
}
