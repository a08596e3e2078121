//! Open streams, by place: so many of the seat map at most, and one of the line, of which the newest wins.
//!
//! What is counted is given back when the stream is dropped, however it ended.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Context;

use frontrow_domain::EntryId;
use futures_util::task::AtomicWaker;

use super::Shards;

/// The most seat streams that one fan may have open: one for each window in which somebody compares seats.
const SEAT_STREAMS_MAX: u8 = 4;

/// The streams that are open.
#[derive(Default)]
pub(crate) struct OpenStreams {
    seats: Shards<HashMap<EntryId, u8>>,
    lines: Shards<HashMap<EntryId, Arc<Turn>>>,
}

/// Whether a stream is still the newest of its place.
#[derive(Default)]
struct Turn {
    is_over: AtomicBool,
    waker: AtomicWaker,
}

/// An open stream of a seat map.
pub(crate) struct SeatStream {
    streams: Arc<OpenStreams>,
    entry: EntryId,
}

/// An open stream of a line, until a newer one of the same place is opened.
pub(crate) struct NewestStream {
    streams: Arc<OpenStreams>,
    entry: EntryId,
    turn: Arc<Turn>,
}

impl OpenStreams {
    /// Counts a stream of a seat map; nothing when this fan has enough of them.
    pub(crate) fn open_seats(self: &Arc<Self>, entry: EntryId) -> Option<SeatStream> {
        let mut shard = self.seats.of(entry.bytes());
        let count = shard.entry(entry).or_default();
        if *count >= SEAT_STREAMS_MAX {
            return None;
        }
        *count += 1;
        Some(SeatStream { streams: Arc::clone(self), entry })
    }

    /// Opens a stream of a line. An older one of the same place ends.
    pub(crate) fn open_line(self: &Arc<Self>, entry: EntryId) -> NewestStream {
        let turn = Arc::new(Turn::default());
        let older = self.lines.of(entry.bytes()).insert(entry, Arc::clone(&turn));
        if let Some(older) = older {
            older.is_over.store(true, Ordering::Release);
            older.waker.wake();
        }
        NewestStream { streams: Arc::clone(self), entry, turn }
    }
}

impl NewestStream {
    /// True once there is a newer one; wakes the task then.
    pub(crate) fn is_over(&self, cx: &mut Context<'_>) -> bool {
        self.turn.waker.register(cx.waker());
        self.turn.is_over.load(Ordering::Acquire)
    }
}

impl Drop for SeatStream {
    fn drop(&mut self) {
        if let Entry::Occupied(mut count) = self.streams.seats.of(self.entry.bytes()).entry(self.entry) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }
}

impl Drop for NewestStream {
    fn drop(&mut self) {
        if let Entry::Occupied(newest) = self.streams.lines.of(self.entry.bytes()).entry(self.entry)
            && Arc::ptr_eq(newest.get(), &self.turn)
        {
            newest.remove();
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::task::noop_waker;
    use uuid::Uuid;

    use super::*;

    const ANN: EntryId = EntryId::new(Uuid::from_u128(1));
    const BOB: EntryId = EntryId::new(Uuid::from_u128(2));

    #[test]
    fn seat_streams_are_counted_while_they_are_open() {
        let streams = Arc::<OpenStreams>::default();
        let mut open: Vec<_> = (0..4).map(|_| streams.open_seats(ANN).expect("room")).collect();
        assert!(streams.open_seats(ANN).is_none());
        assert!(streams.open_seats(BOB).is_some());
        open.pop();
        open.push(streams.open_seats(ANN).expect("room again"));
        assert!(streams.open_seats(ANN).is_none());
        drop(open);
        assert!(streams.seats.of(ANN.bytes()).is_empty(), "nothing is kept");
    }

    #[test]
    fn the_newest_stream_of_a_place_wins() {
        let streams = Arc::<OpenStreams>::default();
        let waker = noop_waker();
        let mut cx = Context::from_waker(&waker);
        let (first, other) = (streams.open_line(ANN), streams.open_line(BOB));
        assert!(!first.is_over(&mut cx));
        let second = streams.open_line(ANN);
        assert!(first.is_over(&mut cx) && !second.is_over(&mut cx) && !other.is_over(&mut cx));
        drop(first);
        let third = streams.open_line(ANN);
        assert!(second.is_over(&mut cx), "an older one takes nothing away when it goes");
        drop((second, third));
        assert!(streams.lines.of(ANN.bytes()).is_empty(), "nothing is kept");
    }
}
