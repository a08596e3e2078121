//! The lobby of a sale with a draw (R-Q8): nobody is ahead of anybody until it is drawn, and then the line is what was drawn.

use std::collections::BTreeSet;
use std::sync::Arc;

use frontrow_application::waiting_room::{DRAW_CHUNK, DrawStage, Drawee, NotLetIn, Pass, WaitingRoom};
use frontrow_domain::queue::{EndReason, JoinRefused, PlaceState, RoomState};
use frontrow_domain::{ConcertId, Sequence};
use futures_util::future::{join, join_all};

use super::bench::{Bench, OTHER_CONCERT};
use crate::clock::Dice;
use crate::line::LineFactory;
use crate::samples;

/// A line whose sale has not opened yet, with a lobby.
fn a_lobby<F: LineFactory>(factory: F) -> Bench<F> {
    let mut bench = Bench::open(factory);
    bench.policy.state = RoomState::Lobby;
    bench.policy.settings.max_active = 1_000_000;
    bench
}

async fn a_lobby_of<F: LineFactory>(factory: F, fans: std::ops::Range<u64>) -> Bench<F> {
    let bench = a_lobby(factory);
    for fan in fans {
        bench.join_lobby(fan).await;
    }
    bench
}

/// Everybody in the draw, page by page.
async fn drawees(room: &Arc<dyn WaitingRoom>, concert: ConcertId) -> Vec<Drawee> {
    let mut drawees: Vec<Drawee> = Vec::new();
    loop {
        let after = drawees.last().map_or(Sequence::LOBBY, |last| last.sequence);
        let page = room.drawees(concert, after).await.expect("the line answers");
        assert!(page.len() <= DRAW_CHUNK, "{}", page.len());
        if page.is_empty() {
            assert!(drawees.is_sorted_by_key(|drawee| drawee.sequence));
            return drawees;
        }
        drawees.extend(page);
    }
}

async fn settle(room: &Arc<dyn WaitingRoom>, concert: ConcertId) {
    assert_eq!(room.close_lobby(concert).await, Ok(DrawStage::Drawing));
}

async fn place(room: &Arc<dyn WaitingRoom>, concert: ConcertId, drawn: &[Drawee]) {
    for (rank, chunk) in (0..).step_by(DRAW_CHUNK).zip(drawn.chunks(DRAW_CHUNK)) {
        let numbers = chunk.iter().map(|drawee| drawee.sequence).collect();
        room.place_drawn(concert, rank, numbers).await.expect("the line answers");
    }
}

async fn finish(room: &Arc<dyn WaitingRoom>, concert: ConcertId) {
    while room.finish_draw(concert).await.expect("the line answers") == DrawStage::Drawing {}
}

/// A whole draw whose order is what comes out of `order`.
pub(super) async fn draw_in_order<F: LineFactory>(
    bench: &Bench<F>,
    order: impl FnOnce(Vec<Drawee>) -> Vec<Drawee>,
) {
    settle(bench.room(), bench.concert).await;
    let drawn = order(drawees(bench.room(), bench.concert).await);
    place(bench.room(), bench.concert, &drawn).await;
    finish(bench.room(), bench.concert).await;
}

fn reversed(mut drawees: Vec<Drawee>) -> Vec<Drawee> {
    drawees.reverse();
    drawees
}

/// A place in the lobby has nobody ahead that could be counted, and nobody is let in from it, whatever cap and rate say.
pub async fn fans_in_the_lobby_stand_in_no_line(factory: impl LineFactory) {
    let bench = a_lobby_of(factory, 0..3).await;
    let figures = bench.settle().await;
    assert_eq!((figures.lobby, figures.waiting, figures.active, figures.admitted), (3, 0, 0, 0));
    for fan in 0..3 {
        let standing = bench.ask(fan).await;
        assert_eq!((standing.place.state, standing.ahead), (PlaceState::Waiting, None));
        assert!(standing.place.sequence.is_lobby() && standing.poll_after_seconds >= 2, "{standing:?}");
        assert_eq!(bench.enter(fan).await, Err(NotLetIn::Waiting));
    }
    assert_eq!(bench.tell(0..4).await, "lobby, lobby, lobby, nothing");
    bench.leave(1).await;
    assert_eq!((bench.tell(0..3).await.as_str(), bench.tick().await.lobby), ("lobby, left, lobby", 2));
}

