//! What a journal of the embedded line keeps: what it has taken, in order, all of a batch or nothing.
#![expect(clippy::unused_async, reason = "a journal blocks; the cases of all suites have one shape")]

use std::sync::Arc;

use frontrow_application::queue::journal::{
    JournalError, LineBatch, LineJournal, Moved, RoomMark, Stored, Told,
};
use frontrow_domain::queue::{EndReason, Place, PlaceState, Session};
use frontrow_domain::{ConcertId, Sequence, Timestamp};

use super::bench::OTHER_CONCERT;
use crate::clock::ManualClock;
use crate::line::JournalSource;
use crate::samples;

pub(super) const NOW: Timestamp = ManualClock::EPOCH;

/// A journal under test.
pub(super) struct Desk<S> {
    source: S,
    journal: Option<Arc<dyn LineJournal>>,
}

impl<S: JournalSource> Desk<S> {
    pub(super) fn open(source: S) -> Self {
        let journal = Some(source.open());
        Self { source, journal }
    }

    pub(super) fn reopen(&mut self) {
        self.journal = None;
        self.journal = Some(self.source.open());
    }

    pub(super) fn journal(&self) -> &dyn LineJournal {
        &**self.journal.as_ref().expect("it is open between two calls")
    }

    pub(super) fn append(&self, batch: &LineBatch) {
        self.journal().append(batch).expect("the journal takes it");
    }

    pub(super) fn load(&self, ended_after: Timestamp) -> Vec<Stored> {
        let mut stored = Vec::new();
        self.journal().load(ended_after, &mut |one| stored.push(one)).expect("the journal reads");
        stored
    }

    pub(super) fn places(&self, ended_after: Timestamp) -> Vec<Place> {
        let of_place = |stored| match stored {
            Stored::Place(place) => Some(place),
            _ => None,
        };
        self.load(ended_after).into_iter().filter_map(of_place).collect()
    }

    pub(super) fn mark(&self, concert: ConcertId, ended_after: Timestamp) -> Option<RoomMark> {
        let of_room = |stored| match stored {
            Stored::Room(mark) if mark.concert == concert => Some(mark),
            _ => None,
        };
        self.load(ended_after).into_iter().find_map(of_room)
    }
}

/// A place in a line, or in its lobby, by its number.
pub(super) fn place(concert: ConcertId, number: u64) -> Place {
    let seconds = number % Sequence::LOBBY.get();
    Place {
        concert,
        sequence: Sequence::new(number),
        entry: samples::entry_id(1_000 + number),
        user: samples::user(number),
        joined_at: NOW.plus_seconds(u32::try_from(seconds).expect("few places")),
        state: PlaceState::Waiting,
    }
}

pub(super) fn moved(concert: ConcertId, number: u64, state: PlaceState) -> Moved {
    Moved { concert, sequence: Sequence::new(number), state }
}

pub(super) fn ended(reason: EndReason, at: Timestamp) -> PlaceState {
    PlaceState::Ended { reason, at, admitted_at: None }
}

pub(super) fn joined(concert: ConcertId, numbers: impl IntoIterator<Item = u64>) -> LineBatch {
    LineBatch {
        joined: numbers.into_iter().map(|number| place(concert, number)).collect(),
        ..LineBatch::default()
    }
}

/// States of every kind.
fn states() -> Vec<PlaceState> {
    let session = Session { admitted_at: NOW, ends_at: NOW.plus_seconds(300), claim_by: None };
    let called = Session { claim_by: Some(NOW.plus_seconds(60)), ..session };
    let mut states = vec![PlaceState::Skipped, PlaceState::Active(session), PlaceState::Active(called)];
    for reason in EndReason::ALL {
        states.push(ended(reason, NOW));
        states.push(PlaceState::Ended { reason, at: NOW.plus_seconds(9), admitted_at: Some(NOW) });
    }
    states
}

