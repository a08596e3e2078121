//! A Redis of a test's own, which it may stop, empty and cut off.

use std::hash::{BuildHasher, RandomState};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use frontrow_application::waiting_room::{Joined, LineError, LinePolicy, Newcomer, Pass, WaitingRoom};
use frontrow_domain::catalog::WaitingRoomSettings;
use frontrow_domain::queue::RoomState;
use frontrow_testkit::clock::Dice;
use frontrow_testkit::samples;
use frontrow_waiting_redis::{RedisLine, RedisSettings};
use futures_util::future::join_all;
use parking_lot::Mutex;
use tempfile::TempDir;
use tokio::time::{Instant, sleep, timeout};

use crate::servers::Server;
use crate::tls::Authority;

/// The longest that anything here may take. Nobody asserts it: it tells a hang from a failure.
const PATIENCE: Duration = Duration::from_secs(20);
/// Between two looks at a condition.
const LOOK: Duration = Duration::from_millis(10);

/// What a Redis keeps over its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keeps {
    Nothing,
    /// What was there when it was told to save.
    Saves,
    /// Every write, before it is answered.
    EveryWrite,
}

/// A Redis of a test's own.
pub(crate) struct OwnRedis {
    folder: TempDir,
    port: u16,
    keeps: Keeps,
    authority: Option<Arc<Authority>>,
    process: Mutex<Option<Child>>,
}

