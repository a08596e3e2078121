//! Webhooks: who is told of events, and what came of telling them.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use frontrow_application::events::{Attempt, Webhook, WebhookDraft, WebhookPatch};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::patch::Member;
use super::{CreateWebhookProblems, EditWebhookProblems, ListProblems, WebhookProblems};
use crate::auth::{Caller, Staff};
use crate::page::{Cursor, Page, PageRequest, cut, parse_page};
use crate::problem::Problem;
use crate::request::{Asked, At, Form, KeyRule, Query, QueryErrors, Refused, Sent};
use crate::respond::{self, Answer, Keep};
use crate::state::HttpState;
use crate::time::{Time, Uid};
use crate::words;

/// A webhook.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Webhook)]
pub(super) struct WebhookView {
    webhook_id: Uid,
    /// Where events are sent.
    url: String,
    description: String,
    /// The types that are wanted; empty: all of them.
    types: Vec<String>,
    /// `on`; `off` when staff has switched it off; `gone` when its receiver has answered 410; `failed` when it has taken
    /// nothing for three days.
    #[schema(value_type = words::WebhookStatus)]
    status: &'static str,
    created_at: Time,
    /// What messages are signed with. Shown once, when it is new.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, nullable = false, example = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]
    secret: Option<String>,
}

impl WebhookView {
    fn of(webhook: &Webhook) -> Self {
        Self {
            webhook_id: Uid(webhook.id),
            url: webhook.url.clone(),
            description: webhook.description.clone(),
            types: webhook.types.clone(),
            status: webhook.status.name(),
            created_at: Time(webhook.created_at),
            secret: None,
        }
    }

    fn with_secret(webhook: &Webhook) -> Self {
        Self { secret: Some(webhook.secret.reveal()), ..Self::of(webhook) }
    }
}

/// All webhooks.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Webhooks)]
pub(super) struct WebhooksView {
    items: Vec<WebhookView>,
}

/// A webhook, as it is asked for.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct WebhookForm {
    /// Where events are to be sent: http or https, not on a private network unless the server allows it.
    #[schema(max_length = 2000, example = "https://partner.example/frontrow")]
    url: String,
    #[serde(default)]
    #[schema(max_length = 200)]
    description: String,
    /// The types that are wanted; empty: all of them.
    #[serde(default)]
    #[schema(max_items = 100, example = json!(["frontrow.payment.completed.v1"]))]
    types: Vec<String>,
}

impl Form for WebhookForm {
    const ROUTE: &'static str = "POST /admin/webhooks";
    const KEY: KeyRule = KeyRule::Ignored;
    type Input = WebhookDraft;

    fn allow(caller: Caller, _state: &HttpState) -> Result<(), Refused> {
        caller.check_staff()
    }

    fn check(self, _state: &HttpState) -> Result<WebhookDraft, Refused> {
        Ok(WebhookDraft { url: self.url, description: self.description, types: self.types })
    }
}

/// What changes of a webhook.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct WebhookPatchForm {
    #[serde(default)]
    #[schema(value_type = Option<String>, nullable = false, max_length = 2000)]
    url: Member<String>,
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 200)]
    description: Member<String>,
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>, max_items = 100)]
    types: Member<Vec<String>>,
    /// True to switch it on: it is then told of what has happened since it last was, as far as that is kept.
    #[serde(default)]
    #[schema(value_type = Option<bool>, nullable = false)]
    enabled: Member<bool>,
    /// True for a new secret; the old one signs nothing more.
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    new_secret: Member<bool>,
}

impl Form for WebhookPatchForm {
    const ROUTE: &'static str = "PATCH /admin/webhooks/{id}";
    const KEY: KeyRule = KeyRule::Ignored;
    type Input = WebhookPatch;

    fn allow(caller: Caller, _state: &HttpState) -> Result<(), Refused> {
        caller.check_staff()
    }

