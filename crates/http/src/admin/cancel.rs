//! Calling a performance off.

use axum::extract::State;
use axum::http::StatusCode;
use frontrow_application::catalog::Withdrawal;
use frontrow_domain::ScheduleId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::CancelScheduleProblems;
use super::reason::check_reason;
use super::schedule::{self, AdminSchedule};
use crate::auth::Caller;
use crate::problem::Problem;
use crate::request::{Form, KeyRule, Refused, Sent, refuse_reused};
use crate::respond::{self, Answer};
use crate::state::HttpState;

/// A performance to call off.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct CancelScheduleForm {
    /// Why. It is in the public event and on the audit log.
    #[schema(min_length = 1, max_length = 500, pattern = r"\S", example = "The artist is ill")]
    reason: String,
    /// True: only say what would be taken back.
    dry_run: Option<bool>,
}

/// A performance to call off, read.
#[derive(Debug)]
pub(super) struct CancelInput {
    reason: String,
    dry_run: bool,
}

impl Form for CancelScheduleForm {
    const ROUTE: &'static str = "POST /admin/schedules/{id}/cancel";
    const KEY: KeyRule = KeyRule::Required;
    type Input = CancelInput;

    fn allow(caller: Caller, _state: &HttpState) -> Result<(), Refused> {
        caller.check_staff()
    }

    fn check(self, _state: &HttpState) -> Result<CancelInput, Refused> {
        let mut errors = Vec::new();
        check_reason(&mut errors, Some(&self.reason));
        let input = CancelInput { reason: self.reason, dry_run: self.dry_run.unwrap_or(false) };
        if errors.is_empty() { Ok(input) } else { Err(Problem::invalid(errors)) }
    }
}

/// A schedule that was called off, with what is still to be taken back.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct CancelledSchedule {
    #[serde(flatten)]
    schedule: AdminSchedule,
    withdrawal: WithdrawalView,
}

/// What calling a schedule off takes back: of a dry run all of it, afterwards what is left to do.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Withdrawal)]
struct WithdrawalView {
    /// Reservations that are held: they end.
    #[schema(example = 12)]
    pending: u64,
    /// Reservations that are paid: they are refunded in full.
    #[schema(example = 340)]
    confirmed: u64,
    /// What goes back into wallets, in minor units.
    #[schema(example = 51_000_000)]
    amount: i64,
}

/// Call a performance off
///
/// Sales stop at once. Holds end, and all that was paid goes back in full, in the background and again from where it was
/// after a restart; the sales figures show how far it is. It cannot be taken back. Again: the same answer, with what is
/// left to do. With `dryRun` nothing changes.
#[utoipa::path(post, operation_id = "cancelSchedule", path = "/api/v1/admin/schedules/{scheduleId}/cancel", tag = "admin",
    security(("bearer" = [])),
    params(("scheduleId" = u32, Path), ("Idempotency-Key" = String, Header, min_length = 1, max_length = 255)),
    request_body = CancelScheduleForm, responses((status = 200, body = CancelledSchedule), CancelScheduleProblems))]
pub(super) async fn cancel(
    State(state): State<HttpState>,
    sent: Sent<CancelScheduleForm, ScheduleId>,
) -> Answer {
    let by = sent.staff().by();
    let (id, CancelInput { reason, dry_run }) = (sent.target, sent.input);
    let replayed = if dry_run {
        refuse_reused(state.app(), sent.tag.as_ref()).await?;
        false
    } else {
        let cancelled = state.app().cancel_schedule(by, id, reason, sent.tag).await;
        cancelled.map_err(|failure| state.problem(failure))?.replayed
    };
    let schedule = schedule::find(&state, id).await?;
    let left = state.app().withdrawal(id).await.map_err(|error| state.problem(error))?;
    let Withdrawal { pending, confirmed, amount } = left;
    let withdrawal = WithdrawalView { pending, confirmed, amount: amount.minor() };
    respond::once(StatusCode::OK, replayed, &CancelledSchedule { schedule, withdrawal })
}
