//! The draw of a lobby as anybody can check it: `frontrow draw verify` on documents that hold and on all that do not, and on
//! what a real server has drawn.

use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use frontrow_domain::EntryId;
use frontrow_domain::queue::draw::{METHOD, Seed, order};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::cli::run_with_input;
use crate::client::{Person, http, on_sale};
use crate::sale::audit;
use crate::server::{Server, frontrow};

/// Fans in the lobby of a real server.
const FANS: usize = 40;

fn entry(number: u64) -> EntryId {
    EntryId::new(Uuid::from_u64_pair(0x0190_0000_0000_7000, 0x8000_0000_0000_0000 | number))
}

/// A draw of so many, as it is published.
fn drawn(count: u64) -> Value {
    let entries: Vec<EntryId> = (0..count).map(entry).collect();
    let seed = Seed::new([7; 32]);
    let listed: Vec<_> =
        order(&seed, &entries).into_iter().map(|position| entries[position as usize].to_string()).collect();
    json!({"method": METHOD, "commitment": seed.commitment().to_hex(), "seed": seed.to_hex(),
        "entryCount": count, "entries": listed})
}

/// Runs `frontrow draw verify` on a document that comes by standard input.
fn verify(document: &str, arguments: &[&str]) -> Output {
    run_with_input(Path::new("nowhere"), &[&["draw", "verify", "-"], arguments].concat(), document)
}

fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_draw_that_holds_is_said_to_hold_with_what_is_to_be_compared() {
    let document = drawn(1_000);
    let commitment = document["commitment"].as_str().expect("text");
    let plain = verify(&document.to_string(), &[]);
    assert_eq!(plain.status.code(), Some(0), "{}", err(&plain));
    let text = out(&plain);
    assert!(text.starts_with("the draw holds: the seed gives all 1000 places"), "{text}");
    assert!(text.contains(&format!("commitment  {commitment}\n")) && text.contains("--commitment"), "{text}");

    let (first, last) = (&document["entries"][0], &document["entries"][999]);
    for (entry, place) in [(first, "place 1 of 1000"), (last, "place 1000 of 1000")] {
        let entry = entry.as_str().expect("text");
        let noted = commitment.to_uppercase();
        let told = verify(&document.to_string(), &["--commitment", &noted, "--entry", entry]);
        assert_eq!(told.status.code(), Some(0), "{}", out(&told));
        assert!(out(&told).contains(&format!("{entry} has {place}")), "{}", out(&told));
        assert!(out(&told).contains("the one that was noted before the draw"), "{}", out(&told));
    }
    // Of nobody, and by the name of a file.
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("draw.json");
    let mut of_nobody = drawn(0);
    of_nobody["later"] = json!({"members": "are passed over"});
    std::fs::write(&path, of_nobody.to_string()).expect("a file");
    let mut command = frontrow(folder.path());
    let told = command.args(["draw", "verify"]).arg(&path).output().expect("the binary runs");
    assert!(told.status.success() && out(&told).contains("all 0 places"), "{}", err(&told));
}

