//! The wallet: the balance, charging it, and its history.

use axum::extract::State;
use axum::http::StatusCode;
use frontrow_domain::wallet::{ChargeMethod, EntryKind, LedgerEntry};
use frontrow_domain::{Money, UserId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::{Caller, Owner};
use crate::docs::problems;
use crate::page::{EntryNumber, Page, PageRequest, cut, parse_page};
use crate::problem::{Code, Problem};
use crate::request::{Asked, Form, KeyRule, Query, QueryErrors, Refused, Sent, Word, Words};
use crate::respond::{self, Answer};
use crate::settings::ChargeBy;
use crate::state::HttpState;
use crate::time::{Time, Uid};
use crate::words;

pub(crate) fn router() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new().routes(routes!(balance)).routes(routes!(charge)).routes(routes!(transactions))
}

problems! {
    ReadProblems: Unauthenticated AccessTokenExpired AccountBlocked NotFound;
    ChargeProblems: IdempotencyKeyRequired Unauthenticated AccessTokenExpired AccountBlocked Forbidden NotFound
        BalanceLimitExceeded RequestInFlight PayloadTooLarge UnsupportedMediaType ValidationFailed InvalidAmount
        IdempotencyKeyReused OutcomeUnknown;
}

/// A wallet.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Balance<'a> {
    user_id: Uid,
    /// In minor units.
    balance: i64,
    #[schema(example = "KRW")]
    currency: &'a str,
    limits: ChargeLimits,
}

/// What may be charged.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ChargeLimits {
    /// The least that one charge may bring.
    charge_min: i64,
    /// The most that one charge may bring.
    charge_max: i64,
    /// The highest balance that a charge may lead to.
    balance_max: i64,
}

/// Money to pay in.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ChargeForm {
    /// In minor units.
    #[schema(example = 50_000)]
    amount: i64,
    #[schema(value_type = Method)]
    method: Word<Method>,
}

/// How money was paid in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ChargeMethod)]
pub(crate) enum Method {
    /// By card.
    Card,
    /// In cash, at the box office.
    Cash,
}

impl Words for Method {
    const EVERY: &'static [Self] = &[Self::Card, Self::Cash];

    fn word(self) -> &'static str {
        match self {
            Self::Card => "card",
            Self::Cash => "cash",
        }
    }
}

impl Form for ChargeForm {
    const ROUTE: &'static str = "POST /users/{id}/charge";
    const KEY: KeyRule = KeyRule::Required;
    type Input = (Money, ChargeMethod);

    fn allow(caller: Caller, state: &HttpState) -> Result<(), Refused> {
        match state.settings().charge_by {
            ChargeBy::Operator if !caller.role.runs_concerts() => {
                Err(Problem::new(Code::Forbidden, "Wallets are charged at the box office."))
            }
            ChargeBy::Operator | ChargeBy::Fan => Ok(()),
        }
    }

    fn check(self, _state: &HttpState) -> Result<(Money, ChargeMethod), Refused> {
        let method = match self.method.0 {
            Method::Card => ChargeMethod::Card,
            Method::Cash => ChargeMethod::Cash,
        };
        Ok((Money::of(self.amount), method))
    }
}

/// A charge that was booked.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Charged {
    transaction_id: Uid,
    /// The balance after it.
    balance: i64,
}

/// An entry of the ledger.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Transaction {
    transaction_id: Uid,
    #[serde(rename = "type")]
    #[schema(value_type = words::TransactionType)]
    kind: &'static str,
    /// What went into the wallet; negative for what went out.
    amount: i64,
    balance_before: i64,
    balance_after: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<Method>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payment_id: Option<Uid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reservation_id: Option<Uid>,
    created_at: Time,
}

