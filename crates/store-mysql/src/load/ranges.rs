//! Loading what one name stands for many of: reservations of a fan, tickets of a reservation, claims of a schedule.

use std::collections::BTreeMap;

use frontrow_domain::records::Records;
use frontrow_domain::{ReservationId, ScheduleId, SeatNo, TicketId, Timestamp, UserId};
use sqlx::mysql::MySqlRow;

use super::{Loader, Packet, Part, each};
use crate::codec;
use crate::pool::Link;
use crate::row::{Result, all, first};
use crate::sql::{Value, fill, values};

/// Changes beyond which all claims of a schedule are read instead: a hall has at most 60,000 of them, and there is no
/// end to changes.
const CHANGES_MAX: u64 = 5_000;

/// Rows of reservations of fans, whole lists of each fan.
pub(super) fn fan_reservations(rows: &[MySqlRow], records: &mut Records) -> Result<()> {
    let mut lists: BTreeMap<(ScheduleId, UserId), Vec<ReservationId>> = BTreeMap::new();
    each(rows, codec::reservation, |(found, version)| {
        lists.entry((found.schedule, found.user)).or_default().push(found.id);
        records.reservations.load(found.id, Some((found, version)));
    })?;
    for ((schedule, user), mut ids) in lists {
        ids.sort_unstable();
        records.loaded_fan_reservations(schedule, user, ids);
    }
    Ok(())
}

/// Rows of tickets, whole lists of each reservation.
pub(super) fn tickets(rows: &[MySqlRow], records: &mut Records) -> Result<()> {
    let mut lists: BTreeMap<ReservationId, Vec<(SeatNo, TicketId)>> = BTreeMap::new();
    each(rows, codec::ticket, |(found, version)| {
        lists.entry(found.reservation).or_default().push((found.seat, found.id));
        records.tickets.load(found.id, Some((found, version)));
    })?;
    for (reservation, mut ids) in lists {
        ids.sort_unstable();
        records.loaded_tickets(reservation, ids.into_iter().map(|(_, id)| id).collect());
    }
    Ok(())
}

/// Rows of claims.
pub(super) fn claims(rows: &[MySqlRow], schedule: ScheduleId, records: &mut Records) -> Result<()> {
    each(rows, codec::seat_and_claim, |(seat, claim)| {
        records.claims.load((schedule, seat), Some((claim, 0)));
    })
}

/// What claims on some seats are read by, up to the list of seats.
pub(crate) fn claims_of(schedule: ScheduleId) -> String {
    let template = "SELECT seat_no, kind, reservation_id, user_id, held_until FROM claim FORCE INDEX (PRIMARY) \
                    WHERE schedule_id = ? AND seat_no";
    fill(template, &values![schedule])
}

impl Loader<'_, '_> {
    /// The claims of all seats that were changed after that version; all claims where that is not known.
    pub(super) async fn claims_since(
        &mut self,
        schedule: ScheduleId,
        version: u64,
        records: &mut Records,
    ) -> Result<()> {
        if records.claims_known_since(schedule).is_some_and(|known| known <= version) {
            return Ok(());
        }
        if let Some((_, seats)) = changed_since(self.link, schedule, version).await? {
            self.claims_on(schedule, seats, records).await?;
            records.loaded_claims_since(schedule, version);
        } else {
            let template =
                "SELECT seat_no, kind, reservation_id, user_id, held_until FROM claim WHERE schedule_id = ?";
            let rows = self.link.rows(fill(template, &values![schedule])).await?;
            claims(&rows, schedule, records)?;
            records.loaded_claims_since(schedule, 0);
        }
        Ok(())
    }

    /// The claims on the seats of all holds that have ended and that nobody has noted as expired. Others may have taken
    /// such a seat over since; then it is their claim that is loaded.
    pub(super) async fn lapsed_claims(
        &mut self,
        schedule: ScheduleId,
        now: Timestamp,
        records: &mut Records,
    ) -> Result<()> {
        // Never before what was decided over a loaded schedule, which matters when the clock has gone back.
        let now = now.max(records.decided_at());
        let template = "SELECT seats FROM reservation FORCE INDEX (reservation_by_state) \
                        WHERE state = 0 AND state_at <= ? AND schedule_id = ?";
        let rows = self.link.rows(fill(template, &values![now, schedule])).await?;
        let seats = all(&rows, |row| codec::seats(row, 0))?.concat();
        self.claims_on(schedule, seats, records).await?;
        records.loaded_lapsed_claims(schedule);
        Ok(())
    }

    /// The claims on these seats. A seat without one is loaded as such.
    async fn claims_on(
        &mut self,
        schedule: ScheduleId,
        mut seats: Vec<SeatNo>,
        records: &mut Records,
    ) -> Result<()> {
        seats.sort_unstable();
        seats.dedup();
        let mut packet = Packet::default();
        let list = seats.iter().copied().map(Value::from);
        packet.add_lists(Part::Claims(schedule), &claims_of(schedule), list, "");
        for seat in &seats {
            records.claims.load((schedule, *seat), None);
        }
        if packet.parts.is_empty() {
            return Ok(());
        }
        for answer in self.link.run(packet.sql).await.map_err(|failed| failed.error)? {
            claims(&answer.rows, schedule, records)?;
        }
        Ok(())
    }
}

/// The version that the map of a schedule has now, and which seats were changed after the one given, in order. Nothing
/// when not every change since then is there: the upkeep deletes old ones, a plan that is replaced leaves none, and a
/// version may be of another history.
pub(crate) async fn changed_since(
    link: &mut Link<'_>,
    schedule: ScheduleId,
    version: u64,
) -> Result<Option<(u64, Vec<SeatNo>)>> {
    let sql = fill("SELECT version FROM schedule WHERE schedule_id = ?", &values![schedule]);
    let Some(present) = first(&link.rows(sql).await?, |row| row.get::<u64>(0))? else { return Ok(None) };
    let changes = present.checked_sub(version);
    let Some(changes) = changes.filter(|changes| version > 0 && *changes <= CHANGES_MAX) else {
        return Ok(None);
    };
    let template = "SELECT seats FROM seat_change WHERE schedule_id = ? AND version > ?";
    let lists =
        all(&link.rows(fill(template, &values![schedule, version])).await?, |row| codec::seats(row, 0))?;
    if lists.len() as u64 != changes {
        return Ok(None);
    }
    let mut seats = lists.concat();
    seats.sort_unstable();
    seats.dedup();
    Ok(Some((present, seats)))
}
