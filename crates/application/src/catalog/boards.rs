//! All seat boards: loaded when first asked for, fed by committed changes.

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use frontrow_domain::ScheduleId;
use frontrow_domain::records::SeatChanges;
use parking_lot::Mutex;
use tokio::sync::Mutex as AsyncMutex;

use super::board::Board;
use crate::store::{ReadError, Reads};

/// How many changes may wait while a board is being loaded, before the load is begun anew.
const BACKLOG_MAX: usize = 10_000;

/// All seat boards.
pub struct Boards {
    reads: Arc<dyn Reads>,
    slots: Mutex<HashMap<ScheduleId, Arc<Slot>>>,
}

#[derive(Default)]
struct Slot {
    board: ArcSwapOption<Board>,
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
    changes: Vec<SeatChanges>,
}

impl Boards {
    pub(crate) fn new(reads: Arc<dyn Reads>) -> Self {
        Self { reads, slots: Mutex::new(HashMap::new()) }
    }

    /// The board of a schedule; nothing when there is no such schedule.
    pub async fn get(&self, schedule: ScheduleId) -> Result<Option<Arc<Board>>, ReadError> {
        let known = self.slots.lock().get(&schedule).cloned();
        if let Some(slot) = &known
            && let Some(board) = slot.board.load_full()
        {
            return Ok(Some(board));
        }
        let slot = known.unwrap_or_else(|| Arc::clone(self.slots.lock().entry(schedule).or_default()));
        let _loading = slot.loading.lock().await;
        loop {
            if let Some(board) = slot.board.load_full() {
                return Ok(Some(board));
            }
            *slot.backlog.lock() = Backlog { is_open: true, ..Backlog::default() };
            let Some(map) = self.reads.seat_map(schedule).await? else {
                self.slots.lock().remove(&schedule);
                return Ok(None);
            };
            slot.settle(Board::of(&map));
        }
    }

    /// Brings a board up to date with a commit.
    pub(crate) fn apply(&self, change: &SeatChanges) {
        let Some(slot) = self.slots.lock().get(&change.schedule).cloned() else { return };
        let mut backlog = slot.backlog.lock();
        if backlog.is_open {
            if backlog.changes.len() < BACKLOG_MAX {
                backlog.changes.push(change.clone());
            } else {
                backlog.has_overflowed = true;
            }
        }
        let Some(board) = slot.board.load_full() else { return };
        if change.version > board.version() {
            // A gap means that a change was missed; the next reader loads the board again.
            slot.board.store(board.after(change).map(Arc::new));
        }
    }

    /// Drops a board whose schedule was edited; the next reader loads it again.
    pub(crate) fn forget(&self, schedule: ScheduleId) {
        self.slots.lock().remove(&schedule);
    }
}

impl Slot {
    /// Puts up a freshly loaded board with everything that was committed since it was read. Leaves the slot
    /// empty, to be loaded again, when a change is missing.
    fn settle(&self, board: Board) {
        let mut backlog = self.backlog.lock();
        let Backlog { changes, has_overflowed, .. } = std::mem::take(&mut *backlog);
        if has_overflowed {
            return;
        }
        let newer =
            changes.iter().filter(|change| change.version > board.version()).cloned().collect::<Vec<_>>();
        let settled = newer.iter().try_fold(board, |board, change| board.after(change));
        self.board.store(settled.map(Arc::new));
    }
}
