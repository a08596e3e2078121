//! The steps of a draw: scripts of their own, chunk by chunk, so that fans are answered in between.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use frontrow_application::waiting_room::{DRAW_CHUNK, DrawStage, Drawee, LineError};
use frontrow_domain::Sequence;
use redis::Value;

use super::{CHUNK, Lane, text};
use crate::fault::Fault;
use crate::line::Shared;
use crate::wire::drawees;

/// What `lua/draw.lua` has answered.
struct Stepped {
    stage: DrawStage,
    cut: u64,
    list: Vec<Drawee>,
}

impl Stepped {
    /// Reads the answer; nothing when it is not in the form of the script.
    fn read(value: Value) -> Option<Result<Self, LineError>> {
        let Value::Array(parts) = value else { return None };
        let [Value::Int(stage), Value::Int(cut), Value::BulkString(list)] = &parts[..] else { return None };
        let stage = match stage {
            0 => DrawStage::Drawing,
            1 => DrawStage::Done,
            2 => return Some(Err(lost())),
            _ => return None,
        };
        Some(Ok(Self { stage, cut: u64::try_from(*cut).ok()?, list: drawees(list)? }))
    }
}

fn lost() -> LineError {
    LineError::Unavailable("Redis has lost a part of the draw, which has to begin again".to_owned())
}

impl Lane {
    async fn step(&self, shared: &Shared, step: &str, args: &[Arc<[u8]>]) -> Result<Stepped, LineError> {
        let mut all = self.header(shared);
        all.push(text(step));
        all.push(text(self.cut.load(Ordering::Acquire)));
        all.extend_from_slice(args);
        // Every step may be taken again, so it does not matter whether one without an answer has happened.
        let value = self.run(shared, &shared.scripts.draw, &all, true).await.map_err(Fault::harmless)?;
        let malformed = || LineError::Unavailable("Redis has answered something else".to_owned());
        Stepped::read(value).ok_or_else(malformed)?
    }

    /// Settles who is in the draw. From then on this instance goes by that draw and no other.
    pub(crate) async fn settle_draw(&self, shared: &Shared) -> Result<DrawStage, LineError> {
        let stepped = self.step(shared, "settle", &[]).await?;
        self.cut.store(stepped.cut, Ordering::Release);
        Ok(stepped.stage)
    }

    /// Those in the draw above a number.
    pub(crate) async fn drawees(&self, shared: &Shared, after: Sequence) -> Result<Vec<Drawee>, LineError> {
        let args = [text(after), text(DRAW_CHUNK)];
        self.step(shared, "list", &args).await.map(|stepped| stepped.list)
    }

    /// Gives drawn places their numbers in the line.
    pub(crate) async fn place_drawn(
        &self,
        shared: &Shared,
        rank: u64,
        drawn: &[Sequence],
    ) -> Result<(), LineError> {
        for (rank, chunk) in (rank..).step_by(CHUNK).zip(drawn.chunks(CHUNK)) {
            let numbers: Vec<u8> = chunk.iter().flat_map(|number| number.get().to_le_bytes()).collect();
            self.step(shared, "place", &[text(rank), numbers.into()]).await?;
        }
        Ok(())
    }

    /// Lets some follow of those who came later, and ends the draw when nobody is left.
    pub(crate) async fn finish_draw(&self, shared: &Shared) -> Result<DrawStage, LineError> {
        self.step(shared, "finish", &[text(CHUNK)]).await.map(|stepped| stepped.stage)
    }
}
