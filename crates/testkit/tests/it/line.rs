//! The journal in memory runs the whole journal suite, which is the licence to test with it; and so does the decorator
//! that makes journals fail, as long as nothing is scripted.

use std::sync::Arc;

use frontrow_application::queue::journal::LineJournal;
use frontrow_testkit::conformance::line::{EMBEDDED_CASES, JOURNAL_CASES, LINE_CASES};
use frontrow_testkit::line::{FaultyJournal, JournalSource, MemoryJournal};

/// Opens a `MemoryJournal` behind a `FaultyJournal`.
struct FaultySource(Arc<MemoryJournal>);

impl JournalSource for FaultySource {
    fn open(&self) -> Arc<dyn LineJournal> {
        FaultyJournal::new(self.0.open())
    }
}

mod alone {
    use super::*;

    frontrow_testkit::journal_suite!(MemoryJournal::new());
}

mod behind_a_decorator {
    use super::*;

    frontrow_testkit::journal_suite!(FaultySource(MemoryJournal::new()));
}

#[test]
fn the_registries_name_every_case_once() {
    let mut names: Vec<_> = [LINE_CASES, EMBEDDED_CASES, JOURNAL_CASES].concat();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
    assert!(count > 130, "{count} cases");
}
