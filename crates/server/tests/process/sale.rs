//! A sale with a crowd, over HTTP.

use std::path::Path;

use futures_util::future::join_all;
use serde_json::Value;

use crate::client::{Answer, Person, http, on_sale, states};
use crate::server::{Server, frontrow};

/// Audits a store, served or not, and answers the figures. It has to be clean.
pub(crate) fn audit(folder: &Path) -> Value {
    let output = frontrow(folder).args(["audit", "--json"]).output().expect("the audit runs");
    let figures: Value = serde_json::from_slice(&output.stdout).expect("figures");
    assert!(output.status.success(), "{figures:#}");
    assert_eq!(figures["clean"], true);
    figures
}

#[tokio::test(flavor = "multi_thread")]
async fn five_hundred_fans_buy_fifty_seats_and_a_kill_changes_nothing() {
    let folder = tempfile::tempdir().expect("folder");
    let server = Server::start(folder.path(), &[]);
    let client = http();
    let operator = Person::new(&server, &client, "operator", "operator");
    let sale = on_sale(&operator, 50, 50_000, 300).await;

    // Every seat is wanted by ten fans at once, and every fan can pay.
    let fans: Vec<Person> =
        (0..500).map(|number| Person::new(&server, &client, &format!("fan {number}"), "fan")).collect();
    let bought = join_all(fans.iter().zip(0_u32..).map(|(fan, number)| async move {
        fan.charge(60_000).await.expect(200);
        let held: Answer = fan.hold("hold", sale.1, &[number % 50 + 1]).await;
        if held.status == 409 {
            assert_eq!(held.code(), "seat_unavailable");
            assert_eq!(held.body["seats"], serde_json::json!([number % 50 + 1]));
            return false;
        }
        let held = held.expect(201);
        let id = held["reservationId"].as_str().expect("an id");
        let paid = fan.pay("pay", id).await.expect(201);
        assert_eq!(paid["status"], "completed");
        assert_eq!(paid["tickets"].as_array().map(Vec::len), Some(1));
        true
    }))
    .await;
    assert_eq!(bought.iter().filter(|&&bought| bought).count(), 50);

    let figures = audit(folder.path());
    assert_eq!(figures["seatsByState"]["sold"], 50);
    assert_eq!(figures["reservations"]["confirmed"], 50);
    assert_eq!(figures["confirmed"], 50 * 50_000);
    assert_eq!(figures["charged"], 500 * 60_000);
    assert_eq!(figures["balances"], 500 * 60_000 - 50 * 50_000);
    assert_eq!(states(&operator, sale).await, "s".repeat(50));

    server.kill();
    let server = Server::start(folder.path(), &[]);
    assert_eq!(states(&operator.at(&server), sale).await, "s".repeat(50));
    assert_eq!(audit(folder.path()), figures, "the same picture after a kill");
}
