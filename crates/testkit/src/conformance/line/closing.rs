//! Rooms that let nobody in: held, sold out, or over (R-Q11).

use frontrow_domain::queue::{EndReason, PlaceState, RoomState};

use super::bench::Bench;
use crate::line::LineFactory;

/// States in which nobody is let in and nothing is over.
const HELD: [RoomState; 4] = [RoomState::Scheduled, RoomState::Lobby, RoomState::Paused, RoomState::SoldOut];

/// A line with one skipped fan, one who is let in and has come, one who is let in, and two who wait.
async fn a_line<F: LineFactory>(factory: F) -> Bench<F> {
    let mut bench = Bench::open(factory);
    bench.join_all(0..5).await;
    bench.clock.advance(60);
    bench.ask_all(1..5).await;
    bench.tick_with_cap(2).await;
    bench.enter(1).await.expect("let in");
    assert_eq!(bench.tell(0..5).await, "skipped, active, active, waiting 0, waiting 1");
    bench
}

/// While a room is held every place is kept, joining goes on, and afterwards the line goes on in its order.
pub async fn a_held_room_keeps_all_places(factory: impl LineFactory) {
    let mut bench = a_line(factory).await;
    for (newcomer, state) in (5..).zip(HELD) {
        bench.policy.settings.max_active = 100;
        let figures = bench.tick_in(state).await;
        assert_eq!((figures.admitted, figures.active), (0, 2), "{}", state.name());
        bench.join(newcomer).await;
        bench.tick().await;
    }
    bench.leave(4).await;
    assert_eq!(bench.tell(0..6).await, "skipped, active, active, waiting 0, left, waiting 1");
    bench.policy.settings.max_active = 3;
    bench.tick_in(RoomState::Open).await;
    assert_eq!(bench.tell(0..6).await, "skipped, active, active, active, left, waiting 0");
}

/// Sessions end while a room is held as at any other time.
pub async fn sessions_end_in_a_held_room(factory: impl LineFactory) {
    let mut bench = a_line(factory).await;
    bench.clock.advance(60);
    let figures = bench.tick_in(RoomState::Paused).await;
    assert_eq!((figures.active, figures.waiting), (1, 2));
    assert_eq!(bench.tell(1..4).await, "active, no_show, waiting 0");
}

/// Closing ends everybody in line, skipped or not, and nobody who is let in.
pub async fn closing_ends_everybody_in_line(factory: impl LineFactory) {
    let mut bench = a_line(factory).await;
    bench.clock.advance(1);
    let closed_at = bench.now();
    let figures = bench.tick_in(RoomState::Closed).await;
    assert_eq!((figures.waiting, figures.skipped, figures.active, figures.admitted), (0, 0, 2, 0));
    let over = PlaceState::Ended { reason: EndReason::Closed, at: closed_at, admitted_at: None };
    bench.clock.advance(1);
    bench.tick().await;
    for fan in [0, 3, 4] {
        assert_eq!(bench.ask(fan).await.place.state, over, "fan {fan}");
        assert_eq!(bench.end(fan, EndReason::Left).await, None, "what is over stays as it is");
        assert_eq!(bench.state(fan).await, over, "fan {fan}");
    }
    assert_eq!((bench.enter(1).await, bench.enter(2).await), (Ok(()), Ok(())));
    bench.leave(1).await;
    assert_eq!(bench.settle().await.active, 1);
}

/// A line that is opened again begins behind everybody who was closed out; they have no right to their old place.
pub async fn a_reopened_line_takes_newcomers_behind(factory: impl LineFactory) {
    let mut bench = a_line(factory).await;
    bench.tick_in(RoomState::Closed).await;
    let old = bench.look(4).await.place;
    bench.policy.settings.max_active = 0;
    bench.tick_in(RoomState::Open).await;
    let newcomer = bench.join(9).await;
    assert_eq!(newcomer.standing.ahead, Some(0));
    assert!(newcomer.standing.place.sequence > old.sequence);
    let back = bench.join(4).await;
    assert_eq!((back.is_new, back.standing.ahead), (true, Some(1)));
    assert_eq!(bench.tell([0, 3]).await, "closed, closed");
    assert_eq!(bench.tick().await.waiting, 2);
    bench.tick_with_cap(3).await;
    assert_eq!(bench.tell([9, 4]).await, "active, waiting 0");
}

/// Who was closed out stays so, and who has joined since stays in line, across crashes before and after.
pub async fn a_closing_survives_a_crash(factory: impl LineFactory) {
    let mut bench = a_line(factory).await;
    bench.tick_in(RoomState::Closed).await;
    let closed = bench.look(3).await.place;
    bench.crash();
    assert_eq!(bench.tell(0..5).await, "closed, active, active, closed, closed");
    assert_eq!(bench.look(3).await.place, closed);
    bench.tick_in(RoomState::Open).await;
    let back = bench.join(3).await.standing.place;
    bench.join(9).await;
    bench.crash();
    assert_eq!(bench.tell([0, 3, 4, 9]).await, "closed, waiting 0, closed, waiting 1");
    assert_eq!(bench.look(3).await.place, back);
    let figures = bench.tick().await;
    assert_eq!((figures.waiting, figures.skipped), (2, 0));
    bench.reopen();
    assert_eq!(bench.tell([3, 9]).await, "waiting 0, waiting 1");
}

/// A line may be closed more than once, each time for whoever is in it then.
pub async fn a_line_is_closed_again_for_whoever_came_since(factory: impl LineFactory) {
    let mut bench = a_line(factory).await;
    bench.tick_in(RoomState::Closed).await;
    bench.clock.advance(10);
    bench.tick_in(RoomState::Open).await;
    bench.join_all([8, 9]).await;
    bench.clock.advance(10);
    bench.tick_in(RoomState::Closed).await;
    let second = PlaceState::Ended { reason: EndReason::Closed, at: bench.now(), admitted_at: None };
    assert_eq!((bench.state(8).await, bench.state(9).await), (second, second));
    for is_crash in [false, true] {
        if is_crash {
            bench.crash();
        }
        // When a place was closed is told as the last time that its line was: a line keeps one time.
        assert_eq!(bench.tell([0, 3, 4, 8, 9]).await, "closed, closed, closed, closed, closed");
    }
}

/// A newcomer who slipped in while the line was over does not stay in it.
pub async fn nobody_stays_in_a_closed_line(factory: impl LineFactory) {
    let mut bench = a_line(factory).await;
    bench.tick_in(RoomState::Closed).await;
    // Whoever asks just before the end may come to the line just after it.
    bench.join(9).await;
    assert_eq!(bench.tick().await.waiting, 0);
    assert_eq!(bench.tell([9]).await, "closed");
}
