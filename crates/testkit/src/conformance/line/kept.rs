//! The embedded line while its journal takes its time: nothing is told before it is kept, and what is told was kept.

use std::sync::Arc;

use frontrow_application::waiting_room::{Joined, LineError, NotLetIn};
use frontrow_domain::queue::{EndReason, PlaceState, RoomState};
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, poll_immediate, ready};

use super::bench::Bench;
use crate::line::{EmbeddedFactory, JournalSource, LineFactory};
use crate::samples;

/// A request on its way.
pub(super) type OnItsWay<T> = BoxFuture<'static, Result<T, LineError>>;

/// A line whose journal has these fans in it.
pub(super) async fn a_line<S: JournalSource>(source: S, fans: u64) -> Bench<EmbeddedFactory<S>> {
    let bench = Bench::open(EmbeddedFactory::new(source));
    bench.tick().await;
    bench.join_all(0..fans).await;
    bench
}

/// Sends a request while the journal's door is shut, and waits until its batch stands before it. The batch before it
/// has been answered.
pub(super) async fn send<S: JournalSource, T: Send + 'static>(
    bench: &Bench<EmbeddedFactory<S>>,
    request: impl Future<Output = Result<T, LineError>> + Send + 'static,
) -> OnItsWay<T> {
    let journal = bench.factory.journal();
    let before = journal.arrived();
    let on_its_way = queue(request).await;
    journal.until_arrived(before + 1).await;
    on_its_way
}

/// Sends a request behind a batch that stands before the door.
pub(super) async fn queue<T: Send + 'static>(
    request: impl Future<Output = Result<T, LineError>> + Send + 'static,
) -> OnItsWay<T> {
    let mut on_its_way = request.boxed();
    assert!(poll_immediate(&mut on_its_way).await.is_none(), "it is answered before it is kept");
    on_its_way
}

/// The same for a request that may have nothing to wait for.
pub(super) async fn attempt<T: Send + 'static>(
    request: impl Future<Output = Result<T, LineError>> + Send + 'static,
) -> OnItsWay<T> {
    let mut on_its_way = request.boxed();
    match poll_immediate(&mut on_its_way).await {
        Some(answer) => ready(answer).boxed(),
        None => on_its_way,
    }
}

/// A fan's request to join.
pub(super) fn joining<F: LineFactory>(bench: &Bench<F>, fan: u64) -> OnItsWay<Joined> {
    let (room, concert, newcomer) = (Arc::clone(bench.room()), bench.concert, bench.newcomer(fan));
    async move { room.join(concert, newcomer, Ok(())).await.map(|joined| joined.expect("not refused")) }
        .boxed()
}

/// A tick, which answers how many it let in.
pub(super) fn ticking<F: LineFactory>(bench: &Bench<F>) -> OnItsWay<u32> {
    let (room, concert, policy) = (Arc::clone(bench.room()), bench.concert, bench.policy);
    async move { room.tick(concert, policy).await.map(|figures| figures.admitted) }.boxed()
}

/// A fan's leaving, which answers whether there was a place to leave.
pub(super) fn leaving<F: LineFactory>(bench: &Bench<F>, fan: u64) -> OnItsWay<bool> {
    let (room, concert, user) = (Arc::clone(bench.room()), bench.concert, samples::user(fan));
    async move { room.end(concert, user, None, EndReason::Left).await.map(|ended| ended.is_some()) }.boxed()
}

/// A place is answered once it is kept, to the device that asked and to one that asks again meanwhile.
pub async fn a_place_is_answered_once_it_is_kept(source: impl JournalSource) {
    let bench = a_line(source, 1).await;
    let journal = bench.factory.journal();
    journal.shut_door();
    let first = send(&bench, joining(&bench, 1)).await;
    let again = queue(joining(&bench, 1)).await;
    journal.open_door();
    let (first, again) = (first.await.expect("kept"), again.await.expect("kept"));
    assert_eq!((first.is_new, again.is_new), (true, false));
    assert_eq!(first.standing.place, again.standing.place);
    assert_eq!(first.standing.ahead, Some(1));
}

/// Nobody is shown a place that is not kept yet: not an operator who looks for the fan either.
pub async fn a_place_is_shown_to_nobody_before_it_is_kept(source: impl JournalSource) {
    let mut bench = a_line(source, 1).await;
    let journal = bench.factory.journal();
    journal.shut_door();
    let on_its_way = send(&bench, joining(&bench, 1)).await;
    // It may wait as well; what it may not do is answer with the place.
    let shown = poll_immediate(bench.room().find(bench.concert, samples::user(1))).await;
    assert!(matches!(shown, None | Some(Ok(None))), "{shown:?}");
    drop(on_its_way);
    bench.crash();
    assert_eq!(bench.tell(0..2).await, "waiting 0, nothing");
}

