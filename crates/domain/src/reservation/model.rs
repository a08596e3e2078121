//! The reservation: `pending` → `confirmed`, `cancelled` or `expired`; `confirmed` → `refunded`.

use crate::catalog::HoldPolicy;
use crate::{ConcertId, EntryId, Money, PaymentId, ReservationId, ScheduleId, SeatNo, Timestamp, UserId};

/// Seats held for, or sold to, one fan. Everything but `state` and `last_event` never changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reservation {
    /// Its id.
    pub id: ReservationId,
    /// Whose it is.
    pub user: UserId,
    /// The concert.
    pub concert: ConcertId,
    /// The schedule.
    pub schedule: ScheduleId,
    /// The seats, in order of number.
    pub seats: Vec<SeatNo>,
    /// What they cost, as the server priced them when they were held.
    pub amount: Money,
    /// When they were held.
    pub created_at: Timestamp,
    /// The place in the waiting room under which they were held; nothing where no token was asked for. Paying
    /// ends the session of that place and of no other (R-Q5).
    pub entry: Option<EntryId>,
    /// Where it stands.
    pub state: ReservationState,
    /// The sequence number of its newest event.
    pub last_event: u32,
}

/// Where a reservation stands. What is only known in one state lives in that state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReservationState {
    /// Held, not paid.
    Pending {
        /// The first moment at which the hold no longer counts.
        expires_at: Timestamp,
        /// True once it was extended.
        extended: bool,
    },
    /// Paid.
    Confirmed {
        /// When.
        at: Timestamp,
        /// By which payment.
        payment: PaymentId,
        /// When the hold would have ended.
        held_until: Timestamp,
    },
    /// Given back by its owner.
    Cancelled {
        /// When.
        at: Timestamp,
        /// When the hold would have ended.
        held_until: Timestamp,
    },
    /// Not paid in time.
    Expired {
        /// When the hold ended.
        at: Timestamp,
    },
    /// Paid, and given back for money.
    Refunded {
        /// When.
        at: Timestamp,
        /// When it was paid.
        paid_at: Timestamp,
        /// By which payment.
        payment: PaymentId,
        /// When the hold would have ended.
        held_until: Timestamp,
        /// What went back into the wallet; the rest of the amount was kept as a fee.
        returned: Money,
    },
}

/// The state of a reservation as a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ReservationStatus {
    /// Held, not paid.
    Pending,
    /// Paid.
    Confirmed,
    /// Not paid in time.
    Expired,
    /// Given back.
    Cancelled,
    /// Paid, and given back for money.
    Refunded,
}

impl ReservationStatus {
    /// All of them, in the order in which they are documented.
    pub const ALL: [Self; 5] =
        [Self::Pending, Self::Confirmed, Self::Expired, Self::Cancelled, Self::Refunded];

    /// The name used in the interface and in stores.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Confirmed => "confirmed",
            Self::Expired => "expired",
            Self::Cancelled => "cancelled",
            Self::Refunded => "refunded",
        }
    }

    /// The status of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name() == name)
    }
}

/// What a command that may safely be repeated has done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Transition {
    /// The reservation moved to this.
    Applied(Reservation),
    /// It was there already; nothing is to be written.
    AlreadyApplied(Reservation),
}

/// Why a reservation cannot be paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PayRefused {
    /// The hold has ended.
    #[error("the hold has ended")]
    Expired,
    /// Another payment has paid it.
    #[error("it is paid already")]
    AlreadyPaid(PaymentId),
    /// It was cancelled or refunded.
    #[error("it is no longer pending")]
    NotPending,
}

/// Why a reservation cannot be refunded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RefundRefused {
    /// It was never paid.
    #[error("it is not paid")]
    NotPaid,
}

/// Why a reservation cannot be extended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ExtendRefused {
    /// The hold has ended.
    #[error("the hold has ended")]
    Expired,
    /// It is paid or cancelled.
    #[error("it is no longer pending")]
    NotPending,
}

/// Why a reservation cannot be cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotPending {
    /// The hold has ended by itself.
    #[error("the hold has ended")]
    Expired,
    /// It is paid: giving it back is a refund.
    #[error("it is paid")]
    Confirmed,
}

impl Reservation {
    /// Where it stands at `now`: a hold past its end is expired at once, also before any job has said so.
    pub fn status(&self, now: Timestamp) -> ReservationStatus {
        match self.state {
            ReservationState::Pending { expires_at, .. } if now >= expires_at => ReservationStatus::Expired,
            ReservationState::Pending { .. } => ReservationStatus::Pending,
            ReservationState::Confirmed { .. } => ReservationStatus::Confirmed,
            ReservationState::Cancelled { .. } => ReservationStatus::Cancelled,
            ReservationState::Expired { .. } => ReservationStatus::Expired,
            ReservationState::Refunded { .. } => ReservationStatus::Refunded,
        }
    }

    /// When its hold ends, has ended, or would have ended had it not been paid or cancelled.
    pub const fn held_until(&self) -> Timestamp {
        match self.state {
            ReservationState::Pending { expires_at: until, .. }
            | ReservationState::Confirmed { held_until: until, .. }
            | ReservationState::Cancelled { held_until: until, .. }
            | ReservationState::Refunded { held_until: until, .. }
            | ReservationState::Expired { at: until } => until,
        }
    }

    /// True while it keeps its seats from others.
    pub fn is_live(&self, now: Timestamp) -> bool {
        matches!(self.status(now), ReservationStatus::Pending | ReservationStatus::Confirmed)
    }

