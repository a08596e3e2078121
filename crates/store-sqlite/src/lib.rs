//! Frontrow's embedded store: one SQLite file for the sale and one for the line, nothing beside them.
//!
//! [`SqliteStore`] has the sale:
//!
//! - One writer: whoever calls [`Store::transact`] (the box office's worker thread) writes, under a lock. WAL with
//!   `synchronous=FULL`: an answer means that the change survives the loss of power.
//! - Readers have connections of their own and never wait for the writer. Look-ups by key run where they are
//!   asked for, because a few microseconds are less than a change of thread; lists and audits run on threads
//!   that may block.
//! - The log is folded into the file by a thread of its own, never by the writer.
//! - A lock on `frontrow.lock` in the data folder keeps a second writer out. Readers do not take it.
//! - After an error out of COMMIT nobody knows what is on the disk: the store takes no more writes, and the
//!   process is expected to end ([`SqliteStore::has_failed`]).
//!
//! [`SqliteLine`] has the journal of the embedded waiting room, written in the same way but for what its own figures
//! ask for. It is a file of its own, so that a storm of joins does not wait for the syncs of the sale, nor the sale
//! for those of the line, and so that a line that fails is not a sale that fails. The lock of the folder keeps others
//! out of both files.
//!
//! [`SqliteDelivery`] has what is kept of events on their way to others, in a third file, for the same reasons.
//!
//! [`Snapshot`] and [`Restoration`] are how all three are backed up beside a running server, and put back.
//!
//! There are no rules here: rows go in and out as the domain gives and wants them.

mod backup;
mod checkpoint;
mod codec;
mod copy;
mod delivery;
mod error;
mod folding;
mod guard;
mod journal;
mod line;
mod live;
mod load;
mod lock;
mod once;
mod pool;
mod reads;
mod save;
mod schema;
mod versions;
mod writer;

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use frontrow_application::Clock;
use frontrow_application::group::Group;
use frontrow_application::store::{Committed, LaneShape, Read, Store, StoreError, Upkeep};
use frontrow_domain::Timestamp;
use futures_util::future::BoxFuture;
use parking_lot::Mutex;

pub use backup::{Copied, Restoration, Snapshot};
pub use copy::SqliteExport;
pub use delivery::{DELIVERY_FILE_NAME, DELIVERY_SCHEMA_VERSION, SqliteDelivery};
pub use error::OpenError;
pub use line::{LINE_FILE_NAME, LINE_SCHEMA_VERSION, SqliteLine};
pub use schema::SCHEMA_VERSION;
pub use versions::{FileVersion, STORE_FILES, versions};

use checkpoint::Checkpointer;
use folding::{Folder, Pace};
use live::Live;
use lock::FolderLock;
use pool::ReadPool;
use reads::plans::PlanCache;
use writer::Writer;

/// The name of the database in the data folder.
pub const FILE_NAME: &str = "frontrow.sqlite";

/// How to open a store.
#[derive(Clone)]
pub struct Options {
    /// The data folder; made if it is not there.
    pub folder: PathBuf,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// How many lists and audits may be read at once.
    pub readers: usize,
    /// Pages of log after which it is folded into the file.
    pub checkpoint_pages: u32,
    /// Memory for pages of the writer's connection, in MiB.
    pub cache_mib: u32,
    /// When what was committed goes from the journal into the tables.
    pub folding: Folding,
    /// Bytes of groups that may be committed and not be in the tables. Beyond it nothing is sold until some are.
    pub unfolded_max: usize,
}

/// When groups go from the journal into the tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Folding {
    /// When nobody writes; while somebody does, as soon as many wait.
    Behind,
    /// Only when a query waits for it: for tests, in which everything is to be in the journal for long.
    WhenAskedFor,
}

impl Options {
    /// Sound values for everything but the folder and the clock.
    pub fn new(folder: &Path, clock: Arc<dyn Clock>) -> Self {
        Self {
            folder: folder.to_owned(),
            clock,
            readers: 4,
            checkpoint_pages: 4_000,
            cache_mib: 64,
            folding: Folding::Behind,
            unfolded_max: 64 << 20,
        }
    }
}

/// The embedded store, for one process that writes.
pub struct SqliteStore {
    writer: Arc<Mutex<Writer>>,
    reads: SqliteReads,
    has_failed: Arc<AtomicBool>,
    checkpointer: Arc<Checkpointer>,
    folder: Folder,
    unfolded_max: usize,
    lock: FolderLock,
}

/// The embedded store, for reading only: beside a running server, or without one.
#[derive(Clone)]
pub struct SqliteReads {
    pool: Arc<ReadPool>,
    plans: Arc<PlanCache>,
    clock: Arc<dyn Clock>,
    /// What is not in the tables yet. Beside a server of another process it is empty: those who only read see what is in
    /// the tables.
    live: Arc<Live>,
}

