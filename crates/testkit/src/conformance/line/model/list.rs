//! The line as a list.

use frontrow_application::waiting_room::{LineFigures, LinePolicy, Standing};
use frontrow_domain::queue::{EndReason, Place, PlaceState, RateLimit, RoomState, Session, SessionTerms};
use frontrow_domain::{Sequence, Timestamp};

/// A rate above this one never binds the few fans of a run.
const NEVER_BINDS: u32 = 1_000_000;

/// A place, and what is known of its fan.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spot {
    pub(super) place: Place,
    fan: u64,
    seen_at: Timestamp,
    told_seconds: u32,
    /// Skipped, and seen since.
    has_returned: bool,
}

impl Spot {
    pub(super) fn state_at(&self, now: Timestamp) -> PlaceState {
        self.place.state.at(now)
    }
}

/// All places that ever were, in order of number.
#[derive(Debug)]
pub(super) struct List {
    spots: Vec<Spot>,
    ready_at: Timestamp,
    presence_seconds: u32,
    claim_seconds: u32,
    /// What became of the claim times at a restart is only known with the first tick after it.
    resuming: Option<Resuming>,
    /// When the line was last closed for somebody.
    closed_at: Option<Timestamp>,
    /// When it was last ticked with a rate that binds.
    bound_at: Option<Timestamp>,
}

/// How far the line has come since a restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Resuming {
    /// It has not been told what the claim time is.
    Untold,
    /// It was told with the last step.
    Told,
}

impl List {
    pub(super) fn opened(ready_at: Timestamp) -> Self {
        Self {
            spots: Vec::new(),
            ready_at,
            presence_seconds: 0,
            claim_seconds: 0,
            resuming: None,
            closed_at: None,
            bound_at: None,
        }
    }

    pub(super) fn newest(&self, fan: u64) -> Option<&Spot> {
        self.spots.iter().rev().find(|spot| spot.fan == fan)
    }

    /// The place that the fan had before their newest one.
    pub(super) fn older(&self, fan: u64) -> Option<&Spot> {
        self.spots.iter().rev().filter(|spot| spot.fan == fan).nth(1)
    }

    /// The fan's place, if it is not over.
    pub(super) fn live(&self, fan: u64, now: Timestamp) -> Option<Place> {
        let spot = self.newest(fan)?;
        let state = spot.state_at(now);
        (!matches!(state, PlaceState::Ended { .. })).then_some(Place { state, ..spot.place })
    }

    pub(super) fn is_above_all(&self, sequence: Sequence) -> bool {
        self.spots.iter().all(|spot| spot.place.sequence < sequence)
    }

    pub(super) fn add(&mut self, fan: u64, place: Place, told_seconds: u32) {
        self.spots.push(Spot { place, fan, seen_at: place.joined_at, told_seconds, has_returned: false });
    }

    fn newest_mut(&mut self, fan: u64) -> Option<&mut Spot> {
        self.spots.iter_mut().rev().find(|spot| spot.fan == fan)
    }

    /// The fan gave a sign of life, and was told when to give the next.
    pub(super) fn seen(&mut self, fan: u64, told_seconds: u32, now: Timestamp) {
        if let Some(spot) = self.newest_mut(fan) {
            (spot.seen_at, spot.told_seconds) = (now, told_seconds);
            spot.has_returned |= spot.place.state == PlaceState::Skipped;
        }
    }

    pub(super) fn has_come(&mut self, fan: u64) {
        if let Some(spot) = self.newest_mut(fan)
            && let PlaceState::Active(session) = spot.place.state
        {
            spot.place.state = PlaceState::Active(session.claimed());
        }
    }

    pub(super) fn end(&mut self, fan: u64, reason: EndReason, now: Timestamp) {
        if let Some(spot) = self.newest_mut(fan) {
            spot.place.state = spot.place.state.ended(reason, now);
        }
    }

    /// The process is back: nobody has been seen by it, and absence counts from now.
    pub(super) fn restarted(&mut self, now: Timestamp) {
        (self.ready_at, self.resuming) = (now, Some(Resuming::Untold));
        for spot in &mut self.spots {
            (spot.seen_at, spot.told_seconds, spot.has_returned) = (Timestamp::ZERO, 0, false);
        }
    }

