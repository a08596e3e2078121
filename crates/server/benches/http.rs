//! Holds, charges, payments and reads over HTTP, each beside the floor of the same run: a bare axum server that
//! takes and gives the same bytes. Everything is on: authentication, idempotency, outbox, durable commit. A result
//! counts only when the audit passes on the store afterwards.
//!
//! `cargo bench -p frontrow-server --bench http -- [--seconds 3] [--runs 3] [--connections 64,256]
//! [--only /reservations]`

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

#[path = "../tests/process/server.rs"]
mod server;

use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use frontrow_rehearsal::floor::{Floor, FloorAnswer, FloorProcess, announce_and_serve};
use frontrow_rehearsal::{Answer, Next, Plan, Repeat, Report, Request, Script, Spread, Step, Then, run};
use server::{Server, frontrow, token};

/// Seats of each schedule that is sold.
const SEATS: usize = 100_000;
/// Schedules that are sold, one after the other.
const SCHEDULES: usize = 6;
/// Fans; each has two holds in every schedule.
const FANS: usize = 50_000;
/// What a seat costs.
const PRICE: usize = 1_000;

struct Options {
    seconds: f64,
    runs: usize,
    connections: Vec<usize>,
    /// Only the routes whose name contains this.
    only: String,
}

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let mut options = Options { seconds: 3.0, runs: 3, connections: vec![64, 256], only: String::new() };
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().with_context(|| format!("{argument} needs a value"));
        match argument.as_str() {
            "--bench" => {}
            "--serve-floor" => {
                let answer = FloorAnswer::sized(value()?.parse()?, value()?.parse()?);
                return Ok(announce_and_serve(Floor { post: answer.clone(), get: answer })?);
            }
            "--seconds" => options.seconds = value()?.parse()?,
            "--only" => options.only = value()?,
            "--runs" => options.runs = value()?.parse()?,
            "--connections" => {
                options.connections = value()?.split(',').map(str::parse).collect::<Result<_, _>>()?;
            }
            other => bail!("unknown argument {other}; see the top of benches/http.rs"),
        }
    }
    bench(&options)
}

fn bench(options: &Options) -> Result<()> {
    let folder = tempfile::tempdir()?;
    // The limits of one fan are not what is measured here.
    let server = Server::start(folder.path(), &[("FRONTROW__SALES__MAX_SEATS_PER_FAN", "100")]);
    let mut night = Night::prepare(server.address)?;
    println!(
        "{} processors; {} runs of {} s each after 20 % warm-up, route and floor in turn; median (lowest–highest)",
        std::thread::available_parallelism()?,
        options.runs,
        options.seconds
    );
    println!("{FANS} fans, {SCHEDULES} schedules of {SEATS} seats, SQLite WAL synchronous=FULL\n");
    println!("| route | connections | floor/s | Frontrow/s | ratio | p50 ms | p99 ms |");
    println!("|---|---|---|---|---|---|---|");
    for &connections in &options.connections {
        for route in Route::ALL.into_iter().filter(|route| route.name().contains(&options.only)) {
            measure(&mut night, route, connections, options)?;
        }
    }
    println!("\n{}", groups(server.address)?);
    let audit = frontrow(folder.path()).arg("audit").output()?;
    println!("\n{}", String::from_utf8_lossy(&audit.stdout));
    if !audit.status.success() {
        bail!("the audit found differences: the figures above do not count");
    }
    let status = server.stop();
    if !status.success() {
        bail!("the server ended with {status}");
    }
    Ok(())
}

#[derive(Clone, Copy, PartialEq)]
enum Route {
    Hold,
    Charge,
    Pay,
    Reservation,
    Map,
    States,
}

impl Route {
    const ALL: [Self; 6] = [Self::Hold, Self::Charge, Self::Pay, Self::Reservation, Self::Map, Self::States];

