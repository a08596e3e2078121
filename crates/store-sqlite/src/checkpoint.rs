//! Folding the write-ahead log into the file, off the writer's thread.
//!
//! A passive checkpoint never waits for anybody, but while the writer goes on it can leave a rest, and a log that
//! is never folded whole is never begun anew. So when the log has grown well past its size, one that waits for
//! the writer's next pause is made: by then little is left, and the writer stands still for that little only.
//!
//! Such a one also waits for readers, with the writer standing still as well. One who reads for long, such as a backup,
//! would have the writer stand still again and again: after a try in vain the log may grow for a while.
//!
//! What was folded stays in the log until it is written over. On a quiet server that may be long, so the log is cut once an
//! hour: what was erased from the sale is then gone from the disk.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rusqlite::Connection;

use crate::error::OpenError;

/// How often the size of the log is looked at.
const PAUSE: Duration = Duration::from_millis(25);
/// How many times the wanted size the log may have before the writer has to wait.
const PATIENCE: u32 = 4;
/// For how long nobody is made to wait after somebody was in the way.
const HOLD_OFF: Duration = Duration::from_secs(10);
/// How often the log is cut.
const CUT: Duration = Duration::from_hours(1);

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
        let folding = Folding { connection, name, pages, in_vain_at: None, cut_at: Instant::now() };
        let thread = std::thread::Builder::new()
            .name("checkpoint".to_owned())
            .spawn(move || folding.run(&of_thread))
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
    /// When the writer was last made to wait in vain.
    in_vain_at: Option<Instant>,
    /// When the log was last cut.
    cut_at: Instant,
}

/// What came of a checkpoint.
struct Checkpoint {
    /// True when somebody was in the way.
    was_in_vain: bool,
    /// Pages of log that there are.
    log: u32,
}

impl Folding {
    fn run(mut self, shared: &Shared) {
        while !shared.is_stopped.load(Ordering::Acquire) {
            std::thread::park_timeout(PAUSE);
            let now = Instant::now();
            if !shared.has_news.swap(false, Ordering::Relaxed) && now.duration_since(self.cut_at) < CUT {
                continue;
            }
            if let Err(error) = self.fold(now, &shared.log_pages) {
                // The log only grows meanwhile; the next round tries again.
                tracing::warn!(file = %self.name, %error, "folding the log failed");
            }
        }
    }

    fn fold(&mut self, now: Instant, log_pages: &AtomicU32) -> rusqlite::Result<()> {
        let log = self.checkpoint("NOOP")?.log;
        log_pages.store(log, Ordering::Relaxed);
        let is_to_be_cut = now.duration_since(self.cut_at) >= CUT;
        if log < self.pages && !is_to_be_cut {
            return Ok(());
        }
        let log = self.checkpoint("PASSIVE")?.log;
        if self.in_vain_at.is_some_and(|at| now.duration_since(at) < HOLD_OFF) {
            return Ok(());
        }
        let done = if is_to_be_cut {
            self.checkpoint("TRUNCATE")?
        } else if log >= self.pages.saturating_mul(PATIENCE) {
            self.checkpoint("RESTART")?
        } else {
            return Ok(());
        };
        self.in_vain_at = done.was_in_vain.then_some(now);
        if is_to_be_cut && !done.was_in_vain {
            self.cut_at = now;
        }
        Ok(())
    }

    fn checkpoint(&self, mode: &str) -> rusqlite::Result<Checkpoint> {
        let sql = format!("PRAGMA wal_checkpoint({mode})");
        self.connection.query_row(&sql, [], |row| {
            let log: i64 = row.get(1)?;
            Ok(Checkpoint { was_in_vain: row.get::<_, i64>(0)? != 0, log: u32::try_from(log).unwrap_or(0) })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file with a log of some pages, and what folds it.
    fn folding(folder: &Path, pages: u32) -> (Connection, Folding) {
        let file = folder.join("some.sqlite");
        let writer = Connection::open(&file).expect("a file");
        writer.pragma_update(None, "journal_mode", "WAL").expect("a log");
        writer.pragma_update(None, "wal_autocheckpoint", 0).expect("set");
        writer.execute_batch("CREATE TABLE t (x)").expect("a table");
        let connection = Connection::open(&file).expect("opened");
        connection.busy_timeout(Duration::from_millis(1)).expect("set");
        let name = "some.sqlite".to_owned();
        (writer, Folding { connection, name, pages, in_vain_at: None, cut_at: Instant::now() })
    }

    fn grow(writer: &Connection) {
        for _ in 0..10 {
            writer.execute("INSERT INTO t VALUES (zeroblob(4000))", []).expect("written");
        }
    }

    #[test]
    fn a_long_reader_has_the_writer_wait_once_and_not_again_and_again() {
        let folder = tempfile::tempdir().expect("folder");
        let (writer, mut folding) = folding(folder.path(), 4);
        let reader = Connection::open(folder.path().join("some.sqlite")).expect("opened");
        reader.execute_batch("BEGIN; SELECT count(*) FROM t;").expect("a long look");
        grow(&writer);
        let begun = Instant::now();
        folding.fold(begun, &AtomicU32::new(0)).expect("folded as far as may be");
        assert_eq!(folding.in_vain_at, Some(begun), "somebody was in the way");
        for seconds in 1..10 {
            grow(&writer);
            folding
                .fold(begun + Duration::from_secs(seconds), &AtomicU32::new(0))
                .expect("folded as far as may be");
            assert_eq!(folding.in_vain_at, Some(begun), "nobody was made to wait after {seconds} s");
        }
        // Later it is tried again, and the log begins anew once nobody is in the way.
        let later = begun + HOLD_OFF;
        folding.fold(later, &AtomicU32::new(0)).expect("folded as far as may be");
        assert_eq!(folding.in_vain_at, Some(later));
        reader.execute_batch("COMMIT").expect("the end of the look");
        folding.fold(later + HOLD_OFF, &AtomicU32::new(0)).expect("folded");
        assert_eq!(folding.in_vain_at, None);
        grow(&writer);
        assert!(folding.checkpoint("NOOP").expect("a look").log < 50, "the log was begun anew");
    }

    #[test]
    fn a_log_is_cut_once_an_hour() {
        let folder = tempfile::tempdir().expect("folder");
        let (writer, mut folding) = folding(folder.path(), 1_000_000);
        grow(&writer);
        let log = folder.path().join("some.sqlite-wal");
        let bytes = || std::fs::metadata(&log).expect("a log").len();
        let begun = folding.cut_at;
        folding.fold(begun + CUT / 2, &AtomicU32::new(0)).expect("too short to be folded");
        assert!(bytes() > 0);
        folding.fold(begun + CUT, &AtomicU32::new(0)).expect("cut");
        assert_eq!((bytes(), folding.cut_at), (0, begun + CUT));
    }
}
