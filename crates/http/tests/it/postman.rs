//! The committed Postman collection has every operation of the OpenAPI document and no other: `make postman` writes
//! it anew.

use std::collections::BTreeMap;

use serde_json::Value;

const COLLECTION: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/frontrow.postman_collection.json");

fn collection() -> Value {
    let text = std::fs::read_to_string(COLLECTION).expect("the collection is there: run `make postman`");
    serde_json::from_str(&text).expect("JSON")
}

/// All requests below a folder.
fn requests(folder: &Value) -> Vec<&Value> {
    match folder.get("item").and_then(Value::as_array) {
        Some(items) => items.iter().flat_map(requests).collect(),
        None => vec![&folder["request"]],
    }
}

/// The value of a header, if the request sends it unless somebody switches it off.
fn header<'a>(request: &'a Value, name: &str) -> Option<&'a str> {
    let headers = request["header"].as_array()?;
    let sent = headers.iter().find(|header| header["key"] == name && header["disabled"] != true)?;
    sent["value"].as_str()
}

/// What an operation and its request have to agree on, by method and path: whether a key is sent, and which tokens.
fn documented() -> BTreeMap<String, (bool, bool)> {
    let document = serde_json::to_value(frontrow_http::openapi()).expect("json");
    let mut found = BTreeMap::new();
    for (path, operations) in document["paths"].as_object().expect("paths") {
        for (method, operation) in operations.as_object().expect("operations") {
            let takes_key = operation.get("parameters").is_some_and(|parameters| {
                parameters.as_array().expect("a list").iter().any(|one| one["name"] == "Idempotency-Key")
            });
            let is_for_somebody = operation["security"].to_string().contains("bearer");
            found.insert(format!("{} {path}", method.to_uppercase()), (takes_key, is_for_somebody));
        }
    }
    found
}

#[test]
fn the_collection_has_every_operation_and_no_other() {
    let collection = collection();
    let mut found = BTreeMap::new();
    for request in requests(&collection) {
        let url = &request["url"];
        assert_eq!(url["host"][0], "{{baseUrl}}");
        let parts = url["path"].as_array().expect("a path").iter().map(|part| {
            let part = part.as_str().expect("text");
            part.strip_prefix(':').map_or_else(|| part.to_owned(), |name| format!("{{{name}}}"))
        });
        let path: Vec<_> = parts.collect();
        let name = format!("{} /{}", request["method"].as_str().expect("text"), path.join("/"));
        let key = header(request, "Idempotency-Key");
        assert!(key.is_none_or(|key| key == "{{$guid}}"), "{name}");
        // A request without a word on it takes the token of the collection.
        let is_for_somebody = request.get("auth").is_none();
        assert!(
            found.insert(name.clone(), (key.is_some(), is_for_somebody)).is_none(),
            "{name} is there twice"
        );
    }
    assert_eq!(found, documented(), "run `make postman`");
}

#[test]
fn the_collection_has_the_tokens_as_variables() {
    let collection = collection();
    assert_eq!(collection["auth"]["bearer"][0]["value"], "{{accessToken}}");
    let variables: Vec<_> =
        collection["variable"].as_array().expect("variables").iter().map(|one| one["key"].clone()).collect();
    for name in ["baseUrl", "accessToken", "queueToken"] {
        assert!(variables.contains(&Value::from(name)), "{name}");
    }
}
