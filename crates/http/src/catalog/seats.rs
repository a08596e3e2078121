//! The seats of a schedule and what each shows: in full, compactly, or what has changed.
//!
//! Whole maps are written once for each version of the board and shared by everybody who asks.

use axum::extract::State;
use bytes::Bytes;
use frontrow_application::catalog::{Board, Body, MapChanges};
use frontrow_domain::catalog::SeatPlan;
use frontrow_domain::reservation::SeatState;
use frontrow_domain::{ConcertId, ScheduleId, SeatNo};
use serde::ser::SerializeSeq as _;
use serde::{Deserialize, Serialize, Serializer};
use utoipa::{IntoParams, ToSchema};

use super::SeatProblems;
use crate::problem::Problem;
use crate::queue::{HEADER, Showing, check_gate};
use crate::request::{Asked, At, IfNoneMatch, Query, QueryErrors, parse_number};
use crate::respond::{self, Answer, Keep};
use crate::state::HttpState;
use crate::words;

/// A seat and what it shows.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Seat<'a> {
    /// Its number within the schedule.
    no: u32,
    label: &'a str,
    #[schema(required)]
    section: Option<&'a str>,
    #[schema(required)]
    row: Option<&'a str>,
    grade: &'a str,
    /// In minor units.
    price: i64,
    #[schema(value_type = words::SeatState)]
    state: &'static str,
}

/// The seats of a schedule.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Seats<'a> {
    schedule_id: u32,
    /// The version of the map; for `since`.
    version: u64,
    /// False when these are only the seats that have changed.
    full: bool,
    #[schema(value_type = Vec<Seat>)]
    seats: SeatList<'a>,
}

/// Some seats of a board, written without a list in between.
struct SeatList<'a> {
    plan: &'a SeatPlan,
    seats: Vec<(SeatNo, SeatState)>,
}

impl Serialize for SeatList<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(self.seats.len()))?;
        for &(no, state) in &self.seats {
            let Some(seat) = self.plan.seat(no) else { continue };
            let grade = self.plan.grade_of(seat);
            list.serialize_element(&Seat {
                no: no.get(),
                label: &seat.label,
                section: self.plan.section_name(seat),
                row: self.plan.row_name(seat),
                grade: &grade.name,
                price: grade.price.minor(),
                state: state.name(),
            })?;
        }
        list.end()
    }
}

/// What every seat shows: all of it, or what has changed.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
enum States<'a> {
    /// The whole map.
    Full {
        /// The version of the map; for `since`.
        version: u64,
        /// Always true.
        full: bool,
        /// One letter a seat in order of number: `a`vailable, `h`eld, `s`old, `b`locked.
        #[schema(example = "aahsb")]
        states: &'a str,
    },
    /// What has changed since the version asked for.
    Changes {
        /// The version of the map; for `since`.
        version: u64,
        /// Always false.
        full: bool,
        changes: Vec<Change>,
    },
}

/// A seat that has changed.
#[derive(Serialize, ToSchema)]
pub(super) struct Change {
    /// Its number within the schedule.
    no: u32,
    /// What it shows now.
    #[schema(value_type = words::SeatState)]
    state: &'static str,
}

impl Change {
    pub(super) fn of((no, state): (SeatNo, SeatState)) -> Self {
        Self { no: no.get(), state: state.name() }
    }
}

/// Which seats.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct SeatsQuery {
    /// Only what has changed since this version; all when that is unknown or too long ago. Not with `state`.
    #[param(value_type = Option<u64>)]
    since: Option<String>,
    /// Only seats that are available. Not with `since`.
    #[param(value_type = Option<words::AvailableOnly>)]
    state: Option<String>,
}

/// Which seats, read.
#[derive(Debug, Clone, Copy)]
pub(super) enum WantedSeats {
    All,
    Available,
    Since(u64),
}

impl Query for SeatsQuery {
    type Parsed = WantedSeats;

    fn parse(self, errors: &mut QueryErrors) -> WantedSeats {
        let since = parse_number(errors, "since", self.since.as_deref());
        if self.state.as_deref().is_some_and(|state| state != SeatState::Available.name()) {
            errors.add("state", "may only be `available`");
        }
        if self.since.is_some() && self.state.is_some() {
            errors.add("since", "must not come with `state`");
        }
        match (since, self.state) {
            (Some(since), _) => WantedSeats::Since(since),
            (None, Some(_)) => WantedSeats::Available,
            (None, None) => WantedSeats::All,
        }
    }
}

/// Since when.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct StatesQuery {
    /// Only what has changed since this version; all when that is unknown or too long ago.
    #[param(value_type = Option<u64>)]
    since: Option<String>,
}

impl Query for StatesQuery {
    type Parsed = Option<u64>;

    fn parse(self, errors: &mut QueryErrors) -> Option<u64> {
        parse_number(errors, "since", self.since.as_deref())
    }
}

/// The seats of a schedule
///
/// Where the concert has a waiting room, with an active queue token; operators and admins need none.
#[utoipa::path(get, operation_id = "readSeats", path = "/api/v1/concerts/{concertId}/schedules/{scheduleId}/seats", tag = "catalogue",
    security((), ("queueToken" = []), ("bearer" = [])),
    params(("concertId" = u32, Path), ("scheduleId" = u32, Path), SeatsQuery,
        ("If-None-Match" = Option<String>, Header, description = "An `ETag` of this address")),
    responses((status = 200, body = Seats), (status = 304, description = "Nothing has changed"), SeatProblems))]
