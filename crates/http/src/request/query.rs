//! The query. A parameter that is unknown, repeated or malformed is a 400: to ignore a misspelt filter would be
//! to answer another question.

use std::str::FromStr;

use axum::extract::{FromRequestParts, Query as AxumQuery};
use axum::http::request::Parts;
use frontrow_domain::catalog::FieldError;
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

/// A parameter that is a number or an id.
pub(crate) fn parse_number<T: FromStr>(
    errors: &mut QueryErrors,
    parameter: &str,
    text: Option<&str>,
) -> Option<T> {
    let parsed = text.map(str::parse);
    if let Some(Err(_)) = &parsed {
        errors.add(parameter, "must be a whole number");
    }
    parsed.and_then(Result::ok)
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
