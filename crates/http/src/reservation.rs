//! Reservations: hold seats, look at holds, extend one, give one back.

use axum::extract::State;
use axum::http::StatusCode;
use frontrow_application::reservation::{HoldRequest, HoldSeatsRefused, ReservationDetails, Standing};
use frontrow_application::store::ReservationFilter;
use frontrow_application::{Failure, OnceRefused};
use frontrow_domain::reservation::{ReservationState, ReservationStatus};
use frontrow_domain::ticket::Ticket;
use frontrow_domain::{ConcertId, ReservationId, ScheduleId, SeatNo, Timestamp};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::Caller;
use crate::catalog::Wanted;
use crate::docs::problems;
use crate::page::{Page, PageRequest, cut, parse_page};
use crate::problem::Problem;
use crate::queue::Shown;
use crate::request::{
    Asked, At, Form, KeyRule, Nothing, Query, QueryErrors, Refused, Sent, Untyped, parse_number,
};
use crate::respond::{self, Answer};
use crate::state::HttpState;
use crate::time::{Time, Uid};
use crate::words;

pub(crate) fn router() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new().routes(routes!(hold, list)).routes(routes!(read, cancel)).routes(routes!(extend))
}

problems! {
    HoldProblems: IdempotencyKeyRequired Unauthenticated AccessTokenExpired QueueTokenRequired
        QueueTokenInvalid QueueNotActive QueueTokenExpired AccountBlocked NotFound SeatUnavailable SeatLimitExceeded SaleNotOpen SalePaused SaleClosed RequestInFlight PayloadTooLarge
        UnsupportedMediaType ValidationFailed TooManySeats DuplicateSeats IdempotencyKeyReused RateLimited
        WaitingRoomUnavailable OutcomeUnknown;
    ListProblems: Unauthenticated AccessTokenExpired AccountBlocked;
    ReadProblems: Unauthenticated AccessTokenExpired AccountBlocked NotFound;
    ExtendProblems: IdempotencyKeyRequired Unauthenticated AccessTokenExpired AccountBlocked NotFound
        ReservationNotPending RequestInFlight ReservationExpired PayloadTooLarge UnsupportedMediaType
        ValidationFailed IdempotencyKeyReused OutcomeUnknown;
    CancelProblems: Unauthenticated AccessTokenExpired AccountBlocked NotFound RefundNotAllowed
        ReservationExpired OutcomeUnknown;
}

/// Which seats to hold.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct HoldForm {
    schedule_id: u32,
    /// The numbers of the seats.
    #[schema(min_items = 1, nullable = false)]
    seats: Option<Vec<u32>>,
    /// Not in this version yet.
    #[schema(value_type = Option<Object>)]
    best_available: Option<Untyped>,
}

impl Form for HoldForm {
    const ROUTE: &'static str = "POST /reservations";
    const KEY: KeyRule = KeyRule::Required;
    type Input = HoldRequest;

    fn check(self, _state: &HttpState) -> Result<HoldRequest, Refused> {
        if self.best_available.is_some() {
            let message = "is not in this version yet; name the seats";
            return Err(Problem::invalid_field("bestAvailable", message));
        }
        let seats =
            self.seats.ok_or_else(|| Problem::invalid_field("seats", "must name at least one seat"))?;
        let seats = seats.into_iter().map(SeatNo::new).collect();
        Ok(HoldRequest { schedule: ScheduleId::new(self.schedule_id), seats })
    }
}

/// Nothing to say: the path names the reservation.
#[derive(Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct ExtendForm(Nothing);

impl Form for ExtendForm {
    const ROUTE: &'static str = "POST /reservations/{id}/extend";
    const KEY: KeyRule = KeyRule::Required;
    const MAY_BE_ABSENT: bool = true;
    type Input = ();

    fn check(self, _state: &HttpState) -> Result<(), Refused> {
        Ok(())
    }
}

/// Seats held for, or sold to, one fan.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Reservation<'a> {
    reservation_id: Uid,
    #[schema(value_type = words::ReservationStatus)]
    status: &'static str,
    concert_id: u32,
    concert_title: &'a str,
    schedule_id: u32,
    starts_at: Time,
    venue: &'a str,
    seats: Vec<ReservedSeat<'a>>,
    /// In minor units, as priced when the seats were held.
    amount: i64,
    #[schema(example = "KRW")]
    currency: &'a str,
    created_at: Time,
    /// When the hold ends or has ended; when it was paid or given back, if it was.
    expires_at: Time,
    /// Whether the one extension is still to be had.
    extendable: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    confirmed_at: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_at: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payment_id: Option<Uid>,
    /// What would be given back now.
    refundable_amount: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    tickets: Option<Vec<TicketView>>,
}

