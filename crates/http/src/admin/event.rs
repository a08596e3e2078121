//! Events that could not be delivered, as operators look at them and have them tried again.

use axum::extract::State;
use axum::response::Response;
use frontrow_application::events::DeadLetter;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::{ListProblems, WebhookProblems};
use crate::auth::Staff;
use crate::page::{Cursor, Page, PageRequest, cut, parse_page};
use crate::problem::Problem;
use crate::request::{Asked, At, Query, QueryErrors};
use crate::respond::{self, Answer};
use crate::state::HttpState;
use crate::time::{Time, Uid};

/// An event that somebody could not be told of for good.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = DeadLetter)]
pub(super) struct DeadLetterView {
    dead_letter_id: Uid,
    at: Time,
    /// Who: `chat`, `kafka`, or `webhook-` and its id.
    #[schema(example = "chat")]
    consumer: String,
    /// The id of the event: its key and its number there.
    event_id: String,
    /// The type with its version.
    #[schema(example = "frontrow.payment.completed.v1")]
    event_type: String,
    /// How often it was tried.
    tries: u32,
    /// Why the last try failed.
    reason: String,
    /// The whole event, in the form of `CloudEvents`; as text where it cannot be read as one.
    #[schema(value_type = Object)]
    event: Value,
}

impl DeadLetterView {
    fn of(letter: DeadLetter, source: &str) -> Self {
        let event =
            letter.event.to_cloud_event(source).ok().and_then(|text| serde_json::from_str(&text).ok());
        Self {
            dead_letter_id: Uid(letter.id),
            at: Time(letter.at),
            consumer: letter.consumer,
            event_id: letter.event.id(),
            event_type: letter.event.kind(),
            tries: letter.tries,
            reason: letter.reason,
            event: event.unwrap_or(Value::String(letter.event.body)),
        }
    }
}

/// Where a page of dead letters goes on.
#[derive(Debug, Clone, Copy)]
pub(super) struct LetterCursor(Uuid);

impl Cursor for LetterCursor {
    const KIND: u8 = 7;

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
pub(super) struct DeadLetterQuery {
    /// Items on the page, 1 to 100; 20 when absent.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100)]
    limit: Option<String>,
    /// The `nextCursor` of the page before.
    cursor: Option<String>,
}

impl Query for DeadLetterQuery {
    type Parsed = PageRequest<LetterCursor>;

    fn parse(self, errors: &mut QueryErrors) -> Self::Parsed {
        parse_page(errors, self.limit.as_deref(), self.cursor.as_deref())
    }
}

/// Events that could not be delivered, newest first
#[utoipa::path(get, operation_id = "listDeadLetters", path = "/api/v1/admin/events/dead-letters", tag = "admin",
    security(("bearer" = [])), params(DeadLetterQuery),
    responses((status = 200, body = Page<DeadLetterView>), ListProblems))]
pub(super) async fn dead_letters(
    State(state): State<HttpState>,
    _: Staff,
    Asked(PageRequest { after, limit }): Asked<DeadLetterQuery>,
) -> Answer {
    let found = state.app().dead_letters(after.map(|LetterCursor(id)| id), limit + 1).await;
    let mut found = found.map_err(|error| state.problem(error))?;
    let next = cut(&mut found, limit, |last| LetterCursor(last.id));
    let source = state.app().event_source();
    let items = found.into_iter().map(|letter| DeadLetterView::of(letter, source)).collect();
    respond::private(&Page::new(items, next))
}

/// Try to deliver an event again
///
/// It leaves the list, is tried at once, and then by the schedule of its receiver; it comes back when that fails.
#[utoipa::path(post, operation_id = "replayDeadLetter", path = "/api/v1/admin/events/dead-letters/{deadLetterId}/replay",
    tag = "admin", security(("bearer" = [])), params(("deadLetterId" = Uid, Path)),
    responses((status = 204, description = "It is tried again"), WebhookProblems))]
pub(super) async fn replay(
    State(state): State<HttpState>,
    staff: Staff,
    At(Uid(id)): At<Uid>,
) -> Result<Response, Problem> {
    let replayed = state.app().replay_dead_letter(staff.by(), id).await;
    replayed.map(|_| respond::nothing()).map_err(|failure| state.problem(failure))
}
