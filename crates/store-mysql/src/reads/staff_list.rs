//! What staff lists of all reservations, quick among a million of them.
//!
//! A page is put together from runs: entries of an index that have a beginning in common and come in order of id. Each
//! run gives only ids that are newer than the oldest one found so far, once the page is full, so a run with nothing for
//! the page costs one look into its index. The runs of some schedules go in one packet. The rows are read at the end,
//! only those of the page.
//!
//! | asked for | runs |
//! |---|---|
//! | a seat | the one reservation that has the claim |
//! | a fan | the fan's own, who has few |
//! | a schedule, a concert | one for each schedule and state |
//! | a status alone | one of all reservations in that state |
//! | nothing | all reservations |

use std::collections::HashMap;

use frontrow_application::store::StaffFilter;
use frontrow_domain::reservation::{Reservation, ReservationStatus};
use frontrow_domain::{ConcertId, ReservationId, ScheduleId, SeatNo, Timestamp, UserId};

use super::{and_after, and_before, limit, lists, packet};
use crate::codec::reservation_state::{ALL, CANCELLED, CONFIRMED, EXPIRED, PENDING, REFUNDED};
use crate::codec::{self, RESERVATION_COLUMNS};
use crate::error::DbError;
use crate::load::select;
use crate::pool::Link;
use crate::row::{Result, all, bare, first};
use crate::sql::{Value, fill, values};

/// The bytes of a reservation's id. Their order is that of ids.
type Id = [u8; 16];

/// How many schedules' runs are asked for at once.
const SCHEDULES_AT_ONCE: usize = 16;

const OF_STATE: &str = "SELECT reservation_id FROM reservation FORCE INDEX (reservation_by_schedule) \
     WHERE schedule_id = ? AND state = ?";
/// Holds that have ended and that nobody has noted: the job keeps them few, so they are looked through.
const LAPSED: &str = "SELECT reservation_id FROM reservation FORCE INDEX (reservation_by_state) \
     WHERE state = 0 AND state_at <= ?";
const OF_FAN: &str =
    "SELECT reservation_id FROM reservation FORCE INDEX (reservation_by_fan) WHERE user_id = ?";
const OF_STATUS: &str =
    "SELECT reservation_id FROM reservation FORCE INDEX (reservation_by_status) WHERE state = ?";

/// A page of what staff asks for.
pub(super) async fn page(
    link: &mut Link<'_>,
    filter: StaffFilter,
    before: Option<ReservationId>,
    count: usize,
    now: Timestamp,
) -> Result<Vec<Reservation>> {
    if let Some(seat) = filter.seat {
        let found = holder(link, filter.schedule, seat).await?;
        let found = found.filter(|found| before.is_none_or(|before| found.id < before));
        return Ok(found.into_iter().filter(|found| matches(found, &filter, now)).take(count).collect());
    }
    if let Some(user) = filter.user {
        let sql = of_fan(user, &filter, before, count, now);
        let found = ids(link, sql).await?;
        return there(link, &found).await;
    }
    let schedules = match (filter.schedule, filter.concert) {
        (Some(schedule), None) => vec![schedule],
        (Some(schedule), Some(concert)) => {
            let all = schedules_of(link, concert).await?;
            all.into_iter().filter(|one| *one == schedule).collect()
        }
        (None, Some(concert)) => schedules_of(link, concert).await?,
        (None, None) => {
            return match filter.status {
                Some(status) => of_status(link, status, before, count, now).await,
                None => newest(link, before, count).await,
            };
        }
    };
    let mut newest = Newest { before, limit: count, found: Vec::new() };
    for some in schedules.chunks(SCHEDULES_AT_ONCE) {
        let runs: Vec<String> = some.iter().flat_map(|one| newest.runs(*one, filter.status, now)).collect();
        newest.add(ids(link, runs.join(";")).await?);
    }
    if filter.status == Some(ReservationStatus::Expired) && !schedules.is_empty() {
        let mut sql = fill(LAPSED, &values![now]);
        if let Some(schedule) = filter.schedule {
            sql.push_str(&fill(" AND schedule_id = ?", &values![schedule]));
        }
        if let Some(concert) = filter.concert {
            sql.push_str(&fill(" AND concert_id = ?", &values![concert]));
        }
        newest.add(ids(link, newest.run(sql)).await?);
    }
    there(link, &newest.found).await
}

/// Reservations of a schedule that are stored as pending or confirmed, in order of id.
pub(super) async fn live_in(
    link: &mut Link<'_>,
    schedule: ScheduleId,
    after: Option<ReservationId>,
    count: usize,
) -> Result<Vec<Reservation>> {
    let after = and_after("reservation_id", after.as_ref().map(ReservationId::bytes));
    let runs = [PENDING, CONFIRMED].map(|state| {
        let end = fill(" ORDER BY reservation_id LIMIT ?", &values![limit(count)]);
        format!("{}{after}{end}", fill(OF_STATE, &values![schedule, state]))
    });
    let mut found = ids(link, runs.join(";")).await?;
    found.sort_unstable();
    found.truncate(count);
    there(link, &found).await
}

/// The newest ids found so far, as many as a page has.
struct Newest {
    before: Option<ReservationId>,
    limit: usize,
    /// Newest first.
    found: Vec<Id>,
}

impl Newest {
    fn add(&mut self, ids: Vec<Id>) {
        if ids.is_empty() {
            return;
        }
        self.found.extend(ids);
        self.found.sort_unstable_by(|a, b| b.cmp(a));
        self.found.truncate(self.limit);
    }