/// A seat of a reservation.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ReservedSeat<'a> {
    no: u32,
    label: &'a str,
    #[schema(required)]
    section: Option<&'a str>,
    #[schema(required)]
    row: Option<&'a str>,
    grade: &'a str,
    price: i64,
}

/// The proof of one paid seat.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Ticket)]
pub(crate) struct TicketView {
    ticket_id: Uid,
    /// The number of the seat.
    seat: u32,
    /// What is scanned at the door: signed, and good without a network.
    #[schema(value_type = String)]
    code: Arc<str>,
    #[schema(value_type = words::TicketStatus)]
    status: &'static str,
}

impl TicketView {
    pub(crate) fn of(state: &HttpState, ticket: &Ticket) -> Self {
        Self {
            ticket_id: Uid(ticket.id.uuid()),
            seat: ticket.seat.get(),
            code: state.tickets().sign(ticket),
            status: ticket.state.name(),
        }
    }
}

impl<'a> Reservation<'a> {
    /// A reservation as it stands at `now`.
    fn of(state: &'a HttpState, details: &'a ReservationDetails, now: Timestamp) -> Self {
        let ReservationDetails { reservation, concert, schedule, tickets } = details;
        let seat = |&no: &SeatNo| {
            let seat = schedule.plan.seat(no)?;
            let grade = schedule.plan.grade_of(seat);
            Some(ReservedSeat {
                no: no.get(),
                label: &seat.label,
                section: schedule.plan.section_name(seat),
                row: schedule.plan.row_name(seat),
                grade: &grade.name,
                price: grade.price.minor(),
            })
        };
        let (confirmed_at, payment_id) = match reservation.state {
            ReservationState::Confirmed { at, payment, .. } => (Some(Time(at)), Some(Uid(payment.uuid()))),
            _ => (None, None),
        };
        let is_confirmed = confirmed_at.is_some();
        Self {
            reservation_id: Uid(reservation.id.uuid()),
            status: reservation.status(now).name(),
            concert_id: concert.id.get(),
            concert_title: &concert.title,
            schedule_id: schedule.id.get(),
            starts_at: Time(schedule.starts_at),
            venue: &schedule.venue,
            seats: reservation.seats.iter().filter_map(seat).collect(),
            amount: reservation.amount.minor(),
            currency: state.app().settings().currency.code(),
            created_at: Time(reservation.created_at),
            expires_at: Time(reservation.held_until()),
            extendable: reservation.is_extendable(&schedule.hold, now),
            confirmed_at,
            ended_at: reservation.ended_at(now).map(Time),
            payment_id,
            refundable_amount: 0,
            tickets: is_confirmed
                .then(|| tickets.iter().map(|ticket| TicketView::of(state, ticket)).collect()),
        }
    }
}

/// A reservation as a command has left it. That does not change with the clock, so that a repeat of the command
/// with its key shows the same: a hold is shown as of the moment at which it began.
async fn standing(state: &HttpState, status: StatusCode, replayed: bool, standing: Standing) -> Answer {
    let Standing(reservation) = standing;
    let decided_at = reservation.created_at;
    let details = state.app().details(reservation).await.map_err(|error| state.problem(error))?;
    respond::once(status, replayed, &Reservation::of(state, &details, decided_at))
}

/// Hold seats
///
/// All of them or none, for `holdSeconds`, until they are paid, given back, or the time is over. Where the concert has
/// a waiting room, with the active queue token of the same fan; operators and admins need none.
#[utoipa::path(post, operation_id = "holdSeats", path = "/api/v1/reservations", tag = "reservations", security(("bearer" = [])),
    params(("Idempotency-Key" = String, Header, min_length = 1, max_length = 255),
        ("Queue-Token" = Option<String>, Header, description = "Where the concert has a waiting room")),
    request_body = HoldForm,
    responses((status = 201, body = Reservation), HoldProblems))]
async fn hold(State(state): State<HttpState>, shown: Shown, sent: Sent<HoldForm>) -> Answer {
    let entrance = shown.entrance(sent.caller);
    let held = state.app().hold_by(sent.caller.user, entrance, sent.input, sent.tag).await;
    let held = held.map_err(|failure| state.problem(told(shown, failure)))?;
    standing(&state, StatusCode::CREATED, held.replayed, held.outcome).await
}

type HoldFailure = Failure<OnceRefused<HoldSeatsRefused>>;

