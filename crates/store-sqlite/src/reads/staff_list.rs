//! What staff lists of all reservations, quick among a million of them.
//!
//! A page is put together from runs: entries of an index that have a beginning in common and come in order of id. Each
//! run gives only ids that are newer than the oldest one found so far, once the page is full, so a run with nothing for
//! the page costs one look into its index. The rows are read at the end, only those of the page.
//!
//! | asked for | runs |
//! |---|---|
//! | a seat | the one reservation that has the claim |
//! | a fan | the fan's own, who has few |
//! | a schedule, a concert | one for each schedule and state |
//! | a status alone | the same over all schedules that have reservations |
//! | nothing | all reservations |

use frontrow_application::store::StaffFilter;
use frontrow_domain::reservation::{Reservation, ReservationStatus};
use frontrow_domain::{ConcertId, ReservationId, ScheduleId, SeatNo, Timestamp, UserId};
use rusqlite::{Connection, OptionalExtension, Params, Result};

use super::reservation::reservation;
use super::{AFTER_ALL, all, bare, one, rows};
use crate::codec::reservation_state::{ALL, CANCELLED, CONFIRMED, EXPIRED, PENDING, REFUNDED};
use crate::codec::{self, RESERVATION_COLUMNS};
use crate::load::select;

/// The bytes of a reservation's id. Their order is that of ids.
type Id = [u8; 16];

const OF_STATE: &str = "SELECT reservation_id FROM reservation INDEXED BY reservation_by_schedule \
     WHERE schedule_id = ?1 AND state = ?2 AND reservation_id > ?3 AND reservation_id < ?4 \
     ORDER BY reservation_id DESC LIMIT ?5";
const HELD: &str = "SELECT reservation_id FROM reservation INDEXED BY reservation_by_schedule \
     WHERE schedule_id = ?1 AND state = ?2 AND reservation_id > ?3 AND reservation_id < ?4 AND state_at > ?6 \
     ORDER BY reservation_id DESC LIMIT ?5";
/// Holds that have ended and that nobody has noted: the job keeps them few, so they are looked through.
const LAPSED: &str = "SELECT reservation_id FROM reservation INDEXED BY reservation_pending \
     WHERE state = 0 AND state_at <= ?1 AND (?2 IS NULL OR schedule_id = ?2) AND (?3 IS NULL OR concert_id = ?3) \
     AND reservation_id > ?4 AND reservation_id < ?5 ORDER BY reservation_id DESC LIMIT ?6";
const OF_FAN: &str = "SELECT reservation_id FROM reservation INDEXED BY reservation_by_fan \
     WHERE user_id = ?1 AND reservation_id < ?2 ORDER BY reservation_id DESC";
const OF_FAN_IN_SCHEDULE: &str = "SELECT reservation_id FROM reservation INDEXED BY reservation_by_fan \
     WHERE user_id = ?1 AND schedule_id = ?3 AND reservation_id < ?2 ORDER BY reservation_id DESC";
/// Pending ones past their end count as expired.
const IS_MEANT: &str = "SELECT 1 FROM reservation WHERE reservation_id = ?1 AND (?2 IS NULL OR concert_id = ?2) \
     AND (?3 IS NULL OR CASE WHEN state = 0 AND state_at <= ?4 THEN 3 ELSE state END = ?3)";
const LIVE: &str = "SELECT reservation_id FROM reservation INDEXED BY reservation_by_schedule \
     WHERE schedule_id = ?1 AND state = ?2 AND reservation_id > ?3 ORDER BY reservation_id LIMIT ?4";
const NEXT_SCHEDULE: &str =
    "SELECT min(schedule_id) FROM reservation INDEXED BY reservation_by_schedule WHERE schedule_id > ?1";

