//! Waiting rooms under test: how a suite gets one, ends it, and makes its journal fail.
//!
//! An adapter's `tests/it` implements [`LineFactory`] and names it in [`line_suite!`](crate::line_suite). The
//! embedded line has a factory here, [`EmbeddedFactory`], over any [`JournalSource`]: a store that keeps the
//! journal of the embedded line implements that, and runs `line_suite!`, `embedded_suite!` and `journal_suite!`.

mod broken;
mod embedded;
mod faulty;
mod journal;

use std::sync::Arc;

use frontrow_application::Clock;
use frontrow_application::waiting_room::WaitingRoom;

pub use broken::{Breach, BrokenFactory};
pub use embedded::EmbeddedFactory;
pub use faulty::{FaultyJournal, JournalFault};
pub use journal::{JournalSource, MemoryJournal};

/// An open waiting room, by its port. Callers drop every clone before they end it.
pub struct OpenedLine {
    /// The waiting rooms of all concerts.
    pub room: Arc<dyn WaitingRoom>,
}

/// One waiting room of a test's own, empty at first. A suite makes one factory a case.
pub trait LineFactory: Send + Sync + 'static {
    /// Opens the waiting room, with this clock. Every call opens the *same* one, with all that it holds; the one
    /// before has been closed or has crashed.
    fn open(&self, clock: Arc<dyn Clock>) -> OpenedLine;

    /// Ends it in good order, as an operator does.
    fn close(&self, line: OpenedLine);

    /// Ends it without notice, as the loss of power does: nothing more is kept from now on.
    fn crash(&self, line: OpenedLine);

    /// Another instance over the same lines, while the first goes on; nothing where there can be only one.
    fn second(&self, clock: Arc<dyn Clock>) -> Option<OpenedLine> {
        drop(clock);
        None
    }

    /// How many fans a crowd is. Fewer where a place costs so much that a case would take minutes.
    fn crowd(&self) -> u64 {
        100_000
    }
}
