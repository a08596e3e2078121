//! A journal of the embedded line in plain maps: the smallest thing that keeps what it has taken. It runs the
//! journal suite, as every journal does; that is the licence to test with it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use frontrow_application::queue::journal::{
    JournalError, LineBatch, LineJournal, LobbyMark, LobbyStage, Moved, RoomMark, Stored, Told,
};
use frontrow_domain::queue::{Place, PlaceState};
use frontrow_domain::{ConcertId, Sequence, Timestamp};
use parking_lot::Mutex;

/// One journal of a test's own, empty at first.
pub trait JournalSource: Send + Sync + 'static {
    /// Opens the journal. Every call opens the *same* one, with all that it holds; callers drop what an earlier
    /// call answered before they call again.
    fn open(&self) -> Arc<dyn LineJournal>;

    /// How many places a crowd is. Fewer where a place costs so much that a case would take minutes.
    fn crowd(&self) -> u64 {
        100_000
    }
}

/// What survives, and the journal at once.
#[derive(Debug, Default)]
pub struct MemoryJournal(Mutex<Kept>);

#[derive(Debug, Clone, Default)]
struct Kept {
    sessions_through: Option<u64>,
    rooms: BTreeMap<ConcertId, RoomMark>,
    /// The first number of each line that was never given out. It outlives the places.
    next: BTreeMap<ConcertId, Sequence>,
    places: BTreeMap<(ConcertId, Sequence), Place>,
    told: BTreeMap<ConcertId, Timestamp>,
    lobbies: BTreeMap<ConcertId, LobbyMark>,
    /// The first number of each lobby that was never given out. It outlives the places.
    next_in_lobby: BTreeMap<ConcertId, Sequence>,
}

impl MemoryJournal {
    /// An empty journal.
    pub fn new() -> Arc<Self> {
        Arc::default()
    }
}

impl JournalSource for Arc<MemoryJournal> {
    fn open(&self) -> Arc<dyn LineJournal> {
        Self::clone(self)
    }
}

impl LineJournal for MemoryJournal {
    fn load(&self, ended_after: Timestamp, take: &mut dyn FnMut(Stored)) -> Result<(), JournalError> {
        let kept = self.0.lock();
        if let Some(position) = kept.sessions_through {
            take(Stored::SessionsThrough(position));
        }
        for (&concert, &next) in &kept.next {
            let first = Sequence::new(1);
            let never_closed = RoomMark { concert, next, closed_below: first, closed_at: Timestamp::ZERO };
            let mark = kept.rooms.get(&concert).copied().unwrap_or(never_closed);
            take(Stored::Room(RoomMark { next: next.max(mark.next), ..mark }));
        }
        for (&concert, &through) in &kept.told {
            take(Stored::Told(Told { concert, through }));
        }
        for (&concert, &next) in &kept.next_in_lobby {
            let never_drawn = LobbyMark { concert, next, stage: LobbyStage::Gathering };
            let mark = kept.lobbies.get(&concert).copied().unwrap_or(never_drawn);
            take(Stored::Lobby(LobbyMark { next: next.max(mark.next), ..mark }));
        }
        for place in kept.places.values().filter(|place| !kept.is_done_with(place, ended_after)) {
            take(Stored::Place(*place));
        }
        Ok(())
    }

    fn append(&self, batch: &LineBatch) -> Result<(), JournalError> {
        let mut kept = self.0.lock();
        kept.check(batch).map_err(JournalError::Refused)?;
        for place in &batch.joined {
            kept.places.insert((place.concert, place.sequence), *place);
            kept.used(place.concert, Sequence::new(place.sequence.get() + 1));
        }
        for Moved { concert, sequence, state } in &batch.moved {
            if let Some(place) = kept.places.get_mut(&(*concert, *sequence)) {
                place.state = *state;
            }
        }
        for mark in &batch.rooms {
            kept.rooms.insert(mark.concert, *mark);
            kept.used(mark.concert, mark.next);
        }
        kept.sessions_through = batch.sessions_through.or(kept.sessions_through);
        for Told { concert, through } in &batch.told {
            let known = kept.told.entry(*concert).or_insert(*through);
            *known = (*known).max(*through);
        }
        for mark in &batch.lobbies {
            kept.lobbies.insert(mark.concert, *mark);
            kept.used(mark.concert, mark.next);
            if mark.stage == LobbyStage::Done {
                kept.places.retain(|(concert, number), _| *concert != mark.concert || !number.is_lobby());
            }
        }
        Ok(())
    }

