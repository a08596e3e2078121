//! The page of all settings, `docs/configuration.md`: made of the manual, so that it cannot say anything else.
//! `make configuration` writes it; a test fails when it is not current.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use expect_test::expect_file;

use super::MANUAL;
use super::sections::{RANGES, SECRETS};

/// A section of the manual, or a key of it when there is a value.
struct Entry {
    name: String,
    value: Option<toml::Value>,
    comment: Vec<&'static str>,
}

/// What stands in the manual, in its order: sections, and keys with the name of their section.
fn entries() -> Vec<Entry> {
    let table: toml::Table = MANUAL.parse().expect("the manual is a TOML file");
    let (mut section, mut comment, mut found) = (String::new(), Vec::new(), Vec::new());
    for line in MANUAL.lines() {
        if let Some(text) = line.strip_prefix('#') {
            comment.push(text.trim());
            continue;
        }
        if let Some(name) = line.strip_prefix('[') {
            name.trim_end_matches(']').clone_into(&mut section);
            found.push(Entry { name: section.clone(), value: None, comment: std::mem::take(&mut comment) });
        } else if let Some((key, _)) = line.split_once(" = ") {
            let (name, value) = (format!("{section}.{key}"), Some(table[&section][key].clone()));
            found.push(Entry { name, value, comment: std::mem::take(&mut comment) });
        }
        // A comment with nothing right below it belongs to the file and not to what comes next.
        comment.clear();
    }
    found
}

fn kind(value: &toml::Value) -> &'static str {
    match value {
        toml::Value::Integer(_) => "whole number",
        toml::Value::Boolean(_) => "`true` or `false`",
        toml::Value::Array(_) => "list, separated by commas",
        _ => "text",
    }
}

/// The text of a comment for a page: names of settings as code, and nothing that a browser takes for markup.
fn prose(words: &str, names: &[String]) -> String {
    let is_name = |word: &str| names.iter().any(|name| name == word);
    let shown = words.split(' ').map(|word| {
        let bare = word.trim_matches(|c: char| !c.is_ascii_alphanumeric());
        if is_name(bare) && !word.contains('`') {
            word.replacen(bare, &format!("`{bare}`"), 1)
        } else {
            word.replace('<', "&lt;")
        }
    });
    shown.collect::<Vec<_>>().join(" ")
}

/// The same inside a sentence; `KiB` stays what it is.
fn small(text: &str) -> String {
    let mut letters = text.chars();
    match letters.next() {
        Some(first) if !text.contains("iB,") => first.to_lowercase().chain(letters).collect(),
        _ => text.to_owned(),
    }
}

/// One key: how it is given, what it may be, and why.
fn write_key(page: &mut String, entry: &Entry, value: &toml::Value, names: &[String]) {
    let variable = format!("FRONTROW__{}", entry.name.replace('.', "__").to_uppercase());
    let mut reason = entry.comment.join(" ");
    let mut facts = vec![format!("`{variable}`"), kind(value).to_owned()];
    if let Some((_, range)) = RANGES.iter().find(|(key, _)| *key == entry.name) {
        // The last sentence says unit and range, and what else bounds it.
        let bounds = format!(", {} to {}", range.start(), range.end());
        let at = reason.find(&bounds).expect("the range of a number is in its comment");
        let start = reason[..at].rfind(". ").map_or(0, |end| end + 2);
        let said = reason.split_off(start);
        let (said, rest) = said.split_once(". ").unwrap_or((said.trim_end_matches('.'), ""));
        facts.push(prose(&small(said), names));
        reason.push_str(rest);
    }
    if SECRETS.contains(&entry.name.as_str()) {
        facts.push("**secret**".to_owned());
        reason = reason.replace("Secret.", "");
    }
    facts.push(match value {
        toml::Value::String(text) if text.is_empty() => "not set by default".to_owned(),
        toml::Value::Array(list) if list.is_empty() => "none by default".to_owned(),
        value => format!("default `{value}`"),
    });
    writeln!(page, "\n### `{}`\n\n{}\n\n{}", entry.name, facts.join(" · "), prose(reason.trim(), names))
        .expect("text");
}

