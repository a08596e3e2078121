//! What each refusal of a use case is told as: exhaustive matches, no catch-all.

use frontrow_application::account::{LogInRefused, SignUpRefused};
use frontrow_application::catalog::{EditConcertRefused, EditScheduleRefused};
use frontrow_application::payment::PayReservationRefused;
use frontrow_application::queue::{EditQueueRefused, GateRefused, JoinFailure, QueueFailure};
use frontrow_application::reservation::{
    CancelReservationRefused, ExtendReservationRefused, HoldSeatsRefused,
};
use frontrow_application::store::ReadError;
use frontrow_application::ticket::ScanTicketRefused;
use frontrow_application::trace;
use frontrow_application::waiting_room::LineError;
use frontrow_application::wallet::ChargeWalletRefused;
use frontrow_application::{Failure, OnceRefused};
use frontrow_domain::catalog::{FieldError, SaleClosed};
use frontrow_domain::queue::JoinRefused;
use frontrow_domain::reservation::{ExtendRefused, FanLimitRefused, PayRefused};
use frontrow_domain::ticket::ScanRefused;
use frontrow_domain::wallet::{ChargeRefused, InsufficientBalance};
use frontrow_domain::{PaymentId, Timestamp};

use super::{Code, Problem};
use crate::time::{Time, Uid};

/// A refusal of a use case, and the problem that tells of it.
pub(crate) trait Refusal {
    /// The problem, as seen at `now`.
    fn problem(self, now: Timestamp) -> Problem;
}

impl<R: Refusal> Refusal for Failure<R> {
    fn problem(self, now: Timestamp) -> Problem {
        match self {
            Self::Refused(reason) => reason.problem(now),
            Self::Overloaded => {
                Problem::new(Code::Overloaded, "Nothing has changed; please try again in a moment.")
            }
            Self::Unavailable => {
                Problem::new(Code::StoreUnavailable, "Nothing has changed; please try again in a moment.")
            }
            Self::OutcomeUnknown => Problem::new(
                Code::OutcomeUnknown,
                "It may have happened. Repeat the request with the same Idempotency-Key to find out.",
            ),
            Self::Defect => Problem::internal(),
        }
    }
}

impl<R: Refusal> Refusal for OnceRefused<R> {
    fn problem(self, now: Timestamp) -> Problem {
        match self {
            Self::KeyReused => {
                Problem::new(Code::IdempotencyKeyReused, "Take a new key for every new request.")
            }
            Self::InFlight => {
                Problem::new(Code::RequestInFlight, "Repeat the request in a moment to get its answer.")
            }
            // During an upgrade: a newer server has kept an answer that this one cannot show.
            Self::Unreadable => Problem::new(
                Code::OutcomeUnknown,
                "It did happen, but the answer cannot be shown now. Please ask again later.",
            ),
            Self::Refused(reason) => reason.problem(now),
        }
    }
}

impl Refusal for std::convert::Infallible {
    fn problem(self, _now: Timestamp) -> Problem {
        match self {}
    }
}

impl Refusal for ReadError {
    fn problem(self, _now: Timestamp) -> Problem {
        trace::failed("a query failed", &self);
        match self {
            Self::Unavailable(_) => {
                Problem::new(Code::StoreUnavailable, "It cannot be read now; please try again in a moment.")
            }
            Self::Corrupt(_) => Problem::internal(),
        }
    }
}

impl Refusal for Vec<FieldError> {
    fn problem(self, _now: Timestamp) -> Problem {
        Problem::invalid(self)
    }
}

impl Refusal for SignUpRefused {
    fn problem(self, _now: Timestamp) -> Problem {
        match self {
            Self::Invalid(errors) => Problem::invalid(errors),
            Self::EmailTaken => Problem::new(Code::EmailTaken, "Log in instead, or take another address."),
        }
    }
}

impl Refusal for LogInRefused {
    fn problem(self, _now: Timestamp) -> Problem {
        match self {
            Self::InvalidCredentials => {
                Problem::new(Code::InvalidCredentials, "There is no account with this address and password.")
            }
            Self::Blocked => Problem::blocked(),
        }
    }
}

impl Problem {
    /// Staff have stopped the account.
    pub(crate) fn blocked() -> Self {
        Self::new(Code::AccountBlocked, "Please turn to the box office.")
    }
}

impl Refusal for EditConcertRefused {
    fn problem(self, _now: Timestamp) -> Problem {
        match self {
            Self::NotFound => Problem::not_found(),
            Self::Invalid(errors) => Problem::invalid(errors),
        }
    }
}

impl Refusal for EditScheduleRefused {
    fn problem(self, _now: Timestamp) -> Problem {
        match self {
            Self::NotFound => Problem::not_found(),
            Self::Invalid(errors) => Problem::invalid(errors),
            Self::InUse => Problem::new(
                Code::ScheduleInUse,
                "The seat plan is fixed once a seat was claimed; leave `seatPlan` out.",
            ),
        }
    }
}

