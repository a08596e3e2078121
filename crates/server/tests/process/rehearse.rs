//! A night is rehearsed with the binary, as a promoter would: small, but whole.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Output, Stdio};

use serde_json::{Value, json};

use crate::client::{Person, http, on_sale_titled};
use crate::server::{Server, frontrow};

/// A night that takes seconds: fans come at once and hardly think.
pub(crate) const QUICK: [&str; 6] = ["--over", "2", "--thinking", "0.02", "--hold-seconds", "2"];

pub(crate) fn rehearse(folder: &Path, arguments: &[&str]) -> Output {
    frontrow(folder)
        .arg("rehearse")
        .args(arguments)
        // Where its own folder is made, so that what is left behind is seen.
        .env("TMPDIR", folder)
        .stdin(Stdio::null())
        .output()
        .expect("the binary runs")
}

pub(crate) fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

pub(crate) fn read(file: &Path) -> Value {
    serde_json::from_str(&std::fs::read_to_string(file).expect("the report")).expect("JSON")
}

/// The sum of a member over a list.
pub(crate) fn sum(list: &Value, of: impl Fn(&Value) -> Option<u64>) -> u64 {
    list.as_array().expect("a list").iter().filter_map(of).sum()
}

#[test]
fn a_rehearsed_night_adds_up_with_the_audit() {
    let folder = tempfile::tempdir().expect("folder");
    let (json, html) = (folder.path().join("report.json"), folder.path().join("report.html"));
    let mut arguments = vec!["--seats", "60", "--fans", "300"];
    arguments.extend(QUICK);
    let files = [json.to_str().expect("UTF-8"), html.to_str().expect("UTF-8")];
    arguments.extend(["--json", files[0], "--html", files[1]]);
    let targets = folder.path().join("targets.toml");
    // What a busy machine may miss is not what this is about.
    let no_times = "join_p99_ms = 60000\nask_p99_ms = 60000\nmap_p99_ms = 60000\nhold_p99_ms = 60000\npay_p99_ms = 60000\n";
    std::fs::write(&targets, format!("{no_times}sold_min_percent = 100\n")).expect("written");
    arguments.extend(["--targets", targets.to_str().expect("UTF-8")]);

    let output = rehearse(folder.path(), &arguments);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert!(said(&output).contains("300 fans came, and all 60 seats were sold within"), "{}", said(&output));

    let report = read(&json);
    let (outcome, audit) = (&report["outcome"], &report["audit"]);
    assert_eq!(audit["clean"], true);
    assert_eq!(outcome["sold"], 60);
    assert_eq!(audit["seatsByState"]["sold"], 60, "what fans heard and what the store has are the same");
    assert_eq!(audit["confirmed"], outcome["revenue"]);
    assert_eq!(outcome["soldTwice"], 0);
    assert_eq!(outcome["order"]["overtaken"], 0);
    assert_eq!(outcome["order"]["joinedOutOfOrder"], 0);
    // Every fan ends once; every refusal is one of the answers; who bought has paid.
    assert_eq!(sum(&outcome["ends"], |end| end[1].as_u64()), 300);
    let answers =
        |name: &str| sum(&outcome["steps"], |step| step["answers"].as_u64().filter(|_| step["step"] == name));
    let refused = |name: &str| {
        sum(&outcome["refusals"], |refusal| refusal["count"].as_u64().filter(|_| refusal["step"] == name))
    };
    let bought = sum(&outcome["ends"], |end| end[1].as_u64().filter(|_| end[0] == "bought tickets"));
    assert!((15..=60).contains(&bought), "{bought} have bought 60 seats, at most four each");
    assert_eq!(answers("pay") - refused("pay"), bought);
    assert!(refused("hold") > 0, "300 fans who want 60 seats meet each other");
    let held = answers("hold") - refused("hold");
    assert!(held >= bought, "who pays has held before");
    let last = outcome["samples"].as_array().expect("samples").last().expect("a sample");
    assert_eq!((&last["arrived"], &last["sold"], &last["waiting"]), (&json!(300), &json!(60), &json!(0)));

    let page = std::fs::read_to_string(&html).expect("the page");
    assert!(page.contains("all 60 seats were sold"));
    for outside in ["http:", "https:", "src=", "href=", "url(", "@import", "<script"] {
        assert!(!page.contains(outside), "the page asks for {outside}");
    }
    let mut left: Vec<_> = std::fs::read_dir(folder.path())
        .expect("folder")
        .map(|entry| entry.expect("entry").file_name())
        .collect();
    left.sort();
    assert_eq!(left, ["report.html", "report.json", "targets.toml"], "the store of the rehearsal is gone");
}

