//! What is said about a request once its answer stands: that it failed, in the log, once; that it was, where somebody wants
//! to see every request; and its span, where it is traced.
//!
//! A failure is logged here and nowhere else: whoever knows the cause notes it
//! ([`failed`](frontrow_application::trace::failed)). What fails by the thousand while a part is away is logged once a
//! second, with how often it was.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::MatchedPath;
use axum::http::{Method, StatusCode};
use frontrow_application::Clock;
use frontrow_application::seldom::Seldom;
use frontrow_application::trace::{Attribute, Commit, Request, Span, SpanContext, Traces};
use frontrow_domain::Timestamp;

use super::spans::SpanIds;
use crate::problem::Code;

/// Every request is a line under this name, of the level `debug`.
const ACCESS: &str = "frontrow_http::access";

/// A request, for whoever tells of it.
pub(super) struct Told {
    pub(super) request: Arc<Request>,
    pub(super) method: Method,
    /// The pattern of its address. The address itself may have a token in it and is never told.
    pub(super) route: Option<MatchedPath>,
    pub(super) begun: Instant,
    /// When it began; only of requests that are traced.
    pub(super) begun_at: Option<Timestamp>,
}

/// Where things are told.
pub(super) struct Teller {
    /// One for each code that may come by the thousand.
    seldom: [Seldom; 4],
    spans: Option<(Arc<dyn Traces>, Arc<dyn Clock>)>,
    ids: SpanIds,
}

impl Teller {
    pub(super) fn new(traces: Option<Arc<dyn Traces>>, clock: Arc<dyn Clock>, ids: SpanIds) -> Self {
        let seldom = std::array::from_fn(|_| Seldom::new());
        Self { seldom, spans: traces.map(|traces| (traces, clock)), ids }
    }

    /// When a request began that is traced.
    pub(super) fn begins(&self, request: &Request) -> Option<Timestamp> {
        let (_, clock) = self.spans.as_ref().filter(|_| request.is_recorded())?;
        Some(clock.now())
    }

    /// Tells of a request within it.
    pub(super) fn tell(&self, told: &Told, status: StatusCode, code: Option<Code>) {
        if let Some(code) = code.filter(|code| code.status().is_server_error()) {
            self.tell_failure(told, code);
        }
        if tracing::enabled!(target: ACCESS, tracing::Level::DEBUG) {
            tracing::debug!(
                target: ACCESS,
                method = told.method.as_str(),
                route = told.route(),
                status = status.as_u16(),
                code = code.map_or("", Code::name),
                took_us = u64::try_from(told.begun.elapsed().as_micros()).unwrap_or(u64::MAX),
                "answered"
            );
        }
        if let (Some((traces, _)), Some(begun_at)) = (&self.spans, told.begun_at) {
            self.tell_span(told, begun_at, status, code, &**traces);
        }
    }

    fn tell_failure(&self, told: &Told, code: Code) {
        let (method, route, cause) = (told.method.as_str(), told.route(), told.request.cause().unwrap_or(""));
        let seldom = match code {
            Code::Overloaded => &self.seldom[0],
            Code::StoreUnavailable => &self.seldom[1],
            Code::WaitingRoomUnavailable => &self.seldom[2],
            Code::OutcomeUnknown => &self.seldom[3],
            _ => {
                tracing::error!(code = code.name(), method, route, cause, "a request failed");
                return;
            }
        };
        if let Some(untold) = seldom.turn() {
            tracing::warn!(code = code.name(), method, route, cause, untold, "a request failed");
        } else {
            tracing::debug!(code = code.name(), method, route, cause, "a request failed");
        }
    }

    fn tell_span(
        &self,
        told: &Told,
        begun_at: Timestamp,
        status: StatusCode,
        code: Option<Code>,
        traces: &dyn Traces,
    ) {
        let Some(context) = told.request.span() else { return };
        for commit in told.request.take_commits() {
            let context = SpanContext { span: self.ids.next(), parent: context.span, ..context };
            traces.finished(of_commit(&commit, context, told.begun, begun_at));
        }
        let text = |value: &str| Attribute::Text(value.to_owned());
        let mut attributes = vec![
            ("http.request.method", text(told.method.as_str())),
            ("http.route", text(told.route())),
            ("http.response.status_code", Attribute::Number(status.as_u16().into())),
            ("frontrow.request_id", text(told.request.id())),
        ];
        // An account is a pseudonym: without the store it says nothing of anybody.
        let user = told.request.user().map(|user| ("enduser.pseudo.id", Attribute::Text(user.to_string())));
        let entry =
            told.request.entry().map(|entry| ("frontrow.entry_id", Attribute::Text(entry.to_string())));
        let problem = code.map(|code| ("frontrow.problem", text(code.name())));
        attributes.extend([user, entry, problem].into_iter().flatten());
        let failure = status.is_server_error().then(|| code.map_or("unavailable", Code::name));
        traces.finished(Span {
            context,
            name: format!("{} {}", told.method, told.route()),
            is_request: true,
            begun_at,
            took: told.begun.elapsed(),
            attributes,
            failure,
        });
    }
}

impl Told {
    fn route(&self) -> &str {
        self.route.as_ref().map_or("", MatchedPath::as_str)
    }
}

/// What a command had to wait for, from being taken to being committed.
fn of_commit(commit: &Commit, context: SpanContext, begun: Instant, begun_at: Timestamp) -> Span {
    let micros = |part: std::time::Duration| i64::try_from(part.as_micros()).unwrap_or(i64::MAX);
    let spent = &commit.spent;
    let after = micros(commit.begun.saturating_duration_since(begun));
    Span {
        context,
        name: "commit".to_owned(),
        is_request: false,
        begun_at: Timestamp::from_micros(begun_at.micros().saturating_add(after)),
        took: commit.done.saturating_duration_since(commit.begun),
        attributes: vec![
            (
                "frontrow.group.commands",
                Attribute::Number(i64::try_from(commit.commands).unwrap_or(i64::MAX)),
            ),
            ("frontrow.group.rounds", Attribute::Number(commit.rounds.into())),
            ("frontrow.group.load_us", Attribute::Number(micros(spent.load))),
            ("frontrow.group.decide_us", Attribute::Number(micros(spent.decide))),
            ("frontrow.group.save_us", Attribute::Number(micros(spent.save))),
            ("frontrow.group.commit_us", Attribute::Number(micros(spent.commit))),
        ],
        failure: None,
    }
}
