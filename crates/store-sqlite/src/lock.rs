//! The lock on the data folder: one process writes.
//!
//! It is the operating system's lock on an open file, so it ends with the process, however that ends.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::Path;

use parking_lot::Mutex;

use crate::error::OpenError;

/// The name of the lock file in the data folder.
pub(crate) const LOCK_NAME: &str = "frontrow.lock";

pub(crate) struct FolderLock {
    file: Mutex<File>,
}

impl FolderLock {
    /// Takes the lock, or says who has it.
    pub(crate) fn take(folder: &Path) -> Result<Self, OpenError> {
        let path = folder.join(LOCK_NAME);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(|cause| OpenError::folder(folder, cause))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                // Whatever it says is a help and no more.
                let _ = file.read_to_string(&mut text);
                let mut lines = text.lines();
                let holder = lines.next().map(|pid| format!(" (process {pid})"));
                let address = lines.next().map(str::to_owned);
                return Err(OpenError::InUse { folder: folder.to_owned(), holder, address });
            }
            Err(TryLockError::Error(cause)) => return Err(OpenError::folder(folder, cause)),
        }
        let lock = Self { file: Mutex::new(file) };
        lock.write(&format!("{}\n", std::process::id()));
        Ok(lock)
    }

    /// Notes where this process serves.
    pub(crate) fn announce(&self, address: &str) {
        self.write(&format!("{}\n{address}\n", std::process::id()));
    }

    fn write(&self, text: &str) {
        let mut file = self.file.lock();
        // The lock holds whether or not the note can be written.
        let _ = file
            .set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| file.write_all(text.as_bytes()))
            .and_then(|()| file.flush());
    }
}
