//! The change feeds of seat boards: what has changed since the last tick, for everybody who follows a schedule.
//!
//! Whatever was committed between two ticks becomes one event of a schedule. It is rendered once, by the follower
//! who comes to it first, and all others send the same bytes: an event for ten thousand costs little more than one
//! for ten. A follower who is not exactly one event behind gets changes of its own, and one who is too far behind
//! for that is told to fetch the map again. Nothing is kept for a slow follower but the version that it has.
//!
//! What holds: a follower's version only grows, and every event connects to the version that the follower had, or
//! says that it does not. A feed without followers is dropped at the next tick, and one whose concert is hidden from
//! fans ends. There is no timer here: whoever owns time calls `App::tick_feeds`.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};

use arc_swap::ArcSwap;
use bytes::Bytes;
use frontrow_domain::ScheduleId;
use parking_lot::Mutex;
use pin_project_lite::pin_project;
use tokio::sync::Notify;
use tokio::sync::futures::OwnedNotified;

use super::board::{Board, MapChanges};
use crate::app::App;
use crate::store::ReadError;

/// The most changed seats in one event. As JSON they take about 110 KiB, which is what the compact map of the
/// largest schedule takes: beyond it the whole map is shorter.
const CHANGES_MAX: usize = 4_096;
/// The most changed seats in an event that is made for one follower alone. There can be as many of those as there
/// are followers, so each has to be as small as what a connection buffers anyway.
const OWN_CHANGES_MAX: usize = 512;

/// What a follower is told.
#[derive(Debug, PartialEq, Eq)]
pub struct FeedEvent {
    /// The version that the follower has then.
    pub version: u64,
    /// What to change to get there. `TooOld`: fetch the whole map.
    pub changes: MapChanges,
}

impl FeedEvent {
    fn since(board: &Board, version: u64, most: usize) -> Self {
        Self { version: board.version(), changes: board.since_at_most(version, most) }
    }
}

/// All feeds that somebody follows.
#[derive(Default)]
pub(crate) struct Feeds(Mutex<HashMap<ScheduleId, Arc<Feed>>>);

/// The feed of one schedule.
struct Feed {
    newest: ArcSwap<Frame>,
    has_ended: AtomicBool,
    /// Rung after any of these has changed.
    bell: Arc<Notify>,
}

/// What one tick has found.
struct Frame {
    /// The version before it.
    from: u64,
    event: FeedEvent,
    body: OnceLock<Bytes>,
    /// The picture that it leads to, for those who come from another version.
    board: Arc<Board>,
}

pin_project! {
    /// Somebody who follows the seats of one schedule.
    pub struct Follower {
        feed: Arc<Feed>,
        version: u64,
        first: Option<FeedEvent>,
        // Made before the feed is looked at, so that a ring in between is not missed.
        #[pin]
        rung: OwnedNotified,
    }
}

impl Feeds {
    /// The feed of the board's schedule; begun at this picture when nobody has followed so far.
    fn of(&self, board: &Arc<Board>) -> Arc<Feed> {
        let mut feeds = self.0.lock();
        let feed = feeds.entry(board.schedule()).or_insert_with(|| Arc::new(Feed::new(Arc::clone(board))));
        Arc::clone(feed)
    }

    /// The feeds that somebody follows; forgets the others.
    fn followed(&self) -> Vec<(ScheduleId, Arc<Feed>)> {
        let mut feeds = self.0.lock();
        // Nobody can begin to follow meanwhile: that takes the same lock.
        feeds.retain(|_, feed| Arc::strong_count(feed) > 1);
        feeds.iter().map(|(&schedule, feed)| (schedule, Arc::clone(feed))).collect()
    }

    /// Ends a feed. Whoever follows the schedule after that gets a new one.
    pub(crate) fn end(&self, schedule: ScheduleId) {
        if let Some(feed) = self.0.lock().remove(&schedule) {
            feed.has_ended.store(true, Ordering::Release);
            feed.bell.notify_waiters();
        }
    }
}

impl Feed {
    fn new(board: Arc<Board>) -> Self {
        let newest = ArcSwap::from_pointee(Frame::new(board.version(), board));
        Self { newest, has_ended: AtomicBool::new(false), bell: Arc::default() }
    }

    /// Tells the followers what has changed up to this picture; false when that is nothing.
    fn publish(&self, board: Arc<Board>) -> bool {
        let from = self.newest.load().event.version;
        if board.version() <= from {
            return false;
        }
        self.newest.store(Arc::new(Frame::new(from, board)));
        self.bell.notify_waiters();
        true
    }
}

impl Frame {
    fn new(from: u64, board: Arc<Board>) -> Self {
        let event = FeedEvent::since(&board, from, CHANGES_MAX);
        Self { from, event, body: OnceLock::new(), board }
    }
}

impl Follower {
    fn new(feed: Arc<Feed>, board: &Board, since: Option<u64>) -> Self {
        let version = board.version();
        let first = FeedEvent::since(board, since.unwrap_or(version), OWN_CHANGES_MAX);
        let rung = Arc::clone(&feed.bell).notified_owned();
        Self { feed, version, first: Some(first), rung }
    }

    /// The next event, rendered unless somebody else has done so; nothing when the feed has ended. The first comes at
    /// once.
    pub fn poll_next(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        render: impl FnOnce(&FeedEvent) -> Bytes,
    ) -> Poll<Option<Bytes>> {
        let mut this = self.project();
        if let Some(first) = this.first.take() {
            return Poll::Ready(Some(render(&first)));
        }
        loop {
            if this.feed.has_ended.load(Ordering::Acquire) {
                return Poll::Ready(None);
            }
            let newest = this.feed.newest.load();
            if newest.event.version > *this.version {
                let had = std::mem::replace(this.version, newest.event.version);
                return Poll::Ready(Some(if newest.from == had {
                    newest.body.get_or_init(|| render(&newest.event)).clone()
                } else {
                    render(&FeedEvent::since(&newest.board, had, OWN_CHANGES_MAX))
                }));
            }
            ready!(this.rung.as_mut().poll(cx));
            this.rung.set(Arc::clone(&this.feed.bell).notified_owned());
        }
    }
}

impl App {
    /// Follows the seats of a schedule from a picture of it on. The first event says where the follower stands: what
    /// has changed since the version that it has already, or nothing when it has none.
    pub fn follow_seats(&self, board: &Arc<Board>, since: Option<u64>) -> Follower {
        Follower::new(self.memory.feeds.of(board), board, since)
    }

    /// Tells everybody who follows a schedule what has changed since the last tick. Answers how many schedules had
    /// something to tell. A board that was dropped is loaded again; one that cannot be read now is left to the next
    /// tick.
    pub async fn tick_feeds(&self) -> Result<usize, ReadError> {
        let mut told = 0;
        let mut failure = None;
        for (schedule, feed) in self.memory.feeds.followed() {
            match self.shown_board(schedule).await {
                Ok(Some(board)) => told += usize::from(feed.publish(board)),
                Ok(None) => self.memory.feeds.end(schedule),
                Err(error) => failure = Some(error),
            }
        }
        failure.map_or(Ok(told), Err)
    }

    /// The board of a schedule that fans may see.
    async fn shown_board(&self, schedule: ScheduleId) -> Result<Option<Arc<Board>>, ReadError> {
        if self.is_public(schedule).await? { self.memory.boards.get(schedule).await } else { Ok(None) }
    }
}

#[cfg(test)]
mod tests;
