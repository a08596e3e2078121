//! The store in memory runs the whole suite: that is the licence to test with it.

use frontrow_testkit::memory::MemoryFactory;

frontrow_testkit::store_suite!(MemoryFactory::new());
