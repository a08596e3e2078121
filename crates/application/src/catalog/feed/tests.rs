use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Wake, Waker};

use frontrow_domain::catalog::{BookingWindow, HoldPolicy, RefundPolicy, ScheduleDraft, SeatPlan};
use frontrow_domain::records::SeatChanges;
use frontrow_domain::reservation::SeatState;
use frontrow_domain::{ConcertId, Money, SeatNo, Timestamp};

use super::*;
use crate::catalog::spread::Step;
use crate::store::SeatMap;

const SEATS: u32 = 10_000;

/// A schedule whose commits are made by hand, and its feed.
struct Hall {
    board: Arc<Board>,
    feeds: Feeds,
}

/// Counts how often a follower was woken.
#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Hall {
    fn new() -> Self {
        Self { board: Arc::new(board(1)), feeds: Feeds::default() }
    }

    fn follow(&self, since: Option<u64>) -> Pin<Box<Follower>> {
        Box::pin(Follower::new(self.feeds.of(&self.board), &self.board, since))
    }

    /// A commit that holds these seats.
    fn hold(&mut self, seats: impl IntoIterator<Item = u32>) {
        let seats = seats.into_iter().map(|seat| (SeatNo::new(seat), SeatState::Held)).collect();
        let change = SeatChanges { schedule: ScheduleId::new(1), version: self.board.version() + 1, seats };
        self.board = Arc::new(self.board.after(&Step::of(&change)).expect("the next version"));
    }

    /// One tick; answers how many feeds had something to tell.
    fn tick(&self) -> usize {
        let followed = self.feeds.followed();
        followed.iter().map(|(_, feed)| usize::from(feed.publish(Arc::clone(&self.board)))).sum()
    }
}

/// The board of a schedule as a store has it.
fn board(version: u64) -> Board {
    let draft = ScheduleDraft {
        venue: "Hall".to_owned(),
        starts_at: Timestamp::from_micros(2),
        time_zone: "UTC".to_owned(),
        duration_minutes: 1,
        booking: BookingWindow { start: Timestamp::ZERO, end: Timestamp::from_micros(1) },
        hold: HoldPolicy { hold_seconds: 1, max_seconds: 1, extension_seconds: 0 },
        max_seats_per_fan: 4,
        refund_policy: RefundPolicy::NONE,
        sales_paused: false,
    };
    let plan = Arc::new(SeatPlan::plain(SEATS, Money::ZERO).expect("plan"));
    let mut schedule = draft.into_schedule(ScheduleId::new(1), ConcertId::new(1), plan, Timestamp::ZERO);
    schedule.version = version;
    Board::of(&SeatMap { schedule, taken: Vec::new() })
}

/// Version and number of changed seats, or `reset`.
fn render(event: &FeedEvent) -> Bytes {
    let version = event.version;
    match &event.changes {
        MapChanges::Since(seats) => format!("{version}: {} seats", seats.len()).into(),
        MapChanges::TooOld => format!("{version}: reset").into(),
    }
}

fn poll(follower: &mut Pin<Box<Follower>>) -> Poll<Option<Bytes>> {
    follower.as_mut().poll_next(&mut Context::from_waker(Waker::noop()), render)
}

/// The next event; fails the test when there is none.
#[track_caller]
fn next(follower: &mut Pin<Box<Follower>>) -> Bytes {
    let Poll::Ready(Some(bytes)) = poll(follower) else { panic!("there is no event") };
    bytes
}

#[test]
fn the_first_event_says_where_the_follower_stands() {
    let mut hall = Hall::new();
    hall.hold([1]);
    hall.hold([2, 3]);
    for (since, first) in [
        (None, "3: 0 seats"),
        (Some(3), "3: 0 seats"),
        (Some(2), "3: 2 seats"),
        (Some(1), "3: 3 seats"),
        (Some(0), "3: reset"),
        (Some(4), "3: reset"),
    ] {
        let mut follower = hall.follow(since);
        assert_eq!(next(&mut follower), first, "since {since:?}");
        assert!(poll(&mut follower).is_pending(), "since {since:?}");
    }
}

#[test]
fn all_commits_between_two_ticks_are_one_event() {
    let mut hall = Hall::new();
    let mut follower = hall.follow(None);
    next(&mut follower);
    for seat in 1..=5 {
        hall.hold([seat]);
        assert!(poll(&mut follower).is_pending(), "nothing comes before the tick");
    }
    assert_eq!(hall.tick(), 1);
    assert_eq!(next(&mut follower), "6: 5 seats");
    assert!(poll(&mut follower).is_pending());
    assert_eq!(hall.tick(), 0, "nothing has changed");
    assert!(poll(&mut follower).is_pending());
}

#[test]
fn an_event_is_rendered_once_and_all_send_the_same_bytes() {
    let mut hall = Hall::new();
    let mut followers = [hall.follow(None), hall.follow(Some(1)), hall.follow(None)];
    for follower in &mut followers {
        next(follower);
    }
    hall.hold([7]);
    hall.tick();
    let rendered = AtomicUsize::new(0);
    let mut context = Context::from_waker(Waker::noop());
    let bytes: Vec<Bytes> = followers
        .iter_mut()
        .map(|follower| {
            let next = follower.as_mut().poll_next(&mut context, |event| {
                rendered.fetch_add(1, Ordering::Relaxed);
                render(event)
            });
            let Poll::Ready(Some(bytes)) = next else { panic!("there is no event") };
            bytes
        })
        .collect();
    assert_eq!(rendered.into_inner(), 1);
    assert!(bytes.iter().all(|other| other.as_ptr() == bytes[0].as_ptr()), "not copies");
}

