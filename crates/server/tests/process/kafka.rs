//! Events by way of a real Kafka: a sale goes on while it is away, and everything arrives.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{Duration, Instant};

use frontrow_application::metric::Scope;
use frontrow_testkit::services::OwnKafka;
use serde_json::{Value, json};

use crate::client::{Person, http, on_sale};
use crate::cluster::Cluster;
use crate::events::{committed, effects, place};
use crate::metrics::shows;
use crate::receiver::Receiver;
use crate::sale::audit;
use crate::scrape::{Scrape, scrape};
use crate::server::Server;

/// How long Kafka is away: longer than its clients are patient with a single attempt.
const AWAY: Duration = Duration::from_secs(20);
/// How many fans buy before Kafka goes, while it is away, and after that.
const FANS: usize = 12;

fn settings(kafka: &str) -> Vec<(&'static str, String)> {
    vec![
        ("FRONTROW__EVENTS__ALLOW_PRIVATE_TARGETS", "true".to_owned()),
        ("FRONTROW__KAFKA__URL", kafka.to_owned()),
        ("FRONTROW__KAFKA__PARTITIONS", "4".to_owned()),
    ]
}

fn start(folder: &Path, kafka: &str) -> Server {
    let settings = settings(kafka);
    let settings: Vec<_> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
    Server::start(folder, &settings)
}

/// Some fans each charge, hold and pay; every answer has to be a success. Answers the reservations that were paid.
async fn sell(server: &Server, schedule: u64, round: usize) -> BTreeSet<String> {
    let client = http();
    let mut paid = BTreeSet::new();
    for number in 0..FANS {
        let fan = Person::new(server, &client, &format!("fan {round} {number}"), "fan");
        fan.post("/users/me/charge", "c", json!({"amount": 1_000, "method": "card"})).await.expect(200);
        let seat = round * FANS + number + 1;
        let held = fan.post("/reservations", "h", json!({"scheduleId": schedule, "seats": [seat]})).await;
        let reservation = held.expect(201)["reservationId"].as_str().expect("an id").to_owned();
        fan.post("/payments", "p", json!({"reservationId": reservation})).await.expect(201);
        paid.insert(reservation);
    }
    paid
}

fn payments(events: &[Value]) -> BTreeSet<(String, u64)> {
    events.iter().filter(|event| event["type"] == "frontrow.payment.completed.v1").map(place).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sale_goes_on_while_kafka_is_away_and_everything_arrives() {
    let (folder, kafka, receiver) =
        (tempfile::tempdir().expect("folder"), OwnKafka::new(), Receiver::open().await);
    kafka.start().await;
    let server = start(folder.path(), &kafka.url());
    let client = http();
    let operator = Person::new(&server, &client, "operator", "operator");
    let (_, schedule) = on_sale(&operator, 500, 1_000, 3_600).await;
    let hook = json!({"url": receiver.url(), "types": ["frontrow.payment.completed.v1"]});
    operator.post("/admin/webhooks", "w", hook).await.expect(201);
    // The group begins with what happens once it is there.
    let mut round = 0;
    while receiver.taken().is_empty() {
        sell(&server, schedule, round).await;
        round += 1;
        assert!(round < 30, "nobody is told of anything by way of Kafka");
        let some = receiver.until("", |messages| !messages.is_empty());
        let _ = tokio::time::timeout(Duration::from_secs(2), some).await;
    }
    let begun = committed(folder.path()).len();
    kafka.kill();
    let gone = Instant::now();
    sell(&server, schedule, round).await;
    tokio::time::sleep_until((gone + AWAY).into()).await;
    let up = [("dependency", "kafka"), ("engine", "kafka")];
    let is_up = |scraped: &Scrape| scraped.value("frontrow_dependency_up", &up);
    assert_eq!(is_up(&scrape(&client, &server).await), Some(0.0));
    sell(&server, schedule, round + 1).await;
    kafka.start().await;
    sell(&server, schedule, round + 2).await;
    let all = committed(folder.path());
    let expected = payments(&all[begun..]);
    assert_eq!(expected.len(), 3 * FANS);
    receiver
        .until("every payment arrives", |messages| {
            let seen: BTreeSet<_> = messages.iter().map(|message| place(&message.json())).collect();
            expected.is_subset(&seen)
        })
        .await;
    let order: BTreeMap<String, Vec<u64>> = effects(&receiver.taken());
    assert!(order.values().all(|numbers| numbers.windows(2).all(|pair| pair[0] < pair[1])));
    let scopes = [Scope::Always, Scope::Embedded, Scope::Kafka];
    let scraped = shows(&client, &server, "that Kafka is back", |scraped| is_up(scraped) == Some(1.0)).await;
    scraped.check(&scopes);
    assert_eq!(scraped.missing(&scopes[2..]), Vec::<&str>::new());
    assert!(scraped.value("frontrow_kafka_published_total", &[]) >= Some(expected.len() as f64));
    audit(folder.path());
    assert!(server.stop().success());
}

/// Three servers are the members of the groups. One is killed in the middle of what it was handed, and another while the
/// partitions of the first are still being given to the others: whatever was sold arrives, in the order of each key.
#[tokio::test(flavor = "multi_thread")]
async fn members_that_are_killed_in_a_rebalance_take_nothing_with_them() {
    let (kafka, receiver) = (OwnKafka::new(), Receiver::open().await);
    kafka.start().await;
    let settings = settings(&kafka.url());
    let settings: Vec<_> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let mut cluster = Cluster::start_with(3, &settings).await;
    let operator = cluster.person(0, "operator", "operator");
    let (_, schedule) = on_sale(&operator, 2_000, 1_000, 3_600).await;
    let hook = json!({"url": receiver.url(), "types": ["frontrow.payment.completed.v1"]});
    operator.post("/admin/webhooks", "w", hook).await.expect(201);
    let mut round = 0;
    while receiver.taken().is_empty() {
        sell(&cluster.servers[0].0, schedule, round).await;
        round += 1;
        assert!(round < 30, "nobody is told of anything by way of Kafka");
        let some = receiver.until("", |messages| !messages.is_empty());
        let _ = tokio::time::timeout(Duration::from_secs(2), some).await;
    }
    let mut expected = BTreeSet::new();
    for killed in [2, 1] {
        expected.append(&mut sell(&cluster.servers[0].0, schedule, round).await);
        cluster.kill(killed);
        expected.append(&mut sell(&cluster.servers[0].0, schedule, round + 1).await);
        round += 2;
    }
    // The first comes back while the group is still sorting itself out.
    cluster.start_again(2);
    expected.append(&mut sell(&cluster.servers[2].0, schedule, round).await);
    assert_eq!(expected.len(), 5 * FANS);
    receiver
        .until("every payment arrives", |messages| {
            let seen: BTreeSet<_> = messages.iter().map(|message| place(&message.json()).0).collect();
            expected.is_subset(&seen)
        })
        .await;
    let order: BTreeMap<String, Vec<u64>> = effects(&receiver.taken());
    assert!(order.values().all(|numbers| numbers.windows(2).all(|pair| pair[0] < pair[1])));
    assert!(cluster.is_clean());
}
