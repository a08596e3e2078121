//! [`SqliteLine`] does what every journal of the embedded line must do, and `EmbeddedLine` on it what every waiting room
//! must do.

use std::sync::Arc;

use frontrow_application::queue::journal::LineJournal;
use frontrow_store_sqlite::SqliteLine;
use frontrow_testkit::line::{EmbeddedFactory, JournalSource};
use tempfile::TempDir;

/// A journal in a folder of its own, which goes with the test.
struct SqliteSource(TempDir);

impl SqliteSource {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("the system can make a folder"))
    }
}

impl JournalSource for SqliteSource {
    fn open(&self) -> Arc<dyn LineJournal> {
        SqliteLine::open(self.0.path()).expect("the journal opens")
    }

    fn crowd(&self) -> u64 {
        20_000
    }
}

frontrow_testkit::line_suite!(EmbeddedFactory::new(SqliteSource::new()));
frontrow_testkit::embedded_suite!(SqliteSource::new());
frontrow_testkit::journal_suite!(SqliteSource::new());
