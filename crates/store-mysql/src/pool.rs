//! Connections: taken for one piece of work, and given back only when it ended well.

use std::time::{Duration, Instant};

use futures_util::TryStreamExt;
use metrics::counter;
use parking_lot::Mutex;
use sqlx::mysql::{MySqlConnectOptions, MySqlRow};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Either, MySqlConnection};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

use crate::error::DbError;

/// How long a connection may take to come about.
const CONNECT_MAX: Duration = Duration::from_secs(3);

/// How the sessions of a pool are set up.
pub(crate) struct Session {
    /// Statements that every connection begins with.
    pub(crate) begin: String,
    /// How long one packet of statements may take.
    pub(crate) answer_max: Duration,
    /// How long an idle connection is kept. Less than the server keeps it.
    pub(crate) idle_max: Duration,
}

/// Connections of one kind, at most so many at once.
pub(crate) struct Pool {
    options: MySqlConnectOptions,
    session: Session,
    idle: Mutex<Vec<(MySqlConnection, Instant)>>,
    permits: Semaphore,
    size: usize,
}

/// How the connections of one kind are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolUsage {
    /// In use.
    pub busy: usize,
    /// Kept for whoever comes next.
    pub idle: usize,
    /// As many as may be in use at once.
    pub limit: usize,
}

/// What one statement answered.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    pub(crate) rows: Vec<MySqlRow>,
    /// How many rows it changed or deleted; of an update how many it found.
    pub(crate) affected: u64,
    /// The number that an inserted row was given.
    pub(crate) inserted: u64,
}

/// A packet of statements ended early.
#[derive(Debug)]
pub(crate) struct Failed {
    /// Which of its statements failed, from 0.
    pub(crate) statement: usize,
    pub(crate) error: DbError,
}

impl Pool {
    pub(crate) fn new(options: MySqlConnectOptions, session: Session, size: usize) -> Self {
        let size = size.max(1);
        Self { options, session, idle: Mutex::new(Vec::new()), permits: Semaphore::new(size), size }
    }

    /// How its connections are used now.
    pub(crate) fn usage(&self) -> PoolUsage {
        let busy = self.size.saturating_sub(self.permits.available_permits());
        PoolUsage { busy, idle: self.idle.lock().len(), limit: self.size }
    }

    /// A connection, as soon as there is one to spare.
    pub(crate) async fn take(&self) -> Result<Link<'_>, DbError> {
        let permit =
            self.permits.acquire().await.map_err(|_| DbError::Lost("the store is closed".to_owned()))?;
        let kept = {
            let mut idle = self.idle.lock();
            // The one used last is the least likely to be too old; what is behind it is older still.
            let found = idle.pop().filter(|(_, since)| since.elapsed() < self.session.idle_max);
            if found.is_none() {
                idle.clear();
            }
            found
        };
        match kept {
            Some((connection, _)) => Ok(Link { connection, pool: self, is_reused: true, permit }),
            None => Ok(Link { connection: self.connect().await?, pool: self, is_reused: false, permit }),
        }
    }

    /// The rows of one statement that changes nothing, on any connection.
    pub(crate) async fn rows(&self, sql: String) -> Result<Vec<MySqlRow>, DbError> {
        let mut link = self.take().await?;
        let rows = match link.rows(sql.clone()).await {
            // The server has closed it while it lay idle. A query can be asked again.
            Err(DbError::Lost(_)) if link.is_reused => {
                drop(link);
                self.forget_idle();
                link = self.take().await?;
                link.rows(sql).await
            }
            answered => answered,
        };
        if rows.is_ok() {
            link.give_back();
        }
        rows
    }

    /// Closes what is idle.
    pub(crate) fn forget_idle(&self) {
        self.idle.lock().clear();
    }

    async fn connect(&self) -> Result<MySqlConnection, DbError> {
        let made = timeout(CONNECT_MAX, async {
            let mut connection = self.options.connect().await?;
            run(&mut connection, self.session.begin.clone()).await.map_err(|failed| failed.error)?;
            Ok(connection)
        });
        let made =
            made.await.unwrap_or_else(|_| Err(DbError::Lost("the database does not answer".to_owned())));
        if made.is_err() {
            counter!("frontrow_store_connection_failures_total").increment(1);
        }
        made
    }
}

/// A connection that is in use. Dropping it closes the connection, and the server takes back what was not committed.
pub(crate) struct Link<'p> {
    connection: MySqlConnection,
    pool: &'p Pool,
    /// True when it has lain idle, so that the server may have closed it meanwhile.
    pub(crate) is_reused: bool,
    permit: SemaphorePermit<'p>,
}

impl Link<'_> {
    /// Runs statements in one packet, with semicolons between. The first that fails ends it.
    pub(crate) async fn run(&mut self, sql: String) -> Result<Vec<Answer>, Failed> {
        match timeout(self.pool.session.answer_max, run(&mut self.connection, sql)).await {
            Ok(result) => result,
            Err(_) => {
                Err(Failed { statement: 0, error: DbError::Lost("the database does not answer".to_owned()) })
            }
        }
    }

    /// The rows of one statement.
    pub(crate) async fn rows(&mut self, sql: String) -> Result<Vec<MySqlRow>, DbError> {
        let mut answers = self.run(sql).await.map_err(|failed| failed.error)?;
        Ok(answers.pop().unwrap_or_default().rows)
    }

    /// Keeps the connection for the next. Only when no transaction is open on it.
    pub(crate) fn give_back(self) {
        self.pool.idle.lock().push((self.connection, Instant::now()));
        drop(self.permit);
    }

    /// Takes back what is open and keeps the connection, or closes it when that does not work.
    pub(crate) async fn roll_back(mut self) {
        if self.run("ROLLBACK".to_owned()).await.is_ok() {
            self.give_back();
        }
    }

    /// Says good-bye to the server.
    pub(crate) async fn close(self) {
        // Whether it hears so or not, the connection ends.
        let _ = self.connection.close().await;
    }
}

async fn run(connection: &mut MySqlConnection, sql: String) -> Result<Vec<Answer>, Failed> {
    let mut answers = Vec::new();
    let mut answer = Answer::default();
    let mut results = sqlx::raw_sql(AssertSqlSafe(sql)).fetch_many(connection);
    loop {
        match results.try_next().await {
            Ok(Some(Either::Right(row))) => answer.rows.push(row),
            Ok(Some(Either::Left(done))) => {
                answer.affected = done.rows_affected();
                answer.inserted = done.last_insert_id();
                answers.push(std::mem::take(&mut answer));
            }
            Ok(None) => return Ok(answers),
            Err(error) => return Err(Failed { statement: answers.len(), error: error.into() }),
        }
    }
}
