//! Where a fan stands, and leaving.

use axum::extract::State;
use axum::response::Response;
use frontrow_application::queue::{QueueState, QueueStatus, ScheduleStock};
use frontrow_domain::queue::{EndReason, WaitRange};
use serde::{Serialize, Serializer};
use utoipa::ToSchema;

use super::gate::{HEADER, Placed};
use super::{LeaveProblems, PlaceProblems};
use crate::problem::Problem;
use crate::request::IfNoneMatch;
use crate::respond::{self, Answer, Keep};
use crate::state::HttpState;
use crate::time::{Time, Uid};
use crate::words;

/// Where a fan stands.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = QueueStatus)]
pub(crate) struct StatusView<'a> {
    concert_id: u32,
    #[schema(value_type = words::QueueState)]
    state: &'static str,
    /// Where the room stands.
    #[schema(value_type = words::RoomState)]
    room: &'static str,
    /// The place: new for every place, also of the same fan.
    entry_id: Uid,
    /// The number of the place in the line; null in the lobby, and of a place that was over before it was drawn.
    #[schema(required)]
    sequence: Option<u64>,
    /// How many are before this fan, exactly; null in the lobby and once the place is over.
    #[schema(required)]
    ahead: Option<u64>,
    /// `ahead` + 1 in line, 0 once let in; null in the lobby and once the place is over.
    #[schema(required)]
    position: Option<u64>,
    /// How long the fan will wait; null while nobody is let in, when the seats will be gone before, and when they wait no
    /// more.
    #[schema(required)]
    estimated_wait_seconds: Option<WaitView>,
    /// Seats available over all schedules.
    seats_left: u32,
    /// Seats held over all schedules: they may come back.
    seats_held: u32,
    #[schema(value_type = Vec<ScheduleStockView>)]
    schedules: Stock<'a>,
    /// Seconds after which to ask again.
    poll_after_seconds: u32,
    joined_at: Time,
    /// When the fan was let in; null before.
    #[schema(required)]
    admitted_at: Option<Time>,
    /// When the session ends, or when the fan has to have come; only while the place is active.
    #[schema(required)]
    expires_at: Option<Time>,
    /// Why the place is over; null before, and when that was long ago.
    #[schema(value_type = Option<words::QueueEndReason>, required)]
    end_reason: Option<&'static str>,
    /// What the operator tells everybody in line.
    #[schema(required)]
    notice: Option<&'a str>,
}

/// A wait in seconds, as a range.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WaitRange)]
pub(crate) struct WaitView {
    /// Hardly less than this.
    low: u32,
    /// Hardly more than this.
    high: u32,
}

/// What is left of a schedule.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ScheduleStock)]
struct ScheduleStockView {
    schedule_id: u32,
    seats_left: u32,
    seats_held: u32,
}

/// What is left of each schedule, written without a list in between.
#[derive(Debug)]
struct Stock<'a>(&'a [ScheduleStock]);

impl Serialize for Stock<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|stock| ScheduleStockView {
            schedule_id: stock.schedule.get(),
            seats_left: stock.seats_left,
            seats_held: stock.seats_held,
        }))
    }
}

impl WaitView {
    pub(crate) const fn of(range: WaitRange) -> Self {
        Self { low: range.low, high: range.high }
    }
}

impl<'a> StatusView<'a> {
    pub(crate) fn of(status: &'a QueueStatus) -> Self {
        let room = &*status.room;
        let position = match status.state {
            QueueState::Waiting => status.ahead.map(|ahead| ahead + 1),
            QueueState::Active => Some(0),
            QueueState::Lobby | QueueState::Expired => None,
        };
        Self {
            concert_id: room.concert.get(),
            state: status.state.name(),
            room: room.state.name(),
            entry_id: Uid(status.entry.uuid()),
            sequence: (!status.sequence.is_lobby()).then(|| status.sequence.get()),
            ahead: status.ahead,
            position,
            estimated_wait_seconds: status.wait.map(WaitView::of),
            seats_left: room.seats_left(),
            seats_held: room.seats_held(),
            schedules: Stock(&room.schedules),
            poll_after_seconds: status.poll_after_seconds,
            joined_at: Time(status.joined_at),
            admitted_at: status.admitted_at.map(Time),
            expires_at: status.expires_at.map(Time),
            end_reason: status.end_reason.map(EndReason::name),
            notice: room.notice(),
        }
    }
}

/// Where one stands
///
/// With the queue token alone. Every request counts as a sign of life, a 304 too; `pollAfterSeconds` says when the next
/// one is due.
#[utoipa::path(get, operation_id = "readQueueStatus", path = "/api/v1/queues/status", tag = "queue",
    security(("queueToken" = [])),
    params(("If-None-Match" = Option<String>, Header, description = "An `ETag` of this address")),
    responses((status = 200, body = StatusView), (status = 304, description = "Nothing has changed"), PlaceProblems))]
pub(super) async fn status(
    State(state): State<HttpState>,
    Placed(pass): Placed<HEADER>,
    held: IfNoneMatch,
) -> Answer {
    let status = state.app().queue_status(pass).await.map_err(|failure| state.problem(failure))?;
    let body = respond::write(&StatusView::of(&status))?;
    respond::tagged(&held, respond::tag_of(&body), Keep::Private, || Ok(body))
}

/// Leave the line
///
/// Gives the place or the session up; again: the same answer. Seats that are held stay payable.
#[utoipa::path(delete, operation_id = "leaveQueue", path = "/api/v1/queues", tag = "queue", security(("queueToken" = [])),
    responses((status = 204, description = "Left"), LeaveProblems))]
pub(super) async fn leave(
    State(state): State<HttpState>,
    Placed(pass): Placed<HEADER>,
) -> Result<Response, Problem> {
    state.app().leave_queue(pass).await.map_err(|failure| state.problem(failure))?;
    Ok(respond::nothing())
}
