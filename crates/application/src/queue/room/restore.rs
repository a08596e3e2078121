//! Rebuilding a line from what was journaled.

use frontrow_domain::queue::{Place, PlaceState};
use frontrow_domain::{Sequence, Timestamp};

use super::{Room, UNKNOWN_WAIT};
use crate::queue::slots::Slot;

impl Room {
    /// Puts back a place that was journaled. In order of number.
    pub(in crate::queue) fn restore(&mut self, place: &Place) {
        if place.sequence.is_lobby() {
            self.restore_in_lobby(place);
            return;
        }
        self.restore_untold(place);
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

    fn restore_in_lobby(&mut self, place: &Place) {
        let Place { user, entry, joined_at, state, .. } = *place;
        let told_seconds = self.pace().waiting(self.lobby.waiting());
        let seen_at = Timestamp::ZERO;
        let slot = Slot { user, entry, joined_at, state, seen_at, told_seconds, told_wait: UNKNOWN_WAIT };
        let is_in_line = self.is_in_line(user, entry);
        self.lobby.restore(place, slot, is_in_line);
    }

    /// Ends a place whose fan was given a newer one: it was over by then, though the end of it was not noted, or is
    /// that of its line.
    pub(in crate::queue) fn supersede(&mut self, number: u64, newer_at: Timestamp) {
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

    /// Notes admissions of before a restart, when all places are there, so that the rate holds across it and they are told
    /// of.
    pub(in crate::queue) fn restore_admissions(&mut self, mut times: Vec<Timestamp>) {
        times.sort_unstable();
        for at in times {
            self.admissions.note(at, 1);
        }
        self.sort_untold();
    }

    /// The line is in force again: from now on absence counts.
    pub(in crate::queue) fn ready(&mut self, now: Timestamp) {
        self.ready_at = now;
    }

    /// With the first policy after a restart it is known how long a fan who could not come has to come.
    pub(in crate::queue) fn resume(&mut self) {
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
}
