//! A sale with a lobby (R-Q8): from the first fan in it to an order that anybody can work out again.

use std::collections::HashMap;
use std::sync::Arc;

use frontrow_application::catalog::{ConcertPatch, WaitingRoomPatch};
use frontrow_application::queue::{DrawError, Entrance, GateRefused, JoinFailure, QueueState, ShownDraw};
use frontrow_application::reservation::{HoldRequest, HoldSeatsRefused};
use frontrow_application::staff::By;
use frontrow_application::waiting_room::Pass;
use frontrow_application::{Failure, OnceRefused};
use frontrow_domain::queue::draw::verify;
use frontrow_domain::queue::{JoinRefused, RoomState};
use frontrow_domain::{ConcertId, EntryId, ScheduleId, Timestamp, UserId};
use frontrow_testkit::clock::ManualClock;
use frontrow_testkit::faults::{Fault, FaultyStore};
use frontrow_testkit::memory::MemoryFactory;
use frontrow_testkit::stage::seats;
use frontrow_testkit::store::StoreFactory as _;
use frontrow_testkit::{Stage, bounded};

/// Seconds from the beginning until the lobby opens, and until the sale does.
const LOBBY_AFTER: u32 = 100;
const SALE_AFTER: u32 = 700;

struct Sale {
    stage: Stage,
    concert: ConcertId,
    schedule: ScheduleId,
}

impl Sale {
    /// A sale that opens in a while, with a lobby.
    async fn on(stage: Stage) -> Self {
        let concert = stage.a_concert().with_room(1_000, 1_000).make().await;
        let opens_at = stage.now().plus_seconds(SALE_AFTER);
        let schedule = stage.a_schedule().of(concert).booking_start(opens_at).make().await;
        let sale = Self { stage, concert, schedule };
        sale.lobby_opens(Some(sale.stage.now().plus_seconds(LOBBY_AFTER))).await;
        sale
    }

    async fn lobby_opens(&self, at: Option<Timestamp>) {
        let waiting_room = WaitingRoomPatch { lobby_opens_at: Some(at), ..WaitingRoomPatch::default() };
        let patch = ConcertPatch { waiting_room, ..ConcertPatch::default() };
        self.stage.app.edit_concert(By::System, self.concert, patch).await.expect("edited");
        self.tick(0).await;
    }

    /// Time goes by, and the lines move on.
    async fn tick(&self, seconds: u32) {
        self.stage.clock.advance(seconds);
        self.stage.clock.advance_micros(250_000);
        self.stage.app.tick_lines().await.expect("the lines move on");
    }

    async fn join(&self, fan: UserId) -> Result<Pass, JoinRefused> {
        match self.stage.app.join_queue(fan, self.concert).await {
            Ok(joined) => Ok(joined.pass),
            Err(JoinFailure::Refused(reason)) => Err(reason),
            Err(other) => panic!("{other:?}"),
        }
    }

    /// So many fans in the lobby, in order of arrival.
    async fn gather(&self, count: u32) -> Vec<(UserId, Pass)> {
        let mut gathered = Vec::new();
        for fan in self.stage.fans(count, 1_000_000).await {
            gathered.push((fan, self.join(fan).await.expect("a place in the lobby")));
        }
        gathered
    }

    async fn state_of_room(&self) -> RoomState {
        self.stage.app.room(self.concert).await.expect("read").expect("there").state
    }

    async fn shown(&self) -> Option<ShownDraw> {
        self.stage.app.room(self.concert).await.expect("read").expect("there").draw()
    }

    /// The published order.
    async fn published(&self) -> Vec<EntryId> {
        let mut entries = Vec::new();
        let part = |first| self.stage.app.draw_part(self.concert, first);
        while let Some(more) = part(u32::try_from(entries.len()).expect("few")).await.expect("read") {
            entries.extend(more);
        }
        entries
    }
}

fn sale_on(factory: &MemoryFactory) -> impl Future<Output = Sale> {
    Sale::on(Stage::open(factory))
}

