//! Folding: the lines of rows of the journal become rows of their tables.
//!
//! A group goes over whole, and its row of the journal goes in the same transaction. So the tables are always what the
//! store was after some group, and nothing is ever in both places or in none.

use std::time::{Duration, Instant};

use frontrow_domain::records::Digest;
use frontrow_domain::{PaymentId, ReservationId, ScheduleId, SeatNo, TicketId, UserId};
use rusqlite::types::{ToSqlOutput, Value, ValueRef};
use rusqlite::{CachedStatement, Connection, ErrorCode, OptionalExtension as _};
use uuid::Uuid;

use super::form::{RowLines, Unread};
use super::statements::{Finds, Statement};
use crate::once::{OnceRow, OnceTables};

/// What went into the tables.
#[derive(Debug, Default)]
pub(crate) struct Folded {
    /// The newest row that did; 0 when none was there.
    pub(crate) through: u64,
    /// How many rows did.
    pub(crate) rows: usize,
    /// How long their forms were.
    pub(crate) bytes: usize,
    /// The records that were written, perhaps with repeats.
    pub(crate) records: Vec<Named>,
    /// The position of the newest event.
    pub(crate) event: u64,
    /// The newest versions of seat maps.
    pub(crate) versions: Vec<(ScheduleId, u64)>,
    /// Idempotency keys that are in a table now and not in its index.
    pub(crate) unindexed: Vec<(Digest, OnceRow)>,
}

/// The name of a record that is kept in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Named {
    Wallet(UserId),
    Claim(ScheduleId, SeatNo),
    Reservation(ReservationId),
    Entry(UserId, u64),
    Payment(PaymentId),
    Refund(PaymentId),
    Ticket(TicketId),
    Key([u8; 16]),
}

/// Why nothing was folded.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FoldError {
    /// The tables do not take what was committed: they are not what it was decided on. Nothing may be sold on them.
    #[error("row {row} of the journal, {what}: {why}")]
    Violation { row: u64, what: String, why: String },
    /// For now it could not be done.
    #[error(transparent)]
    NotNow(#[from] rusqlite::Error),
}

/// The statements of a fold, each looked up once.
#[derive(Default)]
struct Prepared<'a>([Option<CachedStatement<'a>>; Statement::COUNT]);

impl<'a> Prepared<'a> {
    fn run(
        &mut self,
        connection: &'a Connection,
        statement: Statement,
        values: &[ValueRef<'_>],
    ) -> rusqlite::Result<usize> {
        let slot = &mut self.0[usize::from(statement.number())];
        let prepared = match slot {
            Some(prepared) => prepared,
            None => slot.insert(connection.prepare_cached(statement.sql())?),
        };
        bind_and_run(prepared, values)
    }
}

/// Folds the oldest groups, for as long as `budget` lasts and one more, in a transaction of its own. Before anybody can see
/// that, `coming` hears up to which row it goes.
pub(crate) fn fold(
    connection: &Connection,
    once: &mut OnceTables,
    budget: Duration,
    coming: impl FnOnce(u64),
) -> Result<Folded, FoldError> {
    connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
    let result = fold_rows(connection, once, budget).and_then(|folded| {
        connection
            .prepare_cached("DELETE FROM journal WHERE journal_id <= ?1")?
            .execute([i64::try_from(folded.through).unwrap_or(i64::MAX)])?;
        coming(folded.through);
        connection.prepare_cached("COMMIT")?.execute([])?;
        Ok(folded)
    });
    if result.is_err() {
        if !connection.is_autocommit() {
            connection.execute_batch("ROLLBACK")?;
        }
        // A table that this transaction made is gone with it.
        once.look_again(connection)?;
    }
    result
}

fn fold_rows(connection: &Connection, once: &mut OnceTables, budget: Duration) -> Result<Folded, FoldError> {
    let begun = Instant::now();
    let mut folded = Folded::default();
    let sql = "SELECT journal_id, form FROM journal WHERE journal_id > ?1 ORDER BY journal_id LIMIT 1";
    let mut next = connection.prepare_cached(sql)?;
    let mut prepared = Prepared::default();
    while folded.rows == 0 || begun.elapsed() < budget {
        let after = i64::try_from(folded.through).unwrap_or(i64::MAX);
        let found = next.query_row([after], |row| Ok((row.get(0)?, row.get::<_, Vec<u8>>(1)?))).optional()?;
        let Some((row, form)): Option<(u64, _)> = found else { break };
        fold_row(connection, once, &mut prepared, row, &form, &mut folded)?;
        folded.through = row;
        folded.rows += 1;
        folded.bytes += form.len();
    }
    Ok(folded)
}

fn fold_row<'a>(
    connection: &'a Connection,
    once: &mut OnceTables,
    prepared: &mut Prepared<'a>,
    row: u64,
    form: &[u8],
    folded: &mut Folded,
) -> Result<(), FoldError> {
    let unread = |why: Unread| FoldError::Violation {
        row,
        what: "which cannot be read".to_owned(),
        why: why.to_string(),
    };
    let mut lines = RowLines::of(form).map_err(unread)?;
    let mut values = Vec::new();
    while let Some(statement) = lines.next(&mut values).map_err(unread)? {
        let violation = |why: String| {
            let of = values.first().map_or_else(String::new, shown);
            FoldError::Violation { row, what: format!("{statement} of {of}"), why }
        };
        let changed = if statement == Statement::KeyInsert {
            key(connection, once, &values, folded)
        } else {
            prepared.run(connection, statement, &values)
        };
        let changed = changed.map_err(|error| match error.sqlite_error_code() {
            Some(ErrorCode::ConstraintViolation | ErrorCode::TypeMismatch | ErrorCode::TooBig) => {
                violation(error.to_string())
            }
            _ => FoldError::NotNow(error),
        })?;
        let is_right = match (statement.finds(), changed) {
            (_, 1) => true,
            (Finds::OneOrLater, 0) => has_moved_on(connection, &values)?,
            _ => false,
        };
        if !is_right {
            return Err(violation(format!("it finds {changed} rows")));
        }
        note(statement, &values, folded);
    }
    Ok(())
}

