//! The loop: one thread, one poll, and who sends what when.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mio::event::Event;
use mio::{Events, Poll, Token};

use crate::answer::{Frame, Malformed};
use crate::clock::{Alarm, thread_cpu};
use crate::connection::Received;
use crate::plan::{Pace, Plan};
use crate::pool::Pool;
use crate::report::Report;
use crate::schedule::Schedule;
use crate::script::{Failure, Next, Script, Step, Then};
use crate::tally::Tally;

const ALARM: Token = Token(usize::MAX);
const EVENTS_AT_ONCE: usize = 1_024;
/// Shared by all connections. Whatever arrives in one read of this size is parsed where it lies.
const SCRATCH_BYTES: usize = 256 << 10;
/// Timeouts are looked for this often in their length, but no more rarely than the longest wait of the poll.
const SWEEPS_PER_TIMEOUT: u32 = 20;
/// A connection that has rested for longer is looked at before it is used: servers close those that nobody uses, and a
/// request that is sent into one is lost for no fault of theirs.
const RESTED: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_millis(100);

/// Why a run could not be made.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The plan contradicts itself.
    #[error("the plan can't be run: {0}")]
    Plan(&'static str),
    /// No connection could be opened at all.
    #[error("nothing accepts connections at {0}: is the server running?")]
    Unreachable(SocketAddr),
    /// The operating system would not let us wait for connections.
    #[error("the poll failed")]
    Poll(#[from] io::Error),
}

/// Runs the plan on the calling thread and blocks it until the end.
///
/// All connections are opened before the clock starts; those that the server does not give within the plan's
/// patience are tried for during the run.
pub fn run<S: Script + ?Sized>(plan: &Plan, script: &mut S) -> Result<Report, RunError> {
    if let Some(fault) = plan.fault() {
        return Err(RunError::Plan(fault));
    }
    let mut engine = Engine::new(plan, script)?;
    engine.drive()?;
    Ok(engine.report())
}

struct Engine<'a, S: ?Sized> {
    plan: &'a Plan,
    script: &'a mut S,
    poll: Poll,
    alarm: Alarm,
    pool: Pool,
    slots: Vec<Slot>,
    /// Slots in state `Free`, the one that has rested longest in front.
    free: VecDeque<usize>,
    /// When parked slots go on. An entry counts only if its slot is still parked until then.
    wakes: BinaryHeap<Reverse<(Instant, usize)>>,
    scratch: Vec<u8>,
    tally: Tally,
    phase: Phase,
    created: Instant,
    swept: Instant,
    last_open: Instant,
    in_flight: usize,
    done: usize,
    sent: u64,
    measured: Option<Measured>,
    last_answer: Option<Instant>,
    abandoned: bool,
}

/// What a connection index is doing.
#[derive(Debug, Default)]
struct Slot {
    state: State,
    /// The script wants nothing of it before this.
    not_before: Option<Instant>,
    /// The script goes on with it beside the schedule.
    staying: bool,
    /// Since when it is free, if it is.
    free_since: Option<Instant>,
}

#[derive(Debug, Default, Clone, Copy)]
enum State {
    /// Its connection is not open.
    #[default]
    Away,
    Free,
    Parked,
    InFlight(Flight),
    Done,
}

#[derive(Debug, Clone, Copy)]
struct Flight {
    step: Step,
    /// Latency counts from here.
    due: Instant,
    /// The timeout counts from here.
    sent: Instant,
    counted: bool,
}

#[derive(Debug)]
enum Phase {
    /// Connections are being opened; nothing is sent.
    Opening,
    Running(Running),
    /// Nothing is sent any more; what is in flight is waited for. At `deadline`, if that was the reason.
    Draining {
        deadline: Option<Instant>,
    },
}

#[derive(Debug)]
struct Running {
    arrivals: Arrivals,
    warm_until: Instant,
    deadline: Option<Instant>,
}

/// What free connections are given.
#[derive(Debug)]
enum Arrivals {
    /// Whatever the script has, at once.
    AtOnce,
    /// What is due, at a steady rate.
    Steady(Schedule),
    /// What is due, when the script says.
    Planned,
}

impl Running {
    fn is_over(&self, now: Instant) -> bool {
        self.deadline.is_some_and(|deadline| now >= deadline)
    }
}

/// The part of the run that counts.
#[derive(Debug, Clone, Copy)]
struct Measured {
    since: Instant,
    cpu_before: Duration,
}

