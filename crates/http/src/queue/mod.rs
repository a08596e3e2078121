//! The waiting room: a place in the line of a concert, where it stands, and what it lets through.
//!
//! Joining takes an access token; everything after it takes the queue token alone. [`check_gate`] stands before all
//! that an active place is asked for.

mod document;
mod draw;
mod gate;
mod join;
mod status;
mod stream;
mod token;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::docs::problems;
use crate::state::HttpState;

pub(crate) use gate::{HEADER, HEADER_OR_QUERY, Showing, Shown, StillIn, check_gate};
pub(crate) use status::{StatusView, WaitView};
pub(crate) use token::QueueTokens;

pub(crate) fn router() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new()
        .routes(routes!(join::join, status::leave))
        .routes(routes!(status::status))
        .routes(routes!(stream::stream))
        .routes(routes!(join::challenge))
        .routes(routes!(document::read))
        .routes(routes!(draw::draw))
}

problems! {
    JoinProblems: Unauthenticated AccessTokenExpired AccountBlocked NotFound SoldOut SaleNotOpen SaleClosed
        NoWaitingRoom PayloadTooLarge UnsupportedMediaType ValidationFailed RateLimited WaitingRoomUnavailable;
    PlaceProblems: QueueTokenRequired QueueTokenInvalid NotFound RateLimited WaitingRoomUnavailable;
    LeaveProblems: QueueTokenRequired QueueTokenInvalid RateLimited WaitingRoomUnavailable;
    ReadProblems: NotFound;
    DrawProblems: NotFound NoWaitingRoom DrawNotDone;
}
