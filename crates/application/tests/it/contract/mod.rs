//! What others are promised of events: the schemas, the `AsyncAPI` document and the page of `docs/events`, and the golden
//! files, against the types of the code and against what real evenings have written.
//!
//! The list of types is that of `Event` itself, so none can be forgotten. To add one: write its golden file and its line
//! in `golden::expected`, a row in `docs/events/README.md`, and run `make events`.

mod asyncapi;
mod golden;
mod handbook;
mod nights;
mod schemas;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use frontrow_application::events::LoggedEvent;
use frontrow_domain::event::{Event, OutboxEvent};
use serde_json::Value;

/// What the server calls itself in `source` where no test says otherwise.
const SOURCE: &str = "frontrow";

/// A place below the root of the workspace.
fn below_root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn parse(text: &str) -> Value {
    serde_json::from_str(text).expect("it is JSON")
}

/// The names of the files of a folder, in order.
fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut names: Vec<_> = entries
        .map(|entry| entry.expect("the folder can be read").file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

/// The same with the members of every object in order of name, whatever the JSON library is built to keep.
fn in_order(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let sorted: BTreeMap<_, _> = members.iter().collect();
            sorted.into_iter().map(|(name, value)| (name.clone(), in_order(value))).collect()
        }
        Value::Array(items) => items.iter().map(in_order).collect(),
        _ => value.clone(),
    }
}

/// Compares a file with what it has to be. With `UPDATE_EXPECT` in the environment it is written.
fn is_current(path: &str, value: &Value) {
    let mut text = serde_json::to_string_pretty(&in_order(value)).expect("JSON is written");
    text.push('\n');
    let path = below_root(path);
    if !path.exists() {
        // `expect_file` compares with what is there; a new type has nothing yet.
        assert!(is_updating(), "{} is missing: run `make events`", path.display());
    }
    expect_test::expect_file![path].assert_eq(&text);
}

#[expect(clippy::disallowed_methods, reason = "whether files are to be written is asked for from outside")]
fn is_updating() -> bool {
    std::env::var("UPDATE_EXPECT").is_ok()
}

/// What has to be said of a type of events.
struct Kind {
    /// When it happens.
    description: String,
    /// The schema of its data.
    data: Value,
}

/// Every type that there is, by name, as the code has it.
fn kinds() -> BTreeMap<String, Kind> {
    let settings = schemars::generate::SchemaSettings::draft2020_12().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    let schema = settings.into_generator().into_root_schema_for::<Event>();
    let variants =
        schema.get("oneOf").and_then(Value::as_array).expect("events are told apart by their type");
    let kind = |variant: &Value| {
        let name = variant["properties"]["type"]["const"].as_str().expect("a type has a name").to_owned();
        let description = variant["description"].as_str().expect("a type is described").to_owned();
        (
            name,
            Kind { description: description.replace('\n', " "), data: variant["properties"]["data"].clone() },
        )
    };
    variants.iter().map(kind).collect()
}

/// The event as it is handed to others.
fn told(event: &OutboxEvent) -> LoggedEvent {
    let body = serde_json::to_string(event).expect("an event is written");
    LoggedEvent { position: 1, key: event.key, sequence: event.sequence, at: event.at, body }
}

#[test]
fn the_code_names_its_types_with_a_version_each() {
    let kinds = kinds();
    assert!(kinds.len() >= 13, "{:?}", kinds.keys());
    for name in kinds.keys() {
        let parts: Vec<_> = name.split('.').collect();
        let ["frontrow", _, _, version] = parts[..] else { panic!("{name} has no four parts") };
        let number = version.strip_prefix('v').and_then(|number| number.parse::<u32>().ok());
        assert!(number.is_some_and(|number| number > 0), "{name} has no version");
    }
}
