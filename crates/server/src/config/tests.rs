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

// Problems

#[test]
fn all_problems_of_all_sources_come_out_at_once() {
    file(
        r#"
            listen = "0.0.0.0:80"
            [http]
            listn = "0.0.0.0:80"
            backlog = "many"
            cors_origins = ["https://Shop.example/", "https://ok.example", "null"]
            [walet]
            currency = "USD"
            [wallet]
            charge_min = 5000
            charge_max = 4000
            charge_by = "nobody"
            [sales]
            hold_seconds = 0.5
            [store.data]
            folder = "x"
        "#,
    )
    .variable("FRONTROW__JOBS__EXPIRE_TICK_MS", "1001")
    .variable("FRONTROW__JOBS__EXPIRE_ENABLED", "yes")
    .variable("FRONTROW__HTTP__MAX_CONECTIONS", "9")
    .variable("FRONTROW_LOG_FILTER", "debug")
    .variable("FRONTROW__AUTH__TRUSTED_PROXIES", "10.0.0.1/8,::1,nearby,0.0.0.0/0")
    .variable("FRONTROW__DEMO__FAN_BALANCE", "")
    .flag("http.listen", "localhost")
    .flag("store.date", "/tmp")
    .refused(&expect![[r#"
        the settings have 20 problems:
          frontrow.toml:2: listen is not a setting; did you mean http.listen?
          frontrow.toml:4: http.listn is not a setting; did you mean http.listen?
          frontrow.toml:5: http.backlog is a string, not an integer; write an integer, such as 4096
          frontrow.toml:6: http.cors_origins has "https://Shop.example/", which no browser sends as an origin; write scheme, host and port in lower case, without path or usual port: https://shop.example
          frontrow.toml:6: http.cors_origins has "null", which no browser sends as an origin; write scheme, host and port in lower case, without path or usual port: https://shop.example
          frontrow.toml:7: walet is not a section; did you mean [wallet]?
          frontrow.toml:10: wallet.charge_min is 5000, more than wallet.charge_max (4000); lower it, or raise wallet.charge_max
          frontrow.toml:12: wallet.charge_by cannot be "nobody" (unknown variant `nobody`, expected `fan` or `operator`); choose one of those
          frontrow.toml:14: sales.hold_seconds is a number with a point or an exponent; write an integer, such as 300
          frontrow.toml:15: store.data is a table; write a string, such as "./data"
          FRONTROW_LOG_FILTER: log.filter is not set by this name; write FRONTROW__LOG__FILTER, with two underscores each
          FRONTROW__AUTH__TRUSTED_PROXIES: auth.trusted_proxies has an item that cannot be used ("10.0.0.1/8" has bits set behind its prefix (10.0.0.0/8 has none)); give addresses or networks, such as 10.0.0.0/8
          FRONTROW__AUTH__TRUSTED_PROXIES: auth.trusted_proxies has an item that cannot be used ("nearby" is neither an address nor a network); give addresses or networks, such as 10.0.0.0/8
          FRONTROW__AUTH__TRUSTED_PROXIES: auth.trusted_proxies has an item that cannot be used ("0.0.0.0/0" is everybody, and so lets anybody claim any address); give addresses or networks, such as 10.0.0.0/8
          FRONTROW__DEMO__FAN_BALANCE: demo.fan_balance is empty; give a whole number, such as 1000000
          FRONTROW__HTTP__MAX_CONECTIONS: http.max_conections is not a setting; did you mean FRONTROW__HTTP__MAX_CONNECTIONS?
          FRONTROW__JOBS__EXPIRE_ENABLED: jobs.expire_enabled cannot be "yes"; give true or false
          FRONTROW__JOBS__EXPIRE_TICK_MS: jobs.expire_tick_ms is 1001, out of its range; choose a whole number from 10 to 1000
          the command line: store.date is not a setting; did you mean store.data?
          the command line: http.listen cannot be "localhost" (invalid socket address syntax); give an address and a port, such as 127.0.0.1:8080, 0.0.0.0:8080 for all networks, or [::]:8080"#]]);
}

#[test]
fn a_broken_file_is_reported_with_all_its_places_and_no_consequences() {
    file("[http\nlisten = 1\n[admin]\nemail = \n").variable("FRONTROW__HTTP__BACKLOG", "0").refused(&expect![[r"
        the settings have 3 problems:
          frontrow.toml:1: this line is not valid TOML (unclosed table, expected `]`); correct it, then check again
          frontrow.toml:4: this line is not valid TOML (string values must be quoted, expected literal string); correct it, then check again
          FRONTROW__HTTP__BACKLOG: http.backlog is 0, out of its range; choose a whole number from 1 to 65535"]]);
    file(b"[http]\n# \xff\n").refused(&expect![[r"
        the settings have 1 problem:
          frontrow.toml: is not UTF-8; save it as UTF-8"]]);
    defaults().flag("http.backlog", "x").refused(&expect![[r#"
        the settings have 1 problem:
          the command line: http.backlog cannot be "x"; give a whole number, such as 4096"#]]);
}

#[test]
fn a_file_that_cannot_be_read_is_one_problem_of_several() {
    let nothing = Vec::<(String, String)>::new();
    let flags = [("log.format".to_owned(), "xml".to_owned())];
    let problems = load(Some(Path::new("/nowhere/frontrow.toml")), nothing, &flags).unwrap_err().to_string();
    expect![[r#"
        the settings have 2 problems:
          /nowhere/frontrow.toml: cannot be read (No such file or directory (os error 2)); give --config a TOML file that exists and that this user may read
          the command line: log.format cannot be "xml" (unknown variant `xml`, expected `human` or `json`); choose one of those"#]].assert_eq(&problems);
}

#[test]
fn an_unknown_key_names_the_nearest() {
    for (unknown, meant) in [
        ("http.listne", "http.listen"),
        ("http.body_limit_byte", "http.body_limit_bytes"),
        ("http.data", "store.data"),
        ("listen", "http.listen"),
        ("HTTP.Listen", "http.listen"),
        ("sale.hold_seconds", "sales.hold_seconds"),
        ("auth.login_attempt_per_account", "auth.login_attempts_per_account"),
    ] {
        let meant = format!("did you mean {meant}?");
        defaults().flag(unknown, "1").refused_with(&[&format!("{unknown} is not a setting"), &meant]);
    }
    defaults().flag("tls.certificate", "x").refused_with(&["`frontrow config print` shows all keys"]);
    variable("FRONTROW__http__listen", "x").refused_with(&["did you mean FRONTROW__HTTP__LISTEN?"]);
    file("http = 3").refused_with(&["frontrow.toml:1: http is a section", "[http]"]);
    file("[[http]]\nbacklog = 3").refused_with(&["frontrow.toml:1: http is a section"]);
    file("\n[htpp]\nbacklog = 3").refused_with(&["frontrow.toml:2: htpp is not a section", "[http]"]);
}

#[test]
fn a_value_of_another_type_is_refused() {
    for (key, wrong, says) in [
        ("http.backlog", "\"9\"", "is a string, not an integer; write an integer, such as 4096"),
        ("http.backlog", "9.0", "is a number with a point"),
        ("http.backlog", "99999999999999999999", "is beyond 64 bits"),
        ("http.listen", "80", "is an integer, not a string"),
        ("http.cors_origins", "\"https://a.example\"", "is a string, not an array of strings"),
        ("http.cors_origins", "[1]", "holds something else than strings"),
        ("jobs.expire_enabled", "1", "is an integer, not a boolean; write a boolean, such as true"),
        ("store.data", "2026-01-01", "is a date or a time"),
        ("store.data", "{}", "is a table"),
    ] {
        file(format!("{key} = {wrong}")).refused_with(&["frontrow.toml:1: ", key, says]);
    }
    for (key, wrong, says) in [
        ("http.backlog", "4k", "cannot be \"4k\"; give a whole number, such as 4096"),
        ("http.backlog", "-1", "is -1, out of its range"),
        ("http.backlog", "", "is empty; give a whole number"),
        ("jobs.expire_enabled", "on", "give true or false"),
        ("http.cors_origins", "https://a.example,", "separate the items by single commas"),
        (
            "http.listen",
            "localhost:80",
            "cannot be \"localhost:80\" (invalid socket address syntax); give an",
        ),
    ] {
        variable(&variable_of(key), wrong).refused_with(&[&variable_of(key), key, says]);
        defaults().flag(key, wrong).refused_with(&["the command line: ", key, says]);
    }
}

#[test]
fn settings_that_contradict_each_other_are_refused() {
    for (settings, says) in [
        ("http.plan_body_limit_bytes = 1024", "below http.body_limit_bytes"),
        ("http.request_timeout_ms = 5000", "store.deadline_ms is 5000 ms, not below"),
        ("store.data = \"\"", "store.data is empty"),
        ("admin.email = \"a@b.example\"", "admin.password is empty although"),
        ("admin.password = \"1234567890\"", "admin.email is empty although"),
        ("admin = {email = \"ab\", password = \"1234567890\"}", "no e-mail address"),
        ("admin = {email = \"a@b\", password = \"123456789\"}", "admin.password is too short"),
        ("auth.access_token_seconds = 60\nauth.refresh_token_seconds = 60", "not above"),
        ("auth.argon2_memory_kib = 8\nauth.argon2_parallelism = 2", "raise it to 16 or more"),
        ("auth.signing_secret = \"short\"", "auth.signing_secret is a key of 5 bytes"),
        ("auth.signing_secret = \"base64:?\"", "not valid base64"),
        ("auth.ticket_key = \"x\"", "not one PEM block"),
        ("issuer.role_claim = \"\"", "issuer.role_claim is empty"),
        ("issuer.admin_roles = [\"operator\"]", "has \"operator\", which issuer.operator_roles has too"),
        ("issuer.gate_roles = [\"\"]", "has an empty value"),
        ("issuer.public_key = \"x\"", "not a public key"),
        ("issuer.jwks_url = \"http://issuer.example/keys\"", "without encryption"),
        ("issuer.jwks_url = \"https://name@issuer.example/keys\"", "carries a user name"),
        ("issuer.jwks_url = \"file:///etc/keys\"", "neither https nor http"),
        ("issuer.shared_secret = \"short\"", "issuer.shared_secret is a key of 5 bytes"),
        ("wallet.currency = \"won\"", "no currency code"),
        ("wallet.charge_min = 1000001", "more than wallet.charge_max"),
        ("wallet.charge_max = 10000001", "more than wallet.balance_max"),
        ("issuer.issuer = \"frontrow\"", "is what this server calls itself"),
        ("sales.hold_seconds = 601", "more than sales.hold_max_seconds"),
        ("log.filter = \"=?\"", "no log filter"),
        ("demo.fan_balance = 10000001", "more than wallet.balance_max"),
        ("demo.password = \"123456789\"", "demo.password is too short"),
    ] {
        file(settings).refused_with(&["frontrow.toml:", says]);
    }
}

#[test]
fn an_issuer_needs_a_name_an_audience_and_one_key() {
    let named = || {
        variable("FRONTROW__ISSUER__ENABLED", "true")
            .variable("FRONTROW__ISSUER__ISSUER", "https://issuer.example/")
            .variable("FRONTROW__ISSUER__AUDIENCE", "frontrow")
    };
    let secret = "0123456789abcdef0123456789abcdef";
    let escaped = PUBLIC_KEY.replace('\n', "\\n");

    variable("FRONTROW__ISSUER__ENABLED", "true").refused(&expect![[r"
        the settings have 3 problems:
          FRONTROW__ISSUER__ENABLED: issuer.issuer is empty although issuer.enabled is true; give what its tokens carry as iss, or switch issuer.enabled off
          FRONTROW__ISSUER__ENABLED: issuer.audience is empty although issuer.enabled is true; give what its tokens for this service carry as aud, or switch issuer.enabled off
          FRONTROW__ISSUER__ENABLED: issuer.enabled is true without a key to check tokens with; give one of issuer.shared_secret, issuer.public_key and issuer.jwks_url"]]);
    named().refused_with(&["issuer.enabled is true without a key"]);
    named()
        .variable("FRONTROW__ISSUER__SHARED_SECRET", secret)
        .variable("FRONTROW__ISSUER__JWKS_URL", "https://issuer.example/keys")
        .refused_with(&["with 2 keys", "(issuer.shared_secret, issuer.jwks_url)"]);

    let config = named().variable("FRONTROW__ISSUER__SHARED_SECRET", secret).config();
    assert_eq!(config.issuer.shared_key().unwrap().unwrap(), secret.as_bytes());
    assert!(config.issuer.verifying_key().unwrap().is_none());
    for key in [PUBLIC_KEY, &escaped] {
        let config = named().variable("FRONTROW__ISSUER__PUBLIC_KEY", key).config();
        assert!(config.issuer.verifying_key().unwrap().is_some());
        assert_eq!(config.issuer.public_key, PUBLIC_KEY);
    }
    for url in
        ["https://issuer.example/keys", "http://keycloak:8080/keys", "http://[::1]/", "http://10.0.0.9/"]
    {
        named().variable("FRONTROW__ISSUER__JWKS_URL", url).config();
    }
}

#[test]
fn a_finding_about_a_refused_key_is_not_repeated() {
    // The limit is in force at its default, which the other value contradicts only because of the slip.
    file("[wallet]\ncharge_min = 2000000\ncharge_max = \"3000000\"\n")
        .refused_with(&["charge_max is a string"]);
    file("[wallet]\ncharge_min = 2000000\ncharge_mx = 3000000\n")
        .refused_with(&["did you mean wallet.charge_max?"]);
    file("[walet]\ncharge_max = 3000000\n[wallet]\ncharge_min = 2000000\n")
        .refused_with(&["did you mean [wallet]?"]);
}

#[test]
fn a_lost_file_silences_only_what_it_could_have_set() {
    let flags = [("issuer.enabled", "true"), ("log.filter", ""), ("wallet.charge_min", "9000000")]
        .map(|(key, text)| (key.to_owned(), text.to_owned()));
    let nothing = Vec::<(String, String)>::new();
    let problems = load(Some(Path::new("/nowhere")), nothing, &flags).unwrap_err().to_string();
    assert!(problems.starts_with("the settings have 2 problems:\n  /nowhere: cannot be read"), "{problems}");
    assert!(problems.contains("log.filter cannot be"), "{problems}");
}

#[test]
fn what_comes_from_outside_cannot_break_a_line() {
    let problems = variable("FRONTROW__LOG__FORMAT", "a\nb\u{1b}[2J").flag("a\nb", "").problems();
    assert_eq!(problems.lines().count(), 3, "{problems}");
    assert!(!problems.contains('\u{1b}'));
    let long = variable("FRONTROW__LOG__FILTER", &"=".repeat(10_000)).problems();
    assert!(long.len() < 300, "{long}");
}

#[test]
fn origins_are_written_as_browsers_send_them() {
    for wrong in [
        "*",
        "null",
        "shop.example",
        "https://",
        "https://shop.example/",
        "https://Shop.example",
        "https://shop.example:443",
        "http://shop.example:80",
        "https://a b",
        "https://u@shop.example",
    ] {
        variable("FRONTROW__HTTP__CORS_ORIGINS", wrong).refused_with(&["http.cors_origins has", wrong]);
    }
    for right in ["https://shop.example:8443", "http://localhost:3000", "http://[::1]:3000"] {
        variable("FRONTROW__HTTP__CORS_ORIGINS", right).config();
    }
}

#[test]
fn networks_contain_what_they_say() {
    let network = |text: &str| text.parse::<Network>();
    let inside = |text, address: &str| network(text).unwrap().contains(address.parse().unwrap());
    assert!(inside("10.0.0.0/8", "10.255.0.1"));
    assert!(!inside("10.0.0.0/8", "11.0.0.0"));
    assert!(inside("10.0.0.0/8", "::ffff:10.0.0.1"));
    assert!(inside("10.0.0.1", "10.0.0.1"));
    assert!(!inside("10.0.0.1", "10.0.0.2"));
    assert!(inside("fd00::/8", "fd12::1"));
    assert!(!inside("fd00::/8", "fe80::1"));
    assert!(!inside("::1", "0.0.0.1"));
    assert!(inside("128.0.0.0/1", "255.0.0.0"));
    for text in ["10.0.0.0/8", "10.0.0.1", "fd00::/8", "::1"] {
        assert_eq!(network(text).unwrap().to_string(), text);
    }
    for wrong in
        ["", "x", "10.0.0.1/8", "10.0.0.0/33", "10.0.0.0/-1", "0.0.0.0/0", "::/0", "::ffff:10.0.0.1", "::1/"]
    {
        assert!(network(wrong).is_err(), "{wrong}");
    }
}

// Secrets

/// Sources with all secrets set; each value contains "hush".
fn with_secrets() -> Sources {
    file("[auth]\nsigning_secret = \"hush-0123456789abcdef0123456789abcdef\"\n")
        .variable("FRONTROW__ADMIN__EMAIL", "admin@example.com")
        .variable("FRONTROW__ADMIN__PASSWORD", "hush-hush-hush")
        .variable("FRONTROW__ISSUER__SHARED_SECRET", "hush-0123456789abcdef0123456789abcdef")
        .variable("FRONTROW__AUTH__TICKET_KEY", &PRIVATE_KEY.replace('\n', "\\n"))
}

#[test]
fn secrets_are_never_shown() {
    let config = with_secrets().config();
    let serialized = serde_json::to_string(&config).unwrap();
    for text in [config.print(), format!("{config:?}"), format!("{config:#?}"), serialized] {
        assert!(text.contains(REDACTED));
        assert!(!text.contains("hush") && !text.contains("MC4CAQ"), "{text}");
    }
    let secret = Secret::from("hush".to_owned());
    assert_eq!(format!("{secret} {secret:?} {}", serde_json::to_string(&secret).unwrap()), {
        "[redacted] [redacted] \"[redacted]\""
    });
    assert_eq!(secret.expose(), "hush");
}

#[test]
fn all_secrets_are_listed_as_such() {
    let config = serde_json::to_value(defaults().config()).unwrap();
    let redacted: BTreeSet<_> = Merge::new(MANUAL)
        .keys()
        .filter(|key| config.pointer(&format!("/{}", key.replace('.', "/"))).unwrap() == REDACTED)
        .map(str::to_owned)
        .collect();
    assert_eq!(redacted, SECRETS.iter().map(|key| (*key).to_owned()).collect());
    for (key, comment) in comments() {
        assert_eq!(comment.ends_with("Secret."), redacted.contains(&key), "{key}");
    }
}

#[test]
fn problems_show_no_secret() {
    for sources in [
        // Wrong, in every way that a secret can be.
        file("[admin]\npassword = [\"hush\"]\n"),
        file("[admin]\npassword = \"hush\"\n"),
        file("[admin]\npassword = hush\n"),
        file("[admin]\npassword = \"hush\n"),
        file("[admin]\npassword = 'hush' hush\n"),
        file("[admin]\npassword = \"hush\\q\"\n"),
        file("[admin]\npasword = \"hush-hush-hush\"\n"),
        file("[amin]\npassword = \"hush-hush-hush\"\n"),
        variable("FRONTROW__ADMIN__PASWORD", "hush-hush-hush"),
        variable("FRONTROW_ADMIN_PASSWORD", "hush-hush-hush"),
        variable("FRONTROW__AUTH__SIGNING_SECRET", "base64:hush"),
        variable("FRONTROW__AUTH__TICKET_KEY", "hush"),
        variable("FRONTROW__ISSUER__SHARED_SECRET", "hush"),
        variable("FRONTROW__ISSUER__PUBLIC_KEY", "-----BEGIN PRIVATE KEY-----\nhush"),
        variable("FRONTROW__ISSUER__JWKS_URL", "https://me:hush@issuer.example/"),
        variable("FRONTROW__DEMO__PASSWORD", "hush"),
        with_secrets().flag("http.backlog", "0"),
    ] {
        let (problems, debug) =
            (sources.problems(), format!("{:?}", sources.load().map(|_| ()).unwrap_err()));
        assert!(!problems.contains("hush") && !debug.contains("hush"), "{problems}");
    }
}

#[test]
fn the_placeholder_of_a_secret_is_no_secret() {
    variable("FRONTROW__ADMIN__PASSWORD", REDACTED).refused_with(&["admin.password is the placeholder"]);
}

#[test]
fn keys_are_read_in_all_their_forms() {
    let encoded = "base64:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    let config = variable("FRONTROW__AUTH__SIGNING_SECRET", encoded).config();
    assert_eq!(config.auth.signing_key().unwrap().unwrap(), (0..32).collect::<Vec<u8>>());

    for text in [PRIVATE_KEY.to_owned(), PRIVATE_KEY.replace('\n', "\\n"), format!("\n{PRIVATE_KEY}\n")] {
        let key = variable("FRONTROW__AUTH__TICKET_KEY", &text).config().auth.ticket_signing_key();
        assert_eq!(key.unwrap().unwrap().to_bytes()[..4], [0xd4, 0xee, 0x72, 0xdb]);
    }
}

// Printing

#[test]
fn what_is_printed_says_where_it_came_from() {
    let sources = with_secrets()
        .variable("FRONTROW__HTTP__CORS_ORIGINS", "https://a.example,https://b.example")
        .variable("FRONTROW__ISSUER__PUBLIC_KEY", "")
        .flag("store.data", "/srv/\"front row\"");
    let printed = sources.with_short_name(&sources.config().print());
    let shown = printed.lines().filter(|line| line.contains(" # ")).collect::<Vec<_>>().join("\n");
    expect![[r#"
        cors_origins = ["https://a.example", "https://b.example"] # from FRONTROW__HTTP__CORS_ORIGINS
        data = '/srv/"front row"' # from the command line
        email = "admin@example.com" # from FRONTROW__ADMIN__EMAIL
        password = "[redacted]" # from FRONTROW__ADMIN__PASSWORD
        signing_secret = "[redacted]" # from frontrow.toml:2
        ticket_key = "[redacted]" # from FRONTROW__AUTH__TICKET_KEY
        shared_secret = "[redacted]" # from FRONTROW__ISSUER__SHARED_SECRET
        public_key = "" # from FRONTROW__ISSUER__PUBLIC_KEY"#]]
    .assert_eq(&shown);
    assert!(printed.starts_with("[http]\nlisten = \"127.0.0.1:8080\"\nbacklog = 4096\n"), "{printed}");
}

#[test]
fn what_is_printed_can_be_read_again() {
    let escaped = PUBLIC_KEY.replace('\n', "\\n");
    for key in [PUBLIC_KEY, escaped.as_str()] {
        let config = variable("FRONTROW__STORE__DATA", "a\u{7f}\n\"'# b\\")
            .variable("FRONTROW__ISSUER__PUBLIC_KEY", key)
            .variable("FRONTROW__AUTH__TRUSTED_PROXIES", "10.0.0.0/8,::1")
            .variable("FRONTROW__LOG__FORMAT", "json")
            .config();
        let again = file(config.print()).config();
        assert_eq!(serde_json::to_value(&again).unwrap(), serde_json::to_value(&config).unwrap());
    }
}