#[test]
fn fans_of_a_lobby_come_into_the_order_that_was_committed_to() {
    bounded(async {
        let sale = sale_on(&MemoryFactory::new()).await;
        let early = sale.stage.fans(1, 0).await[0];
        assert_eq!(sale.state_of_room().await, RoomState::Scheduled);
        let opens_at = Some(sale.stage.now().plus_seconds(SALE_AFTER));
        let refused = sale.join(early).await.expect_err("nobody is in before the lobby opens");
        assert!(matches!(refused, JoinRefused::NotOpen { opens_at: at } if at <= opens_at));
        assert_eq!(sale.shown().await, None);

        sale.tick(LOBBY_AFTER).await;
        let gathered = sale.gather(40).await;
        sale.tick(1).await;
        assert_eq!(sale.state_of_room().await, RoomState::Lobby);
        let promised = sale.shown().await.expect("a commitment");
        assert_eq!(promised.outcome, None);
        for (_, pass) in &gathered {
            let status = sale.stage.app.queue_status(*pass).await.expect("a status");
            assert_eq!((status.state, status.ahead, status.wait), (QueueState::Lobby, None, None));
        }
        assert_eq!(sale.stage.app.tick_draws().await, Ok(0), "the sale has not opened");

        sale.tick(SALE_AFTER).await;
        assert_eq!(sale.state_of_room().await, RoomState::Lobby, "nobody is let in before the draw is done");
        assert_eq!(sale.stage.app.tick_draws().await, Ok(1));
        assert_eq!(sale.stage.app.tick_draws().await, Ok(0), "there is one draw");
        let mut in_line: Vec<(u64, EntryId)> = Vec::new();
        for (_, pass) in &gathered {
            let status = sale.stage.app.queue_status(*pass).await.expect("a status");
            assert_eq!((status.state, status.entry), (QueueState::Waiting, pass.entry));
            in_line.push((status.ahead.expect("in line"), pass.entry));
        }
        in_line.sort_unstable();
        sale.tick(0).await;
        assert_eq!(sale.state_of_room().await, RoomState::Open);
        let shown = sale.shown().await.expect("a draw");
        let outcome = shown.outcome.expect("it is done");
        assert_eq!((shown.commitment, outcome.entries), (promised.commitment, 40));
        let published = sale.published().await;
        assert_eq!(verify(&outcome.seed, &promised.commitment, &published), Ok(()));
        assert_eq!(in_line.into_iter().map(|(_, entry)| entry).collect::<Vec<_>>(), published);
        let arrival: Vec<EntryId> = gathered.iter().map(|(_, pass)| pass.entry).collect();
        assert_ne!(published, arrival);

        // And whoever comes now is behind all of them.
        let late = sale.join(early).await.expect("the sale is open");
        sale.tick(0).await;
        assert!(!late.sequence.is_lobby());
        let status = sale.stage.app.queue_status(gathered[0].1).await.expect("a status");
        assert!(status.state == QueueState::Active && status.sequence < late.sequence);
    });
}

#[test]
fn a_token_from_the_lobby_opens_the_door_when_its_fan_is_let_in() {
    bounded(async {
        let sale = sale_on(&MemoryFactory::new()).await;
        sale.tick(LOBBY_AFTER).await;
        let (fan, pass) = sale.gather(1).await[0];
        let hold = || {
            let request = HoldRequest { schedule: sale.schedule, seats: seats([1]) };
            sale.stage.app.hold_by(fan, Entrance::Fan(Some(pass)), request, None)
        };
        let refused = hold().await.map(|held| held.outcome.0.id);
        let not_active = HoldSeatsRefused::Gate(GateRefused::NotActive);
        assert_eq!(refused, Err(Failure::Refused(OnceRefused::Refused(not_active))));
        sale.tick(SALE_AFTER).await;
        sale.stage.app.tick_draws().await.expect("drawn");
        // Whoever is gone when their turn comes is skipped, also from a lobby.
        let status = sale.stage.app.queue_status(pass).await.expect("a status");
        assert_eq!(status.state, QueueState::Waiting);
        sale.tick(0).await;
        sale.tick(0).await;
        hold().await.expect("let in");
    });
}

