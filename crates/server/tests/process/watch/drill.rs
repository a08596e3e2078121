//! The drill: the database goes away in the middle of a sale, the operator is told which page to open, the database comes
//! back, and the sale goes on.

use frontrow_testkit::services::OwnServer;
use serde_json::Value;

use super::{Watching, at, list, until, word};
use crate::client::{Person, on_sale};
use crate::cluster::Cluster;

const ALERT: &str = "FrontrowStoreDown";

/// The rules with no more than a second to wait, for those who cannot.
fn at_once(rules: &str) -> String {
    let hurried = rules.replace("for: 30s", "for: 1s");
    assert_ne!(hurried, rules);
    hurried
}

/// Holds seats and pays for them.
async fn buy(fan: &Person, schedule: u64, seat: u32) {
    let held = fan.hold(&format!("hold {seat}"), schedule, &[seat]).await.expect(201);
    fan.pay(&format!("pay {seat}"), word(&held["reservationId"])).await.expect(201);
}

/// What of an alert is shown to people.
async fn shown(watching: &Watching) -> Option<Value> {
    let alerts = watching.get("alerts").await;
    list(&alerts["alerts"]).iter().find(|alert| alert["labels"]["alertname"] == ALERT).cloned()
}

/// Whether the alert is so.
async fn is(watching: &Watching, state: Option<&str>) -> bool {
    watching.state(ALERT).await.as_deref() == state
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operator_is_told_that_the_store_is_away_and_when_it_is_back() {
    let (mysql, redis) = (OwnServer::mariadb(), OwnServer::redis());
    let cluster = Cluster::start_on(&mysql.url(), &redis.url(), 1, &[]).await;
    let address = cluster.servers[0].0.address;
    let watching = Watching::of(&[address], str::to_owned);
    let hurried = Watching::of(&[address], at_once);
    let operator = cluster.person(0, "operator", "operator");
    let sale = on_sale(&operator, 10, 1_000, 300).await;
    let fan = cluster.person(0, "fan", "fan");
    fan.charge(10_000).await.expect(200);
    buy(&fan, sale.1, 1).await;
    for prometheus in [&watching, &hurried] {
        let up = "frontrow_dependency_up{dependency=\"store\"} == 1";
        until("it is seen that the store is there", || async { !prometheus.ask(up).await.is_empty() }).await;
        assert_eq!(prometheus.state(ALERT).await, None);
    }

    mysql.stop();
    let refused = fan.hold("hold 2", sale.1, &[2]).await;
    assert!(refused.is_not_now(), "{refused:?}");
    // With the rules as they are somebody is called after half a minute; until then it is about to be.
    until("the alert is pending", || is(&watching, Some("pending"))).await;
    until("the alert fires", || is(&hurried, Some("firing"))).await;
    let alert = shown(&hurried).await.expect("it is shown");
    assert_eq!(alert["labels"]["severity"], "page");
    assert_eq!(alert["labels"]["engine"], "mysql");
    assert_eq!(alert["annotations"]["summary"], format!("{address} does not reach its store (mysql)"));
    assert!(at(word(&alert["annotations"]["runbook"])).exists());

    mysql.start_again();
    until("the alert is over", || is(&hurried, None)).await;
    until("it is for the others", || is(&watching, None)).await;
    until("the sale goes on", || async { fan.hold("hold 2", sale.1, &[2]).await.status == 201 }).await;
    buy(&fan, sale.1, 3).await;
    let figures = cluster.audit();
    assert_eq!((&figures["seatsByState"]["sold"], &figures["seatsByState"]["held"]), (&2.into(), &1.into()));
}
