use frontrow_domain::catalog::{BookingWindow, HoldPolicy, RefundPolicy, ScheduleDraft};
use frontrow_domain::{ConcertId, Money, Timestamp};

use super::*;

fn board(seats: u32) -> Board {
    let draft = ScheduleDraft {
        venue: "Hall".to_owned(),
        starts_at: Timestamp::from_micros(2),
        time_zone: "UTC".to_owned(),
        duration_minutes: 1,
        booking: BookingWindow { start: Timestamp::ZERO, end: Timestamp::from_micros(1) },
        hold: HoldPolicy { hold_seconds: 1, max_seconds: 1, extension_seconds: 0 },
        max_seats_per_fan: 4,
        refund_policy: RefundPolicy::NONE,
        sales_paused: false,
    };
    let plan = Arc::new(SeatPlan::plain(seats, Money::ZERO).expect("plan"));
    let schedule = draft.into_schedule(ScheduleId::new(1), ConcertId::new(1), plan, Timestamp::ZERO);
    Board::of(&SeatMap { schedule, taken: vec![(SeatNo::new(2), SeatState::Sold)] })
}

fn change(version: u64, seats: &[(u32, SeatState)]) -> SeatChanges {
    let seats = seats.iter().map(|&(no, state)| (SeatNo::new(no), state)).collect();
    SeatChanges { schedule: ScheduleId::new(1), version, seats }
}

fn step(version: u64, seats: &[(u32, SeatState)]) -> Step {
    Step::of(&change(version, seats))
}

#[test]
fn bug_6_and_7_counts_always_equal_the_seats_counted_one_by_one() {
    let mut board = board(5);
    let states = SeatState::ALL;
    for (turn, state) in (0_u32..100).zip(states.into_iter().cycle()) {
        let no = turn * 7 % 5 + 1;
        let next = step(board.version() + 1, &[(no, state)]);
        board = board.after(&next).expect("the next version");
        for state in states {
            let counted = board.states().iter().filter(|&&present| present == state).count();
            assert_eq!(board.count(state) as usize, counted);
        }
        assert_eq!(board.available_by_grade(), [board.count(SeatState::Available)]);
    }
}

#[test]
fn a_board_takes_only_the_next_version() {
    let board = board(5);
    assert!(board.after(&step(board.version(), &[])).is_none());
    assert!(board.after(&step(board.version() + 2, &[])).is_none());
}

/// A step that others have put together of several commits says what seats show behind it: from any version on that it
/// covers, that is what the board shows then.
#[test]
fn a_step_over_several_versions_is_good_from_each_of_them() {
    let first = board(5);
    let second = first.after(&step(2, &[(1, SeatState::Held), (4, SeatState::Held)])).expect("next");
    let several = Step {
        from: 1,
        change: change(4, &[(1, SeatState::Sold), (3, SeatState::Held), (4, SeatState::Available)]),
    };
    let behind = first.after(&several).expect("from its beginning");
    let between = second.after(&several).expect("from the middle");
    assert_eq!(behind.states(), between.states());
    assert_eq!((behind.version(), between.version()), (4, 4));
    let since_second = vec![
        (SeatNo::new(1), SeatState::Sold),
        (SeatNo::new(3), SeatState::Held),
        (SeatNo::new(4), SeatState::Available),
    ];
    assert_eq!(between.since(2), MapChanges::Since(since_second));
    assert!(between.after(&several).is_none(), "a repeat");
    let later = Step { from: 5, change: change(6, &[]) };
    assert!(between.after(&later).is_none(), "one is missing");
}

#[test]
fn changes_since_a_version_bring_it_up_to_date() {
    let first = board(5);
    let second = first.after(&step(2, &[(1, SeatState::Held)])).expect("next");
    let third = second.after(&step(3, &[(1, SeatState::Sold), (3, SeatState::Held)])).expect("next");
    assert_eq!(third.since(3), MapChanges::Since(vec![]));
    let both = vec![(SeatNo::new(1), SeatState::Sold), (SeatNo::new(3), SeatState::Held)];
    assert_eq!(third.since(2), MapChanges::Since(both.clone()));
    assert_eq!(third.since(1), MapChanges::Since(both));
    assert_eq!(third.since(0), MapChanges::TooOld, "before the board was loaded");
    assert_eq!(third.since(4), MapChanges::TooOld, "from the future");
}

#[test]
fn what_is_too_long_ago_is_forgotten() {
    let mut board = board(5);
    for _ in 0..HISTORY_MIN + 10 {
        board = board.after(&step(board.version() + 1, &[(1, SeatState::Held)])).expect("next");
    }
    assert_eq!(board.since(1), MapChanges::TooOld);
    assert_ne!(board.since(board.version() - 5), MapChanges::TooOld);
}
