//! How errors of SQLite become errors of the ports. Driver types end here.

use std::io;
use std::path::{Path, PathBuf};

use frontrow_application::store::{ReadError, StoreError};
use frontrow_domain::records::{Key, Keys};
use rusqlite::ErrorCode;
use rusqlite::ffi::{SQLITE_CONSTRAINT_PRIMARYKEY, SQLITE_CONSTRAINT_ROWID, SQLITE_CONSTRAINT_UNIQUE};

/// Why a store does not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The data folder cannot be used.
    #[error("cannot use the data folder {}: {cause}", folder.display())]
    Folder {
        /// Which folder.
        folder: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
    /// There is nothing to read in the folder.
    #[error("there is no Frontrow store in {}; start one with: frontrow serve --data {0}", folder.display())]
    NoStore {
        /// Which folder.
        folder: PathBuf,
    },
    /// Another process writes to it.
    #[error(
        "the data folder {} is in use by another frontrow process{}; \
         stop it, or use another folder with --data", folder.display(), holder.as_deref().unwrap_or("")
    )]
    InUse {
        /// Which folder.
        folder: PathBuf,
        /// What the lock file says of the other process.
        holder: Option<String>,
        /// Where the other process serves, when it has said so.
        address: Option<String>,
    },
    /// The file is of a version that this program does not know yet.
    #[error(
        "the store {} has schema version {found}, and this program knows versions up to {known}; \
         use the newer frontrow that wrote it, or restore a backup of the older version", file.display()
    )]
    Newer {
        /// Which file.
        file: PathBuf,
        /// Its version.
        found: u32,
        /// The newest version that is known here.
        known: u32,
    },
    /// The file is of an older version, and was opened for reading only.
    #[error(
        "the store {} has schema version {found} and must be migrated to {known} first: \
         start frontrow serve on it once", file.display()
    )]
    Older {
        /// Which file.
        file: PathBuf,
        /// Its version.
        found: u32,
        /// The version that is needed.
        known: u32,
    },
    /// The file is a database of something else.
    #[error("{} is not a Frontrow store", file.display())]
    Foreign {
        /// Which file.
        file: PathBuf,
    },
    /// A restore into the folder has not come to its end.
    #[error(
        "a backup was being restored into {}, and that has not come to its end: run the same frontrow restore again, \
         which starts anew", folder.display()
    )]
    Unfinished {
        /// Which folder.
        folder: PathBuf,
    },
    /// A backup is restored into a folder with nothing in it.
    #[error(
        "{} is not empty ({found} is there); name a new folder with --data, or move away what is in this one",
        folder.display()
    )]
    NotEmpty {
        /// Which folder.
        folder: PathBuf,
        /// Something in it.
        found: String,
    },
    /// A file could not be copied.
    #[error("{} could not be written: {cause}", file.display())]
    NotCopied {
        /// Which copy.
        file: PathBuf,
        /// What SQLite says.
        cause: rusqlite::Error,
    },
    /// What was committed does not fit into the tables.
    #[error(
        "what was sold does not fit into the tables: {why}. Nothing was lost: it is in the table journal of \
         {}. Do not delete it. Find out who else has written to the tables (docs/runbook/FrontrowFoldViolation.md says how)",
        crate::FILE_NAME
    )]
    Violation {
        /// Which row of the journal, and what SQLite says.
        why: String,
    },
    /// The server that writes to the folder does not put into the tables what it has sold.
    #[error(
        "the server that uses the data folder {} has not put into the tables what was sold before this was asked for; \
         look at its log, or try again when it has less to do", folder.display()
    )]
    NotFolded {
        /// Which folder.
        folder: PathBuf,
    },
    /// SQLite says no.
    #[error("cannot open the store: {0}")]
    Sqlite(#[from] rusqlite::Error),
}

impl OpenError {
    pub(crate) fn folder(folder: &Path, cause: io::Error) -> Self {
        Self::Folder { folder: folder.to_owned(), cause }
    }
}

/// An error while reading.
pub(crate) fn read_error(error: rusqlite::Error) -> ReadError {
    use rusqlite::Error::{FromSqlConversionFailure, IntegralValueOutOfRange, InvalidColumnType, Utf8Error};
    match error {
        FromSqlConversionFailure(..)
        | IntegralValueOutOfRange(..)
        | InvalidColumnType(..)
        | Utf8Error(..) => ReadError::Corrupt(error.to_string()),
        other => ReadError::Unavailable(other.to_string()),
    }
}

/// A task that was given up with its runtime.
pub(crate) fn lost_task(error: tokio::task::JoinError) -> ReadError {
    ReadError::Unavailable(error.to_string())
}

/// An error before the commit: nothing has happened. `key` names the record that was being written.
pub(crate) fn store_error(error: &rusqlite::Error, key: Option<Key>) -> StoreError {
    let text = error.to_string();
    let Some(cause) = error.sqlite_error() else { return StoreError::Broken(text) };
    match cause.code {
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => StoreError::Busy,
        ErrorCode::ConstraintViolation => match (cause.extended_code, key) {
            (
                SQLITE_CONSTRAINT_PRIMARYKEY | SQLITE_CONSTRAINT_UNIQUE | SQLITE_CONSTRAINT_ROWID,
                Some(key),
            ) => StoreError::Lost(Keys::from(key)),
            _ => StoreError::Broken(text),
        },
        ErrorCode::TooBig | ErrorCode::TypeMismatch => StoreError::Broken(text),
        _ => StoreError::Unavailable(text),
    }
}
