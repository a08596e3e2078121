//! Where all commands go: merges what has queued up into groups and has the store commit them.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use frontrow_domain::records::Keys;
use parking_lot::Mutex;

use crate::clock::Clock;
use crate::command::Command;
use crate::group::{Fault, Group, GroupReport, News, Order};
use crate::lanes::{Lane, Lanes};
use crate::seldom::Seldom;
use crate::store::{LaneShape, Store, StoreError};
use crate::trace;

mod meters;

use meters::Meters;

/// How often a command may lose a race before it is given up.
const LOSSES_MAX: u32 = 3;
/// The longest pause before a busy group is tried again.
const PAUSE_MAX: Duration = Duration::from_millis(50);

/// A group that is over sooner has waited for no disk: everybody in it was refused.
const QUICK: Duration = Duration::from_micros(100);

/// What goes first when there is too much of everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Priority {
    /// What ends a hold, with money or without: pay, charge, cancel.
    Settle = 0,
    /// What fans and operators begin: hold, sign up, create.
    Begin = 1,
    /// What nobody waits for: expiry.
    Job = 2,
}

impl Priority {
    /// How many there are.
    pub const COUNT: usize = 3;
    /// All of them, the first first.
    pub const ALL: [Self; Self::COUNT] = [Self::Settle, Self::Begin, Self::Job];

    /// Its name among the metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Settle => "settle",
            Self::Begin => "begin",
            Self::Job => "job",
        }
    }
}

/// Limits of a box office.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BoxOfficeSettings {
    /// The most orders that may wait, by priority. Beyond that they are refused at once.
    pub queue: [usize; Priority::COUNT],
    /// The most commands in a group.
    pub group_commands_max: usize,
    /// The most records that the commands of a group may name.
    pub group_rows_max: usize,
    /// The most background commands in a group.
    pub group_jobs_max: usize,
    /// Milliseconds after which a command that was not decided is dropped.
    pub deadline_ms: u32,
    /// How many groups may be in the store at once; 1 for a store with one writer.
    pub workers: usize,
    /// A group that takes longer is explained in the log, at most one a second.
    pub slow_group: Duration,
}

impl Default for BoxOfficeSettings {
    fn default() -> Self {
        Self {
            queue: [4_096, 16_384, 1_024],
            group_commands_max: 1_000,
            group_rows_max: 4_000,
            group_jobs_max: 200,
            deadline_ms: 5_000,
            workers: 1,
            slow_group: Duration::from_millis(500),
        }
    }
}

/// Why a command has no outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure<R> {
    /// The rules say no; nothing changed.
    Refused(R),
    /// There is too much to do; nothing changed.
    Overloaded,
    /// The store takes no writes; nothing changed.
    Unavailable,
    /// Nobody can say whether it happened. Safe to repeat with the same idempotency key.
    OutcomeUnknown,
    /// A defect of ours; nothing changed.
    Defect,
}

impl<R> Failure<R> {
    /// Changes the type of the refusal.
    pub fn map<S>(self, refusal: impl FnOnce(R) -> S) -> Failure<S> {
        match self {
            Self::Refused(reason) => Failure::Refused(refusal(reason)),
            Self::Overloaded => Failure::Overloaded,
            Self::Unavailable => Failure::Unavailable,
            Self::OutcomeUnknown => Failure::OutcomeUnknown,
            Self::Defect => Failure::Defect,
        }
    }
}

/// Hears of every commit, before its answers go out: what a fan was told can be seen by everybody.
pub trait CommitListener: Send + Sync + 'static {
    /// A group was committed.
    fn committed(&self, news: &News);
}

/// Where all commands go.
pub struct BoxOffice {
    lanes: Arc<Lanes>,
    shape: LaneShape,
    clock: Arc<dyn Clock>,
    deadline_ms: u32,
    meters: Arc<Meters>,
    workers: Mutex<Vec<JoinHandle<()>>>,
}

