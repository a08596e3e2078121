//! The binary as a process of its own: started on a free port, asked over HTTP, stopped by signal or killed.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::json;

/// The issuer whose fans the tests are.
const ISSUER: &str = "https://issuer.test";
/// What its tokens are for.
const AUDIENCE: &str = "frontrow-tests";
/// What they are signed with.
const SECRET: &str = "a shared secret of the tests, long enough to be taken";

/// A running server.
pub(crate) struct Server {
    child: Child,
    /// Where it serves.
    pub(crate) address: SocketAddr,
}

/// The binary with settings for tests: cheap passwords, and fans of an external issuer.
pub(crate) fn frontrow(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_frontrow"));
    command
        .arg("--data")
        .arg(folder)
        .env("FRONTROW__AUTH__ARGON2_MEMORY_KIB", "8")
        .env("FRONTROW__AUTH__ARGON2_ITERATIONS", "1")
        .env("FRONTROW__ISSUER__ENABLED", "true")
        .env("FRONTROW__ISSUER__ISSUER", ISSUER)
        .env("FRONTROW__ISSUER__AUDIENCE", AUDIENCE)
        .env("FRONTROW__ISSUER__SHARED_SECRET", SECRET)
        // One fan of a test asks as often as it takes.
        .env("FRONTROW__HTTP__REQUESTS_PER_FAN_PER_SECOND", "0")
        .env("FRONTROW__HTTP__JOINS_PER_FAN_PER_MINUTE", "0")
        .env("FRONTROW__LOG__FILTER", "warn");
    command
}

/// Where a server that was started on this folder logs to.
pub(crate) fn log_file(folder: &Path) -> PathBuf {
    folder.join("stderr.log")
}

impl Server {
    /// Starts a server on a free port, and waits until it says that it serves.
    pub(crate) fn start(folder: &Path, settings: &[(&str, &str)]) -> Self {
        Self::start_with(folder, settings, &[])
    }

    /// Starts a server with more arguments.
    pub(crate) fn start_with(folder: &Path, settings: &[(&str, &str)], arguments: &[&str]) -> Self {
        Self::start_at("127.0.0.1:0", folder, settings, arguments)
    }

    /// Starts a server at this address: where one was before that has ended, its clients find it again.
    pub(crate) fn start_at(
        listen: &str,
        folder: &Path,
        settings: &[(&str, &str)],
        arguments: &[&str],
    ) -> Self {
        let mut command = frontrow(folder);
        command.args(["serve", "--listen", listen]).args(arguments).envs(settings.iter().copied());
        Self::run(&mut command, folder)
    }

    /// Starts a server by a command that is whole but for where it reads and writes.
    pub(crate) fn run(command: &mut Command, folder: &Path) -> Self {
        let log =
            std::fs::OpenOptions::new().create(true).append(true).open(log_file(folder)).expect("log file");
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .expect("the binary starts");
        let mut output = BufReader::new(child.stdout.take().expect("its output"));
        let mut line = String::new();
        output.read_line(&mut line).expect("a line of output");
        let address = line
            .split_once("http://")
            .and_then(|(_, rest)| rest.split('/').next())
            .and_then(|address| address.parse().ok())
            .unwrap_or_else(|| {
                let log = std::fs::read_to_string(log_file(folder)).unwrap_or_default();
                panic!("the server did not say where it serves, but {line:?}; it logged:\n{log}")
            });
        // Whatever else it prints must not fill the pipe.
        std::thread::spawn(move || output.read_to_end(&mut Vec::new()));
        Self { child, address }
    }

    /// The URL of a path below the API.
    #[allow(dead_code, reason = "the benchmark writes its requests itself")]
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}/api/v1{path}", self.address)
    }

    /// Its process id.
    #[allow(dead_code, reason = "the benchmark sends no signals")]
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Kills it, as the loss of the machine would.
    #[allow(dead_code, reason = "the benchmark stops its server in order")]
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("SIGKILL");
        self.child.wait().expect("it ends");
    }

    /// Waits until it has ended by itself.
    #[allow(dead_code, reason = "the benchmark stops its server in order")]
    pub(crate) fn ended(mut self) -> ExitStatus {
        self.child.wait().expect("it ends")
    }

    /// Asks it to stop, and waits until it has.
    pub(crate) fn stop(mut self) -> ExitStatus {
        let told = Command::new("kill").arg(self.child.id().to_string()).status().expect("kill runs");
        assert!(told.success());
        self.child.wait().expect("it ends")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // After `kill` or `stop` there is nothing left to end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A token of the tests' issuer.
pub(crate) fn token(subject: &str, role: &str) -> String {
    let claims = json!({
        "iss": ISSUER, "aud": AUDIENCE, "sub": subject, "role": role, "name": subject, "exp": 4_102_444_800_u64,
    });
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    encode(&Header::default(), &claims, &key).expect("a token")
}
