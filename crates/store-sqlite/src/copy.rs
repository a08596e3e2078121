//! The embedded store as what is copied from. It holds the lock of the folder, so no server runs on it meanwhile.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use frontrow_application::Clock;
use frontrow_application::copy::{Batch, Cell, CopySource, ONCE, OUTBOX, Table};
use frontrow_application::store::{Read, ReadError};
use frontrow_domain::{ConcertId, Timestamp};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row};
use tokio::sync::mpsc::Sender;

use crate::error::{OpenError, lost_task, read_error};
use crate::lock::FolderLock;
use crate::{DELIVERY_FILE_NAME, FILE_NAME, LINE_FILE_NAME, SqliteReads, schema};

/// How many rows one batch has.
const BATCH_ROWS: usize = 1_000;
/// Bytes of a batch from which on it takes no more rows: the plans of stadiums are a megabyte each.
const BATCH_BYTES: usize = 1 << 20;

/// What is kept in the file of deliveries, which is not there before a server has made it.
const IN_DELIVERY: [&str; 5] = ["consumer_mark", "parked_event", "dead_letter", "webhook", "webhook_attempt"];

/// A stopped embedded store, to be copied from.
pub struct SqliteExport {
    folder: PathBuf,
    _lock: FolderLock,
}

impl SqliteExport {
    /// Opens the store in a folder, which no server may be using until this is dropped. Changes nothing in it, but that what
    /// was committed goes into the tables.
    pub fn open(folder: &Path) -> Result<Arc<Self>, OpenError> {
        let file = folder.join(FILE_NAME);
        if !file.exists() {
            return Err(OpenError::NoStore { folder: folder.to_owned() });
        }
        let lock = FolderLock::take(folder)?;
        schema::check_readable(&file)?;
        // What is copied is tables.
        crate::folding::fold_of_nobody(&file)?;
        Ok(Arc::new(Self { folder: folder.to_owned(), _lock: lock }))
    }

    /// The queries, at the time of that clock.
    pub fn reads(&self, clock: Arc<dyn Clock>) -> Result<SqliteReads, OpenError> {
        SqliteReads::open(&self.folder, clock)
    }

    /// How many fans stand in line, in its lobby, or are let in, by concert. They are not copied: their places are in a file
    /// of another kind.
    pub fn in_line(&self, now: Timestamp) -> Result<Vec<(ConcertId, u64)>, OpenError> {
        let file = self.folder.join(LINE_FILE_NAME);
        if !file.exists() {
            return Ok(Vec::new());
        }
        let connection = schema::open_reader(&file)?;
        // Who stood in a line that was closed is over, whatever the row says. Who is being drawn may have a place in the lobby
        // and one in the line, which are the same entry.
        let mut statement = connection.prepare(
            "SELECT concert_id, COUNT(DISTINCT entry_id) FROM place LEFT JOIN room USING (concert_id) \
             WHERE (state IN (0, 1) AND sequence >= COALESCE(closed_below, 1)) OR (state = 2 AND ends_at > ?1) \
             GROUP BY concert_id",
        )?;
        let found = statement
            .query_map([now.micros()], |row| Ok((ConcertId::new(row.get(0)?), row.get::<_, u64>(1)?)))?;
        Ok(found.collect::<rusqlite::Result<Vec<_>>>()?)
    }

    /// Asks the file that has a table, on a connection of its own, where blocking is allowed.
    fn on_thread<T: Default + Send + 'static>(
        &self,
        table: Table,
        ask: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Read<'_, T> {
        let is_in_delivery = IN_DELIVERY.contains(&table.name);
        let file = self.folder.join(if is_in_delivery { DELIVERY_FILE_NAME } else { FILE_NAME });
        Box::pin(async move {
            if !file.exists() {
                return Ok(T::default());
            }
            let asked = tokio::task::spawn_blocking(move || {
                let connection =
                    schema::open_reader(&file).map_err(|error| ReadError::Unavailable(error.to_string()))?;
                ask(&connection).map_err(read_error)
            });
            asked.await.map_err(lost_task)?
        })
    }
}

