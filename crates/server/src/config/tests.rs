use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io::Write as _;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};

use expect_test::{Expect, expect};
use tempfile::NamedTempFile;

use super::merge::Merge;
use super::network::Network;
use super::secret::{REDACTED, Secret};
use super::sections::{ChargeBy, LogFormat, RANGES, SECRETS};
use super::{Config, MANUAL, Problems, load};

mod problems;
mod secrets;

/// The examples of RFC 8410.
const PRIVATE_KEY: &str = "-----BEGIN PRIVATE KEY-----\n\
    MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n\
    -----END PRIVATE KEY-----\n";
const PUBLIC_KEY: &str = "-----BEGIN PUBLIC KEY-----\n\
    MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n\
    -----END PUBLIC KEY-----\n";

/// Sources of settings, in the making.
#[derive(Default)]
struct Sources {
    file: Option<NamedTempFile>,
    variables: Vec<(String, String)>,
    flags: Vec<(String, String)>,
}

fn defaults() -> Sources {
    Sources::default()
}

fn file(text: impl AsRef<[u8]>) -> Sources {
    defaults().file(text)
}

fn variable(name: &str, text: &str) -> Sources {
    defaults().variable(name, text)
}

impl Sources {
    fn file(mut self, text: impl AsRef<[u8]>) -> Self {
        let mut file = NamedTempFile::new().unwrap();
        file.write_all(text.as_ref()).unwrap();
        self.file = Some(file);
        self
    }

    fn variable(mut self, name: &str, text: &str) -> Self {
        self.variables.push((name.to_owned(), text.to_owned()));
        self
    }

    fn flag(mut self, key: &str, text: &str) -> Self {
        self.flags.push((key.to_owned(), text.to_owned()));
        self
    }

    fn load(&self) -> Result<Config, Problems> {
        load(self.file.as_ref().map(NamedTempFile::path), self.variables.clone(), &self.flags)
    }

    fn config(&self) -> Config {
        self.load().unwrap_or_else(|problems| panic!("{problems}"))
    }

    /// All problems, with the file called `frontrow.toml`.
    fn problems(&self) -> String {
        let text = self.load().map(|config| config.print()).expect_err("settings with problems").to_string();
        self.with_short_name(&text)
    }

    fn with_short_name(&self, text: &str) -> String {
        match &self.file {
            Some(file) => text.replace(file.path().to_str().unwrap(), "frontrow.toml"),
            None => text.to_owned(),
        }
    }

    #[track_caller]
    fn refused(&self, expected: &Expect) {
        expected.assert_eq(&self.problems());
    }

    /// Exactly one problem, of which the message has all of `parts`.
    #[track_caller]
    fn refused_with(&self, parts: &[&str]) {
        let problems = self.problems();
        assert!(problems.starts_with("the settings have 1 problem:"), "{problems}");
        for part in parts {
            assert!(problems.contains(part), "no {part:?} in {problems}");
        }
    }
}

fn variable_of(key: &str) -> String {
    format!("FRONTROW__{}", key.replace('.', "__").to_uppercase())
}

/// The comment right above each key of the manual, as one line each.
fn comments() -> Vec<(String, String)> {
    let (mut section, mut comment, mut found) = (String::new(), Vec::new(), Vec::new());
    for line in MANUAL.lines() {
        if let Some(name) = line.strip_prefix('[') {
            section = name.trim_end_matches(']').to_owned();
        } else if let Some(text) = line.strip_prefix('#') {
            comment.push(text.trim());
            continue;
        } else if let Some((name, _)) = line.split_once(" = ") {
            found.push((format!("{section}.{name}"), comment.join(" ")));
        }
        comment.clear();
    }
    found
}

/// Every file below `folder` that ends in `.toml`.
fn toml_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            toml_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "toml") {
            found.push(path);
        }
    }
}

// The manual

