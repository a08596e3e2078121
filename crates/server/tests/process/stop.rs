//! Stopping in order: every request that was accepted is answered.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use reqwest::Method;
use serde_json::json;

use crate::client::{Person, http, on_sale};
use crate::crash::reaches;
use crate::sale::audit;
use crate::server::Server;

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_told_to_stop_answers_what_it_has_accepted() {
    let folder = tempfile::tempdir().expect("folder");
    let server = Server::start(folder.path(), &[]);
    let client = http();
    let operator = Person::new(&server, &client, "operator", "operator");
    let (_, schedule) = on_sale(&operator, 50_000, 1_000, 3_600).await;
    let held = Arc::new(AtomicUsize::new(0));
    let fans: Vec<_> = (0..16_u32)
        .map(|number| {
            let fan = Person::new(&server, &client, &format!("fan {number}"), "fan");
            let held = Arc::clone(&held);
            tokio::spawn(async move {
                for step in 0..2_000_u32 {
                    let seat = step * 16 + number + 1;
                    let body = json!({"scheduleId": schedule, "seats": [seat]});
                    let key = format!("{step}");
                    match fan.try_ask(Method::POST, "/reservations", Some(&key), Some(body)).await {
                        // More than its limit of live seats, after a hundred.
                        Ok(answer) if answer.status == 409 => return Ok(()),
                        Ok(answer) => {
                            assert_eq!(answer.status, 201, "{}", answer.body);
                            held.fetch_add(1, Ordering::Relaxed);
                        }
                        Err(error) => return Err(error),
                    }
                }
                Ok(())
            })
        })
        .collect();
    reaches(&held, 200).await;
    let status = tokio::task::spawn_blocking(move || server.stop()).await.expect("it stops");
    assert!(status.success(), "{status}");
    for fan in fans {
        // A request that finds nobody listening any more was never accepted. One that was sent and then cut off
        // would be an answer cut short, which hyper calls an incomplete message.
        if let Err(error) = fan.await.expect("a fan") {
            assert!(error.is_connect() || error.is_request(), "{error:?}");
            assert!(!error.is_body() && !error.is_decode(), "{error:?}");
        }
    }
    let figures = audit(folder.path());
    assert_eq!(
        figures["reservations"]["pending"],
        held.load(Ordering::Relaxed),
        "nothing was committed that was not answered, and nothing answered that was not committed"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_ends_open_streams_and_does_not_wait_for_them() {
    let folder = tempfile::tempdir().expect("folder");
    // Longer than anybody waits for a test.
    let server = Server::start(folder.path(), &[("FRONTROW__HTTP__SHUTDOWN_SECONDS", "3600")]);
    let client = http();
    let operator = Person::new(&server, &client, "operator", "operator");
    let (concert, schedule) = on_sale(&operator, 5, 1_000, 3_600).await;
    let path = format!("/concerts/{concert}/schedules/{schedule}/seats/stream");
    let fan = Person::new(&server, &client, "fan", "fan");
    let mut streams = [fan.follow(&path).await, operator.follow(&path).await];
    for stream in &mut streams {
        stream.next().await.expect("where the map stands");
    }
    fan.hold("hold", schedule, &[3]).await.expect(201);
    for stream in &mut streams {
        let (name, news) = stream.next().await.expect("news of the hold");
        let held = json!({"version": 2, "changes": [{"no": 3, "state": "held"}]});
        assert_eq!((name.as_str(), news), ("seats", held));
    }
    let stopped = tokio::task::spawn_blocking(move || server.stop());
    let status =
        tokio::time::timeout(Duration::from_mins(1), stopped).await.expect("in time").expect("it stops");
    assert!(status.success(), "{status}");
    for stream in &mut streams {
        assert_eq!(stream.next().await, None, "it ends as a whole answer");
    }
    audit(folder.path());
}
