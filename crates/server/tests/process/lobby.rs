//! A sale with a lobby (R-Q8) on real servers: whatever ends when, everybody gets the place that the seed gives them.

use std::collections::HashMap;
use std::time::Duration;

use futures_util::future::join_all;
use reqwest::Client;
use serde_json::{Value, json};

use crate::cli::run_with_input;
use crate::client::{Person, http};
use crate::cluster::{Cluster, until};
use crate::sale::audit;
use crate::server::Server;

/// Fans in a lobby.
const FANS: usize = 1_500;
/// How many of them join at once.
const AT_ONCE: usize = 100;
/// Milliseconds after the opening at which a server is killed, round by round: a draw takes a few dozen.
const KILLED_AFTER_MS: [u64; 4] = [2, 12, 25, 60];

/// A concert whose lobby is open and whose sale is far away; answers its number.
async fn with_a_lobby(operator: &Person, title: &str) -> u64 {
    let room =
        json!({"enabled": true, "maxActive": 5, "admitPerSecond": 5, "lobbyOpensAt": "2020-01-01T00:00:00Z"});
    let concert = json!({"title": title, "artist": "Band", "description": "", "waitingRoom": room});
    let made = operator.post("/admin/concerts", &format!("concert {title}"), concert).await.expect(201);
    let concert = made["concertId"].as_u64().expect("a number");
    sells(operator, concert, "2097-01-01T00:00:00Z").await;
    let path = format!("/concerts/{concert}/queue");
    until("the lobby opens", || async { operator.get(&path).await.body["state"] == "lobby" }).await;
    concert
}

/// Gives a concert a schedule that is sold from then on. The sale opens with the earliest.
async fn sells(operator: &Person, concert: u64, booking_start: &str) {
    let schedule = json!({
        "venue": "Hall", "startsAt": "2099-01-01T19:00:00+09:00", "durationMinutes": 120,
        "bookingStart": booking_start, "bookingEnd": "2098-01-01T00:00:00Z",
        "seatPlan": {"plain": {"seats": 100, "price": 1_000}},
    });
    let path = format!("/admin/concerts/{concert}/schedules");
    let key = format!("schedule {concert} {booking_start}");
    operator.post(&path, &key, schedule).await.expect(201);
}

/// These fans join the lobby; answers them with the names of their places.
async fn gather(fans: Vec<Person>, concert: u64) -> Vec<(Person, String)> {
    let mut gathered = Vec::new();
    let mut fans = fans.into_iter().peekable();
    while fans.peek().is_some() {
        let some = fans.by_ref().take(AT_ONCE).map(|mut fan| async move {
            let place = fan.join(concert).await.expect("an answer").expect(201);
            assert_eq!(
                (&place["state"], &place["sequence"], &place["ahead"]),
                (&json!("lobby"), &json!(null), &json!(null))
            );
            let entry = place["entryId"].as_str().expect("an id").to_owned();
            (fan, entry)
        });
        gathered.extend(join_all(some).await);
    }
    gathered
}

/// What is published of the draw, once it is done.
async fn published(anybody: &Person, concert: u64) -> Value {
    let path = format!("/concerts/{concert}/queue/draw");
    until("the draw is done", || async { anybody.get(&path).await.status == 200 }).await;
    anybody.get(&path).await.expect(200)
}

/// `frontrow draw verify` on what was published: whether it holds, and what was said.
fn verify(folder: &std::path::Path, draw: &Value, more: &[&str]) -> (bool, String) {
    let output = run_with_input(folder, &[&["draw", "verify", "-"], more].concat(), &draw.to_string());
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}

/// Everybody has the place that was published, by what their token shows them: the numbers follow the order.
async fn everybody_is_where_the_list_says(fans: &[(Person, String)], draw: &Value) {
    let entries: Vec<&str> =
        draw["entries"].as_array().expect("a list").iter().filter_map(Value::as_str).collect();
    assert_eq!((entries.len(), &draw["entryCount"]), (fans.len(), &json!(fans.len())));
    let mut numbers = HashMap::new();
    for some in fans.chunks(AT_ONCE) {
        for place in join_all(some.iter().map(|(fan, _)| fan.place())).await {
            let entry = place["entryId"].as_str().expect("an id").to_owned();
            assert!(place["state"] != "lobby", "{place}");
            numbers.insert(entry, place["sequence"].as_u64().expect("a number in the line"));
        }
    }
    assert!(
        fans.iter().all(|(_, entry)| numbers.contains_key(entry)),
        "everybody has the place that they were given"
    );
    assert!(entries.is_sorted_by_key(|entry| numbers[*entry]));
}

