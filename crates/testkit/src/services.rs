//! Real servers of a test's own: a MariaDB or a Redis that it may stop, kill, empty and start again, without a word to
//! the tests beside it; a Kafka; a Prometheus.
//!
//! They are Debian's packages, as in `deploy/dev/services`, which starts the servers that tests share. Each has a folder
//! and a port of its own, keeps both over its restarts, and ends with the test.

mod kafka;
mod prometheus;

use std::hash::{BuildHasher as _, RandomState};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tempfile::TempDir;

use crate::clock::Dice;

pub use kafka::OwnKafka;
pub use prometheus::OwnPrometheus;

/// How long a server may take to answer after its start, on a machine that has much else to do.
const START_MAX: Duration = Duration::from_mins(1);
/// Between two looks whether it does.
const LOOK: Duration = Duration::from_millis(5);
/// How long it may take over one question.
const ANSWER_MAX: Duration = Duration::from_secs(2);
/// Where Debian keeps what only root would start.
const SYSTEM_PROGRAMS: &str = "/usr/sbin:/sbin";

/// Which server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    MariaDb,
    Redis,
}

/// A server of a test's own. It runs unless the test has stopped it.
pub struct OwnServer {
    kind: Kind,
    folder: TempDir,
    port: u16,
    /// What its program is told besides.
    arguments: Vec<String>,
    process: Mutex<Option<Child>>,
}

impl OwnServer {
    /// A MariaDB without databases, whose commits are on the disk when they are answered. User `root` has no password.
    pub fn mariadb() -> Self {
        Self::mariadb_with(&[])
    }

    /// The same with settings of its own, as arguments of `mariadbd`.
    pub fn mariadb_with(arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        std::fs::create_dir(folder.path().join("tmp")).expect("a folder can be made");
        let made = program("mariadb-install-db")
            .current_dir(folder.path())
            // A path without a space in it: the script takes others apart.
            .args([
                "--no-defaults",
                "--auth-root-authentication-method=normal",
                "--skip-test-db",
                "--datadir=./data",
            ])
            .args(INNODB)
            .arg(format!("--user={}", user()))
            .env("TMPDIR", folder.path().join("tmp"))
            .output()
            .expect("mariadb-install-db is installed: deploy/dev/setup does that");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        Self::start(Kind::MariaDb, folder, arguments)
    }

    /// A Redis that has every write on the disk before it is answered.
    pub fn redis() -> Self {
        Self::start(Kind::Redis, tempfile::tempdir().expect("a folder can be made"), &[])
    }

    fn start(kind: Kind, folder: TempDir, arguments: &[&str]) -> Self {
        let arguments = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        let own = Self { kind, folder, port: free_port(), arguments, process: Mutex::new(None) };
        own.start_again();
        own
    }

