//! The store's ports: one way to write, and the queries that reads use.
//!
//! MUSTs of every adapter, proven by the conformance suite in `frontrow-testkit`:
//! - [`Store::transact`] locks before it reads what it lets a group decide on, reads the clock only once the
//!   last lock is held, and never answers a time over a schedule earlier than one it has answered before.
//! - What a group changed is saved whole or not at all, with plain inserts for claims, ledger, payments, refunds,
//!   new tickets, keys and staff actions, and with a match on the loaded row version for everything else; no upserts.
//! - The database itself refuses a second claim on a seat, a second completed payment of a reservation, a second
//!   refund of a payment, a second use of a key or address, and a negative balance, also from a program that is not
//!   this one.
//! - [`Key::ClaimsSince`](frontrow_domain::records::Key::ClaimsSince) loads the claims of every seat that a commit
//!   has changed after that version, or, when not all of those changes are known any more, all claims of the schedule,
//!   and says which of the two it was
//!   ([`Records::loaded_claims_since`](frontrow_domain::records::Records::loaded_claims_since)).
//! - Answering success means that the change survives the loss of power.
//! - Nothing outside the store is called while a transaction is open.

use frontrow_domain::account::{Account, Email};
use frontrow_domain::catalog::{Concert, Drawing, Schedule};
use frontrow_domain::event::PaymentMade;
use frontrow_domain::payment::{Payment, Refund};
use frontrow_domain::records::{Digest, Keys, OnceRecord, SeatChanges};
use frontrow_domain::reservation::{Reservation, ReservationStatus, SeatState};
use frontrow_domain::staff::StaffAction;
use frontrow_domain::ticket::Ticket;
use frontrow_domain::wallet::{LedgerEntry, Wallet};
use frontrow_domain::{
    AuditEntryId, ConcertId, EntryId, Money, PaymentId, ReservationId, ScheduleId, SeatNo, TicketId,
    Timestamp, UserId,
};
use futures_util::future::BoxFuture;

use crate::audit::AuditReads;
use crate::events::EventLog;
use crate::group::Group;

/// Which commands may share a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LaneShape {
    /// All of them: the store has one writer.
    Single,
    /// Those of one schedule, or of one shard of wallets: the store has many writers.
    PerSchedule,
}

/// What a commit answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Committed {
    /// The time at which the group was decided.
    pub decided_at: Timestamp,
}

/// Why a group was not committed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// A conflict with another writer; the whole group can be tried again.
    #[error("the store is busy")]
    Busy,
    /// These records were not what they were loaded as; the commands that name them are to be tried alone.
    #[error("a race was lost over {0:?}")]
    Lost(Keys),
    /// The store refused a row for another reason: one of the commands is at fault.
    #[error("the store refused a row: {0}")]
    Broken(String),
    /// The store cannot be reached or takes no writes.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// The commit failed in a way that does not say whether it happened.
    #[error("the outcome of a commit is unknown: {0}")]
    OutcomeUnknown(String),
}

/// The one way to write.
pub trait Store: Send + Sync + 'static {
    /// Which commands may share a group.
    fn lane_shape(&self) -> LaneShape;

    /// Loads, lets the group decide, saves, commits. Takes the group and gives the same group back, so that it
    /// can be answered or tried again. Called from a thread of its own, which it may block.
    fn transact(&self, group: Group) -> BoxFuture<'_, (Group, Result<Committed, StoreError>)>;
}

/// Why a query has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// The store cannot be reached.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// What is stored cannot be what was written.
    #[error("the store holds something unreadable: {0}")]
    Corrupt(String),
}

/// The answer of a query, later.
pub type Read<'a, T> = BoxFuture<'a, Result<T, ReadError>>;

