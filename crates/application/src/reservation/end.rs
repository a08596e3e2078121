//! The two ways in which a hold ends unpaid: its owner gives it back, or its time runs out.

use frontrow_domain::event::{self, Event, ReservationEnded};
use frontrow_domain::records::{Keys, Records};
use frontrow_domain::reservation::{NotPending, Reservation, Transition, release_seats};
use frontrow_domain::{ReservationId, ScheduleId, SeatNo, Timestamp, UserId};

use super::{Standing, keys_of};
use crate::account::unavailable;
use crate::app::App;
use crate::box_office::{Failure, Priority};
use crate::command::{Command, Stop, refuse};

/// Why a reservation is not cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CancelReservationRefused {
    /// There is no such reservation, or it is somebody else's.
    NotFound,
    /// The hold has ended by itself.
    Expired,
    /// It is paid, and its schedule has no refund policy.
    RefundNotAllowed,
}

struct Cancel {
    reservation: ReservationId,
    user: UserId,
    schedule: ScheduleId,
    seats: Vec<SeatNo>,
}

impl Command for Cancel {
    type Outcome = Standing;
    type Refusal = CancelReservationRefused;

    fn keys(&self) -> Keys {
        keys_of(self.reservation, self.schedule, &self.seats)
    }

    fn decide(
        &self,
        records: &mut Records,
        now: Timestamp,
    ) -> Result<Standing, Stop<CancelReservationRefused>> {
        let found = records.reservations.get(&self.reservation)?.filter(|found| found.user == self.user);
        let Some(reservation) = found.cloned() else { return refuse(CancelReservationRefused::NotFound) };
        match reservation.cancel(now) {
            Ok(Transition::AlreadyApplied(reservation)) => Ok(Standing(reservation)),
            Ok(Transition::Applied(reservation)) => {
                let freed = release_seats(records, self.schedule, &reservation.seats, reservation.id)?;
                if freed < reservation.seats.len() {
                    return refuse(CancelReservationRefused::Expired);
                }
                let (reservation, cancelled) = event::of_reservation(reservation, now, |reservation| {
                    Event::ReservationCancelled(ReservationEnded::of(reservation))
                });
                records.events.add(cancelled);
                records.reservations.put(reservation.id, reservation.clone());
                Ok(Standing(reservation))
            }
            Err(NotPending::Expired) => refuse(CancelReservationRefused::Expired),
            Err(NotPending::Confirmed) => refuse(CancelReservationRefused::RefundNotAllowed),
        }
    }
}

/// Notes that a hold has ended. It frees only claims that still carry the reservation's id, so it does no harm
/// however late it comes and however often.
struct Expire {
    reservation: ReservationId,
    schedule: ScheduleId,
    seats: Vec<SeatNo>,
}

impl Command for Expire {
    /// True when this command did it.
    type Outcome = bool;
    type Refusal = std::convert::Infallible;

    fn keys(&self) -> Keys {
        keys_of(self.reservation, self.schedule, &self.seats)
    }

    fn decide(&self, records: &mut Records, now: Timestamp) -> Result<bool, Stop<Self::Refusal>> {
        let Some(reservation) = records.reservations.get(&self.reservation)?.cloned() else {
            return Ok(false);
        };
        match reservation.expire(now) {
            Transition::AlreadyApplied(_) => Ok(false),
            Transition::Applied(reservation) => {
                release_seats(records, self.schedule, &reservation.seats, reservation.id)?;
                let (reservation, expired) = event::of_reservation(reservation, now, |reservation| {
                    Event::ReservationExpired(ReservationEnded::of(reservation))
                });
                records.events.add(expired);
                records.reservations.put(reservation.id, reservation);
                Ok(true)
            }
        }
    }
}

impl App {
    /// Gives back a hold of this fan. Cancelling a cancelled one shows it again.
    pub async fn cancel(
        &self,
        user: UserId,
        reservation: ReservationId,
    ) -> Result<Standing, Failure<CancelReservationRefused>> {
        let found = self.reads.reservation(reservation).await.map_err(unavailable)?;
        let Some(found) = found.filter(|found| found.user == user) else {
            return Err(Failure::Refused(CancelReservationRefused::NotFound));
        };
        let command = Cancel { reservation, user, schedule: found.schedule, seats: found.seats };
        self.box_office.run(Priority::Settle, command).await
    }

    /// Notes that the hold of this reservation has ended, if it has.
    pub(crate) async fn expire(
        &self,
        lapsed: Reservation,
    ) -> Result<bool, Failure<std::convert::Infallible>> {
        let command = Expire { reservation: lapsed.id, schedule: lapsed.schedule, seats: lapsed.seats };
        self.box_office.run(Priority::Job, command).await
    }
}
