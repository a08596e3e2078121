//! The embedded waiting room: every line in the memory of one process, journaled in groups, rebuilt at start.
//!
//! A request takes the lock of its line for less than a microsecond, and what it changes goes to the journal
//! under that lock, so the journal has the order of the line. The thread that writes takes whatever has come up
//! meanwhile as one batch. Locks are taken in this order: a line, then the journal's list.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use frontrow_domain::queue::{EndReason, JoinRefused, PlaceState};
use frontrow_domain::{ConcertId, EntryId, Sequence, Timestamp, UserId};
use futures_util::FutureExt as _;
use parking_lot::{Mutex, RwLock};

use super::journal::{JournalError, LineBatch, LineJournal, LobbyStage, Moved, Stored, Told};
use super::room::DrawStep;
use super::room::{Asked, Room, is_meant};
use super::writer::{BatchListener, Kept, Writer};
use crate::clock::Clock;
use crate::waiting_room::{
    DrawStage, Drawee, Joined, Line, LineError, LineFigures, LinePolicy, Newcomer, NotLetIn, Pass, Receipt,
    Standing, Untold, WaitingRoom,
};

/// Seconds for which a place that is over can still be asked for. Its token says the rest for itself.
const ENDED_KEPT_SECONDS: u32 = 3_600;
/// How many rows one step of forgetting deletes, so that no fan waits for it.
const FORGET_ROWS: usize = 1_000;
/// How many requests of fans may wait for the disk: what a journal that works takes in a fraction of a second, and
/// what one that hangs may cost in memory.
const WAITERS_MAX: usize = 131_072;

/// The waiting rooms of one process.
pub struct EmbeddedLine {
    rooms: Arc<Rooms>,
    writer: Writer,
    journal: Arc<dyn LineJournal>,
    sessions_through: AtomicU64,
}

struct Rooms {
    by_concert: RwLock<HashMap<ConcertId, Arc<Mutex<Room>>>>,
    time: LineTime,
    /// True while the last batch was refused: with the next one that is taken, absence counts anew.
    was_refused: std::sync::atomic::AtomicBool,
}

/// The time of all lines. It never goes back, also when the clock did so between two runs: then it goes on from
/// the latest time that was journaled, at the pace of the clock.
struct LineTime {
    clock: Arc<dyn Clock>,
    offset_micros: AtomicI64,
    last: AtomicI64,
}

impl LineTime {
    fn now(&self) -> Timestamp {
        let now = self.clock.now().micros() + self.offset_micros.load(Ordering::Relaxed);
        Timestamp::from_micros(self.last.fetch_max(now, Ordering::AcqRel).max(now))
    }

    fn not_before(&self, latest: Timestamp) {
        let behind = latest.micros() - self.clock.now().micros();
        if behind > 0 {
            tracing::warn!(
                behind_micros = behind,
                "the clock is behind the line; the line keeps its own time"
            );
            self.offset_micros.store(behind, Ordering::Relaxed);
        }
    }
}

impl EmbeddedLine {
    /// Rebuilds all lines from the journal and begins to write to it.
    pub fn open(journal: Arc<dyn LineJournal>, clock: Arc<dyn Clock>) -> Result<Arc<Self>, JournalError> {
        let time = LineTime { clock, offset_micros: AtomicI64::new(0), last: AtomicI64::new(0) };
        let ready_at = time.clock.now();
        let loaded = load(&*journal, ready_at)?;
        time.not_before(loaded.latest);
        let ready_at = time.now();
        let rooms = loaded.rooms.into_iter().map(|(concert, mut room)| {
            room.ready(ready_at);
            (concert, Arc::new(Mutex::new(room)))
        });
        let rooms = Arc::new(Rooms {
            by_concert: RwLock::new(rooms.collect()),
            time,
            was_refused: std::sync::atomic::AtomicBool::new(false),
        });
        let listener: Arc<dyn BatchListener> = Arc::<Rooms>::clone(&rooms);
        let writer = Writer::start(Arc::clone(&journal), listener, WAITERS_MAX);
        let sessions_through = AtomicU64::new(loaded.sessions_through);
        Ok(Arc::new(Self { rooms, writer, journal, sessions_through }))
    }