    fn forget(&self, ended_before: Timestamp, limit: usize) -> Result<usize, JournalError> {
        let mut kept = self.0.lock();
        let over = |place: &&Place| kept.is_done_with(place, ended_before);
        let gone: Vec<_> = kept.places.values().filter(over).take(limit).copied().collect();
        for place in &gone {
            kept.places.remove(&(place.concert, place.sequence));
        }
        Ok(gone.len())
    }
}

impl Kept {
    /// What a database refuses by its constraints and conditions. A batch with one of these is a defect of the line.
    fn check(&self, batch: &LineBatch) -> Result<(), String> {
        let named = |concert: ConcertId, number: Sequence| format!("place {number} of concert {concert}");
        let mut fresh = BTreeSet::new();
        for place in &batch.joined {
            let key = (place.concert, place.sequence);
            if place.state != PlaceState::Waiting {
                return Err(format!("{} is new and not waiting", named(key.0, key.1)));
            }
            if self.places.contains_key(&key) || !fresh.insert(key) {
                return Err(format!("{} is taken", named(key.0, key.1)));
            }
        }
        let mut over = BTreeSet::new();
        for moved in &batch.moved {
            let key = (moved.concert, moved.sequence);
            let is_there = fresh.contains(&key)
                || self
                    .places
                    .get(&key)
                    .is_some_and(|place| !matches!(place.state, PlaceState::Ended { .. }));
            if !is_there || over.contains(&key) {
                return Err(format!("{} is to move and is not there, or is over", named(key.0, key.1)));
            }
            if matches!(moved.state, PlaceState::Ended { .. }) {
                over.insert(key);
            }
        }
        for mark in &batch.rooms {
            let is_back = |known: &RoomMark| mark.next < known.next || mark.closed_below < known.closed_below;
            if self.rooms.get(&mark.concert).is_some_and(is_back) {
                return Err(format!("concert {} would bring the marks of its line back", mark.concert));
            }
        }
        for mark in &batch.lobbies {
            let is_back =
                |known: &LobbyMark| mark.next < known.next || order_of(mark.stage) <= order_of(known.stage);
            if self.lobbies.get(&mark.concert).is_some_and(is_back) {
                return Err(format!("concert {} would bring the draw of its lobby back", mark.concert));
            }
        }
        Ok(())
    }

    /// Notes that the numbers below this one are used, of the line or of its lobby.
    fn used(&mut self, concert: ConcertId, next: Sequence) {
        let all = if next.is_lobby() { &mut self.next_in_lobby } else { &mut self.next };
        let known = all.entry(concert).or_insert(next);
        *known = next.max(*known);
    }

    /// Whether a place was over before that time, and nobody has to know of it any more: whoever is let in has to be told
    /// of, and who is in a draw stays known until it is done.
    fn is_done_with(&self, place: &Place, before: Timestamp) -> bool {
        let stage = self.lobbies.get(&place.concert).map(|mark| mark.stage);
        let is_drawn = place.sequence.is_lobby() && matches!(stage, Some(LobbyStage::Drawing { .. }));
        self.ended_at(place).is_some_and(|at| at < before) && !self.is_untold(place) && !is_drawn
    }

    /// Whether its fan was let in and nobody was told.
    fn is_untold(&self, place: &Place) -> bool {
        let told = self.told.get(&place.concert).copied();
        place.state.admitted_at().is_some_and(|at| told.is_none_or(|told| at > told))
    }

    /// When a place was over, if it is.
    fn ended_at(&self, place: &Place) -> Option<Timestamp> {
        match place.state {
            PlaceState::Ended { at, .. } => Some(at),
            PlaceState::Active(_) => None,
            PlaceState::Waiting if place.sequence.is_lobby() => None,
            PlaceState::Waiting | PlaceState::Skipped => {
                let mark = self.rooms.get(&place.concert)?;
                (place.sequence < mark.closed_below).then_some(mark.closed_at)
            }
        }
    }
}

const fn order_of(stage: LobbyStage) -> u8 {
    match stage {
        LobbyStage::Gathering => 0,
        LobbyStage::Drawing { .. } => 1,
        LobbyStage::Done => 2,
    }
}
