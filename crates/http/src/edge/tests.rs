use std::sync::Mutex;

use axum::Router;
use axum::routing::{get, post};
use frontrow_application::trace::{Attribute, Span, SpanContext, Traces};
use frontrow_domain::{EntryId, UserId};
use frontrow_testkit::ManualClock;
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;
use uuid::Uuid;

use super::*;
use crate::settings::InFlightLimits;

fn app() -> Router {
    app_with(Arc::new(Traffic::new()))
}

fn app_with(traffic: Arc<Traffic>) -> Router {
    let panicking = || async {
        assert!(std::hint::black_box(false), "a defect");
    };
    let slow = || std::future::pending::<()>();
    Router::new()
        .route("/panic", get(panicking))
        .route("/slow", get(slow).post(slow))
        .route("/plain", get(|| async { (StatusCode::BAD_REQUEST, "no problem document") }))
        .route("/seats/{no}", get(|| async { "a seat" }))
        .fallback(|| async { no_such_route() })
        .method_not_allowed_fallback(no_such_method)
        .layer(EdgeLayer::new(0xabc, EdgeSettings { traffic, ..settings(None) }))
}

fn settings(traces: Option<TraceSettings>) -> EdgeSettings {
    EdgeSettings {
        timeout: Duration::from_millis(5),
        load: Load::new(InFlightLimits { pay: 1_000, hold: 1_000, look: 1_000, join: 1_000 }),
        is_trusted_proxy: Arc::new(|_| false),
        traces,
        clock: Arc::new(ManualClock::default()),
        traffic: Arc::new(Traffic::new()),
        ready: Arc::new(AtomicBool::new(true)),
    }
}

async fn ask(method: &str, path: &str, id: Option<&str>) -> (StatusCode, String, String) {
    let mut request = axum::http::Request::builder().method(method).uri(path);
    if let Some(id) = id {
        request = request.header("x-request-id", id);
    }
    let response = app().oneshot(request.body(Body::empty()).expect("request")).await.expect("answer");
    let id = response.headers()[REQUEST_ID].to_str().expect("text").to_owned();
    let (status, body) = (response.status(), response.into_body().collect().await.expect("body").to_bytes());
    (status, id, String::from_utf8(body.to_vec()).expect("text"))
}

#[tokio::test]
async fn a_panic_in_a_handler_is_a_problem_like_any_other() {
    let (status, id, body) = ask("GET", "/panic", Some("mine")).await;
    assert_eq!((status, id.as_str()), (StatusCode::INTERNAL_SERVER_ERROR, "mine"));
    assert!(
        body.contains("\"code\":\"internal_error\"") && body.contains("\"requestId\":\"mine\""),
        "{body}"
    );
    assert!(!body.contains("defect"), "{body}");
}

#[tokio::test]
async fn what_takes_too_long_is_ended_and_a_command_is_not_said_to_be_undone() {
    let (status, _, body) = ask("GET", "/slow", None).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(body.contains("\"code\":\"overloaded\""), "{body}");
    let (status, _, body) = ask("POST", "/slow", None).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(body.contains("\"code\":\"outcome_unknown\""), "{body}");
}

#[tokio::test]
async fn an_error_of_a_library_gets_a_document() {
    let (status, _, body) = ask("GET", "/plain", None).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(body.contains("\"code\":\"invalid_request\""), "{body}");
}

#[tokio::test]
async fn a_request_id_that_is_fit_to_be_repeated_is_taken_over() {
    let too_long = "x".repeat(129);
    for (sent, is_taken) in
        [("a", true), ("0190-ABC/xyz", true), ("two words", false), ("", false), (&too_long, false)]
    {
        let (_, id, _) = ask("GET", "/nowhere", Some(sent)).await;
        assert_eq!(id == sent, is_taken, "{sent:?}");
        assert!(is_taken || id.starts_with("0000000000000abc-"), "{id}");
    }
}

/// What a recorder of its own has seen when all of these were asked, each by method and path.
async fn counted(asked: &[(&str, &str)]) -> String {
    let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
    let _recording = metrics::set_default_local_recorder(&recorder);
    let app = app();
    for (method, path) in asked {
        let request = axum::http::Request::builder().method(*method).uri(*path);
        let request = request.body(Body::empty()).expect("request");
        app.clone().oneshot(request).await.expect("answer");
    }
    recorder.handle().render()
}

/// The value of a series whose line begins so and has all of these labels.
fn value(text: &str, name: &str, labels: &[&str]) -> Option<u64> {
    let has_all = |line: &&str| labels.iter().all(|label| line.contains(label));
    let mut lines = text.lines().filter(|line| line.starts_with(&format!("{name}{{"))).filter(has_all);
    let line = lines.next()?;
    assert_eq!(lines.next(), None, "one series has {labels:?}");
    line.rsplit(' ').next()?.parse().ok()
}

