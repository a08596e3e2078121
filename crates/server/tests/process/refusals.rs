//! What is refused must not cost the ones who come after.

use std::path::PathBuf;

use reqwest::Method;
use serde_json::json;

use crate::client::{Person, http, on_sale};
use crate::sale::audit;
use crate::server::Server;

/// How many files and sockets a process has open.
fn open_files(server: &Server) -> usize {
    let folder = PathBuf::from(format!("/proc/{}/fd", server.id()));
    std::fs::read_dir(folder).expect("the process is there").count()
}

/// D8: a thousand refused calls leave no connection, no reader and no place in a queue behind. There is one reader
/// and there are sixteen places, so a single leak of any kind would stop the calls after it.
#[tokio::test(flavor = "multi_thread")]
async fn d8_a_thousand_refused_calls_leave_nothing_behind() {
    let folder = tempfile::tempdir().expect("folder");
    let settings = [
        ("FRONTROW__STORE__READERS", "1"),
        ("FRONTROW__STORE__QUEUE_HOLD", "16"),
        ("FRONTROW__STORE__QUEUE_PAY", "16"),
    ];
    let server = Server::start(folder.path(), &settings);
    let client = http();
    let operator = Person::new(&server, &client, "operator", "operator");
    let (_, schedule) = on_sale(&operator, 3, 1_000, 3_600).await;
    let (first, second) =
        (Person::new(&server, &client, "first", "fan"), Person::new(&server, &client, "second", "fan"));
    let held = first.hold("first", schedule, &[1]).await.expect(201);
    let id = held["reservationId"].as_str().expect("an id").to_owned();
    second.get("/reservations").await.expect(200);
    let before = open_files(&server);

    for round in 0..200 {
        let key = format!("refused {round}");
        assert_eq!(second.hold(&key, schedule, &[1]).await.code(), "seat_unavailable");
        assert_eq!(second.hold(&key, schedule, &[4]).await.code(), "not_found");
        assert_eq!(second.pay(&key, &id).await.code(), "not_found");
        let unreadable = second.try_ask(Method::GET, "/reservations?cursor=x", None, None).await;
        assert_eq!(unreadable.expect("an answer").status, 400);
        let wrong =
            second.post("/users/me/charge", &key, json!({"amount": "all of it", "method": "card"})).await;
        assert_eq!(wrong.code(), "validation_failed");
    }

    second.hold("second", schedule, &[2]).await.expect(201);
    assert_eq!(second.get("/reservations").await.expect(200)["items"].as_array().map(Vec::len), Some(1));
    let after = open_files(&server);
    assert!(after <= before + 8, "{before} files were open before, {after} after");
    audit(folder.path());
}
