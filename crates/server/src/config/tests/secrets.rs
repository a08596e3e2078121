//! What is secret is never shown, and what is shown can be read again.

use super::*;

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
