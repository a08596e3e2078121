//! The lobby of a line, and what becomes of it when it is drawn (R-Q8).
//!
//! A place in it is one like others, with a number of its own; the fan's place in the line gets the same name. Until the draw
//! is done both are there, so that every step can be repeated after a crash with the same outcome.

use frontrow_domain::queue::{EndReason, JoinRefused, Place, PlaceState};
use frontrow_domain::{EntryId, Sequence, Timestamp, UserId};

use super::{Asked, Room, UNKNOWN_WAIT, is_over};
use crate::queue::journal::{LobbyMark, LobbyStage, Moved, RoomMark};
use crate::queue::slots::{Slot, Slots};
use crate::waiting_room::{DRAW_CHUNK, DrawStage, Drawee, Joined, Newcomer};

/// The most places of a lobby that one tick ends when its line is closed: a bound on how long the line is held.
const ENDS_MAX: usize = 10_000;

/// A lobby in memory.
pub(super) struct Lobby {
    slots: Slots,
    /// The next number to be given out.
    next: u64,
    /// Places that are not over, or whose end is on its way to the disk, and that have no number in the line yet.
    waiting: u64,
    /// Numbers below this one are on the disk.
    durable_below: u64,
    stage: LobbyStage,
    /// What the stage was before the step that is on its way to the disk.
    stage_before: LobbyStage,
    /// Of those who came after the draw was settled, places below this number have followed into the line.
    followed_below: u64,
    /// Places below this number are over, or their end is on its way.
    ended_below: u64,
}

impl Default for Lobby {
    fn default() -> Self {
        let first = Sequence::LOBBY.get() + 1;
        Self {
            slots: Slots::default(),
            next: first,
            waiting: 0,
            durable_below: first,
            stage: LobbyStage::Gathering,
            stage_before: LobbyStage::Gathering,
            followed_below: first,
            ended_below: first,
        }
    }
}

/// What a step of a draw has to be kept of.
#[derive(Default)]
pub(in crate::queue) struct DrawStep {
    /// New places in the line, in order of number.
    pub(in crate::queue) joined: Vec<Place>,
    pub(in crate::queue) room: Option<RoomMark>,
    pub(in crate::queue) lobby: Option<LobbyMark>,
    /// True when something about these places is on its way to the disk, which decides: the step is to be taken again then.
    pub(in crate::queue) has_to_wait: bool,
}

impl Lobby {
    pub(super) fn get(&self, number: u64) -> Option<&Slot> {
        self.slots.get(number)
    }

    pub(super) fn get_mut(&mut self, number: u64) -> Option<&mut Slot> {
        self.slots.get_mut(number)
    }

    pub(super) fn number_of(&self, user: UserId) -> Option<u64> {
        self.slots.number_of(user)
    }

    pub(super) const fn waiting(&self) -> u64 {
        self.waiting
    }

    pub(super) const fn durable_below(&self) -> u64 {
        self.durable_below
    }

    pub(super) fn joined(&mut self, number: u64) {
        self.durable_below = self.durable_below.max(number + 1);
    }

    /// True for a number that this lobby has once given out.
    pub(super) const fn has_given_out(&self, number: u64) -> bool {
        Sequence::new(number).is_lobby() && number < self.next
    }

    /// True when a place in the line is of somebody who is in the lobby under the same name.
    pub(super) fn holds(&self, in_line: &Slot) -> bool {
        let here = self.slots.number_of(in_line.user).and_then(|number| self.slots.get(number));
        here.is_some_and(|slot| slot.entry == in_line.entry)
    }

    /// A place that was about to be in the line is not.
    pub(super) fn is_back(&mut self) {
        self.waiting += 1;
    }

    /// A place is over now that was not, or has its number in the line.
    pub(super) fn ended(&mut self) {
        self.waiting = self.waiting.saturating_sub(1);
    }

    /// Ends could not be kept: they are looked for anew.
    pub(super) fn end_again(&mut self) {
        self.ended_below = Sequence::LOBBY.get() + 1;
    }

    pub(super) fn undo_join(&mut self, number: u64, older: Option<u64>) {
        let user = self.slots.get(number).map(|slot| slot.user);
        if user.is_some() {
            self.waiting = self.waiting.saturating_sub(1);
        }
        self.slots.remove(number);
        if let Some((older, user)) = older.zip(user) {
            self.slots.make_newest(older, user);
        }
    }