/// A port that is free now, below those that outgoing connections take.
fn free_port() -> u16 {
    let seed = RandomState::new().hash_one(std::process::id());
    let mut dice = Dice::new(seed);
    loop {
        let port = 20_000 + u16::try_from(dice.below(12_000)).expect("small");
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

impl OwnRedis {
    pub(crate) async fn start(keeps: Keeps) -> Self {
        Self::start_by(keeps, None).await
    }

    /// The same by TLS alone.
    pub(crate) async fn start_with_tls(keeps: Keeps, authority: Arc<Authority>) -> Self {
        Self::start_by(keeps, Some(authority)).await
    }

    async fn start_by(keeps: Keeps, authority: Option<Arc<Authority>>) -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let own = Self { folder, port: free_port(), keeps, authority, process: Mutex::new(None) };
        own.start_again().await;
        own
    }

    /// Starts it with whatever it has kept.
    pub(crate) async fn start_again(&self) {
        let appends = if self.keeps == Keeps::EveryWrite { "yes" } else { "no" };
        let (mut command, port) = (Command::new("redis-server"), self.port.to_string());
        match &self.authority {
            None => command.args(["--port", &port]),
            Some(authority) => command.args(["--port", "0", "--tls-port", &port]).args(authority.arguments()),
        };
        let process = command
            .args(["--bind", "127.0.0.1", "--save", ""])
            .args(["--appendonly", appends, "--appendfsync", "always", "--dir"])
            .arg(self.folder.path())
            .stdout(Stdio::null())
            .spawn()
            .expect("redis-server is installed: make services does that");
        *self.process.lock() = Some(process);
        until("Redis is ready", || async {
            let ended =
                self.process.lock().as_mut().and_then(|process| process.try_wait().expect("it can be asked"));
            assert!(ended.is_none(), "Redis did not start: somebody else has port {}", self.port);
            if let Some(authority) = &self.authority {
                let mut ping = Command::new("redis-cli");
                ping.args(authority.of_client()).args(["-p", &self.port.to_string(), "PING"]);
                return ping.output().is_ok_and(|answer| answer.stdout.starts_with(b"PONG"));
            }
            let client = redis::Client::open(self.server().url).expect("an address");
            let Ok(mut connection) = client.get_connection() else { return false };
            redis::cmd("PING").query::<String>(&mut connection).is_ok()
        })
        .await;
    }

    pub(crate) fn server(&self) -> Server {
        Server { url: format!("redis://127.0.0.1:{}", self.port) }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Ends it without notice, as the loss of power does.
    pub(crate) fn kill(&self) {
        let mut process = self.process.lock().take().expect("it runs");
        process.kill().expect("it can be ended");
        process.wait().expect("it ends");
    }

    /// Ends it by its own command, without saving.
    pub(crate) fn shut_down(&self) {
        let client = redis::Client::open(self.server().url).expect("an address");
        let mut connection = client.get_connection().expect("Redis answers");
        // It hangs up instead of answering.
        let _ = redis::cmd("SHUTDOWN").arg("NOSAVE").query::<()>(&mut connection);
        self.process.lock().take().expect("it runs").wait().expect("it ends");
    }

    /// The settings of an instance in earnest: with the time-outs and the clock that a server has.
    pub(crate) fn settings(&self) -> RedisSettings {
        RedisSettings::new(&self.server().url).expect("an address")
    }

    pub(crate) fn instance(&self) -> Fans {
        Fans::of(RedisLine::open(self.settings()).expect("good settings"))
    }
}

impl Drop for OwnRedis {
    fn drop(&mut self) {
        if let Some(mut process) = self.process.lock().take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

/// Waits for a condition, with a bound.
pub(crate) async fn until<F: Future<Output = bool>>(what: &str, mut holds: impl FnMut() -> F) {
    let end = Instant::now() + PATIENCE;
    while !holds().await {
        assert!(Instant::now() < end, "in vain: {what}");
        sleep(LOOK).await;
    }
}

/// The answer, or a failure when there is none.
pub(crate) async fn bounded<T>(what: &str, answer: impl Future<Output = T>) -> T {
    timeout(PATIENCE, answer).await.unwrap_or_else(|_| panic!("never answered: {what}"))
}

/// A policy with this cap, whose rate never binds.
pub(crate) fn policy(cap: u32) -> LinePolicy {
    let settings = WaitingRoomSettings {
        enabled: true,
        max_active: cap,
        admit_per_second_milli: 1_000_000,
        session_seconds: 300,
        claim_seconds: 60,
        presence_seconds: 60,
        lobby_opens_at: None,
    };
    LinePolicy { settings, state: RoomState::Open, hold_seconds: 300, seats_left: 1_000_000 }
}

/// An instance, and fans who ask it by number.
#[derive(Clone)]
pub(crate) struct Fans {
    pub(crate) line: Arc<RedisLine>,
    entries: Arc<Mutex<u64>>,
}

impl Fans {
    pub(crate) fn of(line: Arc<RedisLine>) -> Self {
        Self { line, entries: Arc::new(Mutex::new(1)) }
    }

    pub(crate) fn newcomer(&self, fan: u64) -> Newcomer {
        let mut entries = self.entries.lock();
        *entries += 1;
        Newcomer { user: samples::user(fan), entry: samples::entry_id(fan << 20 | *entries) }
    }

    pub(crate) async fn try_join(&self, fan: u64) -> Result<Joined, LineError> {
        let joined = self.line.join(samples::CONCERT, self.newcomer(fan), Ok(())).await;
        joined.map(|joined| joined.expect("nobody is refused"))
    }

    pub(crate) async fn join(&self, fan: u64) -> Joined {
        self.try_join(fan).await.expect("the line answers")
    }

    pub(crate) async fn join_lobby(&self, fan: u64) -> Joined {
        let joined = self.line.join_lobby(samples::CONCERT, self.newcomer(fan), Ok(())).await;
        joined.expect("the line answers").expect("nobody is refused")
    }

    /// These fans come into the lobby, many at a time. Answers their passes, in order of fan.
    pub(crate) async fn fill_lobby(&self, fans: std::ops::Range<u64>) -> Vec<Pass> {
        let mut passes = Vec::new();
        for some in fans.collect::<Vec<_>>().chunks(500) {
            let joined = join_all(some.iter().map(|&fan| self.join_lobby(fan))).await;
            passes.extend(joined.iter().map(|joined| Pass::of(&joined.standing.place)));
        }
        passes
    }

    /// These fans join one after the other. Answers their passes.
    pub(crate) async fn join_all(&self, fans: std::ops::Range<u64>) -> Vec<Pass> {
        let mut passes = Vec::new();
        for fan in fans {
            passes.push(Pass::of(&self.join(fan).await.standing.place));
        }
        passes
    }

    /// How many are ahead of the fan of a pass; nothing when the pass is of no place, or of one that is over.
    pub(crate) async fn ahead(&self, pass: Pass) -> Option<u64> {
        self.line.standing(pass).await.expect("the line answers").and_then(|standing| standing.ahead)
    }

    pub(crate) async fn tick(&self, cap: u32) -> Result<u32, LineError> {
        self.line.tick(samples::CONCERT, policy(cap)).await.map(|figures| figures.admitted)
    }

    /// Waits until the line answers again, by itself.
    pub(crate) async fn until_back(&self) {
        until("the line is back", || async {
            self.line.find(samples::CONCERT, samples::user(0)).await.is_ok()
        })
        .await;
    }

    /// Ticks until so many were let in since.
    pub(crate) async fn until_let_in(&self, count: u32, cap: u32) {
        let let_in = Mutex::new(0);
        until("they are let in", || async {
            let admitted = self.tick(cap).await.expect("the line answers");
            let mut let_in = let_in.lock();
            *let_in += admitted;
            *let_in >= count
        })
        .await;
    }
}
