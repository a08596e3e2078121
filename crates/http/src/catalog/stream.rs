//! The live seat map: what has changed, as it changes.
//!
//! A client fetches the map once and follows it here. An event leads from the version that the client has to a
//! newer one; `reset` says that there is no such way, and that the map has to be fetched again. What an event
//! changes may be in a map already that was fetched after the stream was opened: versions tell.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::extract::State;
use bytes::Bytes;
use frontrow_application::catalog::{FeedEvent, Follower, MapChanges};
use frontrow_domain::{ConcertId, ScheduleId};
use pin_project_lite::pin_project;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::SeatProblems;
use super::seats::Change;
use crate::limits::SeatStream;
use crate::problem::Problem;
use crate::queue::{HEADER_OR_QUERY, Showing, StillIn, check_gate};
use crate::request::{Asked, At, Query, QueryErrors, parse_number};
use crate::respond::Answer;
use crate::state::HttpState;
use crate::stream::{self, LastEventId, Source, event};
use crate::traffic::StreamKind;

/// Seconds after which somebody with too many streams may try again.
const RETRY_SECONDS: u64 = 5;

/// What an event `seats` carries. `reset` carries the version alone.
#[derive(Serialize, ToSchema)]
struct SeatChanges {
    /// The version that the client then has.
    version: u64,
    /// What each seat that has changed shows now.
    changes: Vec<Change>,
}

/// What an event `reset` carries.
#[derive(Serialize)]
struct Reset {
    version: u64,
}

/// Since when.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct StreamQuery {
    /// The version that the client has. Without it the first event names the present one and has no changes.
    #[param(value_type = Option<u64>)]
    since: Option<String>,
    /// The queue token, for clients that cannot send it as a header.
    #[serde(rename = "token")]
    _token: Option<String>,
}

impl Query for StreamQuery {
    type Parsed = Option<u64>;

    fn parse(self, errors: &mut QueryErrors) -> Option<u64> {
        parse_number(errors, "since", self.since.as_deref())
    }
}

/// The seats of a schedule as they change
///
/// Server-sent events. `seats` leads from the version that the client has to a newer one. `reset` says that the gap is
/// too large: fetch the map again. The id of each event is its version, so a client that reconnects with
/// `Last-Event-ID` misses nothing; that header counts more than `since`.
///
/// Where the concert has a waiting room, with an active queue token, and until the session ends; one fan may have four
/// of these open. Operators and admins need no token.
#[utoipa::path(get, operation_id = "followSeats", path = "/api/v1/concerts/{concertId}/schedules/{scheduleId}/seats/stream", tag = "catalogue",
    security((), ("queueToken" = []), ("bearer" = [])),
    params(("concertId" = u32, Path), ("scheduleId" = u32, Path), StreamQuery,
        ("Last-Event-ID" = Option<u64>, Header, description = "The id of the last event of a stream before this one")),
    responses((status = 200, body = SeatChanges, content_type = "text/event-stream", description = "Events `seats` and `reset`"), SeatProblems))]
pub(super) async fn stream(
    State(state): State<HttpState>,
    At((concert, schedule)): At<(ConcertId, ScheduleId)>,
    showing: Showing<HEADER_OR_QUERY>,
    Asked(since): Asked<StreamQuery>,
    LastEventId(last): LastEventId,
) -> Answer {
    let found = state.app().schedule(concert, schedule, true).await.map_err(|error| state.problem(error))?;
    let board = found.ok_or_else(Problem::not_found)?.board;
    let guest = match check_gate(&state, &showing, concert).await? {
        None => None,
        Some(pass) => {
            let place = state.streams().open_seats(pass.entry).ok_or_else(too_many)?;
            Some(Guest { session: StillIn::new(&state, pass), _place: place })
        }
    };
    let follower = state.app().follow_seats(&board, last.or(since));
    Ok(stream::answer(&state, StreamKind::Seats, SeatSource { follower, guest }))
}

fn too_many() -> Problem {
    Problem::rate_limited("You have enough streams of seat maps open; close one first.", RETRY_SECONDS)
}

/// Somebody who was let through by a waiting room.
struct Guest {
    session: StillIn,
    _place: SeatStream,
}

pin_project! {
    /// The events of one stream.
    struct SeatSource {
        #[pin]
        follower: Follower,
        guest: Option<Guest>,
    }
}

impl Source for SeatSource {
    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let this = self.project();
        // Before each event and each sign of life: nobody is shown seats after their session.
        if let Some(guest) = this.guest
            && !ready!(guest.session.poll(cx))
        {
            return Poll::Ready(None);
        }
        this.follower.poll_next(cx, render)
    }
}

fn render(news: &FeedEvent) -> Bytes {
    let version = news.version;
    match &news.changes {
        MapChanges::Since(seats) => {
            let changes = seats.iter().copied().map(Change::of).collect();
            event("seats", version, &SeatChanges { version, changes })
        }
        MapChanges::TooOld => event("reset", version, &Reset { version }),
    }
}