    /// When it ended without being paid, as seen at `now`. A refunded one was paid.
    pub fn lapsed_at(&self, now: Timestamp) -> Option<Timestamp> {
        match self.state {
            ReservationState::Pending { expires_at, .. } if now >= expires_at => Some(expires_at),
            ReservationState::Cancelled { at, .. } | ReservationState::Expired { at } => Some(at),
            ReservationState::Pending { .. }
            | ReservationState::Confirmed { .. }
            | ReservationState::Refunded { .. } => None,
        }
    }

    /// When it ended, as seen at `now`; nothing while it is live.
    pub fn ended_at(&self, now: Timestamp) -> Option<Timestamp> {
        match self.state {
            ReservationState::Refunded { at, .. } => Some(at),
            _ => self.lapsed_at(now),
        }
    }

    /// When and by which payment it was paid, whatever became of it.
    pub const fn paid(&self) -> Option<(Timestamp, PaymentId)> {
        match self.state {
            ReservationState::Confirmed { at, payment, .. } => Some((at, payment)),
            ReservationState::Refunded { paid_at, payment, .. } => Some((paid_at, payment)),
            _ => None,
        }
    }

    /// True while the one extension is still to be had and would add something (R-R3).
    pub fn is_extendable(&self, policy: &HoldPolicy, now: Timestamp) -> bool {
        match self.state {
            ReservationState::Pending { expires_at, extended: false } if now < expires_at => {
                self.extended_end(expires_at, policy) > expires_at
            }
            _ => false,
        }
    }

    /// Extends the hold once, never past its absolute cap. Asking again changes nothing.
    pub fn extend(self, policy: &HoldPolicy, now: Timestamp) -> Result<Transition, ExtendRefused> {
        match self.state {
            ReservationState::Pending { expires_at, .. } if now >= expires_at => Err(ExtendRefused::Expired),
            ReservationState::Pending { extended: true, .. } => Ok(Transition::AlreadyApplied(self)),
            ReservationState::Pending { expires_at, extended: false } => {
                let expires_at = self.extended_end(expires_at, policy);
                let state = ReservationState::Pending { expires_at, extended: true };
                Ok(Transition::Applied(Self { state, ..self }))
            }
            ReservationState::Expired { .. } => Err(ExtendRefused::Expired),
            ReservationState::Confirmed { .. }
            | ReservationState::Cancelled { .. }
            | ReservationState::Refunded { .. } => Err(ExtendRefused::NotPending),
        }
    }

    /// Whether it can be paid at `now`.
    pub fn check_payable(&self, now: Timestamp) -> Result<(), PayRefused> {
        match self.state {
            ReservationState::Pending { expires_at, .. } if now < expires_at => Ok(()),
            ReservationState::Pending { .. } | ReservationState::Expired { .. } => Err(PayRefused::Expired),
            ReservationState::Confirmed { payment, .. } => Err(PayRefused::AlreadyPaid(payment)),
            ReservationState::Cancelled { .. } | ReservationState::Refunded { .. } => {
                Err(PayRefused::NotPending)
            }
        }
    }

    /// Makes it paid by `payment`.
    pub fn confirm(self, payment: PaymentId, now: Timestamp) -> Result<Self, PayRefused> {
        self.check_payable(now)?;
        let held_until = self.held_until();
        Ok(Self { state: ReservationState::Confirmed { at: now, payment, held_until }, ..self })
    }

    /// Gives a hold back. Cancelling a cancelled one changes nothing.
    pub fn cancel(self, now: Timestamp) -> Result<Transition, NotPending> {
        match self.state {
            ReservationState::Pending { expires_at, .. } if now < expires_at => {
                let state = ReservationState::Cancelled { at: now, held_until: expires_at };
                Ok(Transition::Applied(Self { state, ..self }))
            }
            ReservationState::Pending { .. } | ReservationState::Expired { .. } => Err(NotPending::Expired),
            ReservationState::Cancelled { .. } => Ok(Transition::AlreadyApplied(self)),
            ReservationState::Confirmed { .. } | ReservationState::Refunded { .. } => {
                Err(NotPending::Confirmed)
            }
        }
    }

    /// Takes a paid reservation back for `returned`, at most its amount. Refunding a refunded one changes nothing.
    pub fn refund(self, returned: Money, now: Timestamp) -> Result<Transition, RefundRefused> {
        match self.state {
            ReservationState::Confirmed { at: paid_at, payment, held_until } => {
                let returned = returned.min(self.amount);
                let state = ReservationState::Refunded { at: now, paid_at, payment, held_until, returned };
                Ok(Transition::Applied(Self { state, ..self }))
            }
            ReservationState::Refunded { .. } => Ok(Transition::AlreadyApplied(self)),
            _ => Err(RefundRefused::NotPaid),
        }
    }

    /// Notes that the hold has ended, if it has: the job's part. A hold that still counts, and anything paid or
    /// ended, stays as it is.
    pub fn expire(self, now: Timestamp) -> Transition {
        match self.state {
            ReservationState::Pending { expires_at, .. } if now >= expires_at => {
                Transition::Applied(Self { state: ReservationState::Expired { at: expires_at }, ..self })
            }
            _ => Transition::AlreadyApplied(self),
        }
    }

    /// The number for the next event of this reservation, and the reservation that has given it out.
    pub fn next_event(self) -> (Self, u32) {
        let number = self.last_event.saturating_add(1);
        (Self { last_event: number, ..self }, number)
    }

    fn extended_end(&self, expires_at: Timestamp, policy: &HoldPolicy) -> Timestamp {
        let cap = self.created_at.plus_seconds(policy.max_seconds);
        // A policy that was tightened after the hold was made never shortens the hold.
        expires_at.plus_seconds(policy.extension_seconds).min(cap).max(expires_at)
    }
}
