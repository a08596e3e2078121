//! Moving a line on: what a tick plans, and what takes effect once it is on the disk.

use frontrow_domain::Timestamp;
use frontrow_domain::queue::{PlaceState, RoomState, Session};

use super::{Plan, Room};
use crate::queue::journal::{Moved, RoomMark};
use crate::queue::slots::Slot;
use crate::waiting_room::LinePolicy;

/// The most absent fans that one tick skips: a bound on how long the line is held.
const SKIPS_MAX: usize = 2_000;

impl Room {
    /// Decides what a tick does. What it answers takes effect by [`apply`](Self::apply).
    pub(in crate::queue) fn plan(&mut self, policy: LinePolicy, now: Timestamp) -> Plan {
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
            RoomState::Closed => {
                plan.mark = self.close(now);
                self.end_lobby(&mut plan.moved, now);
            }
            _ => {}
        }
        plan
    }

    /// Lets a move take effect that is on the disk.
    pub(in crate::queue) fn apply(&mut self, moved: &Moved) {
        let number = moved.sequence.get();
        // A fan's coming took effect when they came.
        if !self.moving.remove(&number) {
            return;
        }
        let is_back = self.seen_meanwhile.remove(&number);
        let Some(slot) = self.slot_mut(number) else { return };
        let (joined_at, told_wait) = (slot.joined_at, slot.told_wait);
        let before = std::mem::replace(&mut slot.state, moved.state);
        match before {
            PlaceState::Waiting if moved.sequence.is_lobby() => self.lobby.ended(),
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
                if let PlaceState::Ended { at, .. } = moved.state {
                    self.tally.ended.note(session.admitted_at.seconds_until(at));
                }
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
                self.note_untold(number, session.admitted_at);
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
    pub(in crate::queue) fn undo(&mut self, moved: &Moved) {
        self.seen_meanwhile.remove(&moved.sequence.get());
        if moved.sequence.is_lobby() {
            self.lobby.end_again();
        }
        if self.moving.remove(&moved.sequence.get()) && matches!(moved.state, PlaceState::Active(_)) {
            self.calling -= 1;
        }
    }

    /// Lets a mark take effect that is on the disk, or takes it back.
    pub(in crate::queue) fn apply_mark(&mut self, mark: &RoomMark, is_kept: bool) {
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

    /// Sessions whose time is over.
    pub(in crate::queue) fn due(&mut self, now: Timestamp) -> Vec<Moved> {
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
    pub(in crate::queue) fn call(&mut self, moved: &mut Vec<Moved>, now: Timestamp) {
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
    pub(in crate::queue) fn close(&mut self, now: Timestamp) -> Option<RoomMark> {
        if self.is_closing || (self.waiting.len() == 0 && self.skipped.is_empty()) {
            return None;
        }
        self.is_closing = true;
        Some(RoomMark { closed_below: self.mark.next, closed_at: now, ..self.mark })
    }

    pub(in crate::queue) fn is_present(&self, slot: &Slot, now: Timestamp) -> bool {
        let setting = self.policy.settings.presence_seconds;
        PlaceState::is_present(setting, slot.seen_at, slot.told_seconds, self.ready_at, now)
    }
}
