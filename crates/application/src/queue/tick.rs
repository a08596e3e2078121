//! What moves the lines on. Whoever owns time calls these; there is no loop and no timer here.

use frontrow_domain::event::PaymentMade;
use frontrow_domain::queue::EndReason;
use frontrow_domain::{ConcertId, Timestamp};
use futures_util::future::join_all;
use metrics::counter;

use crate::app::App;
use crate::store::ReadError;
use crate::waiting_room::{LineError, LineFigures};

/// How many payments one round of ending sessions takes.
const SESSIONS_BATCH: usize = 500;

/// Why a tick did not move a line on. The next one tries again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TickError {
    /// The waiting room does not answer.
    #[error(transparent)]
    Line(#[from] LineError),
    /// The store does not answer.
    #[error(transparent)]
    Read(#[from] ReadError),
}

impl App {
    /// Moves every line on. To be called every few hundredths of a second: the rate is reached the better, the
    /// more often, and never exceeded.
    pub async fn tick_lines(&self) -> Result<(), TickError> {
        let now = self.clock.now();
        let rooms = if let Some(rooms) = self.memory.lines.rooms(now) {
            rooms
        } else {
            let rooms = self.reads.concerts_with_rooms().await?;
            self.memory.lines.note_rooms(rooms.clone(), now);
            rooms
        };
        let due = rooms.into_iter().filter(|&concert| self.memory.lines.line(concert).is_due(now));
        join_all(due.map(|concert| self.tick_line(concert))).await.into_iter().collect()
    }

    async fn tick_line(&self, concert: ConcertId) -> Result<(), TickError> {
        let Some(view) = self.look_at_room(concert).await? else { return Ok(()) };
        let figures = self.waiting_room.tick(concert, view.policy()).await?;
        count(&figures);
        self.memory.admitted.note(concert, figures.admitted, view.at);
        if figures.admitted > 0 {
            self.memory.arrivals.note(concert);
        }
        self.memory.lines.line(concert).publish(view.with_figures(figures));
        Ok(())
    }

    /// Whether the waiting room answers.
    pub async fn check_line(&self) -> Result<(), LineError> {
        self.waiting_room.sessions_through().await.map(drop)
    }

    /// Ends the sessions of fans who have paid and hold nothing more of the concert (R-Q5), from the outbox: so a
    /// crash between the payment and this only delays it. Answers how many ended.
    pub async fn tick_sessions(&self) -> Result<usize, TickError> {
        let mut ended = 0;
        let mut through = self.waiting_room.sessions_through().await?;
        loop {
            let ends = self.reads.session_ends(through, SESSIONS_BATCH).await?;
            let (is_last, before) = (ends.len() < SESSIONS_BATCH, through);
            let now = self.clock.now();
            // At once, so that they share a write to the journal.
            for result in join_all(ends.iter().map(|end| self.end_session(&end.event, now))).await {
                ended += usize::from(result?);
            }
            through = ends.last().map_or(through, |end| end.position);
            if through != before {
                self.waiting_room.note_sessions_through(through).await?;
            }
            if is_last {
                return Ok(ended);
            }
        }
    }

    async fn end_session(&self, paid: &PaymentMade, now: Timestamp) -> Result<bool, TickError> {
        let (user, concert) = (paid.user_id, paid.concert_id);
        if self.reads.has_pending(user, concert, now).await? {
            return Ok(false);
        }
        let ended = self.waiting_room.end(concert, user, paid.entry_id, EndReason::Paid).await?;
        Ok(ended.is_some())
    }
}

/// Counts what this tick has done. What the line looks like is shown when somebody asks: `metric::looks`.
fn count(figures: &LineFigures) {
    if figures.admitted == 0 {
        return;
    }
    counter!("frontrow_queue_admitted_total").increment(u64::from(figures.admitted));
    let hits = figures.estimates;
    for (result, count) in [
        ("inside", hits.inside),
        ("shorter", hits.shorter),
        ("longer", hits.longer),
        ("unknown", hits.unknown),
    ] {
        if count > 0 {
            counter!("frontrow_queue_estimates_total", "result" => result).increment(u64::from(count));
        }
    }
}
