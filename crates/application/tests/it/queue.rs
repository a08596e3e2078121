//! The line and the sale together: who is let through, what ends a session, and what an operator does to a line.

use expect_test::expect;
use frontrow_application::catalog::{ConcertPatch, WaitingRoomPatch};
use frontrow_application::queue::{Entrance, GateRefused, JoinFailure, QueuePatch, QueueState, QueueStatus};
use frontrow_application::reservation::{HoldRequest, HoldSeatsRefused};
use frontrow_application::staff::{By, Staff};
use frontrow_application::store::ReservationFilter;
use frontrow_application::waiting_room::Pass;
use frontrow_application::{Failure, OnceRefused};
use frontrow_domain::account::Role;
use frontrow_domain::queue::{EndReason, JoinRefused, RoomState};
use frontrow_domain::{ConcertId, ReservationId, ScheduleId, UserId};
use frontrow_testkit::memory::MemoryFactory;
use frontrow_testkit::stage::seats;
use frontrow_testkit::{Stage, bounded, samples};

/// A concert with a line, on sale.
async fn hall(stage: &Stage, max_active: u32, per_second: u32, size: u32) -> (ConcertId, ScheduleId) {
    let concert = stage.a_concert().with_room(max_active, per_second).make().await;
    let schedule = stage.a_schedule().of(concert).seats(size).make().await;
    tick(stage).await;
    (concert, schedule)
}

/// Time enough for a tick to be due also in a line in which nobody is.
async fn tick(stage: &Stage) {
    stage.clock.advance_micros(250_000);
    stage.app.tick_lines().await.expect("the lines move on");
}

async fn join(stage: &Stage, concert: ConcertId, fan: UserId) -> Pass {
    stage.app.join_queue(fan, concert).await.expect("a place").pass
}

async fn status(stage: &Stage, pass: Pass) -> QueueStatus {
    stage.app.queue_status(pass).await.expect("a status")
}

async fn state(stage: &Stage, pass: Pass) -> (QueueState, Option<EndReason>) {
    let status = status(stage, pass).await;
    (status.state, status.end_reason)
}

async fn hold(
    stage: &Stage,
    fan: UserId,
    pass: Option<Pass>,
    schedule: ScheduleId,
    seat: u32,
) -> Result<ReservationId, Failure<OnceRefused<HoldSeatsRefused>>> {
    let request = HoldRequest { schedule, seats: seats([seat]) };
    let held = stage.app.hold_by(fan, Entrance::Fan(pass), request, None).await?;
    Ok(held.outcome.0.id)
}

fn gate(refused: GateRefused) -> Failure<OnceRefused<HoldSeatsRefused>> {
    Failure::Refused(OnceRefused::Refused(HoldSeatsRefused::Gate(refused)))
}

fn olga() -> By {
    By::Staff(Staff::new(samples::user(77), Role::Operator, "request"))
}

#[test]
fn only_the_fan_of_an_active_place_is_let_through() {
    bounded(async {
        let stage = Stage::open(&MemoryFactory::new());
        let (concert, schedule) = hall(&stage, 1, 10, 10).await;
        let (other_concert, _) = hall(&stage, 1, 10, 10).await;
        let fans = stage.fans(3, 0).await;
        let (first, second) = (join(&stage, concert, fans[0]).await, join(&stage, concert, fans[1]).await);
        let elsewhere = join(&stage, other_concert, fans[0]).await;
        assert_eq!(hold(&stage, fans[0], Some(first), schedule, 1).await, Err(gate(GateRefused::NotActive)));
        tick(&stage).await;
        let refused = |fan, pass| hold(&stage, fan, pass, schedule, 1);
        assert_eq!(refused(fans[0], None).await, Err(gate(GateRefused::TokenRequired)));
        assert_eq!(
            refused(fans[1], Some(first)).await,
            Err(gate(GateRefused::TokenInvalid)),
            "another fan's"
        );
        assert_eq!(refused(fans[0], Some(elsewhere)).await, Err(gate(GateRefused::TokenInvalid)));
        assert_eq!(refused(fans[1], Some(second)).await, Err(gate(GateRefused::NotActive)), "the cap is one");
        hold(&stage, fans[0], Some(first), schedule, 1).await.expect("let in");
        let staff = HoldRequest { schedule, seats: seats([2]) };
        stage.app.hold_by(fans[2], Entrance::Staff, staff, None).await.expect("staff need no token");
        stage.clock.advance(300);
        assert_eq!(refused(fans[0], Some(first)).await, Err(gate(GateRefused::TokenExpired)));
    });
}

