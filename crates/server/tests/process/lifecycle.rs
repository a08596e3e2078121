//! What becomes of a server between its start and its end: readiness, the time before a stop in which balancers notice,
//! settings that are read again, and what a service manager is told.

use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::time::{Duration, Instant};

use reqwest::{Client, StatusCode};
use serde_json::Value;

use crate::client::{Person, http, on_sale};
use crate::cluster::{tell, until};
use crate::server::{Server, frontrow, log_file};

/// What `/health/ready` answers, and whether the connection stays open.
async fn readiness(client: &Client, server: &Server) -> (StatusCode, Value, bool) {
    let url = format!("http://{}/health/ready", server.address);
    let answer = client.get(url).send().await.expect("an answer");
    let stays = answer.headers().get("connection").is_none_or(|value| value != "close");
    (answer.status(), answer.json().await.expect("JSON"), stays)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_told_to_stop_serves_until_balancers_have_noticed() {
    let folder = tempfile::tempdir().expect("folder");
    // Longer than the test takes to look; a second signal ends it.
    let server = Server::start(folder.path(), &[("FRONTROW__HTTP__DRAIN_SECONDS", "300")]);
    let client = http();
    let operator = Person::new(&server, &client, "operator", "operator");
    let sale = on_sale(&operator, 10, 1_000, 300).await;
    let fan = Person::new(&server, &client, "fan", "fan");
    assert!(readiness(&client, &server).await.2, "connections are kept");
    tell(&server, "-TERM");
    until("it is not ready any more", || async { readiness(&client, &server).await.0 == 503 }).await;
    let (_, body, stays) = readiness(&client, &server).await;
    assert_eq!(body["status"], "not_ready");
    let reason = body["parts"][0]["reason"].as_str().expect("a reason");
    assert!(reason.contains("told to stop"), "{reason}");
    assert!(!stays, "who asks again is to ask elsewhere");
    // Whoever has not noticed yet is served as before.
    fan.charge(5_000).await.expect(200);
    let held = fan.hold("hold", sale.1, &[1]).await.expect(201);
    fan.pay("pay", held["reservationId"].as_str().expect("an id")).await.expect(201);
    let begun = Instant::now();
    let status = tokio::task::spawn_blocking(move || server.stop()).await.expect("it stops");
    assert!(status.success(), "{status}");
    assert!(begun.elapsed() < Duration::from_mins(1), "the second signal ends the time before the stop");
    crate::sale::audit(folder.path());
}

/// What the log of a server says, once it says this.
async fn logged(folder: &Path, what: &str) -> String {
    let read = || std::fs::read_to_string(log_file(folder)).expect("a log");
    until(what, || async { read().contains(what) }).await;
    read()
}

/// How often one fan is served before it is asked to slow down, at the most so often.
async fn served(fan: &Person, most: usize) -> usize {
    for count in 0..most {
        let answer = fan.get("/users/me/balance").await;
        if answer.status == 429 {
            return count;
        }
        answer.expect(200);
    }
    most
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_are_read_again_on_sighup_and_a_broken_file_changes_nothing() {
    let folder = tempfile::tempdir().expect("folder");
    let file = folder.path().join("settings.toml");
    let write = |text: &str| std::fs::write(&file, text).expect("written");
    write("[http]\nrequests_per_fan_per_second = 0\n[log]\nfilter = \"warn\"\n");
    let mut command = frontrow(folder.path());
    // The file says it here, and the environment would be the one that counts.
    command.env_remove("FRONTROW__HTTP__REQUESTS_PER_FAN_PER_SECOND").env_remove("FRONTROW__LOG__FILTER");
    command.args(["serve", "--listen", "127.0.0.1:0", "--config"]).arg(&file);
    let server = Server::run(&mut command, folder.path());
    let client = http();
    let fan = |name: &str| Person::new(&server, &client, name, "fan");
    assert_eq!(served(&fan("first"), 100).await, 100, "there is no limit");

    write(
        "[http]\nrequests_per_fan_per_second = 1\nrequest_burst_per_fan = 3\n[log]\nfilter = \"info\"\n\
         [store]\nreaders = 7\n[events]\nchat_url = \"http://127.0.0.1:1/a-secret\"\n",
    );
    tell(&server, "-HUP");
    // A line of the level that the new filter lets through.
    let log = logged(folder.path(), "read again, and in force").await;
    let named = "http.request_burst_per_fan, http.requests_per_fan_per_second, log.filter";
    assert!(log.contains(named), "{log}");
    assert!(log.contains("after a restart only") && log.contains("events.chat_url, store.readers"), "{log}");
    assert!(!log.contains("a-secret"), "{log}");
    assert!(served(&fan("second"), 100).await < 50, "three at once, and one a second");

    write("[http]\nrequests_per_fan_per_second = 0\nrequest_burst_per_fan = -1\n[log]\nfilter = \"trace\"\n");
    tell(&server, "-HUP");
    let log = logged(folder.path(), "nothing was changed").await;
    assert!(log.contains("settings.toml:3") && log.contains("http.request_burst_per_fan"), "{log}");
    assert!(served(&fan("third"), 100).await < 50, "as before");

    write("[http]\nrequests_per_fan_per_second = 0\n[log]\nfilter = \"info\"\n");
    tell(&server, "-HUP");
    until("it is in force", || async {
        let log = std::fs::read_to_string(log_file(folder.path())).expect("a log");
        log.matches("read again, and in force").count() == 2
    })
    .await;
    assert_eq!(served(&fan("fourth"), 100).await, 100, "there is no limit again");
    assert!(server.stop().success());
}

#[test]
fn a_service_manager_is_told_when_the_server_is_up_alive_and_stopping() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("notify");
    let manager = UnixDatagram::bind(&path).expect("a socket");
    manager.set_read_timeout(Some(Duration::from_secs(20))).expect("set");
    let hear = || {
        let mut text = [0; 4_096];
        let length = manager.recv(&mut text).expect("word in time");
        String::from_utf8_lossy(&text[..length]).into_owned()
    };
    let socket = path.display().to_string();
    let server = Server::start(folder.path(), &[("NOTIFY_SOCKET", &socket), ("WATCHDOG_USEC", "100000")]);
    let mut heard: Vec<String> = Vec::new();
    while !(heard.concat().contains("READY=1") && heard.concat().matches("WATCHDOG=1").count() >= 3) {
        heard.push(hear());
    }
    assert!(heard.concat().contains(&format!("STATUS=serving {}", server.address)), "{heard:?}");
    assert!(!heard.concat().contains("STOPPING=1"));
    tell(&server, "-TERM");
    while !heard.concat().contains("STOPPING=1") {
        heard.push(hear());
    }
    assert!(server.ended().success());
}