fn bind_and_run(prepared: &mut CachedStatement<'_>, values: &[ValueRef<'_>]) -> rusqlite::Result<usize> {
    for (index, &value) in (1..).zip(values) {
        prepared.raw_bind_parameter(index, ToSqlOutput::Borrowed(value))?;
    }
    prepared.raw_execute()
}

/// The first value of a key is the day that its table is of. The upkeep may have dropped that table since, and drops it
/// again.
fn key(
    connection: &Connection,
    once: &mut OnceTables,
    values: &[ValueRef<'_>],
    folded: &mut Folded,
) -> rusqlite::Result<usize> {
    let Some((day, values)) = values.split_first() else { return Ok(0) };
    let day = day.as_i64()?;
    once.make(connection, day)?;
    let row = once.insert(connection, day, values)?;
    let key = values.first().and_then(|key| key.as_blob().ok()).and_then(|key| key.try_into().ok());
    folded.unindexed.extend(key.zip(row));
    Ok(1)
}

/// True when a schedule has the version of a line, or a later one.
fn has_moved_on(connection: &Connection, values: &[ValueRef<'_>]) -> rusqlite::Result<bool> {
    let (Some(&id), Some(&version)) = (values.first(), values.last()) else { return Ok(false) };
    let sql = "SELECT 1 FROM schedule WHERE schedule_id = ?1 AND row_version >= ?2";
    let mut prepared = connection.prepare_cached(sql)?;
    prepared.exists([Value::try_from(id)?, Value::try_from(version)?])
}

/// Notes what a line was about.
fn note(statement: Statement, values: &[ValueRef<'_>], folded: &mut Folded) {
    let id = |index: usize| {
        let blob = values.get(index).and_then(|value| value.as_blob().ok());
        blob.and_then(|blob| <[u8; 16]>::try_from(blob).ok()).map(Uuid::from_bytes)
    };
    let number = |index: usize| values.get(index).and_then(|value| value.as_i64().ok());
    let count = |index: usize| number(index).and_then(|number| u64::try_from(number).ok());
    let schedule = || number(0).and_then(|number| u32::try_from(number).ok()).map(ScheduleId::new);
    let named = match statement {
        Statement::WalletInsert | Statement::WalletUpdate => id(0).map(UserId::new).map(Named::Wallet),
        Statement::ClaimDelete | Statement::ClaimUpdate | Statement::ClaimInsert => {
            let seat = number(1).and_then(|number| u32::try_from(number).ok()).map(SeatNo::new);
            schedule().zip(seat).map(|(schedule, seat)| Named::Claim(schedule, seat))
        }
        Statement::ReservationInsert | Statement::ReservationUpdate => {
            id(0).map(ReservationId::new).map(Named::Reservation)
        }
        Statement::LedgerInsert => {
            id(0).map(UserId::new).zip(count(1)).map(|(user, number)| Named::Entry(user, number))
        }
        Statement::PaymentInsert => id(0).map(PaymentId::new).map(Named::Payment),
        Statement::RefundInsert => id(0).map(PaymentId::new).map(Named::Refund),
        Statement::TicketInsert | Statement::TicketUpdate => id(0).map(TicketId::new).map(Named::Ticket),
        Statement::KeyInsert => id(1).map(|id| Named::Key(id.into_bytes())),
        Statement::OutboxInsert => {
            folded.event = folded.event.max(count(0).unwrap_or(0));
            None
        }
        Statement::SeatChangeInsert => {
            folded.versions.extend(schedule().zip(count(1)));
            None
        }
        Statement::ScheduleMove => None,
    };
    folded.records.extend(named);
}

/// A value for whoever has to look into the file.
fn shown(value: &ValueRef<'_>) -> String {
    match value {
        ValueRef::Blob(blob) => match <[u8; 16]>::try_from(*blob) {
            Ok(id) => Uuid::from_bytes(id).to_string(),
            Err(_) => format!("{} bytes", blob.len()),
        },
        ValueRef::Integer(number) => number.to_string(),
        other => format!("{other:?}"),
    }
}
