//! One line in memory. Synchronous and without a clock: whoever holds its lock passes the time in.
//!
//! A new place is in the line from the moment at which it was asked for, because that is its order. Everything
//! that moves others forward (an end, a call, a skip) is first journaled as a [`Moved`] and takes effect here
//! when it is on the disk, so that nobody is told of a place that a crash could take back.

mod admission;
mod figures;
mod lobby;
mod restore;
mod telling;

use std::collections::{BTreeSet, HashMap, HashSet};

use frontrow_domain::catalog::WaitingRoomSettings;
use frontrow_domain::queue::{
    AdmissionLog, EndReason, Forecast, JoinRefused, Outflow, Pace, Place, PlaceState, RateLimit, RoomState,
    SessionTerms, Tally,
};
use frontrow_domain::{ConcertId, EntryId, Sequence, Timestamp, UserId};

pub(super) use self::lobby::DrawStep;
use self::lobby::Lobby;
use self::telling::Telling;
use super::journal::{Moved, RoomMark};
use super::ranks::Ranks;
use super::slots::{Slot, Slots};
use crate::waiting_room::{EstimateHits, Joined, LinePolicy, Newcomer, NotLetIn, Pass, Standing};

/// What is told of a wait that nobody knows.
const UNKNOWN_WAIT: (u32, u32) = (u32::MAX, u32::MAX);
/// How many numbers one round of forgetting walks over.
const FORGET_WALK: u64 = 250_000;

/// One line.
pub(super) struct Room {
    mark: RoomMark,
    slots: Slots,
    lobby: Lobby,
    /// In line and never skipped.
    waiting: Ranks,
    /// Skipped, whether or not they have returned.
    skipped: BTreeSet<u64>,
    /// Skipped, and seen since.
    returned: Ranks,
    /// When which session ends.
    deadlines: BTreeSet<(Timestamp, u64)>,
    /// Sessions in force, or past their end and not noted yet.
    active: u32,
    /// Places with a move on its way to the disk.
    moving: HashSet<u64>,
    /// How many of those are calls.
    calling: u32,
    /// True while the closing of the line is on its way to the disk.
    is_closing: bool,
    /// Numbers below this one are on the disk.
    durable_below: u64,
    policy: LinePolicy,
    is_resumed: bool,
    admissions: AdmissionLog,
    outflow: Outflow,
    /// What could be said of the speed lately: what those who join are told.
    told_forecast: Forecast,
    /// With which policy that was said.
    forecast_policy: Option<(WaitingRoomSettings, RoomState)>,
    /// What happened since it was last reckoned.
    tally: Tally,
    estimates: EstimateHits,
    present: f64,
    sampled_at: Timestamp,
    /// From when on absence counts: when the line was last opened, or came back.
    ready_at: Timestamp,
    forgotten_below: u64,
    /// Places that were found to be over when the line was rebuilt, to be journaled as such.
    superseded: Vec<u64>,
    /// Fans who were seen while their skip was on its way: they are back as soon as they are gone.
    seen_meanwhile: HashSet<u64>,
    /// The older place of a fan, by the number of a newer one that is not on the disk yet.
    replaced: HashMap<u64, u64>,
    telling: Telling,
}

/// What came of asking for a place in memory.
pub(super) struct Asked {
    pub(super) joined: Joined,
    /// True when the place is not on the disk yet.
    pub(super) is_fresh: bool,
}

/// A place, and what of it is on its way to the disk.
pub(super) struct Found {
    pub(super) standing: Standing,
    /// True when the place itself is.
    pub(super) is_fresh: bool,
    /// True when a move of it is.
    pub(super) is_moving: bool,
}

/// What a tick wants to happen, on its way to the disk.
#[derive(Default)]
pub(super) struct Plan {
    pub(super) moved: Vec<Moved>,
    pub(super) mark: Option<RoomMark>,
}

impl Plan {
    pub(super) fn is_empty(&self) -> bool {
        self.moved.is_empty() && self.mark.is_none()
    }
}

impl Room {
    pub(super) fn new(concert: ConcertId, ready_at: Timestamp) -> Self {
        let first = Sequence::new(1);
        Self::from_mark(
            RoomMark { concert, next: first, closed_below: first, closed_at: Timestamp::ZERO },
            ready_at,
        )
    }

    /// A line as it was journaled, without its places.
    pub(super) fn from_mark(mark: RoomMark, ready_at: Timestamp) -> Self {
        Self {
            mark,
            slots: Slots::default(),
            lobby: Lobby::default(),
            waiting: Ranks::default(),
            skipped: BTreeSet::new(),
            returned: Ranks::in_any_order(),
            deadlines: BTreeSet::new(),
            active: 0,
            moving: HashSet::new(),
            calling: 0,
            is_closing: false,
            durable_below: mark.next.get(),
            policy: LinePolicy {
                settings: WaitingRoomSettings::OFF,
                state: RoomState::Off,
                hold_seconds: 0,
                seats_left: 0,
            },
            is_resumed: true,
            admissions: AdmissionLog::default(),
            outflow: Outflow::default(),
            told_forecast: Forecast::UNKNOWN,
            forecast_policy: None,
            tally: Tally::default(),
            estimates: EstimateHits::default(),
            present: 1.0,
            sampled_at: Timestamp::ZERO,
            ready_at,
            forgotten_below: 0,
            superseded: Vec::new(),
            seen_meanwhile: HashSet::new(),
            replaced: HashMap::new(),
            telling: Telling::NOTHING,
        }
    }

