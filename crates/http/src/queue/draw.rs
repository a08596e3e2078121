//! The draw of a lobby, as everybody may know it: what it is bound to before, and the whole of it afterwards.
//!
//! The list of a million entries is 39 MB. It goes out a part at a time, as the connection has room for it, and is never in
//! memory as a whole; only so many are on their way at once that a crowd of downloads takes no memory from the sale.

use std::io;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use bytes::Bytes;
use frontrow_application::queue::{DrawOutcome, RoomView, ShownDraw};
use frontrow_application::store::ReadError;
use frontrow_application::trace;
use frontrow_domain::queue::JoinRefused;
use frontrow_domain::queue::draw::METHOD;
use frontrow_domain::{ConcertId, EntryId};
use futures_util::stream::{self, Stream};
use serde::Serialize;
use tokio::sync::OwnedSemaphorePermit;
use utoipa::ToSchema;

use super::DrawProblems;
use super::document::find;
use crate::problem::{Code, Problem, Refusal as _};
use crate::request::{At, IfNoneMatch};
use crate::respond::{self, Answer, Keep};
use crate::state::HttpState;
use crate::time::Uid;

/// Bytes of an entry in the list: 36 of the id, two quotes and the comma before it.
const ENTRY_BYTES: usize = 39;
/// What comes after the last entry.
const END: &[u8] = b"]}";

/// What the draw of a lobby is bound to, and what came of it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = QueueDraw)]
pub(super) struct DrawView {
    /// SHA-256 of the seed, in 64 hexadecimal digits: fixed before the first fan came. Note it down to compare it later.
    #[schema(min_length = 64, max_length = 64)]
    commitment: String,
    /// How the order comes from the seed and the entries.
    #[schema(example = "frontrow-sha256-1")]
    method: &'static str,
    /// How many were drawn; only once the draw is done.
    #[serde(skip_serializing_if = "Option::is_none")]
    entry_count: Option<u32>,
    /// The seed, in 64 hexadecimal digits; only once the draw is done.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 64, max_length = 64)]
    seed: Option<String>,
}

/// A draw that is done, for everybody to work it out again. The description of what is written part by part.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Draw)]
struct Whole {
    /// How the order comes from the seed and the entries: see the guide for integrators.
    #[schema(example = "frontrow-sha256-1")]
    method: String,
    /// What was shown from the opening of the lobby on: SHA-256 of the seed, in 64 hexadecimal digits.
    #[schema(min_length = 64, max_length = 64)]
    commitment: String,
    /// What the order comes from, in 64 hexadecimal digits.
    #[schema(min_length = 64, max_length = 64)]
    seed: String,
    /// How many were drawn.
    entry_count: u32,
    /// The `entryId` of everybody who was drawn, first to last.
    entries: Vec<Uid>,
}

impl DrawView {
    pub(super) fn of(draw: &ShownDraw) -> Self {
        Self {
            commitment: draw.commitment.to_hex(),
            method: METHOD,
            entry_count: draw.outcome.map(|outcome| outcome.entries),
            seed: draw.outcome.map(|outcome| outcome.seed.to_hex()),
        }
    }
}

/// A draw, after it was done
///
/// The same for everybody and for ever: keep it as long as you like. The list has an entry for each fan who was in the lobby
/// when the sale opened, and says nothing else of them; each fan knows their own `entryId`. A million are 39 MB, sent as they
/// are read: `Content-Length` says when all of it is there. `frontrow draw verify` works it out again.
#[utoipa::path(get, operation_id = "readDraw", path = "/api/v1/concerts/{concertId}/queue/draw", tag = "queue",
    params(("concertId" = u32, Path),
        ("If-None-Match" = Option<String>, Header, description = "An `ETag` of this address")),
    responses((status = 200, body = Whole), (status = 304, description = "Nothing has changed"), DrawProblems))]
