//! Copying a whole sale from one store to another, for those who outgrow one machine.
//!
//! Rows go over as they are: the tables and columns of [`TABLES`] mean the same in every store. What a store has beside
//! them (the history's name, positions, leases) is its own and is made anew, so an `ETag` of the source means nothing at
//! the target. Nobody writes to either meanwhile.
//!
//! To add a table or a column: name it here, and map it in each store where it is called otherwise. A test of every store
//! compares this list with its schema.

use futures_util::future::try_join;
use tokio::sync::mpsc::{Receiver, Sender, channel};

use crate::store::{Read, ReadError};

/// How many batches are on their way between the stores: the one that is being written, and a few that were read ahead.
const BATCHES_AHEAD: usize = 4;

/// One value of a row, as every store can keep it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell {
    /// Nothing.
    Null,
    /// A whole number.
    Int(i64),
    /// Bytes: an id, a digest, a form.
    Bytes(Vec<u8>),
    /// Text.
    Text(String),
}

/// Rows of one table, each with a cell a column.
pub type Batch = Vec<Vec<Cell>>;

/// A table that every store has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Table {
    /// What it is called.
    pub name: &'static str,
    /// Its columns.
    pub columns: &'static [&'static str],
    /// The UTC day, where there is a table for each.
    pub day: Option<i64>,
}

/// The outcomes under idempotency keys of one day.
pub const ONCE: Table =
    Table { name: "once", columns: &["once_key", "request", "outcome", "created_at"], day: None };

/// The log of events. Their numbers at the source are positions, by which marks of consumers go.
pub const OUTBOX: &str = "outbox";

macro_rules! tables {
    ($($name:literal: $($column:literal)+;)+) => {
        /// Every table that is copied whole, the outcomes under idempotency keys apart ([`ONCE`]).
        pub const TABLES: &[Table] = &[$(Table { name: $name, columns: &[$($column),+], day: None }),+];
    };
}

tables! {
    "counter": "name" "value" "row_version";
    "account": "user_id" "email" "name" "role" "standing" "credential" "password_hash" "created_at" "changed_at"
        "row_version";
    "account_email": "email" "user_id" "row_version";
    "account_identity": "identity" "user_id";
    "login": "login_id" "user_id" "generation" "rotated_at" "expires_at" "ended" "row_version";
    "wallet": "user_id" "balance" "last_entry" "last_event" "row_version";
    "ledger": "user_id" "number" "transaction_id" "kind" "counter_account" "method" "payment_id" "reservation_id"
        "amount" "balance_before" "balance_after" "at";
    "concert": "concert_id" "title" "artist" "description" "published" "room_enabled" "room_max_active"
        "room_admit_per_second_milli" "room_session_seconds" "room_claim_seconds" "room_presence_seconds"
        "room_lobby_opens_at" "room_paused" "room_draining" "room_closed" "room_notice" "room_draw_seed" "room_draw_listed"
        "room_drawn_at" "created_at" "row_version";
    "draw_part": "concert_id" "first" "entries";
    "schedule": "schedule_id" "concert_id" "venue" "starts_at" "time_zone" "duration_minutes" "booking_start"
        "booking_end" "hold_seconds" "hold_max_seconds" "hold_extension_seconds" "max_seats_per_fan" "sales_paused"
        "plan_version" "in_use" "version" "decided_at" "created_at" "refund_policy" "cancelled_at" "last_event"
        "sold_out_at" "row_version";
    "seat_plan": "schedule_id" "plan_version" "form";
    "seat_drawing": "schedule_id" "plan_version" "form";
    "claim": "schedule_id" "seat_no" "kind" "reservation_id" "user_id" "held_until";
    "seat_change": "schedule_id" "version" "at" "seats";
    "reservation": "reservation_id" "user_id" "concert_id" "schedule_id" "seats" "amount" "created_at" "state"
        "state_at" "held_until" "extended" "payment_id" "last_event" "queue_entry" "paid_at" "returned" "row_version";
    "payment": "payment_id" "reservation_id" "schedule_id" "user_id" "amount" "seats" "at" "state" "failure_reason";
    "refund": "payment_id" "reservation_id" "schedule_id" "user_id" "returned" "fee" "at" "cause";
    "ticket": "ticket_id" "reservation_id" "schedule_id" "seat_no" "user_id" "state" "used_at" "used_by" "row_version";
    "outbox": "outbox_id" "event_key" "sequence" "at" "body" "queue_entry";
    "consumer_mark": "consumer" "shard" "position" "owner" "owned_until" "wanted_by" "wanted_until" "seen_at";
    "parked_event": "consumer" "event_key" "sequence" "position" "at" "body" "tries" "since" "next_at" "reason";
    "dead_letter": "letter_id" "consumer" "event_key" "sequence" "position" "at" "body" "tries" "reason" "dead_at";
    "webhook": "webhook_id" "url" "description" "types" "secret" "status" "created_at" "row_version";
    "webhook_attempt": "attempt_id" "webhook_id" "event_id" "event_type" "at" "try_no" "took_ms" "http_status" "reason";
    "audit_log": "entry_id" "at" "user_id" "role" "action" "target" "seen_before" "seen_after" "request_id";
}

