use super::*;

fn change(schedule: u32, version: u64, seats: &[(u32, SeatState)]) -> SeatChanges {
    let seats = seats.iter().map(|&(no, state)| (SeatNo::new(no), state)).collect();
    SeatChanges { schedule: ScheduleId::new(schedule), version, seats }
}

/// A schedule, from and to, and its seats.
type ToldStep = (u32, u64, u64, Vec<(u32, u8)>);

fn waiting(changes: &[SeatChanges]) -> Vec<ToldStep> {
    let mut waiting = Waiting::default();
    for change in changes {
        assert!(waiting.add(change), "{change:?}");
    }
    let told = waiting.take();
    assert!(waiting.take().is_empty());
    told.into_iter().map(|told| (told.schedule, told.from, told.to, told.seats)).collect()
}

#[test]
fn commits_that_follow_each_other_are_one_step() {
    let told = waiting(&[
        change(7, 4, &[(1, SeatState::Held), (2, SeatState::Held)]),
        change(3, 9, &[(5, SeatState::Blocked)]),
        change(7, 5, &[(1, SeatState::Sold)]),
        change(7, 6, &[(3, SeatState::Available)]),
    ]);
    let of_seven = vec![(1, b's'), (2, b'h'), (3, b'a')];
    assert_eq!(told, [(3, 8, 9, vec![(5, b'b')]), (7, 3, 6, of_seven)]);
}

#[test]
fn a_step_ends_where_another_instance_has_committed() {
    let told = waiting(&[change(7, 4, &[(1, SeatState::Held)]), change(7, 6, &[(1, SeatState::Sold)])]);
    assert_eq!(told, [(7, 3, 4, vec![(1, b'h')]), (7, 5, 6, vec![(1, b's')])]);
}

#[test]
fn what_waits_is_bounded_in_seats_and_in_steps() {
    let mut waiting = Waiting::default();
    let hall: Vec<_> = (1..=10_000).map(|seat| (seat, SeatState::Held)).collect();
    assert!(waiting.add(&change(1, 1, &hall)));
    // The same seats again take no more room.
    assert!(!waiting.add(&change(2, 1, &hall)));
    assert!(waiting.add(&change(2, 1, &hall[..SEATS_MAX - 10_000])));
    assert!(!waiting.add(&change(3, 1, &hall[..1])));
    let told = waiting.take();
    assert_eq!(told.iter().map(|told| told.seats.len()).sum::<usize>(), SEATS_MAX);
    let steps = (0..2 * STEPS_MAX as u64).filter(|at| waiting.add(&change(1, 2 * at + 1, &[])));
    assert_eq!(steps.count(), STEPS_MAX);
    assert!(!waiting.take().is_empty());
    assert!(waiting.add(&change(1, 9, &[])), "there is room again");
}

#[test]
fn a_letter_reads_as_it_was_written() {
    let told = || vec![Told { schedule: 7, from: 3, to: 6, seats: vec![(1, b's'), (100_000, b'a')] }];
    let bytes = Letter { epoch: u64::MAX, sender: u128::MAX, told: told() }.to_bytes();
    assert!(bytes.starts_with(FORM));
    let letter = Letter::read(&bytes).expect("it reads");
    assert_eq!((letter.epoch, letter.sender), (u64::MAX, u128::MAX));
    let steps: Option<Vec<_>> = letter.told.into_iter().map(Told::step).collect();
    let change = change(7, 6, &[(1, SeatState::Sold), (100_000, SeatState::Available)]);
    assert_eq!(steps, Some(vec![Step { from: 3, change }]));
}

#[test]
fn a_step_that_cannot_be_is_refused() {
    for (from, to, letter) in [(3, 3, b'a'), (4, 3, b'a'), (3, 4, b'?')] {
        let told = Told { schedule: 7, from, to, seats: vec![(1, letter)] };
        assert_eq!(told.step(), None, "{from} {to} {letter}");
    }
}
