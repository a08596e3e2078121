//! What has to happen without anybody asking: tick functions. Whoever owns time calls them; there is no loop and
//! no timer here. All are safe to run on every instance at once.

use std::collections::HashMap;

use futures_util::future::join_all;

use crate::account::unavailable;
use crate::app::App;
use crate::box_office::Failure;
use crate::store::ReadError;

/// How many boards are asked about at once.
const BOARDS_BATCH: usize = 400;
/// How many lapsed holds one round takes: what may share a group.
const EXPIRE_BATCH: usize = 200;

impl App {
    /// Notes every hold that has ended, frees its seats on the map, and writes its event. Nobody has to wait for
    /// this to buy such a seat: a claim sees the end of a hold by itself. Answers how many there were.
    pub async fn tick_expiry(&self) -> Result<usize, Failure<std::convert::Infallible>> {
        let mut expired = 0;
        loop {
            let lapsed = self.reads.lapsed(self.clock.now(), EXPIRE_BATCH).await.map_err(unavailable)?;
            let is_last = lapsed.len() < EXPIRE_BATCH;
            let mut noted = 0;
            for result in join_all(lapsed.into_iter().map(|reservation| self.expire(reservation))).await {
                noted += usize::from(result?);
            }
            expired += noted;
            // Without progress another round would only repeat this one.
            if is_last || noted == 0 {
                return Ok(expired);
            }
        }
    }

    /// Asks the store for what other instances have committed to seats that are shown here, in case nobody has told of it
    /// ([`App::hear_seats`]). Only needed where several share a store; what it is late by is at most what lies between two
    /// calls. Answers how many boards were behind.
    pub async fn tick_boards(&self) -> Result<usize, ReadError> {
        let mut behind = 0;
        for some in self.memory.boards.standing().chunks(BOARDS_BATCH) {
            let known: HashMap<_, _> = some.iter().copied().collect();
            let newest =
                self.reads.seat_versions(some.iter().map(|(schedule, _)| *schedule).collect()).await?;
            for (schedule, version) in newest {
                let Some(&known) = known.get(&schedule) else { continue };
                if version > known {
                    behind += 1;
                    self.memory.boards.hear(schedule, version);
                    self.memory.boards.get(schedule).await?;
                } else if version < known {
                    // The board was there first, so the store has lost something since (a promoted replica): what is
                    // shown is of a history that is no more.
                    self.memory.boards.forget(schedule);
                    self.memory.feeds.end(schedule);
                }
            }
        }
        Ok(behind)
    }

    /// Drops what no longer counts. Answers how much there was.
    pub async fn tick_upkeep(&self) -> Result<usize, ReadError> {
        let gone = self.upkeep.clean(self.clock.now()).await?;
        // A line that cannot be tidied now says so itself, and is tidied later.
        let places = self.waiting_room.clean().await.unwrap_or(0);
        Ok(gone + places)
    }
}
