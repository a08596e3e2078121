//! [`SqliteLine`] keeps what it has taken, all of a batch or nothing.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use frontrow_application::queue::journal::{JournalError, LineBatch, LineJournal, Moved, RoomMark, Stored};
use frontrow_domain::queue::{EndReason, Place, PlaceState, Session};
use frontrow_domain::{ConcertId, EntryId, Sequence, Timestamp, UserId};
use frontrow_store_sqlite::{
    FILE_NAME, LINE_FILE_NAME, LINE_SCHEMA_VERSION, OpenError, Options, SqliteLine, SqliteStore,
};
use frontrow_testkit::ManualClock;
use rusqlite::Connection;
use tempfile::TempDir;
use uuid::Uuid;

const DAY: u32 = 86_400;

pub(crate) fn at(second: u32) -> Timestamp {
    Timestamp::ZERO.plus_seconds(1_000_000_000).plus_seconds(second)
}

pub(crate) fn place(concert: u32, number: u64) -> Place {
    Place {
        concert: ConcertId::new(concert),
        sequence: Sequence::new(number),
        entry: EntryId::new(Uuid::from_u64_pair(concert.into(), number)),
        user: UserId::new(Uuid::from_u64_pair(number, concert.into())),
        joined_at: at(0),
        state: PlaceState::Waiting,
    }
}

pub(crate) fn joins(concert: u32, numbers: impl IntoIterator<Item = u64>) -> LineBatch {
    let joined = numbers.into_iter().map(|number| place(concert, number)).collect();
    LineBatch { joined, ..LineBatch::default() }
}

pub(crate) fn moved(concert: u32, number: u64, state: PlaceState) -> Moved {
    Moved { concert: ConcertId::new(concert), sequence: Sequence::new(number), state }
}

pub(crate) fn moves(moved: impl IntoIterator<Item = Moved>) -> LineBatch {
    LineBatch { moved: moved.into_iter().collect(), ..LineBatch::default() }
}

pub(crate) fn room(concert: u32, next: u64, closed_below: u64, closed_at: Timestamp) -> RoomMark {
    let concert = ConcertId::new(concert);
    RoomMark { concert, next: Sequence::new(next), closed_below: Sequence::new(closed_below), closed_at }
}

pub(crate) fn mark(room: RoomMark) -> LineBatch {
    LineBatch { rooms: vec![room], ..LineBatch::default() }
}

pub(crate) fn active(claim_by: Option<Timestamp>) -> PlaceState {
    PlaceState::Active(Session { admitted_at: at(10), ends_at: at(310), claim_by })
}

pub(crate) fn ended(reason: EndReason, at: Timestamp) -> PlaceState {
    PlaceState::Ended { reason, at, admitted_at: None }
}

pub(crate) fn opened() -> (TempDir, Arc<SqliteLine>) {
    let folder = tempfile::tempdir().expect("a folder");
    let line = open(folder.path());
    (folder, line)
}

pub(crate) fn open(folder: &Path) -> Arc<SqliteLine> {
    SqliteLine::open(folder).expect("it opens")
}

pub(crate) fn stored_after(line: &SqliteLine, ended_after: Timestamp) -> Vec<Stored> {
    let mut all = Vec::new();
    line.load(ended_after, &mut |stored| all.push(stored)).expect("it can be read");
    all
}

pub(crate) fn stored(line: &SqliteLine) -> Vec<Stored> {
    stored_after(line, Timestamp::ZERO)
}

pub(crate) fn places(line: &SqliteLine) -> Vec<Place> {
    let place = |stored| if let Stored::Place(place) = stored { Some(place) } else { None };
    stored(line).into_iter().filter_map(place).collect()
}

pub(crate) fn log_of(folder: &Path) -> PathBuf {
    folder.join(format!("{LINE_FILE_NAME}-wal"))
}

/// What a process that is killed now would leave: the file, and the log as far as it is written.
pub(crate) fn crashed(file: &Path, log: &[u8]) -> (TempDir, Arc<SqliteLine>) {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::copy(file, folder.path().join(LINE_FILE_NAME)).expect("a copy");
    std::fs::write(log_of(folder.path()), log).expect("a copy");
    let line = open(folder.path());
    (folder, line)
}

