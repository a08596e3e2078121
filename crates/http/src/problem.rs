//! Everything that can go wrong, as problem documents (RFC 9457): the table of codes is in `catalogue`, what each use
//! case's refusals are told as in `refusal` and, of staff, in `staff`.
//!
//! A handler answers a [`Problem`] and nothing else; the outermost layer writes it, because only there the id of
//! the request is known. Text from inside (a driver, a defect) goes to the log, never into a problem.
//!
//! To add an error: an entry in `catalogue`, then the arm in the [`Refusal`] of the use case. The matches there have
//! no catch-all, so a new refusal does not compile until it has a code.

mod catalogue;
mod refusal;
mod staff;

use std::borrow::Cow;

use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use frontrow_domain::SeatNo;
use frontrow_domain::catalog::FieldError;
use serde::Serialize;
use utoipa::ToSchema;

use crate::time::{Time, Uid};
use crate::words;

pub use catalogue::Code;
pub(crate) use refusal::Refusal;

/// Seconds after which a client is asked to come again when no better figure is known.
const RETRY_SECONDS: u64 = 1;

/// One member of a body or query that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct FieldProblem {
    /// Path of the member.
    field: String,
    /// What it has to be.
    message: String,
}

/// The members that some problems carry beside those of every problem.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Members {
    /// With `validation_failed` and `invalid_request`: what is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    errors: Option<Vec<FieldProblem>>,
    /// With `seat_unavailable`, `duplicate_seats` and `not_found`: the numbers of the seats concerned.
    #[serde(skip_serializing_if = "Option::is_none")]
    seats: Option<Vec<u32>>,
    /// With `seat_limit_exceeded` and `too_many_seats`: how many seats are allowed.
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<u64>,
    /// With `seat_limit_exceeded`: how many seats the fan has.
    #[serde(skip_serializing_if = "Option::is_none")]
    held: Option<u32>,
    /// With `insufficient_balance`: what had to be paid.
    #[serde(skip_serializing_if = "Option::is_none")]
    required: Option<i64>,
    /// With `insufficient_balance`: what is in the wallet.
    #[serde(skip_serializing_if = "Option::is_none")]
    balance: Option<i64>,
    /// With `insufficient_balance`: the failed payment; with `already_paid`: the one that paid.
    #[serde(skip_serializing_if = "Option::is_none")]
    payment_id: Option<Uid>,
    /// With `sold_out` of best available: how many of the seats asked for are left.
    #[serde(skip_serializing_if = "Option::is_none")]
    seats_left: Option<u32>,
    /// With `ticket_already_used`: when it was used.
    #[serde(skip_serializing_if = "Option::is_none")]
    used_at: Option<Time>,
    /// With `sale_not_open`: when it opens.
    #[serde(skip_serializing_if = "Option::is_none")]
    opens_at: Option<Time>,
    /// As the header `Retry-After`: seconds after which it is worth another try.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<u64>,
}

/// A problem document (RFC 9457).
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Problem)]
pub(crate) struct ProblemBody<'a> {
    /// Names the kind of problem.
    #[serde(rename = "type")]
    kind: &'a str,
    /// One line for people, the same for every problem of this kind.
    title: &'a str,
    /// The status of the answer.
    status: u16,
    /// What went wrong this time, for people.
    detail: &'a str,
    /// What clients branch on.
    #[schema(value_type = words::ProblemCode)]
    code: &'a str,
    /// The id of the request, as in the header `X-Request-Id`.
    request_id: &'a str,
    #[serde(flatten)]
    members: &'a Members,
}

/// Something that went wrong, on its way out.
#[derive(Debug, Clone)]
pub struct Problem(Box<Content>);

#[derive(Debug, Clone)]
struct Content {
    code: Code,
    detail: Cow<'static, str>,
    members: Members,
}

