//! That a schedule is sold out is told once, whoever looks, and marked only while it is so.

use frontrow_application::payment::PayOutcome;
use frontrow_application::reservation::HoldRequest;
use frontrow_domain::catalog::{RefundPolicy, RefundRow};
use frontrow_domain::event::Event;
use frontrow_domain::reservation::SeatState;
use frontrow_domain::{ReservationId, ScheduleId, UserId};
use futures_util::future::{join, join_all};

use crate::stage::{Stage, seats};
use crate::store::StoreFactory;

/// How often seats come back and go again while everybody looks.
const ROUNDS: usize = 12;

async fn a_sale(stage: &Stage, size: u32) -> (ScheduleId, UserId) {
    let policy = RefundPolicy::of(vec![RefundRow { until_hours_before: 0, percent: 100 }]);
    let schedule = stage
        .a_schedule()
        .seats(size)
        .price(1_000)
        .max_seats_per_fan(size)
        .refund_policy(policy)
        .make()
        .await;
    (schedule, stage.a_fan().with_balance(1_000_000).make().await)
}

async fn buy(stage: &Stage, fan: UserId, schedule: ScheduleId, seat: u32) -> ReservationId {
    let request = HoldRequest { schedule, seats: seats([seat]) };
    let held = stage.app.hold(fan, request, None).await.expect("held").outcome.0.id;
    let paid = stage.app.pay(fan, held, None).await.expect("paid").outcome;
    assert!(matches!(paid, PayOutcome::Paid(_)));
    held
}

async fn look(stage: &Stage) -> usize {
    stage.app.tick_boards().await.expect("the store can be read");
    stage.app.tick_sold_out().await.expect("the store is sound")
}

async fn is_marked(stage: &Stage, schedule: ScheduleId) -> bool {
    let found = stage.opened.reads.schedule(schedule).await.expect("read").expect("there");
    found.sold_out_at.is_some()
}

/// How often it was told; never twice without a seat that came back in between.
fn told(factory: &impl StoreFactory) -> usize {
    let mut count = 0;
    let mut came_back = true;
    for event in factory.outbox() {
        match event.event {
            Event::ReservationRefunded(_) => came_back = true,
            Event::ConcertSoldOut(_) => {
                assert!(came_back, "told twice of the same");
                (count, came_back) = (count + 1, false);
            }
            _ => {}
        }
    }
    count
}

/// All instances look at once.
pub async fn selling_out_is_told_once_by_all_instances_and_again_after_a_refund(factory: impl StoreFactory) {
    let stage = Stage::open(&factory);
    let (schedule, fan) = a_sale(&stage, 2).await;
    let all = [stage.second(), stage.second(), stage.second(), stage];
    for instance in &all {
        instance.map(schedule).await;
        assert_eq!(look(instance).await, 0);
    }
    let first = buy(&all[0], fan, schedule, 1).await;
    assert_eq!((look(&all[0]).await, is_marked(&all[0], schedule).await), (0, false));
    buy(&all[1], fan, schedule, 2).await;
    let counts = join_all(all.iter().map(look)).await;
    assert_eq!((counts.iter().sum::<usize>(), told(&factory)), (1, 1));
    assert!(is_marked(&all[0], schedule).await);
    all[2].app.cancel(fan, first).await.expect("given back");
    assert!(!is_marked(&all[0], schedule).await);
    let counts = join_all(all.iter().map(look)).await;
    assert_eq!((counts.iter().sum::<usize>(), told(&factory)), (0, 1));
    buy(&all[3], fan, schedule, 1).await;
    let counts = join_all(all.iter().map(look)).await;
    assert_eq!((counts.iter().sum::<usize>(), told(&factory)), (1, 2));
    all[0].assert_clean().await;
}

/// Instances that look while another gives a seat back and sells it again never mark what has a seat to be had, and at
/// rest it is told.
pub async fn telling_races_refunds_and_sales(factory: impl StoreFactory) {
    let stage = Stage::open(&factory);
    let (schedule, fan) = a_sale(&stage, 2).await;
    let all = [stage.second(), stage.second(), stage];
    let mut last = buy(&all[0], fan, schedule, 1).await;
    buy(&all[0], fan, schedule, 2).await;
    for _ in 0..ROUNDS {
        let give_back = async {
            all[0].app.cancel(fan, last).await.expect("given back");
        };
        let looks = all.iter().map(look);
        join(give_back, join_all(looks)).await;
        assert!(!is_marked(&all[0], schedule).await, "a seat is to be had");
        let sell = async { buy(&all[1], fan, schedule, 1).await };
        let looks = all.iter().map(look);
        (last, _) = join(sell, join_all(looks)).await;
        // Whoever looked too early looks again.
        join_all(all.iter().map(look)).await;
        let board = all[1].app.any_schedule(schedule).await.expect("read").expect("there").board;
        assert_eq!((board.count(SeatState::Sold), is_marked(&all[1], schedule).await), (2, true));
    }
    let count = told(&factory);
    assert!((ROUNDS..=ROUNDS + 1).contains(&count), "told {count} times in {ROUNDS} rounds");
    all[0].assert_clean().await;
}
