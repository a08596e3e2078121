//! The catalogue: concerts, their schedules, and the seats of each schedule.

mod concert;
mod plan;
mod schedule;
mod seats;
mod stream;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::docs::problems;
use crate::state::HttpState;

pub(crate) use concert::{ConcertQuery, ConcertSummary};
#[cfg(test)]
pub(crate) use plan::shape_name;
pub(crate) use schedule::{RefundStep, Schedule};
pub use seats::{states_since, whole_map};

pub(crate) fn router() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new()
        .routes(routes!(concert::list))
        .routes(routes!(concert::read))
        .routes(routes!(schedule::list))
        .routes(routes!(seats::seats))
        .routes(routes!(seats::states))
        .routes(routes!(stream::stream))
        .routes(routes!(plan::plan))
}

problems! {
    ListProblems: InvalidRequest;
    ReadProblems: NotFound;
    SeatProblems: Unauthenticated AccessTokenExpired AccountBlocked QueueTokenRequired QueueTokenInvalid
        QueueNotActive QueueTokenExpired NotFound RateLimited WaitingRoomUnavailable;
}
