//! [`SqliteLine`] keeps lobbies beside the lines that they belong to, and how far their draws are.

use frontrow_application::queue::journal::{
    JournalError, LineBatch, LineJournal, LobbyMark, LobbyStage, Stored,
};
use frontrow_domain::queue::{EndReason, Place, PlaceState};
use frontrow_domain::{ConcertId, Sequence, Timestamp};
use frontrow_store_sqlite::{LINE_FILE_NAME, Options, SqliteExport, SqliteLine, SqliteStore};
use frontrow_testkit::ManualClock;
use rusqlite::Connection;

use crate::line::{
    active, at, crashed, ended, joins, log_of, mark, moved, moves, open, opened, place, places, room, stored,
    stored_after,
};

/// A number in a lobby.
const fn lobby(number: u64) -> u64 {
    Sequence::LOBBY.get() + number
}

fn drawing(below: u64) -> LobbyStage {
    LobbyStage::Drawing { below: Sequence::new(lobby(below)), at: at(50), first: Sequence::new(1) }
}

fn drawn(concert: u32, next: u64, stage: LobbyStage) -> LobbyMark {
    LobbyMark { concert: ConcertId::new(concert), next: Sequence::new(lobby(next)), stage }
}

fn lobbies(marks: impl IntoIterator<Item = LobbyMark>) -> LineBatch {
    LineBatch { lobbies: marks.into_iter().collect(), ..LineBatch::default() }
}

fn left(second: u32) -> PlaceState {
    ended(EndReason::Left, at(second))
}

#[test]
fn a_lobby_and_its_line_have_numbers_of_their_own() {
    let (folder, line) = opened();
    // One with a line, one without, and one that nobody is in.
    line.append(&joins(7, (1..=3).chain((1..=4).map(lobby)))).expect("kept");
    line.append(&joins(8, [lobby(1)])).expect("kept");
    line.append(&lobbies([drawn(7, 2, drawing(2)), drawn(9, 10, LobbyStage::Gathering)])).expect("kept");
    let mut expected = vec![
        Stored::Room(room(7, 4, 1, Timestamp::ZERO)),
        Stored::Lobby(drawn(7, 5, drawing(2))),
        Stored::Lobby(drawn(8, 2, LobbyStage::Gathering)),
        Stored::Lobby(drawn(9, 10, LobbyStage::Gathering)),
    ];
    expected.extend((1..=3).chain((1..=4).map(lobby)).map(|number| Stored::Place(place(7, number))));
    expected.push(Stored::Place(place(8, lobby(1))));
    assert_eq!(stored(&line), expected);
    drop(line);
    assert_eq!(stored(&open(folder.path())), expected);
}

#[test]
fn a_draw_never_goes_back() {
    let (_folder, line) = opened();
    let stages = [LobbyStage::Gathering, drawing(3), LobbyStage::Done];
    line.append(&joins(1, [1])).expect("kept");
    for (reached, stage) in stages.into_iter().enumerate() {
        line.append(&lobbies([drawn(1, 5, stage)])).expect("kept");
        let before = stored(&line);
        let mut refused: Vec<_> = stages[..=reached].iter().map(|earlier| drawn(1, 9, *earlier)).collect();
        if stage == drawing(3) {
            refused.extend([2, 4].map(|below| drawn(1, 9, drawing(below))));
        }
        refused.extend(stages.get(reached + 1).map(|later| drawn(1, 4, *later)));
        for back in refused {
            let error = line.append(&LineBatch { lobbies: vec![back], ..joins(1, [2]) });
            assert!(matches!(error, Err(JournalError::Refused(_))), "{stage:?} to {back:?}: {error:?}");
            assert_eq!(stored(&line), before, "{stage:?} to {back:?}");
        }
        assert!(before.contains(&Stored::Lobby(drawn(1, 5, stage))), "{before:?}");
    }
}

#[test]
fn a_lobby_that_was_drawn_is_empty_at_once() {
    let (folder, line) = opened();
    for concert in [1, 2] {
        line.append(&joins(concert, (1..=40).map(lobby))).expect("kept");
        line.append(&lobbies([drawn(concert, 41, drawing(39))])).expect("kept");
    }
    line.append(&joins(1, 1..=20)).expect("kept");
    // The last ones follow in the batch that says that the draw is done.
    let last = moved(1, lobby(40), ended(EndReason::Left, at(60)));
    let batch =
        LineBatch { moved: vec![last], lobbies: vec![drawn(1, 41, LobbyStage::Done)], ..joins(1, 21..=39) };
    line.append(&batch).expect("kept");
    let mut expected = vec![
        Stored::Room(room(1, 40, 1, Timestamp::ZERO)),
        Stored::Lobby(drawn(1, 41, LobbyStage::Done)),
        Stored::Lobby(drawn(2, 41, drawing(39))),
    ];
    expected.extend((1..=39).map(|number| Stored::Place(place(1, number))));
    expected.extend((1..=40).map(|number| Stored::Place(place(2, lobby(number)))));
    assert_eq!(stored(&line), expected);
    let log = std::fs::read(log_of(folder.path())).expect("the log");
    assert_eq!(stored(&crashed(&folder.path().join(LINE_FILE_NAME), &log).1), expected);
    // It is over: nobody in it can move any more.
    let late = line.append(&moves([moved(1, lobby(1), left(70))]));
    assert!(matches!(late, Err(JournalError::Refused(_))), "{late:?}");
}