/// Queries about accounts.
pub trait AccountReads: Send + Sync + 'static {
    /// The account of that id.
    fn account(&self, id: UserId) -> Read<'_, Option<Account>>;
    /// The account of that address.
    fn account_by_email<'a>(&'a self, email: &'a Email) -> Read<'a, Option<Account>>;
    /// Who is known to an external issuer under that digest of issuer and subject.
    fn identity(&self, identity: Digest) -> Read<'_, Option<UserId>>;
    /// True while there is no account at all.
    fn has_no_accounts(&self) -> Read<'_, bool>;
    /// The accounts whose role or standing was changed at `since` or later, in any order. Asked for every second: it
    /// costs what has changed, not what there is. The time of a change is decided before it is committed, so whoever
    /// follows asks again for half a minute that they have heard of.
    fn accounts_changed(&self, since: Timestamp) -> Read<'_, Vec<Account>>;
    /// Accounts whose address or name contains the text, whatever the case of ASCII letters; newest first, before
    /// the one given. All of them without a text.
    fn accounts(&self, text: Option<String>, before: Option<UserId>, limit: usize) -> Read<'_, Vec<Account>>;
}

/// Where a page of concerts goes on: after the concert with this booking start and number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConcertCursor {
    /// Earliest booking start of the last concert of the page before; nothing when it had no schedule.
    pub booking_start: Option<Timestamp>,
    /// Its number.
    pub concert: ConcertId,
}

/// Which concerts are asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConcertFilter {
    /// Words that title or artist must contain, whatever the case of ASCII letters.
    pub text: Option<String>,
    /// True to leave out what is not published.
    pub published_only: bool,
}

/// Queries about concerts and schedules.
pub trait CatalogReads: Send + Sync + 'static {
    /// The concert of that number.
    fn concert(&self, id: ConcertId) -> Read<'_, Option<Concert>>;
    /// Concerts by latest booking start (the earliest of each concert's schedules), then by number, both
    /// falling; those without a schedule come last. At most `limit`, with their schedules in order of start.
    fn concerts(
        &self,
        filter: ConcertFilter,
        after: Option<ConcertCursor>,
        limit: usize,
    ) -> Read<'_, Vec<(Concert, Vec<Schedule>)>>;
    /// The schedules of a concert, in order of start.
    fn schedules_of(&self, concert: ConcertId) -> Read<'_, Vec<Schedule>>;
    /// The schedule of that number.
    fn schedule(&self, id: ScheduleId) -> Read<'_, Option<Schedule>>;
    /// The schedule with all its claims, as of one moment.
    fn seat_map(&self, id: ScheduleId) -> Read<'_, Option<SeatMap>>;
    /// The versions that the seat maps of these schedules have now, of those that exist, in any order. Asked for several
    /// times a second by every instance that shares a store.
    fn seat_versions(&self, schedules: Vec<ScheduleId>) -> Read<'_, Vec<(ScheduleId, u64)>>;
    /// What has changed of a seat map since a version, as of one moment: the version that it has now, and what every seat
    /// shows now that was changed after the one given, in order of number. Nothing when not every change since then is
    /// known any more, or when there is no such schedule.
    fn seats_since(&self, schedule: ScheduleId, version: u64) -> Read<'_, Option<SeatChanges>>;
    /// The drawing that was kept with a plan; nothing when it has none of its own.
    fn drawing(&self, schedule: ScheduleId, plan_version: u32) -> Read<'_, Option<Drawing>>;
    /// A part of the order in which the lobby of a concert was drawn: the one that begins behind `first` entries. Nothing when
    /// there is none.
    fn draw_part(&self, concert: ConcertId, first: u32) -> Read<'_, Option<Vec<EntryId>>>;
    /// The numbers of all schedules that were called off, in order.
    fn cancelled_schedules(&self) -> Read<'_, Vec<ScheduleId>>;
    /// The numbers of all concerts whose waiting room is switched on, published or not, in order.
    fn concerts_with_rooms(&self) -> Read<'_, Vec<ConcertId>>;
    /// A random name of this store's history: changes when a backup is restored or a store is copied.
    fn epoch(&self) -> Read<'_, u64>;
}

/// A schedule and what is claimed of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeatMap {
    /// The schedule, with the version that the claims belong to.
    pub schedule: Schedule,
    /// Every seat that does not show as available, in order of number.
    pub taken: Vec<(SeatNo, SeatState)>,
}