impl Transaction {
    fn of(entry: &LedgerEntry) -> Self {
        let (kind, method, payment_id, reservation_id) = match entry.kind {
            EntryKind::Charge(ChargeMethod::Card) => ("charge", Some(Method::Card), None, None),
            EntryKind::Charge(ChargeMethod::Cash) => ("charge", Some(Method::Cash), None, None),
            EntryKind::Payment { payment, reservation } => {
                ("payment", None, Some(Uid(payment.uuid())), Some(Uid(reservation.uuid())))
            }
            EntryKind::Refund { payment, reservation } => {
                ("refund", None, Some(Uid(payment.uuid())), Some(Uid(reservation.uuid())))
            }
            // What is kept of a refund, in an entry of its own, so that refund and fee can both be seen.
            EntryKind::Fee { payment, reservation } => {
                ("adjustment", None, Some(Uid(payment.uuid())), Some(Uid(reservation.uuid())))
            }
        };
        Self {
            transaction_id: Uid(entry.transaction.uuid()),
            kind,
            amount: entry.amount.minor(),
            balance_before: entry.before.minor(),
            balance_after: entry.after.minor(),
            method,
            payment_id,
            reservation_id,
            created_at: Time(entry.at),
        }
    }
}

/// Which page.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct TransactionQuery {
    /// Items on the page, 1 to 100; 20 when absent.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100)]
    limit: Option<String>,
    /// The `nextCursor` of the page before.
    cursor: Option<String>,
}

impl Query for TransactionQuery {
    type Parsed = PageRequest<EntryNumber>;

    fn parse(self, errors: &mut QueryErrors) -> Self::Parsed {
        parse_page(errors, self.limit.as_deref(), self.cursor.as_deref())
    }
}

/// The balance
#[utoipa::path(get, operation_id = "readBalance", path = "/api/v1/users/{userId}/balance", tag = "wallet", security(("bearer" = [])),
    params(("userId" = String, Path, description = "`me`, one's own id, or for operators any id")),
    responses((status = 200, body = Balance), ReadProblems))]
async fn balance(State(state): State<HttpState>, owner: Owner) -> Answer {
    let found = state.app().wallet(owner.user).await.map_err(|error| state.problem(error))?;
    let wallet = found.ok_or_else(Problem::not_found)?;
    let settings = state.app().settings();
    let limits = ChargeLimits {
        charge_min: settings.charges.charge_min.minor(),
        charge_max: settings.charges.charge_max.minor(),
        balance_max: settings.charges.balance_max.minor(),
    };
    respond::private(&Balance {
        user_id: Uid(wallet.user.uuid()),
        balance: wallet.balance.minor(),
        currency: settings.currency.code(),
        limits,
    })
}

/// Charge the wallet
///
/// Fans their own, unless the server leaves it to operators; operators any.
#[utoipa::path(post, operation_id = "chargeWallet", path = "/api/v1/users/{userId}/charge", tag = "wallet", security(("bearer" = [])),
    params(("userId" = String, Path, description = "`me`, one's own id, or for operators any id"),
        ("Idempotency-Key" = String, Header, min_length = 1, max_length = 255)),
    request_body = ChargeForm, responses((status = 200, body = Charged), ChargeProblems))]
async fn charge(State(state): State<HttpState>, sent: Sent<ChargeForm, UserId>) -> Answer {
    let (amount, method) = sent.input;
    let by = sent.staff().by_unless_own(sent.target);
    let charged = state.app().charge(by, sent.target, amount, method, sent.tag).await;
    let charged = charged.map_err(|failure| state.problem(failure))?;
    let body = Charged {
        transaction_id: Uid(charged.outcome.transaction.uuid()),
        balance: charged.outcome.balance.minor(),
    };
    respond::once(StatusCode::OK, charged.replayed, &body)
}

/// The history of the wallet, newest first
#[utoipa::path(get, operation_id = "listTransactions", path = "/api/v1/users/{userId}/transactions", tag = "wallet", security(("bearer" = [])),
    params(("userId" = String, Path, description = "`me`, one's own id, or for operators any id"),
        TransactionQuery),
    responses((status = 200, body = Page<Transaction>), ReadProblems))]
async fn transactions(
    State(state): State<HttpState>,
    owner: Owner,
    Asked(PageRequest { after, limit }): Asked<TransactionQuery>,
) -> Answer {
    let below = after.map(|EntryNumber(number)| number);
    let found = state.app().transactions(owner.user, below, limit + 1).await;
    let mut found = found.map_err(|error| state.problem(error))?;
    let next = cut(&mut found, limit, |last| EntryNumber(last.number));
    respond::private(&Page::new(found.iter().map(Transaction::of).collect(), next))
}