#[test]
fn forgetting_keeps_the_numbers_of_a_lobby_apart_from_those_of_its_line() {
    let (_folder, line) = opened();
    line.append(&joins(1, (1..=3).chain((1..=4).map(lobby)))).expect("kept");
    line.append(&joins(2, (1..=2).map(lobby))).expect("kept");
    line.append(&moves([moved(1, 3, left(10)), moved(1, lobby(4), left(20)), moved(2, lobby(2), left(20))]))
        .expect("kept");
    let expected = stored_after(&line, at(30));
    let marks = [
        Stored::Room(room(1, 4, 1, Timestamp::ZERO)),
        Stored::Lobby(drawn(1, 5, LobbyStage::Gathering)),
        Stored::Lobby(drawn(2, 3, LobbyStage::Gathering)),
    ];
    assert_eq!(expected[..3], marks);
    assert_eq!(expected.len(), 3 + 6);
    let steps: Vec<_> = (0..3).map(|_| line.forget(at(30), 2).expect("forgotten")).collect();
    assert_eq!(steps, [2, 1, 0]);
    assert_eq!(stored(&line), expected, "what was left out is what was forgotten");
    // What is noted is no step of the draw, and takes none back.
    line.append(&lobbies([drawn(1, 5, drawing(5))])).expect("kept");
    line.append(&moves([moved(2, lobby(1), left(21))])).expect("kept");
    assert_eq!(line.forget(at(30), 10).expect("forgotten"), 1);
    assert_eq!(
        stored(&line)[1..3],
        [Stored::Lobby(drawn(1, 5, drawing(5))), Stored::Lobby(drawn(2, 3, LobbyStage::Gathering)),]
    );
}

#[test]
fn who_has_left_during_a_draw_stays_known_until_it_is_done() {
    let (_folder, line) = opened();
    line.append(&joins(1, (1..=3).map(lobby))).expect("kept");
    line.append(&lobbies([drawn(1, 4, drawing(4))])).expect("kept");
    line.append(&moves([moved(1, lobby(2), left(60))])).expect("kept");
    let later = at(86_400);
    assert_eq!(line.forget(later, 10).expect("forgotten"), 0);
    let three = [place(1, lobby(1)), Place { state: left(60), ..place(1, lobby(2)) }, place(1, lobby(3))];
    let in_draw = |stored: Vec<Stored>| -> Vec<Place> {
        let place = |stored| if let Stored::Place(place) = stored { Some(place) } else { None };
        stored.into_iter().filter_map(place).collect()
    };
    assert_eq!(in_draw(stored_after(&line, later)), three);
    line.append(&lobbies([drawn(1, 4, LobbyStage::Done)])).expect("kept");
    assert_eq!(places(&line), []);
}

#[test]
fn closing_a_line_leaves_its_lobby_alone() {
    let (_folder, line) = opened();
    line.append(&joins(1, (1..=3).chain([lobby(1)]))).expect("kept");
    line.append(&mark(room(1, 4, 4, at(10)))).expect("kept");
    assert_eq!(line.forget(at(20), 10).expect("forgotten"), 3);
    assert_eq!(places(&line), [place(1, lobby(1))]);
    assert_eq!(stored(&line)[0], Stored::Room(room(1, 4, 4, at(10))));
}

#[test]
fn fans_in_a_lobby_are_in_line_and_nobody_twice() {
    let folder = tempfile::tempdir().expect("a folder");
    let clock = std::sync::Arc::new(ManualClock::default());
    let store = SqliteStore::open(Options::new(folder.path(), clock)).expect("it opens");
    let line = open(folder.path());
    // Of four in the lobby one has left, and one is drawn already; another is let in.
    line.append(&joins(1, (1..=4).map(lobby))).expect("kept");
    line.append(&lobbies([drawn(1, 5, drawing(5))])).expect("kept");
    let entry = place(1, lobby(1)).entry;
    let in_line =
        LineBatch { joined: vec![Place { entry, ..place(1, 1) }, place(1, 2)], ..LineBatch::default() };
    line.append(&in_line).expect("kept");
    line.append(&moves([moved(1, lobby(4), left(60)), moved(1, 2, active(None))])).expect("kept");
    line.close();
    store.close();
    drop((line, store));
    let export = SqliteExport::open(folder.path()).expect("it opens");
    assert_eq!(export.in_line(at(20)).expect("counted"), [(ConcertId::new(1), 4)]);
}

#[test]
fn a_stage_that_cannot_be_is_not_written_by_anybody() {
    let (folder, line) = opened();
    line.append(&lobbies([drawn(1, 5, drawing(5))])).expect("kept");
    let raw = Connection::open(folder.path().join(LINE_FILE_NAME)).expect("it opens");
    for impossible in [
        "stage = 3",
        "stage = 0",
        "stage = 2",
        "below = NULL",
        "at = NULL",
        "first = NULL",
        "first = 0",
        "below = 1",
        "next = next - 1",
        "stage = 2, below = NULL, at = NULL, first = NULL, next = 549755813888",
        "concert_id = 0",
    ] {
        let error = raw.execute(&format!("UPDATE lobby SET {impossible}"), []).expect_err(impossible);
        let code = error.sqlite_error_code();
        assert_eq!(code, Some(rusqlite::ErrorCode::ConstraintViolation), "{impossible}: {error}");
    }
    raw.execute_batch("PRAGMA ignore_check_constraints = ON; UPDATE lobby SET stage = 2").expect("spoilt");
    let error = SqliteLine::load(&line, Timestamp::ZERO, &mut |_| {}).expect_err("it means nothing");
    assert!(matches!(error, JournalError::Corrupt(_)), "{error:?}");
}
