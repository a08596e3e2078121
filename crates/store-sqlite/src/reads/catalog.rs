//! Queries about concerts and schedules.

use std::collections::BTreeMap;
use std::future::ready;
use std::sync::Arc;

use frontrow_application::catalog::drawing_form;
use frontrow_application::store::{CatalogReads, ConcertCursor, ConcertFilter, Read, SeatMap};
use frontrow_domain::catalog::{Concert, Drawing, Schedule};
use frontrow_domain::records::SeatChanges;
use frontrow_domain::reservation::{Claim, SeatState};
use frontrow_domain::{ConcertId, EntryId, ScheduleId, SeatNo, Timestamp};
use rusqlite::{Connection, OptionalExtension, Result};

use super::plans::PlanCache;
use super::{all, bare, contains, one, rows};
use crate::SqliteReads;
use crate::codec::catalog::{CONCERT_COLUMNS, SCHEDULE_COLUMNS, concert, entries};
use crate::codec::{self, unreadable};
use crate::live::{Hall, Live};
use crate::load::ranges::changed_since;
use crate::load::select;

/// What a concert without a schedule sorts by: before the beginning of time, so it comes last.
const NO_BOOKING: i64 = i64::MIN;

impl CatalogReads for SqliteReads {
    fn concert(&self, id: ConcertId) -> Read<'_, Option<Concert>> {
        self.point(|connection| {
            let sql = select(CONCERT_COLUMNS, "concert WHERE concert_id = ?1");
            one(connection, &sql, [id.get()], bare(concert))
        })
    }

    fn concerts(
        &self,
        filter: ConcertFilter,
        after: Option<ConcertCursor>,
        limit: usize,
    ) -> Read<'_, Vec<(Concert, Vec<Schedule>)>> {
        let (plans, live) = (Arc::clone(&self.plans), Arc::clone(&self.live));
        self.scan(move |connection| {
            let transaction = connection.transaction()?;
            let found = concerts(&transaction, &filter, after, limit)?;
            found
                .into_iter()
                .map(|concert| {
                    let mut schedules = schedules_of(&transaction, &plans, concert.id)?;
                    bring_up(&live, &mut schedules);
                    Ok((concert, schedules))
                })
                .collect()
        })
    }

    fn schedules_of(&self, concert: ConcertId) -> Read<'_, Vec<Schedule>> {
        self.point(|connection| {
            let mut schedules = schedules_of(connection, &self.plans, concert)?;
            bring_up(&self.live, &mut schedules);
            Ok(schedules)
        })
    }

    fn schedule(&self, id: ScheduleId) -> Read<'_, Option<Schedule>> {
        if let Some((schedule, _)) = self.live.read().schedules.get(&id) {
            return Box::pin(ready(Ok(Some(schedule.clone()))));
        }
        self.point(|connection| schedule(connection, &self.plans, id))
    }

    fn seat_versions(&self, schedules: Vec<ScheduleId>) -> Read<'_, Vec<(ScheduleId, u64)>> {
        self.point(move |connection| {
            let mut statement =
                connection.prepare_cached("SELECT version FROM schedule WHERE schedule_id = ?1")?;
            let mut versions = Vec::with_capacity(schedules.len());
            for id in schedules {
                let kept = self.live.read().schedules.get(&id).map(|(schedule, _)| schedule.version);
                let version = match kept {
                    Some(version) => Some(version),
                    None => statement.query_row([id.get()], |row| row.get(0)).optional()?,
                };
                versions.extend(version.map(|version| (id, version)));
            }
            Ok(versions)
        })
    }

    fn seats_since(&self, schedule: ScheduleId, version: u64) -> Read<'_, Option<SeatChanges>> {
        self.settled(move |connection| {
            let transaction = connection.transaction()?;
            let Some((version, changed)) = changed_since(&transaction, schedule, version)? else {
                return Ok(None);
            };
            let sql = "SELECT kind, reservation_id, user_id, until FROM claim \
                       WHERE schedule_id = ?1 AND seat_no = ?2";
            let mut statement = transaction.prepare_cached(sql)?;
            let mut seats = Vec::with_capacity(changed.len());
            for seat in changed {
                let claim = statement
                    .query_row((schedule.get(), seat.get()), |row| codec::claim(row, 0))
                    .optional()?;
                seats.push((seat, SeatState::of(claim.as_ref())));
            }
            Ok(Some(SeatChanges { schedule, version, seats }))
        })
    }

    fn drawing(&self, schedule: ScheduleId, plan_version: u32) -> Read<'_, Option<Drawing>> {
        self.scan(move |connection| {
            let sql = "SELECT form FROM seat_drawing WHERE schedule_id = ?1 AND plan_version = ?2";
            one(connection, sql, (schedule.get(), plan_version), |row| {
                let form = row.get_ref(0)?.as_blob()?;
                drawing_form::from_bytes(form).ok_or_else(|| unreadable(0, "drawing of a seat plan"))
            })
        })
    }

    fn draw_part(&self, concert: ConcertId, first: u32) -> Read<'_, Option<Vec<EntryId>>> {
        self.scan(move |connection| {
            let sql = "SELECT entries FROM draw_part WHERE concert_id = ?1 AND first = ?2";
            one(connection, sql, (concert.get(), first), |row| entries(row, 0))
        })
    }

    fn cancelled_schedules(&self) -> Read<'_, Vec<ScheduleId>> {
        self.scan(|connection| {
            let sql = "SELECT schedule_id FROM schedule INDEXED BY schedule_cancelled \
                       WHERE cancelled_at IS NOT NULL ORDER BY schedule_id";
            all(connection, sql, [], |row| row.get(0).map(ScheduleId::new))
        })
    }

    fn concerts_with_rooms(&self) -> Read<'_, Vec<ConcertId>> {
        self.scan(|connection| {
            let sql = "SELECT concert_id FROM concert WHERE room_enabled = 1 ORDER BY concert_id";
            all(connection, sql, [], |row| row.get(0).map(ConcertId::new))
        })
    }

    fn seat_map(&self, id: ScheduleId) -> Read<'_, Option<SeatMap>> {
        let (plans, live) = (Arc::clone(&self.plans), Arc::clone(&self.live));
        Box::pin(async move {
            let (tip, kept, recent) = {
                let state = live.read();
                let kept = state.schedules.get(&id).map(|(schedule, _)| schedule.clone());
                let recent: Vec<_> = state.halls.get(&id).into_iter().flat_map(Hall::recent).collect();
                (state.tip, kept, recent)
            };
            let of_plans = Arc::clone(&plans);
            let (found, is_exact) = self
                .scan(move |connection| {
                    let transaction = connection.transaction()?;
                    let found = seat_map(&transaction, &of_plans, id)?;
                    // Nothing newer than what was taken from memory is in what was read.
                    Ok((found, live.has_folded_nothing_after(tip)))
                })
                .await?;
            if !is_exact {
                let read = move |connection: &mut Connection| {
                    let transaction = connection.transaction()?;
                    seat_map(&transaction, &plans, id)
                };
                return self.settled(read).await;
            }
            Ok(found.map(|map| with_recent(map, kept, recent)))
        })
    }

    fn epoch(&self) -> Read<'_, u64> {
        self.point(|connection| {
            connection.prepare_cached("SELECT epoch FROM meta")?.query_row([], |row| row.get(0))
        })
    }
}