fn page() -> String {
    let mut page = String::from(
        "# Settings\n\n\
         <!-- Written by `make configuration` from config/default.toml: change it there. -->\n\n\
         Every setting, what it is for, its unit, its range and its default. What is not set anywhere has its default. \
         Later\nsources win, key by key:\n\n\
         1. `config/default.toml`, which is compiled into the binary\n\
         2. the file given by `--config FILE`: TOML, with only the keys that differ\n\
         3. the environment, under the name that stands with each setting; lists are separated by commas\n\
         4. flags: `--set section.key=value`, and `--data` and `--listen` for `store.data` and `http.listen`\n\n\
         A key or variable `FRONTROW__…` that is not here is refused, and so is a value of another type or out of its \
         range.\n`frontrow config check` reports everything that is wrong at once; `frontrow config print` shows what is \
         in force and where\neach value came from, without secrets. An empty text means \"not set\".\n\n\
         **Secret** settings are never shown: keep them in the environment, or in a file that only the server reads. \
         They are ",
    );
    let secrets: Vec<_> = SECRETS.iter().map(|key| format!("`{key}`")).collect();
    writeln!(page, "{}.", secrets.join(", ")).expect("text");
    let entries = entries();
    let names: Vec<_> =
        entries.iter().filter(|entry| entry.value.is_some()).map(|entry| entry.name.clone()).collect();
    for entry in &entries {
        match &entry.value {
            None => write!(page, "\n## `[{}]`\n\n{}\n", entry.name, prose(&entry.comment.join(" "), &names))
                .expect("text"),
            Some(value) => write_key(&mut page, entry, value, &names),
        }
    }
    page
}

#[test]
fn the_page_of_settings_is_current() {
    expect_file!["../../../../docs/configuration.md"].assert_eq(&page());
}

#[test]
fn every_setting_is_on_the_page_once() {
    let page = page();
    let mut count = 0;
    for key in super::merge::Merge::new(MANUAL).keys() {
        assert_eq!(page.matches(&format!("\n### `{key}`\n")).count(), 1, "{key}");
        count += 1;
    }
    assert_eq!(page.matches("\n### ").count(), count);
    assert!(!page.contains("  \n") && !page.contains(" ,"), "a gap where something was taken out");
}

/// The text of every page and file of deployment, with its path.
fn written(folder: &Path, found: &mut Vec<(PathBuf, String)>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            written(&path, found);
        } else if let Ok(text) = std::fs::read_to_string(&path) {
            found.push((path, text));
        }
    }
}

#[test]
fn documents_and_deployment_name_settings_that_there_are() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut files = Vec::new();
    for folder in ["docs", "deploy"] {
        written(&root.join(folder), &mut files);
    }
    for name in ["README.md", "README.ko.md"] {
        files.push((root.join(name), std::fs::read_to_string(root.join(name)).expect("a page")));
    }
    let known: Vec<_> = super::merge::Merge::new(MANUAL)
        .keys()
        .map(|key| key.replace('.', "__").to_uppercase())
        .chain(["SECTION__KEY".to_owned()])
        .collect();
    let mut count = 0;
    for (path, text) in files {
        for after in text.split("FRONTROW__").skip(1) {
            let is_part = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
            let name = &after[..after.find(|c| !is_part(c)).unwrap_or(after.len())];
            // What is made of parts, as in a program or `FRONTROW__…`, names nothing.
            assert!(
                name.is_empty() || known.iter().any(|one| one == name),
                "{}: there is no setting for FRONTROW__{name}",
                path.display()
            );
            count += 1;
        }
    }
    assert!(count > 100, "only {count} names were found");
}
