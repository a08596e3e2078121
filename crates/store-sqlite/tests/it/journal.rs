//! What is committed and not in its tables yet: whatever happens, it is neither lost nor there twice.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use frontrow_application::Failure;
use frontrow_application::audit::audit;
use frontrow_application::reservation::HoldRequest;
use frontrow_application::store::{CatalogReads as _, ReadError, SalesReads as _, StoreError};
use frontrow_domain::records::Key;
use frontrow_domain::reservation::ReservationStatus;
use frontrow_domain::{ReservationId, ScheduleId, UserId};
use frontrow_store_sqlite::{FILE_NAME, Folding, OpenError, Options, SqliteReads, SqliteStore};
use frontrow_testkit::stage::{seat_numbers, seats};
use frontrow_testkit::store::{Raw, commit};
use frontrow_testkit::{ManualClock, Opened, Stage};
use rusqlite::Connection;

/// A store whose journal nobody folds before a query needs it.
struct Held {
    store: Arc<SqliteStore>,
    stage: Stage,
}

fn options(folder: &Path, clock: &ManualClock) -> Options {
    Options { folding: Folding::WhenAskedFor, ..Options::new(folder, Arc::new(clock.clone())) }
}

fn open(options: Options, clock: ManualClock) -> Held {
    let store = SqliteStore::open(options).expect("it opens");
    let reads = Arc::new(store.reads());
    let upkeep = Arc::<SqliteStore>::clone(&store);
    let opened = Opened { store: Arc::<SqliteStore>::clone(&store), reads, upkeep };
    Held { store, stage: Stage::over(opened, clock, |_| {}) }
}

async fn buy(stage: &Stage, fan: UserId, schedule: ScheduleId, numbers: &[u32]) -> ReservationId {
    let request = HoldRequest { schedule, seats: seats(numbers.iter().copied()) };
    let held = stage.app.hold(fan, request, None).await.expect("held").outcome.0.id;
    stage.app.pay(fan, held, None).await.expect("paid");
    held
}

fn unfolded(folder: &Path) -> u32 {
    let file = Connection::open(folder.join(FILE_NAME)).expect("it opens");
    file.query_row("SELECT count(*) FROM journal", [], |row| row.get(0)).expect("counted")
}

