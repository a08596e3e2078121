//! What can be seen only from inside. The box office at work is in `tests/it/box_office.rs` and `tests/it/lanes.rs`.

use frontrow_domain::records::{Counter, Key};
use frontrow_domain::{ConcertId, ScheduleId, SeatNo, UserId};
use uuid::Uuid;

use super::*;

fn user(last_byte: u8) -> UserId {
    UserId::new(Uuid::from_u128(u128::from(last_byte)))
}

#[test]
fn a_store_with_one_writer_has_one_lane() {
    for keys in
        [Keys::default(), Keys::from(Key::Schedule(ScheduleId::new(1))), Keys::from(Key::Wallet(user(1)))]
    {
        assert_eq!(Lane::of(LaneShape::Single, &keys), Lane::Only);
    }
}

/// Whatever touches a schedule is in its lane; otherwise it is the owner who decides, and always the same way.
#[test]
fn commands_that_meet_over_a_schedule_or_a_wallet_share_a_lane() {
    let of = |keys: &[Key]| Lane::of(LaneShape::PerSchedule, &Keys::new(keys.iter().cloned()));
    let (one, two) = (ScheduleId::new(1), ScheduleId::new(2));
    let hold = [Key::Claim(one, SeatNo::new(1)), Key::Schedule(one), Key::FanReservations(one, user(1))];
    let pay = [Key::Wallet(user(1)), Key::Schedule(one), Key::Once([0; 16])];
    assert_eq!(of(&hold), Lane::Schedule(one));
    assert_eq!(of(&pay), of(&hold));
    assert_ne!(of(&[Key::Schedule(two)]), of(&hold));
    let charge = [Key::Once([7; 16]), Key::Wallet(user(3))];
    assert_eq!(of(&charge), Lane::Shard(3));
    assert_eq!(of(&[Key::Account(user(3))]), of(&charge));
    assert_eq!(of(&[Key::Wallet(user(3 + 16))]), of(&charge), "there are sixteen shards");
    assert_eq!(of(&[Key::Counter(Counter::Concert)]), of(&[Key::Concert(ConcertId::new(5))]));
}

#[test]
fn a_refusal_can_change_its_type_and_nothing_else_changes() {
    assert_eq!(Failure::Refused(1).map(|number| number + 1), Failure::Refused(2));
    for failure in [Failure::<u8>::Overloaded, Failure::Unavailable, Failure::OutcomeUnknown, Failure::Defect]
    {
        let mapped = failure.clone().map(u32::from);
        assert_eq!(format!("{mapped:?}"), format!("{failure:?}"));
    }
}

/// A subscriber that keeps the fields of every event.
#[derive(Clone, Default)]
struct Said(Arc<Mutex<Vec<String>>>);

struct Line<'a>(&'a mut String);

impl tracing::field::Visit for Line<'_> {
    fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn std::fmt::Debug) {
        use std::fmt::Write as _;
        write!(self.0, "{field}={value:?} ").expect("text");
    }
}

impl tracing::Subscriber for Said {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}

    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        let mut line = String::new();
        event.record(&mut Line(&mut line));
        self.0.lock().push(line);
    }

    fn enter(&self, _: &tracing::span::Id) {}

    fn exit(&self, _: &tracing::span::Id) {}
}

#[test]
fn a_store_that_is_away_is_told_once_and_once_when_it_is_back() {
    let said = Said::default();
    tracing::subscriber::with_default(said.clone(), || {
        let talk = Talk { slow_group: Duration::from_secs(1), ..Talk::default() };
        let commit = || talk.committed(Duration::ZERO, || unreachable!("it was not slow"));
        commit();
        for _ in 0..2 {
            (0..100).for_each(|_| talk.unavailable("it is gone"));
            (0..100).for_each(|_| commit());
        }
    });
    let said = said.0.lock();
    let away = |line: &String| line.contains("the store is unavailable") && line.contains("it is gone");
    let back = |line: &String| line.contains("the store commits again");
    assert_eq!(said.len(), 4, "{said:?}");
    assert!(away(&said[0]) && back(&said[1]) && away(&said[2]) && back(&said[3]), "{said:?}");
}

#[test]
fn a_slow_group_is_explained_and_a_quick_one_is_not() {
    let said = Said::default();
    let millis = Duration::from_millis;
    tracing::subscriber::with_default(said.clone(), || {
        let talk = Talk { slow_group: millis(500), ..Talk::default() };
        let report = || GroupReport {
            kinds: [("HoldSeats", 480), ("PayReservation", 20)].into(),
            rounds: 2,
            took: millis(700),
            spent: trace::Spent { load: millis(1), decide: millis(2), save: millis(3), commit: millis(694) },
        };
        talk.committed(millis(499), report);
        talk.committed(millis(700), report);
        talk.committed(millis(800), report);
    });
    let said = said.0.lock();
    let [line] = said.as_slice() else { panic!("one line a second: {said:?}") };
    for part in [
        "a slow group",
        "commands=500",
        "\"HoldSeats\": 480",
        "\"PayReservation\": 20",
        "rounds=2",
        "took_ms=700",
        "load_ms=1 ",
        "decide_ms=2 ",
        "save_ms=3 ",
        "commit_ms=694",
    ] {
        assert!(line.contains(part), "no {part}: {line}");
    }
}
