//! Server-sent events: answers that stay open and say what is new.
//!
//! A [`Source`] gives bytes that are ready to be sent, and [`answer`] makes an answer of it that speaks up every
//! [`SILENCE_MAX`], so that neither proxies nor the client take it for dead. It ends when its source does, and when the
//! server begins to stop: a stop never waits for a stream.
//!
//! What holds: nothing is queued for a client. The source is asked for the next event only when the connection has
//! room for it, so a slow client gets fewer and larger events; one that takes nothing at all is cut off by
//! `ServeLimits::write_timeout`. The time limit of a request is for the beginning of its answer and cuts no stream.
//! Ten thousand of these are open at once: a source is a few words, and what is the same for many is rendered once
//! and shared ([`Bytes`]).
//!
//! # To add a stream
//!
//! 1. What is new comes from the application, which wakes whoever waits for it: `Follower` in its `catalog::feed` is
//!    the pattern. Give each stream what it has seen last, one shared [`tokio::sync::Notify`], and the pinned
//!    `Arc::clone(&notify).notified_owned()`. Make that one *before* looking for news, and a new one whenever it was
//!    ready, so that no ring is missed. A tick of the server's jobs then calls `notify_waiters()`.
//! 2. Implement [`Source`]. `poll_next` looks for news since what this client has seen, answers it by [`event`], or
//!    waits. A stream that begins with the present state answers that at its first call. `None` after the last event
//!    ends the stream. Where the content is each fan's own, compare with what was sent last and answer only what
//!    differs, or ten thousand equal events leave at every tick.
//! 3. The handler checks who asks, as for any other read, and returns [`answer`] with its [`StreamKind`], by which it is
//!    counted. What can be lost while the stream
//!    is open (a revoked token) is checked again at the beginning of `poll_next`, which is asked before each event
//!    and before each sign of life, and answers `None` to whoever may no longer listen.
//! 4. Describe it in OpenAPI with `content_type = "text/event-stream"` and the schema of its `data`.
//!
//! ```text
//! impl Source for Countdown {
//!     fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
//!         let mut this = self.project();
//!         loop {
//!             let now = this.shared.now();
//!             if *this.has_ended {
//!                 return Poll::Ready(None);
//!             }
//!             if *this.seen != Some(now) {
//!                 *this.seen = Some(now);
//!                 *this.has_ended = now.is_last();
//!                 return Poll::Ready(Some(event("countdown", now.number(), &View::of(now))));
//!             }
//!             ready!(this.rung.as_mut().poll(cx));
//!             this.rung.set(Arc::clone(&this.shared.bell).notified_owned());
//!         }
//!     }
//! }
//! ```

mod body;

use std::fmt::Display;
use std::io::Write as _;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::Response;
use bytes::Bytes;
use serde::Serialize;

use crate::problem::{Code, Problem};
use crate::respond::Keep;
use crate::state::HttpState;
use crate::traffic::StreamKind;

use body::EventStream;

/// After so long without an event a stream says that it is still there. Proxies commonly give up after a minute,
/// mobile networks after half of that.
pub(crate) const SILENCE_MAX: Duration = Duration::from_secs(15);

/// The content type of every stream.
pub(crate) const EVENT_STREAM: HeaderValue = HeaderValue::from_static("text/event-stream");
/// nginx holds answers back to send them in one piece, unless told otherwise.
const ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// Bytes that most events fit into.
const TYPICAL_BYTES: usize = 128;

/// Where the events of one stream come from.
pub(crate) trait Source: Send + 'static {
    /// The next event, made by [`event`]; nothing when there is none any more, or none for this client. Wakes the task
    /// when that may have changed. Asked at least every [`SILENCE_MAX`]; not again after nothing.
    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Bytes>>;
}

/// An answer that stays open for as long as the source has more to say.
pub(crate) fn answer(state: &HttpState, kind: StreamKind, source: impl Source) -> Response {
    let stopping = state.settings().stopping.clone();
    let open = Some(state.traffic().open_stream(kind));
    let mut response = Response::new(Body::new(EventStream::new(source, stopping, open)));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, EVENT_STREAM);
    headers.insert(header::CACHE_CONTROL, Keep::Never.header());
    headers.insert(ACCEL_BUFFERING, HeaderValue::from_static("no"));
    response
}

/// An event with its name and the id that a client comes back with. The data is one line of JSON. Nothing when it
/// cannot be written, which ends the stream.
pub(crate) fn event(name: &str, id: impl Display, data: &impl Serialize) -> Bytes {
    let mut bytes = Vec::with_capacity(TYPICAL_BYTES);
    let written = write!(bytes, "event: {name}\nid: {id}\ndata: ")
        .map_err(serde_json::Error::io)
        .and_then(|()| serde_json::to_writer(&mut bytes, data));
    if let Err(error) = written {
        tracing::error!(%error, name, "an event cannot be written");
        return Bytes::new();
    }
    bytes.extend_from_slice(b"\n\n");
    bytes.into()
}

/// The id of the last event that the client has seen, from a connection before this one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LastEventId(pub(crate) Option<u64>);

impl FromRequestParts<HttpState> for LastEventId {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &HttpState) -> Result<Self, Problem> {
        let Some(value) = parts.headers.get(LAST_EVENT_ID) else { return Ok(Self(None)) };
        let id = value.to_str().ok().and_then(|text| text.parse().ok());
        let unreadable =
            || Problem::new(Code::InvalidRequest, "The header Last-Event-ID is no id of an event.");
        id.map(|id| Self(Some(id))).ok_or_else(unreadable)
    }
}

#[cfg(test)]
mod tests;
