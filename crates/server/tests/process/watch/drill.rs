//! The drill: what a sale stands on goes away in the middle of it, the operator is told which page to open, it comes back, and
//! the sale goes on.

use frontrow_testkit::services::OwnServer;
use serde_json::{Value, json};

use super::{Watching, at, list, until, word};
use crate::client::{Person, on_sale, on_sale_in_line};
use crate::cluster::{Cluster, service};

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
async fn shown(watching: &Watching, name: &str) -> Option<Value> {
    let alerts = watching.get("alerts").await;
    list(&alerts["alerts"]).iter().find(|alert| alert["labels"]["alertname"] == name).cloned()
}

/// Waits until an alert is `pending`, `firing`, or nothing.
async fn becomes(watching: &Watching, alert: &str, state: Option<&str>) {
    let what = format!("{alert} is {state:?}");
    until(&what, || async { watching.state(alert).await.as_deref() == state }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operator_is_told_that_the_store_is_away_and_when_it_is_back() {
    const ALERT: &str = "FrontrowStoreDown";
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
    becomes(&watching, ALERT, Some("pending")).await;
    becomes(&hurried, ALERT, Some("firing")).await;
    let alert = shown(&hurried, ALERT).await.expect("it is shown");
    assert_eq!(alert["labels"]["severity"], "page");
    assert_eq!(alert["labels"]["engine"], "mysql");
    assert_eq!(alert["annotations"]["summary"], format!("{address} does not reach its store (mysql)"));
    assert!(at(word(&alert["annotations"]["runbook"])).exists());

    mysql.start_again();
    becomes(&hurried, ALERT, None).await;
    becomes(&watching, ALERT, None).await;
    until("the sale goes on", || async { fan.hold("hold 2", sale.1, &[2]).await.status == 201 }).await;
    buy(&fan, sale.1, 3).await;
    let figures = cluster.audit();
    assert_eq!((&figures["seatsByState"]["sold"], &figures["seatsByState"]["held"]), (&2.into(), &1.into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operator_is_told_of_redis_of_a_server_and_of_books_that_do_not_agree() {
    let redis = OwnServer::redis();
    let mysql = service("FRONTROW_TEST_MYSQL_URL");
    let quick = [("FRONTROW__JOBS__AUDIT_PAUSE_MS", "5")];
    let mut cluster = Cluster::start_on(&mysql, &redis.url(), 1, &quick).await;
    let watching = Watching::of(&[cluster.servers[0].0.address], str::to_owned);
    let operator = cluster.person(0, "operator", "operator");
    let room = json!({"enabled": true, "maxActive": 10, "admitPerSecond": 100});
    let sale = on_sale_in_line(&operator, "Drill", 10, room).await;
    let mut fan = cluster.person(0, "fan", "fan");
    until("the line answers", || {
        let mut fan = fan.clone();
        async move { fan.join(sale.0).await.expect("an answer").status.is_success() }
    })
    .await;

    redis.stop();
    becomes(&watching, "FrontrowRedisDown", Some("pending")).await;
    let closed = fan.join(sale.0).await.expect("an answer");
    assert_eq!((closed.status.as_u16(), closed.code()), (503, "waiting_room_unavailable"));
    redis.start_again();
    becomes(&watching, "FrontrowRedisDown", None).await;
    until("the line answers again", || {
        let mut fan = fan.clone();
        async move { fan.join(sale.0).await.expect("an answer").status.is_success() }
    })
    .await;

    // Whoever wrote that was not a server: this one is called at once.
    fan.charge(5_000).await.expect(200);
    assert_eq!(watching.state("FrontrowAuditDifference").await, None);
    cluster.sql("UPDATE wallet SET balance = balance + 1 WHERE balance > 0").await;
    becomes(&watching, "FrontrowAuditDifference", Some("firing")).await;
    assert!(!cluster.is_clean(), "the runbook's first command says so, too");
    cluster.sql("UPDATE wallet SET balance = balance - 1 WHERE balance > 0").await;
    becomes(&watching, "FrontrowAuditDifference", None).await;

    cluster.kill(0);
    becomes(&watching, "FrontrowInstanceDown", Some("pending")).await;
    becomes(&watching, "FrontrowNoServer", Some("pending")).await;
    cluster.start_again(0);
    becomes(&watching, "FrontrowInstanceDown", None).await;
    becomes(&watching, "FrontrowNoServer", None).await;
    cluster.audit();
}
