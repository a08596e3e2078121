//! The OpenAPI document, generated from the handlers, and what shows it to people.
//!
//! A handler names the codes that it can answer with `problems!`; those that any request can meet (overload, a
//! defect) are added here.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use bytes::Bytes;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{ContentBuilder, Ref, RefOr, ResponseBuilder};
use utoipa::{Modify, OpenApi};
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::problem::{Code, ProblemBody};
use crate::respond::{Keep, bytes};
use crate::state::HttpState;
use crate::words;

/// Declares the errors of a handler for the document.
macro_rules! problems {
    ($($name:ident: $($code:ident)+;)+) => { $(
        pub(crate) struct $name;

        impl utoipa::IntoResponses for $name {
            fn responses()
            -> std::collections::BTreeMap<String, utoipa::openapi::RefOr<utoipa::openapi::Response>> {
                $crate::docs::responses(&[$($crate::problem::Code::$code),+])
            }
        }
    )+ };
}
pub(crate) use problems;

/// What any request can meet.
const ALWAYS: [Code; 4] =
    [Code::InternalError, Code::Overloaded, Code::StoreUnavailable, Code::InvalidRequest];

/// The responses for these codes, one a status.
pub(crate) fn responses(codes: &[Code]) -> BTreeMap<String, RefOr<utoipa::openapi::Response>> {
    let mut by_status: BTreeMap<u16, Vec<Code>> = BTreeMap::new();
    // Whoever is named by a token may have sent too many requests.
    let names_a_fan =
        [Code::Unauthenticated, Code::QueueTokenRequired].iter().any(|code| codes.contains(code));
    let limited = names_a_fan.then_some(Code::RateLimited);
    for &code in codes.iter().chain(&ALWAYS).chain(&limited) {
        let same = by_status.entry(code.status().as_u16()).or_default();
        if !same.contains(&code) {
            same.push(code);
        }
    }
    let response = |codes: Vec<Code>| {
        let mut description = String::new();
        for code in codes {
            // Writing into a string has no way to fail.
            let _ = writeln!(description, "- `{}`: {}", code.name(), code.title());
        }
        let document = Ref::from_schema_name("Problem");
        let content =
            ContentBuilder::new().schema(Some(RefOr::<utoipa::openapi::Schema>::Ref(document))).build();
        let response = ResponseBuilder::new().description(description);
        RefOr::T(response.content("application/problem+json", content).build())
    };
    by_status.into_iter().map(|(status, codes)| (status.to_string(), response(codes))).collect()
}

/// The parts of the document that belong to no route.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Frontrow",
        description = "Concert tickets: seats, holds, wallet, payments and tickets in one consistent system.\n\n\
            Times are RFC 3339, answered in UTC. Money is in whole minor units. Clients ignore unknown fields of \
            answers; unknown fields and query parameters of requests are refused. Every answer carries `X-Request-Id`. Errors are \
            `application/problem+json` (RFC 9457); branch on `code`.\n\n\
            `Idempotency-Key` (1 to 255 characters) is required where it says so, taken on other POSTs of \
            somebody logged in, and not looked at elsewhere. A repeat of a successful request shows the same \
            answer with `Idempotency-Replayed: true`.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    components(schemas(ProblemBody, words::AvailableOnly, words::RankingWindow)),
    modifiers(&Tokens),
    tags(
        (name = "accounts", description = "Signing up, logging in, one's own account"),
        (name = "catalogue", description = "Concerts, schedules and seats"),
        (name = "queue", description = "The line in front of a concert"),
        (name = "reservations", description = "Holding seats"),
        (name = "wallet", description = "The prepaid balance"),
        (name = "payments", description = "Paying reservations"),
        (name = "gate", description = "The door"),
        (name = "admin", description = "For operators and admins"),
        (name = "service", description = "For machines"),
    ),
)]
pub(crate) struct Base;

struct Tokens;

impl Modify for Tokens {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
        let header = ApiKey::Header(ApiKeyValue::new("Queue-Token"));
        components.add_security_scheme("queueToken", SecurityScheme::ApiKey(header));
        let query = ApiKey::Query(ApiKeyValue::new("token"));
        components.add_security_scheme("queueTokenInQuery", SecurityScheme::ApiKey(query));
    }
}

/// The document and its viewer.
pub(crate) fn router(document: &utoipa::openapi::OpenApi) -> Router<HttpState> {
    // Plain data: writing it has no way to fail.
    let text = Bytes::from(document.to_json().unwrap_or_default());
    let serve_document = || std::future::ready(bytes(StatusCode::OK, Keep::Minutes, text));
    let viewer = SwaggerUi::new("/swagger-ui").config(Config::from("/api/openapi.json"));
    Router::new().route("/api/openapi.json", get(serve_document)).merge(Router::from(viewer))
}