/// Places in every state read as they were written, line by line in order of number.
pub async fn places_read_as_they_were_written(source: impl JournalSource) {
    let mut desk = Desk::open(source);
    let states = states();
    let count = states.len() as u64;
    for concert in [OTHER_CONCERT, samples::CONCERT] {
        desk.append(&joined(concert, 1..=count + 1));
    }
    let changes = (1..).zip(&states).map(|(number, state)| moved(OTHER_CONCERT, number, *state));
    desk.append(&LineBatch { moved: changes.collect(), ..LineBatch::default() });
    desk.reopen();
    let mut expected: Vec<Place> = (1..=count + 1).map(|number| place(samples::CONCERT, number)).collect();
    let others = (1..).zip(&states);
    expected.extend(others.map(|(number, state)| Place { state: *state, ..place(OTHER_CONCERT, number) }));
    expected.push(place(OTHER_CONCERT, count + 1));
    let mut read = desk.places(Timestamp::ZERO);
    for concert in [samples::CONCERT, OTHER_CONCERT] {
        assert!(
            read.iter().filter(|place| place.concert == concert).is_sorted_by_key(|place| place.sequence)
        );
    }
    read.sort_by_key(|place| (place.concert, place.sequence));
    assert_eq!(read, expected);
}

/// A place that was let in stays until it was told of, however long ago it ended, and how far was told never goes back.
pub async fn whoever_is_not_told_of_is_neither_left_out_nor_forgotten(source: impl JournalSource) {
    let mut desk = Desk::open(source);
    let later = NOW.plus_seconds(7_200);
    let at = |second| NOW.plus_seconds(second);
    let over = |second: u32| PlaceState::Ended {
        reason: EndReason::Paid,
        at: at(second + 1),
        admitted_at: Some(at(second)),
    };
    desk.append(&joined(samples::CONCERT, 1..=4));
    let states = [(1, over(10)), (2, over(20)), (3, over(30)), (4, ended(EndReason::Left, at(5)))];
    let moves = states.map(|(number, state)| moved(samples::CONCERT, number, state)).to_vec();
    desk.append(&LineBatch { moved: moves, ..LineBatch::default() });
    let numbers = |places: Vec<Place>| places.iter().map(|place| place.sequence.get()).collect::<Vec<_>>();
    assert_eq!(numbers(desk.places(later)), [1, 2, 3], "nobody was told");
    for (through, left) in [(at(20), [3].as_slice()), (at(10), &[3]), (at(30), &[])] {
        let told = vec![Told { concert: samples::CONCERT, through }];
        desk.append(&LineBatch { told, ..LineBatch::default() });
        desk.reopen();
        assert_eq!(numbers(desk.places(later)), left);
        let told = desk.load(later).into_iter().find_map(|stored| match stored {
            Stored::Told(told) => Some(told),
            _ => None,
        });
        let through = through.max(at(20));
        assert_eq!(told, Some(Told { concert: samples::CONCERT, through }));
        desk.journal().forget(later, 100).expect("the journal forgets");
        assert_eq!(numbers(desk.places(Timestamp::ZERO)), left);
    }
}

/// A batch may hold a place and what became of it, and moves come in their order.
pub async fn a_batch_is_applied_in_its_order(source: impl JournalSource) {
    let mut desk = Desk::open(source);
    let session = Session { admitted_at: NOW, ends_at: NOW.plus_seconds(300), claim_by: None };
    let over = ended(EndReason::Paid, NOW.plus_seconds(5));
    let states = [PlaceState::Skipped, PlaceState::Active(session), over];
    let moves = states.map(|state| moved(samples::CONCERT, 1, state)).to_vec();
    desk.append(&LineBatch { moved: moves, ..joined(samples::CONCERT, [1]) });
    desk.reopen();
    assert_eq!(desk.places(Timestamp::ZERO), [Place { state: over, ..place(samples::CONCERT, 1) }]);
}

