//! Several servers on one MySQL and one Redis: one line, one map, one sale.
//!
//! The services are those of `deploy/dev/services`; `make test` starts them.

use std::hash::{BuildHasher as _, RandomState};
use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use reqwest::Client;
use serde_json::{Value, json};
use sqlx::{Connection as _, Executor as _, MySqlConnection};
use tempfile::TempDir;

use crate::client::{Answer, Person, http, on_sale, on_sale_in_line, states};
use crate::server::{Server, frontrow};

/// How long one server may take to show what another has committed, with some patience for a busy machine.
const PATIENCE: Duration = Duration::from_secs(10);

/// Servers that share a store and a line.
pub(crate) struct Cluster {
    pub(crate) settings: Vec<(String, String)>,
    /// The URL of its database.
    database: String,
    pub(crate) servers: Vec<(Server, TempDir)>,
    client: Client,
}

/// The address of a service, or how to get one: a test that is not run proves nothing.
#[expect(clippy::disallowed_methods, reason = "where the services of tests are is said by the environment")]
pub(crate) fn service(variable: &str) -> String {
    std::env::var(variable).unwrap_or_else(|_| {
        panic!("{variable} is not set; run: make services && eval \"$(deploy/dev/services env)\"")
    })
}

impl Cluster {
    /// So many servers on a database and with a line of their own.
    pub(crate) async fn start(count: usize) -> Self {
        Self::start_with(count, &[]).await
    }

    /// The same, with some settings that win over those of a cluster. `{database}` in one is the name of the database.
    pub(crate) async fn start_with(count: usize, own: &[(&str, &str)]) -> Self {
        let (mysql, redis) = (service("FRONTROW_TEST_MYSQL_URL"), service("FRONTROW_TEST_REDIS_URL"));
        Self::start_on(&mysql, &redis, count, own).await
    }

    /// The same on a MySQL and a Redis that are a test's own.
    pub(crate) async fn start_on(mysql: &str, redis: &str, count: usize, own: &[(&str, &str)]) -> Self {
        // Random, from the seed that the system gives every hash map: a run that went wrong leaves its database behind.
        let name = format!("frontrow_{:016x}", RandomState::new().hash_one(std::process::id()));
        let mut connection = MySqlConnection::connect(mysql).await.expect("the MySQL of tests");
        let create = format!("CREATE DATABASE {name}");
        connection.execute(sqlx::AssertSqlSafe(create)).await.expect("a database");
        connection.close().await.expect("closed");
        let own = own.iter().map(|(key, value)| ((*key).to_owned(), value.replace("{database}", &name)));
        let own: Vec<_> = own.collect();
        let database = format!("{mysql}/{name}");
        let settings = [
            ("FRONTROW__STORE__URL", database.clone()),
            ("FRONTROW__WAITING_ROOM__URL", redis.to_owned()),
            ("FRONTROW__WAITING_ROOM__PREFIX", name),
            ("FRONTROW__AUTH__SIGNING_SECRET", "the same for all servers of a cluster".to_owned()),
            ("FRONTROW__AUTH__TICKET_KEY", TICKET_KEY.to_owned()),
        ];
        let mut settings = settings.map(|(key, value)| (key.to_owned(), value)).to_vec();
        settings.extend(own);
        let mut cluster = Self { settings, database, servers: Vec::new(), client: http() };
        for _ in 0..count {
            cluster.add();
        }
        cluster
    }

    pub(crate) fn add(&mut self) {
        let folder = tempfile::tempdir().expect("folder");
        let server = Server::start(folder.path(), &self.settings());
        self.servers.push((server, folder));
    }

    fn settings(&self) -> Vec<(&str, &str)> {
        self.settings.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect()
    }

    /// Kills a server, as the loss of its machine does.
    pub(crate) fn kill(&self, at: usize) {
        tell(&self.servers[at].0, "-9");
    }