/// All files of a folder as they are at this moment, which is what a process that is killed leaves behind.
fn left_behind(folder: &Path) -> tempfile::TempDir {
    let copy = tempfile::tempdir().expect("a folder");
    for name in [FILE_NAME.to_owned(), format!("{FILE_NAME}-wal")] {
        std::fs::copy(folder.join(&name), copy.path().join(&name)).expect("copied");
    }
    copy
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_server_left_in_the_journal_is_there_after_the_next_start() {
    let folder = tempfile::tempdir().expect("a folder");
    let clock = ManualClock::default();
    let held = open(options(folder.path(), &clock), clock.clone());
    let stage = &held.stage;
    let schedule = stage.a_schedule().seats(5).price(1_000).make().await;
    let fan = stage.a_fan().with_balance(10_000).make().await;
    let sold = buy(stage, fan, schedule, &[1, 2]).await;
    let request = HoldRequest { schedule, seats: seats([3]) };
    let tag = || Stage::tag(fan, "key", "body");
    let kept = stage.app.hold(fan, request.clone(), tag()).await.expect("held").outcome.0.id;
    assert!(unfolded(folder.path()) >= 4, "all of it is in the journal");

    // Twice: the second time after a start that was killed as well, once in the middle of folding.
    for folds in [false, true] {
        let left = left_behind(folder.path());
        if folds {
            let first = SqliteReads::open(left.path(), Arc::new(clock.clone())).expect("nobody serves it");
            assert_eq!(unfolded(left.path()), 0, "who reads sees to it");
            let report = audit(&first).await.expect("read");
            assert!(report.is_clean(), "{report}");
        }
        let again = open(options(left.path(), &clock), clock.clone());
        assert_eq!(unfolded(left.path()), 0);
        let stage = &again.stage;
        assert_eq!(stage.map(schedule).await, "sshaa");
        assert_eq!(stage.balance(fan).await, 8_000);
        assert_eq!(stage.stored(sold).await.status(stage.now()), ReservationStatus::Confirmed);
        let replayed = stage.app.hold(fan, request.clone(), tag()).await.expect("kept");
        assert_eq!((replayed.replayed, replayed.outcome.0.id), (true, kept));
        let request = HoldRequest { schedule, seats: seats([2]) };
        let refused = stage.app.hold(fan, request, None).await.expect_err("it is sold");
        assert!(matches!(refused, Failure::Refused(_)), "{refused:?}");
        stage.app.pay(fan, kept, None).await.expect("paid");
        stage.assert_clean().await;
    }
    assert!(unfolded(folder.path()) >= 4, "the store itself was not touched");
    held.stage.assert_clean().await;
    assert_eq!(unfolded(folder.path()), 0, "an audit takes everything that was sold before");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_does_not_fit_stops_the_sale_and_loses_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let clock = ManualClock::default();
    let held = open(options(folder.path(), &clock), clock.clone());
    let stage = &held.stage;
    let schedule = stage.a_schedule().seats(5).price(1_000).make().await;
    let fan = stage.a_fan().with_balance(10_000).make().await;
    held.store.settle();
    let sold = buy(stage, fan, schedule, &[1]).await;
    // Somebody else writes to the file: the seat is gone before what was sold comes into its table.
    let foreign = Connection::open(folder.path().join(FILE_NAME)).expect("it opens");
    let sql = "INSERT INTO claim (schedule_id, seat_no, kind) VALUES (?1, 1, 2)";
    foreign.execute(sql, [schedule.get()]).expect("written");
    assert!(!held.store.has_violation());

    let takings = held.store.reads().takings(schedule).await;
    assert!(matches!(takings, Err(ReadError::Unavailable(_))), "{takings:?}");
    assert!(held.store.has_violation());
    let store = Arc::<SqliteStore>::clone(&held.store) as Arc<dyn frontrow_application::store::Store>;
    let refused = commit(&store, Raw::new(Key::Wallet(fan), |_, _| Ok(()))).await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
    // What fans ask by key is still answered, from what was committed.
    assert_eq!(stage.stored(sold).await.status(stage.now()), ReservationStatus::Confirmed);
    assert_eq!(stage.map(schedule).await, "saaaa");
    drop((held, store));

    // Starting anew does not help, and says what is to be done.
    let Err(refused @ OpenError::Violation { .. }) = SqliteStore::open(options(folder.path(), &clock)) else {
        panic!("it opened")
    };
    let text = refused.to_string();
    assert!(text.contains("ClaimInsert of 1") && text.contains("runbook"), "{text}");
    assert!(unfolded(folder.path()) > 0, "nothing of the journal is gone");

    foreign.execute("DELETE FROM claim WHERE kind = 2", []).expect("deleted");
    let again = open(options(folder.path(), &clock), clock);
    assert_eq!(again.stage.map(schedule).await, "saaaa");
    again.stage.assert_clean().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_journal_that_cannot_be_read_is_not_guessed_at() {
    let folder = tempfile::tempdir().expect("a folder");
    let clock = ManualClock::default();
    drop(open(options(folder.path(), &clock), clock.clone()));
    let file = Connection::open(folder.path().join(FILE_NAME)).expect("it opens");
    for (form, words) in [
        (&[9_u8][..], "version 9"),
        (&[1, 200], "statement 200"),
        (&[1, 4, 1], "breaks off"),
        (&[], "no row at all"),
    ] {
        file.execute("INSERT INTO journal VALUES (7, ?1)", [form]).expect("written");
        let refused = SqliteStore::open(options(folder.path(), &clock)).err().expect("refused").to_string();
        assert!(refused.contains("row 7") && refused.contains(words), "{refused}");
        file.execute("DELETE FROM journal", []).expect("deleted");
    }
    drop(open(options(folder.path(), &clock), clock));
}

#[tokio::test(flavor = "multi_thread")]
async fn too_much_that_waits_is_refused_until_it_was_folded() {
    let folder = tempfile::tempdir().expect("a folder");
    let clock = ManualClock::default();
    let options = Options { unfolded_max: 4_000, ..options(folder.path(), &clock) };
    let held = open(options, clock);
    let stage = &held.stage;
    let schedule = stage.a_schedule().seats(100).price(1_000).make().await;
    let fans = stage.fans(60, 0).await;
    let mut served = 0;
    for (fan, seat) in fans.iter().zip(1..) {
        let request = HoldRequest { schedule, seats: seats([seat]) };
        match stage.app.hold(*fan, request, None).await {
            Ok(_) => served += 1,
            Err(Failure::Unavailable) => break,
            Err(other) => panic!("{other:?}"),
        }
    }
    assert!((1..60).contains(&served), "{served}");
    let (bytes, of) = held.store.unfolded_bytes();
    assert!(bytes > of && of == 4_000, "{bytes} of {of}");
    held.store.settle();
    assert_eq!(held.store.unfolded_bytes().0, 0);
    buy_one(stage, fans[59], schedule).await;
    stage.assert_clean().await;
}

async fn buy_one(stage: &Stage, fan: UserId, schedule: ScheduleId) {
    let request = HoldRequest { schedule, seats: seats([100]) };
    stage.app.hold(fan, request, None).await.expect("held");
}

/// A map says how many seats are taken and which version that is, and every hold of one seat is one version: so whenever a
/// map is read, the two have to agree, wherever folding is at that moment.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_map_is_of_one_moment_while_groups_are_committed_and_folded() {
    let folder = tempfile::tempdir().expect("a folder");
    let clock = ManualClock::default();
    let options = Options::new(folder.path(), Arc::new(clock.clone()));
    let held = open(options, clock);
    let stage = &held.stage;
    let schedule = stage.a_schedule().seats(400).price(1_000).make().await;
    let fans = stage.fans(100, 0).await;
    let reads = held.store.reads();
    let reader = tokio::spawn(async move {
        let (mut seen, mut last) = (0, 0);
        while last < 401 {
            let map = reads.seat_map(schedule).await.expect("read").expect("there");
            assert_eq!(map.taken.len() as u64, map.schedule.version - 1, "as of one moment");
            assert!(map.schedule.version >= last, "never back");
            last = map.schedule.version;
            seen += 1;
        }
        seen
    });
    for number in 0..400_u32 {
        let fan = fans[number as usize % fans.len()];
        let wanted = frontrow_application::reservation::Wanted::Numbers(seat_numbers([number + 1]));
        stage.app.hold(fan, HoldRequest { schedule, seats: wanted }, None).await.expect("held");
        if number % 50 == 0 {
            held.store.settle();
        }
    }
    let seen =
        tokio::time::timeout(Duration::from_mins(1), reader).await.expect("in time").expect("no panic");
    assert!(seen > 1, "{seen}");
    stage.assert_clean().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_reads_beside_a_server_sees_what_was_sold_before() {
    let folder = tempfile::tempdir().expect("a folder");
    let clock = ManualClock::default();
    let held = open(Options::new(folder.path(), Arc::new(clock.clone())), clock.clone());
    let stage = &held.stage;
    let schedule = stage.a_schedule().seats(50).price(1_000).make().await;
    for number in 1..=10 {
        let fan = stage.a_fan().named(&format!("fan{number}")).with_balance(1_000).make().await;
        buy(stage, fan, schedule, &[number]).await;
        let (path, clock) = (folder.path().to_owned(), clock.clone());
        let beside = tokio::task::spawn_blocking(move || SqliteReads::open(&path, Arc::new(clock))).await;
        let beside = beside.expect("no panic").expect("it opens");
        let takings = beside.takings(schedule).await.expect("read");
        assert_eq!(takings.gross.minor(), i64::from(number) * 1_000);
    }
}
