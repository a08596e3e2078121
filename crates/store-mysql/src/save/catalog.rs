//! Saving concerts, schedules and plans.

use frontrow_application::catalog::{drawing_form, plan_form};
use frontrow_domain::catalog::{Concert, Schedule};
use frontrow_domain::records::{Change, DrawPart, Key, PlanDrawing};
use frontrow_domain::{ConcertId, ScheduleId};

use super::{Rows, Saved, Saver, never_deleted};
use crate::codec::catalog::{entries_form, policy_text};
use crate::sql::values;

impl Saver {
    pub(super) fn concerts(&mut self, changes: &[Change<'_, ConcertId, Concert>]) -> Saved {
        let mut rows = Rows::new(
            "concert (concert_id, title, artist, description, published, room_enabled, room_max_active, \
             room_admit_per_second_milli, room_session_seconds, room_claim_seconds, room_presence_seconds, \
             room_lobby_opens_at, room_paused, room_draining, room_closed, room_notice, room_draw_seed, \
             room_draw_listed, room_drawn_at, created_at, row_version)",
        );
        for change in changes {
            let key = Key::Concert(*change.key);
            let Some(concert) = change.after else { return Err(never_deleted(&key)) };
            let (room, controls, draw) = (&concert.waiting_room, &concert.controls, &concert.draw);
            let seed = draw.map(|draw| draw.seed.bytes());
            // The row as it is to be; the number that is loaded comes last.
            let (id, version) = (concert.id, change.before.map_or(1, |(_, version)| version));
            let values = values![
                id,
                &concert.title,
                &concert.artist,
                &concert.description,
                concert.published,
                room.enabled,
                room.max_active,
                room.admit_per_second_milli,
                room.session_seconds,
                room.claim_seconds,
                room.presence_seconds,
                room.lobby_opens_at,
                controls.paused,
                controls.draining,
                controls.closed,
                controls.notice.as_ref(),
                seed.as_ref().map(|seed| &seed[..]),
                draw.map(|draw| draw.listed),
                draw.and_then(|draw| draw.drawn_at),
                concert.created_at,
                version,
            ];
            if change.before.is_none() {
                rows.add(&values, key);
                continue;
            }
            let mut matched = values[1..20].to_vec();
            matched.extend(values![id, version]);
            self.matched(
                "UPDATE concert SET title = ?, artist = ?, description = ?, published = ?, room_enabled = ?, \
                 room_max_active = ?, room_admit_per_second_milli = ?, room_session_seconds = ?, \
                 room_claim_seconds = ?, room_presence_seconds = ?, room_lobby_opens_at = ?, room_paused = ?, \
                 room_draining = ?, room_closed = ?, room_notice = ?, room_draw_seed = ?, room_draw_listed = ?, \
                 room_drawn_at = ?, created_at = ?, row_version = row_version + 1 WHERE concert_id = ? AND row_version = ?",
                &matched,
                key,
            );
        }
        self.insert(rows);
        Ok(())
    }

    pub(super) fn schedules(&mut self, changes: &[Change<'_, ScheduleId, Schedule>]) -> Saved {
        let mut rows = Rows::new(
            "schedule (schedule_id, concert_id, venue, starts_at, time_zone, duration_minutes, booking_start, \
             booking_end, hold_seconds, hold_max_seconds, hold_extension_seconds, max_seats_per_fan, sales_paused, \
             plan_version, in_use, version, decided_at, created_at, refund_policy, cancelled_at, last_event, \
             sold_out_at, row_version)",
        );
        let mut plans = Rows::new("seat_plan (schedule_id, plan_version, form)");
        for change in changes {
            let key = Key::Schedule(*change.key);
            let Some(schedule) = change.after else { return Err(never_deleted(&key)) };
            match change.before {
                // The common change by far: seats were claimed or came back, and the schedule only notes it.
                Some((before, version))
                    if before.draft() == schedule.draft() && before.plan_version == schedule.plan_version =>
                {
                    self.matched(
                        "UPDATE schedule SET in_use = ?, version = ?, decided_at = ?, cancelled_at = ?, \
                         last_event = ?, sold_out_at = ?, row_version = row_version + 1 \
                         WHERE schedule_id = ? AND row_version = ?",
                        &values![
                            schedule.in_use,
                            schedule.version,
                            schedule.decided_at,
                            schedule.cancelled_at,
                            schedule.last_event,
                            schedule.sold_out_at,
                            schedule.id,
                            version,
                        ],
                        key.clone(),
                    );
                }
                before => self.whole_schedule(schedule, before.map(|(_, version)| version), &mut rows),
            }
            if change.before.is_none_or(|(before, _)| before.plan_version != schedule.plan_version) {
                let form = plan_form::to_bytes(&schedule.plan);
                plans.add(&values![schedule.id, schedule.plan_version, form.as_slice()], key);
            }
        }
        self.insert(rows);
        self.insert(plans);
        Ok(())
    }

    fn whole_schedule(&mut self, schedule: &Schedule, version: Option<u64>, rows: &mut Rows) {
        let policy = policy_text(&schedule.refund_policy);
        let key = Key::Schedule(schedule.id);
        let values = values![
            schedule.id,
            schedule.concert,
            &schedule.venue,
            schedule.starts_at,
            &schedule.time_zone,
            schedule.duration_minutes,
            schedule.booking.start,
            schedule.booking.end,
            schedule.hold.hold_seconds,
            schedule.hold.max_seconds,
            schedule.hold.extension_seconds,
            schedule.max_seats_per_fan,
            schedule.sales_paused,
            schedule.plan_version,
            schedule.in_use,
            schedule.version,
            schedule.decided_at,
            schedule.created_at,
            policy.as_ref(),
            schedule.cancelled_at,
            schedule.last_event,
            schedule.sold_out_at,
            version.unwrap_or(1),
        ];
        if version.is_none() {
            rows.add(&values, key);
            return;
        }
        let mut matched = values[1..22].to_vec();
        matched.extend([values[0], values[22]]);
        self.matched(
            "UPDATE schedule SET concert_id = ?, venue = ?, starts_at = ?, time_zone = ?, duration_minutes = ?, \
             booking_start = ?, booking_end = ?, hold_seconds = ?, hold_max_seconds = ?, \
             hold_extension_seconds = ?, max_seats_per_fan = ?, sales_paused = ?, plan_version = ?, in_use = ?, \
             version = ?, decided_at = ?, created_at = ?, refund_policy = ?, cancelled_at = ?, last_event = ?, \
             sold_out_at = ?, row_version = row_version + 1 WHERE schedule_id = ? AND row_version = ?",
            &matched,
            key,
        );
    }

    pub(super) fn drawings(&mut self, drawings: &[PlanDrawing]) {
        let mut rows = Rows::new("seat_drawing (schedule_id, plan_version, form)");
        for drawing in drawings {
            let form = drawing_form::to_bytes(&drawing.drawing);
            let values = values![drawing.schedule, drawing.plan_version, form.as_slice()];
            rows.add(&values, Key::Schedule(drawing.schedule));
        }
        self.insert(rows);
    }

    /// A statement each: a part is half a packet.
    pub(super) fn draw_parts(&mut self, parts: &[DrawPart]) {
        for part in parts {
            let mut rows = Rows::new("draw_part (concert_id, first, entries)");
            let form = entries_form(&part.entries);
            let values = values![part.concert, part.first, form.as_slice()];
            rows.add(&values, Key::Concert(part.concert));
            self.insert(rows);
        }
    }
}
