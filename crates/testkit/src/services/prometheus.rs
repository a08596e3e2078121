//! A Prometheus of a test's own: it asks real servers and runs the real rules.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// How long it may take to be ready, on a machine that has much else to do.
const START_MAX: Duration = Duration::from_mins(1);
/// Between two looks whether it is.
const LOOK: Duration = Duration::from_millis(10);
/// How long it may take over one question.
const ANSWER_MAX: Duration = Duration::from_secs(5);

/// A Prometheus of a test's own, from Debian's package. It ends with the test, and what it has collected with it.
pub struct OwnPrometheus {
    folder: TempDir,
    port: u16,
    process: Child,
}

impl OwnPrometheus {
    /// Starts one in a folder below `target`, and waits until it is ready. `files` are its files by their paths in that
    /// folder; one of them is `prometheus.yml`.
    pub fn start(files: &[(&str, String)]) -> Self {
        let folder = folder();
        for (path, text) in files {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder can be made");
            std::fs::write(path, text).expect("a file can be written");
        }
        let port = super::free_port();
        let log = std::fs::File::create(folder.path().join("log")).expect("a log can be written");
        let process = Command::new("prometheus")
            .current_dir(folder.path())
            .arg("--config.file=prometheus.yml")
            .arg("--storage.tsdb.path=data")
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("prometheus is installed: deploy/dev/setup does that");
        let mut own = Self { folder, port, process };
        let begun = Instant::now();
        while !own.is_ready() {
            let ended = own.process.try_wait().expect("it can be asked");
            assert!(ended.is_none(), "Prometheus has ended instead of starting:\n{}", own.log());
            assert!(begun.elapsed() < START_MAX, "Prometheus is not ready:\n{}", own.log());
            std::thread::park_timeout(LOOK);
        }
        own
    }

    fn is_ready(&self) -> bool {
        let asked = || -> std::io::Result<bool> {
            let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
            stream.set_read_timeout(Some(ANSWER_MAX))?;
            stream.write_all(b"GET /-/ready HTTP/1.0\r\n\r\n")?;
            let mut said = String::new();
            stream.read_to_string(&mut said)?;
            Ok(said.starts_with("HTTP/1.0 200"))
        };
        asked().unwrap_or(false)
    }

    /// Where it listens, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// What it has logged: a rule that fails says so there.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for OwnPrometheus {
    fn drop(&mut self) {
        // What it has collected goes with its folder, so it need not end in order.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A folder of its own below `target`, where a run that was broken off leaves nothing that is in anybody's way.
fn folder() -> TempDir {
    let below: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/prometheus");
    std::fs::create_dir_all(&below).expect("a folder can be made");
    tempfile::tempdir_in(below).expect("a folder can be made")
}
