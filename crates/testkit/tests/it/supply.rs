//! What is built in: its licences and where it comes from, by the lists of `deny.toml`. `cargo deny` looks at more, known
//! faults above all, and is not on every machine (`make deny`).

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::Value;

use crate::house::root;

fn deny() -> toml::Table {
    std::fs::read_to_string(root().join("deny.toml")).expect("deny.toml").parse().expect("TOML")
}

/// Whether an expression of SPDX can be fulfilled with these licences. It reads what crates write: `OR` below `AND`, at most
/// one level of brackets, and the slash of old for `OR`.
fn is_fulfilled(expression: &str, allowed: &BTreeSet<&str>) -> bool {
    let text = expression.replace('/', " OR ");
    // What is in brackets counts as one word, which says what came of it.
    let mut flat = String::new();
    let mut rest = text.as_str();
    while let Some((before, after)) = rest.split_once('(') {
        let (inside, behind) = after.split_once(')').expect("a closing bracket");
        flat.push_str(before);
        flat.push_str(if is_fulfilled(inside, allowed) { "yes" } else { "no" });
        rest = behind;
    }
    flat.push_str(rest);
    flat.split(" OR ")
        .any(|all| all.split(" AND ").all(|one| one.trim() == "yes" || allowed.contains(one.trim())))
}

#[test]
fn licences_are_read_as_they_are_meant() {
    let allowed = BTreeSet::from(["MIT", "ISC"]);
    for good in ["MIT", "MIT OR GPL-3.0-only", "GPL-3.0-only/MIT", "MIT AND ISC", "(MIT OR X) AND ISC"] {
        assert!(is_fulfilled(good, &allowed), "{good}");
    }
    for bad in ["GPL-3.0-only", "MIT AND GPL-3.0-only", "(X OR Y) AND ISC", "MIT-0", ""] {
        assert!(!is_fulfilled(bad, &allowed), "{bad}");
    }
}

#[test]
fn everything_built_in_has_an_allowed_licence_and_comes_from_one_place() {
    let deny = deny();
    let allowed: BTreeSet<_> = deny["licenses"]["allow"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| one.as_str().expect("text"))
        .collect();
    let banned: BTreeSet<_> = deny["bans"]["deny"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| one["crate"].as_str().expect("a name"))
        .collect();
    let cargo = env!("CARGO");
    let version = Command::new(cargo).arg("-vV").output().expect("cargo runs");
    let version = String::from_utf8(version.stdout).expect("text");
    let host =
        version.lines().find_map(|line| line.strip_prefix("host: ")).expect("the machine that it is for");
    // What is built for other machines is not here, and would have to be fetched.
    let said = Command::new(cargo)
        .args(["metadata", "--locked", "--all-features", "--format-version", "1", "--filter-platform", host])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    let metadata: Value = serde_json::from_slice(&said.stdout).expect("JSON");
    let (mut count, mut sources) = (0, BTreeSet::new());
    for package in metadata["packages"].as_array().expect("packages") {
        let name = package["name"].as_str().expect("a name");
        assert!(!banned.contains(name), "{name} is banned by deny.toml");
        let Some(source) = package["source"].as_str() else {
            assert!(name.starts_with("frontrow-"), "{name} comes from nowhere");
            continue;
        };
        count += 1;
        assert!(source.starts_with("registry+"), "{name} comes from {source}");
        sources.insert(source);
        let licence = package["license"].as_str().unwrap_or_default();
        assert!(
            is_fulfilled(licence, &allowed),
            "{name} has the licence {licence:?}, which deny.toml does not allow"
        );
    }
    assert_eq!(sources.len(), 1, "one registry, not {sources:?}");
    assert!(count > 100, "only {count} libraries were looked at");
}
