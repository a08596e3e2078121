//! What everybody may know of a line: one small document, the same for a million who ask.

use std::sync::Arc;

use axum::extract::State;
use frontrow_application::queue::RoomView;
use frontrow_domain::ConcertId;
use serde::Serialize;
use utoipa::ToSchema;

use super::ReadProblems;
use super::draw::DrawView;
use crate::problem::Problem;
use crate::request::{At, IfNoneMatch};
use crate::respond::{self, Answer, Keep};
use crate::state::HttpState;
use crate::time::Time;
use crate::words;

/// A line, as everybody may know it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Queue)]
struct Document<'a> {
    #[schema(value_type = words::RoomState)]
    state: &'static str,
    /// When the first sale opens; null without a schedule.
    #[schema(required)]
    opens_at: Option<Time>,
    /// When the lobby of a sale with a draw opens, with the sale at the latest; null where there is none.
    #[schema(required)]
    lobby_opens_at: Option<Time>,
    /// When the last sale closes; null without a schedule.
    #[schema(required)]
    closes_at: Option<Time>,
    /// How many are in line, or in the lobby.
    waiting: u64,
    /// How many are let in.
    active: u32,
    /// The lowest number in line: nobody has more ahead than their `sequence` less this.
    head_sequence: u64,
    /// Over the last ten seconds.
    admitted_per_second: f64,
    /// Seats available over all schedules.
    seats_left: u32,
    /// Seats held over all schedules: they may come back.
    seats_held: u32,
    /// What the operator tells everybody in line.
    #[schema(required)]
    notice: Option<&'a str>,
    /// The draw of the lobby, from its opening on; null before, and where there is none.
    #[schema(required)]
    draw: Option<DrawView>,
}

impl<'a> Document<'a> {
    fn of(room: &'a RoomView) -> Self {
        let figures = room.figures.as_ref();
        Self {
            state: room.state.name(),
            opens_at: room.facts.opens_at().map(Time),
            lobby_opens_at: room.facts.lobby_opens_at().or(room.settings.lobby_opens_at).map(Time),
            closes_at: room.facts.closes_at().map(Time),
            waiting: figures.map_or(0, |figures| figures.waiting + figures.lobby),
            active: figures.map_or(0, |figures| figures.active),
            head_sequence: room.head().get(),
            admitted_per_second: figures.map_or(0.0, |figures| figures.admitted_per_second),
            seats_left: room.seats_left(),
            seats_held: room.seats_held(),
            notice: room.notice(),
            draw: room.draw().as_ref().map(DrawView::of),
        }
    }
}

pub(super) async fn find(state: &HttpState, concert: ConcertId) -> Result<Arc<RoomView>, Problem> {
    let room = state.app().room(concert).await.map_err(|error| state.problem(error))?;
    room.ok_or_else(Problem::not_found)
}

/// The line of a concert
///
/// For everybody, and the same for everybody: a cache in front of the server may answer it for a second. With it an
/// app moves its own line: `ahead` is at most `sequence` less `headSequence`.
#[utoipa::path(get, operation_id = "readQueue", path = "/api/v1/concerts/{concertId}/queue", tag = "queue",
    params(("concertId" = u32, Path),
        ("If-None-Match" = Option<String>, Header, description = "An `ETag` of this address")),
    responses((status = 200, body = Document), (status = 304, description = "Nothing has changed"), ReadProblems))]
pub(super) async fn read(
    State(state): State<HttpState>,
    At(concert): At<ConcertId>,
    held: IfNoneMatch,
) -> Answer {
    let room = find(&state, concert).await?;
    // Writing has no way to fail; were it to, the empty body is told apart.
    let body = room.body(|room| respond::write(&Document::of(room)).unwrap_or_default());
    if body.is_empty() {
        return Err(Problem::internal());
    }
    respond::tagged(&held, respond::tag_of(&body), Keep::Second, || Ok(body))
}