    fn check(self, _state: &HttpState) -> Result<WebhookPatch, Refused> {
        let mut errors = Vec::new();
        let patch = WebhookPatch {
            url: self.url.required(&mut errors, "url"),
            description: self.description.or_default(String::new),
            types: self.types.or_default(Vec::new),
            is_on: self.enabled.required(&mut errors, "enabled"),
            new_secret: self.new_secret.or_default(|| false).unwrap_or(false),
        };
        if errors.is_empty() { Ok(patch) } else { Err(Problem::invalid(errors)) }
    }
}

/// A try to tell a webhook.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = WebhookAttempt)]
pub(super) struct AttemptView {
    attempt_id: Uid,
    at: Time,
    event_id: String,
    event_type: String,
    /// Which try it was, from 1.
    #[serde(rename = "try")]
    try_no: u32,
    took_milliseconds: u64,
    /// The status of the answer; null when there was none.
    #[schema(required)]
    http_status: Option<u16>,
    delivered: bool,
    /// Why it was not delivered.
    #[serde(skip_serializing_if = "String::is_empty")]
    reason: String,
}

impl AttemptView {
    fn of(attempt: Attempt) -> Self {
        Self {
            attempt_id: Uid(attempt.id),
            at: Time(attempt.at),
            event_id: attempt.event_id,
            event_type: attempt.event_type,
            try_no: attempt.try_no,
            took_milliseconds: attempt.took_ms,
            http_status: attempt.http_status,
            delivered: attempt.reason.is_empty(),
            reason: attempt.reason,
        }
    }
}

/// Where a page of tries goes on.
#[derive(Debug, Clone, Copy)]
pub(super) struct AttemptCursor(Uuid);

impl Cursor for AttemptCursor {
    const KIND: u8 = 8;

    fn to_bytes(&self) -> Vec<u8> {
        self.0.as_bytes().to_vec()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        Uuid::from_slice(bytes).ok().map(Self)
    }
}

/// Which page.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct AttemptQuery {
    /// Items on the page, 1 to 100; 20 when absent.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100)]
    limit: Option<String>,
    /// The `nextCursor` of the page before.
    cursor: Option<String>,
}

impl Query for AttemptQuery {
    type Parsed = PageRequest<AttemptCursor>;

    fn parse(self, errors: &mut QueryErrors) -> Self::Parsed {
        parse_page(errors, self.limit.as_deref(), self.cursor.as_deref())
    }
}

async fn find(state: &HttpState, id: Uuid) -> Result<Webhook, Problem> {
    let found = state.app().webhook(id).await.map_err(|error| state.problem(error))?;
    found.ok_or_else(Problem::not_found)
}

/// All webhooks, oldest first
#[utoipa::path(get, operation_id = "listWebhooks", path = "/api/v1/admin/webhooks", tag = "admin", security(("bearer" = [])),
    responses((status = 200, body = WebhooksView), ListProblems))]
pub(super) async fn list(State(state): State<HttpState>, _: Staff) -> Answer {
    let found = state.app().webhooks().await.map_err(|error| state.problem(error))?;
    respond::private(&WebhooksView { items: found.iter().map(WebhookView::of).collect() })
}

/// Have somebody told of events
///
/// By the Standard Webhooks specification: signed messages, at least once, in order for each reservation, tried for three
/// days. The secret is in this answer and in no other.
#[utoipa::path(post, operation_id = "createWebhook", path = "/api/v1/admin/webhooks", tag = "admin", security(("bearer" = [])),
    request_body = WebhookForm, responses((status = 201, body = WebhookView), CreateWebhookProblems))]
pub(super) async fn create(State(state): State<HttpState>, sent: Sent<WebhookForm>) -> Answer {
    let created = state.app().create_webhook(sent.staff().by(), sent.input).await;
    let created = created.map_err(|failure| state.problem(failure))?;
    respond::json(StatusCode::CREATED, Keep::Private, &WebhookView::with_secret(&created))
}

