use std::os::unix::fs::PermissionsExt;

use super::*;
use crate::config::load;

const SECRET: &str = "a secret of the settings, of enough bytes";

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(seconds * 1_000_000)
}

fn config(folder: &Path, more: &[(&str, &str)]) -> Config {
    let mut flags = vec![("store.data".to_owned(), folder.display().to_string())];
    flags.extend(more.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())));
    load(None, Vec::<(String, String)>::new(), &flags).expect("good settings")
}

/// The names of the keys of tokens, the one that signs first.
fn tokens(keys: &Keys, now: Timestamp) -> Vec<String> {
    keys.names(now).iter().filter_map(|name| name.strip_prefix("tokens ")).map(str::to_owned).collect()
}

fn refused<T>(done: anyhow::Result<T>) -> String {
    format!("{:#}", done.err().expect("refused"))
}

#[test]
fn keys_are_made_once_and_only_for_their_owner() {
    let folder = tempfile::tempdir().expect("folder");
    let config = config(folder.path(), &[]);
    let names = Keys::open(&config, at(1)).expect("made").names(at(1));
    assert_eq!(names.len(), 2);
    assert_eq!(Keys::open(&config, at(2)).expect("read").names(at(2)), names);
    let path = folder.path().join(FILE);
    let mode = std::fs::metadata(&path).expect("file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert!(!folder.path().join("keys.json.new").exists());

    for (mode, is_good) in [(0o640, true), (0o644, false), (0o660, false), (0o600, true)] {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("mode");
        match Keys::open(&config, at(2)) {
            Ok(_) => assert!(is_good, "{mode:o}"),
            Err(error) => assert!(!is_good && error.to_string().contains("chmod 600"), "{mode:o}: {error}"),
        }
    }
}

#[test]
fn the_keys_of_an_old_folder_go_on_and_can_be_retired() {
    let folder = tempfile::tempdir().expect("folder");
    for (name, byte) in [("token-secret.key", 1), ("ticket-ed25519.key", 2)] {
        let path = folder.path().join(name);
        std::fs::write(&path, [byte; 32]).expect("a key");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("mode");
    }
    let config = config(folder.path(), &[]);
    let mut keys = Keys::open(&config, at(10)).expect("taken over");
    let in_force = keys.in_force(at(10)).expect("keys");
    assert_eq!(in_force.tokens.signing, vec![1; 32]);
    assert_eq!(in_force.tickets.signing.to_bytes(), [2; 32]);
    let old = tokens(&keys, at(10));
    keys.add([Key::made(Purpose::Tokens, at(20)).expect("made")]).expect("added");
    assert_eq!(tokens(&keys, at(19))[0], old[0], "a new key waits");
    assert_eq!(tokens(&keys, at(20))[1..], old, "then it signs, and the old one verifies");
    assert!(folder.path().join("token-secret.key").exists(), "for whoever goes back");
    keys.remove(&old[0]).expect("retired");
    assert!(!folder.path().join("token-secret.key").exists());
    assert!(folder.path().join("ticket-ed25519.key").exists());
    assert_eq!(tokens(&Keys::open(&config, at(21)).expect("read"), at(21)).len(), 1);
}

#[test]
fn an_old_key_that_others_may_read_or_that_is_cut_is_refused() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("token-secret.key");
    std::fs::write(&path, [1; 32]).expect("a key");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).expect("mode");
    let config = config(folder.path(), &[]);
    assert!(refused(Keys::open(&config, at(1))).contains("chmod 600"));
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("mode");
    std::fs::write(&path, b"short").expect("cut");
    assert!(refused(Keys::open(&config, at(1))).contains("5 bytes"));
}

