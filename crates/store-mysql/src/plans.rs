//! Seat plans in memory: they never change, and a schedule cannot be read without its plan.

use std::collections::HashMap;
use std::sync::Arc;

use frontrow_application::catalog::plan_form;
use frontrow_domain::ScheduleId;
use frontrow_domain::catalog::{Schedule, SeatPlan};
use parking_lot::Mutex;
use sqlx::mysql::MySqlRow;

use crate::codec::catalog;
use crate::error::DbError;
use crate::pool::Link;
use crate::row::{Result, Row, first};
use crate::sql::{fill, values};

/// How many seats all kept plans may have together; about a hundred bytes each.
const SEATS_KEPT: usize = 4_000_000;

/// The plans that were read, by schedule and plan version.
#[derive(Default)]
pub(crate) struct PlanCache {
    plans: Mutex<HashMap<(ScheduleId, u32), Arc<SeatPlan>>>,
}

impl PlanCache {
    /// Schedules, with their row versions, from rows of [`catalog::SCHEDULE_COLUMNS`].
    pub(crate) async fn schedules(
        &self,
        link: &mut Link<'_>,
        rows: &[MySqlRow],
    ) -> Result<Vec<(Schedule, u64)>> {
        let mut found = Vec::with_capacity(rows.len());
        for row in rows {
            let plan = self.get(link, catalog::plan_key(&Row(row))?).await?;
            found.push(catalog::schedule(&Row(row), plan)?);
        }
        Ok(found)
    }

    async fn get(&self, link: &mut Link<'_>, key: (ScheduleId, u32)) -> Result<Arc<SeatPlan>> {
        if let Some(plan) = self.plans.lock().get(&key) {
            return Ok(Arc::clone(plan));
        }
        let template = "SELECT form FROM seat_plan WHERE schedule_id = ? AND plan_version = ?";
        let rows = link.rows(fill(template, &values![key.0, key.1])).await?;
        let plan = first(&rows, |row| Ok(plan_form::from_bytes(row.get::<&[u8]>(0)?)))?;
        let plan = Arc::new(plan.flatten().ok_or(DbError::Unreadable("seat plan"))?);
        let mut plans = self.plans.lock();
        let kept: usize = plans.values().map(|plan| plan.seats().len()).sum();
        if kept + plan.seats().len() > SEATS_KEPT {
            plans.clear();
        }
        plans.insert(key, Arc::clone(&plan));
        Ok(plan)
    }
}
