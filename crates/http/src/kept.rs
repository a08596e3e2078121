//! Long bodies that are the same for everybody: made once a version, shared by all who ask, and kept for as long as somebody
//! does. Nothing is made that nobody has asked for: who takes it compressed and who does not are kept apart.
//!
//! A crowd makes a body once, whatever the versions that each of them has seen: those who come while one is being made wait
//! for it, and if it is too old for some, the next one is of the newest version there is by then. So a schedule has at
//! most one body in the making, however fast its map changes.
//!
//! To keep another kind of body: a [`Form`] and a [`Content`].

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use flate2::Compression;
use frontrow_application::trace;
use frontrow_domain::ScheduleId;
use metrics::{counter, gauge};
use quick_cache::sync::{Cache, DefaultLifecycle, EntryAction, EntryResult};
use quick_cache::{DefaultHashBuilder, OptionsBuilder, Weighter};
use serde::Serialize;
use tokio::sync::Semaphore;

use crate::encoding::Coding;
use crate::problem::Problem;

/// Bytes of bodies that are kept at the most.
const KEPT_MAX_BYTES: u64 = 64 << 20;
/// How many are expected, for the first size of the cache: most halls are small.
const EXPECTED: usize = 1_024;
/// Long bodies that are in the making at once: as many as have no need of more than two processors, and of some tens of
/// megabytes meanwhile, for whatever number of schedules.
const MAKERS: usize = 2;

/// What a body shows of a schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Form {
    /// All seats with their labels and prices.
    Seats,
    /// Those of them that are available.
    Available,
    /// One letter a seat.
    States,
    /// Where the seats are.
    Drawing,
}

/// Which body is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) schedule: ScheduleId,
    pub(crate) form: Form,
    pub(crate) coding: Coding,
    /// The oldest version that will do.
    pub(crate) version: u64,
    /// True for a body that takes so long that others are not kept waiting for it.
    pub(crate) is_long: bool,
}

/// What a body is made from.
pub(crate) trait Content: Serialize + Send + 'static {
    /// How hard to compress it.
    const LEVEL: Compression;

    /// Its version. What has the same version is the same.
    fn version(&self) -> u64;
}

/// A body, ready to be sent.
#[derive(Debug)]
pub(crate) struct KeptBody {
    pub(crate) version: u64,
    pub(crate) bytes: Bytes,
    /// Set by whoever asks for it.
    is_asked_for: AtomicBool,
}

type Key = (ScheduleId, Form, Coding);

/// The bodies that are kept.
pub(crate) struct KeptBodies {
    bodies: Cache<Key, Arc<KeptBody>, ByBytes>,
    makers: Arc<Semaphore>,
}

#[derive(Clone)]
struct ByBytes;

impl Weighter<Key, Arc<KeptBody>> for ByBytes {
    fn weight(&self, _key: &Key, body: &Arc<KeptBody>) -> u64 {
        body.bytes.len() as u64
    }
}

impl KeptBodies {
    pub(crate) fn new() -> Self {
        let options = OptionsBuilder::new()
            // In one piece: each of several pieces would be too small for the map of a stadium.
            .shards(1)
            .estimated_items_capacity(EXPECTED)
            .weight_capacity(KEPT_MAX_BYTES)
            .build();
        // All that is needed is set above.
        let options = options.expect("the options of the cache are complete");
        let bodies =
            Cache::with_options(options, ByBytes, DefaultHashBuilder::default(), DefaultLifecycle::default());
        Self { bodies, makers: Arc::new(Semaphore::new(MAKERS)) }
    }

    /// A body of the version that is wanted, or of a newer one. `newest` gives what it is made from, when it has to be.
    pub(crate) async fn get<C: Content>(
        &self,
        wanted: Wanted,
        newest: impl Future<Output = Result<C, Problem>>,
    ) -> Result<Arc<KeptBody>, Problem> {
        let key = (wanted.schedule, wanted.form, wanted.coding);
        if let Some(body) = self.bodies.get(&key).filter(|body| body.version >= wanted.version) {
            body.note();
            return Ok(body);
        }
        let will_do = |_: &Key, body: &mut Arc<KeptBody>| {
            if body.version >= wanted.version {
                EntryAction::Retain(Arc::clone(body))
            } else {
                EntryAction::ReplaceWithGuard
            }
        };
        let place = match self.bodies.entry_async(&key, will_do).await {
            EntryResult::Retained(body) => {
                body.note();
                return Ok(body);
            }
            EntryResult::Vacant(place) | EntryResult::Replaced(place, _) => place,
            // Neither is what was asked for above.
            EntryResult::Removed(..) | EntryResult::Timeout => return Err(Problem::internal()),
        };
        let body = Arc::new(self.make(wanted, newest).await?);
        // A body for which there is no place any more is sent nevertheless.
        let _ = place.insert(Arc::clone(&body));
        Ok(body)
    }

    async fn make<C: Content>(
        &self,
        wanted: Wanted,
        newest: impl Future<Output = Result<C, Problem>>,
    ) -> Result<KeptBody, Problem> {
        let coding = wanted.coding;
        // Before a turn is waited for: a store that hangs must not keep those waiting who need nothing of it.
        let content = newest.await?;
        let version = content.version();
        let written = if wanted.is_long {
            let turn = Arc::clone(&self.makers).acquire_owned().await.map_err(|_| Problem::internal())?;
            let write = move || {
                // Held to the end even when whoever asked has gone: the processor is busy all the same.
                let _turn = turn;
                coding.write(&content, C::LEVEL)
            };
            tokio::task::spawn_blocking(write).await.map_err(|_| Problem::internal())?
        } else {
            coding.write(&content, C::LEVEL)
        };
        let bytes = written.map_err(|error| {
            trace::failed("an answer cannot be written", &error);
            Problem::internal()
        })?;
        counter!("frontrow_http_bodies_made_total", "coding" => coding.name()).increment(1);
        Ok(KeptBody { version, bytes, is_asked_for: AtomicBool::new(true) })
    }

    /// Lets go of every body that nobody has asked for since the last time.
    pub(crate) fn tidy(&self) {
        self.bodies.retain(|_, body| body.is_asked_for.swap(false, Ordering::Relaxed));
        gauge!("frontrow_http_bodies_bytes").set(self.bodies.weight() as f64);
    }
}

impl KeptBody {
    fn note(&self) {
        // Everybody comes by here, and a line of memory that all only read is in every processor's cache.
        if !self.is_asked_for.load(Ordering::Relaxed) {
            self.is_asked_for.store(true, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests;
