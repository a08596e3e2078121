//! Queries for the audit: each in a read transaction of its own, whose time is read once it stands.
//!
//! The first of each kind waits until everything that was committed before is in the tables. Those after it take the tables
//! as they are, which are what the store was after some group: an audit beside a sale must not have it fold all the time.

use std::sync::Arc;

use frontrow_application::audit::{
    AuditReads, DrawSlice, ReservationFacts, ReservationSlice, ScheduleSlice, WalletFacts,
};
use frontrow_application::store::Read;
use frontrow_domain::catalog::SeatPlan;
use frontrow_domain::payment::Payment;
use frontrow_domain::reservation::Reservation;
use frontrow_domain::wallet::Wallet;
use frontrow_domain::{ConcertId, ReservationId, ScheduleId, SeatNo, Timestamp, UserId};
use rusqlite::{Connection, Result};

use super::reservation::{reservation, tickets};
use super::{all, bare, one, rows};
use crate::SqliteReads;
use crate::codec::catalog::SCHEDULE_COLUMNS;
use crate::codec::{
    self, ENTRY_COLUMNS, PAYMENT_COLUMNS, REFUND_COLUMNS, RESERVATION_COLUMNS, WALLET_COLUMNS,
};
use crate::load::select;

impl AuditReads for SqliteReads {
    fn audit_schedule(&self, after: Option<ScheduleId>) -> Read<'_, Option<ScheduleSlice>> {
        let plans = Arc::clone(&self.plans);
        let clock = Arc::clone(&self.clock);
        self.slice(after.is_none(), move |connection| {
            let transaction = connection.transaction()?;
            let sql = select(
                SCHEDULE_COLUMNS,
                "schedule WHERE ?1 IS NULL OR schedule_id > ?1 ORDER BY schedule_id LIMIT 1",
            );
            let after = after.map(ScheduleId::get);
            let read = bare(|row| plans.schedule(&transaction, row));
            let Some(schedule) = one(&transaction, &sql, [after], read)? else { return Ok(None) };
            let now = clock.now().max(schedule.decided_at);
            let sql = "SELECT seat_no, kind, reservation_id, user_id, until FROM claim \
                       WHERE schedule_id = ?1 ORDER BY seat_no";
            let claims = all(&transaction, sql, [schedule.id.get()], |row| {
                Ok((SeatNo::new(row.get(0)?), codec::claim(row, 1)?))
            })?;
            let claims = claims
                .into_iter()
                .map(|(seat, claim)| {
                    let holder = claim.reservation().map(|id| reservation(&transaction, id)).transpose()?;
                    Ok((seat, claim, holder.flatten()))
                })
                .collect::<Result<_>>()?;
            Ok(Some(ScheduleSlice { id: schedule.id, seats: SeatPlan::size(&schedule.plan), claims, now }))
        })
    }

    fn audit_reservations(&self, after: Option<ReservationId>, limit: usize) -> Read<'_, ReservationSlice> {
        let clock = Arc::clone(&self.clock);
        self.slice(after.is_none(), move |connection| {
            let transaction = connection.transaction()?;
            let sql = select(
                RESERVATION_COLUMNS,
                "reservation WHERE ?1 IS NULL OR reservation_id > ?1 ORDER BY reservation_id LIMIT ?2",
            );
            let after = after.as_ref().map(ReservationId::bytes);
            let found = all(&transaction, &sql, (after, rows(limit)), bare(codec::reservation))?;
            let now = clock.now().max(latest_decision(&transaction, &found)?);
            let facts = found.into_iter().map(|found| facts(&transaction, found)).collect::<Result<_>>()?;
            Ok(ReservationSlice { facts, now })
        })
    }

    fn audit_wallets(&self, after: Option<UserId>, limit: usize) -> Read<'_, Vec<WalletFacts>> {
        self.slice(after.is_none(), move |connection| {
            let transaction = connection.transaction()?;
            let sql =
                select(WALLET_COLUMNS, "wallet WHERE ?1 IS NULL OR user_id > ?1 ORDER BY user_id LIMIT ?2");
            let after = after.as_ref().map(UserId::bytes);
            let found = all(&transaction, &sql, (after, rows(limit)), bare(codec::wallet))?;
            found.into_iter().map(|wallet| wallet_facts(&transaction, wallet)).collect()
        })
    }

    // Of tables that are written to at once: nothing of it waits in the journal.
    fn audit_draw(&self, after: Option<ConcertId>) -> Read<'_, Option<DrawSlice>> {
        self.scan(move |connection| {
            let transaction = connection.transaction()?;
            let sql = "SELECT concert_id, room_draw_listed FROM concert WHERE (?1 IS NULL OR concert_id > ?1) \
                       AND room_draw_seed IS NOT NULL ORDER BY concert_id LIMIT 1";
            let next =
                one(&transaction, sql, [after.map(ConcertId::get)], |row| Ok((row.get(0)?, row.get(1)?)))?;
            let Some((concert, listed)) = next else { return Ok(None) };
            let sql = "SELECT first, length(entries) / 16 FROM draw_part WHERE concert_id = ?1 ORDER BY first";
            let parts = all(&transaction, sql, [concert], |row| Ok((row.get(0)?, row.get(1)?)))?;
            Ok(Some(DrawSlice { concert: ConcertId::new(concert), listed, parts }))
        })
    }
}

