//! Paying a reservation: debit, ledger entry, payment, reservation confirmed, seats sold, tickets and events, in
//! one commit (R-W2). Too little balance is an outcome as well: the attempt is recorded, the hold lives on.

use frontrow_domain::event::{self, Event, PaymentDeclined, PaymentMade, ReservationEnded};
use frontrow_domain::payment::{FailureReason, Payment, PaymentState};
use frontrow_domain::records::{Key, Keys, Records};
use frontrow_domain::reservation::{PayRefused, Reservation, confirm_seats};
use frontrow_domain::ticket::{self, Ticket};
use frontrow_domain::wallet::InsufficientBalance;
use frontrow_domain::{
    Money, PaymentId, ReservationId, ScheduleId, SeatNo, TicketId, Timestamp, TransactionId, UserId,
};
use serde::{Deserialize, Serialize};

use crate::account::unavailable;
use crate::app::App;
use crate::box_office::{Failure, Priority};
use crate::command::{Command, Stop, refuse};
use crate::once::{Answered, Compact, OnceRefused, OnceTag};
use crate::reservation::keys_of;
use crate::store::{PaymentRecord, ReadError};

/// A reservation that was paid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Paid {
    /// The payment.
    pub payment: PaymentId,
    /// What it paid for.
    pub reservation: ReservationId,
    /// The schedule of the seats.
    pub schedule: ScheduleId,
    /// Who paid.
    pub user: UserId,
    /// How much.
    pub amount: Money,
    /// When.
    pub paid_at: Timestamp,
    /// The id of the first ticket; the others follow it.
    first_ticket: TicketId,
    /// The seats, in order of number.
    pub seats: Vec<SeatNo>,
}

impl Paid {
    /// The tickets that were issued, in order of seat.
    pub fn tickets(&self) -> Vec<Ticket> {
        ticket::issue(self.first_ticket, self.reservation, self.schedule, self.user, &self.seats)
    }
}

/// What came of an attempt to pay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PayOutcome {
    /// It is paid.
    Paid(Paid),
    /// The balance was too low; the attempt is on record.
    Declined {
        /// The failed payment.
        payment: PaymentId,
        /// What was missing.
        shortage: InsufficientBalance,
    },
}

/// Why a payment is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PayReservationRefused {
    /// There is no such reservation, or it is somebody else's.
    NotFound,
    /// The rules of the reservation say no.
    Reservation(PayRefused),
}

/// The version of the compact form of [`Paid`].
const PAID_V1: u8 = 1;

impl Compact for PayOutcome {
    fn to_bytes(&self) -> Option<Vec<u8>> {
        match self {
            Self::Paid(paid) => postcard::to_extend(paid, vec![PAID_V1]).ok(),
            Self::Declined { .. } => None,
        }
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (PAID_V1, rest) = bytes.split_first().map(|(version, rest)| (*version, rest))? else {
            return None;
        };
        postcard::from_bytes(rest).ok().map(Self::Paid)
    }
}

struct Pay {
    payment: PaymentId,
    transaction: TransactionId,
    first_ticket: TicketId,
    user: UserId,
    /// What was resolved at the edge; these facts of a reservation never change.
    reservation: ReservationId,
    schedule: ScheduleId,
    seats: Vec<SeatNo>,
}

impl Command for Pay {
    type Outcome = PayOutcome;
    type Refusal = PayReservationRefused;

    fn keys(&self) -> Keys {
        keys_of(self.reservation, self.schedule, &self.seats).with(Key::Wallet(self.user))
    }

    fn decide(
        &self,
        records: &mut Records,
        now: Timestamp,
    ) -> Result<PayOutcome, Stop<PayReservationRefused>> {
        let found = records.reservations.get(&self.reservation)?.filter(|found| found.user == self.user);
        let Some(reservation) = found.cloned() else { return refuse(PayReservationRefused::NotFound) };
        let Some(wallet) = records.wallets.get(&self.user)?.cloned() else {
            return refuse(PayReservationRefused::NotFound);
        };
        reservation.check_payable(now).map_err(not_payable)?;
        if records.schedules.get(&self.schedule)?.is_some_and(|schedule| schedule.cancelled_at.is_some()) {
            // Its hold is about to be ended: nobody pays for what does not take place.
            return refuse(PayReservationRefused::Reservation(PayRefused::NotPending));
        }
        match wallet.pay(self.transaction, reservation.amount, self.payment, reservation.id, now) {
            Err(shortage) => Ok(self.decline(records, reservation, shortage, now)),
            Ok((wallet, entry)) => {
                let sold =
                    confirm_seats(records, self.schedule, &reservation.seats, reservation.id, self.user)?;
                if !sold {
                    return refuse(PayReservationRefused::Reservation(PayRefused::Expired));
                }
                records.wallets.put(self.user, wallet);
                records.ledger.add(entry);
                let reservation = reservation.confirm(self.payment, now).map_err(not_payable)?;
                let ids = PaymentIds { payment: self.payment, first_ticket: self.first_ticket };
                Ok(PayOutcome::Paid(complete(records, ids, reservation, now)))
            }
        }
    }
}

