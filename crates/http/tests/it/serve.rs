//! Serving over real connections: limits, and stopping. The clients here block, so these tests need a runtime with
//! threads of its own for the server.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use axum::Router;
use frontrow_http::{ServeLimits, bind, serve};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::world::World;

/// A server on a free port of this machine.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    pub(crate) stop: CancellationToken,
    pub(crate) task: JoinHandle<usize>,
}

pub(crate) const LIMITS: ServeLimits = ServeLimits {
    max_connections: 2,
    connections_per_address: 0,
    header_bytes: 8_192,
    header_timeout: Duration::from_mins(1),
    write_timeout: Duration::from_mins(1),
    shutdown: Duration::from_mins(1),
};

const LIVE: &str = "GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n";

impl Running {
    pub(crate) fn start(world: &World) -> Self {
        Self::with(world, LIMITS)
    }

    pub(crate) fn with(world: &World, limits: ServeLimits) -> Self {
        Self::over(world.router.clone(), limits)
    }

    pub(crate) fn over(router: Router, limits: ServeLimits) -> Self {
        let listener = bind("127.0.0.1:0".parse().expect("address"), 4_096).expect("listener");
        let address = listener.local_addr().expect("address");
        let stop = CancellationToken::new();
        let task = tokio::spawn(serve(listener, router, limits, stop.clone()));
        Self { address, stop, task }
    }

    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).expect("connection");
        stream.set_read_timeout(Some(Duration::from_mins(1))).expect("timeout");
        stream
    }

    /// Sends a request on a connection of its own, and answers all that comes back.
    pub(crate) fn ask(&self, request: &str) -> String {
        let mut stream = self.connect();
        // Not by closing our half: hyper takes that for a client that has gone.
        let request = request.replacen("host: x\r\n", "host: x\r\nconnection: close\r\n", 1);
        // A server that has had enough may close before it has read everything.
        let _ = stream.write_all(request.as_bytes());
        read_all(&mut stream)
    }
}

/// Everything until the connection ends, in whatever way.
pub(crate) fn read_all(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

/// One answer without a long body.
fn read_one(stream: &mut TcpStream) -> String {
    let mut answer = [0; 2_048];
    let length = stream.read(&mut answer).expect("answer");
    String::from_utf8_lossy(&answer[..length]).into_owned()
}

pub(crate) fn send(stream: &mut TcpStream, text: &str) {
    stream.write_all(text.as_bytes()).expect("sent");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_carry_the_date_and_connections_are_kept() {
    let world = World::new();
    let server = Running::start(&world);
    let mut stream = server.connect();
    for _ in 0..3 {
        send(&mut stream, LIVE);
        let answer = read_one(&mut stream).to_lowercase();
        assert!(answer.starts_with("http/1.1 200 ok"), "{answer}");
        assert!(answer.contains("\r\ndate: ") && answer.contains("\r\nx-request-id: "), "{answer}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn headers_that_are_too_long_or_too_slow_end_the_connection() {
    let world = World::new();
    let server = Running::with(&world, ServeLimits { header_timeout: Duration::from_millis(100), ..LIMITS });
    let long = format!("GET /health/live HTTP/1.1\r\nhost: x\r\nx-long: {}\r\n\r\n", "x".repeat(20_000));
    let answer = server.ask(&long);
    assert!(!answer.starts_with("HTTP/1.1 200"), "{answer}");
    let mut slow = server.connect();
    send(&mut slow, "GET /health/live HTTP/1.1\r\nhost:");
    let answer = read_all(&mut slow);
    assert!(!answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(server.ask(LIVE).starts_with("HTTP/1.1 200"), "the server goes on");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_connections_than_allowed_wait_for_their_turn() {
    let world = World::new();
    let server = Running::start(&world);
    let mut open = [server.connect(), server.connect()];
    for stream in &mut open {
        send(stream, LIVE);
        read_one(stream);
    }
    let mut third = server.connect();
    send(&mut third, LIVE);
    third.set_read_timeout(Some(Duration::from_millis(100))).expect("timeout");
    assert!(third.read(&mut [0]).is_err(), "nobody serves it yet");
    drop(open);
    third.set_read_timeout(Some(Duration::from_mins(1))).expect("timeout");
    assert!(read_one(&mut third).starts_with("HTTP/1.1 200"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_answers_what_was_accepted_and_takes_nothing_new() {
    let world = World::new();
    let server = Running::start(&world);
    // A request that has begun to come in.
    let mut open = server.connect();
    let body = r#"{"email": "ann@example.test", "password": "long enough", "name": "Ann"}"#;
    let length = body.len();
    let head = "POST /api/v1/auth/signup HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n";
    send(&mut open, &format!("{head}content-length: {length}\r\nexpect: 100-continue\r\n\r\n"));
    assert!(read_one(&mut open).starts_with("HTTP/1.1 100"), "the server waits for the body");
    send(&mut open, &body[..10]);
    // Another connection that was answered already and lies idle.
    let mut idle = server.connect();
    send(&mut idle, LIVE);
    read_one(&mut idle);
    server.stop.cancel();
    assert_eq!(read_all(&mut idle), "", "an idle connection is closed");
    send(&mut open, &body[10..]);
    let answer = read_all(&mut open);
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    assert_eq!(server.task.await.expect("end"), 0, "nothing was cut off");
    assert!(TcpStream::connect(server.address).is_err(), "nobody listens");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_does_not_wait_for_ever() {
    let world = World::new();
    let server = Running::with(&world, ServeLimits { shutdown: Duration::from_millis(50), ..LIMITS });
    let mut stuck = server.connect();
    let head = "POST /api/v1/auth/signup HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n";
    send(&mut stuck, &format!("{head}content-length: 9\r\nexpect: 100-continue\r\n\r\n"));
    assert!(read_one(&mut stuck).starts_with("HTTP/1.1 100"), "the server waits for the body");
    server.stop.cancel();
    assert_eq!(server.task.await.expect("end"), 1, "the one that never sent its body");
}
