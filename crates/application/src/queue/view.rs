//! What is known of a room at a moment: worked out once a tick, and shared by everybody who asks.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use frontrow_domain::catalog::WaitingRoomSettings;
use frontrow_domain::queue::draw::Commitment;
use frontrow_domain::queue::{Draw, RoomFacts, RoomState, ScheduleFacts, Seed, WaitRange};
use frontrow_domain::reservation::SeatState;
use frontrow_domain::{ConcertId, ScheduleId, Sequence, Timestamp};

use crate::app::App;
use crate::store::ReadError;
use crate::waiting_room::{LineFigures, LinePolicy};

/// What is left of a schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScheduleStock {
    /// Which schedule.
    pub schedule: ScheduleId,
    /// Seats that can be had.
    pub seats_left: u32,
    /// Seats that are held and may come back.
    pub seats_held: u32,
}

/// What everybody may know of a draw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShownDraw {
    /// What the seed is bound to.
    pub commitment: Commitment,
    /// What came of it, once it is done.
    pub outcome: Option<DrawOutcome>,
}

/// What came of a draw; the order itself is read in parts ([`App::draw_part`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DrawOutcome {
    /// What the order comes from.
    pub seed: Seed,
    /// How many were drawn.
    pub entries: u32,
}

/// A room and its stock at a moment.
#[derive(Debug)]
pub struct RoomView {
    /// In front of which concert.
    pub concert: ConcertId,
    /// What decides about the room.
    pub facts: RoomFacts,
    /// How it lets fans in.
    pub settings: WaitingRoomSettings,
    /// Seconds for which a fan keeps seats that are not paid; the longest of all schedules.
    pub hold_seconds: u32,
    /// Where it stands.
    pub state: RoomState,
    /// What is left, by schedule in order of start.
    pub schedules: Vec<ScheduleStock>,
    /// The line; nothing while the room is off.
    pub figures: Option<LineFigures>,
    /// When this was worked out.
    pub at: Timestamp,
    draw: Option<Draw>,
    body: OnceLock<Bytes>,
}

impl RoomView {
    /// Seats that can be had, over all schedules.
    pub fn seats_left(&self) -> u32 {
        self.schedules.iter().map(|stock| stock.seats_left).sum()
    }

    /// Seats that are held, over all schedules.
    pub fn seats_held(&self) -> u32 {
        self.schedules.iter().map(|stock| stock.seats_held).sum()
    }

    /// What everybody in line is told.
    pub fn notice(&self) -> Option<&str> {
        self.facts.controls.notice.as_deref()
    }

    /// The draw of its lobby, as far as everybody may know it now.
    pub fn draw(&self) -> Option<ShownDraw> {
        let draw =
            self.draw.filter(|draw| draw.drawn_at.is_some() || self.facts.shows_commitment(self.at))?;
        let outcome = draw.drawn_at.map(|_| DrawOutcome { seed: draw.seed, entries: draw.listed });
        Some(ShownDraw { commitment: draw.seed.commitment(), outcome })
    }

    /// The number at the head of the line.
    pub fn head(&self) -> Sequence {
        self.figures.as_ref().map_or(Sequence::new(1), |figures| figures.head)
    }

    /// How long somebody with so many ahead will wait; nothing when nobody can say.
    pub fn wait(&self, ahead: u64) -> Option<WaitRange> {
        self.figures.as_ref().and_then(|figures| figures.forecast.wait(ahead))
    }

    /// The public document, rendered by whoever asks first and shared from then on.
    pub fn body(&self, render: impl FnOnce(&Self) -> Bytes) -> Bytes {
        self.body.get_or_init(|| render(self)).clone()
    }

    /// True when the sale is open and somebody is still in its lobby.
    pub(super) fn has_left_fans_in_lobby(&self) -> bool {
        let is_open = matches!(self.state, RoomState::Open | RoomState::Paused | RoomState::SoldOut);
        is_open && self.figures.as_ref().is_some_and(|figures| figures.lobby > 0)
    }

    pub(super) fn policy(&self) -> LinePolicy {
        let seats_left = self.facts.schedules.iter().map(|schedule| schedule.available).sum();
        let Self { settings, state, hold_seconds, .. } = *self;
        LinePolicy { settings, state, hold_seconds, seats_left }
    }

    pub(super) fn with_figures(mut self, figures: LineFigures) -> Self {
        self.figures = Some(figures);
        self
    }
}

impl App {
    /// A room as it was at the last tick; one that is off as it is now. Nothing when there is no such concert, or
    /// none that fans may see.
    pub async fn room(&self, concert: ConcertId) -> Result<Option<Arc<RoomView>>, ReadError> {
        let Some(known) = self.memory.catalog.concert(concert).await? else { return Ok(None) };
        if !known.published {
            return Ok(None);
        }
        if known.waiting_room.enabled
            && let Some(view) = self.memory.lines.view(concert)
        {
            return Ok(Some(view));
        }
        Ok(self.look_at_room(concert).await?.map(Arc::new))
    }

    /// A room as it is now, without its line.
    pub(super) async fn look_at_room(&self, id: ConcertId) -> Result<Option<RoomView>, ReadError> {
        let Some(concert) = self.memory.catalog.concert(id).await? else { return Ok(None) };
        let known = self.memory.catalog.schedules_of(id).await?;
        let mut facts = RoomFacts {
            enabled: concert.waiting_room.enabled && concert.published,
            controls: concert.controls.clone(),
            lobby: concert.lobby(),
            schedules: Vec::with_capacity(known.len()),
        };
        let mut schedules = Vec::with_capacity(known.len());
        let hold_seconds = known.iter().map(|schedule| schedule.hold.hold_seconds).max().unwrap_or(0);
        for schedule in known.iter() {
            let board = self.memory.boards.get(schedule.id).await?;
            let Some(board) = board else {
                return Err(ReadError::Corrupt(format!("schedule {} has no seats", schedule.id)));
            };
            let (available, held) = (board.count(SeatState::Available), board.count(SeatState::Held));
            let (booking, sales_paused) = (schedule.booking, schedule.sales_paused);
            if schedule.cancelled_at.is_none() {
                facts.schedules.push(ScheduleFacts { booking, sales_paused, available, held });
            }
            schedules.push(ScheduleStock { schedule: schedule.id, seats_left: available, seats_held: held });
        }
        // Nobody waits for what does not take place.
        facts.controls.closed |= facts.schedules.is_empty() && !known.is_empty();
        let at = self.clock.now();
        Ok(Some(RoomView {
            concert: id,
            state: facts.state(at),
            settings: concert.waiting_room,
            hold_seconds,
            facts,
            schedules,
            figures: None,
            at,
            draw: concert.draw,
            body: OnceLock::new(),
        }))
    }
}