    /// False while the journal takes nothing: joining and admission stand still.
    pub fn is_well(&self) -> bool {
        self.writer.is_well()
    }

    /// True once a write has failed in a way that does not say whether it happened. The process should end: what
    /// is on the disk is known again after it was read anew.
    pub fn has_failed(&self) -> bool {
        self.writer.has_failed()
    }

    /// Writes what is there and stops writing.
    pub fn close(&self) {
        self.writer.close();
    }

    fn room(&self, concert: ConcertId) -> Option<Arc<Mutex<Room>>> {
        self.rooms.by_concert.read().get(&concert).cloned()
    }

    fn room_or_new(&self, concert: ConcertId) -> Arc<Mutex<Room>> {
        self.room(concert).unwrap_or_else(|| {
            let now = self.rooms.time.now();
            let mut rooms = self.rooms.by_concert.write();
            Arc::clone(rooms.entry(concert).or_insert_with(|| Arc::new(Mutex::new(Room::new(concert, now)))))
        })
    }

    /// Asks for the place, and adds it to the journal under the same lock: the journal has the order of the line.
    fn ask(
        &self,
        concert: ConcertId,
        by: impl FnOnce(&mut Room, Timestamp) -> Result<Asked, JoinRefused>,
    ) -> Result<Result<(Joined, Option<Kept>), JoinRefused>, LineError> {
        let room = self.room_or_new(concert);
        let mut room = room.lock();
        let asked = match by(&mut room, self.rooms.time.now()) {
            Ok(asked) => asked,
            Err(refused) => return Ok(Err(refused)),
        };
        if !asked.is_fresh {
            return Ok(Ok((asked.joined, None)));
        }
        let place = asked.joined.standing.place;
        let kept = self.writer.keep_if_room(|pending| {
            if asked.joined.is_new {
                pending.batch.joined.push(place);
            }
        });
        match kept {
            Ok(kept) => Ok(Ok((asked.joined, Some(kept)))),
            Err(error) => {
                if asked.joined.is_new {
                    room.undo_join(place.sequence.get());
                }
                Err(error)
            }
        }
    }

