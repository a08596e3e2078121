//! A small evening with all that happens on one, watched: whatever a dashboard asks for, and whatever rules are worked out
//! from, has something to show.
//!
//! One server keeps its sale in files and publishes to Kafka, another shares a MySQL and a Redis, so that nothing is left
//! out.

use std::collections::BTreeSet;
use std::hash::{BuildHasher as _, RandomState};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use reqwest::{Client, Method};
use serde_json::{Value, json};

use super::files::panel_queries;
use super::queries::{operand, selectors};
use super::{Watching, list, rules, until, word};
use crate::client::{Events, Person, http, on_sale_in_line, on_sale_titled, states};
use crate::cluster::{Cluster, service};
use crate::receiver::Receiver;
use crate::server::Server;

/// How long the same is done again and again at the most, until every query has found something: some figures are looked at
/// every few seconds only, and a line has to move for a while until it knows how fast it is.
const EVENING_MAX: Duration = Duration::from_secs(90);
/// Seats of each sale, more than are held in that time.
const SEATS: u32 = 5_000;

/// One server with its sale.
struct House<'a> {
    server: &'a Server,
    client: Client,
    operator: Person,
    /// A concert with a waiting room for one at a time.
    line: (u64, u64),
    /// A concert without one, whose holds end within a second.
    short: (u64, u64),
    /// Somebody who follows the map.
    _watcher: Events,
}

impl<'a> House<'a> {
    async fn open(server: &'a Server, receiver: &Receiver) -> Self {
        let client = http();
        let operator = Person::new(server, &client, "operator", "operator");
        let room = json!({"enabled": true, "maxActive": 1, "admitPerSecond": 50});
        let line = on_sale_in_line(&operator, "Line", SEATS, room).await;
        let short = on_sale_titled(&operator, "Short", SEATS, 1_000, 1).await;
        let hook = json!({"url": receiver.url(), "types": []});
        operator.post("/admin/webhooks", "hook", hook).await.expect(201);
        let path = format!("/concerts/{}/schedules/{}/seats/stream", line.0, line.1);
        let watcher = operator.follow(&path).await;
        Self { server, client, operator, line, short, _watcher: watcher }
    }

    fn fan(&self, name: &str) -> Person {
        Person::new(self.server, &self.client, name, "fan")
    }

    /// Three fans stand in line, one after another is let in and buys or thinks better of it; another holds without a line
    /// and has too little money.
    async fn round(&self, round: u32) {
        let three = (0..3).map(|number| self.visit(round, number));
        tokio::join!(join_all(three), self.come_short(round));
        states(&self.operator, self.line).await;
        states(&self.operator, self.short).await;
    }

    async fn visit(&self, round: u32, number: u32) {
        let mut fan = self.fan(&format!("fan {round} {number}"));
        fan.charge(10_000).await.expect(200);
        until("somebody joins", || {
            let mut fan = fan.clone();
            async move { fan.join(self.line.0).await.expect("an answer").status.is_success() }
        })
        .await;
        fan.join(self.line.0).await.expect("an answer").expect(200);
        until("somebody is let in", || async { fan.place().await["state"] == "active" }).await;
        let seat = round * 3 + number + 1;
        let held = fan.hold("hold", self.line.1, &[seat]).await.expect(201);
        let id = word(&held["reservationId"]);
        if number == 0 {
            let path = format!("/reservations/{id}");
            fan.try_ask(Method::DELETE, &path, None, None).await.expect("an answer");
            fan.try_ask(Method::DELETE, "/queues", None, None).await.expect("an answer");
            return;
        }
        fan.pay("pay", id).await.expect(201);
        if number == 1 {
            let path = format!("/admin/reservations/{id}/refund");
            let back = json!({"percent": 50, "reason": "An evening in a test."});
            self.operator.post(&path, &format!("back {round}"), back).await.expect(200);
        }
    }

