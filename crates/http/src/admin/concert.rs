//! Concerts, as operators make, edit and see them.

use axum::extract::State;
use axum::http::StatusCode;
use frontrow_application::catalog::{ConcertDetails, ConcertPatch, WaitingRoomPatch};
use frontrow_domain::catalog::{ConcertDraft, FieldError, WaitingRoomSettings};
use frontrow_domain::{ConcertId, Currency};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::patch::Member;
use super::schedule::AdminSchedule;
use super::{CreateProblems, EditProblems, ListProblems, ReadProblems};
use crate::auth::{Caller, Staff};
use crate::catalog::{ConcertQuery, ConcertSummary};
use crate::page::Page;
use crate::problem::Problem;
use crate::request::{Asked, At, Form, KeyRule, Object, Refused, Sent};
use crate::respond::{self, Answer};
use crate::state::HttpState;
use crate::time::Time;
use crate::words;

/// The fastest admission: what is kept is a whole number of thousandths.
const ADMIT_PER_SECOND_MAX: f64 = 1_000_000.0;

/// A new concert.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ConcertForm {
    #[schema(min_length = 1, max_length = 200)]
    title: String,
    #[schema(max_length = 200)]
    artist: String,
    #[schema(max_length = 20_000)]
    description: String,
    /// False while only operators may see it; true when absent.
    published: Option<bool>,
    #[schema(value_type = Option<WaitingRoomForm>)]
    waiting_room: Option<Object<WaitingRoomForm>>,
}

/// What changes of a concert.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ConcertPatchForm {
    #[serde(default)]
    #[schema(value_type = Option<String>, nullable = false)]
    title: Member<String>,
    #[serde(default)]
    #[schema(value_type = Option<String>, nullable = false)]
    artist: Member<String>,
    #[serde(default)]
    #[schema(value_type = Option<String>, nullable = false)]
    description: Member<String>,
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    published: Member<bool>,
    /// Its members are changed one by one.
    #[serde(default)]
    #[schema(value_type = Option<WaitingRoomForm>)]
    waiting_room: Member<Object<WaitingRoomForm>>,
}

/// How the waiting room lets fans in. What is absent has its default.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = WaitingRoomSettings)]
struct WaitingRoomForm {
    /// Whether there is one. May be switched on and off while the sale runs.
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    enabled: Member<bool>,
    /// The most fans that may be active at once.
    #[serde(default)]
    #[schema(value_type = Option<u32>, maximum = 1_000_000)]
    max_active: Member<u32>,
    /// The most fans let in within any sliding second, to three decimals.
    #[serde(default)]
    #[schema(value_type = Option<f64>, exclusive_minimum = 0, maximum = 1_000_000)]
    admit_per_second: Member<f64>,
    /// Seconds that an active fan has.
    #[serde(default)]
    #[schema(value_type = Option<u32>, minimum = 10, maximum = 86_400)]
    session_seconds: Member<u32>,
    /// Seconds within which a called fan has to come.
    #[serde(default)]
    #[schema(value_type = Option<u32>, minimum = 1, maximum = 86_400)]
    claim_seconds: Member<u32>,
    /// Seconds without a sign of life after which a waiting fan counts as gone.
    #[serde(default)]
    #[schema(value_type = Option<u32>, minimum = 1, maximum = 86_400)]
    presence_seconds: Member<u32>,
    /// When the lobby opens: fans who are in it when the sale opens come into random order, those who come later follow. It
    /// opens with the sale at the latest, and is drawn once. Null: there is none, and the order is that of arrival.
    #[serde(default)]
    #[schema(value_type = Option<Time>)]
    lobby_opens_at: Member<Time>,
}

impl WaitingRoomForm {
    fn patch(self, errors: &mut Vec<FieldError>) -> WaitingRoomPatch {
        let off = WaitingRoomSettings::OFF;
        let rate = rate_milli(self.admit_per_second, errors, "waitingRoom.admitPerSecond");
        WaitingRoomPatch {
            enabled: self.enabled.or_default(|| off.enabled),
            max_active: self.max_active.or_default(|| off.max_active),
            admit_per_second_milli: rate,
            session_seconds: self.session_seconds.or_default(|| off.session_seconds),
            claim_seconds: self.claim_seconds.or_default(|| off.claim_seconds),
            presence_seconds: self.presence_seconds.or_default(|| off.presence_seconds),
            lobby_opens_at: match self.lobby_opens_at {
                Member::Absent => None,
                Member::Null => Some(None),
                Member::Set(Time(moment)) => Some(Some(moment)),
            },
        }
    }
}

