//! Bringing a database to the schema of this version, also when several instances start at once.

use std::time::Duration;

use sqlx::mysql::{MySqlConnectOptions, MySqlSslMode};

use crate::error::{DbError, OpenError};
use crate::pool::{Link, Pool, Session};
use crate::row::{self, Row};
use crate::sql::{fill, values};

/// The newest schema that this version knows.
pub const SCHEMA_VERSION: u32 = 3;

/// Every step from one version to the next, from an empty database on. A step is never changed once released.
const MIGRATIONS: [&str; SCHEMA_VERSION as usize] = [
    include_str!("../migrations/0001_first.sql"),
    include_str!("../migrations/0002_lists.sql"),
    include_str!("../migrations/0003_draw.sql"),
];

/// What is said of a column and of an index that is there already: not every server knows `IF NOT EXISTS` for one.
const IS_THERE: [u16; 2] = [1060, 1061];

/// Seconds for which a start waits while another instance migrates.
const MIGRATING_SECONDS: u32 = 60;

/// What every session has in common. One mode, whatever the server's: what does not fit is refused and never cut.
const SESSION: &str = "SET NAMES utf8mb4; SET SESSION time_zone = '+00:00', \
     sql_mode = 'STRICT_ALL_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION', autocommit = 1";

/// Sessions that write. A lock that is not to be had soon makes the group wait outside, and an instance that hangs loses
/// its locks after three seconds.
pub(crate) fn writer_session() -> Session {
    Session {
        begin: format!(
            "{SESSION}, innodb_lock_wait_timeout = 1, wait_timeout = 3; \
             SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED"
        ),
        answer_max: Duration::from_secs(10),
        idle_max: Duration::from_secs(2),
    }
}

/// Sessions that read. A transaction of theirs is one snapshot.
pub(crate) fn reader_session() -> Session {
    Session {
        begin: format!(
            "{SESSION}, innodb_lock_wait_timeout = 1, wait_timeout = 60; \
             SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ"
        ),
        answer_max: Duration::from_mins(1),
        idle_max: Duration::from_secs(50),
    }
}

/// Sessions that make and drop tables. They wait for who is still using one.
pub(crate) fn upkeep_session() -> Session {
    Session {
        begin: format!("{SESSION}, innodb_lock_wait_timeout = 5, lock_wait_timeout = 5, wait_timeout = 120"),
        answer_max: Duration::from_secs(90),
        idle_max: Duration::from_secs(2),
    }
}

/// Sessions that fill an empty store. They commit batch by batch, and may be idle while the other side reads.
pub(crate) fn import_session() -> Session {
    Session {
        begin: format!(
            "{SESSION}, innodb_lock_wait_timeout = 5, lock_wait_timeout = 5, wait_timeout = 28800"
        ),
        answer_max: Duration::from_mins(10),
        idle_max: Duration::from_mins(10),
    }
}

/// The address of a database, and its name.
pub(crate) fn options(url: &str) -> Result<(MySqlConnectOptions, String), OpenError> {
    use sqlx::ConnectOptions as _;
    let options: MySqlConnectOptions =
        url.parse().map_err(|error: sqlx::Error| OpenError::Address(error.to_string()))?;
    let database = options.get_database().unwrap_or_default().to_owned();
    if database.is_empty() {
        return Err(OpenError::Address("the name of the database is missing".to_owned()));
    }
    // Sessions are set up by their pools, and statements are too long to be logged.
    let options =
        options.pipes_as_concat(false).no_engine_substitution(false).timezone(None).set_names(false);
    let options = match options.get_ssl_mode() {
        MySqlSslMode::Preferred if is_local(options.get_host()) => options.ssl_mode(MySqlSslMode::Disabled),
        _ => options,
    };
    Ok((options.disable_statement_logging(), database))
}

/// What stays on the machine needs no encryption that nobody has asked for.
fn is_local(host: &str) -> bool {
    matches!(host, "localhost" | "127.0.0.1" | "::1" | "[::1]")
}

/// Brings the database to the schema of this version.
pub(crate) async fn migrate(pool: &Pool, database: &str) -> Result<(), OpenError> {
    let mut link = pool.take().await.map_err(open_error)?;
    // The lock is the server's and not the database's, so it is named after the database. Names have 64 characters at
    // the most.
    let lock = "CONCAT('frontrow_', LEFT(SHA2(DATABASE(), 256), 32))";
    let sql = format!("SELECT GET_LOCK({lock}, {MIGRATING_SECONDS})");
    let rows = link.rows(sql).await.map_err(open_error)?;
    if row::first(&rows, |row| row.get::<Option<i64>>(0)).map_err(open_error)?.flatten() != Some(1) {
        return Err(OpenError::Migrating { database: database.to_owned() });
    }
    let done = bring_up(&mut link, database).await;
    // The lock goes with the connection.
    link.close().await;
    done
}

async fn bring_up(link: &mut Link<'_>, database: &str) -> Result<(), OpenError> {
    let found = match version(link).await.map_err(open_error)? {
        Found::Version(found) if found > SCHEMA_VERSION => return Err(newer(database, found)),
        Found::Version(found) => found,
        Found::Foreign => return Err(OpenError::Foreign { database: database.to_owned() }),
        Found::Copying => return Err(OpenError::Copying { database: database.to_owned() }),
        Found::Nothing => {
            begin(link).await.map_err(open_error)?;
            0
        }
    };
    for (reached, script) in (1_u32..).zip(MIGRATIONS).skip(found as usize) {
        for statement in statements(script) {
            match link.run(statement).await {
                Err(failed) if failed.error.number().is_some_and(|number| IS_THERE.contains(&number)) => {}
                done => drop(done.map_err(|failed| open_error(failed.error))?),
            }
        }
        let sql = fill("UPDATE meta SET schema_version = ?", &values![reached]);
        link.run(sql).await.map_err(|failed| open_error(failed.error))?;
    }
    Ok(())
}

