//! The network in memory (`MemoryMessages`) runs the whole suite of the port, which is the licence to test with it.

use frontrow_testkit::messages::MessageHub;

frontrow_testkit::messages_suite!(MessageHub::default());
