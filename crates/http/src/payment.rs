//! Payments: paying a reservation from the wallet, and what was paid.

use axum::extract::State;
use axum::http::StatusCode;
use frontrow_application::payment::PayOutcome;
use frontrow_application::store::PaymentRecord;
use frontrow_domain::payment::{Payment, PaymentState};
use frontrow_domain::{PaymentId, ReservationId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::{Caller, Owner};
use crate::docs::problems;
use crate::page::{Page, PageRequest, cut, parse_page};
use crate::problem::Problem;
use crate::request::{Asked, At, Form, KeyRule, Query, QueryErrors, Refused, Sent};
use crate::reservation::TicketView;
use crate::respond::{self, Answer};
use crate::state::HttpState;
use crate::time::{Time, Uid};
use crate::words;

pub(crate) fn router() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new().routes(routes!(pay)).routes(routes!(read)).routes(routes!(list))
}

problems! {
    PayProblems: IdempotencyKeyRequired Unauthenticated AccessTokenExpired AccountBlocked InsufficientBalance
        NotFound ReservationNotPending AlreadyPaid RequestInFlight ReservationExpired PayloadTooLarge
        UnsupportedMediaType ValidationFailed IdempotencyKeyReused OutcomeUnknown;
    ReadProblems: Unauthenticated AccessTokenExpired AccountBlocked NotFound;
}

/// What to pay.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct PayForm {
    reservation_id: Uid,
}

impl Form for PayForm {
    const ROUTE: &'static str = "POST /payments";
    const KEY: KeyRule = KeyRule::Required;
    type Input = ReservationId;

    fn check(self, _state: &HttpState) -> Result<ReservationId, Refused> {
        Ok(ReservationId::new(self.reservation_id.0))
    }
}

/// An attempt to pay a reservation.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Payment)]
struct PaymentView<'a> {
    payment_id: Uid,
    reservation_id: Uid,
    /// In minor units.
    amount: i64,
    #[schema(example = "KRW")]
    currency: &'a str,
    #[schema(value_type = words::PaymentStatus)]
    status: &'static str,
    /// When it was decided.
    created_at: Time,
    #[serde(skip_serializing_if = "Option::is_none")]
    paid_at: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<words::FailureReason>)]
    failure_reason: Option<&'static str>,
    /// The tickets, except in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    tickets: Option<Vec<TicketView>>,
}

impl<'a> PaymentView<'a> {
    fn of(state: &'a HttpState, record: &PaymentRecord, tickets: Option<Vec<TicketView>>) -> Self {
        let PaymentRecord { payment, refund } = record;
        let (paid_at, failure_reason) = match payment.state {
            PaymentState::Completed => (Some(Time(payment.at)), None),
            PaymentState::Failed(reason) => (None, Some(reason.name())),
        };
        Self {
            payment_id: Uid(payment.id.uuid()),
            reservation_id: Uid(payment.reservation.uuid()),
            amount: payment.amount.minor(),
            currency: state.app().settings().currency.code(),
            status: refund.as_ref().map_or(payment.state.name(), |_| "refunded"),
            created_at: Time(payment.at),
            paid_at,
            failure_reason,
            tickets,
        }
    }
}

/// Pay a reservation
///
/// From the wallet of its owner: debit, tickets and seats in one step. With too little in the wallet nothing
/// moves, the attempt is recorded, and the seats stay held.
#[utoipa::path(post, operation_id = "payReservation", path = "/api/v1/payments", tag = "payments", security(("bearer" = [])),
    params(("Idempotency-Key" = String, Header, min_length = 1, max_length = 255)), request_body = PayForm,
    responses((status = 201, body = PaymentView), PayProblems))]
async fn pay(State(state): State<HttpState>, sent: Sent<PayForm>) -> Answer {
    let answered = state.app().pay(sent.caller.user, sent.input, sent.tag).await;
    let answered = answered.map_err(|failure| state.problem(failure))?;
    match answered.outcome {
        PayOutcome::Declined { payment, shortage } => Err(Problem::declined(payment, shortage)),
        PayOutcome::Paid(paid) => {
            let tickets = paid.tickets().iter().map(|ticket| TicketView::of(&state, ticket)).collect();
            let payment = Payment {
                id: paid.payment,
                reservation: paid.reservation,
                schedule: paid.schedule,
                user: paid.user,
                amount: paid.amount,
                seats: u32::try_from(paid.seats.len()).unwrap_or(u32::MAX),
                at: paid.paid_at,
                state: PaymentState::Completed,
            };
            // Of a payment that was just made nothing has gone back.
            let record = PaymentRecord { payment, refund: None };
            let body = PaymentView::of(&state, &record, Some(tickets));
            respond::once(StatusCode::CREATED, answered.replayed, &body)
        }
    }
}

/// A payment of one's own
#[utoipa::path(get, operation_id = "readPayment", path = "/api/v1/payments/{paymentId}", tag = "payments", security(("bearer" = [])),
    params(("paymentId" = Uid, Path)), responses((status = 200, body = PaymentView), ReadProblems))]
async fn read(State(state): State<HttpState>, caller: Caller, At(id): At<PaymentId>) -> Answer {
    let found = state.app().payment(caller.user, id).await.map_err(|error| state.problem(error))?;
    let record = found.ok_or_else(Problem::not_found)?;
    let tickets = match record.payment.state {
        PaymentState::Failed(_) => None,
        PaymentState::Completed => {
            let found = state.app().reservation(caller.user, record.payment.reservation).await;
            let details = found.map_err(|error| state.problem(error))?.ok_or_else(Problem::internal)?;
            Some(details.tickets.iter().map(|ticket| TicketView::of(&state, ticket)).collect())
        }
    };
    respond::private(&PaymentView::of(&state, &record, tickets))
}

/// Which page.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct PaymentQuery {
    /// Items on the page, 1 to 100; 20 when absent.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100)]
    limit: Option<String>,
    /// The `nextCursor` of the page before.
    cursor: Option<String>,
}

impl Query for PaymentQuery {
    type Parsed = PageRequest<PaymentId>;

    fn parse(self, errors: &mut QueryErrors) -> Self::Parsed {
        parse_page(errors, self.limit.as_deref(), self.cursor.as_deref())
    }
}

/// Payments, newest first
#[utoipa::path(get, operation_id = "listPayments", path = "/api/v1/users/{userId}/payments", tag = "payments", security(("bearer" = [])),
    params(("userId" = String, Path, description = "`me`, one's own id, or for operators any id"),
        PaymentQuery),
    responses((status = 200, body = Page<PaymentView>), ReadProblems))]
async fn list(
    State(state): State<HttpState>,
    owner: Owner,
    Asked(PageRequest { after, limit }): Asked<PaymentQuery>,
) -> Answer {
    let found = state.app().payments(owner.user, after, limit + 1).await;
    let mut found = found.map_err(|error| state.problem(error))?;
    let next = cut(&mut found, limit, |last| last.payment.id);
    let items = found.iter().map(|record| PaymentView::of(&state, record, None)).collect();
    respond::private(&Page::new(items, next))
}
