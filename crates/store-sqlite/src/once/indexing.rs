//! Putting keys into the index of their day: many at a time, in order of key, so that those that share a page are written
//! together.
//!
//! A batch takes several short transactions. Until it is at its end its keys are found in memory as before, and after a crash
//! in between they are put in once more, which changes nothing.

use std::time::{Duration, Instant};

use frontrow_domain::records::Digest;
use rusqlite::{Connection, Result};

use super::{INDEX_PREFIX, OnceRow, OnceTables, Unindexed};

/// From how many keys on they are put in: with a million in the index five or so share a page then, with a quarter of
/// that twenty.
pub(crate) const KEYS: usize = 32_768;
/// How many are put in between two looks at the clock.
const AT_ONCE: usize = 64;

/// Keys that are being put into an index.
#[derive(Debug)]
pub(crate) struct Batch {
    day: i64,
    sorted: Vec<(Digest, i64)>,
    /// The newest row among them.
    through: i64,
    done: usize,
}

/// What a batch has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BatchEnd {
    pub(crate) day: i64,
    /// All keys of the day up to this row are in the index.
    pub(crate) through: i64,
}

impl BatchEnd {
    /// True when a key need not be remembered any more.
    pub(crate) fn covers(self, row: OnceRow) -> bool {
        row.day < self.day || (row.day == self.day && row.id <= self.through)
    }
}

impl Batch {
    /// The keys of the oldest day among these, if there are at least so many.
    pub(crate) fn of(unindexed: &Unindexed, at_least: usize) -> Option<Self> {
        if unindexed.len() < at_least {
            return None;
        }
        let day = unindexed.values().map(|row| row.day).min()?;
        let keys = unindexed.iter().filter(|(_, row)| row.day == day);
        let mut sorted: Vec<_> = keys.map(|(key, row)| (*key, row.id)).collect();
        sorted.sort_unstable();
        let through = sorted.iter().map(|(_, id)| *id).max()?;
        Some(Self { day, sorted, through, done: 0 })
    }

    /// Puts keys in for about as long as that, in a transaction of its own. Answers the end of the batch once it is there;
    /// `Err` twice over when a key is in another row already.
    pub(crate) fn put_in(
        &mut self,
        connection: &Connection,
        once: &OnceTables,
        budget: Duration,
    ) -> Result<std::result::Result<Option<BatchEnd>, Digest>> {
        let end = BatchEnd { day: self.day, through: self.through };
        if !once.has(self.day) {
            // The upkeep has dropped the day.
            return Ok(Ok(Some(end)));
        }
        connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        let result = self.put_in_rows(connection, budget, end);
        match &result {
            Ok(Ok(done)) => {
                connection.prepare_cached("COMMIT")?.execute([])?;
                self.done = *done;
            }
            _ if !connection.is_autocommit() => connection.execute_batch("ROLLBACK")?,
            _ => {}
        }
        Ok(result?.map(|done| (done == self.sorted.len()).then_some(end)))
    }

    fn put_in_rows(
        &self,
        connection: &Connection,
        budget: Duration,
        end: BatchEnd,
    ) -> Result<std::result::Result<usize, Digest>> {
        let begun = Instant::now();
        let day = self.day;
        // A key that is there with the same row was put in before a crash.
        let sql = format!(
            "INSERT INTO {INDEX_PREFIX}{day} (key, once_id) VALUES (?1, ?2) ON CONFLICT (key) \
             DO UPDATE SET once_id = excluded.once_id WHERE once_id = excluded.once_id"
        );
        let mut insert = connection.prepare_cached(&sql)?;
        let mut done = self.done;
        while done < self.sorted.len() && (done == self.done || begun.elapsed() < budget) {
            for (key, id) in self.sorted.iter().skip(done).take(AT_ONCE) {
                if insert.execute((key, id))? != 1 {
                    return Ok(Err(*key));
                }
            }
            done = (done + AT_ONCE).min(self.sorted.len());
        }
        if done == self.sorted.len() {
            let sql = format!("UPDATE {INDEX_PREFIX}{day} SET once_id = ?1 WHERE key = x''");
            connection.prepare_cached(&sql)?.execute([end.through])?;
        }
        Ok(Ok(done))
    }
}

#[cfg(test)]
mod tests {
    use frontrow_domain::Timestamp;
    use frontrow_domain::records::OnceRecord;
    use rusqlite::types::ValueRef;

    use super::*;

    const DAY: i64 = 20_000;
    const NO_TIME: Duration = Duration::ZERO;

    fn key(number: u64) -> Digest {
        u128::from(number.wrapping_mul(0x9E37_79B9_7F4A_7C15)).rotate_left(40).to_be_bytes()
    }

    fn now() -> Timestamp {
        Timestamp::from_micros(DAY * 86_400_000_000)
    }

    /// A day with so many keys, each with its number as the outcome.
    struct Day {
        connection: Connection,
        once: OnceTables,
        unindexed: Unindexed,
    }

    impl Day {
        fn with(keys: std::ops::Range<u64>) -> Self {
            let connection = Connection::open_in_memory().expect("a store");
            let mut once = OnceTables::default();
            once.make(&connection, DAY).expect("a table");
            let mut day = Self { connection, once, unindexed: Unindexed::default() };
            keys.for_each(|number| day.keep(number));
            day
        }

