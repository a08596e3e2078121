//! The usual ways: every request is a transaction of its own, as most systems have it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use sqlx::mysql::{MySqlDatabaseError, MySqlPoolOptions};
use sqlx::{Executor as _, MySql, MySqlPool, Row as _, Transaction};
use uuid::Uuid;

use crate::{CONNECTIONS, Wanted, rush};

const TABLES: &str = "
    CREATE TABLE bench_seat (schedule_id BIGINT NOT NULL, seat_no BIGINT NOT NULL, taken_by BINARY(16),
        version BIGINT NOT NULL, PRIMARY KEY (schedule_id, seat_no)) ENGINE = InnoDB;
    CREATE TABLE bench_claim (schedule_id BIGINT NOT NULL, seat_no BIGINT NOT NULL, reservation_id BINARY(16) NOT NULL,
        PRIMARY KEY (schedule_id, seat_no)) ENGINE = InnoDB;
    CREATE TABLE bench_reservation (reservation_id BINARY(16) NOT NULL PRIMARY KEY, user_id BINARY(16) NOT NULL,
        schedule_id BIGINT NOT NULL, seat_no BIGINT NOT NULL, amount BIGINT NOT NULL, created_at BIGINT NOT NULL,
        state TINYINT NOT NULL, held_until BIGINT NOT NULL, KEY by_fan (user_id, schedule_id),
        KEY by_schedule (schedule_id, state)) ENGINE = InnoDB;
    CREATE TABLE bench_outbox (outbox_id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, event_key BINARY(16) NOT NULL,
        schedule_id BIGINT NOT NULL, body MEDIUMTEXT NOT NULL, KEY by_schedule (schedule_id)) ENGINE = InnoDB";
/// About as many bytes as our event of a hold.
const BODY: &str = r#"{"type":"reservation.created","data":{"reservationId":"0190a5b2-0000-7000-8000-000000000000","userId":"0190a5b2-0000-7000-8000-000000000001","concertId":1,"scheduleId":1,"seats":[1],"amount":50000,"expiresAt":1788260700000000}}"#;
/// Seats that are put in by one statement.
const SEATS_AT_ONCE: u32 = 1_000;
/// How long a lock on Redis lasts, should its holder die.
const LOCK_MS: u64 = 5_000;
/// MySQL's numbers for a deadlock and for a lock that is not to be had.
const TRY_AGAIN: [u16; 2] = [1213, 1205];

/// A way to sell a seat once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    Pessimistic,
    Optimistic,
    Conditional,
    RedisLock,
    UniqueKey,
}

impl Way {
    pub(crate) const ALL: [Self; 5] =
        [Self::Pessimistic, Self::Optimistic, Self::Conditional, Self::RedisLock, Self::UniqueKey];
}

/// A pool of connections, and the lock server.
pub(crate) struct OneByOne {
    pool: MySqlPool,
    redis: MultiplexedConnection,
    next_schedule: AtomicU64,
}

/// One request.
struct Request {
    pool: MySqlPool,
    redis: MultiplexedConnection,
    schedule: u64,
    seat: u32,
    reservation: Uuid,
}

impl OneByOne {
    pub(crate) async fn open(url: &str, redis: &str) -> Self {
        let options = MySqlPoolOptions::new()
            .min_connections(CONNECTIONS)
            .max_connections(CONNECTIONS)
            .acquire_timeout(Duration::from_mins(2))
            // As writers of ours have it: the other level locks gaps besides.
            .after_connect(|connection, _| {
                Box::pin(async move {
                    connection.execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED").await?;
                    Ok(())
                })
            });
        let pool = options.connect(url).await.expect("the database");
        sqlx::raw_sql(TABLES).execute(&pool).await.expect("the tables are made");
        let client = redis::Client::open(redis).expect("an address");
        let redis = client.get_multiplexed_async_connection().await.expect("Redis");
        Self { pool, redis, next_schedule: AtomicU64::new(1) }
    }

    pub(crate) async fn run(&self, way: Way, wanted: Wanted, users: u32) -> Duration {
        let schedule = self.next_schedule.fetch_add(1, Ordering::Relaxed);
        self.put_in_seats(schedule, wanted.winners(users)).await;
        let (winners, took) = rush(users, |user| {
            let request = Request {
                pool: self.pool.clone(),
                redis: self.redis.clone(),
                schedule,
                seat: wanted.seat(user),
                reservation: Uuid::from_u64_pair(schedule, u64::from(user) + 1),
            };
            async move { request.hold(way).await }
        })
        .await;
        let expected = wanted.winners(users);
        assert_eq!(winners, expected, "winners of {way:?}, {wanted:?} with {users} users");
        let taken = if way == Way::UniqueKey {
            "SELECT COUNT(*) FROM bench_claim WHERE schedule_id = ?"
        } else {
            "SELECT COUNT(taken_by) FROM bench_seat WHERE schedule_id = ?"
        };
        let reservations = "SELECT COUNT(*) FROM bench_reservation WHERE schedule_id = ?";
        let events = "SELECT COUNT(*) FROM bench_outbox WHERE schedule_id = ?";
        for sql in [taken, reservations, events] {
            let row = sqlx::query(sql).bind(schedule).fetch_one(&self.pool).await.expect("counted");
            assert_eq!(row.get::<i64, _>(0), i64::from(expected), "{way:?}, {wanted:?} with {users}: {sql}");
        }
        took
    }

