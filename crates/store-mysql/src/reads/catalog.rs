//! Queries about concerts and schedules.

use std::collections::HashMap;

use frontrow_application::catalog::drawing_form;
use frontrow_application::store::{CatalogReads, ConcertCursor, ConcertFilter, Read, SeatMap};
use frontrow_domain::catalog::{Concert, Drawing, Schedule};
use frontrow_domain::records::SeatChanges;
use frontrow_domain::reservation::{Claim, SeatState};
use frontrow_domain::{ConcertId, EntryId, ScheduleId, SeatNo, Timestamp};

use super::{answer, limit, lists};
use crate::MysqlReads;
use crate::codec::catalog::{CONCERT_COLUMNS, SCHEDULE_COLUMNS, concert, entries};
use crate::codec::{self, CLAIM_COLUMNS};
use crate::error::DbError;
use crate::load::ranges::{changed_since, claims_of};
use crate::load::select;
use crate::pool::Link;
use crate::row::{Result, all, bare, first};
use crate::sql::{LIST_MAX, Value, containing, fill, list, values};

/// What a concert without a schedule sorts by: before the beginning of time, so it comes last.
const NO_BOOKING: i64 = -i64::MAX;

impl CatalogReads for MysqlReads {
    fn concert(&self, id: ConcertId) -> Read<'_, Option<Concert>> {
        answer(async move {
            let sql = fill(&select(CONCERT_COLUMNS, "concert WHERE concert_id = ?"), &values![id]);
            first(&self.rows(sql).await?, bare(concert))
        })
    }

    fn concerts(
        &self,
        filter: ConcertFilter,
        after: Option<ConcertCursor>,
        count: usize,
    ) -> Read<'_, Vec<(Concert, Vec<Schedule>)>> {
        answer(async move {
            let mut link = self.snapshot().await?;
            let concerts = if filter.text.as_deref().is_some_and(|text| !text.is_empty()) {
                all(&link.rows(concerts(&filter, after, count)).await?, bare(concert))?
            } else {
                by_opening(&mut link, filter.published_only, after, count).await?
            };
            let mut found = Vec::with_capacity(concerts.len());
            for concert in concerts {
                let schedules = self.schedules(&mut link, schedules_of(concert.id)).await?;
                found.push((concert, schedules));
            }
            link.roll_back().await;
            Ok(found)
        })
    }

    fn schedules_of(&self, concert: ConcertId) -> Read<'_, Vec<Schedule>> {
        answer(async move {
            let mut link = self.snapshot().await?;
            let found = self.schedules(&mut link, schedules_of(concert)).await?;
            link.roll_back().await;
            Ok(found)
        })
    }

    fn schedule(&self, id: ScheduleId) -> Read<'_, Option<Schedule>> {
        answer(async move {
            let mut link = self.snapshot().await?;
            let found = self.schedules(&mut link, schedule(id)).await?;
            link.roll_back().await;
            Ok(found.into_iter().next())
        })
    }

    fn seat_versions(&self, schedules: Vec<ScheduleId>) -> Read<'_, Vec<(ScheduleId, u64)>> {
        answer(async move {
            let mut found = Vec::with_capacity(schedules.len());
            for some in schedules.chunks(LIST_MAX) {
                let ids = list(some.iter().copied().map(Value::from));
                let sql = format!("SELECT schedule_id, version FROM schedule WHERE schedule_id IN ({ids})");
                found.extend(all(&self.rows(sql).await?, |row| {
                    Ok((ScheduleId::new(row.get(0)?), row.get(1)?))
                })?);
            }
            Ok(found)
        })
    }

    fn seats_since(&self, schedule: ScheduleId, version: u64) -> Read<'_, Option<SeatChanges>> {
        answer(async move {
            let mut link = self.snapshot().await?;
            let Some((version, changed)) = changed_since(&mut link, schedule, version).await? else {
                link.roll_back().await;
                return Ok(None);
            };
            let before = claims_of(schedule);
            let rows = lists(&mut link, &before, changed.iter().copied().map(Value::from), "").await?;
            link.roll_back().await;
            let claims: HashMap<SeatNo, Claim> = all(&rows, codec::seat_and_claim)?.into_iter().collect();
            let seats = changed.into_iter().map(|seat| (seat, SeatState::of(claims.get(&seat)))).collect();
            Ok(Some(SeatChanges { schedule, version, seats }))
        })
    }

    fn drawing(&self, schedule: ScheduleId, plan_version: u32) -> Read<'_, Option<Drawing>> {
        answer(async move {
            let template = "SELECT form FROM seat_drawing WHERE schedule_id = ? AND plan_version = ?";
            let rows = self.rows(fill(template, &values![schedule, plan_version])).await?;
            first(&rows, |row| {
                drawing_form::from_bytes(row.get(0)?).ok_or(DbError::Unreadable("drawing of a seat plan"))
            })
        })
    }

    fn draw_part(&self, concert: ConcertId, first: u32) -> Read<'_, Option<Vec<EntryId>>> {
        answer(async move {
            let template = "SELECT entries FROM draw_part WHERE concert_id = ? AND first = ?";
            let rows = self.rows(fill(template, &values![concert, first])).await?;
            crate::row::first(&rows, |row| entries(row, 0))
        })
    }

    fn cancelled_schedules(&self) -> Read<'_, Vec<ScheduleId>> {
        answer(async move {
            let sql = "SELECT schedule_id FROM schedule FORCE INDEX (schedule_cancelled) \
                       WHERE cancelled_at IS NOT NULL ORDER BY schedule_id";
            all(&self.rows(sql.to_owned()).await?, |row| row.get(0).map(ScheduleId::new))
        })
    }

    fn concerts_with_rooms(&self) -> Read<'_, Vec<ConcertId>> {
        answer(async move {
            let sql = "SELECT concert_id FROM concert WHERE room_enabled = 1 ORDER BY concert_id";
            all(&self.rows(sql.to_owned()).await?, |row| row.get(0).map(ConcertId::new))
        })
    }

    fn seat_map(&self, id: ScheduleId) -> Read<'_, Option<SeatMap>> {
        answer(async move {
            let mut link = self.snapshot().await?;
            let schedules = self.schedules(&mut link, schedule(id)).await?;
            let Some(schedule) = schedules.into_iter().next() else {
                link.roll_back().await;
                return Ok(None);
            };
            let from = select(CLAIM_COLUMNS, "claim WHERE schedule_id = ? ORDER BY seat_no");
            let rows = link.rows(fill(&from, &values![id])).await?;
            link.roll_back().await;
            let taken = all(&rows, |row| {
                codec::seat_and_claim(row).map(|(seat, claim)| (seat, SeatState::of(Some(&claim))))
            })?;
            Ok(Some(SeatMap { schedule, taken }))
        })
    }

    fn epoch(&self) -> Read<'_, u64> {
        answer(async move {
            let rows = self.rows("SELECT epoch FROM meta".to_owned()).await?;
            first(&rows, |row| row.get(0))?.ok_or(DbError::Unreadable("epoch"))
        })
    }
}