/// A call shows once it is kept: to the fan, at the door, and to those behind.
pub async fn an_admission_shows_once_it_is_kept(source: impl JournalSource) {
    let mut bench = a_line(source, 3).await;
    let journal = bench.factory.journal();
    bench.policy.settings.max_active = 2;
    journal.shut_door();
    let tick = send(&bench, ticking(&bench)).await;
    assert_eq!(bench.tell(0..3).await, "waiting 0, waiting 1, waiting 2");
    assert_eq!(bench.ask(0).await.place.state, PlaceState::Waiting);
    assert_eq!(bench.enter(0).await, Err(NotLetIn::Waiting));
    assert_eq!(bench.room().tick(bench.concert, bench.policy).await.map(|figures| figures.active), Ok(0));
    journal.open_door();
    assert_eq!(tick.await, Ok(2));
    assert_eq!(bench.tell(0..3).await, "active, active, waiting 0");
    bench.crash();
    assert_eq!(bench.tell(0..3).await, "active, active, waiting 0");
}

/// What a crash takes back was told to nobody.
pub async fn an_admission_that_a_crash_took_back_was_not_told(source: impl JournalSource) {
    let mut bench = a_line(source, 3).await;
    let journal = bench.factory.journal();
    bench.policy.settings.max_active = 1;
    journal.shut_door();
    let tick = send(&bench, ticking(&bench)).await;
    let leave = queue(leaving(&bench, 1)).await;
    let told = bench.tell(0..3).await;
    drop((tick, leave));
    bench.crash();
    assert_eq!(bench.tell(0..3).await, told);
    assert_eq!(bench.tick().await.admitted, 1);
}

/// Whoever leaves is ahead of others until that is kept, or a crash would make their place worse.
pub async fn an_end_moves_others_once_it_is_kept(source: impl JournalSource) {
    let mut bench = a_line(source, 4).await;
    let journal = bench.factory.journal();
    bench.tick_with_cap(1).await;
    bench.enter(0).await.expect("let in");
    // The note that the fan has come is written for itself; it must not stand before the door instead.
    bench.leave(3).await;
    journal.shut_door();
    let from_line = send(&bench, leaving(&bench, 1)).await;
    let let_in = queue(leaving(&bench, 0)).await;
    let again = queue(leaving(&bench, 1)).await;
    assert_eq!(bench.tell([0, 2]).await, "active, waiting 1");
    assert_eq!(bench.room().tick(bench.concert, bench.policy).await.map(|figures| figures.active), Ok(1));
    journal.open_door();
    assert_eq!((from_line.await, let_in.await, again.await), (Ok(true), Ok(true), Ok(false)));
    assert_eq!(bench.tell(0..3).await, "left, left, waiting 0");
}

/// The same for whoever is skipped, and for a line that is closed.
pub async fn skips_and_closings_show_once_they_are_kept(source: impl JournalSource) {
    let mut bench = a_line(source, 3).await;
    let journal = bench.factory.journal();
    bench.clock.advance(60);
    bench.ask(2).await;
    bench.policy.settings.max_active = 1;
    journal.shut_door();
    let tick = send(&bench, ticking(&bench)).await;
    assert_eq!(bench.tell(0..3).await, "waiting 0, waiting 1, waiting 2");
    journal.open_door();
    assert_eq!(tick.await, Ok(1));
    assert_eq!(bench.tell(0..3).await, "skipped, skipped, active");
    bench.join(3).await;
    journal.shut_door();
    bench.policy.state = RoomState::Closed;
    let tick = send(&bench, ticking(&bench)).await;
    assert_eq!(bench.tell(0..4).await, "skipped, skipped, active, waiting 0");
    journal.open_door();
    assert_eq!(tick.await, Ok(0));
    assert_eq!(bench.tell(0..4).await, "closed, closed, active, closed");
}

/// A fan who asks while their skip is on its way to the disk has come back: they need not ask once more.
pub async fn a_fan_seen_while_being_skipped_has_come_back(source: impl JournalSource) {
    let mut bench = a_line(source, 2).await;
    let journal = bench.factory.journal();
    bench.clock.advance(60);
    bench.ask(1).await;
    bench.policy.settings.max_active = 1;
    journal.shut_door();
    let tick = send(&bench, ticking(&bench)).await;
    bench.ask(0).await;
    journal.open_door();
    assert_eq!(tick.await, Ok(1));
    bench.join(2).await;
    bench.tick_with_cap(2).await;
    assert_eq!(bench.tell(0..3).await, "active, active, waiting 0");
}

/// Calls on their way count: a tick behind them admits no more than what is left of the cap.
pub async fn calls_on_their_way_count_for_the_cap(source: impl JournalSource) {
    let mut bench = a_line(source, 9).await;
    let journal = bench.factory.journal();
    bench.policy.settings.max_active = 3;
    journal.shut_door();
    let first = send(&bench, ticking(&bench)).await;
    assert_eq!(ticking(&bench).await, Ok(0), "there is nothing to decide, so nothing to wait for");
    bench.policy.settings.max_active = 5;
    let second = attempt(ticking(&bench)).await;
    journal.open_door();
    let let_in = first.await.expect("kept") + second.await.expect("kept");
    let figures = bench.tick().await;
    assert_eq!((let_in + figures.admitted, figures.active), (5, 5));
    assert_eq!(bench.tell(4..6).await, "active, waiting 0");
}