/// One fan, one place in the lobby, also at the same instant; newcomers are refused with the reason, fans with a place never.
pub async fn joining_the_lobby_again_gives_the_same_place(factory: impl LineFactory) {
    let bench = a_lobby(factory);
    let joined = join_all((0..64).map(|_| bench.join_lobby(7))).await;
    assert_eq!(joined.iter().filter(|joined| joined.is_new).count(), 1);
    let places: BTreeSet<_> = joined.iter().map(|joined| joined.standing.place.sequence).collect();
    assert_eq!((places.len(), bench.tick().await.lobby), (1, 1));
    let refused =
        |fan| bench.room().join_lobby(bench.concert, bench.newcomer(fan), Err(JoinRefused::SoldOut));
    assert_eq!(refused(8).await, Ok(Err(JoinRefused::SoldOut)));
    let again = refused(7).await.expect("the line answers").expect("they have a place");
    assert_eq!(again.standing.place, joined[0].standing.place);
    // Who has left comes back as somebody new.
    bench.leave(7).await;
    let back = bench.join_lobby(7).await;
    assert!(back.is_new && back.standing.place.sequence > again.standing.place.sequence);
    assert_eq!(bench.tick().await.lobby, 1);
}

/// `ahead` is exact in the order of the draw, and that is the order in which fans are let in.
pub async fn the_line_has_the_order_in_which_it_was_drawn(factory: impl LineFactory) {
    let mut bench = a_lobby_of(factory, 0..5).await;
    draw_in_order(&bench, |all| vec![all[2], all[4], all[0], all[3], all[1]]).await;
    assert_eq!(bench.tell(0..5).await, "waiting 2, waiting 4, waiting 0, waiting 3, waiting 1");
    let figures = bench.tick().await;
    assert_eq!((figures.lobby, figures.waiting, figures.admitted), (0, 5, 0));
    for fan in 0..5 {
        let standing = bench.ask(fan).await;
        assert!(!standing.place.sequence.is_lobby());
        assert!(standing.ahead <= Some(standing.place.sequence.get() - figures.head.get()));
    }
    bench.policy.state = RoomState::Open;
    for (cap, told) in [
        (1, "waiting 1, waiting 3, active, waiting 2, waiting 0"),
        (2, "waiting 0, waiting 2, active, waiting 1, active"),
        (5, "active, active, active, active, active"),
    ] {
        bench.tick_with_cap(cap).await;
        assert_eq!(bench.tell(0..5).await, told);
    }
}

/// The token that a fan got in the lobby is the only one they need.
pub async fn a_pass_from_the_lobby_stays_good_in_the_line(factory: impl LineFactory) {
    let mut bench = a_lobby(factory);
    let before = bench.join_lobby(0).await.standing.place;
    let pass = Pass::of(&before);
    bench.join_lobby(1).await;
    draw_in_order(&bench, reversed).await;
    let standing = |pass| bench.room().standing(pass);
    let seen = standing(pass).await.expect("the line answers").expect("the place is known");
    assert_eq!((seen.place.entry, seen.place.user, seen.ahead), (before.entry, before.user, Some(1)));
    assert_eq!(seen.place.joined_at, before.joined_at);
    assert!(!seen.place.sequence.is_lobby());
    let foreign = Pass { user: samples::user(1), ..pass };
    assert_eq!(standing(foreign).await, Ok(None), "it opens nobody else's place");
    assert_eq!(bench.enter_with(pass).await, Err(NotLetIn::Waiting));
    bench.policy.state = RoomState::Open;
    bench.tick_with_cap(2).await;
    assert_eq!(bench.enter_with(pass).await, Ok(()));
    bench.crash();
    assert_eq!(bench.enter_with(pass).await, Ok(()));
    let ended = bench.room().end(bench.concert, pass.user, Some(pass.entry), EndReason::Left).await;
    assert!(ended.expect("the line answers").is_some());
    assert_eq!(bench.enter_with(pass).await, Err(NotLetIn::Ended));
    // A place that they get afterwards is another: the old token does not open it.
    bench.join_lobby(0).await;
    assert_eq!(bench.enter_with(pass).await, Err(NotLetIn::Ended));
}

