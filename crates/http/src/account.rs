//! Accounts: signing up, logging in and out, one's own account, and the public keys.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use frontrow_application::Failure;
use frontrow_application::account::{LogInRefused, NewAccount, RefreshToken, Refreshed};
use frontrow_application::trace;
use frontrow_domain::UserId;
use frontrow_domain::account::{Email, Role};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::{ClientAddress, Owner, TokenPair};
use crate::docs::problems;
use crate::problem::{Code, Problem};
use crate::request::{Form, KeyRule, Open, Refused};
use crate::respond::{self, Answer, Keep};
use crate::state::HttpState;
use crate::time::Uid;
use crate::words;

pub(crate) fn router() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new()
        .routes(routes!(sign_up))
        .routes(routes!(log_in))
        .routes(routes!(refresh))
        .routes(routes!(log_out))
        .routes(routes!(read, erase))
        .routes(routes!(public_keys))
}

problems! {
    SignUpProblems: EmailTaken PayloadTooLarge UnsupportedMediaType ValidationFailed;
    LogInProblems: InvalidCredentials AccountBlocked PayloadTooLarge UnsupportedMediaType ValidationFailed
        RateLimited;
    LogOutProblems: PayloadTooLarge UnsupportedMediaType ValidationFailed;
    RefreshProblems: RefreshTokenInvalid AccountBlocked PayloadTooLarge UnsupportedMediaType ValidationFailed;
    AccountProblems: Unauthenticated AccessTokenExpired AccountBlocked NotFound;
    EraseProblems: Unauthenticated AccessTokenExpired AccountBlocked Forbidden NotFound;
    KeyProblems: InternalError;
}

/// Who somebody wants to be.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct SignUpForm {
    /// The address to log in with.
    #[schema(format = Email, max_length = 254)]
    email: String,
    /// At least 10 characters, at most 1,024 bytes.
    #[schema(format = Password, min_length = 10, max_length = 1024)]
    password: String,
    /// The name to address them by.
    #[schema(min_length = 1, max_length = 100)]
    name: String,
}

impl Form for SignUpForm {
    const ROUTE: &'static str = "POST /auth/signup";
    const KEY: KeyRule = KeyRule::Ignored;
    type Input = NewAccount;

    fn check(self, _state: &HttpState) -> Result<NewAccount, Refused> {
        let Self { email, password, name } = self;
        Ok(NewAccount { email, password, name, role: Role::Fan })
    }
}

/// An address and its password.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct LogInForm {
    /// The address of the account.
    email: String,
    /// Its password.
    #[schema(format = Password)]
    password: String,
}

impl Form for LogInForm {
    const ROUTE: &'static str = "POST /auth/login";
    const KEY: KeyRule = KeyRule::Ignored;
    type Input = Self;

    fn check(self, _state: &HttpState) -> Result<Self, Refused> {
        Ok(self)
    }
}

/// A refresh token.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct RefreshForm {
    /// The refresh token of the last answer.
    refresh_token: String,
}

impl Form for RefreshForm {
    const ROUTE: &'static str = "POST /auth/refresh";
    const KEY: KeyRule = KeyRule::Ignored;
    type Input = Option<RefreshToken>;

    fn check(self, state: &HttpState) -> Result<Option<RefreshToken>, Refused> {
        Ok(state.auth().refresh_tokens().read(&self.refresh_token))
    }
}

/// An account that was made.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct SignedUp<'a> {
    user_id: Uid,
    name: &'a str,
    #[schema(value_type = words::Role)]
    role: &'a str,
}

/// The tokens of somebody who has logged in.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Tokens<'a> {
    /// For the header `Authorization: Bearer …`.
    access_token: &'a str,
    /// For `POST /auth/refresh`, once.
    refresh_token: &'a str,
    #[schema(example = "Bearer")]
    token_type: &'a str,
    /// Seconds for which the access token is good.
    expires_in: u32,
    user_id: Uid,
}

impl Tokens<'_> {
    fn answer(user_id: Uid, pair: &TokenPair) -> Answer {
        trace::note_user(UserId::new(user_id.0));
        let body = Tokens {
            access_token: &pair.access,
            refresh_token: &pair.refresh,
            token_type: "Bearer",
            expires_in: pair.expires_in,
            user_id,
        };
        respond::json(StatusCode::OK, Keep::Never, &body)
    }
}

/// An account.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Account<'a> {
    user_id: Uid,
    name: &'a str,
    /// Null for fans of an external issuer.
    #[schema(required)]
    email: Option<&'a str>,
    #[schema(value_type = words::Role)]
    role: &'a str,
}

/// Sign up
#[utoipa::path(post, operation_id = "signUp", path = "/api/v1/auth/signup", tag = "accounts", request_body = SignUpForm,
    responses((status = 201, body = SignedUp), SignUpProblems))]
async fn sign_up(State(state): State<HttpState>, Open(new): Open<SignUpForm>) -> Answer {
    let account = state.app().sign_up(new).await.map_err(|failure| state.problem(failure))?;
    trace::note_user(account.id);
    let (user_id, role) = (Uid(account.id.uuid()), account.role.name());
    respond::json(StatusCode::CREATED, Keep::Never, &SignedUp { user_id, name: &account.name, role })
}

