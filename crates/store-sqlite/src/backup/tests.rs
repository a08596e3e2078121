//! What a file system or an interrupted run may leave, and what nobody may take for a store.

use frontrow_domain::Timestamp;

use super::*;
use crate::SqliteReads;

/// A time that stands still.
struct Noon;

impl Clock for Noon {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(1_788_260_400_000_000)
    }
}

fn clock() -> Arc<dyn Clock> {
    Arc::new(Noon)
}

/// A folder with a store of which a server is using all files.
fn served(folder: &Path) -> (Arc<SqliteStore>, Arc<SqliteLine>, SqliteDelivery) {
    let store = SqliteStore::open(Options::new(folder, clock())).expect("a store");
    let line = SqliteLine::open(folder).expect("a line");
    (store, line, SqliteDelivery::open(folder).expect("deliveries"))
}

/// What a query about one number answers.
fn number(file: &Path, sql: &str) -> i64 {
    let connection = Connection::open(file).expect("opened");
    connection.query_row(sql, [], |row| row.get(0)).expect("a number")
}

fn copy(from: &Path, to: &Path) -> u64 {
    let snapshot = Snapshot::take(from).expect("a moment");
    let copied = snapshot.copy_to(to, &mut |_, _, _| {}).expect("copied");
    assert_eq!(copied.iter().map(|file| file.name).collect::<Vec<_>>(), STORE_FILES);
    snapshot.epoch
}

#[test]
fn a_snapshot_is_of_one_moment_whatever_is_written_meanwhile() {
    let (folder, to) = (tempfile::tempdir().expect("folder"), tempfile::tempdir().expect("folder"));
    let _served = served(folder.path());
    let writers: Vec<_> = STORE_FILES
        .iter()
        .map(|name| {
            let writer = Connection::open(folder.path().join(name)).expect("opened");
            writer.execute_batch("CREATE TABLE seen (x); INSERT INTO seen VALUES (1)").expect("written");
            writer
        })
        .collect();
    let snapshot = Snapshot::take(folder.path()).expect("a moment");
    let mut told = 0;
    let copied = snapshot.copy_to(to.path(), &mut |_, done, of| {
        told += 1;
        assert!(done <= of);
        // In the middle of it, also in a file that is copied later.
        for writer in &writers {
            writer.execute("INSERT INTO seen VALUES (2)", []).expect("nobody waits for a backup");
        }
    });
    assert_eq!(copied.expect("copied").len(), 3);
    assert!(told >= 3);
    for name in STORE_FILES {
        assert_eq!(number(&to.path().join(name), "SELECT count(*) FROM seen"), 1, "{name}");
        assert_eq!(number(&folder.path().join(name), "SELECT max(x) FROM seen"), 2, "{name}");
    }
}

#[test]
fn what_is_put_back_is_a_history_of_its_own() {
    let (folder, to) = (tempfile::tempdir().expect("folder"), tempfile::tempdir().expect("folder"));
    let _served = served(folder.path());
    let target = tempfile::tempdir().expect("folder");
    let epoch = copy(folder.path(), to.path());
    let restoration = Restoration::begin(target.path(), &["beside"]).expect("an empty folder");
    for name in STORE_FILES {
        fs::copy(to.path().join(name), restoration.workshop().join(name)).expect("copied");
    }
    fs::write(restoration.workshop().join("beside"), "it").expect("written");
    restoration.finish(clock()).expect("put in place");
    let of = |folder: &Path| number(&folder.join(FILE_NAME), "SELECT epoch FROM meta");
    assert_eq!(u64::try_from(of(folder.path())), Ok(epoch));
    assert_ne!(of(target.path()), of(folder.path()));
    assert!(target.path().join("beside").exists());
    drop(served(target.path()));
}

#[test]
fn a_folder_in_which_a_restore_broke_off_is_none_of_a_store_until_it_is_done_again() {
    let (folder, to) = (tempfile::tempdir().expect("folder"), tempfile::tempdir().expect("folder"));
    let _served = served(folder.path());
    copy(folder.path(), to.path());
    let target = tempfile::tempdir().expect("folder");
    fs::create_dir(target.path().join("lost+found")).expect("what a file system has");
    let restoration = Restoration::begin(target.path(), &[]).expect("nothing that matters");
    assert!(matches!(Restoration::begin(target.path(), &[]), Err(OpenError::InUse { .. })), "one at a time");
    fs::write(restoration.workshop().join(FILE_NAME), "half a file").expect("written");
    drop(restoration);
    assert!(matches!(SqliteReads::open(target.path(), clock()), Err(OpenError::NoStore { .. })));
    let served_now = SqliteStore::open(Options::new(target.path(), clock()));
    assert!(matches!(served_now, Err(OpenError::Unfinished { .. })), "a new store would hide it");
    // It may break off while files are put in place, too, the last of them included.
    for name in STORE_FILES {
        fs::write(target.path().join(name), "put in place").expect("written");
    }
    let again = Restoration::begin(target.path(), &[]).expect("what was left is thrown away");
    assert!(STORE_FILES.iter().all(|name| !target.path().join(name).exists()));
    assert_eq!(fs::read_dir(again.workshop()).expect("a folder").count(), 0);
    for name in STORE_FILES {
        fs::copy(to.path().join(name), again.workshop().join(name)).expect("copied");
    }
    again.finish(clock()).expect("put in place");
    drop(served(target.path()));
    let refused = Restoration::begin(target.path(), &[]).map(drop);
    assert!(matches!(refused, Err(OpenError::NotEmpty { .. })), "nothing is written over");
}

#[test]
fn a_store_of_an_older_version_is_copied_as_it_is_and_migrated_when_it_is_put_back() {
    let (folder, to) = (tempfile::tempdir().expect("folder"), tempfile::tempdir().expect("folder"));
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/schema-1.sqlite");
    fs::copy(golden, folder.path().join(FILE_NAME)).expect("copied");
    let snapshot = Snapshot::take(folder.path()).expect("a moment");
    let copied = snapshot.copy_to(to.path(), &mut |_, _, _| {}).expect("copied");
    assert_eq!(copied, [Copied { name: FILE_NAME, schema: 1 }]);
    let target = tempfile::tempdir().expect("folder");
    let restoration = Restoration::begin(target.path(), &[]).expect("an empty folder");
    fs::copy(to.path().join(FILE_NAME), restoration.workshop().join(FILE_NAME)).expect("copied");
    restoration.finish(clock()).expect("put in place");
    let version = number(&target.path().join(FILE_NAME), "SELECT * FROM pragma_user_version");
    assert_eq!(u32::try_from(version), Ok(crate::SCHEMA_VERSION));
}

#[test]
fn nothing_is_copied_where_there_is_no_store() {
    let folder = tempfile::tempdir().expect("folder");
    assert!(matches!(Snapshot::take(folder.path()), Err(OpenError::NoStore { .. })));
    fs::write(folder.path().join(FILE_NAME), "something else, and long enough to be looked at")
        .expect("written");
    assert!(matches!(Snapshot::take(folder.path()), Err(OpenError::Foreign { .. })));
}