#[tokio::test]
async fn every_request_counts_by_what_was_answered_whatever_that_is() {
    let asked = [
        ("GET", "/panic"),
        ("GET", "/plain"),
        ("GET", "/plain"),
        ("GET", "/slow"),
        ("POST", "/slow"),
        ("DELETE", "/plain"),
        ("BREW", "/plain"),
        ("GET", "/nowhere/1"),
        ("GET", "/nowhere/2"),
        ("GET", "/seats/1"),
        ("GET", "/seats/2"),
        ("HEAD", "/seats/3"),
    ];
    let text = counted(&asked).await;
    let answered = |method: &str, route: &str, status: &str| {
        let labels =
            [format!("method=\"{method}\""), format!("route=\"{route}\""), format!("status=\"{status}\"")];
        let labels: Vec<&str> = labels.iter().map(String::as_str).collect();
        let seconds = value(&text, "frontrow_http_request_duration_seconds_count", &labels[..2]);
        (value(&text, "frontrow_http_requests_total", &labels), seconds)
    };
    assert_eq!(answered("GET", "/panic", "5xx"), (Some(1), Some(1)));
    assert_eq!(answered("GET", "/plain", "4xx"), (Some(2), Some(2)));
    assert_eq!(answered("GET", "/slow", "5xx"), (Some(1), Some(1)), "out of time");
    assert_eq!(answered("POST", "/slow", "5xx"), (Some(1), Some(1)));
    assert_eq!(answered("DELETE", "/plain", "4xx"), (Some(1), Some(1)), "405");
    assert_eq!(answered("other", "/plain", "4xx"), (Some(1), Some(1)), "a method that nobody knows");
    assert_eq!(answered("GET", "unmatched", "4xx"), (Some(2), Some(2)), "404, whatever the path");
    assert_eq!(answered("GET", "/seats/{no}", "2xx"), (Some(2), Some(2)), "by the template");
    assert_eq!(answered("HEAD", "/seats/{no}", "2xx"), (Some(1), Some(1)));
    assert!(!text.contains("nowhere") && !text.contains("BREW"), "{text}");
    let problems = |code: &str| value(&text, "frontrow_http_problems_total", &[&format!("code=\"{code}\"")]);
    assert_eq!(problems("internal_error"), Some(1));
    assert_eq!(problems("method_not_allowed"), Some(2));
    assert_eq!(problems("overloaded"), Some(1));
    assert_eq!(problems("outcome_unknown"), Some(1));
    assert_eq!(problems("seat_unavailable"), Some(0), "there from the start");
    for (name, expected) in [("panics", 1), ("timeouts", 2), ("requests_abandoned", 0)] {
        assert!(text.contains(&format!("\nfrontrow_http_{name}_total {expected}\n")), "{name}: {text}");
    }
}

#[tokio::test]
async fn a_request_whose_client_goes_away_is_abandoned_and_no_longer_in_flight() {
    let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
    let _recording = metrics::set_default_local_recorder(&recorder);
    let traffic = Arc::new(Traffic::new());
    let app = app_with(Arc::clone(&traffic));
    let request = axum::http::Request::get("/slow").body(Body::empty()).expect("request");
    let mut asked = Box::pin(app.oneshot(request));
    assert!(futures_util::poll!(&mut asked).is_pending());
    let shown = || {
        traffic.show();
        let text = recorder.handle().render();
        let of = |name: &str| {
            let line = text.lines().find(|line| line.starts_with(&format!("{name} "))).expect("shown");
            line.rsplit(' ').next().and_then(|value| value.parse::<u64>().ok()).expect("a number")
        };
        (of("frontrow_http_requests_in_flight"), of("frontrow_http_requests_abandoned_total"))
    };
    assert_eq!(shown(), (1, 0));
    drop(asked);
    assert_eq!(shown(), (0, 1));
}

/// Requests that hang, to have something in flight.
fn hanging(load: &Arc<Load>) -> Router {
    let hang = || std::future::pending::<()>();
    let parts = EdgeSettings { timeout: Duration::from_mins(1), load: Arc::clone(load), ..settings(None) };
    Router::new()
        .route("/api/v1/payments", post(hang))
        .route("/api/v1/reservations", post(hang))
        .route("/api/v1/concerts", get(|| async { "looked" }))
        .route("/api/v1/queues", post(|| async { "joined" }))
        .route("/health/live", get(|| async { "live" }))
        .layer(EdgeLayer::new(1, parts))
}

