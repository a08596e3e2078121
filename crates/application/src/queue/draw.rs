//! The draw of a lobby (R-Q8): who is in it is settled at the opening of the sale, the order is worked out from the seed, kept
//! where it will be published, and the line takes it over.
//!
//! Every step can be repeated, by this instance or another, and after a crash anywhere between two of them: the waiting room
//! answers the same drawees until the draw is done, so the order comes out the same; a part of the list is kept once, because
//! the concert says how much is; and a place is given its number once. Only when all is done does the sale open.

use std::sync::Arc;

use frontrow_domain::queue::draw;
use frontrow_domain::records::{DrawPart, Key, Keys, Records};
use frontrow_domain::{ConcertId, EntryId, Sequence, Timestamp};

use super::view::RoomView;
use crate::app::App;
use crate::box_office::{Failure, Priority};
use crate::command::{Command, Stop};
use crate::store::ReadError;
use crate::waiting_room::{DRAW_CHUNK, DrawStage, Drawee, LineError};

/// How many entries one part of the published order has: 256 KiB, and 62 commits for a million fans.
const PART: usize = 16_384;

/// Why a draw is not done yet. The next tick goes on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DrawError {
    /// The waiting room does not answer.
    #[error(transparent)]
    Line(#[from] LineError),
    /// The store does not answer.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The store keeps nothing.
    #[error("the order cannot be kept: {0}")]
    Write(String),
}

/// Keeps one part of the order, if it is the next one.
struct KeepPart(DrawPart);

impl Command for KeepPart {
    type Outcome = ();
    type Refusal = std::convert::Infallible;

    fn keys(&self) -> Keys {
        Keys::new([Key::Concert(self.0.concert)])
    }

    fn decide(&self, records: &mut Records, _: Timestamp) -> Result<(), Stop<Self::Refusal>> {
        let part = &self.0;
        let Some(mut concert) = records.concerts.get(&part.concert)?.cloned() else { return Ok(()) };
        let Some(draw) = concert.draw.as_mut().filter(|draw| draw.listed == part.first) else {
            return Ok(());
        };
        draw.listed = draw.listed.saturating_add(u32::try_from(part.entries.len()).unwrap_or(u32::MAX));
        records.draw_parts.add(part.clone());
        records.concerts.put(part.concert, concert);
        Ok(())
    }
}

/// Notes that a draw is done: the order is published, and the sale opens.
struct FinishDraw(ConcertId);

impl Command for FinishDraw {
    type Outcome = ();
    type Refusal = std::convert::Infallible;

    fn keys(&self) -> Keys {
        Keys::new([Key::Concert(self.0)])
    }

    fn decide(&self, records: &mut Records, now: Timestamp) -> Result<(), Stop<Self::Refusal>> {
        let Some(mut concert) = records.concerts.get(&self.0)?.cloned() else { return Ok(()) };
        let Some(draw) = concert.draw.as_mut().filter(|draw| draw.drawn_at.is_none()) else { return Ok(()) };
        draw.drawn_at = Some(now);
        records.concerts.put(self.0, concert);
        Ok(())
    }
}

impl App {
    /// Draws every lobby whose sale is to open, and every one in which fans are left although the sale is open: an operator
    /// may have taken it away meanwhile. Answers how many. To be called often: the sale opens when it is done.
    pub async fn tick_draws(&self) -> Result<usize, DrawError> {
        let now = self.clock.now();
        let is_due = |view: &Arc<RoomView>| view.facts.is_to_be_drawn(now) || view.has_left_fans_in_lobby();
        let due = self.memory.lines.views().into_iter().filter(is_due);
        let mut drawn = 0;
        let mut failed = None;
        for view in due {
            // A draw that comes to nothing for now keeps no other sale from opening.
            match self.draw_lobby(view.concert).await {
                Ok(is_done) => drawn += usize::from(is_done),
                Err(error) => failed = Some(error),
            }
        }
        failed.map_or(Ok(drawn), Err)
    }

    async fn draw_lobby(&self, concert: ConcertId) -> Result<bool, DrawError> {
        // From the store: what is known here may be older than what another instance has done.
        let Some(draw) = self.reads.concert(concert).await?.and_then(|concert| concert.draw) else {
            return Ok(false);
        };
        let is_drawn = draw.drawn_at.is_some();
        let stage = self.waiting_room.close_lobby(concert).await?;
        if stage == DrawStage::Drawing {
            let drawees = self.drawees(concert).await?;
            let drawn = in_order(draw.seed, drawees).await?;
            if !is_drawn {
                self.keep_order(concert, &drawn).await?;
            }
            for (rank, chunk) in (0..).step_by(DRAW_CHUNK).zip(drawn.chunks(DRAW_CHUNK)) {
                let numbers = chunk.iter().map(|drawee| drawee.sequence).collect();
                self.waiting_room.place_drawn(concert, rank, numbers).await?;
            }
            while self.waiting_room.finish_draw(concert).await? == DrawStage::Drawing {}
            tracing::info!(%concert, entries = drawn.len(), "the lobby was drawn");
        }
        if is_drawn {
            return Ok(stage == DrawStage::Drawing);
        }
        self.box_office.run(Priority::Begin, FinishDraw(concert)).await.map_err(not_kept)?;
        Ok(true)
    }

    /// Everybody in the draw.
    async fn drawees(&self, concert: ConcertId) -> Result<Vec<Drawee>, LineError> {
        let mut drawees = Vec::new();
        let mut after = Sequence::LOBBY;
        loop {
            let page = self.waiting_room.drawees(concert, after).await?;
            let Some(last) = page.last() else { return Ok(drawees) };
            after = last.sequence;
            drawees.extend(page);
        }
    }

    /// Keeps what will be published. Parts that are kept already stay.
    async fn keep_order(&self, concert: ConcertId, drawn: &[Drawee]) -> Result<(), DrawError> {
        for (first, part) in (0..).step_by(PART).zip(drawn.chunks(PART)) {
            let entries = part.iter().map(|drawee| drawee.entry).collect();
            let part = KeepPart(DrawPart { concert, first, entries });
            self.box_office.run(Priority::Begin, part).await.map_err(not_kept)?;
        }
        Ok(())
    }

    /// A part of the order in which the lobby of a concert was drawn: the one that begins behind `first` entries. Nothing when
    /// there is none. What is kept before the draw is done is nobody's business: see [`super::RoomView::draw`].
    pub async fn draw_part(&self, concert: ConcertId, first: u32) -> Result<Option<Vec<EntryId>>, ReadError> {
        self.reads.draw_part(concert, first).await
    }
}

/// The drawees in the order of the draw. Not on a thread that answers fans: a million take half a second.
async fn in_order(seed: draw::Seed, drawees: Vec<Drawee>) -> Result<Vec<Drawee>, DrawError> {
    let sorted = tokio::task::spawn_blocking(move || {
        let entries: Vec<EntryId> = drawees.iter().map(|drawee| drawee.entry).collect();
        let order = draw::order(&seed, &entries);
        order.into_iter().filter_map(|position| drawees.get(position as usize).copied()).collect()
    });
    sorted.await.map_err(|error| DrawError::Line(LineError::Unavailable(error.to_string())))
}

fn not_kept(failure: Failure<std::convert::Infallible>) -> DrawError {
    DrawError::Write(format!("{failure:?}"))
}
