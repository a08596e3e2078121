//! The line of a concert, as operators steer it while it stands, and one fan's place in it.

use axum::extract::State;
use axum::response::Response;
use frontrow_application::queue::{EditedQueue, QueuePatch};
use frontrow_domain::catalog::{FieldError, WaitingRoomSettings};
use frontrow_domain::{ConcertId, UserId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::concert::rate_milli;
use super::patch::Member;
use super::{EditProblems, FanProblems};
use crate::auth::{Caller, Staff};
use crate::problem::Problem;
use crate::queue::{StatusView, WaitView};
use crate::request::{At, Form, KeyRule, Refused, Sent, Untyped};
use crate::respond::{self, Answer};
use crate::state::HttpState;
use crate::time::Uid;

const NOT_YET: &str = "is not in this version yet; leave it out";

/// What changes of a line.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct QueuePatchForm {
    /// The most fans that may be active at once. Throws nobody out.
    #[serde(default)]
    #[schema(value_type = Option<u32>, maximum = 1_000_000)]
    max_active: Member<u32>,
    /// The most fans let in within any sliding second, to three decimals.
    #[serde(default)]
    #[schema(value_type = Option<f64>, exclusive_minimum = 0, maximum = 1_000_000)]
    admit_per_second: Member<f64>,
    /// Seconds that an active fan has, for those let in from now on.
    #[serde(default)]
    #[schema(value_type = Option<u32>, minimum = 10, maximum = 86_400)]
    session_seconds: Member<u32>,
    /// Seconds within which a called fan has to come, for those called from now on.
    #[serde(default)]
    #[schema(value_type = Option<u32>, minimum = 1, maximum = 86_400)]
    claim_seconds: Member<u32>,
    /// Seconds without a sign of life after which a waiting fan counts as gone.
    #[serde(default)]
    #[schema(value_type = Option<u32>, minimum = 1, maximum = 86_400)]
    presence_seconds: Member<u32>,
    /// Nobody is let in for now; joining goes on.
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    paused: Member<bool>,
    /// Nobody may join any more; those in line are let in as before.
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    drain: Member<bool>,
    /// The line is over: nobody may join, and every place that was waiting ends.
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    closed: Member<bool>,
    /// What everybody in line is told; null takes it away.
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 500)]
    notice: Member<String>,
    /// Not in this version yet.
    #[schema(value_type = Option<Object>)]
    public_value: Option<Untyped>,
    /// Not in this version yet.
    #[schema(value_type = Option<Object>)]
    challenge: Option<Untyped>,
    /// True: only say what would come of it.
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    dry_run: Member<bool>,
}

/// A change of a line, read.
#[derive(Debug)]
pub(super) struct QueueEdit {
    patch: QueuePatch,
    dry_run: bool,
}

impl Form for QueuePatchForm {
    const ROUTE: &'static str = "PATCH /admin/concerts/{id}/queue";
    const KEY: KeyRule = KeyRule::Ignored;
    type Input = QueueEdit;

    fn allow(caller: Caller, _state: &HttpState) -> Result<(), Refused> {
        caller.check_staff()
    }

    fn check(self, _state: &HttpState) -> Result<QueueEdit, Refused> {
        let mut errors = Vec::new();
        for (field, sent) in [("publicValue", self.public_value), ("challenge", self.challenge)] {
            if sent.is_some() {
                errors.push(FieldError::new(field, NOT_YET));
            }
        }
        let off = WaitingRoomSettings::OFF;
        let patch = QueuePatch {
            max_active: self.max_active.or_default(|| off.max_active),
            admit_per_second_milli: rate_milli(self.admit_per_second, &mut errors, "admitPerSecond"),
            session_seconds: self.session_seconds.or_default(|| off.session_seconds),
            claim_seconds: self.claim_seconds.or_default(|| off.claim_seconds),
            presence_seconds: self.presence_seconds.or_default(|| off.presence_seconds),
            paused: self.paused.or_default(|| false),
            draining: self.drain.or_default(|| false),
            closed: self.closed.or_default(|| false),
            notice: match self.notice {
                Member::Absent => None,
                Member::Null => Some(None),
                Member::Set(notice) => Some(Some(notice)),
            },
        };
        let dry_run = self.dry_run.or_default(|| false).unwrap_or(false);
        if errors.is_empty() { Ok(QueueEdit { patch, dry_run }) } else { Err(Problem::invalid(errors)) }
    }
}

