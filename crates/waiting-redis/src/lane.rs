//! One room as this instance sees it: who asks is put into a queue in order of arrival, and two tasks carry what has
//! queued up to Redis, as one script each. So a crowd shares round trips, as commands share a commit elsewhere. The
//! tasks take and send in turns, over one connection, so that of two batches the first comes first.

mod draw;

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use frontrow_application::waiting_room::{LineError, LineFigures, LinePolicy, Receipt, Untold};
use frontrow_domain::ConcertId;
use frontrow_domain::queue::RoomState;
use futures_util::future::poll_immediate;
use metrics::counter;
use parking_lot::Mutex;
use redis::Value;
use tokio::sync::oneshot;

use crate::fault::Fault;
use crate::line::Shared;
use crate::outlook::{Outlook, Ticked};
use crate::wire::{Answer, Request, decode, untold};

/// Requests in one script: each touches one place, and a script is to hold Redis for a few milliseconds at the most.
const BATCH: usize = 300;
/// Batches on their way at once: one is run while the next is put together.
const PUMPS: usize = 2;
/// How many requests may wait: what Redis does in about a second, and what it may cost in memory while it does not.
const WAITERS: usize = 65_536;
/// How long a request may have waited and still be sent: whoever asked has given up by then.
const PATIENCE: Duration = Duration::from_secs(3);
/// Places that one chunk of a tick, or of forgetting, may touch.
const CHUNK: usize = 400;
/// Chunks of admissions that are read to be told of.
const UNTOLD_CHUNKS: usize = 10;
/// The keys of a room, in the order in which scripts take them.
const KEYS: [&str; 11] = [
    "room",
    "places",
    "fans",
    "waiting",
    "skipped",
    "returned",
    "sessions",
    "ended",
    "admissions",
    "untold",
    "lobby",
];
/// The position of the list of those who are to be told of.
const UNTOLD: usize = 9;
/// Chunks of one tick. What is left is done by the next one, some hundredths of a second later.
const TICK_CHUNKS: usize = 8;

/// One room.
pub(crate) struct Lane {
    concert: ConcertId,
    keys: Vec<String>,
    queue: Mutex<Queue>,
    /// Held from taking a batch until it is on its way.
    turn: tokio::sync::Mutex<()>,
    outlook: Mutex<Outlook>,
    /// The highest number that this instance knows of: were Redis to know less, it would have lost something.
    highest: AtomicU64,
    /// The same in the lobby.
    highest_in_lobby: AtomicU64,
    /// The highest number in the draw that this instance has settled last, 0 when it has settled none.
    cut: AtomicU64,
    /// True once the room is on the list of rooms.
    is_listed: AtomicBool,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Pending>,
    pumps: usize,
}

struct Pending {
    request: Request,
    since: Instant,
    answer: oneshot::Sender<Result<Answer, LineError>>,
}

impl Lane {
    pub(crate) fn new(prefix: &str, concert: ConcertId) -> Self {
        // What is in braces chooses the slot: all keys of a room are in one.
        let keys = KEYS.iter().map(|name| format!("{{{prefix}:room:{concert}}}:{name}")).collect();
        Self {
            concert,
            keys,
            queue: Mutex::default(),
            turn: tokio::sync::Mutex::default(),
            outlook: Mutex::default(),
            highest: AtomicU64::new(0),
            highest_in_lobby: AtomicU64::new(0),
            cut: AtomicU64::new(0),
            is_listed: AtomicBool::new(false),
        }
    }

    /// Every key of the room.
    pub(crate) fn keys(&self) -> &[String] {
        &self.keys
    }

    /// Puts a request into the queue. This is its arrival.
    pub(crate) fn put(
        self: &Arc<Self>,
        shared: &Arc<Shared>,
        request: Request,
    ) -> Result<oneshot::Receiver<Result<Answer, LineError>>, LineError> {
        if shared.is_closed() {
            return Err(LineError::Unavailable("the waiting room was closed".to_owned()));
        }
        let (answer, answered) = oneshot::channel();
        let mut queue = self.queue.lock();
        if queue.waiting.len() >= WAITERS {
            counter!("frontrow_line_shed_total").increment(1);
            return Err(LineError::Overloaded);
        }
        queue.waiting.push_back(Pending { request, since: Instant::now(), answer });
        if queue.pumps < PUMPS {
            queue.pumps += 1;
            tokio::spawn(Arc::clone(self).pump(Arc::clone(shared)));
        }
        Ok(answered)
    }

    /// Carries requests to Redis until none is left.
    async fn pump(self: Arc<Self>, shared: Arc<Shared>) {
        loop {
            let turn = self.turn.lock().await;
            let Some(batch) = self.take() else { return };
            let mut carried = Box::pin(self.carry(&shared, batch));
            // The first step puts the script on its way. Only then is it the other's turn.
            let is_done = poll_immediate(&mut carried).await.is_some();
            drop(turn);
            if !is_done {
                carried.await;
            }
        }
    }

