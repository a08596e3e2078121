//! The live seat map: what comes, in which order, from where on, and what ends it.

use std::convert::Infallible;
use std::future::ready;
use std::io::{BufRead as _, BufReader};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::routing::get;
use expect_test::expect;
use frontrow_application::catalog::{ConcertPatch, SchedulePatch};
use frontrow_application::reservation::HoldRequest;
use frontrow_application::staff::By;
use frontrow_domain::{ReservationId, ScheduleId, UserId};
use frontrow_http::ServeLimits;
use frontrow_testkit::stage::seats;
use futures_util::future::join_all;
use futures_util::stream;
use http_body_util::BodyExt as _;
use serde_json::json;
use socket2::{Domain, Socket, Type};

use crate::serve::{LIMITS, Running, read_all, send};
use crate::world::World;

/// A schedule that is followed.
struct Hall {
    world: World,
    schedule: ScheduleId,
    path: String,
}

impl Hall {
    async fn new() -> Self {
        Self::of(World::new(), 50).await
    }

    async fn of(world: World, seats: u32) -> Self {
        let concert = world.stage.a_concert().make().await;
        let schedule = world.stage.a_schedule().of(concert).seats(seats).max_seats_per_fan(100).make().await;
        let path = format!("/api/v1/concerts/{concert}/schedules/{schedule}/seats/stream");
        Self { world, schedule, path }
    }

    /// What the server does ten times a second.
    async fn tick(&self) {
        self.world.stage.app.tick_feeds().await.expect("tick");
    }

    /// A fan takes a seat, whoever that is.
    async fn hold(&self, seat: u32) {
        let fan = self.world.stage.a_fan().make().await;
        self.hold_by(fan, [seat]).await;
    }

    async fn hold_by(&self, fan: UserId, numbers: impl IntoIterator<Item = u32>) -> ReservationId {
        let request = HoldRequest { schedule: self.schedule, seats: seats(numbers) };
        self.world.stage.app.hold(fan, request, None).await.expect("a hold").outcome.0.id
    }

    async fn version(&self) -> u64 {
        let found = self.world.stage.app.any_schedule(self.schedule).await.expect("readable");
        found.expect("there").board.version()
    }

    fn request(&self) -> String {
        format!("GET {} HTTP/1.1\r\nhost: x\r\n\r\n", self.path)
    }
}

/// What comes next, as it stands in the body; empty at the end.
async fn raw(body: &mut Body) -> String {
    let Some(frame) = body.frame().await else { return String::new() };
    let bytes = frame.expect("readable").into_data().expect("data");
    String::from_utf8(bytes.to_vec()).expect("text")
}