pub(super) async fn seats(
    State(state): State<HttpState>,
    At((concert, schedule)): At<(ConcertId, ScheduleId)>,
    showing: Showing<HEADER>,
    Asked(wanted): Asked<SeatsQuery>,
    held: IfNoneMatch,
) -> Answer {
    let found = state.app().schedule(concert, schedule, true).await.map_err(|error| state.problem(error))?;
    let board = found.ok_or_else(Problem::not_found)?.board;
    check_gate(&state, &showing, concert).await?;
    tagged(&state, &board, &held, || match wanted {
        WantedSeats::All => seats_body(&board, None),
        WantedSeats::Available => {
            let is_available = |&(_, state): &(SeatNo, SeatState)| state == SeatState::Available;
            some_seats(&board, true, numbered(&board).filter(is_available).collect())
        }
        WantedSeats::Since(version) => seats_body(&board, Some(version)),
    })
    .await
}

/// What every seat shows, compactly
///
/// Where the concert has a waiting room, with an active queue token; operators and admins need none.
#[utoipa::path(get, operation_id = "readStates", path = "/api/v1/concerts/{concertId}/schedules/{scheduleId}/states", tag = "catalogue",
    security((), ("queueToken" = []), ("bearer" = [])),
    params(("concertId" = u32, Path), ("scheduleId" = u32, Path), StatesQuery,
        ("If-None-Match" = Option<String>, Header, description = "An `ETag` of this address")),
    responses((status = 200, body = States), (status = 304, description = "Nothing has changed"), SeatProblems))]
pub(super) async fn states(
    State(state): State<HttpState>,
    At((concert, schedule)): At<(ConcertId, ScheduleId)>,
    showing: Showing<HEADER>,
    Asked(since): Asked<StatesQuery>,
    held: IfNoneMatch,
) -> Answer {
    let found = state.app().schedule(concert, schedule, true).await.map_err(|error| state.problem(error))?;
    let board = found.ok_or_else(Problem::not_found)?.board;
    check_gate(&state, &showing, concert).await?;
    tagged(&state, &board, &held, || states_body(&board, since)).await
}

/// What is answered to somebody who asks for the seats of a schedule: all, or what has changed since a version. The whole
/// map is rendered once for a board. Public for benches.
///
/// # Errors
///
/// Writing has no way to fail; were it to, it is a defect of ours.
pub fn seats_body(board: &Board, since: Option<u64>) -> Result<Bytes, Problem> {
    match since.map(|version| board.since(version)) {
        Some(MapChanges::Since(changes)) => some_seats(board, false, changes),
        Some(MapChanges::TooOld) | None => all_seats(board),
    }
}

/// The same for the compact map.
///
/// # Errors
///
/// As of [`seats_body`].
pub fn states_body(board: &Board, since: Option<u64>) -> Result<Bytes, Problem> {
    match since.map(|version| board.since(version)) {
        Some(MapChanges::Since(changes)) => {
            let changes = changes.into_iter().map(Change::of).collect();
            respond::write(&States::Changes { version: board.version(), full: false, changes })
        }
        Some(MapChanges::TooOld) | None => all_states(board),
    }
}

/// An answer that carries the version of the board as its tag, or 304 for somebody who has that version.
async fn tagged(
    state: &HttpState,
    board: &Board,
    held: &IfNoneMatch,
    body: impl FnOnce() -> Result<Bytes, Problem>,
) -> Answer {
    let epoch = state.epoch().await.map_err(|error| state.problem(error))?;
    let tag = format!("\"{epoch}-{}\"", board.version());
    respond::tagged(held, tag, Keep::Asking, body)
}

fn numbered(board: &Board) -> impl Iterator<Item = (SeatNo, SeatState)> {
    (1_u32..).map(SeatNo::new).zip(board.states().iter().copied())
}

fn all_seats(board: &Board) -> Result<Bytes, Problem> {
    shared(board, Body::Seats, |board| some_seats(board, true, numbered(board).collect()))
}

fn some_seats(board: &Board, full: bool, seats: Vec<(SeatNo, SeatState)>) -> Result<Bytes, Problem> {
    let seats = SeatList { plan: board.plan(), seats };
    respond::write(&Seats { schedule_id: board.schedule().get(), version: board.version(), full, seats })
}

fn all_states(board: &Board) -> Result<Bytes, Problem> {
    shared(board, Body::States, |board| {
        let states: String = board.states().iter().map(|state| char::from(state.letter())).collect();
        respond::write(&States::Full { version: board.version(), full: true, states: &states })
    })
}

/// The body that the board keeps. Writing has no way to fail; were it to, the empty body is told apart.
fn shared(
    board: &Board,
    body: Body,
    render: impl FnOnce(&Board) -> Result<Bytes, Problem>,
) -> Result<Bytes, Problem> {
    let bytes = board.body(body, |board| render(board).unwrap_or_default());
    if bytes.is_empty() { Err(Problem::internal()) } else { Ok(bytes) }
}
