//! All seat boards: loaded when first asked for, fed by committed changes. Where several instances share a store, a board
//! that others have left behind catches up from the store: what it missed, not the whole map. Mostly it need not, because
//! they tell of their commits (`spread`), in whatever order that arrives.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwapOption;
use frontrow_domain::ScheduleId;
use frontrow_domain::records::SeatChanges;
use parking_lot::Mutex;
use tokio::sync::Mutex as AsyncMutex;

use super::board::Board;
use super::spread::Step;
use crate::store::{ReadError, Reads};

/// How many changes may wait while a board is being loaded, before the load is begun anew.
const BACKLOG_MAX: usize = 10_000;
/// How many steps may wait for the one before them: those of some tenths of a second, of every other instance.
const EARLY_MAX: usize = 64;

/// All seat boards.
pub struct Boards {
    reads: Arc<dyn Reads>,
    slots: Mutex<HashMap<ScheduleId, Arc<Slot>>>,
}

#[derive(Default)]
struct Slot {
    board: ArcSwapOption<Board>,
    /// The latest version that was heard of. A board of an earlier one catches up before it is shown.
    heard: AtomicU64,
    /// Committed changes that came while the board was being loaded.
    backlog: Mutex<Backlog>,
    /// Held by whoever loads, so that a crowd loads once.
    loading: AsyncMutex<()>,
}

#[derive(Default)]
struct Backlog {
    /// True from before the load reads the store until its board stands.
    is_open: bool,
    /// True once a change was dropped because there were too many.
    has_overflowed: bool,
    changes: Vec<Step>,
    /// Steps that do not connect to the board yet, because one before them is still on its way.
    early: Vec<Step>,
}

/// What a step of another instance was good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Taken {
    /// The board did not know of it.
    News,
    /// It is an old one, or nobody looks at those seats here.
    Nothing,
}

impl Boards {
    pub(crate) fn new(reads: Arc<dyn Reads>) -> Self {
        Self { reads, slots: Mutex::new(HashMap::new()) }
    }

    /// The board of a schedule; nothing when there is no such schedule.
    pub async fn get(&self, schedule: ScheduleId) -> Result<Option<Arc<Board>>, ReadError> {
        let known = self.slots.lock().get(&schedule).cloned();
        if let Some(slot) = &known
            && let Some(board) = slot.current()
        {
            return Ok(Some(board));
        }
        let slot = known.unwrap_or_else(|| Arc::clone(self.slots.lock().entry(schedule).or_default()));
        let _loading = slot.loading.lock().await;
        loop {
            if let Some(board) = slot.current() {
                return Ok(Some(board));
            }
            let heard = slot.heard.load(Ordering::Acquire);
            if let Some(board) = slot.board.load_full()
                && let Some(missed) = self.reads.seats_since(schedule, board.version()).await?
            {
                slot.catch_up(&missed, heard);
                continue;
            }
            *slot.backlog.lock() = Backlog { is_open: true, ..Backlog::default() };
            let Some(map) = self.reads.seat_map(schedule).await? else {
                self.slots.lock().remove(&schedule);
                return Ok(None);
            };
            slot.settle(Board::of(&map));
        }
    }

    /// Which boards stand, with their versions.
    pub(crate) fn standing(&self) -> Vec<(ScheduleId, u64)> {
        let slots = self.slots.lock();
        let standing = |(schedule, slot): (&ScheduleId, &Arc<Slot>)| {
            slot.board.load().as_ref().map(|board| (*schedule, board.version()))
        };
        slots.iter().filter_map(standing).collect()
    }

    /// The boards that stand, as they are, without asking the store whether they are behind.
    pub(crate) fn shown(&self) -> Vec<(ScheduleId, Arc<Board>)> {
        let slots = self.slots.lock();
        let shown = |(schedule, slot): (&ScheduleId, &Arc<Slot>)| Some((*schedule, slot.board.load_full()?));
        slots.iter().filter_map(shown).collect()
    }

    /// How many schedules have a board, or are about to.
    pub(crate) fn count(&self) -> usize {
        self.slots.lock().len()
    }

    /// Notes that there is a map of this version. A board that is older catches up when it is asked for next.
    pub(crate) fn hear(&self, schedule: ScheduleId, version: u64) {
        if let Some(slot) = self.slots.lock().get(&schedule) {
            slot.heard.fetch_max(version, Ordering::AcqRel);
        }
    }