#[test]
fn whatever_fails_on_the_way_the_draw_is_done_once_and_nobody_is_lost() {
    bounded(async {
        for fault in [Fault::Unavailable, Fault::UnknownBefore, Fault::UnknownAfter] {
            for passing in 0..2 {
                let clock = ManualClock::default();
                let opened = MemoryFactory::new().open(Arc::new(clock.clone()));
                let (store, opened) = FaultyStore::before(&opened);
                let sale = Sale::on(Stage::over(opened, clock, |_| {})).await;
                sale.tick(LOBBY_AFTER).await;
                let gathered = sale.gather(20).await;
                sale.tick(SALE_AFTER).await;
                (0..passing).for_each(|_| store.pass_next());
                store.fail_next(fault);
                let failed = sale.stage.app.tick_draws().await;
                assert!(matches!(failed, Err(DrawError::Write(_))), "{fault:?} at {passing}: {failed:?}");
                store.heal();
                let late = sale.stage.fans(1, 0).await[0];
                let late = sale.join(late).await.expect("a place");
                // Unless the last write did happen, there is something left to do.
                sale.tick(0).await;
                sale.stage.app.tick_draws().await.expect("drawn");
                sale.tick(0).await;
                let shown = sale.shown().await.expect("a draw");
                let outcome = shown.outcome.expect("it is done");
                let published = sale.published().await;
                assert_eq!(verify(&outcome.seed, &shown.commitment, &published), Ok(()));
                assert_eq!((published.len(), outcome.entries), (20, 20), "{fault:?} at {passing}");
                let mut numbers = HashMap::new();
                for (_, pass) in gathered {
                    let status = sale.stage.app.queue_status(pass).await.expect("a status");
                    numbers.insert(pass.entry, status.sequence);
                }
                assert!(published.is_sorted_by_key(|entry| numbers[entry]), "{fault:?} at {passing}");
                let last = sale.stage.app.queue_status(late).await.expect("a status").sequence;
                assert!(numbers.values().all(|number| *number < last) && !last.is_lobby());
            }
        }
    });
}

#[test]
fn a_draw_that_fails_keeps_no_other_sale_from_opening() {
    bounded(async {
        let clock = ManualClock::default();
        let opened = MemoryFactory::new().open(Arc::new(clock.clone()));
        let (store, opened) = FaultyStore::before(&opened);
        let Sale { stage, concert: first, .. } = Sale::on(Stage::over(opened, clock, |_| {})).await;
        let Sale { stage, concert: second, .. } = Sale::on(stage).await;
        stage.clock.advance(2 * SALE_AFTER);
        stage.app.tick_lines().await.expect("the lines move on");
        // Nobody came, so each draw is one write. Whichever is first fails.
        store.fail_next(Fault::Unavailable);
        assert!(matches!(stage.app.tick_draws().await, Err(DrawError::Write(_))));
        let mut drawn = 0;
        for concert in [first, second] {
            let concert = stage.opened.reads.concert(concert).await.expect("read").expect("there");
            drawn += u32::from(concert.draw.is_some_and(|draw| draw.drawn_at.is_some()));
        }
        assert_eq!(drawn, 1);
    });
}

