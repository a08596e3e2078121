//! What an operator does with a line while it stands: cap, rate, session, pause, drain, close, notice; and with
//! the place of one fan.

use std::sync::Arc;

use frontrow_domain::catalog::{Concert, FieldError, RoomControls, WaitingRoomSettings};
use frontrow_domain::queue::{EndReason, RateLimit, RoomState, WaitRange};
use frontrow_domain::records::{Key, Keys, Records};
use frontrow_domain::staff::ActionKind;
use frontrow_domain::{ConcertId, Timestamp, UserId};
use serde::Serialize;

use super::status::{QueueFailure, QueueStatus};
use super::view::RoomView;
use crate::account::unavailable;
use crate::app::App;
use crate::box_office::{Failure, Priority};
use crate::command::{Command, Stop, refuse};
use crate::staff::{By, Deed, Signature};
use crate::waiting_room::LineError;

/// What an operator changes of a line; what is absent stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct QueuePatch {
    /// The most fans that may be active at once. Throws nobody out.
    pub max_active: Option<u32>,
    /// The most let in within any sliding second, in thousandths.
    pub admit_per_second_milli: Option<u32>,
    /// Seconds that a session lasts, for those let in from now on.
    pub session_seconds: Option<u32>,
    /// Seconds within which a called fan has to come, for those called from now on.
    pub claim_seconds: Option<u32>,
    /// Seconds without a sign of life after which a fan in line counts as gone.
    pub presence_seconds: Option<u32>,
    /// Nobody is let in for now.
    pub paused: Option<bool>,
    /// Nobody may join any more.
    pub draining: Option<bool>,
    /// The line is ended.
    pub closed: Option<bool>,
    /// What everybody in line is told; `Some(None)` takes it away.
    pub notice: Option<Option<String>>,
}

/// Why a line is not changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EditQueueRefused {
    /// There is no such concert.
    NotFound,
    /// These members are wrong.
    Invalid(Vec<FieldError>),
}

/// A line after a change, or as it would be after one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EditedQueue {
    /// Its settings.
    pub settings: WaitingRoomSettings,
    /// What an operator does with it.
    pub controls: RoomControls,
    /// How long somebody who joins now would have waited before the change.
    pub wait_before: Option<WaitRange>,
    /// How long they will wait after it.
    pub wait_after: Option<WaitRange>,
}

impl QueuePatch {
    fn apply(&self, concert: &Concert) -> Result<Concert, Vec<FieldError>> {
        let (settings, controls) = (concert.waiting_room, &concert.controls);
        let edited = Concert {
            waiting_room: WaitingRoomSettings {
                max_active: self.max_active.unwrap_or(settings.max_active),
                admit_per_second_milli: self
                    .admit_per_second_milli
                    .unwrap_or(settings.admit_per_second_milli),
                session_seconds: self.session_seconds.unwrap_or(settings.session_seconds),
                claim_seconds: self.claim_seconds.unwrap_or(settings.claim_seconds),
                presence_seconds: self.presence_seconds.unwrap_or(settings.presence_seconds),
                ..settings
            },
            controls: RoomControls {
                paused: self.paused.unwrap_or(controls.paused),
                draining: self.draining.unwrap_or(controls.draining),
                closed: self.closed.unwrap_or(controls.closed),
                notice: self.notice.clone().unwrap_or_else(|| controls.notice.clone()),
            },
            ..concert.clone()
        };
        let errors = edited.check_room();
        if errors.is_empty() { Ok(edited) } else { Err(errors) }
    }
}

struct EditQueue {
    id: ConcertId,
    patch: QueuePatch,
    signature: Signature,
}

/// What a person wants to see of a line on the audit log.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SeenQueue<'a> {
    max_active: u32,
    admit_per_second: f64,
    session_seconds: u32,
    claim_seconds: u32,
    presence_seconds: u32,
    paused: bool,
    drain: bool,
    closed: bool,
    notice: Option<&'a str>,
}

impl<'a> SeenQueue<'a> {
    fn of(concert: &'a Concert) -> Self {
        let (settings, controls) = (&concert.waiting_room, &concert.controls);
        Self {
            max_active: settings.max_active,
            admit_per_second: f64::from(settings.admit_per_second_milli) / 1_000.0,
            session_seconds: settings.session_seconds,
            claim_seconds: settings.claim_seconds,
            presence_seconds: settings.presence_seconds,
            paused: controls.paused,
            drain: controls.draining,
            closed: controls.closed,
            notice: controls.notice.as_deref(),
        }
    }
}

impl Command for EditQueue {
    type Outcome = Concert;
    type Refusal = EditQueueRefused;

    fn keys(&self) -> Keys {
        Keys::new([Key::Concert(self.id)])
    }

    fn decide(&self, records: &mut Records, now: Timestamp) -> Result<Concert, Stop<EditQueueRefused>> {
        let Some(concert) = records.concerts.get(&self.id)?.cloned() else {
            return refuse(EditQueueRefused::NotFound);
        };
        let edited =
            self.patch.apply(&concert).map_err(|errors| Stop::Refused(EditQueueRefused::Invalid(errors)))?;
        let (action, target) = (ActionKind::EditQueue, format!("concert/{}/queue", self.id));
        let (before, after) = (SeenQueue::of(&concert), SeenQueue::of(&edited));
        self.signature.note(records, now, Deed { action, target, before, after });
        records.concerts.put(self.id, edited.clone());
        Ok(edited)
    }
}

