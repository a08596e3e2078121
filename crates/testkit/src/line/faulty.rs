//! A decorator that makes a journal fail on demand, and holds its door shut, so that a test can look between
//! what a line has decided and what is kept.
//!
//! With nothing scripted it is transparent: the embedded line runs the whole suite on it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use frontrow_application::queue::journal::{JournalError, LineBatch, LineJournal, Stored};
use frontrow_domain::Timestamp;
use parking_lot::{Condvar, Mutex};
use tokio::sync::watch;

/// The longest that a batch stands before a door. Nobody asserts it: it only lets the thread of a test that has
/// failed come to its end.
const SHUT_MAX: Duration = Duration::from_mins(1);

/// What goes wrong with one batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JournalFault {
    /// It was not kept; a later one may be.
    Refused,
    /// Nobody can say, and it was not kept.
    UnknownBefore,
    /// Nobody can say, and it was kept.
    UnknownAfter,
    /// The journal itself panics, before anything happened.
    Panic,
}

/// A journal that fails as it is told to.
pub struct FaultyJournal {
    inner: Arc<dyn LineJournal>,
    state: Mutex<State>,
    changed: Condvar,
    arrivals: watch::Sender<usize>,
}

#[derive(Default)]
struct State {
    is_shut: bool,
    /// True once nothing more may be kept until the process was started anew.
    has_ended: bool,
    refuses_all: bool,
    /// How many batches pass until nothing more may be kept.
    ends_after: Option<usize>,
    /// One entry a batch to come; nothing stands for none.
    script: VecDeque<Option<JournalFault>>,
}

impl FaultyJournal {
    /// Decorates a journal.
    pub fn new(inner: Arc<dyn LineJournal>) -> Arc<Self> {
        let arrivals = watch::Sender::new(0);
        Arc::new(Self { inner, state: Mutex::default(), changed: Condvar::new(), arrivals })
    }

    /// Has the next batch that is not spoken for meet this fault.
    pub fn fail_next(&self, fault: JournalFault) {
        self.state.lock().script.push_back(Some(fault));
    }

    /// Lets the next batch that is not spoken for pass.
    pub fn pass_next(&self) {
        self.state.lock().script.push_back(None);
    }

    /// Refuses every batch until [`FaultyJournal::heal`].
    pub fn refuse_all(&self) {
        self.state.lock().refuses_all = true;
    }

    /// Forgets the faults that no batch has met.
    pub fn heal(&self) {
        let mut state = self.state.lock();
        state.refuses_all = false;
        state.script.clear();
    }

    /// Cuts the power: whatever comes from now on is lost, and so is what stands before the door.
    pub fn cut(&self) {
        let mut state = self.state.lock();
        state.has_ended = true;
        state.is_shut = false;
        self.changed.notify_all();
    }

    /// Cuts the power behind so many more batches.
    pub fn cut_after(&self, batches: usize) {
        self.state.lock().ends_after = Some(batches);
    }

    /// Shuts the door: batches wait in front of the journal until [`FaultyJournal::open_door`].
    pub fn shut_door(&self) {
        self.state.lock().is_shut = true;
    }

    /// Lets the waiting batch, and all later ones, in.
    pub fn open_door(&self) {
        self.state.lock().is_shut = false;
        self.changed.notify_all();
    }

    /// How many batches have come to the door so far.
    pub fn arrived(&self) -> usize {
        *self.arrivals.borrow()
    }

    /// Waits until so many batches have come to the door.
    pub async fn until_arrived(&self, count: usize) {
        let arrived = self.arrivals.subscribe().wait_for(|arrived| *arrived >= count).await.is_ok();
        assert!(arrived, "the sender lives as long as this journal");
    }

    /// Waits before the door, and answers what is to happen behind it.
    fn pass_door(&self) -> Result<Option<JournalFault>, JournalError> {
        let mut state = self.state.lock();
        self.arrivals.send_modify(|arrived| *arrived += 1);
        while state.is_shut {
            if self.changed.wait_for(&mut state, SHUT_MAX).timed_out() {
                return Err(JournalError::Refused("the door stayed shut".to_owned()));
            }
        }
        state.has_ended |= state.ends_after == Some(0);
        state.ends_after = state.ends_after.map(|batches| batches.saturating_sub(1));
        if state.has_ended {
            return Err(JournalError::Refused("the process has to be started anew".to_owned()));
        }
        if state.refuses_all {
            return Ok(Some(JournalFault::Refused));
        }
        let fault = state.script.pop_front().flatten();
        state.has_ended |= matches!(fault, Some(JournalFault::UnknownBefore | JournalFault::UnknownAfter));
        Ok(fault)
    }
}

impl LineJournal for FaultyJournal {
    fn load(&self, ended_after: Timestamp, take: &mut dyn FnMut(Stored)) -> Result<(), JournalError> {
        self.inner.load(ended_after, take)
    }

    fn append(&self, batch: &LineBatch) -> Result<(), JournalError> {
        let unknown = || JournalError::OutcomeUnknown("scripted".to_owned());
        match self.pass_door()? {
            None => self.inner.append(batch),
            Some(JournalFault::Refused) => Err(JournalError::Refused("scripted".to_owned())),
            Some(JournalFault::UnknownBefore) => Err(unknown()),
            Some(JournalFault::Panic) => panic!("scripted"),
            Some(JournalFault::UnknownAfter) => self.inner.append(batch).and_then(|()| Err(unknown())),
        }
    }

    fn forget(&self, ended_before: Timestamp, limit: usize) -> Result<usize, JournalError> {
        self.inner.forget(ended_before, limit)
    }
}
