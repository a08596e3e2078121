//! Events on their way to others: the ports of `frontrow_application::events`, in the same database as the sale.
//!
//! Each step is a short transaction on a connection of the queries' pool, so that no step waits for a group or keeps one
//! waiting. Rows are locked in order of their keys, and a step that meets another is an error that the next tick repeats.

mod marks;
mod undelivered;
mod webhooks;

use frontrow_application::events::LoggedEvent;
use frontrow_domain::Timestamp;

use crate::MysqlReads;
use crate::pool::Answer;
use crate::row::{Result, Row};

/// What is kept of events on their way to others.
#[derive(Clone)]
pub struct MysqlDelivery {
    reads: MysqlReads,
}

impl MysqlReads {
    /// What is kept of events on their way to others, in the same database.
    pub fn delivery(&self) -> MysqlDelivery {
        MysqlDelivery { reads: self.clone() }
    }
}

impl MysqlDelivery {
    /// Runs statements in one transaction, in one packet.
    async fn write(&self, statements: Vec<String>) -> Result<Vec<Answer>> {
        if statements.is_empty() {
            return Ok(Vec::new());
        }
        let mut link = self.reads.begin(BEGIN).await?;
        let sql = format!("{}; COMMIT", statements.join("; "));
        let answers = link.run(sql).await.map_err(|failed| failed.error)?;
        link.give_back();
        Ok(answers)
    }
}

/// Begins a transaction that locks what it touches and nothing beside it.
const BEGIN: &str = "SET TRANSACTION ISOLATION LEVEL READ COMMITTED; START TRANSACTION";

/// The columns of an event, in this order: `position, event_key, sequence, at, body`.
fn event(row: &Row<'_>, first: usize) -> Result<LoggedEvent> {
    Ok(LoggedEvent {
        position: row.get(first)?,
        key: row.get(first + 1)?,
        sequence: row.get(first + 2)?,
        at: time(row, first + 3)?,
        body: row.get(first + 4)?,
    })
}

fn time(row: &Row<'_>, column: usize) -> Result<Timestamp> {
    row.get(column).map(Timestamp::from_micros)
}