#[test]
fn a_hold_that_was_made_is_shown_again_after_the_session_and_no_other_is() {
    bounded(async {
        let stage = Stage::open(&MemoryFactory::new());
        let (concert, schedule) = hall(&stage, 1, 10, 10).await;
        let fan = stage.fans(1, 0).await[0];
        let pass = join(&stage, concert, fan).await;
        tick(&stage).await;
        let tag = |key| Stage::tag(fan, key, "seat 1");
        let request = || HoldRequest { schedule, seats: seats([1]) };
        let by = Entrance::Fan(Some(pass));
        let made = stage.app.hold_by(fan, by, request(), tag("once")).await.expect("held");
        stage.app.leave_queue(pass).await.expect("left");
        let again = stage.app.hold_by(fan, by, request(), tag("once")).await.expect("shown again");
        assert_eq!((again.outcome.0.id, again.replayed), (made.outcome.0.id, true));
        let fresh = stage.app.hold_by(fan, by, request(), tag("twice")).await.map(|held| held.outcome.0.id);
        assert_eq!(fresh, Err(gate(GateRefused::TokenExpired)));
    });
}

#[test]
fn a_session_ends_with_the_payment_that_leaves_nothing_pending() {
    bounded(async {
        let stage = Stage::open(&MemoryFactory::new());
        let (concert, schedule) = hall(&stage, 1, 10, 10).await;
        let fans = stage.fans(2, 1_000_000).await;
        let (first, second) = (join(&stage, concert, fans[0]).await, join(&stage, concert, fans[1]).await);
        tick(&stage).await;
        let one = hold(&stage, fans[0], Some(first), schedule, 1).await.expect("held");
        let two = hold(&stage, fans[0], Some(first), schedule, 2).await.expect("held");
        stage.app.pay(fans[0], one, None).await.expect("paid");
        assert_eq!(stage.app.tick_sessions().await, Ok(0), "another hold is pending");
        assert_eq!(state(&stage, first).await, (QueueState::Active, None));
        stage.app.pay(fans[0], two, None).await.expect("paid");
        assert_eq!(stage.app.tick_sessions().await, Ok(1));
        assert_eq!(state(&stage, first).await, (QueueState::Expired, Some(EndReason::Paid)));
        tick(&stage).await;
        assert_eq!(state(&stage, second).await, (QueueState::Active, None), "the slot goes on");
        assert_eq!(stage.app.tick_sessions().await, Ok(0), "nothing is applied twice");
    });
}

#[test]
fn a_payment_ends_only_the_place_under_which_its_hold_was_made() {
    bounded(async {
        let stage = Stage::open(&MemoryFactory::new());
        let (concert, schedule) = hall(&stage, 5, 10, 10).await;
        let fan = stage.fans(1, 1_000_000).await[0];
        let first = join(&stage, concert, fan).await;
        tick(&stage).await;
        let held = hold(&stage, fan, Some(first), schedule, 1).await.expect("held");
        stage.app.leave_queue(first).await.expect("left");
        let second = join(&stage, concert, fan).await;
        tick(&stage).await;
        assert_eq!(state(&stage, second).await, (QueueState::Active, None));
        stage.app.pay(fan, held, None).await.expect("the hold is the right to pay");
        assert_eq!(stage.app.tick_sessions().await, Ok(0));
        assert_eq!(state(&stage, second).await, (QueueState::Active, None));
        assert_eq!(state(&stage, first).await, (QueueState::Expired, Some(EndReason::Left)));
    });
}