#[test]
fn fans_on_streams_and_fans_who_ask_are_told_apart() {
    let folder = tempfile::tempdir().expect("folder");
    let json = folder.path().join("report.json");
    let mut arguments =
        vec!["--seats", "40", "--fans", "160", "--streaming", "50", "--admit-per-second", "40"];
    arguments.extend(["--max-active", "20", "--json", json.to_str().expect("UTF-8")]);
    arguments.extend(QUICK);
    let output = rehearse(folder.path(), &arguments);
    let outcome = &read(&json)["outcome"];
    let streams = &outcome["streams"];
    let followers = streams["fans"].as_u64().expect("a number");
    assert!((50..110).contains(&followers), "about half of 160, and not {followers}");
    assert!(streams["opened"].as_u64() > Some(20), "{streams}");
    assert!(streams["events"].as_u64() >= streams["opened"].as_u64(), "each says first how it is: {streams}");
    assert_eq!(streams["endedEarly"], 0, "{streams}");
    let hearings = outcome["hearings"].as_array().expect("a list");
    let how: Vec<_> = hearings.iter().map(|hearing| hearing["how"].as_str().expect("words")).collect();
    assert_eq!(how, ["on a stream", "by asking"], "{}", said(&output));
    for hearing in hearings {
        // Everybody is in one bar, and the last one heard last.
        let in_bars = sum(&hearing["withinSeconds"], |bar| bar[1].as_u64());
        assert_eq!(Some(in_bars), hearing["fans"].as_u64(), "{hearing}");
        assert!(hearing["p50Ms"].as_f64() <= hearing["maxMs"].as_f64(), "{hearing}");
    }
    assert_eq!(outcome["sold"], 40);
    assert_eq!(outcome["order"]["overtaken"], 0);
}

