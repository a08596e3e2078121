//! Queries about what was sold.
//!
//! They read `payment_by_schedule`, which has every column that they need, a schedule at a time and in order of time
//! within it: no query touches more than what was paid in its own window.

use frontrow_application::store::{MinuteSales, Read, SalesReads, Takings};
use frontrow_domain::{ConcertId, ScheduleId, Timestamp};

use super::{all, one, rows};
use crate::SqliteReads;
use crate::codec;

const MINUTE_MICROS: i64 = 60_000_000;

const TAKINGS: &str = "SELECT coalesce((SELECT sum(amount) FROM payment INDEXED BY payment_by_schedule \
                              WHERE schedule_id = ?1 AND state = 0), 0), \
                             coalesce(sum(returned), 0), coalesce(sum(fee), 0) \
                       FROM refund INDEXED BY refund_by_schedule WHERE schedule_id = ?1";
const BY_MINUTE: &str = "SELECT at / ?3 AS minute, sum(seats), sum(amount) \
     FROM payment INDEXED BY payment_by_schedule \
     WHERE schedule_id = ?1 AND state = 0 AND at >= ?2 GROUP BY minute ORDER BY minute";
// CROSS JOIN keeps the order of the tables: a schedule at a time, each from where its window begins.
const BEST_SELLING: &str = "SELECT concert.concert_id, sum(payment.seats) AS sold \
     FROM concert \
     CROSS JOIN schedule INDEXED BY schedule_by_concert ON schedule.concert_id = concert.concert_id \
     CROSS JOIN payment INDEXED BY payment_by_schedule \
         ON payment.schedule_id = schedule.schedule_id AND payment.state = 0 AND payment.at >= ?1 \
     WHERE concert.published = 1 \
         AND NOT EXISTS (SELECT 1 FROM refund WHERE refund.payment_id = payment.payment_id) \
     GROUP BY concert.concert_id HAVING sold > 0 ORDER BY sold DESC, concert.concert_id LIMIT ?2";
const TAKEN: &str = "SELECT claim.schedule_id, count(*) FILTER (WHERE kind IN (1, 2)) \
     FROM concert \
     CROSS JOIN schedule INDEXED BY schedule_by_concert ON schedule.concert_id = concert.concert_id \
     CROSS JOIN claim ON claim.schedule_id = schedule.schedule_id \
     WHERE concert.published = 1 \
     GROUP BY claim.schedule_id HAVING count(*) FILTER (WHERE kind = 1) > 0 ORDER BY claim.schedule_id";
const LAST_SALE: &str = "SELECT at FROM payment INDEXED BY payment_by_schedule \
     WHERE schedule_id = ?1 AND state = 0 \
         AND NOT EXISTS (SELECT 1 FROM refund WHERE refund.payment_id = payment.payment_id) \
     ORDER BY at DESC LIMIT 1";

impl SalesReads for SqliteReads {
    fn takings(&self, schedule: ScheduleId) -> Read<'_, Takings> {
        self.settled(move |connection| {
            connection.prepare_cached(TAKINGS)?.query_row([schedule.get()], |row| {
                let (gross, refunded) = (codec::money(row, 0)?, codec::money(row, 1)?);
                Ok(Takings { gross, refunded, fees: codec::money(row, 2)? })
            })
        })
    }

    fn sales_by_minute(&self, schedule: ScheduleId, since: Timestamp) -> Read<'_, Vec<MinuteSales>> {
        self.settled(move |connection| {
            let minute = since.micros().saturating_add(MINUTE_MICROS - 1).div_euclid(MINUTE_MICROS);
            let since = minute.saturating_mul(MINUTE_MICROS);
            all(connection, BY_MINUTE, (schedule.get(), since, MINUTE_MICROS), |row| {
                let at = Timestamp::from_micros(row.get::<_, i64>(0)? * MINUTE_MICROS);
                Ok(MinuteSales { at, seats: row.get(1)?, revenue: codec::money(row, 2)? })
            })
        })
    }

    fn best_selling(&self, since: Option<Timestamp>, limit: usize) -> Read<'_, Vec<(ConcertId, u64)>> {
        self.settled(move |connection| {
            let since = since.map_or(i64::MIN, Timestamp::micros);
            all(connection, BEST_SELLING, (since, rows(limit)), |row| {
                Ok((ConcertId::new(row.get(0)?), row.get(1)?))
            })
        })
    }

    fn taken_by_schedule(&self) -> Read<'_, Vec<(ScheduleId, u32)>> {
        self.settled(|connection| {
            all(connection, TAKEN, [], |row| Ok((ScheduleId::new(row.get(0)?), row.get(1)?)))
        })
    }

    fn last_sale(&self, schedule: ScheduleId) -> Read<'_, Option<Timestamp>> {
        self.settled(move |connection| {
            one(connection, LAST_SALE, [schedule.get()], |row| codec::time(row, 0))
        })
    }
}

#[cfg(test)]
mod tests;