impl MysqlReads {
    /// The schedules that a statement finds.
    pub(super) async fn schedules(&self, link: &mut Link<'_>, sql: String) -> Result<Vec<Schedule>> {
        let rows = link.rows(sql).await?;
        let found = self.plans.schedules(link, &rows).await?;
        Ok(found.into_iter().map(|(schedule, _)| schedule).collect())
    }
}

fn schedule(id: ScheduleId) -> String {
    fill(&select(SCHEDULE_COLUMNS, "schedule WHERE schedule_id = ?"), &values![id])
}

fn schedules_of(concert: ConcertId) -> String {
    let from = "schedule WHERE concert_id = ? ORDER BY starts_at, schedule_id";
    fill(&select(SCHEDULE_COLUMNS, from), &values![concert])
}

/// A page of concerts, whatever they are called. It walks the schedules from the latest opening of a sale backwards and
/// stops with the page; a concert comes where its first schedule does. Those without any come last.
async fn by_opening(
    link: &mut Link<'_>,
    published_only: bool,
    after: Option<ConcertCursor>,
    count: usize,
) -> Result<Vec<Concert>> {
    let published = if published_only { " AND published = 1" } else { "" };
    let mut found = Vec::new();
    let booking = after.map(|after| after.booking_start);
    if booking != Some(None) {
        let mut sql = format!(
            "SELECT {CONCERT_COLUMNS} FROM (SELECT found.concert_id AS number, found.booking_start AS opens \
             FROM schedule AS found FORCE INDEX (schedule_by_opening) \
             STRAIGHT_JOIN concert AS its ON its.concert_id = found.concert_id \
             WHERE found.schedule_id = (SELECT first.schedule_id FROM schedule AS first \
             FORCE INDEX (schedule_by_booking) WHERE first.concert_id = found.concert_id \
             ORDER BY first.booking_start, first.schedule_id LIMIT 1){published}"
        );
        if let Some(ConcertCursor { booking_start: Some(opens), concert }) = after {
            let before =
                " AND found.booking_start <= ? AND NOT (found.booking_start = ? AND found.concert_id >= ?)";
            sql.push_str(&fill(before, &values![opens, opens, concert]));
        }
        let order = " ORDER BY found.booking_start DESC, found.concert_id DESC LIMIT ?) AS page \
                     STRAIGHT_JOIN concert ON concert_id = number ORDER BY opens DESC, number DESC";
        sql.push_str(&fill(order, &values![limit(count)]));
        found = all(&link.rows(sql).await?, bare(concert))?;
    }
    if found.len() < count {
        let mut sql = format!(
            "SELECT {CONCERT_COLUMNS} FROM concert WHERE (SELECT 1 FROM schedule FORCE INDEX (schedule_by_booking) \
             WHERE schedule.concert_id = concert.concert_id LIMIT 1) IS NULL{published}"
        );
        if let Some(ConcertCursor { booking_start: None, concert }) = after {
            sql.push_str(&fill(" AND concert_id < ?", &values![concert]));
        }
        sql.push_str(&fill(" ORDER BY concert_id DESC LIMIT ?", &values![limit(count - found.len())]));
        found.extend(all(&link.rows(sql).await?, bare(concert))?);
    }
    Ok(found)
}