    const fn name(self) -> &'static str {
        match self {
            Self::Hold => "POST /reservations (all different)",
            Self::Charge => "POST /users/me/charge",
            Self::Pay => "POST /payments",
            Self::Reservation => "GET /reservations/{id} (paid)",
            Self::Map => "GET …/seats (50 seats)",
            Self::States => "GET …/states (100,000 seats)",
        }
    }

    const fn expected(self) -> u16 {
        match self {
            Self::Hold | Self::Pay => 201,
            _ => 200,
        }
    }
}

/// What the fans know: who they are, and what they have done so far.
struct Night {
    address: SocketAddr,
    host: String,
    bearers: Vec<String>,
    schedules: Vec<u64>,
    small_concert: u64,
    small_schedule: u64,
    big_concert: u64,
    /// Seats held so far, over all schedules.
    held: usize,
    /// Charges sent so far.
    charged: usize,
    /// Held and not paid: reservation and fan.
    unpaid: Vec<([u8; 36], usize)>,
    /// Paid: reservation and fan.
    paid: Vec<([u8; 36], usize)>,
    read: usize,
    numbers: usize,
}

impl Night {
    fn prepare(address: SocketAddr) -> Result<Self> {
        let mut night = Self {
            address,
            host: address.to_string(),
            bearers: (0..FANS).map(|fan| format!("Bearer {}", token(&format!("fan-{fan}"), "fan"))).collect(),
            schedules: Vec::new(),
            small_concert: 0,
            small_schedule: 0,
            big_concert: 0,
            held: 0,
            charged: 0,
            unpaid: Vec::new(),
            paid: Vec::new(),
            read: 0,
            numbers: 0,
        };
        let operator = format!("Bearer {}", token("operator", "operator"));
        night.small_concert = night.create(&operator, "/api/v1/admin/concerts", CONCERT)?;
        let path = format!("/api/v1/admin/concerts/{}/schedules", night.small_concert);
        night.small_schedule = night.create(&operator, &path, &schedule(50))?;
        night.big_concert = night.create(&operator, "/api/v1/admin/concerts", CONCERT)?;
        let path = format!("/api/v1/admin/concerts/{}/schedules", night.big_concert);
        for _ in 0..SCHEDULES {
            let id = night.create(&operator, &path, &schedule(SEATS))?;
            night.schedules.push(id);
        }
        // Every fan is made at first sight, and charges enough for everything.
        let plan = Plan::new(address, 64).requests(FANS as u64).timeout(Duration::from_secs(30));
        let mut script = Fans { night: &mut night, route: Route::Charge, left: FANS, refused: None };
        let report = run(&plan, &mut script)?;
        check(&report, Route::Charge, script.refused.as_deref())?;
        Ok(night)
    }

    /// Sends one request as an operator, and answers the number in the answer.
    fn create(&self, bearer: &str, path: &str, body: &str) -> Result<u64> {
        let headers = [("authorization", bearer)];
        let request = Request::post(&self.host, path, body.as_bytes()).headers(&headers).to_bytes();
        let Some(answer) = FloorAnswer::sampled(self.address, &request)? else {
            bail!("no answer from {path}")
        };
        let value: serde_json::Value = serde_json::from_slice(&answer.body)?;
        let id = value["scheduleId"].as_u64().or(value["concertId"].as_u64());
        id.with_context(|| format!("{path} answered {} {value}", answer.status))
    }