/// Makes the one table that says what the others are. A start that ends half way is gone on with by the next one.
async fn begin(link: &mut Link<'_>) -> Result<(), DbError> {
    let sql = "CREATE TABLE meta (
            program VARBINARY(16) NOT NULL PRIMARY KEY,
            schema_version BIGINT NOT NULL,
            epoch BIGINT NOT NULL,
            created_at BIGINT NOT NULL
        ) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
        INSERT INTO meta (program, schema_version, epoch, created_at) VALUES ('frontrow', 0,
            CAST(CONV(LEFT(SHA2(CONCAT(UUID(), RAND(), CONNECTION_ID()), 256), 13), 16, 10) AS SIGNED),
            UNIX_TIMESTAMP() * 1000000)";
    link.run(sql.to_owned()).await.map(|_| ()).map_err(|failed| failed.error)
}

/// The version that a database has; 0 before there is a store in it. Refuses one that is not ours, or newer.
pub(crate) async fn found(pool: &Pool, database: &str) -> Result<u32, OpenError> {
    let mut link = pool.take().await.map_err(open_error)?;
    let found = version(&mut link).await.map_err(open_error)?;
    link.give_back();
    match found {
        Found::Nothing => Ok(0),
        Found::Version(found) if found > SCHEMA_VERSION => Err(newer(database, found)),
        Found::Version(found) => Ok(found),
        Found::Foreign => Err(OpenError::Foreign { database: database.to_owned() }),
        Found::Copying => Err(OpenError::Copying { database: database.to_owned() }),
    }
}

/// Refuses a database that this version cannot read as it is.
pub(crate) async fn check_readable(pool: &Pool, database: &str) -> Result<(), OpenError> {
    let mut link = pool.take().await.map_err(open_error)?;
    let found = version(&mut link).await.map_err(open_error)?;
    link.give_back();
    match found {
        Found::Version(SCHEMA_VERSION) => Ok(()),
        Found::Version(found) if found > SCHEMA_VERSION => Err(newer(database, found)),
        Found::Foreign => Err(OpenError::Foreign { database: database.to_owned() }),
        Found::Copying => Err(OpenError::Copying { database: database.to_owned() }),
        Found::Version(_) | Found::Nothing => {
            Err(OpenError::NoStore { database: database.to_owned(), known: SCHEMA_VERSION })
        }
    }
}

/// Says so when the server may lose what it has answered as done.
pub(crate) async fn check_durable(link: &mut Link<'_>) -> Result<(), DbError> {
    let rows = link.rows("SELECT @@GLOBAL.innodb_flush_log_at_trx_commit".to_owned()).await?;
    if row::first(&rows, |row| row.get::<i64>(0))? != Some(1) {
        tracing::warn!(
            "innodb_flush_log_at_trx_commit of the database is not 1: what was answered as done may be lost with its power"
        );
    }
    Ok(())
}

/// What a database is.
enum Found {
    Version(u32),
    Nothing,
    Foreign,
    /// Ours, and not whole: see [`crate::copy`].
    Copying,
}

async fn version(link: &mut Link<'_>) -> Result<Found, DbError> {
    let sql = "SELECT COUNT(*), COUNT(CASE WHEN table_name = 'meta' THEN 1 END), \
                   COUNT(CASE WHEN table_name = 'copying' THEN 1 END) \
               FROM information_schema.tables WHERE table_schema = DATABASE()";
    let rows = link.rows(sql.to_owned()).await?;
    let counts = row::first(&rows, |row| Ok((row.get::<i64>(0)?, row.get::<i64>(1)?, row.get::<i64>(2)?)))?;
    let is_copying = match counts {
        None | Some((0, _, _)) => return Ok(Found::Nothing),
        Some((_, 0, _)) => return Ok(Found::Foreign),
        Some((_, _, copying)) => copying > 0,
    };
    // A table of that name that is not ours has not these columns.
    match link.rows("SELECT schema_version FROM meta WHERE program = 'frontrow'".to_owned()).await {
        Ok(rows) => {
            let found = row::first(&rows, |row: &Row<'_>| row.get::<u32>(0))?;
            Ok(match found {
                None => Found::Foreign,
                Some(_) if is_copying => Found::Copying,
                Some(version) => Found::Version(version),
            })
        }
        Err(DbError::Refused { .. }) => Ok(Found::Foreign),
        Err(error) => Err(error),
    }
}

fn newer(database: &str, found: u32) -> OpenError {
    OpenError::Newer { database: database.to_owned(), found, known: SCHEMA_VERSION }
}

pub(crate) fn open_error(error: DbError) -> OpenError {
    OpenError::Database(error.to_string())
}

/// The statements of a script, each of which ends with a semicolon at the end of a line, without its comments.
fn statements(script: &str) -> Vec<String> {
    let code = script.lines().map(|line| line.split("--").next().unwrap_or_default().trim_end());
    let code = code.collect::<Vec<_>>().join("\n");
    code.split(";\n")
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .map(|part| part.trim_end_matches(';').to_owned())
        .collect()
}
