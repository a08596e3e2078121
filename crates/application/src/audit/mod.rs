//! The audit: proves on a store, served or not, that seats, reservations, payments and money agree (R-W5).
//!
//! It reads in slices, each a snapshot of its own with one time, so that it can run beside a sale without
//! holding anything up. Every statement below is about one slice, so none can be broken by a change between two:
//! - a claim belongs to a reservation that lists the seat and is in the state that the claim says;
//! - a reservation that is paid, or held and not lapsed, has all its claims, and any other has none that count;
//! - a paid reservation has exactly one completed payment of its amount and one ticket a seat that is not void; one
//!   that was refunded has that payment, exactly one refund, which adds up to it, and only void tickets; any other has
//!   none of these;
//! - a wallet's balance is the sum of its entries, which chain without a gap and never go below zero; its debits are
//!   its owner's completed payments, and its refunds and fees are its owner's refunds, one by one;
//! - the parts of a drawn order follow one another without a gap, and have as many entries as their concert says. That it is
//!   the order of its seed is for whoever doubts it to work out (`frontrow draw verify`).
//!
//! Together they say: sold seats = seats of confirmed reservations, payments - refunds = amounts of confirmed
//! reservations + fees kept, all entries and their counter-accounts sum to zero, free + held + sold + blocked = seats.

mod check;
mod rounds;

use std::collections::BTreeMap;
use std::fmt;

use frontrow_domain::payment::{Payment, Refund};
use frontrow_domain::reservation::{Claim, Reservation};
use frontrow_domain::ticket::Ticket;
use frontrow_domain::wallet::{LedgerEntry, Wallet};
use frontrow_domain::{ConcertId, Money, ReservationId, ScheduleId, SeatNo, Timestamp, UserId};

use crate::app::App;
use crate::store::{Read, ReadError, Reads};

pub use rounds::AuditRounds;

/// How many reservations one slice has.
const RESERVATIONS_A_SLICE: usize = 500;
/// How many wallets one slice has.
const WALLETS_A_SLICE: usize = 500;
/// How many differences are described; all are counted.
const DESCRIBED_MAX: usize = 100;

/// One schedule and its claims, as of one moment.
#[derive(Debug)]
pub struct ScheduleSlice {
    /// Which schedule.
    pub id: ScheduleId,
    /// How many seats its plan has.
    pub seats: u32,
    /// Its claims, with the reservation that each names, if it is there.
    pub claims: Vec<(SeatNo, Claim, Option<Reservation>)>,
    /// The time, read once the snapshot was open.
    pub now: Timestamp,
}

/// A reservation with everything that must agree with it.
#[derive(Debug)]
pub struct ReservationFacts {
    /// The reservation.
    pub reservation: Reservation,
    /// The claim on each of its seats.
    pub claims: Vec<(SeatNo, Option<Claim>)>,
    /// All its completed payments.
    pub payments: Vec<Payment>,
    /// All its refunds.
    pub refunds: Vec<Refund>,
    /// All its tickets.
    pub tickets: Vec<Ticket>,
}

/// Some reservations, as of one moment.
#[derive(Debug)]
pub struct ReservationSlice {
    /// The reservations, in order of id.
    pub facts: Vec<ReservationFacts>,
    /// The time, read once the snapshot was open.
    pub now: Timestamp,
}

/// A wallet with everything that must agree with it.
#[derive(Debug)]
pub struct WalletFacts {
    /// The wallet.
    pub wallet: Wallet,
    /// All its entries, in order of number.
    pub entries: Vec<LedgerEntry>,
    /// All completed payments of its owner, each with its reservation, if it is there.
    pub payments: Vec<(Payment, Option<Reservation>)>,
    /// All refunds to its owner.
    pub refunds: Vec<Refund>,
}

/// A draw with what is kept of its order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DrawSlice {
    /// Of which concert.
    pub concert: ConcertId,
    /// How many entries are kept, as the concert says.
    pub listed: u32,
    /// The parts of the order in theirs: how many entries are said to be before each, and how many it has.
    pub parts: Vec<(u32, u64)>,
}

/// Queries for the audit. Each reads one snapshot of a second at the most.
pub trait AuditReads: Send + Sync + 'static {
    /// The first schedule after the one given.
    fn audit_schedule(&self, after: Option<ScheduleId>) -> Read<'_, Option<ScheduleSlice>>;
    /// The reservations after the one given, at most `limit`.
    fn audit_reservations(&self, after: Option<ReservationId>, limit: usize) -> Read<'_, ReservationSlice>;
    /// The wallets after the one given, at most `limit`.
    fn audit_wallets(&self, after: Option<UserId>, limit: usize) -> Read<'_, Vec<WalletFacts>>;
    /// The draw of the first concert after the one given that has one, done or not.
    fn audit_draw(&self, after: Option<ConcertId>) -> Read<'_, Option<DrawSlice>>;
}

