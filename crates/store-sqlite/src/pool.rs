//! Connections for reading.

use std::path::{Path, PathBuf};

use frontrow_application::store::ReadError;
use parking_lot::Mutex;
use rusqlite::Connection;
use tokio::sync::Semaphore;

use crate::error::{self, OpenError};
use crate::schema;

/// How many idle connections are kept for look-ups: more threads than this do not run at once.
const IDLE_MAX: usize = 64;

pub(crate) struct ReadPool {
    file: PathBuf,
    idle: Mutex<Vec<Connection>>,
    /// Bounds the lists and audits that are read at once.
    pub(crate) scans: Semaphore,
    readers: usize,
}

impl ReadPool {
    pub(crate) fn open(file: &Path, readers: usize) -> Result<Self, OpenError> {
        let first = schema::open_reader(file)?;
        Ok(Self {
            file: file.to_owned(),
            idle: Mutex::new(vec![first]),
            scans: Semaphore::new(readers.max(1)),
            readers: readers.max(1),
        })
    }

    /// How many lists and audits are being read, and how many may be at once.
    pub(crate) fn lists(&self) -> (usize, usize) {
        (self.readers.saturating_sub(self.scans.available_permits()), self.readers)
    }

    /// Runs a query on a connection of its own.
    pub(crate) fn with<T>(
        &self,
        query: impl FnOnce(&mut Connection) -> rusqlite::Result<T>,
    ) -> Result<T, ReadError> {
        let idle = self.idle.lock().pop();
        let mut connection = match idle {
            Some(connection) => connection,
            None => {
                schema::open_reader(&self.file).map_err(|error| ReadError::Unavailable(error.to_string()))?
            }
        };
        let result = query(&mut connection).map_err(error::read_error);
        // A connection whose query failed may be in any state; it is dropped.
        if result.is_ok() {
            let mut idle = self.idle.lock();
            if idle.len() < IDLE_MAX {
                idle.push(connection);
            }
        }
        result
    }
}
