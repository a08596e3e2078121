//! How errors of the driver become errors of the ports. Driver types end here.

use frontrow_application::store::{ReadError, StoreError};
use sqlx::mysql::MySqlDatabaseError;

/// Why a store does not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The address is not one of a database.
    #[error("not the address of a MySQL database (mysql://user:password@host:port/database): {0}")]
    Address(String),
    /// The database is of a version that this program does not know yet.
    #[error(
        "the database {database} has schema version {found}, and this program knows versions up to {known}; \
         use the newer frontrow that wrote it, or restore a backup of the older version"
    )]
    Newer {
        /// Which database.
        database: String,
        /// Its version.
        found: u32,
        /// The newest version that is known here.
        known: u32,
    },
    /// The database was never migrated, and was opened for reading only.
    #[error(
        "there is no Frontrow store of schema version {known} in the database {database}; \
             start frontrow serve on it once"
    )]
    NoStore {
        /// Which database.
        database: String,
        /// The version that is needed.
        known: u32,
    },
    /// The database has tables of something else.
    #[error("the database {database} is not a Frontrow store and is not empty")]
    Foreign {
        /// Which database.
        database: String,
    },
    /// Something is being copied into it, or was, and did not come to its end.
    #[error(
        "the database {database} is being filled by frontrow copy, or such a copy was interrupted; \
         wait for it, or run the same copy again: it starts anew"
    )]
    Copying {
        /// Which database.
        database: String,
    },
    /// It was to be copied into, and has a sale in it.
    #[error("the database {database} is not empty (there are rows in {table}); copy into a new one")]
    NotEmpty {
        /// Which database.
        database: String,
        /// A table with rows.
        table: &'static str,
    },
    /// It was to be used for a while, and something is in it.
    #[error("the database {database} has {tables} tables; name an empty one, or none, so that one is made")]
    InUse {
        /// Which database.
        database: String,
        /// How many tables there are.
        tables: i64,
    },
    /// Another instance has been migrating for too long.
    #[error("another instance is still migrating the database {database}; start again when it is done")]
    Migrating {
        /// Which database.
        database: String,
    },
    /// The database does not answer, or says no.
    #[error("cannot open the store: {0}")]
    Database(String),
}

/// What went wrong with a statement.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DbError {
    /// The server says no: its number of the error, and what it says.
    #[error("error {number}: {message}")]
    Refused {
        /// The number, which MySQL and MariaDB mostly have in common.
        number: u16,
        /// What the server says.
        message: String,
    },
    /// The connection is gone, or never came to be.
    #[error("no connection: {0}")]
    Lost(String),
    /// What is stored cannot be what was written.
    #[error("unreadable {0}")]
    Unreadable(&'static str),
}

/// Waited too long for a lock.
const LOCK_WAIT: u16 = 1205;
/// Chosen to end a deadlock.
const DEADLOCK: u16 = 1213;
/// MariaDB: the row has changed since it was read.
const CHANGED: u16 = 1020;
/// A row with that key is there.
pub(crate) const DUPLICATE: u16 = 1062;
/// There is no such table.
pub(crate) const NO_TABLE: u16 = 1146;
/// The server ends the connection: shutdown, killed, idle for too long, connection killed.
const ENDED: &[u16] = &[1053, 1317, 1927, 4031, 3032];
/// The server takes no writes, or no connections: full, read only, not allowed, being set up.
const UNAVAILABLE: &[u16] = &[
    1021, 1030, 1037, 1038, 1040, 1041, 1044, 1045, 1049, 1114, 1129, 1130, 1135, 1142, 1203, 1226, 1290,
    1792, 1836, 3100, 3101,
];

impl From<sqlx::Error> for DbError {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Database(cause) => {
                let number =
                    cause.try_downcast_ref::<MySqlDatabaseError>().map_or(0, MySqlDatabaseError::number);
                if ENDED.contains(&number) {
                    Self::Lost(error.to_string())
                } else {
                    Self::Refused { number, message: cause.message().to_owned() }
                }
            }
            sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => Self::Unreadable("column"),
            _ => Self::Lost(error.to_string()),
        }
    }
}

impl DbError {
    /// The server's number of the error; nothing when it was not the server.
    pub(crate) const fn number(&self) -> Option<u16> {
        match self {
            Self::Refused { number, .. } => Some(*number),
            Self::Lost(_) | Self::Unreadable(_) => None,
        }
    }

    /// True when another writer was in the way.
    pub(crate) fn is_conflict(&self) -> bool {
        matches!(self.number(), Some(LOCK_WAIT | DEADLOCK | CHANGED))
    }

    /// As an error before the commit: nothing has happened.
    pub(crate) fn into_store(self) -> StoreError {
        if self.is_conflict() {
            return StoreError::Busy;
        }
        match self {
            Self::Refused { number, .. } if UNAVAILABLE.contains(&number) => {
                StoreError::Unavailable(self.to_string())
            }
            // The next try has another connection, or cannot get one.
            Self::Lost(_) => StoreError::Busy,
            Self::Refused { .. } | Self::Unreadable(_) => StoreError::Broken(self.to_string()),
        }
    }

    /// As an error of getting a connection: when there is none to be had, the store is not there.
    pub(crate) fn into_store_connecting(self) -> StoreError {
        match self {
            Self::Lost(reason) => StoreError::Unavailable(reason),
            other => other.into_store(),
        }
    }

    /// As an error of a query.
    pub(crate) fn into_read(self) -> ReadError {
        match self {
            Self::Unreadable(_) => ReadError::Corrupt(self.to_string()),
            Self::Lost(_) | Self::Refused { .. } => ReadError::Unavailable(self.to_string()),
        }
    }
}
