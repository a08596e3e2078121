//! Loading what one name stands for many of: tickets of a reservation, claims of a schedule.

use std::collections::HashMap;
use std::sync::LazyLock;

use frontrow_domain::records::Records;
use frontrow_domain::reservation::Claim;
use frontrow_domain::{ReservationId, ScheduleId, SeatNo};
use rusqlite::{Connection, OptionalExtension, Result};
use uuid::Uuid;

use super::{Loader, select};
use crate::codec::{self, TICKET_COLUMNS};
use crate::live::{Hall, Known};

static TICKETS: LazyLock<String> =
    LazyLock::new(|| select(TICKET_COLUMNS, "ticket WHERE reservation_id = ?1 ORDER BY seat_no"));

/// Changes beyond which all claims of a schedule are read instead: a hall has at most 60,000 of them, and there is no
/// end to changes.
const CHANGES_MAX: u64 = 5_000;

impl Loader<'_> {
    pub(super) fn tickets(&self, reservation: ReservationId, records: &mut Records) -> Result<()> {
        let mut statement = self.connection.prepare_cached(&TICKETS)?;
        let mut rows = statement.query([reservation.bytes()])?;
        let mut found = HashMap::new();
        while let Some(row) = rows.next()? {
            let (ticket, row_version) = codec::ticket(row)?;
            found.insert(ticket.id, (ticket, row_version));
        }
        for id in self.state.tickets_of.get(&reservation).into_iter().flatten() {
            found.extend(self.state.tickets.get(id).map(|kept| (*id, kept.value.clone())));
        }
        let mut ids: Vec<_> = found.values().map(|(ticket, _)| (ticket.seat, ticket.id)).collect();
        ids.sort_unstable();
        for (id, ticket) in found {
            records.tickets.load(id, Some(ticket));
        }
        records.loaded_tickets(reservation, ids.into_iter().map(|(_, id)| id).collect());
        Ok(())
    }

    /// The claims on these seats. A seat without one is loaded as such.
    pub(super) fn claims(&self, schedule: ScheduleId, seats: &[SeatNo], records: &mut Records) -> Result<()> {
        let hall = self.state.halls.get(&schedule);
        for &seat in seats {
            let found = match hall.map_or(Known::InTheTable, |hall| hall.claim(seat)) {
                Known::Is(claim) => claim,
                Known::InTheTable => claim(self.connection, schedule, seat)?,
            };
            records.claims.load((schedule, seat), found.map(|claim| (claim, 0)));
        }
        Ok(())
    }

    /// The claims of all seats that were changed after that version; all claims where that is not known.
    pub(super) fn claims_since(
        &self,
        schedule: ScheduleId,
        version: u64,
        records: &mut Records,
    ) -> Result<()> {
        if records.claims_known_since(schedule).is_some_and(|known| known <= version) {
            return Ok(());
        }
        if let Some(seats) = self.changed_since(schedule, version)? {
            self.claims(schedule, &seats, records)?;
            records.loaded_claims_since(schedule, version);
        } else {
            self.all_claims(schedule, records)?;
            records.loaded_claims_since(schedule, 0);
        }
        Ok(())
    }

    /// Which seats were changed after that version, in order; nothing when not every change since then is known.
    fn changed_since(&self, schedule: ScheduleId, version: u64) -> Result<Option<Vec<SeatNo>>> {
        let present = self.state.schedules.get(&schedule).map(|(schedule, _)| schedule.version);
        let changes = present.and_then(|present| changes_between(version, present));
        let (Some(changes), Some(hall)) = (changes, self.state.halls.get(&schedule)) else { return Ok(None) };
        let mut since = hall.since(version);
        if since.versions < changes {
            let before = i64::try_from(since.before).unwrap_or(i64::MAX);
            since.versions += changed_seats(self.connection, schedule, version, before, &mut since.seats)?;
        }
        // In order, so that neighbours are found on the same page.
        since.seats.sort_unstable();
        since.seats.dedup();
        Ok((since.versions == changes).then_some(since.seats))
    }

    fn all_claims(&self, schedule: ScheduleId, records: &mut Records) -> Result<()> {
        let sql = "SELECT seat_no, kind, reservation_id, user_id, until FROM claim WHERE schedule_id = ?1";
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut rows = statement.query([schedule.get()])?;
        while let Some(row) = rows.next()? {
            let seat = SeatNo::new(row.get(0)?);
            records.claims.load((schedule, seat), Some((codec::claim(row, 1)?, 0)));
        }
        // What is in memory is newer.
        for (seat, claim) in self.state.halls.get(&schedule).into_iter().flat_map(Hall::recent) {
            records.claims.load((schedule, seat), claim.map(|claim| (claim, 0)));
        }
        Ok(())
    }

    /// The claims on the seats of all holds that have ended and that nobody has noted as expired. Others may have taken
    /// such a seat over since; then it is their claim that is loaded.
    pub(super) fn lapsed_claims(&self, schedule: ScheduleId, records: &mut Records) -> Result<()> {
        // The time of the group is not known yet. It is never before what was decided over a loaded schedule, which
        // matters when the clock has gone back.
        let now = self.begun.max(records.decided_at());
        let sql = "SELECT seats, reservation_id FROM reservation INDEXED BY reservation_pending \
                   WHERE state = 0 AND state_at <= ?2 AND schedule_id = ?1";
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut rows = statement.query((schedule.get(), now.micros()))?;
        let mut seats = Vec::new();
        while let Some(row) = rows.next()? {
            let id = ReservationId::new(Uuid::from_bytes(row.get(1)?));
            if !self.state.reservations.contains_key(&id) {
                seats.extend(codec::seats(row, 0)?);
            }
        }
        for (_, id) in self.state.pending.iter().take_while(|(until, _)| *until <= now) {
            let found = self.state.reservations.get(id).map(|kept| &kept.value.0);
            seats.extend(
                found.filter(|found| found.schedule == schedule).into_iter().flat_map(|found| &found.seats),
            );
        }
        seats.sort_unstable();
        seats.dedup();
        self.claims(schedule, &seats, records)?;
        records.loaded_lapsed_claims(schedule);
        Ok(())
    }
}

