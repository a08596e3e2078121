//! What is asked: scripts produce requests and read the answers.

use std::time::{Duration, Instant};

use crate::answer::{Answer, Malformed};

/// Which kind of request it was: an index into [`Script::steps`], with a histogram of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Step(pub usize);

/// What a connection does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Send what was written to the buffer; it is a request of this step.
    Send(Step),
    /// Nothing for this connection before this long has passed, then ask again: a fan who thinks, or polls.
    Later(Duration),
    /// Nothing for this connection any more. The run ends when all connections have heard this.
    Done,
}

/// What an answer means for an open loop. In a closed loop both are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// The connection is free for the next arrival.
    Free,
    /// The journey goes on: ask for the next request of this connection at once, beside the schedule. It is
    /// timed from then on, since a fan can't be late for a step whose answer they did not have yet.
    Stay,
}

/// Why a request has no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// The server closed the connection, or the network did, before the answer was complete.
    Closed,
    /// No complete answer within the plan's timeout.
    Timeout,
    /// The answer could not be read.
    Malformed(Malformed),
}

/// Produces requests and reads answers. Called from the generator's thread only, and its time is the
/// generator's: keep it to formatting and remembering.
///
/// For one connection the calls alternate: `next` gives a request, then exactly one of `answered` and `failed`
/// follows before `next` is asked again. The connection index stays the same when its connection is replaced.
pub trait Script {
    /// The names of the steps, asked for once. A step beyond them is reported as `unnamed`.
    fn steps(&self) -> Vec<String> {
        vec!["request".to_owned()]
    }

    /// Writes the next request of this connection, head and body, to the empty buffer.
    fn next(&mut self, connection: usize, buffer: &mut Vec<u8>) -> Next;

    /// When the next request is due, for [`crate::Pace::Planned`]: `next` is asked for it by the first connection that is
    /// free from then on. Nothing while that depends on answers that are not here yet. When nothing is to be asked any
    /// more, a time that is over, and `next` says so.
    fn due(&mut self) -> Option<Instant> {
        None
    }

    /// Hears that time goes by: often, and at least every 100 ms, also while the server is silent.
    fn tick(&mut self, now: Instant) {
        let _ = now;
    }

    /// How long it may be until the next tick at the most; more than 100 ms is taken for that.
    fn tick_every(&self) -> Duration {
        Duration::MAX
    }

    /// Reads the answer to what `next` gave this connection last.
    fn answered(&mut self, connection: usize, step: Step, answer: &Answer<'_>) -> Then {
        let _ = (connection, step, answer);
        Then::Free
    }

    /// Hears that what `next` gave this connection last has no answer. It may have had its effect all the same.
    fn failed(&mut self, connection: usize, step: Step, failure: Failure) {
        let _ = (connection, step, failure);
    }
}

/// A closure is a script of one kind of request whose answers don't matter.
impl<F: FnMut(usize, &mut Vec<u8>) -> Next> Script for F {
    fn next(&mut self, connection: usize, buffer: &mut Vec<u8>) -> Next {
        self(connection, buffer)
    }
}

/// The same bytes again and again.
#[derive(Debug, Clone)]
pub struct Repeat {
    request: Vec<u8>,
}

impl Repeat {
    /// Sends this request, as made by [`crate::Request::to_bytes`], without an end.
    pub fn new(request: Vec<u8>) -> Self {
        Self { request }
    }
}

impl Script for Repeat {
    fn next(&mut self, _connection: usize, buffer: &mut Vec<u8>) -> Next {
        buffer.extend_from_slice(&self.request);
        Next::Send(Step(0))
    }
}
