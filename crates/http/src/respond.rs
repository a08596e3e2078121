//! What goes out: JSON straight to bytes, with headers that were made once.

use std::hash::{DefaultHasher, Hasher as _};

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use bytes::Bytes;
use frontrow_application::trace;
use serde::Serialize;

use crate::problem::Problem;
use crate::request::IfNoneMatch;

/// What a handler answers.
pub(crate) type Answer = Result<Response, Problem>;

pub(crate) const JSON: HeaderValue = HeaderValue::from_static("application/json");
pub(crate) const PAGE: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// Bytes that most answers fit into.
const TYPICAL_BYTES: usize = 768;

/// Who may keep an answer, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keep {
    /// It is about a fan: their own browser, asking each time.
    Private,
    /// The public catalogue: everybody for a second (R-C1).
    Second,
    /// The seat map: everybody, asking each time whether it has changed.
    Asking,
    /// It never changes under its address.
    Forever,
    /// Public keys.
    Minutes,
    /// Nobody: it carries secrets.
    Never,
}

impl Keep {
    pub(crate) const fn header(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Private => "private, no-cache",
            Self::Second => "max-age=1",
            Self::Asking => "no-cache",
            Self::Forever => "public, max-age=31536000, immutable",
            Self::Minutes => "public, max-age=300",
            Self::Never => "no-store",
        })
    }
}

/// An answer whose body stands already.
pub(crate) fn bytes(status: StatusCode, keep: Keep, body: Bytes) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, JSON);
    headers.insert(header::CACHE_CONTROL, keep.header());
    response
}

/// An answer with a body to be written.
pub(crate) fn json(status: StatusCode, keep: Keep, body: &impl Serialize) -> Answer {
    write(body).map(|body| bytes(status, keep, body))
}

/// An answer that carries a tag, or 304 for somebody who holds it.
pub(crate) fn tagged(
    held: &IfNoneMatch,
    tag: String,
    keep: Keep,
    body: impl FnOnce() -> Result<Bytes, Problem>,
) -> Answer {
    let response = if held.holds(&tag) { unchanged(keep) } else { bytes(StatusCode::OK, keep, body()?) };
    with_tag(response, tag)
}

/// 304, without the tag that it is about.
pub(crate) fn unchanged(keep: Keep) -> Response {
    let mut unchanged = Response::default();
    *unchanged.status_mut() = StatusCode::NOT_MODIFIED;
    unchanged.headers_mut().insert(header::CACHE_CONTROL, keep.header());
    unchanged
}

/// An answer with the tag of its body.
pub(crate) fn with_tag(mut response: Response, tag: String) -> Answer {
    let tag = HeaderValue::try_from(tag).map_err(|_| Problem::internal())?;
    response.headers_mut().insert(header::ETAG, tag);
    Ok(response)
}

/// A tag made of a body, for what has no version.
pub(crate) fn tag_of(body: &[u8]) -> String {
    format!("\"{:016x}\"", digest(body))
}

/// Tells two bodies apart. Not for anything that somebody could gain by forging.
pub(crate) fn digest(body: &[u8]) -> u64 {
    // Without a key: an answer keeps its tag on every instance and after a restart.
    let mut hasher = DefaultHasher::new();
    hasher.write(body);
    hasher.finish()
}

/// 200 with something about a fan or for staff.
pub(crate) fn private(body: &impl Serialize) -> Answer {
    json(StatusCode::OK, Keep::Private, body)
}

/// The answer to a command that can be repeated with its key.
pub(crate) fn once(status: StatusCode, replayed: bool, body: &impl Serialize) -> Answer {
    let mut response = json(status, Keep::Private, body)?;
    if replayed {
        response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    }
    Ok(response)
}

/// 204.
pub(crate) fn nothing() -> Response {
    let mut response = Response::default();
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}

/// A body as bytes.
pub(crate) fn write(body: &impl Serialize) -> Result<Bytes, Problem> {
    let mut bytes = Vec::with_capacity(TYPICAL_BYTES);
    match serde_json::to_writer(&mut bytes, body) {
        Ok(()) => Ok(bytes.into()),
        Err(error) => {
            trace::failed("an answer cannot be written", &error);
            Err(Problem::internal())
        }
    }
}
