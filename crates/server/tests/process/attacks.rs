//! Attacks and exhaustion: connections that do nothing, headers and bodies without an end or in a trickle, no files left, a
//! storm of log-ins. Each is bounded, and fans go on buying meanwhile.

use std::process::Command;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use reqwest::{Client, Method, StatusCode};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use crate::client::{Person, http, on_sale};
use crate::sale::audit;
use crate::server::Server;

/// What is meant to happen happens within this, on a busy machine too; it tells a hang from a delay.
const PATIENCE: Duration = Duration::from_mins(1);
const LIVE: &str = "GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n";

/// A sale that is attacked.
struct Attacked {
    folder: tempfile::TempDir,
    server: Server,
    client: Client,
    sale: (u64, u64),
}

impl Attacked {
    async fn start(settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("folder");
        let server = Server::start(folder.path(), settings);
        let client = http();
        let operator = Person::new(&server, &client, "operator", "operator");
        let sale = on_sale(&operator, 100, 1_000, 300).await;
        Self { folder, server, client, sale }
    }

    fn fan(&self, number: u32) -> Person {
        Person::new(&self.server, &self.client, &format!("fan {number}"), "fan")
    }

    /// So many fans buy a seat each, one after the other, from this seat on. Whoever is cut off or told to come again does
    /// so with the same key, as any client would.
    async fn sells(&self, first: u32, count: u32) {
        let selling = async {
            for number in first..first + count {
                let fan = self.fan(number);
                insist(&fan, "/users/me/charge", json!({"amount": 1_000, "method": "card"})).await;
                let held =
                    insist(&fan, "/reservations", json!({"scheduleId": self.sale.1, "seats": [number]}))
                        .await;
                insist(&fan, "/payments", json!({"reservationId": held["reservationId"]})).await;
            }
        };
        timeout(PATIENCE, selling).await.expect("the sale goes on");
    }

    /// A connection on which nothing was sent yet.
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.server.address).await.expect("the kernel takes it")
    }

    async fn connect_many(&self, count: usize) -> Vec<TcpStream> {
        let mut open = Vec::with_capacity(count);
        while open.len() < count {
            let batch = (count - open.len()).min(500);
            open.extend(join_all((0..batch).map(|_| self.connect())).await);
        }
        open
    }

    fn files(&self) -> usize {
        files(&self.server)
    }

    fn audit(&self, sold: u32) {
        assert_eq!(audit(self.folder.path())["seatsByState"]["sold"], sold);
    }
}

async fn insist(fan: &Person, path: &str, body: serde_json::Value) -> serde_json::Value {
    loop {
        match fan.try_ask(Method::POST, path, Some(path), Some(body.clone())).await {
            Ok(answer) if answer.status.is_success() => return answer.body,
            Ok(answer) => assert!(answer.is_not_now() || answer.code() == "request_in_flight", "{answer:?}"),
            // Its connection gave way to another.
            Err(error) => assert!(!error.is_decode(), "{error}"),
        }
        sleep(Duration::from_millis(20)).await;
    }
}

/// How many files and sockets a server has open.
fn files(server: &Server) -> usize {
    std::fs::read_dir(format!("/proc/{}/fd", server.id())).expect("it runs").count()
}

/// What a server has in memory, in KiB.
fn resident_kib(server: &Server) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.id())).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("it is told");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

async fn until(what: &str, is_so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < PATIENCE, "{what}: not in time");
        sleep(Duration::from_millis(20)).await;
    }
}

/// Everything that a server says on a connection until it ends it.
async fn rest(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    // A server that has had enough may cut it off.
    let _ = timeout(PATIENCE, stream.read_to_end(&mut answer)).await.expect("the connection ends");
    String::from_utf8_lossy(&answer).into_owned()
}

/// The beginning of the next answer, if there is one within this time. Empty when the connection has ended.
async fn answer(stream: &mut TcpStream, within: Duration) -> Option<String> {
    let mut bytes = [0; 2_048];
    let length = timeout(within, stream.read(&mut bytes)).await.ok()?.unwrap_or(0);
    Some(String::from_utf8_lossy(&bytes[..length]).into_owned())
}