#[test]
fn the_defaults_alone_are_valid() {
    let config = defaults().config();
    assert_eq!(config.http.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(config.http.cors_origins, Vec::<String>::new());
    assert_eq!(config.store.data, Path::new("./data"));
    assert_eq!(config.auth.argon2_memory_kib, 19_456);
    assert!(config.auth.signing_key().unwrap().is_none());
    assert!(config.auth.ticket_signing_key().unwrap().is_none());
    assert_eq!(config.issuer.admin_roles, ["admin"]);
    assert_eq!(config.wallet.charge_by, ChargeBy::Fan);
    assert_eq!(config.log.format, LogFormat::Human);
    assert!(config.jobs.expire_enabled);
}

#[test]
fn every_setting_has_a_comment_of_its_own() {
    let comments = comments();
    let keys: Vec<_> = comments.iter().map(|(key, _)| key.as_str()).collect();
    assert_eq!(keys, Merge::new(MANUAL).keys().collect::<Vec<_>>());
    for (key, comment) in &comments {
        assert!(comment.len() >= 20 && comment.ends_with('.'), "{key} has no sentence above it: {comment:?}");
    }
}

#[test]
fn the_ranges_of_the_manual_are_those_in_force() {
    let table: toml::Table = MANUAL.parse().unwrap();
    for (key, comment) in comments() {
        let (section, name) = key.split_once('.').unwrap();
        let is_number = table[section][name].is_integer();
        let Some((_, range)) = RANGES.iter().find(|(ranged, _)| *ranged == key) else {
            assert!(!is_number, "{key} is a number without a range");
            continue;
        };
        assert!(is_number, "{key} has a range and is no number");
        let written = format!(", {} to {}", range.start(), range.end());
        assert!(
            comment.contains(&format!("{written}.")) || comment.contains(&format!("{written};")),
            "{key}"
        );

        for outside in [range.start() - 1, range.end() + 1] {
            let named = format!("{key} is {outside}, out of its range");
            variable(&variable_of(&key), &outside.to_string()).refused_with(&[&named]);
        }
        for inside in [range.start(), range.end()] {
            // The other settings may object to an extreme value; its own range must not.
            if let Err(problems) = variable(&variable_of(&key), &inside.to_string()).load() {
                assert!(!problems.to_string().contains("range"), "{problems}");
            }
        }
    }
    assert!(RANGES.iter().all(|(key, _)| Merge::new(MANUAL).keys().any(|known| known == *key)));
}

#[test]
fn the_manual_is_a_file_like_any_other() {
    file(MANUAL).config();
}

#[test]
fn all_sample_files_are_valid() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut samples = Vec::new();
    toml_files(&root.join("config"), &mut samples);
    toml_files(&root.join("deploy"), &mut samples);
    assert!(samples.len() >= 2);
    let secret = variable("FRONTROW__AUTH__SIGNING_SECRET", "what no sample has in it, since it is a secret");
    let keys = secret.variable("FRONTROW__AUTH__TICKET_KEY", PRIVATE_KEY).variables;
    for sample in samples {
        load(Some(&sample), keys.clone(), &[]).unwrap_or_else(|problems| panic!("{problems}"));
    }
}

// Layers

#[test]
fn each_layer_overrides_the_one_below() {
    let below = file("[http]\nbacklog = 1\nmax_connections = 1\nshutdown_seconds = 1\n");
    let config = below
        .variable("FRONTROW__HTTP__MAX_CONNECTIONS", "2")
        .variable("FRONTROW__HTTP__SHUTDOWN_SECONDS", "2")
        .flag("http.shutdown_seconds", "3")
        .config();
    assert_eq!(config.http.header_timeout_ms, 10_000);
    assert_eq!(config.http.backlog, 1);
    assert_eq!(config.http.max_connections, 2);
    assert_eq!(config.http.shutdown_seconds, 3);
}

#[test]
fn texts_take_the_type_of_the_default() {
    let config = variable("FRONTROW__HTTP__LISTEN", "[::1]:0")
        .variable("FRONTROW__HTTP__CORS_ORIGINS", "https://a.example, capacitor://localhost")
        .variable("FRONTROW__ISSUER__GATE_ROLES", "")
        .variable("FRONTROW__JOBS__EXPIRE_ENABLED", "false")
        .variable("FRONTROW__WALLET__CHARGE_BY", "operator")
        .variable("FRONTROW__LOG__FORMAT", "json")
        .variable("FRONTROW__STORE__DATA", "12")
        .variable("FRONTROW__ADMIN__EMAIL", "admin@example.com")
        .variable("FRONTROW__ADMIN__PASSWORD", "1234567890")
        .config();
    assert_eq!(config.http.listen.to_string(), "[::1]:0");
    assert_eq!(config.http.cors_origins, ["https://a.example", "capacitor://localhost"]);
    assert!(config.issuer.gate_roles.is_empty());
    assert!(!config.jobs.expire_enabled);
    assert_eq!(config.wallet.charge_by, ChargeBy::Operator);
    assert_eq!(config.log.format, LogFormat::Json);
    assert_eq!(config.store.data, Path::new("12"));
    assert_eq!(config.admin.password.expose(), "1234567890");
}

#[test]
fn an_empty_text_unsets_a_string_of_a_layer_below() {
    let both = "[admin]\nemail = \"a@b.example\"\npassword = \"1234567890\"\n";
    let config =
        file(both).variable("FRONTROW__ADMIN__EMAIL", "").variable("FRONTROW__ADMIN__PASSWORD", "").config();
    assert!(config.admin.email.is_empty() && config.admin.password.is_empty());
}

#[test]
fn variables_of_others_are_left_alone() {
    variable("HOME", "/root")
        .variable("FRONTROW_PORT_8080_TCP", "tcp://10.0.0.1:8080")
        .variable("FRONTROW_SERVICE_HOST", "10.0.0.1")
        .variable("frontrow__http__listen", "")
        .config();
}

#[test]
fn variables_may_be_anything_but_utf8_when_they_are_not_ours() {
    let bytes = || OsString::from_vec(vec![b'a', 0xff]);
    load(None, [(bytes(), bytes())], &[]).unwrap();

    let names = [
        (OsString::from("FRONTROW__STORE__DATA"), bytes()),
        (OsString::from_vec(b"FRONTROW__STORE__\xff".to_vec()), bytes()),
    ];
    let problems = load(None, names, &[]).unwrap_err().to_string();
    expect![[r"
        the settings have 2 problems:
          FRONTROW__STORE__DATA: store.data is not UTF-8; set it to UTF-8 text
          FRONTROW__STORE__�: store.� is not a setting; take it out: `frontrow config print` shows all keys"]]
    .assert_eq(&problems);
}
