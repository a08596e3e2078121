//! A Kafka of a test's own, which it may kill and start again.

use std::hash::{BuildHasher as _, RandomState};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tempfile::TempDir;

use crate::clock::Dice;

/// How far the controller's port is above the broker's.
const TO_CONTROLLER: u16 = 10_000;
/// How long it may take to start, on a machine that has much else to do.
const START_MAX: Duration = Duration::from_mins(2);
/// Between two looks whether it has.
const LOOK: Duration = Duration::from_millis(20);

/// A Kafka of a test's own. It runs once it was started.
pub struct OwnKafka {
    folder: TempDir,
    port: u16,
    process: Mutex<Option<Child>>,
}

fn is_free(port: u16) -> bool {
    TcpListener::bind(("127.0.0.1", port)).is_ok()
}

/// A port that is free now with those that belong to it, below those that outgoing connections take.
fn free_port() -> u16 {
    let mut dice = Dice::new(RandomState::new().hash_one(std::process::id()));
    loop {
        let port = 10_240 + u16::try_from(dice.below(12_000)).expect("small");
        if is_free(port) && is_free(port + 1) && is_free(port + TO_CONTROLLER) {
            return port;
        }
    }
}

impl OwnKafka {
    /// One that is not started yet.
    #[expect(clippy::new_without_default, reason = "it takes a port and a folder")]
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        Self { folder, port: free_port(), process: Mutex::new(None) }
    }

    /// Starts it with whatever it had when it was killed, and waits until it answers. Blocks no thread of the runtime for
    /// longer than a look.
    pub async fn start(&self) {
        let launcher = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/dev/kafka/broker");
        let log = std::fs::File::create(self.folder.path().join("words")).expect("a file can be made");
        let process = Command::new(launcher)
            .arg(self.folder.path().join("data"))
            .arg(self.port.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("the launcher of Kafka runs");
        *self.process.lock() = Some(process);
        let begun = Instant::now();
        while !self.is_ready() {
            assert!(begun.elapsed() < START_MAX, "Kafka is not ready: {}", self.words());
            tokio::time::sleep(LOOK).await;
        }
    }

    fn is_ready(&self) -> bool {
        let ended =
            self.process.lock().as_mut().and_then(|process| process.try_wait().expect("it can be asked"));
        assert!(ended.is_none(), "Kafka did not start: {}", self.words());
        self.words().contains("Kafka Server started") && TcpStream::connect(("127.0.0.1", self.port)).is_ok()
    }

    fn words(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("words")).unwrap_or_default()
    }

    /// Its address, as the settings want it.
    pub fn url(&self) -> String {
        format!("kafka://127.0.0.1:{}", self.port)
    }

    /// Ends it without notice, as the loss of power does.
    pub fn kill(&self) {
        let mut process = self.process.lock().take().expect("it runs");
        process.kill().expect("it can be ended");
        process.wait().expect("it ends");
    }
}

impl Drop for OwnKafka {
    fn drop(&mut self) {
        if let Some(mut process) = self.process.lock().take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}
