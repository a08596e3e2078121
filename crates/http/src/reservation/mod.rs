//! Reservations: hold seats, look at holds, extend one, give one back.

mod form;
mod view;

pub(crate) use form::{BestAvailableForm, SeatsForm};
pub(crate) use view::{Reservation, TicketView, standing};

use axum::extract::State;
use axum::http::StatusCode;
use frontrow_application::reservation::HoldSeatsRefused;
use frontrow_application::store::ReservationFilter;
use frontrow_application::{Failure, OnceRefused};
use frontrow_domain::reservation::ReservationStatus;
use frontrow_domain::{ConcertId, ReservationId};
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::Caller;
use crate::docs::problems;
use crate::page::{Page, PageRequest, cut, parse_page};
use crate::problem::Problem;
use crate::queue::Shown;
use crate::request::{
    Asked, At, Form, KeyRule, Nothing, Query, QueryErrors, Refused, Sent, parse_number, parse_word,
};
use crate::respond::{self, Answer};
use crate::state::HttpState;
use crate::time::Uid;
use crate::words;
use form::HoldForm;

pub(crate) fn router() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new().routes(routes!(hold, list)).routes(routes!(read, cancel)).routes(routes!(extend))
}

problems! {
    HoldProblems: IdempotencyKeyRequired Unauthenticated AccessTokenExpired QueueTokenRequired
        QueueTokenInvalid QueueNotActive QueueTokenExpired AccountBlocked NotFound SeatUnavailable NoAdjacentSeats
        SoldOut SeatLimitExceeded SaleNotOpen SalePaused SaleClosed RequestInFlight PayloadTooLarge
        UnsupportedMediaType ValidationFailed TooManySeats DuplicateSeats IdempotencyKeyReused RateLimited
        WaitingRoomUnavailable OutcomeUnknown;
    ListProblems: Unauthenticated AccessTokenExpired AccountBlocked;
    ReadProblems: Unauthenticated AccessTokenExpired AccountBlocked NotFound;
    ExtendProblems: IdempotencyKeyRequired Unauthenticated AccessTokenExpired AccountBlocked NotFound
        ReservationNotPending RequestInFlight ReservationExpired PayloadTooLarge UnsupportedMediaType
        ValidationFailed IdempotencyKeyReused OutcomeUnknown;
    CancelProblems: Unauthenticated AccessTokenExpired AccountBlocked NotFound RefundNotAllowed
        TicketAlreadyUsed ReservationExpired OutcomeUnknown;
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

/// Hold seats
///
/// By number, or the best that are to be had (`bestAvailable`), chosen inside the claim itself, so that what is answered
/// is held. All of them or none, for `holdSeconds`, until they are paid, given back, or the time is over. Where the concert has
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
    status: Option<ReservationStatus>,
    concert: Option<ConcertId>,
    page: PageRequest<ReservationId>,
}

impl Query for ReservationQuery {
    type Parsed = WantedReservations;

    fn parse(self, errors: &mut QueryErrors) -> WantedReservations {
        let parse = ReservationStatus::parse;
        WantedReservations {
            status: parse_word(errors, "status", self.status.as_deref(), parse),
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
    let filter = ReservationFilter { status, concert };
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
/// A hold: its seats are free at once. What is paid: as the refund policy of the schedule says, back into the wallet; its
/// tickets are void and its seats free at once. Again: the same answer.
#[utoipa::path(delete, operation_id = "cancelReservation", path = "/api/v1/reservations/{reservationId}", tag = "reservations",
    security(("bearer" = [])), params(("reservationId" = Uid, Path)),
    responses((status = 200, body = Reservation), CancelProblems))]
async fn cancel(State(state): State<HttpState>, caller: Caller, At(id): At<ReservationId>) -> Answer {
    let cancelled = state.app().cancel(caller.user, id).await.map_err(|failure| state.problem(failure))?;
    standing(&state, StatusCode::OK, false, cancelled).await
}
