//! The runbook: a page for each alert, whose commands and queries exist.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

use super::{files, rules, word};

/// What every page answers.
const PARTS: &[&str] = &["**Fans see**", "**Check**", "**Do**", "**Over**"];

fn pages() -> BTreeMap<String, String> {
    let mut pages = files("docs/runbook", ".md");
    pages.remove("README").expect("there is an overview");
    pages
}

/// The blocks of a page that are marked by this word.
fn blocks<'a>(page: &'a str, word: &str) -> Vec<&'a str> {
    let begin = format!("```{word}\n");
    page.split(begin.as_str()).skip(1).map(|rest| rest.split("```").next().unwrap_or_default()).collect()
}

/// All queries of all pages, without what is said of them.
pub(super) fn queries() -> Vec<(String, String)> {
    let of_page = |(name, page): (String, String)| {
        let lines = blocks(&page, "promql").concat();
        let query = |line: &str| line.split("  #").next().unwrap_or_default().trim().to_owned();
        lines.lines().map(|line| (name.clone(), query(line))).collect::<Vec<_>>()
    };
    pages().into_iter().flat_map(of_page).collect()
}

#[test]
fn every_alert_has_its_page_and_every_page_its_alert() {
    let alerts = rules("alerts");
    let severity: BTreeMap<&str, &str> =
        alerts.iter().map(|rule| (word(&rule["alert"]), word(&rule["labels"]["severity"]))).collect();
    let pages = pages();
    let names = |pages: &BTreeMap<String, String>| pages.keys().cloned().collect::<BTreeSet<_>>();
    assert_eq!(names(&pages), severity.keys().map(|name| (*name).to_owned()).collect());
    let overview = super::text("docs/runbook/README.md");
    for (name, page) in &pages {
        let severity = severity[name.as_str()];
        assert!(
            page.starts_with(&format!("# {name}\n\n**{severity}.**")),
            "{name} does not begin with its severity"
        );
        assert!(
            overview.contains(&format!("| [{name}]({name}.md) | {severity} |")),
            "{name} is not in the overview"
        );
        let mut rest = page.as_str();
        for part in PARTS {
            rest = rest.split_once(part).unwrap_or_else(|| panic!("{name} has no {part} in its place")).1;
        }
    }
}

#[test]
fn links_between_pages_lead_somewhere() {
    let pages = files("docs/runbook", ".md");
    for (name, page) in &pages {
        for rest in page.split("](").skip(1) {
            let target = rest.split(')').next().unwrap_or_default();
            let (file, _) = target.split_once('#').unwrap_or((target, ""));
            let is_there = super::at("docs/runbook").join(file).exists();
            assert!(is_there, "{name} leads to {target}");
        }
    }
}

#[test]
fn the_commands_of_the_pages_exist() {
    let mut commands = BTreeSet::new();
    for (name, page) in files("docs/runbook", ".md") {
        let in_line = page.split('`').skip(1).step_by(2).map(str::to_owned);
        let in_blocks = blocks(&page, "sh").concat();
        for line in in_line.chain(in_blocks.lines().map(str::to_owned)) {
            let Some((before, rest)) = line.split_once("frontrow ") else { continue };
            if !before.is_empty() && !before.ends_with(' ') {
                continue;
            }
            let is_word = |word: &&str| word.chars().all(|letter| letter.is_ascii_lowercase());
            let words: Vec<String> =
                rest.split_whitespace().take_while(is_word).map(str::to_owned).take(2).collect();
            if !words.is_empty() && before.trim_end().rsplit(' ').next() != Some("-u") {
                commands.insert((words, name.clone()));
            }
        }
    }
    assert!(commands.len() > 5, "{commands:?}");
    for (words, page) in commands {
        let help = Command::new(env!("CARGO_BIN_EXE_frontrow")).args(&words).arg("--help").output();
        let help = help.expect("the binary runs");
        assert!(
            help.status.success(),
            "{page}: frontrow {}: {}",
            words.join(" "),
            String::from_utf8_lossy(&help.stderr)
        );
    }
}

#[test]
fn the_routes_of_the_pages_exist() {
    let openapi =
        Command::new(env!("CARGO_BIN_EXE_frontrow")).arg("openapi").output().expect("the binary runs");
    let openapi: Value = serde_json::from_slice(&openapi.stdout).expect("JSON");
    let mut count = 0;
    for (name, page) in files("docs/runbook", ".md") {
        for line in page.lines().filter(|line| line.contains("curl ")) {
            for (variable, prefix) in [("$API/", "/api/v1/"), ("$SERVER/", "/")] {
                for rest in line.split(variable).skip(1) {
                    let end = |letter: char| letter.is_whitespace() || "?\"'`".contains(letter);
                    let path = format!("{prefix}{}", rest.split(end).next().unwrap_or_default());
                    let method = line
                        .split_once("-X ")
                        .map_or("get", |(_, rest)| rest.split(' ').next().unwrap_or(""));
                    let is_login = path.ends_with("/auth/login");
                    let method = if is_login { "post".to_owned() } else { method.to_ascii_lowercase() };
                    let known = openapi["paths"]
                        .as_object()
                        .expect("paths")
                        .iter()
                        .any(|(route, methods)| fits(route, &path) && methods.get(&method).is_some());
                    assert!(known, "{name}: {method} {path}");
                    count += 1;
                }
            }
        }
    }
    assert!(count > 10, "only {count} routes were found");
}

/// Whether a path is one of a route, whose variable parts are in braces there and begin with a dollar here.
fn fits(route: &str, path: &str) -> bool {
    let (route, path): (Vec<&str>, Vec<&str>) = (route.split('/').collect(), path.split('/').collect());
    let is_same =
        |(there, here): (&&str, &&str)| there == here || there.starts_with('{') && here.starts_with('$');
    route.len() == path.len() && route.iter().zip(&path).all(is_same)
}