    /// Does what a tick does, as far as the rules say it, and checks the rest.
    pub(super) fn tick(
        &mut self,
        policy: LinePolicy,
        figures: &LineFigures,
        now: Timestamp,
    ) -> Result<(), String> {
        self.presence_seconds = policy.settings.presence_seconds;
        self.claim_seconds = policy.settings.claim_seconds;
        self.resuming = self.resuming.map(|_| Resuming::Told);
        let noted = self.active(None);
        for spot in &mut self.spots {
            spot.place.state = spot.state_at(now);
        }
        if policy.settings.admit_per_second_milli < NEVER_BINDS {
            self.bound_at = Some(now);
        }
        match policy.state {
            RoomState::Open => self.call(policy, figures, noted, now)?,
            RoomState::Closed => {
                if self.spots.iter().any(|spot| spot.place.state.is_in_line()) {
                    self.closed_at = Some(now);
                }
                for spot in self.spots.iter_mut().filter(|spot| spot.place.state.is_in_line()) {
                    spot.place.state = spot.place.state.ended(EndReason::Closed, now);
                }
            }
            _ if figures.admitted > 0 => return Err(format!("{} let in while held", figures.admitted)),
            _ => {}
        }
        self.check_figures(figures)
    }

    /// How many are let in; also those whose end nobody has noted, when no time is given.
    fn active(&self, now: Option<Timestamp>) -> u32 {
        let state = |spot: &&Spot| match now {
            Some(now) => spot.state_at(now),
            None => spot.place.state,
        };
        let active = self.spots.iter().filter(|spot| matches!(state(spot), PlaceState::Active(_))).count();
        u32::try_from(active).expect("few fans")
    }

    fn is_present(&self, spot: &Spot, now: Timestamp) -> bool {
        let Spot { seen_at, told_seconds, .. } = *spot;
        PlaceState::is_present(self.presence_seconds, seen_at, told_seconds, self.ready_at, now)
    }

    /// Lets in as many as the line did, after a look whether it had to be that many, and those whose turn it was.
    fn call(
        &mut self,
        policy: LinePolicy,
        figures: &LineFigures,
        noted: u32,
        now: Timestamp,
    ) -> Result<(), String> {
        let cap = policy.settings.max_active;
        let free = cap.saturating_sub(self.active(Some(now)));
        let (most, least) = self.allowed(policy, free, cap.saturating_sub(noted), now);
        let admitted = figures.admitted;
        let present = |spot: &Spot| self.is_present(spot, now);
        let returned =
            |spot: &Spot| spot.place.state == PlaceState::Skipped && spot.has_returned && present(spot);
        let waiting = |spot: &Spot| spot.place.state == PlaceState::Waiting;
        let indices = |is_one: &dyn Fn(&Spot) -> bool| -> Vec<usize> {
            (0..self.spots.len()).filter(|&index| is_one(&self.spots[index])).collect()
        };
        let mut called = indices(&returned);
        called.extend(indices(&|spot| waiting(spot) && present(spot)));
        let there = u32::try_from(called.len()).expect("few fans");
        if admitted > most || admitted < least.min(there) {
            return Err(format!("{admitted} let in of {there}, between {least} and {most} may be"));
        }
        called.truncate(admitted as usize);
        let farthest = called.last().copied().filter(|&index| waiting(&self.spots[index]));
        let gone = indices(&|spot| waiting(spot) && !present(spot));
        // Those ahead of the last one let in had their turn. Those behind had it if the line could have gone on.
        let (before, behind): (Vec<usize>, Vec<usize>) =
            gone.into_iter().partition(|&index| farthest.is_some_and(|farthest| index < farthest));
        let went_on = admitted == there && most > 0;
        let skips_all =
            went_on && figures.skipped == self.skipped_after(&called, before.len() + behind.len());
        let skipped = if skips_all { [before, behind].concat() } else { before };
        let terms = SessionTerms {
            session_seconds: policy.settings.session_seconds,
            claim_seconds: policy.settings.claim_seconds,
        };
        for index in skipped {
            self.spots[index].place.state = PlaceState::Skipped;
        }
        for index in called {
            let spot = &mut self.spots[index];
            spot.place.state =
                PlaceState::Active(Session::begin(terms, now, spot.seen_at, spot.told_seconds));
        }
        Ok(())
    }

    /// How many are skipped once these are let in and so many more are skipped.
    fn skipped_after(&self, called: &[usize], more: usize) -> u64 {
        let is_skipped = |index: &usize| self.spots[*index].place.state == PlaceState::Skipped;
        let before = (0..self.spots.len()).filter(is_skipped).count();
        (before + more - called.iter().filter(|index| is_skipped(index)).count()) as u64
    }

