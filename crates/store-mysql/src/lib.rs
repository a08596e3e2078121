//! Frontrow's store on MySQL and MariaDB, for any number of instances on one database.
//!
//! - Many writers: each group has a connection and a transaction of its own (READ COMMITTED). It locks the rows that it
//!   decides on, in one order, the schedule last, and reads the clock once the last lock is held. The load is one packet
//!   of statements, the save another, the commit a third.
//! - A database that a lock is not to be had from soon, or that sees a deadlock, makes the group wait outside
//!   ([`StoreError::Busy`]). Any error takes the whole transaction back, or closes its connection.
//! - A connection that is lost in COMMIT is no unknown outcome: every group writes its number into a row of its own, and
//!   that row says afterwards whether the group was committed.
//! - Readers have connections of their own and never wait for writers.
//! - The database guards by itself what must never happen; see `migrations/0001_first.sql`.
//!
//! There are no rules here: rows go in and out as the domain gives and wants them.

mod codec;
mod copy;
mod delivery;
mod error;
mod lane;
mod load;
mod once;
mod plans;
mod pool;
mod reads;
mod row;
mod save;
mod schema;
mod scratch;
mod sql;
mod together;
mod upkeep;
mod writer;

use std::sync::Arc;

use frontrow_application::Clock;
use frontrow_application::group::Group;
use frontrow_application::store::{Committed, LaneShape, Store, StoreError};
use futures_util::future::BoxFuture;

pub use copy::MysqlImport;
pub use delivery::MysqlDelivery;
pub use error::OpenError;
pub use pool::PoolUsage;
pub use schema::SCHEMA_VERSION;
pub use scratch::MysqlScratch;

use lane::Lanes;
use once::OnceTables;
use plans::PlanCache;
use pool::Pool;
use reads::LookUps;
use writer::Writer;

/// How to open a store.
#[derive(Clone)]
pub struct Options {
    /// Where the database is: `mysql://user:password@host:port/database`.
    pub url: String,
    /// The time. With several instances it must follow the database's ([`MysqlReads::database_time`]).
    pub clock: Arc<dyn Clock>,
    /// How many groups may be written at once.
    pub writers: usize,
    /// How many queries may run at once.
    pub readers: usize,
}

impl Options {
    /// Sound values for everything but the address and the clock.
    pub fn new(url: &str, clock: Arc<dyn Clock>) -> Self {
        Self { url: url.to_owned(), clock, writers: 16, readers: 16 }
    }
}

/// The store, for processes that write.
pub struct MysqlStore {
    writer: Writer,
    reads: MysqlReads,
}

/// The store, for reading only: beside running servers, or without one.
#[derive(Clone)]
pub struct MysqlReads {
    pool: Arc<Pool>,
    plans: Arc<PlanCache>,
    clock: Arc<dyn Clock>,
    lookups: LookUps,
}

impl MysqlStore {
    /// Opens the store, and makes or migrates it. Any number of instances may do so at once.
    pub async fn open(options: Options) -> Result<Arc<Self>, OpenError> {
        let (connect, database) = schema::options(&options.url)?;
        // One connection at a time makes tables: there is one a day.
        let tables = Pool::new(connect.clone(), schema::upkeep_session(), 1);
        schema::migrate(&tables, &database).await?;
        let pool = Pool::new(connect.clone(), schema::writer_session(), options.writers);
        let mut link = pool.take().await.map_err(schema::open_error)?;
        schema::check_durable(&mut link).await.map_err(schema::open_error)?;
        link.give_back();
        let plans = Arc::new(PlanCache::default());
        let writer = Writer {
            pool,
            tables,
            clock: Arc::clone(&options.clock),
            plans: Arc::clone(&plans),
            once: OnceTables::default(),
            lanes: Lanes::default(),
        };
        let pool = Arc::new(Pool::new(connect, schema::reader_session(), options.readers));
        Ok(Arc::new(Self { writer, reads: MysqlReads::new(pool, plans, options.clock) }))
    }

    /// How the connections are used that read, and those that write.
    pub fn connections(&self) -> (PoolUsage, PoolUsage) {
        (self.reads.pool.usage(), self.writer.pool.usage())
    }

    /// The queries alone.
    pub fn reads(&self) -> MysqlReads {
        self.reads.clone()
    }
}

impl MysqlReads {
    /// Opens an existing store for reading only, also while servers write to it.
    pub async fn open(options: Options) -> Result<Self, OpenError> {
        let (connect, database) = schema::options(&options.url)?;
        let pool = Arc::new(Pool::new(connect, schema::reader_session(), options.readers));
        schema::check_readable(&pool, &database).await?;
        Ok(Self::new(pool, Arc::default(), options.clock))
    }

    fn new(pool: Arc<Pool>, plans: Arc<PlanCache>, clock: Arc<dyn Clock>) -> Self {
        let lookups = LookUps::new(&pool);
        Self { pool, plans, clock, lookups }
    }
}

/// The version of the schema that a database has, 0 before there is a store in it. Changes nothing.
pub async fn schema_found(options: &Options) -> Result<u32, OpenError> {
    let (connect, database) = schema::options(&options.url)?;
    schema::found(&Pool::new(connect, schema::reader_session(), 1), &database).await
}

impl Store for MysqlStore {
    fn lane_shape(&self) -> LaneShape {
        LaneShape::PerSchedule
    }

    fn transact(&self, mut group: Group) -> BoxFuture<'_, (Group, Result<Committed, StoreError>)> {
        Box::pin(async move {
            let result = self.writer.transact(&mut group).await;
            (group, result)
        })
    }
}