/// All of a batch or nothing: one number that is taken undoes the rest.
pub async fn a_refused_batch_leaves_nothing(source: impl JournalSource) {
    let mut desk = Desk::open(source);
    desk.append(&joined(samples::CONCERT, 1..=2));
    let taken = LineBatch {
        moved: vec![moved(samples::CONCERT, 1, ended(EndReason::Left, NOW))],
        sessions_through: Some(9),
        ..joined(samples::CONCERT, [3, 2])
    };
    assert!(matches!(desk.journal().append(&taken), Err(JournalError::Refused(_))));
    desk.append(&joined(samples::CONCERT, [4]));
    desk.reopen();
    let numbers = [1, 2, 4].map(|number| place(samples::CONCERT, number));
    assert_eq!(desk.places(Timestamp::ZERO), numbers);
    assert!(!desk.load(Timestamp::ZERO).contains(&Stored::SessionsThrough(9)));
}

/// A move of a place that is not there, or is over, refuses its batch: the line and its journal have come apart.
pub async fn a_move_of_no_place_in_line_refuses_its_batch(source: impl JournalSource) {
    let mut desk = Desk::open(source);
    desk.append(&joined(samples::CONCERT, 1..=2));
    let over = ended(EndReason::Left, NOW);
    desk.append(&LineBatch { moved: vec![moved(samples::CONCERT, 1, over)], ..LineBatch::default() });
    for (concert, number) in [(samples::CONCERT, 1), (samples::CONCERT, 9), (OTHER_CONCERT, 2)] {
        let apart = LineBatch {
            moved: vec![
                moved(samples::CONCERT, 2, PlaceState::Skipped),
                moved(concert, number, ended(EndReason::Revoked, NOW.plus_seconds(1))),
            ],
            ..joined(samples::CONCERT, [3])
        };
        assert!(matches!(desk.journal().append(&apart), Err(JournalError::Refused(_))), "{concert} {number}");
    }
    desk.reopen();
    let first = Place { state: over, ..place(samples::CONCERT, 1) };
    assert_eq!(desk.places(Timestamp::ZERO), [first, place(samples::CONCERT, 2)]);
}

/// What ended before the time asked for is left out; what is in line or let in never is.
pub async fn what_ended_long_ago_is_left_out(source: impl JournalSource) {
    let desk = Desk::open(source);
    desk.append(&joined(samples::CONCERT, 1..=4));
    let at = |seconds| ended(EndReason::Left, NOW.plus_seconds(seconds));
    let moves = vec![moved(samples::CONCERT, 1, at(10)), moved(samples::CONCERT, 3, at(20))];
    desk.append(&LineBatch { moved: moves, ..LineBatch::default() });
    let numbers = |after| -> Vec<u64> {
        desk.places(NOW.plus_seconds(after)).iter().map(|place| place.sequence.get()).collect()
    };
    assert_eq!(numbers(10), [1, 2, 3, 4]);
    assert_eq!(numbers(11), [2, 3, 4]);
    assert_eq!(numbers(5_000), [2, 4]);
}

/// Numbers that were given out are known to be, also when their places are left out or forgotten.
pub async fn used_numbers_are_known_whatever_is_left_out(source: impl JournalSource) {
    let mut desk = Desk::open(source);
    desk.append(&joined(samples::CONCERT, 1..=3));
    let moves = (1..=3).map(|number| moved(samples::CONCERT, number, ended(EndReason::Left, NOW)));
    desk.append(&LineBatch { moved: moves.collect(), ..LineBatch::default() });
    let later = NOW.plus_seconds(10_000);
    for is_forgotten in [false, true] {
        if is_forgotten {
            assert_eq!(desk.journal().forget(later, 100), Ok(3));
        }
        desk.reopen();
        assert_eq!(desk.places(later), []);
        let next = desk.mark(samples::CONCERT, later).map(|mark| mark.next);
        assert!(next >= Some(Sequence::new(4)), "forgotten: {is_forgotten}, next is {next:?}");
    }
}

