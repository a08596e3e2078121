//! One line in memory. Synchronous and without a clock: whoever holds its lock passes the time in.
//!
//! A new place is in the line from the moment at which it was asked for, because that is its order. Everything
//! that moves others forward (an end, a call, a skip) is first journaled as a [`Moved`] and takes effect here
//! when it is on the disk, so that nobody is told of a place that a crash could take back.

use std::collections::{BTreeSet, HashMap, HashSet};

use frontrow_domain::catalog::WaitingRoomSettings;
use frontrow_domain::queue::{
    AdmissionLog, EndReason, Forecast, JoinRefused, Outflow, Pace, Place, PlaceState, RateLimit, RoomState,
    Session, SessionTerms, Tally, WaitRange,
};
use frontrow_domain::{ConcertId, EntryId, Sequence, Timestamp, UserId};

use super::journal::{Moved, RoomMark};
use super::ranks::Ranks;
use super::slots::{Slot, Slots};
use crate::waiting_room::{
    EstimateHits, Joined, LineFigures, LinePolicy, Newcomer, NotLetIn, Pass, Standing,
};

/// The most absent fans that one tick skips: a bound on how long the line is held.
const SKIPS_MAX: usize = 2_000;
/// How many of those in line are looked at for the share who are present.
const SAMPLES: u64 = 512;
/// Seconds between two looks.
const SAMPLE_SECONDS: u32 = 1;
/// What is told of a wait that nobody knows.
const UNKNOWN_WAIT: (u32, u32) = (u32::MAX, u32::MAX);
/// How many numbers one round of forgetting walks over.
const FORGET_WALK: u64 = 250_000;

