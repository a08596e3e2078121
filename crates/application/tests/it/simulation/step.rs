//! What can happen in a night, and what an application answers to it.

use std::sync::Arc;

use frontrow_application::payment::PayOutcome;
use frontrow_application::reservation::HoldRequest;
use frontrow_application::{App, Failure, OnceRefused};
use frontrow_domain::reservation::{Reservation, ReservationState};
use frontrow_domain::wallet::ChargeMethod;
use frontrow_domain::{Money, ReservationId, ScheduleId, SeatNo, Timestamp, UserId};
use frontrow_testkit::Stage;
use frontrow_testkit::faults::Fault;

/// What somebody asks for.
#[derive(Debug, Clone)]
pub(super) enum Wish {
    Hold { fan: UserId, schedule: ScheduleId, seats: Vec<SeatNo> },
    Pay { fan: UserId, reservation: ReservationId },
    Extend { fan: UserId, reservation: ReservationId },
    Cancel { fan: UserId, reservation: ReservationId },
    Charge { fan: UserId, amount: i64 },
}

/// A wish with the idempotency key that it is sent with, as often as it is sent.
#[derive(Debug, Clone)]
pub(super) struct Order {
    pub(super) wish: Wish,
    pub(super) key: u64,
}

/// What happens next.
#[derive(Debug, Clone)]
pub(super) enum Step {
    /// One order, whose group meets this fault.
    One(Order, Option<Fault>),
    /// Orders that share a group, which meets this fault, and which waits so many seconds for the store.
    Together(Vec<Order>, Option<Fault>, u32),
    /// The job that ends holds.
    Expire(Option<Fault>),
    /// The job that cleans up.
    CleanUp,
    Wait {
        seconds: u32,
    },
    JumpBack {
        seconds: u32,
    },
    Crash,
}

/// What an order came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Said {
    Held(Reservation),
    Paid {
        amount: Money,
    },
    Declined,
    Extended {
        until: Timestamp,
    },
    Cancelled,
    Charged,
    /// The rules say no.
    Refused,
    /// Not now; nothing changed.
    NotNow,
    /// Nobody can say.
    Unknown,
}

fn no<R: std::fmt::Debug>(failure: &Failure<OnceRefused<R>>) -> Said {
    match failure {
        Failure::Refused(OnceRefused::Refused(_)) => Said::Refused,
        Failure::Overloaded | Failure::Unavailable => Said::NotNow,
        Failure::OutcomeUnknown => Said::Unknown,
        // Keys here are never reused, never sent twice at once, and always readable.
        Failure::Refused(_) | Failure::Defect => panic!("a defect: {failure:?}"),
    }
}

fn until(reservation: &Reservation) -> Timestamp {
    match reservation.state {
        ReservationState::Pending { expires_at, .. } => expires_at,
        state => panic!("an extended hold is {state:?}"),
    }
}

/// Sends an order once.
pub(super) async fn send(app: Arc<App>, order: Order) -> Said {
    let key = order.key.to_string();
    let body = format!("{:?}", order.wish);
    match order.wish {
        Wish::Hold { fan, schedule, seats } => {
            match app.hold(fan, HoldRequest { schedule, seats }, Stage::tag(fan, &key, &body)).await {
                Ok(held) => Said::Held(held.outcome.0),
                Err(failure) => no(&failure),
            }
        }
        Wish::Pay { fan, reservation } => match app.pay(fan, reservation, Stage::tag(fan, &key, &body)).await
        {
            Ok(answer) => match answer.outcome {
                PayOutcome::Paid(paid) => Said::Paid { amount: paid.amount },
                PayOutcome::Declined { .. } => Said::Declined,
            },
            Err(failure) => no(&failure),
        },
        Wish::Extend { fan, reservation } => {
            match app.extend(fan, reservation, Stage::tag(fan, &key, &body)).await {
                Ok(extended) => Said::Extended { until: until(&extended.outcome.0) },
                Err(failure) => no(&failure),
            }
        }
        Wish::Cancel { fan, reservation } => match app.cancel(fan, reservation).await {
            Ok(_) => Said::Cancelled,
            Err(failure) => no(&failure.map(OnceRefused::Refused)),
        },
        Wish::Charge { fan, amount } => {
            let tag = Stage::tag(fan, &key, &body);
            match app.charge(fan, Money::of(amount), ChargeMethod::Card, tag).await {
                Ok(_) => Said::Charged,
                Err(failure) => no(&failure),
            }
        }
    }
}