    /// Writes the next request of a route; false when there is nothing left to do.
    fn write(&mut self, route: Route, buffer: &mut Vec<u8>) -> Option<usize> {
        self.numbers += 1;
        let key = format!("{:032x}", self.numbers);
        let (fan, path, body) = match route {
            Route::Hold => {
                let number = self.held;
                let schedule = self.schedules.get(number / SEATS)?;
                self.held += 1;
                let body = format!("{{\"scheduleId\":{schedule},\"seats\":[{}]}}", number % SEATS + 1);
                (number % FANS, "/api/v1/reservations".to_owned(), body)
            }
            Route::Charge => {
                self.charged += 1;
                let amount = PRICE * 20;
                let body = format!("{{\"amount\":{amount},\"method\":\"card\"}}");
                (self.charged % FANS, "/api/v1/users/me/charge".to_owned(), body)
            }
            Route::Pay => {
                let (id, fan) = self.unpaid.pop()?;
                self.paid.push((id, fan));
                let body = format!("{{\"reservationId\":\"{}\"}}", String::from_utf8_lossy(&id));
                (fan, "/api/v1/payments".to_owned(), body)
            }
            Route::Reservation => {
                self.read += 1;
                let (id, fan) = self.paid.get(self.read % self.paid.len().max(1))?;
                (*fan, format!("/api/v1/reservations/{}", String::from_utf8_lossy(id)), String::new())
            }
            Route::Map => {
                let (concert, schedule) = (self.small_concert, self.small_schedule);
                (0, format!("/api/v1/concerts/{concert}/schedules/{schedule}/seats"), String::new())
            }
            Route::States => {
                let (concert, schedule) = (self.big_concert, self.schedules[0]);
                (0, format!("/api/v1/concerts/{concert}/schedules/{schedule}/states"), String::new())
            }
        };
        let headers = [("authorization", self.bearers[fan].as_str()), ("idempotency-key", key.as_str())];
        let is_post = !body.is_empty();
        if is_post {
            Request::post(&self.host, &path, body.as_bytes()).headers(&headers).write(buffer);
        } else {
            Request::get(&self.host, &path).headers(&headers[..1]).write(buffer);
        }
        Some(fan)
    }
}

const CONCERT: &str =
    r#"{"title":"Bench","artist":"Nobody","description":"","waitingRoom":{"enabled":false}}"#;

fn schedule(seats: usize) -> String {
    format!(
        "{{\"venue\":\"Hall\",\"startsAt\":\"2099-01-01T00:00:00Z\",\"durationMinutes\":60,\
         \"bookingStart\":\"2020-01-01T00:00:00Z\",\"bookingEnd\":\"2098-01-01T00:00:00Z\",\
         \"holdSeconds\":3600,\"holdMaxSeconds\":3600,\"maxSeatsPerFan\":100,\
         \"seatPlan\":{{\"plain\":{{\"seats\":{seats},\"price\":{PRICE}}}}}}}"
    )
}

/// All fans doing one thing.
struct Fans<'a> {
    night: &'a mut Night,
    route: Route,
    left: usize,
    refused: Option<String>,
}

impl Script for Fans<'_> {
    fn next(&mut self, _connection: usize, buffer: &mut Vec<u8>) -> Next {
        if self.left == 0 {
            return Next::Done;
        }
        self.left -= 1;
        match self.night.write(self.route, buffer) {
            Some(fan) => Next::Send(Step(fan)),
            None => Next::Done,
        }
    }

    fn steps(&self) -> Vec<String> {
        Vec::new()
    }

    fn answered(&mut self, _connection: usize, step: Step, answer: &Answer<'_>) -> Then {
        if answer.status != self.route.expected() && self.refused.is_none() {
            self.refused = Some(format!("{} {}", answer.status, String::from_utf8_lossy(answer.body)));
        }
        if self.route == Route::Hold && answer.status == 201 {
            let name = b"\"reservationId\":\"";
            let found = answer.body.windows(name.len()).position(|window| window == name);
            let id = found.and_then(|at| answer.body.get(at + name.len()..at + name.len() + 36));
            if let Some(id) = id.and_then(|id| id.try_into().ok()) {
                self.night.unpaid.push((id, step.0));
            }
        }
        Then::Free
    }
}

