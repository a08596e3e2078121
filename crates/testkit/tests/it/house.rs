//! The house: which crate may know which, and other rules that no compiler keeps.
//!
//! A new crate gets its arrows in [`ARROWS`]. A rule that stands in the way of something good is to be changed here,
//! in the same commit and with the reason.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

/// Which of our crates each crate may depend on, beyond its tests.
const ARROWS: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("application", &["domain"]),
    ("store-sqlite", &["application", "domain"]),
    ("store-mysql", &["application", "domain"]),
    ("waiting-redis", &["application", "domain"]),
    ("events-kafka", &["application", "domain"]),
    ("http", &["application", "domain"]),
    ("rehearsal", &[]),
    (
        "server",
        &[
            "application",
            "domain",
            "events-kafka",
            "http",
            "rehearsal",
            "store-mysql",
            "store-sqlite",
            "waiting-redis",
        ],
    ),
    ("testkit", &["application", "domain"]),
];

/// Everything from outside that the rules need. No runtime, no network, no store, no form of text; the order of a draw comes
/// from a digest.
const DOMAIN_MAY_USE: &[&str] = &["jiff", "serde", "sha2", "thiserror", "uuid"];

/// What the domain may use for tests of its events alone, behind the feature [`SCHEMA`].
const DOMAIN_MAY_SHOW: &[&str] = &["schemars"];

/// The feature that lets the public events describe themselves. Nothing that is shipped has it.
const SCHEMA: &str = "schema";

/// Drivers of stores and brokers, and who may know them.
const DRIVERS: &[(&str, &[&str])] = &[
    ("rusqlite", &["store-sqlite"]),
    ("sqlx", &["store-mysql"]),
    ("mysql_async", &["store-mysql"]),
    ("redis", &["waiting-redis"]),
    ("rdkafka", &["events-kafka"]),
    ("axum", &["http", "rehearsal"]),
    ("hyper", &["http"]),
    ("reqwest", &["server"]),
];

/// Ports with a suite: the port, the macro of the suite, and how many adapters there are at the least.
const SUITES: &[(&str, &str, usize)] = &[
    ("Store", "store_suite!(", 3),
    ("WaitingRoom", "line_suite!(", 2),
    ("LineJournal", "journal_suite!(", 2),
    ("Leases", "delivery_suite!(", 3),
    ("Messages", "messages_suite!(", 2),
    ("AttemptCounts", "attempts_suite!(", 2),
];

/// The waiting room that breaks its promises, so that the checks of the suite can be seen to fail.
const BROKEN_ON_PURPOSE: &str = "BrokenLine";

/// Lines in the longest source file.
const LINES_MAX: usize = 600;

/// Files that are longer all the same. A number here may only fall; a file that fits leaves the list.
const LONG_FILES: &[(&str, usize)] = &[];

/// The only place that changes who has a seat (bug 2: a lock that was skipped on one path).
const CLAIMS: &str = "crates/domain/src/reservation/claim.rs";

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the workspace is there")
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The files below a folder whose names end like this, in order.
fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        // What is not there has no files: not every crate has tests.
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries {
            let path = entry.expect("the folder can be read").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.to_string_lossy().ends_with(ending) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// A path as seen from the root of the workspace.
fn from_root(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).to_string_lossy().into_owned()
}

/// The crates, by folder.
fn crates() -> BTreeMap<String, Table> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(root().join("crates")).expect("there are crates") {
        let folder = entry.expect("the folder can be read").path();
        let manifest = folder.join("Cargo.toml");
        if manifest.exists() {
            let name = folder.file_name().expect("it has a name").to_string_lossy().into_owned();
            let table = read(&manifest).parse().unwrap_or_else(|error| panic!("{name}: {error}"));
            found.insert(name, table);
        }
    }
    found
}

/// What a crate depends on beyond its tests, for whatever target.
fn dependencies(manifest: &Table) -> BTreeMap<String, Value> {
    let mut found = BTreeMap::new();
    let mut tables = vec![manifest];
    if let Some(targets) = manifest.get("target").and_then(Value::as_table) {
        tables.extend(targets.values().filter_map(Value::as_table));
    }
    for table in tables {
        for kind in ["dependencies", "build-dependencies"] {
            if let Some(listed) = table.get(kind).and_then(Value::as_table) {
                found.extend(listed.iter().map(|(name, value)| (name.clone(), value.clone())));
            }
        }
    }
    found
}

