//! The connections that are open, and which of them give way when there is no room for another.
//!
//! A connection is a place that somebody else could have: one on which nothing is asked costs as much as one that buys.
//! While there is room it may lie idle. When there is none, those that have asked nothing, and were written nothing, between
//! two looks are ended as if their client had gone, a few at a time: the idle ones of a pool, those that only hold a place,
//! and those that send their headers in a trickle. An answer that is on its way, and a stream, is never cut off for this.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::Context;
use std::time::{Duration, Instant};

use futures_util::task::AtomicWaker;
use metrics::counter;
use parking_lot::Mutex;

/// Between two looks at who is idle. A client that is at work asks again sooner.
pub(super) const LOOK_PAUSE: Duration = Duration::from_millis(250);
/// Of all places so many are freed at the most by one look: enough for a storm, and not everybody's at once.
const FREED_PART: usize = 16;

/// All connections.
pub(super) struct Crowd {
    open: Mutex<Open>,
    freed_at_once: usize,
    /// Connections of one address; 0 for as many as it likes.
    per_address: usize,
}

#[derive(Default)]
struct Open {
    count: u64,
    guests: HashMap<u64, Arc<Guest>>,
    by_address: HashMap<IpAddr, usize>,
    looked: Option<Instant>,
}

/// What is known of one connection, by whoever reads and writes it.
#[derive(Default)]
pub(super) struct Guest {
    /// A request is being answered.
    is_asking: AtomicBool,
    /// The last answer stays open.
    is_stream: AtomicBool,
    /// Something is to be written that the peer does not take.
    is_behind: AtomicBool,
    /// Moves on with every request and every write.
    activity: AtomicU64,
    /// Where that stood at the last look, plus one; 0 before the first.
    seen: AtomicU64,
    has_to_leave: AtomicBool,
    waker: AtomicWaker,
}

/// A connection among the others, until it is dropped.
pub(super) struct Present {
    crowd: Arc<Crowd>,
    number: u64,
    address: Option<IpAddr>,
    pub(super) guest: Arc<Guest>,
}

impl Crowd {
    /// Room for so many connections, and for so many of one address; 0 for as many as it likes.
    pub(super) fn new(max_connections: usize, per_address: usize) -> Arc<Self> {
        let freed_at_once = (max_connections / FREED_PART).max(1);
        Arc::new(Self { open: Mutex::default(), freed_at_once, per_address })
    }

    /// Takes a connection in; nothing when there are enough of its address.
    pub(super) fn enter(self: &Arc<Self>, peer: SocketAddr) -> Option<Present> {
        let mut open = self.open.lock();
        let address = (self.per_address > 0).then(|| peer.ip().to_canonical());
        if let Some(address) = address {
            let count = open.by_address.entry(address).or_default();
            if *count >= self.per_address {
                counter!("frontrow_http_connections_dropped_total", "reason" => "address").increment(1);
                return None;
            }
            *count += 1;
        }
        open.count += 1;
        let (number, guest) = (open.count, Arc::<Guest>::default());
        open.guests.insert(number, Arc::clone(&guest));
        Some(Present { crowd: Arc::clone(self), number, address, guest })
    }

    /// Has some of those leave that have been idle since the last look.
    pub(super) fn make_room(&self) {
        let mut open = self.open.lock();
        let now = Instant::now();
        if open.looked.is_some_and(|looked| now.duration_since(looked) < LOOK_PAUSE) {
            return;
        }
        open.looked = Some(now);
        let mut freed = 0;
        for guest in open.guests.values() {
            if guest.is_idle_again() && freed < self.freed_at_once {
                guest.leave();
                freed += 1;
            }
        }
        if freed > 0 {
            counter!("frontrow_http_connections_dropped_total", "reason" => "idle").increment(freed as u64);
            tracing::debug!(freed, "idle connections give way to others");
        }
    }
}

impl Guest {
    /// A request begins.
    pub(super) fn asks(&self) {
        self.is_stream.store(false, Ordering::Relaxed);
        self.is_asking.store(true, Ordering::Relaxed);
        self.moves();
    }

    /// Its answer begins.
    pub(super) fn is_answered(&self, is_stream: bool) {
        self.is_stream.store(is_stream, Ordering::Relaxed);
        self.is_asking.store(false, Ordering::Relaxed);
    }

    /// Something was written, or waits for the peer to take it.
    pub(super) fn writes(&self, is_behind: bool) {
        self.is_behind.store(is_behind, Ordering::Relaxed);
        self.moves();
    }