impl Refusal for HoldSeatsRefused {
    fn problem(self, now: Timestamp) -> Problem {
        match self {
            Self::NotFound => Problem::not_found(),
            Self::Gate(refused) => refused.problem(now),
            Self::NoSeats => Problem::invalid_field("seats", "must name at least one seat"),
            Self::TooManySeats { limit } => {
                Problem::new(Code::TooManySeats, format!("One request may name {limit} seats."))
                    .with(|members| members.limit = Some(limit as u64))
            }
            Self::DuplicateSeats(seats) => {
                Problem::new(Code::DuplicateSeats, "Name every seat once.").seats(&seats)
            }
            Self::UnknownSeats(seats) => {
                Problem::new(Code::NotFound, "The schedule has no such seats.").seats(&seats)
            }
            Self::Sale(closed) => closed.problem(now),
            Self::Fan(refused) => refused.problem(now),
            Self::SeatUnavailable(seats) => {
                Problem::new(Code::SeatUnavailable, "Choose other seats; none of yours are held.")
                    .seats(&seats)
            }
            Self::UnknownGrade => {
                Problem::invalid_field("bestAvailable.grade", "must be a grade of this schedule")
            }
            Self::SoldOut { seats_left } => Problem::sold_out(seats_left),
            Self::NoAdjacentSeats => Problem::not_together(),
        }
    }
}

impl Refusal for GateRefused {
    fn problem(self, now: Timestamp) -> Problem {
        match self {
            Self::TokenRequired => {
                Problem::new(Code::QueueTokenRequired, "Join the line with POST /api/v1/queues first.")
            }
            Self::TokenInvalid => Problem::new(
                Code::QueueTokenInvalid,
                "It is not a token of ours, or it is another fan's or another concert's.",
            ),
            Self::NotActive => Problem::new(Code::QueueNotActive, "Wait until your place is active."),
            Self::TokenExpired => {
                Problem::new(Code::QueueTokenExpired, "Join the line again for a new place at its end.")
            }
            Self::Line(error) => error.problem(now),
            Self::Read(error) => error.problem(now),
        }
    }
}

impl Refusal for LineError {
    fn problem(self, _now: Timestamp) -> Problem {
        trace::failed("the waiting room did not answer", &self);
        match self {
            Self::Unavailable(_) => Problem::new(
                Code::WaitingRoomUnavailable,
                "Places are kept and nobody is let in meanwhile; please try again in a moment.",
            ),
            Self::Overloaded => {
                Problem::new(Code::Overloaded, "Nothing has changed; please try again in a moment.")
            }
            Self::OutcomeUnknown(_) => Problem::new(
                Code::OutcomeUnknown,
                "It may have happened. Repeat the request: a place that is there is shown again.",
            ),
        }
    }
}

impl Refusal for QueueFailure {
    fn problem(self, now: Timestamp) -> Problem {
        match self {
            Self::NotFound => Problem::not_found(),
            Self::Line(error) => error.problem(now),
            Self::Read(error) => error.problem(now),
        }
    }
}

impl Refusal for JoinFailure {
    fn problem(self, now: Timestamp) -> Problem {
        match self {
            Self::NotFound => Problem::not_found(),
            Self::Refused(refused) => refused.problem(now),
            Self::Line(error) => error.problem(now),
            Self::Read(error) => error.problem(now),
        }
    }
}

impl Refusal for JoinRefused {
    fn problem(self, _now: Timestamp) -> Problem {
        match self {
            Self::NoWaitingRoom => {
                Problem::new(Code::NoWaitingRoom, "No token is asked for: hold seats at once.")
            }
            Self::NotOpen { opens_at } => Problem::new(Code::SaleNotOpen, "Come back when it opens.")
                .with(|members| members.opens_at = opens_at.map(Time)),
            Self::Closed => Problem::new(Code::SaleClosed, "Nobody can join this line any more."),
            Self::SoldOut => Problem::new(Code::SoldOut, "Every seat of this concert is sold."),
        }
    }
}

impl Refusal for EditQueueRefused {
    fn problem(self, _now: Timestamp) -> Problem {
        match self {
            Self::NotFound => Problem::not_found(),
            Self::Invalid(errors) => Problem::invalid(errors),
        }
    }
}

impl Refusal for SaleClosed {
    fn problem(self, _now: Timestamp) -> Problem {
        match self {
            Self::NotOpen { opens_at } => Problem::new(Code::SaleNotOpen, "Come back when it opens.")
                .with(|members| members.opens_at = Some(Time(opens_at))),
            Self::Paused => Problem::new(Code::SalePaused, "It is stopped for now; please try again later."),
            Self::Closed => Problem::new(Code::SaleClosed, "Seats of this schedule are no longer sold."),
        }
    }
}

