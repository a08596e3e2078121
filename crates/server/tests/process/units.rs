//! The units of `deploy/systemd`, by systemd's own tools.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The folder with the units.
fn units() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/systemd")
}

fn check(folder: &Path) -> Output {
    Command::new(folder.join("check")).output().expect("it runs")
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn the_units_are_understood_and_expose_little() {
    let good = check(&units());
    assert!(good.status.success(), "systemd-analyze is there after `make setup`: {}", said(&good));
    assert_eq!(said(&good).matches("Overall exposure level").count(), 2, "{}", said(&good));
    // The control: what systemd would only ignore, and what exposes much.
    for (what, instead) in
        [("WatchdogSec=", "WatchdogSeconds="), ("ProtectSystem=strict", "ProtectSystem=no")]
    {
        let folder = tempfile::tempdir().expect("folder");
        for entry in std::fs::read_dir(units()).expect("a folder") {
            let entry = entry.expect("an entry");
            std::fs::copy(entry.path(), folder.path().join(entry.file_name())).expect("copied");
        }
        let unit = folder.path().join("frontrow.service");
        let text = std::fs::read_to_string(&unit).expect("a unit");
        assert!(text.contains(what));
        let mut text = text.replace(what, instead);
        if what.starts_with("Protect") {
            text = text.replace("User=frontrow", "User=root").replace("PrivateUsers=yes", "PrivateUsers=no");
            text = text.replace("CapabilityBoundingSet=\n", "");
        }
        std::fs::write(&unit, text).expect("written");
        let bad = check(folder.path());
        assert!(!bad.status.success(), "{instead}: {}", said(&bad));
    }
}