/// What the audit has found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditReport {
    /// Schedules seen.
    pub schedules: u64,
    /// Seats seen, over all schedules.
    pub seats: u64,
    /// Seats by what the map shows.
    pub seats_by_state: BTreeMap<&'static str, u64>,
    /// Reservations by status.
    pub reservations: BTreeMap<&'static str, u64>,
    /// Wallets seen.
    pub wallets: u64,
    /// What is in all wallets.
    pub balances: Money,
    /// What was paid in from outside.
    pub charged: Money,
    /// What was paid for seats.
    pub paid: Money,
    /// What went back into wallets.
    pub refunded: Money,
    /// What was kept of refunds.
    pub fees: Money,
    /// What confirmed reservations cost.
    pub confirmed: Money,
    /// Draws seen, done or not.
    pub draws: u64,
    /// How many things do not agree.
    pub difference_count: u64,
    /// The first of them, in words.
    pub differences: Vec<String>,
}

impl AuditReport {
    /// True when everything agrees.
    pub const fn is_clean(&self) -> bool {
        self.difference_count == 0
    }

    fn note(&mut self, difference: String) {
        self.difference_count += 1;
        if self.differences.len() < DESCRIBED_MAX {
            self.differences.push(difference);
        }
    }
}

impl fmt::Display for AuditReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = |map: &BTreeMap<&'static str, u64>, name| map.get(name).copied().unwrap_or(0);
        writeln!(f, "schedules      {}", self.schedules)?;
        writeln!(f, "seats          {}", self.seats)?;
        for state in ["available", "held", "sold", "blocked"] {
            writeln!(f, "  {state:<12} {}", count(&self.seats_by_state, state))?;
        }
        writeln!(f, "reservations   {}", self.reservations.values().sum::<u64>())?;
        for status in ["pending", "confirmed", "expired", "cancelled", "refunded"] {
            writeln!(f, "  {status:<12} {}", count(&self.reservations, status))?;
        }
        writeln!(f, "wallets        {}", self.wallets)?;
        writeln!(f, "  charged      {}", self.charged)?;
        writeln!(f, "  paid         {}", self.paid)?;
        writeln!(f, "  refunded     {}", self.refunded)?;
        writeln!(f, "  fees kept    {}", self.fees)?;
        writeln!(f, "  balances     {}", self.balances)?;
        writeln!(f, "confirmed for  {}", self.confirmed)?;
        // Few sales have a lobby.
        if self.draws > 0 {
            writeln!(f, "draws          {}", self.draws)?;
        }
        for difference in &self.differences {
            writeln!(f, "DIFFERENCE     {difference}")?;
        }
        if self.is_clean() {
            write!(f, "clean: seats, reservations, payments and money agree")
        } else {
            write!(f, "{} differences", self.difference_count)
        }
    }
}

/// A walk through a store, slice by slice.
#[derive(Debug, Default)]
pub struct AuditWalk(Next);

/// What is read next, and after which one.
#[derive(Debug)]
enum Next {
    Schedule(Option<ScheduleId>),
    Reservations(Option<ReservationId>),
    Wallets(Option<UserId>),
    Draw(Option<ConcertId>),
    Nothing,
}

impl Default for Next {
    fn default() -> Self {
        Self::Schedule(None)
    }
}

impl AuditWalk {
    /// Reads the next slice and notes in the report what it says. False, and nothing noted, once all were read. A slice that
    /// could not be read is read the next time.
    pub async fn step(&mut self, reads: &dyn Reads, report: &mut AuditReport) -> Result<bool, ReadError> {
        if let Next::Schedule(after) = self.0 {
            let slice = reads.audit_schedule(after).await?;
            self.0 = slice.as_ref().map_or(Next::Reservations(None), |slice| Next::Schedule(Some(slice.id)));
            if let Some(slice) = slice {
                check::schedule(&slice, report);
                return Ok(true);
            }
        }
        if let Next::Reservations(after) = self.0 {
            let slice = reads.audit_reservations(after, RESERVATIONS_A_SLICE).await?;
            let last = slice.facts.last().map(|facts| facts.reservation.id);
            self.0 = last.map_or(Next::Wallets(None), |last| Next::Reservations(Some(last)));
            if last.is_some() {
                for facts in &slice.facts {
                    check::reservation(facts, slice.now, report);
                }
                return Ok(true);
            }
        }
        if let Next::Wallets(after) = self.0 {
            let wallets = reads.audit_wallets(after, WALLETS_A_SLICE).await?;
            let last = wallets.last().map(|facts| facts.wallet.user);
            self.0 = last.map_or(Next::Draw(None), |last| Next::Wallets(Some(last)));
            if last.is_some() {
                for facts in &wallets {
                    check::wallet(facts, report);
                }
                return Ok(true);
            }
        }
        if let Next::Draw(after) = self.0 {
            let slice = reads.audit_draw(after).await?;
            self.0 = slice.as_ref().map_or(Next::Nothing, |slice| Next::Draw(Some(slice.concert)));
            if let Some(slice) = slice {
                check::draw(&slice, report);
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Reads a store slice by slice and compares.
pub async fn audit(reads: &dyn Reads) -> Result<AuditReport, ReadError> {
    let mut report = AuditReport::default();
    let mut walk = AuditWalk::default();
    while walk.step(reads, &mut report).await? {}
    Ok(report)
}

impl App {
    /// Audits the store beside the running sale.
    pub async fn audit(&self) -> Result<AuditReport, ReadError> {
        audit(&*self.reads).await
    }
}

#[cfg(test)]
mod tests;
