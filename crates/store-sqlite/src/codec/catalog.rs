//! Concerts and schedules: their columns.

use std::sync::Arc;

use frontrow_domain::catalog::{
    BookingWindow, Concert, HoldPolicy, RefundPolicy, RefundRow, RoomControls, Schedule, SeatPlan,
    WaitingRoomSettings,
};
use frontrow_domain::queue::{Draw, Seed};
use frontrow_domain::{ConcertId, EntryId, ScheduleId, Timestamp};
use rusqlite::{Result, Row};
use uuid::Uuid;

use super::{time, unreadable};

pub(crate) const CONCERT_COLUMNS: &str = "concert_id, title, artist, description, published, room_enabled, \
     room_max_active, room_admit_per_second_milli, room_session_seconds, room_claim_seconds, \
     room_presence_seconds, room_lobby_opens_at, created_at, row_version, room_paused, room_draining, \
     room_closed, room_notice, room_draw_seed, room_draw_listed, room_drawn_at";

pub(crate) fn concert(row: &Row<'_>) -> Result<(Concert, u64)> {
    let concert = Concert {
        id: ConcertId::new(row.get(0)?),
        title: row.get(1)?,
        artist: row.get(2)?,
        description: row.get(3)?,
        published: row.get(4)?,
        waiting_room: WaitingRoomSettings {
            enabled: row.get(5)?,
            max_active: row.get(6)?,
            admit_per_second_milli: row.get(7)?,
            session_seconds: row.get(8)?,
            claim_seconds: row.get(9)?,
            presence_seconds: row.get(10)?,
            lobby_opens_at: row.get::<_, Option<i64>>(11)?.map(Timestamp::from_micros),
        },
        controls: RoomControls {
            paused: row.get(14)?,
            draining: row.get(15)?,
            closed: row.get(16)?,
            notice: row.get(17)?,
        },
        draw: draw(row)?,
        created_at: time(row, 12)?,
    };
    Ok((concert, row.get(13)?))
}

fn draw(row: &Row<'_>) -> Result<Option<Draw>> {
    match (row.get(18)?, row.get(19)?, row.get::<_, Option<i64>>(20)?) {
        (None, None, None) => Ok(None),
        (Some(seed), Some(listed), drawn_at) => {
            Ok(Some(Draw { seed: Seed::new(seed), listed, drawn_at: drawn_at.map(Timestamp::from_micros) }))
        }
        _ => Err(unreadable(18, "draw of a lobby")),
    }
}

/// The entries of a part of a drawn order, one after the other.
pub(crate) fn entries_form(entries: &[EntryId]) -> Vec<u8> {
    entries.iter().flat_map(EntryId::bytes).copied().collect()
}

pub(crate) fn entries(row: &Row<'_>, column: usize) -> Result<Vec<EntryId>> {
    let (ids, rest) = row.get_ref(column)?.as_blob()?.as_chunks::<16>();
    if !rest.is_empty() {
        return Err(unreadable(column, "part of a drawn order"));
    }
    Ok(ids.iter().map(|id| EntryId::new(Uuid::from_bytes(*id))).collect())
}

pub(crate) const SCHEDULE_COLUMNS: &str = "schedule_id, concert_id, venue, starts_at, time_zone, \
     duration_minutes, booking_start, booking_end, hold_seconds, hold_max_seconds, hold_extension_seconds, \
     max_seats_per_fan, sales_paused, plan_version, in_use, version, decided_at, created_at, row_version, \
     refund_policy, cancelled_at, last_event, sold_out_at";

/// The rows of a refund policy as text, `hours:percent` with commas between; nothing when it has none.
pub(crate) fn policy_text(policy: &RefundPolicy) -> Option<String> {
    let row = |row: &RefundRow| format!("{}:{}", row.until_hours_before, row.percent);
    let rows: Vec<String> = policy.rows().iter().map(row).collect();
    (!rows.is_empty()).then(|| rows.join(","))
}

fn policy(row: &Row<'_>, column: usize) -> Result<RefundPolicy> {
    let Some(text) = row.get_ref(column)?.as_str_or_null()? else { return Ok(RefundPolicy::NONE) };
    let rows: Option<Vec<RefundRow>> = text
        .split(',')
        .map(|row| {
            let (hours, percent) = row.split_once(':')?;
            let (until_hours_before, percent) = (hours.parse().ok()?, percent.parse().ok()?);
            Some(RefundRow { until_hours_before, percent })
        })
        .collect();
    rows.map(RefundPolicy::of).ok_or_else(|| unreadable(column, "refund policy"))
}

/// Which plan the row of a schedule belongs to.
pub(crate) fn plan_key(row: &Row<'_>) -> Result<(ScheduleId, u32)> {
    Ok((ScheduleId::new(row.get(0)?), row.get(13)?))
}

/// A schedule from its row and its plan.
pub(crate) fn schedule(row: &Row<'_>, plan: Arc<SeatPlan>) -> Result<(Schedule, u64)> {
    let schedule = Schedule {
        id: ScheduleId::new(row.get(0)?),
        concert: ConcertId::new(row.get(1)?),
        venue: row.get(2)?,
        starts_at: time(row, 3)?,
        time_zone: row.get(4)?,
        duration_minutes: row.get(5)?,
        booking: BookingWindow { start: time(row, 6)?, end: time(row, 7)? },
        hold: HoldPolicy {
            hold_seconds: row.get(8)?,
            max_seconds: row.get(9)?,
            extension_seconds: row.get(10)?,
        },
        max_seats_per_fan: row.get(11)?,
        refund_policy: policy(row, 19)?,
        sales_paused: row.get(12)?,
        cancelled_at: row.get::<_, Option<i64>>(20)?.map(Timestamp::from_micros),
        sold_out_at: row.get::<_, Option<i64>>(22)?.map(Timestamp::from_micros),
        plan,
        plan_version: row.get(13)?,
        in_use: row.get(14)?,
        version: row.get(15)?,
        decided_at: time(row, 16)?,
        last_event: row.get(21)?,
        created_at: time(row, 17)?,
    };
    Ok((schedule, row.get(18)?))
}