impl SqliteStore {
    /// Opens the store in a folder, makes or migrates it, and keeps other writers out.
    pub fn open(options: Options) -> Result<Arc<Self>, OpenError> {
        let file = options.folder.join(FILE_NAME);
        let of_folder = |cause| OpenError::folder(&options.folder, cause);
        // What is inside concerns its owner only: addresses, password hashes, who has bought what.
        DirBuilder::new().recursive(true).mode(0o700).create(&options.folder).map_err(of_folder)?;
        let lock = FolderLock::take(&options.folder)?;
        if options.folder.join(backup::UNFINISHED).exists() {
            return Err(OpenError::Unfinished { folder: options.folder });
        }
        schema::make_file(&file).map_err(of_folder)?;
        let mut connection = schema::open_writer(&file, &schema::SALE, options.cache_mib)?;
        // Before the schema moves on: the journal is in the words of the version that wrote it.
        schema::fold_journal(&connection)?;
        schema::migrate(&mut connection, options.clock.now())?;
        let plans = Arc::new(PlanCache::default());
        let live = Arc::new(Live::default());
        let has_failed = Arc::new(AtomicBool::new(false));
        let writer = Arc::new(Mutex::new(Writer::new(
            connection,
            Arc::clone(&options.clock),
            Arc::clone(&plans),
            Arc::clone(&live),
            Arc::clone(&has_failed),
            options.unfolded_max,
        )?));
        let checkpointer = Arc::new(Checkpointer::start(&file, options.checkpoint_pages)?);
        let (of_folder, notices) = (Arc::clone(&writer), Arc::clone(&checkpointer));
        let pace = Pace { folding: options.folding, unfolded_max: options.unfolded_max };
        let folder = Folder::start(of_folder, Arc::clone(&live), notices, pace)?;
        let pool = Arc::new(ReadPool::open(&file, options.readers)?);
        let reads = SqliteReads { pool, plans, clock: options.clock, live };
        let unfolded_max = options.unfolded_max;
        Ok(Arc::new(Self { writer, reads, has_failed, checkpointer, folder, unfolded_max, lock }))
    }

    /// Says in the lock file where this server is to be found, for whoever wants to write beside it.
    pub fn announce(&self, address: &str) {
        self.lock.announce(address);
    }

    /// True once a commit has failed in a way that does not say whether it happened. The process should end:
    /// what the file holds is known again after it was opened anew.
    pub fn has_failed(&self) -> bool {
        self.has_failed.load(Ordering::Acquire)
    }

    /// True once the tables did not take what was committed: they are not what it was decided on. Nothing is sold on
    /// them any more, and opening the store anew does not help; somebody has to look.
    pub fn has_violation(&self) -> bool {
        self.reads.live.has_violation()
    }

    /// How many bytes of groups are committed and not in the tables yet, and how many may be.
    pub fn unfolded_bytes(&self) -> (usize, usize) {
        (self.reads.live.unfolded_bytes(), self.unfolded_max)
    }

    /// Pages in the write-ahead log, as of a moment ago.
    pub fn log_pages(&self) -> u32 {
        self.checkpointer.log_pages()
    }

    /// How many lists and audits are being read, and how many may be at once.
    pub fn lists(&self) -> (usize, usize) {
        self.reads.pool.lists()
    }

    /// The queries alone.
    pub fn reads(&self) -> SqliteReads {
        self.reads.clone()
    }

    /// Gives the store's history a new name: what is in it is not what it was. For a store that nobody serves yet.
    pub(crate) fn begin_new_history(&self) -> Result<(), OpenError> {
        Ok(self.writer.lock().begin_new_history()?)
    }

    /// Puts everything into the tables, folds the log into the file, and ends the threads that do so. The store can still be
    /// used.
    pub fn close(&self) {
        self.folder.stop();
        self.checkpointer.stop();
        self.settle();
        self.writer.lock().fold_log();
    }

    /// Puts everything that was committed into the tables, now and here.
    pub fn settle(&self) {
        let mut writer = self.writer.lock();
        loop {
            match writer.fold(std::time::Duration::from_millis(200)) {
                Ok(0) => return,
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!(%error, "the journal could not be folded; the next start will do it");
                    return;
                }
            }
        }
    }
}

impl SqliteReads {
    /// Opens an existing store for reading only, also while a server writes to it. Everything that was committed before is
    /// seen: what is not in the tables is put there, by the server, or by this when none runs.
    pub fn open(folder: &Path, clock: Arc<dyn Clock>) -> Result<Self, OpenError> {
        let file = folder.join(FILE_NAME);
        if !file.exists() {
            return Err(OpenError::NoStore { folder: folder.to_owned() });
        }
        schema::check_readable(&file)?;
        folding::settle(folder)?;
        let pool = Arc::new(ReadPool::open(&file, 1)?);
        Ok(Self { pool, plans: Arc::new(PlanCache::default()), clock, live: Arc::default() })
    }
}

impl Store for SqliteStore {
    fn lane_shape(&self) -> LaneShape {
        LaneShape::Single
    }

    fn transact(&self, group: Group) -> BoxFuture<'_, (Group, Result<Committed, StoreError>)> {
        Box::pin(async move {
            let result = self.writer.lock().transact(group);
            self.checkpointer.notice();
            self.folder.notice();
            result
        })
    }
}

impl Upkeep for SqliteStore {
    fn clean(&self, now: Timestamp) -> Read<'_, usize> {
        let writer = Arc::clone(&self.writer);
        Box::pin(async move {
            let mut gone = 0;
            loop {
                // The writer is given back between the steps, so that no fan waits for the whole of it.
                let writer = Arc::clone(&writer);
                let step = tokio::task::spawn_blocking(move || writer.lock().clean(now)).await;
                let step = step.map_err(error::lost_task)??;
                gone += step;
                if step < writer::UPKEEP_ROWS {
                    return Ok(gone);
                }
            }
        })
    }

    fn clean_events(&self, before: Timestamp, through: u64) -> Read<'_, usize> {
        let writer = Arc::clone(&self.writer);
        Box::pin(async move {
            // What is not in its table cannot be dropped from there.
            self.reads.live.settled().await;
            let mut gone = 0;
            loop {
                let writer = Arc::clone(&writer);
                let step = tokio::task::spawn_blocking(move || writer.lock().clean_events(before, through));
                let step = step.await.map_err(error::lost_task)??;
                gone += step;
                if step < writer::UPKEEP_ROWS {
                    return Ok(gone);
                }
            }
        })
    }
}
