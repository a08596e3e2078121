//! The embedded line over any journal, with a door before it.

use std::sync::Arc;

use frontrow_application::Clock;
use frontrow_application::queue::EmbeddedLine;
use frontrow_application::waiting_room::WaitingRoom;
use parking_lot::Mutex;

use super::{FaultyJournal, JournalSource, LineFactory, OpenedLine};

/// Opens `EmbeddedLine` on the journal of a source.
pub struct EmbeddedFactory<S> {
    source: S,
    running: Mutex<Option<Running>>,
}

#[derive(Clone)]
struct Running {
    line: Arc<EmbeddedLine>,
    journal: Arc<FaultyJournal>,
}

impl<S: JournalSource> EmbeddedFactory<S> {
    /// Lines on this journal.
    pub fn new(source: S) -> Self {
        Self { source, running: Mutex::new(None) }
    }

    /// Where its journal comes from.
    pub fn source(&self) -> &S {
        &self.source
    }

    /// The door before the journal of the line that is open.
    pub fn journal(&self) -> Arc<FaultyJournal> {
        self.running().journal
    }

    /// The line that is open, by its own type.
    pub fn line(&self) -> Arc<EmbeddedLine> {
        self.running().line
    }

    fn running(&self) -> Running {
        self.running.lock().clone().expect("a line is open")
    }

    fn take(&self) -> Running {
        self.running.lock().take().expect("a line is open")
    }
}

impl<S: JournalSource> LineFactory for EmbeddedFactory<S> {
    fn open(&self, clock: Arc<dyn Clock>) -> OpenedLine {
        let journal = FaultyJournal::new(self.source.open());
        let line = EmbeddedLine::open(Arc::<FaultyJournal>::clone(&journal), clock).expect("the line opens");
        let room: Arc<dyn WaitingRoom> = Arc::<EmbeddedLine>::clone(&line);
        *self.running.lock() = Some(Running { line, journal });
        OpenedLine { room }
    }

    fn close(&self, line: OpenedLine) {
        self.take().line.close();
        drop(line);
    }

    fn crash(&self, line: OpenedLine) {
        self.take().journal.cut();
        drop(line);
    }

    fn crowd(&self) -> u64 {
        self.source.crowd()
    }
}

impl<S> Drop for EmbeddedFactory<S> {
    fn drop(&mut self) {
        // The thread of a test that has failed must not stand before a door that nobody opens any more.
        if let Some(running) = self.running.lock().take() {
            running.journal.open_door();
        }
    }
}