#[test]
fn the_first_thing_that_does_not_hold_is_named() {
    let whole = drawn(9);
    let entries = || whole["entries"].as_array().expect("a list").clone();
    let with = |member: &str, value: Value| {
        let mut changed = whole.clone();
        changed[member] = value;
        changed
    };
    let listed = |entries: Vec<Value>| {
        let mut changed = with("entryCount", json!(entries.len()));
        changed["entries"] = Value::from(entries);
        changed
    };
    let mut swapped = entries();
    swapped.swap(3, 7);
    let mut fewer = entries();
    fewer.remove(4);
    let mut more = entries();
    more.push(json!(entry(99).to_string()));
    let mut other = entries();
    other[5] = json!(entry(99).to_string());
    let mut twice = entries();
    twice[8] = twice[0].clone();
    let other_seed = Seed::new([8; 32]);
    let mut forged = with("seed", json!(other_seed.to_hex()));
    forged["commitment"] = json!(other_seed.commitment().to_hex());
    for (document, said) in [
        (with("method", json!("by-hand-1")), "method by-hand-1, and this program knows"),
        (with("commitment", json!("ab")), "its commitment is none"),
        (with("seed", json!("zz")), "its seed is none"),
        (with("entryCount", json!(10)), "says that 10 were drawn, and lists 9"),
        (with("seed", json!(other_seed.to_hex())), "not the one that was committed to"),
        (with("commitment", json!("0".repeat(64))), "not the one that was committed to"),
        (listed(swapped), "place 4 has entry"),
        (listed(fewer), "and the seed gives it to"),
        (listed(more), "and the seed gives it to"),
        (listed(other), "and the seed gives it to"),
        (listed(twice), "is there twice"),
        (forged, "and the seed gives it to"),
    ] {
        let told = verify(&document.to_string(), &[]);
        assert_eq!(told.status.code(), Some(1), "{said}: {}{}", out(&told), err(&told));
        let text = out(&told);
        assert!(text.starts_with("the draw does not hold: ") && text.contains(said), "{said}: {text}");
    }
    // A list that was made up as a whole holds by itself: what was noted before tells.
    let noted = other_seed.commitment().to_hex();
    let told = verify(&whole.to_string(), &["--commitment", &noted]);
    assert_eq!(told.status.code(), Some(1));
    assert!(out(&told).contains("another than the one that was noted before"), "{}", out(&told));
    let stranger = entry(99).to_string();
    let told = verify(&whole.to_string(), &["--entry", &stranger]);
    assert_eq!(told.status.code(), Some(1));
    assert!(out(&told).contains(&format!("{stranger} is not in it")), "{}", out(&told));
}