#[test]
fn a_file_that_was_changed_counts_and_a_broken_one_changes_nothing() {
    let folder = tempfile::tempdir().expect("folder");
    let config = config(folder.path(), &[]);
    let mut server = Keys::open(&config, at(1)).expect("made");
    assert!(!server.look().expect("nothing new"));
    let before = server.names(at(2));
    let mut operator = Keys::read(&config, None).expect("read");
    operator.add([Key::made(Purpose::Tickets, at(2)).expect("made")]).expect("added");
    assert!(server.look().expect("something new"));
    assert_eq!(server.names(at(2)), operator.names(at(2)));
    assert_ne!(server.names(at(2)), before);

    let path = folder.path().join(FILE);
    let good = std::fs::read_to_string(&path).expect("text");
    let in_force = server.names(at(3));
    for (bad, wrong) in [
        ("{".to_owned(), "no list of keys"),
        (good.replace("\"version\": 1", "\"version\": 2"), "version 2"),
        (good.replace("\"kid\": \"", "\"kid\": \"0"), "not the key of that name"),
        ("{\"version\": 1}".to_owned(), "no key for tokens"),
    ] {
        assert_ne!(bad, good);
        std::fs::write(&path, &bad).expect("written");
        let told = refused(server.look());
        assert!(told.contains(wrong), "{told}");
        assert_eq!(server.names(at(3)), in_force);
    }
    std::fs::remove_file(&path).expect("removed");
    assert!(refused(server.look()).contains("is gone"));
    std::fs::write(&path, &good).expect("written");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("mode");
    server.look().expect("good again");
    assert_eq!(server.names(at(3)), in_force);
}

#[test]
fn what_is_wrong_is_told_without_the_key() {
    let folder = tempfile::tempdir().expect("folder");
    let config = config(folder.path(), &[]);
    Keys::open(&config, at(1)).expect("made");
    let path = folder.path().join(FILE);
    let good = std::fs::read_to_string(&path).expect("text");
    let secrets = || good.lines().filter_map(|line| line.trim().strip_prefix("\"key\": \""));
    assert_eq!(secrets().count(), 2);
    for bad in [
        good.replace("\"key\"", "\"kex\""),
        good.replace("\"signsFrom\"", "\"x\""),
        good.replace("=\"", "\""),
    ] {
        std::fs::write(&path, &bad).expect("written");
        let told = refused(Keys::open(&config, at(1)));
        assert!(secrets().all(|secret| !told.contains(secret.trim_end_matches(['"', ',', '=']))), "{told}");
    }
}

#[test]
fn a_key_of_the_settings_counts_and_gives_way_to_the_list() {
    let folder = tempfile::tempdir().expect("folder");
    let settings = config(folder.path(), &[("auth.signing_secret", SECRET)]);
    let mut keys = Keys::open(&settings, at(1)).expect("made");
    assert_eq!(keys.in_force(at(1)).expect("keys").tokens.signing, SECRET.as_bytes());
    let given = tokens(&keys, at(1));
    assert!(!keys.is_listed(&given[0]));
    let made = Key::made(Purpose::Tokens, at(5)).expect("made");
    let name = made.kid.clone();
    keys.add([made]).expect("added");
    assert_eq!(tokens(&keys, at(4)), [given[0].clone(), name.clone()]);
    assert_eq!(tokens(&keys, at(5)), [name, given[0].clone()]);
    // Taken over into the list, it goes on without the setting.
    keys.take_over_given();
    keys.add([]).expect("written");
    let without = Keys::open(&config(folder.path(), &[]), at(5)).expect("read");
    assert_eq!(without.names(at(5)), keys.names(at(5)));
}

#[test]
fn a_named_file_is_never_made_by_a_server() {
    let folder = tempfile::tempdir().expect("folder");
    let file = folder.path().join("mounted.json");
    let settings = config(folder.path(), &[("auth.keys_file", &file.display().to_string())]);
    assert!(refused(Keys::open(&settings, at(1))).contains("frontrow keys init"));
    assert!(!file.exists());
    let mut keys = Keys::read(&settings, None).expect("none yet");
    keys.complete(at(1)).expect("made");
    assert_eq!(Keys::open(&settings, at(1)).expect("read").names(at(1)), keys.names(at(1)));
    // Somebody else is at it, or was stopped half-way.
    std::fs::write(folder.path().join("mounted.json.new"), "").expect("written");
    assert!(refused(keys.add([])).contains("somebody else"));
}
