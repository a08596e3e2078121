//! What is there for machines and browsers: health, metrics, the document, CORS.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use frontrow_http::ReadyPart;
use serde_json::{Value, json};

use crate::world::World;

#[tokio::test]
async fn liveness_and_readiness() {
    let part = ReadyPart { name: "issuer_keys", is_well: Arc::new(|| true), otherwise: "none came" };
    let world = World::with(|http| http.parts = vec![part], |_| {});
    assert_eq!(world.get("/health/live").send().await.expect(200).json(), json!({"status": "live"}));
    let ready = world.get("/health/ready").send().await.expect(200);
    let well = |name: &str| json!({"name": name, "ready": true});
    let parts = [well("server"), well("store_reads"), well("issuer_keys")];
    assert_eq!(ready.json(), json!({"status": "ready", "shedding": false, "parts": parts}));
    assert_eq!(ready.header("connection"), "", "the connection is kept");
    assert_eq!(ready.header("cache-control"), "no-store");
    world.ready.store(false, Ordering::Release);
    let not_ready = world.get("/health/ready").send().await.expect(503);
    let reason = "the server is starting, or was told to stop";
    let stopping = json!({"name": "server", "ready": false, "reason": reason});
    let parts = [stopping, well("store_reads"), well("issuer_keys")];
    assert_eq!(not_ready.json(), json!({"status": "not_ready", "shedding": false, "parts": parts}));
    assert_eq!(not_ready.header("connection"), "close", "who asks next is to ask elsewhere");
    assert_eq!(not_ready.header("content-type"), "application/json");
    world.get("/health/live").send().await.expect(200);
    let part = ReadyPart { name: "issuer_keys", is_well: Arc::new(|| false), otherwise: "none came" };
    let world = World::with(|http| http.parts = vec![part], |_| {});
    let not_ready = world.get("/health/ready").send().await.expect(503).json();
    assert_eq!(not_ready["parts"][2], json!({"name": "issuer_keys", "ready": false, "reason": "none came"}));
}

#[tokio::test]
async fn metrics_are_text() {
    let world = World::new();
    let metrics = world.get("/metrics").send().await.expect(200);
    assert_eq!(metrics.body, b"frontrow_up 1\n");
    assert!(metrics.header("content-type").starts_with("text/plain"));
}

#[tokio::test]
async fn the_document_is_served_and_shown() {
    let world = World::new();
    let document = world.get("/api/openapi.json").send().await.expect(200);
    assert_eq!(document.json(), serde_json::to_value(frontrow_http::openapi()).expect("json"));
    world.get("/swagger-ui").send().await.expect(303);
    for file in ["", "index.html", "swagger-ui.css", "swagger-ui-bundle.js", "swagger-initializer.js"] {
        world.get(&format!("/swagger-ui/{file}")).send().await.expect(200);
    }
    let script = world.get("/swagger-ui/swagger-initializer.js").send().await;
    assert!(String::from_utf8_lossy(&script.body).contains("/api/openapi.json"), "{script}");
    world.get("/swagger-ui/nothing.js").send().await.problem(404, "not_found");
}

/// Routes and their descriptions are registered together, so this looks for what could still go wrong: a path
/// that the router reads in another way than the document.
#[tokio::test]
async fn every_operation_of_the_document_is_mounted() {
    let world = World::new();
    let document = serde_json::to_value(frontrow_http::openapi()).expect("json");
    let mut names = BTreeSet::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("operations") {
            let path = path.replace("{userId}", "me").replace(['{', '}'], "");
            let answer = world.call(&method.to_uppercase(), &path).send().await;
            assert_ne!(answer.status, 405, "{method} {path}");
            let is_fallback = String::from_utf8_lossy(&answer.body).contains("nothing at this address");
            assert!(!is_fallback, "{method} {path}");
            assert!(operation["summary"].is_string(), "{method} {path} has no summary");
            let is_described =
                operation["responses"].as_object().is_some_and(|responses| !responses.is_empty());
            assert!(is_described, "{method} {path} has no responses");
            let name = operation["operationId"].as_str().expect("text").to_owned();
            assert!(names.insert(name), "{method} {path} has no name of its own");
        }
    }
    assert_eq!(names.len(), 70);
}

/// Codes of the contract that no route answers yet.
const COMING: [&str; 1] = ["challenge_required"];

/// Every error that a test of this crate has provoked, and every code of the table, is in the document.
#[test]
fn every_code_is_documented_somewhere() {
    let text = serde_json::to_string(&frontrow_http::openapi()).expect("json");
    for code in frontrow_http::Code::ALL {
        let is_everywhere = ["method_not_allowed"].contains(&code.name());
        let comes_later = COMING.contains(&code.name());
        let is_documented = text.contains(&format!("`{}`", code.name()));
        assert!(is_everywhere || comes_later || is_documented, "{}", code.name());
    }
}

/// Everything that an operation or a schema refers to.
fn references(value: &Value, into: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            into.extend(members.get("$ref").and_then(Value::as_str).map(str::to_owned));
            members.values().for_each(|value| references(value, into));
        }
        Value::Array(values) => values.iter().for_each(|value| references(value, into)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn the_document_refers_to_nothing_that_is_not_in_it() {
    let document = serde_json::to_value(frontrow_http::openapi()).expect("json");
    let mut references_made = BTreeSet::new();
    references(&document, &mut references_made);
    assert!(!references_made.is_empty());
    for reference in references_made {
        let pointer = reference.strip_prefix('#').expect("a place in this document");
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
}

/// A fan who sends too many requests is refused wherever a token says who asks.
#[test]
fn every_operation_with_a_token_documents_the_limit_on_requests() {
    let document = serde_json::to_value(frontrow_http::openapi()).expect("json");
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("operations") {
            if operation.get("security").is_some() {
                assert!(operation["responses"].get("429").is_some(), "{method} {path}");
            }
        }
    }
}

#[tokio::test]
async fn no_origin_may_call_unless_it_is_named() {
    let world = World::new();
    let answer =
        world.get("/api/v1/concerts").header("origin", "https://shop.example").send().await.expect(200);
    assert_eq!(answer.header("access-control-allow-origin"), "");

    let world = World::with(|http| http.cors_origins = vec!["https://shop.example".to_owned()], |_| {});
    let answer =
        world.get("/api/v1/concerts").header("origin", "https://shop.example").send().await.expect(200);
    assert_eq!(answer.header("access-control-allow-origin"), "https://shop.example");
    let exposed = answer.header("access-control-expose-headers").to_lowercase();
    for name in ["etag", "date", "retry-after", "idempotency-replayed", "x-request-id"] {
        assert!(exposed.contains(name), "{exposed}");
    }
    let other =
        world.get("/api/v1/concerts").header("origin", "https://evil.example").send().await.expect(200);
    assert_eq!(other.header("access-control-allow-origin"), "");
    let asked = world
        .call("OPTIONS", "/api/v1/reservations")
        .header("origin", "https://shop.example")
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "idempotency-key, authorization")
        .send()
        .await
        .expect(200);
    assert!(asked.header("access-control-allow-methods").contains("POST"), "{asked}");
    assert_eq!(asked.header("x-request-id"), "test");
}

#[tokio::test]
async fn errors_carry_cors_headers_too() {
    let world = World::with(|http| http.cors_origins = vec!["https://shop.example".to_owned()], |_| {});
    let answer = world.get("/api/v1/users/me").header("origin", "https://shop.example").send().await;
    assert_eq!(answer.header("access-control-allow-origin"), "https://shop.example");
    answer.problem(401, "unauthenticated");
}
