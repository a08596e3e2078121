//! Backups: the files of a data folder as they were at one moment, copied beside a server that writes to them, and put
//! back into an empty folder.
//!
//! The three files refer to each other: how far sessions have been ended (in the file of the line) and how far consumers
//! have come (in the file of deliveries) are positions in the log of the file of the sale. A mark that is ahead of the log
//! would have the next events passed over; one that is behind has them told once more, under the same ids, which is what
//! at least once allows. So it is with fans of whom the line notes that they were told to be let in: the sale knows by a
//! key what it was told, and the line may ask again. So the sale is never older than the other two: a reading transaction is begun on the line, on the
//! deliveries and on the sale, in this order and at once, and everything is copied out of these. Whatever was answered
//! before the first of them began is in the copies.
//!
//! The server goes on writing meanwhile. Its logs cannot be begun anew until the copies are made, so they grow.

use std::fs::{self, DirBuilder, File};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use frontrow_application::Clock;
use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, ffi};

use crate::error::OpenError;
use crate::lock::{FolderLock, LOCK_NAME};
use crate::schema;
use crate::versions::{FILES, STORE_FILES};
use crate::{FILE_NAME, Options, SqliteDelivery, SqliteLine, SqliteStore};

/// How many pages are copied at once.
const STEP_PAGES: i32 = 2_048;

/// Where a restore keeps what it has not put in place yet. A folder that has it is not served.
pub(crate) const UNFINISHED: &str = "restore.unfinished";

/// What may be in a folder that is restored into: what every file system has, and what somebody else has tried before.
const NOTHING: [&str; 3] = ["lost+found", LOCK_NAME, UNFINISHED];

/// All files of a store as they were at one moment. Until it is dropped, the logs of a running server grow.
pub struct Snapshot {
    files: Vec<Pinned>,
    /// The name of the store's history.
    pub epoch: u64,
}

struct Pinned {
    name: &'static str,
    schema: u32,
    connection: Connection,
}

/// A file that was copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Copied {
    /// Its name.
    pub name: &'static str,
    /// The version of its schema.
    pub schema: u32,
}

impl Snapshot {
    /// Takes it, of a folder that a server may be using, or of a store of an older version: it is migrated when it is
    /// restored.
    pub fn take(folder: &Path) -> Result<Self, OpenError> {
        if !folder.join(FILE_NAME).exists() {
            return Err(OpenError::NoStore { folder: folder.to_owned() });
        }
        let mut files = Vec::new();
        for (name, kind) in FILES {
            let file = folder.join(name);
            // Versions of before had not all of them.
            if file.exists() {
                let connection = schema::open_reader(&file)?;
                schema::check_owner(&connection, &file, kind)?;
                files.push(Pinned { name, schema: 0, connection });
            }
        }
        // Everything slow is done: from here to the end it is one moment.
        for pinned in &mut files {
            pinned.connection.execute_batch("BEGIN")?;
            pinned.schema = schema::version(&pinned.connection)?;
        }
        let sale = files.last().ok_or_else(|| OpenError::NoStore { folder: folder.to_owned() })?;
        let epoch = sale.connection.query_row("SELECT epoch FROM meta", [], |row| row.get(0))?;
        Ok(Self { files, epoch })
    }

