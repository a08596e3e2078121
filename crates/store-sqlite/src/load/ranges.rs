//! Loading what one name stands for many of: tickets of a reservation, claims of a schedule.

use std::sync::LazyLock;

use frontrow_domain::records::Records;
use frontrow_domain::{ReservationId, ScheduleId, SeatNo};
use rusqlite::{Connection, OptionalExtension, Result};

use super::{Loader, select};
use crate::codec::{self, TICKET_COLUMNS};

static TICKETS: LazyLock<String> =
    LazyLock::new(|| select(TICKET_COLUMNS, "ticket WHERE reservation_id = ?1 ORDER BY seat_no"));

/// Changes beyond which all claims of a schedule are read instead: a hall has at most 60,000 of them, and there is no
/// end to changes.
const CHANGES_MAX: u64 = 5_000;

impl Loader<'_> {
    pub(super) fn tickets(&self, reservation: ReservationId, records: &mut Records) -> Result<()> {
        let mut statement = self.connection.prepare_cached(&TICKETS)?;
        let mut rows = statement.query([reservation.bytes()])?;
        let mut ids = Vec::new();
        while let Some(row) = rows.next()? {
            let (ticket, row_version) = codec::ticket(row)?;
            ids.push(ticket.id);
            records.tickets.load(ticket.id, Some((ticket, row_version)));
        }
        records.loaded_tickets(reservation, ids);
        Ok(())
    }

    /// The claims on these seats. A seat without one is loaded as such.
    pub(super) fn claims(&self, schedule: ScheduleId, seats: &[SeatNo], records: &mut Records) -> Result<()> {
        let sql =
            "SELECT kind, reservation_id, user_id, until FROM claim WHERE schedule_id = ?1 AND seat_no = ?2";
        let mut statement = self.connection.prepare_cached(sql)?;
        for &seat in seats {
            let found =
                statement.query_row((schedule.get(), seat.get()), |row| codec::claim(row, 0)).optional()?;
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
        if let Some((_, seats)) = changed_since(self.connection, schedule, version)? {
            self.claims(schedule, &seats, records)?;
            records.loaded_claims_since(schedule, version);
        } else {
            self.all_claims(schedule, records)?;
            records.loaded_claims_since(schedule, 0);
        }
        Ok(())
    }

    fn all_claims(&self, schedule: ScheduleId, records: &mut Records) -> Result<()> {
        let sql = "SELECT seat_no, kind, reservation_id, user_id, until FROM claim WHERE schedule_id = ?1";
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut rows = statement.query([schedule.get()])?;
        while let Some(row) = rows.next()? {
            let seat = SeatNo::new(row.get(0)?);
            records.claims.load((schedule, seat), Some((codec::claim(row, 1)?, 0)));
        }
        Ok(())
    }

    /// The claims on the seats of all holds that have ended and that nobody has noted as expired. Others may have taken
    /// such a seat over since; then it is their claim that is loaded.
    pub(super) fn lapsed_claims(&self, schedule: ScheduleId, records: &mut Records) -> Result<()> {
        // The time of the group is not known yet. It is never before what was decided over a loaded schedule, which
        // matters when the clock has gone back.
        let now = self.begun.max(records.decided_at());
        let sql = "SELECT seats FROM reservation INDEXED BY reservation_pending \
                   WHERE state = 0 AND state_at <= ?2 AND schedule_id = ?1";
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut rows = statement.query((schedule.get(), now.micros()))?;
        let mut seats = Vec::new();
        while let Some(row) = rows.next()? {
            seats.extend(codec::seats(row, 0)?);
        }
        seats.sort_unstable();
        seats.dedup();
        self.claims(schedule, &seats, records)?;
        records.loaded_lapsed_claims(schedule);
        Ok(())
    }
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
    let changes = present.checked_sub(version).filter(|changes| version > 0 && *changes <= CHANGES_MAX);
    let Some(changes) = changes else { return Ok(None) };
    let sql = "SELECT seats FROM seat_change WHERE schedule_id = ?1 AND version > ?2";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query((schedule.get(), version))?;
    let (mut found, mut seats) = (0, Vec::new());
    while let Some(row) = rows.next()? {
        found += 1;
        seats.extend(codec::seats(row, 0)?);
    }
    // In order, so that neighbours are found on the same page.
    seats.sort_unstable();
    seats.dedup();
    Ok((found == changes).then_some((present, seats)))
}