/// The source files of all crates.
fn sources() -> Vec<PathBuf> {
    crates().keys().flat_map(|name| files(&root().join("crates").join(name).join("src"), ".rs")).collect()
}

fn assert_none(what: &str, found: &[String]) {
    assert!(found.is_empty(), "{what}:\n  {}", found.join("\n  "));
}

#[test]
fn crates_know_only_whom_they_may() {
    let mut wrong = Vec::new();
    for (name, manifest) in crates() {
        let Some((_, allowed)) = ARROWS.iter().find(|(known, _)| *known == name) else {
            wrong.push(format!("{name} has no arrows yet"));
            continue;
        };
        for dependency in dependencies(&manifest).keys() {
            if let Some(ours) = dependency.strip_prefix("frontrow-")
                && !allowed.contains(&ours)
            {
                wrong.push(format!("{name} depends on {ours}"));
            }
        }
    }
    assert_none("arrows that architecture.md does not have", &wrong);
}

#[test]
fn the_rules_depend_on_nothing_that_acts() {
    let domain = crates().remove("domain").expect("there is a domain");
    let is_optional = |value: &Value| value.get("optional").and_then(Value::as_bool) == Some(true);
    let is_fine = |name: &str, value: &Value| {
        DOMAIN_MAY_USE.contains(&name) || (DOMAIN_MAY_SHOW.contains(&name) && is_optional(value))
    };
    let mut wrong: Vec<_> = dependencies(&domain)
        .into_iter()
        .filter(|(name, value)| !is_fine(name, value))
        .map(|(name, _)| name)
        .collect();
    let features = domain.get("features").and_then(Value::as_table).expect("the domain has a feature");
    wrong.extend(features.keys().filter(|name| *name != SCHEMA).map(|name| format!("feature {name}")));
    assert_none("the domain may not use", &wrong);
}

#[test]
fn events_describe_themselves_in_tests_only() {
    let mut wrong = Vec::new();
    for (name, manifest) in crates() {
        let used = dependencies(&manifest);
        let features = used.get("frontrow-domain").and_then(|domain| domain.get("features"));
        let listed = features.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
        if listed.into_iter().any(|feature| feature == SCHEMA) {
            wrong.push(name);
        }
    }
    assert_none("schemas are built into", &wrong);
}

#[test]
fn drivers_stay_in_their_adapters() {
    let mut wrong = Vec::new();
    for (name, manifest) in crates() {
        let used = dependencies(&manifest);
        for (driver, homes) in DRIVERS {
            if used.contains_key(*driver) && !homes.contains(&name.as_str()) {
                wrong.push(format!("{name} uses {driver}"));
            }
        }
    }
    assert_none("drivers outside their adapters", &wrong);
}

#[test]
fn every_crate_follows_the_workspace() {
    let mut wrong = Vec::new();
    for (name, manifest) in crates() {
        let package = manifest.get("package").and_then(Value::as_table).expect("a package");
        let expected = format!("frontrow-{name}");
        if package.get("name").and_then(Value::as_str) != Some(&expected) {
            wrong.push(format!("{name} is not called {expected}"));
        }
        let is_shared = |value: Option<&Value>| {
            value.and_then(|value| value.get("workspace")).and_then(Value::as_bool) == Some(true)
        };
        for key in ["version", "edition", "rust-version", "license", "publish"] {
            if !is_shared(package.get(key)) {
                wrong.push(format!("{name}: {key} is not the workspace's"));
            }
        }
        if !is_shared(manifest.get("lints")) {
            wrong.push(format!("{name}: lints are not the workspace's"));
        }
        let mut all = dependencies(&manifest);
        if let Some(listed) = manifest.get("dev-dependencies").and_then(Value::as_table) {
            all.extend(listed.iter().map(|(name, value)| (name.clone(), value.clone())));
        }
        for (dependency, value) in all {
            if !is_shared(Some(&value)) {
                wrong.push(format!("{name}: the version of {dependency} is not the workspace's"));
            }
        }
    }
    assert_none("versions and lints are set once, in the root", &wrong);
}

