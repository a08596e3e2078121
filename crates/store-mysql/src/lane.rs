//! Who writes, and how it is found out whether a commit has happened.
//!
//! Each that may write at once has a lane: a row of its own, into which every group writes its number in its own
//! transaction. When the connection is lost in the commit, that row is locked on another connection. The lock waits for
//! the old transaction to end, one way or the other, and then the row says whether the group was committed.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::error::DbError;
use crate::pool::{Link, Pool};
use crate::row::{self, Result};
use crate::sql::{fill, values};

/// How long is tried to find out whether a commit has happened. The server ends a transaction that nobody continues
/// after three seconds.
const RESOLVE_MAX: Duration = Duration::from_secs(5);
/// Between two tries.
const RESOLVE_PAUSE: Duration = Duration::from_millis(50);
/// Days after which the row of a lane that nobody uses is deleted.
const UNUSED_DAYS: u32 = 7;

/// Lanes that are not in use now.
#[derive(Default)]
pub(crate) struct Lanes(Mutex<Vec<Lane>>);

/// The number of a row, and the last number that was written into it or may have been.
#[derive(Debug)]
pub(crate) struct Lane {
    id: u64,
    /// What is in the row for certain.
    committed: u64,
    /// The last number that was used. Each is used once.
    used: u64,
}

/// What became of a group.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Committed,
    TakenBack,
    Unknown,
}

impl Lanes {
    /// A lane that nobody else uses, which may have to be made first.
    pub(crate) async fn take(&self, link: &mut Link<'_>) -> Result<Lane> {
        if let Some(lane) = self.0.lock().pop() {
            return Ok(lane);
        }
        let sql = "INSERT INTO lane (last_group, used_at) VALUES (0, UNIX_TIMESTAMP())".to_owned();
        let answers = link.run(sql).await.map_err(|failed| failed.error)?;
        let id = answers.first().map_or(0, |answer| answer.inserted);
        Ok(Lane { id, committed: 0, used: 0 })
    }

    /// Gives a lane back, unless it is not known what is in its row.
    pub(crate) fn give_back(&self, lane: Lane) {
        if lane.id != 0 {
            self.0.lock().push(lane);
        }
    }
}

impl Lane {
    /// The statement that writes the number of a new group. It finds one row, or the lane is gone.
    pub(crate) fn mark(&mut self) -> String {
        self.used += 1;
        fill(
            "UPDATE lane SET last_group = ?, used_at = UNIX_TIMESTAMP() WHERE lane_id = ? AND last_group = ?",
            &values![self.used, self.id, self.committed],
        )
    }

    /// Notes that the row is not there, so that the lane is never used again.
    pub(crate) fn forget(&mut self) {
        self.id = 0;
    }

    /// Notes that the last group was committed.
    pub(crate) fn note_committed(&mut self) {
        self.committed = self.used;
    }

    /// Finds out whether the last group was committed. Only when the connection was lost after its number was written.
    pub(crate) async fn resolve(&mut self, pool: &Pool) -> Fate {
        let begun = Instant::now();
        loop {
            match self.look(pool).await {
                Ok(Some(found)) if found == self.used => {
                    self.note_committed();
                    return Fate::Committed;
                }
                Ok(Some(found)) if found == self.committed => return Fate::TakenBack,
                // Nobody else writes into the row.
                Ok(_) => return Fate::Unknown,
                Err(error) => {
                    tracing::warn!(%error, "cannot tell yet whether a group was committed");
                }
            }
            if begun.elapsed() > RESOLVE_MAX {
                return Fate::Unknown;
            }
            tokio::time::sleep(RESOLVE_PAUSE).await;
        }
    }

    async fn look(&self, pool: &Pool) -> Result<Option<u64>> {
        // What has lain idle may have been lost with the other one.
        pool.forget_idle();
        let mut link = pool.take().await?;
        let sql = fill("SELECT last_group FROM lane WHERE lane_id = ? FOR UPDATE", &values![self.id]);
        let rows = link.rows(sql).await;
        let found = rows.and_then(|rows| row::first(&rows, |row| row.get::<u64>(0)));
        link.roll_back().await;
        found
    }
}

/// Deletes the rows of lanes that nobody uses any more. Answers how many there were.
pub(crate) async fn clean(pool: &Pool) -> std::result::Result<usize, DbError> {
    let mut link = pool.take().await?;
    let template = "DELETE FROM lane WHERE used_at < UNIX_TIMESTAMP() - ? * 86400";
    let answers = link.run(fill(template, &values![UNUSED_DAYS])).await.map_err(|failed| failed.error)?;
    link.give_back();
    Ok(answers.first().map_or(0, |answer| usize::try_from(answer.affected).unwrap_or(usize::MAX)))
}
