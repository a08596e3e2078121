//! A decorator that makes a store fail on demand, and holds its door shut.
//!
//! With nothing scripted it is transparent, and runs the conformance suite to prove it.

use std::collections::VecDeque;
use std::sync::Arc;

use frontrow_application::Group;
use frontrow_application::store::{Committed, LaneShape, Store, StoreError};
use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::store::Opened;

/// What goes wrong with one group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Another writer was in the way; nothing happened.
    Busy,
    /// The store could not be reached; nothing happened.
    Unavailable,
    /// The connection broke in the commit, and it did not happen.
    UnknownBefore,
    /// The connection broke in the commit, and it did happen.
    UnknownAfter,
    /// The adapter itself panics, before anything happened.
    Panic,
}

/// A store that fails as it is told to.
pub struct FaultyStore {
    inner: Arc<dyn Store>,
    /// One entry a group to come; nothing stands for none.
    script: Mutex<VecDeque<Option<Fault>>>,
    /// How many commands each group had, in order of arrival.
    sizes: Mutex<Vec<usize>>,
    is_shut: watch::Sender<bool>,
    arrivals: watch::Sender<usize>,
}

impl FaultyStore {
    /// Decorates a store.
    pub fn new(inner: Arc<dyn Store>) -> Arc<Self> {
        Arc::new(Self {
            inner,
            script: Mutex::default(),
            sizes: Mutex::default(),
            is_shut: watch::Sender::new(false),
            arrivals: watch::Sender::new(0),
        })
    }

    /// The same opened store, with this decorator in front of its writes.
    pub fn before(opened: &Opened) -> (Arc<Self>, Opened) {
        let faulty = Self::new(Arc::clone(&opened.store));
        let store: Arc<dyn Store> = Arc::<Self>::clone(&faulty);
        (faulty, Opened { store, ..opened.clone() })
    }

    /// Has the next group that is not spoken for meet this fault.
    pub fn fail_next(&self, fault: Fault) {
        self.script.lock().push_back(Some(fault));
    }

    /// Lets the next group that is not spoken for pass.
    pub fn pass_next(&self) {
        self.script.lock().push_back(None);
    }

    /// Forgets the faults that no group has met.
    pub fn heal(&self) {
        self.script.lock().clear();
    }

    /// Shuts the door: groups wait in front of the store until [`FaultyStore::open_door`].
    pub fn shut_door(&self) {
        self.is_shut.send_replace(true);
    }

    /// Lets the waiting groups, and all later ones, in.
    pub fn open_door(&self) {
        self.is_shut.send_replace(false);
    }

    /// How many groups have come to the door so far.
    pub fn arrived(&self) -> usize {
        *self.arrivals.borrow()
    }

    /// Waits until so many groups have come to the door.
    pub async fn until_arrived(&self, count: usize) {
        let arrived = self.arrivals.subscribe().wait_for(|arrived| *arrived >= count).await.is_ok();
        assert!(arrived, "the sender lives as long as this store");
    }

    /// How many commands each group had, in order of arrival.
    pub fn sizes(&self) -> Vec<usize> {
        self.sizes.lock().clone()
    }
}

impl Store for FaultyStore {
    fn lane_shape(&self) -> LaneShape {
        self.inner.lane_shape()
    }

    fn transact(&self, group: Group) -> BoxFuture<'_, (Group, Result<Committed, StoreError>)> {
        Box::pin(async move {
            self.sizes.lock().push(group.len());
            self.arrivals.send_modify(|arrived| *arrived += 1);
            let opened = self.is_shut.subscribe().wait_for(|shut| !shut).await.is_ok();
            assert!(opened, "the sender lives as long as this store");
            let fault = self.script.lock().pop_front().flatten();
            let unknown = || StoreError::OutcomeUnknown("scripted".to_owned());
            match fault {
                None => self.inner.transact(group).await,
                Some(Fault::Busy) => (group, Err(StoreError::Busy)),
                Some(Fault::Unavailable) => (group, Err(StoreError::Unavailable("scripted".to_owned()))),
                Some(Fault::UnknownBefore) => (group, Err(unknown())),
                Some(Fault::UnknownAfter) => {
                    let (group, result) = self.inner.transact(group).await;
                    (group, result.and(Err(unknown())))
                }
                Some(Fault::Panic) => panic!("scripted"),
            }
        })
    }
}
