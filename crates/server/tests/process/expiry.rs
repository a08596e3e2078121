//! The end of a hold with the expiry job switched off.

use std::time::Duration;

use crate::client::{Person, http, on_sale, states};
use crate::sale::audit;
use crate::server::Server;

/// D1, D2, bug 8: an unpaid hold can be taken the moment it has ended, without any job; a paid seat never.
#[tokio::test(flavor = "multi_thread")]
async fn d1_d2_bug_8_an_ended_hold_is_free_at_once_and_a_paid_seat_never() {
    let folder = tempfile::tempdir().expect("folder");
    let server = Server::start(folder.path(), &[("FRONTROW__JOBS__EXPIRE_ENABLED", "false")]);
    let client = http();
    let person = |name: &str, role: &str| Person::new(&server, &client, name, role);
    let sale = on_sale(&person("operator", "operator"), 2, 10_000, 1).await;
    let (first, second) = (person("first", "fan"), person("second", "fan"));
    first.charge(10_000).await.expect(200);

    let paid = first.hold("paid", sale.1, &[1]).await.expect(201);
    first.pay("pay", paid["reservationId"].as_str().expect("an id")).await.expect(201);
    let unpaid = first.hold("unpaid", sale.1, &[2]).await.expect(201);
    assert_eq!(second.hold("too soon", sale.1, &[2]).await.code(), "seat_unavailable");

    let id = unpaid["reservationId"].as_str().expect("an id");
    let path = format!("/reservations/{id}");
    // The server itself says when the hold has ended; the very next request must get the seat.
    let is_over = async {
        while first.get(&path).await.expect(200)["status"] == "pending" {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), is_over).await.expect("the hold ends");
    second.hold("now", sale.1, &[2]).await.expect(201);
    assert_eq!(second.hold("never", sale.1, &[1]).await.code(), "seat_unavailable");
    assert_eq!(first.pay("late", id).await.code(), "reservation_expired");
    assert_eq!(states(&second, sale).await, "sh");
    audit(folder.path());
}

/// The map follows the end of a hold through the expiry job.
#[tokio::test(flavor = "multi_thread")]
async fn the_map_follows_the_end_of_a_hold() {
    let folder = tempfile::tempdir().expect("folder");
    let server = Server::start(folder.path(), &[]);
    let client = http();
    let operator = Person::new(&server, &client, "operator", "operator");
    let sale = on_sale(&operator, 2, 10_000, 1).await;
    let fan = Person::new(&server, &client, "fan", "fan");
    fan.hold("hold", sale.1, &[2]).await.expect(201);
    assert_eq!(states(&fan, sale).await, "ah");
    let is_free = async {
        while states(&fan, sale).await != "aa" {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), is_free).await.expect("the map follows");
    audit(folder.path());
}
