//! The upgrade drill: this binary on the database files that every released version has left.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::client::{Person, http, on_sale_titled, states};
use crate::sale::audit;
use crate::server::{Server, frontrow};

/// The files that versions have left, with what is known to be in each.
fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../store-sqlite/tests/golden")
}

/// What the versions are: 1 to the newest, without a gap.
fn versions() -> Vec<u32> {
    let files =
        std::fs::read_dir(golden()).expect("a folder").map(|entry| entry.expect("an entry").file_name());
    let of_version = |name: &str| name.strip_prefix("schema-")?.strip_suffix(".sqlite")?.parse().ok();
    let mut versions: Vec<u32> = files.filter_map(|name| of_version(&name.to_string_lossy())).collect();
    versions.sort_unstable();
    assert_eq!(versions, (1..=frontrow_store_sqlite::SCHEMA_VERSION).collect::<Vec<_>>());
    versions
}

/// A data folder as that version has left it.
fn left_by(version: u32) -> (tempfile::TempDir, Value) {
    let folder = tempfile::tempdir().expect("folder");
    let from = |name: String| golden().join(name);
    let copy = |from: PathBuf, to: &str| std::fs::copy(from, folder.path().join(to)).expect("copied");
    copy(from(format!("schema-{version}.sqlite")), frontrow_store_sqlite::FILE_NAME);
    // The first version had no lines. Their file has versions of its own: all of them are met, the newest twice.
    if version > 1 {
        let line = (version - 1).min(frontrow_store_sqlite::LINE_SCHEMA_VERSION);
        copy(from(format!("line-schema-{line}.sqlite")), frontrow_store_sqlite::LINE_FILE_NAME);
    }
    let known = std::fs::read(from(format!("schema-{version}.json"))).expect("what is in it");
    (folder, serde_json::from_slice(&known).expect("JSON"))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_version_s_files_are_brought_up_sold_from_and_agree() {
    for version in versions() {
        let (folder, known) = left_by(version);
        let old = frontrow(folder.path()).arg("audit").output().expect("it runs");
        let is_newest = version == frontrow_store_sqlite::SCHEMA_VERSION;
        assert_eq!(old.status.success(), is_newest, "version {version}: nothing migrates by being looked at");
        let dry = || frontrow(folder.path()).args(["migrate", "--dry-run"]).output().expect("it runs");
        let said = String::from_utf8(dry().stdout).expect("text");
        let would = if is_newest { "nothing to do" } else { "would be brought to" };
        assert!(said.contains(&format!("frontrow.sqlite: schema version {version}; {would}")), "{said}");
        assert!(said.contains("delivery.sqlite: not there; would be made"), "{said}");
        assert_eq!(dry().status.code(), Some(1));
        assert!(!folder.path().join("delivery.sqlite").exists(), "nothing is made by being looked at");
        // What an upgrade begins with: a backup of the old files, by the new program.
        let place = tempfile::tempdir().expect("folder");
        let to = place.path().join("before");
        let made = frontrow(folder.path()).arg("backup").arg("--to").arg(&to).output().expect("it runs");
        assert!(made.status.success(), "version {version}: {}", String::from_utf8_lossy(&made.stderr));

        let server = Server::start(folder.path(), &[]);
        assert_eq!(dry().status.code(), Some(0), "version {version}: all is done");
        let client = http();
        let operator = Person::new(&server, &client, "operator", "operator");
        let schedule = known["schedule"].as_u64().expect("a number");
        let map = states(&operator, (known["concert"].as_u64().expect("a number"), schedule)).await;
        let sold = |map: &str| map.match_indices('s').map(|(at, _)| at).collect::<Vec<_>>();
        assert_eq!(sold(&map), sold(known["map"].as_str().expect("letters")), "version {version}");
        let sale = on_sale_titled(&operator, "After the upgrade", 10, 1_000, 300).await;
        assert!(sale.1 > schedule, "numbers go on where they were");
        let fan = Person::new(&server, &client, "fan", "fan");
        fan.charge(5_000).await.expect(200);
        let held = fan.hold("hold", sale.1, &[1, 2]).await.expect(201);
        fan.pay("pay", held["reservationId"].as_str().expect("an id")).await.expect(201);
        let alice = known["alice"].as_str().expect("an id");
        let balance = operator.get(&format!("/users/{alice}/balance")).await.expect(200);
        assert_eq!(balance["balance"], known["aliceBalance"], "version {version}");
        assert!(server.stop().success());
        let figures = audit(folder.path());
        assert_eq!(figures["charged"].as_i64().map(|charged| charged >= 5_000), Some(true));

        // And the way back: the old files as they were, for the new program as well.
        let fresh = tempfile::tempdir().expect("folder");
        let restored =
            frontrow(fresh.path()).arg("restore").arg("--from").arg(&to).output().expect("it runs");
        assert!(
            restored.status.success(),
            "version {version}: {}",
            String::from_utf8_lossy(&restored.stderr)
        );
        audit(fresh.path());
    }
}
