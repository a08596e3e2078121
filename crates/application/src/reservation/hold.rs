//! Hold seats, by number or the best that are to be had: all or nothing (R-R1), within what one fan may have (R-R5).

use std::sync::Arc;

use frontrow_domain::catalog::SaleClosed;
use frontrow_domain::event::{self, Event, ReservationCreated};
use frontrow_domain::records::{Key, Keys, Records};
use frontrow_domain::reservation::{
    Claim, FanLimitRefused, FanLimits, LapsePolicy, Reservation, ReservationState, check_fan_limits,
    claim_seats,
};
use frontrow_domain::{EntryId, ReservationId, ScheduleId, SeatNo, Timestamp, UserId};

use super::Standing;
use super::choice::{Choice, SeatsRefused, Wanted};
use crate::app::App;
use crate::box_office::{Failure, Priority};
use crate::command::{Command, Stop, refuse};
use crate::once::{Answered, OnceRefused, OnceTag};
use crate::queue::{Entrance, GateRefused};

/// Which seats are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HoldRequest {
    /// Of which schedule.
    pub schedule: ScheduleId,
    /// Which of its seats.
    pub seats: Wanted,
}

/// Why seats are not held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HoldSeatsRefused {
    /// There is no such schedule.
    NotFound,
    /// The fan is not let in.
    Gate(GateRefused),
    /// No seat was named.
    NoSeats,
    /// More seats than one request may name.
    TooManySeats {
        /// The limit.
        limit: usize,
    },
    /// A seat was named twice.
    DuplicateSeats(Vec<SeatNo>),
    /// These seats are not in the plan.
    UnknownSeats(Vec<SeatNo>),
    /// Nothing is sold now.
    Sale(SaleClosed),
    /// The fan may not have more.
    Fan(FanLimitRefused),
    /// These seats are taken or blocked.
    SeatUnavailable(Vec<SeatNo>),
    /// The schedule has no such grade.
    UnknownGrade,
    /// Fewer seats of that kind are left than were asked for.
    SoldOut {
        /// How many are.
        seats_left: u32,
    },
    /// There are enough seats, but not together.
    NoAdjacentSeats,
}

impl From<SeatsRefused> for HoldSeatsRefused {
    fn from(refused: SeatsRefused) -> Self {
        match refused {
            SeatsRefused::NoSeats => Self::NoSeats,
            SeatsRefused::TooManySeats { limit } => Self::TooManySeats { limit },
            SeatsRefused::DuplicateSeats(seats) => Self::DuplicateSeats(seats),
            SeatsRefused::UnknownSeats(seats) => Self::UnknownSeats(seats),
            SeatsRefused::UnknownGrade => Self::UnknownGrade,
            SeatsRefused::SoldOut { seats_left } => Self::SoldOut { seats_left },
            SeatsRefused::NoAdjacentSeats => Self::NoAdjacentSeats,
        }
    }
}

struct Hold {
    id: ReservationId,
    user: UserId,
    schedule: ScheduleId,
    seats: Choice,
    lapses: LapsePolicy,
    /// Whether fans may see the schedule. Looked up before, but refused here: a repeat of a hold that was made
    /// is shown again whatever has become of the concert.
    is_public: bool,
    /// The place in the waiting room under which the fan comes, or why they are not let in. Refused here as well:
    /// a repeat of a hold that was made is shown again also when the session is over.
    entrance: Result<Option<EntryId>, GateRefused>,
}

impl Command for Hold {
    type Outcome = Standing;
    type Refusal = HoldSeatsRefused;

    fn keys(&self) -> Keys {
        Keys::new([Key::Schedule(self.schedule), Key::FanReservations(self.schedule, self.user)])
            .and(self.seats.keys(self.schedule))
    }