    fn take(&self) -> Option<Vec<Pending>> {
        let mut queue = self.queue.lock();
        if queue.waiting.is_empty() {
            queue.pumps -= 1;
            return None;
        }
        let count = queue.waiting.len().min(BATCH);
        Some(queue.waiting.drain(..count).collect())
    }

    async fn carry(&self, shared: &Shared, mut batch: Vec<Pending>) {
        if batch.iter().any(|pending| pending.since.elapsed() >= PATIENCE) {
            let (late, rest): (Vec<_>, Vec<_>) =
                batch.into_iter().partition(|pending| pending.since.elapsed() >= PATIENCE);
            refuse(late, "Redis did not answer in time");
            batch = rest;
        }
        if batch.is_empty() {
            return;
        }
        let mut result = self.send(shared, &batch).await;
        if let Err(Fault::Cut(_)) = &result
            && batch.iter().any(|pending| pending.request.may_repeat())
        {
            // Once more, without those who would be told something else the second time.
            let (again, once): (Vec<_>, Vec<_>) =
                batch.into_iter().partition(|pending| pending.request.may_repeat());
            answer(once, result);
            batch = again;
            result = self.send(shared, &batch).await;
        }
        answer(batch, result);
    }

    async fn send(&self, shared: &Shared, batch: &[Pending]) -> Result<Vec<Answer>, Fault> {
        let mut args = self.header(shared);
        args.push(Arc::clone(&self.outlook.lock().told));
        args.extend(batch.iter().map(|pending| pending.request.encode().into()));
        let begun = Instant::now();
        let ran = self.run(shared, &shared.scripts.requests, &args, false).await;
        shared.meters.batch(batch.len(), begun.elapsed());
        let answers = ran.and_then(|value| self.read(&value, batch.len()));
        if answers.is_err() {
            shared.meters.failed();
        }
        answers
    }

    fn read(&self, value: &Value, count: usize) -> Result<Vec<Answer>, Fault> {
        let malformed = || Fault::Unknown("Redis has answered something else".to_owned());
        let Value::Array(values) = value else { return Err(malformed()) };
        let mut answers = Vec::with_capacity(count);
        for value in values {
            let Value::BulkString(bytes) = value else { return Err(malformed()) };
            let answer = decode(self.concert, bytes).ok_or_else(malformed)?;
            if let Answer::New(standing) = answer {
                let number = standing.place.sequence;
                // A number of the lobby would look like a line that Redis has lost.
                let highest = if number.is_lobby() { &self.highest_in_lobby } else { &self.highest };
                highest.fetch_max(number.get(), Ordering::AcqRel);
            }
            answers.push(answer);
        }
        if answers.len() == count { Ok(answers) } else { Err(malformed()) }
    }

    /// What every script of a room is told first.
    fn header(&self, shared: &Shared) -> Vec<Arc<[u8]>> {
        let outage = shared.settings.outage.as_micros();
        let [in_line, in_lobby] =
            [&self.highest, &self.highest_in_lobby].map(|highest| highest.load(Ordering::Acquire));
        vec![shared.time(), text(format_args!("{in_line} {in_lobby}")), text(outage)]
    }

    async fn run(
        &self,
        shared: &Shared,
        script: &crate::scripts::Prepared,
        args: &[Arc<[u8]>],
        may_repeat: bool,
    ) -> Result<Value, Fault> {
        if shared.is_closed() {
            return Err(Fault::Refused("the waiting room was closed".to_owned()));
        }
        if !self.is_listed.load(Ordering::Acquire) {
            let mut list = redis::cmd("SADD");
            list.arg(&shared.rooms_key).arg(self.concert.get());
            // Listing comes first and changes no room: a list that is not answered for is nothing that happened.
            shared.link.ask(&list).await.map_err(|fault| Fault::Refused(fault.text()))?;
            self.is_listed.store(true, Ordering::Release);
        }
        shared.link.run(self.concert.get(), script, &self.keys, args, may_repeat).await
    }

