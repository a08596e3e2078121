//! Known defects of other systems, across servers: places that are lost or given twice when one dies, and tokens that
//! are good twice because the other does not know.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use crate::client::{Person, on_sale, on_sale_in_line};
use crate::cluster::{Cluster, until};
use crate::crash::reaches;

/// Fans who join at once in each round, half of them at the server that dies.
const FANS: usize = 200;
const ROUNDS: usize = 3;
/// Answers that a round waits for before it kills.
const ANSWERS: usize = 60;

#[tokio::test(flavor = "multi_thread")]
async fn bug_24_one_of_two_servers_dies_in_the_middle_of_joins_and_every_fan_keeps_one_place() {
    let mut cluster = Cluster::start(2).await;
    let operator = cluster.person(0, "operator", "operator");
    let room = json!({"enabled": true, "maxActive": 0, "admitPerSecond": 100});
    let (concert, _) = on_sale_in_line(&operator, "Night", 50, room).await;
    let path = &format!("/concerts/{concert}/queue");
    let mut places: BTreeMap<String, (Value, Value)> = BTreeMap::new();
    let mut unanswered = 0;
    for round in 0..ROUNDS {
        for at in [0, 1] {
            let anybody = &cluster.person(at, "anybody", "fan");
            until("the room opens", || async { anybody.get(path).await.body["state"] == "open" }).await;
        }
        let answers = Arc::new(AtomicUsize::new(0));
        let joins: Vec<_> = (0..FANS)
            .map(|number| {
                let name = format!("fan {round} {number}");
                let mut fan = cluster.person(number % 2, &name, "fan");
                let answers = Arc::clone(&answers);
                tokio::spawn(async move {
                    let answer = fan.join(concert).await.ok();
                    answers.fetch_add(1, Ordering::Relaxed);
                    (name, answer.map(|answer| answer.expect(201)))
                })
            })
            .collect();
        reaches(&answers, ANSWERS).await;
        cluster.kill(1);
        for join in joins {
            let (name, place) = join.await.expect("a fan");
            // Who was not answered asks the other server, where the place may be already.
            let place = if let Some(place) = place {
                place
            } else {
                unanswered += 1;
                let again = cluster.person(0, &name, "fan").join(concert).await.expect("an answer");
                assert!(again.status.is_success(), "{}", again.body);
                again.body
            };
            places.insert(name, (place["entryId"].clone(), place["sequence"].clone()));
        }
        cluster.start_again(1);
        for (name, (entry, sequence)) in &places {
            for at in [0, 1] {
                let again =
                    cluster.person(at, name, "fan").join(concert).await.expect("an answer").expect(200);
                assert_eq!((&again["entryId"], &again["sequence"]), (entry, sequence), "{name} at {at}");
            }
        }
    }
    assert!(unanswered > 0, "the kills met requests in flight");
    let numbers: HashSet<_> = places.values().map(|(_, sequence)| sequence.as_u64()).collect();
    assert_eq!(numbers.len(), ROUNDS * FANS, "no number twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn bug_26_a_ticket_that_is_shown_at_several_doors_opens_one() {
    let cluster = Cluster::start(4).await;
    let operator = cluster.person(0, "operator", "operator");
    let sale = on_sale(&operator, 20, 1_000, 300).await;
    let fan = cluster.person(0, "fan", "fan");
    fan.charge(100_000).await.expect(200);
    let seats: Vec<u32> = (1..=20).collect();
    let held = fan.hold("hold", sale.1, &seats).await.expect(201);
    let paid = fan.pay("pay", held["reservationId"].as_str().expect("an id")).await.expect(201);
    let tickets = paid["tickets"].as_array().expect("tickets").clone();
    for (number, ticket) in tickets.iter().enumerate() {
        let code = ticket["code"].as_str().expect("a code");
        let scans = (0..16).map(|door| {
            let gate = cluster.person(door % 4, &format!("gate {door}"), "gate");
            async move { gate.post("/gate/scan", &format!("scan {number}"), json!({ "code": code })).await }
        });
        let answers = join_all(scans).await;
        let opened = answers.iter().filter(|answer| answer.status.as_u16() == 200).count();
        let refused = answers.iter().filter(|answer| answer.code() == "ticket_already_used").count();
        let codes: Vec<_> = answers.iter().map(|answer| (answer.status.as_u16(), answer.code())).collect();
        assert_eq!((opened, refused), (1, 15), "ticket {number}: {codes:?}");
    }
    let gate = cluster.person(3, "gate 0", "gate");
    let come = gate.get(&format!("/gate/schedules/{}", sale.1)).await.expect(200);
    assert_eq!((&come["admitted"], &come["total"]), (&json!(20), &json!(20)));
}

#[tokio::test(flavor = "multi_thread")]
async fn bug_26_a_queue_token_that_has_ended_at_one_server_opens_nothing_at_another() {
    let cluster = Cluster::start(2).await;
    let operator = cluster.person(0, "operator", "operator");
    let room = json!({"enabled": true, "maxActive": 100, "admitPerSecond": 100});
    let sale = on_sale_in_line(&operator, "Doors", 50, room).await;
    let path = &format!("/concerts/{}/queue", sale.0);
    for at in [0, 1] {
        let anybody = &cluster.person(at, "anybody", "fan");
        until("the room opens", || async { anybody.get(path).await.body["state"] == "open" }).await;
    }
    for (round, seat) in (1..=5).enumerate() {
        let [here, there] = [round % 2, (round + 1) % 2];
        let mut fan = cluster.person(here, &format!("fan {round}"), "fan");
        fan.join(sale.0).await.expect("an answer").expect(201);
        until("the fan is let in", || async { fan.place().await["state"] == "active" }).await;
        let elsewhere = fan.at(&cluster.servers[there].0);
        // Somebody else with the same token is nobody.
        let thief = elsewhere.as_somebody_else("thief");
        let stolen = thief.hold("steal", sale.1, &[50]).await;
        assert_eq!((stolen.status.as_u16(), stolen.code()), (403, "queue_token_invalid"));
        elsewhere.hold("hold", sale.1, &[seat]).await.expect(201);
        ends(&fan, &operator, sale.0, round).await;
        // At once, without the other having been told: only a token's signature may be remembered.
        let refused = elsewhere.hold("again", sale.1, &[40]).await;
        assert_eq!((refused.status.as_u16(), refused.code()), (403, "queue_token_expired"), "round {round}");
    }
    assert_eq!(cluster.audit()["seatsByState"]["held"], 5);
}

/// The fan leaves, or is thrown out by their number.
async fn ends(fan: &Person, operator: &Person, concert: u64, round: usize) {
    if round.is_multiple_of(2) {
        let left = fan.try_ask(Method::DELETE, "/queues", None, None).await.expect("an answer");
        assert_eq!(left.status.as_u16(), 204);
    } else {
        let me = fan.get("/users/me").await.expect(200);
        let user = me["userId"].as_str().expect("an id");
        let path = format!("/admin/concerts/{concert}/queue/fans/{user}");
        let gone = operator.try_ask(Method::DELETE, &path, None, None).await.expect("an answer");
        assert!(gone.status.is_success(), "{}", gone.body);
    }
}
