//! The query. A parameter that is unknown, repeated or malformed is a 400: to ignore a misspelt filter would be
//! to answer another question.

use std::str::FromStr;

use axum::extract::{FromRequestParts, Query as AxumQuery};
use axum::http::request::Parts;
use frontrow_domain::catalog::FieldError;
use frontrow_domain::{ConcertId, ScheduleId};
use serde::de::DeserializeOwned;

use crate::problem::{Code, Problem};
use crate::state::HttpState;

/// A query whose parameters were checked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<Q: Query>(pub(crate) Q::Parsed);

/// The parameters of a route, as texts.
pub(crate) trait Query: DeserializeOwned + Default {
    /// What they mean.
    type Parsed: Send;
    /// Reads them, noting what is wrong.
    fn parse(self, errors: &mut QueryErrors) -> Self::Parsed;
}

/// What is wrong with a query.
#[derive(Debug, Default)]
pub(crate) struct QueryErrors(Vec<FieldError>);

impl QueryErrors {
    /// Notes a parameter and what it has to be.
    pub(crate) fn add(&mut self, parameter: &str, message: impl Into<String>) {
        self.0.push(FieldError::new(parameter, message));
    }
}

/// What a parameter can be that is a number or an id.
pub(crate) trait QueryNumber: FromStr {
    /// The largest, as the document says with its formats `int32` and `int64`, which are signed.
    const MOST: u64;
}

macro_rules! numbers {
    ($($number:ty: $most:expr;)+) => { $(impl QueryNumber for $number {
        const MOST: u64 = $most;
    })+ };
}

numbers! {
    u32: INT32_MAX;
    u64: i64::MAX.unsigned_abs();
    ConcertId: INT32_MAX;
    ScheduleId: INT32_MAX;
}

const INT32_MAX: u64 = i32::MAX.unsigned_abs() as u64;

/// A parameter that is a number or an id.
pub(crate) fn parse_number<T: QueryNumber>(
    errors: &mut QueryErrors,
    parameter: &str,
    text: Option<&str>,
) -> Option<T> {
    let text = text?;
    let number = text.parse::<u64>();
    if number.as_ref().is_ok_and(|&number| number > T::MOST) {
        errors.add(parameter, format!("must be {} at the most", T::MOST));
        return None;
    }
    let parsed = number.ok().and_then(|_| text.parse().ok());
    if parsed.is_none() {
        errors.add(parameter, "must be a whole number");
    }
    parsed
}

/// A parameter that is one of a closed list of words.
pub(crate) fn parse_word<T>(
    errors: &mut QueryErrors,
    parameter: &str,
    text: Option<&str>,
    parse: impl Fn(&str) -> Option<T>,
) -> Option<T> {
    let text = text?;
    let word = parse(text);
    if word.is_none() {
        errors.add(parameter, format!("is no {parameter}"));
    }
    word
}

impl<Q: Query> FromRequestParts<HttpState> for Asked<Q> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &HttpState) -> Result<Self, Problem> {
        let query = match parts.uri.query() {
            None | Some("") => Q::default(),
            Some(_) => AxumQuery::try_from_uri(&parts.uri).map_err(|rejection| unreadable(&rejection))?.0,
        };
        let mut errors = QueryErrors::default();
        let parsed = query.parse(&mut errors);
        if errors.0.is_empty() { Ok(Self(parsed)) } else { Err(Problem::invalid_query(errors.0)) }
    }
}

fn unreadable(rejection: &axum::extract::rejection::QueryRejection) -> Problem {
    let text = rejection.body_text();
    let reason = text.split_once(": ").map_or(text.as_str(), |(_, reason)| reason);
    Problem::new(Code::InvalidRequest, format!("The query cannot be read: {reason}."))
}
