//! `EmbeddedLine` does what every waiting room must do, on a journal in memory.

use frontrow_testkit::line::{EmbeddedFactory, MemoryJournal};

frontrow_testkit::line_suite!(EmbeddedFactory::new(MemoryJournal::new()));
frontrow_testkit::embedded_suite!(MemoryJournal::new());
