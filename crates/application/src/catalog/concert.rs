//! Make and edit a concert.

use frontrow_domain::catalog::{Concert, ConcertDraft, FieldError, WaitingRoomSettings};
use frontrow_domain::queue::Seed;
use frontrow_domain::records::{Counter, Key, Keys, Records};
use frontrow_domain::staff::ActionKind;
use frontrow_domain::{ConcertId, Timestamp};

use super::seen::SeenConcert;
use crate::app::App;
use crate::box_office::{Failure, Priority};
use crate::command::{Command, Stop, refuse};
use crate::once::{Answered, Compact, OnceRefused, OnceTag};
use crate::staff::{By, Deed, Signature};

/// What an operator changes of a concert; what is absent stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConcertPatch {
    /// What it is called.
    pub title: Option<String>,
    /// Who plays.
    pub artist: Option<String>,
    /// What it is about.
    pub description: Option<String>,
    /// Whether fans may see it.
    pub published: Option<bool>,
    /// How its waiting room lets fans in.
    pub waiting_room: WaitingRoomPatch,
}

/// What an operator changes of a waiting room; what is absent stays.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WaitingRoomPatch {
    /// Whether there is one at all.
    pub enabled: Option<bool>,
    /// The most fans that may be active at once.
    pub max_active: Option<u32>,
    /// The most fans let in within any sliding second, in thousandths.
    pub admit_per_second_milli: Option<u32>,
    /// Seconds that an active fan has.
    pub session_seconds: Option<u32>,
    /// Seconds within which a called fan has to come.
    pub claim_seconds: Option<u32>,
    /// Seconds without a sign of life after which a waiting fan counts as gone.
    pub presence_seconds: Option<u32>,
    /// When the lobby opens; `Some(None)` for no lobby.
    pub lobby_opens_at: Option<Option<Timestamp>>,
}

impl WaitingRoomPatch {
    /// These settings with what the patch says.
    pub fn apply(self, present: WaitingRoomSettings) -> WaitingRoomSettings {
        WaitingRoomSettings {
            enabled: self.enabled.unwrap_or(present.enabled),
            max_active: self.max_active.unwrap_or(present.max_active),
            admit_per_second_milli: self.admit_per_second_milli.unwrap_or(present.admit_per_second_milli),
            session_seconds: self.session_seconds.unwrap_or(present.session_seconds),
            claim_seconds: self.claim_seconds.unwrap_or(present.claim_seconds),
            presence_seconds: self.presence_seconds.unwrap_or(present.presence_seconds),
            lobby_opens_at: self.lobby_opens_at.unwrap_or(present.lobby_opens_at),
        }
    }
}

/// Why a concert is not edited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EditConcertRefused {
    /// There is no such concert.
    NotFound,
    /// These members are wrong.
    Invalid(Vec<FieldError>),
}

/// The next number of a counter.
pub(super) fn next_number(
    records: &mut Records,
    counter: Counter,
) -> Result<u32, frontrow_domain::records::Need> {
    let number = records.counters.get(&counter)?.copied().unwrap_or(0).saturating_add(1);
    records.counters.put(counter, number);
    Ok(number)
}

struct CreateConcert {
    draft: ConcertDraft,
    /// Of the draw, should the sale have a lobby.
    seed: Seed,
    signature: Signature,
}

/// The number of a new concert or schedule is all that its idempotency key keeps.
pub(super) fn number_to_bytes(number: u32) -> Vec<u8> {
    let mut bytes = vec![1];
    bytes.extend(number.to_be_bytes());
    bytes
}

pub(super) fn number_from_bytes(bytes: &[u8]) -> Option<u32> {
    match bytes {
        [1, rest @ ..] => rest.try_into().ok().map(u32::from_be_bytes),
        _ => None,
    }
}

impl Compact for ConcertId {
    fn to_bytes(&self) -> Option<Vec<u8>> {
        Some(number_to_bytes(self.get()))
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        number_from_bytes(bytes).map(Self::new)
    }
}

impl Command for CreateConcert {
    type Outcome = ConcertId;
    type Refusal = Vec<FieldError>;

    fn keys(&self) -> Keys {
        Keys::new([Key::Counter(Counter::Concert)])
    }

    fn decide(&self, records: &mut Records, now: Timestamp) -> Result<ConcertId, Stop<Vec<FieldError>>> {
        let errors = self.draft.check();
        if !errors.is_empty() {
            return refuse(errors);
        }
        let id = ConcertId::new(next_number(records, Counter::Concert)?);
        let concert = self.draft.clone().into_concert(id, now).bound_to(self.seed);
        let (action, target) = (ActionKind::CreateConcert, format!("concert/{id}"));
        let deed = Deed { action, target, before: (), after: SeenConcert::of(&concert) };
        self.signature.note(records, now, deed);
        records.concerts.put_new(id, concert);
        Ok(id)
    }
}

struct EditConcert {
    id: ConcertId,
    patch: ConcertPatch,
    /// Of the draw, should the sale get its first lobby.
    seed: Seed,
    signature: Signature,
}

impl Command for EditConcert {
    type Outcome = Concert;
    type Refusal = EditConcertRefused;

    fn keys(&self) -> Keys {
        Keys::new([Key::Concert(self.id)])
    }

    fn decide(&self, records: &mut Records, now: Timestamp) -> Result<Concert, Stop<EditConcertRefused>> {
        let Some(concert) = records.concerts.get(&self.id)?.cloned() else {
            return refuse(EditConcertRefused::NotFound);
        };
        let patch = self.patch.clone();
        let present = concert.draft();
        let draft = ConcertDraft {
            title: patch.title.unwrap_or(present.title),
            artist: patch.artist.unwrap_or(present.artist),
            description: patch.description.unwrap_or(present.description),
            published: patch.published.unwrap_or(present.published),
            waiting_room: patch.waiting_room.apply(present.waiting_room),
        };
        let errors = draft.check();
        if !errors.is_empty() {
            return refuse(EditConcertRefused::Invalid(errors));
        }
        let (controls, draw) = (concert.controls.clone(), concert.draw);
        let edited = Concert { controls, draw, ..draft.into_concert(self.id, concert.created_at) };
        let edited = edited.bound_to(self.seed);
        let (action, target) = (ActionKind::EditConcert, format!("concert/{}", self.id));
        let (before, after) = (SeenConcert::of(&concert), SeenConcert::of(&edited));
        self.signature.note(records, now, Deed { action, target, before, after });
        records.concerts.put(self.id, edited.clone());
        Ok(edited)
    }
}

impl App {
    fn draw_seed(&self) -> Seed {
        Seed::new(self.entropy.secret())
    }

    /// Makes a concert.
    pub async fn create_concert(
        &self,
        by: By,
        draft: ConcertDraft,
        tag: Option<OnceTag>,
    ) -> Result<Answered<ConcertId>, Failure<OnceRefused<Vec<FieldError>>>> {
        let command = CreateConcert { draft, seed: self.draw_seed(), signature: self.sign(by) };
        self.run_once(Priority::Begin, tag, command).await
    }

    /// Edits a concert.
    pub async fn edit_concert(
        &self,
        by: By,
        id: ConcertId,
        patch: ConcertPatch,
    ) -> Result<Concert, Failure<EditConcertRefused>> {
        let command = EditConcert { id, patch, seed: self.draw_seed(), signature: self.sign(by) };
        self.box_office.run(Priority::Begin, command).await
    }
}