/// The ids of a payment and of its tickets, drawn at the edge.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PaymentIds {
    pub(crate) payment: PaymentId,
    /// The others follow it.
    pub(crate) first_ticket: TicketId,
}

/// Writes what belongs to a reservation that has just been paid: payment, tickets and events, and the reservation.
pub(crate) fn complete(
    records: &mut Records,
    ids: PaymentIds,
    reservation: Reservation,
    now: Timestamp,
) -> Paid {
    let PaymentIds { payment, first_ticket } = ids;
    let paid = Paid {
        payment,
        reservation: reservation.id,
        schedule: reservation.schedule,
        user: reservation.user,
        amount: reservation.amount,
        paid_at: now,
        first_ticket,
        seats: reservation.seats.clone(),
    };
    records.payments.add(attempt(payment, &reservation, PaymentState::Completed, now));
    for ticket in paid.tickets() {
        records.add_ticket(ticket);
    }
    let (reservation, completed) = event::of_reservation(reservation, now, |reservation| {
        Event::PaymentCompleted(PaymentMade {
            payment_id: payment,
            reservation_id: reservation.id,
            user_id: reservation.user,
            concert_id: reservation.concert,
            schedule_id: reservation.schedule,
            seats: reservation.seats.clone(),
            amount: reservation.amount,
            entry_id: reservation.entry,
        })
    });
    let (reservation, confirmed) = event::of_reservation(reservation, now, |reservation| {
        Event::ReservationConfirmed(ReservationEnded::of(reservation))
    });
    records.events.add_all([completed, confirmed]);
    records.reservations.put(reservation.id, reservation);
    paid
}

/// An attempt to pay, as it is kept.
fn attempt(id: PaymentId, reservation: &Reservation, state: PaymentState, at: Timestamp) -> Payment {
    Payment {
        id,
        reservation: reservation.id,
        schedule: reservation.schedule,
        user: reservation.user,
        amount: reservation.amount,
        // No request has more seats than fit.
        seats: u32::try_from(reservation.seats.len()).unwrap_or(u32::MAX),
        at,
        state,
    }
}

fn not_payable(refused: PayRefused) -> Stop<PayReservationRefused> {
    Stop::Refused(PayReservationRefused::Reservation(refused))
}

impl Pay {
    fn decline(
        &self,
        records: &mut Records,
        reservation: Reservation,
        shortage: InsufficientBalance,
        now: Timestamp,
    ) -> PayOutcome {
        let reason = FailureReason::InsufficientBalance;
        records.payments.add(attempt(self.payment, &reservation, PaymentState::Failed(reason), now));
        let (reservation, failed) = event::of_reservation(reservation, now, |reservation| {
            Event::PaymentFailed(PaymentDeclined {
                payment_id: self.payment,
                reservation_id: reservation.id,
                user_id: reservation.user,
                concert_id: reservation.concert,
                schedule_id: reservation.schedule,
                amount: reservation.amount,
                reason: reason.name().to_owned(),
            })
        });
        records.events.add(failed);
        records.reservations.put(reservation.id, reservation);
        PayOutcome::Declined { payment: self.payment, shortage }
    }
}

impl App {
    /// Pays a reservation from its owner's wallet.
    pub async fn pay(
        &self,
        user: UserId,
        reservation: ReservationId,
        tag: Option<OnceTag>,
    ) -> Result<Answered<PayOutcome>, Failure<OnceRefused<PayReservationRefused>>> {
        let found = self.reads.reservation(reservation).await.map_err(unavailable)?;
        let Some(found) = found.filter(|found| found.user == user) else {
            return self.refuse_early(tag.as_ref(), PayReservationRefused::NotFound).await;
        };
        let command = Pay {
            payment: PaymentId::new(self.entropy.uuid()),
            transaction: TransactionId::new(self.entropy.uuid()),
            first_ticket: TicketId::new(self.entropy.uuid()),
            user,
            reservation,
            schedule: found.schedule,
            seats: found.seats,
        };
        self.run_once(Priority::Settle, tag, command).await
    }

    /// A payment of this fan; nobody else's is ever found.
    pub async fn payment(&self, user: UserId, id: PaymentId) -> Result<Option<PaymentRecord>, ReadError> {
        Ok(self.reads.payment(id).await?.filter(|found| found.payment.user == user))
    }

    /// The payments of a fan, newest first, before the one given.
    pub async fn payments(
        &self,
        user: UserId,
        before: Option<PaymentId>,
        limit: usize,
    ) -> Result<Vec<PaymentRecord>, ReadError> {
        self.reads.payments_of(user, before, limit).await
    }
}