/// A webhook
#[utoipa::path(get, operation_id = "readWebhook", path = "/api/v1/admin/webhooks/{webhookId}", tag = "admin",
    security(("bearer" = [])), params(("webhookId" = Uid, Path)),
    responses((status = 200, body = WebhookView), super::ReadProblems))]
pub(super) async fn read(State(state): State<HttpState>, _: Staff, At(Uid(id)): At<Uid>) -> Answer {
    respond::private(&WebhookView::of(&find(&state, id).await?))
}

/// Change a webhook, switch it on or off, or give it a new secret
///
/// A JSON Merge Patch (RFC 7396). The answer has the secret when it is new.
#[utoipa::path(patch, operation_id = "editWebhook", path = "/api/v1/admin/webhooks/{webhookId}", tag = "admin",
    security(("bearer" = [])), params(("webhookId" = Uid, Path)), request_body = WebhookPatchForm,
    responses((status = 200, body = WebhookView), EditWebhookProblems))]
pub(super) async fn edit(State(state): State<HttpState>, sent: Sent<WebhookPatchForm, Uid>) -> Answer {
    let has_new_secret = sent.input.new_secret;
    let (by, Uid(id)) = (sent.staff().by(), sent.target);
    let edited = state.app().edit_webhook(by, id, sent.input).await;
    let edited = edited.map_err(|failure| state.problem(failure))?;
    let view = if has_new_secret { WebhookView::with_secret } else { WebhookView::of };
    respond::private(&view(&edited))
}

/// Take a webhook away, with what is kept back for it
#[utoipa::path(delete, operation_id = "deleteWebhook", path = "/api/v1/admin/webhooks/{webhookId}", tag = "admin",
    security(("bearer" = [])), params(("webhookId" = Uid, Path)),
    responses((status = 204, description = "Taken away"), WebhookProblems))]
pub(super) async fn delete(
    State(state): State<HttpState>,
    staff: Staff,
    At(Uid(id)): At<Uid>,
) -> Result<Response, Problem> {
    let deleted = state.app().delete_webhook(staff.by(), id).await;
    deleted.map(|()| respond::nothing()).map_err(|failure| state.problem(failure))
}

/// Send a webhook a message that stands for no event
///
/// Once, of type `frontrow.webhook.tested.v1`. The answer says what came of it, whatever that was.
#[utoipa::path(post, operation_id = "testWebhook", path = "/api/v1/admin/webhooks/{webhookId}/test", tag = "admin",
    security(("bearer" = [])), params(("webhookId" = Uid, Path)),
    responses((status = 200, body = AttemptView), WebhookProblems))]
pub(super) async fn test(State(state): State<HttpState>, _: Staff, At(Uid(id)): At<Uid>) -> Answer {
    let tested = state.app().test_webhook(id).await.map_err(|failure| state.problem(failure))?;
    respond::private(&AttemptView::of(tested))
}

/// What came of telling a webhook, newest first, for a week
#[utoipa::path(get, operation_id = "listWebhookAttempts", path = "/api/v1/admin/webhooks/{webhookId}/attempts",
    tag = "admin", security(("bearer" = [])), params(("webhookId" = Uid, Path), AttemptQuery),
    responses((status = 200, body = Page<AttemptView>), super::ReadProblems))]
pub(super) async fn attempts(
    State(state): State<HttpState>,
    _: Staff,
    At(Uid(id)): At<Uid>,
    Asked(PageRequest { after, limit }): Asked<AttemptQuery>,
) -> Answer {
    find(&state, id).await?;
    let found = state.app().webhook_attempts(id, after.map(|AttemptCursor(id)| id), limit + 1).await;
    let mut found = found.map_err(|error| state.problem(error))?;
    let next = cut(&mut found, limit, |last| AttemptCursor(last.id));
    respond::private(&Page::new(found.into_iter().map(AttemptView::of).collect(), next))
}
