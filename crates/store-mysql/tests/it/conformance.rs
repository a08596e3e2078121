//! [`MysqlStore`] does what every store must do.

use std::sync::Arc;

use frontrow_application::Clock;
use frontrow_domain::Timestamp;
use frontrow_domain::event::OutboxEvent;
use frontrow_store_mysql::MysqlStore;
use frontrow_testkit::{Opened, StoreFactory};
use sqlx::Row;
use uuid::Uuid;

use crate::database::{Database, wait_for};

/// A store in a database of its own, which goes with the test.
pub(crate) struct MysqlFactory(pub(crate) Database);

impl MysqlFactory {
    pub(crate) fn new() -> Self {
        Self(Database::new())
    }
}

impl StoreFactory for MysqlFactory {
    fn open(&self, clock: Arc<dyn Clock>) -> Opened {
        let store = self.0.open(clock);
        let reads = Arc::new(store.reads());
        let upkeep = Arc::<MysqlStore>::clone(&store);
        Opened { store, reads, upkeep }
    }

    fn outbox(&self) -> Vec<OutboxEvent> {
        let rows =
            wait_for(self.0.client("SELECT event_key, sequence, at, body FROM outbox ORDER BY outbox_id"));
        let event = |row: &sqlx::mysql::MySqlRow| {
            let key: Vec<u8> = row.get(0);
            let body: String = row.get_unchecked(3);
            OutboxEvent {
                key: Uuid::from_slice(&key).expect("a key has sixteen bytes"),
                sequence: row.get::<i64, _>(1).cast_unsigned(),
                at: Timestamp::from_micros(row.get(2)),
                event: serde_json::from_str(&body).expect("an event reads as it was written"),
                origin: frontrow_testkit::samples::origin(&body),
            }
        };
        rows.expect("the outbox can be read").iter().map(event).collect()
    }
}

frontrow_testkit::store_suite!(MysqlFactory::new());
