//! [`SqliteStore`] does what every store must do.

use std::sync::{Arc, Mutex, Weak};

use frontrow_application::Clock;
use frontrow_domain::Timestamp;
use frontrow_domain::event::OutboxEvent;
use frontrow_store_sqlite::{FILE_NAME, Folding, Options, SqliteStore};
use frontrow_testkit::{Opened, StoreFactory};
use rusqlite::{Connection, OpenFlags};
use tempfile::TempDir;
use uuid::Uuid;

/// A store in a folder of its own, which goes with the test.
pub(crate) struct SqliteFactory {
    folder: TempDir,
    folding: Folding,
    opened: Mutex<Weak<SqliteStore>>,
}

impl SqliteFactory {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("the system can make a folder");
        Self { folder, folding: Folding::Behind, opened: Mutex::default() }
    }

    /// One that leaves everything in the journal until a query cannot do without the tables.
    fn holding_back() -> Self {
        Self { folding: Folding::WhenAskedFor, ..Self::new() }
    }

    pub(crate) fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }
}

impl StoreFactory for SqliteFactory {
    fn open(&self, clock: Arc<dyn Clock>) -> Opened {
        let options = Options { folding: self.folding, ..Options::new(self.folder(), clock) };
        let store = SqliteStore::open(options).expect("the store opens");
        *self.opened.lock().expect("nobody panics here") = Arc::downgrade(&store);
        let reads = Arc::new(store.reads());
        let upkeep = Arc::<SqliteStore>::clone(&store);
        Opened { store, reads, upkeep }
    }

    fn outbox(&self) -> Vec<OutboxEvent> {
        let file = self.folder().join(FILE_NAME);
        if let Some(store) = self.opened.lock().expect("nobody panics here").upgrade() {
            store.settle();
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
        let connection = Connection::open_with_flags(file, flags).expect("the file opens");
        let mut statement = connection
            .prepare("SELECT key, sequence, at, body FROM outbox ORDER BY outbox_id")
            .expect("the outbox is there");
        let rows = statement.query_map([], |row| {
            let key: [u8; 16] = row.get(0)?;
            let body: String = row.get(3)?;
            Ok(OutboxEvent {
                key: Uuid::from_bytes(key),
                sequence: row.get(1)?,
                at: Timestamp::from_micros(row.get(2)?),
                event: serde_json::from_str(&body).expect("an event reads as it was written"),
                origin: frontrow_testkit::samples::origin(&body),
            })
        });
        rows.and_then(Iterator::collect).expect("the outbox can be read")
    }
}

frontrow_testkit::store_suite!(SqliteFactory::new());

/// The same with everything in the journal, and in memory.
mod unfolded {
    use super::SqliteFactory;

    frontrow_testkit::store_suite!(SqliteFactory::holding_back());
}
