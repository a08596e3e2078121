//! The adapter: every room behind the port.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use frontrow_application::waiting_room::{
    DrawStage, Drawee, Joined, Line, LineError, LineFigures, LinePolicy, Newcomer, NotLetIn, Pass, Receipt,
    Standing, Untold, WaitingRoom,
};
use frontrow_domain::queue::{EndReason, JoinRefused};
use frontrow_domain::{ConcertId, EntryId, Sequence, UserId};
use futures_util::FutureExt as _;
use parking_lot::RwLock;
use redis::Value;
use tokio::sync::oneshot;

use crate::fault::Fault;
use crate::lane::{Lane, text};
use crate::link::Link;
use crate::meters::Meters;
use crate::scripts::Scripts;
use crate::settings::{RedisSettings, RedisTime, SettingsError};
use crate::wire::{Answer, Request};

/// Chunks of one round of forgetting: a bound, and more than there are places in the longest line.
const CLEAN_CHUNKS: usize = 100_000;

/// The waiting rooms of all instances that share a Redis.
pub struct RedisLine {
    shared: Arc<Shared>,
    lanes: RwLock<HashMap<ConcertId, Arc<Lane>>>,
}

/// What all rooms need.
pub(crate) struct Shared {
    pub(crate) settings: RedisSettings,
    pub(crate) link: Link,
    pub(crate) scripts: Scripts,
    /// The set of all concerts that have a room, for whoever forgets.
    pub(crate) rooms_key: String,
    /// What belongs to no room.
    meta_key: String,
    is_closed: AtomicBool,
    pub(crate) meters: Meters,
}

impl Shared {
    pub(crate) fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::Acquire)
    }

    /// The time as scripts are told it: nothing, so that they take that of Redis.
    pub(crate) fn time(&self) -> Arc<[u8]> {
        match &self.settings.time {
            RedisTime::OfRedis => Arc::from(&[][..]),
            RedisTime::Argument(clock) => text(clock.now().micros()),
        }
    }
}

impl RedisLine {
    /// The waiting rooms on this Redis. Nothing is sent yet: a server that starts while Redis is away serves the rest,
    /// and the rooms as soon as Redis is there.
    pub fn open(settings: RedisSettings) -> Result<Arc<Self>, SettingsError> {
        settings.check()?;
        let prefix = &settings.prefix;
        let (rooms_key, meta_key) = (format!("{{{prefix}:rooms}}:list"), format!("{{{prefix}:rooms}}:meta"));
        let link = Link::new(settings.clone())
            .map_err(|error| SettingsError::Address(error.category().to_owned()))?;
        let scripts = Scripts::new();
        let is_closed = AtomicBool::new(false);
        let meters = Meters::new();
        let shared = Arc::new(Shared { settings, link, scripts, rooms_key, meta_key, is_closed, meters });
        Ok(Arc::new(Self { shared, lanes: RwLock::default() }))
    }

    /// Takes nothing more. What is on its way is answered; nothing has to be kept, because Redis has it.
    pub fn close(&self) {
        self.shared.is_closed.store(true, Ordering::Release);
    }

    fn lane(&self, concert: ConcertId) -> Arc<Lane> {
        if let Some(lane) = self.lanes.read().get(&concert) {
            return Arc::clone(lane);
        }
        let mut lanes = self.lanes.write();
        let lane = || Arc::new(Lane::new(&self.shared.settings.prefix, concert));
        Arc::clone(lanes.entry(concert).or_insert_with(lane))
    }

    /// Puts a request into its room's queue at once, and answers what comes of it.
    fn ask(
        &self,
        concert: ConcertId,
        request: Request,
    ) -> impl Future<Output = Result<Answer, LineError>> + Send + use<> {
        let queued = self.lane(concert).put(&self.shared, request);
        async move { answer_of(queued?).await }
    }

    fn join_as(
        &self,
        concert: ConcertId,
        request: Request,
        may_join: Result<(), JoinRefused>,
    ) -> Line<'_, Result<Joined, JoinRefused>> {
        // The place in the queue is taken here and not when the answer is first waited for: that is the arrival.
        let asked = self.ask(concert, request);
        async move {
            match (asked.await?, may_join) {
                (Answer::Known(standing), _) => Ok(Ok(Joined { standing, is_new: false })),
                (Answer::New(standing), _) => Ok(Ok(Joined { standing, is_new: true })),
                (_, Err(refused)) => Ok(Err(refused)),
                (_, Ok(())) => Err(LineError::OutcomeUnknown("Redis gave no place".to_owned())),
            }
        }
        .boxed()
    }

    async fn forget(&self) -> Result<usize, LineError> {
        let mut list = redis::cmd("SMEMBERS");
        list.arg(&self.shared.rooms_key);
        let rooms = self.shared.link.ask(&list).await.map_err(Fault::harmless)?;
        let (Value::Array(rooms) | Value::Set(rooms)) = rooms else { return Ok(0) };
        let mut gone = 0;
        for room in rooms {
            let Value::BulkString(name) = room else { continue };
            let Ok(concert) = String::from_utf8_lossy(&name).parse().map(ConcertId::new) else { continue };
            let lane = self.lane(concert);
            let mut cursor = Some("0".to_owned());
            for _ in 0..CLEAN_CHUNKS {
                let Some(at) = cursor else { break };
                let (chunk, next) = lane.clean(&self.shared, &at).await?;
                gone += chunk;
                cursor = next;
            }
        }
        Ok(gone)
    }
}

