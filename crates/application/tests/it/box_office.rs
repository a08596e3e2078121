//! What the box office makes of everything that a store can say.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use frontrow_application::store::{LaneShape, StoreError};
use frontrow_application::{BoxOfficeSettings, Failure, Priority, Stop};
use frontrow_domain::records::Keys;
use frontrow_testkit::ManualClock;
use frontrow_testkit::bounded;
use frontrow_testkit::faults::Fault;
use frontrow_testkit::store::Raw;

use crate::office::{Answer, Office, Waiting, key, plain};

/// The answers to commands that wait.
async fn answers(waiting: Vec<Waiting>) -> Vec<Answer> {
    futures_util::future::join_all(waiting).await
}

async fn queue_all(office: &Office, names: impl IntoIterator<Item = u64>) -> Vec<Waiting> {
    let mut waiting = Vec::new();
    for name in names {
        waiting.push(office.queue(Priority::Begin, name).await);
    }
    waiting
}

fn lost(name: u64) -> Result<(), StoreError> {
    Err(StoreError::Lost(Keys::from(key(name))))
}

fn broken_if(culprit: bool) -> Result<(), StoreError> {
    if culprit { Err(StoreError::Broken("scripted".to_owned())) } else { Ok(()) }
}

#[test]
fn what_queues_up_during_a_commit_is_the_next_group() {
    bounded(async {
        let office = Office::open(|_| Ok(()));
        let plug = office.shut().await;
        let waiting = queue_all(&office, 1..=100).await;
        assert_eq!(office.inner.waiting(), [0, 100, 0]);
        office.door.open_door();
        assert_eq!(plug.await, Ok(0));
        let expected: Vec<Answer> = (1..=100).map(Ok).collect();
        assert_eq!(answers(waiting).await, expected);
        assert_eq!(office.door.sizes(), [1, 100]);
        assert_eq!(office.inner.waiting(), [0, 0, 0]);
    });
}

#[test]
fn a_busy_group_is_tried_again_at_a_fresh_time() {
    bounded(async {
        let tries = AtomicUsize::new(0);
        let office = Office::with(plain(), LaneShape::Single, |clock| {
            move |_: &[u64]| {
                clock.advance(1);
                if tries.fetch_add(1, Ordering::SeqCst) < 3 { Err(StoreError::Busy) } else { Ok(()) }
            }
        });
        assert_eq!(office.run(1).await, Ok(1));
        let times: Vec<_> = office.ran().into_iter().map(|(_, now)| now).collect();
        let expected: Vec<_> = (0..4).map(|second| ManualClock::EPOCH.plus_seconds(second)).collect();
        assert_eq!(times, expected);
        assert_eq!(*office.ears.commits.lock(), 1);
    });
}

#[test]
fn a_busy_group_is_given_up_at_the_deadline_of_each() {
    bounded(async {
        let office = Office::with(plain(), LaneShape::Single, |clock| {
            move |_: &[u64]| {
                clock.advance(1);
                Err(StoreError::Busy)
            }
        });
        assert_eq!(office.run(1).await, Err(Failure::Overloaded));
        let deadline = ManualClock::EPOCH.plus_millis(plain().deadline_ms);
        let ran = office.ran();
        assert_eq!(ran.len(), 5, "{ran:?}");
        assert!(ran.iter().all(|(_, now)| *now < deadline), "decided too late: {ran:?}");
        assert_eq!(*office.ears.commits.lock(), 0);
    });
}

#[test]
fn a_lost_race_takes_out_the_commands_that_name_the_record() {
    bounded(async {
        let office =
            Office::open(|names| if names.len() > 1 && names.contains(&3) { lost(3) } else { Ok(()) });
        let plug = office.shut().await;
        let waiting = queue_all(&office, 1..=5).await;
        office.door.open_door();
        assert_eq!(plug.await, Ok(0));
        assert_eq!(answers(waiting).await, [Ok(1), Ok(2), Ok(3), Ok(4), Ok(5)]);
        let groups: [&[u64]; 4] = [&[0], &[1, 2, 3, 4, 5], &[1, 2, 4, 5], &[3]];
        assert_eq!(office.groups(), groups);
    });
}

#[test]
fn a_command_that_keeps_losing_is_given_up_and_the_others_stand() {
    bounded(async {
        let office = Office::open(|names| if names.contains(&3) { lost(3) } else { Ok(()) });
        let plug = office.shut().await;
        let waiting = queue_all(&office, 1..=5).await;
        office.door.open_door();
        assert_eq!(plug.await, Ok(0));
        assert_eq!(answers(waiting).await, [Ok(1), Ok(2), Err(Failure::Unavailable), Ok(4), Ok(5)]);
        let with_it = office.groups().iter().filter(|names| names.contains(&3)).count();
        assert_eq!(with_it, 3, "it may lose three times: {:?}", office.groups());
    });
}

