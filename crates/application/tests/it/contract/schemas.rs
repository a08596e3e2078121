//! The schemas: one for the data of each type, one for what is around it.

use std::collections::BTreeMap;

use jsonschema::{PatternOptions, Validator};
use serde_json::{Value, json};

use super::{below_root, golden, is_current, kinds, names, parse, read};

const FOLDER: &str = "docs/events/schemas";
const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";
/// The name of the file with the schema of the envelope.
const ENVELOPE: &str = "cloudevent";

/// What nobody fetches: it only says which schema is meant.
fn id(name: &str) -> String {
    format!("urn:frontrow:events:{name}")
}

/// The members of a schema in the order in which they are read, so that a file begins with what it is.
fn with_head(name: &str, title: &str, description: &str, schema: Value) -> Value {
    let Value::Object(body) = schema else { panic!("a schema is an object") };
    let mut whole =
        json!({ "$schema": DIALECT, "$id": id(name), "title": title, "description": description });
    let head = whole.as_object_mut().expect("it was just made");
    for (member, value) in body {
        head.entry(member).or_insert(value);
    }
    whole
}

fn envelope() -> Value {
    let description = "An event as it is handed over: CloudEvents 1.0 in the structured JSON form, with the extensions \
                       partitionkey, sequence and, of what somebody has asked for, requestid and traceparent. What is in \
                       data depends on type; there is a schema for each.";
    let text = |description: &str| json!({ "type": "string", "description": description });
    let mut properties = json!({
        "specversion": { "const": "1.0", "description": "The version of CloudEvents." },
        "id": text("The same however often the event is handed over, and no other event's: partitionkey-sequence."),
        "source": text("Which server it is from, as its settings say."),
        "type": text("What happened, with the version of the form of data."),
        "time": text("When it was decided, in UTC."),
        "datacontenttype": { "const": "application/json", "description": "data is JSON." },
        "partitionkey": text("What it is about. Events of one key are handed over in order."),
        "sequence": text("Its number under its key as decimal digits, from 1 without a gap."),
        "data": { "type": "object", "description": "What happened. Unknown members are to be ignored." },
    });
    properties["id"]["pattern"] = json!("^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}-[1-9][0-9]*$");
    properties["source"]["format"] = json!("uri-reference");
    properties["source"]["minLength"] = json!(1);
    properties["type"]["pattern"] = json!("^frontrow\\.[a-z_]+\\.[a-z_]+\\.v[1-9][0-9]*$");
    properties["time"]["format"] = json!("date-time");
    properties["partitionkey"]["format"] = json!("uuid");
    properties["sequence"]["pattern"] = json!("^[1-9][0-9]*$");
    let required: Vec<_> = properties.as_object().expect("an object").keys().cloned().collect();
    properties["requestid"] = text(
        "The id of the request that it came of, as its answer had it in X-Request-Id; for looking things up.",
    );
    properties["traceparent"] = text("The trace of that request, as W3C Trace Context writes it.");
    properties["traceparent"]["pattern"] = json!("^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$");
    let schema = json!({
        "type": "object", "properties": properties, "required": required,
        "examples": [golden::of_kind("frontrow.payment.completed.v1")[0].1],
    });
    with_head(ENVELOPE, "CloudEvent", description, schema)
}

/// Every schema, by the name of its file without the ending.
fn schemas() -> BTreeMap<String, Value> {
    let mut schemas: BTreeMap<_, _> = kinds()
        .into_iter()
        .map(|(name, kind)| {
            let examples: Vec<_> =
                golden::of_kind(&name).into_iter().map(|(_, event)| event["data"].clone()).collect();
            let mut data = kind.data;
            data["examples"] = Value::Array(examples);
            // The type says more than the Rust type of the data, which several types share.
            (
                name.clone(),
                with_head(&name, &name, &format!("The data of {name}. {}", kind.description), data),
            )
        })
        .collect();
    schemas.insert(ENVELOPE.to_owned(), envelope());
    schemas
}

fn validator(schema: &Value) -> Validator {
    jsonschema::draft202012::meta::validate(schema).expect("a schema is one");
    jsonschema::options()
        .with_draft(jsonschema::Draft::Draft202012)
        .should_validate_formats(true)
        .with_pattern_options(PatternOptions::regex())
        .build(schema)
        .expect("a schema needs nothing but itself")
}

