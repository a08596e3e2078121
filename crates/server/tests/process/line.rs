//! The line over HTTP: what was answered survives kill -9, and a sale can be followed live while it is steered.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use reqwest::Method;
use serde_json::{Value, json};

use crate::client::{Person, http, on_sale_in_line, states};
use crate::crash::reaches;
use crate::sale::audit;
use crate::server::Server;

/// How often the server is killed.
const ROUNDS: usize = 3;
/// How many fans join in a round, at once.
const FANS: usize = 300;
/// How many answers a round waits for before it kills.
const ANSWERS_A_ROUND: usize = 120;

#[tokio::test(flavor = "multi_thread")]
async fn bug_24_killed_in_the_middle_of_joins_every_answered_place_is_unchanged() {
    let folder = tempfile::tempdir().expect("folder");
    let client = http();
    let mut server = Server::start(folder.path(), &[]);
    let operator = Person::new(&server, &client, "operator", "operator");
    // Nobody is let in, so that every place stays where it is.
    let room = json!({"enabled": true, "maxActive": 0, "admitPerSecond": 100});
    let (concert, _) = on_sale_in_line(&operator, "Night", 50, room).await;
    let mut places: HashMap<String, (Value, Value)> = HashMap::new();
    let mut unanswered = 0;
    for round in 0..ROUNDS {
        let answers = Arc::new(AtomicUsize::new(0));
        let fans: Vec<_> = (0..FANS)
            .map(|number| {
                let name = format!("fan {round} {number}");
                let mut fan = Person::new(&server, &client, &name, "fan");
                let answers = Arc::clone(&answers);
                tokio::spawn(async move {
                    let answer = fan.join(concert).await.ok()?;
                    answers.fetch_add(1, Ordering::Relaxed);
                    let place = answer.expect(201);
                    Some((name, place["entryId"].clone(), place["sequence"].clone()))
                })
            })
            .collect();
        reaches(&answers, ANSWERS_A_ROUND).await;
        server.kill();
        for fan in fans {
            match fan.await.expect("a fan") {
                Some((name, entry, sequence)) => drop(places.insert(name, (entry, sequence))),
                None => unanswered += 1,
            }
        }
        server = Server::start(folder.path(), &[]);
        for (name, (entry, sequence)) in &places {
            let mut fan = Person::new(&server, &client, name, "fan");
            let again = fan.join(concert).await.expect("an answer").expect(200);
            assert_eq!((&again["entryId"], &again["sequence"]), (entry, sequence), "{name} after {round}");
        }
    }
    // In one round they may all have been answered before the kill; not in every one.
    assert!(unanswered > 0, "the kills met requests in flight");
    let numbers: HashSet<_> =
        places.values().map(|(_, sequence)| sequence.as_u64().expect("a number")).collect();
    assert_eq!(numbers.len(), places.len(), "no number twice");
    // Round by round everybody who was answered is ahead of everybody who came after the restart.
    let round_of = |name: &str| name.split(' ').nth(1).and_then(|round| round.parse::<usize>().ok());
    let mut by_number: Vec<_> =
        places.iter().map(|(name, (_, sequence))| (sequence.as_u64(), name)).collect();
    by_number.sort_unstable();
    let rounds: Vec<_> = by_number.iter().map(|(_, name)| round_of(name)).collect();
    assert!(rounds.is_sorted(), "nobody who came later is ahead");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sale_is_followed_live_while_it_is_steered() {
    let folder = tempfile::tempdir().expect("folder");
    let client = http();
    let server = Server::start(folder.path(), &[]);
    let operator = Person::new(&server, &client, "operator", "operator");
    let room = json!({"enabled": true, "maxActive": 1, "admitPerSecond": 50, "sessionSeconds": 300});
    let (concert, schedule) = on_sale_in_line(&operator, "Night", 2, room.clone()).await;
    // Another concert at the same time has a line of its own (bug 27).
    let (other, _) = on_sale_in_line(&operator, "Day", 2, room).await;
    let mut fans = Vec::new();
    for number in 0..3 {
        let mut fan = Person::new(&server, &client, &format!("fan {number}"), "fan");
        fan.charge(10_000).await.expect(200);
        assert_eq!(fan.join(concert).await.expect("an answer").expect(201)["sequence"], number + 1);
        fans.push(fan);
    }
    let mut elsewhere = Person::new(&server, &client, "fan 0", "fan");
    assert_eq!(elsewhere.join(other).await.expect("an answer").expect(201)["sequence"], 1);

    let mut first = fans[0].follow("/queues/stream").await;
    first.find(|status| status["state"] == "active").await;
    let mut last = fans[2].follow("/queues/stream").await;
    let status = last.find(|status| status["ahead"] == 1).await;
    assert_eq!((&status["state"], &status["seatsLeft"]), (&json!("waiting"), &json!(2)));

    let map = format!("/concerts/{concert}/schedules/{schedule}/seats/stream");
    assert_eq!(fans[2].get(&map).await.code(), "queue_not_active");
    let mut seats = fans[0].follow(&map).await;
    let held = fans[0].hold("hold", schedule, &[2]).await.expect(201);
    let change = seats.find(|event| event["changes"][0]["no"] == 2).await;
    assert_eq!(change["changes"][0]["state"], "held");

    steer(&operator, concert, json!({"paused": true, "notice": "A moment, please."})).await;
    last.find(|status| status["room"] == "paused" && status["notice"] == "A moment, please.").await;
    fans[0].pay("pay", held["reservationId"].as_str().expect("an id")).await.expect(201);
    let over = first.find(|status| status["state"] == "expired").await;
    assert_eq!(over["endReason"], "paid", "the payment has ended the session");
    assert_eq!(first.next().await, None, "and with it the stream");
    assert_eq!(fans[1].place().await["state"], "waiting", "nobody is let in while it is paused");
    steer(&operator, concert, json!({"paused": false, "notice": null})).await;
    let mut second = fans[1].follow("/queues/stream").await;
    second.find(|status| status["state"] == "active").await;
    last.find(|status| status["ahead"] == 0).await;

    let held = fans[1].hold("hold", schedule, &[1]).await.expect(201);
    fans[1].pay("pay", held["reservationId"].as_str().expect("an id")).await.expect(201);
    let told = last.find(|status| status["room"] == "sold_out").await;
    assert_eq!(
        (&told["state"], &told["seatsLeft"], &told["seatsHeld"]),
        (&json!("waiting"), &json!(0), &json!(0))
    );
    let mut late = Person::new(&server, &client, "late", "fan");
    assert_eq!(late.join(concert).await.expect("an answer").code(), "sold_out");
    assert_eq!(states(&operator, (concert, schedule)).await, "ss");
    assert_eq!(elsewhere.place().await["state"], "active");
    audit(folder.path());
}

async fn steer(operator: &Person, concert: u64, orders: Value) {
    let path = format!("/admin/concerts/{concert}/queue");
    operator.try_ask(Method::PATCH, &path, None, Some(orders)).await.expect("an answer").expect(200);
}