#[test]
fn a_race_over_a_record_that_nobody_names_is_bisected() {
    bounded(async {
        let office = Office::open(|names| if names.contains(&3) { lost(1_999) } else { Ok(()) });
        let plug = office.shut().await;
        let waiting = queue_all(&office, 1..=5).await;
        office.door.open_door();
        assert_eq!(plug.await, Ok(0));
        assert_eq!(answers(waiting).await, [Ok(1), Ok(2), Err(Failure::Defect), Ok(4), Ok(5)]);
    });
}

#[test]
fn one_broken_command_cannot_sink_five_hundred() {
    bounded(async {
        let office = Office::open(|names| broken_if(names.contains(&137)));
        let plug = office.shut().await;
        let waiting = queue_all(&office, 1..=500).await;
        office.door.open_door();
        assert_eq!(plug.await, Ok(0));
        for (name, answer) in (1..).zip(answers(waiting).await) {
            assert_eq!(answer, if name == 137 { Err(Failure::Defect) } else { Ok(name) });
        }
        // 500 halves nine times until one is left: two groups a level, and the plug.
        let groups = office.groups().len();
        assert!(groups <= 2 * 9 + 2, "{groups} groups to find one command");
    });
}

#[test]
fn every_broken_command_is_found() {
    bounded(async {
        let culprits = [1, 2, 250, 500];
        let office = Office::open(move |names| broken_if(names.iter().any(|name| culprits.contains(name))));
        let plug = office.shut().await;
        let waiting = queue_all(&office, 1..=500).await;
        office.door.open_door();
        assert_eq!(plug.await, Ok(0));
        for (name, answer) in (1..).zip(answers(waiting).await) {
            assert_eq!(answer, if culprits.contains(&name) { Err(Failure::Defect) } else { Ok(name) });
        }
    });
}

#[test]
fn an_unavailable_store_and_an_unknown_outcome_are_told_to_all_at_once() {
    bounded(async {
        for (fault, failure) in [
            (Fault::Unavailable, Failure::Unavailable),
            (Fault::UnknownBefore, Failure::OutcomeUnknown),
            (Fault::UnknownAfter, Failure::OutcomeUnknown),
            (Fault::Panic, Failure::OutcomeUnknown),
        ] {
            let office = Office::open(|_| Ok(()));
            office.door.pass_next();
            office.door.fail_next(fault);
            let plug = office.shut().await;
            let waiting = queue_all(&office, 1..=3).await;
            office.door.open_door();
            assert_eq!(plug.await, Ok(0));
            assert_eq!(answers(waiting).await, vec![Err(failure); 3], "{fault:?}");
            assert_eq!(*office.ears.commits.lock(), 1, "{fault:?}: only the plug was committed for sure");
            assert_eq!(office.run(4).await, Ok(4), "{fault:?}: the next group goes on");
        }
    });
}

#[test]
fn a_full_queue_refuses_at_once_by_priority() {
    bounded(async {
        let settings = BoxOfficeSettings { queue: [2, 3, 1], ..plain() };
        let office = Office::with(settings, LaneShape::Single, |_| |_: &[u64]| Ok(()));
        let plug = office.shut().await;
        let mut waiting = Vec::new();
        let classes = [(Priority::Settle, 2), (Priority::Begin, 3), (Priority::Job, 1)];
        let mut name = 1;
        for (priority, room) in classes {
            for _ in 0..room {
                waiting.push(office.queue(priority, name).await);
                name += 1;
            }
            // The door is shut: only a refusal can answer.
            let refused = office.inner.run(priority, office.command(99, key(99))).await;
            assert_eq!(refused, Err(Failure::Overloaded), "{priority:?}");
        }
        assert_eq!(office.inner.waiting(), [2, 3, 1]);
        office.door.open_door();
        assert_eq!(plug.await, Ok(0));
        assert_eq!(answers(waiting).await, (1..=6).map(Ok).collect::<Vec<Answer>>());
        assert!(office.ran().iter().all(|(name, _)| *name != 99), "what was refused was decided");
        assert_eq!(office.run(7).await, Ok(7), "there is room again");
    });
}

#[test]
fn what_waited_past_its_deadline_is_dropped_undecided() {
    bounded(async {
        let office = Office::open(|_| Ok(()));
        let plug = office.shut().await;
        let late = office.queue(Priority::Begin, 1).await;
        office.clock.advance_micros(1_000);
        let in_time = office.queue(Priority::Begin, 2).await;
        office.clock.advance_micros(i64::from(plain().deadline_ms) * 1_000 - 1_000);
        office.door.open_door();
        assert_eq!(plug.await, Err(Failure::Overloaded), "also when it was about to be decided");
        assert_eq!(late.await, Err(Failure::Overloaded));
        assert_eq!(in_time.await, Ok(2));
        assert_eq!(office.ran().into_iter().map(|(name, _)| name).collect::<Vec<_>>(), [2]);
    });
}

