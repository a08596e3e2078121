//! One kind of record in the working set: as loaded, as it is now, and how to get back.

use std::collections::HashMap;
use std::hash::Hash;

use super::key::{Key, Need};

/// Records of one kind. Each keeps what was loaded (with the store's row version) beside what it is now.
#[derive(Debug)]
pub struct Table<K, V> {
    slots: HashMap<K, Slot<V>>,
    undo: Vec<(K, Now<V>)>,
    name: fn(&K) -> Key,
}

#[derive(Debug)]
struct Slot<V> {
    /// What the store had, with its row version; nothing when it had none.
    loaded: Option<(V, u64)>,
    now: Now<V>,
}

#[derive(Debug)]
enum Now<V> {
    AsLoaded,
    Is(V),
    Gone,
}

/// A record that changed.
#[derive(Debug, PartialEq, Eq)]
pub struct Change<'a, K, V> {
    /// Its name.
    pub key: &'a K,
    /// What the store had, with its row version.
    pub before: Option<(&'a V, u64)>,
    /// What it is now; nothing when it is to be deleted.
    pub after: Option<&'a V>,
}

impl<K: Clone + Eq + Hash + Ord, V: PartialEq> Table<K, V> {
    pub(super) fn new(name: fn(&K) -> Key) -> Self {
        Self { slots: HashMap::new(), undo: Vec::new(), name }
    }

    /// Puts in what a store has under this name, with the version of its row. Loading again (a repeated round)
    /// replaces what was there.
    pub fn load(&mut self, key: K, value: Option<(V, u64)>) {
        self.slots.insert(key, Slot { loaded: value, now: Now::AsLoaded });
    }

    /// True once it was loaded or made here.
    pub fn knows(&self, key: &K) -> bool {
        self.slots.contains_key(key)
    }

    /// The record as it is now; nothing when there is none; [`Need`] when nobody has loaded it.
    pub fn get(&self, key: &K) -> Result<Option<&V>, Need> {
        let slot = self.slots.get(key).ok_or_else(|| Need((self.name)(key)))?;
        Ok(match &slot.now {
            Now::AsLoaded => slot.loaded.as_ref().map(|(value, _)| value),
            Now::Is(value) => Some(value),
            Now::Gone => None,
        })
    }

    /// Sets a record that was loaded (or found absent) before.
    pub fn put(&mut self, key: K, value: V) {
        self.set(key, Now::Is(value));
    }

    /// Adds a record under a name that was drawn at the edge, so that nobody needs to look whether it exists.
    /// Should it exist all the same, the store's own guard refuses it.
    pub fn put_new(&mut self, key: K, value: V) {
        self.set(key, Now::Is(value));
    }

    /// Removes a record.
    pub fn remove(&mut self, key: K) {
        self.set(key, Now::Gone);
    }

    fn set(&mut self, key: K, now: Now<V>) {
        let slot = self.slots.entry(key.clone()).or_insert(Slot { loaded: None, now: Now::AsLoaded });
        let before = std::mem::replace(&mut slot.now, now);
        self.undo.push((key, before));
    }

    pub(super) fn mark(&self) -> usize {
        self.undo.len()
    }

    pub(super) fn roll_back(&mut self, mark: usize) {
        while self.undo.len() > mark {
            if let Some((key, before)) = self.undo.pop()
                && let Some(slot) = self.slots.get_mut(&key)
            {
                slot.now = before;
            }
        }
    }

    /// The names of all that was set after `mark`, perhaps with repeats.
    pub(super) fn touched_since(&self, mark: usize) -> impl Iterator<Item = &K> {
        self.undo.iter().skip(mark).map(|(key, _)| key)
    }

    /// The names of all that was loaded or made here.
    pub(super) fn names(&self) -> impl Iterator<Item = &K> {
        self.slots.keys()
    }

    pub(super) fn loaded(&self) -> impl Iterator<Item = &V> {
        self.slots.values().filter_map(|slot| slot.loaded.as_ref().map(|(value, _)| value))
    }

    /// What changed, in order of key. A record that was changed back is not listed.
    pub(super) fn changes(&self) -> Vec<Change<'_, K, V>> {
        // Only what was ever set can have changed; groups load far more than they set.
        let mut keys: Vec<&K> = self.undo.iter().map(|(key, _)| key).collect();
        keys.sort_unstable();
        keys.dedup();
        keys.into_iter()
            .filter_map(|key| {
                let slot = self.slots.get(key)?;
                let before = slot.loaded.as_ref().map(|(value, version)| (value, *version));
                let after = match &slot.now {
                    Now::AsLoaded => return None,
                    Now::Is(value) => Some(value),
                    Now::Gone => None,
                };
                (before.map(|(value, _)| value) != after).then_some(Change { key, before, after })
            })
            .collect()
    }
}

/// Records that are only ever added: they are never loaded, and the store inserts them as they come.
#[derive(Debug)]
pub struct Journal<T> {
    items: Vec<T>,
}

impl<T> Default for Journal<T> {
    fn default() -> Self {
        Self { items: Vec::new() }
    }
}

impl<T> Journal<T> {
    /// Adds one.
    pub fn add(&mut self, item: T) {
        self.items.push(item);
    }

    /// Adds many.
    pub fn add_all(&mut self, items: impl IntoIterator<Item = T>) {
        self.items.extend(items);
    }

    pub(super) fn since(&mut self, mark: usize) -> &mut [T] {
        self.items.get_mut(mark..).unwrap_or_default()
    }

    /// All that were added, in order.
    pub fn items(&self) -> &[T] {
        &self.items
    }

    pub(super) fn mark(&self) -> usize {
        self.items.len()
    }

    pub(super) fn roll_back(&mut self, mark: usize) {
        self.items.truncate(mark);
    }
}
