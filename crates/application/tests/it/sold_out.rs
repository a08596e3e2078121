//! That a performance is sold out is told: once, by whichever instance, and again when seats have come back.

use std::sync::Arc;

use frontrow_application::catalog::SchedulePatch;
use frontrow_application::reservation::{HoldRequest, KeepBack, SeatSelection};
use frontrow_application::staff::By;
use frontrow_domain::catalog::{RefundPolicy, RefundRow};
use frontrow_domain::event::{ConcertSoldOut, Event, OutboxEvent};
use frontrow_domain::wallet::ChargeMethod;
use frontrow_domain::{Money, ReservationId, ScheduleId, SeatNo, UserId};
use frontrow_testkit::faults::FaultyStore;
use frontrow_testkit::memory::MemoryFactory;
use frontrow_testkit::stage::seats;
use frontrow_testkit::{Stage, StoreFactory, bounded};
use futures_util::future::{join_all, poll_immediate};

/// Seconds after the opening at which a stage begins to sell.
const LATE: u32 = 90;

struct Evening {
    factory: Arc<MemoryFactory>,
    stage: Stage,
    schedule: ScheduleId,
    fan: UserId,
}

impl Evening {
    /// A sale of so many seats that opened a while ago, and a fan who can buy them all.
    async fn open(size: u32) -> Self {
        let factory = Arc::new(MemoryFactory::new());
        let stage = Stage::open(&*factory);
        let policy = RefundPolicy::of(vec![RefundRow { until_hours_before: 0, percent: 100 }]);
        let schedule = stage
            .a_schedule()
            .seats(size)
            .price(1_000)
            .max_seats_per_fan(size)
            .refund_policy(policy)
            .booking_start(stage.now())
            .make()
            .await;
        let fan = stage.a_fan().with_balance(1_000_000).make().await;
        stage.clock.advance(LATE);
        Self { factory, stage, schedule, fan }
    }

    async fn hold(&self, stage: &Stage, seat: u32) -> ReservationId {
        let request = HoldRequest { schedule: self.schedule, seats: seats([seat]) };
        stage.app.hold(self.fan, request, None).await.expect("held").outcome.0.id
    }

    async fn buy(&self, seat: u32) -> ReservationId {
        let held = self.hold(&self.stage, seat).await;
        self.stage.app.pay(self.fan, held, None).await.expect("paid");
        held
    }

    async fn keep_back(&self, what: KeepBack, seat: u32) {
        let run = Some(vec![(SeatNo::new(seat), SeatNo::new(seat))]);
        let selection = SeatSelection { seats: run, ..SeatSelection::default() };
        self.stage.app.keep_back(By::System, self.schedule, what, selection, None, None).await.expect("done");
    }

    async fn tick(&self) -> usize {
        self.stage.app.tick_sold_out().await.expect("the store is sound")
    }

    async fn is_marked(&self) -> bool {
        let schedule = self.stage.opened.reads.schedule(self.schedule).await.expect("read").expect("there");
        schedule.sold_out_at.is_some()
    }

    fn told(&self) -> Vec<(OutboxEvent, ConcertSoldOut)> {
        let outbox = self.factory.outbox().into_iter();
        let sold_out = |event: OutboxEvent| match event.event.clone() {
            Event::ConcertSoldOut(sold_out) => Some((event, sold_out)),
            _ => None,
        };
        outbox.filter_map(sold_out).collect()
    }
}