/// What the tables say of the claim on a seat.
pub(crate) fn claim(connection: &Connection, schedule: ScheduleId, seat: SeatNo) -> Result<Option<Claim>> {
    let sql =
        "SELECT kind, reservation_id, user_id, until FROM claim WHERE schedule_id = ?1 AND seat_no = ?2";
    let mut statement = connection.prepare_cached(sql)?;
    statement.query_row((schedule.get(), seat.get()), |row| codec::claim(row, 0)).optional()
}

/// How many changes there are between two versions of a map, when that is few enough to go by them.
fn changes_between(version: u64, present: u64) -> Option<u64> {
    present.checked_sub(version).filter(|changes| version > 0 && *changes <= CHANGES_MAX)
}

/// Adds the seats that were changed after one version and up to another, as the tables have it. Answers how many versions
/// these were.
fn changed_seats(
    connection: &Connection,
    schedule: ScheduleId,
    after: u64,
    through: i64,
    seats: &mut Vec<SeatNo>,
) -> Result<u64> {
    let sql = "SELECT seats FROM seat_change WHERE schedule_id = ?1 AND version > ?2 AND version <= ?3";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query((schedule.get(), after, through))?;
    let mut found = 0;
    while let Some(row) = rows.next()? {
        found += 1;
        seats.extend(codec::seats(row, 0)?);
    }
    Ok(found)
}

/// The version of a seat map, and which seats were changed after the one given, each once and in order. Nothing when not
/// every change since then is there: the upkeep deletes old ones, a plan that is replaced leaves none, and a version may
/// be of another history.
pub(crate) fn changed_since(
    connection: &Connection,
    schedule: ScheduleId,
    version: u64,
) -> Result<Option<(u64, Vec<SeatNo>)>> {
    let sql = "SELECT version FROM schedule WHERE schedule_id = ?1";
    let present: Option<u64> =
        connection.prepare_cached(sql)?.query_row([schedule.get()], |row| row.get(0)).optional()?;
    let Some(present) = present else { return Ok(None) };
    let Some(changes) = changes_between(version, present) else { return Ok(None) };
    let mut seats = Vec::new();
    let found = changed_seats(connection, schedule, version, i64::MAX, &mut seats)?;
    seats.sort_unstable();
    seats.dedup();
    Ok((found == changes).then_some((present, seats)))
}
