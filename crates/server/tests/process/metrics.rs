//! The metrics of a server that has had an evening: all that the table says, nothing else, and true.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use frontrow_application::metric::Scope;
use frontrow_testkit::wire::Link;
use reqwest::{Client, Method};
use serde_json::json;

use crate::client::{Person, http, on_sale, on_sale_in_line};
use crate::cluster::{Cluster, until};
use crate::events::until_told;
use crate::outages::two_with;
use crate::receiver::Receiver;
use crate::scrape::{Scrape, scrape};
use crate::server::{Server, log_file};

/// What a server with the embedded store shows.
const EMBEDDED: [Scope; 2] = [Scope::Always, Scope::Embedded];

/// Waits until what a server shows is so, for as long as the slowest looks take.
pub(crate) async fn shows(
    client: &Client,
    server: &Server,
    what: &str,
    is_so: impl Fn(&Scrape) -> bool,
) -> Scrape {
    let shown = async {
        loop {
            let scraped = scrape(client, server).await;
            if is_so(&scraped) {
                return scraped;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    if let Ok(scraped) = tokio::time::timeout(Duration::from_secs(40), shown).await {
        return scraped;
    }
    panic!("{what} is not shown:\n{}", scrape(client, server).await.text)
}

/// What Prometheus itself says of the names, kinds and texts.
fn lint(text: &str) {
    let mut promtool = Command::new("promtool");
    promtool.args(["check", "metrics"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut running = promtool.spawn().expect("promtool of the Debian package prometheus; run: make setup");
    running.stdin.take().expect("its input").write_all(text.as_bytes()).expect("written");
    let output = running.wait_with_output().expect("it ends");
    let said =
        String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.trim().is_empty(), "{said}");
}

/// A fan gets in line, is let in, looks, holds and pays; somebody asks for what there is not.
async fn evening(client: &Client, server: &Server) -> (u64, u64) {
    let operator = Person::new(server, client, "operator", "operator");
    let room = json!({"enabled": true, "maxActive": 10, "admitPerSecond": 100});
    let (concert, schedule) = on_sale_in_line(&operator, "Counted", 10, room).await;
    let mut fan = Person::new(server, client, "fan", "fan");
    until("the room opens", || {
        let mut fan = fan.clone();
        async move { fan.join(concert).await.expect("an answer").status.is_success() }
    })
    .await;
    fan.join(concert).await.expect("an answer");
    until("the fan is let in", || async { fan.place().await["state"] == "active" }).await;
    fan.charge(50_000).await.expect(200);
    let held = fan.hold("held", schedule, &[1, 2]).await.expect(201);
    let paid = fan.hold("paid", schedule, &[3]).await.expect(201);
    fan.pay("paid too", paid["reservationId"].as_str().expect("an id")).await.expect(201);
    assert_eq!(fan.hold("taken", schedule, &[1]).await.code(), "seat_unavailable");
    assert!(held["reservationId"].is_string());
    for (method, path) in
        [(Method::GET, "/nowhere"), (Method::DELETE, "/payments"), (Method::GET, "/concerts/x")]
    {
        let answer = fan.try_ask(method, path, None, None).await.expect("an answer");
        assert!(answer.status.is_client_error());
    }
    (concert, schedule)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_shows_what_the_table_says_and_nothing_else() {
    let (folder, client, receiver) = (tempfile::tempdir().expect("folder"), http(), Receiver::open().await);
    let server = Server::start(folder.path(), &[("FRONTROW__EVENTS__ALLOW_PRIVATE_TARGETS", "true")]);
    let before = scrape(&client, &server).await;
    before.check(&EMBEDDED);
    let zero =
        |name: &str, labels: &[(&str, &str)]| assert_eq!(before.value(name, labels), Some(0.0), "{name}");
    zero("frontrow_commands_shed_total", &[("priority", "settle")]);
    zero(
        "frontrow_http_requests_total",
        &[("route", "/api/v1/payments"), ("method", "POST"), ("status", "5xx")],
    );
    zero("frontrow_http_problems_total", &[("code", "internal_error")]);
    zero("frontrow_group_failures_total", &[("reason", "outcome_unknown")]);

    let operator = Person::new(&server, &client, "operator", "operator");
    let hook = json!({"url": receiver.url(), "types": ["frontrow.wallet.charged.v1"]});
    operator.post("/admin/webhooks", "w", hook).await.expect(201);
    until_told(&Person::new(&server, &client, "somebody", "fan"), &receiver).await;
    let (concert, schedule) = evening(&client, &server).await;
    let (concert, schedule) = (concert.to_string(), schedule.to_string());
    let of = [("concert", concert.as_str()), ("schedule", schedule.as_str())];
    let scraped = shows(&client, &server, "everything", |scraped| {
        let seats = |state| scraped.value("frontrow_schedule_seats", &[of[0], of[1], ("state", state)]);
        let gross =
            scraped.value("frontrow_schedule_takings_minor_units", &[of[0], of[1], ("kind", "gross")]);
        scraped.missing(&EMBEDDED).is_empty()
            && [seats("available"), seats("held"), seats("sold")] == [Some(7.0), Some(2.0), Some(1.0)]
            && gross == Some(1_000.0)
            && scraped.value("frontrow_webhook_attempts_total", &[("result", "delivered")]) >= Some(1.0)
    })
    .await;
    scraped.check(&EMBEDDED);
    lint(&scraped.text);

    let value = |name: &str, labels: &[(&str, &str)]| scraped.value(name, labels);
    let requests = |method, route, status| {
        value("frontrow_http_requests_total", &[("method", method), ("route", route), ("status", status)])
    };
    assert_eq!(requests("POST", "/api/v1/payments", "2xx"), Some(1.0));
    assert_eq!(requests("POST", "/api/v1/reservations", "2xx"), Some(2.0));
    assert_eq!(requests("POST", "/api/v1/reservations", "4xx"), Some(1.0));
    assert_eq!(requests("GET", "unmatched", "4xx"), Some(1.0));
    assert_eq!(requests("DELETE", "/api/v1/payments", "4xx"), Some(1.0), "405");
    assert_eq!(requests("GET", "/api/v1/concerts/{concertId}", "4xx"), Some(1.0));
    let route = [("method", "POST"), ("route", "/api/v1/reservations")];
    assert_eq!(value("frontrow_http_request_duration_seconds_count", &route), Some(3.0));
    assert_eq!(value("frontrow_http_problems_total", &[("code", "seat_unavailable")]), Some(1.0));
    assert_eq!(value("frontrow_http_problems_total", &[("code", "method_not_allowed")]), Some(1.0));
    assert_eq!(
        value("frontrow_events_committed_total", &[("type", "frontrow.payment.completed.v1")]),
        Some(1.0)
    );
    assert_eq!(value("frontrow_queue_active_limit", &of[..1]), Some(10.0));
    assert_eq!(value("frontrow_queue_rate_limit", &of[..1]), Some(100.0));
    assert_eq!(value("frontrow_queue_admitting", &of[..1]), Some(1.0));
    assert_eq!(value("frontrow_queue_admitted_total", &[]), Some(1.0));
    assert_eq!(value("frontrow_dependency_up", &[("dependency", "store"), ("engine", "sqlite")]), Some(1.0));
    assert_eq!(value("frontrow_ready", &[]), Some(1.0));
    assert_eq!(value("frontrow_audit_differences", &[]), Some(0.0));
    assert!(value("process_resident_memory_bytes", &[]) > Some(1e6));
    assert!(server.stop().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_people_send_makes_no_more_series() {
    let (folder, client) = (tempfile::tempdir().expect("folder"), http());
    let server = Server::start(folder.path(), &[]);
    let fan = Person::new(&server, &client, "fan", "fan");
    let ask = async |round: usize| {
        for number in round * 50..round * 50 + 50 {
            let (own, id) = (format!("/nowhere/{number}"), uuid::Uuid::from_u128(number as u128));
            let concert = format!("/concerts/{number}/queue");
            let reservation = format!("/reservations/{id}");
            for path in [&own, &concert, &reservation] {
                fan.get(path).await;
            }
            let method = Method::from_bytes(format!("M{number}").as_bytes()).expect("a method");
            fan.try_ask(method, "/concerts", None, None).await.expect("an answer");
        }
        // What was asked for the first time has its series now.
        scrape(&client, &server).await;
    };
    ask(0).await;
    // Those that are looked at every few seconds are there.
    let first =
        shows(&client, &server, "the process", |scraped| scraped.has("process_threads")).await.series();
    let settled =
        shows(&client, &server, "the store", |scraped| scraped.has("frontrow_expiry_lag_seconds")).await;
    assert!(settled.series() >= first);
    ask(1).await;
    assert_eq!(scrape(&client, &server).await.series(), settled.series());
}

#[tokio::test(flavor = "multi_thread")]
async fn open_streams_and_connections_are_shown_and_go_again() {
    let (folder, client) = (tempfile::tempdir().expect("folder"), http());
    let server = Server::start(folder.path(), &[]);
    let operator = Person::new(&server, &client, "operator", "operator");
    let sale = on_sale(&operator, 5, 1_000, 300).await;
    let path = format!("/concerts/{}/schedules/{}/seats/stream", sale.0, sale.1);
    let seats = [("stream", "seats")];
    let open = [operator.follow(&path).await, operator.follow(&path).await];
    let scraped = shows(&client, &server, "two streams", |scraped| {
        scraped.value("frontrow_http_streams", &seats) == Some(2.0)
            && scraped.value("frontrow_http_connections", &[]).is_some_and(|open| open >= 2.0)
    })
    .await;
    assert_eq!(
        scraped.value("frontrow_http_stream_duration_seconds_count", &seats),
        Some(0.0),
        "none has ended"
    );
    assert!(scraped.value("frontrow_http_connections_accepted_total", &[]) >= Some(2.0));
    drop(open);
    shows(&client, &server, "the end of both", |scraped| {
        scraped.value("frontrow_http_streams", &seats) == Some(0.0)
            && scraped.value("frontrow_http_stream_duration_seconds_count", &seats) == Some(2.0)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_audit_beside_the_sale_finds_what_somebody_has_changed_and_says_so_once() {
    let (folder, client) = (tempfile::tempdir().expect("folder"), http());
    let server = Server::start(folder.path(), &[("FRONTROW__JOBS__AUDIT_PAUSE_MS", "5")]);
    let operator = Person::new(&server, &client, "operator", "operator");
    let (_, schedule) = on_sale(&operator, 5, 1_000, 300).await;
    let fan = Person::new(&server, &client, "fan", "fan");
    fan.charge(5_000).await.expect(200);
    fan.hold("hold", schedule, &[1]).await.expect(201);
    let rounds = |scraped: &Scrape| scraped.value("frontrow_audit_rounds_total", &[]).expect("rounds");
    let differences = |scraped: &Scrape| scraped.value("frontrow_audit_differences", &[]);
    let later = async |than: f64| {
        shows(&client, &server, "two more rounds", |scraped| rounds(scraped) >= than + 2.0).await
    };
    let clean = later(rounds(&scrape(&client, &server).await)).await;
    assert_eq!(differences(&clean), Some(0.0));
    assert!(clean.value("frontrow_audit_slice_seconds_count", &[]) >= Some(3.0));

    let store = rusqlite::Connection::open(folder.path().join("frontrow.sqlite")).expect("the store");
    store.busy_timeout(Duration::from_secs(10)).expect("patience");
    store.execute("UPDATE wallet SET balance = balance + 1 WHERE balance > 0", []).expect("planted");
    let planted =
        shows(&client, &server, "the difference", |scraped| differences(scraped) == Some(1.0)).await;
    assert!(planted.value("frontrow_audit_round_age_seconds", &[]) < Some(30.0));
    let planted = later(rounds(&planted)).await;
    assert_eq!(differences(&planted), Some(1.0), "for as long as it is there");
    let log = std::fs::read_to_string(log_file(folder.path())).expect("the log");
    assert_eq!(log.matches("the audit has found").count(), 1, "{log}");

    store.execute("UPDATE wallet SET balance = balance - 1 WHERE balance > 0", []).expect("taken back");
    shows(&client, &server, "that all agrees again", |scraped| differences(scraped) == Some(0.0)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_of_a_cluster_show_what_they_stand_on() {
    let cluster = Cluster::start(1).await;
    let (client, server) = (http(), &cluster.servers[0].0);
    evening(&client, server).await;
    let scopes = [Scope::Always, Scope::Shared];
    let scraped = shows(&client, server, "everything", |scraped| {
        // Without a webhook there is no consumer to be behind.
        let missing = scraped.missing(&scopes);
        missing.iter().all(|name| ["frontrow_events_lag_seconds", "frontrow_events_parked"].contains(name))
            && scraped.value("frontrow_redis_batch_requests_count", &[]) > Some(0.0)
    })
    .await;
    scraped.check(&scopes);
    lint(&scraped.text);
    for (dependency, engine) in [("store", "mysql"), ("waiting_room", "redis")] {
        let labels = [("dependency", dependency), ("engine", engine)];
        assert_eq!(scraped.value("frontrow_dependency_up", &labels), Some(1.0), "{dependency}");
    }
    assert_eq!(scraped.value("frontrow_store_connections_limit", &[("pool", "write")]), Some(8.0));
}

/// Takes what a variable names away from two servers, and gives it back.
async fn is_shown_as_away(variable: &str, setting: &str, behind: &str, dependency: &str) {
    let (cluster, wire) = two_with(variable, setting, behind).await;
    let (client, server) = (http(), &cluster.servers[0].0);
    let up = |scraped: &Scrape| scraped.value("frontrow_dependency_up", &[("dependency", dependency)]);
    shows(&client, server, "that it is there", |scraped| up(scraped) == Some(1.0)).await;
    wire.set(Link::Silent);
    let away = shows(&client, server, "that it is away", |scraped| up(scraped) == Some(0.0)).await;
    let took = away.value("frontrow_dependency_check_seconds", &[("dependency", dependency)]);
    assert!(took.is_some_and(|took| took < 2.0), "{took:?}: it is given up after a second");
    wire.set(Link::Up);
    shows(&client, server, "that it is back", |scraped| up(scraped) == Some(1.0)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_away_is_shown_as_away_and_then_as_back() {
    tokio::join!(
        is_shown_as_away("FRONTROW_TEST_REDIS_URL", "FRONTROW__WAITING_ROOM__URL", "", "waiting_room"),
        is_shown_as_away("FRONTROW_TEST_MYSQL_URL", "FRONTROW__STORE__URL", "/{database}", "store"),
    );
}
