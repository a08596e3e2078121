//! Concerts and schedules in memory: for what is shown with every reservation, and for lists.
//!
//! An entry is dropped when a commit of this instance changes it, and is a second old at the most in any case
//! (R-C1), so that the edits of other instances show as well.

use std::hash::Hash;
use std::sync::Arc;

use frontrow_domain::catalog::{Concert, Schedule};
use frontrow_domain::{ConcertId, ScheduleId, Timestamp};
use quick_cache::sync::Cache;

use crate::clock::Clock;
use crate::store::{ReadError, Reads};

/// How many concerts, and how many schedules, are kept.
const ENTRIES_MAX: usize = 10_000;
/// Milliseconds after which an entry is read again.
const AGE_MAX_MS: u32 = 1_000;

/// Concerts and schedules in memory.
pub struct CatalogCache {
    reads: Arc<dyn Reads>,
    clock: Arc<dyn Clock>,
    concerts: Cache<ConcertId, Entry<Concert>>,
    schedules: Cache<ScheduleId, Entry<Schedule>>,
    lists: Cache<ConcertId, Entry<Vec<Arc<Schedule>>>>,
}

#[derive(Debug)]
struct Entry<T> {
    value: Arc<T>,
    until: Timestamp,
}

impl<T> Clone for Entry<T> {
    fn clone(&self) -> Self {
        Self { value: Arc::clone(&self.value), until: self.until }
    }
}

impl CatalogCache {
    pub(crate) fn new(reads: Arc<dyn Reads>, clock: Arc<dyn Clock>) -> Self {
        Self {
            reads,
            clock,
            concerts: Cache::new(ENTRIES_MAX),
            schedules: Cache::new(ENTRIES_MAX),
            lists: Cache::new(ENTRIES_MAX),
        }
    }

    /// The concert of that number.
    pub async fn concert(&self, id: ConcertId) -> Result<Option<Arc<Concert>>, ReadError> {
        let now = self.clock.now();
        if let Some(entry) = fresh(&self.concerts, &id, now) {
            return Ok(Some(entry));
        }
        Ok(keep(&self.concerts, id, self.reads.concert(id).await?, now))
    }

    /// The schedule of that number.
    pub async fn schedule(&self, id: ScheduleId) -> Result<Option<Arc<Schedule>>, ReadError> {
        let now = self.clock.now();
        if let Some(entry) = fresh(&self.schedules, &id, now) {
            return Ok(Some(entry));
        }
        Ok(keep(&self.schedules, id, self.reads.schedule(id).await?, now))
    }

    /// The schedules of a concert, in order of start.
    pub async fn schedules_of(&self, concert: ConcertId) -> Result<Arc<Vec<Arc<Schedule>>>, ReadError> {
        let now = self.clock.now();
        if let Some(entry) = fresh(&self.lists, &concert, now) {
            return Ok(entry);
        }
        let schedules = self.reads.schedules_of(concert).await?.into_iter().map(Arc::new).collect();
        Ok(keep(&self.lists, concert, Some(schedules), now).unwrap_or_default())
    }

    /// Which schedules a concert has may have changed.
    pub(crate) fn forget_lists(&self) {
        self.lists.clear();
    }

    pub(crate) fn forget_concert(&self, id: ConcertId) {
        self.concerts.remove(&id);
    }

    pub(crate) fn forget_schedule(&self, id: ScheduleId) {
        self.schedules.remove(&id);
    }
}

fn fresh<K: Eq + Hash, T>(cache: &Cache<K, Entry<T>>, key: &K, now: Timestamp) -> Option<Arc<T>> {
    cache.get(key).filter(|entry| now < entry.until).map(|entry| entry.value)
}

fn keep<K: Eq + Hash, T>(
    cache: &Cache<K, Entry<T>>,
    key: K,
    value: Option<T>,
    now: Timestamp,
) -> Option<Arc<T>> {
    let value = Arc::new(value?);
    cache.insert(key, Entry { value: Arc::clone(&value), until: now.plus_millis(AGE_MAX_MS) });
    Some(value)
}
