//! What the commands of staff leave on the audit log.

use std::fmt::Write as _;

use expect_test::expect;
use frontrow_application::Failure;
use frontrow_application::catalog::{ConcertPatch, EditConcertRefused, SchedulePatch, WaitingRoomPatch};
use frontrow_application::staff::{By, Staff};
use frontrow_domain::account::Role;
use frontrow_domain::catalog::SeatPlan;
use frontrow_domain::staff::REQUEST_ID_MAX;
use frontrow_domain::{ConcertId, Money, ScheduleId, UserId};
use frontrow_testkit::faults::{Fault, FaultyStore};
use frontrow_testkit::memory::MemoryFactory;
use frontrow_testkit::{Stage, StoreFactory, bounded, samples};

const OLGA: UserId = samples::user(77);

fn olga() -> By {
    By::Staff(Staff::new(OLGA, Role::Operator, "request"))
}

/// The log in short, newest first.
async fn log(stage: &Stage) -> String {
    let lines = stage.app.audit_log(None, 100).await.expect("read");
    let mut text = String::new();
    for line in lines {
        let action = line.action;
        assert_eq!((action.actor.user, action.actor.role), (OLGA, Role::Operator));
        let [before, after] = [action.before, action.after].map(|json| json.unwrap_or("nothing".to_owned()));
        writeln!(text, "{} {}\n  {before}\n  {after}", action.action.name(), action.target).expect("text");
    }
    text
}

fn titled(title: &str) -> ConcertPatch {
    ConcertPatch { title: Some(title.to_owned()), ..ConcertPatch::default() }
}