#[test]
fn every_state_is_read_as_it_was_written() {
    let (folder, line) = opened();
    let mut states = vec![PlaceState::Waiting, PlaceState::Skipped, active(None), active(Some(at(70)))];
    for reason in EndReason::ALL {
        states.push(PlaceState::Ended { reason, at: at(90), admitted_at: None });
        states.push(PlaceState::Ended { reason, at: at(90), admitted_at: Some(at(10)) });
    }
    let numbered = || (1..).zip(&states);
    line.append(&joins(1, numbered().map(|(number, _)| number))).expect("kept");
    line.append(&moves(numbered().map(|(number, state)| moved(1, number, *state)))).expect("kept");
    let expected: Vec<_> =
        numbered().map(|(number, state)| Place { state: *state, ..place(1, number) }).collect();
    assert_eq!(places(&line), expected);
    drop(line);
    assert_eq!(places(&open(folder.path())), expected);
}

#[test]
fn rooms_come_before_places_and_places_in_order_of_number() {
    let (_folder, line) = opened();
    let closed = room(7, 3, 2, at(50));
    // More than a statement takes at once, of two lines at a time, and numbers may be missing.
    let numbers: Vec<u64> = (1..=100).chain([1 << 39]).collect();
    let both = numbers.iter().flat_map(|number| [place(9, *number), place(7, *number)]);
    line.append(&LineBatch {
        joined: both.collect(),
        moved: vec![],
        rooms: vec![room(20, 5, 1, Timestamp::ZERO), closed],
        sessions_through: Some(41),
        ..LineBatch::default()
    })
    .expect("kept");
    line.append(&LineBatch { sessions_through: Some(42), ..LineBatch::default() }).expect("kept");
    // A line goes on after its last place, whether it was never marked or the mark is older.
    let next = (1 << 39) + 1;
    let mut expected = vec![
        Stored::SessionsThrough(42),
        Stored::Room(RoomMark { next: Sequence::new(next), ..closed }),
        Stored::Room(room(9, next, 1, Timestamp::ZERO)),
        Stored::Room(room(20, 5, 1, Timestamp::ZERO)),
    ];
    for concert in [7, 9] {
        expected.extend(numbers.iter().map(|number| Stored::Place(place(concert, *number))));
    }
    assert_eq!(stored(&line), expected);
}

#[test]
fn a_place_can_move_in_the_batch_that_it_joined_in_and_more_than_once() {
    let (_folder, line) = opened();
    let last = ended(EndReason::Left, at(20));
    line.append(&LineBatch {
        moved: vec![moved(1, 2, active(Some(at(70)))), moved(1, 2, active(None)), moved(1, 2, last)],
        ..joins(1, 1..=2)
    })
    .expect("kept");
    assert_eq!(places(&line), [place(1, 1), Place { state: last, ..place(1, 2) }]);
}

