//! What must never be written into a log.

use std::fmt::{self, Write as _};
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use frontrow_application::catalog::WaitingRoomPatch;
use frontrow_http::{ServeLimits, bind, serve};
use frontrow_testkit::faults::{Fault, FaultyStore};
use frontrow_testkit::memory::{Disk, MemoryStore};
use frontrow_testkit::{ManualClock, Opened};
use parking_lot::Mutex;
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use crate::world::World;

/// Keeps every event and every span, of every level.
#[derive(Clone, Default)]
struct Captured(Arc<Mutex<String>>);

impl Visit for Captured {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        writeln!(self.0.lock(), "{field}={value:?}").expect("text");
    }
}

impl Subscriber for Captured {
    fn enabled(&self, _metadata: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        span.record(&mut self.clone());
        Id::from_u64(1)
    }

    fn record(&self, _span: &Id, values: &Record<'_>) {
        values.record(&mut self.clone());
    }

    fn record_follows_from(&self, _span: &Id, _follows: &Id) {}

    fn event(&self, event: &Event<'_>) {
        event.record(&mut self.clone());
    }

    fn enter(&self, _span: &Id) {}

    fn exit(&self, _span: &Id) {}
}

const LIMITS: ServeLimits = ServeLimits {
    max_connections: 10,
    connections_per_address: 0,
    header_bytes: 8_192,
    header_timeout: Duration::from_mins(1),
    write_timeout: Duration::from_mins(1),
    shutdown: Duration::from_mins(1),
};

/// The beginning of the answer.
async fn ask(address: SocketAddr, target: &str) -> String {
    let connection = TcpStream::connect(address).await.expect("connection");
    connection.writable().await.expect("open");
    let request = format!("GET {target} HTTP/1.1\r\nhost: x\r\n\r\n");
    assert_eq!(connection.try_write(request.as_bytes()).expect("sent"), request.len());
    let mut answer = [0; 1_024];
    loop {
        connection.readable().await.expect("open");
        match connection.try_read(&mut answer) {
            Ok(length) => return String::from_utf8_lossy(&answer[..length]).into_owned(),
            Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
        }
    }
}

/// On one thread, so that the subscriber of this thread sees all that the server does.
#[tokio::test]
async fn a_token_in_an_address_is_never_logged() {
    let world = World::new();
    let sale = world.a_sale(WaitingRoomPatch::default()).await;
    let ann = world.fan("ann", 0).await;
    let token = world.join(&ann, sale.concert).await;
    world.tick().await;
    let captured = Captured::default();
    let _guard = tracing::subscriber::set_default(captured.clone());

    let listener = bind("127.0.0.1:0".parse().expect("address"), 16).expect("listener");
    let address = listener.local_addr().expect("address");
    let stop = CancellationToken::new();
    let serving = tokio::spawn(serve(listener, world.router.clone(), LIMITS, stop.clone()));
    let seats = format!("/api/v1/concerts/{}/schedules/{}/seats", sale.concert, sale.schedule);
    for (target, status) in [
        (format!("/api/v1/queues/stream?token={token}"), "200"),
        (format!("{seats}/stream?token={token}"), "200"),
        (format!("/api/v1/queues/stream?token={token}&x=1"), "400"),
        (format!("/api/v1/queues/stream?token=x{token}"), "403"),
        (format!("{seats}?token={token}"), "400"),
        (format!("/nowhere?token={token}"), "404"),
        (format!("/api/v1/queues/stream?token={token} nonsense"), "400"),
    ] {
        // The client goes away in the middle of a stream.
        let answer = ask(address, &target).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{target}: {answer}");
    }
    stop.cancel();
    world.stopping.cancel();
    serving.await.expect("served");
    tracing::info!(control = "this is seen");
    let text = captured.0.lock().clone();
    assert!(text.contains("this is seen"), "{text}");
    assert!(!text.contains(&token), "{text}");
}

/// Of a store that is away every request is told why it failed, and the log is told once a second.
#[tokio::test]
async fn a_failure_is_logged_once_where_the_request_ends_and_not_for_everybody() {
    let clock = ManualClock::default();
    let opened = Opened::of(MemoryStore::open(&Disk::default(), Arc::new(clock.clone())));
    let (store, opened) = FaultyStore::before(&opened);
    let world = World::over(opened, clock, tempfile::tempdir().expect("folder"), |_| {}, |_| {});
    let ann = world.fan("ann", 0).await;
    let captured = Captured::default();
    let _guard = tracing::subscriber::set_default(captured.clone());
    let form = serde_json::json!({"amount": 1_000, "method": "card"});
    for number in 0..50 {
        store.fail_next(Fault::Unavailable);
        let key = format!("{number}");
        let answer = world.post("/api/v1/users/me/charge", &form).by(&ann).key(&key).send().await;
        answer.problem(503, "store_unavailable");
    }
    let text = captured.0.lock().clone();
    let told: Vec<_> = text.split("message=").filter(|event| event.starts_with("a request failed")).collect();
    assert_eq!(told.len(), 50, "{text}");
    let at_large: Vec<_> = told.iter().filter(|event| event.contains("untold=")).collect();
    assert!((1..10).contains(&at_large.len()), "the others are for whoever debugs: {text}");
    for part in
        ["code=\"store_unavailable\"", "cause=\"scripted\"", "route=\"/api/v1/users/{userId}/charge\""]
    {
        assert!(at_large[0].contains(part), "no {part}: {}", at_large[0]);
    }
}
