//! Bodies: JSON of a known shape, with an idempotency key where the route takes one.

use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, header};
use frontrow_application::OnceTag;
use frontrow_domain::catalog::FieldError;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeOwned, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use tokio::time::timeout;
use utoipa::ToSchema;

use super::key;
use super::path::{Target, target};
use crate::auth::{Caller, Staff};
use crate::edge::REQUEST_ID;
use crate::problem::{Code, Problem};
use crate::state::HttpState;

/// Characters in the longest message on a member that is repeated to its sender.
const MESSAGE_MAX: usize = 200;

/// Why a form is not sound.
pub(crate) type Refused = Problem;

/// The body of a route, as it is written, and what it means.
pub(crate) trait Form: DeserializeOwned + Serialize + Send {
    /// Method and path, part of the digest of every request with a key.
    const ROUTE: &'static str;
    /// Whether the route takes an idempotency key.
    const KEY: KeyRule;
    /// True when an absent body means `{}`.
    const MAY_BE_ABSENT: bool = false;
    /// True when the body may carry a seat plan.
    const HAS_PLAN: bool = false;
    /// What handlers work with.
    type Input: Send;

    /// Whether this caller may send it at all.
    fn allow(_caller: Caller, _state: &HttpState) -> Result<(), Refused> {
        Ok(())
    }

    /// Checks what the shape alone does not say.
    fn check(self, state: &HttpState) -> Result<Self::Input, Refused>;
}

/// Whether a route takes an idempotency key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyRule {
    /// A request without one is refused.
    Required,
    /// One that is sent counts.
    Optional,
    /// One that is sent is not looked at: the request is harmless to repeat, or nobody is logged in to own it.
    Ignored,
}

/// A command that somebody logged in has sent.
#[derive(Debug)]
pub(crate) struct Sent<F: Form, T = ()> {
    /// Who.
    pub(crate) caller: Caller,
    /// What the path names.
    pub(crate) target: T,
    /// What the body means.
    pub(crate) input: F::Input,
    /// The idempotency key with what it came with.
    pub(crate) tag: Option<OnceTag>,
    request_id: Option<HeaderValue>,
}

impl<F: Form, T> Sent<F, T> {
    /// Who of the staff has sent it: for forms that [`Form::allow`] nobody else, and for commands on accounts, which
    /// owners send as well ([`Staff::by_unless_own`]).
    pub(crate) fn staff(&self) -> Staff {
        Staff::new(self.caller, self.request_id.clone())
    }
}

/// A body from anybody.
#[derive(Debug)]
pub(crate) struct Open<F: Form>(pub(crate) F::Input);

/// The body of a route that needs none.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Nothing {}

/// A JSON object. What serde derives for a struct would take an array of its members as well.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub(crate) struct Object<T>(pub(crate) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Reader<T> {
            type Value = Object<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Object<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(members)).map(Object)
            }
        }
        deserializer.deserialize_map(Reader(PhantomData))
    }
}

/// Any JSON, which nobody looks at: the place of something that a later version takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Untyped;

impl<'de> Deserialize<'de> for Untyped {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|_| Self)
    }
}

impl Serialize for Untyped {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_unit()
    }
}

impl<F: Form, T: Target> FromRequest<HttpState> for Sent<F, T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &HttpState) -> Result<Self, Problem> {
        let (mut parts, body) = request.into_parts();
        let caller = state.caller(parts.headers.get(header::AUTHORIZATION)).await?;
        let key = key::read(&parts.headers, F::KEY)?;
        match read::<F, T>(&mut parts, body, caller, key.as_deref(), state).await {
            Ok(sent) => Ok(sent),
            Err(problem) => Err(key::or_reused(state.app(), caller.user, key.as_deref(), problem).await),
        }
    }
}

async fn read<F: Form, T: Target>(
    parts: &mut Parts,
    body: Body,
    caller: Caller,
    key: Option<&str>,
    state: &HttpState,
) -> Result<Sent<F, T>, Problem> {
    F::allow(caller, state)?;
    let target: T = target(parts, caller).await?;
    let form: F = parse_body(&parts.headers, body, state).await?;
    let tag = match key {
        None => None,
        Some(key) => {
            let spelling = serde_json::to_vec(&form).map_err(|_| Problem::internal())?;
            Some(key::tag(caller.user, key, F::ROUTE, &target.spell(), &spelling))
        }
    };
    let input = form.check(state)?;
    Ok(Sent { caller, target, input, tag, request_id: parts.headers.remove(REQUEST_ID) })
}

