//! A group: commands that are decided on one working set and committed together.
//!
//! The commands of a group keep their types: each sits in an order that holds its typed outcome and its reply
//! until the commit. A command that refuses or panics is rolled back alone; the others stand. Answers go out
//! after the commit, refusals too, since a loss may rest on a winner of the same group.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use frontrow_domain::event::Event;
use frontrow_domain::records::{Key, Keys, Records, SeatChanges};
use frontrow_domain::{ConcertId, ScheduleId, Timestamp};
use tokio::sync::oneshot;

use crate::box_office::Failure;
use crate::command::{Command, Stop};
use crate::trace::{self, Commit, Request, Spent};

/// How often a group may ask for more records before that counts as a defect of the command that asks.
pub const ROUNDS_MAX: u32 = 3;

/// What a store is to do after a group has decided.
#[derive(Debug, PartialEq, Eq)]
pub enum Decision {
    /// Save what changed.
    Save,
    /// Load these as well, and let the group decide again.
    Need(Keys),
}

/// What a commit changed that is also kept in memory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct News {
    /// Seats, by schedule.
    pub seats: Vec<SeatChanges>,
    /// Concerts that were made or edited.
    pub concerts: Vec<ConcertId>,
    /// Schedules that were made or edited, beyond their seats.
    pub schedules: Vec<ScheduleId>,
    /// How many events were written, by [`Event::TYPES`].
    pub events: [u32; Event::TYPES.len()],
}

/// Commands that are decided and committed together.
#[derive(Default)]
pub struct Group {
    orders: Vec<Order>,
    news: News,
    pace: Option<Pace>,
}

/// How a group gets on in the store: when each part of its work came to its end.
#[derive(Debug, Clone, Copy)]
struct Pace {
    begun: Instant,
    /// Up to here the time is accounted for.
    until: Instant,
    spent: Spent,
    rounds: u32,
}

/// What a committed group was, for those who ask why it took so long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupReport {
    /// How many commands of each kind, by name.
    pub kinds: BTreeMap<&'static str, usize>,
    /// How often they decided.
    pub rounds: u32,
    /// From taking the group to its commit.
    pub took: Duration,
    /// Where that time went.
    pub spent: Spent,
}

impl Pace {
    fn begin() -> Self {
        let now = Instant::now();
        Self { begun: now, until: now, spent: Spent::default(), rounds: 0 }
    }

    /// Accounts for the time since this was last asked.
    fn lap(&mut self, part: impl FnOnce(&mut Spent) -> &mut Duration) {
        let now = Instant::now();
        *part(&mut self.spent) += now - self.until;
        self.until = now;
    }
}

/// One command in a group, its type erased.
pub(crate) struct Order {
    job: Box<dyn Job>,
    keys: Keys,
    /// What the command is called in the code, with its module.
    kind: &'static str,
    /// The request that it came of.
    pub(crate) request: Option<Arc<Request>>,
    deadline: Timestamp,
    /// How often it has lost a race that the loaded records did not show.
    pub(crate) losses: u32,
    fate: Fate,
}

/// What is to be told to the caller of an order, beyond what its command said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// Whatever the command said.
    AsDecided,
    /// It was past its deadline and never ran.
    Late,
    /// It asked for records without end.
    Insatiable,
    /// It panicked, and never runs again.
    Panicked,
}

/// What a command said, without its types.
enum Ruling {
    Applied,
    Refused,
    Need(Keys),
}

trait Job: Send {
    fn decide(&mut self, records: &mut Records, now: Timestamp) -> Ruling;
    fn answer(self: Box<Self>);
    fn fail(self: Box<Self>, why: Fault);
}

/// A failure that no rule decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    Overloaded,
    Unavailable,
    OutcomeUnknown,
    Defect,
}

struct TypedJob<C: Command> {
    command: C,
    result: Option<Result<C::Outcome, C::Refusal>>,
    reply: oneshot::Sender<Result<C::Outcome, Failure<C::Refusal>>>,
}

impl<C: Command> Job for TypedJob<C> {
    fn decide(&mut self, records: &mut Records, now: Timestamp) -> Ruling {
        // What an earlier run said must not survive one that fails.
        self.result = None;
        match self.command.decide(records, now) {
            Ok(outcome) => {
                self.result = Some(Ok(outcome));
                Ruling::Applied
            }
            Err(Stop::Refused(reason)) => {
                self.result = Some(Err(reason));
                Ruling::Refused
            }
            Err(Stop::Need(keys)) => Ruling::Need(keys),
        }
    }

    fn answer(self: Box<Self>) {
        let result = match self.result {
            Some(Ok(outcome)) => Ok(outcome),
            Some(Err(reason)) => Err(Failure::Refused(reason)),
            None => Err(Failure::Defect),
        };
        // The caller may have gone away; what was decided stands all the same.
        let _ = self.reply.send(result);
    }

