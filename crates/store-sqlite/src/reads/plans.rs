//! Seat plans in memory: they never change, and a schedule cannot be read without its plan.

use std::collections::HashMap;
use std::sync::Arc;

use frontrow_application::catalog::plan_form;
use frontrow_domain::ScheduleId;
use frontrow_domain::catalog::{Schedule, SeatPlan};
use parking_lot::Mutex;
use rusqlite::{Connection, Result, Row};

use crate::codec::{catalog, unreadable};

/// How many seats all kept plans may have together; about a hundred bytes each.
const SEATS_KEPT: usize = 4_000_000;

/// The plans that were read, by schedule and plan version.
#[derive(Default)]
pub(crate) struct PlanCache {
    plans: Mutex<HashMap<(ScheduleId, u32), Arc<SeatPlan>>>,
}

impl PlanCache {
    /// A schedule, with its row version, from a row of [`catalog::SCHEDULE_COLUMNS`].
    pub(crate) fn schedule(&self, connection: &Connection, row: &Row<'_>) -> Result<(Schedule, u64)> {
        let key = catalog::plan_key(row)?;
        let plan = self.get(connection, key)?;
        catalog::schedule(row, plan)
    }

    fn get(&self, connection: &Connection, key: (ScheduleId, u32)) -> Result<Arc<SeatPlan>> {
        if let Some(plan) = self.plans.lock().get(&key) {
            return Ok(Arc::clone(plan));
        }
        let form: Vec<u8> = connection
            .prepare_cached("SELECT form FROM seat_plan WHERE schedule_id = ?1 AND plan_version = ?2")?
            .query_row((key.0.get(), key.1), |row| row.get(0))?;
        let plan = plan_form::from_bytes(&form).ok_or_else(|| unreadable(0, "seat plan"))?;
        let plan = Arc::new(plan);
        let mut plans = self.plans.lock();
        let kept: usize = plans.values().map(|plan| plan.seats().len()).sum();
        if kept + plan.seats().len() > SEATS_KEPT {
            plans.clear();
        }
        plans.insert(key, Arc::clone(&plan));
        Ok(plan)
    }
}
