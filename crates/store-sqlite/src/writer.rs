//! The one writer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use frontrow_application::Clock;
use frontrow_application::group::{Decision, Group};
use frontrow_application::store::{Committed, ReadError, StoreError};
use frontrow_domain::records::{Changes, Key, Records};
use frontrow_domain::{ScheduleId, Timestamp};
use rusqlite::Connection;

use crate::error::{OpenError, read_error, store_error};
use crate::guard::{Guard, Highest};
use crate::journal::{self, FoldError, Folded};
use crate::live::{Hall, Live};
use crate::load::{Loader, needed};
use crate::once::{Batch, KEYS, OnceTables};
use crate::reads::plans::PlanCache;
use crate::save;

/// Seconds for which it is known which seats a commit changed. Whoever asks for older changes gets the whole map.
const SEAT_CHANGES_KEPT_SECONDS: u32 = 3_600;
/// How many rows one step of the upkeep deletes, so that no fan waits for it.
pub(crate) const UPKEEP_ROWS: usize = 1_000;
/// For how long groups are folded at once when the store is opened.
const FOLD_AT_START: Duration = Duration::from_millis(200);

pub(crate) struct Writer {
    connection: Connection,
    clock: Arc<dyn Clock>,
    plans: Arc<PlanCache>,
    live: Arc<Live>,
    once: OnceTables,
    /// Keys that are being put into their index.
    indexing: Option<Batch>,
    highest: Highest,
    /// The next row of the journal, and the position of the next event.
    next_row: u64,
    next_event: u64,
    /// Whether commits wait for the disk.
    syncs: bool,
    /// Bytes of groups that may wait to be folded.
    unfolded_max: usize,
    has_failed: Arc<AtomicBool>,
}

/// What was written of a group that is about to be committed.
#[derive(Default)]
struct Written {
    /// The length of its row; nothing when it has none.
    row: Option<usize>,
    bodies: Vec<String>,
}

impl Writer {
    /// Takes over a connection, whose journal is empty.
    pub(crate) fn new(
        connection: Connection,
        clock: Arc<dyn Clock>,
        plans: Arc<PlanCache>,
        live: Arc<Live>,
        has_failed: Arc<AtomicBool>,
        unfolded_max: usize,
    ) -> Result<Self, OpenError> {
        let once = OnceTables::read_with_keys(&connection, clock.now())?;
        live.write().unindexed = once.unindexed(&connection)?;
        let highest = Highest::read(&connection)?;
        let sql = "SELECT coalesce(max(outbox_id), 0) + 1 FROM outbox";
        let next_event = connection.query_row(sql, [], |row| row.get(0))?;
        Ok(Self {
            connection,
            clock,
            plans,
            live,
            once,
            indexing: None,
            highest,
            next_row: 1,
            next_event,
            syncs: true,
            unfolded_max,
            has_failed,
        })
    }

    /// Loads, lets the group decide, appends it to the journal, commits.
    pub(crate) fn transact(&mut self, mut group: Group) -> (Group, Result<Committed, StoreError>) {
        let refused = if self.has_failed.load(Ordering::Acquire) {
            Some("a commit failed earlier; the process has to be started anew")
        } else if self.live.has_violation() {
            Some("what was sold does not fit into the tables; nothing is sold until somebody has looked")
        } else if self.live.unfolded_bytes() > self.unfolded_max {
            Some("too much was sold at once, and is being put into the tables")
        } else {
            None
        };
        if let Some(reason) = refused {
            return (group, Err(StoreError::Unavailable(reason.to_owned())));
        }
        let result = self.decide_and_commit(&mut group);
        (group, result)
    }

    fn decide_and_commit(&mut self, group: &mut Group) -> Result<Committed, StoreError> {
        if !self.connection.is_autocommit() {
            // A panic has left its transaction open; nothing of it was answered as done.
            self.execute("ROLLBACK").map_err(|error| store_error(&error, None))?;
        }
        self.sync(true).map_err(|error| store_error(&error, None))?;
        self.execute("BEGIN IMMEDIATE").map_err(|error| store_error(&error, None))?;
        let mut records = Records::new();
        let decided = self.decide(group, &mut records);
        let changes = records.changed();
        let written = decided.and_then(|now| Ok((now, self.write(&changes, now)?)));
        let (decided_at, written) = match written {
            Ok(written) => written,
            Err(error) => {
                // An error may have ended the transaction already; then there is nothing left to undo.
                if !self.connection.is_autocommit() && self.execute("ROLLBACK").is_err() {
                    self.has_failed.store(true, Ordering::Release);
                }
                // A table that this transaction made is gone with it.
                self.once.look_again(&self.connection).map_err(|error| store_error(&error, None))?;
                return Err(error);
            }
        };
        group.saved();
        self.execute("COMMIT").map_err(|error| {
            self.has_failed.store(true, Ordering::Release);
            StoreError::OutcomeUnknown(error.to_string())
        })?;
        self.committed(&changes, written);
        Ok(Committed { decided_at })
    }

