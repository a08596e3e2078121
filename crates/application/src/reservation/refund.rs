//! Giving paid seats back for money: by the policy of the schedule, by staff, or because the performance was called off.
//! Seats, tickets, reservation, ledger and events change in one commit, whoever asks.

use frontrow_domain::catalog::share;
use frontrow_domain::event::{self, Event, ReservationRefunded};
use frontrow_domain::payment::{Refund, RefundCause};
use frontrow_domain::records::{Key, Keys, Records};
use frontrow_domain::reservation::{Reservation, ReservationStatus, Transition, return_seats};
use frontrow_domain::staff::ActionKind;
use frontrow_domain::ticket::Ticket;
use frontrow_domain::{Money, ReservationId, ScheduleId, SeatNo, Timestamp, TransactionId, UserId};
use serde::Serialize;

use super::{Standing, keys_of};
use crate::account::unavailable;
use crate::app::App;
use crate::box_office::{Failure, Priority};
use crate::command::{Command, Stop, refuse};
use crate::once::{Answered, OnceRefused, OnceTag};
use crate::staff::{By, Deed, Signature};

/// The ids of the ledger entries of a refund, drawn at the edge.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RefundIds([TransactionId; 2]);

/// How a paid reservation is given back.
#[derive(Debug, Clone, Copy)]
pub(super) struct GiveBack {
    pub(super) ids: RefundIds,
    /// What goes back into the wallet.
    pub(super) returned: Money,
    pub(super) cause: RefundCause,
    /// True to take it back although somebody has come in with a ticket of it.
    pub(super) also_used: bool,
}

/// Why a reservation is not given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NotGivenBack {
    NotFound,
    NotPaid,
    TicketUsed { at: Timestamp },
}

impl GiveBack {
    /// Gives it back. One that was given back stays as it is.
    pub(super) fn decide(
        self,
        records: &mut Records,
        reservation: Reservation,
        now: Timestamp,
    ) -> Result<Reservation, Stop<NotGivenBack>> {
        let Some((_, payment)) = reservation.paid() else { return refuse(NotGivenBack::NotPaid) };
        let (id, schedule, amount) = (reservation.id, reservation.schedule, reservation.amount);
        let reservation = match reservation.refund(self.returned, now) {
            Ok(Transition::AlreadyApplied(reservation)) => return Ok(reservation),
            Ok(Transition::Applied(reservation)) => reservation,
            Err(_) => return refuse(NotGivenBack::NotPaid),
        };
        let tickets = records.tickets_of(id)?;
        if let Some(at) = tickets.iter().find_map(Ticket::used_at).filter(|_| !self.also_used) {
            return refuse(NotGivenBack::TicketUsed { at });
        }
        let Some(wallet) = records.wallets.get(&reservation.user)?.cloned() else {
            return refuse(NotGivenBack::NotFound);
        };
        let returned = self.returned.min(amount);
        let fee = amount.minus(returned).unwrap_or(Money::ZERO);
        let Ok((wallet, entries)) = wallet.refund(self.ids.0, (payment, id), amount, fee, now) else {
            return refuse(NotGivenBack::NotFound);
        };
        // A paid seat is always its own; were it not, the audit would say so, and the money goes back all the same.
        return_seats(records, schedule, &reservation.seats, id)?;
        for ticket in tickets {
            records.tickets.put(ticket.id, ticket.voided());
        }
        records.ledger.add_all(entries);
        let user = reservation.user;
        records.wallets.put(user, wallet);
        let cause = self.cause;
        records.refunds.add(Refund {
            payment,
            reservation: id,
            schedule,
            user,
            returned,
            fee,
            at: now,
            cause,
        });
        let (reservation, refunded) = event::of_reservation(reservation, now, |reservation| {
            Event::ReservationRefunded(ReservationRefunded {
                reservation_id: id,
                payment_id: payment,
                user_id: user,
                concert_id: reservation.concert,
                schedule_id: schedule,
                seats: reservation.seats.clone(),
                amount,
                returned,
                fee,
                cause: cause.name().to_owned(),
            })
        });
        records.events.add(refunded);
        records.reservations.put(id, reservation.clone());
        Ok(reservation)
    }
}

/// What staff gives back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaffRefund {
    /// Which reservation.
    pub reservation: ReservationId,
    /// Percent of what was paid, up to 100.
    pub percent: u32,
    /// Why, for the audit log.
    pub reason: String,
}

/// Why staff cannot give something back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StaffRefundRefused {
    /// There is no such reservation.
    NotFound,
    /// It was never paid.
    NotPaid,
    /// Somebody has come in with a ticket of it.
    TicketUsed {
        /// When.
        at: Timestamp,
    },
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SeenReservation<'a> {
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    amount: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    returned: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
}

struct RefundByStaff {
    refund: StaffRefund,
    user: UserId,
    schedule: ScheduleId,
    seats: Vec<SeatNo>,
    ids: RefundIds,
    signature: Signature,
}

impl Command for RefundByStaff {
    type Outcome = Standing;
    type Refusal = StaffRefundRefused;

    fn keys(&self) -> Keys {
        keys_of(self.refund.reservation, self.schedule, &self.seats)
            .with(Key::Tickets(self.refund.reservation))
            .with(Key::Wallet(self.user))
    }