    /// Asks for a place until it is one that is on the disk.
    fn join_by(
        &self,
        concert: ConcertId,
        by: impl Fn(&mut Room, Timestamp) -> Result<Asked, JoinRefused> + Send + Sync + 'static,
    ) -> Line<'_, Result<Joined, JoinRefused>> {
        // The place is taken here and not when the answer is first waited for: that is the arrival.
        let mut asked = self.ask(concert, &by);
        async move {
            loop {
                let (joined, kept) = match asked? {
                    Ok(asked) => asked,
                    Err(refused) => return Ok(Err(refused)),
                };
                let Some(kept) = kept else { return Ok(Ok(joined)) };
                wait(kept).await?;
                if joined.is_new {
                    return Ok(Ok(joined));
                }
                // The place that another request had asked for may not have been kept.
                asked = self.ask(concert, &by);
            }
        }
        .boxed()
    }

    /// Takes a step of a draw, and answers once it and everything before it are on the disk.
    async fn draw_step<T>(
        &self,
        concert: ConcertId,
        step: impl Fn(&mut Room, Timestamp) -> (T, DrawStep),
    ) -> Result<T, LineError> {
        let room = self.room_or_new(concert);
        loop {
            let (answer, has_to_wait, kept) = {
                let mut room = room.lock();
                let (answer, step) = step(&mut room, self.rooms.time.now());
                let kept = self.writer.keep(|pending| {
                    pending.batch.joined.extend(&step.joined);
                    pending.batch.rooms.extend(step.room);
                    pending.batch.lobbies.extend(step.lobby);
                });
                if kept.is_err() {
                    step.joined.iter().for_each(|place| room.undo_join(place.sequence.get()));
                    step.lobby.iter().for_each(|mark| drop(room.apply_lobby(mark, false)));
                }
                (answer, step.has_to_wait, kept)
            };
            wait(kept?).await?;
            if !has_to_wait {
                return Ok(answer);
            }
        }
    }

    /// Ends a place and answers it as it was, once that is on the disk.
    async fn end_place(
        &self,
        concert: ConcertId,
        user: UserId,
        only: Option<EntryId>,
        reason: EndReason,
    ) -> Result<Option<Standing>, LineError> {
        let Some(room) = self.room(concert) else { return Ok(None) };
        loop {
            let (before, kept) = {
                let mut room = room.lock();
                let now = self.rooms.time.now();
                match room.find(user, now).filter(|found| is_meant(&found.standing, only)) {
                    None => return Ok(None),
                    // Something else is on its way: what it comes to decides.
                    Some(found) if found.is_fresh || found.is_moving => (None, self.writer.keep(|_| {})),
                    Some(found) => match room.end(user, reason, now) {
                        None => return Ok(None),
                        Some(moved) => {
                            let kept = self.writer.keep_if_room(|pending| pending.move_on(&[moved]));
                            if kept.is_err() {
                                room.undo(&moved);
                            }
                            (Some(found.standing), kept)
                        }
                    },
                }
            };
            wait(kept?).await?;
            if before.is_some() {
                return Ok(before);
            }
        }
    }

    async fn tick_room(&self, concert: ConcertId, policy: LinePolicy) -> Result<LineFigures, LineError> {
        let room = self.room_or_new(concert);
        let kept = {
            let mut room = room.lock();
            let plan = room.plan(policy, self.rooms.time.now());
            let kept = (!plan.is_empty()).then(|| {
                self.writer.keep(|pending| {
                    pending.move_on(&plan.moved);
                    pending.batch.rooms.extend(plan.mark);
                })
            });
            if let Some(Err(_)) = &kept {
                plan.moved.iter().for_each(|moved| room.undo(moved));
                plan.mark.iter().for_each(|mark| room.apply_mark(mark, false));
            }
            kept
        };
        if let Some(kept) = kept {
            wait(kept?).await?;
        }
        let figures = room.lock().figures(self.rooms.time.now());
        Ok(figures)
    }

    async fn forget(&self) -> Result<usize, LineError> {
        let before = self.rooms.time.now().minus_seconds(ENDED_KEPT_SECONDS);
        let rooms: Vec<_> = self.rooms.by_concert.read().values().cloned().collect();
        for room in rooms {
            room.lock().forget(before);
        }
        let mut gone = 0;
        loop {
            let journal = Arc::clone(&self.journal);
            let step = tokio::task::spawn_blocking(move || journal.forget(before, FORGET_ROWS)).await;
            let step = step.map_err(|error| LineError::Unavailable(error.to_string()))?;
            let step = step.map_err(|error| LineError::Unavailable(error.to_string()))?;
            gone += step;
            if step < FORGET_ROWS {
                return Ok(gone);
            }
        }
    }
}