    pub(super) fn restore(&mut self, place: &Place, slot: Slot, is_in_line: bool) {
        let number = place.sequence.get();
        self.slots.push(number, slot);
        self.waiting += u64::from(!is_over(&slot.state) && !is_in_line);
        self.next = self.next.max(number + 1);
        self.durable_below = self.next;
    }

    fn mark(&self, room: &Room) -> LobbyMark {
        LobbyMark { concert: room.mark.concert, next: Sequence::new(self.next), stage: self.stage }
    }

    /// The places that are in the draw, in order of number.
    fn drawn(&self) -> impl Iterator<Item = Drawee> {
        self.drawn_after(Sequence::LOBBY)
    }

    fn drawn_after(&self, after: Sequence) -> impl Iterator<Item = Drawee> {
        self.slots.numbers(after.get() + 1, u64::MAX).filter_map(|number| {
            let slot = self.get(number).filter(|slot| self.is_drawn(number, slot))?;
            Some(Drawee { sequence: Sequence::new(number), entry: slot.entry })
        })
    }

    /// True for places that are in the draw: those in the lobby when it was settled, also if they have left since.
    fn is_drawn(&self, number: u64, slot: &Slot) -> bool {
        let LobbyStage::Drawing { below, at: settled_at, .. } = self.stage else { return false };
        let was_there = match slot.state {
            PlaceState::Ended { at, .. } => at >= settled_at,
            _ => true,
        };
        number < below.get() && was_there
    }
}

impl Room {
    /// Gives a fan a place in the lobby, or in the line once that was drawn.
    pub(in crate::queue) fn join_lobby(
        &mut self,
        newcomer: Newcomer,
        may_join: Result<(), JoinRefused>,
        now: Timestamp,
    ) -> Result<Asked, JoinRefused> {
        if self.lobby.stage == LobbyStage::Done {
            return self.join(newcomer, may_join, now);
        }
        if let Some(asked) = self.has_place(newcomer.user, now) {
            return Ok(asked);
        }
        may_join?;
        let number = self.lobby.next;
        self.lobby.next += 1;
        self.lobby.waiting += 1;
        let Newcomer { user, entry } = newcomer;
        let told_seconds = self.pace().waiting(self.lobby.waiting);
        let state = PlaceState::Waiting;
        let slot =
            Slot { user, entry, joined_at: now, state, seen_at: now, told_seconds, told_wait: UNKNOWN_WAIT };
        if let Some(older) = self.lobby.number_of(user) {
            self.replaced.insert(number, older);
        }
        self.lobby.slots.push(number, slot);
        let standing = self.standing(number, &slot, now);
        Ok(Asked { joined: Joined { standing, is_new: true }, is_fresh: true })
    }

    /// Puts back what was journaled of the draw. Before the places.
    pub(in crate::queue) fn restore_lobby(&mut self, mark: &LobbyMark) {
        self.lobby.next = self.lobby.next.max(mark.next.get());
        self.lobby.durable_below = self.lobby.next;
        self.lobby.stage = mark.stage;
        if let LobbyStage::Drawing { below, .. } = mark.stage {
            self.lobby.followed_below = below.get();
        }
    }

    /// Settles who is in the draw, unless that was done.
    pub(in crate::queue) fn settle_draw(&mut self, now: Timestamp) -> (DrawStage, DrawStep) {
        match self.lobby.stage {
            LobbyStage::Done => (DrawStage::Done, DrawStep::default()),
            LobbyStage::Drawing { .. } => (DrawStage::Drawing, DrawStep::default()),
            LobbyStage::Gathering => {
                let first = self.mark.next;
                let below = Sequence::new(self.lobby.next);
                self.lobby.followed_below = below.get();
                self.lobby.stage_before = self.lobby.stage;
                self.lobby.stage = LobbyStage::Drawing { below, at: now, first };
                // Numbers for everybody who may be in it: whoever is leaving at this moment leaves a gap at the end.
                self.mark.next = Sequence::new(first.get() + self.lobby.drawn().count() as u64);
                let lobby = Some(self.lobby.mark(self));
                (DrawStage::Drawing, DrawStep { room: Some(self.mark), lobby, ..DrawStep::default() })
            }
        }
    }

    /// Those in the draw above a number.
    pub(in crate::queue) fn drawees(&self, after: Sequence) -> Vec<Drawee> {
        self.lobby.drawn_after(after).take(DRAW_CHUNK).collect()
    }

