//! The `AsyncAPI` document: where events can be had, and which.

use serde_json::{Value, json};

use super::{is_current, kinds};

const FILE: &str = "docs/events/asyncapi.json";

/// The name of a message in the document, which may have no dots: `paymentCompletedV1`.
fn message_name(kind: &str) -> String {
    let words = kind.split(['.', '_']).skip(1);
    let capital = |word: &str| word[..1].to_uppercase() + &word[1..];
    words.enumerate().map(|(place, word)| if place == 0 { word.to_owned() } else { capital(word) }).collect()
}

/// The envelope with the data of one type in it.
fn payload(kind: &str) -> Value {
    json!({
        "allOf": [
            { "$ref": "./schemas/cloudevent.json" },
            {
                "type": "object",
                "properties": {
                    "type": { "const": kind },
                    "data": { "$ref": format!("./schemas/{kind}.json") },
                },
            },
        ],
    })
}

/// An event on its way by one of the channels, with what that channel puts around it.
fn message(kind: &str, description: &str, around: Value) -> Value {
    let mut message = json!({
        "name": kind,
        "title": kind,
        "summary": description,
        "contentType": "application/cloudevents+json",
        "payload": { "$ref": format!("#/components/schemas/{}", message_name(kind)) },
    });
    let members = message.as_object_mut().expect("it was just made");
    members.extend(around.as_object().expect("members").clone());
    message
}

/// The name of the same message with a signature.
fn signed(name: &str) -> String {
    format!("{name}Signed")
}

/// The ways in which events are handed over, each with all messages.
fn channels(messages: &[String]) -> Value {
    let all = |named: fn(&str) -> String| -> Value {
        let reference = |name: &String| json!({ "$ref": format!("#/components/messages/{}", named(name)) });
        messages.iter().map(|name| (name.clone(), reference(name))).collect::<serde_json::Map<_, _>>().into()
    };
    json!({
        "topic": {
            "address": "{topic}",
            "title": "The topic of all events",
            "description": "One topic for events of all types. The key of a record is partitionkey as text, so that the \
                            events of one key are in one partition, in order. The value is the event in the structured \
                            JSON form of CloudEvents.",
            "parameters": {
                "topic": {
                    "description": "The name of the topic: a setting of the server.",
                    "default": "frontrow.events",
                },
            },
            "servers": [{ "$ref": "#/servers/kafka" }],
            "messages": all(str::to_owned),
        },
        "webhook": {
            "address": null,
            "title": "A subscriber's own URL",
            "description": "A POST to the URL of a subscriber for each event, signed as Standard Webhooks says \
                            (https://www.standardwebhooks.com). Any answer with a status of 200 to 299 takes the event; \
                            410 ends the subscription; anything else, or none in time, is tried again for up to three \
                            days.",
            "messages": all(signed),
        },
    })
}

fn signature_headers() -> Value {
    json!({
        "type": "object",
        "required": ["webhook-id", "webhook-timestamp", "webhook-signature"],
        "properties": {
            "webhook-id": {
                "type": "string",
                "description": "The id of the event: the same when it is sent again.",
                "examples": ["0198f3a1-7c40-7000-8000-000000000001-2"],
            },
            "webhook-timestamp": {
                "type": "string",
                "pattern": "^[0-9]+$",
                "description": "When this attempt was made, in seconds since 1970. Refuse what is older than five minutes.",
                "examples": ["1788260561"],
            },
            "webhook-signature": {
                "type": "string",
                "pattern": "^v1,[A-Za-z0-9+/]+=*( v1,[A-Za-z0-9+/]+=*)*$",
                "description": "One or more signatures with blanks between: v1, a comma, and the HMAC-SHA256 of \
                                {webhook-id}.{webhook-timestamp}.{body} in base64.",
            },
        },
    })
}

fn document() -> Value {
    let kinds = kinds();
    let key = json!({ "bindings": { "kafka": { "key": { "type": "string", "format": "uuid" } } } });
    let headers = json!({ "headers": { "$ref": "#/components/schemas/webhookHeaders" } });
    let (mut messages, mut schemas) = (serde_json::Map::new(), serde_json::Map::new());
    for (kind, what) in &kinds {
        let name = message_name(kind);
        messages.insert(signed(&name), message(kind, &what.description, headers.clone()));
        messages.insert(name.clone(), message(kind, &what.description, key.clone()));
        schemas.insert(name, payload(kind));
    }
    assert_eq!(messages.len(), 2 * kinds.len(), "two types have one name");
    let names: Vec<_> = schemas.keys().cloned().collect();
    schemas.insert("webhookHeaders".to_owned(), signature_headers());
    let refs = |channel: &str| -> Value {
        names.iter().map(|name| json!({ "$ref": format!("#/channels/{channel}/messages/{name}") })).collect()
    };
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Frontrow events",
            "version": "1.0.0",
            "description": "What happens to seats and money, told to others after it was committed: at least once, and in \
                            order for each key. See README.md beside this file.",
            "license": { "name": "Apache-2.0" },
        },
        "defaultContentType": "application/cloudevents+json",
        "servers": {
            "kafka": {
                "host": "{brokers}",
                "protocol": "kafka",
                "description": "Where the server is set to publish.",
                "variables": { "brokers": { "default": "localhost:9092", "description": "A setting of the server." } },
            },
        },
        "channels": channels(&names),
        "operations": {
            "publish": {
                "action": "send",
                "title": "Publish to Kafka",
                "channel": { "$ref": "#/channels/topic" },
                "messages": refs("topic"),
            },
            "callWebhook": {
                "action": "send",
                "title": "Call a subscriber",
                "channel": { "$ref": "#/channels/webhook" },
                "traits": [{ "bindings": { "http": { "method": "POST" } } }],
                "messages": refs("webhook"),
            },
        },
        "components": { "messages": messages, "schemas": schemas },
    })
}

#[test]
fn the_asyncapi_document_is_current() {
    is_current(FILE, &document());
}

#[test]
fn every_type_has_a_message_in_every_channel_and_operation() {
    let document = document();
    let count = kinds().len();
    for kind in kinds().keys() {
        let name = message_name(kind);
        for (channel, message) in [("topic", name.clone()), ("webhook", signed(&name))] {
            let reference = json!(format!("#/components/messages/{message}"));
            assert_eq!(
                document["channels"][channel]["messages"][&name]["$ref"], reference,
                "{channel}: {name}"
            );
            assert_eq!(document["components"]["messages"][&message]["name"], json!(kind));
        }
    }
    for operation in ["publish", "callWebhook"] {
        let listed = document["operations"][operation]["messages"].as_array().map_or(0, Vec::len);
        assert_eq!(listed, count, "{operation}");
    }
}
