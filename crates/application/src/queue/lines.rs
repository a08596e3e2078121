//! The lines that this instance moves on: which, how they looked at the last tick, and who is to be told.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::ArcSwapOption;
use frontrow_domain::{ConcertId, Timestamp};
use parking_lot::{Mutex, RwLock};
use tokio::sync::Notify;

use super::view::RoomView;

/// Milliseconds between two pulses: how soon an open stream tells of a change.
const PULSE_MS: u32 = 500;
/// Milliseconds between two ticks of a line in which nobody is.
const IDLE_MS: u32 = 200;
/// Seconds after which the list of rooms is read again, for edits by other instances.
const ROOMS_SECONDS: u32 = 1;

/// All lines of this instance.
#[derive(Default)]
pub(crate) struct Lines {
    by_concert: RwLock<HashMap<ConcertId, Arc<Line>>>,
    rooms: Mutex<Rooms>,
    /// True once a commit may have changed which concerts have a room.
    has_news: AtomicBool,
}

#[derive(Default)]
struct Rooms {
    concerts: Vec<ConcertId>,
    read_at: Option<Timestamp>,
}

/// One line, as the edge sees it.
pub(super) struct Line {
    view: ArcSwapOption<RoomView>,
    pulse: Arc<Notify>,
    pulsed_at: Mutex<Timestamp>,
    ticked_at: Mutex<Timestamp>,
}

impl Default for Line {
    fn default() -> Self {
        Self {
            view: ArcSwapOption::empty(),
            pulse: Arc::default(),
            pulsed_at: Mutex::new(Timestamp::ZERO),
            ticked_at: Mutex::new(Timestamp::ZERO),
        }
    }
}

impl Line {
    /// Whether a tick is due. A line in which nobody is moves on less often.
    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        let mut ticked_at = self.ticked_at.lock();
        let is_idle =
            self.view.load().as_ref().and_then(|view| view.figures.as_ref()).is_some_and(|figures| {
                figures.waiting == 0 && figures.lobby == 0 && figures.skipped == 0 && figures.active == 0
            });
        if is_idle && now < ticked_at.plus_millis(IDLE_MS) {
            return false;
        }
        *ticked_at = now;
        true
    }

    /// Somebody has come: the next tick is due, however idle the line was.
    pub(super) fn wake(&self) {
        *self.ticked_at.lock() = Timestamp::ZERO;
    }

    /// Puts up the newest view, and wakes the streams when it is time.
    pub(super) fn publish(&self, view: RoomView) {
        let now = view.at;
        let has_new_state = self.view.load().as_ref().is_none_or(|before| before.state != view.state);
        self.view.store(Some(Arc::new(view)));
        let mut pulsed_at = self.pulsed_at.lock();
        if has_new_state || now >= pulsed_at.plus_millis(PULSE_MS) {
            *pulsed_at = now;
            self.pulse.notify_waiters();
        }
    }
}

impl Lines {
    /// The view of the last tick.
    pub(crate) fn view(&self, concert: ConcertId) -> Option<Arc<RoomView>> {
        self.by_concert.read().get(&concert).and_then(|line| line.view.load_full())
    }

    /// The views of the last tick, of all rooms that are switched on.
    pub(crate) fn views(&self) -> Vec<Arc<RoomView>> {
        self.by_concert.read().values().filter_map(|line| line.view.load_full()).collect()
    }

    /// Rings whenever there is something new to be told of a line.
    pub(crate) fn pulse(&self, concert: ConcertId) -> Arc<Notify> {
        Arc::clone(&self.line(concert).pulse)
    }

    pub(super) fn line(&self, concert: ConcertId) -> Arc<Line> {
        let known = self.by_concert.read().get(&concert).cloned();
        known.unwrap_or_else(|| Arc::clone(self.by_concert.write().entry(concert).or_default()))
    }

    /// The list of rooms has to be read again.
    pub(crate) fn notice(&self) {
        self.has_news.store(true, Ordering::Release);
        // What was edited shows with the next tick, also of a line in which nobody is.
        self.by_concert.read().values().for_each(|line| line.wake());
    }

    /// The concerts that have a room; nothing when the list has to be read first.
    pub(super) fn rooms(&self, now: Timestamp) -> Option<Vec<ConcertId>> {
        if self.has_news.swap(false, Ordering::AcqRel) {
            return None;
        }
        let rooms = self.rooms.lock();
        let is_fresh = rooms.read_at.is_some_and(|read_at| now < read_at.plus_seconds(ROOMS_SECONDS));
        is_fresh.then(|| rooms.concerts.clone())
    }

    /// Notes the list. A line whose room was switched off is looked at afresh from now on.
    pub(super) fn note_rooms(&self, concerts: Vec<ConcertId>, now: Timestamp) {
        let lines = self.by_concert.read();
        for (concert, line) in &*lines {
            if line.view.load().is_some() && !concerts.contains(concert) {
                line.view.store(None);
                line.pulse.notify_waiters();
            }
        }
        *self.rooms.lock() = Rooms { concerts, read_at: Some(now) };
    }
}
