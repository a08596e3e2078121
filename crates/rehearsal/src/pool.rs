//! The connections of a run: opening them, and opening them again.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mio::{Registry, Token};

use crate::connection::Connection;

/// How many may be opening at a time: below the backlog of a server of ours (4,096), since a SYN that finds
/// the backlog full is repeated after a second.
const OPENING_AT_ONCE: usize = 1_024;
/// From a refused connection to the next attempt: soon enough to see when a killed server is back, and 256
/// connections at this pace are no load on it.
const RETRY_AFTER: Duration = Duration::from_millis(50);

/// All connections, by index. An index stays when its connection is replaced.
#[derive(Debug)]
pub(crate) struct Pool {
    /// Each connection has the one at its index, all around again.
    targets: Vec<SocketAddr>,
    registry: Registry,
    links: Vec<Link>,
    /// Those to open as soon as fewer than [`OPENING_AT_ONCE`] are opening.
    wanted: VecDeque<usize>,
    /// Those to open at a time. The delay is the same for all, so they are in order.
    refused: VecDeque<(Instant, usize)>,
    opening: usize,
    open: usize,
    attempts_failed: u64,
}

#[derive(Debug)]
enum Link {
    Down,
    Opening { connection: Connection, since: Instant },
    Open(Connection),
}

impl Pool {
    /// Wants all connections, opens none yet.
    pub(crate) fn new(targets: Vec<SocketAddr>, connections: usize, registry: Registry) -> Self {
        Self {
            targets,
            registry,
            links: (0..connections).map(|_| Link::Down).collect(),
            wanted: (0..connections).collect(),
            refused: VecDeque::new(),
            opening: 0,
            open: 0,
            attempts_failed: 0,
        }
    }

    /// How many are open.
    pub(crate) fn open(&self) -> usize {
        self.open
    }

    /// How many attempts to connect have failed.
    pub(crate) fn attempts_failed(&self) -> u64 {
        self.attempts_failed
    }

    /// Whether something has to be done or may have happened to a connection that is opening.
    pub(crate) fn busy(&self) -> bool {
        self.opening > 0 || !self.wanted.is_empty()
    }

    /// When the next attempt is due.
    pub(crate) fn retry_at(&self) -> Option<Instant> {
        self.refused.front().map(|(at, _)| *at)
    }

    /// The connection, if it is open.
    pub(crate) fn get(&mut self, index: usize) -> Option<&mut Connection> {
        match &mut self.links[index] {
            Link::Open(connection) => Some(connection),
            Link::Down | Link::Opening { .. } => None,
        }
    }

    /// Begins to open what is wanted and due.
    pub(crate) fn pump(&mut self, now: Instant) {
        while let Some((_, index)) = self.refused.pop_front_if(|(at, _)| *at <= now) {
            self.wanted.push_back(index);
        }
        while self.opening < OPENING_AT_ONCE {
            let Some(index) = self.wanted.pop_front() else { break };
            let target = self.targets[index % self.targets.len()];
            match Connection::open(target, &self.registry, Token(index)) {
                Ok(connection) => {
                    self.opening += 1;
                    self.links[index] = Link::Opening { connection, since: now };
                }
                Err(_) => self.refuse(index, now),
            }
        }
    }

    /// Looks whether a connection that was opening is open now. True once for each.
    pub(crate) fn opened(&mut self, index: usize, now: Instant) -> bool {
        let Link::Opening { connection, .. } = &self.links[index] else { return false };
        match connection.established() {
            Ok(false) => false,
            Ok(true) => {
                if let Link::Opening { connection, .. } =
                    std::mem::replace(&mut self.links[index], Link::Down)
                {
                    self.links[index] = Link::Open(connection);
                }
                self.opening -= 1;
                self.open += 1;
                true
            }
            Err(_) => {
                self.opening -= 1;
                self.refuse(index, now);
                false
            }
        }
    }

    /// Closes those that have been opening for too long.
    pub(crate) fn sweep(&mut self, now: Instant, timeout: Duration) {
        for index in 0..self.links.len() {
            if matches!(self.links[index], Link::Opening { since, .. } if now - since > timeout) {
                self.opening -= 1;
                self.refuse(index, now);
            }
        }
    }

    /// Closes an open connection.
    pub(crate) fn close(&mut self, index: usize) {
        if matches!(self.links[index], Link::Open(_)) {
            self.open -= 1;
            self.links[index] = Link::Down;
        }
    }

    /// Closes an open connection and wants another in its place.
    pub(crate) fn replace(&mut self, index: usize) {
        self.close(index);
        self.wanted.push_back(index);
    }

    fn refuse(&mut self, index: usize, now: Instant) {
        self.attempts_failed += 1;
        self.links[index] = Link::Down;
        self.refused.push_back((now + RETRY_AFTER, index));
    }
}