/// A map as the tables say.
fn seat_map(connection: &Connection, plans: &PlanCache, id: ScheduleId) -> Result<Option<SeatMap>> {
    let Some(schedule) = schedule(connection, plans, id)? else { return Ok(None) };
    let sql = "SELECT seat_no, kind, reservation_id, user_id, until FROM claim \
               WHERE schedule_id = ?1 ORDER BY seat_no";
    let taken = all(connection, sql, [id.get()], |row| {
        Ok((SeatNo::new(row.get(0)?), SeatState::of(Some(&codec::claim(row, 1)?))))
    })?;
    Ok(Some(SeatMap { schedule, taken }))
}

/// A map with what is in memory put over it.
fn with_recent(map: SeatMap, kept: Option<Schedule>, recent: Vec<(SeatNo, Option<Claim>)>) -> SeatMap {
    if recent.is_empty() {
        // As always when nothing was sold of late: a second list of all seats that are taken is not needed for that.
        return SeatMap { schedule: kept.unwrap_or(map.schedule), taken: map.taken };
    }
    let mut taken: BTreeMap<SeatNo, SeatState> = map.taken.into_iter().collect();
    for (seat, claim) in recent {
        match claim {
            Some(claim) => taken.insert(seat, SeatState::of(Some(&claim))),
            None => taken.remove(&seat),
        };
    }
    SeatMap { schedule: kept.unwrap_or(map.schedule), taken: taken.into_iter().collect() }
}

/// Puts schedules as they are in memory in place of those of the tables.
fn bring_up(live: &Live, schedules: &mut [Schedule]) {
    let state = live.read();
    for schedule in schedules {
        if let Some((kept, _)) = state.schedules.get(&schedule.id) {
            schedule.clone_from(kept);
        }
    }
}

fn concerts(
    connection: &Connection,
    filter: &ConcertFilter,
    after: Option<ConcertCursor>,
    limit: usize,
) -> Result<Vec<Concert>> {
    let sql = format!(
        "SELECT {CONCERT_COLUMNS}, booking FROM (
             SELECT concert.*, coalesce(
                 (SELECT min(booking_start) FROM schedule WHERE schedule.concert_id = concert.concert_id), ?1
             ) AS booking FROM concert
             WHERE (?2 IS NULL OR title LIKE ?2 ESCAPE '\\' OR artist LIKE ?2 ESCAPE '\\') AND published >= ?3
         ) WHERE ?4 IS NULL OR (booking, concert_id) < (?4, ?5)
         ORDER BY booking DESC, concert_id DESC LIMIT ?6"
    );
    let pattern = filter.text.as_deref().map(contains);
    let after_booking = after.map(|after| after.booking_start.map_or(NO_BOOKING, Timestamp::micros));
    let after_concert = after.map(|after| after.concert.get());
    let values = (NO_BOOKING, pattern, filter.published_only, after_booking, after_concert, rows(limit));
    all(connection, &sql, values, bare(concert))
}

fn schedule(connection: &Connection, plans: &PlanCache, id: ScheduleId) -> Result<Option<Schedule>> {
    let sql = select(SCHEDULE_COLUMNS, "schedule WHERE schedule_id = ?1");
    one(connection, &sql, [id.get()], bare(|row| plans.schedule(connection, row)))
}

fn schedules_of(connection: &Connection, plans: &PlanCache, concert: ConcertId) -> Result<Vec<Schedule>> {
    let sql = select(SCHEDULE_COLUMNS, "schedule WHERE concert_id = ?1 ORDER BY starts_at, schedule_id");
    all(connection, &sql, [concert.get()], bare(|row| plans.schedule(connection, row)))
}
