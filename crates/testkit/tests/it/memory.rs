//! The store in memory runs the whole suite, which is the licence to test with it; and so does the decorator that
//! makes stores fail, as long as nothing is scripted.

use std::sync::Arc;

use frontrow_application::Clock;
use frontrow_domain::event::OutboxEvent;
use frontrow_testkit::faults::FaultyStore;
use frontrow_testkit::memory::MemoryFactory;
use frontrow_testkit::{Opened, StoreFactory};

/// Opens a `MemoryStore` behind a `FaultyStore`.
struct FaultyFactory(MemoryFactory);

impl StoreFactory for FaultyFactory {
    fn open(&self, clock: Arc<dyn Clock>) -> Opened {
        FaultyStore::before(&self.0.open(clock)).1
    }

    fn outbox(&self) -> Vec<OutboxEvent> {
        self.0.outbox()
    }
}

mod alone {
    use super::*;

    frontrow_testkit::store_suite!(MemoryFactory::new());
}

mod behind_a_decorator {
    use super::*;

    frontrow_testkit::store_suite!(FaultyFactory(MemoryFactory::new()));
}

#[test]
fn the_registry_names_every_case_once() {
    let mut names = frontrow_testkit::conformance::CASES.to_vec();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
    assert!(count > 90, "{count} cases");
}