    fn decide(&self, records: &mut Records, now: Timestamp) -> Result<Standing, Stop<StaffRefundRefused>> {
        let Some(found) = records.reservations.get(&self.refund.reservation)?.cloned() else {
            return refuse(StaffRefundRefused::NotFound);
        };
        let was_paid = found.status(now) == ReservationStatus::Confirmed;
        let Some(schedule) = records.schedules.get(&self.schedule)? else {
            return refuse(StaffRefundRefused::NotFound);
        };
        // What was called off goes back whole, whoever is quicker: staff, the fan, or the job.
        let is_cancelled = schedule.cancelled_at.is_some();
        let (returned, cause) = if is_cancelled {
            (found.amount, RefundCause::ScheduleCancelled)
        } else {
            (share(found.amount, self.refund.percent), RefundCause::Staff)
        };
        let give_back = GiveBack { ids: self.ids, returned, cause, also_used: is_cancelled };
        let reservation = give_back.decide(records, found, now).map_err(|stop| {
            stop.map(|why| match why {
                NotGivenBack::NotFound => StaffRefundRefused::NotFound,
                NotGivenBack::NotPaid => StaffRefundRefused::NotPaid,
                NotGivenBack::TicketUsed { at } => StaffRefundRefused::TicketUsed { at },
            })
        })?;
        if was_paid {
            let before = SeenReservation {
                status: "confirmed",
                amount: Some(reservation.amount.minor()),
                returned: None,
                reason: None,
            };
            let after = SeenReservation {
                status: "refunded",
                amount: None,
                returned: Some(returned.minor()),
                reason: Some(&self.refund.reason),
            };
            let (action, target) = (ActionKind::RefundReservation, format!("reservation/{}", reservation.id));
            self.signature.note(records, now, Deed { action, target, before, after });
        }
        Ok(Standing(reservation))
    }
}

/// What becomes of a reservation whose performance was called off: a hold ends, what was paid goes back whole.
struct Withdraw {
    reservation: ReservationId,
    user: UserId,
    schedule: ScheduleId,
    seats: Vec<SeatNo>,
    ids: RefundIds,
}

impl Command for Withdraw {
    /// True when this command did it.
    type Outcome = bool;
    type Refusal = std::convert::Infallible;

    fn keys(&self) -> Keys {
        keys_of(self.reservation, self.schedule, &self.seats)
            .with(Key::Tickets(self.reservation))
            .with(Key::Wallet(self.user))
    }

    fn decide(&self, records: &mut Records, now: Timestamp) -> Result<bool, Stop<Self::Refusal>> {
        let is_cancelled =
            records.schedules.get(&self.schedule)?.is_some_and(|schedule| schedule.cancelled_at.is_some());
        let Some(found) = records.reservations.get(&self.reservation)?.cloned().filter(|_| is_cancelled)
        else {
            return Ok(false);
        };
        match found.status(now) {
            ReservationStatus::Pending => {
                let Ok(Transition::Applied(cancelled)) = found.cancel(now) else { return Ok(false) };
                Ok(super::end::end_hold(records, cancelled, now)?.is_some())
            }
            ReservationStatus::Confirmed => {
                let (returned, cause) = (found.amount, RefundCause::ScheduleCancelled);
                let give_back = GiveBack { ids: self.ids, returned, cause, also_used: true };
                match give_back.decide(records, found, now) {
                    Ok(_) => Ok(true),
                    Err(Stop::Refused(_)) => Ok(false),
                    Err(Stop::Need(keys)) => Err(Stop::Need(keys)),
                }
            }
            ReservationStatus::Expired | ReservationStatus::Cancelled | ReservationStatus::Refunded => {
                Ok(false)
            }
        }
    }
}

impl App {
    /// Draws what a refund is written under.
    pub(crate) fn refund_ids(&self) -> RefundIds {
        RefundIds([TransactionId::new(self.entropy.uuid()), TransactionId::new(self.entropy.uuid())])
    }

    /// Gives a paid reservation back on behalf of staff, whatever its policy says.
    pub async fn refund(
        &self,
        by: By,
        refund: StaffRefund,
        tag: Option<OnceTag>,
    ) -> Result<Answered<Standing>, Failure<OnceRefused<StaffRefundRefused>>> {
        let found = self.reads.reservation(refund.reservation).await.map_err(unavailable)?;
        let Some(found) = found else {
            return self.refuse_early(tag.as_ref(), StaffRefundRefused::NotFound).await;
        };
        let command = RefundByStaff {
            refund,
            user: found.user,
            schedule: found.schedule,
            seats: found.seats,
            ids: self.refund_ids(),
            signature: self.sign(by),
        };
        self.run_once(Priority::Settle, tag, command).await
    }

    /// Ends a live reservation whose performance was called off. Answers whether there was anything to do.
    pub(crate) async fn withdraw(
        &self,
        live: Reservation,
    ) -> Result<bool, Failure<std::convert::Infallible>> {
        let Reservation { id: reservation, user, schedule, seats, .. } = live;
        let command = Withdraw { reservation, user, schedule, seats, ids: self.refund_ids() };
        self.box_office.run(Priority::Job, command).await
    }
}
