//! Opening a file, and bringing it to the schema of this version.

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use frontrow_domain::Timestamp;
use rusqlite::{Connection, OpenFlags, Transaction};

use crate::error::OpenError;

/// The newest schema that this version knows.
pub const SCHEMA_VERSION: u32 = 6;

/// Every step from one version to the next, from an empty file on. A step is never changed once released.
const MIGRATIONS: [&str; SCHEMA_VERSION as usize] = [
    include_str!("../migrations/0001_first.sql"),
    include_str!("../migrations/0002_line_and_audit_log.sql"),
    include_str!("../migrations/0003_box_office.sql"),
    include_str!("../migrations/0004_events.sql"),
    include_str!("../migrations/0005_journal.sql"),
    include_str!("../migrations/0006_draw.sql"),
];

/// The file of the sale ("FROW").
pub(crate) const SALE: FileKind = FileKind { application_id: 0x4652_4F57, migrations: &MIGRATIONS };

/// How long a connection waits for a lock that another holds for a moment.
const BUSY_WAIT: Duration = Duration::from_secs(2);

/// How many statements a connection keeps prepared.
const STATEMENTS_KEPT: usize = 128;

/// What makes a file one of ours.
pub(crate) struct FileKind {
    /// Marks the file in its header, so that neither another program's nor another of ours is taken for it.
    pub(crate) application_id: i32,
    /// Every step from one version to the next, from an empty file on.
    pub(crate) migrations: &'static [&'static str],
}

impl FileKind {
    /// The newest version that is known here.
    pub(crate) fn known(&self) -> u32 {
        u32::try_from(self.migrations.len()).unwrap_or(u32::MAX)
    }
}

/// Makes the file if it is not there, for its owner only. The log and its index get the mode of the file that they
/// belong to.
pub(crate) fn make_file(file: &Path) -> io::Result<()> {
    OpenOptions::new().create(true).append(true).mode(0o600).open(file).map(|_| ())
}

/// Opens the connection that writes.
pub(crate) fn open_writer(file: &Path, kind: &FileKind, cache_mib: u32) -> Result<Connection, OpenError> {
    let flags =
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(file, flags)?;
    connection.busy_timeout(BUSY_WAIT)?;
    check_owner(&connection, file, kind)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    // The log is folded by its own thread, so that no fan waits for it.
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    connection.pragma_update(None, "cache_size", -i64::from(cache_mib) * 1_024)?;
    connection.pragma_update(None, "foreign_keys", false)?;
    // What is deleted or replaced is written over where it was: an address that was erased must not stay in the file. Pages
    // that come free as a whole keep what they held, because wiping them would cost writes; accounts hardly ever free one.
    connection.pragma_update(None, "secure_delete", "FAST")?;
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

/// Brings the file of the sale to the schema of this version.
pub(crate) fn migrate(connection: &mut Connection, now: Timestamp) -> Result<(), OpenError> {
    bring_up(connection, &SALE, |transaction| {
        // SQLite's own generator is seeded by the system; the epoch only has to differ between histories.
        transaction.execute(
            "INSERT INTO meta (epoch, created_at) VALUES (abs(random() % 4503599627370496), ?1)",
            [now.micros()],
        )
    })
}

/// The first version that has a journal.
const FIRST_WITH_JOURNAL: u32 = 5;

/// Folds what an earlier process has left in the journal of the sale, if the file has one yet.
pub(crate) fn fold_journal(connection: &Connection) -> Result<(), OpenError> {
    if version(connection)? < FIRST_WITH_JOURNAL { Ok(()) } else { crate::writer::fold_all(connection) }
}

/// Brings a file to the schema of this version, in one transaction a step. `begin` writes what a new file begins
/// with, in the transaction of the first step.
pub(crate) fn bring_up(
    connection: &mut Connection,
    kind: &FileKind,
    begin: impl Fn(&Transaction<'_>) -> rusqlite::Result<usize>,
) -> Result<(), OpenError> {
    let found = version(connection)?;
    for (reached, sql) in (1_u32..).zip(kind.migrations).skip(found as usize) {
        let transaction = connection.transaction()?;
        transaction.execute_batch(sql)?;
        if reached == 1 {
            begin(&transaction)?;
            transaction.pragma_update(None, "application_id", kind.application_id)?;
        }
        transaction.pragma_update(None, "user_version", reached)?;
        transaction.commit()?;
    }
    Ok(())
}

/// Refuses a file that this version cannot read as it is.
pub(crate) fn check_readable(file: &Path) -> Result<(), OpenError> {
    let connection = open_reader(file)?;
    check_owner(&connection, file, &SALE)?;
    let found = version(&connection)?;
    if found < SCHEMA_VERSION {
        return Err(OpenError::Older { file: file.to_owned(), found, known: SCHEMA_VERSION });
    }
    Ok(())
}

/// Refuses files of other programs and of newer versions, before anything is written to them.
pub(crate) fn check_owner(connection: &Connection, file: &Path, kind: &FileKind) -> Result<(), OpenError> {
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
    if owner != kind.application_id && !is_empty {
        return Err(foreign());
    }
    let found = version(connection)?;
    let known = kind.known();
    if found > known {
        return Err(OpenError::Newer { file: file.to_owned(), found, known });
    }
    Ok(())
}

pub(crate) fn version(connection: &Connection) -> Result<u32, OpenError> {
    Ok(connection.query_row("PRAGMA user_version", [], |row| row.get(0))?)
}
