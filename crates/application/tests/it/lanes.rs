//! Lanes: with many writers, groups of different schedules run side by side and those of one schedule never do.

use std::collections::HashSet;
use std::sync::Arc;

use frontrow_application::store::{Committed, LaneShape, Store, StoreError};
use frontrow_application::{BoxOffice, BoxOfficeSettings, Clock, Decision, Group, Priority};
use frontrow_domain::ScheduleId;
use frontrow_domain::records::{Key, Keys, Records};
use frontrow_testkit::store::Raw;
use frontrow_testkit::{ManualClock, bounded};
use futures_util::future::BoxFuture;
use parking_lot::Mutex;

use crate::office::{Ears, Office, key, plain};

const WORKERS: usize = 4;

fn many() -> BoxOfficeSettings {
    BoxOfficeSettings { workers: WORKERS, ..plain() }
}

fn of_schedule(office: &Office, schedule: u32, name: u64) -> Raw<u64> {
    office.command(name, Keys::new([Key::Schedule(ScheduleId::new(schedule)), key(name)]))
}

#[test]
fn as_many_lanes_as_workers_are_in_the_store_at_once() {
    bounded(async {
        let office = Office::with(many(), LaneShape::PerSchedule, |_| |_: &[u64]| Ok(()));
        office.door.shut_door();
        let mut waiting = Vec::new();
        for (schedule, name) in [(1, 11), (2, 21), (3, 31), (4, 41)] {
            let command = of_schedule(&office, schedule, name);
            waiting.push(office.queue_command(Priority::Begin, command).await);
        }
        office.door.until_arrived(WORKERS).await;
        // Four are in the store. More of the same schedules, and of a fifth, have to wait.
        for (schedule, name) in [(1, 12), (1, 13), (2, 22), (5, 51)] {
            let command = of_schedule(&office, schedule, name);
            waiting.push(office.queue_command(Priority::Begin, command).await);
        }
        assert_eq!(office.inner.waiting(), [0, 4, 0]);
        office.door.open_door();
        let answers = futures_util::future::join_all(waiting).await;
        assert!(answers.iter().all(Result::is_ok), "{answers:?}");
        let mut groups = office.groups();
        groups.sort();
        let expected: [&[u64]; 7] = [&[11], &[12, 13], &[21], &[22], &[31], &[41], &[51]];
        assert_eq!(groups, expected, "what queued up in a lane is one group of it");
    });
}

#[test]
fn a_store_with_one_writer_has_one_lane() {
    bounded(async {
        let office = Office::with(many(), LaneShape::Single, |_| |_: &[u64]| Ok(()));
        let plug = office.shut().await;
        let mut waiting = Vec::new();
        for (schedule, name) in [(1, 11), (2, 21), (3, 31)] {
            let command = of_schedule(&office, schedule, name);
            waiting.push(office.queue_command(Priority::Begin, command).await);
        }
        office.door.open_door();
        assert_eq!(plug.await, Ok(0));
        futures_util::future::join_all(waiting).await;
        assert_eq!(office.door.sizes(), [1, 3]);
    });
}

/// Notes when two groups of one schedule are in the store at once.
struct Watchful {
    clock: ManualClock,
    inside: Mutex<HashSet<ScheduleId>>,
    overlaps: Mutex<usize>,
    side_by_side: Mutex<usize>,
}

impl Store for Watchful {
    fn lane_shape(&self) -> LaneShape {
        LaneShape::PerSchedule
    }

    fn transact(&self, mut group: Group) -> BoxFuture<'_, (Group, Result<Committed, StoreError>)> {
        Box::pin(async move {
            let keys = group.keys();
            let schedules: HashSet<ScheduleId> = keys
                .iter()
                .filter_map(|key| match key {
                    Key::Schedule(id) => Some(*id),
                    _ => None,
                })
                .collect();
            {
                let mut inside = self.inside.lock();
                for schedule in &schedules {
                    *self.overlaps.lock() += usize::from(!inside.insert(*schedule));
                }
                let mut most = self.side_by_side.lock();
                *most = (*most).max(inside.len());
            }
            // Lets others come in meanwhile.
            tokio::task::yield_now().await;
            let mut records = Records::new();
            for key in keys {
                if let Key::Schedule(id) = key {
                    records.schedules.load(id, None);
                }
            }
            let decided_at = self.clock.now();
            assert_eq!(group.decide(&mut records, decided_at, 1), Decision::Save);
            for schedule in &schedules {
                self.inside.lock().remove(schedule);
            }
            (group, Ok(Committed { decided_at }))
        })
    }
}

#[test]
fn one_lane_is_never_in_the_store_twice_at_once() {
    bounded(async {
        let clock = ManualClock::default();
        let store = Arc::new(Watchful {
            clock: clock.clone(),
            inside: Mutex::default(),
            overlaps: Mutex::default(),
            side_by_side: Mutex::default(),
        });
        let (door, ears) = (Arc::<Watchful>::clone(&store), Arc::<Ears>::default());
        let settings = BoxOfficeSettings { group_commands_max: 2, ..many() };
        let office = Arc::new(BoxOffice::open(door, Arc::new(clock), ears, settings));
        let decided = Arc::new(Mutex::new(vec![Vec::new(); 3]));
        let tasks: Vec<_> = (0..600_usize)
            .map(|number| {
                let (office, decided) = (Arc::clone(&office), Arc::clone(&decided));
                tokio::spawn(async move {
                    let schedule = number % 3;
                    let id = ScheduleId::new(u32::try_from(schedule + 1).expect("few"));
                    let command = Raw::new(Key::Schedule(id), move |_, _| {
                        decided.lock()[schedule].push(number);
                        Ok(())
                    });
                    office.run(Priority::Begin, command).await
                })
            })
            .collect();
        for task in tasks {
            assert_eq!(task.await.expect("no panic"), Ok(()));
        }
        assert_eq!(*store.overlaps.lock(), 0, "a lane was in the store twice at once");
        assert!(decided.lock().iter().all(|lane| lane.len() == 200), "every command was decided once");
        tokio::task::spawn_blocking(move || office.close()).await.expect("closed");
    });
}
