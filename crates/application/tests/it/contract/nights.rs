//! Events as real evenings write them.

use std::collections::{BTreeMap, BTreeSet};

use frontrow_application::reservation::{HoldRequest, KeepBack, SeatSelection};
use frontrow_application::staff::By;
use frontrow_domain::catalog::{RefundPolicy, RefundRow};
use frontrow_domain::event::OutboxEvent;
use frontrow_domain::{ReservationId, ScheduleId, SeatNo, UserId};
use frontrow_testkit::memory::MemoryFactory;
use frontrow_testkit::stage::seats;
use frontrow_testkit::{Stage, StoreFactory, bounded};
use uuid::Uuid;

use super::schemas::Schemas;
use super::{SOURCE, kinds, parse, told};
use crate::simulation::events_of_a_night;

/// Checks every event against its schema, and the numbers of every key. Answers the types that there were.
fn check(events: &[OutboxEvent]) -> BTreeSet<String> {
    let schemas = Schemas::of_the_files();
    let mut last: BTreeMap<Uuid, u64> = BTreeMap::new();
    for event in events {
        let text = told(event).to_cloud_event(SOURCE).expect("written");
        assert_eq!(schemas.complaints(&parse(&text)), Vec::<String>::new(), "{text}");
        let before = last.insert(event.key, event.sequence).unwrap_or(0);
        assert_eq!(event.sequence, before + 1, "{text}");
    }
    events.iter().map(|event| told(event).kind()).collect()
}

async fn hold(stage: &Stage, fan: UserId, schedule: ScheduleId, seat: u32) -> ReservationId {
    let request = HoldRequest { schedule, seats: seats([seat]) };
    stage.app.hold(fan, request, None).await.expect("held").outcome.0.id
}

async fn keep_back(stage: &Stage, schedule: ScheduleId, what: KeepBack) {
    let selection =
        SeatSelection { seats: Some(vec![(SeatNo::new(2), SeatNo::new(3))]), ..SeatSelection::default() };
    stage.app.keep_back(By::System, schedule, what, selection, None, None).await.expect("done");
}

/// An evening on which everything happens that anybody is told of.
async fn everything(stage: &Stage) {
    let policy = RefundPolicy::of(vec![RefundRow { until_hours_before: 1, percent: 90 }]);
    let schedule =
        stage.a_schedule().seats(3).price(10_000).hold_seconds(60).refund_policy(policy).make().await;
    let rich = stage.a_fan().with_balance(100_000).make().await;
    let poor = stage.a_fan().make().await;
    hold(stage, poor, schedule, 1).await;
    stage.clock.advance(61);
    assert_eq!(stage.app.tick_expiry().await, Ok(1));
    let declined = hold(stage, poor, schedule, 1).await;
    stage.app.pay(poor, declined, None).await.expect("declined");
    stage.app.extend(poor, declined, None).await.expect("extended");
    stage.app.cancel(poor, declined).await.expect("cancelled");
    keep_back(stage, schedule, KeepBack::Block).await;
    let first = hold(stage, rich, schedule, 1).await;
    stage.app.pay(rich, first, None).await.expect("paid");
    assert_eq!(stage.app.tick_sold_out().await, Ok(1));
    keep_back(stage, schedule, KeepBack::Release).await;
    stage.app.cancel(rich, first).await.expect("refunded");
    let second = hold(stage, rich, schedule, 1).await;
    stage.app.pay(rich, second, None).await.expect("paid");
    stage.app.cancel_schedule(By::System, schedule, "태풍".to_owned(), None).await.expect("called off");
    assert_eq!(stage.app.tick_cancellations().await, Ok(1));
    let concert = stage.a_concert().with_room(1, 10).make().await;
    stage.a_schedule().of(concert).seats(3).make().await;
    stage.app.join_queue(rich, concert).await.expect("a place");
    for _ in 0..2 {
        stage.clock.advance(1);
        stage.app.tick_lines().await.expect("the lines move on");
    }
    assert_eq!(stage.app.tick_admitted().await, Ok(1));
}

#[test]
fn an_evening_writes_every_type_as_its_schema_says() {
    let factory = MemoryFactory::new();
    let events = bounded(async move {
        everything(&Stage::open(&factory)).await;
        factory.outbox()
    });
    assert_eq!(check(&events), kinds().into_keys().collect::<BTreeSet<_>>());
}

#[test]
fn whatever_happens_in_a_night_is_told_as_the_schemas_say() {
    let mut seen = BTreeSet::new();
    for seed in 1_000..1_010 {
        seen.append(&mut check(&events_of_a_night(seed)));
    }
    assert!(seen.len() >= 9, "these nights were too quiet: {seen:?}");
}
