//! What was sold: figures for staff, and the rankings that everybody may see (R-C4). From the store for now, worked out
//! at most once in a while however many ask.

mod admitted;
mod export;
mod rankings;

pub(crate) use admitted::Admitted;
pub use export::{Sale, SaleFilter, each_sale};
pub(crate) use rankings::Rankings;
pub use rankings::{BestSeller, FastestSoldOut, RankingWindow};

use std::collections::BTreeMap;
use std::sync::Arc;

use frontrow_domain::catalog::Schedule;
use frontrow_domain::reservation::SeatState;
use frontrow_domain::{ConcertId, Money, Timestamp};

use crate::app::App;
use crate::store::{ReadError, Takings};

/// Minutes that the figures go back.
const MINUTES: u32 = 60;

/// What was sold of one schedule.
#[derive(Debug, Clone)]
pub struct ScheduleSales {
    /// The schedule.
    pub schedule: Arc<Schedule>,
    /// How many of its seats show what, in order of [`SeatState::ALL`].
    pub seats: [u32; SeatState::ALL.len()],
    /// The money.
    pub takings: Takings,
}

/// What happened in one minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SalesMinute {
    /// When it began.
    pub at: Timestamp,
    /// How many fans were let in.
    pub admitted: u64,
    /// How many seats were paid.
    pub sold: u64,
    /// What was paid.
    pub revenue: Money,
}

/// How the sale of a concert goes.
#[derive(Debug, Clone)]
pub struct SalesFigures {
    /// Fans in line, or in the lobby.
    pub waiting: u64,
    /// Fans who were let in.
    pub active: u64,
    /// Fans let in a second, over the last ten seconds.
    pub admitted_per_second: f64,
    /// Its schedules, in order of start.
    pub schedules: Vec<ScheduleSales>,
    /// The last hour, minute by minute, in order of time; minutes in which nothing happened are not listed.
    pub minutes: Vec<SalesMinute>,
}

impl App {
    /// How the sale of a concert goes; nothing when there is no such concert.
    pub async fn sales(&self, concert: ConcertId) -> Result<Option<SalesFigures>, ReadError> {
        if self.memory.catalog.concert(concert).await?.is_none() {
            return Ok(None);
        }
        let known = self.memory.catalog.schedules_of(concert).await?;
        let since = self.clock.now().minus_seconds(MINUTES * 60);
        let mut schedules = Vec::with_capacity(known.len());
        let mut minutes: BTreeMap<Timestamp, SalesMinute> = BTreeMap::new();
        for schedule in known.iter() {
            let Some(board) = self.memory.boards.get(schedule.id).await? else { continue };
            let takings = self.reads.takings(schedule.id).await?;
            for minute in self.reads.sales_by_minute(schedule.id, since).await? {
                let sum = minutes.entry(minute.at).or_insert_with(|| SalesMinute::empty(minute.at));
                sum.sold += minute.seats;
                sum.revenue = sum.revenue.plus(minute.revenue).unwrap_or(sum.revenue);
            }
            let seats = SeatState::ALL.map(|state| board.count(state));
            schedules.push(ScheduleSales { schedule: Arc::clone(schedule), seats, takings });
        }
        for (at, admitted) in self.memory.admitted.since(concert, since) {
            minutes.entry(at).or_insert_with(|| SalesMinute::empty(at)).admitted += admitted;
        }
        let view = self.memory.lines.view(concert);
        let line = view.as_ref().and_then(|view| view.figures.as_ref());
        Ok(Some(SalesFigures {
            waiting: line.map_or(0, |line| line.waiting + line.lobby),
            active: line.map_or(0, |line| u64::from(line.active)),
            admitted_per_second: line.map_or(0.0, |line| line.admitted_per_second),
            schedules,
            minutes: minutes.into_values().collect(),
        }))
    }
}

impl SalesMinute {
    const fn empty(at: Timestamp) -> Self {
        Self { at, admitted: 0, sold: 0, revenue: Money::ZERO }
    }
}