#[test]
fn what_is_no_draw_is_told_apart_from_one_that_does_not_hold() {
    for (document, said) in [
        ("", "is not a published draw"),
        ("[1]", "is not a published draw"),
        (r#"{"code": "draw_not_done"}"#, "missing field `method`"),
        (r#"{"method": 1}"#, "invalid type"),
    ] {
        let told = verify(document, &[]);
        assert_eq!(told.status.code(), Some(2), "{document}: {}", out(&told));
        assert!(err(&told).contains(said), "{document}: {}", err(&told));
    }
    let mut cut = drawn(100).to_string();
    cut.truncate(2_000);
    assert_eq!(verify(&cut, &[]).status.code(), Some(2), "an answer that broke off");
    for (name, value) in [("--commitment", "12"), ("--entry", "me")] {
        let told = verify(&drawn(1).to_string(), &[name, value]);
        assert_eq!(told.status.code(), Some(2));
        assert!(err(&told).contains(name), "{}", err(&told));
    }
    let folder = tempfile::tempdir().expect("folder");
    let mut command = frontrow(folder.path());
    let missing = command.args(["draw", "verify", "/nowhere/draw.json"]).output().expect("the binary runs");
    assert_eq!(missing.status.code(), Some(2));
    assert!(err(&missing).contains("cannot read /nowhere/draw.json"), "{}", err(&missing));
    let help = frontrow(folder.path()).args(["draw", "verify", "--help"]).output().expect("the binary runs");
    for word in ["queue/draw", "--commitment", "--entry", "Exits with 0"] {
        assert!(out(&help).contains(word), "{word} is missing in:\n{}", out(&help));
    }
}

/// Whether a draw holds by the program in the guide for integrators, which has nothing of ours.
fn by_the_handbook(folder: &Path, draw: &str) -> bool {
    let guide = include_str!("../../../../docs/api.md");
    let mut programs = guide.split("```python\n").skip(1).filter_map(|rest| rest.split("```").next());
    let program = programs.find(|program| program.contains(METHOD)).expect("a program in the guide");
    std::fs::write(folder.join("draw.json"), draw).expect("a file");
    let mut python = Command::new("python3");
    python.args(["-c", program]).current_dir(folder).output().expect("python3 runs").status.success()
}

/// Asks until the answer has this status.
async fn wait_for(person: &Person, path: &str, status: u16) -> Value {
    let wait = async {
        loop {
            let answer = person.get(path).await;
            if answer.status == status {
                return answer.body;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), wait).await.expect("it comes within half a minute")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lobby_is_drawn_when_its_sale_opens_and_anybody_can_check_it() {
    let folder = tempfile::tempdir().expect("folder");
    let server = Server::start(folder.path(), &[]);
    let client = http();
    let operator = Person::new(&server, &client, "operator", "operator");
    let patch = async |path: &str, body: Value| {
        operator.try_ask(Method::PATCH, path, None, Some(body)).await.expect("an answer").expect(200)
    };
    let (concert, schedule) = on_sale(&operator, 50, 1_000, 300).await;
    let opening = |time: &str| json!({"bookingStart": time});
    let schedule = format!("/admin/schedules/{schedule}");
    patch(&schedule, opening("2090-01-01T00:00:00Z")).await;
    let room = json!({"enabled": true, "maxActive": 5, "lobbyOpensAt": "2020-01-01T00:00:00Z"});
    patch(&format!("/admin/concerts/{concert}"), json!({ "waitingRoom": room })).await;
    let line = format!("/concerts/{concert}/queue");
    let is_open = async {
        while operator.get(&line).await.expect(200)["state"] != "lobby" {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), is_open).await.expect("the lobby opens");
    let mut fans = Vec::new();
    for number in 0..FANS {
        let mut fan = Person::new(&server, &client, &format!("fan {number}"), "fan");
        let place = fan.join(concert).await.expect("an answer").expect(201);
        assert_eq!((&place["state"], &place["sequence"]), (&json!("lobby"), &Value::Null));
        fans.push((fan, place["entryId"].as_str().expect("text").to_owned()));
    }
    let noted =
        operator.get(&line).await.expect(200)["draw"]["commitment"].as_str().expect("text").to_owned();
    assert_eq!(operator.get(&format!("{line}/draw")).await.code(), "draw_not_done");

    patch(&schedule, opening("2020-01-01T00:00:00Z")).await;
    let drawn = wait_for(&operator, &format!("{line}/draw"), 200).await;
    let text = drawn.to_string();
    let listed = drawn["entries"].as_array().expect("a list");
    assert_eq!((listed.len(), &drawn["entryCount"]), (FANS, &json!(FANS)));
    for (place, entry) in (1_usize..).zip(listed) {
        let (fan, entry) = fans.iter().find(|(_, own)| entry == own).expect("somebody of the lobby");
        let status = fan.place().await;
        assert_eq!((&status["entryId"], &status["sequence"]), (&json!(entry), &json!(place)), "{status}");
        let told = verify(&text, &["--commitment", &noted, "--entry", entry]);
        assert_eq!(told.status.code(), Some(0), "{}", out(&told));
        assert!(out(&told).contains(&format!("{entry} has place {place} of {FANS}")), "{}", out(&told));
    }
    let arrived: Vec<_> = fans.iter().map(|(_, entry)| json!(entry)).collect();
    assert_ne!(drawn["entries"], Value::from(arrived), "by chance once in 8e47");
    assert!(by_the_handbook(folder.path(), &text), "anybody can do it without us");
    let swapped =
        text.replacen(&fans[0].1, "?", 1).replacen(&fans[1].1, &fans[0].1, 1).replacen('?', &fans[1].1, 1);
    assert!(!by_the_handbook(folder.path(), &swapped), "two places were changed");
    audit(folder.path());
    server.kill();
    let server = Server::start(folder.path(), &[]);
    let again = wait_for(&operator.at(&server), &format!("{line}/draw"), 200).await;
    assert_eq!(again, drawn, "published for good");
}
