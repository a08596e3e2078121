//! Backups made beside a server that sells, and put back.

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::client::{Person, http, on_sale, on_sale_in_line};
use crate::crowd::{Crowd, PRICE};
use crate::keys::Fan;
use crate::metrics::shows;
use crate::sale::audit;
use crate::scrape::Scrape;
use crate::server::{Server, frontrow};

fn backup(data: &Path, to: &Path) -> Command {
    let mut command = frontrow(data);
    command.arg("backup").arg("--to").arg(to);
    command
}

fn restore(from: &Path, data: &Path) -> Output {
    frontrow(data).arg("restore").arg("--from").arg(from).output().expect("the binary runs")
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// The ids of reservations whose payment is in the log of a stopped server.
fn paid_in_log(data: &Path) -> Vec<String> {
    let tail = ["events", "tail", "--all", "--no-follow", "--type", "frontrow.payment.completed.v1"];
    let output = frontrow(data).args(tail).output().expect("the binary runs");
    let text = String::from_utf8(output.stdout).expect("text");
    let events = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("an event"));
    events.map(|event| event["data"]["reservationId"].as_str().expect("an id").to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_made_while_selling_has_everything_that_was_answered_before_it() {
    let (data, place) = (tempfile::tempdir().expect("folder"), tempfile::tempdir().expect("folder"));
    let to = place.path().join("tonight");
    let server = Server::start(data.path(), &[]);
    let client = http();
    let operator = Person::new(&server, &client, "operator", "operator");
    let account = Fan::of(&server).await;
    let sale = on_sale(&operator, 50_000, PRICE, 3_600).await;
    let room = json!({"enabled": true, "maxActive": 1, "admitPerSecond": 1});
    let line = on_sale_in_line(&operator, "Line", 5, room).await;
    let mut waiting = Vec::new();
    for number in 0..5 {
        let mut fan = Person::new(&server, &client, &format!("waiting {number}"), "fan");
        let place = fan.join(line.0).await.expect("an answer").expect(201);
        waiting.push((fan, place));
    }
    let crowd = Crowd::begin(&server, &client, sale.1, 16);
    crowd.goes_on(300).await;
    let before = crowd.told();
    let made = backup(data.path(), &to).output().expect("the binary runs");
    assert!(made.status.success(), "{}", said(&made));
    crowd.goes_on(100).await;
    let after = crowd.end().await;
    assert!(before.len() >= 50 && after.len() > before.len() + 20, "the sale went on");
    audit(data.path());
    // Only the owner may look into it: addresses, and the keys.
    let modes = Command::new("find").arg(&to).args(["-perm", "/077"]).output().expect("find runs");
    assert!(modes.stdout.is_empty(), "{}", said(&modes));

    let fresh = tempfile::tempdir().expect("folder");
    let restored = restore(&to, fresh.path());
    assert!(restored.status.success(), "{}", said(&restored));
    assert!(said(&restored).contains("clean"), "{}", said(&restored));
    let log = &paid_in_log(fresh.path());
    let figures = audit(fresh.path());
    assert_eq!(figures["reservations"]["confirmed"], log.len(), "one event for each, told once");
    // The server has forgotten what it knew, so this is what was on the disk; the old one still runs beside it.
    let again = Server::start(fresh.path(), &[]);
    let checked = before.iter().map(|(id, bought)| {
        let fan = Person::new(&again, &client, &bought.fan, "fan");
        async move {
            assert!(log.contains(id), "the payment of {id} is in the log");
            let found = fan.get(&format!("/reservations/{id}")).await.expect(200);
            assert_eq!(found["status"], "confirmed");
            assert_eq!(found["tickets"][0]["code"], bought.code, "signed by the same key");
        }
    });
    join_all(checked).await;
    for (fan, place) in waiting {
        let there = fan.at(&again).join(line.0).await.expect("an answer").expect(200);
        assert_eq!((&there["entryId"], &there["sequence"]), (&place["entryId"], &place["sequence"]));
    }
    assert_eq!(account.status(&again).await, 200, "logged in there as here");
    assert_eq!(server.stop().code(), Some(0));
    assert_eq!(again.stop().code(), Some(0));
    audit(fresh.path());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_shows_how_old_its_last_backup_is_and_that_there_is_none() {
    let (data, place) = (tempfile::tempdir().expect("folder"), tempfile::tempdir().expect("folder"));
    let server = Server::start(data.path(), &[]);
    let client = http();
    let made = |scraped: &Scrape| scraped.value("frontrow_backup_made", &[]);
    let none = shows(&client, &server, "that there is none", |scraped| made(scraped) == Some(0.0)).await;
    assert!(none.value("frontrow_backup_age_seconds", &[]).is_some(), "so long it has had none");
    // One that fails is none.
    let failed = backup(data.path(), data.path()).output().expect("runs");
    assert!(!failed.status.success(), "{}", said(&failed));
    assert!(!data.path().join("last-backup.json").exists());
    let (begun, to) = (Instant::now(), place.path().join("one"));
    assert!(backup(data.path(), &to).output().expect("runs").status.success());
    let there = shows(&client, &server, "that there is one", |scraped| made(scraped) == Some(1.0)).await;
    let age = there.value("frontrow_backup_age_seconds", &[]).expect("its age");
    assert!((0.0..=begun.elapsed().as_secs_f64() + 1.0).contains(&age), "{age}");
    // A restored store begins without one.
    let fresh = tempfile::tempdir().expect("folder");
    assert!(restore(&to, fresh.path()).status.success());
    assert!(!fresh.path().join("last-backup.json").exists());
}

/// A store that takes some time to be copied, and its server.
async fn long(data: &TempDir) -> Server {
    let server = Server::start(data.path(), &[]);
    let operator = Person::new(&server, &http(), "operator", "operator");
    on_sale(&operator, 100_000, PRICE, 300).await;
    server
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_was_killed_is_none() {
    let (data, place) = (tempfile::tempdir().expect("folder"), tempfile::tempdir().expect("folder"));
    let _server = long(&data).await;
    let (mut cut, mut whole) = (0, 0);
    for round in 0..40_u32 {
        let to = place.path().join(round.to_string());
        let mut running =
            backup(data.path(), &to).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("runs");
        // At once when it has begun, and later and later.
        let begun = Instant::now();
        let copy = to.join("line.sqlite");
        while !copy.exists() && begun.elapsed() < Duration::from_secs(20) {
            tokio::time::sleep(Duration::from_micros(200)).await;
        }
        tokio::time::sleep(Duration::from_millis(u64::from(round % 10) * 2)).await;
        running.kill().expect("SIGKILL");
        running.wait().expect("it ends");
        let fresh = tempfile::tempdir().expect("folder");
        let output = restore(&to, fresh.path());
        if to.join("backup.json").exists() {
            whole += 1;
            assert!(output.status.success(), "{}", said(&output));
        } else {
            cut += 1;
            assert_eq!(output.status.code(), Some(2), "{}", said(&output));
            assert!(
                said(&output).contains("is not a backup, or one that was not finished"),
                "{}",
                said(&output)
            );
            assert_eq!(std::fs::read_dir(fresh.path()).expect("folder").count(), 0, "nothing was touched");
            let again = backup(data.path(), &to).output().expect("runs");
            assert!(said(&again).contains("an unfinished backup"), "{}", said(&again));
        }
        if cut >= 3 && round >= 10 {
            break;
        }
    }
    assert!(cut >= 3, "the kills came too late: {cut} cut, {whole} whole");
}

/// Parts of a restore at which it is killed, and how many kills are tried until some have met its middle.
const ROUNDS: u32 = 20;
const ROUNDS_MAX: u32 = 100;

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_that_was_killed_is_done_again() {
    let (data, place) = (tempfile::tempdir().expect("folder"), tempfile::tempdir().expect("folder"));
    let _server = long(&data).await;
    let to = place.path().join("one");
    assert!(backup(data.path(), &to).output().expect("runs").status.success());
    // When to kill follows from how long one takes here, so that it meets every part of it on any machine.
    let begun = Instant::now();
    assert!(restore(&to, tempfile::tempdir().expect("folder").path()).status.success());
    let whole = begun.elapsed();
    let mut cut = 0;
    for round in 0..ROUNDS_MAX {
        if round >= ROUNDS && cut >= 3 {
            break;
        }
        let fresh = tempfile::tempdir().expect("folder");
        let mut running = frontrow(fresh.path());
        running.arg("restore").arg("--from").arg(&to).stdout(Stdio::null()).stderr(Stdio::null());
        let mut running = running.spawn().expect("runs");
        tokio::time::sleep(whole * (round % ROUNDS) / ROUNDS).await;
        running.kill().expect("SIGKILL");
        running.wait().expect("it ends");
        let is_unfinished = fresh.path().join("restore.unfinished").exists();
        if is_unfinished {
            cut += 1;
            let started = frontrow(fresh.path()).args(["serve", "--listen", "127.0.0.1:0"]).output();
            let started = started.expect("runs");
            assert!(said(&started).contains("run the same frontrow restore again"), "{}", said(&started));
        }
        // Killed while it audited it was done already, and is not done over what is there.
        let is_done = fresh.path().join("frontrow.sqlite").exists() && !is_unfinished;
        let again = restore(&to, fresh.path());
        assert_eq!(again.status.success(), !is_done, "{}", said(&again));
        let figures = audit(fresh.path());
        assert_eq!(figures["seats"], 100_000);
    }
    assert!(cut >= 3, "the kills came too early or too late: {cut} cut");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_what_was_backed_up_is_refused() {
    let (data, place) = (tempfile::tempdir().expect("folder"), tempfile::tempdir().expect("folder"));
    let server = Server::start(data.path(), &[]);
    on_sale(&Person::new(&server, &http(), "operator", "operator"), 50, PRICE, 300).await;
    let to = place.path().join("one");
    assert!(backup(data.path(), &to).output().expect("runs").status.success());
    let second = backup(data.path(), &to).output().expect("runs");
    assert!(said(&second).contains("there is a backup in it"), "{}", said(&second));
    let without = place.path().join("without");
    assert!(backup(data.path(), &without).arg("--without-keys").output().expect("runs").status.success());
    assert!(!without.join("keys.json").exists());

    let refused = |from: &Path, data: &Path, why: &str| {
        let output = restore(from, data);
        assert_eq!(output.status.code(), Some(2), "{}", said(&output));
        assert!(said(&output).contains(why), "{why}: {}", said(&output));
    };
    refused(&to, data.path(), "is not empty");
    server.stop();
    refused(&to, data.path(), "is not empty");
    let fresh = tempfile::tempdir().expect("folder");
    refused(place.path(), fresh.path(), "is not a backup");
    let list = std::fs::read_to_string(to.join("backup.json")).expect("a list");
    for (wrong, why) in [
        (list.replace("line.sqlite", "../line.sqlite"), "does not belong there"),
        (list.replace("frontrow.sqlite", "line.sqlite"), "does not belong there"),
        (list.replace("\"form\": 1", "\"form\": 2"), "use the newer frontrow"),
        (list[..list.len() / 2].to_owned(), "cannot be read"),
    ] {
        assert_ne!(wrong, list);
        std::fs::write(to.join("backup.json"), wrong).expect("written");
        refused(&to, fresh.path(), why);
    }
    std::fs::write(to.join("backup.json"), &list).expect("written");
    // One bit of one page.
    let mut bytes = std::fs::read(to.join("frontrow.sqlite")).expect("a file");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(to.join("frontrow.sqlite"), &bytes).expect("written");
    refused(&to, fresh.path(), "is not what was backed up");
    // What that has left is not taken for a store, and does not stand in the way of the right one.
    let started = frontrow(fresh.path()).args(["serve", "--listen", "127.0.0.1:0"]).output().expect("runs");
    assert!(said(&started).contains("run the same frontrow restore again"), "{}", said(&started));
    bytes[middle] ^= 1;
    std::fs::write(to.join("frontrow.sqlite"), &bytes).expect("written");
    let restored = restore(&to, fresh.path());
    assert!(restored.status.success(), "{}", said(&restored));
    audit(fresh.path());
    // Without keys it says what is missing.
    let other = tempfile::tempdir().expect("folder");
    let restored = restore(&without, other.path());
    assert!(restored.status.success() && said(&restored).contains("no keys"), "{}", said(&restored));
}

#[test]
fn a_store_that_is_not_made_of_files_is_backed_up_by_its_own_tools() {
    let folder = tempfile::tempdir().expect("folder");
    let shared = [
        ("FRONTROW__STORE__URL", "mysql://somebody@127.0.0.1:1/sale"),
        ("FRONTROW__WAITING_ROOM__URL", "redis://127.0.0.1:1"),
        ("FRONTROW__AUTH__KEYS_FILE", "/nowhere/keys.json"),
    ];
    let output = backup(folder.path(), &folder.path().join("to")).envs(shared).output().expect("runs");
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("docs/backup.md"), "{}", said(&output));
}
