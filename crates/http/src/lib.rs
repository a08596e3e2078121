//! Frontrow's HTTP interface: routers, forms and views, problems, tokens, and serving.
//!
//! A router per feature, named as in the domain: `account`, `catalog`, `queue`, `reservation`, `wallet`, `payment`,
//! `ticket`, `ranking`, `gate`, `admin`, and `health` for machines. A handler is thin: what comes in is read and checked
//! before it (`request`), it asks the application one thing, and it writes what comes out (`respond`). All that
//! can go wrong is in one table (`problem`).
//!
//! What is not here: rules (the domain's), transactions and clocks (the application's), where settings come from
//! and when the process ends (the server's). Nothing here touches a store.
//!
//! To add an endpoint: a form with its `Form` or `Query`, a view with its `of`, a handler with `utoipa::path` and
//! its `problems!`, a line in the router of its feature, its requests in `tests/it`. The route and its
//! description are the same line, so neither can be forgotten.
#![allow(clippy::struct_field_names, reason = "members are called as in the contract")]
#![allow(unused_qualifications, reason = "what utoipa generates is qualified more than it needs to be")]

mod account;
mod admin;
mod auth;
mod catalog;
mod docs;
mod edge;
mod encoding;
mod gate;
mod health;
mod kept;
mod keyring;
mod limits;
mod page;
mod payment;
mod problem;
mod queue;
mod ranking;
mod request;
mod reservation;
mod respond;
mod serve;
mod settings;
mod site;
mod state;
mod stream;
mod ticket;
mod time;
mod traffic;
mod wallet;
mod words;

use std::time::Duration;

use axum::Router;
use axum::http::{HeaderName, HeaderValue, Method, header};
use tower_http::cors::CorsLayer;
use utoipa::OpenApi as _;
use utoipa_axum::router::OpenApiRouter;

pub use admin::ConcertImport;
pub use auth::Jwks;
pub use catalog::{states_since, whole_map};
pub use encoding::Coding;
pub use kept::Form;
pub use keyring::{KeyList, Keyring, SigningKeys, ticket_key_id, token_key_id};
pub use problem::{Code, Problem};
pub use serve::{ServeLimits, bind, serve};
pub use settings::{
    ChargeBy, HttpSettings, InFlightLimits, IssuerKeys, IssuerSettings, Limits, LogInLimits, ReadyPart,
    TraceSettings,
};
pub use state::HttpState;
pub use ticket::{NotATicket, TicketCode, TicketSigner};

/// How long a browser may remember what an origin may do.
const CORS_REMEMBERED: Duration = Duration::from_hours(1);

fn routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::with_openapi(docs::Base::openapi())
        .merge(account::router())
        .merge(catalog::router())
        .merge(queue::router())
        .merge(reservation::router())
        .merge(wallet::router())
        .merge(payment::router())
        .merge(ticket::router())
        .merge(ranking::router())
        .merge(gate::router())
        .merge(admin::router())
        .merge(health::router())
}

/// The OpenAPI document of the interface.
pub fn openapi() -> utoipa::openapi::OpenApi {
    routes().into_openapi()
}

/// The whole interface. Needs a tokio runtime around it when it is asked something.
pub fn router(state: HttpState) -> Router {
    let (documented, document) = routes().split_for_parts();
    let mut router = documented
        .merge(docs::router(&document))
        .merge(site::router())
        .fallback(site::no_such_route)
        .method_not_allowed_fallback(edge::no_such_method);
    let settings = state.settings();
    if !settings.cors_origins.is_empty() {
        router = router.layer(cors(&settings.cors_origins));
    }
    // The last half of a UUIDv7 is random.
    let (_, run) = state.app().draw_id().as_u64_pair();
    state.traffic().expect(&document);
    let edge = edge::EdgeLayer::new(run, edge::EdgeSettings::of(&state));
    router.layer(edge).with_state(state)
}

fn cors(origins: &[String]) -> CorsLayer {
    let origins: Vec<_> = origins.iter().filter_map(|origin| HeaderValue::try_from(origin).ok()).collect();
    let name = HeaderName::from_static;
    CorsLayer::new()
        .allow_origin(origins)
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        .allow_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            header::IF_NONE_MATCH,
            name("idempotency-key"),
            name("last-event-id"),
            name("queue-token"),
            name("traceparent"),
            name("x-request-id"),
        ])
        .expose_headers([
            header::ETAG,
            header::DATE,
            header::RETRY_AFTER,
            name("idempotency-replayed"),
            name("x-request-id"),
        ])
        .max_age(CORS_REMEMBERED)
}
