//! The live records: what was committed and is not in the tables yet, and some of what is, in memory.
//!
//! A record that is in the journal is here, always; queries look here first, and into the tables for what is not here.
//! A record stays for a while once it is folded, because what was changed is asked for again soon: it then says what its
//! row says, for this process alone writes both.
//!
//! Whoever reads many records as of one moment takes what is here, with [`State::tip`], before beginning to read the tables,
//! and asks [`Live::has_folded_nothing_after`] once that has begun: as long as nothing newer than the tip has been folded, the
//! two together are what the store was at that tip ([`crate::reads`]).

mod apply;
mod hall;
mod keys_seen;
mod waiting;

use std::collections::{BTreeSet, VecDeque};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread::Thread;

use frontrow_domain::catalog::Schedule;
use frontrow_domain::payment::{Payment, Refund};
use frontrow_domain::records::{Digest, OnceRecord};
use frontrow_domain::reservation::Reservation;
use frontrow_domain::ticket::Ticket;
use frontrow_domain::wallet::{LedgerEntry, Wallet};
use frontrow_domain::{PaymentId, ReservationId, ScheduleId, TicketId, Timestamp, UserId};
use parking_lot::{Mutex, RwLock, RwLockReadGuard, RwLockWriteGuard};
use uuid::Uuid;

pub(crate) use hall::{Hall, Known};
pub(crate) use keys_seen::KeysSeen;
use waiting::Waiting;

use crate::journal::{Folded, Named};
use crate::once::Unindexed;

/// Maps by ids and digests that this program has drawn itself: nobody can choose them so that they collide.
pub(crate) type HashMap<K, V> = std::collections::HashMap<K, V, foldhash::fast::RandomState>;

/// How many folded records are kept.
const FOLDED_KEPT: usize = 65_536;

/// A record with the row of the journal that changed it last; 0 for what was read from its table.
#[derive(Debug, Clone)]
pub(crate) struct Kept<T> {
    pub(crate) value: T,
    pub(crate) at: u64,
}

/// A record with its row version.
pub(crate) type Versioned<T> = Kept<(T, u64)>;

/// An event that is not in its table yet.
#[derive(Debug, Clone)]
pub(crate) struct NewEvent {
    pub(crate) position: u64,
    pub(crate) key: Uuid,
    pub(crate) sequence: u64,
    pub(crate) at: Timestamp,
    pub(crate) body: String,
    /// True when a session in a waiting room may end with it.
    pub(crate) ends_session: bool,
}

/// What is in memory.
#[derive(Debug, Default)]
pub(crate) struct State {
    /// The newest row of the journal.
    pub(crate) tip: u64,
    pub(crate) wallets: HashMap<UserId, Versioned<Wallet>>,
    pub(crate) schedules: HashMap<ScheduleId, (Schedule, u64)>,
    pub(crate) halls: HashMap<ScheduleId, Hall>,
    pub(crate) reservations: HashMap<ReservationId, Versioned<Reservation>>,
    /// The reservations above, by whose they are.
    pub(crate) of_fan: HashMap<UserId, Vec<ReservationId>>,
    /// Those of them that are stored as pending, by when their hold ends.
    pub(crate) pending: BTreeSet<(Timestamp, ReservationId)>,
    pub(crate) ledger: HashMap<UserId, Vec<Kept<LedgerEntry>>>,
    pub(crate) payments: HashMap<PaymentId, Kept<Payment>>,
    /// The payments above, by whose they are.
    pub(crate) payments_of: HashMap<UserId, Vec<PaymentId>>,
    /// The completed ones of them, by what they are for.
    pub(crate) paid: HashMap<ReservationId, PaymentId>,
    pub(crate) refunds: HashMap<PaymentId, Kept<Refund>>,
    /// The refunds above, by what was paid.
    pub(crate) refunded: HashMap<ReservationId, PaymentId>,
    pub(crate) tickets: HashMap<TicketId, Versioned<Ticket>>,
    /// The tickets above, by what they are of.
    pub(crate) tickets_of: HashMap<ReservationId, Vec<TicketId>>,
    pub(crate) once: HashMap<Digest, Kept<OnceRecord>>,
    /// Keys that are in a table and not in its index yet.
    pub(crate) unindexed: Unindexed,
    /// Every event that is not in its table, in order.
    pub(crate) events: VecDeque<NewEvent>,
    /// Records that were folded, the oldest first: they go when there are too many.
    folded: VecDeque<Named>,
}

