//! Who is let through: the queue token that a request shows, and the gate before seats and reservations.
//!
//! A token comes in the header `Queue-Token`. Streams take it as `?token=` as well, because a browser's `EventSource`
//! sends no headers of its own; so nothing in this crate writes the query of an address into a log.

use std::task::{Context, Poll, ready};

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderValue, header};
use frontrow_application::queue::{Entrance, GateRefused};
use frontrow_application::trace;
use frontrow_application::waiting_room::Pass;
use frontrow_domain::ConcertId;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use crate::auth::Caller;
use crate::problem::{Code, Problem};
use crate::state::HttpState;

const QUEUE_TOKEN: &str = "queue-token";

/// For extractors: a token is taken from the header only.
pub(crate) const HEADER: bool = false;
/// For extractors: a token is taken from the header or from the query.
pub(crate) const HEADER_OR_QUERY: bool = true;

/// The queue token that a request shows, whether or not one is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shown {
    /// None.
    Nothing,
    /// One that we have not written.
    Forged,
    /// One of ours.
    Pass(Pass),
}

/// The place that a request is about. Without a token of ours there is none.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Placed<const FROM: bool>(pub(crate) Pass);

/// What somebody shows at the gate.
#[derive(Debug, Clone)]
pub(crate) struct Showing<const FROM: bool> {
    token: Shown,
    /// Looked at only when the token is not enough.
    authorization: Option<HeaderValue>,
}

impl Shown {
    fn read(parts: &Parts, state: &HttpState, from: bool) -> Result<Self, Problem> {
        let mut sent = parts.headers.get_all(QUEUE_TOKEN).iter();
        let header = sent.next().map(HeaderValue::as_bytes);
        if sent.next().is_some() {
            return Err(Problem::new(Code::InvalidRequest, "The header Queue-Token must come once."));
        }
        let in_query = || parts.uri.query()?.split('&').find_map(|pair| pair.strip_prefix("token="));
        let token =
            header.or_else(|| if from == HEADER_OR_QUERY { in_query().map(str::as_bytes) } else { None });
        Ok(match token {
            None | Some(b"") => Self::Nothing,
            Some(token) => state.queue_tokens().read(token).map_or(Self::Forged, Self::Pass),
        })
    }

    fn pass(self) -> Option<Pass> {
        match self {
            Self::Pass(pass) => Some(pass),
            Self::Nothing | Self::Forged => None,
        }
    }

    /// What somebody shows who wants to hold seats.
    pub(crate) fn entrance(self, caller: Caller) -> Entrance {
        if caller.role.runs_concerts() { Entrance::Staff } else { Entrance::Fan(self.pass()) }
    }

    /// A refusal as it is told: a token that is not ours was no token, but its sender is told what is wrong with it.
    pub(crate) fn told(self, refused: GateRefused) -> GateRefused {
        match (self, refused) {
            (Self::Forged, GateRefused::TokenRequired) => GateRefused::TokenInvalid,
            (_, refused) => refused,
        }
    }
}

fn note(pass: &Pass) {
    trace::note_user(pass.user);
    trace::note_entry(pass.entry);
}

impl FromRequestParts<HttpState> for Shown {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &HttpState) -> Result<Self, Problem> {
        Self::read(parts, state, HEADER)
    }
}

impl<const FROM: bool> FromRequestParts<HttpState> for Placed<FROM> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &HttpState) -> Result<Self, Problem> {
        let shown = Shown::read(parts, state, FROM)?;
        let pass = shown.pass().ok_or_else(|| state.problem(shown.told(GateRefused::TokenRequired)))?;
        note(&pass);
        state.count_request(pass.entry.bytes())?;
        Ok(Self(pass))
    }
}

impl<const FROM: bool> FromRequestParts<HttpState> for Showing<FROM> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &HttpState) -> Result<Self, Problem> {
        let token = Shown::read(parts, state, FROM)?;
        if let Shown::Pass(pass) = token {
            note(&pass);
            state.count_request(pass.entry.bytes())?;
        }
        Ok(Self { token, authorization: parts.headers.get(header::AUTHORIZATION).cloned() })
    }
}

/// Lets somebody through to the seats of a concert, and answers the pass that they need for it: none where the
/// concert has no waiting room, and none for operators and admins. The token alone is enough; who asks is looked up
/// only for those whom it does not let in.
pub(crate) async fn check_gate<const FROM: bool>(
    state: &HttpState,
    showing: &Showing<FROM>,
    concert: ConcertId,
) -> Result<Option<Pass>, Problem> {
    let token = showing.token;
    let refused = match state.app().pass_gate(concert, token.pass(), None).await {
        Ok(entry) => return Ok(entry.and(token.pass())),
        Err(refused) => refused,
    };
    if showing.authorization.is_some() {
        match state.caller(showing.authorization.as_ref()).await {
            Ok(caller) if caller.role.runs_concerts() => return Ok(None),
            // Whoever comes with an access token alone is told what is wrong with that one.
            Err(problem) if token == Shown::Nothing => return Err(problem),
            Ok(_) | Err(_) => {}
        }
    }
    Err(state.problem(token.told(refused)))
}

/// Whether a fan who was let through still is, for streams that stay open.
pub(crate) struct StillIn {
    state: HttpState,
    pass: Pass,
    asking: Option<BoxFuture<'static, bool>>,
}

impl StillIn {
    pub(crate) fn new(state: &HttpState, pass: Pass) -> Self {
        Self { state: state.clone(), pass, asking: None }
    }

    /// Asks the line again. When it cannot be asked, nobody is thrown out.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        let Self { state, pass, asking } = self;
        let asking = asking.get_or_insert_with(|| {
            let (state, pass) = (state.clone(), *pass);
            let ask = async move {
                match state.app().pass_gate(pass.concert, Some(pass), None).await {
                    Ok(_) | Err(GateRefused::Line(_) | GateRefused::Read(_)) => true,
                    Err(
                        GateRefused::TokenRequired
                        | GateRefused::TokenInvalid
                        | GateRefused::NotActive
                        | GateRefused::TokenExpired,
                    ) => false,
                }
            };
            ask.boxed()
        });
        let is_still_in = ready!(asking.as_mut().poll(cx));
        self.asking = None;
        Poll::Ready(is_still_in)
    }
}
