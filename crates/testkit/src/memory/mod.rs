//! A store in plain maps: the smallest thing that keeps every promise of the ports, except to survive the loss
//! of power. It runs the whole conformance suite, as every store does; that is what makes a test with it worth
//! something. It is the model for differential tests, and it is quick enough to simulate nights.
//!
//! A [`Disk`] is what survives; opening it again is what a restart is.

mod reads;
mod sales;
mod state;

use std::sync::Arc;

use frontrow_application::store::{Committed, LaneShape, Store, StoreError};
use frontrow_application::{Clock, Decision, Group};
use frontrow_domain::Timestamp;
use frontrow_domain::event::OutboxEvent;
use frontrow_domain::records::Records;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, ready};
use parking_lot::Mutex;

use crate::store::{Opened, StoreFactory};
use state::State;

/// What survives a restart.
#[derive(Debug, Clone, Default)]
pub struct Disk(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    /// Held by whoever writes; readers never wait for it.
    writer: Mutex<()>,
    committed: Mutex<Arc<State>>,
}

/// A store in memory.
#[derive(Clone)]
pub struct MemoryStore {
    disk: Disk,
    clock: Arc<dyn Clock>,
}

impl MemoryStore {
    /// Opens what is on a disk.
    pub fn open(disk: &Disk, clock: Arc<dyn Clock>) -> Arc<Self> {
        Arc::new(Self { disk: disk.clone(), clock })
    }

    /// What is committed now; later commits do not change it.
    fn snapshot(&self) -> Arc<State> {
        Arc::clone(&self.disk.0.committed.lock())
    }

    fn write(&self, group: &mut Group) -> Result<Committed, StoreError> {
        let _only_one = self.disk.0.writer.lock();
        let state = self.snapshot();
        let mut records = Records::new();
        let begun = self.clock.now();
        for key in group.keys() {
            state.load(&key, &mut records, begun);
        }
        let mut round = 1;
        let decided_at = loop {
            let now: Timestamp = self.clock.now().max(records.decided_at());
            match group.decide(&mut records, now, round) {
                Decision::Save => break now,
                Decision::Need(keys) => {
                    for key in keys.in_lock_order() {
                        state.load(&key, &mut records, begun);
                    }
                    round += 1;
                }
            }
        };
        let changes = records.changed();
        if !changes.is_empty() {
            let mut next = State::clone(&state);
            next.save(&changes, decided_at)?;
            *self.disk.0.committed.lock() = Arc::new(next);
        }
        Ok(Committed { decided_at })
    }
}

impl Store for MemoryStore {
    fn lane_shape(&self) -> LaneShape {
        LaneShape::Single
    }

    fn transact(&self, mut group: Group) -> BoxFuture<'_, (Group, Result<Committed, StoreError>)> {
        let result = self.write(&mut group);
        ready((group, result)).boxed()
    }
}

/// Opens a disk of its own, again and again.
#[derive(Debug, Clone, Default)]
pub struct MemoryFactory(Disk);

impl MemoryFactory {
    /// An empty disk.
    pub fn new() -> Self {
        Self::default()
    }
}

impl StoreFactory for MemoryFactory {
    fn open(&self, clock: Arc<dyn Clock>) -> Opened {
        Opened::of(MemoryStore::open(&self.0, clock))
    }

    fn outbox(&self) -> Vec<OutboxEvent> {
        self.0.0.committed.lock().outbox.clone()
    }
}