    /// All locks are held from here on: SQLite has one for everything.
    fn decide(&mut self, group: &mut Group, records: &mut Records) -> Result<Timestamp, StoreError> {
        let begun = self.clock.now();
        self.load(&group.keys(), records, begun)?;
        let mut round = 1;
        loop {
            let now = self.clock.now().max(records.decided_at());
            match group.decide(records, now, round) {
                Decision::Save => return Ok(now),
                Decision::Need(keys) => self.load(&keys.in_lock_order(), records, begun)?,
            }
            round += 1;
        }
    }

    /// Writes what has a place in the tables at once, and everything else as a row of the journal.
    fn write(&mut self, changes: &Changes<'_>, now: Timestamp) -> Result<Written, StoreError> {
        let of_sqlite = |error: rusqlite::Error| store_error(&error, None);
        let mut halls: Vec<ScheduleId> = changes.claims.iter().map(|change| change.key.0).collect();
        halls.extend(changes.reservations.iter().filter_map(|change| Some(change.after?.schedule)));
        halls.sort_unstable();
        halls.dedup();
        self.know_halls(&halls).map_err(of_sqlite)?;
        let state = self.live.read();
        let guard = Guard {
            connection: &self.connection,
            state: &state,
            once: &self.once,
            highest: self.highest,
            now,
        };
        guard.check(changes)?;
        drop(state);
        save::save(&self.connection, changes)?;
        for change in &changes.once {
            if let Some(record) = change.after {
                self.once.make(&self.connection, record.created_at.day()).map_err(of_sqlite)?;
            }
        }
        let Some(row) = journal::row_of(changes, now, self.next_event)? else {
            return Ok(Written::default());
        };
        let values = (i64::try_from(self.next_row).unwrap_or(i64::MAX), &row.form);
        self.connection
            .prepare_cached("INSERT INTO journal (journal_id, form) VALUES (?1, ?2)")
            .and_then(|mut statement| statement.execute(values))
            .map_err(of_sqlite)?;
        Ok(Written { row: Some(row.form.len()), bodies: row.bodies })
    }

    /// Takes a committed group into memory, before anybody is told of it.
    fn committed(&mut self, changes: &Changes<'_>, written: Written) {
        for change in &changes.once {
            if let Some(record) = change.after {
                self.once.note(record.created_at.day(), change.key);
            }
        }
        let events = written.bodies.len() as u64;
        let row = match written.row {
            Some(bytes) => {
                self.live.appended(bytes);
                self.next_row += 1;
                self.next_row - 1
            }
            None => 0,
        };
        self.live.write().apply(changes, row, self.next_event, written.bodies);
        self.next_event += events;
    }

    fn load(&self, keys: &[Key], records: &mut Records, begun: Timestamp) -> Result<(), StoreError> {
        let (halls, schedules) = needed(keys);
        let known = self.know_halls(&halls).and_then(|()| self.know_schedules(&schedules));
        known.map_err(|error| store_error(&error, None))?;
        let state = self.live.read();
        let loader = Loader { connection: &self.connection, state: &state, once: &self.once, begun };
        // What cannot be read is the fault of one record; the group is halved until its command stands alone.
        keys.iter().try_for_each(|key| loader.load(key, records)).map_err(|error| store_error(&error, None))
    }

