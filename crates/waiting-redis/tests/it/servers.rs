//! The servers under test, and rooms of a test's own on them.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use frontrow_application::Clock;
use frontrow_application::waiting_room::WaitingRoom;
use frontrow_testkit::line::{LineFactory, OpenedLine};
use frontrow_waiting_redis::{RedisLine, RedisSettings, RedisTime};
use parking_lot::Mutex;
use redis::{Cmd, FromRedisValue};

/// How long Redis may take where nobody tests how long it takes: the machine may have much to do.
const PATIENT: Duration = Duration::from_secs(20);
/// Silence that is no outage, however slow the machine is.
const NO_OUTAGE: Duration = Duration::from_mins(10);

/// Where a server is.
#[derive(Debug, Clone)]
pub(crate) struct Server {
    pub(crate) url: String,
}

impl Server {
    /// The Redis that `make services` starts.
    pub(crate) fn single() -> Self {
        Self::named("FRONTROW_TEST_REDIS_URL")
    }

    /// The cluster that `make services` starts.
    pub(crate) fn cluster() -> Self {
        Self::named("FRONTROW_TEST_REDIS_CLUSTER_URL")
    }

    #[expect(clippy::disallowed_methods, reason = "where the servers for tests are is no setting of ours")]
    fn named(variable: &str) -> Self {
        match std::env::var(variable) {
            Ok(url) if !url.is_empty() => Self { url },
            _ => panic!(
                "{variable} is not set: this test needs a real server. Start the services and tell the shell of \
                 them: make services && eval \"$(deploy/dev/services env)\""
            ),
        }
    }

    /// Settings for lines of a test's own on it.
    pub(crate) fn settings(&self, prefix: &str) -> RedisSettings {
        let mut settings = RedisSettings::new(&self.url).expect("the address of the server can be read");
        prefix.clone_into(&mut settings.prefix);
        settings.connect_timeout = PATIENT;
        settings.answer_timeout = PATIENT;
        settings.outage = NO_OUTAGE;
        settings
    }

    /// Asks it something, past the adapter.
    pub(crate) fn ask<T: FromRedisValue>(&self, command: &Cmd) -> T {
        let answer = if let Some(nodes) = self.url.strip_prefix("redis+cluster://") {
            let nodes: Vec<_> = nodes.split(',').map(|node| format!("redis://{node}")).collect();
            let client = redis::cluster::ClusterClient::new(nodes).expect("an address");
            command.query(&mut client.get_connection().expect("the cluster answers"))
        } else {
            let client = redis::Client::open(self.url.as_str()).expect("an address");
            command.query(&mut client.get_connection().expect("Redis answers"))
        };
        answer.expect("the answer is as expected")
    }
}

/// A prefix that no other test has, in this run or another.
pub(crate) fn new_prefix() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("test-{:x}-{count}", RandomState::new().hash_one(std::process::id()))
}

/// Rooms of a test's own, which are taken away with it.
pub(crate) struct Rooms {
    pub(crate) server: Server,
    pub(crate) prefix: String,
}

impl Rooms {
    pub(crate) fn on(server: Server) -> Self {
        Self { server, prefix: new_prefix() }
    }

    /// Every room that there is, by number.
    pub(crate) fn concerts(&self) -> Vec<u32> {
        self.server.ask(redis::cmd("SMEMBERS").arg(format!("{{{}:rooms}}:list", self.prefix)))
    }

    /// The name of one of a room's keys.
    pub(crate) fn key(&self, concert: u32, name: &str) -> String {
        format!("{{{}:room:{concert}}}:{name}", self.prefix)
    }

    /// Has all instances been away for long: the room's silence has outlasted any outage.
    pub(crate) fn silence(&self) {
        for concert in self.concerts() {
            let room = self.key(concert, "room");
            let _: i64 = self.server.ask(redis::cmd("HSET").arg(room).arg("alive_until").arg(0));
        }
    }

    fn delete(&self) {
        let names = [
            "room",
            "places",
            "fans",
            "waiting",
            "skipped",
            "returned",
            "sessions",
            "ended",
            "admissions",
            "untold",
            "lobby",
        ];
        for concert in self.concerts() {
            let mut unlink = redis::cmd("UNLINK");
            for name in names {
                unlink.arg(self.key(concert, name));
            }
            let _: i64 = self.server.ask(&unlink);
        }
        for name in ["list", "meta"] {
            let _: i64 =
                self.server.ask(redis::cmd("UNLINK").arg(format!("{{{}:rooms}}:{name}", self.prefix)));
        }
    }
}

impl Drop for Rooms {
    fn drop(&mut self) {
        // A test that has failed leaves its rooms to be looked at.
        if !std::thread::panicking() {
            self.delete();
        }
    }
}

/// Opens `RedisLine` on a server, with rooms of its own.
pub(crate) struct RedisFactory {
    rooms: Rooms,
    running: Mutex<Option<Arc<RedisLine>>>,
    crowd: u64,
    /// Rooms that are kept as the version before shared fields has made them.
    former: u32,
}

impl RedisFactory {
    pub(crate) fn on(server: Server, crowd: u64) -> Self {
        Self { rooms: Rooms::on(server), running: Mutex::new(None), crowd, former: 0 }
    }

    /// The same, with the rooms up to this one in the form of the version before.
    pub(crate) fn with_former_rooms(self, former: u32) -> Self {
        Self { former, ..self }
    }

    fn line(&self, clock: Arc<dyn Clock>) -> Arc<RedisLine> {
        let mut settings = self.rooms.server.settings(&self.rooms.prefix);
        settings.time = RedisTime::Argument(clock);
        RedisLine::open(settings).expect("good settings")
    }

    fn end(&self, line: OpenedLine) {
        drop(line);
        self.running.lock().take().expect("a line is open").close();
        // There is one instance: with it, all have been away.
        self.rooms.silence();
    }
}

impl LineFactory for RedisFactory {
    fn open(&self, clock: Arc<dyn Clock>) -> OpenedLine {
        for concert in 1..=self.former {
            let room = self.rooms.key(concert, "room");
            let _: i64 = self.rooms.server.ask(redis::cmd("HSETNX").arg(room).arg("form").arg(1));
            let list = format!("{{{}:rooms}}:list", self.rooms.prefix);
            let _: i64 = self.rooms.server.ask(redis::cmd("SADD").arg(list).arg(concert));
        }
        let line = self.line(clock);
        *self.running.lock() = Some(Arc::clone(&line));
        OpenedLine { room: line }
    }

    fn close(&self, line: OpenedLine) {
        self.end(line);
    }

    fn crash(&self, line: OpenedLine) {
        self.end(line);
    }

    fn second(&self, clock: Arc<dyn Clock>) -> Option<OpenedLine> {
        let room: Arc<dyn WaitingRoom> = self.line(clock);
        Some(OpenedLine { room })
    }

    fn crowd(&self) -> u64 {
        self.crowd
    }
}