#[test]
fn a_refused_batch_leaves_nothing_and_the_next_one_is_kept() {
    let (folder, line) = opened();
    line.append(&LineBatch { rooms: vec![room(1, 4, 2, at(5))], ..joins(1, 1..=3) }).expect("kept");
    line.append(&moves([moved(1, 3, ended(EndReason::Left, at(9)))])).expect("kept");
    let before = stored(&line);
    let good = || LineBatch { moved: vec![moved(1, 2, PlaceState::Skipped)], ..joins(1, 4..=80) };
    let with_moved = |last: Moved| {
        let mut batch = good();
        batch.moved.push(last);
        batch
    };
    let not_waiting = Place { state: active(None), ..place(1, 81) };
    let refused = [
        ("a number that is taken", joins(1, (4..=80).chain([3]))),
        ("a place that is not waiting", LineBatch { joined: vec![place(1, 80), not_waiting], ..good() }),
        ("a move of nobody", with_moved(moved(1, 81, PlaceState::Skipped))),
        ("a move in another line", with_moved(moved(2, 1, PlaceState::Skipped))),
        ("a move of what is over", with_moved(moved(1, 3, active(None)))),
        ("numbers given out again", LineBatch { rooms: vec![room(1, 3, 2, at(5))], ..good() }),
        ("a line that is open again", LineBatch { rooms: vec![room(1, 81, 1, at(5))], ..good() }),
        ("a line closed past its end", LineBatch { rooms: vec![room(1, 81, 82, at(5))], ..good() }),
        ("no position", LineBatch { sessions_through: Some(u64::MAX), ..good() }),
    ];
    for (what, batch) in refused {
        let error = line.append(&batch).expect_err(what);
        assert!(matches!(error, JournalError::Refused(_)), "{what}: {error:?}");
        assert!(!line.has_failed(), "{what}");
        assert_eq!(stored(&line), before, "{what}");
    }
    let log = std::fs::read(log_of(folder.path())).expect("the log");
    assert_eq!(stored(&crashed(&folder.path().join(LINE_FILE_NAME), &log).1), before);
    line.append(&good()).expect("kept");
    assert_eq!(stored(&line).len(), before.len() + 77);
}

#[test]
fn what_was_taken_is_there_after_a_crash() {
    let (folder, line) = opened();
    let file = folder.path().join(LINE_FILE_NAME);
    let mut batch = joins(1, 1..=500);
    batch.moved = vec![moved(1, 1, active(None))];
    batch.sessions_through = Some(7);
    line.append(&batch).expect("kept");
    line.append(&mark(room(1, 501, 1, Timestamp::ZERO))).expect("kept");
    let expected = stored(&line);
    assert_eq!(expected.len(), 502);
    let log = std::fs::read(log_of(folder.path())).expect("the log");
    let (_copied, killed) = crashed(&file, &log);
    assert_eq!(stored(&killed), expected);
    killed.append(&joins(1, 501..=600)).expect("the line goes on");
    // Dropped without being closed, and closed.
    drop(line);
    let line = open(folder.path());
    assert_eq!(stored(&line), expected);
    line.close();
    assert_eq!(std::fs::metadata(log_of(folder.path())).expect("the log").len(), 0);
    line.append(&joins(1, 501..=600)).expect("it can still be used");
    drop(line);
    assert_eq!(stored(&open(folder.path())), stored(&killed));
}

#[test]
fn a_torn_log_ends_with_a_whole_batch() {
    const BATCH: usize = 45;
    let (folder, line) = opened();
    let file = folder.path().join(LINE_FILE_NAME);
    let length = || std::fs::metadata(log_of(folder.path())).expect("the log").len();
    let mut ends = vec![length()];
    for first in (1..).step_by(BATCH).take(12) {
        line.append(&joins(1, first..first + BATCH as u64)).expect("kept");
        ends.push(length());
    }
    let log = std::fs::read(log_of(folder.path())).expect("the log");
    for (batches, ends) in ends.windows(2).enumerate() {
        for cut in [ends[0], ends[0].midpoint(ends[1]), ends[1] - 1] {
            let cut = usize::try_from(cut).expect("a small file");
            let (_copied, line) = crashed(&file, &log[..cut]);
            assert_eq!(places(&line).len(), batches * BATCH, "cut at {cut}");
        }
    }
}

#[test]
fn a_copy_made_while_batches_are_written_has_whole_ones_and_all_that_were_taken() {
    const BATCH: usize = 7;
    const BATCHES: usize = 120;
    let (folder, line) = opened();
    let file = folder.path().join(LINE_FILE_NAME);
    let taken = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for first in (1..).step_by(BATCH).take(BATCHES) {
                line.append(&joins(1, first..first + BATCH as u64)).expect("kept");
                taken.fetch_add(1, Ordering::Release);
            }
        });
        let mut seen = 0;
        while seen < BATCHES {
            // So little is written that nothing of the log is folded into the file meanwhile.
            seen = taken.load(Ordering::Acquire);
            let log = std::fs::read(log_of(folder.path())).expect("the log");
            let there = places(&crashed(&file, &log).1).len();
            assert!(there >= seen * BATCH, "{there} of {seen} batches");
            assert_eq!(there % BATCH, 0);
        }
    });
}