#[test]
fn a_follower_further_behind_gets_its_own_changes() {
    let mut hall = Hall::new();
    let (mut slow, mut quick) = (hall.follow(None), hall.follow(None));
    for follower in [&mut slow, &mut quick] {
        next(follower);
    }
    for seat in 1..=3 {
        hall.hold([seat]);
        hall.tick();
        assert_eq!(next(&mut quick), format!("{}: 1 seats", seat + 1));
    }
    assert_eq!(next(&mut slow), "4: 3 seats", "nothing was kept for it, and it misses nothing");
    hall.hold([4]);
    hall.tick();
    let (slow, quick) = (next(&mut slow), next(&mut quick));
    assert_eq!(slow.as_ptr(), quick.as_ptr(), "it has caught up");
}

#[test]
fn a_follower_who_comes_between_two_ticks_misses_nothing() {
    let mut hall = Hall::new();
    let mut first = hall.follow(None);
    next(&mut first);
    hall.hold([1]);
    let mut between = hall.follow(None);
    assert_eq!(next(&mut between), "2: 0 seats", "it has seat 1 already");
    assert!(poll(&mut between).is_pending());
    hall.hold([2]);
    hall.tick();
    assert_eq!(next(&mut first), "3: 2 seats");
    assert_eq!(next(&mut between), "3: 1 seats");
}

#[test]
fn after_too_large_a_gap_the_map_has_to_be_fetched() {
    let mut hall = Hall::new();
    let (mut slow, mut quick) = (hall.follow(None), hall.follow(None));
    for follower in [&mut slow, &mut quick] {
        next(follower);
    }
    hall.hold(1..=512);
    hall.tick();
    assert_eq!(next(&mut quick), "2: 512 seats");
    hall.hold(513..=514);
    hall.tick();
    assert_eq!(next(&mut quick), "3: 2 seats");
    assert_eq!(next(&mut slow), "3: reset", "too much for an event of its own");
    // The one that all share may have more.
    hall.hold(1..=4_096);
    hall.tick();
    assert_eq!((next(&mut quick), next(&mut slow)), ("4: 4096 seats".into(), "4: 4096 seats".into()));
    hall.hold(1..=4_097);
    hall.tick();
    assert_eq!(next(&mut quick), "5: reset", "the map is shorter");
    hall.hold([1]);
    hall.tick();
    assert_eq!(next(&mut quick), "6: 1 seats", "it goes on from there");
}

#[test]
fn a_board_that_was_loaded_again_does_not_end_a_stream() {
    let mut hall = Hall::new();
    let mut follower = hall.follow(None);
    next(&mut follower);
    hall.hold([1]);
    hall.tick();
    assert_eq!(next(&mut follower), "2: 1 seats");
    hall.board = Arc::new(board(2));
    assert_eq!(hall.tick(), 0, "the same version is the same map");
    hall.hold([2]);
    hall.tick();
    assert_eq!(next(&mut follower), "3: 1 seats", "the versions connect");
    hall.board = Arc::new(board(7));
    hall.tick();
    assert_eq!(next(&mut follower), "7: reset", "nobody remembers what came between");
    hall.hold([3]);
    hall.tick();
    assert_eq!(next(&mut follower), "8: 1 seats");
}

#[test]
fn a_waiting_follower_is_woken_by_news_and_by_nothing_else() {
    let mut hall = Hall::new();
    let mut follower = hall.follow(None);
    let counted = Arc::<Wakes>::default();
    let waker = Waker::from(Arc::clone(&counted));
    let mut context = Context::from_waker(&waker);
    assert!(follower.as_mut().poll_next(&mut context, render).is_ready());
    assert!(follower.as_mut().poll_next(&mut context, render).is_pending());
    hall.tick();
    assert_eq!(counted.0.load(Ordering::Relaxed), 0);
    for round in 1..=3 {
        hall.hold([round]);
        hall.tick();
        assert_eq!(counted.0.load(Ordering::Relaxed), round as usize);
        assert!(follower.as_mut().poll_next(&mut context, render).is_ready());
        assert!(follower.as_mut().poll_next(&mut context, render).is_pending());
    }
}

#[test]
fn a_feed_that_nobody_follows_is_forgotten() {
    let mut hall = Hall::new();
    let follower = hall.follow(None);
    let other = hall.follow(None);
    drop(follower);
    assert_eq!(hall.feeds.followed().len(), 1, "somebody is left");
    drop(other);
    hall.hold([1]);
    assert_eq!(hall.tick(), 0, "there is nobody to tell");
    assert!(hall.feeds.0.lock().is_empty());
    assert_eq!(next(&mut hall.follow(Some(1))), "2: 1 seats", "it begins anew");
}

#[test]
fn a_feed_that_ends_wakes_its_followers_and_is_not_followed_again() {
    let mut hall = Hall::new();
    let mut follower = hall.follow(None);
    let count = Arc::<Wakes>::default();
    let waker = Waker::from(Arc::clone(&count));
    let mut context = Context::from_waker(&waker);
    assert!(follower.as_mut().poll_next(&mut context, render).is_ready());
    assert!(follower.as_mut().poll_next(&mut context, render).is_pending());
    hall.feeds.end(ScheduleId::new(1));
    assert_eq!(count.0.load(Ordering::Relaxed), 1);
    assert_eq!(poll(&mut follower), Poll::Ready(None));
    hall.hold([1]);
    assert_eq!(hall.tick(), 0);
    let mut later = hall.follow(None);
    assert_eq!(next(&mut later), "2: 0 seats");
    hall.hold([2]);
    assert_eq!(hall.tick(), 1);
    assert_eq!(next(&mut later), "3: 1 seats");
    assert_eq!(poll(&mut follower), Poll::Ready(None), "ended is ended");
}