impl Problem {
    /// A problem with a sentence for people.
    pub(crate) fn new(code: Code, detail: impl Into<Cow<'static, str>>) -> Self {
        let retry_after = match code {
            Code::RequestInFlight
            | Code::Overloaded
            | Code::StoreUnavailable
            | Code::WaitingRoomUnavailable
            | Code::OutcomeUnknown => Some(RETRY_SECONDS),
            _ => None,
        };
        let members = Members { retry_after, ..Members::default() };
        Self(Box::new(Content { code, detail: detail.into(), members }))
    }

    /// There is no such thing, or it is somebody else's: nobody is told which.
    pub(crate) fn not_found() -> Self {
        Self::new(Code::NotFound, "There is nothing here that you may see.")
    }

    /// A defect of ours. What it was goes to the log.
    pub(crate) fn internal() -> Self {
        Self::new(Code::InternalError, "Please try again; if it stays, report the request id.")
    }

    /// Members of the body are wrong.
    pub(crate) fn invalid(errors: Vec<FieldError>) -> Self {
        Self::fields(Code::ValidationFailed, "See `errors` for what is wrong.", errors)
    }

    /// One member of the body is wrong.
    pub(crate) fn invalid_field(field: &str, message: impl Into<String>) -> Self {
        Self::invalid(vec![FieldError::new(field, message)])
    }

    /// Parameters of the query are wrong.
    pub(crate) fn invalid_query(errors: Vec<FieldError>) -> Self {
        Self::fields(Code::InvalidRequest, "See `errors` for what is wrong with the query.", errors)
    }

    /// Too many requests: come again after so many seconds.
    pub(crate) fn rate_limited(detail: &'static str, seconds: u64) -> Self {
        Self::new(Code::RateLimited, detail).retry_after(seconds.max(1))
    }

    /// The same, worth another try after so many seconds.
    pub(crate) fn retry_after(self, seconds: u64) -> Self {
        self.with(|members| members.retry_after = Some(seconds))
    }

    /// What clients branch on.
    pub fn code(&self) -> Code {
        self.0.code
    }

    fn fields(code: Code, detail: &'static str, errors: Vec<FieldError>) -> Self {
        let errors = errors.into_iter().map(|FieldError { field, message }| FieldProblem { field, message });
        Self::new(code, detail).with(|members| members.errors = Some(errors.collect()))
    }

    fn with(mut self, set: impl FnOnce(&mut Members)) -> Self {
        set(&mut self.0.members);
        self
    }

    fn seats(self, seats: &[SeatNo]) -> Self {
        self.with(|members| members.seats = Some(seats.iter().map(|seat| seat.get()).collect()))
    }

    /// The document.
    pub(crate) fn write(&self, request_id: &str) -> Vec<u8> {
        let Content { code, detail, members } = &*self.0;
        let body = ProblemBody {
            kind: code.uri(),
            title: code.title(),
            status: code.status().as_u16(),
            detail,
            code: code.name(),
            request_id,
            members,
        };
        let mut bytes = Vec::with_capacity(320);
        // Writing plain text and numbers into memory has no way to fail.
        if serde_json::to_writer(&mut bytes, &body).is_err() {
            bytes.clear();
        }
        bytes
    }

    fn challenge(&self) -> Option<&'static str> {
        match self.0.code {
            Code::Unauthenticated | Code::InvalidCredentials | Code::RefreshTokenInvalid => {
                Some("Bearer realm=\"frontrow\"")
            }
            Code::AccessTokenExpired => Some("Bearer realm=\"frontrow\", error=\"invalid_token\""),
            _ => None,
        }
    }
}

impl IntoResponse for Problem {
    /// The answer without its body, which the outermost layer writes.
    fn into_response(self) -> Response {
        let mut response = Response::default();
        *response.status_mut() = self.0.code.status();
        let mut set = |name: HeaderName, value: HeaderValue| response.headers_mut().insert(name, value);
        if let Some(challenge) = self.challenge() {
            set(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        }
        if let Some(seconds) = self.0.members.retry_after {
            set(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response.extensions_mut().insert(self);
        response
    }
}

#[cfg(test)]
mod tests;