#[test]
fn the_last_seat_is_told_once_with_how_long_it_took() {
    bounded(async {
        let evening = Evening::open(3).await;
        assert_eq!(evening.tick().await, 0);
        evening.keep_back(KeepBack::Block, 3).await;
        evening.buy(1).await;
        evening.stage.clock.advance(10);
        let held = evening.hold(&evening.stage, 2).await;
        // What is held may come back.
        assert_eq!((evening.tick().await, evening.is_marked().await), (0, false));
        evening.stage.app.pay(evening.fan, held, None).await.expect("paid");
        let sold_out_at = evening.stage.now();
        evening.stage.clock.advance(1);
        assert_eq!((evening.tick().await, evening.is_marked().await), (1, true));
        for _ in 0..3 {
            assert_eq!(evening.tick().await, 0);
        }
        let [(event, sold_out)] = &evening.told()[..] else { panic!("told once: {:?}", evening.told()) };
        assert_eq!(
            (sold_out.schedule_id, sold_out.seats_sold, sold_out.seats_kept_back),
            (evening.schedule, 2, 1)
        );
        assert_eq!((sold_out.sold_out_at, sold_out.sold_out_seconds), (sold_out_at, u64::from(LATE + 10)));
        assert_eq!(event.at, sold_out_at.plus_seconds(1));
        // Blocking was the first that was told of the schedule.
        assert_eq!((event.key.as_u128(), event.sequence), (u128::from(evening.schedule.get()), 2));
    });
}

#[test]
fn seats_that_are_only_kept_back_are_not_sold_out() {
    bounded(async {
        let evening = Evening::open(2).await;
        evening.keep_back(KeepBack::Block, 1).await;
        evening.keep_back(KeepBack::Block, 2).await;
        assert_eq!((evening.tick().await, evening.is_marked().await), (0, false));
        // And keeping back what is left besides what was sold is.
        evening.keep_back(KeepBack::Release, 1).await;
        evening.buy(1).await;
        assert_eq!(evening.tick().await, 1);
    });
}

#[test]
fn selling_out_again_after_a_refund_or_a_release_is_told_again() {
    bounded(async {
        let evening = Evening::open(2).await;
        let first = evening.buy(1).await;
        evening.keep_back(KeepBack::Block, 2).await;
        assert_eq!(evening.tick().await, 1);
        evening.stage.app.cancel(evening.fan, first).await.expect("refunded");
        assert_eq!((evening.tick().await, evening.is_marked().await), (0, false));
        evening.buy(1).await;
        assert_eq!(evening.tick().await, 1);
        evening.keep_back(KeepBack::Release, 2).await;
        assert!(!evening.is_marked().await);
        evening.buy(2).await;
        assert_eq!(evening.tick().await, 1);
        let sequences: Vec<_> = evening.told().iter().map(|(event, _)| event.sequence).collect();
        // Block 1, told 2, told 3, release 4, told 5.
        assert_eq!(sequences, [2, 3, 5]);
    });
}

#[test]
fn whichever_instances_look_it_is_told_once() {
    bounded(async {
        let evening = Evening::open(2).await;
        let others: Vec<_> = (0..4).map(|_| evening.stage.second()).collect();
        for other in &others {
            // All know the map, and have looked at everything once.
            other.map(evening.schedule).await;
            assert_eq!(other.app.tick_sold_out().await, Ok(0));
        }
        let first = evening.hold(&others[0], 1).await;
        let second = evening.hold(&others[1], 2).await;
        others[0].app.pay(evening.fan, first, None).await.expect("paid");
        others[1].app.pay(evening.fan, second, None).await.expect("paid");
        let told = join_all(others.iter().map(|other| other.app.tick_sold_out())).await;
        assert_eq!(told.into_iter().map(|told| told.expect("sound")).sum::<usize>(), 1);
        assert_eq!(evening.told().len(), 1);
    });
}

#[test]
fn what_a_dead_instance_has_not_told_is_found_by_another() {
    bounded(async {
        let evening = Evening::open(1).await;
        let dead = evening.stage.second();
        let other = evening.stage.second();
        assert_eq!(other.app.tick_sold_out().await, Ok(0));
        let held = evening.hold(&dead, 1).await;
        dead.app.pay(evening.fan, held, None).await.expect("paid");
        drop(dead);
        // One that starts looks at everything; one that runs does so after a while.
        assert_eq!(other.app.tick_sold_out().await, Ok(0));
        other.clock.advance(601);
        assert_eq!(other.app.tick_sold_out().await, Ok(1));
        assert_eq!(evening.tick().await, 0);
        assert_eq!(evening.told().len(), 1);
    });
}