    /// Moves the line on, chunk by chunk.
    pub(crate) async fn tick(&self, shared: &Shared, policy: LinePolicy) -> Result<LineFigures, LineError> {
        let settings = policy.settings;
        let does = match policy.state {
            RoomState::Open => 1,
            RoomState::Closed => 2,
            RoomState::Off
            | RoomState::Scheduled
            | RoomState::Lobby
            | RoomState::Paused
            | RoomState::SoldOut => 0,
        };
        let numbers = [
            settings.max_active,
            settings.admit_per_second_milli,
            settings.session_seconds,
            settings.claim_seconds,
            settings.presence_seconds,
            does,
        ];
        let mut ticked: Option<Ticked> = None;
        for _ in 0..TICK_CHUNKS {
            let mut args = self.header(shared);
            args.extend(numbers.iter().map(text));
            args.push(text(CHUNK));
            let value = self.run(shared, &shared.scripts.tick, &args, true).await?;
            let chunk = numbers_of(&value).as_deref().and_then(Ticked::read).ok_or_else(|| {
                LineError::OutcomeUnknown("Redis has answered a tick with something else".to_owned())
            })?;
            let has_more = chunk.has_more;
            ticked = Some(ticked.map_or(chunk, |before| before.and_then(chunk)));
            if !has_more {
                break;
            }
        }
        let mut ticked = ticked.ok_or(LineError::Overloaded)?;
        self.highest.fetch_max(ticked.last, Ordering::AcqRel);
        self.highest_in_lobby.fetch_max(ticked.last_in_lobby, Ordering::AcqRel);
        if ticked.wants_sample {
            let sampled = self.run(shared, &shared.scripts.sample, &self.header(shared), true).await;
            // Without a sample the last one stands.
            if let Ok(Value::Int(share)) = sampled {
                ticked.present_millionths = u32::try_from(share).unwrap_or(ticked.present_millionths);
            }
        }
        Ok(self.outlook.lock().take_in(&ticked, policy))
    }

    /// The oldest admissions of which nobody was told. Whoever asks meanwhile gets the same.
    pub(crate) async fn untold(&self, shared: &Shared) -> Result<Vec<Untold>, LineError> {
        let mut range = redis::cmd("LRANGE");
        range.arg(self.untold_key()).arg(0).arg(UNTOLD_CHUNKS - 1);
        let value = shared.link.ask(&range).await.map_err(Fault::harmless)?;
        let malformed = || LineError::Unavailable("Redis has answered something else".to_owned());
        let Value::Array(chunks) = value else { return Err(malformed()) };
        let read = |chunk: Value| match chunk {
            Value::BulkString(bytes) => untold(self.concert, bytes).ok_or_else(malformed),
            _ => Err(malformed()),
        };
        chunks.into_iter().map(read).collect()
    }

    /// Takes a chunk off the list, if nobody has yet.
    pub(crate) async fn note_told(&self, shared: &Shared, receipt: Receipt) -> Result<(), LineError> {
        let mut remove = redis::cmd("LREM");
        remove.arg(self.untold_key()).arg(1).arg(receipt.0);
        shared.link.ask(&remove).await.map(|_| ()).map_err(Fault::harmless)
    }

    fn untold_key(&self) -> &str {
        &self.keys[UNTOLD]
    }

    /// Forgets one chunk of places that have been over for long: how many, and where to go on, if anywhere.
    pub(crate) async fn clean(
        &self,
        shared: &Shared,
        cursor: &str,
    ) -> Result<(usize, Option<String>), LineError> {
        let mut args = self.header(shared);
        args.push(text(CHUNK));
        args.push(text(cursor));
        let value = self.run(shared, &shared.scripts.clean, &args, true).await.map_err(Fault::harmless)?;
        let malformed = || LineError::Unavailable("Redis has answered something else".to_owned());
        let Value::Array(parts) = value else { return Err(malformed()) };
        let [Value::Int(gone), Value::Int(has_more), Value::BulkString(cursor)] = &parts[..] else {
            return Err(malformed());
        };
        let gone = usize::try_from(*gone).map_err(|_| malformed())?;
        let next = (*has_more == 1).then(|| String::from_utf8_lossy(cursor).into_owned());
        Ok((gone, next))
    }
}

/// Tells everybody of a batch what came of it. Whoever has hung up does not want it any more.
fn answer(batch: Vec<Pending>, result: Result<Vec<Answer>, Fault>) {
    match result {
        Ok(answers) => {
            for (pending, answer) in batch.into_iter().zip(answers) {
                let _ = pending.answer.send(Ok(answer));
            }
        }
        Err(fault) => {
            for pending in batch {
                let fault = fault.clone();
                let error = if pending.request.is_harmless() { fault.harmless() } else { fault.into() };
                let _ = pending.answer.send(Err(error));
            }
        }
    }
}

fn refuse(batch: Vec<Pending>, why: &str) {
    for pending in batch {
        let _ = pending.answer.send(Err(LineError::Unavailable(why.to_owned())));
    }
}

fn numbers_of(value: &Value) -> Option<Vec<i64>> {
    let Value::Array(values) = value else { return None };
    values.iter().map(|value| if let Value::Int(number) = value { Some(*number) } else { None }).collect()
}

pub(crate) fn text(value: impl ToString) -> Arc<[u8]> {
    value.to_string().into_bytes().into()
}
