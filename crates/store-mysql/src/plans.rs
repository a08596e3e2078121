//! Seat plans in memory: they never change, and a schedule cannot be read without its plan.

use std::sync::Arc;

use frontrow_application::catalog::{PlanKey, Plans};
use frontrow_domain::catalog::{Schedule, SeatPlan};
use sqlx::mysql::MySqlRow;

use crate::codec::catalog;
use crate::error::DbError;
use crate::pool::Link;
use crate::row::{Result, Row, first};
use crate::sql::{fill, values};

/// The plans that were read, by schedule and plan version.
#[derive(Default)]
pub(crate) struct PlanCache {
    plans: Plans,
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

    async fn get(&self, link: &mut Link<'_>, key: PlanKey) -> Result<Arc<SeatPlan>> {
        if let Some(plan) = self.plans.get(key) {
            return Ok(plan);
        }
        let template = "SELECT form FROM seat_plan WHERE schedule_id = ? AND plan_version = ?";
        let rows = link.rows(fill(template, &values![key.0, key.1])).await?;
        let plan = first(&rows, |row| Ok(self.plans.keep(key, row.get::<&[u8]>(0)?)))?;
        plan.flatten().ok_or(DbError::Unreadable("seat plan"))
    }
}
