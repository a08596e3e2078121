//! Rankings (R-C4): what sells best, and what was sold out fastest. They tell of seats and seconds, never of money.

use axum::extract::State;
use axum::http::StatusCode;
use frontrow_application::sales::RankingWindow;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::docs::problems;
use crate::request::{Asked, Query, QueryErrors, parse_word};
use crate::respond::{self, Answer, Keep};
use crate::state::HttpState;
use crate::words;

pub(crate) fn router() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new().routes(routes!(best_selling)).routes(routes!(sold_out))
}

problems! {
    RankingProblems: InvalidRequest;
}

/// A ranking, at most a hundred.
#[derive(Debug, Serialize, ToSchema)]
struct Ranking<T> {
    items: Vec<T>,
}

/// A concert among the best selling.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct BestSeller<'a> {
    /// From 1.
    rank: u32,
    concert_id: u32,
    title: &'a str,
    /// Seats sold in the window and not given back.
    sold: u64,
}

/// A schedule among the fastest sold out.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct SoldOut<'a> {
    /// From 1.
    rank: u32,
    concert_id: u32,
    schedule_id: u32,
    title: &'a str,
    /// From the opening of the sale to the last seat.
    sold_out_seconds: u32,
}

/// Over which time.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct RankingQuery {
    /// The last hour (the default), the last day, or all time.
    #[param(value_type = Option<words::RankingWindow>)]
    window: Option<String>,
}

impl Query for RankingQuery {
    type Parsed = RankingWindow;

    fn parse(self, errors: &mut QueryErrors) -> RankingWindow {
        let window = parse_word(errors, "window", self.window.as_deref(), RankingWindow::parse);
        window.unwrap_or(RankingWindow::Hour)
    }
}

/// The concerts that sell best
#[utoipa::path(get, operation_id = "listBestSelling", path = "/api/v1/rankings/best-selling", tag = "catalogue",
    params(RankingQuery), responses((status = 200, body = Ranking<BestSeller>), RankingProblems))]
async fn best_selling(State(state): State<HttpState>, Asked(window): Asked<RankingQuery>) -> Answer {
    let ranks = state.app().best_selling(window).await.map_err(|error| state.problem(error))?;
    let items = (1_u32..).zip(ranks.iter()).map(|(rank, best)| BestSeller {
        rank,
        concert_id: best.concert.id.get(),
        title: &best.concert.title,
        sold: best.sold,
    });
    respond::json(StatusCode::OK, Keep::Second, &Ranking { items: items.collect() })
}

/// The schedules that were sold out fastest
#[utoipa::path(get, operation_id = "listSoldOut", path = "/api/v1/rankings/sold-out", tag = "catalogue",
    responses((status = 200, body = Ranking<SoldOut>), RankingProblems))]
async fn sold_out(State(state): State<HttpState>) -> Answer {
    let ranks = state.app().fastest_sold_out().await.map_err(|error| state.problem(error))?;
    let items = (1_u32..).zip(ranks.iter()).map(|(rank, first)| SoldOut {
        rank,
        concert_id: first.concert.id.get(),
        schedule_id: first.schedule.get(),
        title: &first.concert.title,
        sold_out_seconds: first.seconds,
    });
    respond::json(StatusCode::OK, Keep::Second, &Ranking { items: items.collect() })
}