fn request(method: &str, path: &str) -> Request {
    axum::http::Request::builder().method(method).uri(path).body(Body::empty()).expect("request")
}

#[tokio::test]
async fn what_hangs_takes_the_room_of_those_who_are_worth_less_and_gives_it_back() {
    let load = Load::new(InFlightLimits { pay: 4, hold: 3, look: 2, join: 1 });
    let router = hanging(&load);
    let status = async |method: &str, path: &str| {
        let answer = router.clone().oneshot(request(method, path)).await.expect("answer");
        (answer.status().as_u16(), answer.headers().get(header::RETRY_AFTER).cloned())
    };
    let looked = ("GET", "/api/v1/concerts");
    let joined = ("POST", "/api/v1/queues");
    assert_eq!(status(joined.0, joined.1).await, (200, None));
    assert_eq!(load.in_flight(), 0, "an answer gives its place back");
    let begin = |path: &'static str| {
        let mut future = Box::pin(router.clone().oneshot(request("POST", path)));
        let mut cx = Context::from_waker(std::task::Waker::noop());
        assert!(future.as_mut().poll(&mut cx).is_pending());
        future
    };
    let first = begin("/api/v1/reservations");
    assert_eq!(status(joined.0, joined.1).await, (503, Some(HeaderValue::from_static("5"))));
    assert_eq!(status(looked.0, looked.1).await, (200, None));
    let second = begin("/api/v1/reservations");
    assert_eq!(status(looked.0, looked.1).await, (503, Some(HeaderValue::from_static("2"))));
    let third = begin("/api/v1/reservations");
    assert_eq!(status("POST", "/api/v1/reservations").await, (503, Some(HeaderValue::from_static("1"))));
    let last = begin("/api/v1/payments");
    assert_eq!(status("POST", "/api/v1/payments").await, (503, Some(HeaderValue::from_static("1"))));
    assert_eq!(status("GET", "/health/live").await, (200, None), "who watches is never refused");
    // Whoever gives up waiting makes room as well.
    drop((first, second, third, last));
    assert_eq!(load.in_flight(), 0);
    assert_eq!(status(joined.0, joined.1).await, (200, None));
}

/// Keeps spans.
#[derive(Default)]
struct Kept(Mutex<Vec<Span>>);

impl Traces for Kept {
    fn finished(&self, span: Span) {
        self.0.lock().expect("not poisoned").push(span);
    }
}

#[tokio::test]
async fn a_traced_request_is_a_span_that_follows_from_its_callers() {
    const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";
    let kept = Arc::new(Kept::default());
    let traces: Arc<dyn Traces> = Arc::<Kept>::clone(&kept);
    let noting = || async {
        trace::note_user(UserId::new(Uuid::from_u128(7)));
        trace::note_entry(EntryId::new(Uuid::from_u128(8)));
        trace::failed("inside", &"a secret");
        let problem: Result<(), Problem> = Err(Problem::new(Code::StoreUnavailable, "away"));
        problem
    };
    let router = Router::new()
        .route("/things/{id}", get(noting))
        .layer(EdgeLayer::new(1, settings(Some(TraceSettings { traces, per_thousand: 1_000 }))));
    let mut request = request("GET", "/things/1?token=secret");
    request.headers_mut().insert("traceparent", HeaderValue::from_static(PARENT));
    request.headers_mut().insert("x-request-id", HeaderValue::from_static("mine"));
    router.oneshot(request).await.expect("answer");
    let spans = std::mem::take(&mut *kept.0.lock().expect("not poisoned"));
    let [span] = spans.as_slice() else { panic!("one span: {spans:?}") };
    let SpanContext { trace, parent, is_sampled, is_ours, .. } = span.context;
    assert_eq!((trace, parent), (0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736, 0x00f0_67aa_0ba9_02b7));
    assert!(is_sampled && is_ours && span.is_request);
    assert_eq!(span.name, "GET /things/{id}");
    assert_eq!(span.failure, Some("store_unavailable"));
    assert_eq!(span.begun_at, ManualClock::EPOCH);
    let text = |value: &str| Attribute::Text(value.to_owned());
    assert_eq!(
        span.attributes,
        [
            ("http.request.method", text("GET")),
            ("http.route", text("/things/{id}")),
            ("http.response.status_code", Attribute::Number(503)),
            ("frontrow.request_id", text("mine")),
            ("enduser.pseudo.id", Attribute::Text(Uuid::from_u128(7).to_string())),
            ("frontrow.entry_id", Attribute::Text(Uuid::from_u128(8).to_string())),
            ("frontrow.problem", text("store_unavailable")),
        ]
    );
}