pub(super) async fn draw(
    State(state): State<HttpState>,
    At(concert): At<ConcertId>,
    held: IfNoneMatch,
) -> Answer {
    let room = find(&state, concert).await?;
    let shown = room.draw();
    let Some((shown, outcome)) = shown.and_then(|shown| shown.outcome.map(|outcome| (shown, outcome))) else {
        return Err(not_drawn(&room));
    };
    // A draw is done once, so what it is bound to and how many were in it tell it from every other.
    let commitment = shown.commitment.to_hex();
    let tag = format!("\"{}-{}\"", &commitment[..16], outcome.entries);
    if held.holds(&tag) {
        return respond::with_tag(respond::unchanged(Keep::Forever), tag);
    }
    let list = List::begin(&state, concert, outcome).await?;
    let opening = format!(
        "{{\"method\":\"{METHOD}\",\"commitment\":\"{commitment}\",\"seed\":\"{}\",\"entryCount\":{},\"entries\":[",
        outcome.seed.to_hex(),
        outcome.entries
    );
    respond::with_tag(answer(opening.into_bytes(), list), tag)
}

fn not_drawn(room: &RoomView) -> Problem {
    if room.facts.enabled {
        Problem::new(Code::DrawNotDone, "There is nothing to be seen of a draw before it is done.")
    } else {
        JoinRefused::NoWaitingRoom.problem(room.at)
    }
}

fn answer(opening: Vec<u8>, list: List) -> Response {
    // The first entry has no comma before it.
    let entries = (list.entries as usize * ENTRY_BYTES).saturating_sub(1);
    let length = opening.len() + entries + END.len();
    let mut response = Response::new(Body::from_stream(list.written(opening)));
    *response.status_mut() = StatusCode::OK;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, respond::JSON);
    headers.insert(header::CACHE_CONTROL, Keep::Forever.header());
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    response
}

/// The drawn order on its way out.
struct List {
    state: HttpState,
    concert: ConcertId,
    /// How many entries there are.
    entries: u32,
    /// How many were sent.
    sent: u32,
    /// The part that comes next, when it was read already.
    next: Option<Vec<EntryId>>,
    _turn: OwnedSemaphorePermit,
}

impl List {
    /// With the first part: a store that does not answer is told in the status.
    async fn begin(state: &HttpState, concert: ConcertId, outcome: DrawOutcome) -> Result<Self, Problem> {
        let turn = Arc::clone(state.draws()).try_acquire_owned().map_err(|_| {
            Problem::new(
                Code::Overloaded,
                "Many are reading a draw just now; it stays as it is, so come later.",
            )
        })?;
        let entries = outcome.entries;
        let mut list = Self { state: state.clone(), concert, entries, sent: 0, next: None, _turn: turn };
        if entries > 0 {
            list.next = Some(list.read().await.map_err(|error| state.problem(error))?);
        }
        Ok(list)
    }

    /// The part behind what was sent.
    async fn read(&self) -> Result<Vec<EntryId>, ReadError> {
        let part = self.state.app().draw_part(self.concert, self.sent).await?;
        let most = (self.entries - self.sent) as usize;
        part.filter(|part| (1..=most).contains(&part.len())).ok_or_else(|| {
            let (concert, sent) = (self.concert, self.sent);
            ReadError::Corrupt(format!("the drawn order of concert {concert} has no part behind {sent}"))
        })
    }

    /// The body: what comes before the list, its parts, and its end. An error breaks the connection off, so that nobody takes a
    /// part for the whole.
    fn written(self, opening: Vec<u8>) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
        stream::try_unfold((Some(self), opening), |(list, mut bytes)| async move {
            let Some(mut list) = list else { return Ok(None) };
            if list.sent < list.entries {
                let part = match list.next.take() {
                    Some(part) => part,
                    None => list.read().await.map_err(broken_off)?,
                };
                write_entries(&mut bytes, &part, list.sent == 0);
                // It was found to be no longer than the list.
                list.sent += u32::try_from(part.len()).unwrap_or(u32::MAX);
            }
            let is_whole = list.sent == list.entries;
            if is_whole {
                bytes.extend_from_slice(END);
            }
            Ok(Some((Bytes::from(bytes), ((!is_whole).then_some(list), Vec::new()))))
        })
    }
}

fn broken_off(error: ReadError) -> io::Error {
    trace::failed("a draw was sent in part", &error);
    io::Error::other(error)
}

fn write_entries(bytes: &mut Vec<u8>, part: &[EntryId], is_first: bool) {
    bytes.reserve(part.len() * ENTRY_BYTES + END.len());
    let mut text = [0; 36];
    for (at, entry) in part.iter().enumerate() {
        if at > 0 || !is_first {
            bytes.push(b',');
        }
        bytes.push(b'"');
        bytes.extend_from_slice(entry.uuid().hyphenated().encode_lower(&mut text).as_bytes());
        bytes.push(b'"');
    }
}