    /// Starts a server again that was killed, where it was.
    pub(crate) fn start_again(&mut self, at: usize) {
        let (server, folder) = self.servers.remove(at);
        let address = server.address.to_string();
        // It has to be gone before another can have its port.
        drop(server);
        let server = Server::start_at(&address, folder.path(), &self.settings(), &[]);
        self.servers.insert(at, (server, folder));
    }

    /// Stops a server in order and starts another where it was, as who brings a new version does.
    pub(crate) async fn replace(&mut self, at: usize) {
        let (server, folder) = self.servers.remove(at);
        let address = server.address.to_string();
        let status = tokio::task::spawn_blocking(move || server.stop()).await.expect("it stops");
        assert!(status.success(), "{status}");
        let server = Server::start_at(&address, folder.path(), &self.settings(), &[]);
        self.servers.insert(at, (server, folder));
    }

    /// Has the database do something, past the servers.
    pub(crate) async fn sql(&self, sql: &str) {
        let mut connection = MySqlConnection::connect(&self.database).await.expect("the database");
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql.to_owned())).execute(&mut connection).await.expect("done");
        connection.close().await.expect("closed");
    }

    /// What the database answers to a query about one number.
    pub(crate) async fn number(&self, sql: &str) -> i64 {
        let mut connection = MySqlConnection::connect(&self.database).await.expect("the database");
        let found = sqlx::query_scalar(sqlx::AssertSqlSafe(sql.to_owned())).fetch_one(&mut connection).await;
        connection.close().await.expect("closed");
        found.expect("a number")
    }

    /// Has the servers that are started from now on use another database.
    pub(crate) fn move_to(&mut self, url: &str) {
        url.clone_into(&mut self.database);
        for (key, value) in &mut self.settings {
            if key == "FRONTROW__STORE__URL" {
                url.clone_into(value);
            }
        }
    }

    /// The database of these servers.
    pub(crate) fn database(&self) -> &str {
        &self.database
    }

    pub(crate) fn person(&self, at: usize, name: &str, role: &str) -> Person {
        Person::new(&self.servers[at].0, &self.client, name, role)
    }

    /// The figures of the store, which has to be clean.
    pub(crate) fn audit(&self) -> Value {
        self.audit_from(self.servers[0].1.path())
    }

    fn audit_from(&self, folder: &Path) -> Value {
        let (is_clean, figures) = self.look_through(folder);
        assert!(is_clean, "{figures:#}");
        figures
    }

    /// Whether the audit finds nothing.
    pub(crate) fn is_clean(&self) -> bool {
        self.look_through(self.servers[0].1.path()).0
    }

    fn look_through(&self, folder: &Path) -> (bool, Value) {
        let output =
            frontrow(folder).args(["audit", "--json"]).envs(self.settings()).output().expect("it runs");
        let figures: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
            panic!("no figures ({error}): {}", String::from_utf8_lossy(&output.stderr))
        });
        (output.status.success(), figures)
    }
}

/// Sends a server a signal.
pub(crate) fn tell(server: &Server, signal: &str) {
    let told = std::process::Command::new("kill").args([signal, &server.id().to_string()]).status();
    assert!(told.expect("kill runs").success());
}

/// A key made for tests (openssl genpkey -algorithm ed25519).
const TICKET_KEY: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEICNjvVxUppfkMfK+kSX3bvN4tXl4fuO3f4Phcc4Acu1d\n-----END PRIVATE KEY-----\n";

