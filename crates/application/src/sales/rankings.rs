//! Best selling, and fastest sold out.

use std::sync::Arc;

use frontrow_domain::catalog::Concert;
use frontrow_domain::{ConcertId, ScheduleId, Timestamp};
use tokio::sync::Mutex;

use crate::app::App;
use crate::store::ReadError;

/// How long a ranking has.
const RANKS_MAX: usize = 100;
/// Seconds for which a ranking is shown before it is worked out again.
const FRESH_SECONDS: u32 = 5;

/// Over which time sales are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RankingWindow {
    /// The last hour.
    Hour,
    /// The last day.
    Day,
    /// All time.
    All,
}

impl RankingWindow {
    /// All of them, in the order in which they are documented.
    pub const ALL: [Self; 3] = [Self::Hour, Self::Day, Self::All];

    /// The name used in the interface.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hour => "1h",
            Self::Day => "24h",
            Self::All => "all",
        }
    }

    /// The window of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|window| window.name() == name)
    }

    fn since(self, now: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Hour => Some(now.minus_seconds(3_600)),
            Self::Day => Some(now.minus_seconds(86_400)),
            Self::All => None,
        }
    }
}

/// A concert among the best selling.
#[derive(Debug, Clone)]
pub struct BestSeller {
    /// The concert.
    pub concert: Arc<Concert>,
    /// Seats that were sold in the window and have not been given back.
    pub sold: u64,
}

/// A schedule among the fastest sold out.
#[derive(Debug, Clone)]
pub struct FastestSoldOut {
    /// Its concert.
    pub concert: Arc<Concert>,
    /// The schedule.
    pub schedule: ScheduleId,
    /// Seconds from the opening of the sale to the last seat.
    pub seconds: u32,
}

/// The rankings as they were worked out last.
#[derive(Default)]
pub(crate) struct Rankings {
    best: [Mutex<Option<Kept<BestSeller>>>; RankingWindow::ALL.len()],
    sold_out: Mutex<Option<Kept<FastestSoldOut>>>,
}

struct Kept<T> {
    ranks: Arc<Vec<T>>,
    until: Timestamp,
}

impl<T> Kept<T> {
    fn fresh(kept: Option<&Self>, now: Timestamp) -> Option<Arc<Vec<T>>> {
        kept.filter(|kept| now < kept.until).map(|kept| Arc::clone(&kept.ranks))
    }

    fn new(ranks: Vec<T>, now: Timestamp) -> Self {
        Self { ranks: Arc::new(ranks), until: now.plus_seconds(FRESH_SECONDS) }
    }
}

impl App {
    /// The concerts of which most seats were sold in the window, most first.
    pub async fn best_selling(&self, window: RankingWindow) -> Result<Arc<Vec<BestSeller>>, ReadError> {
        // Whoever comes while it is being worked out waits for the same answer.
        let mut kept = self.memory.rankings.best[window as usize].lock().await;
        let now = self.clock.now();
        if let Some(fresh) = Kept::fresh(kept.as_ref(), now) {
            return Ok(fresh);
        }
        let mut ranks = Vec::new();
        for (id, sold) in self.reads.best_selling(window.since(now), RANKS_MAX).await? {
            if let Some(concert) = self.published(id).await? {
                ranks.push(BestSeller { concert, sold });
            }
        }
        let kept = kept.insert(Kept::new(ranks, now));
        Ok(Arc::clone(&kept.ranks))
    }

    /// The schedules of which every seat was sold soonest after the sale opened, quickest first. One of which a seat
    /// is to be had again is not among them.
    pub async fn fastest_sold_out(&self) -> Result<Arc<Vec<FastestSoldOut>>, ReadError> {
        let mut kept = self.memory.rankings.sold_out.lock().await;
        let now = self.clock.now();
        if let Some(fresh) = Kept::fresh(kept.as_ref(), now) {
            return Ok(fresh);
        }
        let mut ranks = Vec::new();
        for (id, taken) in self.reads.taken_by_schedule().await? {
            let Some(schedule) = self.memory.catalog.schedule(id).await? else { continue };
            if taken < schedule.plan.size() || schedule.cancelled_at.is_some() {
                continue;
            }
            let Some(concert) = self.published(schedule.concert).await? else { continue };
            let Some(last) = self.reads.last_sale(id).await? else { continue };
            let seconds = last.micros().saturating_sub(schedule.booking.start.micros()).max(0) / 1_000_000;
            let seconds = u32::try_from(seconds).unwrap_or(u32::MAX);
            ranks.push(FastestSoldOut { concert, schedule: id, seconds });
        }
        ranks.sort_by_key(|rank| (rank.seconds, rank.schedule));
        ranks.truncate(RANKS_MAX);
        let kept = kept.insert(Kept::new(ranks, now));
        Ok(Arc::clone(&kept.ranks))
    }

    async fn published(&self, id: ConcertId) -> Result<Option<Arc<Concert>>, ReadError> {
        Ok(self.memory.catalog.concert(id).await?.filter(|concert| concert.published))
    }
}