/// A page of what staff asks for.
pub(super) fn page(
    connection: &Connection,
    filter: StaffFilter,
    before: Option<ReservationId>,
    limit: usize,
    now: Timestamp,
) -> Result<Vec<Reservation>> {
    if let Some(seat) = filter.seat {
        let found = holder(connection, filter.schedule, seat)?;
        let found = found.filter(|found| before.is_none_or(|before| found.id < before));
        return Ok(found.into_iter().filter(|found| matches(found, &filter, now)).take(limit).collect());
    }
    if let Some(user) = filter.user {
        return of_fan(connection, user, &filter, before, limit, now);
    }
    let schedules = match (filter.schedule, filter.concert) {
        (Some(schedule), None) => vec![schedule],
        (Some(schedule), Some(concert)) => {
            let all = schedules_of(connection, concert)?;
            all.into_iter().filter(|one| *one == schedule).collect()
        }
        (None, Some(concert)) => schedules_of(connection, concert)?,
        (None, None) if filter.status.is_some() => schedules_with_reservations(connection)?,
        (None, None) => return newest(connection, before, limit),
    };
    let mut newest = Newest::new(before, limit);
    for &schedule in &schedules {
        newest.add_runs(connection, schedule, filter.status, now)?;
    }
    if filter.status == Some(ReservationStatus::Expired) && !schedules.is_empty() {
        let schedule = filter.schedule.map(ScheduleId::get);
        let concert = filter.concert.map(ConcertId::get);
        let values = (now.micros(), schedule, concert, newest.after(), newest.before(), rows(limit));
        newest.add(ids(connection, LAPSED, values)?);
    }
    newest.found.iter().map(|id| there(connection, *id)).collect()
}

/// Reservations of a schedule that are stored as pending or confirmed, in order of id.
pub(super) fn live_in(
    connection: &Connection,
    schedule: ScheduleId,
    after: Option<ReservationId>,
    limit: usize,
) -> Result<Vec<Reservation>> {
    let after = after.as_ref().map_or(&[][..], |after| after.bytes());
    let mut found = Vec::new();
    for state in [PENDING, CONFIRMED] {
        found.extend(ids(connection, LIVE, (schedule.get(), state, after, rows(limit)))?);
    }
    found.sort_unstable();
    found.truncate(limit);
    found.into_iter().map(|id| there(connection, id)).collect()
}

/// The newest ids found so far, as many as a page has.
struct Newest {
    before: Option<ReservationId>,
    limit: usize,
    /// Newest first.
    found: Vec<Id>,
}

impl Newest {
    const fn new(before: Option<ReservationId>, limit: usize) -> Self {
        Self { before, limit, found: Vec::new() }
    }

    /// Where the page begins.
    fn before(&self) -> Vec<u8> {
        self.before.as_ref().map_or(&AFTER_ALL[..], |before| before.bytes()).to_vec()
    }

    /// What is older than this has no place on the page.
    fn after(&self) -> Vec<u8> {
        let is_full = self.found.len() >= self.limit;
        self.found.last().filter(|_| is_full).map_or_else(Vec::new, |last| last.to_vec())
    }

    fn add(&mut self, ids: Vec<Id>) {
        if ids.is_empty() {
            return;
        }
        self.found.extend(ids);
        self.found.sort_unstable_by(|a, b| b.cmp(a));
        self.found.truncate(self.limit);
    }

    /// Adds what a schedule has of a status. Of lapsed holds that nobody has noted, only what is asked for without one.
    fn add_runs(
        &mut self,
        connection: &Connection,
        schedule: ScheduleId,
        status: Option<ReservationStatus>,
        now: Timestamp,
    ) -> Result<()> {
        let asked = status.map_or_else(|| ALL.to_vec(), |status| vec![state_of(status)]);
        for state in asked {
            let (schedule, limit) = (schedule.get(), rows(self.limit));
            let (after, before) = (self.after(), self.before());
            let found = if status == Some(ReservationStatus::Pending) {
                ids(connection, HELD, (schedule, state, after, before, limit, now.micros()))?
            } else {
                ids(connection, OF_STATE, (schedule, state, after, before, limit))?
            };
            self.add(found);
        }
        Ok(())
    }
}

fn ids(connection: &Connection, sql: &str, values: impl Params) -> Result<Vec<Id>> {
    all(connection, sql, values, |row| row.get(0))
}