/// The schemas of the files, ready to be asked.
pub(super) struct Schemas {
    envelope: Validator,
    data: BTreeMap<String, Validator>,
}

impl Schemas {
    pub(super) fn of_the_files() -> Self {
        let file = |name: &str| validator(&parse(&read(&below_root(&format!("{FOLDER}/{name}.json")))));
        let data = kinds().into_keys().map(|name| (name.clone(), file(&name))).collect();
        Self { envelope: file(ENVELOPE), data }
    }

    /// Everything that a schema has against an event in the form in which it is handed over.
    pub(super) fn complaints(&self, event: &Value) -> Vec<String> {
        let kind = event["type"].as_str().unwrap_or_default();
        let Some(data) = self.data.get(kind) else { return vec![format!("there is no schema for {kind:?}")] };
        let errors = self.envelope.iter_errors(event).chain(data.iter_errors(&event["data"]));
        errors.map(|error| format!("{kind}: {error} at {}", error.instance_path())).collect()
    }
}

#[test]
fn the_schemas_are_current() {
    let schemas = schemas();
    for (name, schema) in &schemas {
        is_current(&format!("{FOLDER}/{name}.json"), schema);
    }
    let expected: Vec<_> = schemas.keys().map(|name| format!("{name}.json")).collect();
    assert_eq!(names(&below_root(FOLDER)), expected, "a type is never taken away");
}

#[test]
fn every_member_is_described_and_strange_ones_are_let_pass() {
    for (name, schema) in schemas() {
        assert_eq!(schema["type"], "object", "{name}");
        assert!(schema.get("additionalProperties").is_none(), "{name} would refuse what may come");
        let properties = schema["properties"].as_object().expect("it has members");
        for (member, what) in properties {
            let described = what["description"].as_str().is_some_and(|text| text.ends_with('.'));
            assert!(described, "{name}: {member} is not described: {what}");
        }
        for example in schema["examples"].as_array().expect("it has examples") {
            assert!(validator(&schema).is_valid(example), "{name}: {example}");
        }
        assert!(!schema.to_string().contains("$ref"), "{name} needs another file");
    }
}

#[test]
fn a_schema_refuses_what_is_wrong() {
    let schemas = Schemas::of_the_files();
    let (_, event) = golden::of_kind("frontrow.reservation.created.v1").remove(0);
    assert_eq!(schemas.complaints(&event), Vec::<String>::new());
    let wrong = [
        ("/id", json!("1")),
        ("/sequence", json!(1)),
        ("/sequence", json!("0")),
        ("/time", json!("yesterday")),
        ("/partitionkey", json!("7")),
        ("/specversion", json!("0.3")),
        ("/type", json!("frontrow.reservation.created.v9")),
        ("/requestid", json!(7)),
        ("/traceparent", json!("00-1-2-01")),
        ("/data", json!([])),
        ("/data/reservationId", json!("r1")),
        ("/data/concertId", json!(0)),
        ("/data/seats", json!("1,2")),
        ("/data/amount", json!("100")),
        ("/data/expiresAt", json!(1_788_264_000)),
    ];
    for (place, value) in wrong {
        let mut wrong = event.clone();
        if place.rfind('/') == Some(0) {
            wrong[&place[1..]] = value.clone();
        } else {
            *wrong.pointer_mut(place).expect("it is there") = value.clone();
        }
        assert_ne!(schemas.complaints(&wrong), Vec::<String>::new(), "{place} = {value}");
    }
    for member in event["data"].as_object().expect("members").keys() {
        let mut wrong = event.clone();
        wrong["data"].as_object_mut().expect("members").remove(member);
        assert_ne!(schemas.complaints(&wrong), Vec::<String>::new(), "without {member}");
    }
    let mut newer = event;
    newer["data"]["somethingNew"] = json!({ "a": 1 });
    newer["requestid"] = json!("r-1");
    newer["traceparent"] = json!("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
    newer["tracestate"] = json!("somebody=else");
    assert_eq!(schemas.complaints(&newer), Vec::<String>::new());
}