/// The live records of a store, shared by its one writer and its readers.
#[derive(Debug, Default)]
pub(crate) struct Live {
    state: RwLock<State>,
    /// The newest row of the journal whose group may be in the tables, and the newest one whose group is.
    folding: AtomicU64,
    folded: AtomicU64,
    unfolded_bytes: AtomicUsize,
    has_violation: AtomicBool,
    waiting: Mutex<Waiting>,
    /// Who is to be woken when somebody waits.
    folder: OnceLock<Thread>,
}

impl Live {
    /// Names the thread that folds.
    pub(crate) fn wakes(&self, folder: Thread) {
        // Each store starts one.
        let _ = self.folder.set(folder);
    }

    pub(crate) fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read()
    }

    /// For the writer, which is the only one.
    pub(crate) fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write()
    }

    /// True when no group that came after that row can be in what was read from the tables before the call.
    pub(crate) fn has_folded_nothing_after(&self, row: u64) -> bool {
        self.folding.load(Ordering::Acquire) <= row
    }

    /// Notes that the groups up to that row are about to be in the tables.
    pub(crate) fn folding(&self, row: u64) {
        self.folding.fetch_max(row, Ordering::AcqRel);
    }

    fn folded(&self) -> u64 {
        self.folded.load(Ordering::Acquire)
    }

    /// How many bytes of rows are not in the tables yet.
    pub(crate) fn unfolded_bytes(&self) -> usize {
        self.unfolded_bytes.load(Ordering::Relaxed)
    }

    /// Notes that a row was appended.
    pub(crate) fn appended(&self, bytes: usize) {
        self.unfolded_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// True once the tables did not take what was committed.
    pub(crate) fn has_violation(&self) -> bool {
        self.has_violation.load(Ordering::Acquire)
    }

    /// Notes that they did not: nothing is folded any more, and nobody waits for it.
    pub(crate) fn violated(&self) {
        self.has_violation.store(true, Ordering::Release);
        self.waiting.lock().give_up();
    }

    /// Notes that these groups are in the tables now, and committed there.
    pub(crate) fn note_folded(&self, folded: &Folded) {
        if folded.rows == 0 {
            return;
        }
        self.unfolded_bytes.fetch_sub(folded.bytes, Ordering::Relaxed);
        self.folded.store(folded.through, Ordering::Release);
        self.state.write().forget(folded);
        self.waiting.lock().came_to(folded.through);
    }

    /// Waits until everything that was committed before the call is in the tables. Nothing to wait for is an answer at
    /// once. False when it will not come there, ever.
    pub(crate) async fn settled(&self) -> bool {
        let tip = self.state.read().tip;
        let answer = {
            let mut waiting = self.waiting.lock();
            // Looked at under the lock under which those who wait are told.
            if self.folded() >= tip {
                return true;
            }
            if self.has_violation() {
                return false;
            }
            waiting.join(tip)
        };
        if let Some(folder) = self.folder.get() {
            folder.unpark();
        }
        answer.await.unwrap_or(false)
    }

    /// True while somebody waits for something to be folded.
    pub(crate) fn is_waited_for(&self) -> bool {
        !self.waiting.lock().is_empty()
    }
}

impl State {
    fn forget(&mut self, folded: &Folded) {
        self.unindexed.extend(folded.unindexed.iter().copied());
        while self.events.front().is_some_and(|event| event.position <= folded.event) {
            self.events.pop_front();
        }
        for (schedule, version) in &folded.versions {
            if let Some(hall) = self.halls.get_mut(schedule) {
                hall.folded(*version);
            }
        }
        self.folded.extend(folded.records.iter().copied());
        while self.folded.len() > FOLDED_KEPT {
            let Some(named) = self.folded.pop_front() else { break };
            self.drop_folded(named, folded.through);
        }
    }
}
