//! Many open seat streams on one server: what each takes of its memory, and what an event to all of them costs. The
//! server is the real binary in a process of its own, so its memory is nobody else's. Everything is on; an event is a
//! durable hold of one seat.
//!
//! `cargo bench -p frontrow-server --bench streams -- [--streams 10000] [--events 50] [--pause-ms 300]
//! [--storm-seconds 10]`

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

mod process;
#[path = "../tests/process/server.rs"]
mod server;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use frontrow_rehearsal::floor::FloorAnswer;
use frontrow_rehearsal::{Listeners, Request, Spread};
use process::Process;
use server::{Server, frontrow, token};

/// How long all of them may take to open, or to hear of something.
const PATIENCE: Duration = Duration::from_mins(1);
/// Seats of the schedule.
const SEATS: usize = 10_000;

struct Options {
    streams: usize,
    events: usize,
    /// From one event to the next.
    pause: Duration,
    /// How long seats are then held without a pause.
    storm: Duration,
}

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let mut options = Options {
        streams: 10_000,
        events: 50,
        pause: Duration::from_millis(300),
        storm: Duration::from_secs(10),
    };
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().with_context(|| format!("{argument} needs a value"));
        match argument.as_str() {
            "--bench" => {}
            "--streams" => options.streams = value()?.parse()?,
            "--events" => options.events = value()?.parse()?,
            "--pause-ms" => options.pause = Duration::from_millis(value()?.parse()?),
            "--storm-seconds" => options.storm = Duration::from_secs(value()?.parse()?),
            other => bail!("unknown argument {other}; see the top of benches/streams.rs"),
        }
    }
    bench(&options)
}

fn bench(options: &Options) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let server = Server::start(folder.path(), &[]);
    let hall = Hall::open(server.address, SEATS)?;
    println!(
        "{} processors; {} streams, {} events with {} ms from one to the next",
        std::thread::available_parallelism()?,
        options.streams,
        options.events,
        options.pause.as_millis()
    );
    // What the first hold loads for good is not a stream's.
    hall.hold(1)?;
    let idle = Process::of(server.id())?;
    let begin = Instant::now();
    let mut listeners = Listeners::open(server.address, &hall.stream(), options.streams, PATIENCE)?;
    println!("opened in {:.1} s", begin.elapsed().as_secs_f64());
    report("open", &idle, &Process::of(server.id())?, options.streams);
    events(&hall, &server, &mut listeners, options)?;
    storm(&hall, &server, &mut listeners, options)?;
    report("after the events", &idle, &Process::of(server.id())?, options.streams);
    // Long enough for a sign of life on each.
    let before = Process::of(server.id())?;
    listeners.listen(Duration::from_secs(16))?;
    let after = Process::of(server.id())?;
    println!("16 s of silence: {:.2} s of processor time", after.processor - before.processor);
    report("after the silence", &idle, &after, options.streams);
    let begin = Instant::now();
    let status = server.stop();
    println!("stopped with all streams open in {:.2} s", begin.elapsed().as_secs_f64());
    if !status.success() {
        bail!("the server ended with {status}");
    }
    let audit = frontrow(folder.path()).arg("audit").output()?;
    if !audit.status.success() {
        bail!("the audit found differences: {}", String::from_utf8_lossy(&audit.stdout));
    }
    println!("the audit afterwards was clean");
    Ok(())
}

/// Holds one seat after the other and waits each time until the last stream has heard of it.
fn events(hall: &Hall, server: &Server, listeners: &mut Listeners, options: &Options) -> Result<()> {
    let before = Process::of(server.id())?;
    let mut delays = Vec::new();
    for number in 0..options.events {
        let due = Instant::now() + options.pause;
        hall.hold(number + 2)?;
        // The schedule begins with version 1, and each hold is one more.
        let version = u64::try_from(number + 3)?;
        delays.push(listeners.wait_for(version, PATIENCE)?.as_secs_f64() * 1_000.0);
        listeners.listen(due.saturating_duration_since(Instant::now()))?;
    }
    let spent = Process::of(server.id())?.processor - before.processor;
    let deliveries = options.streams * options.events;
    println!(
        "events: {:.1} ms of processor time each, {:.2} µs a stream; from the hold's answer to the last stream {:.0} ms",
        spent * 1_000.0 / options.events as f64,
        spent * 1_000_000.0 / deliveries as f64,
        Spread::of(delays).context("no events")?
    );
    Ok(())
}