    /// Brings halls into memory that are not there yet. Nobody else changes what is there, so it may be looked up first.
    fn know_halls(&self, halls: &[ScheduleId]) -> rusqlite::Result<()> {
        for &id in halls {
            let state = self.live.read();
            if state.halls.contains_key(&id) {
                continue;
            }
            let is_of_it =
                |reservation: &frontrow_domain::reservation::Reservation| reservation.schedule == id;
            let mut has_reservations = state.reservations.values().any(|kept| is_of_it(&kept.value.0));
            drop(state);
            let sql =
                "SELECT 1 FROM reservation INDEXED BY reservation_by_schedule WHERE schedule_id = ?1 LIMIT 1";
            has_reservations |= self.connection.prepare_cached(sql)?.exists([id.get()])?;
            let mut statement =
                self.connection.prepare_cached("SELECT seat_no FROM claim WHERE schedule_id = ?1")?;
            let seats =
                statement.query_map([id.get()], |row| row.get(0).map(frontrow_domain::SeatNo::new))?;
            let seats = seats.collect::<rusqlite::Result<Vec<_>>>()?;
            self.live.write().halls.insert(id, Hall::of(seats, has_reservations));
        }
        Ok(())
    }

    fn know_schedules(&self, schedules: &[ScheduleId]) -> rusqlite::Result<()> {
        for &id in schedules {
            if !self.live.read().schedules.contains_key(&id)
                && let Some(found) = crate::load::schedule(&self.connection, &self.plans, id)?
            {
                self.live.write().schedules.insert(id, found);
            }
        }
        Ok(())
    }

    fn execute(&self, sql: &str) -> rusqlite::Result<()> {
        self.connection.prepare_cached(sql)?.execute([]).map(|_| ())
    }

    /// Whether the next commits wait until the disk has them.
    fn sync(&mut self, syncs: bool) -> rusqlite::Result<()> {
        if self.syncs != syncs {
            self.connection.pragma_update(None, "synchronous", if syncs { "FULL" } else { "NORMAL" })?;
            self.syncs = syncs;
        }
        Ok(())
    }

    /// Folds the oldest groups for about as long as that. Such a commit need not wait for the disk: if the disk forgets it,
    /// it has what was there before, and that is the same groups, in the journal.
    pub(crate) fn fold(&mut self, budget: Duration) -> Result<usize, FoldError> {
        if self.has_failed.load(Ordering::Acquire) || self.live.has_violation() {
            return Ok(0);
        }
        self.sync(false)?;
        let begun = Instant::now();
        self.index_keys(budget / 2)?;
        let budget = budget.saturating_sub(begun.elapsed());
        let result = journal::fold(&self.connection, &mut self.once, budget, |row| self.live.folding(row));
        match &result {
            Ok(folded) => {
                self.highest.note(&folded.records);
                self.live.note_folded(folded);
            }
            Err(FoldError::Violation { .. }) => self.live.violated(),
            Err(FoldError::NotNow(_)) => {}
        }
        result.map(|folded| folded.rows)
    }

    /// Puts keys into their index, when there are many, for about as long as that.
    fn index_keys(&mut self, budget: Duration) -> Result<(), FoldError> {
        if self.indexing.is_none() {
            self.indexing = Batch::of(&self.live.read().unindexed, KEYS);
        }
        let Some(batch) = &mut self.indexing else { return Ok(()) };
        match batch.put_in(&self.connection, &self.once, budget)? {
            Ok(None) => {}
            Ok(Some(end)) => {
                self.indexing = None;
                self.live.write().unindexed.retain(|_, row| !end.covers(*row));
            }
            Err(key) => {
                self.live.violated();
                let what = format!("key {:032x}", u128::from_be_bytes(key));
                return Err(FoldError::Violation { row: 0, what, why: "it is kept twice".to_owned() });
            }
        }
        Ok(())
    }

    /// Another name for the history. The generator is seeded by the system; the two only have to differ.
    pub(crate) fn begin_new_history(&mut self) -> rusqlite::Result<()> {
        self.sync(true)?;
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

/// Folds everything that is in the journal. For a connection that nobody else writes beside.
pub(crate) fn fold_all(connection: &Connection) -> Result<(), OpenError> {
    let mut once = OnceTables::read(connection)?;
    loop {
        match journal::fold(connection, &mut once, FOLD_AT_START, |_| {}) {
            Ok(Folded { rows: 0, .. }) => return Ok(()),
            Ok(_) => {}
            Err(FoldError::NotNow(error)) => return Err(error.into()),
            Err(violation @ FoldError::Violation { .. }) => {
                return Err(OpenError::Violation { why: violation.to_string() });
            }
        }
    }
}