impl<'a, S: Script + ?Sized> Engine<'a, S> {
    fn new(plan: &'a Plan, script: &'a mut S) -> io::Result<Self> {
        let poll = Poll::new()?;
        let now = Instant::now();
        let targets = std::iter::once(plan.target).chain(plan.others.iter().copied()).collect();
        Ok(Self {
            plan,
            alarm: Alarm::new(poll.registry(), ALARM)?,
            pool: Pool::new(targets, plan.connections, poll.registry().try_clone()?),
            poll,
            slots: (0..plan.connections).map(|_| Slot::default()).collect(),
            free: VecDeque::with_capacity(plan.connections),
            wakes: BinaryHeap::new(),
            scratch: vec![0; SCRATCH_BYTES],
            tally: Tally::new(script.steps()),
            script,
            phase: Phase::Opening,
            created: now,
            swept: now,
            last_open: now,
            in_flight: 0,
            done: 0,
            sent: 0,
            measured: None,
            last_answer: None,
            abandoned: false,
        })
    }

    fn drive(&mut self) -> Result<(), RunError> {
        let mut events = Events::with_capacity(EVENTS_AT_ONCE);
        loop {
            let now = Instant::now();
            self.keep_time(now)?;
            if self.finished() {
                return Ok(());
            }
            let wait = self.wait(now)?;
            match self.poll.poll(&mut events, Some(wait)) {
                Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error.into()),
                Ok(()) | Err(_) => {}
            }
            // A connection shows up at most once in a batch, so none of these speaks of one replaced meanwhile.
            for event in events.iter().filter(|event| event.token() != ALARM) {
                self.handle(event);
            }
        }
    }

    fn finished(&self) -> bool {
        self.abandoned
            || self.done == self.slots.len()
            || (self.in_flight == 0 && matches!(self.phase, Phase::Draining { .. }))
    }

    /// Everything that happens because of the time and not because of an event.
    fn keep_time(&mut self, now: Instant) -> Result<(), RunError> {
        if !matches!(self.phase, Phase::Draining { .. }) {
            self.pool.pump(now);
        }
        if self.pool.open() > 0 {
            self.last_open = now;
        }
        if now - self.swept >= self.sweep_every() {
            self.sweep(now);
        }
        self.script.tick(now);
        match &self.phase {
            Phase::Opening => self.start_if_ready(now)?,
            Phase::Running(running) => {
                let (warm, over) = (now >= running.warm_until, running.is_over(now));
                if self.measured.is_none() && warm && self.plan.duration.is_some() {
                    self.begin_measuring(running.warm_until);
                }
                if over {
                    self.drain(now);
                } else if now - self.last_open > self.plan.patience {
                    self.abandoned = true;
                } else {
                    self.wake(now);
                    self.dispatch(now);
                }
            }
            Phase::Draining { .. } => {}
        }
        Ok(())
    }

    fn start_if_ready(&mut self, now: Instant) -> Result<(), RunError> {
        let patient = now - self.created < self.plan.patience;
        let wanted = self.slots.len();
        if self.pool.open() == 0 && (!patient || self.pool.attempts_failed() >= wanted as u64) {
            return Err(RunError::Unreachable(self.plan.target));
        }
        if self.pool.open() == wanted || !patient {
            let Plan { duration, warm_up_percent, pace, .. } = *self.plan;
            let arrivals = match pace {
                Pace::Closed => Arrivals::AtOnce,
                Pace::Open { per_second } => Arrivals::Steady(Schedule::new(now, per_second)),
                Pace::Planned => Arrivals::Planned,
            };
            let warm_up = duration.map_or(Duration::ZERO, |duration| duration * warm_up_percent / 100);
            let deadline = duration.map(|duration| now + duration);
            self.phase = Phase::Running(Running { arrivals, warm_until: now + warm_up, deadline });
            self.dispatch(now);
        }
        Ok(())
    }

    fn begin_measuring(&mut self, since: Instant) {
        self.measured = Some(Measured { since, cpu_before: thread_cpu() });
    }

    /// Whether a request sent now counts. The first one that does begins the measurement.
    fn counts(&mut self, due: Instant) -> bool {
        if self.measured.is_none() {
            let Phase::Running(running) = &self.phase else { return false };
            let warm_requests = self.plan.warm_up_requests();
            let warm_by_time = self.plan.duration.is_some() && due >= running.warm_until;
            let warm_by_count = warm_requests.is_some_and(|warm| self.sent >= warm);
            if warm_by_time {
                self.begin_measuring(running.warm_until);
            } else if warm_by_count || self.plan.warm_up_percent == 0 {
                self.begin_measuring(due);
            }
        }
        self.measured.is_some_and(|measured| due >= measured.since)
    }

    fn drain(&mut self, now: Instant) {
        if let Phase::Running(running) = &self.phase {
            let deadline = running.deadline.filter(|_| running.is_over(now));
            if let (Arrivals::Steady(schedule), Some(until), Some(measured)) =
                (&running.arrivals, deadline, self.measured)
            {
                self.tally.unsent = schedule.left(measured.since, until);
            }
            self.phase = Phase::Draining { deadline };
        }
    }

    fn sweep_every(&self) -> Duration {
        (self.plan.timeout / SWEEPS_PER_TIMEOUT).clamp(Duration::from_millis(1), LONGEST_WAIT)
    }

    fn sweep(&mut self, now: Instant) {
        self.swept = now;
        self.pool.sweep(now, self.plan.timeout);
        for index in 0..self.slots.len() {
            if matches!(self.slots[index].state, State::InFlight(flight) if now - flight.sent > self.plan.timeout)
            {
                self.lose(index, Failure::Timeout);
            }
        }
    }

    /// Lets parked slots go on whose time has come.
    fn wake(&mut self, now: Instant) {
        while let Some(Reverse((at, index))) = self.wakes.peek().copied()
            && at <= now
        {
            self.wakes.pop();
            let slot = &self.slots[index];
            if matches!(slot.state, State::Parked) && slot.not_before == Some(at) {
                self.ready(index, now);
            }
        }
    }

    /// Gives free slots to what is due: in an open loop arrivals, in a closed loop everything.
    fn dispatch(&mut self, now: Instant) {
        while let Phase::Running(running) = &self.phase
            && !self.free.is_empty()
        {
            let due = match &running.arrivals {
                Arrivals::AtOnce => now,
                Arrivals::Steady(schedule) => schedule.next_at(),
                Arrivals::Planned => match self.script.due() {
                    Some(due) => due,
                    None => return,
                },
            };
            if due > now || running.is_over(now) {
                return;
            }
            let Some(index) = self.free.pop_front() else { return };
            let has_rested = self.slots[index].free_since.is_some_and(|since| now - since > RESTED);
            if has_rested && self.pool.get(index).is_some_and(|connection| connection.has_ended()) {
                self.replace(index);
                continue;
            }
            let sent = self.advance(index, due, now);
            if let Phase::Running(Running { arrivals: Arrivals::Steady(schedule), .. }) = &mut self.phase
                && sent
            {
                schedule.take();
            }
        }
    }

    /// The connection of this slot is open and has nothing in flight.
    fn ready(&mut self, index: usize, now: Instant) {
        let slot = &mut self.slots[index];
        match &self.phase {
            Phase::Running(running)
                if (slot.staying || matches!(running.arrivals, Arrivals::AtOnce))
                    && !running.is_over(now) =>
            {
                self.advance(index, now, now);
            }
            Phase::Opening | Phase::Running(_) | Phase::Draining { .. } => {
                slot.state = State::Free;
                slot.free_since = Some(now);
                self.free.push_back(index);
                self.dispatch(now);
            }
        }
    }

    /// Asks the script what this slot does next, and does it. True if a request was sent.
    fn advance(&mut self, index: usize, due: Instant, now: Instant) -> bool {
        let slot = &mut self.slots[index];
        if let Some(at) = slot.not_before.take_if(|at| *at > now) {
            self.park(index, at);
            return false;
        }
        let Some(connection) = self.pool.get(index) else { return false };
        let outbox = connection.outbox();
        match self.script.next(index, outbox) {
            Next::Send(step) => {
                let unsendable = connection.send().is_err();
                let counted = self.counts(due);
                self.slots[index].state = State::InFlight(Flight { step, due, sent: now, counted });
                self.in_flight += 1;
                self.sent += 1;
                if self.plan.requests.is_some_and(|all| self.sent >= all) {
                    self.drain(now);
                }
                if unsendable {
                    self.lose(index, Failure::Closed);
                }
                true
            }
            Next::Later(wait) => {
                self.park(index, now + wait);
                false
            }
            Next::Done => {
                slot.state = State::Done;
                self.done += 1;
                self.pool.close(index);
                false
            }
        }
    }

    fn park(&mut self, index: usize, until: Instant) {
        let slot = &mut self.slots[index];
        slot.state = State::Parked;
        slot.not_before = Some(until);
        self.wakes.push(Reverse((until, index)));
    }

    /// How long the poll may wait before the time itself is an event.
    fn wait(&mut self, now: Instant) -> io::Result<Duration> {
        let mut until = now + LONGEST_WAIT.min(self.script.tick_every());
        if self.in_flight > 0 || self.pool.busy() {
            until = until.min(self.swept + self.sweep_every());
        }
        until = self.pool.retry_at().map_or(until, |at| until.min(at));
        let mut longest = until.saturating_duration_since(now);
        if let Phase::Running(running) = &self.phase {
            let wake_at = self.wakes.peek().map(|Reverse((at, _))| *at);
            let arrival_at = match &running.arrivals {
                _ if self.free.is_empty() => None,
                Arrivals::AtOnce => None,
                Arrivals::Steady(schedule) => Some(schedule.next_at()),
                Arrivals::Planned => self.script.due(),
            };
            let next = [wake_at, arrival_at, running.deadline].into_iter().flatten().min();
            if let Some(at) = next.filter(|at| *at < until) {
                longest = self.alarm.set(at, now)?.map_or(longest, |wait| longest.min(wait));
            }
        }
        Ok(longest)
    }

    fn handle(&mut self, event: &Event) {
        let Token(index) = event.token();
        if matches!(self.slots[index].state, State::Away) {
            let now = Instant::now();
            if !self.pool.opened(index, now) {
                return;
            }
            self.last_open = now;
            self.ready(index, now);
        } else if event.is_writable() && self.pool.get(index).is_some_and(|link| link.flush().is_err()) {
            return self.lose(index, Failure::Closed);
        }
        let closing = event.is_read_closed() || event.is_error();
        if closing || event.is_readable() {
            self.receive(index, closing);
        }
    }

    /// Reads until the answer is complete or the socket is empty. `closing` if there is an end to be found.
    fn receive(&mut self, index: usize, closing: bool) {
        loop {
            let Some(connection) = self.pool.get(index) else { return };
            let received = connection.receive(&mut self.scratch, self.plan.max_answer_bytes);
            let asked = matches!(self.slots[index].state, State::InFlight(_));
            match received {
                Ok(Received::Blocked) => return,
                Ok(Received::End) => return self.lose(index, Failure::Closed),
                Err(failure) => return self.lose(index, failure),
                Ok(_) if !asked => return self.lose(index, Failure::Malformed(Malformed::Surplus)),
                Ok(Received::Part { drained: true }) if !closing => return,
                Ok(Received::Part { .. }) => {}
                Ok(Received::Whole(frame)) => return self.answered(index, frame, closing),
            }
        }
    }

    fn answered(&mut self, index: usize, frame: Frame, closing: bool) {
        let now = Instant::now();
        let slot = &mut self.slots[index];
        let (State::InFlight(flight), Some(connection)) = (slot.state, self.pool.get(index)) else { return };
        let answer = connection.answer(&frame, &self.scratch);
        if flight.counted {
            let took = now.saturating_duration_since(flight.due);
            self.tally.answered(flight.step, answer.status, answer.wire_bytes(), took);
            self.last_answer = Some(now);
        }
        slot.staying = self.script.answered(index, flight.step, &answer) == Then::Stay;
        self.in_flight -= 1;
        // An answer before the end of the request (413) leaves half a request on the wire.
        let last = frame.last || closing || connection.unsent();
        connection.forget_answer();
        if last {
            self.replace(index);
        } else {
            self.ready(index, now);
        }
    }

    /// The connection is of no more use, and what was in flight on it has no answer.
    fn lose(&mut self, index: usize, failure: Failure) {
        self.tally.note(failure);
        match self.slots[index].state {
            State::InFlight(flight) => {
                self.in_flight -= 1;
                if flight.counted {
                    self.tally.failed(flight.step, failure);
                }
                self.slots[index].staying = false;
                self.script.failed(index, flight.step, failure);
            }
            State::Free => self.free.retain(|free| *free != index),
            State::Away | State::Parked | State::Done => {}
        }
        self.replace(index);
    }

    fn replace(&mut self, index: usize) {
        self.slots[index].state = State::Away;
        if matches!(self.phase, Phase::Draining { .. }) {
            self.pool.close(index);
        } else {
            self.tally.reconnects += 1;
            self.pool.replace(index);
        }
    }

    fn report(self) -> Report {
        let now = Instant::now();
        let measured = self.measured.unwrap_or(Measured { since: now, cpu_before: thread_cpu() });
        let end = match self.phase {
            Phase::Draining { deadline: Some(deadline) } => {
                self.last_answer.map_or(deadline, |last| last.max(deadline))
            }
            _ if self.abandoned => now,
            _ => self.last_answer.unwrap_or(now),
        };
        Report {
            elapsed: end.saturating_duration_since(measured.since),
            connect_errors: self.pool.attempts_failed(),
            reconnects: self.tally.reconnects,
            unsent: self.tally.unsent,
            abandoned: self.abandoned,
            first_malformed: self.tally.first_malformed.clone(),
            generator_cpu: thread_cpu().saturating_sub(measured.cpu_before),
            steps: self.tally.into_steps(),
        }
    }
}
