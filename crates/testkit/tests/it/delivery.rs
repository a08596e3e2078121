//! Deliveries in memory run the whole suite, which is the licence to test with them.

use frontrow_testkit::delivery::MemoryDelivery;

frontrow_testkit::delivery_suite!(MemoryDelivery::default());