#[test]
fn what_was_called_off_is_not_sold_out() {
    bounded(async {
        let evening = Evening::open(1).await;
        evening.buy(1).await;
        let reason = "rain".to_owned();
        evening
            .stage
            .app
            .cancel_schedule(By::System, evening.schedule, reason, None)
            .await
            .expect("called off");
        assert_eq!((evening.tick().await, evening.is_marked().await), (0, false));
        evening.stage.app.tick_cancellations().await.expect("taken back");
        assert_eq!(evening.tick().await, 0);
        assert_eq!(evening.told(), []);
    });
}

#[test]
fn telling_it_leaves_the_map_and_those_who_follow_it_alone() {
    bounded(async {
        let evening = Evening::open(2).await;
        evening.buy(1).await;
        evening.buy(2).await;
        let board = || evening.stage.app.any_schedule(evening.schedule);
        let before = board().await.expect("read").expect("there").board;
        assert_eq!(evening.tick().await, 1);
        let after = board().await.expect("read").expect("there").board;
        assert!(Arc::ptr_eq(&before, &after), "the board was made anew");
        // An edit does not undo it.
        let patch = SchedulePatch { sales_paused: Some(true), ..SchedulePatch::default() };
        let edited = evening.stage.app.edit_schedule(By::System, evening.schedule, patch).await;
        assert!(edited.expect("edited").sold_out_at.is_some());
        evening.stage.assert_clean().await;
    });
}

#[test]
fn what_is_told_rests_on_the_map_that_was_looked_at() {
    bounded(async {
        let evening = Evening::open(1).await;
        let seller = evening.stage.second();
        assert_eq!(
            (seller.map(evening.schedule).await.as_str(), seller.app.tick_sold_out().await),
            ("a", Ok(0))
        );
        let held = evening.hold(&seller, 1).await;
        seller.app.pay(evening.fan, held, None).await.expect("paid");
        evening.stage.app.cancel(evening.fan, held).await.expect("refunded");
        // It has not heard of the refund: what it shows is full.
        assert_eq!(seller.map(evening.schedule).await, "s");
        assert_eq!(seller.app.tick_sold_out().await, Ok(0));
        assert_eq!((evening.told(), evening.is_marked().await), (vec![], false));
    });
}

#[test]
fn a_seat_that_comes_back_in_the_same_group_is_seen() {
    bounded(async {
        let evening = Evening::open(1).await;
        let (door, opened) = FaultyStore::before(&evening.stage.opened);
        let stage = evening.stage.on(opened);
        let held = evening.hold(&stage, 1).await;
        stage.app.pay(evening.fan, held, None).await.expect("paid");
        let arrived = door.arrived();
        door.shut_door();
        let mut plug =
            Box::pin(stage.app.charge(By::System, evening.fan, Money::of(1_000), ChargeMethod::Card, None));
        assert!(poll_immediate(&mut plug).await.is_none(), "the door is shut");
        door.until_arrived(arrived + 1).await;
        let mut refund = Box::pin(stage.app.cancel(evening.fan, held));
        assert!(poll_immediate(&mut refund).await.is_none(), "the refund waits");
        let mut tick = Box::pin(stage.app.tick_sold_out());
        assert!(poll_immediate(&mut tick).await.is_none(), "telling waits");
        door.open_door();
        plug.await.expect("charged");
        refund.await.expect("refunded");
        assert_eq!(tick.await, Ok(0));
        // Both were decided in one group, the refund first.
        assert_eq!(door.sizes().last(), Some(&2));
        assert_eq!((evening.told(), evening.is_marked().await), (vec![], false));
    });
}
