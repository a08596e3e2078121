//! Journaling in groups: whatever has come up while the last batch was being written is the next one.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use metrics::{counter, histogram};
use parking_lot::{Condvar, Mutex};
use tokio::sync::oneshot;

use super::journal::{JournalError, LineBatch, LineJournal, Moved};
use crate::waiting_room::LineError;

/// Hears what has become of a batch, before those who wait for it are answered.
pub(super) trait BatchListener: Send + Sync + 'static {
    /// The batch is on the disk, or nothing of it is. `effects` are those of its moves that wait for that.
    fn settled(&self, batch: &LineBatch, effects: &[Moved], is_kept: bool);
}

/// Whatever is to be written next.
#[derive(Default)]
pub(super) struct Pending {
    pub(super) batch: LineBatch,
    /// The moves that take effect once they are on the disk.
    pub(super) effects: Vec<Moved>,
    waiters: Vec<oneshot::Sender<Result<(), LineError>>>,
    is_closed: bool,
}

impl Pending {
    /// Adds moves that take effect once they are on the disk.
    pub(super) fn move_on(&mut self, moved: &[Moved]) {
        self.batch.moved.extend_from_slice(moved);
        self.effects.extend_from_slice(moved);
    }
}

/// Answers once everything up to now is on the disk.
pub(super) type Kept = oneshot::Receiver<Result<(), LineError>>;

/// The thread that writes, and what it is to write.
pub(super) struct Writer {
    shared: Arc<Shared>,
    /// The most requests of fans that may wait for the disk. Beyond that they are refused at once.
    waiters_max: usize,
    thread: Mutex<Option<JoinHandle<()>>>,
}

struct Shared {
    pending: Mutex<Pending>,
    wake: Condvar,
    is_well: AtomicBool,
    has_failed: AtomicBool,
}

impl Writer {
    /// Starts the thread.
    ///
    /// # Panics
    /// When no thread can be started.
    pub(super) fn start(
        journal: Arc<dyn LineJournal>,
        listener: Arc<dyn BatchListener>,
        waiters_max: usize,
    ) -> Self {
        let shared = Arc::new(Shared {
            pending: Mutex::default(),
            wake: Condvar::new(),
            is_well: AtomicBool::new(true),
            has_failed: AtomicBool::new(false),
        });
        let of_thread = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("line-journal".to_owned())
            .spawn(move || of_thread.run(&*journal, &*listener))
            .expect("the system can start a thread");
        Self { shared, waiters_max, thread: Mutex::new(Some(thread)) }
    }

    /// Adds to what is to be written, without waiting for it.
    pub(super) fn note(&self, add: impl FnOnce(&mut Pending)) {
        let mut pending = self.shared.pending.lock();
        add(&mut pending);
        drop(pending);
        self.shared.wake.notify_one();
    }

    /// The same for what fans ask for: refused when too many wait already, for a disk that hangs.
    pub(super) fn keep_if_room(&self, add: impl FnOnce(&mut Pending)) -> Result<Kept, LineError> {
        let waiting = self.shared.pending.lock().waiters.len();
        if waiting >= self.waiters_max {
            counter!("frontrow_line_shed_total").increment(1);
            return Err(LineError::Overloaded);
        }
        self.keep(add)
    }

    /// Adds to what is to be written. The answer comes when that, and everything added before, is on the disk.
    /// Nothing is added any more once the writer is closed.
    pub(super) fn keep(&self, add: impl FnOnce(&mut Pending)) -> Result<Kept, LineError> {
        let (answer, kept) = oneshot::channel();
        let mut pending = self.shared.pending.lock();
        if pending.is_closed {
            return Err(LineError::Unavailable("the server is stopping".to_owned()));
        }
        add(&mut pending);
        pending.waiters.push(answer);
        drop(pending);
        self.shared.wake.notify_one();
        Ok(kept)
    }

    /// False while the journal takes nothing.
    pub(super) fn is_well(&self) -> bool {
        self.shared.is_well.load(Ordering::Acquire)
    }

    /// True once a write has failed in a way that does not say whether it happened.
    pub(super) fn has_failed(&self) -> bool {
        self.shared.has_failed.load(Ordering::Acquire)
    }

    /// Writes what is there, and ends the thread.
    pub(super) fn close(&self) {
        self.note(|pending| pending.is_closed = true);
        if let Some(thread) = self.thread.lock().take()
            && thread.join().is_err()
        {
            tracing::error!("the thread of the line's journal had panicked");
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.close();
    }
}

impl Shared {
    fn run(&self, journal: &dyn LineJournal, listener: &dyn BatchListener) {
        loop {
            // Whoever was just answered, or is about to ask, runs first when processors are short: the next batch, which costs
            // the same sync, has more in it. With nobody else about this returns at once.
            std::thread::yield_now();
            let Some(work) = self.next() else { return };
            let begun = std::time::Instant::now();
            // Whoever only waits for what was added before waits for nothing more.
            if work.batch.is_empty() {
                for waiter in work.waiters {
                    let _ = waiter.send(Ok(()));
                }
                continue;
            }
            let result = self.append(journal, &work.batch);
            histogram!("frontrow_line_commit_seconds").record(begun.elapsed().as_secs_f64());
            histogram!("frontrow_line_batch_places")
                .record((work.batch.joined.len() + work.batch.moved.len()) as f64);
            let result = result.map_err(|error| self.failed(error));
            if result.is_ok() {
                self.is_well.store(true, Ordering::Release);
            }
            listener.settled(&work.batch, &work.effects, result.is_ok());
            for waiter in work.waiters {
                // Whoever has gone away needs no answer.
                let _ = waiter.send(result.clone());
            }
        }
    }

    fn append(&self, journal: &dyn LineJournal, batch: &LineBatch) -> Result<(), JournalError> {
        if self.has_failed.load(Ordering::Acquire) {
            let reason = "a write failed earlier; the process has to be started anew".to_owned();
            return Err(JournalError::Refused(reason));
        }
        // A panic in a journal leaves nobody waiting for an answer that never comes. What it has written of the
        // batch, nobody knows.
        catch_unwind(AssertUnwindSafe(|| journal.append(batch)))
            .unwrap_or_else(|_| Err(JournalError::OutcomeUnknown("the journal panicked".to_owned())))
    }

    /// Waits for work; nothing once the writer is closed and everything is written.
    fn next(&self) -> Option<Pending> {
        let mut pending = self.pending.lock();
        loop {
            if !pending.batch.is_empty() || !pending.waiters.is_empty() {
                let is_closed = pending.is_closed;
                return Some(std::mem::replace(&mut *pending, Pending { is_closed, ..Pending::default() }));
            }
            if pending.is_closed {
                return None;
            }
            self.wake.wait(&mut pending);
        }
    }

    fn failed(&self, error: JournalError) -> LineError {
        counter!("frontrow_line_commit_failures_total").increment(1);
        if self.is_well.swap(false, Ordering::AcqRel) {
            tracing::error!(%error, "the line cannot be kept: joining and admission stop");
        }
        match error {
            JournalError::Refused(reason) | JournalError::Corrupt(reason) => LineError::Unavailable(reason),
            JournalError::OutcomeUnknown(reason) => {
                self.has_failed.store(true, Ordering::Release);
                LineError::OutcomeUnknown(reason)
            }
        }
    }
}

#[cfg(test)]
mod tests;