#[tokio::test]
async fn a_stream_begins_where_the_map_stands_and_follows_it() {
    let hall = Hall::new().await;
    let world = &hall.world;
    let (mut head, mut body) = world.get(&hall.path).open().await.into_parts();
    assert_eq!(head.status, 200);
    head.headers.remove("x-request-id");
    let headers: Vec<_> = head
        .headers
        .iter()
        .map(|(name, value)| format!("{name}: {}", value.to_str().expect("text")))
        .collect();
    expect![[r"
        content-type: text/event-stream
        cache-control: no-store
        x-accel-buffering: no"]]
    .assert_eq(&headers.join("\n"));
    expect![[r#"
        event: seats
        id: 1
        data: {"version":1,"changes":[]}

    "#]]
    .assert_eq(&raw(&mut body).await);

    let ann = world.fan("ann", 100_000).await;
    let reservation = world.hold(&ann, hall.schedule, &[7, 3]).await;
    hall.tick().await;
    expect![[r#"
        event: seats
        id: 2
        data: {"version":2,"changes":[{"no":3,"state":"held"},{"no":7,"state":"held"}]}

    "#]]
    .assert_eq(&raw(&mut body).await);
    world.pay(&ann, &reservation).await;
    hall.tick().await;
    expect![[r#"
        event: seats
        id: 3
        data: {"version":3,"changes":[{"no":3,"state":"sold"},{"no":7,"state":"sold"}]}

    "#]]
    .assert_eq(&raw(&mut body).await);
}

#[tokio::test]
async fn what_happens_between_two_ticks_is_one_event() {
    let hall = Hall::new().await;
    let mut stream = hall.world.get(&hall.path).listen().await;
    assert_eq!(stream.next().await.data, json!({"version": 1, "changes": []}));
    let ann = hall.world.fan("ann", 100_000).await;
    let held = hall.world.hold(&ann, hall.schedule, &[1]).await;
    hall.world.pay(&ann, &held).await;
    hall.hold(2).await;
    assert_eq!(stream.now(), [], "not before the tick");
    hall.tick().await;
    let changes = json!([{"no": 1, "state": "sold"}, {"no": 2, "state": "held"}]);
    assert_eq!(stream.next().await.data, json!({"version": 4, "changes": changes}));
    hall.tick().await;
    assert_eq!(stream.now(), [], "nothing has changed");
    // A lapse comes with the commit that frees the seat.
    hall.world.stage.clock.advance_micros(301 * 1_000_000);
    hall.world.stage.app.tick_expiry().await.expect("tick");
    hall.tick().await;
    let freed = json!({"version": 5, "changes": [{"no": 2, "state": "available"}]});
    assert_eq!(stream.next().await.data, freed);
    assert!(!stream.has_ended);
}

#[tokio::test]
async fn a_client_goes_on_from_what_it_has() {
    let hall = Hall::new().await;
    // Maps are kept in memory from the first time that somebody asks.
    hall.world.get(&hall.path).listen().await.next().await;
    for seat in 1..=3 {
        hall.hold(seat).await;
    }
    let held = |numbers: &[u32]| {
        let changes: Vec<_> = numbers.iter().map(|no| json!({"no": no, "state": "held"})).collect();
        json!({"version": 4, "changes": changes})
    };
    for (since, last, first) in [
        (None, None, held(&[])),
        (Some("1"), None, held(&[1, 2, 3])),
        (Some("3"), None, held(&[3])),
        (Some("4"), None, held(&[])),
        (None, Some("2"), held(&[2, 3])),
        // A browser comes back to the same address, and knows more than it says.
        (Some("1"), Some("3"), held(&[3])),
    ] {
        let query = since.map_or_else(String::new, |since| format!("?since={since}"));
        let mut call = hall.world.get(&format!("{}{query}", hall.path));
        if let Some(last) = last {
            call = call.header("last-event-id", last);
        }
        let mut stream = call.listen().await;
        let event = stream.next().await;
        assert_eq!((event.name.as_str(), event.id, event.data), ("seats", 4, first), "{since:?} {last:?}");
        assert_eq!(stream.now(), [], "{since:?} {last:?}");
    }
}

#[tokio::test]
async fn after_too_large_a_gap_the_client_fetches_the_map_again() {
    let hall = Hall::new().await;
    let mut stream = hall.world.get(&hall.path).listen().await;
    stream.next().await;
    hall.hold(1).await;
    for unknown in ["0", "3", "9223372036854775807"] {
        let mut lost = hall.world.get(&format!("{}?since={unknown}", hall.path)).listen().await;
        let event = lost.next().await;
        assert_eq!((event.name.as_str(), event.id), ("reset", 2), "{unknown}");
        assert_eq!(event.data, json!({"version": 2}), "{unknown}");
    }
    hall.tick().await;
    assert_eq!(stream.next().await.id, 2);
    // Nobody remembers what happens while the map is not in memory.
    let patch = SchedulePatch { venue: Some("Annex".to_owned()), ..SchedulePatch::default() };
    hall.world.stage.app.edit_schedule(By::System, hall.schedule, patch).await.expect("edit");
    hall.hold(2).await;
    hall.tick().await;
    let reset = stream.next().await;
    assert_eq!((reset.name.as_str(), reset.id, reset.data), ("reset", 3, json!({"version": 3})));
    hall.hold(3).await;
    hall.tick().await;
    let event = stream.next().await;
    assert_eq!(event.data, json!({"version": 4, "changes": [{"no": 3, "state": "held"}]}), "it goes on");
}

#[tokio::test]
async fn what_is_not_there_cannot_be_followed() {
    let hall = Hall::new().await;
    let world = &hall.world;
    let other = world.stage.a_concert().make().await;
    let hidden = world.stage.a_concert().unpublished().make().await;
    let schedule = world.stage.a_schedule().of(hidden).make().await;
    for path in [
        format!("{other}/schedules/{}", hall.schedule),
        format!("{other}/schedules/99"),
        format!("99/schedules/{}", hall.schedule),
        format!("{hidden}/schedules/{schedule}"),
        "x/schedules/1".to_owned(),
        "1/schedules/x".to_owned(),
    ] {
        let path = format!("/api/v1/concerts/{path}/seats/stream");
        world.get(&path).send().await.problem(404, "not_found");
    }
    for query in ["since=x", "since=-1", "since=1&since=2", "state=available"] {
        world.get(&format!("{}?{query}", hall.path)).send().await.problem(400, "invalid_request");
    }
    for last in ["", "x", "-1", "1.5", "18446744073709551616"] {
        let call = world.get(&hall.path).header("last-event-id", last);
        call.send().await.problem(400, "invalid_request");
    }
    world.call("HEAD", &hall.path).send().await.expect(200);
}

#[tokio::test]
async fn a_stream_outlives_the_time_limit_of_requests_and_breaks_its_silence() {
    let world = World::with(|http| http.request_timeout = Duration::from_secs(1), |_| {});
    let hall = Hall::of(world, 5).await;
    let mut body = hall.world.get(&hall.path).open().await.into_body();
    assert!(raw(&mut body).await.starts_with("event: seats\n"));
    // From here on nothing but timers is waited for, so time passes at once.
    tokio::time::pause();
    let begin = tokio::time::Instant::now();
    for round in 1..=4 {
        assert_eq!(raw(&mut body).await, ":\n\n");
        assert_eq!(begin.elapsed().as_secs(), 15 * round);
    }
    tokio::time::resume();
    hall.hold(1).await;
    hall.tick().await;
    assert!(raw(&mut body).await.contains("\"no\":1"));
}

#[tokio::test]
async fn a_stream_ends_when_its_concert_is_hidden() {
    let hall = Hall::new().await;
    let found = hall.world.stage.app.any_schedule(hall.schedule).await.expect("readable").expect("there");
    let mut stream = hall.world.get(&hall.path).listen().await;
    stream.next().await;
    let patch = ConcertPatch { published: Some(false), ..ConcertPatch::default() };
    hall.world.stage.app.edit_concert(By::System, found.schedule.concert, patch).await.expect("edit");
    hall.tick().await;
    stream.end().await;
    hall.world.get(&hall.path).send().await.problem(404, "not_found");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_ends_the_streams_and_does_not_wait_for_them() {
    let stop = tokio_util::sync::CancellationToken::new();
    let stopping = stop.clone();
    let hall = Hall::of(World::with(|http| http.stopping = stopping, |_| {}), 5).await;
    let server = Running::with(&hall.world, LIMITS);
    let mut open = [server.connect(), server.connect()];
    let mut lines = open.each_ref().map(|stream| BufReader::new(stream.try_clone().expect("socket")));
    for (stream, lines) in open.iter_mut().zip(&mut lines) {
        send(stream, &hall.request());
        until(lines, "id: 1");
    }
    stop.cancel();
    server.stop.cancel();
    for (mut stream, lines) in open.into_iter().zip(lines) {
        let rest = String::from_utf8_lossy(lines.buffer()).into_owned() + &read_all(&mut stream);
        assert!(rest.ends_with("\r\n0\r\n\r\n"), "it ends as a whole answer: {rest:?}");
    }
    assert_eq!(server.task.await.expect("end"), 0, "nothing was cut off");
}

/// Reads up to a line.
fn until(lines: &mut BufReader<TcpStream>, wanted: &str) {
    let mut line = String::new();
    while line.trim() != wanted {
        line.clear();
        assert_ne!(lines.read_line(&mut line).expect("a line"), 0, "the stream ended before {wanted:?}");
    }
}

/// A client whose system keeps next to nothing for it.
fn deaf(server: &Running) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("socket");
    socket.set_recv_buffer_size(4_096).expect("option");
    socket.connect(&server.address.into()).expect("connection");
    socket.into()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_stops_reading_is_dropped_and_others_go_on() {
    const FANS: u32 = 40;
    let world = World::with(|_| {}, |settings| settings.sales.max_seats_per_request = 100);
    let hall = Hall::of(world, FANS * 100).await;
    let limits = ServeLimits { write_timeout: Duration::from_millis(300), ..LIMITS };
    let server = Running::with(&hall.world, limits);
    let mut deaf = deaf(&server);
    send(&mut deaf, &hall.request());
    let mut listener = server.connect();
    send(&mut listener, &hall.request());
    let mut lines = BufReader::new(listener);
    until(&mut lines, "id: 1");
    // Both places are taken: somebody else is served only when the deaf one has lost its own.
    let mut third = server.connect();
    send(&mut third, "GET /health/live HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    // Each round has two events with thousands of seats, so a connection that is not read is full soon.
    let fans = hall.world.stage.fans(FANS, 0).await;
    for _ in 0..8 {
        let holds = fans
            .iter()
            .zip(0..)
            .map(|(&fan, number)| hall.hold_by(fan, number * 100 + 1..=number * 100 + 100));
        let held = join_all(holds).await;
        hall.tick().await;
        let version = hall.version().await;
        until(&mut lines, &format!("id: {version}"));
        let ends = fans.iter().zip(held).map(|(&fan, id)| hall.world.stage.app.cancel(fan, id));
        assert!(join_all(ends).await.iter().all(Result::is_ok));
        hall.tick().await;
        let version = hall.version().await;
        until(&mut lines, &format!("id: {version}"));
    }
    assert!(read_all(&mut third).starts_with("HTTP/1.1 200"));
    let left = read_all(&mut deaf).len();
    assert!(
        left < 1 << 20,
        "of {} MB nothing was kept for it, but {left} bytes",
        16 * FANS * 100 * 29 / 1_000_000
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_more_is_made_for_a_client_than_its_connection_takes() {
    const CHUNK: usize = 16 << 10;
    let made = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&made);
    let endless = move || {
        let chunks = stream::repeat_with(move || {
            count.fetch_add(CHUNK, Ordering::Relaxed);
            Ok::<_, Infallible>(Bytes::from_static(&[b'x'; CHUNK]))
        });
        ready(Body::from_stream(chunks))
    };
    let router = Router::new().route("/endless", get(endless)).route("/", get(|| ready("here")));
    let limits = ServeLimits { max_connections: 1, write_timeout: Duration::from_millis(200), ..LIMITS };
    let server = Running::over(router, limits);
    let mut deaf = deaf(&server);
    send(&mut deaf, "GET /endless HTTP/1.1\r\nhost: x\r\n\r\n");
    // There is one place, so this is answered when the deaf one has lost it.
    assert!(server.ask("GET / HTTP/1.1\r\nhost: x\r\n\r\n").ends_with("here"));
    let made = made.load(Ordering::Relaxed);
    assert!((CHUNK..1 << 20).contains(&made), "{made} bytes");
}
