//! The seats of a schedule and what each shows: in full, compactly, or what has changed.
//!
//! Whole maps are written, and compressed, once for each version of the board that somebody asks for, and shared by all who
//! do ([`crate::kept`]). A map that everybody gets in their first round trip anyway is sent as it is.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::Response;
use bytes::Bytes;
use flate2::Compression;
use frontrow_application::catalog::{Board, MapChanges};
use frontrow_application::trace;
use frontrow_domain::catalog::SeatPlan;
use frontrow_domain::reservation::SeatState;
use frontrow_domain::{ConcertId, ScheduleId, SeatNo};
use serde::ser::SerializeSeq as _;
use serde::{Deserialize, Serialize, Serializer};
use utoipa::{IntoParams, ToSchema};

use super::SeatProblems;
use crate::encoding::{BY_CODING, Coding, TakesGzip};
use crate::kept::{Content, Form, Wanted};
use crate::problem::Problem;
use crate::queue::{HEADER, Showing, check_gate};
use crate::request::{Asked, At, IfNoneMatch, Query, QueryErrors, parse_number};
use crate::respond::{self, Answer, Keep};
use crate::state::HttpState;
use crate::words;

/// Bytes from which on a whole map is compressed for those who take it so, and made aside. Fewer reach a client in the first
/// round trip of a connection, compressed or not (ten segments, RFC 6928), and take microseconds.
const LONG_BYTES: usize = 16 << 10;
/// Bytes that a seat takes with its label and price, about.
const SEAT_BYTES: usize = 100;

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

impl<'a> Seats<'a> {
    fn of(board: &'a Board, full: bool, seats: Vec<(SeatNo, SeatState)>) -> Self {
        let seats = SeatList { plan: board.plan(), seats };
        Self { schedule_id: board.schedule().get(), version: board.version(), full, seats }
    }
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

impl States<'_> {
    fn changes(board: &Board, changes: Vec<(SeatNo, SeatState)>) -> Self {
        let changes = changes.into_iter().map(Change::of).collect();
        Self::Changes { version: board.version(), full: false, changes }
    }
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

/// A whole map.
struct WholeMap {
    board: Arc<Board>,
    form: Form,
}

impl Serialize for WholeMap {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let board = &*self.board;
        let is_available = |&(_, state): &(SeatNo, SeatState)| state == SeatState::Available;
        match self.form {
            Form::Seats => Seats::of(board, true, numbered(board).collect()).serialize(serializer),
            Form::Available => {
                Seats::of(board, true, numbered(board).filter(is_available).collect()).serialize(serializer)
            }
            Form::States => {
                let states: String = board.states().iter().map(|state| char::from(state.letter())).collect();
                States::Full { version: board.version(), full: true, states: &states }.serialize(serializer)
            }
            Form::Drawing => Err(serde::ser::Error::custom("a drawing is no map")),
        }
    }
}

impl Content for WholeMap {
    /// It changes with every commit.
    const LEVEL: Compression = Compression::fast();

    fn version(&self) -> u64 {
        self.board.version()
    }
}

/// The seats of a schedule
///
/// Where the concert has a waiting room, with an active queue token; operators and admins need none. A long map is compressed
/// for clients that take it so.
#[utoipa::path(get, operation_id = "readSeats", path = "/api/v1/concerts/{concertId}/schedules/{scheduleId}/seats", tag = "catalogue",
    security((), ("queueToken" = []), ("bearer" = [])),
    params(("concertId" = u32, Path), ("scheduleId" = u32, Path), SeatsQuery,
        ("If-None-Match" = Option<String>, Header, description = "An `ETag` of this address")),
    responses((status = 200, body = Seats), (status = 304, description = "Nothing has changed"), SeatProblems))]
pub(super) async fn seats(
    State(state): State<HttpState>,
    At(place): At<(ConcertId, ScheduleId)>,
    showing: Showing<HEADER>,
    Asked(wanted): Asked<SeatsQuery>,
    held: IfNoneMatch,
    takes_gzip: TakesGzip,
) -> Answer {
    let asking = Asking { state: &state, place, held, takes_gzip };
    let board = asking.look().await?;
    check_gate(&state, &showing, place.0).await?;
    let form = match wanted {
        WantedSeats::All => Form::Seats,
        WantedSeats::Available => Form::Available,
        WantedSeats::Since(version) => match board.since(version) {
            MapChanges::Since(changes) => {
                return asking.short(&board, || respond::write(&Seats::of(&board, false, changes))).await;
            }
            MapChanges::TooOld => Form::Seats,
        },
    };
    asking.whole(board, form).await
}

/// What every seat shows, compactly
///
/// Where the concert has a waiting room, with an active queue token; operators and admins need none. A long map is compressed
/// for clients that take it so.
#[utoipa::path(get, operation_id = "readStates", path = "/api/v1/concerts/{concertId}/schedules/{scheduleId}/states", tag = "catalogue",
    security((), ("queueToken" = []), ("bearer" = [])),
    params(("concertId" = u32, Path), ("scheduleId" = u32, Path), StatesQuery,
        ("If-None-Match" = Option<String>, Header, description = "An `ETag` of this address")),
    responses((status = 200, body = States), (status = 304, description = "Nothing has changed"), SeatProblems))]