/// The change of a rate, in thousandths.
pub(super) fn rate_milli(rate: Member<f64>, errors: &mut Vec<FieldError>, field: &str) -> Option<u32> {
    match rate {
        Member::Absent => None,
        Member::Null => Some(WaitingRoomSettings::OFF.admit_per_second_milli),
        Member::Set(rate) => thousandths(rate).or_else(|| {
            errors.push(FieldError::new(field, "must be above 0, up to 1000000"));
            None
        }),
    }
}

/// A rate in thousandths, if it is within the range and not rounded away.
fn thousandths(rate: f64) -> Option<u32> {
    let milli = (rate * 1_000.0).round();
    let is_sound = rate > 0.0 && rate <= ADMIT_PER_SECOND_MAX && milli >= 1.0;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within the range of u32")]
    is_sound.then_some(milli as u32)
}

impl Form for ConcertForm {
    const ROUTE: &'static str = "POST /admin/concerts";
    const KEY: KeyRule = KeyRule::Optional;
    type Input = ConcertDraft;

    fn allow(caller: Caller, _state: &HttpState) -> Result<(), Refused> {
        caller.check_staff()
    }

    fn check(self, _state: &HttpState) -> Result<ConcertDraft, Refused> {
        self.read().map_err(Problem::invalid)
    }
}

impl ConcertForm {
    /// The concert, or everything that is wrong with it.
    pub(super) fn read(self) -> Result<ConcertDraft, Vec<FieldError>> {
        let mut errors = Vec::new();
        let waiting_room = self.waiting_room.unwrap_or_default().0.patch(&mut errors);
        let draft = ConcertDraft {
            title: self.title,
            artist: self.artist,
            description: self.description,
            published: self.published.unwrap_or(true),
            waiting_room: waiting_room.apply(WaitingRoomSettings::OFF),
        };
        errors.extend(draft.check());
        if errors.is_empty() { Ok(draft) } else { Err(errors) }
    }
}

impl Form for ConcertPatchForm {
    const ROUTE: &'static str = "PATCH /admin/concerts/{id}";
    const KEY: KeyRule = KeyRule::Ignored;
    type Input = ConcertPatch;

    fn allow(caller: Caller, _state: &HttpState) -> Result<(), Refused> {
        caller.check_staff()
    }

    fn check(self, _state: &HttpState) -> Result<ConcertPatch, Refused> {
        let mut errors = Vec::new();
        let all_defaults = || {
            Object(WaitingRoomForm {
                enabled: Member::Null,
                max_active: Member::Null,
                admit_per_second: Member::Null,
                session_seconds: Member::Null,
                claim_seconds: Member::Null,
                presence_seconds: Member::Null,
                lobby_opens_at: Member::Null,
            })
        };
        let waiting_room = self.waiting_room.or_default(all_defaults).unwrap_or_default();
        let patch = ConcertPatch {
            title: self.title.required(&mut errors, "title"),
            artist: self.artist.required(&mut errors, "artist"),
            description: self.description.required(&mut errors, "description"),
            published: self.published.or_default(|| true),
            waiting_room: waiting_room.0.patch(&mut errors),
        };
        if errors.is_empty() { Ok(patch) } else { Err(Problem::invalid(errors)) }
    }
}

/// A concert in a list, with what only staff see.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct AdminConcertSummary {
    #[serde(flatten)]
    concert: ConcertSummary,
    /// False while only staff may see it.
    published: bool,
    created_at: Time,
}

/// A concert with its schedules and what only staff see.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct AdminConcert {
    concert_id: u32,
    title: String,
    artist: String,
    description: String,
    /// False while only staff may see it.
    published: bool,
    #[schema(value_type = words::ScheduleStatus)]
    status: &'static str,
    seats_left: u32,
    waiting_room: AdminWaitingRoom,
    schedules: Vec<AdminSchedule>,
    created_at: Time,
}

