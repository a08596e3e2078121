//! Reservations of all fans: finding them, selling and giving away at the box office, taking back.

use axum::extract::State;
use axum::http::StatusCode;
use frontrow_application::reservation::{ReservationDetails, SaleMeans, SellRequest, StaffRefund};
use frontrow_application::store::StaffFilter;
use frontrow_domain::account::{Account, Email, Standing};
use frontrow_domain::catalog::FieldError;
use frontrow_domain::reservation::ReservationStatus;
use frontrow_domain::{ConcertId, ReservationId, ScheduleId, SeatNo, Timestamp, UserId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::reason::check_reason;
use super::{ListProblems, SellProblems, StaffRefundProblems};
use crate::auth::{Caller, Staff};
use crate::page::{Page, PageRequest, cut, parse_page};
use crate::problem::Problem;
use crate::request::{
    Asked, Form, KeyRule, Object, Query, QueryErrors, Refused, Sent, Word, Words, parse_number, parse_word,
};
use crate::reservation::{BestAvailableForm, Reservation, SeatsForm, standing};
use crate::respond::{self, Answer};
use crate::state::HttpState;
use crate::time::Uid;
use crate::words;

/// Which reservations. Every parameter that is given narrows.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct StaffReservationQuery {
    /// Only those of this concert.
    #[param(value_type = Option<u32>)]
    concert_id: Option<String>,
    /// Only those of this schedule.
    #[param(value_type = Option<u32>)]
    schedule_id: Option<String>,
    /// Only those of this fan.
    #[param(value_type = Option<Uid>)]
    user_id: Option<String>,
    /// Only those of the fan with this address. Nobody's when nobody has it.
    #[param(example = "fan@example.com")]
    email: Option<String>,
    /// Only those of this status.
    #[param(value_type = Option<words::ReservationStatus>)]
    status: Option<String>,
    /// Only whoever holds or has bought this seat now; with `scheduleId`.
    #[param(value_type = Option<u32>, minimum = 1)]
    seat: Option<String>,
    /// Items on the page, 1 to 100; 20 when absent.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100)]
    limit: Option<String>,
    /// The `nextCursor` of the page before.
    cursor: Option<String>,
}

/// Which reservations, read.
#[derive(Debug)]
pub(super) struct WantedReservations {
    filter: StaffFilter,
    email: Option<String>,
    page: PageRequest<ReservationId>,
}

impl Query for StaffReservationQuery {
    type Parsed = WantedReservations;

    fn parse(self, errors: &mut QueryErrors) -> WantedReservations {
        if self.seat.is_some() && self.schedule_id.is_none() {
            errors.add("seat", "must come with scheduleId: seats are numbered within a schedule");
        }
        let filter = StaffFilter {
            concert: parse_number::<ConcertId>(errors, "concertId", self.concert_id.as_deref()),
            schedule: parse_number::<ScheduleId>(errors, "scheduleId", self.schedule_id.as_deref()),
            user: parse_user(errors, self.user_id.as_deref()),
            status: parse_word(errors, "status", self.status.as_deref(), ReservationStatus::parse),
            seat: parse_number::<u32>(errors, "seat", self.seat.as_deref()).map(SeatNo::new),
        };
        let page = parse_page(errors, self.limit.as_deref(), self.cursor.as_deref());
        WantedReservations { filter, email: self.email, page }
    }
}

fn parse_user(errors: &mut QueryErrors, text: Option<&str>) -> Option<UserId> {
    let id = Uid::parse(text?);
    if id.is_none() {
        errors.add("userId", "must be a UUID");
    }
    id.map(|id| UserId::new(id.0))
}

impl WantedReservations {
    /// The filter with the fan whom an address names; nothing when no reservation can fit.
    async fn filter(&self, state: &HttpState) -> Result<Option<StaffFilter>, Problem> {
        let Some(email) = &self.email else { return Ok(Some(self.filter)) };
        let named = state.app().user_by_email(email).await.map_err(|error| state.problem(error))?;
        let fits = |user: &UserId| self.filter.user.is_none_or(|wanted| wanted == *user);
        let user = named.map(|account| account.id).filter(fits);
        Ok(user.map(|user| StaffFilter { user: Some(user), ..self.filter }))
    }
}

/// A reservation with whose it is.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct StaffReservation<'a> {
    #[serde(flatten)]
    reservation: Reservation<'a>,
    fan: Fan<'a>,
}

/// Whose a reservation is.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Fan<'a> {
    user_id: Uid,
    /// Null once the account was erased.
    #[schema(required)]
    name: Option<&'a str>,
    /// Null for fans of an external issuer, and once the account was erased.
    #[schema(required)]
    email: Option<&'a str>,
}

impl<'a> StaffReservation<'a> {
    fn of(
        state: &'a HttpState,
        (details, fan): &'a (ReservationDetails, Option<Account>),
        now: Timestamp,
    ) -> Self {
        let known = fan.as_ref().filter(|account| account.standing != Standing::Erased);
        let fan = Fan {
            user_id: Uid(details.reservation.user.uuid()),
            name: known.map(|account| account.name.as_str()),
            email: known.and_then(|account| account.email.as_ref()).map(Email::as_str),
        };
        Self { reservation: Reservation::of(state, details, now), fan }
    }
}

/// Find reservations of all fans, newest first
#[utoipa::path(get, operation_id = "findReservations", path = "/api/v1/admin/reservations", tag = "admin",
    security(("bearer" = [])), params(StaffReservationQuery),
    responses((status = 200, body = Page<StaffReservation>), ListProblems))]
