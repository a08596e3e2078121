//! Queries about reservations and tickets.

use std::collections::HashMap;
use std::sync::Arc;

use frontrow_application::store::{Admissions, Read, ReservationFilter, ReservationReads, StaffFilter};
use frontrow_domain::reservation::{Reservation, ReservationStatus};
use frontrow_domain::ticket::Ticket;
use frontrow_domain::{ConcertId, ReservationId, ScheduleId, TicketId, Timestamp, UserId};

use super::{and_before, answer, limit, staff_list};
use crate::MysqlReads;
use crate::codec::{self, RESERVATION_COLUMNS, TICKET_COLUMNS};
use crate::load::select;
use crate::pool::Pool;
use crate::row::{Result, all, bare, first};
use crate::sql::{Value, fill, list, values};
use crate::together::Together;

/// How many of a fan's reservations are read at once while looking for those that match a filter.
const BATCH: usize = 200;

/// Look-ups by key that a rush brings by the hundred: a payment has one of each.
#[derive(Clone)]
pub(crate) struct LookUps {
    reservations: Arc<Together<ReservationId, Reservation>>,
    /// By reservation, in order of seat.
    tickets: Arc<Together<ReservationId, Vec<Ticket>>>,
    /// When the last of the holds of a fan in a concert ends that are stored as pending.
    last_holds: Arc<Together<(UserId, ConcertId), Timestamp>>,
}

impl LookUps {
    pub(crate) fn new(pool: &Arc<Pool>) -> Self {
        let [a, b, c] = [(); 3].map(|()| Arc::clone(pool));
        Self {
            reservations: Together::new(move |ids| reservations(Arc::clone(&a), ids)),
            tickets: Together::new(move |ids| tickets(Arc::clone(&b), ids)),
            last_holds: Together::new(move |fans| last_holds(Arc::clone(&c), fans)),
        }
    }
}

async fn reservations(
    pool: Arc<Pool>,
    ids: Vec<ReservationId>,
) -> Result<HashMap<ReservationId, Reservation>> {
    let from = format!("reservation WHERE reservation_id IN ({})", list(ids.iter().map(Value::from)));
    let found = all(&pool.rows(select(RESERVATION_COLUMNS, &from)).await?, bare(codec::reservation))?;
    Ok(found.into_iter().map(|one| (one.id, one)).collect())
}

async fn tickets(pool: Arc<Pool>, ids: Vec<ReservationId>) -> Result<HashMap<ReservationId, Vec<Ticket>>> {
    let from = format!(
        "ticket FORCE INDEX (ticket_by_reservation) WHERE reservation_id IN ({}) ORDER BY reservation_id, seat_no",
        list(ids.iter().map(Value::from))
    );
    let mut found: HashMap<ReservationId, Vec<Ticket>> = HashMap::new();
    for ticket in all(&pool.rows(select(TICKET_COLUMNS, &from)).await?, bare(codec::ticket))? {
        found.entry(ticket.reservation).or_default().push(ticket);
    }
    Ok(found)
}

async fn last_holds(
    pool: Arc<Pool>,
    fans: Vec<(UserId, ConcertId)>,
) -> Result<HashMap<(UserId, ConcertId), Timestamp>> {
    // By fan, who has few: the index over all holds that are pending would be the wrong one here.
    let sql = format!(
        "SELECT user_id, concert_id, state_at FROM reservation FORCE INDEX (reservation_by_fan) \
         WHERE state = 0 AND user_id IN ({})",
        list(fans.iter().map(|(user, _)| Value::from(user)))
    );
    let mut last = HashMap::new();
    let holds = all(&pool.rows(sql).await?, |row| {
        Ok(((codec::user(row, 0)?, ConcertId::new(row.get(1)?)), codec::time(row, 2)?))
    });
    for (fan, until) in holds? {
        let kept = last.entry(fan).or_insert(until);
        *kept = until.max(*kept);
    }
    Ok(last)
}

impl ReservationReads for MysqlReads {
    fn reservation(&self, id: ReservationId) -> Read<'_, Option<Reservation>> {
        Box::pin(self.lookups.reservations.ask(id))
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
        Box::pin(async move {
            let last = self.lookups.last_holds.ask((user, concert)).await?;
            Ok(last.is_some_and(|until| until > now))
        })
    }

    fn tickets(&self, reservation: ReservationId) -> Read<'_, Vec<Ticket>> {
        Box::pin(async move { Ok(self.lookups.tickets.ask(reservation).await?.unwrap_or_default()) })
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
