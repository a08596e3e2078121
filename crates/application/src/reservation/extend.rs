//! Extend a hold: once, never past its absolute cap (R-R3).

use frontrow_domain::event::{self, Event, ReservationCreated};
use frontrow_domain::records::{Keys, Records};
use frontrow_domain::reservation::{ExtendRefused, ReservationState, Transition, extend_seats};
use frontrow_domain::{ReservationId, ScheduleId, SeatNo, Timestamp, UserId};

use super::{Standing, keys_of};
use crate::account::unavailable;
use crate::app::App;
use crate::box_office::{Failure, Priority};
use crate::command::{Command, Stop, refuse};
use crate::once::{Answered, OnceRefused, OnceTag};

/// Why a hold is not extended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExtendReservationRefused {
    /// There is no such reservation, or it is somebody else's.
    NotFound,
    /// The rules of the reservation say no.
    Reservation(ExtendRefused),
}

struct Extend {
    reservation: ReservationId,
    user: UserId,
    schedule: ScheduleId,
    seats: Vec<SeatNo>,
}

impl Command for Extend {
    type Outcome = Standing;
    type Refusal = ExtendReservationRefused;

    fn keys(&self) -> Keys {
        keys_of(self.reservation, self.schedule, &self.seats)
    }

    fn decide(
        &self,
        records: &mut Records,
        now: Timestamp,
    ) -> Result<Standing, Stop<ExtendReservationRefused>> {
        let found = records.reservations.get(&self.reservation)?.filter(|found| found.user == self.user);
        let Some(reservation) = found.cloned() else { return refuse(ExtendReservationRefused::NotFound) };
        let Some(schedule) = records.schedules.get(&self.schedule)? else {
            return refuse(ExtendReservationRefused::NotFound);
        };
        let refused = |refused| Stop::Refused(ExtendReservationRefused::Reservation(refused));
        if schedule.cancelled_at.is_some() {
            return Err(refused(ExtendRefused::NotPending));
        }
        match reservation.extend(&schedule.hold, now).map_err(refused)? {
            Transition::AlreadyApplied(reservation) => Ok(Standing(reservation)),
            Transition::Applied(reservation) => {
                let ReservationState::Pending { expires_at, .. } = reservation.state else {
                    return Err(refused(ExtendRefused::NotPending));
                };
                let (holder, user) = (reservation.id, self.user);
                if !extend_seats(records, self.schedule, &reservation.seats, holder, user, expires_at)? {
                    return Err(refused(ExtendRefused::Expired));
                }
                let (reservation, extended) = event::of_reservation(reservation, now, |reservation| {
                    Event::ReservationExtended(ReservationCreated::of(reservation))
                });
                records.events.add(extended);
                records.reservations.put(reservation.id, reservation.clone());
                Ok(Standing(reservation))
            }
        }
    }
}

impl App {
    /// Extends a hold of this fan.
    pub async fn extend(
        &self,
        user: UserId,
        reservation: ReservationId,
        tag: Option<OnceTag>,
    ) -> Result<Answered<Standing>, Failure<OnceRefused<ExtendReservationRefused>>> {
        let found = self.reads.reservation(reservation).await.map_err(unavailable)?;
        let Some(found) = found.filter(|found| found.user == user) else {
            return self.refuse_early(tag.as_ref(), ExtendReservationRefused::NotFound).await;
        };
        let command = Extend { reservation, user, schedule: found.schedule, seats: found.seats };
        self.run_once(Priority::Settle, tag, command).await
    }
}
