//! An empty database as what is copied to. Until it is finished it has a table `copying`, which keeps servers out: what is
//! in it is only a part.

use std::sync::Arc;

use frontrow_application::Clock;
use frontrow_application::copy::{Batch, Cell, CopyTarget, OUTBOX, TABLES, Table};
use frontrow_application::store::Read;
use frontrow_domain::event;
use futures_util::future::BoxFuture;
use sqlx::ConnectOptions as _;
use sqlx::mysql::MySqlConnection;
use tokio::sync::mpsc::Receiver;
use uuid::Uuid;

use crate::error::{DbError, OpenError};
use crate::once::{self, OnceTables};
use crate::pool::{Link, Pool};
use crate::row::{Result, all, first};
use crate::schema::{self, open_error};
use crate::sql::{Value, tuple};
use crate::{MysqlReads, Options};

/// Bytes of one statement from which on it takes no more rows. Far below what servers take at once by default (16 MiB).
const STATEMENT_BYTES: usize = 1 << 20;

/// How many batches are committed together: each commit waits for the disk, and what is lost is written anew anyway.
const BATCHES_A_COMMIT: u64 = 20;

/// A database that is being filled.
pub struct MysqlImport {
    pool: Pool,
    once: OnceTables,
    reads: Arc<Pool>,
    /// Holds the name under which one copy at a time runs into this database.
    _claim: MySqlConnection,
}

impl MysqlImport {
    /// Makes or migrates the store, which has to be empty or left over from a copy that did not come to its end.
    pub async fn open(options: &Options) -> std::result::Result<Arc<Self>, OpenError> {
        let (connect, database) = schema::options(&options.url)?;
        let mut claim =
            connect.connect().await.map_err(|error| OpenError::Database(DbError::from(error).to_string()))?;
        if !claimed(&mut claim).await.map_err(open_error)? {
            return Err(OpenError::Copying { database });
        }
        let pool = Pool::new(connect.clone(), schema::import_session(), 2);
        let mut link = pool.take().await.map_err(open_error)?;
        wipe_remains(&mut link).await.map_err(open_error)?;
        schema::migrate(&pool, &database).await?;
        if let Some(table) = first_with_rows(&mut link).await.map_err(open_error)? {
            return Err(OpenError::NotEmpty { database, table });
        }
        let sql = "CREATE TABLE copying (begun_at BIGINT NOT NULL) ENGINE = InnoDB";
        run(&mut link, sql).await.map_err(open_error)?;
        link.give_back();
        let reads = Arc::new(Pool::new(connect, schema::reader_session(), options.readers));
        Ok(Arc::new(Self { pool, once: OnceTables::default(), reads, _claim: claim }))
    }

    /// The queries, at the time of that clock: what servers are kept from until the copy is finished.
    pub fn reads(&self, clock: Arc<dyn Clock>) -> MysqlReads {
        MysqlReads::new(Arc::clone(&self.reads), Arc::default(), clock)
    }

    async fn insert(
        &self,
        table: Table,
        mut from: Receiver<Batch>,
        done: &(dyn Fn(u64) + Sync),
    ) -> Result<()> {
        let mut link = self.pool.take().await?;
        let into = into(table);
        let (mut count, mut batches) = (0, 0);
        run(&mut link, "START TRANSACTION").await?;
        while let Some(batch) = from.recv().await {
            let mut statement = String::new();
            for row in &batch {
                if statement.len() >= STATEMENT_BYTES {
                    run(&mut link, &std::mem::take(&mut statement)).await?;
                }
                statement.push_str(if statement.is_empty() { &into } else { "," });
                statement.push_str(&as_tuple(table, row)?);
            }
            if !statement.is_empty() {
                run(&mut link, &statement).await?;
            }
            count += batch.len() as u64;
            batches += 1;
            if batches % BATCHES_A_COMMIT == 0 {
                run(&mut link, "COMMIT; START TRANSACTION").await?;
            }
            done(count);
        }
        run(&mut link, "COMMIT").await?;
        link.give_back();
        Ok(())
    }
}