/// Which reservations of a fan are asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ReservationFilter {
    /// Of this status, as seen at the time of the query.
    pub status: Option<ReservationStatus>,
    /// Of this concert.
    pub concert: Option<ConcertId>,
}

/// Which reservations staff asks for; every member that is given narrows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StaffFilter {
    /// Of this concert.
    pub concert: Option<ConcertId>,
    /// Of this schedule.
    pub schedule: Option<ScheduleId>,
    /// Of this fan.
    pub user: Option<UserId>,
    /// Of this status, as seen at the time of the query.
    pub status: Option<ReservationStatus>,
    /// Whoever has a claim on this seat of `schedule` now; without a schedule nobody.
    pub seat: Option<SeatNo>,
}

/// Who has come in to a performance.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Admissions {
    /// Tickets that were used.
    pub admitted: u32,
    /// Tickets that admit or have admitted: one a sold seat.
    pub total: u32,
}

/// Queries about reservations and their tickets.
pub trait ReservationReads: Send + Sync + 'static {
    /// The reservation of that id.
    fn reservation(&self, id: ReservationId) -> Read<'_, Option<Reservation>>;
    /// The reservations of a fan, newest first, before the one given; statuses as of `now`.
    fn reservations_of(
        &self,
        user: UserId,
        filter: ReservationFilter,
        before: Option<ReservationId>,
        limit: usize,
        now: Timestamp,
    ) -> Read<'_, Vec<Reservation>>;
    /// True while a fan has a hold in any schedule of a concert that still counts at `now`. A look-up: it is asked
    /// once a payment.
    fn has_pending(&self, user: UserId, concert: ConcertId, now: Timestamp) -> Read<'_, bool>;
    /// The tickets of a reservation, in order of seat.
    fn tickets(&self, reservation: ReservationId) -> Read<'_, Vec<Ticket>>;
    /// The ticket of that id.
    fn ticket(&self, id: TicketId) -> Read<'_, Option<Ticket>>;
    /// How many tickets of a schedule were used, and how many there are that are not void.
    fn admissions(&self, schedule: ScheduleId) -> Read<'_, Admissions>;
    /// The reservations that staff asks for, newest first, before the one given; statuses as of `now`. A page of it
    /// has to come within 300 ms among a million reservations.
    fn reservations(
        &self,
        filter: StaffFilter,
        before: Option<ReservationId>,
        limit: usize,
        now: Timestamp,
    ) -> Read<'_, Vec<Reservation>>;
    /// Reservations of a schedule that are stored as pending or confirmed, in order of id, after the one given.
    fn live_in(
        &self,
        schedule: ScheduleId,
        after: Option<ReservationId>,
        limit: usize,
    ) -> Read<'_, Vec<Reservation>>;
    /// Reservations whose hold has ended by `now` and that nobody has noted as expired, oldest end first.
    fn lapsed(&self, now: Timestamp, limit: usize) -> Read<'_, Vec<Reservation>>;
}

/// Queries about wallets.
pub trait WalletReads: Send + Sync + 'static {
    /// The wallet of a fan.
    fn wallet(&self, user: UserId) -> Read<'_, Option<Wallet>>;
    /// Ledger entries of a wallet, newest first, below the number given.
    fn entries(&self, user: UserId, below: Option<u64>, limit: usize) -> Read<'_, Vec<LedgerEntry>>;
}

/// A payment with what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentRecord {
    /// The payment.
    pub payment: Payment,
    /// What went back of it, once it was refunded.
    pub refund: Option<Refund>,
}

/// Queries about payments.
pub trait PaymentReads: Send + Sync + 'static {
    /// The payment of that id.
    fn payment(&self, id: PaymentId) -> Read<'_, Option<PaymentRecord>>;
    /// The payments of a fan, newest first, before the one given.
    fn payments_of(
        &self,
        user: UserId,
        before: Option<PaymentId>,
        limit: usize,
    ) -> Read<'_, Vec<PaymentRecord>>;
}

