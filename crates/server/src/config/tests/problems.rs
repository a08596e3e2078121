//! What is wrong is said, all of it at once.

use super::*;

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