impl CopySource for SqliteExport {
    fn once_days(&self) -> Read<'_, Vec<i64>> {
        self.on_thread(ONCE, |connection| {
            let sql =
                "SELECT name FROM sqlite_schema WHERE type = 'table' AND name LIKE 'once\\_%' ESCAPE '\\'";
            let mut statement = connection.prepare(sql)?;
            let names = statement.query_map([], |row| row.get::<_, String>(0))?;
            let names = names.collect::<rusqlite::Result<Vec<_>>>()?;
            Ok(names.iter().filter_map(|name| name.strip_prefix("once_")?.parse().ok()).collect())
        })
    }

    fn count(&self, table: Table) -> Read<'_, u64> {
        self.on_thread(table, move |connection| {
            let sql = format!("SELECT COUNT(*) FROM {}", own_table(table));
            connection.query_row(&sql, [], |row| row.get(0))
        })
    }

    fn send(&self, table: Table, to: Sender<Batch>) -> Read<'_, ()> {
        self.on_thread(table, move |connection| {
            let columns: Vec<_> = table.columns.iter().map(|column| own_column(table.name, column)).collect();
            let sql = format!("SELECT {} FROM {}", columns.join(", "), own_table(table));
            let mut statement = connection.prepare(&sql)?;
            let mut rows = statement.query([])?;
            let (mut batch, mut bytes) = (Batch::new(), 0);
            while let Some(row) = rows.next()? {
                let cells = cells(row, columns.len())?;
                bytes += cells.iter().map(size).sum::<usize>();
                batch.push(cells);
                if batch.len() == BATCH_ROWS || bytes >= BATCH_BYTES {
                    bytes = 0;
                    if to.blocking_send(std::mem::take(&mut batch)).is_err() {
                        return Ok(());
                    }
                }
            }
            if !batch.is_empty() {
                // Whoever receives no more knows why.
                let _ = to.blocking_send(batch);
            }
            Ok(())
        })
    }
}

fn own_table(table: Table) -> String {
    table.day.map_or_else(|| table.name.to_owned(), |day| format!("{}_{day}", table.name))
}

/// What a column is called here.
fn own_column(table: &str, column: &'static str) -> &'static str {
    match (table, column) {
        ("claim", "held_until") => "until",
        (OUTBOX, "event_key") | ("once", "once_key") => "key",
        ("audit_log", "seen_before") => "before",
        ("audit_log", "seen_after") => "after",
        (_, column) => column,
    }
}

fn cells(row: &Row<'_>, count: usize) -> rusqlite::Result<Vec<Cell>> {
    (0..count)
        .map(|column| {
            Ok(match row.get_ref(column)? {
                ValueRef::Null => Cell::Null,
                ValueRef::Integer(number) => Cell::Int(number),
                ValueRef::Blob(bytes) => Cell::Bytes(bytes.to_vec()),
                ValueRef::Text(_) => Cell::Text(row.get(column)?),
                ValueRef::Real(_) => return Err(rusqlite::Error::InvalidQuery),
            })
        })
        .collect()
}

const fn size(cell: &Cell) -> usize {
    match cell {
        Cell::Null | Cell::Int(_) => size_of::<i64>(),
        Cell::Bytes(bytes) => bytes.len(),
        Cell::Text(text) => text.len(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use frontrow_application::copy::TABLES;

    use super::*;
    use crate::once::OnceTables;

    /// The names that a query answers.
    fn names(connection: &Connection, sql: &str) -> BTreeSet<String> {
        let mut statement = connection.prepare(sql).expect("sql");
        let names = statement.query_map([], |row| row.get::<_, String>(0)).expect("names");
        names.map(|name| name.expect("a name")).collect()
    }

    #[test]
    fn every_table_and_column_of_the_schema_is_copied() {
        let folder = tempfile::tempdir().expect("folder");
        let mut sale = Connection::open_in_memory().expect("a database");
        schema::migrate(&mut sale, Timestamp::ZERO).expect("a schema");
        OnceTables::default().make(&sale, 7).expect("a table");
        drop(crate::SqliteDelivery::open(folder.path()).expect("a file"));
        let delivery = Connection::open(folder.path().join(DELIVERY_FILE_NAME)).expect("a database");
        let once = Table { day: Some(7), ..ONCE };
        let of_delivery: Vec<Table> =
            TABLES.iter().copied().filter(|table| IN_DELIVERY.contains(&table.name)).collect();
        let of_sale = TABLES.iter().copied().filter(|table| !IN_DELIVERY.contains(&table.name));
        let of_sale: Vec<Table> = of_sale.chain([once]).collect();
        // The name of the history is the copy's own, the journal of a store that is copied is empty, and an index of keys is
        // what the other store has in an index of its own.
        for (connection, tables, own) in
            [(&sale, of_sale, &["meta", "journal", "once_key_7"][..]), (&delivery, of_delivery, &[])]
        {
            let there = names(connection, "SELECT name FROM sqlite_schema WHERE type = 'table'");
            let copied = tables.iter().map(|table| own_table(*table));
            let told: BTreeSet<String> = copied.chain(own.iter().map(|&own| own.to_owned())).collect();
            assert_eq!(there, told);
            for table in tables {
                let sql = format!("SELECT name FROM pragma_table_info('{}')", own_table(table));
                let mut there = names(connection, &sql);
                there.remove("once_id");
                let copied = table.columns.iter().map(|column| own_column(table.name, column).to_owned());
                assert_eq!(there, copied.collect(), "{}", table.name);
            }
        }
    }
}
