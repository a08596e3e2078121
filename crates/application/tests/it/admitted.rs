//! That a fan was let in is told: once, whatever fails on the way, by whichever instance.

use std::sync::Arc;

use frontrow_application::waiting_room::WaitingRoom as _;
use frontrow_domain::event::{Event, OutboxEvent, QueueAdmitted};
use frontrow_domain::queue::EndReason;
use frontrow_domain::{ConcertId, UserId};
use frontrow_testkit::faults::{Fault, FaultyStore};
use frontrow_testkit::memory::MemoryFactory;
use frontrow_testkit::{Stage, StoreFactory as _, bounded};
use futures_util::future::join;

/// Fans a second: a rate that never binds.
const FAST: u32 = 10_000;

struct Evening {
    factory: Arc<MemoryFactory>,
    stage: Stage,
    concert: ConcertId,
}

impl Evening {
    /// A concert with a line that lets in so many, as fast as they come.
    async fn open(cap: u32) -> Self {
        let factory = Arc::new(MemoryFactory::new());
        let stage = Stage::open(&*factory);
        let concert = stage.a_concert().with_room(cap, FAST).make().await;
        stage.a_schedule().of(concert).seats(10).make().await;
        Self { factory, stage, concert }
    }

    /// So many fans come, and the line moves on.
    async fn let_in(&self, fans: u32) -> Vec<UserId> {
        let fans = self.stage.fans(fans, 0).await;
        for &fan in &fans {
            self.stage.app.join_queue(fan, self.concert).await.expect("a place");
        }
        self.move_on().await;
        fans
    }

    async fn move_on(&self) {
        self.stage.app.tick_lines().await.expect("the lines move on");
        self.stage.clock.advance(1);
    }

    fn told(&self) -> Vec<(OutboxEvent, QueueAdmitted)> {
        let admitted = |event: OutboxEvent| match event.event.clone() {
            Event::QueueAdmitted(admitted) => Some((event, admitted)),
            _ => None,
        };
        self.factory.outbox().into_iter().filter_map(admitted).collect()
    }

    fn told_fans(&self) -> Vec<UserId> {
        self.told().into_iter().map(|(_, admitted)| admitted.user_id).collect()
    }
}

#[test]
fn whoever_is_let_in_is_told_of_once() {
    bounded(async {
        let evening = Evening::open(4).await;
        assert_eq!(evening.stage.app.tick_admitted().await, Ok(0));
        let began = evening.stage.now();
        let fans = evening.let_in(5).await;
        assert_eq!(evening.stage.app.tick_admitted().await, Ok(4), "as many as the cap admits");
        for _ in 0..3 {
            assert_eq!(evening.stage.app.tick_admitted().await, Ok(0));
        }
        assert_eq!(evening.told_fans(), fans[..4]);
        let (event, admitted) = evening.told().swap_remove(3);
        assert_eq!(
            (event.key, event.sequence, event.at),
            (admitted.entry_id.uuid(), 1, admitted.admitted_at)
        );
        assert_eq!((admitted.concert_id, admitted.number.get()), (evening.concert, 4));
        assert_eq!(admitted.joined_at, began);
        assert_eq!(admitted.admitted_at, began);
        // A fan who leaves makes room for the last.
        let room = &evening.stage.line;
        room.end(evening.concert, fans[0], None, EndReason::Left).await.expect("left");
        evening.move_on().await;
        assert_eq!(evening.stage.app.tick_admitted().await, Ok(1));
        assert_eq!(evening.told_fans(), fans);
    });
}

/// A thousand at once are several commands; a failure between them repeats some of them, and none of the events.
#[test]
fn a_write_that_may_have_happened_is_not_repeated() {
    bounded(async {
        let evening = Evening::open(500).await;
        let (store, opened) = FaultyStore::before(&evening.stage.opened);
        let stage = evening.stage.on(opened);
        let mut fans = evening.let_in(500).await;
        store.pass_next();
        store.fail_next(Fault::UnknownAfter);
        assert!(stage.app.tick_admitted().await.is_err(), "nobody knows");
        let half = evening.told_fans().len();
        assert!(0 < half && half < 500, "{half} were told of before the failure");
        assert_eq!(stage.app.tick_admitted().await, Ok(500));
        let mut told = evening.told_fans();
        told.sort_unstable();
        fans.sort_unstable();
        assert_eq!(told, fans, "each once");
    });
}

/// An instance that has let somebody in and died leaves them to the others, or to its next start.
#[test]
fn what_an_instance_has_left_is_found() {
    bounded(async {
        let evening = Evening::open(10).await;
        let fans = evening.let_in(3).await;
        let second = evening.stage.second();
        assert_eq!(second.app.tick_admitted().await, Ok(3), "it has seen nothing of it");
        assert_eq!(evening.stage.app.tick_admitted().await, Ok(0));
        let more = evening.let_in(2).await;
        let Evening { factory, stage, concert } = evening;
        drop(second);
        let evening = Evening { stage: stage.restart(&*factory), factory, concert };
        evening.stage.clock.advance(1);
        assert_eq!(evening.stage.app.tick_admitted().await, Ok(2));
        assert_eq!(evening.told_fans(), [fans, more].concat());
    });
}

#[test]
fn two_instances_at_once_tell_once() {
    bounded(async {
        let evening = Evening::open(100).await;
        let second = evening.stage.second();
        let fans = evening.let_in(50).await;
        let (one, other) = join(evening.stage.app.tick_admitted(), second.app.tick_admitted()).await;
        assert!(one.is_ok() && other.is_ok(), "{one:?}, {other:?}");
        assert_eq!(evening.told_fans(), fans);
    });
}

/// With the setting off nothing is told, and the line lets go of whom it would have been.
#[test]
fn where_nobody_wants_to_know_nothing_is_written() {
    bounded(async {
        let evening = Evening::open(100).await;
        let silent = Stage::with(&*evening.factory, |settings| settings.tells_admissions = false);
        let concert = silent.a_concert().with_room(5, FAST).make().await;
        silent.a_schedule().of(concert).seats(10).make().await;
        let evening = Evening { stage: silent, concert, ..evening };
        evening.let_in(5).await;
        assert_eq!(evening.stage.line.untold(concert).await.map(|untold| untold.len()), Ok(1));
        assert_eq!(evening.stage.app.tick_admitted().await, Ok(0));
        assert_eq!(evening.told(), []);
        assert_eq!(evening.stage.line.untold(concert).await, Ok(vec![]));
    });
}
