//! The caller of a handler, in four strengths: anybody logged in, staff, admins, and whoever may act for the account in
//! the path.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderValue, header};
use frontrow_application::staff::{self, By};
use frontrow_domain::UserId;
use frontrow_domain::account::Role;

use crate::edge::REQUEST_ID;
use crate::problem::{Code, Problem};
use crate::request::At;
use crate::state::HttpState;
use crate::time::Uid;

/// Somebody who is logged in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Caller {
    /// Who.
    pub(crate) user: UserId,
    /// What they may do: by their account, or by the external issuer that vouches for them.
    pub(crate) role: Role,
}

impl Caller {
    /// Operators and admins pass.
    pub(crate) fn check_staff(self) -> Result<(), Problem> {
        if self.role.runs_concerts() {
            Ok(())
        } else {
            Err(Problem::new(Code::Forbidden, "This is for operators and admins."))
        }
    }

    /// Admins pass.
    pub(crate) fn check_admin(self) -> Result<(), Problem> {
        if self.role == Role::Admin {
            Ok(())
        } else {
            Err(Problem::new(Code::Forbidden, "This is for admins."))
        }
    }

    /// The account that `me`, one's own id, or for operators any id stands for. Others get to know nothing.
    pub(crate) fn resolve(self, text: &str) -> Result<UserId, Problem> {
        if text == "me" {
            return Ok(self.user);
        }
        let user = Uid::parse(text).map(|id| UserId::new(id.0)).ok_or_else(Problem::not_found)?;
        if user == self.user || self.role.runs_concerts() { Ok(user) } else { Err(Problem::not_found()) }
    }
}

impl FromRequestParts<HttpState> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &HttpState) -> Result<Self, Problem> {
        state.caller(parts.headers.get(header::AUTHORIZATION)).await
    }
}

/// An operator or admin, and the request that they sent.
#[derive(Debug, Clone)]
pub(crate) struct Staff {
    caller: Caller,
    request_id: Option<HeaderValue>,
}

impl Staff {
    /// Somebody who has passed [`Caller::check_staff`], with the id that every command has from the edge.
    pub(crate) const fn new(caller: Caller, request_id: Option<HeaderValue>) -> Self {
        Self { caller, request_id }
    }

    /// On whose behalf their command runs.
    pub(crate) fn by(&self) -> By {
        let id = self.request_id.as_ref().and_then(|id| id.to_str().ok()).unwrap_or_default();
        By::Staff(staff::Staff::new(self.caller.user, self.caller.role, id))
    }

    /// The same for a command on this account: what somebody does with their own is no business of the audit log.
    pub(crate) fn by_unless_own(&self, account: UserId) -> By {
        if account == self.caller.user { By::System } else { self.by() }
    }
}

impl FromRequestParts<HttpState> for Staff {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &HttpState) -> Result<Self, Problem> {
        let caller = Caller::from_request_parts(parts, state).await?;
        caller.check_staff()?;
        Ok(Self::new(caller, parts.headers.get(REQUEST_ID).cloned()))
    }
}

/// An admin has sent the request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Admin;

impl FromRequestParts<HttpState> for Admin {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &HttpState) -> Result<Self, Problem> {
        Caller::from_request_parts(parts, state).await?.check_admin()?;
        Ok(Self)
    }
}

/// The account named in the path by `me` or its id, and who asks about it.
#[derive(Debug, Clone)]
pub(crate) struct Owner {
    /// The account.
    pub(crate) user: UserId,
    /// Who asks.
    pub(crate) caller: Caller,
    request_id: Option<HeaderValue>,
}

impl Owner {
    /// On whose behalf a command on the account runs.
    pub(crate) fn by(&self) -> By {
        Staff::new(self.caller, self.request_id.clone()).by_unless_own(self.user)
    }
}

impl FromRequestParts<HttpState> for Owner {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &HttpState) -> Result<Self, Problem> {
        let caller = Caller::from_request_parts(parts, state).await?;
        let At(user) = At::<String>::from_request_parts(parts, state).await?;
        let request_id = parts.headers.get(REQUEST_ID).cloned();
        Ok(Self { user: caller.resolve(&user)?, caller, request_id })
    }
}
