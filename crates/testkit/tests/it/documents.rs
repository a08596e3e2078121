//! Documents name what is there: links lead somewhere, and where a page calls upon a test or a file for proof, there is
//! such a test or file.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::house::root;

/// The pages that prove what they say by naming tests and files.
const PROVING: &[&str] = &["docs/security.md"];

/// Every file below a folder with one of these endings, but for what was built or installed.
fn files(folder: &Path, endings: &[&str], found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if path.is_dir() {
            if !matches!(name, "target" | "node_modules" | ".git" | "data") {
                files(&path, endings, found);
            }
        } else if path.extension().and_then(|end| end.to_str()).is_some_and(|end| endings.contains(&end)) {
            found.push(path);
        }
    }
}

/// What stands between backticks, outside of blocks of code.
fn quoted(page: &str) -> BTreeSet<String> {
    let outside: Vec<_> = page.split("\n```").step_by(2).collect();
    outside.iter().flat_map(|part| part.split('`').skip(1).step_by(2)).map(str::to_owned).collect()
}

/// The targets of links that lead to files of this repository.
fn targets(page: &str) -> BTreeSet<String> {
    let outside: Vec<_> = page.split("\n```").step_by(2).collect();
    let links = outside.iter().flat_map(|part| part.split("](").skip(1));
    links
        .filter_map(|rest| rest.split(')').next())
        .filter(|target| {
            !target.contains("://") && !target.starts_with(['#', '<']) && !target.starts_with("mailto:")
        })
        .map(|target| target.split('#').next().unwrap_or_default().to_owned())
        .collect()
}

#[test]
fn links_between_documents_lead_somewhere() {
    let mut pages = Vec::new();
    files(&root(), &["md"], &mut pages);
    let mut count = 0;
    for page in &pages {
        let text = std::fs::read_to_string(page).expect("text");
        for target in targets(&text) {
            count += 1;
            let path = page.parent().expect("a folder").join(&target);
            assert!(path.exists(), "{}: {target} leads nowhere", page.display());
        }
    }
    assert!(count > 50, "only {count} links were found");
}

#[test]
fn what_a_page_calls_upon_for_proof_is_there() {
    let mut sources = Vec::new();
    files(&root().join("crates"), &["rs"], &mut sources);
    let code: String = sources.iter().map(|path| std::fs::read_to_string(path).expect("text")).collect();
    for page in PROVING {
        let text = std::fs::read_to_string(root().join(page)).expect("a page");
        let (mut tests, mut paths) = (0, 0);
        for name in quoted(&text) {
            let is_path = ["crates/", "deploy/", "docs/"].iter().any(|start| name.starts_with(start));
            // Tests are sentences; settings have a dot, variables are in capitals.
            let is_test = name.matches('_').count() >= 2
                && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
            if is_path {
                paths += 1;
                assert!(root().join(&name).exists(), "{page}: {name} is not there");
            } else if is_test {
                tests += 1;
                assert!(code.contains(&format!("fn {name}(")), "{page}: there is no test {name}");
            }
        }
        assert!(tests > 20 && paths > 20, "{page}: {tests} tests and {paths} paths were found");
    }
}