/// Log in
///
/// After too many wrong passwords for one account, or from one address, the answer is 429 for a while.
#[utoipa::path(post, operation_id = "logIn", path = "/api/v1/auth/login", tag = "accounts", request_body = LogInForm,
    responses((status = 200, body = Tokens), LogInProblems))]
async fn log_in(
    State(state): State<HttpState>,
    ClientAddress(client): ClientAddress,
    Open(form): Open<LogInForm>,
) -> Answer {
    // A storm is refused before it costs a look at the store, or at what servers count together.
    state.app().admit_log_in().map_err(|failure| state.problem(failure))?;
    let attempt = state.throttle().enter(&form.email, client).await.map_err(too_many)?;
    let result = state.app().log_in(&form.email, form.password).await;
    if !matches!(result, Err(Failure::Refused(LogInRefused::InvalidCredentials))) {
        state.throttle().take_back(attempt).await;
    }
    let logged_in = result.map_err(|failure| state.problem(failure))?;
    Tokens::answer(Uid(logged_in.account.id.uuid()), &state.auth().pair(state.app(), &logged_in)?)
}

fn too_many(seconds: u64) -> Problem {
    Problem::rate_limited("Too many wrong passwords; please wait.", seconds)
}

/// Take the next pair of tokens
///
/// The token that was used last is taken once more within 60 seconds, for an answer that was lost. Any other
/// re-use ends the log-in.
#[utoipa::path(post, operation_id = "refreshTokens", path = "/api/v1/auth/refresh", tag = "accounts", request_body = RefreshForm,
    responses((status = 200, body = Tokens), RefreshProblems))]
async fn refresh(State(state): State<HttpState>, Open(token): Open<RefreshForm>) -> Answer {
    let invalid = || Problem::new(Code::RefreshTokenInvalid, "Log in again.");
    let token = token.ok_or_else(invalid)?;
    match state.app().refresh(token).await.map_err(|failure| state.problem(failure))? {
        Refreshed::Renewed(logged_in) => {
            Tokens::answer(Uid(logged_in.account.id.uuid()), &state.auth().pair(state.app(), &logged_in)?)
        }
        Refreshed::Ended => Err(invalid()),
        Refreshed::Blocked => Err(Problem::blocked()),
    }
}

/// Log out
///
/// Ends the log-in of this refresh token. A token that is not valid, or no longer, has nothing to end: the
/// answer is the same.
#[utoipa::path(post, operation_id = "logOut", path = "/api/v1/auth/logout", tag = "accounts", request_body = RefreshForm,
    responses((status = 204, description = "Logged out"), LogOutProblems))]
async fn log_out(
    State(state): State<HttpState>,
    Open(token): Open<RefreshForm>,
) -> Result<Response, Problem> {
    if let Some(token) = token {
        state.app().log_out(token).await.map_err(|failure| state.problem(failure))?;
    }
    Ok(respond::nothing())
}

/// One's own account
#[utoipa::path(get, operation_id = "readAccount", path = "/api/v1/users/{userId}", tag = "accounts", security(("bearer" = [])),
    params(("userId" = String, Path, description = "`me`, one's own id, or for operators any id")),
    responses((status = 200, body = Account), AccountProblems))]
async fn read(State(state): State<HttpState>, owner: Owner) -> Answer {
    let found = state.app().account(owner.user).await.map_err(|error| state.problem(error))?;
    let account = found.ok_or_else(Problem::not_found)?;
    // Of oneself what counts is what the token says; the account may not know of it (external issuer).
    let role = if owner.user == owner.caller.user { owner.caller.role } else { account.role };
    respond::private(&Account {
        user_id: Uid(account.id.uuid()),
        name: &account.name,
        email: account.email.as_ref().map(Email::as_str),
        role: role.name(),
    })
}

/// Erase an account
///
/// Its personal data goes at once, and nobody can log in to it again. Ledger and events keep its id as a
/// pseudonym. Operators may erase fans; accounts of staff are erased by their owner or an admin.
#[utoipa::path(delete, operation_id = "eraseAccount", path = "/api/v1/users/{userId}", tag = "accounts", security(("bearer" = [])),
    params(("userId" = String, Path, description = "`me`, one's own id, or for operators any id")),
    responses((status = 204, description = "Erased"), EraseProblems))]
async fn erase(State(state): State<HttpState>, owner: Owner) -> Result<Response, Problem> {
    let found = state.app().account(owner.user).await.map_err(|error| state.problem(error))?;
    let account = found.ok_or_else(Problem::not_found)?;
    let is_own = owner.user == owner.caller.user;
    if !is_own && account.role != Role::Fan && owner.caller.role != Role::Admin {
        return Err(Problem::new(Code::Forbidden, "Accounts of staff are for admins."));
    }
    state.app().erase_account(owner.by(), owner.user).await.map_err(|failure| state.problem(failure))?;
    state.auth().accounts_changed();
    Ok(respond::nothing())
}

/// The public keys
///
/// What tickets can be checked with offline: a JSON Web Key Set (RFC 7517) of Ed25519 keys. There is more than one while
/// keys are changed: the one that signs comes first, and one that will sign is listed some minutes before it does.
#[utoipa::path(get, operation_id = "readPublicKeys", path = "/.well-known/jwks.json", tag = "service",
    responses((status = 200, body = serde_json::Value), KeyProblems))]
async fn public_keys(State(state): State<HttpState>) -> Answer {
    respond::json(StatusCode::OK, Keep::Minutes, &json!({ "keys": state.tickets().public_keys() }))
}
