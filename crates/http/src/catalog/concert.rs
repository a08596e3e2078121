//! Concerts, as the catalogue shows them.

use axum::extract::State;
use axum::http::StatusCode;
use frontrow_application::catalog::ConcertDetails;
use frontrow_application::store::{ConcertCursor, ConcertFilter};
use frontrow_domain::catalog::ScheduleStatus;
use frontrow_domain::{ConcertId, Currency};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::schedule::Schedule;
use super::{ListProblems, ReadProblems};
use crate::page::{Page, PageRequest, parse_page};
use crate::problem::Problem;
use crate::request::{Asked, At, Query, QueryErrors, parse_word};
use crate::respond::{self, Answer, Keep};
use crate::state::HttpState;
use crate::time::Time;
use crate::words;

/// Characters in the longest text that is searched for.
const SEARCH_MAX: usize = 200;

/// A concert in a list.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ConcertSummary {
    concert_id: u32,
    title: String,
    artist: String,
    description: String,
    /// That of its schedule which a fan can do most with.
    #[schema(value_type = words::ScheduleStatus)]
    status: &'static str,
    /// How many schedules it has.
    schedules: usize,
    /// Seats available over all schedules.
    seats_left: u32,
    /// When the first sale opens; null without a schedule.
    #[schema(required)]
    booking_start: Option<Time>,
    /// When the last sale closes; null without a schedule.
    #[schema(required)]
    booking_end: Option<Time>,
}

/// A concert with its schedules.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Concert {
    concert_id: u32,
    title: String,
    artist: String,
    description: String,
    /// That of its schedule which a fan can do most with.
    #[schema(value_type = words::ScheduleStatus)]
    status: &'static str,
    /// Seats available over all schedules.
    seats_left: u32,
    /// When the first sale opens; null without a schedule.
    #[schema(required)]
    booking_start: Option<Time>,
    /// When the last sale closes; null without a schedule.
    #[schema(required)]
    booking_end: Option<Time>,
    waiting_room: WaitingRoom,
    schedules: Vec<Schedule>,
}

/// What fans get to know of the waiting room.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct WaitingRoom {
    /// Whether seats are asked for with a queue token.
    enabled: bool,
    /// When the lobby opens, where the sale has one: whoever is in it when the sale opens gets a random place.
    #[schema(required)]
    lobby_opens_at: Option<Time>,
    /// When the first sale opens.
    #[schema(required)]
    opens_at: Option<Time>,
}

fn booking_start(details: &ConcertDetails) -> Option<Time> {
    details.schedules.iter().map(|schedule| schedule.schedule.booking.start).min().map(Time)
}

fn booking_end(details: &ConcertDetails) -> Option<Time> {
    details.schedules.iter().map(|schedule| schedule.schedule.booking.end).max().map(Time)
}

impl ConcertSummary {
    pub(crate) fn of(details: &ConcertDetails) -> Self {
        let concert = &details.concert;
        Self {
            concert_id: concert.id.get(),
            title: concert.title.clone(),
            artist: concert.artist.clone(),
            description: concert.description.clone(),
            status: details.status().name(),
            schedules: details.schedules.len(),
            seats_left: details.seats_left(),
            booking_start: booking_start(details),
            booking_end: booking_end(details),
        }
    }
}

impl Concert {
    pub(crate) fn of(details: &ConcertDetails, currency: Currency) -> Self {
        let concert = &details.concert;
        let opens_at = booking_start(details);
        let lobby_opens_at = concert.waiting_room.lobby_opens_at.map(|lobby| {
            // With the sale at the latest.
            Time(opens_at.map_or(lobby, |Time(sale)| sale.min(lobby)))
        });
        Self {
            concert_id: concert.id.get(),
            title: concert.title.clone(),
            artist: concert.artist.clone(),
            description: concert.description.clone(),
            status: details.status().name(),
            seats_left: details.seats_left(),
            booking_start: opens_at,
            booking_end: booking_end(details),
            waiting_room: WaitingRoom { enabled: concert.waiting_room.enabled, lobby_opens_at, opens_at },
            schedules: details.schedules.iter().map(|schedule| Schedule::of(schedule, currency)).collect(),
        }
    }
}

/// Which concerts.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ConcertQuery {
    /// A text that title or artist contains.
    query: Option<String>,
    /// Only those of this status.
    #[param(value_type = Option<words::ScheduleStatus>)]
    status: Option<String>,
    /// Items on the page, 1 to 100; 20 when absent.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100)]
    limit: Option<String>,
    /// The `nextCursor` of the page before.
    cursor: Option<String>,
}

/// Which concerts, read.
#[derive(Debug)]
pub(crate) struct WantedConcerts {
    text: Option<String>,
    status: Option<ScheduleStatus>,
    page: PageRequest<ConcertCursor>,
}

impl Query for ConcertQuery {
    type Parsed = WantedConcerts;

    fn parse(self, errors: &mut QueryErrors) -> WantedConcerts {
        let text = self.query.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        if text.as_ref().is_some_and(|text| text.chars().count() > SEARCH_MAX) {
            errors.add("query", format!("may have {SEARCH_MAX} characters"));
        }
        WantedConcerts {
            text,
            status: parse_word(errors, "status", self.status.as_deref(), ScheduleStatus::parse),
            page: parse_page(errors, self.limit.as_deref(), self.cursor.as_deref()),
        }
    }
}

impl WantedConcerts {
    /// Asks for the page; `published_only` hides the rest from the public.
    pub(crate) async fn find(
        self,
        state: &HttpState,
        published_only: bool,
    ) -> Result<(Vec<ConcertDetails>, Option<ConcertCursor>), Problem> {
        let filter = ConcertFilter { text: self.text, published_only };
        let PageRequest { after, limit } = self.page;
        let found = state.app().concerts(filter, self.status, after, limit).await;
        found.map_err(|error| state.problem(error))
    }
}

/// List and search concerts
///
/// Those whose sale opens last come first.
#[utoipa::path(get, operation_id = "listConcerts", path = "/api/v1/concerts", tag = "catalogue", params(ConcertQuery),
    responses((status = 200, body = Page<ConcertSummary>), ListProblems))]
pub(super) async fn list(State(state): State<HttpState>, Asked(wanted): Asked<ConcertQuery>) -> Answer {
    let (concerts, next) = wanted.find(&state, true).await?;
    let page = Page::new(concerts.iter().map(ConcertSummary::of).collect(), next);
    respond::json(StatusCode::OK, Keep::Second, &page)
}

/// A concert with its schedules
#[utoipa::path(get, operation_id = "readConcert", path = "/api/v1/concerts/{concertId}", tag = "catalogue",
    params(("concertId" = u32, Path)),
    responses((status = 200, body = Concert), ReadProblems))]
pub(super) async fn read(State(state): State<HttpState>, At(concert): At<ConcertId>) -> Answer {
    let found = state.app().concert(concert, true).await.map_err(|error| state.problem(error))?;
    let concert = Concert::of(&found.ok_or_else(Problem::not_found)?, state.app().settings().currency);
    respond::json(StatusCode::OK, Keep::Second, &concert)
}
