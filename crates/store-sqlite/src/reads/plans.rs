//! Seat plans in memory: they never change, and a schedule cannot be read without its plan.

use std::sync::Arc;

use frontrow_application::catalog::{PlanKey, Plans};
use frontrow_domain::catalog::{Schedule, SeatPlan};
use rusqlite::{Connection, Result, Row};

use crate::codec::{catalog, unreadable};

/// The plans that were read, by schedule and plan version.
#[derive(Default)]
pub(crate) struct PlanCache {
    plans: Plans,
}

impl PlanCache {
    /// A schedule, with its row version, from a row of [`catalog::SCHEDULE_COLUMNS`].
    pub(crate) fn schedule(&self, connection: &Connection, row: &Row<'_>) -> Result<(Schedule, u64)> {
        let key = catalog::plan_key(row)?;
        let plan = self.get(connection, key)?;
        catalog::schedule(row, plan)
    }

    fn get(&self, connection: &Connection, key: PlanKey) -> Result<Arc<SeatPlan>> {
        if let Some(plan) = self.plans.get(key) {
            return Ok(plan);
        }
        let form: Vec<u8> = connection
            .prepare_cached("SELECT form FROM seat_plan WHERE schedule_id = ?1 AND plan_version = ?2")?
            .query_row((key.0.get(), key.1), |row| row.get(0))?;
        self.plans.keep(key, &form).ok_or_else(|| unreadable(0, "seat plan"))
    }
}