impl SqliteReads {
    fn slice<T: Send + 'static>(
        &self,
        is_first: bool,
        query: impl FnOnce(&mut Connection) -> Result<T> + Send + 'static,
    ) -> Read<'_, T> {
        if is_first { self.settled(query) } else { self.scan(query) }
    }
}

/// The latest time at which anything was decided over the schedules of these reservations. The clock may have gone
/// back since, over a restart; a decision that is seen has happened all the same.
fn latest_decision(connection: &Connection, found: &[Reservation]) -> Result<Timestamp> {
    let mut schedules: Vec<ScheduleId> = found.iter().map(|reservation| reservation.schedule).collect();
    schedules.sort_unstable();
    schedules.dedup();
    let mut latest = Timestamp::ZERO;
    for schedule in schedules {
        let sql = "SELECT decided_at FROM schedule WHERE schedule_id = ?1";
        let decided_at = one(connection, sql, [schedule.get()], |row| codec::time(row, 0))?;
        latest = latest.max(decided_at.unwrap_or(Timestamp::ZERO));
    }
    Ok(latest)
}

fn facts(connection: &Connection, found: Reservation) -> Result<ReservationFacts> {
    let sql =
        "SELECT kind, reservation_id, user_id, until FROM claim WHERE schedule_id = ?1 AND seat_no = ?2";
    let claims = found
        .seats
        .iter()
        .map(|&seat| {
            let values = (found.schedule.get(), seat.get());
            Ok((seat, one(connection, sql, values, |row| codec::claim(row, 0))?))
        })
        .collect::<Result<_>>()?;
    let sql = select(PAYMENT_COLUMNS, "payment WHERE reservation_id = ?1 AND state = 0");
    let payments = all(connection, &sql, [found.id.bytes()], codec::payment)?;
    let sql = select(REFUND_COLUMNS, "refund WHERE reservation_id = ?1");
    let refunds = all(connection, &sql, [found.id.bytes()], |row| codec::refund(row, 0))?;
    let tickets = tickets(connection, found.id)?;
    Ok(ReservationFacts { reservation: found, claims, payments, refunds, tickets })
}

fn wallet_facts(connection: &Connection, wallet: Wallet) -> Result<WalletFacts> {
    let sql = select(ENTRY_COLUMNS, "ledger WHERE user_id = ?1 ORDER BY number");
    let entries = all(connection, &sql, [wallet.user.bytes()], codec::entry)?;
    let sql = select(PAYMENT_COLUMNS, "payment WHERE user_id = ?1 AND state = 0 ORDER BY payment_id");
    let completed: Vec<Payment> = all(connection, &sql, [wallet.user.bytes()], codec::payment)?;
    let payments = completed
        .into_iter()
        .map(|payment| {
            let found = reservation(connection, payment.reservation)?;
            Ok((payment, found))
        })
        .collect::<Result<_>>()?;
    let sql = select(REFUND_COLUMNS, "refund WHERE user_id = ?1 ORDER BY payment_id");
    let refunds = all(connection, &sql, [wallet.user.bytes()], |row| codec::refund(row, 0))?;
    Ok(WalletFacts { wallet, entries, payments, refunds })
}