#[test]
fn the_end_of_a_session_survives_a_restart_between_payment_and_end() {
    bounded(async {
        let factory = MemoryFactory::new();
        let stage = Stage::open(&factory);
        let (concert, schedule) = hall(&stage, 1, 10, 10).await;
        let fan = stage.fans(1, 1_000_000).await[0];
        let pass = join(&stage, concert, fan).await;
        tick(&stage).await;
        let held = hold(&stage, fan, Some(pass), schedule, 1).await.expect("held");
        stage.app.pay(fan, held, None).await.expect("paid");
        let stage = stage.restart(&factory);
        tick(&stage).await;
        assert_eq!(state(&stage, pass).await, (QueueState::Active, None), "the place is there");
        assert_eq!(stage.app.tick_sessions().await, Ok(1));
        assert_eq!(state(&stage, pass).await, (QueueState::Expired, Some(EndReason::Paid)));
    });
}

#[test]
fn a_room_follows_its_stock_and_keeps_places_when_sold_out() {
    bounded(async {
        let stage = Stage::open(&MemoryFactory::new());
        let (concert, schedule) = hall(&stage, 2, 10, 2).await;
        let fans = stage.fans(4, 1_000_000).await;
        let mut passes = Vec::new();
        for &fan in &fans[..3] {
            passes.push(join(&stage, concert, fan).await);
        }
        tick(&stage).await;
        let one = hold(&stage, fans[0], Some(passes[0]), schedule, 1).await.expect("held");
        let two = hold(&stage, fans[1], Some(passes[1]), schedule, 2).await.expect("held");
        stage.app.leave_queue(passes[0]).await.expect("left");
        tick(&stage).await;
        let third = status(&stage, passes[2]).await;
        assert_eq!((third.state, third.room.state), (QueueState::Waiting, RoomState::SoldOut));
        assert_eq!((third.room.seats_left(), third.room.seats_held(), third.wait), (0, 2, None));
        join(&stage, concert, fans[3]).await;
        stage.app.cancel(fans[0], one).await.expect("given back");
        tick(&stage).await;
        assert_eq!(state(&stage, passes[2]).await, (QueueState::Active, None), "in the same order");
        hold(&stage, fans[2], Some(passes[2]), schedule, 1).await.expect("held");
        for (fan, reservation) in [(fans[1], two)] {
            stage.app.pay(fan, reservation, None).await.expect("paid");
        }
        tick(&stage).await;
        let late = stage.fans(1, 0).await[0];
        join(&stage, concert, late).await;
        let held =
            stage.app.reservations(fans[2], ReservationFilter::default(), None, 1).await.expect("read");
        stage.app.pay(fans[2], held[0].reservation.id, None).await.expect("paid");
        tick(&stage).await;
        let newcomer = stage.fans(1, 0).await[0];
        let refused = stage.app.join_queue(newcomer, concert).await.map(|joined| joined.is_new);
        assert_eq!(refused, Err(JoinFailure::Refused(JoinRefused::SoldOut)));
        let again = stage.app.join_queue(late, concert).await.expect("a place that is there is shown");
        assert!(!again.is_new);
    });
}

