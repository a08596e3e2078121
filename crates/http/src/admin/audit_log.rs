//! What staff did, as operators and admins read it.

use axum::extract::State;
use frontrow_application::staff::LoggedAction;
use frontrow_domain::AuditEntryId;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::ListProblems;
use crate::auth::Staff;
use crate::page::{Page, PageRequest, cut, parse_page};
use crate::problem::Problem;
use crate::request::{Asked, Query, QueryErrors};
use crate::respond::{self, Answer};
use crate::state::HttpState;
use crate::time::{Time, Uid};
use crate::words;

/// A line of the audit log.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct AuditLogEntry {
    entry_id: Uid,
    at: Time,
    actor: AuditLogActor,
    #[schema(value_type = words::StaffAction)]
    action: &'static str,
    /// To what, as a path: `concert/3`, `schedule/7`.
    #[schema(example = "concert/3")]
    target: String,
    /// What was there; of an edit the members that changed. Null for what is new.
    #[schema(value_type = Option<Object>, required)]
    before: Option<Value>,
    /// What has been there since, likewise. Null for what is gone.
    #[schema(value_type = Option<Object>, required)]
    after: Option<Value>,
    /// The `X-Request-Id` of the request.
    request_id: String,
}

/// Who did it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct AuditLogActor {
    user_id: Uid,
    /// What they are called now; null once their account was erased.
    #[schema(required)]
    name: Option<String>,
    /// The role in which they did it.
    #[schema(value_type = words::Role)]
    role: &'static str,
}

impl AuditLogEntry {
    fn of(line: LoggedAction) -> Result<Self, Problem> {
        let LoggedAction { action, name } = line;
        let user_id = Uid(action.actor.user.uuid());
        Ok(Self {
            entry_id: Uid(action.id.uuid()),
            at: Time(action.at),
            actor: AuditLogActor { user_id, name, role: action.actor.role.name() },
            action: action.action.name(),
            target: action.target,
            before: json(action.before)?,
            after: json(action.after)?,
            request_id: action.request_id,
        })
    }
}

/// What was written as JSON is shown as such; a store that gives back something else is broken.
fn json(text: Option<String>) -> Result<Option<Value>, Problem> {
    text.map(|text| serde_json::from_str(&text)).transpose().map_err(|_| Problem::internal())
}

/// Which page.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct AuditLogQuery {
    /// Items on the page, 1 to 100; 20 when absent.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100)]
    limit: Option<String>,
    /// The `nextCursor` of the page before.
    cursor: Option<String>,
}

impl Query for AuditLogQuery {
    type Parsed = PageRequest<AuditEntryId>;

    fn parse(self, errors: &mut QueryErrors) -> Self::Parsed {
        parse_page(errors, self.limit.as_deref(), self.cursor.as_deref())
    }
}

/// What staff did, newest first
#[utoipa::path(get, operation_id = "listAuditLog", path = "/api/v1/admin/audit-log", tag = "admin", security(("bearer" = [])),
    params(AuditLogQuery), responses((status = 200, body = Page<AuditLogEntry>), ListProblems))]
pub(super) async fn list(
    State(state): State<HttpState>,
    _: Staff,
    Asked(PageRequest { after, limit }): Asked<AuditLogQuery>,
) -> Answer {
    let found = state.app().audit_log(after, limit + 1).await;
    let mut found = found.map_err(|error| state.problem(error))?;
    let next = cut(&mut found, limit, |last| last.action.id);
    let items = found.into_iter().map(AuditLogEntry::of).collect::<Result<_, _>>()?;
    respond::private(&Page::new(items, next))
}