#[test]
fn every_adapter_runs_the_whole_suite_of_its_port() {
    let mut tests = Vec::new();
    for name in crates().keys() {
        for path in files(&root().join("crates").join(name).join("tests"), ".rs") {
            tests.push(read(&path));
        }
    }
    let mut wrong = Vec::new();
    for (port, suite, least) in SUITES {
        let mut adapters = BTreeSet::new();
        // What a unit test puts in the place of an adapter is no adapter.
        for path in sources().into_iter().filter(|path| !path.ends_with("tests.rs")) {
            for line in read(&path).lines() {
                if let Some((_, name)) = line.split_once(&format!("impl {port} for ")) {
                    adapters.insert(name.trim_end_matches(" {").to_owned());
                }
            }
        }
        assert!(adapters.len() >= *least, "{port}: adapters are not where they are looked for: {adapters:?}");
        let runs = |adapter: &String| {
            tests.iter().any(|text| text.contains(suite) && text.contains(adapter.as_str()))
        };
        let missing = adapters.into_iter().filter(|adapter| adapter != BROKEN_ON_PURPOSE && !runs(adapter));
        wrong.extend(missing.map(|adapter| format!("{adapter}: {suite}...)")));
    }
    assert_none("adapters that no suite runs on", &wrong);
}

#[test]
fn source_files_are_short() {
    let mut wrong = Vec::new();
    for path in sources() {
        let (name, lines) = (from_root(&path), read(&path).lines().count());
        let known = LONG_FILES.iter().find(|(long, _)| *long == name);
        let most = known.map_or(LINES_MAX, |(_, most)| *most);
        if lines > most {
            wrong.push(format!("{name}: {lines} lines, {most} at the most"));
        }
        if known.is_some() && lines <= LINES_MAX {
            wrong.push(format!("{name} fits by now: take it off the list of long files"));
        }
    }
    assert_none("files that are too long to be read", &wrong);
}

/// The lines of all sources that say something, with the place of each.
fn lines_with(says: impl Fn(&str, &str) -> bool) -> Vec<String> {
    let mut found = Vec::new();
    for path in sources() {
        let name = from_root(&path);
        for (number, line) in (1..).zip(read(&path).lines()) {
            if says(&name, line) {
                found.push(format!("{name}:{number}: {}", line.trim()));
            }
        }
    }
    found
}

#[test]
fn nothing_is_left_to_be_done() {
    // Put together here, so that this file does not find itself.
    let marks =
        [["to", "do!("].concat(), ["TO", "DO"].concat(), ["FIX", "ME"].concat(), ["XX", "X"].concat()];
    let found = lines_with(|_, line| marks.iter().any(|mark| line.contains(mark.as_str())));
    // The one constant of ours that looks like a mark is the code of no currency (ISO 4217).
    let found: Vec<_> = found.into_iter().filter(|line| !line.contains("\"XXX\"")).collect();
    assert_none("notes to ourselves belong into issues", &found);
}

#[test]
fn sql_stays_in_the_stores() {
    let words = ["SELECT ", "INSERT INTO ", "DELETE FROM ", "CREATE TABLE ", "PRAGMA "];
    let found = lines_with(|name, line| {
        let is_comment = line.trim_start().starts_with("//");
        !name.starts_with("crates/store-") && !is_comment && words.iter().any(|word| line.contains(word))
    });
    assert_none("SQL outside the stores", &found);
}

#[test]
fn bug_2_claims_are_changed_in_one_place() {
    let ways = ["claims.put(", "claims.put_new(", "claims.remove("];
    let found = lines_with(|name, line| {
        let is_test =
            name.ends_with("tests.rs") || name.contains("/tests/") || name.starts_with("crates/testkit/");
        name != CLAIMS && !is_test && ways.iter().any(|way| line.contains(way))
    });
    assert_none("seats change hands outside their four functions", &found);
    let there = read(&root().join(CLAIMS));
    assert!(ways.iter().any(|way| there.contains(way)), "{CLAIMS} is not the place any more");
}