/// A page of concerts of which title or artist contains a text: all of them are looked at.
fn concerts(filter: &ConcertFilter, after: Option<ConcertCursor>, count: usize) -> String {
    let mut sql = format!(
        "SELECT {CONCERT_COLUMNS}, booking FROM (SELECT concert.*, COALESCE((SELECT MIN(booking_start) FROM schedule \
         WHERE schedule.concert_id = concert.concert_id), {NO_BOOKING}) AS booking FROM concert) AS found WHERE TRUE"
    );
    if filter.published_only {
        sql.push_str(" AND published = 1");
    }
    if let Some(text) = filter.text.as_deref().filter(|text| !text.is_empty()) {
        let pattern = containing(text);
        let pattern = Value::Text(&pattern);
        sql.push_str(&fill(" AND (title REGEXP ? OR artist REGEXP ?)", &[pattern, pattern]));
    }
    if let Some(after) = after {
        let booking = after.booking_start.map_or(NO_BOOKING, Timestamp::micros);
        let values = values![booking, booking, after.concert];
        sql.push_str(&fill(" AND (booking < ? OR (booking = ? AND concert_id < ?))", &values));
    }
    sql.push_str(&fill(" ORDER BY booking DESC, concert_id DESC LIMIT ?", &values![limit(count)]));
    sql
}
