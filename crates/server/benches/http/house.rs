//! A server with a data folder of its own, what its operator makes, and what all fans do before anything is measured.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::park_timeout;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use frontrow_rehearsal::floor::FloorAnswer;
use frontrow_rehearsal::{Answer, Next, Plan, Request, Script, Step, Then, run};
use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection as _, MySqlConnection};
use tempfile::TempDir;

use crate::measure::{Options, Shared, check, shown};
use crate::process::Process;
use crate::server::{Server, frontrow, token};

/// What a seat costs.
pub(crate) const PRICE: usize = 1_000;
/// The concert has no waiting room.
pub(crate) const NO_ROOM: &str = r#"{"enabled":false}"#;
/// A waiting room whose limits are above everything that two cores can do, and which ends no session by itself.
pub(crate) const OPEN_ROOM: &str = r#"{"enabled":true,"maxActive":1000000,"admitPerSecond":1000000,"sessionSeconds":86400,"claimSeconds":86400,"presenceSeconds":86400}"#;
/// A waiting room that lets nobody in.
pub(crate) const FULL_ROOM: &str = r#"{"enabled":true,"maxActive":0,"admitPerSecond":1000000,"sessionSeconds":86400,"claimSeconds":86400,"presenceSeconds":86400}"#;
/// A waiting room whose line moves, and is as good as full after some minutes of measuring.
pub(crate) const SLOW_ROOM: &str = r#"{"enabled":true,"maxActive":1000000,"admitPerSecond":1,"sessionSeconds":86400,"claimSeconds":86400,"presenceSeconds":86400}"#;

/// The limits of one fan are on, as in a sale, and so high that none of the few fans of a benchmark meets them.
const SETTINGS: [(&str, &str); 3] = [
    ("FRONTROW__SALES__MAX_SEATS_PER_FAN", "100"),
    ("FRONTROW__HTTP__REQUESTS_PER_FAN_PER_SECOND", "100000"),
    ("FRONTROW__HTTP__REQUEST_BURST_PER_FAN", "300000"),
];
/// How long something may take that only has to happen.
const PATIENCE: Duration = Duration::from_mins(1);
/// Between two looks whether it has happened: the processors are the server's meanwhile.
const LOOK_AGAIN: Duration = Duration::from_millis(5);
/// Connections over which all fans do something at once, before anything is measured.
const CONNECTIONS: usize = 64;

/// Servers, their data folders and their operator. Without anything shared it is one server.
pub(crate) struct House {
    folder: TempDir,
    server: Server,
    /// Those that share everything with the first.
    others: Vec<(TempDir, Server)>,
    /// What servers that share are told besides.
    settings: Vec<(&'static str, String)>,
    operator: String,
    /// What requests name as their host.
    pub(crate) host: String,
}

impl House {
    /// Starts on an empty folder, or on an empty database and line.
    pub(crate) fn open(options: &Options) -> Result<Self> {
        Self::open_with(options, &[])
    }