    /// A run, cut to what may have a place on the page.
    fn run(&self, mut sql: String) -> String {
        let is_full = self.found.len() >= self.limit;
        sql.push_str(&and_after("reservation_id", self.found.last().filter(|_| is_full)));
        sql.push_str(&and_before("reservation_id", self.before.as_ref().map(ReservationId::bytes)));
        sql.push_str(&fill(" ORDER BY reservation_id DESC LIMIT ?", &values![limit(self.limit)]));
        sql
    }

    /// What a schedule has of a status. Of lapsed holds that nobody has noted, only what is asked for without one.
    fn runs(&self, schedule: ScheduleId, status: Option<ReservationStatus>, now: Timestamp) -> Vec<String> {
        let asked = status.map_or_else(|| ALL.to_vec(), |status| vec![state_of(status)]);
        let run = |state: u8| {
            let mut sql = fill(OF_STATE, &values![schedule, state]);
            if status == Some(ReservationStatus::Pending) {
                sql.push_str(&fill(" AND state_at > ?", &values![now]));
            }
            self.run(sql)
        };
        asked.into_iter().map(run).collect()
    }
}

async fn ids(link: &mut Link<'_>, sql: String) -> Result<Vec<Id>> {
    all(&packet(link, sql).await?, |row| row.get(0))
}

/// Reservations that the same snapshot has just named, in their order.
async fn there(link: &mut Link<'_>, ids: &[Id]) -> Result<Vec<Reservation>> {
    let before = select(RESERVATION_COLUMNS, "reservation WHERE reservation_id");
    let rows = lists(link, &before, ids.iter().map(Value::from), "").await?;
    let found = all(&rows, bare(codec::reservation))?;
    let mut by_id: HashMap<Id, Reservation> =
        found.into_iter().map(|found| (*found.id.bytes(), found)).collect();
    ids.iter().map(|id| by_id.remove(id).ok_or(DbError::Unreadable("index of reservations"))).collect()
}

fn matches(found: &Reservation, filter: &StaffFilter, now: Timestamp) -> bool {
    filter.user.is_none_or(|user| found.user == user)
        && filter.schedule.is_none_or(|schedule| found.schedule == schedule)
        && filter.concert.is_none_or(|concert| found.concert == concert)
        && filter.status.is_none_or(|status| found.status(now) == status)
}

/// Who has a claim on a seat.
async fn holder(
    link: &mut Link<'_>,
    schedule: Option<ScheduleId>,
    seat: SeatNo,
) -> Result<Option<Reservation>> {
    let Some(schedule) = schedule else { return Ok(None) };
    let from = "reservation WHERE reservation_id = \
                (SELECT reservation_id FROM claim WHERE schedule_id = ? AND seat_no = ?)";
    let sql = fill(&select(RESERVATION_COLUMNS, from), &values![schedule, seat]);
    first(&link.rows(sql).await?, bare(codec::reservation))
}

/// Of one fan, newest first. A fan has few; the account for those who walk in may have many, whose entries are all
/// sorted.
fn of_fan(
    user: UserId,
    filter: &StaffFilter,
    before: Option<ReservationId>,
    count: usize,
    now: Timestamp,
) -> String {
    let mut sql = fill(OF_FAN, &values![&user]);
    sql.push_str(&and_before("reservation_id", before.as_ref().map(ReservationId::bytes)));
    if let Some(schedule) = filter.schedule {
        sql.push_str(&fill(" AND schedule_id = ?", &values![schedule]));
    }
    if let Some(concert) = filter.concert {
        sql.push_str(&fill(" AND concert_id = ?", &values![concert]));
    }
    if let Some(status) = filter.status {
        // Pending ones past their end count as expired.
        let of_status = " AND CASE WHEN state = 0 AND state_at <= ? THEN 3 ELSE state END = ?";
        sql.push_str(&fill(of_status, &values![now, state_of(status)]));
    }
    sql.push_str(&fill(" ORDER BY reservation_id DESC LIMIT ?", &values![limit(count)]));
    sql
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

async fn newest(
    link: &mut Link<'_>,
    before: Option<ReservationId>,
    count: usize,
) -> Result<Vec<Reservation>> {
    let mut sql = select(RESERVATION_COLUMNS, "reservation FORCE INDEX (PRIMARY) WHERE TRUE");
    sql.push_str(&and_before("reservation_id", before.as_ref().map(ReservationId::bytes)));
    sql.push_str(&fill(" ORDER BY reservation_id DESC LIMIT ?", &values![limit(count)]));
    all(&link.rows(sql).await?, bare(codec::reservation))
}

async fn schedules_of(link: &mut Link<'_>, concert: ConcertId) -> Result<Vec<ScheduleId>> {
    let sql = fill("SELECT schedule_id FROM schedule WHERE concert_id = ?", &values![concert]);
    all(&link.rows(sql).await?, |row| row.get(0).map(ScheduleId::new))
}

/// Of all schedules. Pending ones past their end count as expired.
async fn of_status(
    link: &mut Link<'_>,
    status: ReservationStatus,
    before: Option<ReservationId>,
    count: usize,
    now: Timestamp,
) -> Result<Vec<Reservation>> {
    let mut newest = Newest { before, limit: count, found: Vec::new() };
    let mut sql = fill(OF_STATUS, &values![state_of(status)]);
    if status == ReservationStatus::Pending {
        sql.push_str(&fill(" AND state_at > ?", &values![now]));
    }
    newest.add(ids(link, newest.run(sql)).await?);
    if status == ReservationStatus::Expired {
        newest.add(ids(link, newest.run(fill(LAPSED, &values![now]))).await?);
    }
    there(link, &newest.found).await
}