impl CopyTarget for MysqlImport {
    fn make_once_day(&self, day: i64) -> Read<'_, ()> {
        answer(async move { self.once.make(&self.pool, &[day]).await })
    }

    fn receive<'a>(
        &'a self,
        table: Table,
        from: Receiver<Batch>,
        done: &'a (dyn Fn(u64) + Sync),
    ) -> Read<'a, ()> {
        answer(self.insert(table, from, done))
    }

    fn count(&self, table: Table) -> Read<'_, u64> {
        answer(async move {
            let mut link = self.pool.take().await?;
            let rows = link.rows(format!("SELECT COUNT(*) FROM {}", own_table(table))).await?;
            link.give_back();
            first(&rows, |row| row.get(0))?.ok_or(DbError::Unreadable("count"))
        })
    }

    fn finish(&self) -> Read<'_, ()> {
        answer(async move {
            let mut link = self.pool.take().await?;
            // Numbers of the outbox are positions at the source, and stay so here; those to come go on from the last.
            let sql = "UPDATE outbox_position SET value = (SELECT COALESCE(MAX(outbox_id), 0) FROM outbox) \
                       WHERE name = 0; DROP TABLE copying";
            run(&mut link, sql).await?;
            link.give_back();
            Ok(())
        })
    }
}

fn answer<'a, T>(ask: impl Future<Output = Result<T>> + Send + 'a) -> BoxFuture<'a, ReadResult<T>> {
    Box::pin(async move { ask.await.map_err(DbError::into_read) })
}

type ReadResult<T> = std::result::Result<T, frontrow_application::store::ReadError>;

async fn run(link: &mut Link<'_>, sql: &str) -> Result<()> {
    link.run(sql.to_owned()).await.map(|_| ()).map_err(|failed| failed.error)
}

/// Takes the name for as long as this connection lives; false when another copy has it.
async fn claimed(connection: &mut MySqlConnection) -> Result<bool> {
    let sql = "SET SESSION wait_timeout = 86400; \
               SELECT GET_LOCK(CONCAT('frontrow_copy_', LEFT(SHA2(DATABASE(), 256), 32)), 0)";
    let rows = sqlx::raw_sql(sql).fetch_all(connection).await?;
    Ok(first(&rows, |row| row.get::<Option<i64>>(0))?.flatten() == Some(1))
}

/// Empties what a copy has left behind that did not come to its end. Nothing else was ever written to it.
async fn wipe_remains(link: &mut Link<'_>) -> Result<()> {
    let sql = "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE()";
    let names = link.rows(sql.to_owned()).await?;
    let names = all(&names, |row| row.get::<String>(0))?;
    let has = |name: &str| names.iter().any(|known| known == name);
    if !has("copying") || !has("meta") {
        return Ok(());
    }
    let ours = link.rows("SELECT 1 FROM meta WHERE program = 'frontrow'".to_owned()).await?;
    if ours.is_empty() {
        return Ok(());
    }
    for table in TABLES.iter().filter(|table| has(table.name)) {
        run(link, &format!("TRUNCATE TABLE {}", table.name)).await?;
    }
    let days = names.iter().filter_map(|name| name.strip_prefix("once_")?.parse::<i64>().ok());
    for day in days {
        run(link, &format!("DROP TABLE IF EXISTS {}", once::table(day))).await?;
    }
    // Last, so that a copy that is interrupted here is begun anew as well.
    run(link, "DROP TABLE copying").await
}

async fn first_with_rows(link: &mut Link<'_>) -> Result<Option<&'static str>> {
    for table in TABLES {
        if !link.rows(format!("SELECT 1 FROM {} LIMIT 1", table.name)).await?.is_empty() {
            return Ok(Some(table.name));
        }
    }
    Ok(None)
}

fn own_table(table: Table) -> String {
    table.day.map_or_else(|| table.name.to_owned(), once::table)
}

/// The head of an insertion, with what only this store keeps.
fn into(table: Table) -> String {
    let more = if table.name == OUTBOX { ", partition_no, ends_session, position, unplaced" } else { "" };
    format!("INSERT INTO {} ({}{more}) VALUES ", own_table(table), table.columns.join(", "))
}

fn as_tuple(table: Table, row: &[Cell]) -> Result<String> {
    let mut values: Vec<Value<'_>> = row
        .iter()
        .map(|cell| match cell {
            Cell::Null => Value::Null,
            Cell::Int(number) => Value::Int(*number),
            Cell::Bytes(bytes) => Value::Bytes(bytes),
            Cell::Text(text) => Value::Text(text),
        })
        .collect();
    if table.name == OUTBOX {
        let [Cell::Int(number), Cell::Bytes(key), .., entry] = row else {
            return Err(DbError::Unreadable("event of the source"));
        };
        let key = key.as_slice().try_into().map_err(|_| DbError::Unreadable("key of an event"))?;
        values.push(event::partition(Uuid::from_bytes(key)).into());
        values.push(if *entry == Cell::Null { Value::Null } else { Value::Int(1) });
        values.extend([Value::Int(*number), Value::Null]);
    }
    Ok(tuple(&values))
}
