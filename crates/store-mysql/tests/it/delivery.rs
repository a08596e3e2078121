//! [`MysqlDelivery`] keeps of events on their way what everybody must keep.

use std::sync::Arc;

use frontrow_application::events::Delivery;
use frontrow_store_mysql::MysqlDelivery;
use frontrow_testkit::ManualClock;
use frontrow_testkit::delivery::DeliverySource;

use crate::database::Database;

/// A database of its own, which goes with the test.
struct MysqlSource(Database);

impl DeliverySource for MysqlSource {
    fn open(&self) -> Arc<dyn Delivery> {
        let delivery: MysqlDelivery = self.0.open(Arc::new(ManualClock::default())).reads().delivery();
        Arc::new(delivery)
    }
}

frontrow_testkit::delivery_suite!(MysqlSource(Database::new()));