    async fn come_short(&self, round: u32) {
        let fan = self.fan(&format!("short {round}"));
        let held = fan.hold("hold", self.short.1, &[round + 1]).await.expect(201);
        let late = self.fan(&format!("late {round}")).hold("hold", self.short.1, &[round + 1]).await;
        assert!(["seat_unavailable", ""].contains(&late.code()), "{late:?}");
        let unpaid = fan.pay("pay", word(&held["reservationId"])).await;
        assert!(["insufficient_balance", "reservation_expired"].contains(&unpaid.code()), "{unpaid:?}");
    }
}

/// What has to have something to show: where it is asked, and the query.
fn expected() -> Vec<(String, String)> {
    let mut expected = panel_queries();
    for rule in rules("recording") {
        let name = word(&rule["record"]);
        expected.push((format!("rule {name}"), name.to_owned()));
    }
    for rule in rules("alerts") {
        let name = format!("alert {}", word(&rule["alert"]));
        let looks = selectors(word(&rule["expr"]));
        assert!(!looks.is_empty(), "{name} looks at nothing");
        expected.extend(looks.iter().map(|selector| (name.clone(), operand(selector))));
    }
    expected
}

#[tokio::test(flavor = "multi_thread")]
async fn every_panel_and_every_rule_has_something_to_show_of_an_evening() {
    let receiver = Receiver::open().await;
    let (folder, kafka) = (tempfile::tempdir().expect("folder"), service("FRONTROW_TEST_KAFKA_URL"));
    let own = format!("evening-{:016x}.", RandomState::new().hash_one(std::process::id()));
    let private = ("FRONTROW__EVENTS__ALLOW_PRIVATE_TARGETS", "true");
    let settings = [
        private,
        ("FRONTROW__KAFKA__URL", kafka.as_str()),
        ("FRONTROW__KAFKA__PARTITIONS", "2"),
        ("FRONTROW__KAFKA__TOPIC_PREFIX", own.as_str()),
        ("FRONTROW__KAFKA__GROUP_PREFIX", own.as_str()),
    ];
    let alone = Server::start(folder.path(), &settings);
    let cluster = Cluster::start_with(1, &[private]).await;
    let shared = &cluster.servers[0].0;
    let watching = Watching::of(&[alone.address, shared.address], str::to_owned);
    let houses = [House::open(&alone, &receiver).await, House::open(shared, &receiver).await];

    let mut missing: BTreeSet<(String, String)> = expected().into_iter().collect();
    assert!(missing.len() > 100, "there is more to be asked for");
    let begun = Instant::now();
    for round in 0.. {
        join_all(houses.iter().map(|house| house.round(round))).await;
        let mut still = BTreeSet::new();
        for (at, query) in missing {
            if watching.ask(&query).await.is_empty() {
                still.insert((at, query));
            }
        }
        missing = still;
        if missing.is_empty() || begun.elapsed() > EVENING_MAX {
            break;
        }
    }
    let missing: Vec<String> = missing.iter().map(|(at, query)| format!("{at}: {query}")).collect();
    assert!(missing.is_empty(), "nothing is there for\n{}", missing.join("\n"));

    assert_eq!(watching.ask("frontrow_nobody_counts_this").await, Vec::<Value>::new());

    // Nothing was wrong on this evening, and nobody was called, but for a slow or full disk of the machine.
    let firing = "ALERTS{alertstate=\"firing\",alertname!~\"FrontrowDiskFilling|FrontrowLatency.*\"}";
    assert_eq!(watching.ask(firing).await, Vec::<Value>::new());
    let groups = watching.get("rules").await["groups"].clone();
    let health: Vec<(String, String)> = list(&groups)
        .iter()
        .flat_map(|group| list(&group["rules"]))
        .filter(|rule| rule["health"] != "ok")
        .map(|rule| (word(&rule["name"]).to_owned(), rule["lastError"].to_string()))
        .collect();
    assert_eq!(health, []);
    // What the runbook asks is understood, whether there is anything to show or not.
    for (_, query) in super::runbook::queries() {
        watching.ask(&query).await;
    }
    cluster.audit();
}