/// A reservation that the same snapshot has just named.
fn there(connection: &Connection, id: Id) -> Result<Reservation> {
    let id = ReservationId::new(uuid::Uuid::from_bytes(id));
    reservation(connection, id)?.ok_or(rusqlite::Error::QueryReturnedNoRows)
}

fn matches(found: &Reservation, filter: &StaffFilter, now: Timestamp) -> bool {
    filter.user.is_none_or(|user| found.user == user)
        && filter.schedule.is_none_or(|schedule| found.schedule == schedule)
        && filter.concert.is_none_or(|concert| found.concert == concert)
        && filter.status.is_none_or(|status| found.status(now) == status)
}

/// Who has a claim on a seat.
fn holder(
    connection: &Connection,
    schedule: Option<ScheduleId>,
    seat: SeatNo,
) -> Result<Option<Reservation>> {
    let Some(schedule) = schedule else { return Ok(None) };
    let sql = "SELECT reservation_id FROM claim WHERE schedule_id = ?1 AND seat_no = ?2";
    let found: Option<Option<Id>> = one(connection, sql, (schedule.get(), seat.get()), |row| row.get(0))?;
    let id = found.flatten().map(|id| ReservationId::new(uuid::Uuid::from_bytes(id)));
    Ok(id.map(|id| reservation(connection, id)).transpose()?.flatten())
}

/// Of one fan, newest first, gone through one by one. A fan has few; the account for those who walk in may have many, so
/// only what the filter is about is read of each.
fn of_fan(
    connection: &Connection,
    user: UserId,
    filter: &StaffFilter,
    before: Option<ReservationId>,
    limit: usize,
    now: Timestamp,
) -> Result<Vec<Reservation>> {
    let before = before.as_ref().map_or(&AFTER_ALL[..], |before| before.bytes());
    let ids = match filter.schedule {
        None => ids(connection, OF_FAN, (user.bytes(), before))?,
        Some(schedule) => ids(connection, OF_FAN_IN_SCHEDULE, (user.bytes(), before, schedule.get()))?,
    };
    let concert = filter.concert.map(ConcertId::get);
    let state = filter.status.map(state_of);
    let mut is_meant = connection.prepare_cached(IS_MEANT)?;
    let mut found = Vec::new();
    for id in ids {
        if found.len() >= limit {
            break;
        }
        if is_meant.exists((id, concert, state, now.micros()))? {
            found.push(there(connection, id)?);
        }
    }
    Ok(found)
}

/// The number under which a status is stored.
const fn state_of(status: ReservationStatus) -> u8 {
    match status {
        ReservationStatus::Pending => PENDING,
        ReservationStatus::Confirmed => CONFIRMED,
        ReservationStatus::Cancelled => CANCELLED,
        ReservationStatus::Expired => EXPIRED,
        ReservationStatus::Refunded => REFUNDED,
    }
}

fn newest(connection: &Connection, before: Option<ReservationId>, limit: usize) -> Result<Vec<Reservation>> {
    let sql = select(
        RESERVATION_COLUMNS,
        "reservation WHERE reservation_id < ?1 ORDER BY reservation_id DESC LIMIT ?2",
    );
    let before = before.as_ref().map_or(&AFTER_ALL[..], |before| before.bytes());
    all(connection, &sql, (before, rows(limit)), bare(codec::reservation))
}

fn schedules_of(connection: &Connection, concert: ConcertId) -> Result<Vec<ScheduleId>> {
    let sql = "SELECT schedule_id FROM schedule WHERE concert_id = ?1";
    all(connection, sql, [concert.get()], |row| row.get(0).map(ScheduleId::new))
}

/// From one schedule to the next in the index, without a look at what is between them.
fn schedules_with_reservations(connection: &Connection) -> Result<Vec<ScheduleId>> {
    let mut statement = connection.prepare_cached(NEXT_SCHEDULE)?;
    let mut found = Vec::new();
    let mut last = 0;
    while let Some(next) =
        statement.query_row([last], |row| row.get::<_, Option<u32>>(0)).optional()?.flatten()
    {
        found.push(ScheduleId::new(next));
        last = next;
    }
    Ok(found)
}

#[cfg(test)]
mod tests;
