//! Queries about reservations and tickets.

use std::future::ready;
use std::sync::Arc;

use frontrow_application::store::{Admissions, Read, ReservationFilter, ReservationReads, StaffFilter};
use frontrow_domain::reservation::{Reservation, ReservationStatus};
use frontrow_domain::ticket::Ticket;
use frontrow_domain::{ConcertId, ReservationId, ScheduleId, TicketId, Timestamp, UserId};
use rusqlite::Connection;

use super::{all, bare, newest_first, one, rows, staff_list};
use crate::SqliteReads;
use crate::codec::{self, RESERVATION_COLUMNS, TICKET_COLUMNS};
use crate::load::select;

/// How many of a fan's reservations are read at once while looking for those that match a filter.
const BATCH: usize = 200;

impl ReservationReads for SqliteReads {
    fn reservation(&self, id: ReservationId) -> Read<'_, Option<Reservation>> {
        if let Some(kept) = self.live.read().reservations.get(&id) {
            return Box::pin(ready(Ok(Some(kept.value.0.clone()))));
        }
        self.point(move |connection| reservation(connection, id))
    }

    fn reservations_of(
        &self,
        user: UserId,
        filter: ReservationFilter,
        before: Option<ReservationId>,
        limit: usize,
        now: Timestamp,
    ) -> Read<'_, Vec<Reservation>> {
        let mut of_memory: Vec<Reservation> = {
            let state = self.live.read();
            let ids = state.of_fan.get(&user).into_iter().flatten();
            let kept = ids.filter_map(|id| state.reservations.get(id)).map(|kept| &kept.value.0);
            kept.filter(|kept| before.is_none_or(|before| kept.id < before)).cloned().collect()
        };
        self.scan(move |connection| {
            let transaction = connection.transaction()?;
            let mut found = Vec::new();
            let mut before = before;
            loop {
                let batch = newest(&transaction, user, before)?;
                let is_last = batch.len() < BATCH;
                before = batch.last().map(|reservation| reservation.id);
                // What is in memory and older than the batch comes with a later one.
                let of_batch =
                    of_memory.extract_if(.., |kept| is_last || before.is_none_or(|before| kept.id >= before));
                let batch = newest_first(of_batch.collect::<Vec<_>>(), batch, |reservation| reservation.id);
                found.extend(batch.into_iter().filter(|reservation| matches(reservation, filter, now)));
                if is_last || found.len() >= limit {
                    found.truncate(limit);
                    return Ok(found);
                }
            }
        })
    }

    fn has_pending(&self, user: UserId, concert: ConcertId, now: Timestamp) -> Read<'_, bool> {
        let (is_pending, known) = {
            let state = self.live.read();
            let ids = state.of_fan.get(&user).into_iter().flatten();
            let kept = ids.filter_map(|id| state.reservations.get(id)).map(|kept| &kept.value.0);
            let of_concert: Vec<_> = kept.filter(|kept| kept.concert == concert).collect();
            let is_pending = |kept: &&Reservation| kept.status(now) == ReservationStatus::Pending;
            let ids: Vec<_> = of_concert.iter().map(|kept| kept.id).collect();
            (of_concert.iter().any(is_pending), ids)
        };
        if is_pending {
            return Box::pin(ready(Ok(true)));
        }
        self.point(move |connection| {
            // By fan, who has few: the index over all holds that are pending would be the wrong one here.
            let sql = "SELECT reservation_id FROM reservation INDEXED BY reservation_by_fan \
                       WHERE user_id = ?1 AND concert_id = ?2 AND state = 0 AND state_at > ?3";
            let values = (user.bytes(), concert.get(), now.micros());
            let pending = all(connection, sql, values, |row| {
                Ok(ReservationId::new(uuid::Uuid::from_bytes(row.get(0)?)))
            })?;
            // What is in memory is not pending any more, whatever its row says.
            Ok(pending.iter().any(|id| !known.contains(id)))
        })
    }

    fn tickets(&self, reservation: ReservationId) -> Read<'_, Vec<Ticket>> {
        let of_memory: Vec<Ticket> = {
            let state = self.live.read();
            let ids = state.tickets_of.get(&reservation).into_iter().flatten();
            ids.filter_map(|id| state.tickets.get(id)).map(|kept| kept.value.0.clone()).collect()
        };
        self.point(move |connection| {
            let of_tables = tickets(connection, reservation)?;
            let mut found = newest_first(of_memory, of_tables, |ticket| ticket.seat);
            found.reverse();
            Ok(found)
        })
    }

    fn ticket(&self, id: TicketId) -> Read<'_, Option<Ticket>> {
        if let Some(kept) = self.live.read().tickets.get(&id) {
            return Box::pin(ready(Ok(Some(kept.value.0.clone()))));
        }
        self.point(move |connection| {
            let sql = select(TICKET_COLUMNS, "ticket WHERE ticket_id = ?1");
            one(connection, &sql, [id.bytes()], bare(codec::ticket))
        })
    }

    fn admissions(&self, schedule: ScheduleId) -> Read<'_, Admissions> {
        self.settled(move |connection| {
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
        self.settled(move |connection| {
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
        self.settled(move |connection| {
            let transaction = connection.transaction()?;
            staff_list::live_in(&transaction, schedule, after, limit)
        })
    }

    fn lapsed(&self, now: Timestamp, limit: usize) -> Read<'_, Vec<Reservation>> {
        let live = Arc::clone(&self.live);
        let of_memory: Vec<_> = {
            let state = live.read();
            let lapsed = state.pending.iter().take_while(|(until, _)| *until <= now);
            let lapsed = lapsed.filter_map(|(until, id)| Some((*until, state.reservations.get(id)?)));
            lapsed.take(limit).map(|(until, kept)| (until, kept.value.0.clone())).collect()
        };
        self.scan(move |connection| {
            let sql = select(
                RESERVATION_COLUMNS,
                "reservation WHERE state = 0 AND state_at <= ?1 ORDER BY state_at",
            );
            let mut statement = connection.prepare_cached(&sql)?;
            let mut rows = statement.query([now.micros()])?;
            let mut found = of_memory;
            let mut of_tables = 0;
            while of_tables < limit
                && let Some(row) = rows.next()?
            {
                let (reservation, _) = codec::reservation(row)?;
                // What memory has is above, or has not lapsed. The job looks again at what it is told.
                if !live.read().reservations.contains_key(&reservation.id) {
                    found.push((reservation.held_until(), reservation));
                    of_tables += 1;
                }
            }
            found.sort_by_key(|(until, _)| *until);
            found.truncate(limit);
            Ok(found.into_iter().map(|(_, reservation)| reservation).collect())
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