pub(super) async fn states(
    State(state): State<HttpState>,
    At(place): At<(ConcertId, ScheduleId)>,
    showing: Showing<HEADER>,
    Asked(since): Asked<StatesQuery>,
    held: IfNoneMatch,
    takes_gzip: TakesGzip,
) -> Answer {
    let asking = Asking { state: &state, place, held, takes_gzip };
    let board = asking.look().await?;
    check_gate(&state, &showing, place.0).await?;
    if let Some(since) = since
        && let MapChanges::Since(changes) = board.since(since)
    {
        return asking.short(&board, || respond::write(&States::changes(&board, changes))).await;
    }
    asking.whole(board, Form::States).await
}

/// Somebody who asks for a map.
struct Asking<'a> {
    state: &'a HttpState,
    place: (ConcertId, ScheduleId),
    held: IfNoneMatch,
    takes_gzip: TakesGzip,
}

impl Asking<'_> {
    /// The board as it is now.
    async fn look(&self) -> Result<Arc<Board>, Problem> {
        let (concert, schedule) = self.place;
        let found = self.state.app().schedule(concert, schedule, true).await;
        let found = found.map_err(|error| self.state.problem(error))?;
        Ok(found.ok_or_else(Problem::not_found)?.board)
    }

    /// A whole map, of this board or of one after it.
    async fn whole(&self, board: Arc<Board>, form: Form) -> Answer {
        if let Some(unchanged) = self.unchanged(&board).await? {
            return Ok(unchanged);
        }
        let is_long = bytes_about(&board, form) >= LONG_BYTES;
        let coding = if is_long && self.takes_gzip.0 { Coding::Gzip } else { Coding::Identity };
        let wanted = Wanted { schedule: board.schedule(), form, coding, version: board.version(), is_long };
        let newest = async { Ok(WholeMap { board: self.look().await?, form }) };
        let body = self.state.kept().get(wanted, newest).await?;
        let mut response = respond::bytes(StatusCode::OK, Keep::Asking, body.bytes.clone());
        coding.note(response.headers_mut());
        respond::with_tag(response, self.tag(body.version, coding).await?)
    }

    /// What has changed: of this client alone, and as it is.
    async fn short(&self, board: &Board, body: impl FnOnce() -> Result<Bytes, Problem>) -> Answer {
        if let Some(unchanged) = self.unchanged(board).await? {
            return Ok(unchanged);
        }
        let mut response = respond::bytes(StatusCode::OK, Keep::Asking, body()?);
        Coding::Identity.note(response.headers_mut());
        respond::with_tag(response, self.tag(board.version(), Coding::Identity).await?)
    }

    /// 304 for somebody who has this version in a coding that they take. Not in the other one: a cache that has both asks for
    /// somebody else, and would hand out the one that the tag of the answer names.
    async fn unchanged(&self, board: &Board) -> Result<Option<Response>, Problem> {
        if self.held.is_empty() {
            return Ok(None);
        }
        for coding in [Coding::Identity, Coding::Gzip] {
            let tag = self.tag(board.version(), coding).await?;
            if (coding == Coding::Identity || self.takes_gzip.0) && self.held.holds(&tag) {
                let mut response = respond::unchanged(Keep::Asking);
                response.headers_mut().insert(header::VARY, BY_CODING);
                return respond::with_tag(response, tag).map(Some);
            }
        }
        Ok(None)
    }

    /// The tag of a version. It stands for certain bytes, so each coding has its own (RFC 9110, section 8.8.3.3).
    async fn tag(&self, version: u64, coding: Coding) -> Result<String, Problem> {
        let epoch = self.state.epoch().await.map_err(|error| self.state.problem(error))?;
        Ok(match coding {
            Coding::Identity => format!("\"{epoch}-{version}\""),
            Coding::Gzip => format!("\"{epoch}-{version}-gzip\""),
        })
    }
}

/// How long a map is, about: enough to tell whether it is worth compressing.
fn bytes_about(board: &Board, form: Form) -> usize {
    match form {
        Form::Available => board.count(SeatState::Available) as usize * SEAT_BYTES,
        Form::States => board.states().len(),
        Form::Seats | Form::Drawing => board.states().len() * SEAT_BYTES,
    }
}

fn numbered(board: &Board) -> impl Iterator<Item = (SeatNo, SeatState)> {
    (1_u32..).map(SeatNo::new).zip(board.states().iter().copied())
}

/// A whole map as it is sent. Public for benches.
///
/// # Errors
///
/// Writing has no way to fail but for a form that is no map; were it to, it is a defect of ours.
pub fn whole_map(board: &Arc<Board>, form: Form, coding: Coding) -> Result<Bytes, Problem> {
    let map = WholeMap { board: Arc::clone(board), form };
    coding.write(&map, WholeMap::LEVEL).map_err(|error| {
        trace::failed("a map cannot be written", &error);
        Problem::internal()
    })
}

/// What a client with this version is told compactly; nothing when it has to have the whole map. Public for benches.
///
/// # Errors
///
/// As of [`whole_map`].
pub fn states_since(board: &Board, version: u64) -> Result<Option<Bytes>, Problem> {
    match board.since(version) {
        MapChanges::Since(changes) => respond::write(&States::changes(board, changes)).map(Some),
        MapChanges::TooOld => Ok(None),
    }
}
