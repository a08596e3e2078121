//! Telling that fans were let in. The line is not in the store, so it keeps a list of those of whom nobody was told, and a
//! command brings them into the outbox; only then does the line let go of them (ADR 0024). A crash between the two repeats
//! the command, whose key says that it has been done.

use std::collections::BTreeSet;
use std::convert::Infallible;

use frontrow_domain::event::QueueAdmitted;
use frontrow_domain::records::{Keys, Records};
use frontrow_domain::{ConcertId, Timestamp};
use parking_lot::Mutex;

use crate::app::App;
use crate::box_office::{Failure, Priority};
use crate::command::{Command, Stop};
use crate::once::{Compact, OnceRefused, OnceTag, digest};
use crate::store::ReadError;
use crate::waiting_room::{LineError, Untold};

/// Seconds between two looks at all lines. Whom an instance has let in it tells of by itself; only one that has died
/// between the two leaves something to be found.
const SWEEP_SECONDS: u32 = 10;
/// How many admissions one command tells of: as many as a group of background work may have commands.
const BATCH: usize = 200;

/// Lines that may have let in fans of whom nobody was told.
#[derive(Default)]
pub(crate) struct Arrivals {
    lines: Mutex<BTreeSet<ConcertId>>,
    /// When all lines are looked at next; nothing before the first time.
    sweep_at: Mutex<Option<Timestamp>>,
}

impl Arrivals {
    /// Notes a tick that has let somebody in.
    pub(super) fn note(&self, concert: ConcertId) {
        self.lines.lock().insert(concert);
    }

    fn add(&self, lines: impl IntoIterator<Item = ConcertId>) {
        self.lines.lock().extend(lines);
    }

    fn take(&self) -> BTreeSet<ConcertId> {
        std::mem::take(&mut *self.lines.lock())
    }

    fn is_sweep_due(&self, now: Timestamp) -> bool {
        self.sweep_at.lock().is_none_or(|at| now >= at)
    }
}

/// Why it could not be told who was let in. The next tick tries again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TellError {
    /// The waiting room does not answer.
    #[error(transparent)]
    Line(#[from] LineError),
    /// The store does not answer.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The command came to nothing.
    #[error("the events could not be written: {0}")]
    Write(String),
}

/// Writes the events about fans who were let in.
struct TellAdmitted(Vec<QueueAdmitted>);

/// It was told.
struct Done;

impl Compact for Done {
    fn to_bytes(&self) -> Option<Vec<u8>> {
        Some(vec![1])
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        (bytes == [1]).then_some(Self)
    }
}

impl Command for TellAdmitted {
    type Outcome = Done;
    type Refusal = Infallible;

    fn keys(&self) -> Keys {
        Keys::default()
    }

    fn decide(&self, records: &mut Records, _: Timestamp) -> Result<Done, Stop<Infallible>> {
        records.events.add_all(self.0.iter().cloned().map(QueueAdmitted::told));
        Ok(Done)
    }
}

impl App {
    /// Tells of everybody who was let in since the last time. To be called a few times a second. Answers how many there
    /// were.
    pub async fn tick_admitted(&self) -> Result<usize, TellError> {
        let arrivals = &self.memory.arrivals;
        let now = self.clock.now();
        if arrivals.is_sweep_due(now) {
            arrivals.add(self.reads.concerts_with_rooms().await?);
            *arrivals.sweep_at.lock() = Some(now.plus_seconds(SWEEP_SECONDS));
        }
        let mut told = 0;
        let mut failed = None;
        for concert in arrivals.take() {
            match self.tell_admitted(concert).await {
                Ok(count) => told += count,
                Err(error) => {
                    arrivals.note(concert);
                    failed = Some(error);
                }
            }
        }
        failed.map_or(Ok(told), Err)
    }

    async fn tell_admitted(&self, concert: ConcertId) -> Result<usize, TellError> {
        let mut count = 0;
        let untold = self.waiting_room.untold(concert).await?;
        if !untold.is_empty() {
            // There may be more than were handed out, or some of this very moment.
            self.memory.arrivals.note(concert);
        }
        for Untold { admitted, receipt } in untold {
            if self.settings.tells_admissions {
                for some in admitted.chunks(BATCH) {
                    self.write_admitted(some).await?;
                }
                count += admitted.len();
            }
            self.waiting_room.note_told(concert, receipt).await?;
        }
        Ok(count)
    }

    async fn write_admitted(&self, some: &[QueueAdmitted]) -> Result<(), TellError> {
        let entries: Vec<_> = some.iter().map(|one| one.entry_id.uuid().into_bytes()).collect();
        let parts: Vec<&[u8]> = entries.iter().map(<[u8; 16]>::as_slice).collect();
        let name = digest(&[b"frontrow.queue.admitted", &digest(&parts)]);
        let tag = OnceTag { key: name, request: name };
        match self.run_once(Priority::Job, Some(tag), TellAdmitted(some.to_vec())).await {
            Ok(_) => Ok(()),
            Err(Failure::Refused(OnceRefused::Refused(never))) => match never {},
            Err(failure) => Err(TellError::Write(format!("{failure:?}"))),
        }
    }
}
