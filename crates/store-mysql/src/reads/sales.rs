//! Queries about what was sold.
//!
//! Of a schedule they read `payment_by_schedule`, and over all of them `payment_by_time`; each has every column that they
//! need, in order of time: no query touches more of the payments than what was paid in its own window. What is taken is
//! counted over all claims that there are.

use frontrow_application::store::{MinuteSales, Read, SalesReads, Takings};
use frontrow_domain::{ConcertId, ScheduleId, Timestamp};

use super::{answer, limit};
use crate::MysqlReads;
use crate::codec;
use crate::row::{all, first};
use crate::sql::{fill, values};

const MINUTE_MICROS: i64 = 60_000_000;

const TAKINGS: &str = "SELECT COALESCE((SELECT SUM(amount) FROM payment FORCE INDEX (payment_by_schedule) \
                              WHERE schedule_id = ? AND state = 0), 0), \
                             COALESCE(SUM(returned), 0), COALESCE(SUM(fee), 0) \
                       FROM refund FORCE INDEX (refund_by_schedule) WHERE schedule_id = ?";
const BY_MINUTE: &str = "SELECT at DIV 60000000 AS minute, SUM(seats), SUM(amount) \
     FROM payment FORCE INDEX (payment_by_schedule) \
     WHERE schedule_id = ? AND state = 0 AND at >= ? GROUP BY minute ORDER BY minute";
// What was paid since then, less what of it went back, and only then whose it is: the catalogue may be far larger than what
// is sold of it. STRAIGHT_JOIN keeps that order of the tables.
const BEST_SELLING: &str = "SELECT concert.concert_id, CAST(SUM(part.seats) AS SIGNED) AS sold FROM ( \
         SELECT schedule_id, SUM(seats) AS seats FROM payment FORCE INDEX (payment_by_time) \
         WHERE state = 0 AND at >= ? GROUP BY schedule_id \
         UNION ALL \
         SELECT payment.schedule_id, -SUM(payment.seats) FROM refund \
         STRAIGHT_JOIN payment ON payment.payment_id = refund.payment_id \
         WHERE payment.state = 0 AND payment.at >= ? GROUP BY payment.schedule_id \
     ) AS part \
     STRAIGHT_JOIN schedule ON schedule.schedule_id = part.schedule_id \
     STRAIGHT_JOIN concert ON concert.concert_id = schedule.concert_id \
     WHERE concert.published = 1 \
     GROUP BY concert.concert_id HAVING sold > 0 ORDER BY sold DESC, concert.concert_id LIMIT ?";
const TAKEN: &str = "SELECT taken.schedule_id, taken.seats FROM ( \
         SELECT schedule_id, CAST(SUM(kind IN (1, 2)) AS SIGNED) AS seats, SUM(kind = 1) AS sold \
         FROM claim FORCE INDEX (PRIMARY) GROUP BY schedule_id HAVING sold > 0 \
     ) AS taken \
     STRAIGHT_JOIN schedule ON schedule.schedule_id = taken.schedule_id \
     STRAIGHT_JOIN concert ON concert.concert_id = schedule.concert_id \
     WHERE concert.published = 1 ORDER BY taken.schedule_id";
const LAST_SALE: &str = "SELECT at FROM payment FORCE INDEX (payment_by_schedule) \
     WHERE schedule_id = ? AND state = 0 \
         AND NOT EXISTS (SELECT 1 FROM refund WHERE refund.payment_id = payment.payment_id) \
     ORDER BY at DESC LIMIT 1";

impl SalesReads for MysqlReads {
    fn takings(&self, schedule: ScheduleId) -> Read<'_, Takings> {
        answer(async move {
            let rows = self.rows(fill(TAKINGS, &values![schedule, schedule])).await?;
            let found = first(&rows, |row| {
                let (gross, refunded) = (codec::money(row, 0)?, codec::money(row, 1)?);
                Ok(Takings { gross, refunded, fees: codec::money(row, 2)? })
            })?;
            Ok(found.unwrap_or_default())
        })
    }

    fn sales_by_minute(&self, schedule: ScheduleId, since: Timestamp) -> Read<'_, Vec<MinuteSales>> {
        answer(async move {
            let minute = since.micros().saturating_add(MINUTE_MICROS - 1).div_euclid(MINUTE_MICROS);
            let since = minute.saturating_mul(MINUTE_MICROS);
            let rows = self.rows(fill(BY_MINUTE, &values![schedule, since])).await?;
            all(&rows, |row| {
                let at = Timestamp::from_micros(row.get::<i64>(0)? * MINUTE_MICROS);
                Ok(MinuteSales { at, seats: row.get(1)?, revenue: codec::money(row, 2)? })
            })
        })
    }

    fn best_selling(&self, since: Option<Timestamp>, count: usize) -> Read<'_, Vec<(ConcertId, u64)>> {
        answer(async move {
            let since = since.map_or(-i64::MAX, Timestamp::micros);
            let rows = self.rows(fill(BEST_SELLING, &values![since, since, limit(count)])).await?;
            all(&rows, |row| Ok((ConcertId::new(row.get(0)?), row.get(1)?)))
        })
    }

    fn taken_by_schedule(&self) -> Read<'_, Vec<(ScheduleId, u32)>> {
        answer(async move {
            let rows = self.rows(TAKEN.to_owned()).await?;
            all(&rows, |row| Ok((ScheduleId::new(row.get(0)?), row.get(1)?)))
        })
    }

    fn last_sale(&self, schedule: ScheduleId) -> Read<'_, Option<Timestamp>> {
        answer(async move {
            let rows = self.rows(fill(LAST_SALE, &values![schedule])).await?;
            first(&rows, |row| codec::time(row, 0))
        })
    }
}
