//! Queries about reservations and tickets.

use frontrow_application::store::{Admissions, Read, ReservationFilter, ReservationReads, StaffFilter};
use frontrow_domain::reservation::{Reservation, ReservationStatus};
use frontrow_domain::ticket::Ticket;
use frontrow_domain::{ConcertId, ReservationId, ScheduleId, TicketId, Timestamp, UserId};
use rusqlite::Connection;

use super::{all, bare, one, rows, staff_list};
use crate::SqliteReads;
use crate::codec::{self, RESERVATION_COLUMNS, TICKET_COLUMNS};
use crate::load::select;

/// How many of a fan's reservations are read at once while looking for those that match a filter.
const BATCH: usize = 200;

impl ReservationReads for SqliteReads {
    fn reservation(&self, id: ReservationId) -> Read<'_, Option<Reservation>> {
        self.point(|connection| reservation(connection, id))
    }

    fn reservations_of(
        &self,
        user: UserId,
        filter: ReservationFilter,
        before: Option<ReservationId>,
        limit: usize,
        now: Timestamp,
    ) -> Read<'_, Vec<Reservation>> {
        self.scan(move |connection| {
            let transaction = connection.transaction()?;
            let mut found = Vec::new();
            let mut before = before;
            loop {
                let batch = newest(&transaction, user, before)?;
                let is_last = batch.len() < BATCH;
                before = batch.last().map(|reservation| reservation.id);
                found.extend(batch.into_iter().filter(|reservation| matches(reservation, filter, now)));
                if is_last || found.len() >= limit {
                    found.truncate(limit);
                    return Ok(found);
                }
            }
        })
    }

    fn has_pending(&self, user: UserId, concert: ConcertId, now: Timestamp) -> Read<'_, bool> {
        self.point(move |connection| {
            // By fan, who has few: the index over all holds that are pending would be the wrong one here.
            let sql = "SELECT 1 FROM reservation INDEXED BY reservation_by_fan \
                       WHERE user_id = ?1 AND concert_id = ?2 AND state = 0 AND state_at > ?3 LIMIT 1";
            let values = (user.bytes(), concert.get(), now.micros());
            one(connection, sql, values, |_| Ok(())).map(|found| found.is_some())
        })
    }

    fn tickets(&self, reservation: ReservationId) -> Read<'_, Vec<Ticket>> {
        self.point(|connection| tickets(connection, reservation))
    }

    fn ticket(&self, id: TicketId) -> Read<'_, Option<Ticket>> {
        self.point(|connection| {
            let sql = select(TICKET_COLUMNS, "ticket WHERE ticket_id = ?1");
            one(connection, &sql, [id.bytes()], bare(codec::ticket))
        })
    }

    fn admissions(&self, schedule: ScheduleId) -> Read<'_, Admissions> {
        self.scan(move |connection| {
            // Every sold seat has one ticket that is not void, and claims lie together by schedule.
            let sql = "SELECT (SELECT count(*) FROM ticket INDEXED BY ticket_used \
                               WHERE schedule_id = ?1 AND state = 1), \
                              (SELECT count(*) FROM claim WHERE schedule_id = ?1 AND kind = 1)";
            connection.prepare_cached(sql)?.query_row([schedule.get()], |row| {
                Ok(Admissions { admitted: row.get(0)?, total: row.get(1)? })
            })
        })
    }

    fn reservations(
        &self,
        filter: StaffFilter,
        before: Option<ReservationId>,
        limit: usize,
        now: Timestamp,
    ) -> Read<'_, Vec<Reservation>> {
        self.scan(move |connection| {
            let transaction = connection.transaction()?;
            staff_list::page(&transaction, filter, before, limit, now)
        })
    }

    fn live_in(
        &self,
        schedule: ScheduleId,
        after: Option<ReservationId>,
        limit: usize,
    ) -> Read<'_, Vec<Reservation>> {
        self.scan(move |connection| {
            let transaction = connection.transaction()?;
            staff_list::live_in(&transaction, schedule, after, limit)
        })
    }

    fn lapsed(&self, now: Timestamp, limit: usize) -> Read<'_, Vec<Reservation>> {
        self.scan(move |connection| {
            let sql = select(
                RESERVATION_COLUMNS,
                "reservation WHERE state = 0 AND state_at <= ?1 ORDER BY state_at LIMIT ?2",
            );
            all(connection, &sql, (now.micros(), rows(limit)), bare(codec::reservation))
        })
    }
}

fn matches(reservation: &Reservation, filter: ReservationFilter, now: Timestamp) -> bool {
    let status: Option<ReservationStatus> = filter.status;
    status.is_none_or(|status| reservation.status(now) == status)
        && filter.concert.is_none_or(|concert| reservation.concert == concert)
}

/// A fan's newest reservations before the one given. The index is by schedule within the fan, so all of the
/// fan's entries are sorted; a fan has few.
fn newest(
    connection: &Connection,
    user: UserId,
    before: Option<ReservationId>,
) -> rusqlite::Result<Vec<Reservation>> {
    let sql = select(
        RESERVATION_COLUMNS,
        "reservation WHERE user_id = ?1 AND (?2 IS NULL OR reservation_id < ?2) \
         ORDER BY reservation_id DESC LIMIT ?3",
    );
    let before = before.as_ref().map(ReservationId::bytes);
    all(connection, &sql, (user.bytes(), before, rows(BATCH)), bare(codec::reservation))
}

pub(super) fn reservation(
    connection: &Connection,
    id: ReservationId,
) -> rusqlite::Result<Option<Reservation>> {
    let sql = select(RESERVATION_COLUMNS, "reservation WHERE reservation_id = ?1");
    one(connection, &sql, [id.bytes()], bare(codec::reservation))
}

pub(super) fn tickets(connection: &Connection, id: ReservationId) -> rusqlite::Result<Vec<Ticket>> {
    let sql = select(TICKET_COLUMNS, "ticket WHERE reservation_id = ?1 ORDER BY seat_no");
    all(connection, &sql, [id.bytes()], bare(codec::ticket))
}
