//! What people see who run the binary: help, refusals, and what to do next.

use std::io::Write;
use std::path::Path;
use std::process::{Output, Stdio};

use crate::client::http;
use crate::server::{Server, frontrow};

fn run(folder: &Path, arguments: &[&str]) -> Output {
    frontrow(folder).args(arguments).stdin(Stdio::null()).output().expect("the binary runs")
}

/// Runs the binary with this on its standard input.
pub(crate) fn run_with_input(folder: &Path, arguments: &[&str], input: &str) -> Output {
    let mut child = frontrow(folder)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    // It may refuse before it reads.
    let _ = child.stdin.take().expect("input").write_all(input.as_bytes());
    child.wait_with_output().expect("it ends")
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn a_second_server_and_a_second_writer_are_refused_and_told_why() {
    let folder = tempfile::tempdir().expect("folder");
    let server = Server::start(folder.path(), &[]);
    let second = run(folder.path(), &["serve", "--listen", "127.0.0.1:0"]);
    assert_eq!(second.status.code(), Some(2));
    let text = said(&second);
    assert!(text.contains("in use by another frontrow process"), "{text}");
    assert!(text.contains(&server.id().to_string()), "it names the process: {text}");

    let create = ["user", "create", "--email", "a@b.example", "--role", "operator"];
    let writer = run_with_input(folder.path(), &create, "a long password\n");
    assert_eq!(writer.status.code(), Some(2));
    let text = said(&writer);
    assert!(text.contains(&format!("http://{}/api/v1/auth/signup", server.address)), "{text}");

    let audit = run(folder.path(), &["audit"]);
    assert!(audit.status.success(), "a reader may read beside it: {}", said(&audit));
    assert!(said(&audit).contains("clean"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_made_by_hand_can_log_in() {
    let folder = tempfile::tempdir().expect("folder");
    let create = ["user", "create", "--email", "Op@Box.Example", "--role", "operator"];
    let made = run_with_input(folder.path(), &create, "a long password\n");
    assert!(made.status.success(), "{}", said(&made));
    let again = run_with_input(folder.path(), &create, "a long password\n");
    assert!(said(&again).contains("has an account already"), "{}", said(&again));
    let short = run_with_input(
        folder.path(),
        &["user", "create", "--email", "b@c.example", "--role", "fan"],
        "short\n",
    );
    assert!(said(&short).contains("at least 10 characters"), "{}", said(&short));
    let none = run(folder.path(), &["user", "create", "--email", "b@c.example", "--role", "fan"]);
    assert!(said(&none).contains("standard input"), "{}", said(&none));

    let server = Server::start(folder.path(), &[]);
    let login = serde_json::json!({"email": "op@box.example", "password": "a long password"});
    let answer = http().post(server.url("/auth/login")).json(&login).send().await.expect("an answer");
    assert_eq!(answer.status(), 200);
    let tokens: serde_json::Value = answer.json().await.expect("json");
    let bearer = tokens["accessToken"].as_str().expect("a token");
    let me = http().get(server.url("/users/me")).bearer_auth(bearer).send().await.expect("an answer");
    let me: serde_json::Value = me.json().await.expect("json");
    assert_eq!(me["role"], "operator");
}

#[test]
fn settings_are_checked_all_at_once_and_printed_without_secrets() {
    let folder = tempfile::tempdir().expect("folder");
    let bad =
        run(folder.path(), &["config", "check", "--set", "http.lisen=x", "--set", "wallet.charge_min=0"]);
    assert_eq!(bad.status.code(), Some(2));
    let text = said(&bad);
    assert!(text.contains("did you mean http.listen?"), "{text}");
    assert!(text.contains("wallet.charge_min"), "{text}");

    let print = run(folder.path(), &["config", "print"]);
    assert!(print.status.success());
    let text = said(&print);
    assert!(text.contains("shared_secret = \"[redacted]\""), "{text}");
    assert!(!text.contains("a shared secret of the tests"), "{text}");
}

#[test]
fn folders_that_hold_something_else_are_refused_untouched() {
    let folder = tempfile::tempdir().expect("folder");
    let nothing = run(folder.path(), &["audit"]);
    assert_eq!(nothing.status.code(), Some(2));
    assert!(said(&nothing).contains("there is no Frontrow store"), "{}", said(&nothing));

    let file = folder.path().join("frontrow.sqlite");
    let foreign = "this is not a database, but somebody wants to keep it".repeat(100);
    std::fs::write(&file, &foreign).expect("a file");
    let refused = run(folder.path(), &["serve", "--listen", "127.0.0.1:0"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(said(&refused).contains("is not a Frontrow store"), "{}", said(&refused));
    assert_eq!(std::fs::read_to_string(&file).expect("the file"), foreign);
}

#[test]
fn the_help_says_what_to_do_next() {
    let folder = tempfile::tempdir().expect("folder");
    let help = said(&run(folder.path(), &["--help"]));
    for word in ["serve", "audit", "user", "draw", "config", "openapi", "frontrow serve --demo"] {
        assert!(help.contains(word), "{word} is missing in:\n{help}");
    }
    let unknown = run(folder.path(), &["sell"]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(said(&unknown).contains("--help"), "{}", said(&unknown));
    let version = said(&run(folder.path(), &["--version"]));
    assert!(version.starts_with("frontrow "), "{version}");
    let document: serde_json::Value =
        serde_json::from_slice(&run(folder.path(), &["openapi"]).stdout).expect("JSON");
    assert!(document["paths"]["/api/v1/reservations"]["post"].is_object());
}
