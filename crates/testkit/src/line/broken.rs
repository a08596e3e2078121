//! Waiting rooms that break one promise, over one that keeps them all: a check that finds nothing wrong with these
//! proves nothing.

use std::sync::Arc;

use frontrow_application::Clock;
use frontrow_application::waiting_room::{
    DrawStage, Drawee, Joined, Line, LineFigures, LinePolicy, Newcomer, NotLetIn, Pass, Receipt, Standing,
    Untold, WaitingRoom,
};
use frontrow_domain::queue::{EndReason, JoinRefused};
use frontrow_domain::{ConcertId, EntryId, Sequence, UserId};
use parking_lot::Mutex;

use super::{LineFactory, OpenedLine};

/// Which promise is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Breach {
    /// Of a block of numbers the upper half is answered to those who came first.
    SwapsNumbers,
    /// Whoever joins is taken for somebody new.
    ForgetsFans,
    /// As many are let in as the rate admits.
    IgnoresCap,
    /// Four times as many are let in as the rate admits.
    IgnoresRate,
}

/// Numbers in half of a block that is swapped: more than are ever asked for at once, so that the halves cannot
/// have been on their way together.
const HALF: u64 = 4_096;

/// Opens the waiting rooms of another factory, each with one promise broken.
pub struct BrokenFactory<F> {
    inner: F,
    breach: Breach,
    opened: Mutex<Option<OpenedLine>>,
}

impl<F> BrokenFactory<F> {
    /// Breaks that promise.
    pub fn new(inner: F, breach: Breach) -> Self {
        Self { inner, breach, opened: Mutex::new(None) }
    }

    fn take(&self) -> OpenedLine {
        self.opened.lock().take().expect("a line is open")
    }
}

impl<F: LineFactory> LineFactory for BrokenFactory<F> {
    fn open(&self, clock: Arc<dyn Clock>) -> OpenedLine {
        let opened = self.inner.open(clock);
        let room = Arc::new(BrokenLine { inner: Arc::clone(&opened.room), breach: self.breach });
        *self.opened.lock() = Some(opened);
        OpenedLine { room }
    }

    fn close(&self, line: OpenedLine) {
        drop(line);
        self.inner.close(self.take());
    }

    fn crash(&self, line: OpenedLine) {
        drop(line);
        self.inner.crash(self.take());
    }

    fn crowd(&self) -> u64 {
        self.inner.crowd()
    }
}

/// A waiting room that breaks one promise.
struct BrokenLine {
    inner: Arc<dyn WaitingRoom>,
    breach: Breach,
}

impl WaitingRoom for BrokenLine {
    fn join(
        &self,
        concert: ConcertId,
        newcomer: Newcomer,
        may_join: Result<(), JoinRefused>,
    ) -> Line<'_, Result<Joined, JoinRefused>> {
        let user = match self.breach {
            // Every entry is drawn anew, so nobody is ever known.
            Breach::ForgetsFans => UserId::new(newcomer.entry.uuid()),
            _ => newcomer.user,
        };
        let joined = self.inner.join(concert, Newcomer { user, ..newcomer }, may_join);
        Box::pin(async move {
            let mut answer = joined.await?;
            if let Ok(joined) = &mut answer {
                let place = &mut joined.standing.place;
                place.user = newcomer.user;
                if self.breach == Breach::SwapsNumbers {
                    place.sequence = Sequence::new(place.sequence.get() ^ HALF);
                }
            }
            Ok(answer)
        })
    }

    fn join_lobby(
        &self,
        concert: ConcertId,
        newcomer: Newcomer,
        may_join: Result<(), JoinRefused>,
    ) -> Line<'_, Result<Joined, JoinRefused>> {
        self.inner.join_lobby(concert, newcomer, may_join)
    }

    fn close_lobby(&self, concert: ConcertId) -> Line<'_, DrawStage> {
        self.inner.close_lobby(concert)
    }

    fn drawees(&self, concert: ConcertId, after: Sequence) -> Line<'_, Vec<Drawee>> {
        self.inner.drawees(concert, after)
    }

    fn place_drawn(&self, concert: ConcertId, rank: u64, drawn: Vec<Sequence>) -> Line<'_, ()> {
        self.inner.place_drawn(concert, rank, drawn)
    }

    fn finish_draw(&self, concert: ConcertId) -> Line<'_, DrawStage> {
        self.inner.finish_draw(concert)
    }

    fn standing(&self, pass: Pass) -> Line<'_, Option<Standing>> {
        self.inner.standing(pass)
    }

    fn find(&self, concert: ConcertId, user: UserId) -> Line<'_, Option<Standing>> {
        self.inner.find(concert, user)
    }

    fn enter(&self, pass: Pass) -> Line<'_, Result<(), NotLetIn>> {
        self.inner.enter(pass)
    }

    fn end(
        &self,
        concert: ConcertId,
        user: UserId,
        only: Option<EntryId>,
        reason: EndReason,
    ) -> Line<'_, Option<Standing>> {
        self.inner.end(concert, user, only, reason)
    }

    fn tick(&self, concert: ConcertId, policy: LinePolicy) -> Line<'_, LineFigures> {
        let mut policy = policy;
        match self.breach {
            Breach::IgnoresCap => policy.settings.max_active = u32::MAX,
            Breach::IgnoresRate => policy.settings.admit_per_second_milli *= 4,
            Breach::SwapsNumbers | Breach::ForgetsFans => {}
        }
        self.inner.tick(concert, policy)
    }

    fn sessions_through(&self) -> Line<'_, u64> {
        self.inner.sessions_through()
    }

    fn note_sessions_through(&self, position: u64) -> Line<'_, ()> {
        self.inner.note_sessions_through(position)
    }

    fn untold(&self, concert: ConcertId) -> Line<'_, Vec<Untold>> {
        self.inner.untold(concert)
    }

    fn note_told(&self, concert: ConcertId, receipt: Receipt) -> Line<'_, ()> {
        self.inner.note_told(concert, receipt)
    }

    fn clean(&self) -> Line<'_, usize> {
        self.inner.clean()
    }
}