/// A failure as it is told to somebody who has shown this token.
fn told(shown: Shown, failure: HoldFailure) -> HoldFailure {
    failure.map(|refused| match refused {
        OnceRefused::Refused(HoldSeatsRefused::Gate(gate)) => {
            OnceRefused::Refused(HoldSeatsRefused::Gate(shown.told(gate)))
        }
        refused => refused,
    })
}

/// Which reservations.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ReservationQuery {
    /// Only those of this status.
    #[param(value_type = Option<words::ReservationStatus>)]
    status: Option<String>,
    /// Only those of this concert.
    #[param(value_type = Option<u32>)]
    concert_id: Option<String>,
    /// Items on the page, 1 to 100; 20 when absent.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100)]
    limit: Option<String>,
    /// The `nextCursor` of the page before.
    cursor: Option<String>,
}

/// Which reservations, read.
#[derive(Debug)]
pub(crate) struct WantedReservations {
    status: Wanted<ReservationStatus>,
    concert: Option<ConcertId>,
    page: PageRequest<ReservationId>,
}

impl Query for ReservationQuery {
    type Parsed = WantedReservations;

    fn parse(self, errors: &mut QueryErrors) -> WantedReservations {
        let parse = ReservationStatus::parse;
        WantedReservations {
            status: Wanted::parse(errors, self.status.as_deref(), parse, &["refunded"]),
            concert: parse_number(errors, "concertId", self.concert_id.as_deref()),
            page: parse_page(errors, self.limit.as_deref(), self.cursor.as_deref()),
        }
    }
}

/// One's own reservations, newest first
#[utoipa::path(get, operation_id = "listReservations", path = "/api/v1/reservations", tag = "reservations", security(("bearer" = [])),
    params(ReservationQuery), responses((status = 200, body = Page<Reservation>), ListProblems))]
async fn list(
    State(state): State<HttpState>,
    caller: Caller,
    Asked(wanted): Asked<ReservationQuery>,
) -> Answer {
    let WantedReservations { status, concert, page: PageRequest { after, limit } } = wanted;
    if status == Wanted::Nothing {
        return respond::private(&Page::<Reservation<'_>>::whole(Vec::new()));
    }
    let filter = ReservationFilter { status: status.only(), concert };
    let found = state.app().reservations(caller.user, filter, after, limit + 1).await;
    let mut found = found.map_err(|error| state.problem(error))?;
    let next = cut(&mut found, limit, |last| last.reservation.id);
    let now = state.app().now();
    let items = found.iter().map(|details| Reservation::of(&state, details, now)).collect();
    respond::private(&Page::new(items, next))
}

/// A reservation of one's own
#[utoipa::path(get, operation_id = "readReservation", path = "/api/v1/reservations/{reservationId}", tag = "reservations",
    security(("bearer" = [])), params(("reservationId" = Uid, Path)),
    responses((status = 200, body = Reservation), ReadProblems))]
async fn read(State(state): State<HttpState>, caller: Caller, At(id): At<ReservationId>) -> Answer {
    let found = state.app().reservation(caller.user, id).await.map_err(|error| state.problem(error))?;
    let details = found.ok_or_else(Problem::not_found)?;
    respond::private(&Reservation::of(&state, &details, state.app().now()))
}

/// Extend a hold
///
/// Once, by `holdExtensionSeconds`, never past `createdAt` + `holdMaxSeconds`. Asking again changes nothing.
#[utoipa::path(post, operation_id = "extendReservation", path = "/api/v1/reservations/{reservationId}/extend", tag = "reservations",
    security(("bearer" = [])),
    params(("reservationId" = Uid, Path), ("Idempotency-Key" = String, Header, min_length = 1, max_length = 255)),
    responses((status = 200, body = Reservation), ExtendProblems))]
async fn extend(State(state): State<HttpState>, sent: Sent<ExtendForm, ReservationId>) -> Answer {
    let extended = state.app().extend(sent.caller.user, sent.target, sent.tag).await;
    let extended = extended.map_err(|failure| state.problem(failure))?;
    standing(&state, StatusCode::OK, extended.replayed, extended.outcome).await
}

/// Give a reservation back
///
/// A hold: its seats are free at once. Again: the same answer.
#[utoipa::path(delete, operation_id = "cancelReservation", path = "/api/v1/reservations/{reservationId}", tag = "reservations",
    security(("bearer" = [])), params(("reservationId" = Uid, Path)),
    responses((status = 200, body = Reservation), CancelProblems))]
async fn cancel(State(state): State<HttpState>, caller: Caller, At(id): At<ReservationId>) -> Answer {
    let cancelled = state.app().cancel(caller.user, id).await.map_err(|failure| state.problem(failure))?;
    standing(&state, StatusCode::OK, false, cancelled).await
}
