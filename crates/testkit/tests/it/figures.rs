//! The pages of figures fit the benchmarks that there are, and the program that writes them reads figures right.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;

use toml::Table;

use crate::house::root;

/// What every page says of the run that it is of.
const FACTS: &[&str] = &["when", "commit", "machine", "load before", "others meanwhile", "command"];

fn text(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The names that deploy/dev/bench knows, from its two lists.
fn names() -> BTreeSet<String> {
    let script = text("deploy/dev/bench");
    let lists = script.lines().filter(|line| line.starts_with("HERE=(") || line.starts_with("SHARED=("));
    lists
        .flat_map(|line| line.split(['(', ')']).nth(1).expect("a list").split_whitespace())
        .map(str::to_owned)
        .collect()
}

/// The package and the benchmark of each name, from the table in deploy/dev/bench.
fn benchmarks() -> BTreeMap<String, (String, String)> {
    let script = text("deploy/dev/bench");
    let table = script.split("command_of() {").nth(1).expect("a table").split("\n}").next().expect("its end");
    let http = table.split("http=(").nth(1).expect("what is over HTTP").to_owned();
    let lines = table.lines().filter_map(|line| line.trim().split_once(") echo "));
    lines
        .map(|(name, command)| {
            let command = if command.starts_with("\"${http[@]}\"") { &http } else { command };
            let mut words = command.split_whitespace().map(str::to_owned);
            (name.to_owned(), (words.next().expect("a package"), words.next().expect("a benchmark")))
        })
        .collect()
}

/// The names of the pages in docs/performance that are of benchmarks.
fn pages() -> BTreeSet<String> {
    let folder = fs::read_dir(root().join("docs/performance")).expect("pages");
    folder
        .filter_map(|entry| entry.expect("a file").file_name().into_string().ok())
        .filter_map(|name| name.strip_suffix(".md").map(str::to_owned))
        .filter(|name| name != "capacity")
        .collect()
}

#[test]
fn the_page_of_performance_leads_to_the_figures_of_every_benchmark() {
    let (names, pages) = (names(), pages());
    assert!(names.len() > 10 && pages.len() > 3, "{names:?}, {pages:?}");
    let performance = text("docs/performance.md");
    for name in &names {
        // One whose page was never written is named all the same: make bench BENCH=name writes it.
        let mention = if pages.contains(name) {
            format!("[{name}](performance/{name}.md)")
        } else {
            format!("`{name}`")
        };
        assert!(performance.contains(&mention), "performance.md has no {mention}");
    }
    let strangers: Vec<_> = pages.difference(&names).collect();
    assert!(strangers.is_empty(), "pages of benchmarks that deploy/dev/bench does not know: {strangers:?}");
}

#[test]
fn a_page_says_what_it_was_measured_with() {
    let benchmarks = benchmarks();
    for name in pages() {
        let (package, bench) = &benchmarks[&name];
        let page = text(&format!("docs/performance/{name}.md"));
        assert!(page.starts_with(&format!("# `{name}`\n")), "{name}: the heading");
        for fact in FACTS {
            assert!(page.contains(&format!("\n| {fact} | ")), "{name}: nothing of {fact}");
        }
        let command = format!("cargo bench --package {package} --bench {bench} --");
        assert!(page.contains(&command), "{name}: its page is of another benchmark than {command}");
        assert!(!page.contains("://127.0.0.1"), "{name}: an address of this machine");
        let figures = page.split("\n\n").skip(3).filter(|part| part.chars().any(|c| c.is_ascii_digit()));
        assert!(figures.count() > 0, "{name}: no figures");
    }
}

#[test]
fn the_table_of_benchmarks_names_those_of_the_crates() {
    let all = benchmarks();
    assert_eq!(all.keys().cloned().collect::<BTreeSet<_>>(), names(), "the table and the lists");
    for (name, (package, bench)) in all {
        let folder = package.strip_prefix("frontrow-").expect("a package of ours");
        let manifest: Table = text(&format!("crates/{folder}/Cargo.toml")).parse().expect("a manifest");
        let benches = manifest["bench"].as_array().expect("benchmarks");
        assert!(
            benches.iter().any(|it| it["name"].as_str() == Some(&bench)),
            "{name}: {package} has no {bench}"
        );
    }
}

/// What `deploy/dev/bench-page` makes of runs that have printed this.
fn page_of(runs: &[&str]) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let page = folder.path().join("page.md");
    let mut command = Command::new("python3");
    command.arg(root().join("deploy/dev/bench-page")).args(["demo", "--page"]).arg(&page).arg("--of");
    for (number, run) in runs.iter().enumerate() {
        let path = folder.path().join(number.to_string());
        fs::write(&path, run).expect("written");
        command.arg(path);
    }
    assert!(command.status().expect("python3 runs").success());
    let page = fs::read_to_string(page).expect("a page");
    page.split_once(&format!("| runs | {} |\n\n", runs.len())).expect("the facts").1.to_owned()
}

#[test]
fn figures_of_several_runs_become_the_middle_one_with_its_spread() {
    let run = |holds: &str, tick: &str, same: &str| {
        format!(
            "100 seats\n   64 in flight: {holds:>6} holds/s, a tick {tick}\n\n| what | each |\n|---|---|\n| x{same} | 5.5 |\n"
        )
    };
    let runs = [
        run("2,901", "980µs", "64"),
        run("10000", "1.2ms", "64"),
        run("3100", "990µs", "64"),
        run("950", "7s", "64"),
        run("3000", "20ns", "64"),
    ];
    assert_eq!(
        page_of(&runs.each_ref().map(String::as_str)),
        "```text\n100 seats\n   64 in flight:  3000 (950–10000) holds/s, a tick 990µs (20ns–7s)\n```\n\n\
         | what | each |\n|---|---|\n| x64 | 5.5 |\n"
    );
}

#[test]
fn runs_that_have_printed_different_things_stand_one_after_the_other() {
    assert_eq!(
        page_of(&["5 holds\n", "6 holds\nand a warning\n"]),
        "### Run 1\n\n```text\n5 holds\n```\n\n### Run 2\n\n```text\n6 holds\nand a warning\n```\n"
    );
}
