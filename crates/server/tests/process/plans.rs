//! Seat plans and concerts in files: checking them, importing them, and the ones that are shipped.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use flate2::read::GzDecoder;
use serde_json::{Value, json};

use crate::client::http;
use crate::server::{Server, frontrow};

#[path = "../../examples/make_plans/format.rs"]
mod format;
#[path = "../../examples/make_plans/halls.rs"]
mod halls;

fn shipped(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plans").join(name)
}

fn run(folder: &Path, arguments: &[&str], file: &Path) -> Output {
    let mut command = frontrow(folder);
    command.args(arguments).arg(file).stdin(Stdio::null()).output().expect("the binary runs")
}

fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Writes a document into a folder.
fn write(folder: &Path, name: &str, document: &Value) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, document.to_string()).expect("a file");
    path
}

fn document(plan: &Value) -> Value {
    json!({
        "concert": {"title": "T", "artist": "A", "description": ""},
        "schedules": [{"venue": "Hall", "startsAt": "2030-05-11T19:00:00+09:00", "durationMinutes": 120,
            "bookingStart": "2026-01-01T00:00:00Z", "bookingEnd": "2030-05-11T18:00:00+09:00", "seatPlan": plan}]
    })
}

#[test]
fn the_shipped_plans_are_what_their_generator_draws() {
    for (name, plan, is_packed) in halls::all() {
        let mut bytes = std::fs::read(shipped(name)).expect("a shipped plan");
        if is_packed {
            let mut unpacked = Vec::new();
            GzDecoder::new(&*bytes).read_to_end(&mut unpacked).expect("gzip");
            bytes = unpacked;
        }
        let mut drawn = serde_json::to_vec(&plan).expect("JSON");
        drawn.push(b'\n');
        // Millions of bytes are not worth printing.
        assert!(bytes == drawn, "{name}: cargo run -p frontrow-server --example make_plans");
    }
}

#[test]
fn every_shipped_plan_and_example_is_good() {
    let folder = tempfile::tempdir().expect("folder");
    for (name, seats) in [
        ("club-50.json", 50),
        ("theatre-1300.json", 1_300),
        ("arena-15000.json.gz", 15_000),
        ("stadium-100000.json.gz", 100_000),
    ] {
        let checked = run(folder.path(), &["plan", "check"], &shipped(name));
        assert!(checked.status.success(), "{name}: {}", err(&checked));
        let text = out(&checked);
        assert!(text.contains(&format!("seats             {seats}\n")), "{text}");
        assert!(text.contains("best seats        next to the stage"), "{text}");
        assert!(!text.contains("note:"), "{text}");
    }
    for name in ["example-club.json", "example-theatre.json", "example-arena.json", "example-stadium.json"] {
        let imported = run(folder.path(), &["concert", "import"], &shipped(name));
        assert!(imported.status.success(), "{name}: {}", err(&imported));
    }
    let audit = frontrow(folder.path()).arg("audit").output().expect("the binary runs");
    assert!(out(&audit).contains("seats          117650"), "{}", out(&audit));
    assert!(out(&audit).contains("clean"), "{}", out(&audit));
}

#[test]
fn a_bad_plan_is_told_every_path() {
    let folder = tempfile::tempdir().expect("folder");
    let mut plan = serde_json::to_value(halls::theatre()).expect("JSON");
    plan["zones"][2]["rows"][4]["seats"][3]["category"] = json!("gold");
    plan["zones"][1]["rows"][0]["seats"][1]["seat_guid"] = json!("stalls-A-1");
    plan["zones"][1]["rows"][0]["seats"][2]["position"] = json!(7);
    let bare = run(folder.path(), &["plan", "check"], &write(folder.path(), "bare.json", &plan));
    assert_eq!(bare.status.code(), Some(2));
    for line in [
        "  zones[2].rows[4].seats[3].category must be the name of a category of the plan\n",
        "  zones[1].rows[0].seats[1].seat_guid is the one of zones[1].rows[0].seats[0] already\n",
        "  zones[1].rows[0].seats[2].position must be an object with x and y\n",
    ] {
        assert!(err(&bare).contains(line), "{line} is missing in {}", err(&bare));
    }

    let whole = document(&json!({"pretix": {"planFile": "bare.json", "prices": {"VIP": 1, "R": 1}}}));
    let imported = run(folder.path(), &["concert", "import"], &write(folder.path(), "whole.json", &whole));
    assert_eq!(imported.status.code(), Some(2));
    let text = err(&imported);
    assert!(text.contains("nothing was imported"), "{text}");
    assert!(
        text.contains("\n  schedules[0].seatPlan.pretix.plan.zones[2].rows[4].seats[3].category "),
        "{text}"
    );
    assert!(text.contains("\n  schedules[0].seatPlan.pretix.prices.S must be given"), "{text}");
    assert!(!folder.path().join("frontrow.sqlite").exists(), "nothing was written");
}