    fn decide(&self, records: &mut Records, now: Timestamp) -> Result<Standing, Stop<HoldSeatsRefused>> {
        let Some(schedule) = records.schedules.get(&self.schedule)?.filter(|_| self.is_public) else {
            return refuse(HoldSeatsRefused::NotFound);
        };
        let entry = match &self.entrance {
            Ok(entry) => *entry,
            Err(refused) => return refuse(HoldSeatsRefused::Gate(refused.clone())),
        };
        schedule.check_on_sale(now).map_err(|closed| Stop::Refused(HoldSeatsRefused::Sale(closed)))?;
        let limits = FanLimits { max_seats: schedule.max_seats_per_fan, lapses: self.lapses };
        let expires_at = now.plus_seconds(schedule.hold.hold_seconds);
        let (concert, plan) = (schedule.concert, Arc::clone(&schedule.plan));
        self.seats.check(&plan).map_err(|refused| Stop::Refused(refused.into()))?;
        let history = records.fan_reservations(self.schedule, self.user)?;
        check_fan_limits(history, self.seats.quantity(), &limits, now)
            .map_err(|refused| Stop::Refused(HoldSeatsRefused::Fan(refused)))?;
        let seats = match self.seats.choose(records, self.schedule, &plan, self.id.uuid(), now)? {
            Ok(seats) => seats,
            Err(refused) => return refuse(refused.into()),
        };
        let Some(amount) = plan.price_of(&seats) else {
            return refuse(HoldSeatsRefused::UnknownSeats(seats));
        };
        let claim = Claim::Held { reservation: self.id, user: self.user, until: expires_at };
        if let Err(taken) = claim_seats(records, self.schedule, &seats, claim, now)? {
            return refuse(HoldSeatsRefused::SeatUnavailable(taken.seats));
        }
        let reservation = Reservation {
            id: self.id,
            user: self.user,
            concert,
            schedule: self.schedule,
            seats,
            amount,
            created_at: now,
            entry,
            state: ReservationState::Pending { expires_at, extended: false },
            last_event: 0,
        };
        let (reservation, created) = event::of_reservation(reservation, now, |reservation| {
            Event::ReservationCreated(ReservationCreated::of(reservation))
        });
        records.events.add(created);
        records.add_reservation(reservation.clone());
        Ok(Standing(reservation))
    }
}

impl App {
    /// Holds seats for a fan who brings no queue token.
    pub async fn hold(
        &self,
        user: UserId,
        request: HoldRequest,
        tag: Option<OnceTag>,
    ) -> Result<Answered<Standing>, Failure<OnceRefused<HoldSeatsRefused>>> {
        self.hold_by(user, Entrance::Fan(None), request, tag).await
    }

    /// Holds seats for a fan who is let in, or for staff.
    pub async fn hold_by(
        &self,
        user: UserId,
        entrance: Entrance,
        request: HoldRequest,
        tag: Option<OnceTag>,
    ) -> Result<Answered<Standing>, Failure<OnceRefused<HoldSeatsRefused>>> {
        let seats = match self.choice(request.schedule, request.seats).await {
            Ok(Ok(seats)) => seats,
            Ok(Err(refused)) => return self.refuse_early(tag.as_ref(), refused.into()).await,
            Err(error) => return Err(crate::account::unavailable(error)),
        };
        let is_public = self.is_public(request.schedule).await.map_err(crate::account::unavailable)?;
        let entrance = self.enter_schedule(request.schedule, entrance, user).await;
        if let Err(refused) = &entrance
            && !self.is_key_kept(tag.as_ref()).await
        {
            // Nobody in line gets as far as the store.
            return Err(Failure::Refused(OnceRefused::Refused(HoldSeatsRefused::Gate(refused.clone()))));
        }
        let id = ReservationId::new(self.entropy.uuid());
        let lapses = self.settings.sales.lapses;
        let command = Hold { id, user, schedule: request.schedule, seats, lapses, is_public, entrance };
        self.run_once(Priority::Begin, tag, command).await
    }
}