    /// Copies every file into a folder, and tells how far each has come, in pages.
    pub fn copy_to(
        &self,
        folder: &Path,
        tell: &mut dyn FnMut(&'static str, u64, u64),
    ) -> Result<Vec<Copied>, OpenError> {
        let mut copied = Vec::new();
        for Pinned { name, schema, connection } in &self.files {
            let file = folder.join(name);
            schema::make_file(&file).map_err(|cause| OpenError::folder(folder, cause))?;
            copy(connection, &file, &mut |done, of| tell(name, done, of))
                .map_err(|cause| OpenError::NotCopied { file, cause })?;
            copied.push(Copied { name, schema: *schema });
        }
        Ok(copied)
    }
}

fn copy(from: &Connection, to: &Path, tell: &mut dyn FnMut(u64, u64)) -> rusqlite::Result<()> {
    let mut target = Connection::open(to)?;
    let backup = Backup::new(from, &mut target)?;
    loop {
        let step = backup.step(STEP_PAGES)?;
        let progress = backup.progress();
        let of = u64::try_from(progress.pagecount).unwrap_or(0);
        tell(of.saturating_sub(u64::try_from(progress.remaining).unwrap_or(0)), of);
        match step {
            StepResult::Done => break,
            StepResult::More => {}
            // What is read is pinned, so it is the copy that somebody else has.
            _ => return Err(rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_BUSY), None)),
        }
    }
    drop(backup);
    target.close().map_err(|(_, error)| error)
}

/// A folder that a backup is put back into. Nobody else can use it meanwhile, and nobody takes it for a store before
/// [`Restoration::finish`] has come to its end.
pub struct Restoration {
    folder: PathBuf,
    beside: Vec<String>,
    _lock: FolderLock,
}

impl Restoration {
    /// Begins, in a folder that is not there or has nothing in it, except for what an earlier try has left, whenever that
    /// broke off: it is thrown away. `beside` are files that come along with those of the store.
    pub fn begin(folder: &Path, beside: &[&str]) -> Result<Self, OpenError> {
        let of_folder = |cause| OpenError::folder(folder, cause);
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(of_folder)?;
        let workshop = folder.join(UNFINISHED);
        // It is made in an empty folder, and goes when everything is in place: whatever of a store is beside it was put
        // there by a restore, and no server has opened it.
        let is_unfinished = workshop.exists();
        let mut left = Vec::new();
        for entry in fs::read_dir(folder).map_err(of_folder)? {
            let name = entry.map_err(of_folder)?.file_name();
            let is_one_of = |names: &[&str]| names.iter().any(|one| name == *one);
            if is_unfinished && (is_one_of(&STORE_FILES) || is_one_of(beside)) {
                left.push(folder.join(name));
            } else if !is_one_of(&NOTHING) {
                let found = name.to_string_lossy().into_owned();
                return Err(OpenError::NotEmpty { folder: folder.to_owned(), found });
            }
        }
        let lock = FolderLock::take(folder)?;
        left.iter().try_for_each(fs::remove_file).map_err(of_folder)?;
        if is_unfinished {
            fs::remove_dir_all(&workshop).map_err(of_folder)?;
        }
        DirBuilder::new().mode(0o700).create(&workshop).map_err(of_folder)?;
        let beside = beside.iter().map(|&name| name.to_owned()).collect();
        Ok(Self { folder: folder.to_owned(), beside, _lock: lock })
    }

    /// Where the files go first.
    pub fn workshop(&self) -> PathBuf {
        self.folder.join(UNFINISHED)
    }

    /// Brings the files to the schema of this version, begins a new history, so that no map, list or stream of the old
    /// one is taken for one of this, and puts everything in place.
    pub fn finish(self, clock: Arc<dyn Clock>) -> Result<(), OpenError> {
        let workshop = self.workshop();
        let of_folder = |cause| OpenError::folder(&self.folder, cause);
        let store = SqliteStore::open(Options::new(&workshop, clock))?;
        store.begin_new_history()?;
        let line = SqliteLine::open(&workshop)?;
        line.close();
        store.close();
        drop((line, store, SqliteDelivery::open(&workshop)?));
        // The sale last: without it the folder is none of a store.
        for name in self.beside.iter().map(String::as_str).chain(STORE_FILES) {
            fs::rename(workshop.join(name), self.folder.join(name)).map_err(of_folder)?;
        }
        File::open(&self.folder).and_then(|folder| folder.sync_all()).map_err(of_folder)?;
        fs::remove_dir_all(&workshop).map_err(of_folder)
    }
}

#[cfg(test)]
mod tests;