/// What was sold of a schedule, over all its time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Takings {
    /// What completed payments have brought.
    pub gross: Money,
    /// What went back into wallets.
    pub refunded: Money,
    /// What was kept of refunds.
    pub fees: Money,
}

/// What was sold in one minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MinuteSales {
    /// When the minute began.
    pub at: Timestamp,
    /// Seats paid in it, refunded since or not.
    pub seats: u64,
    /// What was paid in it.
    pub revenue: Money,
}

/// Queries about what was sold.
pub trait SalesReads: Send + Sync + 'static {
    /// What was sold of a schedule.
    fn takings(&self, schedule: ScheduleId) -> Read<'_, Takings>;
    /// What was sold of a schedule in each minute that began at `since` or later and in which anything was, in order
    /// of time. Minutes begin with the minutes of UTC.
    fn sales_by_minute(&self, schedule: ScheduleId, since: Timestamp) -> Read<'_, Vec<MinuteSales>>;
    /// How many seats of each published concert were paid at `since` or later (ever, without it) and are still sold,
    /// most first, then by number of concert; at most `limit`, and none without any.
    fn best_selling(&self, since: Option<Timestamp>, limit: usize) -> Read<'_, Vec<(ConcertId, u64)>>;
    /// Schedules of published concerts of which at least one seat is sold, with how many seats are sold or kept back.
    fn taken_by_schedule(&self) -> Read<'_, Vec<(ScheduleId, u32)>>;
    /// When the newest payment of a schedule was made that has not been refunded.
    fn last_sale(&self, schedule: ScheduleId) -> Read<'_, Option<Timestamp>>;
}

/// Queries about idempotency keys.
pub trait OnceReads: Send + Sync + 'static {
    /// The outcome kept under that digest, if it still counts at `now`.
    fn once(&self, key: Digest, now: Timestamp) -> Read<'_, Option<OnceRecord>>;
}

/// A payment with which a session in a waiting room may have ended (R-Q5).
#[derive(Debug, Clone, PartialEq)]
pub struct SessionEnd {
    /// Where the event is in the outbox, from 1.
    pub position: u64,
    /// The payment. It names the place under which the seats were held.
    pub event: PaymentMade,
}

/// Queries about what was written to the outbox, for the waiting room. Delivery to others reads the whole log
/// ([`EventLog`]), in the same positions.
pub trait OutboxReads: Send + Sync + 'static {
    /// Payments for seats that were held under a place in a waiting room, with positions above `after`, in order of
    /// position, at most `limit`. A reader that comes back with the last position that it has dealt with misses
    /// none.
    fn session_ends(&self, after: u64, limit: usize) -> Read<'_, Vec<SessionEnd>>;
}

/// Queries about the audit log of staff actions.
pub trait StaffReads: Send + Sync + 'static {
    /// What staff did, newest first by id, before the one given.
    fn staff_actions(&self, before: Option<AuditEntryId>, limit: usize) -> Read<'_, Vec<StaffAction>>;
}

/// All queries.
pub trait Reads:
    AccountReads
    + CatalogReads
    + ReservationReads
    + WalletReads
    + PaymentReads
    + SalesReads
    + OnceReads
    + OutboxReads
    + EventLog
    + StaffReads
    + AuditReads
{
}

impl<T> Reads for T where
    T: AccountReads
        + CatalogReads
        + ReservationReads
        + WalletReads
        + PaymentReads
        + SalesReads
        + OnceReads
        + OutboxReads
        + EventLog
        + StaffReads
        + AuditReads
{
}

/// What keeps a store tidy. Safe to run at any time, on any number of instances.
pub trait Upkeep: Send + Sync + 'static {
    /// Drops what no longer counts at `now`: idempotency keys past their day, and seat changes that no client
    /// can still ask for. Answers how many tables and rows went.
    fn clean(&self, now: Timestamp) -> Read<'_, usize>;

    /// Drops events that happened before `before` and whose position is at most `through`, but never the newest one.
    /// Answers how many went.
    fn clean_events(&self, before: Timestamp, through: u64) -> Read<'_, usize>;
}