/// A store that is copied from. Nobody writes to it.
pub trait CopySource: Send + Sync + 'static {
    /// The days of which there are outcomes under idempotency keys.
    fn once_days(&self) -> Read<'_, Vec<i64>>;
    /// How many rows a table has.
    fn count(&self, table: Table) -> Read<'_, u64>;
    /// Sends the rows of a table, as they are kept, in batches that fit into memory many times over. Ends early and
    /// without an error when nobody receives them any more.
    fn send(&self, table: Table, to: Sender<Batch>) -> Read<'_, ()>;
}

/// An empty store that is copied to. Nobody else writes to it, and no server opens it before it is finished.
pub trait CopyTarget: Send + Sync + 'static {
    /// Makes ready for the outcomes of a day.
    fn make_once_day(&self, day: i64) -> Read<'_, ()>;
    /// Inserts all rows that come. They count once this has answered.
    fn receive<'a>(
        &'a self,
        table: Table,
        from: Receiver<Batch>,
        done: &'a (dyn Fn(u64) + Sync),
    ) -> Read<'a, ()>;
    /// How many rows a table has.
    fn count(&self, table: Table) -> Read<'_, u64>;
    /// Takes over what is not in rows, and lets servers open it.
    fn finish(&self) -> Read<'_, ()>;
}

/// How far a copy has come.
#[derive(Debug, Clone, Copy)]
pub struct Progress {
    /// The table that is being copied.
    pub table: Table,
    /// Its rows that are written.
    pub rows: u64,
    /// Its rows in all.
    pub of: u64,
}

/// Copies every row, and counts on both sides. Answers how many there were. The target is not finished: whoever calls
/// this compares the two first.
pub async fn copy(
    source: &dyn CopySource,
    target: &dyn CopyTarget,
    tell: &(dyn Fn(Progress) + Sync),
) -> Result<u64, ReadError> {
    let mut tables = TABLES.to_vec();
    for day in source.once_days().await? {
        target.make_once_day(day).await?;
        tables.push(Table { day: Some(day), ..ONCE });
    }
    let mut total = 0;
    for table in tables {
        let of = source.count(table).await?;
        tell(Progress { table, rows: 0, of });
        let done = |rows| tell(Progress { table, rows, of });
        let (to, from) = channel(BATCHES_AHEAD);
        try_join(source.send(table, to), target.receive(table, from, &done)).await?;
        let written = target.count(table).await?;
        if written != of {
            let text =
                format!("table {} has {of} rows at the source and {written} at the target", table.name);
            return Err(ReadError::Corrupt(text));
        }
        total += of;
    }
    Ok(total)
}
