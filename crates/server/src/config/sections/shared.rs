//! What several servers share: the store, the line, and the keys that sign.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{Auth, Store};
use crate::config::merge::Merge;
use crate::config::secret::Secret;

/// How the URL of a shared store begins.
const STORE_SCHEMES: [&str; 2] = ["mysql://", "mariadb://"];
/// How the URL of a shared line begins.
const LINE_SCHEMES: [&str; 4] = ["redis://", "rediss://", "redis+cluster://", "rediss+cluster://"];

/// `[waiting_room]`: the line in front of each concert.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WaitingRoom {
    /// Empty: the embedded line.
    pub(crate) url: Secret,
    /// Whom to trust with TLS, as PEM. Empty: the roots of the system.
    pub(crate) ca_file: PathBuf,
    /// Never empty, and without braces.
    pub(crate) prefix: String,
}

/// Checks what has to go together: shared is all of it or nothing.
pub(in crate::config) fn validate_shared(
    store: &Store,
    waiting_room: &WaitingRoom,
    auth: &Auth,
    problems: &mut Merge,
) {
    check_scheme("store.url", &store.url, &STORE_SCHEMES, problems);
    check_scheme("waiting_room.url", &waiting_room.url, &LINE_SCHEMES, problems);
    if waiting_room.prefix.is_empty() || waiting_room.prefix.contains(['{', '}']) {
        let help = "name it after the system, such as frontrow";
        problems.refuse(&["waiting_room.prefix"], "is empty, or has braces in it", help);
    }
    if !waiting_room.ca_file.as_os_str().is_empty() && !waiting_room.url.expose().starts_with("rediss") {
        problems.refuse(
            &["waiting_room.ca_file", "waiting_room.url"],
            "is given, but waiting_room.url is not one with TLS",
            "begin the URL with rediss:// or rediss+cluster://, or leave this empty",
        );
    }
    match (store.url.is_empty(), waiting_room.url.is_empty()) {
        (true, true) => return,
        (false, false) => {}
        (false, true) => problems.refuse(
            &["waiting_room.url", "store.url"],
            "is empty, but the store is shared: every server would have a line of its own",
            "name a Redis that all servers use, or leave store.url empty",
        ),
        (true, false) => problems.refuse(
            &["store.url", "waiting_room.url"],
            "is empty, but the line is shared: the embedded store serves one server, and has its line inside",
            "name a MySQL that all servers use, or leave waiting_room.url empty",
        ),
    }
    if !auth.keys_file.as_os_str().is_empty() {
        return;
    }
    for (key, secret, what) in [
        (
            "auth.signing_secret",
            &auth.signing_secret,
            "tokens of one server would mean nothing to the others",
        ),
        ("auth.ticket_key", &auth.ticket_key, "tickets of one server would mean nothing to the others"),
    ] {
        if secret.is_empty() {
            let wrong = format!("is empty, as auth.keys_file is, but the store is shared: {what}");
            let help = "give all servers the same list of keys in auth.keys_file, or the same key here";
            problems.refuse(&[key, "auth.keys_file", "store.url"], wrong, help);
        }
    }
}

fn check_scheme(key: &str, url: &Secret, schemes: &[&str], problems: &mut Merge) {
    let has_scheme = schemes.iter().any(|scheme| url.expose().starts_with(scheme));
    if !url.is_empty() && !has_scheme {
        // The URL has a password in it and is not shown.
        let help = format!("begin it with {}", schemes.join(" or "));
        problems.refuse(&[key], "is not a URL of a kind that is known here", help);
    }
}

#[cfg(test)]
mod tests {
    use crate::config::load;

    const ALL: [(&str, &str); 4] = [
        ("FRONTROW__STORE__URL", "mysql://frontrow:hidden@db/frontrow"),
        ("FRONTROW__WAITING_ROOM__URL", "redis+cluster://:hidden@r1,r2"),
        ("FRONTROW__AUTH__SIGNING_SECRET", "the same for all servers of a cluster"),
        (
            "FRONTROW__AUTH__TICKET_KEY",
            "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n-----END PRIVATE KEY-----\n",
        ),
    ];

    /// What is said of these settings, or nothing where they are good.
    fn said_of(variables: impl IntoIterator<Item = (&'static str, &'static str)>) -> String {
        let variables: Vec<_> =
            variables.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        match load(None, variables, &[]) {
            Ok(_) => String::new(),
            Err(problems) => problems.to_string(),
        }
    }

    #[test]
    fn all_that_servers_share_is_named_or_none_of_it() {
        assert_eq!(said_of(ALL), "");
        assert_eq!(said_of([]), "");
    }

    #[test]
    fn a_list_of_keys_stands_for_both() {
        let given = ALL.into_iter().take(2);
        assert_eq!(said_of(given.chain([("FRONTROW__AUTH__KEYS_FILE", "/run/secrets/keys.json")])), "");
    }

    #[test]
    fn whatever_is_missing_of_it_is_named_with_the_reason() {
        let reasons = [
            ("the line is shared", "store.url"),
            ("every server would have a line of its own", "waiting_room.url"),
            ("tokens of one server", "auth.signing_secret"),
            ("tickets of one server", "auth.ticket_key"),
        ];
        for (missing, (reason, key)) in reasons.into_iter().enumerate() {
            let given = ALL.into_iter().enumerate().filter(|(place, _)| *place != missing);
            let said = said_of(given.map(|(_, setting)| setting));
            assert!(said.contains(reason) && said.contains(key), "{said}");
            assert!(!said.contains("hidden"), "{said}");
        }
    }

    #[test]
    fn whom_to_trust_is_for_a_line_with_tls() {
        let file = ("FRONTROW__WAITING_ROOM__CA_FILE", "/etc/frontrow/ca.pem");
        let said = said_of(ALL.into_iter().chain([file]));
        assert!(said.contains("waiting_room.ca_file") && said.contains("rediss"), "{said}");
        for url in ["rediss://:hidden@r1", "rediss+cluster://:hidden@r1,r2"] {
            let with_tls = ALL.map(|(key, value)| (key, if key == ALL[1].0 { url } else { value }));
            assert_eq!(said_of(with_tls), "");
            assert_eq!(said_of(with_tls.into_iter().chain([file])), "");
        }
        assert!(said_of([file]).contains("waiting_room.ca_file"), "without a URL neither");
    }

    #[test]
    fn what_names_no_known_kind_of_server_is_refused_and_not_shown() {
        let of_store =
            ALL.map(|(key, value)| (key, if key == ALL[0].0 { "postgres://u:hidden@db" } else { value }));
        let said = said_of(of_store);
        assert!(said.contains("mysql://") && !said.contains("hidden"), "{said}");
        let of_line =
            ALL.map(|(key, value)| (key, if key == ALL[1].0 { "memcached://hidden" } else { value }));
        let said = said_of(of_line);
        assert!(said.contains("redis+cluster://") && !said.contains("hidden"), "{said}");
        for scheme in ["redis://", "rediss://", "redis+cluster://", "rediss+cluster://"] {
            assert!(said.contains(scheme), "{said}");
        }
        let said = said_of(ALL.into_iter().chain([("FRONTROW__WAITING_ROOM__PREFIX", "{all}")]));
        assert!(said.contains("waiting_room.prefix"), "{said}");
    }
}
