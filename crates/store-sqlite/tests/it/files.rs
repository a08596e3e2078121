//! What the store leaves in its folder.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use frontrow_store_sqlite::{Options, SqliteStore};
use frontrow_testkit::ManualClock;

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).expect("it is there").permissions().mode() & 0o777
}

#[test]
fn nobody_but_its_owner_can_read_the_store() {
    let parent = tempfile::tempdir().expect("a folder");
    let folder = parent.path().join("new/data");
    let store = SqliteStore::open(Options::new(&folder, Arc::new(ManualClock::default()))).expect("it opens");
    assert_eq!(mode(&folder), 0o700);
    for file in std::fs::read_dir(&folder).expect("the folder").map(|file| file.expect("a file").path()) {
        let is_data = file.file_name().is_some_and(|name| name.to_string_lossy().contains("sqlite"));
        assert!(!is_data || mode(&file) == 0o600, "{} has mode {:o}", file.display(), mode(&file));
    }
    drop(store);
}