/// Who leaves before the draw is settled is not in it; who leaves during it stays on the list and gets no number.
pub async fn whoever_has_left_gets_no_number(factory: impl LineFactory) {
    let bench = a_lobby_of(factory, 0..5).await;
    bench.leave(1).await;
    bench.clock.advance(1);
    let (room, concert) = (bench.room(), bench.concert);
    settle(room, concert).await;
    let drawn = drawees(room, concert).await;
    assert_eq!(drawn.len(), 4);
    bench.clock.advance(1);
    bench.leave(3).await;
    assert_eq!(drawees(room, concert).await, drawn, "the list is settled");
    // They are back before the others are placed: behind them.
    bench.join_lobby(3).await;
    place(room, concert, &drawn).await;
    assert_eq!(bench.tell(0..5).await, "waiting 0, left, waiting 1, lobby, waiting 2");
    finish(room, concert).await;
    assert_eq!(bench.tell([0, 2, 3, 4]).await, "waiting 0, waiting 1, waiting 3, waiting 2");
    let back = bench.join_lobby(1).await;
    assert_eq!((back.is_new, back.standing.ahead), (true, Some(4)));
}

/// Whoever comes between the opening and the end of the draw follows those who were drawn.
pub async fn latecomers_follow_in_order_of_arrival(factory: impl LineFactory) {
    let mut bench = a_lobby_of(factory, 0..2).await;
    let (room, concert) = (Arc::clone(bench.room()), bench.concert);
    settle(&room, concert).await;
    for fan in 2..5 {
        assert!(bench.join_lobby(fan).await.standing.place.sequence.is_lobby());
    }
    bench.leave(3).await;
    let drawn = reversed(drawees(&room, concert).await);
    assert_eq!(drawn.len(), 2);
    place(&room, concert, &drawn).await;
    bench.join_lobby(5).await;
    assert_eq!(bench.tell(0..6).await, "waiting 1, waiting 0, lobby, left, lobby, lobby");
    assert_eq!(bench.tick().await.lobby + bench.tick().await.waiting, 5);
    finish(&room, concert).await;
    let told = "waiting 1, waiting 0, waiting 2, waiting 3, waiting 4";
    assert_eq!(bench.tell([0, 1, 2, 4, 5]).await, told);
    let figures = bench.tick().await;
    assert_eq!((figures.lobby, figures.waiting), (0, 5));
    drop(room);
    bench.crash();
    assert_eq!(bench.tell([0, 1, 2, 4, 5]).await, told);
}

/// Once it is done nobody comes into the lobby any more, also by an instance that has not heard of it.
pub async fn after_the_draw_newcomers_join_the_line(factory: impl LineFactory) {
    let mut bench = a_lobby_of(factory, 0..2).await;
    draw_in_order(&bench, reversed).await;
    assert_eq!(bench.join_lobby(2).await.standing.ahead, Some(2));
    assert_eq!(bench.join(3).await.standing.ahead, Some(3));
    for is_crash in [true, false] {
        if is_crash {
            bench.crash();
        } else {
            bench.reopen();
        }
        assert_eq!(bench.room().close_lobby(bench.concert).await, Ok(DrawStage::Done));
        assert_eq!(bench.room().finish_draw(bench.concert).await, Ok(DrawStage::Done));
        assert_eq!(drawees(bench.room(), bench.concert).await, []);
        assert_eq!(bench.tell(0..4).await, "waiting 1, waiting 0, waiting 2, waiting 3");
    }
    let last = bench.join_lobby(4).await.standing;
    assert_eq!((last.ahead, last.place.sequence.is_lobby()), (Some(4), false));
}

/// Nobody came: the sale opens all the same.
pub async fn an_empty_lobby_is_drawn_at_once(factory: impl LineFactory) {
    let bench = a_lobby(factory);
    draw_in_order(&bench, |all| {
        assert_eq!(all, []);
        all
    })
    .await;
    assert_eq!(bench.join_lobby(0).await.standing.ahead, Some(0));
}

/// Two instances that draw at the same time, or one that is not sure how far it came, do what one does.
pub async fn every_step_can_be_repeated(factory: impl LineFactory) {
    let bench = a_lobby_of(factory, 0..6).await;
    let (room, concert) = (bench.room(), bench.concert);
    settle(room, concert).await;
    bench.join_lobby(6).await;
    settle(room, concert).await;
    let drawn = reversed(drawees(room, concert).await);
    assert_eq!(drawn.len(), 6, "settled the first time");
    let numbers = |range: std::ops::Range<usize>| drawn[range].iter().map(|drawee| drawee.sequence).collect();
    let step = |rank: u64, range| room.place_drawn(concert, rank, numbers(range));
    for (rank, range) in [(0, 0..2), (0, 0..2), (2, 2..6), (0, 0..2), (2, 2..6)] {
        step(rank, range).await.expect("the line answers");
    }
    bench.leave(5).await;
    step(0, 0..2).await.expect("the line answers");
    assert_eq!(bench.tell(0..7).await, "waiting 4, waiting 3, waiting 2, waiting 1, waiting 0, left, lobby");
    assert_eq!(drawees(room, concert).await.len(), 6);
    finish(room, concert).await;
    assert_eq!(room.close_lobby(concert).await, Ok(DrawStage::Done));
    step(0, 0..2).await.expect("the line answers");
    finish(room, concert).await;
    let told = "waiting 4, waiting 3, waiting 2, waiting 1, waiting 0, left, waiting 5";
    assert_eq!(bench.tell(0..7).await, told);
}