fn measure(night: &mut Night, route: Route, connections: usize, options: &Options) -> Result<()> {
    let mut floors = Vec::new();
    let mut rates = Vec::new();
    let mut p50 = Vec::new();
    let mut p99 = Vec::new();
    let plan = |address| {
        let duration = Duration::from_secs_f64(options.seconds * 1.25);
        Plan::new(address, connections)
            .duration(duration)
            .warm_up_percent(20)
            .timeout(Duration::from_secs(30))
    };
    for _ in 0..options.runs {
        let mut sample = Vec::new();
        if night.write(route, &mut sample).is_none() {
            bail!("nothing is left for {}: fewer runs, or shorter ones", route.name());
        }
        let Some(answer) = FloorAnswer::sampled(night.address, &sample)? else { bail!("no answer") };
        if route == Route::Hold {
            let value: serde_json::Value = serde_json::from_slice(&answer.body)?;
            let id = value["reservationId"].as_str().context("no reservation")?;
            let fan = (night.held - 1) % FANS;
            night.unpaid.push((id.as_bytes().try_into()?, fan));
        }
        let floor = floor_report(&sample, &answer, &plan)?;
        let mut script = Fans { night, route, left: usize::MAX, refused: None };
        let report = run(&plan(script.night.address), &mut script)?;
        check(&report, route, script.refused.as_deref())?;
        floors.push(floor.rate());
        rates.push(report.rate());
        p50.push(report.latency().p50 as f64 / 1_000.0);
        p99.push(report.latency().p99 as f64 / 1_000.0);
    }
    let ratios: Vec<f64> = rates.iter().zip(&floors).map(|(rate, floor)| rate / floor).collect();
    let spread = |figures: Vec<f64>| Spread::of(figures).context("no runs");
    println!(
        "| {} | {connections} | {:.0} | {:.0} | {:.2} | {:.1} | {:.1} |",
        route.name(),
        spread(floors)?,
        spread(rates)?,
        spread(ratios)?,
        spread(p50)?,
        spread(p99)?
    );
    Ok(())
}

/// The floor with the bytes of this request and this answer.
fn floor_report(request: &[u8], answer: &FloorAnswer, plan: &impl Fn(SocketAddr) -> Plan) -> Result<Report> {
    let header_bytes: usize =
        answer.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    let mut command = Command::new(std::env::current_exe()?);
    command.args([
        "--serve-floor",
        &header_bytes.saturating_sub(32).to_string(),
        &answer.body.len().to_string(),
    ]);
    let floor = FloorProcess::start(command)?;
    let line_end = request.iter().position(|&byte| byte == b'\r').context("no request line")?;
    let method = if request.starts_with(b"GET") { "GET" } else { "POST" };
    let mut same = format!("{method} /floor HTTP/1.1").into_bytes();
    same.extend_from_slice(&request[line_end..]);
    let report = run(&plan(floor.address()), &mut Repeat::new(same))?;
    if report.errors().total() > 0 || report.statuses().keys().any(|status| *status != 200) {
        bail!("the floor did not answer cleanly:\n{report}");
    }
    Ok(report)
}

fn check(report: &Report, route: Route, refused: Option<&str>) -> Result<()> {
    if let Some(refused) = refused {
        bail!("{} answered {refused}", route.name());
    }
    if report.errors().total() > 0 {
        bail!("{}: {report}", route.name());
    }
    Ok(())
}

/// How many commands shared a commit, from the server's own metrics.
fn groups(address: SocketAddr) -> Result<String> {
    let request = Request::get(&address.to_string(), "/metrics").to_bytes();
    let Some(answer) = FloorAnswer::sampled(address, &request)? else { bail!("no metrics") };
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    let figure = |name: &str| -> f64 {
        let line = text.lines().find(|line| line.starts_with(name));
        line.and_then(|line| line.rsplit(' ').next()?.parse().ok()).unwrap_or(f64::NAN)
    };
    let count = figure("frontrow_group_commands_count");
    let mean = figure("frontrow_group_commands_sum") / count;
    let seconds = figure("frontrow_group_commit_seconds_sum") / count;
    Ok(format!("groups: {count:.0}, {mean:.0} commands each on average, {:.2} ms each", seconds * 1_000.0))
}