/// Sends the same again and again until the other side has had enough. Answers how many bytes went out.
async fn pour(stream: &mut TcpStream, piece: &[u8], most: usize) -> usize {
    let mut sent = 0;
    let pouring = async {
        while sent < most {
            // By halves: what the server says is read by the caller.
            if stream.write_all(piece).await.is_err() {
                return;
            }
            sent += piece.len();
        }
    };
    timeout(PATIENCE, pouring).await.expect("the server takes it or ends it");
    sent
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_idle_connections_cost_little_and_the_sale_goes_on() {
    const CONNECTIONS: usize = 10_000;
    let attacked = Attacked::start(&[("FRONTROW__HTTP__HEADER_TIMEOUT_MS", "600000")]).await;
    attacked.sells(1, 1).await;
    let (files, before) = (attacked.files(), resident_kib(&attacked.server));
    let idle = attacked.connect_many(CONNECTIONS).await;
    until("all are accepted", || attacked.files() >= files + CONNECTIONS).await;
    attacked.sells(2, 20).await;
    let grown = resident_kib(&attacked.server).saturating_sub(before);
    assert!(grown < CONNECTIONS * 32, "{} bytes each", grown * 1_024 / CONNECTIONS);
    drop(idle);
    until("all are closed", || attacked.files() <= files + 100).await;
    attacked.audit(21);
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_connections_give_way_when_there_is_no_place_left_and_streams_do_not() {
    const PLACES: usize = 64;
    let settings =
        [("FRONTROW__HTTP__MAX_CONNECTIONS", "64"), ("FRONTROW__HTTP__HEADER_TIMEOUT_MS", "600000")];
    let attacked = Attacked::start(&settings).await;
    let mut idle = attacked.connect_many(PLACES).await;
    // Somebody with a connection of their own, for which there is no place until others give theirs up.
    let newcomer = Person::new(&attacked.server, &http(), "newcomer", "fan");
    timeout(PATIENCE, newcomer.get("/users/me")).await.expect("in time").expect(200);
    attacked.sells(1, 5).await;
    let mut gone = 0;
    for stream in &mut idle {
        gone += usize::from(answer(stream, Duration::from_millis(1)).await.is_some());
    }
    assert!(gone > 0, "somebody gave way");
    drop(idle);

    // The control: what is not idle keeps its place, so that nobody comes in.
    let (concert, schedule) = attacked.sale;
    let path = format!("/api/v1/concerts/{concert}/schedules/{schedule}/seats/stream");
    let mut streams = Vec::new();
    while streams.len() < PLACES {
        let mut stream = attacked.connect().await;
        let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n");
        stream.write_all(request.as_bytes()).await.expect("sent");
        // Idle connections of the fans give way to the last of these.
        let begun = answer(&mut stream, PATIENCE).await.expect("in time");
        assert!(begun.starts_with("HTTP/1.1 200"), "{begun}");
        streams.push(stream);
    }
    let mut late = attacked.connect().await;
    late.write_all(LIVE.as_bytes()).await.expect("sent");
    assert_eq!(answer(&mut late, Duration::from_secs(2)).await, None, "there is no place");
    drop(streams);
    let served = answer(&mut late, PATIENCE).await.expect("in time");
    assert!(served.starts_with("HTTP/1.1 200"), "{served}");
    attacked.sells(6, 2).await;
    attacked.audit(7);
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_in_a_trickle_are_cut_off_and_the_sale_goes_on() {
    let attacked = Attacked::start(&[("FRONTROW__HTTP__HEADER_TIMEOUT_MS", "1000")]).await;
    let trickle = |mut stream: TcpStream| async move {
        let begun = Instant::now();
        stream.write_all(b"GET /health/live HTTP/1.1\r\nx: ").await.expect("sent");
        while stream.write_all(b"x").await.is_ok() {
            assert!(begun.elapsed() < PATIENCE, "it is never cut off");
            if answer(&mut stream, Duration::from_millis(50)).await.is_some() {
                break;
            }
        }
    };
    let open = attacked.connect_many(300).await;
    let attack = join_all(open.into_iter().map(trickle));
    let (_, ()) = tokio::join!(attack, attacked.sells(1, 20));
    attacked.audit(20);
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_and_bodies_without_an_end_are_ended() {
    const MOST: usize = 64 << 20;
    let attacked = Attacked::start(&[]).await;
    let before = resident_kib(&attacked.server);
    let head = "POST /api/v1/auth/login HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n";
    let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x1_0000));
    let line = format!("x-more: {}\r\n", "x".repeat(1_000));
    for (begin, piece, status) in [
        ("GET /health/live HTTP/1.1\r\nhost: x\r\n".to_owned(), line.as_str(), "HTTP/1.1 431"),
        (format!("GET /{}", "x".repeat(1_000)), "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "HTTP/1.1 4"),
        (format!("{head}transfer-encoding: chunked\r\n\r\n"), chunk.as_str(), "HTTP/1.1 413"),
        (format!("{head}content-length: 1000000000\r\n\r\n"), chunk.as_str(), "HTTP/1.1 413"),
    ] {
        let mut stream = attacked.connect().await;
        stream.write_all(begin.as_bytes()).await.expect("sent");
        // What was not read in time is cut off; the answer was sent before that, and may be lost with it.
        let sent = pour(&mut stream, piece.as_bytes(), MOST).await;
        assert!(sent < MOST, "{status}: it was taken without an end");
        let said = rest(&mut stream).await;
        assert!(said.is_empty() || said.starts_with(status), "{said}");
    }
    attacked.sells(1, 5).await;
    let grown = resident_kib(&attacked.server).saturating_sub(before);
    assert!(grown < 32 << 10, "{grown} KiB");
    attacked.audit(5);
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_in_a_trickle_are_refused_and_long_ones_share_what_memory_there_is() {
    let settings = [("FRONTROW__HTTP__BODY_TIMEOUT_MS", "1500"), ("FRONTROW__HTTP__BODIES_MIB", "1")];
    let attacked = Attacked::start(&settings).await;
    let announce = async |length: usize| {
        let mut stream = attacked.connect().await;
        let head = "POST /api/v1/auth/login HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\n";
        let head = format!("{head}content-type: application/json\r\ncontent-length: {length}\r\n\r\n");
        stream.write_all(head.as_bytes()).await.expect("sent");
        let said = answer(&mut stream, PATIENCE).await.expect("in time");
        (stream, said)
    };
    // Sixteen of 64 KiB are a MiB.
    let mut long = Vec::new();
    for _ in 0..16 {
        let (stream, said) = announce(65_536).await;
        assert!(said.starts_with("HTTP/1.1 100"), "{said}");
        long.push(stream);
    }
    let (_, said) = announce(65_536).await;
    let said = said.to_lowercase();
    assert!(said.starts_with("http/1.1 503") && said.contains("retry-after: 1"), "{said}");
    assert!(said.contains("\"code\":\"overloaded\""), "{said}");
    let (mut short, said) = announce(100).await;
    assert!(said.starts_with("HTTP/1.1 100"), "short ones need no room: {said}");
    attacked.sells(1, 5).await;
    // Byte by byte, as slowly as it takes.
    let begun = Instant::now();
    let said = loop {
        assert!(begun.elapsed() < PATIENCE, "it is waited for without an end");
        if short.write_all(b" ").await.is_err() {
            break String::new();
        }
        if let Some(said) = answer(&mut short, Duration::from_millis(100)).await {
            break said;
        }
    };
    assert!(said.starts_with("HTTP/1.1 400") && said.contains("did not come in time"), "{said}");
    for stream in &mut long {
        let said = rest(stream).await;
        assert!(said.starts_with("HTTP/1.1 400"), "{said}");
    }
    let (_, said) = announce(65_536).await;
    assert!(said.starts_with("HTTP/1.1 100"), "there is room again: {said}");
    attacked.audit(5);
}

/// Lowers how many files a running server may have.
fn limit_files(server: &Server, most: usize) {
    let limit = format!("--nofile={most}:{most}");
    let done = Command::new("prlimit").args(["--pid", &server.id().to_string(), &limit]).status();
    assert!(done.expect("prlimit runs").success());
}

#[tokio::test(flavor = "multi_thread")]
async fn without_files_left_the_sale_goes_on_and_newcomers_come_in_later() {
    let attacked = Attacked::start(&[("FRONTROW__HTTP__HEADER_TIMEOUT_MS", "600000")]).await;
    attacked.sells(1, 2).await;
    limit_files(&attacked.server, attacked.files() + 6);
    let mut crowd = attacked.connect_many(60).await;
    for stream in &mut crowd {
        stream.write_all(LIVE.as_bytes()).await.expect("the kernel takes it");
    }
    // The kernel has taken them; the server has files for a few, and those who have been answered give way to the others.
    attacked.sells(3, 10).await;
    for mut stream in crowd {
        let said = answer(&mut stream, PATIENCE).await.expect("all have their turn");
        assert!(said.starts_with("HTTP/1.1 200"), "{said}");
    }
    let log = std::fs::read_to_string(crate::server::log_file(attacked.folder.path())).expect("a log");
    let told = log.lines().filter(|line| line.contains("no connection can be accepted")).count();
    assert!(told > 0, "the limit was met");
    assert!(told < 100, "and not said again and again: {told}");
    attacked.audit(12);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_storm_of_log_ins_is_refused_in_part_and_the_sale_goes_on() {
    // As costly as they are outside of tests.
    let settings = [
        ("FRONTROW__AUTH__ARGON2_MEMORY_KIB", "19456"),
        ("FRONTROW__AUTH__ARGON2_ITERATIONS", "2"),
        ("FRONTROW__AUTH__HASHING_QUEUE", "8"),
    ];
    let attacked = Attacked::start(&settings).await;
    let url = attacked.server.url("/auth/login");
    let log_in = |number: usize| {
        let form = json!({"email": format!("nobody{number}@example.test"), "password": "a wrong password"});
        let request = attacked.client.post(&url).json(&form).send();
        async move {
            let answer = request.await.expect("an answer");
            let says_when = answer.headers().contains_key("retry-after");
            let (status, body) = (answer.status(), answer.text().await.expect("a body"));
            match status {
                StatusCode::UNAUTHORIZED => 1,
                StatusCode::SERVICE_UNAVAILABLE => {
                    assert!(says_when && body.contains("\"code\":\"overloaded\""), "{body}");
                    0
                }
                other => panic!("{other}: {body}"),
            }
        }
    };
    let storm = join_all((0..200).map(log_in));
    let (hashed, ()) = tokio::join!(storm, attacked.sells(1, 20));
    let hashed: usize = hashed.into_iter().sum();
    assert!((9..200).contains(&hashed), "{hashed} of 200 had a place in the queue");
    attacked.audit(20);
}

/// More of one address than it may have are closed, and the others go on.
#[tokio::test(flavor = "multi_thread")]
async fn an_address_may_be_held_to_so_many_connections() {
    let attacked = Attacked::start(&[("FRONTROW__HTTP__MAX_CONNECTIONS_PER_ADDRESS", "8")]).await;
    let mut open = Vec::new();
    let mut refused = 0;
    for _ in 0..20 {
        let mut stream = attacked.connect().await;
        let _ = stream.write_all(LIVE.as_bytes()).await;
        match answer(&mut stream, PATIENCE).await.expect("in time").as_str() {
            "" => refused += 1,
            said => {
                assert!(said.starts_with("HTTP/1.1 200"), "{said}");
                open.push(stream);
            }
        }
    }
    // The fans' own client has some of them open.
    assert!(open.len() <= 8 && refused >= 12, "{} open, {refused} refused", open.len());
    drop(open);
    attacked.sells(1, 3).await;
    attacked.audit(3);
}