    fn fail(self: Box<Self>, why: Fault) {
        let failure = match why {
            Fault::Overloaded => Failure::Overloaded,
            Fault::Unavailable => Failure::Unavailable,
            Fault::OutcomeUnknown => Failure::OutcomeUnknown,
            Fault::Defect => Failure::Defect,
        };
        let _ = self.reply.send(Err(failure));
    }
}

impl Order {
    /// Wraps a command; the receiver gets its answer.
    #[expect(clippy::type_complexity, reason = "the channel of a typed answer; an alias would hide nothing")]
    pub(crate) fn new<C: Command>(
        command: C,
        deadline: Timestamp,
    ) -> (Self, oneshot::Receiver<Result<C::Outcome, Failure<C::Refusal>>>) {
        let (reply, receiver) = oneshot::channel();
        let keys = command.keys();
        let job = Box::new(TypedJob { command, result: None, reply });
        let (kind, request) = (std::any::type_name::<C>(), trace::current());
        (Self { job, keys, kind, request, deadline, losses: 0, fate: Fate::AsDecided }, receiver)
    }

    pub(crate) fn keys(&self) -> &Keys {
        &self.keys
    }

    pub(crate) fn is_late(&self, now: Timestamp) -> bool {
        now >= self.deadline
    }

    pub(crate) fn fail(self, why: Fault) {
        self.job.fail(why);
    }

    fn decide(&mut self, records: &mut Records, now: Timestamp, clock: Option<Timestamp>, needed: &mut Keys) {
        if self.fate == Fate::Panicked {
            return;
        }
        if clock.is_some_and(|clock| self.is_late(clock)) {
            self.fate = Fate::Late;
            return;
        }
        self.fate = Fate::AsDecided;
        let mark = records.mark();
        // The working set stays sound when a command panics: everything since the mark is taken back, and the
        // command itself never runs again.
        match catch_unwind(AssertUnwindSafe(|| self.job.decide(records, now))) {
            Ok(Ruling::Applied) => {
                if let Some(request) = &self.request {
                    records.came_of(&mark, request.origin());
                }
            }
            Ok(Ruling::Refused) => records.roll_back(&mark),
            Ok(Ruling::Need(keys)) => {
                records.roll_back(&mark);
                self.fate = Fate::Insatiable;
                needed.extend(keys);
            }
            Err(_) => {
                records.roll_back(&mark);
                self.fate = Fate::Panicked;
                let kind = short_name(self.kind);
                trace::within_now(self.request.as_ref(), || {
                    trace::failed("a command panicked and was rolled back alone", &kind);
                });
            }
        }
    }
}

impl Group {
    pub(crate) fn new(orders: Vec<Order>) -> Self {
        Self { orders, news: News::default(), pace: None }
    }

    /// The time of this group begins to count.
    pub(crate) fn begin(&mut self) {
        self.pace = Some(Pace::begin());
    }

    /// For stores, to be called when everything is written and only the commit is missing: what comes after it is counted
    /// as the commit.
    pub fn saved(&mut self) {
        if let Some(pace) = &mut self.pace {
            pace.lap(|spent| &mut spent.save);
        }
    }

    /// The group is committed: tells those of its requests that are traced, and answers how long it took.
    pub(crate) fn committed(&mut self) -> Duration {
        let commands = self.orders.len();
        let Some(pace) = &mut self.pace else { return Duration::ZERO };
        pace.lap(|spent| &mut spent.commit);
        let Pace { begun, until: done, spent, rounds } = *pace;
        let traced = self.orders.iter().filter_map(|order| order.request.as_ref());
        for request in traced.filter(|request| request.is_recorded()) {
            request.note_commit(Commit { begun, done, commands, rounds, spent });
        }
        done - begun
    }

    /// What the group was, once it is committed.
    pub(crate) fn report(&self) -> GroupReport {
        let mut kinds = BTreeMap::new();
        for order in &self.orders {
            *kinds.entry(short_name(order.kind)).or_default() += 1;
        }
        let pace = self.pace.unwrap_or_else(Pace::begin);
        GroupReport { kinds, rounds: pace.rounds, took: pace.until - pace.begun, spent: pace.spent }
    }

    /// A group of one command, for tests of stores.
    #[expect(clippy::type_complexity, reason = "the channel of a typed answer; an alias would hide nothing")]
    pub fn of<C: Command>(command: C) -> (Self, oneshot::Receiver<Result<C::Outcome, Failure<C::Refusal>>>) {
        let (order, receiver) = Order::new(command, Timestamp::from_micros(i64::MAX));
        (Self::new(vec![order]), receiver)
    }

    /// The commands of both groups, in order.
    pub fn join(mut self, other: Self) -> Self {
        self.orders.extend(other.orders);
        self
    }

