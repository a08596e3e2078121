//! Where the seats of a plan are on the screen.

use frontrow_domain::catalog::{Drawing, Schedule};

use crate::app::App;
use crate::store::ReadError;

impl App {
    /// The drawing of a schedule's seats: the one that came with the plan, or else one that is arranged. It is read from
    /// the store each time; whoever shows it to many keeps it.
    pub async fn drawing(&self, schedule: &Schedule) -> Result<Drawing, ReadError> {
        let kept = self.reads.drawing(schedule.id, schedule.plan_version).await?;
        Ok(kept.unwrap_or_else(|| Drawing::arrange(&schedule.plan)))
    }
}