/// Who is in a draw is told from when they have left: also when the clock is set back before they do.
pub async fn a_clock_set_back_across_a_crash_takes_nobody_out_of_a_draw(factory: impl LineFactory) {
    let mut bench = a_lobby_of(factory, 0..3).await;
    let concert = bench.concert;
    bench.clock.advance(100);
    settle(bench.room(), concert).await;
    let list = drawees(bench.room(), concert).await;
    bench.clock.step_back(50);
    bench.crash();
    bench.leave(1).await;
    assert_eq!(drawees(bench.room(), concert).await, list);
    bench.crash();
    assert_eq!(drawees(bench.room(), concert).await, list);
}

/// Wherever it ends, the draw goes on to the same line: what had been drawn stays, and nobody is lost.
pub async fn a_crash_between_two_steps_changes_nothing(factory: impl LineFactory) {
    let mut bench = a_lobby_of(factory, 0..5).await;
    bench.leave(2).await;
    bench.clock.advance(1);
    bench.crash();
    assert_eq!(bench.tell(0..5).await, "lobby, lobby, left, lobby, lobby");
    let concert = bench.concert;
    settle(bench.room(), concert).await;
    bench.join_lobby(5).await;
    let list = drawees(bench.room(), concert).await;
    bench.crash();
    settle(bench.room(), concert).await;
    assert_eq!(drawees(bench.room(), concert).await, list);
    let drawn = reversed(list.clone());
    let first = vec![drawn[0].sequence];
    bench.room().place_drawn(concert, 0, first).await.expect("the line answers");
    bench.crash();
    assert_eq!(bench.tell(0..6).await, "lobby, lobby, left, lobby, waiting 0, lobby");
    settle(bench.room(), concert).await;
    assert_eq!(drawees(bench.room(), concert).await, list);
    bench.join_lobby(6).await;
    place(bench.room(), concert, &drawn).await;
    bench.crash();
    let placed = "waiting 3, waiting 2, left, waiting 1, waiting 0, lobby, lobby";
    assert_eq!(bench.tell(0..7).await, placed);
    assert_eq!(drawees(bench.room(), concert).await, list);
    finish(bench.room(), concert).await;
    let done = "waiting 3, waiting 2, left, waiting 1, waiting 0, waiting 4, waiting 5";
    // What ended in the lobby goes with it.
    for _ in 0..2 {
        assert_eq!(bench.tell([0, 1]).await, done.split(", ").take(2).collect::<Vec<_>>().join(", "));
        assert_eq!(bench.tell(3..7).await, done.split(", ").skip(3).collect::<Vec<_>>().join(", "));
        bench.crash();
    }
    let next = bench.join(7).await.standing;
    assert_eq!(next.ahead, Some(6));
}

/// More than a chunk, in an order that has nothing to do with that of arrival.
pub async fn a_crowd_is_drawn_in_chunks(factory: impl LineFactory) {
    const FANS: u64 = 2 * DRAW_CHUNK as u64 + 345;
    let bench = a_lobby(factory);
    for some in (0..FANS).collect::<Vec<_>>().chunks(500) {
        join_all(some.iter().map(|&fan| bench.join_lobby(fan))).await;
    }
    let mut dice = Dice::new(8);
    let mut order = Vec::new();
    draw_in_order(&bench, |mut all| {
        assert_eq!(all.len() as u64, FANS);
        for last in (1..all.len()).rev() {
            let other = dice.below(u32::try_from(last + 1).expect("small"));
            all.swap(last, other as usize);
        }
        order.clone_from(&all);
        all
    })
    .await;
    assert_eq!(bench.tick().await.waiting, FANS);
    for fan in (0..FANS).step_by(97).chain([FANS - 1]) {
        let standing = bench.look(fan).await;
        let rank = order.iter().position(|drawee| drawee.entry == standing.place.entry).expect("drawn");
        assert_eq!(standing.ahead, Some(rank as u64), "fan {fan}");
    }
}