    /// The most and the least that may be let in if enough are there. With a rate that binds only somebody is owed,
    /// and that only when nobody was let in within its window.
    fn allowed(&self, policy: LinePolicy, free: u32, free_before: u32, now: Timestamp) -> (u32, u32) {
        let milli = policy.settings.admit_per_second_milli;
        if milli >= NEVER_BINDS {
            // A changed rate is in force within a second (R-Q4).
            let is_in_force = self.bound_at.is_none_or(|at| now >= at.plus_seconds(1));
            return (free, if is_in_force { free_before } else { 0 });
        }
        let limit = RateLimit::of_milli(milli);
        let from = now.micros() - limit.window_micros();
        let admitted = self.spots.iter().filter_map(|spot| spot.place.state.admitted_at());
        let lately = u32::try_from(admitted.filter(|at| at.micros() > from).count()).expect("few fans");
        let most = free.min(limit.per_window().saturating_sub(lately));
        (most, if lately == 0 { free_before.min(1) } else { 0 })
    }

    fn count(&self, state: PlaceState) -> u64 {
        self.spots.iter().filter(|spot| spot.place.state == state).count() as u64
    }

    fn check_figures(&self, figures: &LineFigures) -> Result<(), String> {
        let expected = (self.count(PlaceState::Waiting), self.count(PlaceState::Skipped), self.active(None));
        let got = (figures.waiting, figures.skipped, figures.active);
        if got != expected {
            return Err(format!("waiting, skipped and active are {got:?}, not {expected:?}"));
        }
        let mut waiting = self.spots.iter().filter(|spot| spot.place.state == PlaceState::Waiting);
        let is_head = match waiting.next() {
            Some(first) => figures.head == first.place.sequence,
            None => self.is_above_all(figures.head),
        };
        let judged = figures.estimates;
        let judged = judged.inside + judged.shorter + judged.longer + judged.unknown;
        if !is_head || judged != figures.admitted {
            return Err(format!("the head or the estimates are wrong: {figures:?}"));
        }
        Ok(())
    }

    /// Everything was compared after a step.
    pub(super) fn compared(&mut self) {
        self.resuming = self.resuming.filter(|resuming| *resuming == Resuming::Untold);
    }

    /// Compares what can be seen of a fan with the list.
    pub(super) fn check(&mut self, fan: u64, found: Option<Standing>, now: Timestamp) -> Result<(), String> {
        let Some(index) = self.spots.iter().rposition(|spot| spot.fan == fan) else {
            return if found.is_none() { Ok(()) } else { Err(format!("fan {fan} never came: {found:?}")) };
        };
        let Some(found) = found else { return Err(format!("the place of fan {fan} is gone")) };
        if self.resuming.is_some() {
            self.take_over_claim(index, &found.place);
        }
        self.take_over_closing(index, &found.place);
        let spot = self.spots[index];
        let expected = Place { state: spot.state_at(now), ..spot.place };
        if found.place != expected {
            return Err(format!("fan {fan} is {:?}, not {expected:?}", found.place));
        }
        let before: Vec<&Spot> = self.spots[..index].iter().collect();
        let count = |is_one: &dyn Fn(&Spot) -> bool| before.iter().filter(|spot| is_one(spot)).count() as u64;
        let is_right = match expected.state {
            PlaceState::Waiting => {
                found.ahead == Some(count(&|spot| spot.place.state == PlaceState::Waiting))
            }
            PlaceState::Skipped => {
                // Ahead are those who came back before them in the old order. One who is gone again may still count.
                let skipped = |spot: &Spot| spot.place.state == PlaceState::Skipped;
                let least = count(&|spot| skipped(spot) && spot.has_returned && self.is_present(spot, now));
                found.ahead.is_some_and(|ahead| (least..=count(&skipped)).contains(&ahead))
            }
            PlaceState::Active(_) => found.ahead == Some(0),
            PlaceState::Ended { .. } => found.ahead.is_none(),
        };
        if is_right && found.now == now {
            Ok(())
        } else {
            Err(format!("fan {fan} is told {found:?} at {now:?}"))
        }
    }

    /// A line may keep one time of closing, the last: a place that was closed earlier then tells that one.
    fn take_over_closing(&mut self, index: usize, found: &Place) {
        if let PlaceState::Ended { reason: EndReason::Closed, at: told, .. } = found.state
            && let PlaceState::Ended { reason: EndReason::Closed, at, .. } =
                &mut self.spots[index].place.state
            && told > *at
            && self.closed_at == Some(told)
        {
            *at = told;
        }
    }

    /// After a restart a fan who has not come has the claim time anew, which the line may know at its first tick only.
    fn take_over_claim(&mut self, index: usize, found: &Place) {
        let anew = self.ready_at.plus_seconds(self.claim_seconds);
        if let PlaceState::Active(Session { claim_by: Some(told), .. }) = found.state
            && let PlaceState::Active(session) = &mut self.spots[index].place.state
            && session.claim_by.is_some_and(|known| told >= known)
            && told >= anew
        {
            session.claim_by = Some(told);
        }
    }
}