#[test]
fn what_ends_a_hold_goes_before_what_begins_one_and_jobs_come_last() {
    bounded(async {
        let settings = BoxOfficeSettings { group_commands_max: 4, group_jobs_max: 1, ..plain() };
        let office = Office::with(settings, LaneShape::Single, |_| |_: &[u64]| Ok(()));
        let plug = office.shut().await;
        let mut waiting = Vec::new();
        for (priority, name) in [
            (Priority::Job, 31),
            (Priority::Job, 32),
            (Priority::Begin, 21),
            (Priority::Begin, 22),
            (Priority::Settle, 11),
            (Priority::Settle, 12),
            (Priority::Settle, 13),
        ] {
            waiting.push(office.queue(priority, name).await);
        }
        office.door.open_door();
        assert_eq!(plug.await, Ok(0));
        assert!(answers(waiting).await.iter().all(Result::is_ok));
        let order: Vec<_> = office.ran().into_iter().map(|(name, _)| name).collect();
        assert_eq!(order, [0, 11, 12, 13, 21, 22, 31, 32]);
        assert_eq!(office.door.sizes(), [1, 4, 2, 1], "four at the most, and one job at the most");
    });
}

#[test]
fn a_command_that_names_more_than_a_group_may_runs_alone() {
    bounded(async {
        let settings = BoxOfficeSettings { group_rows_max: 10, ..plain() };
        let office = Office::with(settings, LaneShape::Single, |_| |_: &[u64]| Ok(()));
        let plug = office.shut().await;
        let many = Keys::new((100..150).map(key));
        let mut waiting = queue_all(&office, 1..=4).await;
        waiting.push(office.queue_command(Priority::Begin, office.command(5, many)).await);
        waiting.extend(queue_all(&office, 6..=9).await);
        office.door.open_door();
        assert_eq!(plug.await, Ok(0));
        assert!(answers(waiting).await.iter().all(Result::is_ok));
        assert_eq!(office.door.sizes(), [1, 4, 1, 4]);
    });
}

#[test]
fn a_panic_in_a_rule_fails_that_command_alone() {
    bounded(async {
        let office = Office::open(|_| Ok(()));
        let plug = office.shut().await;
        let mut waiting = queue_all(&office, 1..=2).await;
        let panics = Raw::new(key(3), |_, _| -> Result<u64, Stop<&'static str>> { panic!("part of a test") });
        waiting.push(office.queue_command(Priority::Begin, panics).await);
        let refuses = Raw::new(key(4), |_, _| Err(Stop::Refused("no")));
        waiting.push(office.queue_command(Priority::Begin, refuses).await);
        waiting.extend(queue_all(&office, 5..=5).await);
        office.door.open_door();
        assert_eq!(plug.await, Ok(0));
        let expected = [Ok(1), Ok(2), Err(Failure::Defect), Err(Failure::Refused("no")), Ok(5)];
        assert_eq!(answers(waiting).await, expected);
        assert_eq!(office.door.sizes(), [1, 5], "nobody had to be tried again");
    });
}

#[test]
fn closing_answers_everything_that_was_queued_and_takes_nothing_more() {
    bounded(async {
        let office = Office::open(|_| Ok(()));
        let plug = office.shut().await;
        let waiting = queue_all(&office, 1..=50).await;
        let closing = {
            let office = Arc::clone(&office.inner);
            tokio::task::spawn_blocking(move || office.close())
        };
        office.door.open_door();
        assert_eq!(plug.await, Ok(0));
        assert_eq!(answers(waiting).await, (1..=50).map(Ok).collect::<Vec<Answer>>());
        closing.await.expect("closing does not panic");
        assert_eq!(office.run(51).await, Err(Failure::Overloaded));
    });
}

#[test]
fn a_caller_who_goes_away_changes_nothing() {
    bounded(async {
        let office = Office::open(|_| Ok(()));
        let plug = office.shut().await;
        let gone = office.queue(Priority::Begin, 1).await;
        let stays = office.queue(Priority::Begin, 2).await;
        drop(gone);
        office.door.open_door();
        assert_eq!(plug.await, Ok(0));
        assert_eq!(stays.await, Ok(2));
        assert_eq!(office.ran().len(), 3, "what was queued is decided, whoever listens");
    });
}

#[test]
fn everybody_can_see_a_commit_before_anybody_is_told_of_it() {
    bounded(async {
        let office = Office::open(|_| Ok(()));
        for commits in 1..=20 {
            assert_eq!(office.run(1).await, Ok(1));
            assert_eq!(*office.ears.commits.lock(), commits);
        }
    });
}
