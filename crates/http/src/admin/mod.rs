//! What operators and admins do: making and editing concerts and schedules, steering lines. What they have done.

mod audit_log;
mod concert;
mod patch;
mod queue;
mod schedule;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::docs::problems;
use crate::state::HttpState;

pub(crate) fn router() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new()
        .routes(routes!(concert::list, concert::create))
        .routes(routes!(concert::read, concert::edit))
        .routes(routes!(schedule::create))
        .routes(routes!(schedule::edit))
        .routes(routes!(queue::edit))
        .routes(routes!(queue::fan, queue::revoke))
        .routes(routes!(audit_log::list))
}

problems! {
    ListProblems: Unauthenticated AccessTokenExpired AccountBlocked Forbidden;
    ReadProblems: Unauthenticated AccessTokenExpired AccountBlocked Forbidden NotFound;
    CreateProblems: Unauthenticated AccessTokenExpired AccountBlocked Forbidden NotFound RequestInFlight
        PayloadTooLarge UnsupportedMediaType ValidationFailed IdempotencyKeyReused OutcomeUnknown;
    EditProblems: Unauthenticated AccessTokenExpired AccountBlocked Forbidden NotFound PayloadTooLarge
        UnsupportedMediaType ValidationFailed OutcomeUnknown;
    FanProblems: Unauthenticated AccessTokenExpired AccountBlocked Forbidden NotFound WaitingRoomUnavailable
        OutcomeUnknown;
    EditScheduleProblems: Unauthenticated AccessTokenExpired AccountBlocked Forbidden NotFound ScheduleInUse
        PayloadTooLarge UnsupportedMediaType ValidationFailed OutcomeUnknown;
}
