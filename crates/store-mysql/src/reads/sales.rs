//! Queries about what was sold.
//!
//! They read `payment_by_schedule`, which has every column that they need, a schedule at a time and in order of time
//! within it: no query touches more than what was paid in its own window.

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
// STRAIGHT_JOIN keeps the order of the tables: a schedule at a time, each from where its window begins. Refunds are joined,
// because MariaDB would read all of them first for a NOT EXISTS.
const BEST_SELLING: &str = "SELECT concert.concert_id, SUM(payment.seats) AS sold \
     FROM concert \
     STRAIGHT_JOIN schedule FORCE INDEX (schedule_by_concert) ON schedule.concert_id = concert.concert_id \
     STRAIGHT_JOIN payment FORCE INDEX (payment_by_schedule) \
         ON payment.schedule_id = schedule.schedule_id AND payment.state = 0 AND payment.at >= ? \
     LEFT JOIN refund ON refund.payment_id = payment.payment_id \
     WHERE concert.published = 1 AND refund.payment_id IS NULL \
     GROUP BY concert.concert_id HAVING sold > 0 ORDER BY sold DESC, concert.concert_id LIMIT ?";
const TAKEN: &str = "SELECT claim.schedule_id, CAST(SUM(kind IN (1, 2)) AS SIGNED) \
     FROM concert \
     STRAIGHT_JOIN schedule FORCE INDEX (schedule_by_concert) ON schedule.concert_id = concert.concert_id \
     STRAIGHT_JOIN claim ON claim.schedule_id = schedule.schedule_id \
     WHERE concert.published = 1 \
     GROUP BY claim.schedule_id HAVING SUM(kind = 1) > 0 ORDER BY claim.schedule_id";
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
            let rows = self.rows(fill(BEST_SELLING, &values![since, limit(count)])).await?;
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