/// A leave behind a call ends the session that the call begins.
pub async fn a_leave_behind_a_call_ends_the_session(source: impl JournalSource) {
    let mut bench = a_line(source, 3).await;
    let journal = bench.factory.journal();
    bench.policy.settings.max_active = 1;
    journal.shut_door();
    let tick = send(&bench, ticking(&bench)).await;
    let leave = queue(leaving(&bench, 0)).await;
    journal.open_door();
    assert_eq!((tick.await, leave.await), (Ok(1), Ok(true)));
    assert_eq!(bench.state(0).await.admitted_at(), Some(bench.now()), "they were let in, and left");
    assert_eq!(bench.tick().await.admitted, 1);
    assert_eq!(bench.tell(0..3).await, "left, active, waiting 0");
    bench.crash();
    assert_eq!(bench.tell(0..3).await, "left, active, waiting 0");
}

/// A line that is closed behind a call leaves the called in; whoever joins behind the closing stays in line.
pub async fn a_closing_ends_who_was_in_line_when_it_was_decided(source: impl JournalSource) {
    let mut bench = a_line(source, 3).await;
    let journal = bench.factory.journal();
    bench.policy.settings.max_active = 1;
    journal.shut_door();
    let call = send(&bench, ticking(&bench)).await;
    let leave = queue(leaving(&bench, 1)).await;
    bench.policy.state = RoomState::Closed;
    let closing = queue(ticking(&bench)).await;
    bench.policy.state = RoomState::Open;
    let join = queue(joining(&bench, 3)).await;
    journal.open_door();
    assert_eq!((call.await, leave.await, closing.await), (Ok(1), Ok(true), Ok(0)));
    assert!(join.await.expect("kept").is_new);
    let told = bench.tell([0, 2, 3]).await;
    assert_eq!(told, "active, closed, waiting 0");
    let over = bench.tell([1]).await;
    assert!(over == "left" || over == "closed", "fan 1 is {over}");
    bench.crash();
    assert_eq!((bench.tell([0, 2, 3]).await, bench.tell([1]).await), (told, over));
    let figures = bench.tick().await;
    assert_eq!((figures.waiting, figures.active), (1, 1));
}

/// Everything that came before a close in good order is kept, and answered so.
pub async fn a_close_keeps_what_came_before(source: impl JournalSource) {
    let mut bench = a_line(source, 2).await;
    let journal = bench.factory.journal();
    journal.shut_door();
    let first = send(&bench, joining(&bench, 2)).await;
    let second = queue(joining(&bench, 3)).await;
    let leave = queue(leaving(&bench, 0)).await;
    let line = bench.factory.line();
    let closing = tokio::task::spawn_blocking(move || line.close());
    journal.open_door();
    closing.await.expect("it closes");
    assert!(first.await.is_ok() && second.await.is_ok());
    assert_eq!(leave.await, Ok(true));
    let late = bench.room().join(bench.concert, bench.newcomer(9), Ok(())).await;
    assert!(matches!(late, Err(LineError::Unavailable(_))), "{late:?}");
    bench.reopen();
    assert_eq!(bench.tell([0, 1, 2, 3, 9]).await, "left, waiting 0, waiting 1, waiting 2, nothing");
}

/// A line that is stopping says no and means it: what it has refused is not there afterwards.
pub async fn a_stopping_line_keeps_nothing_that_it_refused(source: impl JournalSource) {
    let mut bench = a_line(source, 1).await;
    let journal = bench.factory.journal();
    journal.shut_door();
    let mut asked = vec![(1, send(&bench, joining(&bench, 1)).await)];
    let line = bench.factory.line();
    let closing = tokio::task::spawn_blocking(move || line.close());
    let mut fan = 2;
    // Asks until the line says that it is stopping. The tests' own time limit bounds it.
    let refused = loop {
        let mut on_its_way = joining(&bench, fan);
        match poll_immediate(&mut on_its_way).await {
            None => asked.push((fan, on_its_way)),
            Some(answer) => break answer,
        }
        fan += 1;
        tokio::task::yield_now().await;
    };
    assert!(matches!(refused, Err(LineError::Unavailable(_))), "{refused:?}");
    journal.open_door();
    closing.await.expect("it closes");
    for (fan, on_its_way) in asked {
        assert!(on_its_way.await.is_ok(), "fan {fan} asked before");
    }
    bench.reopen();
    assert_eq!(bench.tell([fan]).await, "nothing", "fan {fan} was told that nothing happened");
}