impl<F: Form> FromRequest<HttpState> for Open<F> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &HttpState) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let form: F = parse_body(&parts.headers, body, state).await?;
        form.check(state).map(Self)
    }
}

async fn parse_body<F: Form>(headers: &HeaderMap, body: Body, state: &HttpState) -> Result<F, Problem> {
    let settings = state.settings();
    let limit = if F::HAS_PLAN { settings.plan_body_limit_bytes } else { settings.body_limit_bytes };
    let is_json = is_json(headers);
    if !is_json && !F::MAY_BE_ABSENT {
        return Err(not_json());
    }
    let announced = announced(headers);
    // A length that is announced need not be read to be refused.
    if announced.is_some_and(|length| length > limit as u64) {
        return Err(too_large(limit));
    }
    let most = announced.map_or(limit, |length| usize::try_from(length).unwrap_or(limit));
    let _room = state.room_for_body(most)?;
    let bytes = read_body(body, limit, settings.body_timeout).await?;
    if F::MAY_BE_ABSENT && bytes.is_empty() {
        return parse(b"{}");
    }
    if is_json { parse(&bytes) } else { Err(not_json()) }
}

fn is_json(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()) else {
        return false;
    };
    let kind = value.split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("application/json") || kind.eq_ignore_ascii_case("application/merge-patch+json")
}

fn not_json() -> Problem {
    Problem::new(Code::UnsupportedMediaType, "Send the body with `Content-Type: application/json`.")
}

fn announced(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn too_large(limit: usize) -> Problem {
    Problem::new(Code::PayloadTooLarge, format!("The body may have {limit} bytes."))
}

/// What comes in a trickle is not waited for: it holds a connection, and memory, for as long as its sender likes.
async fn read_body(body: Body, limit: usize, patience: Duration) -> Result<Bytes, Problem> {
    match timeout(patience, Limited::new(body, limit).collect()).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large(limit)),
        Ok(Err(_)) => Err(Problem::new(Code::InvalidRequest, "The body ended before it was complete.")),
        Err(_) => Err(Problem::new(Code::InvalidRequest, "The body did not come in time.")),
    }
}

/// Why bytes are not what was asked for.
pub(crate) enum Unread {
    /// They are no JSON at all, for this reason.
    NotJson(String),
    /// A member has another shape.
    Wrong(FieldError),
}

/// Reads JSON of a known shape. What is no JSON at all is a 400; what is JSON of another shape a 422 that names
/// the member.
fn parse<F: DeserializeOwned>(bytes: &[u8]) -> Result<F, Problem> {
    read_json(bytes).map_err(|unread| match unread {
        Unread::NotJson(error) => Problem::new(Code::InvalidRequest, format!("The body {error}.")),
        Unread::Wrong(error) => Problem::invalid(vec![error]),
    })
}

/// Reads an object of a known shape.
pub(crate) fn read_json<F: DeserializeOwned>(bytes: &[u8]) -> Result<F, Unread> {
    match serde_json::from_slice::<Object<F>>(bytes) {
        Ok(Object(form)) => Ok(form),
        Err(error) => Err(explain::<F>(bytes, error)),
    }
}

/// Reads again, slowly, to say what is wrong and where.
fn explain<F: DeserializeOwned>(bytes: &[u8], first: serde_json::Error) -> Unread {
    let unreadable = |error| Unread::NotJson(format!("is not JSON: {error}"));
    if let Err(error) = serde_json::from_slice::<IgnoredAny>(bytes) {
        return unreadable(error);
    }
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let Err(error) = serde_path_to_error::deserialize::<_, Object<F>>(&mut deserializer) else {
        // It is read as it was before, so it fails as it did before.
        return unreadable(first);
    };
    let path = error.path().to_string();
    let error = error.into_inner();
    // What is skipped is not looked at closely: a broken escape shows only when its text is wanted.
    if !error.is_data() {
        return unreadable(error);
    }
    let reason = error.to_string();
    // The place in the text helps nobody who sends objects; the path does.
    let message = reason.rsplit_once(" at line ").map_or(reason.as_str(), |(message, _)| message);
    // A message may repeat a value that was sent, however long.
    let message: String = message.chars().take(MESSAGE_MAX).collect();
    let path: String = field(&path, &message).chars().take(MESSAGE_MAX).collect();
    Unread::Wrong(FieldError::new(path, message))
}

