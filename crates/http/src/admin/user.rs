//! Accounts, as admins find and change them.

use axum::extract::State;
use frontrow_application::account::UserPatch;
use frontrow_domain::UserId;
use frontrow_domain::account::{Account, Credential, Email, Role, Standing};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::patch::Member;
use super::{EditProblems, ListProblems, ReadProblems};
use crate::auth::{Admin, Caller};
use crate::page::{Page, PageRequest, cut, parse_page};
use crate::problem::Problem;
use crate::request::{Asked, At, Form, KeyRule, Query, QueryErrors, Refused, Sent, Word, Words};
use crate::respond::{self, Answer};
use crate::state::HttpState;
use crate::time::{Time, Uid};
use crate::words;

/// Characters in the longest text that is searched for: an address has no more.
const SEARCH_MAX: usize = 254;

/// Which accounts.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct UserQuery {
    /// Only those whose address or name contains this, whatever the case of ASCII letters.
    #[param(max_length = 254, example = "kim@")]
    query: Option<String>,
    /// Items on the page, 1 to 100; 20 when absent.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100)]
    limit: Option<String>,
    /// The `nextCursor` of the page before.
    cursor: Option<String>,
}

/// Which accounts, read.
#[derive(Debug)]
pub(super) struct WantedUsers {
    text: Option<String>,
    page: PageRequest<UserId>,
}

impl Query for UserQuery {
    type Parsed = WantedUsers;

    fn parse(self, errors: &mut QueryErrors) -> WantedUsers {
        let text = self.query.filter(|text| !text.trim().is_empty());
        if text.as_ref().is_some_and(|text| text.chars().count() > SEARCH_MAX) {
            errors.add("query", format!("must have at most {SEARCH_MAX} characters"));
        }
        WantedUsers { text, page: parse_page(errors, self.limit.as_deref(), self.cursor.as_deref()) }
    }
}

/// An account, as admins see it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = User)]
pub(super) struct UserView {
    user_id: Uid,
    /// `erased` once the account was.
    name: String,
    /// Null for users of an external issuer, and once the account was erased.
    #[schema(required)]
    email: Option<String>,
    /// What they may do; of a user of an external issuer, what it said when they first came.
    #[schema(value_type = words::Role)]
    role: &'static str,
    /// True while staff have stopped them.
    blocked: bool,
    created_at: Time,
}

impl UserView {
    fn of(account: &Account) -> Self {
        Self {
            user_id: Uid(account.id.uuid()),
            name: account.name.clone(),
            email: account.email.as_ref().map(|email| Email::as_str(email).to_owned()),
            role: account.role.name(),
            blocked: account.standing == Standing::Blocked,
            created_at: Time(account.created_at),
        }
    }
}

/// What changes of an account.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct UserPatchForm {
    #[serde(default)]
    #[schema(value_type = Option<words::Role>, nullable = false)]
    role: Member<Word<Role>>,
    /// True to stop them, false to let them act again.
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    blocked: Member<bool>,
}

impl Words for Role {
    const EVERY: &'static [Self] = &Self::ALL;

    fn word(self) -> &'static str {
        self.name()
    }
}

impl Form for UserPatchForm {
    const ROUTE: &'static str = "PATCH /admin/users/{id}";
    const KEY: KeyRule = KeyRule::Ignored;
    type Input = UserPatch;

    fn allow(caller: Caller, _state: &HttpState) -> Result<(), Refused> {
        caller.check_admin()
    }

    fn check(self, _state: &HttpState) -> Result<UserPatch, Refused> {
        let mut errors = Vec::new();
        let patch = UserPatch {
            role: self.role.required(&mut errors, "role").map(|Word(role)| role),
            blocked: self.blocked.or_default(|| false),
        };
        if errors.is_empty() { Ok(patch) } else { Err(Problem::invalid(errors)) }
    }
}

async fn find(state: &HttpState, id: UserId) -> Result<Account, Problem> {
    let found = state.app().user(id).await.map_err(|error| state.problem(error))?;
    found.ok_or_else(Problem::not_found)
}

/// Find accounts, newest first
#[utoipa::path(get, operation_id = "listUsers", path = "/api/v1/admin/users", tag = "admin", security(("bearer" = [])),
    params(UserQuery), responses((status = 200, body = Page<UserView>), ListProblems))]
pub(super) async fn list(
    State(state): State<HttpState>,
    _: Admin,
    Asked(WantedUsers { text, page: PageRequest { after, limit } }): Asked<UserQuery>,
) -> Answer {
    let found = state.app().users(text, after, limit + 1).await;
    let mut found = found.map_err(|error| state.problem(error))?;
    let next = cut(&mut found, limit, |last| last.id);
    respond::private(&Page::new(found.iter().map(UserView::of).collect(), next))
}

/// An account
#[utoipa::path(get, operation_id = "readUser", path = "/api/v1/admin/users/{userId}", tag = "admin", security(("bearer" = [])),
    params(("userId" = Uid, Path)), responses((status = 200, body = UserView), ReadProblems))]
pub(super) async fn read(State(state): State<HttpState>, _: Admin, At(id): At<UserId>) -> Answer {
    respond::private(&UserView::of(&find(&state, id).await?))
}

/// Give somebody a role, stop them, or let them act again
///
/// A JSON Merge Patch (RFC 7396). It counts from the next request on: at once on this server, within a second on others
/// over the same store. Nobody changes their own account.
#[utoipa::path(patch, operation_id = "editUser", path = "/api/v1/admin/users/{userId}", tag = "admin", security(("bearer" = [])),
    params(("userId" = Uid, Path)), request_body = UserPatchForm,
    responses((status = 200, body = UserView), EditProblems))]
pub(super) async fn edit(State(state): State<HttpState>, sent: Sent<UserPatchForm, UserId>) -> Answer {
    let (id, patch) = (sent.target, sent.input);
    if patch.role.is_some() && find(&state, id).await?.credential == Credential::External {
        return Err(Problem::invalid_field("role", "is said by the issuer that this user logs in with"));
    }
    let edited = state.app().edit_user(sent.staff().by(), id, patch).await;
    state.auth().accounts_changed();
    let edited = edited.map_err(|failure| state.problem(failure))?;
    respond::private(&UserView::of(&edited))
}
