//! What needs the writer's own connection to be brought about.

use std::panic::AssertUnwindSafe;

use frontrow_domain::queue::{Place, PlaceState};
use frontrow_domain::{ConcertId, EntryId, Sequence, UserId};
use tempfile::TempDir;
use uuid::Uuid;

use super::*;

fn opened() -> (TempDir, Arc<SqliteLine>) {
    let folder = tempfile::tempdir().expect("a folder");
    let line = SqliteLine::open(folder.path()).expect("it opens");
    (folder, line)
}

fn joins(numbers: std::ops::RangeInclusive<u64>) -> LineBatch {
    let place = |number| Place {
        concert: ConcertId::new(1),
        sequence: Sequence::new(number),
        entry: EntryId::new(Uuid::from_u64_pair(1, number)),
        user: UserId::new(Uuid::from_u64_pair(2, number)),
        joined_at: Timestamp::ZERO,
        state: PlaceState::Waiting,
    };
    LineBatch { joined: numbers.map(place).collect(), ..LineBatch::default() }
}

fn places(line: &SqliteLine) -> usize {
    let mut count = 0;
    line.load(Timestamp::ZERO, &mut |stored| count += usize::from(matches!(stored, Stored::Place(_))))
        .expect("it can be read");
    count
}

fn pragma(line: &SqliteLine, name: &str) -> i64 {
    line.writer.lock().query_row(&format!("PRAGMA {name}"), [], |row| row.get(0)).expect("a number")
}

#[test]
fn a_commit_waits_for_the_disk() {
    const FULL: i64 = 2;
    let (_folder, line) = opened();
    assert_eq!(pragma(&line, "synchronous"), FULL);
    let mode: String =
        line.writer.lock().query_row("PRAGMA journal_mode", [], |row| row.get(0)).expect("a mode");
    assert_eq!(mode, "wal");
}

#[test]
fn a_full_disk_refuses_and_what_comes_when_there_is_room_is_kept() {
    let (folder, line) = opened();
    line.append(&joins(1..=10)).expect("kept");
    let pages = pragma(&line, "page_count");
    pragma(&line, &format!("max_page_count = {}", pages + 2));
    for _ in 0..2 {
        let refused = line.append(&joins(11..=5_000)).expect_err("there is no room for it");
        assert!(matches!(refused, JournalError::Refused(_)), "{refused:?}");
        assert!(!line.has_failed());
        assert_eq!(places(&line), 10);
    }
    pragma(&line, &format!("max_page_count = {}", pages + 10_000));
    line.append(&joins(11..=5_000)).expect("kept");
    drop(line);
    assert_eq!(places(&SqliteLine::open(folder.path()).expect("it opens")), 5_000);
}

/// A key that points nowhere is only found out by the COMMIT itself.
const BREAK_COMMITS: &str = "PRAGMA foreign_keys = ON;
    CREATE TABLE known (id INTEGER PRIMARY KEY);
    CREATE TABLE broken (id INTEGER REFERENCES known (id) DEFERRABLE INITIALLY DEFERRED);
    CREATE TRIGGER break AFTER INSERT ON place BEGIN INSERT INTO broken VALUES (new.sequence); END;";

#[test]
fn after_an_error_out_of_the_commit_nothing_more_is_known() {
    let (_folder, line) = opened();
    line.append(&joins(1..=1)).expect("kept");
    line.writer.lock().execute_batch(BREAK_COMMITS).expect("broken");
    let unknown = |result: Result<(), JournalError>| {
        let error = result.expect_err("nobody can say");
        assert!(matches!(error, JournalError::OutcomeUnknown(_)), "{error:?}");
    };
    unknown(line.append(&joins(2..=2)));
    assert!(line.has_failed());
    unknown(line.append(&joins(3..=3)));
    unknown(line.append(&LineBatch::default()));
    unknown(line.forget(Timestamp::ZERO, 1).map(|_| ()));
    unknown(line.load(Timestamp::ZERO, &mut |_| {}));
}

#[test]
fn a_panic_leaves_nothing_behind() {
    let (_folder, line) = opened();
    let panicked = std::panic::catch_unwind(AssertUnwindSafe(|| {
        line.write::<()>(|connection| {
            append::append(connection, &joins(1..=5)).expect("written");
            panic!("in the middle of a transaction");
        })
    }));
    assert!(panicked.is_err());
    assert_eq!(places(&line), 0);
    line.append(&joins(1..=3)).expect("kept");
    assert_eq!(places(&line), 3);
}
