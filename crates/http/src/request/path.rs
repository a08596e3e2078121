//! Ids in the path. A malformed one names nothing: 404.

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;
use frontrow_domain::{ConcertId, PaymentId, ReservationId, ScheduleId, TicketId, UserId};

use crate::auth::Caller;
use crate::problem::Problem;
use crate::state::HttpState;
use crate::time::Uid;

/// The ids in the path, in order.
#[derive(Debug, Clone, Copy)]
pub(crate) struct At<T>(pub(crate) T);

/// An id as it stands in a path.
pub(crate) trait PathId: Sized + Send {
    fn parse(text: &str) -> Option<Self>;
}

impl PathId for String {
    fn parse(text: &str) -> Option<Self> {
        Some(text.to_owned())
    }
}

impl PathId for Uid {
    fn parse(text: &str) -> Option<Self> {
        Self::parse(text)
    }
}

macro_rules! numbers {
    ($($id:ty),+) => { $(impl PathId for $id {
        fn parse(text: &str) -> Option<Self> {
            text.parse().ok()
        }
    })+ };
}

macro_rules! uuids {
    ($($id:ty),+) => { $(impl PathId for $id {
        fn parse(text: &str) -> Option<Self> {
            Uid::parse(text).map(|id| Self::new(id.0))
        }
    })+ };
}

numbers!(ConcertId, ScheduleId);
uuids!(ReservationId, PaymentId, TicketId, UserId);

impl<T: PathId> FromRequestParts<HttpState> for At<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &HttpState) -> Result<Self, Problem> {
        let params = params(parts).await?;
        let mut values = params.iter().map(|(_, value)| value);
        values.next().and_then(T::parse).map(Self).ok_or_else(Problem::not_found)
    }
}

impl<T: PathId, U: PathId> FromRequestParts<HttpState> for At<(T, U)> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &HttpState) -> Result<Self, Problem> {
        let params = params(parts).await?;
        let mut values = params.iter().map(|(_, value)| value);
        let first = values.next().and_then(T::parse).ok_or_else(Problem::not_found)?;
        let second = values.next().and_then(U::parse).ok_or_else(Problem::not_found)?;
        Ok(Self((first, second)))
    }
}

async fn params(parts: &mut Parts) -> Result<RawPathParams, Problem> {
    RawPathParams::from_request_parts(parts, &()).await.map_err(|_| Problem::not_found())
}

/// What a command in a body is about, where the path names it.
pub(crate) trait Target: Sized + Send {
    /// Reads it, for this caller.
    fn parse(text: Option<&str>, caller: Caller) -> Result<Self, Problem>;
    /// Its one spelling, for the digest of the request.
    fn spell(&self) -> Vec<u8>;
}

impl Target for () {
    fn parse(_text: Option<&str>, _caller: Caller) -> Result<Self, Problem> {
        Ok(())
    }

    fn spell(&self) -> Vec<u8> {
        Vec::new()
    }
}

impl Target for Uid {
    fn parse(text: Option<&str>, _caller: Caller) -> Result<Self, Problem> {
        text.and_then(Self::parse).ok_or_else(Problem::not_found)
    }

    fn spell(&self) -> Vec<u8> {
        self.0.as_bytes().to_vec()
    }
}

impl Target for UserId {
    fn parse(text: Option<&str>, caller: Caller) -> Result<Self, Problem> {
        caller.resolve(text.ok_or_else(Problem::not_found)?)
    }

    fn spell(&self) -> Vec<u8> {
        self.bytes().to_vec()
    }
}

macro_rules! targets {
    ($($id:ty),+) => { $(impl Target for $id {
        fn parse(text: Option<&str>, _caller: Caller) -> Result<Self, Problem> {
            text.and_then(<Self as PathId>::parse).ok_or_else(Problem::not_found)
        }

        fn spell(&self) -> Vec<u8> {
            self.to_string().into_bytes()
        }
    })+ };
}

targets!(ConcertId, ScheduleId, ReservationId);

/// The last id of the path, for a target.
pub(super) async fn target<T: Target>(parts: &mut Parts, caller: Caller) -> Result<T, Problem> {
    let params = params(parts).await?;
    T::parse(params.iter().next().map(|(_, value)| value), caller)
}
