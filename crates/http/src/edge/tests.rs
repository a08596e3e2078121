use axum::Router;
use axum::routing::get;
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;

use super::*;

fn app() -> Router {
    let panicking = || async {
        assert!(std::hint::black_box(false), "a defect");
    };
    let slow = || std::future::pending::<()>();
    Router::new()
        .route("/panic", get(panicking))
        .route("/slow", get(slow).post(slow))
        .route("/plain", get(|| async { (StatusCode::BAD_REQUEST, "no problem document") }))
        .layer(EdgeLayer::new(0xabc, Duration::from_millis(5)))
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
