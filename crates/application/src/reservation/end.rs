//! The ways in which a fan's seats come back: the owner gives them back, paid or not, or the time of a hold runs out.

use frontrow_domain::event::{self, Event, ReservationEnded};
use frontrow_domain::payment::RefundCause;
use frontrow_domain::records::{Key, Keys, Records};
use frontrow_domain::reservation::{NotPending, Reservation, Transition, release_seats};
use frontrow_domain::{ReservationId, ScheduleId, SeatNo, Timestamp, UserId};

use super::refund::{GiveBack, NotGivenBack, RefundIds};
use super::{Standing, keys_of};
use crate::account::unavailable;
use crate::app::App;
use crate::box_office::{Failure, Priority};
use crate::command::{Command, Stop, refuse};

/// Why a reservation is not given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CancelReservationRefused {
    /// There is no such reservation, or it is somebody else's.
    NotFound,
    /// The hold has ended by itself.
    Expired,
    /// It is paid, and its schedule does not take it back now.
    RefundNotAllowed,
    /// It is paid, and somebody has come in with a ticket of it.
    TicketUsed {
        /// When.
        at: Timestamp,
    },
}

struct Cancel {
    reservation: ReservationId,
    user: UserId,
    schedule: ScheduleId,
    seats: Vec<SeatNo>,
    ids: RefundIds,
    /// True when it was paid as the edge saw it: then what a refund touches is loaded from the start.
    is_paid: bool,
}

impl Command for Cancel {
    type Outcome = Standing;
    type Refusal = CancelReservationRefused;

    fn keys(&self) -> Keys {
        let keys = keys_of(self.reservation, self.schedule, &self.seats);
        if self.is_paid {
            keys.with(Key::Tickets(self.reservation)).with(Key::Wallet(self.user))
        } else {
            keys
        }
    }

    fn decide(
        &self,
        records: &mut Records,
        now: Timestamp,
    ) -> Result<Standing, Stop<CancelReservationRefused>> {
        let found = records.reservations.get(&self.reservation)?.filter(|found| found.user == self.user);
        let Some(reservation) = found.cloned() else { return refuse(CancelReservationRefused::NotFound) };
        match reservation.clone().cancel(now) {
            Ok(Transition::AlreadyApplied(reservation)) => Ok(Standing(reservation)),
            Ok(Transition::Applied(cancelled)) => match end_hold(records, cancelled, now)? {
                Some(reservation) => Ok(Standing(reservation)),
                None => refuse(CancelReservationRefused::Expired),
            },
            Err(NotPending::Expired) => refuse(CancelReservationRefused::Expired),
            Err(NotPending::Confirmed) => self.give_back(records, reservation, now),
        }
    }
}

impl Cancel {
    fn give_back(
        &self,
        records: &mut Records,
        reservation: Reservation,
        now: Timestamp,
    ) -> Result<Standing, Stop<CancelReservationRefused>> {
        let Some(schedule) = records.schedules.get(&self.schedule)? else {
            return refuse(CancelReservationRefused::NotFound);
        };
        let (returned, cause) = match schedule.refundable(reservation.amount, now) {
            // Who was sold something that does not take place gets all of it back, whatever the policy says.
            _ if schedule.cancelled_at.is_some() => (reservation.amount, RefundCause::ScheduleCancelled),
            Some(returned) => (returned, RefundCause::Policy),
            // A repeat shows what became of it, also when the policy has run out since.
            None if reservation.ended_at(now).is_some() => return Ok(Standing(reservation)),
            None => return refuse(CancelReservationRefused::RefundNotAllowed),
        };
        let give_back = GiveBack { ids: self.ids, returned, cause, also_used: false };
        give_back.decide(records, reservation, now).map(Standing).map_err(|stop| {
            stop.map(|why| match why {
                NotGivenBack::NotPaid => CancelReservationRefused::Expired,
                NotGivenBack::NotFound => CancelReservationRefused::NotFound,
                NotGivenBack::TicketUsed { at } => CancelReservationRefused::TicketUsed { at },
            })
        })
    }
}

/// Frees the seats of a reservation that was cancelled, and tells of it. Nothing, when it no longer had them all.
pub(super) fn end_hold(
    records: &mut Records,
    cancelled: Reservation,
    now: Timestamp,
) -> Result<Option<Reservation>, frontrow_domain::records::Need> {
    let freed = release_seats(records, cancelled.schedule, &cancelled.seats, cancelled.id)?;
    if freed < cancelled.seats.len() {
        return Ok(None);
    }
    let (reservation, event) = event::of_reservation(cancelled, now, |reservation| {
        Event::ReservationCancelled(ReservationEnded::of(reservation))
    });
    records.events.add(event);
    records.reservations.put(reservation.id, reservation.clone());
    Ok(Some(reservation))
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
    /// Gives back a hold of this fan, or what they have paid, as the policy of the schedule says. Giving back what was
    /// given back shows it again.
    pub async fn cancel(
        &self,
        user: UserId,
        reservation: ReservationId,
    ) -> Result<Standing, Failure<CancelReservationRefused>> {
        let found = self.reads.reservation(reservation).await.map_err(unavailable)?;
        let Some(found) = found.filter(|found| found.user == user) else {
            return Err(Failure::Refused(CancelReservationRefused::NotFound));
        };
        let is_paid = found.paid().is_some();
        let ids = self.refund_ids();
        let command =
            Cancel { reservation, user, schedule: found.schedule, seats: found.seats, ids, is_paid };
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
