//! What can happen in a night, and what an application answers to it.

use std::sync::Arc;

use frontrow_application::payment::PayOutcome;
use frontrow_application::reservation::{
    BestWanted, HoldRequest, KeepBack, SaleMeans, SeatSelection, SellRequest, StaffRefund, Standing, Wanted,
};
use frontrow_application::staff::By;
use frontrow_application::ticket::Scan;
use frontrow_application::{App, Failure, OnceRefused, OnceTag};
use frontrow_domain::reservation::{Reservation, ReservationState};
use frontrow_domain::wallet::ChargeMethod;
use frontrow_domain::{Money, ReservationId, ScheduleId, SeatNo, Timestamp, UserId};
use frontrow_testkit::Stage;
use frontrow_testkit::faults::Fault;
use uuid::Uuid;

/// Whoever is on duty.
const STAFF: UserId = UserId::new(Uuid::from_u128(0x57aff));

/// What somebody asks for.
#[derive(Debug, Clone)]
pub(super) enum Wish {
    Hold {
        fan: UserId,
        schedule: ScheduleId,
        seats: Vec<SeatNo>,
    },
    Pay {
        fan: UserId,
        reservation: ReservationId,
    },
    Extend {
        fan: UserId,
        reservation: ReservationId,
    },
    Cancel {
        fan: UserId,
        reservation: ReservationId,
    },
    /// So many seats, together or not.
    Best {
        fan: UserId,
        schedule: ScheduleId,
        quantity: usize,
        adjacent: bool,
    },
    /// By staff: so many percent go back.
    Refund {
        reservation: ReservationId,
        percent: u32,
    },
    /// The ticket for the seat at this place of its reservation.
    Scan {
        reservation: ReservationId,
        place: usize,
    },
    Block {
        schedule: ScheduleId,
        seats: Vec<SeatNo>,
    },
    Release {
        schedule: ScheduleId,
        seats: Vec<SeatNo>,
    },
    /// At the box office, out of what is kept back as well.
    Sell {
        fan: UserId,
        schedule: ScheduleId,
        seats: Vec<SeatNo>,
        means: SaleMeans,
    },
    Charge {
        fan: UserId,
        amount: i64,
    },
}

impl Wish {
    /// True of what only works on what somebody else has made or paid.
    pub(super) const fn undoes(&self) -> bool {
        match self {
            Self::Hold { .. }
            | Self::Best { .. }
            | Self::Pay { .. }
            | Self::Extend { .. }
            | Self::Charge { .. }
            | Self::Sell { .. } => false,
            Self::Cancel { .. }
            | Self::Refund { .. }
            | Self::Scan { .. }
            | Self::Block { .. }
            | Self::Release { .. } => true,
        }
    }
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
    /// The jobs that clean up, and tell what is sold out.
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
    GivenBack {
        returned: Money,
    },
    Scanned,
    /// So many seats are kept back, or on sale again.
    KeptBack {
        changed: u32,
    },
    Sold(Reservation),
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

async fn hold(app: &App, fan: UserId, request: HoldRequest, tag: Option<OnceTag>) -> Said {
    match app.hold(fan, request, tag).await {
        Ok(held) => Said::Held(held.outcome.0),
        Err(failure) => no(&failure),
    }
}

async fn scan(app: &App, reservation: ReservationId, place: usize, tag: Option<OnceTag>) -> Said {
    let found = app.any_reservation(reservation).await.expect("the store can be read");
    let tickets = found.map(|details| details.tickets).unwrap_or_default();
    // Nobody comes to the door with a ticket that was never printed.
    let Some(ticket) = tickets.get(place % tickets.len().max(1)) else { return Said::Refused };
    let scan = Scan { ticket: ticket.id, door: Some(ticket.schedule), at: None, by: STAFF };
    match app.scan(scan, tag).await {
        Ok(_) => Said::Scanned,
        Err(failure) => no(&failure),
    }
}

async fn keep_back(
    app: &App,
    schedule: ScheduleId,
    what: KeepBack,
    seats: Vec<SeatNo>,
    tag: Option<OnceTag>,
) -> Said {
    let seats = Some(seats.into_iter().map(|seat| (seat, seat)).collect());
    let selection = SeatSelection { seats, ..SeatSelection::default() };
    match app.keep_back(By::System, schedule, what, selection, None, tag).await {
        Ok(done) => Said::KeptBack { changed: done.outcome.changed },
        Err(failure) => no(&failure),
    }
}

/// Sends an order once.
pub(super) async fn send(app: Arc<App>, order: Order) -> Said {
    let key = order.key.to_string();
    let body = format!("{:?}", order.wish);
    match order.wish {
        Wish::Hold { fan, schedule, seats } => {
            let request = HoldRequest { schedule, seats: Wanted::Numbers(seats) };
            hold(&app, fan, request, Stage::tag(fan, &key, &body)).await
        }
        Wish::Best { fan, schedule, quantity, adjacent } => {
            let best = BestWanted { quantity, grade: None, adjacent, accessible: false };
            let request = HoldRequest { schedule, seats: Wanted::Best(best) };
            hold(&app, fan, request, Stage::tag(fan, &key, &body)).await
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
            Ok(Standing(given_back)) => match given_back.state {
                ReservationState::Refunded { returned, .. } => Said::GivenBack { returned },
                _ => Said::Cancelled,
            },
            Err(failure) => no(&failure.map(OnceRefused::Refused)),
        },
        Wish::Refund { reservation, percent } => {
            let refund = StaffRefund { reservation, percent, reason: "asked".to_owned() };
            match app.refund(By::System, refund, Stage::tag(STAFF, &key, &body)).await {
                Ok(done) => match done.outcome.0.state {
                    ReservationState::Refunded { returned, .. } => Said::GivenBack { returned },
                    state => panic!("a refunded reservation is {state:?}"),
                },
                Err(failure) => no(&failure),
            }
        }
        Wish::Scan { reservation, place } => {
            scan(&app, reservation, place, Stage::tag(STAFF, &key, &body)).await
        }
        Wish::Block { schedule, seats } => {
            keep_back(&app, schedule, KeepBack::Block, seats, Stage::tag(STAFF, &key, &body)).await
        }
        Wish::Release { schedule, seats } => {
            keep_back(&app, schedule, KeepBack::Release, seats, Stage::tag(STAFF, &key, &body)).await
        }
        Wish::Sell { fan, schedule, seats, means } => {
            let seats = Wanted::Numbers(seats);
            let request = SellRequest { user: fan, schedule, seats, means, from_blocked: true };
            match app.sell(By::System, request, Stage::tag(STAFF, &key, &body)).await {
                Ok(sold) => Said::Sold(sold.outcome.0),
                Err(failure) => no(&failure),
            }
        }
        Wish::Charge { fan, amount } => {
            let tag = Stage::tag(fan, &key, &body);
            match app.charge(By::System, fan, Money::of(amount), ChargeMethod::Card, tag).await {
                Ok(_) => Said::Charged,
                Err(failure) => no(&failure),
            }
        }
    }
}