/// Leaves a line on the audit log for something that is not done in the store.
struct NoteRevoking {
    concert: ConcertId,
    user: UserId,
    status: QueueStatus,
    signature: Signature,
}

/// A place on the audit log.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SeenPlace {
    entry_id: String,
    state: &'static str,
    sequence: u64,
    ahead: Option<u64>,
}

impl Command for NoteRevoking {
    type Outcome = ();
    type Refusal = std::convert::Infallible;

    fn keys(&self) -> Keys {
        Keys::new([])
    }

    fn decide(&self, records: &mut Records, now: Timestamp) -> Result<(), Stop<Self::Refusal>> {
        let status = &self.status;
        let before = SeenPlace {
            entry_id: status.entry.to_string(),
            state: status.state.name(),
            sequence: status.sequence.get(),
            ahead: status.ahead,
        };
        let target = format!("concert/{}/queue/fans/{}", self.concert, self.user);
        let deed = Deed { action: ActionKind::RevokePlace, target, before, after: () };
        self.signature.note(records, now, deed);
        Ok(())
    }
}

impl App {
    /// Changes a line, or with `dry_run` says what would come of it. Takes effect with the next tick.
    pub async fn edit_queue(
        &self,
        by: By,
        id: ConcertId,
        patch: QueuePatch,
        dry_run: bool,
    ) -> Result<EditedQueue, Failure<EditQueueRefused>> {
        let view = self.memory.lines.view(id);
        let edited = if dry_run {
            let concert = self.reads.concert(id).await.map_err(unavailable)?;
            let concert = concert.ok_or(Failure::Refused(EditQueueRefused::NotFound))?;
            patch.apply(&concert).map_err(|errors| Failure::Refused(EditQueueRefused::Invalid(errors)))?
        } else {
            let command = EditQueue { id, patch, signature: self.sign(by) };
            self.box_office.run(Priority::Begin, command).await?
        };
        let figures = view.as_ref().and_then(|view| view.figures.as_ref());
        let wait_before = figures.and_then(|figures| figures.forecast.wait(figures.waiting));
        let wait_after = view.as_ref().zip(figures).and_then(|(view, figures)| {
            let mut facts = view.facts.clone();
            facts.controls = edited.controls.clone();
            let settings = &edited.waiting_room;
            let is_open = facts.state(self.clock.now()) == RoomState::Open;
            let limit = RateLimit::of_milli(settings.admit_per_second_milli);
            let forecast = is_open.then(|| figures.forecast.with(limit, settings.max_active));
            forecast.and_then(|forecast| forecast.wait(figures.waiting))
        });
        let Concert { waiting_room: settings, controls, .. } = edited;
        Ok(EditedQueue { settings, controls, wait_before, wait_after })
    }

    /// The newest place of a fan in a line, for operators; nothing when they have none.
    pub async fn fan_in_queue(
        &self,
        concert: ConcertId,
        user: UserId,
    ) -> Result<Option<QueueStatus>, QueueFailure> {
        let room = self.look_at_any_room(concert).await?;
        let standing = self.waiting_room.find(concert, user).await.map_err(QueueFailure::Line)?;
        Ok(standing.map(|standing| QueueStatus::of(&standing, room)))
    }

    /// Takes a fan's place away; their token is dead at once (R-Q7). False when there was none to take.
    ///
    /// The line on the audit log is written first: were the server to end in between, the log would tell of
    /// something that was asked for and not done, never the other way round.
    pub async fn revoke_place(
        &self,
        by: By,
        concert: ConcertId,
        user: UserId,
    ) -> Result<bool, Failure<QueueFailure>> {
        let status = self.fan_in_queue(concert, user).await.map_err(Failure::Refused)?;
        let Some(status) = status.filter(|status| status.end_reason.is_none()) else { return Ok(false) };
        let note = NoteRevoking { concert, user, status, signature: self.sign(by) };
        self.box_office
            .run(Priority::Begin, note)
            .await
            .map_err(|failure| failure.map(|never| match never {}))?;
        let ended = self.waiting_room.end(concert, user, None, EndReason::Revoked).await;
        match ended {
            Ok(ended) => Ok(ended.is_some()),
            Err(LineError::OutcomeUnknown(_)) => Err(Failure::OutcomeUnknown),
            Err(error) => Err(Failure::Refused(QueueFailure::Line(error))),
        }
    }

    async fn look_at_any_room(&self, concert: ConcertId) -> Result<Arc<RoomView>, QueueFailure> {
        if let Some(view) = self.memory.lines.view(concert) {
            return Ok(view);
        }
        let view = self.look_at_room(concert).await.map_err(QueueFailure::Read)?;
        view.map(Arc::new).ok_or(QueueFailure::NotFound)
    }
}
