//! What operators and admins do: making and editing concerts and schedules, calling them off, steering lines, keeping
//! seats back, selling and taking back at the box office, watching the sale. What they have done. Accounts, for admins.

mod audit_log;
mod cancel;
mod concert;
mod event;
mod import;
mod patch;
mod queue;
mod reason;
mod reservation;
mod sales;
mod schedule;
mod seat_plan;
mod seats;
mod user;
mod webhook;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::docs::problems;
use crate::state::HttpState;

pub use import::ConcertImport;

pub(crate) fn router() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new()
        .routes(routes!(concert::list, concert::create))
        .routes(routes!(concert::read, concert::edit))
        .routes(routes!(schedule::create))
        .routes(routes!(schedule::edit))
        .routes(routes!(cancel::cancel))
        .routes(routes!(seats::block))
        .routes(routes!(seats::release))
        .routes(routes!(sales::read))
        .routes(routes!(reservation::list, reservation::sell))
        .routes(routes!(reservation::refund))
        .routes(routes!(user::list))
        .routes(routes!(user::read, user::edit))
        .routes(routes!(queue::edit))
        .routes(routes!(queue::fan, queue::revoke))
        .routes(routes!(audit_log::list))
        .routes(routes!(event::dead_letters))
        .routes(routes!(event::replay))
        .routes(routes!(webhook::list, webhook::create))
        .routes(routes!(webhook::read, webhook::edit, webhook::delete))
        .routes(routes!(webhook::test))
        .routes(routes!(webhook::attempts))
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
    CancelScheduleProblems: IdempotencyKeyRequired Unauthenticated AccessTokenExpired AccountBlocked Forbidden NotFound
        RequestInFlight PayloadTooLarge UnsupportedMediaType ValidationFailed IdempotencyKeyReused OutcomeUnknown;
    KeepBackProblems: IdempotencyKeyRequired Unauthenticated AccessTokenExpired AccountBlocked Forbidden NotFound
        SeatUnavailable RequestInFlight PayloadTooLarge UnsupportedMediaType ValidationFailed IdempotencyKeyReused
        OutcomeUnknown;
    SellProblems: IdempotencyKeyRequired Unauthenticated AccessTokenExpired InsufficientBalance AccountBlocked Forbidden
        NotFound SeatUnavailable NoAdjacentSeats SoldOut SaleClosed RequestInFlight PayloadTooLarge
        UnsupportedMediaType ValidationFailed TooManySeats DuplicateSeats IdempotencyKeyReused OutcomeUnknown;
    WebhookProblems: Unauthenticated AccessTokenExpired AccountBlocked Forbidden NotFound OutcomeUnknown;
    CreateWebhookProblems: Unauthenticated AccessTokenExpired AccountBlocked Forbidden PayloadTooLarge
        UnsupportedMediaType ValidationFailed OutcomeUnknown;
    EditWebhookProblems: Unauthenticated AccessTokenExpired AccountBlocked Forbidden NotFound PayloadTooLarge
        UnsupportedMediaType ValidationFailed OutcomeUnknown;
    StaffRefundProblems: IdempotencyKeyRequired Unauthenticated AccessTokenExpired AccountBlocked Forbidden NotFound
        RefundNotAllowed TicketAlreadyUsed RequestInFlight PayloadTooLarge UnsupportedMediaType ValidationFailed
        IdempotencyKeyReused OutcomeUnknown;
}
