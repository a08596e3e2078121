//! Which commands are decided together, and by whom next.
//!
//! A lane is a queue of commands that may share a group. With one writer there is one lane; with many there is
//! one per schedule or wallet shard, made on demand. A free worker takes the lane with the oldest head that
//! nobody holds, and everything that has queued up in it, within the limits: no timer, no artificial wait.

use std::collections::{BTreeSet, HashMap, VecDeque};

use frontrow_domain::ScheduleId;
use frontrow_domain::records::{Key, Keys};
use parking_lot::{Condvar, Mutex};

use crate::box_office::{BoxOfficeSettings, Priority};
use crate::group::Order;
use crate::store::LaneShape;

/// Into how many lanes the wallets are divided.
const WALLET_SHARDS: u8 = 16;

/// A queue of commands that may share a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Lane {
    /// Everything, for a store with one writer.
    Only,
    /// What touches this schedule.
    Schedule(ScheduleId),
    /// What touches wallets or accounts of this shard, and no schedule.
    Shard(u8),
}

impl Lane {
    /// The lane for a command with these keys.
    pub(crate) fn of(shape: LaneShape, keys: &Keys) -> Self {
        if shape == LaneShape::Single {
            return Self::Only;
        }
        let schedule = keys.iter().find_map(|key| match key {
            Key::Schedule(id) => Some(*id),
            _ => None,
        });
        if let Some(id) = schedule {
            return Self::Schedule(id);
        }
        let owner = keys.iter().find_map(|key| match key {
            Key::Account(id) | Key::Wallet(id) => Some(id.bytes()[15]),
            Key::Login(id) => Some(id.bytes()[15]),
            _ => None,
        });
        Self::Shard(owner.unwrap_or(0) % WALLET_SHARDS)
    }
}

struct Queue {
    /// One queue a priority, each with the number of arrival.
    orders: [VecDeque<(u64, Order)>; Priority::COUNT],
    held: bool,
}

impl Queue {
    fn head(&self) -> Option<u64> {
        self.orders.iter().filter_map(|orders| orders.front().map(|(arrival, _)| *arrival)).min()
    }
}

struct State {
    lanes: HashMap<Lane, Queue>,
    ready: BTreeSet<(u64, Lane)>,
    arrivals: u64,
    waiting: [usize; Priority::COUNT],
    idle_workers: usize,
    closed: bool,
}

/// All lanes of a box office.
pub(crate) struct Lanes {
    state: Mutex<State>,
    work: Condvar,
    settings: BoxOfficeSettings,
}

impl Lanes {
    pub(crate) fn new(settings: BoxOfficeSettings) -> Self {
        let state = State {
            lanes: HashMap::new(),
            ready: BTreeSet::new(),
            arrivals: 0,
            waiting: [0; Priority::COUNT],
            idle_workers: 0,
            closed: false,
        };
        Self { state: Mutex::new(state), work: Condvar::new(), settings }
    }

    /// Queues an order, or gives it back when its priority is full or the office has closed.
    pub(crate) fn put(&self, lane: Lane, priority: Priority, order: Order) -> Result<(), Order> {
        let mut state = self.state.lock();
        let class = priority as usize;
        if state.closed || state.waiting[class] >= self.settings.queue[class] {
            return Err(order);
        }
        state.waiting[class] += 1;
        state.arrivals += 1;
        let arrival = state.arrivals;
        let queue = state
            .lanes
            .entry(lane)
            .or_insert_with(|| Queue { orders: std::array::from_fn(|_| VecDeque::new()), held: false });
        let becomes_ready = !queue.held && queue.head().is_none();
        queue.orders[class].push_back((arrival, order));
        if becomes_ready {
            state.ready.insert((arrival, lane));
            if state.idle_workers > 0 {
                self.work.notify_one();
            }
        }
        Ok(())
    }

    /// Waits for work and takes it. Nothing once the office has closed and all is done.
    pub(crate) fn take(&self) -> Option<(Lane, Vec<Order>)> {
        let mut state = self.state.lock();
        loop {
            if let Some((_, lane)) = state.ready.pop_first() {
                let orders = self.draw(&mut state, lane);
                return Some((lane, orders));
            }
            if state.closed {
                return None;
            }
            state.idle_workers += 1;
            self.work.wait(&mut state);
            state.idle_workers -= 1;
        }
    }

    /// Gives a lane back after its group has been answered.
    pub(crate) fn release(&self, lane: Lane) {
        let mut state = self.state.lock();
        let Some(queue) = state.lanes.get_mut(&lane) else { return };
        queue.held = false;
        if let Some(head) = queue.head() {
            state.ready.insert((head, lane));
            if state.idle_workers > 0 {
                self.work.notify_one();
            }
        } else {
            state.lanes.remove(&lane);
        }
    }

    /// Takes no more orders; what is queued is still done.
    pub(crate) fn close(&self) {
        self.state.lock().closed = true;
        self.work.notify_all();
    }

    /// How many orders wait, by priority.
    pub(crate) fn waiting(&self) -> [usize; Priority::COUNT] {
        self.state.lock().waiting
    }

    fn draw(&self, state: &mut State, lane: Lane) -> Vec<Order> {
        let Some(queue) = state.lanes.get_mut(&lane) else { return Vec::new() };
        queue.held = true;
        let mut drawn = Vec::new();
        let mut keys = 0;
        for (class, orders) in queue.orders.iter_mut().enumerate() {
            let mut of_class = 0;
            while let Some((_, order)) = orders.front() {
                let rows = order.keys().len();
                let is_full = drawn.len() >= self.settings.group_commands_max
                    || keys + rows > self.settings.group_rows_max
                    || (class == Priority::Job as usize && of_class >= self.settings.group_jobs_max);
                // A command that is bigger than a group runs alone.
                if is_full && !drawn.is_empty() {
                    break;
                }
                let Some((_, order)) = orders.pop_front() else { break };
                keys += rows;
                of_class += 1;
                state.waiting[class] -= 1;
                drawn.push(order);
            }
        }
        drawn
    }
}
