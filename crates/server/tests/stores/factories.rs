//! Stores of a test's own.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;

use frontrow_application::Clock;
use frontrow_domain::Timestamp;
use frontrow_domain::event::OutboxEvent;
use frontrow_store_mysql::MysqlStore;
use frontrow_store_sqlite::{FILE_NAME, SqliteStore};
use frontrow_testkit::services::OwnServer;
use frontrow_testkit::{Opened, StoreFactory};
use rusqlite::OpenFlags;
use sqlx::mysql::MySqlRow;
use sqlx::{AssertSqlSafe, Connection as _, MySqlConnection, Row as _};
use tempfile::TempDir;
use uuid::Uuid;

/// Waits for something from code that does not wait itself, but runs where others can.
fn wait_for<T>(work: impl Future<Output = T>) -> T {
    tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(work))
}

/// An event as both stores write it.
fn event(key: &[u8], sequence: i64, at: i64, body: &str) -> OutboxEvent {
    OutboxEvent {
        key: Uuid::from_slice(key).expect("a key has sixteen bytes"),
        sequence: sequence.cast_unsigned(),
        at: Timestamp::from_micros(at),
        event: serde_json::from_str(body).expect("an event reads as it was written"),
        origin: None,
    }
}

/// An embedded store in a folder that goes with the test.
pub(crate) struct Embedded(TempDir);

impl Embedded {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().expect("the system can make a folder"))
    }
}

impl StoreFactory for Embedded {
    fn open(&self, clock: Arc<dyn Clock>) -> Opened {
        let options = frontrow_store_sqlite::Options::new(self.0.path(), clock);
        let store = SqliteStore::open(options).expect("the store opens");
        let reads = Arc::new(store.reads());
        let upkeep = Arc::<SqliteStore>::clone(&store);
        Opened { store, reads, upkeep }
    }

    fn outbox(&self) -> Vec<OutboxEvent> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
        let file = rusqlite::Connection::open_with_flags(self.0.path().join(FILE_NAME), flags);
        let file = file.expect("the file opens");
        let sql = "SELECT key, sequence, at, body FROM outbox ORDER BY outbox_id";
        let mut statement = file.prepare(sql).expect("the outbox is there");
        let rows = statement.query_map([], |row| {
            Ok(event(&row.get::<_, [u8; 16]>(0)?, row.get(1)?, row.get(2)?, &row.get::<_, String>(3)?))
        });
        rows.and_then(Iterator::collect).expect("the outbox can be read")
    }
}

/// A MariaDB for stores of which nobody asks that they outlast the power: so databases are made in no time.
pub(crate) fn careless_server() -> OwnServer {
    OwnServer::mariadb_with(&[
        "--innodb-flush-method=nosync",
        "--innodb-flush-log-at-trx-commit=0",
        "--innodb-doublewrite=OFF",
    ])
}

/// A shared store in a database that goes with the test, unless that fails.
pub(crate) struct Shared {
    server: String,
    name: String,
}

impl Shared {
    pub(crate) fn on(server: &OwnServer) -> Self {
        let name = format!("frontrow_stores_{:016x}", RandomState::new().hash_one(std::process::id()));
        let shared = Self { server: server.url(), name };
        shared.ask(&shared.server, format!("CREATE DATABASE {}", shared.name));
        shared
    }

    fn url(&self) -> String {
        format!("{}/{}", self.server, self.name)
    }

    fn ask(&self, url: &str, sql: String) -> Vec<MySqlRow> {
        let asked = async {
            let mut connection = MySqlConnection::connect(url).await?;
            let rows = sqlx::raw_sql(AssertSqlSafe(sql)).fetch_all(&mut connection).await;
            connection.close().await?;
            rows
        };
        wait_for(asked).unwrap_or_else(|error| panic!("{}: {error}", self.name))
    }
}

impl StoreFactory for Shared {
    fn open(&self, clock: Arc<dyn Clock>) -> Opened {
        let options = frontrow_store_mysql::Options::new(&self.url(), clock);
        let store = wait_for(MysqlStore::open(options)).expect("the store opens");
        let reads = Arc::new(store.reads());
        let upkeep = Arc::<MysqlStore>::clone(&store);
        Opened { store, reads, upkeep }
    }

    fn outbox(&self) -> Vec<OutboxEvent> {
        let sql = "SELECT event_key, sequence, at, body FROM outbox ORDER BY outbox_id";
        let rows = self.ask(&self.url(), sql.to_owned());
        let read = |row: &MySqlRow| {
            let (key, body): (Vec<u8>, String) = (row.get(0), row.get_unchecked(3));
            event(&key, row.get(1), row.get(2), &body)
        };
        rows.iter().map(read).collect()
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.ask(&self.server, format!("DROP DATABASE {}", self.name));
        }
    }
}
