//! Saving concerts, schedules and plans.

use frontrow_application::catalog::{drawing_form, plan_form};
use frontrow_domain::catalog::{Concert, Schedule};
use frontrow_domain::records::{Change, DrawPart, Key, PlanDrawing};
use frontrow_domain::{ConcertId, ScheduleId, Timestamp};

use super::{Saved, Saver, loaded_version, never_deleted};
use crate::codec::catalog::{entries_form, policy_text};

impl Saver<'_> {
    pub(super) fn concert(&self, change: &Change<'_, ConcertId, Concert>) -> Saved {
        let key = Key::Concert(*change.key);
        let Some(concert) = change.after else { return Err(never_deleted(&key)) };
        let room = &concert.waiting_room;
        let (controls, draw) = (&concert.controls, &concert.draw);
        let values = rusqlite::params![
            concert.id.get(),
            concert.title,
            concert.artist,
            concert.description,
            concert.published,
            room.enabled,
            room.max_active,
            room.admit_per_second_milli,
            room.session_seconds,
            room.claim_seconds,
            room.presence_seconds,
            room.lobby_opens_at.map(Timestamp::micros),
            concert.created_at.micros(),
            loaded_version(change.before),
            controls.paused,
            controls.draining,
            controls.closed,
            controls.notice,
            draw.map(|draw| draw.seed.bytes()),
            draw.map(|draw| draw.listed),
            draw.and_then(|draw| draw.drawn_at).map(Timestamp::micros),
        ];
        match change.before {
            None => self.insert(
                "INSERT INTO concert (concert_id, title, artist, description, published, room_enabled, \
                 room_max_active, room_admit_per_second_milli, room_session_seconds, room_claim_seconds, \
                 room_presence_seconds, room_lobby_opens_at, created_at, row_version, room_paused, \
                 room_draining, room_closed, room_notice, room_draw_seed, room_draw_listed, room_drawn_at) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14 + 1, ?15, ?16, ?17, ?18, ?19, \
                 ?20, ?21)",
                values,
                key,
            ),
            Some(_) => self.matched(
                "UPDATE concert SET title = ?2, artist = ?3, description = ?4, published = ?5, room_enabled = ?6, \
                 room_max_active = ?7, room_admit_per_second_milli = ?8, room_session_seconds = ?9, \
                 room_claim_seconds = ?10, room_presence_seconds = ?11, room_lobby_opens_at = ?12, \
                 created_at = ?13, room_paused = ?15, room_draining = ?16, room_closed = ?17, room_notice = ?18, \
                 room_draw_seed = ?19, room_draw_listed = ?20, room_drawn_at = ?21, row_version = ?14 + 1 WHERE concert_id = ?1 AND row_version = ?14",
                values,
                key,
            ),
        }
    }

    pub(super) fn schedule(&self, change: &Change<'_, ScheduleId, Schedule>) -> Saved {
        let key = Key::Schedule(*change.key);
        let Some(schedule) = change.after else { return Err(never_deleted(&key)) };
        match change.before {
            None => {
                self.insert(
                    "INSERT INTO schedule (schedule_id, concert_id, venue, starts_at, time_zone, \
                     duration_minutes, booking_start, booking_end, hold_seconds, hold_max_seconds, \
                     hold_extension_seconds, max_seats_per_fan, sales_paused, plan_version, in_use, version, \
                     decided_at, created_at, row_version, refund_policy, cancelled_at, last_event, sold_out_at) \
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, \
                     ?19 + 1, ?20, ?21, ?22, ?23)",
                    rusqlite::params_from_iter(schedule_values(schedule, 0)),
                    key,
                )?;
                self.plan(schedule)
            }
            // What became of its seats since may still be in the journal. It is in what is written here, and is passed over
            // when its turn comes.
            Some((before, version)) => {
                self.matched(
                    "UPDATE schedule SET concert_id = ?2, venue = ?3, starts_at = ?4, time_zone = ?5, \
                     duration_minutes = ?6, booking_start = ?7, booking_end = ?8, hold_seconds = ?9, \
                     hold_max_seconds = ?10, hold_extension_seconds = ?11, max_seats_per_fan = ?12, \
                     sales_paused = ?13, plan_version = ?14, in_use = ?15, version = ?16, decided_at = ?17, \
                     created_at = ?18, row_version = ?19 + 1, refund_policy = ?20, cancelled_at = ?21, \
                     last_event = ?22, sold_out_at = ?23 WHERE schedule_id = ?1 AND row_version <= ?19",
                    rusqlite::params_from_iter(schedule_values(schedule, version)),
                    key,
                )?;
                if before.plan_version == schedule.plan_version { Ok(()) } else { self.plan(schedule) }
            }
        }
    }

    fn plan(&self, schedule: &Schedule) -> Saved {
        self.insert(
            "INSERT INTO seat_plan (schedule_id, plan_version, form) VALUES (?1, ?2, ?3)",
            (schedule.id.get(), schedule.plan_version, plan_form::to_bytes(&schedule.plan)),
            Key::Schedule(schedule.id),
        )
    }

    pub(super) fn drawing(&self, drawing: &PlanDrawing) -> Saved {
        self.insert(
            "INSERT INTO seat_drawing (schedule_id, plan_version, form) VALUES (?1, ?2, ?3)",
            (drawing.schedule.get(), drawing.plan_version, drawing_form::to_bytes(&drawing.drawing)),
            Key::Schedule(drawing.schedule),
        )
    }

    pub(super) fn draw_part(&self, part: &DrawPart) -> Saved {
        self.insert(
            "INSERT INTO draw_part (concert_id, first, entries) VALUES (?1, ?2, ?3)",
            (part.concert.get(), part.first, entries_form(&part.entries)),
            Key::Concert(part.concert),
        )
    }
}

fn schedule_values(schedule: &Schedule, version: u64) -> Vec<rusqlite::types::Value> {
    use rusqlite::types::Value;
    let number = |number: i64| Value::Integer(number);
    vec![
        number(schedule.id.get().into()),
        number(schedule.concert.get().into()),
        Value::Text(schedule.venue.clone()),
        number(schedule.starts_at.micros()),
        Value::Text(schedule.time_zone.clone()),
        number(schedule.duration_minutes.into()),
        number(schedule.booking.start.micros()),
        number(schedule.booking.end.micros()),
        number(schedule.hold.hold_seconds.into()),
        number(schedule.hold.max_seconds.into()),
        number(schedule.hold.extension_seconds.into()),
        number(schedule.max_seats_per_fan.into()),
        number(schedule.sales_paused.into()),
        number(schedule.plan_version.into()),
        number(schedule.in_use.into()),
        number(i64::try_from(schedule.version).unwrap_or(i64::MAX)),
        number(schedule.decided_at.micros()),
        number(schedule.created_at.micros()),
        number(i64::try_from(version).unwrap_or(i64::MAX)),
        policy_text(&schedule.refund_policy).map_or(Value::Null, Value::Text),
        schedule.cancelled_at.map_or(Value::Null, |at| number(at.micros())),
        number(i64::try_from(schedule.last_event).unwrap_or(i64::MAX)),
        schedule.sold_out_at.map_or(Value::Null, |at| number(at.micros())),
    ]
}