/// Marks of lines and of the ends of sessions are there again, the newest of each, before any place of theirs.
pub async fn marks_read_as_they_were_written(source: impl JournalSource) {
    let mut desk = Desk::open(source);
    assert_eq!(desk.load(Timestamp::ZERO), []);
    desk.append(&joined(samples::CONCERT, 1..=4));
    let mark = |next, closed_below, seconds| RoomMark {
        concert: samples::CONCERT,
        next: Sequence::new(next),
        closed_below: Sequence::new(closed_below),
        closed_at: NOW.plus_seconds(seconds),
    };
    for (room, position) in [(mark(5, 3, 10), 7), (mark(5, 5, 20), 8)] {
        desk.append(&LineBatch {
            rooms: vec![room],
            sessions_through: Some(position),
            ..LineBatch::default()
        });
    }
    desk.append(&joined(samples::CONCERT, [5]));
    desk.reopen();
    let stored = desk.load(Timestamp::ZERO);
    assert!(stored.contains(&Stored::SessionsThrough(8)));
    let room = desk.mark(samples::CONCERT, Timestamp::ZERO).expect("it was marked");
    assert_eq!((room.closed_below, room.closed_at), (Sequence::new(5), NOW.plus_seconds(20)));
    let is_of_line = |stored: &&Stored| !matches!(stored, Stored::SessionsThrough(_));
    assert!(
        matches!(stored.iter().find(is_of_line), Some(Stored::Room(_))),
        "a line comes before its places"
    );
}

/// A batch with nothing in it is taken.
pub async fn an_empty_batch_is_taken(source: impl JournalSource) {
    let desk = Desk::open(source);
    assert_eq!(desk.journal().append(&LineBatch::default()), Ok(()));
    assert_eq!(desk.load(Timestamp::ZERO), []);
}

/// Forgetting deletes what has been over for long, in steps, and nothing else.
pub async fn forgetting_goes_in_steps(source: impl JournalSource) {
    let mut desk = Desk::open(source);
    desk.append(&joined(samples::CONCERT, 1..=9));
    let moves = (1..=5).map(|number| moved(samples::CONCERT, number, ended(EndReason::Left, NOW)));
    desk.append(&LineBatch { moved: moves.collect(), ..LineBatch::default() });
    let later = NOW.plus_seconds(1);
    assert_eq!(desk.journal().forget(NOW, 100), Ok(0), "the end is not before its own time");
    let steps: Vec<_> = (0..4).map(|_| desk.journal().forget(later, 2).expect("it forgets")).collect();
    assert_eq!(steps, [2, 2, 1, 0]);
    desk.reopen();
    let left: Vec<_> = desk.places(Timestamp::ZERO).iter().map(|place| place.sequence.get()).collect();
    assert_eq!(left, [6, 7, 8, 9]);
}

/// Whoever was in line when their line was closed is forgotten like those who ended one by one; whoever was let in, or
/// joined since, is not.
pub async fn a_closed_line_is_forgotten(source: impl JournalSource) {
    let mut desk = Desk::open(source);
    desk.append(&joined(samples::CONCERT, 1..=4));
    let session = Session { admitted_at: NOW, ends_at: NOW.plus_seconds(300), claim_by: None };
    let moves = vec![
        moved(samples::CONCERT, 1, PlaceState::Active(session)),
        moved(samples::CONCERT, 2, PlaceState::Skipped),
    ];
    let below = Sequence::new(4);
    let mark =
        RoomMark { concert: samples::CONCERT, next: Sequence::new(5), closed_below: below, closed_at: NOW };
    desk.append(&LineBatch { moved: moves, rooms: vec![mark], ..LineBatch::default() });
    let read = |after| -> Vec<u64> { desk.places(after).iter().map(|place| place.sequence.get()).collect() };
    assert_eq!(read(NOW), [1, 2, 3, 4]);
    assert_eq!(read(NOW.plus_seconds(1)), [1, 4], "they were over with their line");
    assert_eq!(desk.journal().forget(NOW, 100), Ok(0));
    assert_eq!(desk.journal().forget(NOW.plus_seconds(1), 100), Ok(2));
    desk.reopen();
    let left: Vec<_> = desk.places(Timestamp::ZERO).iter().map(|place| place.sequence.get()).collect();
    assert_eq!(left, [1, 4]);
}