    /// Brings a board up to date with a commit of this instance. Whoever looks after it was answered sees it.
    pub(crate) fn apply(&self, change: &SeatChanges) {
        let Some(slot) = self.slots.lock().get(&change.schedule).cloned() else { return };
        if slot.take(Step::of(change)) == Taken::News && !slot.has(change.version) {
            // Another instance has committed in between: what is missed is fetched by whoever looks next.
            slot.heard.fetch_max(change.version, Ordering::AcqRel);
        }
    }

    /// Brings a board up to date with what another instance has told. What does not connect yet waits for what is missing,
    /// and is given up when the board catches up from the store.
    pub(crate) fn take_in(&self, step: Step) -> Taken {
        let slot = self.slots.lock().get(&step.change.schedule).cloned();
        slot.map_or(Taken::Nothing, |slot| slot.take(step))
    }

    /// Drops a board whose schedule was edited; the next reader loads it again.
    pub(crate) fn forget(&self, schedule: ScheduleId) {
        self.slots.lock().remove(&schedule);
    }
}

impl Slot {
    /// The board, unless a later version was heard of.
    fn current(&self) -> Option<Arc<Board>> {
        let board = self.board.load_full()?;
        (board.version() >= self.heard.load(Ordering::Acquire)).then_some(board)
    }

    /// True when the board shows this version, or there is none that could show less.
    fn has(&self, version: u64) -> bool {
        self.board.load().as_ref().is_none_or(|board| board.version() >= version)
    }

    /// Takes in a step, of whomever.
    fn take(&self, step: Step) -> Taken {
        let mut backlog = self.backlog.lock();
        if backlog.is_open {
            if backlog.changes.len() < BACKLOG_MAX {
                backlog.changes.push(step.clone());
            } else {
                backlog.has_overflowed = true;
            }
        }
        let Some(board) = self.board.load_full() else { return Taken::News };
        if step.change.version <= board.version() {
            return Taken::Nothing;
        }
        backlog.early.push(step);
        if let Some(next) = advance(&board, &mut backlog.early) {
            self.board.store(Some(Arc::new(next)));
        }
        Taken::News
    }

    /// Puts up a freshly loaded board with everything that was committed since it was read. Leaves the slot empty, to
    /// be loaded again, when there was more than could be remembered.
    fn settle(&self, board: Board) {
        let mut backlog = self.backlog.lock();
        let Backlog { changes, has_overflowed, .. } = std::mem::take(&mut *backlog);
        if has_overflowed {
            return;
        }
        backlog.early = changes;
        let board = advance(&board, &mut backlog.early).unwrap_or(board);
        // Whichever of them is this instance's own has to be seen by whoever looks next.
        let newest = backlog.early.iter().map(|step| step.change.version).max().unwrap_or(0);
        self.heard.fetch_max(newest, Ordering::AcqRel);
        self.board.store(Some(Arc::new(board)));
    }

    /// Puts up what was missed. A board that has gone on meanwhile takes in what it does not have.
    fn catch_up(&self, missed: &SeatChanges, heard: u64) {
        let mut backlog = self.backlog.lock();
        let Some(board) = self.board.load_full() else { return };
        if missed.version > board.version() {
            let board = board.caught_up(missed);
            let board = advance(&board, &mut backlog.early).unwrap_or(board);
            self.board.store(Some(Arc::new(board)));
        } else {
            // The store has nothing newer than the board: what was heard of is not of this history.
            let version = board.version();
            let _ = self.heard.compare_exchange(heard, version, Ordering::AcqRel, Ordering::Acquire);
        }
    }
}

/// The board behind all steps that connect to it, or nothing when none does. Leaves those that may connect later, as many
/// as may wait.
fn advance(board: &Board, early: &mut Vec<Step>) -> Option<Board> {
    early.sort_by_key(|step| step.from);
    let mut next: Option<Board> = None;
    early.retain(|step| {
        let board = next.as_ref().unwrap_or(board);
        let is_too_early = step.from > board.version();
        if let Some(after) = board.after(step) {
            next = Some(after);
        }
        is_too_early
    });
    // Those that are furthest ahead are the last that could connect.
    early.truncate(EARLY_MAX);
    next
}
