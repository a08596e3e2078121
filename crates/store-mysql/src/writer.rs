//! Those who write: as many groups at once as there are connections, each in a transaction of its own.

use std::sync::Arc;

use frontrow_application::Clock;
use frontrow_application::group::{Decision, Group};
use frontrow_application::store::{Committed, StoreError};
use frontrow_domain::Timestamp;
use frontrow_domain::records::{Changes, Key, Keys, Records};

use crate::error::{DbError, NO_TABLE};
use crate::lane::{Fate, Lane, Lanes};
use crate::load::{Loader, is_locked};
use crate::once::{self, OnceTables};
use crate::plans::PlanCache;
use crate::pool::{Link, Pool};
use crate::save::{self, NotSaved};

/// How often a transaction is begun anew for a connection that was closed while it lay idle.
const STALE_MAX: u32 = 2;

/// Writes groups.
pub(crate) struct Writer {
    pub(crate) pool: Pool,
    /// For tables, which are made and dropped outside transactions.
    pub(crate) tables: Pool,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) plans: Arc<PlanCache>,
    pub(crate) once: OnceTables,
    pub(crate) lanes: Lanes,
}

/// How far a group has come, over several transactions.
struct Progress {
    /// What it names, and what it has asked for since.
    keys: Keys,
    /// The round of deciding that comes next, from 1.
    round: u32,
}

/// How an attempt ended that was not refused.
enum Step {
    /// Decided and saved; only the commit is missing.
    Saved { decided_at: Timestamp, has_changed: bool },
    /// It has to begin again, with more locks.
    Again,
    /// It has to begin again, once there is a table for the keys of this day.
    Table(i64),
}

/// Why an attempt ended.
enum Ended {
    /// By an error of a statement.
    Db(DbError),
    /// By what was saved.
    Save(NotSaved),
}

impl From<NotSaved> for Ended {
    fn from(not_saved: NotSaved) -> Self {
        Self::Save(not_saved)
    }
}

impl From<DbError> for Ended {
    fn from(error: DbError) -> Self {
        Self::Db(error)
    }
}

impl Writer {
    /// Loads, lets the group decide, saves, commits.
    pub(crate) async fn transact(&self, group: &mut Group) -> Result<Committed, StoreError> {
        let mut progress = Progress { keys: Keys::new(group.keys()), round: 1 };
        let mut stale = 0;
        loop {
            self.make_tables(&progress.keys).await.map_err(DbError::into_store_connecting)?;
            let mut link = self.pool.take().await.map_err(DbError::into_store_connecting)?;
            let mut lane = match self.lanes.take(&mut link).await {
                Ok(lane) => lane,
                Err(DbError::Lost(_)) if link.is_reused && stale < STALE_MAX => {
                    stale += 1;
                    continue;
                }
                Err(error) => return Err(error.into_store()),
            };
            let result = self.attempt(&mut link, &mut lane, group, &mut progress).await;
            match result {
                Ok(Step::Saved { decided_at, has_changed }) => {
                    group.saved();
                    return self.commit(link, lane, has_changed).await.map(|()| Committed { decided_at });
                }
                Ok(Step::Again) => link.roll_back().await,
                Ok(Step::Table(day)) => {
                    link.roll_back().await;
                    self.once.make(&self.tables, &[day]).await.map_err(DbError::into_store)?;
                }
                // The server has closed it while it lay idle; nothing has begun.
                Err(Ended::Db(DbError::Lost(_))) if link.is_reused && stale < STALE_MAX => {
                    stale += 1;
                    self.pool.forget_idle();
                    drop(link);
                }
                Err(ended) => {
                    let error = self.take_back(link, ended).await;
                    self.lanes.give_back(lane);
                    return Err(error);
                }
            }
            self.lanes.give_back(lane);
        }
    }

    /// Makes the tables that the group may read and write keys in.
    async fn make_tables(&self, keys: &Keys) -> Result<(), DbError> {
        if !keys.iter().any(|key| matches!(key, Key::Once(_))) {
            return Ok(());
        }
        self.once.make(&self.tables, &once::days(self.clock.now())).await
    }