#[test]
fn forgetting_goes_in_steps_and_keeps_the_numbers() {
    let (_folder, line) = opened();
    let old = |number| moved(1, number, ended(EndReason::TimedOut, at(100)));
    // 1 to 10 are over, 11 is in line, 12 is let in, 13 has only just left, and 14 is over.
    line.append(&joins(1, 1..=14)).expect("kept");
    line.append(&moves((1..=10).chain([14]).map(old))).expect("kept");
    let just_left = moved(1, 13, ended(EndReason::Left, at(200)));
    line.append(&moves([moved(1, 11, PlaceState::Skipped), moved(1, 12, active(None)), just_left]))
        .expect("kept");
    let expected = stored_after(&line, at(200));
    assert_eq!(expected[0], Stored::Room(room(1, 15, 1, Timestamp::ZERO)));
    assert_eq!(expected.len(), 4);
    let steps: Vec<_> = (0..5).map(|_| line.forget(at(200), 4).expect("forgotten")).collect();
    assert_eq!(steps, [4, 4, 3, 0, 0]);
    // What was left out of reading is what was forgotten. Nobody had marked the line, and its numbers are kept.
    assert_eq!(stored(&line), expected);
    // One that was marked further keeps its mark.
    line.append(&mark(room(1, 100, 1, Timestamp::ZERO))).expect("kept");
    assert_eq!(line.forget(at(201), 10).expect("forgotten"), 1);
    assert_eq!(stored(&line)[0], Stored::Room(room(1, 100, 1, Timestamp::ZERO)));
}

#[test]
fn forgetting_ends_the_lines_that_were_closed() {
    let (_folder, line) = opened();
    for concert in [1, 2, 3] {
        line.append(&joins(concert, 1..=10)).expect("kept");
    }
    line.append(&moves([
        moved(1, 1, PlaceState::Skipped),
        moved(1, 2, active(None)),
        moved(1, 3, ended(EndReason::Paid, at(150))),
    ]))
    .expect("kept");
    // The first line was closed and opened again, the second was closed later, the third is open.
    line.append(&mark(room(1, 9, 9, at(100)))).expect("kept");
    line.append(&mark(room(2, 11, 11, at(200)))).expect("kept");
    let expected = stored_after(&line, at(150));
    assert_eq!(line.forget(at(100), 100).expect("forgotten"), 0, "nothing was over before that time");
    let steps: Vec<_> = (0..4).map(|_| line.forget(at(150), 3).expect("forgotten")).collect();
    assert_eq!(steps, [3, 3, 0, 0], "one who was skipped, and 4 to 8");
    assert_eq!(stored(&line), expected);
    assert_eq!(expected.len(), 3 + 4 + 10 + 10);
    assert_eq!(line.forget(at(DAY), 100).expect("forgotten"), 11);
    // Nobody is left but who was let in, who joined since, and the line that is open.
    let left = places(&line).into_iter().map(|place| (place.concert.get(), place.sequence.get()));
    let open = (1..=10).map(|number| (3, number));
    assert_eq!(
        left.collect::<Vec<_>>(),
        [(1, 2), (1, 9), (1, 10)].into_iter().chain(open).collect::<Vec<_>>()
    );
}

#[test]
fn reading_leaves_out_what_was_over_before() {
    let (_folder, line) = opened();
    line.append(&joins(1, 1..=4)).expect("kept");
    line.append(&moves([
        moved(1, 1, ended(EndReason::Paid, at(99))),
        moved(1, 2, ended(EndReason::Paid, at(100))),
    ]))
    .expect("kept");
    let numbers = |ended_after| -> Vec<u64> {
        let places = stored_after(&line, ended_after).into_iter().filter_map(|stored| match stored {
            Stored::Place(place) => Some(place.sequence.get()),
            _ => None,
        });
        places.collect()
    };
    assert_eq!(numbers(at(99)), [1, 2, 3, 4]);
    assert_eq!(numbers(at(100)), [2, 3, 4]);
    line.append(&mark(room(1, 5, 4, at(100)))).expect("kept");
    assert_eq!(numbers(at(100)), [2, 3, 4], "those of a closed line are there as long as any other end");
    assert_eq!(numbers(at(101)), [4]);
}

