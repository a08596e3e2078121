//! The header `If-None-Match`.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, header};

use crate::state::HttpState;

/// The tags that a client holds.
#[derive(Debug, Clone)]
pub(crate) struct IfNoneMatch(Option<HeaderValue>);

impl FromRequestParts<HttpState> for IfNoneMatch {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &HttpState) -> Result<Self, Infallible> {
        Ok(Self::of(&parts.headers))
    }
}

impl IfNoneMatch {
    /// What these headers say.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        Self(headers.get(header::IF_NONE_MATCH).cloned())
    }

    /// True when nothing was sent.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Weak comparison (RFC 9110, section 13.1.2).
    pub(crate) fn holds(&self, tag: &str) -> bool {
        let Some(held) = self.0.as_ref().and_then(|held| held.to_str().ok()) else { return false };
        held.split(',').map(str::trim).any(|one| one == "*" || one.strip_prefix("W/").unwrap_or(one) == tag)
    }
}