#[test]
fn files_that_hold_something_else_are_refused_with_a_reason() {
    let folder = tempfile::tempdir().expect("folder");
    let check = |name: &str, document: &Value| {
        let checked = run(folder.path(), &["plan", "check"], &write(folder.path(), name, document));
        assert_eq!(checked.status.code(), Some(2), "{name}: {}", out(&checked));
        err(&checked)
    };
    assert!(check("list.json", &json!([])).contains("is not a JSON object"));
    assert!(check("else.json", &json!({"a": 1})).contains("neither a seatPlan nor the zones"));
    assert!(check("concert.json", &document(&json!({}))).contains("frontrow concert import"));
    assert!(
        check("plan.json", &json!({"seatPlan": {"plain": {"seats": 0, "price": 1}}}))
            .contains("  seatPlan.plain.seats must be from 1 to 100000\n")
    );
    let missing = run(folder.path(), &["plan", "check"], Path::new("/nowhere/plan.json"));
    assert!(err(&missing).contains("cannot read /nowhere/plan.json"), "{}", err(&missing));
    let mut cut = std::fs::read(shipped("arena-15000.json.gz")).expect("a shipped plan");
    cut.truncate(1_000);
    std::fs::write(folder.path().join("cut.json.gz"), cut).expect("a file");
    let cut = run(folder.path(), &["plan", "check"], &folder.path().join("cut.json.gz"));
    assert_eq!(cut.status.code(), Some(2));

    let import = |name: &str, document: &Value| {
        let imported = run(folder.path(), &["concert", "import"], &write(folder.path(), name, document));
        assert_eq!(imported.status.code(), Some(2), "{name}: {}", out(&imported));
        err(&imported)
    };
    let named = document(&json!({"pretix": {"planFile": "nowhere.json", "prices": {}}}));
    let text = import("named.json", &named);
    assert!(
        text.contains("schedules[0].seatPlan.pretix.planFile names a file that cannot be read"),
        "{text}"
    );
    let mut bad = document(&json!({"plain": {"seats": 1, "price": 1}}));
    bad["concert"]["title"] = json!("");
    bad["schedules"][0]["venue"] = json!("");
    let text = import("members.json", &bad);
    assert!(text.contains("\n  concert.title ") && text.contains("\n  schedules[0].venue "), "{text}");
    bad["schedules"][0]["price"] = json!(1);
    assert!(import("unknown.json", &bad).contains("\n  schedules[0].price unknown field `price`"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_imported_concert_is_served() {
    let folder = tempfile::tempdir().expect("folder");
    let imported = run(folder.path(), &["concert", "import"], &shipped("example-theatre.json"));
    assert!(imported.status.success(), "{}", err(&imported));
    assert!(out(&imported).contains("made concert 1, An Evening at the Theatre\n  schedule 1: 1300 seats"));
    let mut hidden = document(&json!({"plain": {"seats": 2, "price": 1}}));
    hidden["concert"]["published"] = json!(false);
    let imported = run(folder.path(), &["concert", "import"], &write(folder.path(), "hidden.json", &hidden));
    assert!(out(&imported).contains("it is hidden from fans"), "{}", out(&imported));

    let server = Server::start(folder.path(), &[]);
    let get = async |path: &str| -> Value {
        let answer = http().get(server.url(path)).send().await.expect("an answer");
        answer.json().await.expect("JSON")
    };
    let concerts = get("/concerts").await;
    let titles: Vec<_> =
        concerts["items"].as_array().expect("a list").iter().map(|one| &one["title"]).collect();
    assert_eq!(titles, ["An Evening at the Theatre"]);
    let schedules = get("/concerts/1/schedules").await;
    assert_eq!(schedules["items"][1]["totalSeats"], 1_300);
    let plan = get("/concerts/1/schedules/1/plan?v=1").await;
    assert_eq!(plan["sections"][1]["rows"][11]["seats"][34]["label"], "Balcony M-35");

    let beside = run(folder.path(), &["concert", "import"], &shipped("example-club.json"));
    assert_eq!(beside.status.code(), Some(2));
    let text = err(&beside);
    assert!(text.contains(&format!("POST http://{}/api/v1/admin/concerts", server.address)), "{text}");
    let checked = run(folder.path(), &["plan", "check"], &shipped("club-50.json"));
    assert!(checked.status.success(), "checking needs no store: {}", err(&checked));
}