async fn answer_of(queued: oneshot::Receiver<Result<Answer, LineError>>) -> Result<Answer, LineError> {
    // The task that carries requests always answers; it can only vanish with its runtime.
    queued.await.unwrap_or_else(|_| Err(LineError::OutcomeUnknown("the runtime has ended".to_owned())))
}

fn standing_in(answer: Answer) -> Option<Standing> {
    match answer {
        Answer::Known(standing) | Answer::New(standing) => Some(standing),
        Answer::Nothing | Answer::LetIn | Answer::NotYet => None,
    }
}

impl WaitingRoom for RedisLine {
    fn join(
        &self,
        concert: ConcertId,
        newcomer: Newcomer,
        may_join: Result<(), JoinRefused>,
    ) -> Line<'_, Result<Joined, JoinRefused>> {
        let request = Request::Join { newcomer, may_join: may_join.is_ok(), has_lobby: false };
        self.join_as(concert, request, may_join)
    }

    fn join_lobby(
        &self,
        concert: ConcertId,
        newcomer: Newcomer,
        may_join: Result<(), JoinRefused>,
    ) -> Line<'_, Result<Joined, JoinRefused>> {
        let request = Request::Join { newcomer, may_join: may_join.is_ok(), has_lobby: true };
        self.join_as(concert, request, may_join)
    }

    fn close_lobby(&self, concert: ConcertId) -> Line<'_, DrawStage> {
        let lane = self.lane(concert);
        async move { lane.settle_draw(&self.shared).await }.boxed()
    }

    fn drawees(&self, concert: ConcertId, after: Sequence) -> Line<'_, Vec<Drawee>> {
        let lane = self.lane(concert);
        async move { lane.drawees(&self.shared, after).await }.boxed()
    }

    fn place_drawn(&self, concert: ConcertId, rank: u64, drawn: Vec<Sequence>) -> Line<'_, ()> {
        let lane = self.lane(concert);
        async move { lane.place_drawn(&self.shared, rank, &drawn).await }.boxed()
    }

    fn finish_draw(&self, concert: ConcertId) -> Line<'_, DrawStage> {
        let lane = self.lane(concert);
        async move { lane.finish_draw(&self.shared).await }.boxed()
    }

    fn standing(&self, pass: Pass) -> Line<'_, Option<Standing>> {
        let asked = self.ask(pass.concert, Request::Standing(pass));
        async move { asked.await.map(standing_in) }.boxed()
    }

    fn find(&self, concert: ConcertId, user: UserId) -> Line<'_, Option<Standing>> {
        let asked = self.ask(concert, Request::Find(user));
        async move { asked.await.map(standing_in) }.boxed()
    }

    fn enter(&self, pass: Pass) -> Line<'_, Result<(), NotLetIn>> {
        let asked = self.ask(pass.concert, Request::Enter(pass));
        async move {
            Ok(match asked.await? {
                Answer::LetIn => Ok(()),
                Answer::NotYet => Err(NotLetIn::Waiting),
                Answer::Nothing | Answer::Known(_) | Answer::New(_) => Err(NotLetIn::Ended),
            })
        }
        .boxed()
    }

    fn end(
        &self,
        concert: ConcertId,
        user: UserId,
        only: Option<EntryId>,
        reason: EndReason,
    ) -> Line<'_, Option<Standing>> {
        let asked = self.ask(concert, Request::End { user, only, reason });
        async move { asked.await.map(standing_in) }.boxed()
    }

    fn tick(&self, concert: ConcertId, policy: LinePolicy) -> Line<'_, LineFigures> {
        let lane = self.lane(concert);
        async move { lane.tick(&self.shared, policy).await }.boxed()
    }

    fn sessions_through(&self) -> Line<'_, u64> {
        async move {
            let mut get = redis::cmd("HGET");
            get.arg(&self.shared.meta_key).arg("sessions_through");
            match self.shared.link.ask(&get).await.map_err(Fault::harmless)? {
                Value::BulkString(bytes) => Ok(String::from_utf8_lossy(&bytes).parse().unwrap_or(0)),
                _ => Ok(0),
            }
        }
        .boxed()
    }

    fn note_sessions_through(&self, position: u64) -> Line<'_, ()> {
        async move {
            let keys = [self.shared.meta_key.clone()];
            let noted =
                self.shared.link.run(0, &self.shared.scripts.through, &keys, &[text(position)], true).await;
            noted.map(|_| ()).map_err(Fault::harmless)
        }
        .boxed()
    }

    fn untold(&self, concert: ConcertId) -> Line<'_, Vec<Untold>> {
        let lane = self.lane(concert);
        async move { lane.untold(&self.shared).await }.boxed()
    }

    fn note_told(&self, concert: ConcertId, receipt: Receipt) -> Line<'_, ()> {
        let lane = self.lane(concert);
        async move { lane.note_told(&self.shared, receipt).await }.boxed()
    }

    fn clean(&self) -> Line<'_, usize> {
        self.forget().boxed()
    }
}
