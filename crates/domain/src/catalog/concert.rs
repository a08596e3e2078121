//! A concert: what is sold, on one or more dates.

use super::{FieldError, check_range, check_text};
use crate::queue::{Draw, LobbyFacts, Seed};
use crate::{ConcertId, Timestamp};

/// Characters in the longest title or artist.
const TITLE_MAX: usize = 200;
/// Characters in the longest description.
const DESCRIPTION_MAX: usize = 20_000;

/// A concert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Concert {
    /// Its number.
    pub id: ConcertId,
    /// What it is called.
    pub title: String,
    /// Who plays.
    pub artist: String,
    /// What it is about.
    pub description: String,
    /// False while only operators may see it.
    pub published: bool,
    /// How its waiting room lets fans in.
    pub waiting_room: WaitingRoomSettings,
    /// What an operator does with the line while it stands.
    pub controls: RoomControls,
    /// The draw of its lobby, once it has had one.
    pub draw: Option<Draw>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// What an operator says of a concert, before it has a number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConcertDraft {
    /// What it is called.
    pub title: String,
    /// Who plays.
    pub artist: String,
    /// What it is about.
    pub description: String,
    /// False while only operators may see it.
    pub published: bool,
    /// How its waiting room lets fans in.
    pub waiting_room: WaitingRoomSettings,
}

/// How the waiting room of a concert lets fans in. Kept with the concert from the beginning, so that the line
/// can be switched on later without a new kind of record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WaitingRoomSettings {
    /// Whether there is one at all.
    pub enabled: bool,
    /// The most fans that may be active at once.
    pub max_active: u32,
    /// The most fans let in within any sliding second, in thousandths (a rate is a decimal in the interface).
    pub admit_per_second_milli: u32,
    /// Seconds that an active fan has.
    pub session_seconds: u32,
    /// Seconds within which a called fan has to come.
    pub claim_seconds: u32,
    /// Seconds without a sign of life after which a waiting fan counts as gone.
    pub presence_seconds: u32,
    /// When the lobby opens, for sales with a draw.
    pub lobby_opens_at: Option<Timestamp>,
}

/// What an operator does with a line while it stands: hold it, run it dry, end it, speak to it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RoomControls {
    /// Nobody is let in for now; joining goes on and places are kept.
    pub paused: bool,
    /// Nobody may join any more; those in line are let in as before.
    pub draining: bool,
    /// The line is ended: nobody may join, and every place that was waiting has ended.
    pub closed: bool,
    /// What everybody in line is told.
    pub notice: Option<String>,
}

impl RoomControls {
    /// Characters in the longest notice.
    pub const NOTICE_MAX: usize = 500;
}

impl WaitingRoomSettings {
    /// No waiting room, and the settings that one would start with: 1,400 per 10 s (R-Q4), five minutes a
    /// session (R-Q5), a minute to come and a minute of silence (R-Q6).
    pub const OFF: Self = Self {
        enabled: false,
        max_active: 5_000,
        admit_per_second_milli: 140_000,
        session_seconds: 300,
        claim_seconds: 60,
        presence_seconds: 60,
        lobby_opens_at: None,
    };

    fn check(&self, errors: &mut Vec<FieldError>) {
        check_range(errors, "waitingRoom.maxActive", self.max_active, 0, 1_000_000);
        check_range(errors, "waitingRoom.sessionSeconds", self.session_seconds, 10, 86_400);
        check_range(errors, "waitingRoom.claimSeconds", self.claim_seconds, 1, 86_400);
        check_range(errors, "waitingRoom.presenceSeconds", self.presence_seconds, 1, 86_400);
        if self.admit_per_second_milli == 0 {
            errors.push(FieldError::new("waitingRoom.admitPerSecond", "must be above 0"));
        }
    }
}

impl ConcertDraft {
    /// Everything that is wrong with the draft; empty when it is sound.
    pub fn check(&self) -> Vec<FieldError> {
        let mut errors = Vec::new();
        check_text(&mut errors, "title", &self.title, 1, TITLE_MAX);
        check_text(&mut errors, "artist", &self.artist, 0, TITLE_MAX);
        check_text(&mut errors, "description", &self.description, 0, DESCRIPTION_MAX);
        self.waiting_room.check(&mut errors);
        errors
    }

    /// The concert that the draft describes.
    pub fn into_concert(self, id: ConcertId, created_at: Timestamp) -> Concert {
        let Self { title, artist, description, published, waiting_room } = self;
        let controls = RoomControls::default();
        Concert { id, title, artist, description, published, waiting_room, controls, draw: None, created_at }
    }
}

impl Concert {
    /// Everything that is wrong with the waiting room and what is done with it; empty when it is sound. The
    /// members are named as where an operator steers the line.
    pub fn check_room(&self) -> Vec<FieldError> {
        let mut errors = Vec::new();
        self.waiting_room.check(&mut errors);
        for error in &mut errors {
            error.field = error.field.trim_start_matches("waitingRoom.").to_owned();
        }
        if let Some(notice) = &self.controls.notice {
            check_text(&mut errors, "notice", notice, 1, RoomControls::NOTICE_MAX);
        }
        errors
    }

    /// The lobby of its sale, if it has one (R-Q8).
    pub fn lobby(&self) -> Option<LobbyFacts> {
        let (opens_at, draw) = self.waiting_room.lobby_opens_at.zip(self.draw)?;
        Some(LobbyFacts { opens_at, is_drawn: draw.drawn_at.is_some() })
    }

    /// The concert with a draw to come, if its sale has a lobby and none was fixed yet: from the first lobby on the seed
    /// stays the same, whatever is edited.
    #[must_use]
    pub fn bound_to(self, seed: Seed) -> Self {
        let has_lobby = self.waiting_room.enabled && self.waiting_room.lobby_opens_at.is_some();
        let draw = self.draw.or_else(|| has_lobby.then(|| Draw::new(seed)));
        Self { draw, ..self }
    }

    /// The draft that would make this concert: the starting point of an edit.
    pub fn draft(&self) -> ConcertDraft {
        ConcertDraft {
            title: self.title.clone(),
            artist: self.artist.clone(),
            description: self.description.clone(),
            published: self.published,
            waiting_room: self.waiting_room,
        }
    }
}
