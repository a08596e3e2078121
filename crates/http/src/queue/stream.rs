//! Where a fan stands, as it changes.
//!
//! The first event is the present state. After that a stream wakes with its line, about twice a second, and asks
//! where the fan stands: that is their sign of life. It tells of a new state at once, and of everything else the less
//! often the farther away the fan's turn is, and only when something has changed. Between two wakes a stream is a few
//! words; what asking takes is given back at once.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use frontrow_application::queue::{QueueFailure, QueueState, QueueStatus};
use frontrow_application::waiting_room::Pass;
use frontrow_domain::Timestamp;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use pin_project_lite::pin_project;
use serde::Deserialize;
use tokio::sync::Notify;
use tokio::sync::futures::OwnedNotified;
use utoipa::IntoParams;

use super::PlaceProblems;
use super::gate::{HEADER_OR_QUERY, Placed};
use super::status::StatusView;
use crate::limits::NewestStream;
use crate::problem::Problem;
use crate::request::{Asked, Query, QueryErrors};
use crate::respond;
use crate::state::HttpState;
use crate::stream::{self, LastEventId, Source, event};
use crate::traffic::StreamKind;

/// How many ahead are near, and how often somebody near is told. A wake may come a little early or late: the pauses
/// are a quarter of a second less than what they come to.
const NEAR: (u64, u32) = (100, 750);
/// How many ahead are not far away, and how often somebody there is told.
const MIDDLE: (u64, u32) = (5_000, 1_750);
/// How often somebody far away, or in the lobby, is told, in milliseconds.
const FAR_MS: u32 = 4_750;

/// The token of clients that cannot send it as a header.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct StreamQuery {
    /// The queue token, for clients that cannot send it as a header.
    #[serde(rename = "token")]
    _token: Option<String>,
}

impl Query for StreamQuery {
    type Parsed = ();

    fn parse(self, _errors: &mut QueryErrors) {}
}

/// Where one stands, as it changes
///
/// Server-sent events `status`. The first is the present state; the others come when something has changed, at once
/// when that is the state. An open stream is a sign of life. A newer stream of the same token ends this one. After
/// `expired` the stream ends, and whoever then comes back with `Last-Event-ID` gets 204: there will be nothing more.
#[utoipa::path(get, operation_id = "followQueue", path = "/api/v1/queues/stream", tag = "queue",
    security(("queueToken" = []), ("queueTokenInQuery" = [])),
    params(("Last-Event-ID" = Option<u64>, Header, description = "The id of the last event of a stream before this one")),
    responses((status = 200, body = StatusView, content_type = "text/event-stream", description = "Events `status`"),
        (status = 204, description = "The place is over, and the client knows"), PlaceProblems))]
pub(super) async fn stream(
    State(state): State<HttpState>,
    Placed(pass): Placed<HEADER_OR_QUERY>,
    Asked(()): Asked<StreamQuery>,
    LastEventId(last): LastEventId,
) -> Result<Response, Problem> {
    let pulse = state.app().follow_queue(pass.concert);
    // Before the first question, so that no ring is missed.
    let rung = Arc::clone(&pulse).notified_owned();
    let status = state.app().queue_status(pass).await.map_err(|failure| state.problem(failure))?;
    if status.state == QueueState::Expired && last.is_some() {
        return Ok(respond::nothing());
    }
    let source = StatusSource {
        newest: state.streams().open_line(pass.entry),
        asking: Some(std::future::ready(Ok(status)).boxed()),
        told: Told::nothing(last),
        state: state.clone(),
        pass,
        pulse,
        rung,
    };
    Ok(stream::answer(&state, StreamKind::Line, source))
}

type Asking = BoxFuture<'static, Result<QueueStatus, QueueFailure>>;

pin_project! {
    /// The events of one stream.
    struct StatusSource {
        state: HttpState,
        pass: Pass,
        newest: NewestStream,
        told: Told,
        // The question that is out.
        asking: Option<Asking>,
        pulse: Arc<Notify>,
        #[pin]
        rung: OwnedNotified,
    }
}

/// What the client was told last.
#[derive(Debug)]
struct Told {
    state: Option<QueueState>,
    at: Timestamp,
    digest: u64,
    next_id: u64,
}

impl Source for StatusSource {
    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let mut this = self.project();
        if this.newest.is_over(cx) || this.told.state == Some(QueueState::Expired) {
            return Poll::Ready(None);
        }
        loop {
            if let Some(asking) = this.asking {
                let answer = ready!(asking.as_mut().poll(cx));
                *this.asking = None;
                match answer {
                    Ok(status) => {
                        if let Some(event) = this.told.news(&status, this.state.app().now()) {
                            return Poll::Ready(Some(event));
                        }
                    }
                    Err(QueueFailure::NotFound) => return Poll::Ready(None),
                    // It is asked again at the next ring.
                    Err(QueueFailure::Line(_) | QueueFailure::Read(_)) => {}
                }
            }
            ready!(this.rung.as_mut().poll(cx));
            this.rung.set(Arc::clone(this.pulse).notified_owned());
            let (state, pass) = (this.state.clone(), *this.pass);
            *this.asking = Some(async move { state.app().queue_status(pass).await }.boxed());
        }
    }
}

impl Told {
    /// Nothing yet, to a client that has seen this event on a stream before.
    fn nothing(last: Option<u64>) -> Self {
        let next_id = last.map_or(1, |last| last.saturating_add(1));
        Self { state: None, at: Timestamp::ZERO, digest: 0, next_id }
    }

    /// The event that tells of this status, if it is time for one and anything has changed.
    fn news(&mut self, status: &QueueStatus, now: Timestamp) -> Option<Bytes> {
        let is_same_state = self.state == Some(status.state);
        if is_same_state && now < self.at.plus_millis(pause_ms(status)) {
            return None;
        }
        let view = StatusView::of(status);
        let digest = respond::digest(&respond::write(&view).ok()?);
        if is_same_state && digest == self.digest {
            return None;
        }
        let id = self.next_id;
        *self = Self { state: Some(status.state), at: now, digest, next_id: id.saturating_add(1) };
        Some(event("status", id, &view))
    }
}

/// Milliseconds between two events of this fan. In the lobby nothing happens that would be urgent.
fn pause_ms(status: &QueueStatus) -> u32 {
    if status.state == QueueState::Lobby {
        return FAR_MS;
    }
    let ahead = status.ahead.unwrap_or(0);
    [NEAR, MIDDLE].into_iter().find(|(most, _)| ahead < *most).map_or(FAR_MS, |(_, pause)| pause)
}
