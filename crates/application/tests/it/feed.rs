//! Following the seats of a schedule: what the use cases do comes out of the feed, whatever becomes of the board.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use frontrow_application::catalog::{ConcertPatch, FeedEvent, Follower, MapChanges, SchedulePatch};
use frontrow_application::reservation::HoldRequest;
use frontrow_application::staff::By;
use frontrow_domain::catalog::SeatPlan;
use frontrow_domain::{Money, ReservationId, ScheduleId, UserId};
use frontrow_testkit::memory::MemoryFactory;
use frontrow_testkit::stage::seats;
use frontrow_testkit::{Stage, bounded};

/// Version and seats with what they show, or `reset`.
fn render(event: &FeedEvent) -> Bytes {
    let version = event.version;
    match &event.changes {
        MapChanges::TooOld => format!("{version} reset").into(),
        MapChanges::Since(seats) => {
            let seats: Vec<_> = seats.iter().map(|(no, state)| format!(" {no} {}", state.name())).collect();
            format!("{version}:{}", seats.join(",")).into()
        }
    }
}

/// What a follower is told now; empty when that is nothing, `end` at the end.
fn told(follower: &mut Pin<Box<Follower>>) -> Bytes {
    match follower.as_mut().poll_next(&mut Context::from_waker(Waker::noop()), render) {
        Poll::Ready(bytes) => bytes.unwrap_or("end".into()),
        Poll::Pending => Bytes::new(),
    }
}

async fn follow(stage: &Stage, schedule: ScheduleId, since: Option<u64>) -> Pin<Box<Follower>> {
    let details = stage.app.any_schedule(schedule).await.expect("readable").expect("there");
    Box::pin(stage.app.follow_seats(&details.board, since))
}

async fn hold(stage: &Stage, fan: UserId, schedule: ScheduleId, numbers: &[u32]) -> ReservationId {
    let request = HoldRequest { schedule, seats: seats(numbers.iter().copied()) };
    stage.app.hold(fan, request, None).await.expect("a hold").outcome.0.id
}

async fn edit(stage: &Stage, schedule: ScheduleId, patch: SchedulePatch) {
    stage.app.edit_schedule(By::System, schedule, patch).await.expect("an edit");
}

#[test]
fn what_fans_do_is_told_at_the_next_tick() {
    bounded(async {
        let stage = Stage::open(&MemoryFactory::new());
        let schedule = stage.a_schedule().hold_seconds(300).make().await;
        let other = stage.a_schedule().make().await;
        let fan = stage.a_fan().with_balance(100_000).make().await;
        let mut follower = follow(&stage, schedule, None).await;
        let mut elsewhere = follow(&stage, other, None).await;
        assert_eq!((told(&mut follower), told(&mut elsewhere)), ("1:".into(), "1:".into()));
        assert_eq!(stage.app.tick_feeds().await, Ok(0), "nothing has happened");

        let first = hold(&stage, fan, schedule, &[1, 2]).await;
        hold(&stage, fan, schedule, &[3]).await;
        assert_eq!(told(&mut follower), "", "not before the tick");
        assert_eq!(stage.app.tick_feeds().await, Ok(1), "one event for two commits");
        assert_eq!(told(&mut follower), "3: 1 held, 2 held, 3 held");

        stage.app.pay(fan, first, None).await.expect("paid");
        stage.app.tick_feeds().await.expect("tick");
        assert_eq!(told(&mut follower), "4: 1 sold, 2 sold");
        stage.clock.advance_micros(301 * 1_000_000);
        stage.app.tick_expiry().await.expect("tick");
        stage.app.tick_feeds().await.expect("tick");
        assert_eq!(told(&mut follower), "5: 3 available", "nobody bought it");
        assert_eq!(told(&mut elsewhere), "", "another schedule is another feed");
    });
}

#[test]
fn a_follower_survives_that_the_board_is_dropped() {
    bounded(async {
        let stage = Stage::open(&MemoryFactory::new());
        let schedule = stage.a_schedule().make().await;
        let fan = stage.a_fan().make().await;
        let mut follower = follow(&stage, schedule, None).await;
        told(&mut follower);
        // An edit drops the board. Nothing of the map has changed, so nothing is told.
        edit(&stage, schedule, SchedulePatch { venue: Some("Annex".to_owned()), ..SchedulePatch::default() })
            .await;
        assert_eq!(stage.app.tick_feeds().await, Ok(0), "and the board is there again");
        hold(&stage, fan, schedule, &[1]).await;
        stage.app.tick_feeds().await.expect("tick");
        assert_eq!(told(&mut follower), "2: 1 held");
        // Now something changes while there is no board.
        edit(&stage, schedule, SchedulePatch { venue: Some("Hall".to_owned()), ..SchedulePatch::default() })
            .await;
        hold(&stage, fan, schedule, &[2]).await;
        stage.app.tick_feeds().await.expect("tick");
        assert_eq!(told(&mut follower), "3 reset");
        hold(&stage, fan, schedule, &[3]).await;
        stage.app.tick_feeds().await.expect("tick");
        assert_eq!(told(&mut follower), "4: 3 held", "it goes on from there");
    });
}

#[test]
fn a_new_plan_is_a_new_map() {
    bounded(async {
        let stage = Stage::open(&MemoryFactory::new());
        let schedule = stage.a_schedule().seats(5).make().await;
        let mut follower = follow(&stage, schedule, None).await;
        told(&mut follower);
        let plan = Arc::new(SeatPlan::plain(9, Money::ZERO).expect("sound"));
        edit(&stage, schedule, SchedulePatch { plan: Some(plan), ..SchedulePatch::default() }).await;
        stage.app.tick_feeds().await.expect("tick");
        assert_eq!(told(&mut follower), "2 reset");
    });
}

#[test]
fn a_follower_who_comes_back_is_told_what_was_missed() {
    bounded(async {
        let factory = MemoryFactory::new();
        let stage = Stage::open(&factory);
        let schedule = stage.a_schedule().make().await;
        let fan = stage.a_fan().make().await;
        let mut follower = follow(&stage, schedule, None).await;
        told(&mut follower);
        drop(follower);
        for seat in 1..=3 {
            hold(&stage, fan, schedule, &[seat]).await;
            stage.app.tick_feeds().await.expect("tick");
        }
        let mut back = follow(&stage, schedule, Some(2)).await;
        assert_eq!(told(&mut back), "4: 2 held, 3 held");
        drop(back);
        // Another process knows the version, and not how it came about.
        let stage = stage.restart(&factory);
        let mut back = follow(&stage, schedule, Some(4)).await;
        assert_eq!(told(&mut back), "4:");
        let mut long_gone = follow(&stage, schedule, Some(3)).await;
        assert_eq!(told(&mut long_gone), "4 reset");
    });
}

#[test]
fn a_concert_that_is_hidden_is_not_followed_any_more() {
    bounded(async {
        let stage = Stage::open(&MemoryFactory::new());
        let concert = stage.a_concert().make().await;
        let schedule = stage.a_schedule().of(concert).make().await;
        let mut follower = follow(&stage, schedule, None).await;
        told(&mut follower);
        let publish = |published| {
            let patch = ConcertPatch { published: Some(published), ..ConcertPatch::default() };
            stage.app.edit_concert(By::System, concert, patch)
        };
        publish(false).await.expect("an edit");
        stage.app.tick_feeds().await.expect("tick");
        assert_eq!(told(&mut follower), "end");
        publish(true).await.expect("an edit");
        let mut follower = follow(&stage, schedule, None).await;
        assert_eq!((told(&mut follower), told(&mut follower)), ("1:".into(), "".into()));
    });
}
