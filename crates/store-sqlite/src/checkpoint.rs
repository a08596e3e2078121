//! Folding the write-ahead log into the file, off the writer's thread.
//!
//! A passive checkpoint never waits for anybody, but while the writer goes on it can leave a rest, and a log that
//! is never folded whole is never begun anew. So when the log has grown well past its size, one that waits for
//! the writer's next pause is made: by then little is left, and the writer stands still for that little only.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::Mutex;
use rusqlite::Connection;

use crate::error::OpenError;

/// How often the size of the log is looked at.
const PAUSE: Duration = Duration::from_millis(25);
/// How many times the wanted size the log may have before the writer has to wait.
const PATIENCE: u32 = 4;

pub(crate) struct Checkpointer {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

struct Shared {
    has_news: AtomicBool,
    is_stopped: AtomicBool,
    /// Pages in the log, when it was looked at last.
    log_pages: AtomicU32,
}

impl Checkpointer {
    pub(crate) fn start(file: &Path, pages: u32) -> Result<Self, OpenError> {
        let connection = Connection::open(file)?;
        // Long enough for the writer to end a group, short enough for it not to notice.
        connection.busy_timeout(Duration::from_millis(200))?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        let shared = Arc::new(Shared {
            has_news: AtomicBool::new(false),
            is_stopped: AtomicBool::new(false),
            log_pages: AtomicU32::new(0),
        });
        let of_thread = Arc::clone(&shared);
        let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let thread = std::thread::Builder::new()
            .name("checkpoint".to_owned())
            .spawn(move || Folding { connection, name, pages }.run(&of_thread))
            .map_err(|cause| OpenError::folder(file, cause))?;
        Ok(Self { shared, thread: Mutex::new(Some(thread)) })
    }

    /// Notes that something was committed.
    pub(crate) fn notice(&self) {
        self.shared.has_news.store(true, Ordering::Relaxed);
    }

    /// Pages in the log, as of a moment ago.
    pub(crate) fn log_pages(&self) -> u32 {
        self.shared.log_pages.load(Ordering::Relaxed)
    }

    pub(crate) fn stop(&self) {
        self.shared.is_stopped.store(true, Ordering::Release);
        if let Some(thread) = self.thread.lock().take() {
            thread.thread().unpark();
            if thread.join().is_err() {
                tracing::error!("the checkpoint thread had panicked");
            }
        }
    }
}

impl Drop for Checkpointer {
    fn drop(&mut self) {
        self.stop();
    }
}

/// What the thread works on.
struct Folding {
    connection: Connection,
    /// The name of the file, which tells what is said of it from what is said of the others.
    name: String,
    pages: u32,
}

impl Folding {
    fn run(self, shared: &Shared) {
        while !shared.is_stopped.load(Ordering::Acquire) {
            std::thread::park_timeout(PAUSE);
            if !shared.has_news.swap(false, Ordering::Relaxed) {
                continue;
            }
            if let Err(error) = self.fold(&shared.log_pages) {
                // The log only grows meanwhile; the next round tries again.
                tracing::warn!(file = %self.name, %error, "folding the log failed");
            }
        }
    }

    fn fold(&self, log_pages: &AtomicU32) -> rusqlite::Result<()> {
        let log = self.checkpoint("NOOP")?;
        log_pages.store(log, Ordering::Relaxed);
        if log < self.pages {
            return Ok(());
        }
        let log = self.checkpoint("PASSIVE")?;
        if log >= self.pages.saturating_mul(PATIENCE) {
            self.checkpoint("RESTART")?;
        }
        Ok(())
    }

    /// Runs a checkpoint and answers how many pages of log there are.
    fn checkpoint(&self, mode: &str) -> rusqlite::Result<u32> {
        let sql = format!("PRAGMA wal_checkpoint({mode})");
        let log: i64 = self.connection.query_row(&sql, [], |row| row.get(1))?;
        Ok(u32::try_from(log).unwrap_or(0))
    }
}