#[test]
fn no_test_is_switched_off() {
    let marks = [["#[ig", "nore"].concat(), ["should", "_panic"].concat()];
    let mut found = lines_with(|_, line| marks.iter().any(|mark| line.contains(mark.as_str())));
    for name in crates().keys() {
        for path in files(&root().join("crates").join(name).join("tests"), ".rs") {
            for (number, line) in (1..).zip(read(&path).lines()) {
                if marks.iter().any(|mark| line.contains(mark.as_str())) {
                    found.push(format!("{}:{number}: {}", from_root(&path), line.trim()));
                }
            }
        }
    }
    assert_none("tests that do not run", &found);
}

/// The documents for people: in the root, and below docs.
fn documents() -> Vec<PathBuf> {
    let mut found = files(&root().join("docs"), ".md");
    for entry in fs::read_dir(root()).expect("the root can be read") {
        let path = entry.expect("the root can be read").path();
        if path.extension().is_some_and(|extension| extension == "md") {
            found.push(path);
        }
    }
    found
}

#[test]
fn links_between_documents_lead_somewhere() {
    let mut wrong = Vec::new();
    for document in documents() {
        for link in read(&document).split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let target = link.split('#').next().unwrap_or_default();
            let is_ours = !target.is_empty() && !target.contains("://") && !target.starts_with("mailto:");
            if is_ours && !document.with_file_name(target).exists() {
                wrong.push(format!("{}: {link}", from_root(&document)));
            }
        }
    }
    assert_none("links into nothing", &wrong);
}

#[test]
fn what_documents_tell_to_make_can_be_made() {
    let makefile = read(&root().join("Makefile"));
    let targets: BTreeSet<&str> = makefile
        .lines()
        .filter(|line| !line.starts_with(['\t', '#', ' ', '.']))
        .filter_map(|line| line.split_once(':').map(|(targets, _)| targets))
        .flat_map(str::split_whitespace)
        .collect();
    let mut wrong = Vec::new();
    for document in documents() {
        for told in read(&document).split("`make ").skip(1).filter_map(|rest| rest.split('`').next()) {
            let target = told.split_whitespace().next().unwrap_or_default();
            if !targets.contains(target) {
                wrong.push(format!("{}: make {told}", from_root(&document)));
            }
        }
    }
    assert_none("targets that the Makefile does not have", &wrong);
}

/// Names of metrics in a text: every whole string that is one.
fn metrics_named(text: &str) -> impl Iterator<Item = &str> {
    let quoted = text.split('"').skip(1).step_by(2);
    quoted.filter(|word| {
        let is_name = word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        is_name && word.starts_with("frontrow_") && !word.ends_with('_') && !word.contains("__")
    })
}

#[test]
fn what_is_counted_and_the_table_of_metrics_are_the_same() {
    let listed: BTreeSet<&str> = frontrow_application::metric::all().map(|metric| metric.name).collect();
    let mut counted = BTreeSet::new();
    for name in crates().keys().filter(|name| *name != "testkit") {
        for path in files(&root().join("crates").join(name).join("src"), ".rs") {
            let place = from_root(&path);
            let is_table = place.ends_with("metric/catalogue.rs") || place.ends_with("metric/engine.rs");
            if is_table || place.ends_with("tests.rs") {
                continue;
            }
            // A line at a time: a quote in a comment or a character does not turn the rest of the file inside out.
            for line in read(&path).lines().filter(|line| !line.trim_start().starts_with("//")) {
                counted.extend(metrics_named(line).map(str::to_owned));
            }
        }
    }
    let foreign: Vec<_> = counted.iter().filter(|name| !listed.contains(name.as_str())).cloned().collect();
    assert_none("metrics that are not in the table", &foreign);
    let is_counted = |name: &&&str| !name.starts_with("frontrow_") || counted.contains(**name);
    let idle: Vec<_> =
        listed.iter().filter(|name| !is_counted(name)).map(|name| (*name).to_owned()).collect();
    assert_none("metrics of the table that nobody counts", &idle);
}