#[test]
fn what_cannot_be_reached_is_said_and_seen_in_the_exit_code() {
    let folder = tempfile::tempdir().expect("folder");
    let targets = folder.path().join("targets.toml");
    std::fs::write(&targets, "ask_p99_ms = 0\nsold_out_within_seconds = 0.001\n").expect("written");
    let mut arguments = vec!["--seats", "20", "--fans", "40", "--targets", targets.to_str().expect("UTF-8")];
    arguments.extend(QUICK);
    let output = rehearse(folder.path(), &arguments);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    let said = said(&output);
    let missed = said.lines().find(|line| line.starts_with("NOT MET: ")).expect("it says what was missed");
    assert!(missed.contains("ask, 99 % within") && missed.contains("sold out within"), "{missed}");
    assert!(said.contains("the audit of the store found no difference"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_concert_of_a_running_server_is_copied_and_left_alone() {
    let folder = tempfile::tempdir().expect("folder");
    let server = Server::start(folder.path(), &[]);
    let client = http();
    let operator = Person::new(&server, &client, "operator", "operator");
    let (concert, schedule) = on_sale_titled(&operator, "The night itself", 30, 7_000, 300).await;
    let before = operator.get(&format!("/concerts/{concert}/schedules")).await.expect(200);

    let (scratch, report) = (tempfile::tempdir().expect("folder"), folder.path().join("report.json"));
    let mut arguments = vec!["rehearse", "--fans", "60", "--json", report.to_str().expect("UTF-8")];
    let id = concert.to_string();
    arguments.extend(["--concert", id.as_str()]);
    arguments.extend(QUICK);
    let output = frontrow(folder.path())
        .args(arguments)
        .env("TMPDIR", scratch.path())
        .stdin(Stdio::null())
        .output()
        .expect("it runs");
    assert!(matches!(output.status.code(), Some(0 | 1)), "{}", said(&output));
    let report = read(&report);
    assert_eq!(report["settings"]["title"], "The night itself");
    assert_eq!(report["audit"]["clean"], true);
    assert_eq!(report["outcome"]["sold"], 30);
    assert_eq!(report["outcome"]["revenue"], 30 * 7_000, "at its own prices");
    assert_eq!(report["outcome"]["order"]["inLine"], 0, "it has no waiting room");

    let after = operator.get(&format!("/concerts/{concert}/schedules")).await.expect(200);
    assert_eq!(before, after, "not a seat of the sale itself was touched");
    let map = operator.get(&format!("/concerts/{concert}/schedules/{schedule}/states")).await.expect(200);
    assert_eq!(map["states"].as_str().expect("letters"), "a".repeat(30));
}

#[test]
fn an_interrupted_rehearsal_takes_everything_with_it() {
    let folder = tempfile::tempdir().expect("folder");
    let mut child = frontrow(folder.path())
        .args(["rehearse", "--seats", "50", "--fans", "100", "--over", "600"])
        .env("TMPDIR", folder.path())
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    let mut lines = BufReader::new(child.stderr.take().expect("its errors")).lines();
    let opens = lines.find(|line| line.as_ref().is_ok_and(|line| line.contains("the sale opens")));
    assert!(opens.is_some(), "the sale opens");
    assert_ne!(
        std::fs::read_dir(folder.path()).expect("folder").count(),
        0,
        "there is something to leave behind"
    );
    let told = std::process::Command::new("kill").arg(child.id().to_string()).status().expect("kill runs");
    assert!(told.success());
    let rest: Vec<String> = lines.map_while(Result::ok).collect();
    assert_eq!(child.wait().expect("it ends").code(), Some(2), "{rest:?}");
    assert!(rest.iter().any(|line| line.contains("interrupted")), "{rest:?}");
    assert_eq!(std::fs::read_dir(folder.path()).expect("folder").count(), 0, "nothing is left behind");
}

#[test]
fn bad_input_is_refused_before_anything_is_started() {
    let folder = tempfile::tempdir().expect("folder");
    let path = |name: &str| folder.path().join(name).to_str().expect("UTF-8").to_owned();
    let written = |name: &str, text: &str| {
        std::fs::write(folder.path().join(name), text).expect("written");
        path(name)
    };
    let targets = written("targets.toml", "ask_p95_ms = 3\n");
    let no_plan = written("plan.json", r#"{"name": "nothing to sit on"}"#);
    let wrong = r#"{"seatPlan": {"plain": {"seats": 0, "price": -1}}}"#;
    let wrong = written("wrong.json", wrong);
    let folder_there_is_not = path("nowhere/report.html");
    let missing = path("missing.json");
    for (arguments, says) in [
        (vec!["--targets", targets.as_str()], vec!["ask_p95_ms", "docs/rehearsal.md"]),
        (vec!["--plan", no_plan.as_str()], vec!["neither a concert", "plans/"]),
        (vec!["--plan", wrong.as_str()], vec!["repair this", "schedules[0].seatPlan"]),
        (vec!["--plan", missing.as_str()], vec!["cannot read", "missing.json"]),
        (vec!["--html", folder_there_is_not.as_str()], vec!["cannot write", "a folder that is there"]),
        (vec!["--concert", "7"], vec!["store"]),
        (vec!["--fans", "0"], vec!["--fans"]),
        (vec!["--thinking", "0"], vec!["--thinking", "0.001"]),
        (vec!["--seats", "5", "--concert", "7"], vec!["cannot be used with"]),
    ] {
        let output = rehearse(folder.path(), &arguments);
        let said = said(&output);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
        assert!(says.iter().all(|words| said.contains(words)), "{arguments:?}: {said}");
        assert!(!said.contains("accounts"), "nothing was started: {said}");
    }
}
