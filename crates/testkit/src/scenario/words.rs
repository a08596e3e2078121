//! How answers are put into words.

use frontrow_application::account::Refreshed;
use frontrow_application::catalog::CancelScheduleRefused;
use frontrow_application::payment::PayReservationRefused;
use frontrow_application::queue::GateRefused;
use frontrow_application::reservation::{
    CancelReservationRefused, ExtendReservationRefused, HoldSeatsRefused, KeepBackRefused, SellSeatsRefused,
    StaffRefundRefused,
};
use frontrow_application::ticket::ScanTicketRefused;
use frontrow_application::wallet::ChargeWalletRefused;
use frontrow_application::{Failure, OnceRefused};
use frontrow_domain::SeatNo;
use frontrow_domain::catalog::SaleClosed;
use frontrow_domain::reservation::{ExtendRefused, FanLimitRefused, PayRefused};
use frontrow_domain::ticket::ScanRefused;
use frontrow_domain::wallet::ChargeRefused;

/// Seats as `1,2,3`.
pub(super) fn seats(seats: &[SeatNo]) -> String {
    seats.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

/// A refusal in words.
pub(super) trait Words {
    fn words(&self) -> String;
}

impl<R: Words> Words for Failure<R> {
    fn words(&self) -> String {
        match self {
            Self::Refused(reason) => reason.words(),
            Self::Overloaded => "overloaded".to_owned(),
            Self::Unavailable => "unavailable".to_owned(),
            Self::OutcomeUnknown => "outcome unknown".to_owned(),
            Self::Defect => "defect".to_owned(),
        }
    }
}

impl<R: Words> Words for OnceRefused<R> {
    fn words(&self) -> String {
        match self {
            Self::KeyReused => "key reused".to_owned(),
            Self::InFlight => "in flight".to_owned(),
            Self::Unreadable => "unreadable".to_owned(),
            Self::Refused(reason) => reason.words(),
        }
    }
}

impl Words for HoldSeatsRefused {
    fn words(&self) -> String {
        match self {
            Self::NotFound => "not found".to_owned(),
            Self::Gate(GateRefused::TokenRequired) => "no token".to_owned(),
            Self::Gate(GateRefused::TokenInvalid) => "wrong token".to_owned(),
            Self::Gate(GateRefused::NotActive) => "not active".to_owned(),
            Self::Gate(GateRefused::TokenExpired) => "token expired".to_owned(),
            Self::Gate(GateRefused::Line(_)) => "no line".to_owned(),
            Self::Gate(GateRefused::Read(_)) => "no store".to_owned(),
            Self::NoSeats => "no seats".to_owned(),
            Self::TooManySeats { limit } => format!("more than {limit} seats"),
            Self::DuplicateSeats(twice) => format!("twice {}", seats(twice)),
            Self::UnknownSeats(unknown) => format!("unknown {}", seats(unknown)),
            Self::Sale(SaleClosed::NotOpen { .. }) => "not open".to_owned(),
            Self::Sale(SaleClosed::Paused) => "paused".to_owned(),
            Self::Sale(SaleClosed::Closed) => "closed".to_owned(),
            Self::Fan(FanLimitRefused::TooManySeats { limit, held }) => format!("limit {limit} has {held}"),
            Self::Fan(FanLimitRefused::Pausing { .. }) => "pausing".to_owned(),
            Self::SeatUnavailable(taken) => format!("taken {}", seats(taken)),
            Self::UnknownGrade => "unknown grade".to_owned(),
            Self::SoldOut { seats_left } => format!("sold out {seats_left} left"),
            Self::NoAdjacentSeats => "not together".to_owned(),
        }
    }
}

impl Words for KeepBackRefused {
    fn words(&self) -> String {
        match self {
            Self::NotFound => "not found".to_owned(),
            Self::UnknownSeats(unknown) => format!("unknown {}", seats(unknown)),
            Self::NothingSelected => "nothing selected".to_owned(),
            Self::NoSuchSeats => "no such seats".to_owned(),
            Self::SeatUnavailable(taken) => format!("taken {}", seats(taken)),
            Self::PlanReplaced => "plan replaced".to_owned(),
        }
    }
}

impl Words for SellSeatsRefused {
    fn words(&self) -> String {
        match self {
            Self::NotFound => "not found".to_owned(),
            Self::UnknownUser => "unknown fan".to_owned(),
            Self::Closed => "closed".to_owned(),
            Self::Seats(refused) => HoldSeatsRefused::from(refused.clone()).words(),
            Self::SeatUnavailable(taken) => format!("taken {}", seats(taken)),
            Self::InsufficientBalance(shortage) => {
                format!("declined {} of {}", shortage.balance, shortage.required)
            }
        }
    }
}

impl Words for StaffRefundRefused {
    fn words(&self) -> String {
        match self {
            Self::NotFound => "not found",
            Self::NotPaid => "not paid",
            Self::TicketUsed { .. } => "ticket used",
        }
        .to_owned()
    }
}

impl Words for ScanTicketRefused {
    fn words(&self) -> String {
        match self {
            Self::Unknown => "unknown",
            Self::Ticket(ScanRefused::AlreadyUsed { .. }) => "used",
            Self::Ticket(ScanRefused::Void) => "void",
            Self::Ticket(ScanRefused::WrongSchedule) => "wrong schedule",
        }
        .to_owned()
    }
}

impl Words for CancelScheduleRefused {
    fn words(&self) -> String {
        match self {
            Self::NotFound => "not found".to_owned(),
        }
    }
}

impl Words for PayReservationRefused {
    fn words(&self) -> String {
        match self {
            Self::NotFound => "not found",
            Self::Reservation(PayRefused::Expired) => "expired",
            Self::Reservation(PayRefused::AlreadyPaid(_)) => "already paid",
            Self::Reservation(PayRefused::NotPending) => "not pending",
        }
        .to_owned()
    }
}

impl Words for ExtendReservationRefused {
    fn words(&self) -> String {
        match self {
            Self::NotFound => "not found",
            Self::Reservation(ExtendRefused::Expired) => "expired",
            Self::Reservation(ExtendRefused::NotPending) => "not pending",
        }
        .to_owned()
    }
}

impl Words for CancelReservationRefused {
    fn words(&self) -> String {
        match self {
            Self::NotFound => "not found",
            Self::Expired => "expired",
            Self::RefundNotAllowed => "no refund",
            Self::TicketUsed { .. } => "ticket used",
        }
        .to_owned()
    }
}

impl Words for ChargeWalletRefused {
    fn words(&self) -> String {
        match self {
            Self::NotFound => "not found",
            Self::Policy(ChargeRefused::InvalidAmount) => "invalid amount",
            Self::Policy(ChargeRefused::BalanceLimit) => "balance limit",
        }
        .to_owned()
    }
}

impl Words for std::convert::Infallible {
    fn words(&self) -> String {
        match *self {}
    }
}

/// How a refresh went.
pub(super) const fn refreshed(refreshed: &Refreshed) -> &'static str {
    match refreshed {
        Refreshed::Renewed(_) => "renewed",
        Refreshed::Ended => "ended",
        Refreshed::Blocked => "blocked",
    }
}
