//! The door: a ticket is scanned once, and a repeat of the same scan shows the same answer.

use std::sync::Arc;

use frontrow_domain::catalog::{Concert, Schedule};
use frontrow_domain::records::{Key, Keys, Records};
use frontrow_domain::ticket::{ScanRefused, Ticket};
use frontrow_domain::{ReservationId, ScheduleId, SeatNo, TicketId, Timestamp, UserId};
use serde::{Deserialize, Serialize};

use crate::account::unavailable;
use crate::app::App;
use crate::box_office::{Failure, Priority};
use crate::command::{Command, Stop, refuse};
use crate::once::{Answered, Compact, OnceRefused, OnceTag};
use crate::store::{Admissions, ReadError};

/// What a scanner at the door sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scan {
    /// The ticket that the code names; its signature was checked.
    pub ticket: TicketId,
    /// Which performance the door is for; any, without one.
    pub door: Option<ScheduleId>,
    /// When it was scanned, by a scanner that was without a network; never later than now.
    pub at: Option<Timestamp>,
    /// Who scanned it.
    pub by: UserId,
}

/// A ticket that has admitted its holder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scanned {
    /// The ticket.
    pub ticket: TicketId,
    /// To which performance.
    pub schedule: ScheduleId,
    /// To which seat.
    pub seat: SeatNo,
    /// When.
    pub used_at: Timestamp,
}

/// Why nobody is admitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScanTicketRefused {
    /// There is no such ticket.
    Unknown,
    /// The ticket does not admit.
    Ticket(ScanRefused),
}

/// The version of the compact form of [`Scanned`].
const SCANNED_V1: u8 = 1;

impl Compact for Scanned {
    fn to_bytes(&self) -> Option<Vec<u8>> {
        postcard::to_extend(self, vec![SCANNED_V1]).ok()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (SCANNED_V1, rest) = bytes.split_first().map(|(version, rest)| (*version, rest))? else {
            return None;
        };
        postcard::from_bytes(rest).ok()
    }
}

struct ScanTicket {
    scan: Scan,
    // What was resolved at the edge; these facts of a ticket never change.
    reservation: ReservationId,
    schedule: ScheduleId,
}

impl Command for ScanTicket {
    type Outcome = Scanned;
    type Refusal = ScanTicketRefused;

    fn keys(&self) -> Keys {
        Keys::new([Key::Schedule(self.schedule), Key::Tickets(self.reservation)])
    }

    fn decide(&self, records: &mut Records, now: Timestamp) -> Result<Scanned, Stop<ScanTicketRefused>> {
        let tickets = records.tickets_of(self.reservation)?;
        let Some(ticket) = tickets.into_iter().find(|ticket| ticket.id == self.scan.ticket) else {
            return refuse(ScanTicketRefused::Unknown);
        };
        if records.schedules.get(&self.schedule)?.is_some_and(|schedule| schedule.cancelled_at.is_some()) {
            return refuse(ScanTicketRefused::Ticket(ScanRefused::Void));
        }
        // A scanner whose clock is ahead has not scanned in the future.
        let at = self.scan.at.map_or(now, |at| at.min(now));
        let used = ticket
            .scan(self.scan.door, self.scan.by, at)
            .map_err(|refused| Stop::Refused(ScanTicketRefused::Ticket(refused)))?;
        let scanned = Scanned { ticket: used.id, schedule: used.schedule, seat: used.seat, used_at: at };
        records.tickets.put(used.id, used);
        Ok(scanned)
    }
}

/// What a scanner shows of a ticket: where its holder belongs.
#[derive(Debug, Clone)]
pub struct ScannedDetails {
    /// What was scanned.
    pub scanned: Scanned,
    /// The concert, as it is now.
    pub concert: Arc<Concert>,
    /// The schedule, as it is now.
    pub schedule: Arc<Schedule>,
}

impl App {
    /// Admits the holder of a ticket, once.
    pub async fn scan(
        &self,
        scan: Scan,
        tag: Option<OnceTag>,
    ) -> Result<Answered<Scanned>, Failure<OnceRefused<ScanTicketRefused>>> {
        let Some(ticket) = self.reads.ticket(scan.ticket).await.map_err(unavailable)? else {
            return self.refuse_early(tag.as_ref(), ScanTicketRefused::Unknown).await;
        };
        let command = ScanTicket { scan, reservation: ticket.reservation, schedule: ticket.schedule };
        self.run_once(Priority::Settle, tag, command).await
    }

    /// Adds to a scan what the scanner shows with it.
    pub async fn scanned_details(&self, scanned: Scanned) -> Result<ScannedDetails, ReadError> {
        let missing = || ReadError::Corrupt(format!("ticket {} has no schedule or concert", scanned.ticket));
        let schedule = self.memory.catalog.schedule(scanned.schedule).await?.ok_or_else(missing)?;
        let concert = self.memory.catalog.concert(schedule.concert).await?.ok_or_else(missing)?;
        Ok(ScannedDetails { scanned, concert, schedule })
    }

    /// A ticket of this fan; nobody else's is ever found.
    pub async fn ticket(&self, user: UserId, id: TicketId) -> Result<Option<Ticket>, ReadError> {
        Ok(self.reads.ticket(id).await?.filter(|ticket| ticket.user == user))
    }

    /// Who has come in to a performance; nothing when there is none of that number.
    pub async fn admissions(&self, schedule: ScheduleId) -> Result<Option<Admissions>, ReadError> {
        if self.memory.catalog.schedule(schedule).await?.is_none() {
            return Ok(None);
        }
        self.reads.admissions(schedule).await.map(Some)
    }
}