impl WaitingRoom for EmbeddedLine {
    fn join(
        &self,
        concert: ConcertId,
        newcomer: Newcomer,
        may_join: Result<(), JoinRefused>,
    ) -> Line<'_, Result<Joined, JoinRefused>> {
        self.join_by(concert, move |room, now| room.join(newcomer, may_join, now))
    }

    fn join_lobby(
        &self,
        concert: ConcertId,
        newcomer: Newcomer,
        may_join: Result<(), JoinRefused>,
    ) -> Line<'_, Result<Joined, JoinRefused>> {
        self.join_by(concert, move |room, now| room.join_lobby(newcomer, may_join, now))
    }

    fn close_lobby(&self, concert: ConcertId) -> Line<'_, DrawStage> {
        self.draw_step(concert, Room::settle_draw).boxed()
    }

    fn drawees(&self, concert: ConcertId, after: Sequence) -> Line<'_, Vec<Drawee>> {
        let drawees = self.room(concert).map(|room| room.lock().drawees(after));
        std::future::ready(Ok(drawees.unwrap_or_default())).boxed()
    }

    fn place_drawn(&self, concert: ConcertId, rank: u64, drawn: Vec<Sequence>) -> Line<'_, ()> {
        async move { self.draw_step(concert, |room, now| ((), room.place_drawn(rank, &drawn, now))).await }
            .boxed()
    }

    fn finish_draw(&self, concert: ConcertId) -> Line<'_, DrawStage> {
        self.draw_step(concert, Room::finish_draw).boxed()
    }

    fn standing(&self, pass: Pass) -> Line<'_, Option<Standing>> {
        let standing =
            self.room(pass.concert).and_then(|room| room.lock().place_of(&pass, self.rooms.time.now()));
        std::future::ready(Ok(standing)).boxed()
    }

    fn find(&self, concert: ConcertId, user: UserId) -> Line<'_, Option<Standing>> {
        async move {
            loop {
                let Some(room) = self.room(concert) else { return Ok(None) };
                let found = room.lock().find(user, self.rooms.time.now());
                // A place that is not on the disk is shown to nobody: it may never have been.
                match found {
                    Some(found) if found.is_fresh => wait(self.writer.keep(|_| {})?).await?,
                    found => return Ok(found.map(|found| found.standing)),
                }
            }
        }
        .boxed()
    }

    fn enter(&self, pass: Pass) -> Line<'_, Result<(), NotLetIn>> {
        let entered = match self.room(pass.concert) {
            None => Err(NotLetIn::Ended),
            Some(room) => {
                let mut room = room.lock();
                let entered = room.enter(&pass, self.rooms.time.now());
                if let Ok(Some(claimed)) = entered {
                    // Nobody waits for this: were it lost, the fan would have the claim time anew.
                    self.writer.note(|pending| pending.batch.moved.push(claimed));
                }
                entered.map(|_| ())
            }
        };
        std::future::ready(Ok(entered)).boxed()
    }

    fn end(
        &self,
        concert: ConcertId,
        user: UserId,
        only: Option<EntryId>,
        reason: EndReason,
    ) -> Line<'_, Option<Standing>> {
        self.end_place(concert, user, only, reason).boxed()
    }

    fn tick(&self, concert: ConcertId, policy: LinePolicy) -> Line<'_, LineFigures> {
        self.tick_room(concert, policy).boxed()
    }

    fn sessions_through(&self) -> Line<'_, u64> {
        std::future::ready(Ok(self.sessions_through.load(Ordering::Acquire))).boxed()
    }

    fn note_sessions_through(&self, position: u64) -> Line<'_, ()> {
        self.sessions_through.fetch_max(position, Ordering::AcqRel);
        self.writer.note(|pending| pending.batch.sessions_through = Some(position));
        std::future::ready(Ok(())).boxed()
    }

    fn untold(&self, concert: ConcertId) -> Line<'_, Vec<Untold>> {
        let now = self.rooms.time.now();
        let untold = self.room(concert).map(|room| room.lock().untold(now));
        std::future::ready(Ok(untold.unwrap_or_default())).boxed()
    }

    fn note_told(&self, concert: ConcertId, receipt: Receipt) -> Line<'_, ()> {
        if let Some(room) = self.room(concert)
            && let Some(through) = room.lock().note_told(&receipt)
        {
            // Nobody waits for this: were it lost, they would be told of again, which changes nothing.
            self.writer.note(|pending| pending.batch.told.push(Told { concert, through }));
        }
        std::future::ready(Ok(())).boxed()
    }

    fn clean(&self) -> Line<'_, usize> {
        self.forget().boxed()
    }
}

