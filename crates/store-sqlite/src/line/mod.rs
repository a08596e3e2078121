//! The journal of the embedded waiting room: [`LineJournal`] on one SQLite file of its own.
//!
//! - A file beside that of the sale, because a storm of joins must not wait for the syncs of the sale, nor the other
//!   way round, and because a line that fails is not a sale that fails. No transaction spans the two.
//! - A row a place. Joins append at the right edge of their line, moves stay near its head, and what is over goes in
//!   small steps: what a commit costs depends on its batch and not on how many are in line.
//! - The writer blocks until its batch is on the disk. It has WAL with `synchronous=FULL`, and its log is folded by
//!   a thread of its own, as for the sale.
//! - Places in a lobby are rows behind those of its line. Once it was drawn they go, in the transaction that says so.
//! - There are no rules here, and no place is looked up. The line is in memory; this is what it is rebuilt from.

mod append;
mod codec;
mod load;
mod schema;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use frontrow_application::queue::journal::{JournalError, LineBatch, LineJournal, Stored};
use frontrow_domain::Timestamp;
use parking_lot::Mutex;
use rusqlite::Connection;

pub(crate) use schema::LINE;
pub use schema::LINE_SCHEMA_VERSION;

use crate::checkpoint::Checkpointer;
use crate::error::OpenError;
use crate::schema::{make_file, open_reader};

/// The name of the line's journal in the data folder.
pub const LINE_FILE_NAME: &str = "line.sqlite";

/// Pages of log after which it is folded into the file: 16 MiB, which a storm of joins fills in some seconds.
const CHECKPOINT_PAGES: u32 = 4_000;

/// The journal of the embedded waiting room, for the one process that has the line.
pub struct SqliteLine {
    file: PathBuf,
    writer: Mutex<Connection>,
    has_failed: AtomicBool,
    checkpointer: Checkpointer,
}

impl SqliteLine {
    /// Opens the journal in a data folder, and makes or migrates it.
    ///
    /// Call it once [`SqliteStore::open`](crate::SqliteStore::open) has answered for the same folder, and keep that
    /// store for as long: it makes the folder and has the lock that keeps other processes out of it. There is no
    /// lock of this file alone.
    pub fn open(folder: &Path) -> Result<Arc<Self>, OpenError> {
        let file = folder.join(LINE_FILE_NAME);
        make_file(&file).map_err(|cause| OpenError::folder(folder, cause))?;
        let writer = Mutex::new(schema::open(&file)?);
        let checkpointer = Checkpointer::start(&file, CHECKPOINT_PAGES)?;
        Ok(Arc::new(Self { file, writer, has_failed: AtomicBool::new(false), checkpointer }))
    }

    /// True once a write has failed in a way that does not say whether it happened. The process should end: what the
    /// file holds is known again after it was opened anew.
    pub fn has_failed(&self) -> bool {
        self.has_failed.load(Ordering::Acquire)
    }

    /// Pages in the write-ahead log, as of a moment ago.
    pub fn log_pages(&self) -> u32 {
        self.checkpointer.log_pages()
    }

    /// Folds the log into the file and ends the thread that does so. The journal can still be used.
    pub fn close(&self) {
        self.checkpointer.stop();
        let folded = self.writer.lock().query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
        if let Err(error) = folded {
            tracing::warn!(%error, "the line's log could not be folded into its file; the next start will do it");
        }
    }

    /// Runs one transaction.
    fn write<T>(&self, work: impl FnOnce(&Connection) -> Result<T, JournalError>) -> Result<T, JournalError> {
        let writer = self.writer.lock();
        self.check_known()?;
        let result = append::transact(&writer, work);
        if matches!(result, Err(JournalError::OutcomeUnknown(_))) {
            self.has_failed.store(true, Ordering::Release);
        }
        self.checkpointer.notice();
        result
    }

    fn check_known(&self) -> Result<(), JournalError> {
        if self.has_failed() {
            let reason = "a write failed earlier; the process has to be started anew";
            return Err(JournalError::OutcomeUnknown(reason.to_owned()));
        }
        Ok(())
    }
}

impl LineJournal for SqliteLine {
    /// What is left out is what [`forget`](LineJournal::forget) may delete, those of closed lines as well, so it makes
    /// no difference whether that has run. The next number of a line is known whatever is left out.
    fn load(&self, ended_after: Timestamp, take: &mut dyn FnMut(Stored)) -> Result<(), JournalError> {
        self.check_known()?;
        // A connection of its own: what it reads once is not kept in the writer's memory.
        let mut reader = open_reader(&self.file).map_err(|error| JournalError::Refused(error.to_string()))?;
        load::load(&mut reader, ended_after, take)
    }

    fn append(&self, batch: &LineBatch) -> Result<(), JournalError> {
        if batch.is_empty() {
            return self.check_known();
        }
        self.write(|connection| append::append(connection, batch))
    }

    fn forget(&self, ended_before: Timestamp, limit: usize) -> Result<usize, JournalError> {
        self.write(|connection| append::forget(connection, ended_before, limit))
    }
}
