//! When groups go from the journal into the tables: behind the sale, in short slices under the writer's lock.
//!
//! While groups come one after the other, folding would take from them what it costs, so it waits until nothing comes for
//! a moment, until a query needs the tables, or until much is waiting. Then slices and groups take turns.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use parking_lot::{Mutex, MutexGuard};

use crate::checkpoint::Checkpointer;
use crate::error::OpenError;
use crate::journal::FoldError;
use crate::live::Live;
use crate::lock::FolderLock;
use crate::writer::{self, Writer};
use crate::{FILE_NAME, Folding, schema};

/// For how long one slice folds; the group that it has begun comes to its end.
const SLICE: Duration = Duration::from_micros(1_500);
/// How long nothing must have come for the sale to be quiet.
const QUIET: Duration = Duration::from_millis(2);
/// Of what may be unfolded, the share in quarters from which on groups are folded between others that come: with 64 MiB a
/// rush of some 70,000 holds is over before.
const MANY_QUARTERS: usize = 3;
/// The most slices between two groups, when hardly anything more fits.
const SLICES_MAX: usize = 8;
/// The pause after something could not be folded for now.
const TROUBLE: Duration = Duration::from_millis(500);
/// How long whoever reads beside a server waits for it to fold.
const PATIENCE: Duration = Duration::from_secs(20);

/// The thread that folds.
pub(crate) struct Folder {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Default)]
struct Shared {
    /// How many groups have come.
    groups: AtomicU64,
    is_asleep: AtomicBool,
    is_stopped: AtomicBool,
}

impl Folder {
    pub(crate) fn start(
        writer: Arc<Mutex<Writer>>,
        live: Arc<Live>,
        checkpointer: Arc<Checkpointer>,
        pace: Pace,
    ) -> Result<Self, OpenError> {
        let shared = Arc::new(Shared::default());
        let (of_thread, of_live) = (Arc::clone(&shared), Arc::clone(&live));
        let thread = std::thread::Builder::new()
            .name("folding".to_owned())
            .spawn(move || run(&of_thread, &writer, &of_live, &checkpointer, pace))
            .map_err(|cause| OpenError::folder(Path::new(FILE_NAME), cause))?;
        live.wakes(thread.thread().clone());
        Ok(Self { shared, thread: Mutex::new(Some(thread)) })
    }

    /// Notes that a group was committed.
    pub(crate) fn notice(&self) {
        self.shared.groups.fetch_add(1, Ordering::Relaxed);
        if self.shared.is_asleep.swap(false, Ordering::AcqRel)
            && let Some(thread) = &*self.thread.lock()
        {
            thread.thread().unpark();
        }
    }

    pub(crate) fn stop(&self) {
        self.shared.is_stopped.store(true, Ordering::Release);
        if let Some(thread) = self.thread.lock().take() {
            thread.thread().unpark();
            if thread.join().is_err() {
                tracing::error!("the folding thread had panicked");
            }
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        self.stop();
    }
}

/// When is folded, and how much at a time.
#[derive(Clone, Copy)]
pub(crate) struct Pace {
    pub(crate) folding: Folding,
    /// Bytes of groups that may wait before new ones are refused.
    pub(crate) unfolded_max: usize,
}

impl Pace {
    fn many(self) -> usize {
        self.unfolded_max / 4 * MANY_QUARTERS
    }

    /// How many slices come between two groups: the more, the less still fits. Groups that were too fast for folding would
    /// be refused in the end, and whoever waits a few milliseconds more is better off than whoever is told to come again.
    fn slices(self, unfolded: usize) -> usize {
        let room = self.unfolded_max.saturating_sub(self.many()).max(1);
        let beyond = unfolded.saturating_sub(self.many()).min(room);
        1 + (SLICES_MAX - 1) * beyond / room
    }
}

fn run(shared: &Shared, writer: &Mutex<Writer>, live: &Live, checkpointer: &Checkpointer, pace: Pace) {
    while !shared.is_stopped.load(Ordering::Acquire) {
        if live.unfolded_bytes() == 0 || live.has_violation() {
            // Whoever commits, or waits for something to be folded, wakes it.
            shared.is_asleep.store(true, Ordering::Release);
            if live.unfolded_bytes() == 0 || live.has_violation() {
                std::thread::park();
            }
            continue;
        }
        if !is_time(shared, live, pace) {
            continue;
        }
        let mut writer = writer.lock();
        let slices = pace.slices(live.unfolded_bytes());
        let result = (0..slices).try_for_each(|_| writer.fold(SLICE).map(drop));
        // Whoever waits for the writer comes before the next slice.
        MutexGuard::unlock_fair(writer);
        match result {
            Ok(()) => checkpointer.notice(),
            Err(violation @ FoldError::Violation { .. }) => {
                tracing::error!(
                    %violation,
                    "what was sold does not fit into the tables: nothing is sold any more. Keep the file, and look who else \
                     has written to it"
                );
            }
            Err(FoldError::NotNow(error)) => {
                tracing::warn!(%error, "folding the journal failed; what is sold is safe in it, and it is tried again");
                std::thread::park_timeout(TROUBLE);
            }
        }
    }
}

/// True when a slice is to be folded now; if not, after a pause.
fn is_time(shared: &Shared, live: &Live, pace: Pace) -> bool {
    if live.is_waited_for() {
        return true;
    }
    if pace.folding == Folding::WhenAskedFor {
        std::thread::park_timeout(Duration::from_millis(50));
        return false;
    }
    let before = shared.groups.load(Ordering::Relaxed);
    if live.unfolded_bytes() >= pace.many() {
        return true;
    }
    std::thread::park_timeout(QUIET);
    shared.groups.load(Ordering::Relaxed) == before
}

/// Sees to it that everything that was committed before is in the tables of a folder, whoever writes to it.
pub(crate) fn settle(folder: &Path) -> Result<(), OpenError> {
    let file = folder.join(FILE_NAME);
    let reader = schema::open_reader(&file)?;
    let newest =
        || reader.query_row("SELECT max(journal_id) FROM journal", [], |row| row.get::<_, Option<i64>>(0));
    let Some(tip) = newest()? else { return Ok(()) };
    let begun = Instant::now();
    loop {
        // Without a server this is what the next one would do first.
        match FolderLock::take(folder) {
            Ok(_lock) => return fold_of_nobody(&file),
            Err(OpenError::InUse { .. }) => {}
            Err(error) => return Err(error),
        }
        let sql = "SELECT 1 FROM journal WHERE journal_id <= ?1 LIMIT 1";
        if !reader.prepare_cached(sql)?.exists([tip])? {
            return Ok(());
        }
        if begun.elapsed() > PATIENCE {
            return Err(OpenError::NotFolded { folder: folder.to_owned() });
        }
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

/// Folds everything in a file whose folder is locked by the caller.
pub(crate) fn fold_of_nobody(file: &Path) -> Result<(), OpenError> {
    writer::fold_all(&schema::open_writer(file, &schema::SALE, 8)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_less_still_fits_the_more_is_folded_between_two_groups() {
        let pace = Pace { folding: Folding::Behind, unfolded_max: 64 << 20 };
        let at = |mebibytes: usize| pace.slices(mebibytes << 20);
        assert_eq!([at(0), at(47), at(48), at(50)], [1, 1, 1, 1]);
        assert_eq!([at(56), at(63), at(64), at(1_000)], [4, 7, SLICES_MAX, SLICES_MAX]);
        assert_eq!(Pace { unfolded_max: 0, ..pace }.slices(0), 1);
    }
}