async fn wait(kept: Kept) -> Result<(), LineError> {
    // The thread always answers; it can only vanish with the process.
    kept.await.unwrap_or_else(|_| Err(LineError::OutcomeUnknown("the journal's thread has ended".to_owned())))
}

impl BatchListener for Rooms {
    fn settled(&self, batch: &LineBatch, effects: &[Moved], is_kept: bool) {
        if self.was_refused.swap(!is_kept, Ordering::AcqRel) && is_kept {
            tracing::info!("the line is kept again");
            let now = self.time.now();
            for room in self.by_concert.read().values() {
                room.lock().ready(now);
            }
        }
        let rooms = self.by_concert.read();
        for of_room in batch.joined.chunk_by(|a, b| a.concert == b.concert) {
            let Some(room) = rooms.get(&of_room[0].concert) else { continue };
            let mut room = room.lock();
            for place in of_room {
                if is_kept {
                    room.joined(place.sequence.get());
                } else {
                    room.undo_join(place.sequence.get());
                }
            }
        }
        for of_room in effects.chunk_by(|a, b| a.concert == b.concert) {
            let Some(room) = rooms.get(&of_room[0].concert) else { continue };
            let mut room = room.lock();
            for moved in of_room {
                if is_kept { room.apply(moved) } else { room.undo(moved) }
            }
        }
        for mark in &batch.rooms {
            if let Some(room) = rooms.get(&mark.concert) {
                room.lock().apply_mark(mark, is_kept);
            }
        }
        for mark in &batch.lobbies {
            // A lobby of a million takes a while to let go of, and is let go of once its line is free again.
            let gone = rooms.get(&mark.concert).and_then(|room| room.lock().apply_lobby(mark, is_kept));
            drop(gone);
        }
    }
}

struct Loaded {
    rooms: HashMap<ConcertId, Room>,
    /// The latest time that anything was journaled with.
    latest: Timestamp,
    sessions_through: u64,
}

fn load(journal: &dyn LineJournal, now: Timestamp) -> Result<Loaded, JournalError> {
    let mut loaded = Loaded { rooms: HashMap::new(), latest: Timestamp::ZERO, sessions_through: 0 };
    let mut admissions: HashMap<ConcertId, Vec<Timestamp>> = HashMap::new();
    let rooms = &mut loaded.rooms;
    let (latest, sessions_through) = (&mut loaded.latest, &mut loaded.sessions_through);
    journal.load(now.minus_seconds(ENDED_KEPT_SECONDS), &mut |stored| match stored {
        Stored::SessionsThrough(position) => *sessions_through = position,
        Stored::Room(mark) => {
            *latest = (*latest).max(mark.closed_at);
            rooms.insert(mark.concert, Room::from_mark(mark, now));
        }
        Stored::Told(Told { concert, through }) => {
            *latest = (*latest).max(through);
            rooms.entry(concert).or_insert_with(|| Room::new(concert, now)).restore_told(through);
        }
        Stored::Lobby(mark) => {
            // Who has left is in the draw or not by whether that was later.
            if let LobbyStage::Drawing { at, .. } = mark.stage {
                *latest = (*latest).max(at);
            }
            rooms.entry(mark.concert).or_insert_with(|| Room::new(mark.concert, now)).restore_lobby(&mark);
        }
        Stored::Place(place) => {
            let ended_at = match place.state {
                PlaceState::Ended { at, .. } => at,
                _ => Timestamp::ZERO,
            };
            let admitted_at = place.state.admitted_at();
            *latest =
                (*latest).max(place.joined_at).max(ended_at).max(admitted_at.unwrap_or(Timestamp::ZERO));
            admissions.entry(place.concert).or_default().extend(admitted_at);
            rooms.entry(place.concert).or_insert_with(|| Room::new(place.concert, now)).restore(&place);
        }
    })?;
    for (concert, times) in admissions {
        if let Some(room) = loaded.rooms.get_mut(&concert) {
            room.restore_admissions(times);
        }
    }
    Ok(loaded)
}