/// Holds seats as fast as one client can, whatever the streams have heard.
fn storm(hall: &Hall, server: &Server, listeners: &mut Listeners, options: &Options) -> Result<()> {
    let (before, heard) = (Process::of(server.id())?, listeners.heard());
    let until = Instant::now() + options.storm;
    let first = options.events + 2;
    let held = std::thread::scope(|scope| {
        let fan = scope.spawn(|| {
            let mut seat = first;
            while Instant::now() < until && seat <= SEATS {
                hall.hold(seat)?;
                seat += 1;
            }
            Ok::<_, anyhow::Error>(seat - first)
        });
        listeners.listen(options.storm)?;
        fan.join().map_err(|_| anyhow::anyhow!("the fan panicked"))?
    })?;
    // The schedule begins with version 1, and each hold is one more.
    listeners.wait_for(u64::try_from(first + held)?, PATIENCE)?;
    let spent = Process::of(server.id())?.processor - before.processor;
    let heard = listeners.heard() - heard;
    println!(
        "storm: {held} holds in {:.0} s; {:.1} events a stream and second, {:.2} µs of processor time each; {:.2} processors",
        options.storm.as_secs_f64(),
        heard as f64 / options.streams as f64 / options.storm.as_secs_f64(),
        spent * 1_000_000.0 / heard as f64,
        spent / options.storm.as_secs_f64()
    );
    Ok(())
}

fn report(when: &str, idle: &Process, now: &Process, streams: usize) {
    let a_stream = |kib: i64| kib as f64 / streams as f64;
    println!(
        "{when}: {} KiB resident ({} KiB idle), {:.2} KiB a stream; {} open files",
        now.resident_kib,
        idle.resident_kib,
        a_stream(now.resident_kib - idle.resident_kib),
        now.open_files
    );
}

/// One schedule, and fans who each hold a seat of it.
struct Hall {
    address: SocketAddr,
    host: String,
    schedule: u64,
    path: String,
}

impl Hall {
    fn open(address: SocketAddr, seats: usize) -> Result<Self> {
        let mut hall = Self { address, host: address.to_string(), schedule: 0, path: String::new() };
        let operator = token("operator", "operator");
        let concert =
            r#"{"title":"Bench","artist":"Nobody","description":"","waitingRoom":{"enabled":false}}"#;
        let concert =
            hall.post(&operator, "/api/v1/admin/concerts", "concert", concert)?["concertId"].clone();
        let schedule = format!(
            "{{\"venue\":\"Hall\",\"startsAt\":\"2099-01-01T00:00:00Z\",\"durationMinutes\":60,\
             \"bookingStart\":\"2020-01-01T00:00:00Z\",\"bookingEnd\":\"2098-01-01T00:00:00Z\",\
             \"holdSeconds\":3600,\"holdMaxSeconds\":3600,\
             \"seatPlan\":{{\"plain\":{{\"seats\":{seats},\"price\":1000}}}}}}"
        );
        let path = format!("/api/v1/admin/concerts/{concert}/schedules");
        let schedule = hall.post(&operator, &path, "schedule", &schedule)?["scheduleId"].clone();
        hall.schedule = schedule.as_u64().context("no number")?;
        hall.path = format!("/api/v1/concerts/{concert}/schedules/{schedule}/seats/stream");
        Ok(hall)
    }

    /// The request that opens a stream.
    fn stream(&self) -> Vec<u8> {
        let headers = [("accept", "text/event-stream"), ("user-agent", "Mozilla/5.0 (X11; Linux x86_64)")];
        Request::get(&self.host, &self.path).headers(&headers).to_bytes()
    }

    /// A fan of its own holds this seat.
    fn hold(&self, seat: usize) -> Result<()> {
        let body = format!("{{\"scheduleId\":{},\"seats\":[{seat}]}}", self.schedule);
        let key = format!("hold-{seat}");
        self.post(&token(&format!("fan-{seat}"), "fan"), "/api/v1/reservations", &key, &body).map(drop)
    }

    fn post(&self, token: &str, path: &str, key: &str, body: &str) -> Result<serde_json::Value> {
        let bearer = format!("Bearer {token}");
        let headers = [("authorization", bearer.as_str()), ("idempotency-key", key)];
        let request = Request::post(&self.host, path, body.as_bytes()).headers(&headers).to_bytes();
        let answer = FloorAnswer::sampled(self.address, &request)?;
        let answer = answer.with_context(|| format!("no answer from {path}"))?;
        if answer.status != 201 {
            bail!("{path} answered {} {}", answer.status, String::from_utf8_lossy(&answer.body));
        }
        Ok(serde_json::from_slice(&answer.body)?)
    }
}
