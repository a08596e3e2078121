//! [`SqliteDelivery`] keeps of events on their way what everybody must keep.

use std::sync::Arc;

use frontrow_application::events::Delivery;
use frontrow_store_sqlite::SqliteDelivery;
use frontrow_testkit::delivery::DeliverySource;
use tempfile::TempDir;

/// A file in a folder of its own, which goes with the test.
struct SqliteSource(TempDir);

impl DeliverySource for SqliteSource {
    fn open(&self) -> Arc<dyn Delivery> {
        let delivery: SqliteDelivery = SqliteDelivery::open(self.0.path()).expect("the file opens");
        Arc::new(delivery)
    }
}

frontrow_testkit::delivery_suite!(SqliteSource(tempfile::tempdir().expect("a folder")));