#[test]
fn an_edit_leaves_the_members_that_changed() {
    bounded(async {
        let stage = Stage::open(&MemoryFactory::new());
        let schedule = stage.a_schedule().make().await;
        assert_eq!(log(&stage).await, "", "the system leaves no line");
        let concert = ConcertId::new(1);
        let waiting_room = WaitingRoomPatch {
            admit_per_second_milli: Some(2_500),
            lobby_opens_at: Some(Some(stage.now())),
            ..WaitingRoomPatch::default()
        };
        let patch = ConcertPatch { waiting_room, published: Some(false), ..titled("\"Autumn\" 가을") };
        stage.app.edit_concert(olga(), concert, patch.clone()).await.expect("edited");
        stage.app.edit_concert(olga(), concert, patch).await.expect("edited again");
        let plan = SeatPlan::plain(3, Money::ZERO).expect("plan").into();
        let patch = SchedulePatch {
            booking_end: Some(stage.now().plus_seconds(60)),
            sales_paused: Some(true),
            plan: Some(plan),
            ..SchedulePatch::default()
        };
        stage.app.edit_schedule(olga(), schedule, patch).await.expect("edited");
        expect![[r#"
            edit_schedule schedule/1
              {"bookingEnd":"2026-10-01T11:00:00Z","planVersion":1,"salesPaused":false,"totalSeats":50}
              {"bookingEnd":"2026-09-01T11:01:00Z","planVersion":2,"salesPaused":true,"totalSeats":3}
            edit_concert concert/1
              {"published":true,"title":"Spring Day","waitingRoom":{"admitPerSecond":140.0,"lobbyOpensAt":null}}
              {"published":false,"title":"\"Autumn\" 가을","waitingRoom":{"admitPerSecond":2.5,"lobbyOpensAt":"2026-09-01T11:00:00Z"}}
        "#]]
        .assert_eq(&log(&stage).await);
    });
}

#[test]
fn a_refused_command_leaves_no_line_and_the_others_of_its_group_do() {
    bounded(async {
        let opened = MemoryFactory::new().open(std::sync::Arc::new(frontrow_testkit::ManualClock::default()));
        let (door, opened) = FaultyStore::before(&opened);
        let stage = Stage::over(opened, frontrow_testkit::ManualClock::default(), |_| {});
        let concert = stage.a_concert().make().await;
        let arrived = door.arrived();
        door.shut_door();
        let edit = |id, title: &str| stage.app.edit_concert(olga(), id, titled(title));
        // The first has the door to itself; the others share the group behind it.
        let first = edit(concert, "One");
        let behind = async {
            door.until_arrived(arrived + 1).await;
            let others = futures_util::future::join3(
                edit(concert, ""),
                edit(ConcertId::new(9), "Nowhere"),
                edit(concert, "Two"),
            );
            let open = async { door.open_door() };
            futures_util::future::join(others, open).await.0
        };
        let (first, (empty, nowhere, second)) = futures_util::future::join(first, behind).await;
        assert!(first.is_ok() && second.is_ok());
        assert_eq!(door.sizes().last(), Some(&3), "they were one group");
        assert!(matches!(empty, Err(Failure::Refused(EditConcertRefused::Invalid(_)))));
        assert_eq!(nowhere, Err(Failure::Refused(EditConcertRefused::NotFound)));
        expect![[r#"
            edit_concert concert/1
              {"title":"One"}
              {"title":"Two"}
            edit_concert concert/1
              {"title":"Spring Day"}
              {"title":"One"}
        "#]]
        .assert_eq(&log(&stage).await);
    });
}

#[test]
fn a_command_that_is_repeated_leaves_one_line() {
    bounded(async {
        let stage = Stage::open(&MemoryFactory::new());
        let (door, opened) = FaultyStore::before(&stage.opened);
        let stage = stage.on(opened);
        let concert = stage.a_concert().make().await;
        door.fail_next(Fault::Busy);
        door.fail_next(Fault::Busy);
        stage.app.edit_concert(olga(), concert, titled("Autumn Day")).await.expect("edited in the end");
        let lines = stage.app.audit_log(None, 10).await.expect("read");
        assert_eq!(lines.len(), 1);
        assert_eq!((lines[0].action.at, &*lines[0].action.request_id), (stage.now(), "request"));
    });
}

#[test]
fn names_are_those_of_now_and_end_with_the_account() {
    bounded(async {
        let stage = Stage::open(&MemoryFactory::new());
        let anna = stage.a_fan().named("anna").make().await;
        let concert = stage.a_concert().make().await;
        let by = |user, title: &str| {
            let staff = Staff::new(user, Role::Admin, &"é".repeat(REQUEST_ID_MAX));
            stage.app.edit_concert(By::Staff(staff), concert, titled(title))
        };
        by(anna, "One").await.expect("edited");
        by(OLGA, "Two").await.expect("edited by somebody whom this store does not know");
        by(anna, "Three").await.expect("edited");
        let names = async || {
            let lines = stage.app.audit_log(None, 10).await.expect("read");
            assert!(lines.iter().all(|line| line.action.request_id.len() == REQUEST_ID_MAX));
            lines.into_iter().map(|line| line.name).collect::<Vec<_>>()
        };
        let anna_is = Some("anna".to_owned());
        assert_eq!(names().await, [anna_is.clone(), None, anna_is]);
        stage.app.erase_account(By::System, anna).await.expect("erased");
        assert_eq!(names().await, [None, None, None]);
        let lines = stage.app.audit_log(None, 2).await.expect("read");
        let next = stage.app.audit_log(lines.last().map(|line| line.action.id), 2).await.expect("read");
        assert_eq!((lines.len(), next.len()), (2, 1));
        assert!(next[0].action.id < lines[1].action.id);
    });
}

#[test]
fn a_schedule_is_made_with_a_line() {
    bounded(async {
        let stage = Stage::open(&MemoryFactory::new());
        let schedule = stage.app.any_schedule(stage.a_schedule().make().await).await.expect("read");
        let schedule = schedule.expect("there").schedule;
        let new = frontrow_application::catalog::NewSchedule {
            concert: schedule.concert,
            draft: schedule.draft(),
            plan: std::sync::Arc::clone(&schedule.plan),
            drawing: None,
        };
        for _ in 0..2 {
            let made = stage.app.create_schedule(olga(), new.clone(), Stage::tag(OLGA, "key", "body")).await;
            assert_eq!(made.expect("made").outcome, ScheduleId::new(2));
        }
        expect![[r#"
            create_schedule schedule/2
              nothing
              {"bookingEnd":"2026-10-01T11:00:00Z","bookingStart":"2026-09-01T10:00:00Z","concertId":1,"durationMinutes":120,"holdExtensionSeconds":300,"holdMaxSeconds":600,"holdSeconds":300,"maxSeatsPerFan":4,"planVersion":1,"refundPolicy":null,"salesPaused":false,"startsAt":"2026-10-01T11:00:00Z","timeZone":"Asia/Seoul","totalSeats":50,"venue":"Olympic Hall"}
        "#]]
        .assert_eq(&log(&stage).await);
    });
}