/// Asks again until it is so.
pub(crate) async fn until<F: Future<Output = bool>>(what: &str, mut is_so: impl FnMut() -> F) {
    let begun = Instant::now();
    while !is_so().await {
        assert!(begun.elapsed() < PATIENCE, "{what}: not within {PATIENCE:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_are_one_sale() {
    let cluster = Cluster::start(2).await;
    let operator = cluster.person(0, "operator", "operator");
    let room = json!({"enabled": true, "maxActive": 10, "admitPerSecond": 100});
    let sale = on_sale_in_line(&operator, "Both", 5, room).await;
    let mut fan = cluster.person(0, "fan", "fan");
    fan.charge(10_000).await.expect(200);
    until("the room opens at both", || async {
        let mut joined = Vec::new();
        for at in [0, 1] {
            let mut somebody = cluster.person(at, "fan", "fan");
            joined.push(somebody.join(sale.0).await.expect("an answer"));
        }
        joined.iter().all(|answer| answer.status.is_success())
    })
    .await;
    // One place, wherever it was asked for, and good everywhere.
    let place = fan.join(sale.0).await.expect("an answer").expect(200);
    assert_eq!(place["sequence"], 1);
    let there = fan.at(&cluster.servers[1].0);
    until("the fan is let in", || async { there.place().await["state"] == "active" }).await;

    let held = there.hold("hold", sale.1, &[2, 3]).await.expect(201);
    assert_eq!(states(&there, sale).await, "ahhaa", "what it has answered it shows");
    until("the other shows it", || async { states(&operator, sale).await == "ahhaa" }).await;
    let taken = cluster.person(0, "operator", "operator").hold("late", sale.1, &[3]).await;
    assert_eq!((taken.status.as_u16(), taken.code()), (409, "seat_unavailable"));

    let id = held["reservationId"].as_str().expect("an id");
    let paid = fan.pay("pay", id).await.expect(201);
    let again: Answer = there.pay("pay", id).await;
    assert!(again.replayed, "a key is known everywhere");
    assert_eq!(again.expect(201), paid);
    until("the session ends", || async { there.place().await["endReason"] == "paid" }).await;
    until("both show it", || async {
        let maps = [states(&operator, sale).await, states(&operator.at(&cluster.servers[1].0), sale).await];
        maps == ["assaa", "assaa"]
    })
    .await;
    assert_eq!(cluster.audit()["seatsByState"]["sold"], 2);
}

/// The value of a counter of a server, over all lines that begin so.
async fn counted(client: &Client, server: &Server, name: &str) -> u64 {
    let text = client.get(format!("http://{}/metrics", server.address)).send().await.expect("an answer");
    let text = text.text().await.expect("text");
    let values = text.lines().filter(|line| line.starts_with(name));
    values.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_follows_the_map_at_one_server_sees_what_another_sells() {
    let cluster = Cluster::start(2).await;
    let operator = cluster.person(0, "operator", "operator");
    let sale = on_sale(&operator, 50, 1_000, 300).await;
    let (here, there) = (cluster.person(0, "buyer", "fan"), cluster.person(1, "watcher", "fan"));
    here.charge(10_000).await.expect(200);
    let mut events = there.follow(&format!("/concerts/{}/schedules/{}/seats/stream", sale.0, sale.1)).await;
    let held = here.hold("hold", sale.1, &[7, 8]).await.expect(201);
    let shows = |data: &Value, state: &str| data["changes"].to_string().contains(state);
    events.find(|data| shows(data, "held")).await;
    let id = held["reservationId"].as_str().expect("an id");
    here.pay("pay", id).await.expect(201);
    events.find(|data| shows(data, "sold")).await;
    // It was told, and did not only find it in the store.
    let server = &cluster.servers[1].0;
    until("it has heard of both", || async {
        let mut heard = 0;
        for outcome in ["news", "nothing_new"] {
            let name = format!("frontrow_seat_messages_total{{outcome=\"{outcome}\"}}");
            heard += counted(&cluster.client, server, &name).await;
        }
        heard >= 2
    })
    .await;
    let wrong = "frontrow_seat_messages_total{outcome=\"unreadable\"}";
    assert_eq!(counted(&cluster.client, server, wrong).await, 0);
    assert_eq!(cluster.audit()["seatsByState"]["sold"], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn bug_1_four_servers_sell_a_seat_once() {
    let cluster = Cluster::start(4).await;
    let operator = cluster.person(0, "operator", "operator");
    let sale = on_sale(&operator, 20, 1_000, 300).await;
    let fans: Vec<Person> =
        (0..64).map(|number| cluster.person(number % 4, &format!("fan {number}"), "fan")).collect();
    for seat in 1..=20 {
        let key = format!("hold {seat}");
        let wanted = [seat];
        let held = join_all(fans.iter().map(|fan| fan.hold(&key, sale.1, &wanted))).await;
        let won = held.iter().filter(|answer| answer.status.as_u16() == 201).count();
        let lost = held.iter().filter(|answer| answer.code() == "seat_unavailable").count();
        // Who has four seats is told so.
        let full = held.iter().filter(|answer| answer.code() == "seat_limit_exceeded").count();
        assert_eq!(
            (won, won + lost + full),
            (1, 64),
            "seat {seat}: {:?}",
            held.iter().map(Answer::code).collect::<Vec<_>>()
        );
    }
    assert_eq!(cluster.audit()["seatsByState"]["held"], 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_server_is_killed_and_the_other_goes_on() {
    let mut cluster = Cluster::start(2).await;
    let operator = cluster.person(0, "operator", "operator");
    let sale = on_sale(&operator, 200, 1_000, 300).await;
    let fans: Vec<Person> =
        (0..100).map(|number| cluster.person(number % 2, &format!("fan {number}"), "fan")).collect();
    join_all(fans.iter().map(|fan| fan.charge(10_000))).await;
    let survivor = &cluster.servers[0].0;
    let (answered, broken) = (&AtomicUsize::new(0), &AtomicUsize::new(0));
    let buy = fans.iter().zip(1_u32..).map(|(fan, number)| {
        let there = fan.at(survivor);
        async move {
            // Two seats each, every seat wanted by two fans: half of them win.
            let seats = [(number * 2 - 1) % 100 + 1, (number * 2) % 100 + 1];
            let body = json!({"scheduleId": sale.1, "seats": seats});
            let key = format!("hold {number}");
            let post = reqwest::Method::POST;
            let held = fan.try_ask(post.clone(), "/reservations", Some(&key), Some(body.clone())).await;
            let held = if let Ok(held) = held {
                held
            } else {
                // Its server is gone. The other knows under the key what has become of it.
                broken.fetch_add(1, Ordering::Relaxed);
                there.post("/reservations", &key, body).await
            };
            answered.fetch_add(1, Ordering::Relaxed);
            if held.code() == "seat_unavailable" {
                return None;
            }
            let id = held.expect(201)["reservationId"].as_str().expect("an id").to_owned();
            let key = format!("pay {number}");
            let body = json!({ "reservationId": id });
            let paid = match fan.try_ask(post, "/payments", Some(&key), Some(body.clone())).await {
                Ok(paid) => paid,
                Err(_) => there.post("/payments", &key, body).await,
            };
            paid.expect(201);
            Some(id)
        }
    });
    let killing = async {
        // Then most of those who have asked it are still waiting.
        until("some are answered", || async { answered.load(Ordering::Relaxed) >= 5 }).await;
        cluster.kill(1);
    };
    let (bought, ()) = tokio::join!(join_all(buy), killing);
    let bought: Vec<String> = bought.into_iter().flatten().collect();
    assert!(broken.load(Ordering::Relaxed) > 0, "the kill has met nobody");
    assert_eq!(bought.len(), 50, "every pair of seats has one buyer");
    // It comes back and knows everything.
    drop(cluster.servers.pop());
    cluster.add();
    let operator = cluster.person(1, "operator", "operator");
    assert_eq!(states(&operator, sale).await.matches('s').count(), 100);
    let figures = cluster.audit();
    assert_eq!(figures["seatsByState"]["sold"], 100);
    assert_eq!(figures["reservations"]["confirmed"], 50);
}

#[tokio::test(flavor = "multi_thread")]
async fn several_may_make_the_store_at_once() {
    let cluster = Cluster::start(0).await;
    let folder = tempfile::tempdir().expect("folder");
    let start = || {
        let mut migrate = frontrow(folder.path());
        migrate.arg("migrate").envs(cluster.settings()).stdout(Stdio::piped()).stderr(Stdio::piped());
        migrate.spawn().expect("the binary runs")
    };
    let dry = || {
        let mut dry = frontrow(folder.path());
        dry.args(["migrate", "--dry-run"]).envs(cluster.settings()).output().expect("the binary runs")
    };
    let before = dry();
    assert_eq!(before.status.code(), Some(1), "{}", String::from_utf8_lossy(&before.stderr));
    assert!(String::from_utf8_lossy(&before.stdout).contains("not there; would be made"));
    let started: Vec<_> = (0..6).map(|_| start()).collect();
    for migrate in started {
        let output = migrate.wait_with_output().expect("it ends");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(String::from_utf8_lossy(&output.stdout).contains("schema version"));
    }
    assert_eq!(dry().status.code(), Some(0), "nothing is left to do");
    assert_eq!(cluster.audit_from(folder.path())["schedules"], 0);
}

/// Limits that hold for all servers together.
#[tokio::test(flavor = "multi_thread")]
async fn wrong_passwords_and_joins_are_counted_over_all_servers() {
    let own = [
        ("FRONTROW__AUTH__LOGIN_ATTEMPTS_PER_ACCOUNT", "4"),
        ("FRONTROW__HTTP__JOINS_PER_FAN_PER_MINUTE", "4"),
    ];
    let cluster = Cluster::start_with(2, &own).await;
    let operator = cluster.person(0, "operator", "operator");
    let room = json!({"enabled": true, "maxActive": 10, "admitPerSecond": 100});
    let sale = on_sale_in_line(&operator, "Limited", 5, room).await;
    let post = reqwest::Method::POST;
    let guess = |at: usize, email: &str, password: &str| {
        let somebody = cluster.person(at, "nobody", "fan");
        let (post, body) = (post.clone(), json!({"email": email, "password": password}));
        async move { somebody.try_ask(post, "/auth/login", None, Some(body)).await.expect("an answer") }
    };
    let sign_up = json!({"email": "ann@example.com", "password": "a long password", "name": "Ann"});
    let anybody = cluster.person(0, "anybody", "fan");
    anybody.try_ask(post.clone(), "/auth/signup", None, Some(sign_up)).await.expect("an answer").expect(201);
    // Whoever knows the password logs in as often as they like, at either.
    for at in [0, 1, 0, 1, 0, 1] {
        guess(at, "ann@example.com", "a long password").await.expect(200);
    }
    for at in [0, 1, 1, 0] {
        assert_eq!(guess(at, "ann@example.com", "a wrong password").await.code(), "invalid_credentials");
    }
    for at in [0, 1] {
        let refused = guess(at, "ANN@example.com", "a long password").await;
        assert_eq!((refused.status.as_u16(), refused.code()), (429, "rate_limited"), "at {at}");
        guess(at, "bob@example.com", "a wrong password").await.expect(401);
    }
    let mut fan = cluster.person(0, "fan", "fan");
    let mut answers = Vec::new();
    until("the line is there", || async {
        let mut somebody = cluster.person(0, "somebody", "fan");
        let answer = somebody.join(sale.0).await.expect("an answer");
        // It may take its time, and joins count whatever comes of them.
        answer.status.is_success() || answer.status.as_u16() == 429
    })
    .await;
    for at in [0, 1, 0, 1, 0, 1] {
        fan = fan.at(&cluster.servers[at].0);
        answers.push(fan.join(sale.0).await.expect("an answer").status.as_u16());
    }
    assert_eq!(answers[4..], [429, 429], "{answers:?}");
    assert!(answers[..4].iter().all(|status| *status != 429), "{answers:?}");
}
