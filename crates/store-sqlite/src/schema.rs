//! Opening the file, and bringing it to the schema of this version.

use std::path::Path;
use std::time::Duration;

use frontrow_domain::Timestamp;
use rusqlite::{Connection, OpenFlags};

use crate::error::OpenError;

/// The newest schema that this version knows.
pub const SCHEMA_VERSION: u32 = 1;

/// Every step from one version to the next, from an empty file on. A step is never changed once released.
const MIGRATIONS: [&str; SCHEMA_VERSION as usize] = [include_str!("../migrations/0001_first.sql")];

/// Marks the file as ours in its header ("FROW").
const APPLICATION_ID: i32 = 0x4652_4F57;

/// How long a connection waits for a lock that another holds for a moment.
const BUSY_WAIT: Duration = Duration::from_secs(2);

/// How many statements a connection keeps prepared.
const STATEMENTS_KEPT: usize = 128;

/// Opens the connection that writes.
pub(crate) fn open_writer(file: &Path, cache_mib: u32) -> Result<Connection, OpenError> {
    let flags =
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(file, flags)?;
    connection.busy_timeout(BUSY_WAIT)?;
    check_owner(&connection, file)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    // The log is folded by its own thread, so that no fan waits for it.
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    connection.pragma_update(None, "cache_size", -i64::from(cache_mib) * 1_024)?;
    connection.pragma_update(None, "foreign_keys", false)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
    Ok(connection)
}

/// Opens a connection that reads. It may have to recover the log of a process that was killed, so the file is
/// opened for writing, and the connection is then told never to write.
pub(crate) fn open_reader(file: &Path) -> Result<Connection, OpenError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(file, flags)?;
    connection.busy_timeout(BUSY_WAIT)?;
    connection.pragma_update(None, "query_only", true)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
    Ok(connection)
}

/// Brings the file to the schema of this version, in one transaction a step.
pub(crate) fn migrate(connection: &mut Connection, now: Timestamp) -> Result<(), OpenError> {
    let found = version(connection)?;
    for (reached, sql) in (1_u32..).zip(MIGRATIONS).skip(found as usize) {
        let transaction = connection.transaction()?;
        transaction.execute_batch(sql)?;
        if reached == 1 {
            // SQLite's own generator is seeded by the system; the epoch only has to differ between histories.
            transaction.execute(
                "INSERT INTO meta (epoch, created_at) VALUES (abs(random() % 4503599627370496), ?1)",
                [now.micros()],
            )?;
            transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        }
        transaction.pragma_update(None, "user_version", reached)?;
        transaction.commit()?;
    }
    Ok(())
}

/// Refuses a file that this version cannot read as it is.
pub(crate) fn check_readable(file: &Path) -> Result<(), OpenError> {
    let connection = open_reader(file)?;
    check_owner(&connection, file)?;
    let found = version(&connection)?;
    if found < SCHEMA_VERSION {
        return Err(OpenError::Older { file: file.to_owned(), found, known: SCHEMA_VERSION });
    }
    Ok(())
}

/// Refuses files of other programs and of newer versions, before anything is written to them.
fn check_owner(connection: &Connection, file: &Path) -> Result<(), OpenError> {
    let foreign = || OpenError::Foreign { file: file.to_owned() };
    let owner: i32 =
        connection.query_row("PRAGMA application_id", [], |row| row.get(0)).map_err(|error| {
            match error.sqlite_error_code() {
                Some(rusqlite::ErrorCode::NotADatabase) => foreign(),
                _ => OpenError::Sqlite(error),
            }
        })?;
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    let is_empty = owner == 0 && tables == 0;
    if owner != APPLICATION_ID && !is_empty {
        return Err(foreign());
    }
    let found = version(connection)?;
    if found > SCHEMA_VERSION {
        return Err(OpenError::Newer { file: file.to_owned(), found, known: SCHEMA_VERSION });
    }
    Ok(())
}

fn version(connection: &Connection) -> Result<u32, OpenError> {
    Ok(connection.query_row("PRAGMA user_version", [], |row| row.get(0))?)
}