/// The member that a message is about. Messages on members that are missing, unknown or repeated name it
/// themselves, and come with the path of the object around it.
fn field(path: &str, message: &str) -> String {
    let parent = if path == "." { "" } else { path };
    let named = ["missing field `", "unknown field `", "duplicate field `"]
        .into_iter()
        .find_map(|start| message.strip_prefix(start)?.split('`').next());
    match (parent, named) {
        (parent, None) => parent.to_owned(),
        ("", Some(name)) => name.to_owned(),
        (parent, Some(name)) if parent == name || parent.ends_with(&format!(".{name}")) => parent.to_owned(),
        (parent, Some(name)) => format!("{parent}.{name}"),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    #[expect(dead_code, reason = "only its shape matters")]
    struct Outer {
        amount: i64,
        inner: Option<Object<Inner>>,
        list: Option<Vec<u32>>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its shape matters")]
    struct Inner {
        name: String,
    }

    fn said(body: &str) -> String {
        let problem = parse::<Outer>(body.as_bytes()).expect_err(body);
        let document: serde_json::Value = serde_json::from_slice(&problem.write("r")).expect("json");
        let what = document.get("errors").unwrap_or(&document["detail"]);
        format!("{} {what}\n", document["code"].as_str().expect("code"))
    }

    #[test]
    fn d9_what_is_wrong_with_a_body_is_said_with_its_place() {
        let bodies = [
            "",
            "{",
            "null",
            "[]",
            "{\"amount\":1}x",
            "{\"amount\":\"1\"",
            "{}",
            "{\"amount\":\"1\"}",
            "{\"amount\":1.5}",
            "{\"amount\":99999999999999999999}",
            "{\"amount\":1,\"amount\":2}",
            "{\"amount\":1,\"extra\":2}",
            "{\"amount\":1,\"inner\":{}}",
            "{\"amount\":1,\"inner\":[\"a\"]}",
            "[1,null,null]",
            "{\"amount\":1,\"inner\":{\"name\":1}}",
            "{\"amount\":1,\"inner\":{\"name\":\"a\",\"x\":1}}",
            "{\"amount\":1,\"list\":[1,-1]}",
            "{\"amount\":1,\"inner\":{\"name\":\"\\ud800\"}}",
        ];
        let said: String = bodies.into_iter().map(said).collect();
        expect![[r#"
            invalid_request "The body is not JSON: EOF while parsing a value at line 1 column 0."
            invalid_request "The body is not JSON: EOF while parsing an object at line 1 column 1."
            validation_failed [{"field":"","message":"invalid type: null, expected an object"}]
            validation_failed [{"field":"","message":"invalid type: sequence, expected an object"}]
            invalid_request "The body is not JSON: trailing characters at line 1 column 13."
            invalid_request "The body is not JSON: EOF while parsing an object at line 1 column 13."
            validation_failed [{"field":"amount","message":"missing field `amount`"}]
            validation_failed [{"field":"amount","message":"invalid type: string \"1\", expected i64"}]
            validation_failed [{"field":"amount","message":"invalid type: floating point `1.5`, expected i64"}]
            validation_failed [{"field":"amount","message":"invalid type: floating point `1e+20`, expected i64"}]
            validation_failed [{"field":"amount","message":"duplicate field `amount`"}]
            validation_failed [{"field":"extra","message":"unknown field `extra`, expected one of `amount`, `inner`, `list`"}]
            validation_failed [{"field":"inner.name","message":"missing field `name`"}]
            validation_failed [{"field":"inner","message":"invalid type: sequence, expected an object"}]
            validation_failed [{"field":"","message":"invalid type: sequence, expected an object"}]
            validation_failed [{"field":"inner.name","message":"invalid type: integer `1`, expected a string"}]
            validation_failed [{"field":"inner.x","message":"unknown field `x`, expected `name`"}]
            validation_failed [{"field":"list[1]","message":"invalid value: integer `-1`, expected u32"}]
            invalid_request "The body is not JSON: unexpected end of hex escape at line 1 column 36."
        "#]].assert_eq(&said);
    }
}