    async fn put_in_seats(&self, schedule: u64, count: u32) {
        for first in (1..=count).step_by(SEATS_AT_ONCE as usize) {
            let last = count.min(first + SEATS_AT_ONCE - 1);
            let rows: Vec<String> =
                (first..=last).map(|seat| format!("({schedule}, {seat}, NULL, 0)")).collect();
            let sql = format!("INSERT INTO bench_seat VALUES {}", rows.join(","));
            sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&self.pool).await.expect("there are seats");
        }
    }
}

impl Request {
    /// True when it got the seat. What the database could not do now is done again.
    async fn hold(&self, way: Way) -> bool {
        loop {
            let held = match way {
                Way::Pessimistic => self.pessimistic().await,
                Way::Optimistic => self.optimistic().await,
                Way::Conditional => self.conditional().await,
                Way::RedisLock => self.under_a_lock().await,
                Way::UniqueKey => self.unique_key().await,
            };
            match held {
                Ok(held) => return held,
                Err(error) if is_to_be_tried_again(&error) => {}
                Err(error) => panic!("{way:?}: {error}"),
            }
        }
    }

    async fn pessimistic(&self) -> sqlx::Result<bool> {
        let mut transaction = self.pool.begin().await?;
        let sql = "SELECT taken_by FROM bench_seat WHERE schedule_id = ? AND seat_no = ? FOR UPDATE";
        let row = sqlx::query(sql).bind(self.schedule).bind(self.seat).fetch_one(&mut *transaction).await?;
        if row.get::<Option<Vec<u8>>, _>(0).is_some() {
            transaction.rollback().await?;
            return Ok(false);
        }
        let sql = "UPDATE bench_seat SET taken_by = ? WHERE schedule_id = ? AND seat_no = ?";
        let update = sqlx::query(sql).bind(self.id()).bind(self.schedule).bind(self.seat);
        update.execute(&mut *transaction).await?;
        self.finish(transaction).await
    }

    async fn optimistic(&self) -> sqlx::Result<bool> {
        loop {
            let sql = "SELECT taken_by, version FROM bench_seat WHERE schedule_id = ? AND seat_no = ?";
            let row = sqlx::query(sql).bind(self.schedule).bind(self.seat).fetch_one(&self.pool).await?;
            if row.get::<Option<Vec<u8>>, _>(0).is_some() {
                return Ok(false);
            }
            let mut transaction = self.pool.begin().await?;
            let sql = "UPDATE bench_seat SET taken_by = ?, version = version + 1 \
                       WHERE schedule_id = ? AND seat_no = ? AND version = ?";
            let update = sqlx::query(sql).bind(self.id()).bind(self.schedule).bind(self.seat);
            let updated = update.bind(row.get::<i64, _>(1)).execute(&mut *transaction).await?;
            if updated.rows_affected() == 1 {
                return self.finish(transaction).await;
            }
            transaction.rollback().await?;
        }
    }

    async fn conditional(&self) -> sqlx::Result<bool> {
        let mut transaction = self.pool.begin().await?;
        let sql =
            "UPDATE bench_seat SET taken_by = ? WHERE schedule_id = ? AND seat_no = ? AND taken_by IS NULL";
        let update = sqlx::query(sql).bind(self.id()).bind(self.schedule).bind(self.seat);
        if update.execute(&mut *transaction).await?.rows_affected() == 1 {
            return self.finish(transaction).await;
        }
        transaction.rollback().await?;
        Ok(false)
    }

    async fn under_a_lock(&self) -> sqlx::Result<bool> {
        let mut redis = self.redis.clone();
        let name = format!("bench:{}:{}", self.schedule, self.seat);
        let mut set = redis::cmd("SET");
        set.arg(&name).arg(self.id().as_slice()).arg("NX").arg("PX").arg(LOCK_MS);
        let got: Option<String> = set.query_async(&mut redis).await.expect("Redis answers");
        if got.is_none() {
            return Ok(false);
        }
        let held = self.pessimistic().await;
        // Nothing here outlasts its lock, so nobody else can have it by now.
        let _: i64 = redis::cmd("DEL").arg(&name).query_async(&mut redis).await.expect("Redis answers");
        held
    }

    async fn unique_key(&self) -> sqlx::Result<bool> {
        let mut transaction = self.pool.begin().await?;
        let sql = "INSERT INTO bench_claim (schedule_id, seat_no, reservation_id) VALUES (?, ?, ?)";
        let insert = sqlx::query(sql).bind(self.schedule).bind(self.seat).bind(self.id());
        match insert.execute(&mut *transaction).await {
            Ok(_) => self.finish(transaction).await,
            Err(sqlx::Error::Database(error)) if error.is_unique_violation() => {
                transaction.rollback().await?;
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// Writes the reservation and its event, and commits.
    async fn finish(&self, mut transaction: Transaction<'_, MySql>) -> sqlx::Result<bool> {
        let sql =
            "INSERT INTO bench_reservation VALUES (?, ?, ?, ?, 50000, 1788260400000000, 0, 1788260700000000)";
        let insert = sqlx::query(sql).bind(self.id()).bind(self.id()).bind(self.schedule).bind(self.seat);
        insert.execute(&mut *transaction).await?;
        let sql = "INSERT INTO bench_outbox (event_key, schedule_id, body) VALUES (?, ?, ?)";
        let insert = sqlx::query(sql).bind(self.id()).bind(self.schedule).bind(BODY);
        insert.execute(&mut *transaction).await?;
        transaction.commit().await?;
        Ok(true)
    }

    fn id(&self) -> Vec<u8> {
        self.reservation.as_bytes().to_vec()
    }
}

fn is_to_be_tried_again(error: &sqlx::Error) -> bool {
    let error = error.as_database_error().and_then(|error| error.try_downcast_ref::<MySqlDatabaseError>());
    error.is_some_and(|error| TRY_AGAIN.contains(&error.number()))
}