/// The settings of a waiting room.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct AdminWaitingRoom {
    enabled: bool,
    max_active: u32,
    admit_per_second: f64,
    session_seconds: u32,
    claim_seconds: u32,
    presence_seconds: u32,
    #[schema(required)]
    lobby_opens_at: Option<Time>,
}

impl AdminConcert {
    fn of(details: &ConcertDetails, currency: Currency) -> Self {
        let concert = &details.concert;
        let room = &concert.waiting_room;
        let schedules = details.schedules.iter().map(|schedule| AdminSchedule::of(schedule, currency));
        Self {
            concert_id: concert.id.get(),
            title: concert.title.clone(),
            artist: concert.artist.clone(),
            description: concert.description.clone(),
            published: concert.published,
            status: details.status().name(),
            seats_left: details.seats_left(),
            waiting_room: AdminWaitingRoom {
                enabled: room.enabled,
                max_active: room.max_active,
                admit_per_second: f64::from(room.admit_per_second_milli) / 1_000.0,
                session_seconds: room.session_seconds,
                claim_seconds: room.claim_seconds,
                presence_seconds: room.presence_seconds,
                lobby_opens_at: room.lobby_opens_at.map(Time),
            },
            schedules: schedules.collect(),
            created_at: Time(concert.created_at),
        }
    }
}

async fn find(state: &HttpState, id: ConcertId) -> Result<AdminConcert, Problem> {
    let found = state.app().concert(id, false).await.map_err(|error| state.problem(error))?;
    let details = found.ok_or_else(Problem::not_found)?;
    Ok(AdminConcert::of(&details, state.app().settings().currency))
}

/// List and search concerts, published or not
#[utoipa::path(get, operation_id = "listAllConcerts", path = "/api/v1/admin/concerts", tag = "admin", security(("bearer" = [])),
    params(ConcertQuery), responses((status = 200, body = Page<AdminConcertSummary>), ListProblems))]
pub(super) async fn list(
    State(state): State<HttpState>,
    _: Staff,
    Asked(wanted): Asked<ConcertQuery>,
) -> Answer {
    let (concerts, next) = wanted.find(&state, false).await?;
    let item = |details: &ConcertDetails| AdminConcertSummary {
        concert: ConcertSummary::of(details),
        published: details.concert.published,
        created_at: Time(details.concert.created_at),
    };
    respond::private(&Page::new(concerts.iter().map(item).collect(), next))
}

/// A concert, published or not
#[utoipa::path(get, operation_id = "readAnyConcert", path = "/api/v1/admin/concerts/{concertId}", tag = "admin", security(("bearer" = [])),
    params(("concertId" = u32, Path)), responses((status = 200, body = AdminConcert), ReadProblems))]
pub(super) async fn read(State(state): State<HttpState>, _: Staff, At(id): At<ConcertId>) -> Answer {
    respond::private(&find(&state, id).await?)
}

/// Make a concert
#[utoipa::path(post, operation_id = "createConcert", path = "/api/v1/admin/concerts", tag = "admin", security(("bearer" = [])),
    params(("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255)), request_body = ConcertForm,
    responses((status = 201, body = AdminConcert), CreateProblems))]
pub(super) async fn create(State(state): State<HttpState>, sent: Sent<ConcertForm>) -> Answer {
    let created = state.app().create_concert(sent.staff().by(), sent.input, sent.tag).await;
    let created = created.map_err(|failure| state.problem(failure))?;
    respond::once(StatusCode::CREATED, created.replayed, &find(&state, created.outcome).await?)
}

/// Edit a concert
///
/// A JSON Merge Patch (RFC 7396): what is absent stays, null takes a member back to its default.
#[utoipa::path(patch, operation_id = "editConcert", path = "/api/v1/admin/concerts/{concertId}", tag = "admin", security(("bearer" = [])),
    params(("concertId" = u32, Path)), request_body = ConcertPatchForm,
    responses((status = 200, body = AdminConcert), EditProblems))]
pub(super) async fn edit(State(state): State<HttpState>, sent: Sent<ConcertPatchForm, ConcertId>) -> Answer {
    let edited = state.app().edit_concert(sent.staff().by(), sent.target, sent.input).await;
    let edited = edited.map_err(|failure| state.problem(failure))?;
    respond::private(&find(&state, edited.id).await?)
}