fn fans(server: &Server, client: &Client, of: &str) -> Vec<Person> {
    (0..FANS).map(|number| Person::new(server, client, &format!("{of} {number}"), "fan")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_it_draws_a_server_comes_to_the_order_that_was_committed_to() {
    let folder = tempfile::tempdir().expect("folder");
    let client = http();
    let mut server = Server::start(folder.path(), &[]);
    let (mut unfinished, mut rounds) = (0, 0);
    for killed_after in KILLED_AFTER_MS {
        let title = format!("Night {killed_after}");
        let operator = Person::new(&server, &client, "operator", "operator");
        let concert = with_a_lobby(&operator, &title).await;
        let gathered = gather(fans(&server, &client, &title), concert).await;
        let promised = operator.get(&format!("/concerts/{concert}/queue")).await.expect(200)["draw"].clone();
        assert!(promised["commitment"].is_string() && promised.get("seed").is_none(), "{promised}");
        sells(&operator, concert, "2020-01-01T00:00:00Z").await;
        tokio::time::sleep(Duration::from_millis(killed_after)).await;
        unfinished +=
            usize::from(operator.get(&format!("/concerts/{concert}/queue/draw")).await.status == 409);
        rounds += 1;
        server.kill();
        server = Server::start(folder.path(), &[]);
        let gathered: Vec<_> = gathered.into_iter().map(|(fan, entry)| (fan.at(&server), entry)).collect();
        let operator = operator.at(&server);
        let draw = published(&operator, concert).await;
        assert_eq!(draw["commitment"], promised["commitment"]);
        everybody_is_where_the_list_says(&gathered, &draw).await;
        let noted = promised["commitment"].as_str().expect("hexadecimal digits");
        let (holds, said) = verify(folder.path(), &draw, &["--commitment", noted]);
        assert!(holds, "{said}");
        // Somebody was let in by the order and nobody else.
        until("the first are let in", || async { gathered_first(&gathered, &draw).await == "active" }).await;
    }
    assert!(unfinished > 0, "of {rounds} rounds none was killed before its draw was done");
    server.kill();
    audit(folder.path());
}

/// The state of whoever was drawn first.
async fn gathered_first(fans: &[(Person, String)], draw: &Value) -> String {
    let first = draw["entries"][0].as_str().expect("an id");
    let (fan, _) = fans.iter().find(|(_, entry)| entry == first).expect("one of the fans");
    fan.place().await["state"].as_str().expect("a word").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_meddles_with_a_published_draw_is_found_out() {
    let folder = tempfile::tempdir().expect("folder");
    let client = http();
    let server = Server::start(folder.path(), &[]);
    let operator = Person::new(&server, &client, "operator", "operator");
    let concert = with_a_lobby(&operator, "Night").await;
    let few = (0..20).map(|number| Person::new(&server, &client, &format!("fan {number}"), "fan")).collect();
    gather(few, concert).await;
    assert_eq!(operator.get(&format!("/concerts/{concert}/queue/draw")).await.code(), "draw_not_done");
    sells(&operator, concert, "2020-01-01T00:00:00Z").await;
    let honest = published(&operator, concert).await;
    assert!(verify(folder.path(), &honest, &[]).0);
    let last = honest["entries"][19].as_str().expect("an id");
    let (holds, said) = verify(folder.path(), &honest, &["--entry", last]);
    assert!(holds && said.contains("20"), "{said}");
    let meddled = |pointer: &str, with: Value| {
        let mut draw = honest.clone();
        *draw.pointer_mut(pointer).expect("a member") = with;
        draw
    };
    let swapped = {
        let mut draw = honest.clone();
        draw["entries"].as_array_mut().expect("a list").swap(3, 4);
        draw
    };
    let shorter = {
        let mut draw = honest.clone();
        draw["entries"].as_array_mut().expect("a list").pop();
        draw["entryCount"] = json!(19);
        draw
    };
    for (what, draw) in [
        ("two who changed places", swapped),
        ("somebody left out", shorter),
        ("somebody in another's place", meddled("/entries/7", json!("01900000-0000-7000-8000-000000000001"))),
        ("another seed", meddled("/seed", json!("00".repeat(32)))),
        ("another commitment", meddled("/commitment", json!("00".repeat(32)))),
        ("another count", meddled("/entryCount", json!(21))),
        ("another method", meddled("/method", json!("as-we-like-it"))),
    ] {
        let (holds, said) = verify(folder.path(), &draw, &[]);
        assert!(!holds, "{what}: {said}");
    }
    let (holds, said) = verify(folder.path(), &honest, &["--commitment", &"00".repeat(32)]);
    assert!(!holds, "another commitment than was noted: {said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_draw_one_lobby_once() {
    let cluster = Cluster::start(2).await;
    let operator = cluster.person(0, "operator", "operator");
    let concert = with_a_lobby(&operator, "Both").await;
    let path = format!("/concerts/{concert}/queue");
    for at in 0..2 {
        let somebody = cluster.person(at, "somebody", "fan");
        until("the lobby opens at both", || async { somebody.get(&path).await.body["state"] == "lobby" })
            .await;
    }
    let people = (0..300).map(|number| cluster.person(number % 2, &format!("fan {number}"), "fan")).collect();
    let gathered = gather(people, concert).await;
    sells(&operator, concert, "2020-01-01T00:00:00Z").await;
    let draw = published(&operator, concert).await;
    let other = cluster.person(1, "somebody", "fan");
    assert_eq!(published(&other, concert).await, draw);
    everybody_is_where_the_list_says(&gathered, &draw).await;
    let (holds, said) = verify(cluster.servers[0].1.path(), &draw, &[]);
    assert!(holds, "{said}");
    // Whoever comes now is behind all of them, at both.
    for at in 0..2 {
        let mut late = cluster.person(at, &format!("late {at}"), "fan");
        until("the sale is open at both", || async { late.get(&path).await.body["state"] == "open" }).await;
        let place = late.join(concert).await.expect("an answer").expect(201);
        assert!(place["sequence"].as_u64() > Some(300), "{place}");
    }
    cluster.audit();
}