impl BoxOffice {
    /// Opens the office: starts its workers, each on a thread of its own that may block in the store.
    ///
    /// # Panics
    /// When called outside a tokio runtime, or when no thread can be started.
    pub fn open(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        listener: Arc<dyn CommitListener>,
        settings: BoxOfficeSettings,
    ) -> Self {
        let lanes = Arc::new(Lanes::new(settings));
        let meters = Arc::new(Meters::new());
        let talk = Arc::new(Talk { slow_group: settings.slow_group, ..Talk::default() });
        let runtime = tokio::runtime::Handle::current();
        let workers = (0..settings.workers.max(1))
            .map(|number| {
                let worker = Worker {
                    lanes: Arc::clone(&lanes),
                    store: Arc::clone(&store),
                    clock: Arc::clone(&clock),
                    listener: Arc::clone(&listener),
                    meters: Arc::clone(&meters),
                    talk: Arc::clone(&talk),
                    runtime: runtime.clone(),
                };
                std::thread::Builder::new()
                    .name(format!("box-office-{number}"))
                    .spawn(move || worker.run())
                    .expect("the system can start a thread")
            })
            .collect();
        let shape = store.lane_shape();
        let deadline_ms = settings.deadline_ms;
        Self { lanes, shape, clock, deadline_ms, meters, workers: Mutex::new(workers) }
    }

    /// Has a command decided and committed, and answers what came of it.
    pub async fn run<C: Command>(
        &self,
        priority: Priority,
        command: C,
    ) -> Result<C::Outcome, Failure<C::Refusal>> {
        let deadline = self.clock.now().plus_millis(self.deadline_ms);
        let (order, answer) = Order::new(command, deadline);
        let lane = Lane::of(self.shape, order.keys());
        if self.lanes.put(lane, priority, order).is_err() {
            self.meters.shed(priority);
            return Err(Failure::Overloaded);
        }
        // The worker always answers; it can only vanish with the process.
        answer.await.unwrap_or(Err(Failure::OutcomeUnknown))
    }

    /// How many commands wait, by priority.
    pub fn waiting(&self) -> [usize; Priority::COUNT] {
        self.lanes.waiting()
    }

    /// Takes no more commands, does what is queued, and waits for it.
    pub fn close(&self) {
        self.lanes.close();
        for worker in self.workers.lock().drain(..) {
            if worker.join().is_err() {
                tracing::error!("a worker of the box office had panicked");
            }
        }
    }
}

impl Drop for BoxOffice {
    fn drop(&mut self) {
        self.lanes.close();
    }
}

struct Worker {
    lanes: Arc<Lanes>,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    listener: Arc<dyn CommitListener>,
    meters: Arc<Meters>,
    talk: Arc<Talk>,
    runtime: tokio::runtime::Handle,
}

/// What the workers of an office say in the log, together: a store that is away fails hundreds of groups a second, and
/// whoever reads the log wants to know when that began and when it was over.
#[derive(Default)]
struct Talk {
    slow_group: Duration,
    is_away: AtomicBool,
    slow: Seldom,
    unknown: Seldom,
}

impl Talk {
    fn unavailable(&self, reason: &str) {
        if !self.is_away.swap(true, Ordering::Relaxed) {
            tracing::error!(reason, "the store is unavailable: nothing is sold until it is back");
        }
    }

    fn outcome_unknown(&self, reason: &str) {
        if let Some(untold) = self.unknown.turn() {
            tracing::error!(reason, untold, "the outcome of a commit is unknown");
        }
    }

    fn committed(&self, took: Duration, report: impl FnOnce() -> GroupReport) {
        // Looked at before it is written, which all workers would have to wait for.
        if self.is_away.load(Ordering::Relaxed) && self.is_away.swap(false, Ordering::Relaxed) {
            tracing::info!("the store commits again");
        }
        if took < self.slow_group {
            return;
        }
        metrics::counter!("frontrow_slow_groups_total").increment(1);
        let Some(untold) = self.slow.turn() else { return };
        let GroupReport { kinds, rounds, took, spent } = report();
        let millis = |part: Duration| u64::try_from(part.as_millis()).unwrap_or(u64::MAX);
        tracing::warn!(
            commands = kinds.values().sum::<usize>(),
            ?kinds,
            rounds,
            took_ms = millis(took),
            load_ms = millis(spent.load),
            decide_ms = millis(spent.decide),
            save_ms = millis(spent.save),
            commit_ms = millis(spent.commit),
            untold,
            "a slow group"
        );
    }
}

