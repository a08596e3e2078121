//! Join a line.

use axum::extract::State;
use axum::http::StatusCode;
use frontrow_application::trace;
use frontrow_domain::ConcertId;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::status::StatusView;
use super::{JoinProblems, ReadProblems};
use crate::problem::{Code, Problem};
use crate::request::{Asked, Form, KeyRule, Query, QueryErrors, Refused, Sent, Untyped, parse_number};
use crate::respond::{self, Answer, Keep};
use crate::state::HttpState;

/// Which line to join.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct JoinForm {
    concert_id: u32,
    /// The answer to the challenge. Not looked at while no challenge is switched on.
    #[schema(value_type = Option<Object>)]
    challenge: Option<Untyped>,
    /// The code of a group that joins early. Not looked at while there is no group.
    access_code: Option<String>,
}

impl Form for JoinForm {
    const ROUTE: &'static str = "POST /queues";
    /// A fan has one place however often they ask for it; a kept answer would show one that is over.
    const KEY: KeyRule = KeyRule::Ignored;
    type Input = ConcertId;

    fn check(self, _state: &HttpState) -> Result<ConcertId, Refused> {
        Ok(ConcertId::new(self.concert_id))
    }
}

/// A place in a line, and the token that proves it.
#[derive(Serialize, ToSchema)]
#[schema(as = JoinedQueue)]
struct JoinedView<'a> {
    #[serde(flatten)]
    status: StatusView<'a>,
    /// To be sent as the header `Queue-Token`. The same as long as the place is; joining again once it was drawn gives another one,
    /// and both are good.
    token: String,
}

/// Join the line of a concert
///
/// A fan has one place in it: joining again gives it back, also from another device, with the same token. Once it is
/// over there is a new one, at the end. While the lobby of a sale with a draw is open the place is in the lobby (`lobby`); its
/// token is good in the line as well. An `Idempotency-Key` is not needed and not looked at.
#[utoipa::path(post, operation_id = "joinQueue", path = "/api/v1/queues", tag = "queue", security(("bearer" = [])),
    request_body = JoinForm,
    responses((status = 201, body = JoinedView, description = "A new place"),
        (status = 200, body = JoinedView, description = "The place that the fan has already"), JoinProblems))]
pub(super) async fn join(State(state): State<HttpState>, sent: Sent<JoinForm>) -> Answer {
    state.count_join(&sent.caller).await?;
    let joined = state.app().join_queue(sent.caller.user, sent.input).await;
    let joined = joined.map_err(|failure| state.problem(failure))?;
    trace::note_entry(joined.pass.entry);
    let code = if joined.is_new { StatusCode::CREATED } else { StatusCode::OK };
    let token = state.queue_tokens().write(&joined.pass);
    respond::json(code, Keep::Private, &JoinedView { status: StatusView::of(&joined.status), token })
}

/// For which concert.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ChallengeQuery {
    #[param(value_type = u32, required)]
    concert_id: Option<String>,
}

impl Query for ChallengeQuery {
    type Parsed = ();

    fn parse(self, errors: &mut QueryErrors) {
        let concert: Option<ConcertId> = parse_number(errors, "concertId", self.concert_id.as_deref());
        if concert.is_none() && self.concert_id.is_none() {
            errors.add("concertId", "must name a concert");
        }
    }
}

/// What has to be solved before joining
///
/// Not found while no challenge is switched on: join without one.
#[utoipa::path(
    get,
    operation_id = "readChallenge",
    path = "/api/v1/queues/challenge",
    tag = "queue",
    params(ChallengeQuery),
    responses(ReadProblems)
)]
pub(super) async fn challenge(Asked(()): Asked<ChallengeQuery>) -> Problem {
    Problem::new(Code::NotFound, "No challenge is asked for; join without one.")
}
