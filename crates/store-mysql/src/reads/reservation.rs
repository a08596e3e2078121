//! Queries about reservations and tickets.

use frontrow_application::store::{Admissions, Read, ReservationFilter, ReservationReads, StaffFilter};
use frontrow_domain::reservation::{Reservation, ReservationStatus};
use frontrow_domain::ticket::Ticket;
use frontrow_domain::{ConcertId, ReservationId, ScheduleId, TicketId, Timestamp, UserId};

use super::{and_before, answer, limit, staff_list};
use crate::MysqlReads;
use crate::codec::{self, RESERVATION_COLUMNS, TICKET_COLUMNS};
use crate::load::select;
use crate::row::{all, bare, first};
use crate::sql::{fill, values};

/// How many of a fan's reservations are read at once while looking for those that match a filter.
const BATCH: usize = 200;

impl ReservationReads for MysqlReads {
    fn reservation(&self, id: ReservationId) -> Read<'_, Option<Reservation>> {
        answer(async move {
            let from = select(RESERVATION_COLUMNS, "reservation WHERE reservation_id = ?");
            first(&self.rows(fill(&from, &values![&id])).await?, bare(codec::reservation))
        })
    }

    fn reservations_of(
        &self,
        user: UserId,
        filter: ReservationFilter,
        before: Option<ReservationId>,
        count: usize,
        now: Timestamp,
    ) -> Read<'_, Vec<Reservation>> {
        answer(async move {
            let mut link = self.snapshot().await?;
            let mut found = Vec::new();
            let mut before = before;
            loop {
                let rows = link.rows(newest(user, before)).await?;
                let batch = all(&rows, bare(codec::reservation))?;
                let is_last = batch.len() < BATCH;
                before = batch.last().map(|reservation| reservation.id);
                found.extend(batch.into_iter().filter(|reservation| matches(reservation, filter, now)));
                if is_last || found.len() >= count {
                    break;
                }
            }
            link.roll_back().await;
            found.truncate(count);
            Ok(found)
        })
    }

    fn has_pending(&self, user: UserId, concert: ConcertId, now: Timestamp) -> Read<'_, bool> {
        answer(async move {
            // By fan, who has few: the index over all holds that are pending would be the wrong one here.
            let template = "SELECT 1 FROM reservation FORCE INDEX (reservation_by_fan) \
                            WHERE user_id = ? AND concert_id = ? AND state = 0 AND state_at > ? LIMIT 1";
            Ok(!self.rows(fill(template, &values![&user, concert, now])).await?.is_empty())
        })
    }

    fn tickets(&self, reservation: ReservationId) -> Read<'_, Vec<Ticket>> {
        answer(async move {
            let from = select(TICKET_COLUMNS, "ticket WHERE reservation_id = ? ORDER BY seat_no");
            all(&self.rows(fill(&from, &values![&reservation])).await?, bare(codec::ticket))
        })
    }

    fn ticket(&self, id: TicketId) -> Read<'_, Option<Ticket>> {
        answer(async move {
            let from = select(TICKET_COLUMNS, "ticket WHERE ticket_id = ?");
            first(&self.rows(fill(&from, &values![&id])).await?, bare(codec::ticket))
        })
    }

    fn admissions(&self, schedule: ScheduleId) -> Read<'_, Admissions> {
        answer(async move {
            // Every sold seat has one ticket that is not void, and claims lie together by schedule.
            let template = "SELECT (SELECT COUNT(*) FROM ticket FORCE INDEX (ticket_by_schedule) \
                                    WHERE schedule_id = ? AND state = 1), \
                                   (SELECT COUNT(*) FROM claim WHERE schedule_id = ? AND kind = 1)";
            let rows = self.rows(fill(template, &values![schedule, schedule])).await?;
            let found = first(&rows, |row| Ok(Admissions { admitted: row.get(0)?, total: row.get(1)? }))?;
            Ok(found.unwrap_or_default())
        })
    }

    fn reservations(
        &self,
        filter: StaffFilter,
        before: Option<ReservationId>,
        count: usize,
        now: Timestamp,
    ) -> Read<'_, Vec<Reservation>> {
        answer(async move {
            let mut link = self.snapshot().await?;
            let found = staff_list::page(&mut link, filter, before, count, now).await?;
            link.roll_back().await;
            Ok(found)
        })
    }

    fn live_in(
        &self,
        schedule: ScheduleId,
        after: Option<ReservationId>,
        count: usize,
    ) -> Read<'_, Vec<Reservation>> {
        answer(async move {
            let mut link = self.snapshot().await?;
            let found = staff_list::live_in(&mut link, schedule, after, count).await?;
            link.roll_back().await;
            Ok(found)
        })
    }

    fn lapsed(&self, now: Timestamp, count: usize) -> Read<'_, Vec<Reservation>> {
        answer(async move {
            let from = "reservation FORCE INDEX (reservation_by_state) WHERE state = 0 AND state_at <= ? \
                        ORDER BY state_at, reservation_id LIMIT ?";
            let sql = fill(&select(RESERVATION_COLUMNS, from), &values![now, limit(count)]);
            all(&self.rows(sql).await?, bare(codec::reservation))
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
fn newest(user: UserId, before: Option<ReservationId>) -> String {
    let from = "reservation FORCE INDEX (reservation_by_fan) WHERE user_id = ?";
    let mut sql = fill(&select(RESERVATION_COLUMNS, from), &values![&user]);
    sql.push_str(&and_before("reservation_id", before.as_ref().map(ReservationId::bytes)));
    sql.push_str(&fill(" ORDER BY reservation_id DESC LIMIT ?", &values![limit(BATCH)]));
    sql
}