/// More latecomers than one step takes, and the process ends in between: each follows once, in order of arrival.
pub async fn a_crash_among_the_latecomers_doubles_nobody(factory: impl LineFactory) {
    const LATE: u64 = DRAW_CHUNK as u64 + 200;
    let mut bench = a_lobby_of(factory, 0..1).await;
    settle(bench.room(), bench.concert).await;
    for some in (1..=LATE).collect::<Vec<_>>().chunks(300) {
        join_all(some.iter().map(|&fan| bench.join_lobby(fan))).await;
    }
    let mut arrived = BTreeSet::new();
    for fan in 1..=LATE {
        arrived.insert((bench.look(fan).await.place.sequence, fan));
    }
    let drawn = drawees(bench.room(), bench.concert).await;
    place(bench.room(), bench.concert, &drawn).await;
    assert_eq!(bench.room().finish_draw(bench.concert).await, Ok(DrawStage::Drawing), "there are more");
    bench.crash();
    finish(bench.room(), bench.concert).await;
    let figures = bench.tick().await;
    assert_eq!((figures.lobby, figures.waiting), (0, LATE + 1));
    for (rank, (_, fan)) in (1..).zip(arrived).step_by(83) {
        assert_eq!(bench.ahead(fan).await, Some(rank), "fan {fan}");
    }
}

/// While a draw is on fans come at full speed: nobody is lost, and nobody is ahead of whoever was drawn, nor of whoever was
/// answered before they asked.
pub async fn joins_during_the_draw_overtake_nobody(factory: impl LineFactory) {
    const DRAWN: u64 = 300;
    let bench = a_lobby_of(factory, 0..DRAWN).await;
    let late = async {
        for some in (DRAWN..DRAWN + 1_000).collect::<Vec<_>>().chunks(50) {
            join_all(some.iter().map(|&fan| bench.join_lobby(fan))).await;
        }
    };
    settle(bench.room(), bench.concert).await;
    join(late, draw_in_order(&bench, reversed)).await;
    assert_eq!((bench.tick().await.lobby, bench.tick().await.waiting), (0, DRAWN + 1_000));
    for fan in 0..DRAWN {
        assert_eq!(bench.ahead(fan).await, Some(DRAWN - 1 - fan), "fan {fan}");
    }
    let mut before = 0;
    for chunk in (DRAWN..DRAWN + 1_000).collect::<Vec<_>>().chunks(50) {
        let mut highest = 0;
        for &fan in chunk {
            let ahead = bench.ahead(fan).await.expect("in line");
            assert!(
                ahead >= before,
                "fan {fan} has {ahead} ahead, and {before} were answered before they asked"
            );
            highest = highest.max(ahead + 1);
        }
        before = highest;
    }
}

/// When an operator closes a line before its draw, the lobby is over as well, also after a crash; a lobby that opens again
/// takes newcomers.
pub async fn closing_a_line_ends_its_lobby(factory: impl LineFactory) {
    let mut bench = a_lobby_of(factory, 0..3).await;
    bench.leave(1).await;
    bench.tick_in(RoomState::Closed).await;
    assert_eq!(bench.tick().await.lobby, 0);
    assert_eq!(bench.tell(0..3).await, "closed, left, closed");
    bench.crash();
    assert_eq!(bench.tell(0..3).await, "closed, left, closed");
    bench.clock.advance(1);
    bench.tick_in(RoomState::Lobby).await;
    assert!(bench.join_lobby(0).await.is_new);
    assert_eq!((bench.tell(0..3).await.as_str(), bench.tick().await.lobby), ("lobby, left, closed", 1));
    draw_in_order(&bench, |all| {
        assert_eq!(all.len(), 1);
        all
    })
    .await;
    assert_eq!(bench.tell([0]).await, "waiting 0");
}

/// One line's draw does not touch another's lobby, or its line.
pub async fn lobbies_of_two_concerts_are_drawn_apart(factory: impl LineFactory) {
    let mut bench = a_lobby_of(factory, 0..3).await;
    let here = bench.concert;
    bench.concert = OTHER_CONCERT;
    for fan in 2..5 {
        bench.join_lobby(fan).await;
    }
    draw_in_order(&bench, reversed).await;
    assert_eq!(bench.tell(0..5).await, "nothing, nothing, waiting 2, waiting 1, waiting 0");
    bench.concert = here;
    assert_eq!(bench.tell(0..5).await, "lobby, lobby, lobby, nothing, nothing");
    draw_in_order(&bench, |all| all).await;
    assert_eq!(bench.tell(0..5).await, "waiting 0, waiting 1, waiting 2, nothing, nothing");
}