#[test]
fn a_state_that_cannot_be_is_not_written_by_anybody() {
    let (folder, line) = opened();
    line.append(&joins(1, 1..=1)).expect("kept");
    let raw = Connection::open(folder.path().join(LINE_FILE_NAME)).expect("it opens");
    for impossible in [
        "state = 4",
        "state = 0, admitted_at = 1",
        "state = 1, ended_at = 1",
        "state = 2, admitted_at = 1",
        "state = 2, ends_at = 1",
        "state = 2, admitted_at = 1, ends_at = 1, reason = 0",
        "state = 3, ended_at = 1",
        "state = 3, reason = 0",
        "state = 3, ended_at = 1, reason = 6",
        "state = 3, ended_at = 1, reason = 0, claim_by = 1",
        "claim_by = 1",
        "entry_id = x'00'",
        "user_id = 'sixteen letters!'",
        "sequence = 0",
        "concert_id = 0",
    ] {
        let error = raw.execute(&format!("UPDATE place SET {impossible}"), []).expect_err(impossible);
        let code = error.sqlite_error_code();
        assert_eq!(code, Some(rusqlite::ErrorCode::ConstraintViolation), "{impossible}: {error}");
    }
    raw.execute_batch("PRAGMA ignore_check_constraints = ON; UPDATE place SET state = 3").expect("spoilt");
    let error = line.load(Timestamp::ZERO, &mut |_| {}).expect_err("it means nothing");
    assert!(matches!(error, JournalError::Corrupt(_)), "{error:?}");
}

#[test]
fn nobody_but_its_owner_can_read_the_line() {
    let (folder, line) = opened();
    line.append(&joins(1, 1..=1)).expect("kept");
    let files =
        std::fs::read_dir(folder.path()).expect("the folder").map(|file| file.expect("a file").path());
    let files: Vec<_> = files.collect();
    assert_eq!(files.len(), 3, "{files:?}");
    for file in files {
        let mode = std::fs::metadata(&file).expect("it is there").permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{}", file.display());
    }
}

#[test]
fn files_of_others_are_refused_and_left_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join(LINE_FILE_NAME);
    let refused = |what: &str| {
        let before = std::fs::read(&file).expect("the file");
        let error = SqliteLine::open(folder.path()).err().expect(what);
        assert_eq!(std::fs::read(&file).expect("the file"), before, "{what}");
        std::fs::remove_file(&file).expect("removed");
        error
    };
    std::fs::write(&file, "This is not a database, but a letter to a friend.").expect("written");
    assert!(matches!(refused("a letter"), OpenError::Foreign { .. }));
    let others = Connection::open(&file).expect("it opens");
    others.execute_batch("CREATE TABLE theirs (id INTEGER)").expect("written");
    drop(others);
    assert!(matches!(refused("another program's"), OpenError::Foreign { .. }));
    let clock = Arc::new(ManualClock::default());
    let sale = SqliteStore::open(Options::new(folder.path(), clock)).expect("it opens");
    sale.close();
    drop(sale);
    std::fs::rename(folder.path().join(FILE_NAME), &file).expect("renamed");
    assert!(matches!(refused("the sale"), OpenError::Foreign { .. }));

    drop(open(folder.path()));
    let newer = Connection::open(&file).expect("it opens");
    newer.pragma_update(None, "user_version", LINE_SCHEMA_VERSION + 1).expect("a version");
    drop(newer);
    let error = refused("a newer one");
    let OpenError::Newer { found, known, .. } = error else { panic!("{error:?}") };
    assert_eq!((found, known), (LINE_SCHEMA_VERSION + 1, LINE_SCHEMA_VERSION));
    let nowhere = SqliteLine::open(&folder.path().join("nowhere")).err().expect("there is no folder");
    assert!(matches!(nowhere, OpenError::Folder { .. }));
}
