//! Concerts and schedules as the audit log shows them: what a person wants to see of an edit, in the names of the
//! interface. Seats are left out: a plan may have 100,000.

use frontrow_domain::Timestamp;
use frontrow_domain::catalog::{Concert, RefundPolicy, RefundRow, Schedule, WaitingRoomSettings};
use serde::Serialize;

/// What is seen of a concert.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SeenConcert<'a> {
    title: &'a str,
    artist: &'a str,
    description: &'a str,
    published: bool,
    waiting_room: SeenRoom,
}

/// What is seen of the settings of a waiting room.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SeenRoom {
    enabled: bool,
    max_active: u32,
    admit_per_second: f64,
    session_seconds: u32,
    claim_seconds: u32,
    presence_seconds: u32,
    lobby_opens_at: Option<String>,
}

/// What is seen of a schedule.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SeenSchedule<'a> {
    concert_id: u32,
    venue: &'a str,
    starts_at: String,
    time_zone: &'a str,
    duration_minutes: u32,
    booking_start: String,
    booking_end: String,
    hold_seconds: u32,
    hold_max_seconds: u32,
    hold_extension_seconds: u32,
    max_seats_per_fan: u32,
    refund_policy: Option<Vec<SeenRefund>>,
    sales_paused: bool,
    plan_version: u32,
    total_seats: u32,
}

/// What is seen of one row of a refund policy.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SeenRefund {
    until_hours_before: u32,
    percent: u32,
}

impl SeenRefund {
    /// The rows of a policy; nothing of one that takes nothing back, as in the interface.
    fn of(policy: &RefundPolicy) -> Option<Vec<Self>> {
        let row = |row: &RefundRow| Self { until_hours_before: row.until_hours_before, percent: row.percent };
        let rows = policy.rows();
        (!rows.is_empty()).then(|| rows.iter().map(row).collect())
    }
}

impl<'a> SeenConcert<'a> {
    pub(crate) fn of(concert: &'a Concert) -> Self {
        Self {
            title: &concert.title,
            artist: &concert.artist,
            description: &concert.description,
            published: concert.published,
            waiting_room: SeenRoom::of(&concert.waiting_room),
        }
    }
}

impl SeenRoom {
    pub(crate) fn of(room: &WaitingRoomSettings) -> Self {
        Self {
            enabled: room.enabled,
            max_active: room.max_active,
            admit_per_second: f64::from(room.admit_per_second_milli) / 1_000.0,
            session_seconds: room.session_seconds,
            claim_seconds: room.claim_seconds,
            presence_seconds: room.presence_seconds,
            lobby_opens_at: room.lobby_opens_at.map(time),
        }
    }
}

impl<'a> SeenSchedule<'a> {
    pub(crate) fn of(schedule: &'a Schedule) -> Self {
        Self {
            concert_id: schedule.concert.get(),
            venue: &schedule.venue,
            starts_at: time(schedule.starts_at),
            time_zone: &schedule.time_zone,
            duration_minutes: schedule.duration_minutes,
            booking_start: time(schedule.booking.start),
            booking_end: time(schedule.booking.end),
            hold_seconds: schedule.hold.hold_seconds,
            hold_max_seconds: schedule.hold.max_seconds,
            hold_extension_seconds: schedule.hold.extension_seconds,
            max_seats_per_fan: schedule.max_seats_per_fan,
            refund_policy: SeenRefund::of(&schedule.refund_policy),
            sales_paused: schedule.sales_paused,
            plan_version: schedule.plan_version,
            total_seats: schedule.plan.size(),
        }
    }
}

fn time(moment: Timestamp) -> String {
    moment.rfc3339().to_string()
}
