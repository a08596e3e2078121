//! A payment: one attempt to pay a reservation from the wallet. It either completed or failed; a failed one is
//! kept as well, because somebody will ask (R-W3).

use crate::{Money, PaymentId, ReservationId, ScheduleId, Timestamp, UserId};

/// One attempt to pay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payment {
    /// Its id.
    pub id: PaymentId,
    /// What was to be paid.
    pub reservation: ReservationId,
    /// The schedule of that reservation, so that sales can be counted by schedule.
    pub schedule: ScheduleId,
    /// Who paid.
    pub user: UserId,
    /// How much, as the server priced it.
    pub amount: Money,
    /// For how many seats.
    pub seats: u32,
    /// When it was decided.
    pub at: Timestamp,
    /// How it ended.
    pub state: PaymentState,
}

/// How a payment ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PaymentState {
    /// The money moved and the seats are sold.
    Completed,
    /// Nothing moved.
    Failed(FailureReason),
}

/// Why a payment failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureReason {
    /// The balance was too low.
    InsufficientBalance,
}

impl FailureReason {
    /// The name used in the interface, in events and in stores.
    pub const fn name(self) -> &'static str {
        match self {
            Self::InsufficientBalance => "insufficient_balance",
        }
    }

    /// The reason of that name.
    pub fn parse(name: &str) -> Option<Self> {
        (name == Self::InsufficientBalance.name()).then_some(Self::InsufficientBalance)
    }
}

impl PaymentState {
    /// The name used in the interface and in stores.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Failed(_) => "failed",
        }
    }
}

/// Money that went back for a completed payment. At most one a payment, ever; the store enforces it too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refund {
    /// Of which payment.
    pub payment: PaymentId,
    /// The reservation that it paid.
    pub reservation: ReservationId,
    /// The schedule of that reservation, so that refunds can be counted by schedule.
    pub schedule: ScheduleId,
    /// Into whose wallet the money went.
    pub user: UserId,
    /// How much went back.
    pub returned: Money,
    /// How much was kept.
    pub fee: Money,
    /// When it was decided.
    pub at: Timestamp,
    /// Why it was done.
    pub cause: RefundCause,
}

/// Why money went back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefundCause {
    /// The fan gave the seats back, under the policy of the schedule.
    Policy,
    /// An operator did it.
    Staff,
    /// The performance was called off.
    ScheduleCancelled,
}

impl RefundCause {
    /// All of them, in the order in which they are documented.
    pub const ALL: [Self; 3] = [Self::Policy, Self::Staff, Self::ScheduleCancelled];

    /// The name used in events and in stores.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Policy => "policy",
            Self::Staff => "staff",
            Self::ScheduleCancelled => "schedule_cancelled",
        }
    }

    /// The cause of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|cause| cause.name() == name)
    }
}
