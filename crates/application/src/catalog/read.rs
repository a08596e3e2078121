//! Read the catalogue.

use std::sync::Arc;

use frontrow_domain::catalog::{Concert, Schedule, ScheduleStatus, combined_status};
use frontrow_domain::reservation::SeatState;
use frontrow_domain::{ConcertId, ScheduleId};

use super::board::Board;
use crate::app::App;
use crate::store::{ConcertCursor, ConcertFilter, ReadError};

/// A schedule with what is left of it.
#[derive(Debug, Clone)]
pub struct ScheduleDetails {
    /// The schedule.
    pub schedule: Arc<Schedule>,
    /// Its seats.
    pub board: Arc<Board>,
    /// Where it stands now.
    pub status: ScheduleStatus,
}

/// A concert with its schedules.
#[derive(Debug, Clone)]
pub struct ConcertDetails {
    /// The concert.
    pub concert: Arc<Concert>,
    /// Its schedules, in order of start.
    pub schedules: Vec<ScheduleDetails>,
}

impl ConcertDetails {
    /// Where the concert stands: with its schedule that a fan can do most with.
    pub fn status(&self) -> ScheduleStatus {
        combined_status(self.schedules.iter().map(|schedule| schedule.status))
    }

    /// Seats available over all schedules.
    pub fn seats_left(&self) -> u32 {
        self.schedules.iter().map(ScheduleDetails::seats_left).sum()
    }

    /// Where a list goes on after this concert.
    pub fn cursor(&self) -> ConcertCursor {
        let booking_start = self.schedules.iter().map(|schedule| schedule.schedule.booking.start).min();
        ConcertCursor { booking_start, concert: self.concert.id }
    }
}

impl ScheduleDetails {
    /// Seats available.
    pub fn seats_left(&self) -> u32 {
        self.board.count(SeatState::Available)
    }
}

impl App {
    /// A page of concerts, and where the next one begins.
    pub async fn concerts(
        &self,
        filter: ConcertFilter,
        status: Option<ScheduleStatus>,
        after: Option<ConcertCursor>,
        limit: usize,
    ) -> Result<(Vec<ConcertDetails>, Option<ConcertCursor>), ReadError> {
        let mut page = Vec::new();
        let mut after = after;
        loop {
            // One more than asked for tells whether there is a next page.
            let found = self.reads.concerts(filter.clone(), after, limit + 1).await?;
            let is_last = found.len() <= limit;
            for (concert, schedules) in found {
                let concert = self.concert_details(Arc::new(concert), schedules).await?;
                if page.len() == limit {
                    let next = page.last().map(ConcertDetails::cursor);
                    return Ok((page, next));
                }
                after = Some(concert.cursor());
                if status.is_none_or(|status| concert.status() == status) {
                    page.push(concert);
                }
            }
            if is_last {
                return Ok((page, None));
            }
        }
    }

    /// A concert with its schedules; `public` hides what is not published.
    pub async fn concert(&self, id: ConcertId, public: bool) -> Result<Option<ConcertDetails>, ReadError> {
        let Some(concert) = self.memory.catalog.concert(id).await? else { return Ok(None) };
        if public && !concert.published {
            return Ok(None);
        }
        let schedules = self.reads.schedules_of(id).await?;
        self.concert_details(concert, schedules).await.map(Some)
    }

    /// A schedule of a concert; `public` hides what is not published.
    pub async fn schedule(
        &self,
        concert: ConcertId,
        id: ScheduleId,
        public: bool,
    ) -> Result<Option<ScheduleDetails>, ReadError> {
        let Some(schedule) = self.memory.catalog.schedule(id).await? else { return Ok(None) };
        if schedule.concert != concert || (public && !self.is_public(id).await?) {
            return Ok(None);
        }
        self.schedule_details(schedule).await.map(Some)
    }

    /// A schedule by its number alone, for operators.
    pub async fn any_schedule(&self, id: ScheduleId) -> Result<Option<ScheduleDetails>, ReadError> {
        match self.memory.catalog.schedule(id).await? {
            Some(schedule) => self.schedule_details(schedule).await.map(Some),
            None => Ok(None),
        }
    }

    /// True when fans may see this schedule.
    pub(crate) async fn is_public(&self, id: ScheduleId) -> Result<bool, ReadError> {
        let Some(schedule) = self.memory.catalog.schedule(id).await? else { return Ok(false) };
        let concert = self.memory.catalog.concert(schedule.concert).await?;
        Ok(concert.is_some_and(|concert| concert.published))
    }

    /// A random name of the store's history, part of every tag that a client may keep.
    pub async fn epoch(&self) -> Result<u64, ReadError> {
        self.reads.epoch().await
    }

    async fn concert_details(
        &self,
        concert: Arc<Concert>,
        schedules: Vec<Schedule>,
    ) -> Result<ConcertDetails, ReadError> {
        let mut details = Vec::with_capacity(schedules.len());
        for schedule in schedules {
            details.push(self.schedule_details(Arc::new(schedule)).await?);
        }
        Ok(ConcertDetails { concert, schedules: details })
    }

    async fn schedule_details(&self, schedule: Arc<Schedule>) -> Result<ScheduleDetails, ReadError> {
        let board = self.memory.boards.get(schedule.id).await?;
        let board =
            board.ok_or_else(|| ReadError::Corrupt(format!("schedule {} has no seats", schedule.id)))?;
        let status = schedule.status(self.clock.now(), board.count(SeatState::Available));
        Ok(ScheduleDetails { schedule, board, status })
    }
}