    /// How many commands there are.
    pub fn len(&self) -> usize {
        self.orders.len()
    }

    /// True when there is nothing to decide.
    pub fn is_empty(&self) -> bool {
        self.orders.is_empty()
    }

    /// All records that the commands name, in the order of locking, each once.
    pub fn keys(&self) -> Vec<Key> {
        self.orders.iter().flat_map(|order| order.keys.iter().cloned()).collect::<KeySet>().0.in_lock_order()
    }

    /// Lets every command decide, in order, on a working set that has everything in [`Group::keys`] and
    /// whatever an earlier round asked for. `round` counts from 1. Each round starts from the records as loaded.
    ///
    /// After [`Decision::Save`] the store saves [`Records::changed`] and commits.
    pub fn decide(&mut self, records: &mut Records, now: Timestamp, round: u32) -> Decision {
        if let Some(pace) = &mut self.pace {
            pace.lap(|spent| &mut spent.load);
            pace.rounds += 1;
        }
        let decision = self.decide_all(records, now, round);
        if let Some(pace) = &mut self.pace {
            pace.lap(|spent| &mut spent.decide);
        }
        decision
    }

    fn decide_all(&mut self, records: &mut Records, now: Timestamp, round: u32) -> Decision {
        records.roll_back_all();
        let mut needed = Keys::default();
        // A time that comes from a schedule and not from the clock (which jumped back) says nothing about
        // deadlines: those are the clock's. Without this a sale would stand still until the clock catches up.
        let clock = (now > records.decided_at()).then_some(now);
        for order in &mut self.orders {
            order.decide(records, now, clock, &mut needed);
        }
        let sealed = records.seal(now);
        if let Err(need) = &sealed {
            needed.extend([need.0.clone()]);
        }
        if !needed.is_empty() && round < ROUNDS_MAX {
            return Decision::Need(needed);
        }
        if !needed.is_empty() {
            tracing::error!(?needed, "a command asked for records without end");
        }
        if sealed.is_err() {
            // Seats were changed around the functions that change seats: nothing of this group may be saved.
            records.roll_back_all();
            self.orders.iter_mut().for_each(|order| order.fate = Fate::Panicked);
        }
        self.news = News::of(records);
        Decision::Save
    }

    /// What the commit changed that is also kept in memory.
    pub fn news(&self) -> &News {
        &self.news
    }

    /// How many commands were past their deadline and never ran.
    pub(crate) fn late(&self) -> usize {
        self.orders.iter().filter(|order| order.fate == Fate::Late).count()
    }

    /// Tells every caller what was decided. Only after the commit.
    pub fn answer(self) {
        for order in self.orders {
            match order.fate {
                Fate::AsDecided => order.job.answer(),
                Fate::Late => order.job.fail(Fault::Overloaded),
                Fate::Insatiable | Fate::Panicked => order.job.fail(Fault::Defect),
            }
        }
    }

    pub(crate) fn fail(self, why: Fault) {
        for order in self.orders {
            order.fail(why);
        }
    }

    /// The same, and whoever tells of one of its requests knows why.
    pub(crate) fn fail_because(self, why: Fault, reason: &str) {
        for request in self.orders.iter().filter_map(|order| order.request.as_ref()) {
            request.blame(reason);
        }
        self.fail(why);
    }

    pub(crate) fn into_orders(self) -> Vec<Order> {
        self.orders
    }
}

/// What a command is called, without its modules and what decorates it.
fn short_name(kind: &'static str) -> &'static str {
    let inner = kind.rsplit('<').next().unwrap_or(kind).trim_end_matches('>');
    inner.rsplit("::").next().unwrap_or(inner)
}

/// Collects names without an intermediate list per command.
struct KeySet(Keys);

impl FromIterator<Key> for KeySet {
    fn from_iter<T: IntoIterator<Item = Key>>(keys: T) -> Self {
        Self(Keys::new(keys))
    }
}

impl News {
    fn of(records: &Records) -> Self {
        let changed = records.changed();
        let schedules = changed
            .schedules
            .iter()
            .filter(|change| match (change.before, change.after) {
                // A commit that changed seats moves version, time and first use, and one that tells of the schedule the
                // number of its event; the rest is an edit.
                (Some((before, _)), Some(after)) => {
                    before.draft() != after.draft()
                        || before.plan_version != after.plan_version
                        || before.cancelled_at != after.cancelled_at
                }
                _ => true,
            })
            .map(|change| *change.key)
            .collect();
        let mut events = [0; Event::TYPES.len()];
        for written in changed.events {
            events[written.event.type_index()] += 1;
        }
        Self {
            seats: records.seat_changes().to_vec(),
            concerts: changed.concerts.iter().map(|change| *change.key).collect(),
            schedules,
            events,
        }
    }
}

#[cfg(test)]
mod tests;