    /// The same with more settings.
    pub(crate) fn open_with(options: &Options, more: &[(&'static str, &str)]) -> Result<Self> {
        let mut settings = options.shared.as_ref().map(share).transpose()?.unwrap_or_default();
        settings.extend(more.iter().map(|(key, value)| (*key, (*value).to_owned())));
        let (folder, server) = start(&settings)?;
        let more = options.shared.as_ref().map_or(0, |shared| shared.servers - 1);
        let others = (0..more).map(|_| start(&settings)).collect::<Result<_>>()?;
        let host = server.address.to_string();
        Ok(Self { folder, server, others, settings, operator: bearer("operator", "operator"), host })
    }

    /// Where the first serves.
    pub(crate) fn address(&self) -> SocketAddr {
        self.server.address
    }

    /// The data folder of the first.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Where all serve.
    pub(crate) fn addresses(&self) -> Vec<SocketAddr> {
        let others = self.others.iter().map(|(_, server)| server.address);
        std::iter::once(self.server.address).chain(others).collect()
    }

    /// Stops the server, does something to its folder meanwhile, and starts it again. Answers when that began too.
    pub(crate) fn restart(self, meanwhile: impl FnOnce(&Path) -> Result<()>) -> Result<(Self, Instant)> {
        self.print_groups()?;
        let Self { folder, server, others, settings, operator, .. } = self;
        let status = server.stop();
        if !status.success() {
            bail!("the server ended with {status}");
        }
        meanwhile(folder.path())?;
        let begin = Instant::now();
        let server = serve(folder.path(), &settings);
        let host = server.address.to_string();
        Ok((Self { folder, server, others, settings, operator, host }, begin))
    }

    /// Audits the store and stops the server. Without a clean audit there are no figures.
    pub(crate) fn close(self) -> Result<()> {
        self.print_groups()?;
        let audit = frontrow(self.folder.path()).arg("audit").envs(self.settings).output()?;
        println!("\n{}", String::from_utf8_lossy(&audit.stdout));
        if !audit.status.success() {
            bail!("the audit found differences: the figures above do not count");
        }
        for server in std::iter::once(self.server).chain(self.others.into_iter().map(|(_, server)| server)) {
            let status = server.stop();
            if !status.success() {
                bail!("a server ended with {status}");
            }
        }
        Ok(())
    }

    /// A concert with this waiting room.
    pub(crate) fn concert(&self, room: &str) -> Result<u64> {
        let body = format!(r#"{{"title":"Bench","artist":"Nobody","description":"","waitingRoom":{room}}}"#);
        self.create("/api/v1/admin/concerts", &body)?["concertId"].as_u64().context("no concertId")
    }

    /// A schedule that is on sale, with so many plain seats.
    pub(crate) fn schedule(&self, concert: u64, seats: usize) -> Result<u64> {
        self.schedule_of(concert, &format!(r#"{{"plain":{{"seats":{seats},"price":{PRICE}}}}}"#))
    }

    /// A schedule that is on sale, with this plan.
    pub(crate) fn schedule_of(&self, concert: u64, plan: &str) -> Result<u64> {
        let body = format!(
            "{{\"venue\":\"Hall\",\"startsAt\":\"2099-01-01T00:00:00Z\",\"durationMinutes\":60,\
             \"bookingStart\":\"2020-01-01T00:00:00Z\",\"bookingEnd\":\"2098-01-01T00:00:00Z\",\
             \"holdSeconds\":3600,\"holdMaxSeconds\":3600,\"maxSeatsPerFan\":100,\
             \"seatPlan\":{plan}}}"
        );
        let path = format!("/api/v1/admin/concerts/{concert}/schedules");
        self.create(&path, &body)?["scheduleId"].as_u64().context("no scheduleId")
    }

    fn create(&self, path: &str, body: &str) -> Result<Value> {
        let headers = [("authorization", self.operator.as_str())];
        let request = Request::post(&self.host, path, body.as_bytes()).headers(&headers).to_bytes();
        let answer = FloorAnswer::sampled(self.address(), &request)?;
        let answer = answer.with_context(|| format!("no answer from {path}"))?;
        if answer.status != 201 {
            bail!("{path} answered {} {}", answer.status, String::from_utf8_lossy(&answer.body));
        }
        Ok(serde_json::from_slice(&answer.body)?)
    }

    /// Reads something that has to be there.
    pub(crate) fn get(&self, path: &str, headers: &[(&str, &str)]) -> Result<FloorAnswer> {
        let request = Request::get(&self.host, path).headers(headers).to_bytes();
        let answer = FloorAnswer::sampled(self.address(), &request)?;
        let answer = answer.with_context(|| format!("no answer from {path}"))?;
        if answer.status != 200 {
            bail!("{path} answered {} {}", answer.status, String::from_utf8_lossy(&answer.body));
        }
        Ok(answer)
    }

    /// How many fans of a concert are in line, and how many are let in.
    pub(crate) fn queue(&self, concert: u64) -> Result<(u64, u64)> {
        let value = self.document(concert)?;
        let count = |name: &str| value[name].as_u64().with_context(|| format!("no {name} in {value}"));
        Ok((count("waiting")?, count("active")?))
    }

    /// Waits until the waiting rooms have heard of the schedules made for them: whoever joins sooner is told that
    /// there is nothing on sale.
    pub(crate) fn wait_for_rooms(&self, concerts: &[u64]) -> Result<()> {
        concerts.iter().try_for_each(|&concert| {
            self.until("the room opens", |house| Ok(house.document(concert)?["state"] == "open"))
        })
    }

    /// Waits until every server knows a schedule that the first has made.
    pub(crate) fn wait_for_all(&self, concert: u64) -> Result<()> {
        for address in self.addresses() {
            let path = format!("/api/v1/concerts/{concert}/schedules");
            let request = Request::get(&self.host, &path).to_bytes();
            let begin = Instant::now();
            while FloorAnswer::sampled(address, &request)?.is_none_or(|answer| answer.status != 200) {
                if begin.elapsed() > PATIENCE {
                    bail!("{address} does not know concert {concert}");
                }
                park_timeout(LOOK_AGAIN);
            }
        }
        Ok(())
    }

    fn document(&self, concert: u64) -> Result<Value> {
        let answer = self.get(&format!("/api/v1/concerts/{concert}/queue"), &[])?;
        Ok(serde_json::from_slice(&answer.body)?)
    }

    /// Asks again and again until it is so.
    pub(crate) fn until(&self, what: &str, mut is_so: impl FnMut(&Self) -> Result<bool>) -> Result<()> {
        let begin = Instant::now();
        while !is_so(self)? {
            if begin.elapsed() > PATIENCE {
                bail!("{what}: not within {PATIENCE:?}");
            }
            park_timeout(LOOK_AGAIN);
        }
        Ok(())
    }

    /// Sends a request for each of `count`, in order, and hands the answers to `read`.
    pub(crate) fn each(
        &self,
        count: usize,
        write: impl FnMut(usize, &mut Vec<u8>),
        read: impl FnMut(usize, &[u8]),
    ) -> Result<()> {
        let mut script = Each { next: 0, count, write, read, refused: None };
        let report = run(&Plan::new(self.address(), CONNECTIONS).timeout(PATIENCE), &mut script)?;
        check(&report, "the preparation", script.refused.as_deref())
    }

    /// Makes these fans at first sight, and puts enough for everything into their wallets.
    pub(crate) fn charge(&self, bearers: &[String]) -> Result<()> {
        let body = format!("{{\"amount\":{},\"method\":\"card\"}}", PRICE * 1_000);
        let write = |fan: usize, buffer: &mut Vec<u8>| {
            let key = format!("first-{fan}");
            let headers = [("authorization", bearers[fan].as_str()), ("idempotency-key", key.as_str())];
            let path = "/api/v1/users/me/charge";
            Request::post(&self.host, path, body.as_bytes()).headers(&headers).write(buffer);
        };
        self.each(bearers.len(), write, |_, _| {})
    }

    /// Joins the line of a concert as each of these fans, and answers their tokens. A fan who has a place already
    /// keeps it.
    pub(crate) fn join(&self, concert: u64, bearers: &[String]) -> Result<Vec<String>> {
        let body = format!("{{\"concertId\":{concert}}}");
        let mut tokens = vec![String::new(); bearers.len()];
        let write = |fan: usize, buffer: &mut Vec<u8>| {
            let headers = [("authorization", bearers[fan].as_str())];
            Request::post(&self.host, QUEUES, body.as_bytes()).headers(&headers).write(buffer);
        };
        let read = |fan: usize, body: &[u8]| text(body, "token").unwrap_or("").clone_into(&mut tokens[fan]);
        self.each(bearers.len(), write, read)?;
        if tokens.iter().any(String::is_empty) {
            bail!("a fan has joined and got no token");
        }
        Ok(tokens)
    }

    /// What the first server takes of the machine.
    pub(crate) fn process(&self) -> Result<Process> {
        Process::of(self.server.id())
    }

    /// Waits until everything that was sold is in its tables, so that of two runs that follow each other the second does not pay
    /// for the first. A store without a journal has nothing to wait for.
    pub(crate) fn settle(&self) -> Result<()> {
        const NAME: &str = "frontrow_sqlite_unfolded_bytes ";
        let begun = Instant::now();
        loop {
            let answer = self.get("/metrics", &[])?;
            let metrics = String::from_utf8_lossy(&answer.body);
            let line = metrics.lines().find_map(|line| line.strip_prefix(NAME));
            if line.is_none_or(|bytes| bytes.trim() == "0") {
                return Ok(());
            }
            if begun.elapsed() > PATIENCE {
                bail!("what was sold has not come into its tables within {PATIENCE:?}");
            }
            park_timeout(LOOK_AGAIN);
        }
    }

    /// How many changes shared a commit since the start, from the server's own metrics.
    fn print_groups(&self) -> Result<()> {
        let answer = self.get("/metrics", &[])?;
        let metrics = String::from_utf8_lossy(&answer.body);
        let figure = |name: &str| -> f64 {
            let line = metrics.lines().find(|line| line.starts_with(name));
            line.and_then(|line| line.rsplit(' ').next()?.parse().ok()).unwrap_or(0.0)
        };
        println!();
        for (what, sizes, seconds) in [
            ("groups", "frontrow_group_commands", "frontrow_group_commit_seconds"),
            ("batches of the line", "frontrow_line_batch_places", "frontrow_line_commit_seconds"),
        ] {
            let count = figure(&format!("{sizes}_count"));
            if count > 0.0 {
                let mean = figure(&format!("{sizes}_sum")) / count;
                let millis = figure(&format!("{seconds}_sum")) / count * 1_000.0;
                println!("{what}: {count:.0}, {mean:.0} changes each on average, {millis:.2} ms each");
            }
        }
        Ok(())
    }
}

fn start(settings: &[(&'static str, String)]) -> Result<(TempDir, Server)> {
    let folder = tempfile::tempdir()?;
    let server = serve(folder.path(), settings);
    Ok((folder, server))
}

/// A server on this folder, with the settings that all of them have and these.
fn serve(folder: &Path, settings: &[(&'static str, String)]) -> Server {
    let more = settings.iter().map(|(key, value)| (*key, value.as_str()));
    let all: Vec<(&str, &str)> = SETTINGS.into_iter().chain(more).collect();
    Server::start(folder, &all)
}

/// An empty database and a name for lines of their own, as settings of all servers.
fn share(shared: &Shared) -> Result<Vec<(&'static str, String)>> {
    let name = format!("frontrow_bench_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut connection = MySqlConnection::connect(&shared.mysql).await?;
        sqlx::raw_sql(AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(&mut connection).await?;
        connection.close().await
    })?;
    Ok(vec![
        ("FRONTROW__STORE__URL", format!("{}/{name}", shared.mysql.trim_end_matches('/'))),
        ("FRONTROW__WAITING_ROOM__URL", shared.redis.clone()),
        ("FRONTROW__WAITING_ROOM__PREFIX", name),
        ("FRONTROW__AUTH__SIGNING_SECRET", "the same for all servers of a cluster".to_owned()),
        ("FRONTROW__AUTH__TICKET_KEY", TICKET_KEY.to_owned()),
    ])
}

/// Databases made so far.
static COUNT: AtomicU32 = AtomicU32::new(0);

/// A key made for benchmarks (openssl genpkey -algorithm ed25519).
const TICKET_KEY: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEICNjvVxUppfkMfK+kSX3bvN4tXl4fuO3f4Phcc4Acu1d\n-----END PRIVATE KEY-----\n";

/// Where fans join.
pub(crate) const QUEUES: &str = "/api/v1/queues";

/// The header by which so many fans say who they are.
pub(crate) fn bearers(count: usize) -> Vec<String> {
    (0..count).map(|fan| bearer(&format!("fan-{fan}"), "fan")).collect()
}

fn bearer(name: &str, role: &str) -> String {
    format!("Bearer {}", token(name, role))
}

/// The first member of this name that is a text.
pub(crate) fn text<'a>(body: &'a [u8], name: &str) -> Option<&'a str> {
    let name = format!("\"{name}\":\"");
    let at = body.windows(name.len()).position(|window| window == name.as_bytes())? + name.len();
    let end = body[at..].iter().position(|&byte| byte == b'"')?;
    std::str::from_utf8(&body[at..at + end]).ok()
}

/// A number as people read it.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// One request for each.
struct Each<W, R> {
    next: usize,
    count: usize,
    write: W,
    read: R,
    refused: Option<String>,
}

impl<W: FnMut(usize, &mut Vec<u8>), R: FnMut(usize, &[u8])> Script for Each<W, R> {
    fn next(&mut self, _connection: usize, buffer: &mut Vec<u8>) -> Next {
        if self.next == self.count || self.refused.is_some() {
            return Next::Done;
        }
        self.next += 1;
        (self.write)(self.next - 1, buffer);
        Next::Send(Step(self.next - 1))
    }

    fn steps(&self) -> Vec<String> {
        Vec::new()
    }

    fn answered(&mut self, _connection: usize, about: Step, answer: &Answer<'_>) -> Then {
        match answer.status {
            200 | 201 => (self.read)(about.0, answer.body),
            _ if self.refused.is_none() => self.refused = Some(shown(answer)),
            _ => {}
        }
        Then::Free
    }
}