    pub(super) fn join(
        &mut self,
        newcomer: Newcomer,
        may_join: Result<(), JoinRefused>,
        now: Timestamp,
    ) -> Result<Asked, JoinRefused> {
        if let Some(asked) = self.has_place(newcomer.user, now) {
            return Ok(asked);
        }
        may_join?;
        let number = self.mark.next.get();
        self.mark.next = Sequence::new(number + 1);
        let ahead = self.waiting.len();
        let told_wait = self.told_forecast.wait(ahead).map_or(UNKNOWN_WAIT, |range| (range.low, range.high));
        let Newcomer { user, entry } = newcomer;
        let told_seconds = self.pace().waiting(ahead);
        let state = PlaceState::Waiting;
        let slot = Slot { user, entry, joined_at: now, state, seen_at: now, told_seconds, told_wait };
        if let Some(older) = self.slots.number_of(user) {
            self.replaced.insert(number, older);
        }
        self.slots.push(number, slot);
        self.waiting.push(number);
        let standing = self.standing(number, &slot, now);
        Ok(Asked { joined: Joined { standing, is_new: true }, is_fresh: true })
    }

    /// The place that a fan has and that is not over, with a sign of life.
    fn has_place(&mut self, user: UserId, now: Timestamp) -> Option<Asked> {
        let number = self.newest_of(user)?;
        let standing = self.seen(number, now).filter(|standing| !is_over(&standing.place.state))?;
        Some(Asked { joined: Joined { standing, is_new: false }, is_fresh: self.is_fresh(number) })
    }

    /// Takes back a place that could not be kept.
    pub(super) fn undo_join(&mut self, number: u64) {
        if is_of_lobby(number) {
            let older = self.replaced.remove(&number);
            self.lobby.undo_join(number, older);
            return;
        }
        self.waiting.remove(number);
        let user = self.slots.get(number).map(|slot| slot.user);
        if self.slots.get(number).is_some_and(|slot| self.lobby.holds(slot)) {
            self.lobby.is_back();
        }
        self.slots.remove(number);
        if let Some((older, user)) = self.replaced.remove(&number).zip(user) {
            self.slots.make_newest(older, user);
        }
    }

    /// Places up to this one are on the disk.
    pub(super) fn joined(&mut self, number: u64) {
        if is_of_lobby(number) {
            self.lobby.joined(number);
        } else {
            self.durable_below = self.durable_below.max(number + 1);
        }
        self.replaced.remove(&number);
    }

    /// The place of a pass, with a sign of life.
    pub(super) fn place_of(&mut self, pass: &Pass, now: Timestamp) -> Option<Standing> {
        let number = self.number_of(pass)?;
        self.seen(number, now)
    }

    /// The newest place of a fan, and what of it is on its way to the disk.
    pub(super) fn find(&self, user: UserId, now: Timestamp) -> Option<Found> {
        let number = self.newest_of(user)?;
        let standing = self.standing(number, self.slot(number)?, now);
        let is_fresh = self.is_fresh(number);
        Some(Found { standing, is_fresh, is_moving: self.moving.contains(&number) })
    }

    /// Whether a fan is let in, and the move that notes that they have come.
    pub(super) fn enter(&mut self, pass: &Pass, now: Timestamp) -> Result<Option<Moved>, NotLetIn> {
        let number = self.number_of(pass).ok_or(NotLetIn::Ended)?;
        let slot = self.slot_mut(number).ok_or(NotLetIn::Ended)?;
        match slot.state.at(now) {
            PlaceState::Active(session) if session.claim_by.is_some() => {
                let claimed = session.claimed();
                slot.state = PlaceState::Active(claimed);
                self.deadlines.remove(&(session.expires_at(), number));
                self.deadlines.insert((claimed.expires_at(), number));
                // An end that is on its way comes after this one, whatever it is.
                let is_ending = self.moving.contains(&number);
                Ok((!is_ending).then(|| self.moved(number, PlaceState::Active(claimed))))
            }
            PlaceState::Active(_) => Ok(None),
            PlaceState::Waiting | PlaceState::Skipped if number >= self.mark.closed_below.get() => {
                Err(NotLetIn::Waiting)
            }
            _ => Err(NotLetIn::Ended),
        }
    }

    /// The move that ends a fan's place, if it is not over. Nothing else may be on its way.
    pub(super) fn end(&mut self, user: UserId, reason: EndReason, now: Timestamp) -> Option<Moved> {
        let number = self.newest_of(user)?;
        let slot = self.slot(number)?;
        if is_over(&self.state_of(number, slot, now)) {
            return None;
        }
        let state = slot.state.ended(reason, now);
        self.moving.insert(number);
        Some(self.moved(number, state))
    }