/// One line.
pub(super) struct Room {
    mark: RoomMark,
    slots: Slots,
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
            waiting: Ranks::default(),
            skipped: BTreeSet::new(),
            returned: Ranks::in_any_order(),
            deadlines: BTreeSet::new(),
            active: 0,
            moving: HashSet::new(),
            calling: 0,
            is_closing: false,
            durable_below: mark.next.get(),
            policy: LinePolicy { settings: WaitingRoomSettings::OFF, state: RoomState::Off },
            is_resumed: true,
            admissions: AdmissionLog::default(),
            outflow: Outflow::default(),
            tally: Tally::default(),
            estimates: EstimateHits::default(),
            present: 1.0,
            sampled_at: Timestamp::ZERO,
            ready_at,
            forgotten_below: 0,
            superseded: Vec::new(),
            seen_meanwhile: HashSet::new(),
            replaced: HashMap::new(),
        }
    }

    /// Puts back a place that was journaled. In order of number.
    pub(super) fn restore(&mut self, place: &Place) {
        let number = place.sequence.get();
        let state = match place.state {
            PlaceState::Active(session) => PlaceState::Active(session.resumed(self.terms(), self.ready_at)),
            other => other,
        };
        let slot = Slot {
            user: place.user,
            entry: place.entry,
            joined_at: place.joined_at,
            state,
            seen_at: Timestamp::ZERO,
            told_seconds: self.pace().waiting(self.waiting.len()),
            told_wait: UNKNOWN_WAIT,
        };
        if let Some(older) = self.slots.number_of(place.user) {
            self.supersede(older, place.joined_at);
        }
        self.slots.push(number, slot);
        match state {
            PlaceState::Waiting if number >= self.mark.closed_below.get() => self.waiting.push(number),
            PlaceState::Skipped if number >= self.mark.closed_below.get() => {
                self.skipped.insert(number);
            }
            PlaceState::Active(session) => {
                self.active += 1;
                self.deadlines.insert((session.expires_at(), number));
            }
            _ => {}
        }
        self.mark.next = self.mark.next.max(Sequence::new(number + 1));
        self.durable_below = self.mark.next.get();
        self.is_resumed = false;
    }

    /// Ends a place whose fan was given a newer one: it was over by then, though the end of it was not noted, or is
    /// that of its line.
    fn supersede(&mut self, number: u64, newer_at: Timestamp) {
        let Some(slot) = self.slots.get_mut(number) else { return };
        let PlaceState::Active(session) = slot.state else {
            self.waiting.remove(number);
            self.skipped.remove(&number);
            return;
        };
        self.deadlines.remove(&(session.expires_at(), number));
        self.active -= 1;
        let at = session.expires_at().min(newer_at);
        let admitted_at = Some(session.admitted_at);
        slot.state = PlaceState::Ended { reason: session.own_end(), at, admitted_at };
        self.superseded.push(number);
    }

    /// Notes admissions of before a restart, so that the rate holds across it.
    pub(super) fn restore_admissions(&mut self, mut times: Vec<Timestamp>) {
        times.sort_unstable();
        for at in times {
            self.admissions.note(at, 1);
        }
    }

    /// The line is in force again: from now on absence counts.
    pub(super) fn ready(&mut self, now: Timestamp) {
        self.ready_at = now;
    }

    pub(super) fn join(
        &mut self,
        newcomer: Newcomer,
        may_join: Result<(), JoinRefused>,
        now: Timestamp,
    ) -> Result<Asked, JoinRefused> {
        if let Some(number) = self.slots.number_of(newcomer.user)
            && let Some(standing) = self.seen(number, now)
            && !is_over(&standing.place.state)
        {
            let is_fresh = number >= self.durable_below;
            return Ok(Asked { joined: Joined { standing, is_new: false }, is_fresh });
        }
        may_join?;
        let number = self.mark.next.get();
        self.mark.next = Sequence::new(number + 1);
        let ahead = self.waiting.len();
        let told_wait = self.forecast().wait(ahead).map_or(UNKNOWN_WAIT, |range| (range.low, range.high));
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

    /// Takes back a place that could not be kept.
    pub(super) fn undo_join(&mut self, number: u64) {
        self.waiting.remove(number);
        let user = self.slots.get(number).map(|slot| slot.user);
        self.slots.remove(number);
        if let Some((older, user)) = self.replaced.remove(&number).zip(user) {
            self.slots.make_newest(older, user);
        }
    }

    /// Places up to this one are on the disk.
    pub(super) fn joined(&mut self, number: u64) {
        self.durable_below = self.durable_below.max(number + 1);
        self.replaced.remove(&number);
    }

    /// The place of a pass, with a sign of life.
    pub(super) fn place_of(&mut self, pass: &Pass, now: Timestamp) -> Option<Standing> {
        let number = self.number_of(pass)?;
        self.seen(number, now)
    }

    /// The newest place of a fan, and what of it is on its way to the disk.
    pub(super) fn find(&self, user: UserId, now: Timestamp) -> Option<Found> {
        let number = self.slots.number_of(user)?;
        let slot = self.slots.get(number)?;
        let standing = self.standing(number, slot, now);
        let is_fresh = number >= self.durable_below;
        Some(Found { standing, is_fresh, is_moving: self.moving.contains(&number) })
    }

    /// Whether a fan is let in, and the move that notes that they have come.
    pub(super) fn enter(&mut self, pass: &Pass, now: Timestamp) -> Result<Option<Moved>, NotLetIn> {
        let number = self.number_of(pass).ok_or(NotLetIn::Ended)?;
        let slot = self.slots.get_mut(number).ok_or(NotLetIn::Ended)?;
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
        let number = self.slots.number_of(user)?;
        let slot = self.slots.get(number)?;
        if is_over(&self.state_of(number, slot, now)) {
            return None;
        }
        let state = slot.state.ended(reason, now);
        self.moving.insert(number);
        Some(self.moved(number, state))
    }

    /// Decides what a tick does. What it answers takes effect by [`apply`](Self::apply).
    pub(super) fn plan(&mut self, policy: LinePolicy, now: Timestamp) -> Plan {
        self.policy = policy;
        if !self.is_resumed {
            self.resume();
        }
        let mut plan = Plan { moved: self.due(now), mark: None };
        for number in std::mem::take(&mut self.superseded) {
            plan.moved.extend(self.slots.get(number).map(|slot| self.moved(number, slot.state)));
        }
        match policy.state {
            RoomState::Open => self.call(&mut plan.moved, now),
            RoomState::Closed => plan.mark = self.close(now),
            _ => {}
        }
        plan
    }

    /// Lets a move take effect that is on the disk.
    pub(super) fn apply(&mut self, moved: &Moved) {
        let number = moved.sequence.get();
        // A fan's coming took effect when they came.
        if !self.moving.remove(&number) {
            return;
        }
        let is_back = self.seen_meanwhile.remove(&number);
        let Some(slot) = self.slots.get_mut(number) else { return };
        let (joined_at, told_wait) = (slot.joined_at, slot.told_wait);
        let before = std::mem::replace(&mut slot.state, moved.state);
        match before {
            PlaceState::Waiting => {
                self.waiting.remove(number);
            }
            PlaceState::Skipped => {
                self.skipped.remove(&number);
                self.returned.remove(number);
            }
            PlaceState::Active(session) => {
                self.deadlines.remove(&(session.expires_at(), number));
                self.active -= 1;
                self.tally.ended += 1;
            }
            PlaceState::Ended { .. } => {}
        }
        match moved.state {
            PlaceState::Active(session) => {
                self.calling -= 1;
                self.active += 1;
                self.tally.admitted += 1;
                self.deadlines.insert((session.expires_at(), number));
                self.judge(told_wait, joined_at, session.admitted_at);
            }
            PlaceState::Skipped => {
                self.skipped.insert(number);
                if is_back {
                    self.returned.push(number);
                }
            }
            PlaceState::Waiting | PlaceState::Ended { .. } => {}
        }
    }

    /// Takes back a move that could not be kept.
    pub(super) fn undo(&mut self, moved: &Moved) {
        self.seen_meanwhile.remove(&moved.sequence.get());
        if self.moving.remove(&moved.sequence.get()) && matches!(moved.state, PlaceState::Active(_)) {
            self.calling -= 1;
        }
    }

    /// Lets a mark take effect that is on the disk, or takes it back.
    pub(super) fn apply_mark(&mut self, mark: &RoomMark, is_kept: bool) {
        self.is_closing = false;
        if !is_kept {
            return;
        }
        self.mark.closed_below = self.mark.closed_below.max(mark.closed_below);
        self.mark.closed_at = mark.closed_at;
        let below = mark.closed_below.get();
        self.waiting.remove_below(below);
        self.returned.remove_below(below);
        self.skipped = self.skipped.split_off(&below);
    }

    /// What the line looks like, and what has happened since this was last asked.
    pub(super) fn figures(&mut self, now: Timestamp) -> LineFigures {
        if now >= self.sampled_at.plus_seconds(SAMPLE_SECONDS) {
            self.sampled_at = now;
            self.present = self.present_share(now);
        }
        let tally = Tally { active: self.active, ..std::mem::take(&mut self.tally) };
        self.outflow.add(tally, now);
        LineFigures {
            waiting: self.waiting.len(),
            skipped: self.skipped.len() as u64,
            active: self.active,
            head: self.waiting.first().map_or(self.mark.next, Sequence::new),
            admitted_per_second: self.admissions.shown_per_second(now),
            admitted: tally.admitted,
            forecast: self.forecast(),
            estimates: std::mem::take(&mut self.estimates),
        }
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

    fn number_of(&self, pass: &Pass) -> Option<u64> {
        let number = pass.sequence.get();
        let slot = self.slots.get(number)?;
        (slot.entry == pass.entry && slot.user == pass.user).then_some(number)
    }

    fn seen(&mut self, number: u64, now: Timestamp) -> Option<Standing> {
        let slot = *self.slots.get(number)?;
        if slot.state == PlaceState::Skipped && number >= self.mark.closed_below.get() {
            self.returned.push(number);
        }
        if slot.state == PlaceState::Waiting && self.moving.contains(&number) {
            self.seen_meanwhile.insert(number);
        }
        let standing = self.standing(number, &slot, now);
        let slot = self.slots.get_mut(number)?;
        slot.seen_at = now;
        slot.told_seconds = standing.poll_after_seconds;
        Some(standing)
    }

    fn standing(&self, number: u64, slot: &Slot, now: Timestamp) -> Standing {
        let state = self.state_of(number, slot, now);
        let (ahead, poll_after_seconds) = match state {
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

    /// Sessions whose time is over.
    fn due(&mut self, now: Timestamp) -> Vec<Moved> {
        let over = self.deadlines.iter().take_while(|(ends_at, _)| *ends_at <= now);
        let over: Vec<u64> =
            over.map(|(_, number)| *number).filter(|number| !self.moving.contains(number)).collect();
        let mut moved = Vec::with_capacity(over.len());
        for number in over {
            let Some(slot) = self.slots.get(number) else { continue };
            moved.push(self.moved(number, slot.state.at(now)));
            self.moving.insert(number);
        }
        moved
    }

    /// Calls whoever is next, as many as cap and rate admit, and skips who is gone.
    fn call(&mut self, moved: &mut Vec<Moved>, now: Timestamp) {
        // One batch of calls at a time: were it refused, the next in line must not have been let in meanwhile.
        if self.calling > 0 {
            return;
        }
        let settings = self.policy.settings;
        let free = settings.max_active.saturating_sub(self.active);
        let allowed = self.admissions.allowed(self.rate(), now).min(free) as usize;
        if allowed == 0 {
            return;
        }
        let terms = self.terms();
        let mut called = Vec::new();
        let mut skipped = Vec::new();
        let mut gone_again = Vec::new();
        for number in self.returned.above(0) {
            if called.len() == allowed {
                break;
            }
            let Some(slot) = self.slots.get(number).filter(|_| !self.moving.contains(&number)) else {
                continue;
            };
            if self.is_present(slot, now) {
                called.push((number, Session::begin(terms, now, slot.seen_at, slot.told_seconds)));
            } else {
                gone_again.push(number);
            }
        }
        for number in self.waiting.above(0) {
            let is_durable = number < self.durable_below;
            if called.len() == allowed || skipped.len() == SKIPS_MAX || !is_durable {
                break;
            }
            let Some(slot) = self.slots.get(number).filter(|_| !self.moving.contains(&number)) else {
                continue;
            };
            if self.is_present(slot, now) {
                called.push((number, Session::begin(terms, now, slot.seen_at, slot.told_seconds)));
            } else {
                skipped.push(number);
            }
        }
        for number in gone_again {
            self.returned.remove(number);
        }
        let count = u32::try_from(called.len()).unwrap_or(u32::MAX);
        self.admissions.note(now, count);
        self.calling += count;
        for (number, session) in called {
            self.moving.insert(number);
            moved.push(self.moved(number, PlaceState::Active(session)));
        }
        for number in skipped {
            self.moving.insert(number);
            moved.push(self.moved(number, PlaceState::Skipped));
        }
    }

    /// Ends the line for everybody who is in it.
    fn close(&mut self, now: Timestamp) -> Option<RoomMark> {
        if self.is_closing || (self.waiting.len() == 0 && self.skipped.is_empty()) {
            return None;
        }
        self.is_closing = true;
        Some(RoomMark { closed_below: self.mark.next, closed_at: now, ..self.mark })
    }

    /// With the first policy after a restart it is known how long a fan who could not come has to come.
    fn resume(&mut self) {
        self.is_resumed = true;
        let terms = self.terms();
        for (ends_at, number) in std::mem::take(&mut self.deadlines) {
            let mut ends_at = ends_at;
            if let Some(slot) = self.slots.get_mut(number)
                && let PlaceState::Active(session) = slot.state
            {
                let session = session.resumed(terms, self.ready_at);
                slot.state = PlaceState::Active(session);
                ends_at = session.expires_at();
            }
            self.deadlines.insert((ends_at, number));
        }
    }

    fn judge(&mut self, told: (u32, u32), joined_at: Timestamp, admitted_at: Timestamp) {
        let (low, high) = told;
        let waited = joined_at.seconds_until(admitted_at);
        let range = WaitRange { low, high };
        if told == UNKNOWN_WAIT {
            self.estimates.unknown += 1;
        } else if range.holds(waited) {
            self.estimates.inside += 1;
        } else if waited < u64::from(low) {
            self.estimates.shorter += 1;
        } else {
            self.estimates.longer += 1;
        }
    }

    fn is_present(&self, slot: &Slot, now: Timestamp) -> bool {
        let setting = self.policy.settings.presence_seconds;
        PlaceState::is_present(setting, slot.seen_at, slot.told_seconds, self.ready_at, now)
    }

    fn present_share(&self, now: Timestamp) -> f64 {
        let Some(first) = self.waiting.first() else { return 1.0 };
        let step = ((self.mark.next.get() - first) / SAMPLES).max(1);
        let (mut present, mut looked_at) = (0_u32, 0_u32);
        let mut number = first;
        while number < self.mark.next.get() {
            if let Some(slot) = self.slots.get(number).filter(|slot| slot.state == PlaceState::Waiting) {
                looked_at += 1;
                present += u32::from(self.is_present(slot, now));
            }
            number += step;
        }
        if looked_at == 0 { 1.0 } else { f64::from(present) / f64::from(looked_at) }
    }

    fn forecast(&self) -> Forecast {
        let settings = self.policy.settings;
        Forecast {
            rate: self.rate().per_second(),
            cap: settings.max_active,
            active: self.active,
            hazard: self.outflow.hazard(),
            present: self.present,
            is_flowing: self.policy.state == RoomState::Open && self.outflow.admitted() > 0.0,
        }
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

fn is_over(state: &PlaceState) -> bool {
    matches!(state, PlaceState::Ended { .. })
}

/// What only the entry named may end.
pub(super) fn is_meant(standing: &Standing, only: Option<EntryId>) -> bool {
    only.is_none_or(|entry| entry == standing.place.entry)
}