impl Refusal for FanLimitRefused {
    fn problem(self, now: Timestamp) -> Problem {
        match self {
            Self::TooManySeats { limit, held } => {
                let detail = format!("One fan may have {limit} seats of this schedule and you have {held}.");
                Problem::new(Code::SeatLimitExceeded, detail).with(|members| {
                    members.limit = Some(u64::from(limit));
                    members.held = Some(held);
                })
            }
            Self::Pausing { until } => Problem::rate_limited(
                "You have let too many holds of this schedule go; please wait.",
                now.seconds_until(until),
            ),
        }
    }
}

impl Refusal for ExtendReservationRefused {
    fn problem(self, _now: Timestamp) -> Problem {
        match self {
            Self::NotFound => Problem::not_found(),
            Self::Reservation(ExtendRefused::Expired) => Problem::expired(),
            Self::Reservation(ExtendRefused::NotPending) => Problem::not_pending(),
        }
    }
}

impl Refusal for CancelReservationRefused {
    fn problem(self, _now: Timestamp) -> Problem {
        match self {
            Self::NotFound => Problem::not_found(),
            Self::Expired => Problem::expired(),
            Self::RefundNotAllowed => {
                Problem::new(Code::RefundNotAllowed, "It is paid, and its schedule takes nothing back now.")
            }
            Self::TicketUsed { at } => Problem::ticket_used(at),
        }
    }
}

impl Refusal for ScanTicketRefused {
    fn problem(self, _now: Timestamp) -> Problem {
        match self {
            Self::Unknown => Problem::ticket_invalid(),
            Self::Ticket(ScanRefused::AlreadyUsed { at }) => Problem::ticket_used(at),
            Self::Ticket(ScanRefused::Void) => {
                Problem::new(Code::TicketVoid, "Its seat was given back, or the performance was called off.")
            }
            Self::Ticket(ScanRefused::WrongSchedule) => {
                Problem::new(Code::TicketWrongSchedule, "It is a ticket for another performance.")
            }
        }
    }
}

impl Refusal for ChargeWalletRefused {
    fn problem(self, _now: Timestamp) -> Problem {
        match self {
            Self::NotFound => Problem::not_found(),
            Self::Policy(ChargeRefused::InvalidAmount) => Problem::new(
                Code::InvalidAmount,
                "The limits for one charge are shown with the balance, as chargeMin and chargeMax.",
            ),
            Self::Policy(ChargeRefused::BalanceLimit) => Problem::new(
                Code::BalanceLimitExceeded,
                "The most that a charge may lead to is shown with the balance, as balanceMax.",
            ),
        }
    }
}

impl Refusal for PayReservationRefused {
    fn problem(self, _now: Timestamp) -> Problem {
        match self {
            Self::NotFound => Problem::not_found(),
            Self::Reservation(PayRefused::Expired) => Problem::expired(),
            Self::Reservation(PayRefused::NotPending) => Problem::not_pending(),
            Self::Reservation(PayRefused::AlreadyPaid(payment)) => {
                Problem::new(Code::AlreadyPaid, "It was paid by another request.")
                    .with(|members| members.payment_id = Some(Uid(payment.uuid())))
            }
        }
    }
}

impl Problem {
    /// A payment that was declined: recorded, but not a success.
    pub(crate) fn declined(payment: PaymentId, shortage: InsufficientBalance) -> Self {
        let InsufficientBalance { required, balance } = shortage;
        Self::new(Code::InsufficientBalance, "Charge the wallet and pay again; the seats are still held.")
            .with(|members| {
                members.payment_id = Some(Uid(payment.uuid()));
                members.required = Some(required.minor());
                members.balance = Some(balance.minor());
            })
    }

    /// It is no ticket of ours.
    pub(crate) fn ticket_invalid() -> Self {
        Self::new(Code::TicketInvalid, "No ticket of this server says this.")
    }

    /// Fewer of the best are left than were asked for.
    pub(super) fn sold_out(seats_left: u32) -> Self {
        let detail = "Fewer of these seats are left than you asked for.";
        Self::new(Code::SoldOut, detail).with(|members| members.seats_left = Some(seats_left))
    }

    /// There are enough, but apart.
    pub(super) fn not_together() -> Self {
        let detail =
            "There are enough seats, but not beside each other: ask for fewer, or with `adjacent: false`.";
        Self::new(Code::NoAdjacentSeats, detail)
    }

    /// Somebody has come in with it.
    pub(super) fn ticket_used(at: Timestamp) -> Self {
        Self::new(Code::TicketAlreadyUsed, "Somebody has come in with this ticket.")
            .with(|members| members.used_at = Some(Time(at)))
    }

    fn expired() -> Self {
        Self::new(Code::ReservationExpired, "Its seats may be somebody else's by now; hold seats again.")
    }

    fn not_pending() -> Self {
        Self::new(Code::ReservationNotPending, "It is paid or cancelled.")
    }
}