    /// Drops places from memory that have been over since before that time.
    pub(super) fn forget(&mut self, ended_before: Timestamp) -> usize {
        let numbers = self.slots.numbers(self.forgotten_below, FORGET_WALK);
        self.forgotten_below = if numbers.is_empty() { 0 } else { numbers.end };
        let mut gone = 0;
        for number in numbers {
            let Some(slot) = self.slots.get(number) else { continue };
            if let PlaceState::Ended { at, .. } = self.state_of(number, slot, ended_before)
                && at < ended_before
                && !self.moving.contains(&number)
                && !matches!(slot.state, PlaceState::Active(_))
            {
                self.slots.remove(number);
                gone += 1;
            }
        }
        gone
    }

    /// The number under which the place of a pass is to be found: that in the line, once it was drawn from the lobby.
    fn number_of(&self, pass: &Pass) -> Option<u64> {
        let number = pass.sequence.get();
        let number = if self.lobby.has_given_out(number) { self.newest_of(pass.user)? } else { number };
        let slot = self.slot(number)?;
        (slot.entry == pass.entry && slot.user == pass.user).then_some(number)
    }

    /// The number of a fan's newest place. One that was drawn is in the lobby as well for a while.
    fn newest_of(&self, user: UserId) -> Option<u64> {
        let (in_line, in_lobby) = (self.slots.number_of(user), self.lobby.number_of(user));
        let entry = |number: Option<u64>| number.and_then(|number| self.slot(number)).map(|slot| slot.entry);
        if in_lobby.is_some() && entry(in_line) != entry(in_lobby) { in_lobby } else { in_line }
    }

    fn slot(&self, number: u64) -> Option<&Slot> {
        if is_of_lobby(number) { self.lobby.get(number) } else { self.slots.get(number) }
    }

    fn slot_mut(&mut self, number: u64) -> Option<&mut Slot> {
        if is_of_lobby(number) { self.lobby.get_mut(number) } else { self.slots.get_mut(number) }
    }

    /// True when a place is not on the disk yet.
    fn is_fresh(&self, number: u64) -> bool {
        number >= if is_of_lobby(number) { self.lobby.durable_below() } else { self.durable_below }
    }

    fn seen(&mut self, number: u64, now: Timestamp) -> Option<Standing> {
        let slot = *self.slot(number)?;
        if slot.state == PlaceState::Skipped && number >= self.mark.closed_below.get() {
            self.returned.push(number);
        }
        if slot.state == PlaceState::Waiting && self.moving.contains(&number) {
            self.seen_meanwhile.insert(number);
        }
        let standing = self.standing(number, &slot, now);
        let slot = self.slot_mut(number)?;
        slot.seen_at = now;
        slot.told_seconds = standing.poll_after_seconds;
        Some(standing)
    }

    fn standing(&self, number: u64, slot: &Slot, now: Timestamp) -> Standing {
        let state = self.state_of(number, slot, now);
        let (ahead, poll_after_seconds) = match state {
            PlaceState::Waiting if is_of_lobby(number) => (None, self.pace().waiting(self.lobby.waiting())),
            PlaceState::Waiting => {
                let ahead = self.waiting.ahead_of(number);
                (Some(ahead), self.pace().waiting(ahead))
            }
            PlaceState::Skipped => {
                let ahead = self.returned.ahead_of(number);
                (Some(ahead), self.pace().waiting(ahead))
            }
            PlaceState::Active(_) => (Some(0), Pace::active()),
            PlaceState::Ended { .. } => (None, Pace::ended()),
        };
        let place = Place {
            concert: self.mark.concert,
            sequence: Sequence::new(number),
            entry: slot.entry,
            user: slot.user,
            joined_at: slot.joined_at,
            state,
        };
        Standing { place, ahead, poll_after_seconds, now }
    }

    fn state_of(&self, number: u64, slot: &Slot, now: Timestamp) -> PlaceState {
        if slot.state.is_in_line() && number < self.mark.closed_below.get() {
            return PlaceState::Ended {
                reason: EndReason::Closed,
                at: self.mark.closed_at,
                admitted_at: None,
            };
        }
        slot.state.at(now)
    }

    fn moved(&self, number: u64, state: PlaceState) -> Moved {
        Moved { concert: self.mark.concert, sequence: Sequence::new(number), state }
    }

    fn rate(&self) -> RateLimit {
        RateLimit::of_milli(self.policy.settings.admit_per_second_milli)
    }

    fn pace(&self) -> Pace {
        Pace { rate: self.rate(), claim_seconds: self.policy.settings.claim_seconds }
    }

    fn terms(&self) -> SessionTerms {
        let WaitingRoomSettings { session_seconds, claim_seconds, .. } = self.policy.settings;
        SessionTerms { session_seconds, claim_seconds }
    }
}

const fn is_of_lobby(number: u64) -> bool {
    Sequence::new(number).is_lobby()
}

fn is_over(state: &PlaceState) -> bool {
    matches!(state, PlaceState::Ended { .. })
}

/// What only the entry named may end.
pub(super) fn is_meant(standing: &Standing, only: Option<EntryId>) -> bool {
    only.is_none_or(|entry| entry == standing.place.entry)
}
