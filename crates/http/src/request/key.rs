//! The header `Idempotency-Key`, and the tag that it makes of a request.

use axum::http::HeaderMap;
use frontrow_application::{App, OnceTag};
use frontrow_domain::UserId;

use super::body::KeyRule;
use crate::problem::{Code, Problem};

/// Characters in the longest key.
const KEY_MAX: usize = 255;

/// The key of a request, as its route takes it.
pub(super) fn read(headers: &HeaderMap, rule: KeyRule) -> Result<Option<String>, Problem> {
    if rule == KeyRule::Ignored {
        return Ok(None);
    }
    let mut sent = headers.get_all("idempotency-key").iter();
    let Some(value) = sent.next() else {
        return match rule {
            KeyRule::Required => Err(Problem::new(
                Code::IdempotencyKeyRequired,
                "Send a fresh Idempotency-Key with every new request, and the same one when you repeat it.",
            )),
            KeyRule::Optional | KeyRule::Ignored => Ok(None),
        };
    };
    let text = std::str::from_utf8(value.as_bytes()).unwrap_or_default();
    let is_sound = (1..=KEY_MAX).contains(&text.chars().count());
    if !is_sound || sent.next().is_some() {
        let detail = "The header Idempotency-Key must come once and have 1 to 255 characters.";
        return Err(Problem::new(Code::InvalidRequest, detail));
    }
    Ok(Some(text.to_owned()))
}

/// The tag of a request that could be read: its digest is over what was understood, not over how it was spelt.
pub(super) fn tag(user: UserId, key: &str, route: &str, target: &[u8], body: &[u8]) -> OnceTag {
    OnceTag::new(user, key, &[route.as_bytes(), target, body])
}

/// The problem of a request that could not be read, or another one if its key belongs to another request.
pub(super) async fn or_reused(app: &App, user: UserId, key: Option<&str>, problem: Problem) -> Problem {
    let Some(key) = key else { return problem };
    // Nothing that was kept can have come from a request that cannot be read, so any tag will do.
    let tag = OnceTag::new(user, key, &[b"unreadable"]);
    refuse_reused(app, Some(&tag)).await.err().unwrap_or(problem)
}

/// Refuses a request that changes nothing, and so keeps nothing, when its key belongs to another one.
pub(crate) async fn refuse_reused(app: &App, tag: Option<&OnceTag>) -> Result<(), Problem> {
    match tag {
        Some(tag) if app.is_key_reused(tag).await => {
            Err(Problem::new(Code::IdempotencyKeyReused, "Take a new key for every new request."))
        }
        _ => Ok(()),
    }
}
