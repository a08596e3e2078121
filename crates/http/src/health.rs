//! Whether the server is alive, whether it is ready, and its metrics.

use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use metrics::gauge;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::respond::{self, Answer, Keep};
use crate::state::HttpState;

/// How long the store may take to answer before it counts as not well.
const STORE_TIMEOUT: Duration = Duration::from_secs(1);

pub(crate) fn router() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new().routes(routes!(live)).routes(routes!(ready)).routes(routes!(metrics))
}

/// That the process is alive.
#[derive(Debug, Serialize, ToSchema)]
struct Live {
    #[schema(example = "live")]
    status: &'static str,
}

/// Whether requests can be served, and what is in the way.
#[derive(Debug, Serialize, ToSchema)]
struct Ready {
    /// `ready` or `not_ready`.
    #[schema(example = "ready")]
    status: &'static str,
    /// Whether requests were refused in the last seconds because there was too much to do. A server that is overloaded stays
    /// ready: taken away, it would leave its load to the others.
    #[schema(example = false)]
    shedding: bool,
    parts: Vec<Part>,
}

/// A part that has to be well.
#[derive(Debug, Serialize, ToSchema)]
struct Part {
    #[schema(example = "store_reads")]
    name: &'static str,
    ready: bool,
    /// What is in the way, when something is.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "the store does not answer within a second")]
    reason: Option<&'static str>,
}

impl Part {
    fn new(name: &'static str, ready: bool, otherwise: &'static str) -> Self {
        Self { name, ready, reason: (!ready).then_some(otherwise) }
    }
}

/// Whether the process is alive
#[utoipa::path(get, operation_id = "readLiveness", path = "/health/live", tag = "service", responses((status = 200, body = Live)))]
async fn live() -> Answer {
    respond::json(StatusCode::OK, Keep::Never, &Live { status: "live" })
}

/// Whether requests can be served
#[utoipa::path(get, operation_id = "readReadiness", path = "/health/ready", tag = "service",
    responses((status = 200, body = Ready), (status = 503, body = Ready, description = "Not ready")))]
async fn ready(State(state): State<HttpState>) -> Answer {
    let settings = state.settings();
    let read = tokio::time::timeout(STORE_TIMEOUT, state.app().epoch());
    let mut parts = vec![
        Part::new(
            "server",
            settings.ready.load(Ordering::Acquire),
            "the server is starting, or was told to stop",
        ),
        Part::new(
            "store_reads",
            matches!(read.await, Ok(Ok(_))),
            "the store cannot be read, or does not answer within a second",
        ),
    ];
    parts.extend(settings.parts.iter().map(|part| Part::new(part.name, (part.is_well)(), part.otherwise)));
    let (code, status) = if parts.iter().all(|part| part.ready) {
        (StatusCode::OK, "ready")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not_ready")
    };
    respond::json(code, Keep::Never, &Ready { status, shedding: state.load().is_shedding(), parts })
}

/// Metrics in the text format of Prometheus
#[utoipa::path(get, operation_id = "readMetrics", path = "/metrics", tag = "service",
    responses((status = 200, body = String, content_type = "text/plain")))]
async fn metrics(State(state): State<HttpState>) -> Response {
    let settings = state.settings();
    state.traffic().show();
    let is_ready =
        settings.ready.load(Ordering::Acquire) && settings.parts.iter().all(|part| (part.is_well)());
    gauge!("frontrow_ready").set(f64::from(u8::from(is_ready)));
    let mut response = (settings.metrics)().into_response();
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}