    /// Starts it on what it has kept, and waits until it answers.
    pub fn start_again(&self) {
        let mut command = match self.kind {
            Kind::MariaDb => mariadbd(self.folder.path(), self.port),
            Kind::Redis => redis_server(self.folder.path(), self.port),
        };
        let log = std::fs::File::options().create(true).append(true).open(self.folder.path().join("log"));
        let log = log.expect("a log can be written");
        let child = command
            .args(&self.arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("the server is installed: deploy/dev/setup does that");
        *self.process.lock() = Some(child);
        let begun = Instant::now();
        while !self.answers() {
            let ended =
                self.process.lock().as_mut().and_then(|child| child.try_wait().expect("it can be asked"));
            let said = || std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
            assert!(ended.is_none(), "{:?} has ended instead of starting:\n{}", self.kind, said());
            assert!(begun.elapsed() < START_MAX, "{:?} does not answer:\n{}", self.kind, said());
            std::thread::park_timeout(LOOK);
        }
    }

    fn answers(&self) -> bool {
        let address = SocketAddr::from(([127, 0, 0, 1], self.port));
        let asked = || -> std::io::Result<bool> {
            let mut stream = TcpStream::connect(address)?;
            stream.set_read_timeout(Some(ANSWER_MAX))?;
            let mut said = [0; 5];
            if self.kind == Kind::Redis {
                stream.write_all(b"PING\r\n")?;
            }
            stream.read_exact(&mut said)?;
            // MariaDB greets: four bytes of length and number, then the protocol. An error would have 255 there.
            Ok(if self.kind == Kind::Redis { &said == b"+PONG" } else { said[4] == 10 })
        };
        asked().unwrap_or(false)
    }

    /// Where it listens, as `host:port`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Its address as a URL: of a MariaDB without a database.
    pub fn url(&self) -> String {
        match self.kind {
            Kind::MariaDb => format!("mysql://root@{}", self.address()),
            Kind::Redis => format!("redis://{}", self.address()),
        }
    }

    /// Ends it in order, and waits until it has ended.
    pub fn stop(&self) {
        let mut child = self.process.lock().take().expect("it runs");
        let told = Command::new("kill").arg(child.id().to_string()).status().expect("kill runs");
        assert!(told.success());
        child.wait().expect("it ends");
    }

    /// Ends it without notice, as the loss of its machine does.
    pub fn kill(&self) {
        let mut child = self.process.lock().take().expect("it runs");
        child.kill().expect("it can be ended");
        child.wait().expect("it ends");
    }

    /// Takes away all that a Redis has kept, which is stopped.
    pub fn forget(&self) {
        assert!(
            self.kind == Kind::Redis && self.process.lock().is_none(),
            "a Redis that is stopped can forget"
        );
        std::fs::remove_dir_all(self.folder.path().join("appendonlydir")).expect("it has kept something");
    }

    /// Empties a Redis that runs.
    pub fn flush(&self) {
        assert_eq!(self.kind, Kind::Redis);
        let mut stream = TcpStream::connect(self.address()).expect("Redis takes connections");
        stream.set_read_timeout(Some(ANSWER_MAX)).expect("a time-out can be set");
        stream.write_all(b"FLUSHALL\r\n").expect("Redis listens");
        let mut said = [0; 3];
        stream.read_exact(&mut said).expect("Redis answers");
        assert_eq!(&said, b"+OK");
    }
}

impl Drop for OwnServer {
    fn drop(&mut self) {
        if let Some(mut child) = self.process.lock().take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// What an empty data folder and its server have to be told alike.
const INNODB: [&str; 2] = ["--innodb-log-file-size=16M", "--innodb-data-file-path=ibdata1:2M:autoextend"];

fn mariadbd(folder: &Path, port: u16) -> Command {
    let mut command = program("mariadbd");
    command
        .args(["--no-defaults", "--bind-address=127.0.0.1", "--skip-name-resolve", "--socket=socket"])
        .args([
            "--character-set-server=utf8mb4",
            "--innodb-flush-log-at-trx-commit=1",
            "--max-connections=300",
        ])
        .args(INNODB)
        .arg(format!("--user={}", user()))
        .arg(format!("--datadir={}", folder.join("data").display()))
        .arg(format!("--tmpdir={}", folder.join("tmp").display()))
        .arg(format!("--pid-file={}", folder.join("pid").display()))
        .arg(format!("--port={port}"));
    command
}

fn redis_server(folder: &Path, port: u16) -> Command {
    let mut command = program("redis-server");
    command
        .args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--save", ""])
        .args(["--appendonly", "yes", "--appendfsync", "always", "--dir"])
        .arg(folder);
    command
}

#[expect(clippy::disallowed_methods, reason = "where programs are is said by the environment")]
fn program(name: &str) -> Command {
    let path = std::env::var("PATH").unwrap_or_default();
    let mut command = Command::new(name);
    command.env("PATH", format!("{path}:{SYSTEM_PROGRAMS}"));
    command
}

/// Who runs the test: MariaDB wants to be told.
fn user() -> String {
    let output = Command::new("id").arg("-un").output().expect("id runs");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// A port that is free now, below those that outgoing connections take: a client that waits for the server to listen
/// could otherwise be given the port itself.
fn free_port() -> u16 {
    let mut dice = Dice::new(RandomState::new().hash_one(std::process::id()));
    loop {
        let port = 22_300 + u16::try_from(dice.below(10_000)).expect("small");
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
