//! The one writer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use frontrow_application::Clock;
use frontrow_application::group::{Decision, Group};
use frontrow_application::store::{Committed, ReadError, StoreError};
use frontrow_domain::Timestamp;
use frontrow_domain::records::{Key, Records};
use rusqlite::Connection;

use crate::error::{OpenError, read_error, store_error};
use crate::load::Loader;
use crate::once::OnceTables;
use crate::reads::plans::PlanCache;
use crate::save;

/// Seconds for which it is known which seats a commit changed. Whoever asks for older changes gets the whole map.
const SEAT_CHANGES_KEPT_SECONDS: u32 = 3_600;
/// How many rows one step of the upkeep deletes, so that no fan waits for it.
pub(crate) const UPKEEP_ROWS: usize = 1_000;

pub(crate) struct Writer {
    connection: Connection,
    clock: Arc<dyn Clock>,
    plans: Arc<PlanCache>,
    once: OnceTables,
    has_failed: Arc<AtomicBool>,
}

impl Writer {
    pub(crate) fn new(
        connection: Connection,
        clock: Arc<dyn Clock>,
        plans: Arc<PlanCache>,
        has_failed: Arc<AtomicBool>,
    ) -> Result<Self, OpenError> {
        let once = OnceTables::read(&connection)?;
        Ok(Self { connection, clock, plans, once, has_failed })
    }

    /// Loads, lets the group decide, saves, commits.
    pub(crate) fn transact(&mut self, mut group: Group) -> (Group, Result<Committed, StoreError>) {
        if self.has_failed.load(Ordering::Acquire) {
            let reason = "a commit failed earlier; the process has to be started anew".to_owned();
            return (group, Err(StoreError::Unavailable(reason)));
        }
        let result = self.decide_and_commit(&mut group);
        (group, result)
    }

    fn decide_and_commit(&mut self, group: &mut Group) -> Result<Committed, StoreError> {
        if !self.connection.is_autocommit() {
            // A panic has left its transaction open; nothing of it was answered as done.
            self.execute("ROLLBACK").map_err(|error| store_error(&error, None))?;
        }
        self.execute("BEGIN IMMEDIATE").map_err(|error| store_error(&error, None))?;
        let decided = self.decide(group);
        let decided_at = match decided {
            Ok(decided_at) => decided_at,
            Err(error) => {
                // An error may have ended the transaction already; then there is nothing left to undo.
                if !self.connection.is_autocommit() && self.execute("ROLLBACK").is_err() {
                    self.has_failed.store(true, Ordering::Release);
                }
                // A table that this transaction made is gone with it.
                self.once = OnceTables::read(&self.connection).unwrap_or_default();
                return Err(error);
            }
        };
        group.saved();
        self.execute("COMMIT").map_err(|error| {
            self.has_failed.store(true, Ordering::Release);
            StoreError::OutcomeUnknown(error.to_string())
        })?;
        Ok(Committed { decided_at })
    }

    /// All locks are held from here on: SQLite has one for everything.
    fn decide(&mut self, group: &mut Group) -> Result<Timestamp, StoreError> {
        let begun = self.clock.now();
        let mut records = Records::new();
        self.load(&group.keys(), &mut records, begun)?;
        let mut round = 1;
        let now = loop {
            let now = self.clock.now().max(records.decided_at());
            match group.decide(&mut records, now, round) {
                Decision::Save => break now,
                Decision::Need(keys) => self.load(&keys.in_lock_order(), &mut records, begun)?,
            }
            round += 1;
        };
        let changes = records.changed();
        for change in &changes.once {
            if let Some(record) = change.after {
                self.once
                    .make(&self.connection, record.created_at.day())
                    .map_err(|error| store_error(&error, None))?;
            }
        }
        save::save(&self.connection, &self.once, &changes, now)?;
        Ok(now)
    }

    fn load(&self, keys: &[Key], records: &mut Records, begun: Timestamp) -> Result<(), StoreError> {
        let loader = Loader { connection: &self.connection, plans: &self.plans, once: &self.once, begun };
        // What cannot be read is the fault of one record; the group is halved until its command stands alone.
        keys.iter().try_for_each(|key| loader.load(key, records)).map_err(|error| store_error(&error, None))
    }

    fn execute(&self, sql: &str) -> rusqlite::Result<()> {
        self.connection.prepare_cached(sql)?.execute([]).map(|_| ())
    }

    /// Another name for the history. The generator is seeded by the system; the two only have to differ.
    pub(crate) fn begin_new_history(&mut self) -> rusqlite::Result<()> {
        self.execute("UPDATE meta SET epoch = abs(random() % 4503599627370496)")
    }

    /// One step of the upkeep. Answers how many tables and rows went; as many as a step may take means that there
    /// may be more.
    pub(crate) fn clean(&mut self, now: Timestamp) -> Result<usize, ReadError> {
        let mut gone = self.once.drop_before(&self.connection, now.day() - 1).map_err(read_error)?;
        let before = now.minus_seconds(SEAT_CHANGES_KEPT_SECONDS);
        gone += self.trim_seat_changes(before).map_err(read_error)?;
        Ok(gone)
    }

    /// One step of dropping old events. The newest stays, because the next gets the number after it.
    pub(crate) fn clean_events(&mut self, before: Timestamp, through: u64) -> Result<usize, ReadError> {
        // Only the oldest are looked at, so that a step costs the same however many there are.
        let sql = "DELETE FROM outbox WHERE outbox_id IN (SELECT outbox_id FROM \
                   (SELECT outbox_id, at FROM outbox WHERE outbox_id <= ?2 ORDER BY outbox_id LIMIT ?3) \
                   WHERE at < ?1) AND outbox_id < (SELECT max(outbox_id) FROM outbox)";
        let through = i64::try_from(through).unwrap_or(i64::MAX);
        let values = (before.micros(), through, UPKEEP_ROWS);
        let gone = self.connection.prepare_cached(sql).and_then(|mut statement| statement.execute(values));
        gone.map_err(read_error)
    }

    fn trim_seat_changes(&self, before: Timestamp) -> rusqlite::Result<usize> {
        let sql = "DELETE FROM seat_change WHERE (schedule_id, version) IN \
                   (SELECT schedule_id, version FROM seat_change WHERE at < ?1 LIMIT ?2)";
        self.connection.prepare_cached(sql)?.execute((before.micros(), UPKEEP_ROWS))
    }

    /// Folds the whole log into the file.
    pub(crate) fn fold_log(&self) {
        let folded = self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
        if let Err(error) = folded {
            tracing::warn!(%error, "the log could not be folded into the file; the next start will do it");
        }
    }
}