#[test]
fn bug_28_what_an_operator_changes_shows_with_the_next_tick_and_is_on_the_audit_log() {
    bounded(async {
        let stage = Stage::open(&MemoryFactory::new());
        let (concert, _) = hall(&stage, 1, 10, 10).await;
        let fans = stage.fans(5, 0).await;
        let mut passes = Vec::new();
        for &fan in &fans {
            passes.push(join(&stage, concert, fan).await);
        }
        tick(&stage).await;
        let active = |figures: frontrow_application::waiting_room::LineFigures| figures.active;
        let count = || stage.app.room(concert);
        assert_eq!(count().await.expect("read").and_then(|room| room.figures.clone()).map(active), Some(1));
        let patch = QueuePatch { paused: Some(true), max_active: Some(3), ..QueuePatch::default() };
        let dry = stage.app.edit_queue(olga(), concert, patch.clone(), true).await.expect("tried");
        assert!(dry.controls.paused && dry.settings.max_active == 3);
        tick(&stage).await;
        assert_eq!(status(&stage, passes[4]).await.room.state, RoomState::Open, "a dry run changes nothing");
        stage.app.edit_queue(olga(), concert, patch, false).await.expect("changed");
        tick(&stage).await;
        let room = status(&stage, passes[4]).await.room;
        assert_eq!((room.state, room.figures.clone().map(active)), (RoomState::Paused, Some(1)));
        let notice = Some(Some("We are back in five minutes.".to_owned()));
        let resume = QueuePatch { paused: Some(false), notice, ..QueuePatch::default() };
        stage.app.edit_queue(olga(), concert, resume, false).await.expect("changed");
        tick(&stage).await;
        let room = status(&stage, passes[4]).await.room;
        assert_eq!((room.state, room.figures.clone().map(active)), (RoomState::Open, Some(3)));
        assert_eq!(room.notice(), Some("We are back in five minutes."));
        let wrong = QueuePatch {
            admit_per_second_milli: Some(0),
            notice: Some(Some("x".repeat(501))),
            ..QueuePatch::default()
        };
        let refused = stage.app.edit_queue(olga(), concert, wrong, false).await;
        expect![[r#"Err(Refused(Invalid([FieldError { field: "admitPerSecond", message: "must be above 0" }, FieldError { field: "notice", message: "must have 1 to 500 characters" }])))"#]]
        .assert_eq(&format!("{refused:?}"));
        let lines = stage.app.audit_log(None, 10).await.expect("read");
        let lines: Vec<_> = lines
            .iter()
            .map(|line| {
                format!("{} {} {:?}", line.action.action.name(), line.action.target, line.action.after)
            })
            .collect();
        expect![[r#"
            edit_queue concert/1/queue Some("{\"notice\":\"We are back in five minutes.\",\"paused\":false}")
            edit_queue concert/1/queue Some("{\"maxActive\":3,\"paused\":true}")"#]]
        .assert_eq(&lines.join("\n"));
    });
}

#[test]
fn draining_lets_nobody_join_and_closing_ends_the_line() {
    bounded(async {
        let stage = Stage::open(&MemoryFactory::new());
        let (concert, schedule) = hall(&stage, 1, 10, 10).await;
        let fans = stage.fans(4, 0).await;
        let (first, second) = (join(&stage, concert, fans[0]).await, join(&stage, concert, fans[1]).await);
        tick(&stage).await;
        let edit = |patch| stage.app.edit_queue(olga(), concert, patch, false);
        edit(QueuePatch { draining: Some(true), ..QueuePatch::default() }).await.expect("draining");
        tick(&stage).await;
        let refused = || async { stage.app.join_queue(fans[2], concert).await.map(|joined| joined.is_new) };
        assert_eq!(refused().await, Err(JoinFailure::Refused(JoinRefused::Closed)));
        assert_eq!(state(&stage, second).await, (QueueState::Waiting, None));
        edit(QueuePatch { closed: Some(true), ..QueuePatch::default() }).await.expect("closed");
        tick(&stage).await;
        assert_eq!(state(&stage, second).await, (QueueState::Expired, Some(EndReason::Closed)));
        hold(&stage, fans[0], Some(first), schedule, 1).await.expect("who was let in goes on");
        assert_eq!(refused().await, Err(JoinFailure::Refused(JoinRefused::Closed)));
        let open = QueuePatch { draining: Some(false), closed: Some(false), ..QueuePatch::default() };
        edit(open).await.expect("opened again");
        tick(&stage).await;
        assert_eq!(refused().await, Ok(true));
        assert_eq!(state(&stage, second).await, (QueueState::Expired, Some(EndReason::Closed)));
    });
}

#[test]
fn a_revoked_place_is_dead_at_once_and_on_the_audit_log() {
    bounded(async {
        let stage = Stage::open(&MemoryFactory::new());
        let (concert, schedule) = hall(&stage, 1, 10, 10).await;
        let fan = stage.fans(1, 0).await[0];
        assert_eq!(stage.app.revoke_place(olga(), concert, fan).await, Ok(false));
        let pass = join(&stage, concert, fan).await;
        tick(&stage).await;
        hold(&stage, fan, Some(pass), schedule, 1).await.expect("let in");
        assert_eq!(stage.app.revoke_place(olga(), concert, fan).await, Ok(true));
        assert_eq!(hold(&stage, fan, Some(pass), schedule, 2).await, Err(gate(GateRefused::TokenExpired)));
        assert_eq!(state(&stage, pass).await, (QueueState::Expired, Some(EndReason::Revoked)));
        assert_eq!(stage.app.revoke_place(olga(), concert, fan).await, Ok(false));
        let lines = stage.app.audit_log(None, 10).await.expect("read");
        let lines: Vec<_> =
            lines.iter().map(|line| (line.action.action.name(), line.action.target.clone())).collect();
        assert_eq!(lines, [("revoke_place", format!("concert/{concert}/queue/fans/{fan}"))]);
    });
}

#[test]
fn switching_a_room_off_keeps_the_line_and_switching_it_on_goes_on_with_it() {
    bounded(async {
        let stage = Stage::open(&MemoryFactory::new());
        let (concert, schedule) = hall(&stage, 1, 10, 10).await;
        let fans = stage.fans(4, 0).await;
        let passes = [
            join(&stage, concert, fans[0]).await,
            join(&stage, concert, fans[1]).await,
            join(&stage, concert, fans[2]).await,
        ];
        tick(&stage).await;
        let switch = |enabled| {
            let waiting_room = WaitingRoomPatch { enabled: Some(enabled), ..WaitingRoomPatch::default() };
            stage.app.edit_concert(olga(), concert, ConcertPatch { waiting_room, ..ConcertPatch::default() })
        };
        switch(false).await.expect("off");
        hold(&stage, fans[3], None, schedule, 1).await.expect("no token is asked for, at once");
        let refused = stage.app.join_queue(fans[3], concert).await.map(|joined| joined.is_new);
        assert_eq!(refused, Err(JoinFailure::Refused(JoinRefused::NoWaitingRoom)));
        tick(&stage).await;
        let second = status(&stage, passes[1]).await;
        assert_eq!(
            (second.state, second.ahead, second.room.state),
            (QueueState::Waiting, Some(0), RoomState::Off)
        );
        switch(true).await.expect("on");
        let refused = hold(&stage, fans[3], None, schedule, 2).await;
        assert_eq!(refused, Err(gate(GateRefused::TokenRequired)), "from the next request on");
        stage.app.leave_queue(passes[0]).await.expect("left");
        tick(&stage).await;
        assert_eq!(state(&stage, passes[1]).await, (QueueState::Active, None));
        assert_eq!(status(&stage, passes[2]).await.ahead, Some(0));
    });
}

#[test]
fn a_place_of_which_nothing_is_known_any_more_is_over() {
    bounded(async {
        let factory = MemoryFactory::new();
        let stage = Stage::open(&factory);
        let (concert, _) = hall(&stage, 1, 10, 10).await;
        let fan = stage.fans(1, 0).await[0];
        let pass = join(&stage, concert, fan).await;
        let joined_at = status(&stage, pass).await.joined_at;
        stage.app.leave_queue(pass).await.expect("left");
        stage.clock.advance(3_700);
        stage.app.tick_upkeep().await.expect("tidied");
        let status = status(&stage, pass).await;
        assert_eq!((status.state, status.end_reason), (QueueState::Expired, None));
        let apart = status.joined_at.micros().abs_diff(joined_at.micros());
        assert!(apart < 1_000_000, "its id still says when it was drawn: {apart} µs apart");
    });
}
