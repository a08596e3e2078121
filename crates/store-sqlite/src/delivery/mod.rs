//! Events on their way to others: the ports of `frontrow_application::events` on one SQLite file of its own.
//!
//! Marks move several times a second, and what a receiver does not take is kept here. A file beside that of the sale
//! keeps all of that away from the writer of the sale. A second process, such as `frontrow events replay`, may write
//! beside a server: each step is a short transaction.

mod marks;
mod undelivered;
mod webhooks;

use std::path::Path;
use std::sync::Arc;

use frontrow_application::events::LoggedEvent;
use frontrow_application::store::{Read, ReadError};
use frontrow_domain::Timestamp;
use parking_lot::Mutex;
use rusqlite::{Connection, Row, Transaction, TransactionBehavior};
use uuid::Uuid;

use crate::error::{OpenError, lost_task, read_error};
use crate::schema::{FileKind, bring_up, make_file, open_writer};

/// The name of the file in the data folder.
pub const DELIVERY_FILE_NAME: &str = "delivery.sqlite";

/// The newest schema of the file that this version knows.
pub const DELIVERY_SCHEMA_VERSION: u32 = 1;

/// Every step from one version to the next, from an empty file on. A step is never changed once released.
const MIGRATIONS: [&str; DELIVERY_SCHEMA_VERSION as usize] =
    [include_str!("../../migrations/delivery/0001_first.sql")];

/// The file of deliveries ("FROD").
pub(crate) const DELIVERY: FileKind = FileKind { application_id: 0x4652_4F44, migrations: &MIGRATIONS };

/// Memory for pages, in MiB: what is touched again and again is a handful of marks.
const CACHE_MIB: u32 = 2;

/// Pages of log after which a writer folds it into the file. Nobody waits for this writer.
const CHECKPOINT_PAGES: u32 = 1_000;

/// What is kept of events on their way to others.
#[derive(Clone)]
pub struct SqliteDelivery {
    connection: Arc<Mutex<Connection>>,
}

impl SqliteDelivery {
    /// Opens the file in a data folder that is there, and makes or migrates it.
    pub fn open(folder: &Path) -> Result<Self, OpenError> {
        let file = folder.join(DELIVERY_FILE_NAME);
        make_file(&file).map_err(|cause| OpenError::folder(folder, cause))?;
        let mut connection = open_writer(&file, &DELIVERY, CACHE_MIB)?;
        connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
        bring_up(&mut connection, &DELIVERY, |_| Ok(0))?;
        Ok(Self { connection: Arc::new(Mutex::new(connection)) })
    }

    /// Runs one transaction, on a thread that may block.
    fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T> + Send + 'static,
    ) -> Read<'_, T> {
        let connection = Arc::clone(&self.connection);
        Box::pin(async move {
            let done = tokio::task::spawn_blocking(move || {
                let mut connection = connection.lock();
                let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
                let result = work(&transaction)?;
                transaction.commit()?;
                Ok(result)
            });
            done.await.map_err(lost_task)?.map_err(read_error) as Result<T, ReadError>
        })
    }
}

/// The columns of an event, in this order: `position, event_key, sequence, at, body`.
fn event(row: &Row<'_>, first: usize) -> rusqlite::Result<LoggedEvent> {
    Ok(LoggedEvent {
        position: row.get(first)?,
        key: id(row, first + 1)?,
        sequence: row.get(first + 2)?,
        at: time(row, first + 3)?,
        body: row.get(first + 4)?,
    })
}

fn id(row: &Row<'_>, column: usize) -> rusqlite::Result<Uuid> {
    row.get(column).map(Uuid::from_bytes)
}

fn time(row: &Row<'_>, column: usize) -> rusqlite::Result<Timestamp> {
    row.get(column).map(Timestamp::from_micros)
}