pub(super) async fn list(
    State(state): State<HttpState>,
    _: Staff,
    Asked(wanted): Asked<StaffReservationQuery>,
) -> Answer {
    let PageRequest { after, limit } = wanted.page;
    let mut found = match wanted.filter(&state).await? {
        None => Vec::new(),
        Some(filter) => {
            let found = state.app().find_reservations(filter, after, limit + 1).await;
            found.map_err(|error| state.problem(error))?
        }
    };
    let next = cut(&mut found, limit, |(last, _)| last.reservation.id);
    let now = state.app().now();
    let items = found.iter().map(|found| StaffReservation::of(&state, found, now)).collect();
    respond::private(&Page::new(items, next))
}

/// Seats to sell or to give away.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct SellForm {
    /// Whose the seats will be.
    user_id: Uid,
    schedule_id: u32,
    /// The numbers of the seats.
    #[schema(min_items = 1, example = json!([7, 8]))]
    #[serde(skip_serializing_if = "Option::is_none")]
    seats: Option<Vec<u32>>,
    /// Or the best that are to be had.
    #[schema(value_type = Option<BestAvailableForm>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    best_available: Option<Object<BestAvailableForm>>,
    /// From the fan's wallet; in cash, which goes through the wallet, in and out; or not at all: it costs nothing.
    #[schema(value_type = words::SaleMeans)]
    payment: Word<SaleMeans>,
    /// True to take seats that are kept back as well; not with `bestAvailable`.
    from_blocked: Option<bool>,
}

impl Words for SaleMeans {
    const EVERY: &'static [Self] = &Self::ALL;

    fn word(self) -> &'static str {
        self.name()
    }
}

impl Form for SellForm {
    const ROUTE: &'static str = "POST /admin/reservations";
    const KEY: KeyRule = KeyRule::Required;
    type Input = SellRequest;

    fn allow(caller: Caller, _state: &HttpState) -> Result<(), Refused> {
        caller.check_staff()
    }

    fn check(self, _state: &HttpState) -> Result<SellRequest, Refused> {
        let from_blocked = self.from_blocked.unwrap_or(false);
        if from_blocked && self.best_available.is_some() {
            let message = "seats that are kept back are named one by one: not with bestAvailable";
            return Err(Problem::invalid_field("fromBlocked", message));
        }
        let seats = SeatsForm { seats: self.seats, best_available: self.best_available }.wanted()?;
        Ok(SellRequest {
            user: UserId::new(self.user_id.0),
            schedule: ScheduleId::new(self.schedule_id),
            seats,
            means: self.payment.0,
            from_blocked,
        })
    }
}

/// Sell seats at the box office, or give them away
///
/// Claimed, paid and confirmed in one go. The window of the sale, the line and the limit of seats a fan do not count
/// here; that a seat has one owner does.
#[utoipa::path(post, operation_id = "sellSeats", path = "/api/v1/admin/reservations", tag = "admin",
    security(("bearer" = [])),
    params(("Idempotency-Key" = String, Header, min_length = 1, max_length = 255)),
    request_body = SellForm, responses((status = 201, body = Reservation), SellProblems))]
pub(super) async fn sell(State(state): State<HttpState>, sent: Sent<SellForm>) -> Answer {
    let sold = state.app().sell(sent.staff().by(), sent.input, sent.tag).await;
    let sold = sold.map_err(|failure| state.problem(failure))?;
    standing(&state, StatusCode::CREATED, sold.replayed, sold.outcome).await
}

/// What is given back.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RefundForm {
    /// Percent of what was paid, rounded down; 100 when absent.
    #[schema(maximum = 100, example = 100)]
    percent: Option<u32>,
    /// Why, for the audit log.
    #[schema(min_length = 1, max_length = 500, pattern = r"\S", example = "Wheelchair lift out of order")]
    reason: String,
}

impl Form for RefundForm {
    const ROUTE: &'static str = "POST /admin/reservations/{id}/refund";
    const KEY: KeyRule = KeyRule::Required;
    type Input = (u32, String);

    fn allow(caller: Caller, _state: &HttpState) -> Result<(), Refused> {
        caller.check_staff()
    }

    fn check(self, _state: &HttpState) -> Result<(u32, String), Refused> {
        let mut errors = Vec::new();
        let percent = self.percent.unwrap_or(PERCENT_MAX);
        if percent > PERCENT_MAX {
            errors.push(FieldError::new("percent", format!("must be from 0 to {PERCENT_MAX}")));
        }
        check_reason(&mut errors, Some(&self.reason));
        if errors.is_empty() { Ok((percent, self.reason)) } else { Err(Problem::invalid(errors)) }
    }
}

/// All of what was paid.
const PERCENT_MAX: u32 = 100;

/// Take a paid reservation back
///
/// Whatever the refund policy says. Its seats are available at once, its tickets are void, and the money goes into the
/// wallet. One that was given back stays as it is.
#[utoipa::path(post, operation_id = "refundReservation", path = "/api/v1/admin/reservations/{reservationId}/refund", tag = "admin",
    security(("bearer" = [])),
    params(("reservationId" = Uid, Path), ("Idempotency-Key" = String, Header, min_length = 1, max_length = 255)),
    request_body = RefundForm, responses((status = 200, body = Reservation), StaffRefundProblems))]
pub(super) async fn refund(State(state): State<HttpState>, sent: Sent<RefundForm, ReservationId>) -> Answer {
    let by = sent.staff().by();
    let (percent, reason) = sent.input;
    let refund = StaffRefund { reservation: sent.target, percent, reason };
    let refunded = state.app().refund(by, refund, sent.tag).await;
    let refunded = refunded.map_err(|failure| state.problem(failure))?;
    standing(&state, StatusCode::OK, refunded.replayed, refunded.outcome).await
}