/// A line after a change, or as it would be after one.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = EditedQueue)]
struct EditedView<'a> {
    settings: SettingsView<'a>,
    preview: Preview,
}

/// How a line lets fans in, and what is done with it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = QueueSettings)]
struct SettingsView<'a> {
    max_active: u32,
    admit_per_second: f64,
    session_seconds: u32,
    claim_seconds: u32,
    presence_seconds: u32,
    paused: bool,
    drain: bool,
    closed: bool,
    #[schema(required)]
    notice: Option<&'a str>,
}

/// How long somebody who joins now waits.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = QueuePreview)]
struct Preview {
    /// Before the change; null when nobody can say.
    #[schema(required)]
    wait_before: Option<WaitView>,
    /// After it; null when nobody can say.
    #[schema(required)]
    wait_after: Option<WaitView>,
}

impl<'a> EditedView<'a> {
    fn of(edited: &'a EditedQueue) -> Self {
        let EditedQueue { settings, controls, wait_before, wait_after } = edited;
        Self {
            settings: SettingsView {
                max_active: settings.max_active,
                admit_per_second: f64::from(settings.admit_per_second_milli) / 1_000.0,
                session_seconds: settings.session_seconds,
                claim_seconds: settings.claim_seconds,
                presence_seconds: settings.presence_seconds,
                paused: controls.paused,
                drain: controls.draining,
                closed: controls.closed,
                notice: controls.notice.as_deref(),
            },
            preview: Preview {
                wait_before: wait_before.map(WaitView::of),
                wait_after: wait_after.map(WaitView::of),
            },
        }
    }
}

/// Steer a line
///
/// What is absent stays, null takes a member back to its default. In force within a second. With `dryRun` nothing
/// changes and the answer says what would come of it.
#[utoipa::path(patch, operation_id = "editQueue", path = "/api/v1/admin/concerts/{concertId}/queue", tag = "admin",
    security(("bearer" = [])), params(("concertId" = u32, Path)), request_body = QueuePatchForm,
    responses((status = 200, body = EditedView), EditProblems))]
pub(super) async fn edit(State(state): State<HttpState>, sent: Sent<QueuePatchForm, ConcertId>) -> Answer {
    let by = sent.staff().by();
    let QueueEdit { patch, dry_run } = sent.input;
    let edited = state.app().edit_queue(by, sent.target, patch, dry_run).await;
    let edited = edited.map_err(|failure| state.problem(failure))?;
    respond::private(&EditedView::of(&edited))
}

/// A fan's place.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = FanInQueue)]
struct FanView<'a> {
    user_id: Uid,
    #[serde(flatten)]
    status: StatusView<'a>,
}

/// A fan's newest place in a line
///
/// Looking counts as no sign of life of the fan.
#[utoipa::path(get, operation_id = "readFanInQueue", path = "/api/v1/admin/concerts/{concertId}/queue/fans/{userId}", tag = "admin",
    security(("bearer" = [])), params(("concertId" = u32, Path), ("userId" = Uid, Path)),
    responses((status = 200, body = FanView), FanProblems))]
pub(super) async fn fan(
    State(state): State<HttpState>,
    _: Staff,
    At((concert, user)): At<(ConcertId, UserId)>,
) -> Answer {
    let found = state.app().fan_in_queue(concert, user).await.map_err(|failure| state.problem(failure))?;
    let status = found.ok_or_else(Problem::not_found)?;
    respond::private(&FanView { user_id: Uid(user.uuid()), status: StatusView::of(&status) })
}

/// Take a fan's place away
///
/// Their token is dead at once. Not found when there is no place to take away.
#[utoipa::path(delete, operation_id = "revokePlace", path = "/api/v1/admin/concerts/{concertId}/queue/fans/{userId}", tag = "admin",
    security(("bearer" = [])), params(("concertId" = u32, Path), ("userId" = Uid, Path)),
    responses((status = 204, description = "Taken away"), FanProblems))]
pub(super) async fn revoke(
    State(state): State<HttpState>,
    staff: Staff,
    At((concert, user)): At<(ConcertId, UserId)>,
) -> Result<Response, Problem> {
    let revoked = state.app().revoke_place(staff.by(), concert, user).await;
    let was_there = revoked.map_err(|failure| state.problem(failure))?;
    if was_there { Ok(respond::nothing()) } else { Err(Problem::not_found()) }
}