    /// Gives drawn places their numbers in the line.
    pub(in crate::queue) fn place_drawn(
        &mut self,
        rank: u64,
        drawn: &[Sequence],
        now: Timestamp,
    ) -> DrawStep {
        let mut step = DrawStep::default();
        let LobbyStage::Drawing { first, .. } = self.lobby.stage else { return step };
        if drawn.iter().any(|sequence| self.moving.contains(&sequence.get())) {
            step.has_to_wait = true;
            return step;
        }
        for (number, sequence) in (first.get() + rank..).zip(drawn) {
            let Some(slot) = self.lobby.get(sequence.get()).copied() else { continue };
            if slot.state == PlaceState::Waiting && self.slots.get(number).is_none() {
                step.joined.push(self.put_in_line(number, slot, now));
            }
        }
        step
    }

    /// Lets those follow who came after the draw was settled, and ends it when there is nobody left.
    pub(in crate::queue) fn finish_draw(&mut self, now: Timestamp) -> (DrawStage, DrawStep) {
        let mut step = DrawStep::default();
        match self.lobby.stage {
            LobbyStage::Done => return (DrawStage::Done, step),
            LobbyStage::Gathering => return (DrawStage::Drawing, step),
            LobbyStage::Drawing { .. } => {}
        }
        let from = self.lobby.followed_below;
        let to = self.lobby.next.min(from + DRAW_CHUNK as u64);
        if (from..to).any(|number| self.moving.contains(&number)) {
            step.has_to_wait = true;
            return (DrawStage::Drawing, step);
        }
        for number in from..to {
            let Some(slot) = self.lobby.get(number).copied() else { continue };
            if slot.state == PlaceState::Waiting && !self.is_in_line(slot.user, slot.entry) {
                let next = self.mark.next.get();
                self.mark.next = Sequence::new(next + 1);
                step.joined.push(self.put_in_line(next, slot, now));
            }
        }
        self.lobby.followed_below = to;
        if to < self.lobby.next {
            return (DrawStage::Drawing, step);
        }
        // From here on newcomers join the line, behind those who have just followed. Were the journal to refuse this very
        // step, whoever joins before it is taken again would be ahead of them.
        self.lobby.stage_before = self.lobby.stage;
        self.lobby.stage = LobbyStage::Done;
        step.lobby = Some(self.lobby.mark(self));
        (DrawStage::Done, step)
    }

    /// Lets a step of the draw take effect that is on the disk, or takes it back. Answers what is not needed any more, for
    /// whoever can let go of it without holding the line.
    pub(in crate::queue) fn apply_lobby(
        &mut self,
        mark: &LobbyMark,
        is_kept: bool,
    ) -> Option<impl Sized + use<>> {
        if !is_kept {
            self.lobby.stage = self.lobby.stage_before;
            if let LobbyStage::Drawing { below, .. } = self.lobby.stage {
                self.lobby.followed_below = below.get();
            }
            return None;
        }
        (mark.stage == LobbyStage::Done).then(|| {
            let done = Lobby { next: self.lobby.next, stage: LobbyStage::Done, ..Lobby::default() };
            std::mem::replace(&mut self.lobby, done)
        })
    }

    /// Ends places of the lobby because the line is closed: some at a time.
    pub(in crate::queue) fn end_lobby(&mut self, moved: &mut Vec<Moved>, now: Timestamp) {
        if self.lobby.waiting == 0 {
            return;
        }
        let mut number = self.lobby.ended_below;
        let limit = moved.len() + ENDS_MAX;
        while number < self.lobby.next && moved.len() < limit {
            let slot = self.lobby.get(number).filter(|slot| slot.state == PlaceState::Waiting);
            if slot.is_some_and(|slot| !self.is_in_line(slot.user, slot.entry)) && self.moving.insert(number)
            {
                moved.push(self.moved(number, PlaceState::Waiting.ended(EndReason::Closed, now)));
            }
            number += 1;
        }
        self.lobby.ended_below = number;
    }

    /// True when a fan's newest place in the line is the one of that name.
    pub(super) fn is_in_line(&self, user: UserId, entry: EntryId) -> bool {
        let newest = self.slots.number_of(user).and_then(|number| self.slots.get(number));
        newest.is_some_and(|slot| slot.entry == entry)
    }

    /// The place in the line of somebody from the lobby. Nobody knew how long they would wait, so nothing was told.
    fn put_in_line(&mut self, number: u64, of_lobby: Slot, now: Timestamp) -> Place {
        if let Some(older) = self.slots.number_of(of_lobby.user) {
            self.replaced.insert(number, older);
        }
        self.lobby.ended();
        self.slots.push(number, of_lobby);
        self.waiting.push(number);
        self.standing(number, &of_lobby, now).place
    }
}