    /// Whether the connection is to end; wakes whoever waits to read from it when it is.
    pub(super) fn has_to_leave(&self, cx: &Context<'_>) -> bool {
        self.waker.register(cx.waker());
        self.has_to_leave.load(Ordering::Acquire)
    }

    /// It has asked something after all.
    pub(super) fn stays(&self) {
        // Read first: it is hardly ever so, and a write would be for nothing.
        if self.has_to_leave.load(Ordering::Relaxed) {
            self.has_to_leave.store(false, Ordering::Release);
        }
    }

    fn moves(&self) {
        // One task writes it.
        self.activity.store(self.activity.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    }

    /// True when it was idle at the last look and has been since.
    fn is_idle_again(&self) -> bool {
        let now = self.activity.load(Ordering::Relaxed) + 1;
        let was = self.seen.swap(now, Ordering::Relaxed);
        let is_at_work = [&self.is_asking, &self.is_stream, &self.is_behind];
        was == now && !is_at_work.into_iter().any(|flag| flag.load(Ordering::Relaxed))
    }

    fn leave(&self) {
        self.has_to_leave.store(true, Ordering::Release);
        self.waker.wake();
    }
}

impl Drop for Present {
    fn drop(&mut self) {
        let mut open = self.crowd.open.lock();
        open.guests.remove(&self.number);
        if let Some(address) = self.address
            && let Some(count) = open.by_address.get_mut(&address)
        {
            *count -= 1;
            if *count == 0 {
                open.by_address.remove(&address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;

    fn peer(last: u8) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, last], 1))
    }

    /// Looks as if the pause were over.
    fn look(crowd: &Crowd) {
        crowd.open.lock().looked = None;
        crowd.make_room();
    }

    fn leaving(present: &Present) -> bool {
        present.guest.has_to_leave(&Context::from_waker(Waker::noop()))
    }

    #[test]
    fn who_asks_nothing_between_two_looks_gives_way_and_nobody_else() {
        let crowd = Crowd::new(1_000, 0);
        let enter = || crowd.enter(peer(1)).expect("room");
        let [idle, asking, streaming, behind, working, answered] = std::array::from_fn(|_| enter());
        asking.guest.asks();
        streaming.guest.asks();
        streaming.guest.is_answered(true);
        behind.guest.writes(true);
        answered.guest.asks();
        answered.guest.is_answered(false);
        look(&crowd);
        assert!(!leaving(&idle), "once is no proof");
        for _ in 0..3 {
            working.guest.asks();
            working.guest.is_answered(false);
            look(&crowd);
            for present in [&asking, &streaming, &behind, &working] {
                assert!(!leaving(present));
            }
        }
        assert!(leaving(&idle) && leaving(&answered));
        answered.guest.stays();
        assert!(!leaving(&answered), "it has asked after all");
        // A stream that has ended, with another request after it.
        streaming.guest.asks();
        streaming.guest.is_answered(false);
        look(&crowd);
        look(&crowd);
        assert!(leaving(&streaming));
    }

    #[test]
    fn a_few_give_way_at_a_time_and_not_more_often_than_that() {
        let crowd = Crowd::new(64, 0);
        let open: Vec<_> = (0..64).map(|_| crowd.enter(peer(1)).expect("room")).collect();
        look(&crowd);
        look(&crowd);
        assert_eq!(open.iter().filter(|present| leaving(present)).count(), 4);
        crowd.make_room();
        assert_eq!(open.iter().filter(|present| leaving(present)).count(), 4, "it is too soon");
        drop(open);
        assert!(crowd.open.lock().guests.is_empty(), "nothing is kept");
    }

    #[test]
    fn an_address_may_have_so_many_and_others_are_not_concerned() {
        let crowd = Crowd::new(64, 2);
        let first = crowd.enter(peer(1)).expect("room");
        let _second = crowd.enter(peer(1)).expect("room");
        assert!(crowd.enter(peer(1)).is_none());
        let mapped = SocketAddr::from(([0, 0, 0, 0, 0, 0xffff, 0xc000, 0x0201], 9));
        assert!(crowd.enter(mapped).is_none(), "the same address in the other form");
        assert!(crowd.enter(peer(2)).is_some());
        drop(first);
        assert!(crowd.enter(peer(1)).is_some());
        assert_eq!(crowd.open.lock().by_address.len(), 1);
    }
}