        fn keep(&mut self, number: u64) {
            let (key, outcome) = (key(number), number.to_be_bytes());
            let blob = ValueRef::Blob;
            let values = [blob(&key), blob(&[7; 16]), blob(&outcome), ValueRef::Integer(now().micros())];
            let row = self.once.insert(&self.connection, DAY, &values).expect("kept");
            self.once.note(DAY, &key);
            self.unindexed.extend([key].into_iter().zip(row));
        }

        fn put_in(&self, batch: &mut Batch) -> Option<BatchEnd> {
            batch.put_in(&self.connection, &self.once, NO_TIME).expect("written").expect("each key once")
        }

        fn find(&self, number: u64) -> Option<u64> {
            let unindexed = self.unindexed.get(&key(number)).copied();
            let found = self.once.find(&self.connection, &key(number), unindexed, now()).expect("read");
            found.map(|OnceRecord { outcome, .. }| {
                u64::from_be_bytes(outcome.try_into().expect("eight bytes"))
            })
        }

        /// What a process knows that begins now.
        fn after_a_crash(self) -> Self {
            let once = OnceTables::read_with_keys(&self.connection, now()).expect("read");
            let unindexed = once.unindexed(&self.connection).expect("read");
            Self { once, unindexed, ..self }
        }

        fn has_all(&self, keys: std::ops::Range<u64>) {
            for number in keys.clone() {
                assert_eq!(self.find(number), Some(number));
            }
            assert_eq!(self.find(keys.end), None);
        }
    }

    #[test]
    fn a_key_is_found_before_while_and_after_it_goes_into_the_index() {
        let mut day = Day::with(0..200);
        assert!(Batch::of(&day.unindexed, 201).is_none());
        let mut batch = Batch::of(&day.unindexed, 200).expect("a batch");
        day.has_all(0..200);
        assert_eq!(day.put_in(&mut batch), None, "no time for more than a few");
        day.keep(200);
        day.has_all(0..201);
        let end = std::iter::repeat_with(|| day.put_in(&mut batch)).find_map(|end| end).expect("an end");
        day.unindexed.retain(|_, row| !end.covers(*row));
        assert_eq!(day.unindexed.len(), 1, "the one that came meanwhile");
        day.has_all(0..201);
    }

    #[test]
    fn a_crash_in_the_middle_of_a_batch_loses_and_doubles_nothing() {
        let day = Day::with(0..300);
        let mut batch = Batch::of(&day.unindexed, 1).expect("a batch");
        assert_eq!(day.put_in(&mut batch), None);
        let mut day = day.after_a_crash();
        assert_eq!(day.unindexed.len(), 300, "a batch counts when it is whole");
        let mut batch = Batch::of(&day.unindexed, 1).expect("a batch");
        let end = std::iter::repeat_with(|| day.put_in(&mut batch)).find_map(|end| end).expect("an end");
        day.unindexed.retain(|_, row| !end.covers(*row));
        let day = day.after_a_crash();
        assert!(day.unindexed.is_empty());
        day.has_all(0..300);
    }

    #[test]
    fn a_key_that_is_kept_twice_is_found_out() {
        let mut day = Day::with(0..10);
        let mut batch = Batch::of(&day.unindexed, 1).expect("a batch");
        let end = day.put_in(&mut batch).expect("few enough for one step");
        day.unindexed.retain(|_, row| !end.covers(*row));
        day.keep(3);
        let mut batch = Batch::of(&day.unindexed, 1).expect("a batch");
        let twice = batch.put_in(&day.connection, &day.once, NO_TIME).expect("read");
        assert_eq!(twice, Err(key(3)));
        assert!(day.connection.is_autocommit(), "nothing is left open");
    }

    #[test]
    fn a_day_that_was_dropped_needs_no_index() {
        let mut day = Day::with(0..10);
        let mut batch = Batch::of(&day.unindexed, 1).expect("a batch");
        assert_eq!(day.once.drop_before(&day.connection, DAY + 1), Ok(1));
        let end = day.put_in(&mut batch).expect("an end");
        assert!(day.unindexed.values().all(|row| end.covers(*row)));
        let tables = "SELECT count(*) FROM sqlite_schema WHERE name LIKE 'once%'";
        assert_eq!(day.connection.query_row(tables, [], |row| row.get::<_, i64>(0)), Ok(0));
    }

    #[test]
    fn a_table_of_a_former_version_keeps_its_own_index() {
        let connection = Connection::open_in_memory().expect("a store");
        let sql = format!(
            "CREATE TABLE once_{DAY} (once_id INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, request BLOB NOT NULL, \
             outcome BLOB NOT NULL, created_at INTEGER NOT NULL) STRICT"
        );
        connection.execute_batch(&sql).expect("a table");
        let once = OnceTables::read_with_keys(&connection, now()).expect("read");
        let mut day = Day { connection, once, unindexed: Unindexed::default() };
        (0..10).for_each(|number| day.keep(number));
        assert!(day.unindexed.is_empty() && day.once.unindexed(&day.connection).expect("read").is_empty());
        let day = day.after_a_crash();
        day.has_all(0..10);
    }
}