impl Worker {
    fn run(self) {
        while let Some((lane, orders)) = self.lanes.take() {
            let begun = Instant::now();
            // A panic in a store loses the group, whose callers are then told that nobody knows; the lane and
            // this worker go on.
            if catch_unwind(AssertUnwindSafe(|| self.commit(Group::new(orders)))).is_err() {
                tracing::error!("the store panicked; the outcome of a group is unknown");
                Meters::failed("panicked");
            }
            self.lanes.release(lane);
            // While a commit waits for the disk the next group gathers. After a crowd was refused nothing has gathered yet: whoever
            // was just answered, or is about to ask, runs first when processors are short, and the next group is larger.
            if begun.elapsed() < QUICK {
                std::thread::yield_now();
            }
        }
    }

    /// Sees a group to its end: every order in it is answered when this returns.
    fn commit(&self, mut group: Group) {
        let mut pause = Duration::from_millis(1);
        loop {
            if group.is_empty() {
                return;
            }
            let begun = Instant::now();
            group.begin();
            let (same, result) = self.runtime.block_on(self.store.transact(group));
            group = same;
            if let Err(error) = &result {
                Meters::failed(reason(error));
            }
            match result {
                Ok(_) => {
                    self.meters.committed(&group, begun.elapsed());
                    let took = group.committed();
                    self.talk.committed(took, || group.report());
                    self.listener.committed(group.news());
                    return group.answer();
                }
                Err(StoreError::Busy) => {
                    group = self.without_late(group);
                    std::thread::park_timeout(pause);
                    pause = (pause * 2).min(PAUSE_MAX);
                }
                Err(StoreError::Lost(keys)) => return self.single_out(group, &keys),
                Err(StoreError::Broken(reason)) => return self.bisect(group, &reason),
                Err(StoreError::Unavailable(reason)) => {
                    self.talk.unavailable(&reason);
                    return group.fail_because(Fault::Unavailable, &reason);
                }
                Err(StoreError::OutcomeUnknown(reason)) => {
                    self.talk.outcome_unknown(&reason);
                    return group.fail_because(Fault::OutcomeUnknown, &reason);
                }
            }
        }
    }

    fn without_late(&self, group: Group) -> Group {
        let now = self.clock.now();
        let (late, rest): (Vec<_>, Vec<_>) =
            group.into_orders().into_iter().partition(|order| order.is_late(now));
        self.meters.late(late.len());
        Group::new(late).fail(Fault::Overloaded);
        Group::new(rest)
    }

    /// Runs the commands that name a lost record alone, and the others without them.
    fn single_out(&self, group: Group, lost: &Keys) {
        let names_lost = |order: &Order| order.keys().iter().any(|key| lost.contains(key));
        let (alone, rest): (Vec<_>, Vec<_>) = group.into_orders().into_iter().partition(names_lost);
        if alone.is_empty() {
            return self.bisect(Group::new(rest), "a race over a record that no command names");
        }
        self.commit(Group::new(rest));
        for mut order in alone {
            order.losses += 1;
            if order.losses >= LOSSES_MAX {
                trace::within_now(order.request.clone().as_ref(), || {
                    let what = "a command keeps losing a race that its lock should prevent";
                    trace::failed(what, &format!("{lost:?}"));
                });
                order.fail(Fault::Unavailable);
            } else {
                self.commit(Group::new(vec![order]));
            }
        }
    }

    /// Halves the group until the command that the store refuses stands alone.
    fn bisect(&self, group: Group, reason: &str) {
        let mut orders = group.into_orders();
        if orders.len() <= 1 {
            let request = orders.first().and_then(|order| order.request.clone());
            trace::within_now(request.as_ref(), || {
                trace::failed("the store refuses what a command decided", &reason);
            });
            return Group::new(orders).fail(Fault::Defect);
        }
        let second = orders.split_off(orders.len() / 2);
        self.commit(Group::new(orders));
        self.commit(Group::new(second));
    }
}

/// What a failure is counted as.
const fn reason(error: &StoreError) -> &'static str {
    match error {
        StoreError::Busy => "busy",
        StoreError::Lost(_) => "lost",
        StoreError::Broken(_) => "broken",
        StoreError::Unavailable(_) => "unavailable",
        StoreError::OutcomeUnknown(_) => "outcome_unknown",
    }
}

#[cfg(test)]
mod tests;
