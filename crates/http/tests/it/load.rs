//! What the k6 scenarios of `load/` ask is in the OpenAPI document: operations, and the codes that they take for an answer.
//! They are not run here. `load/check.test.mjs` looks at the scripts themselves.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

const LOAD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../load");
const METHODS: [&str; 5] = ["GET", "POST", "PUT", "PATCH", "DELETE"];

/// The scripts, by name.
fn scripts() -> Vec<(String, String)> {
    let folders = [LOAD.to_owned(), format!("{LOAD}/lib")];
    let entries = folders.iter().flat_map(|folder| fs::read_dir(folder).expect("load/ is there"));
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let is_script = |path: &Path| path.extension().is_some_and(|ending| ending == "js");
    let read = |path: &Path| fs::read_to_string(path).expect("text");
    paths.filter(|path| is_script(path)).map(|path| (path.display().to_string(), read(&path))).collect()
}

/// What stands in single quotes, line by line: a quote in a comment reaches no further than its line.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .flat_map(|line| line.split('\'').skip(1).step_by(2))
}

/// Whether this is how a script names an operation: method and path.
fn is_operation(text: &str) -> bool {
    text.split_once(" /").is_some_and(|(method, _)| METHODS.contains(&method))
}

/// The codes in lists of refusals: `409: ['seat_unavailable', …]`.
fn refusals(text: &str) -> Vec<(&str, &str)> {
    let lists = text.match_indices(": [").filter_map(|(at, _)| {
        let status = text.get(at.checked_sub(3)?..at)?;
        let list = text[at..].split_once(']')?.0;
        status.parse::<u16>().is_ok().then_some((status, list))
    });
    lists.flat_map(|(status, list)| quoted(list).map(move |code| (status, code))).collect()
}

#[test]
fn scenarios_ask_what_the_document_has() {
    let document = serde_json::to_value(frontrow_http::openapi()).expect("json");
    let mut found = BTreeSet::new();
    for (script, text) in scripts() {
        for operation in quoted(&text).filter(|text| is_operation(text)) {
            let (method, path) = operation.split_once(' ').expect("an operation");
            let there = &document["paths"][path][method.to_lowercase()];
            assert!(there.is_object(), "{script} asks {operation}, which the API has not");
            found.insert(operation.to_owned());
        }
    }
    for operation in ["POST /api/v1/queues", "POST /api/v1/reservations", "POST /api/v1/payments"] {
        assert!(found.contains(operation), "no scenario asks {operation}: is it looked for where they are?");
    }
    assert!(found.len() >= 15, "{found:?}");
}

#[test]
fn scenarios_accept_refusals_that_the_document_has() {
    let document = serde_json::to_string(&frontrow_http::openapi()).expect("json");
    let mut found = 0;
    for (script, text) in scripts() {
        for (status, code) in refusals(&text) {
            assert!(
                document.contains(&format!("`{code}`")),
                "{script} takes {status} {code}, which there is not"
            );
            found += 1;
        }
    }
    assert!(found >= 4, "{found} refusals: is it looked for where they are?");
}