#[test]
fn what_was_committed_to_stays_whatever_is_edited() {
    bounded(async {
        let sale = sale_on(&MemoryFactory::new()).await;
        sale.tick(LOBBY_AFTER).await;
        let promised = sale.shown().await.expect("a commitment");
        sale.lobby_opens(None).await;
        assert_eq!((sale.state_of_room().await, sale.shown().await), (RoomState::Scheduled, None));
        sale.lobby_opens(Some(sale.stage.now())).await;
        sale.tick(1).await;
        assert_eq!(sale.shown().await, Some(promised));
        sale.gather(3).await;
        sale.tick(SALE_AFTER).await;
        sale.stage.app.tick_draws().await.expect("drawn");
        sale.tick(0).await;
        let drawn = sale.shown().await.expect("a draw");
        assert_eq!(drawn.commitment, promised.commitment);
        // One sale is drawn once: a lobby that is put up again does not close it.
        sale.lobby_opens(Some(sale.stage.now().plus_seconds(60))).await;
        assert_eq!((sale.state_of_room().await, sale.shown().await), (RoomState::Open, Some(drawn)));
        assert_eq!(sale.stage.app.tick_draws().await, Ok(0));
    });
}

/// An operator thinks better of it while fans are in the lobby: they come into the line when the sale opens, drawn as promised.
#[test]
fn nobody_stays_behind_in_a_lobby_that_was_taken_away() {
    bounded(async {
        let sale = sale_on(&MemoryFactory::new()).await;
        sale.tick(LOBBY_AFTER).await;
        let gathered = sale.gather(12).await;
        sale.lobby_opens(None).await;
        assert_eq!(sale.state_of_room().await, RoomState::Scheduled);
        assert_eq!(sale.stage.app.tick_draws().await, Ok(0), "the sale has not opened");
        sale.tick(SALE_AFTER).await;
        assert_eq!(sale.state_of_room().await, RoomState::Open);
        assert_eq!(sale.stage.app.tick_draws().await, Ok(1));
        sale.tick(0).await;
        assert_eq!(sale.stage.app.tick_draws().await, Ok(0), "nobody is left");
        for (_, pass) in gathered {
            let status = sale.stage.app.queue_status(pass).await.expect("a status");
            assert!(!status.sequence.is_lobby() && status.state != QueueState::Lobby, "{:?}", status.state);
        }
        let shown = sale.shown().await.expect("a draw");
        let outcome = shown.outcome.expect("it is done");
        assert_eq!(verify(&outcome.seed, &shown.commitment, &sale.published().await), Ok(()));
    });
}

#[test]
fn a_sale_whose_lobby_nobody_has_met_opens_all_the_same() {
    bounded(async {
        let sale = sale_on(&MemoryFactory::new()).await;
        // It would open after the sale: it opens with it.
        sale.lobby_opens(Some(sale.stage.now().plus_seconds(SALE_AFTER + 60))).await;
        sale.tick(SALE_AFTER).await;
        assert_eq!(sale.stage.app.tick_draws().await, Ok(1));
        sale.tick(0).await;
        assert_eq!(sale.state_of_room().await, RoomState::Open);
        assert_eq!(sale.shown().await.and_then(|draw| draw.outcome).map(|outcome| outcome.entries), Some(0));
        assert_eq!(sale.published().await, []);
        let fan = sale.stage.fans(1, 0).await[0];
        assert!(!sale.join(fan).await.expect("the sale is open").sequence.is_lobby());
    });
}

#[test]
fn two_concerts_have_seeds_of_their_own() {
    bounded(async {
        let factory = MemoryFactory::new();
        let one = sale_on(&factory).await;
        let Sale { stage, .. } = one;
        let stage = Arc::new(stage);
        let other = stage.a_concert().with_room(10, 10).make().await;
        assert_ne!(other, one.concert);
        let opens = Some(stage.now().plus_seconds(1));
        let waiting_room = WaitingRoomPatch { lobby_opens_at: Some(opens), ..WaitingRoomPatch::default() };
        let patch = ConcertPatch { waiting_room, ..ConcertPatch::default() };
        let edited = stage.app.edit_concert(By::System, other, patch).await.expect("edited");
        let first = stage.opened.reads.concert(one.concert).await.expect("read").expect("there");
        let seeds = [edited.draw, first.draw].map(|draw| draw.expect("bound to a seed").seed);
        assert_ne!(seeds[0], seeds[1]);
    });
}
