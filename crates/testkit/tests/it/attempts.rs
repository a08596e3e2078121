//! The counts of one process (`MemoryCounts`) run the whole suite of the port.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use frontrow_application::attempts::{AttemptCounts, MemoryCounts};
use frontrow_testkit::ManualClock;
use frontrow_testkit::conformance::attempts::CountsFactory;

#[derive(Default)]
struct MemoryFactory(ManualClock);

impl CountsFactory for MemoryFactory {
    fn open(&self) -> Arc<dyn AttemptCounts> {
        Arc::new(MemoryCounts::new(Arc::new(self.0.clone())))
    }

    fn second(&self) -> Option<Arc<dyn AttemptCounts>> {
        None
    }

    fn pass(&self, seconds: u32) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        self.0.advance(seconds);
        Box::pin(std::future::ready(()))
    }
}

frontrow_testkit::attempts_suite!(MemoryFactory::default());