    /// All up to the commit. A lane that is not there any more makes the group begin again.
    async fn attempt(
        &self,
        link: &mut Link<'_>,
        lane: &mut Lane,
        group: &mut Group,
        progress: &mut Progress,
    ) -> Result<Step, Ended> {
        let mut records = Records::new();
        let keys = progress.keys.clone().in_lock_order();
        let days = once::days(self.clock.now());
        let mut loader = Loader { link, plans: &self.plans };
        loader.begin(&keys, &days, &mut records).await?;
        // All locks are held from here on.
        let begun = self.clock.now();
        loader.ranges(&keys, begun, &mut records).await?;
        let now = loop {
            let now = self.clock.now().max(records.decided_at());
            let decision = group.decide(&mut records, now, progress.round);
            let Decision::Need(needed) = decision else { break now };
            progress.round += 1;
            let more = needed.clone().in_lock_order();
            progress.keys.extend(needed);
            if more.iter().any(is_locked) {
                return Ok(Step::Again);
            }
            if let Some(day) = self.missing_day(&more, &days) {
                return Ok(Step::Table(day));
            }
            loader.more(&more, &days, &mut records).await?;
            loader.ranges(&more, begun, &mut records).await?;
        };
        let changes = records.changed();
        if changes.is_empty() && changes.seat_changes.is_empty() {
            return Ok(Step::Saved { decided_at: now, has_changed: false });
        }
        if let Some(day) = self.unmade_day(&changes) {
            return Ok(Step::Table(day));
        }
        if save::save(link, &changes, now, lane.mark()).await? {
            return Ok(Step::Saved { decided_at: now, has_changed: true });
        }
        // Somebody has deleted the row of the lane. Another lane is as good.
        lane.forget();
        Ok(Step::Again)
    }

    /// A day whose table is to be read and may not be there.
    fn missing_day(&self, keys: &[Key], days: &[i64]) -> Option<i64> {
        let has_once = keys.iter().any(|key| matches!(key, Key::Once(_)));
        days.iter().copied().find(|day| has_once && !self.once.has(*day))
    }

    /// A day whose table is to be written and may not be there.
    fn unmade_day(&self, changes: &Changes<'_>) -> Option<i64> {
        let mut days =
            changes.once.iter().filter_map(|change| change.after.map(|kept| kept.created_at.day()));
        days.find(|day| !self.once.has(*day))
    }

    /// Commits, and finds out whether it happened when nobody answers.
    async fn commit(&self, mut link: Link<'_>, mut lane: Lane, has_changed: bool) -> Result<(), StoreError> {
        let Err(failed) = link.run("COMMIT".to_owned()).await else {
            if has_changed {
                lane.note_committed();
            }
            link.give_back();
            self.lanes.give_back(lane);
            return Ok(());
        };
        drop(link);
        if !has_changed {
            // There was nothing to lose: what was decided was decided under the locks.
            self.lanes.give_back(lane);
            return Ok(());
        }
        tracing::warn!(error = %failed.error, "the connection was lost in a commit");
        match lane.resolve(&self.pool).await {
            Fate::Committed => {
                self.lanes.give_back(lane);
                Ok(())
            }
            Fate::TakenBack => {
                self.lanes.give_back(lane);
                Err(StoreError::Busy)
            }
            // The lane is not used again: it is not known what is in its row.
            Fate::Unknown => Err(StoreError::OutcomeUnknown(failed.error.to_string())),
        }
    }

    /// Takes the transaction back and says why the group was not committed.
    async fn take_back(&self, mut link: Link<'_>, ended: Ended) -> StoreError {
        match ended {
            Ended::Db(error) if error.number() == Some(NO_TABLE) => {
                // The table of a day was dropped: the clocks of two instances are days apart, or somebody has tidied up.
                self.once.forget();
                link.roll_back().await;
                StoreError::Busy
            }
            Ended::Db(error) => {
                // What is lost is closed, everything else is taken back.
                if !matches!(error, DbError::Lost(_)) {
                    link.roll_back().await;
                }
                error.into_store()
            }
            Ended::Save(NotSaved { is_lost: true, error, .. }) => error,
            Ended::Save(NotSaved { has_no_table: true, .. }) => {
                self.once.forget();
                link.roll_back().await;
                StoreError::Busy
            }
            Ended::Save(NotSaved { error, suspects: None, .. }) => {
                link.roll_back().await;
                error
            }
            Ended::Save(NotSaved { error, suspects: Some(suspects), .. }) => {
                if link.run("ROLLBACK".to_owned()).await.is_err() {
                    return error;
                }
                let keys = suspects.find(&mut link).await;
                link.roll_back().await;
                StoreError::Lost(keys)
            }
        }
    }
}
