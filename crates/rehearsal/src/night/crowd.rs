//! Everybody at once: who is due, what came of it, and how it looks second by second.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashSet};
use std::io;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use crate::answer::Answer;
use crate::report::Report;
use crate::script::{Failure, Next, Script, Step, Then};
use crate::tally::histogram;

use super::ears::{Ears, Heard};
use super::end::End;
use super::fan::{Crew, Fan};
use super::hearing::hearings;
use super::journey::{Follows, Journey, Stage, Times, Turn};
use super::order;
use super::outcome::{Order, Outcome, Refusal, Sample, StepFigures, Streams};
use super::sale::Sale;
use super::wire::code;

/// Before a fan asks again whose request got no answer.
const AFTER_LOSS: Duration = Duration::from_secs(1);
/// Between two samples.
const SAMPLE: Duration = Duration::from_secs(1);
/// How long what comes on a stream may lie there, while one is open.
const LISTEN_EVERY: Duration = Duration::from_millis(2);

/// A night to be rehearsed.
#[derive(Debug, Clone)]
pub struct Night {
    /// What is sold.
    pub sale: Sale,
    /// Who comes: as many as there are bearers.
    pub crew: Crew,
    /// Who is still on their way so long after the opening is not waited for.
    pub limit: Duration,
}

/// All fans of a night, as a script for [`crate::Plan::planned`].
pub struct Crowd<'a> {
    night: &'a Night,
    fans: Vec<Fan>,
    journeys: Vec<Journey>,
    ends: Vec<Option<End>>,
    stand: Vec<Stands>,
    /// When who asks next, since the opening; the earliest on top.
    due: BinaryHeap<Reverse<(Duration, usize)>>,
    /// For each fan the time at which they are due, if they are: what the heap says otherwise is of the past.
    due_at: Vec<Option<Duration>>,
    /// The streams, and what each fan has one open to.
    ears: Ears,
    follows: Vec<Option<Follows>>,
    streams: Streams,
    /// Who is at a connection, since when they were due and when they asked.
    on: BTreeMap<usize, (usize, Duration, Duration)>,
    began: Option<Instant>,
    is_over: bool,
    finished: usize,
    sold: HashSet<(usize, u32)>,
    sold_twice: usize,
    sold_out_after: Option<Duration>,
    revenue: i64,
    refusals: BTreeMap<(Stage, u16, String), u64>,
    now: Counts,
    samples: Vec<Sample>,
    second: Histogram<u64>,
    /// Hears of every sample; false ends the night.
    watch: Box<dyn FnMut(&Sample) -> bool + 'a>,
}

/// Where a fan stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stands {
    /// Not there yet, or gone.
    Elsewhere,
    InLine,
    Inside,
}

/// What is counted as it happens.
#[derive(Debug, Default)]
struct Counts {
    arrived: u64,
    waiting: u64,
    active: u64,
    refused: u64,
    lost: u64,
    last_second: Duration,
}

impl<'a> Crowd<'a> {
    /// The crowd of a night, before its opening. `watch` hears of every second of it; its false ends the night.
    /// Fails when the system does not let it wait for streams.
    pub fn new(night: &'a Night, watch: impl FnMut(&Sample) -> bool + 'a) -> io::Result<Self> {
        let fans: Vec<Fan> = (0..night.crew.fans).map(|number| night.crew.fan(number)).collect();
        let sale = &night.sale;
        let journey =
            |(number, fan)| Journey::new(fan, sale.has_line, sale.log_ins.get::<usize>(number).cloned());
        let journeys = fans.iter().enumerate().map(journey).collect();
        let due = fans.iter().enumerate().map(|(number, fan)| Reverse((fan.comes, number))).collect();
        let streams =
            Streams { fans: fans.iter().filter(|fan| fan.streams).count() as u64, ..Streams::default() };
        Ok(Self {
            night,
            journeys,
            due_at: fans.iter().map(|fan| Some(fan.comes)).collect(),
            ears: Ears::new(sale.servers.clone())?,
            follows: vec![None; fans.len()],
            streams,
            ends: vec![None; fans.len()],
            stand: vec![Stands::Elsewhere; fans.len()],
            due,
            on: BTreeMap::new(),
            began: None,
            is_over: false,
            finished: 0,
            sold: HashSet::new(),
            sold_twice: 0,
            sold_out_after: None,
            revenue: 0,
            refusals: BTreeMap::new(),
            now: Counts::default(),
            samples: Vec::new(),
            second: histogram(),
            watch: Box::new(watch),
            fans,
        })
    }

    fn since_opening(&self, now: Instant) -> Duration {
        self.began.map_or(Duration::ZERO, |began| now.saturating_duration_since(began))
    }

    /// Counts where a fan is now, and no longer where they were.
    fn count(&mut self, number: usize) {
        let stands = match self.journeys[number].stage {
            _ if self.ends[number].is_some() => Stands::Elsewhere,
            // Where they stood before: nobody moves while a log-in is renewed.
            Stage::Renew => return,
            Stage::Join | Stage::Leave => Stands::Elsewhere,
            Stage::Ask => Stands::InLine,
            Stage::Map | Stage::Hold | Stage::Charge | Stage::Pay | Stage::GiveBack => Stands::Inside,
        };
        let stood = std::mem::replace(&mut self.stand[number], stands);
        for (count, place) in
            [(&mut self.now.waiting, Stands::InLine), (&mut self.now.active, Stands::Inside)]
        {
            *count = *count + u64::from(stands == place) - u64::from(stood == place);
        }
    }

    fn turn(&mut self, number: usize, turn: Turn, at: Duration) {
        match turn {
            Turn::After(wait) => self.call(number, Some(at + wait)),
            Turn::Listen => {
                let came = self.journeys[number].join_sent.unwrap_or(at);
                self.call(number, self.fans[number].patience().map(|patience| came + patience));
            }
            Turn::Over(end) => {
                self.call(number, None);
                self.ends[number] = Some(end);
                self.finished += 1;
                if end == End::Bought {
                    self.take_seats(number, at);
                }
            }
        }
    }

    /// Has a fan be due at this time, and at no other.
    fn call(&mut self, number: usize, at: Option<Duration>) {
        self.due_at[number] = at;
        self.due.extend(at.map(|at| Reverse((at, number))));
    }

    /// Who is due first, leaving out what is of the past.
    fn first_due(&mut self) -> Option<(Duration, usize)> {
        while let Some(Reverse((at, number))) = self.due.peek().copied() {
            if self.due_at[number] == Some(at) {
                return Some((at, number));
            }
            self.due.pop();
        }
        None
    }

    /// Opens the stream that a fan wants now, and closes one that they do not want any more.
    fn follow(&mut self, number: usize, now: Instant) {
        let wanted = self.journeys[number].follows().filter(|_| self.ends[number].is_none());
        if self.follows[number] == wanted {
            return;
        }
        self.follows[number] = wanted;
        match wanted.and_then(|_| self.journeys[number].follow(&self.night.sale)) {
            Some(request) => self.ears.open(number, request, now),
            None => self.ears.close(number),
        }
    }

    /// Takes in what has come on streams.
    fn listen(&mut self, now: Instant) {
        let heard = self.ears.listen(now).unwrap_or_default();
        let at = self.since_opening(now);
        for (number, heard) in heard {
            match (heard, self.follows[number]) {
                (_, None) => continue,
                (Heard::Event(_, status), Some(Follows::Line)) => {
                    self.streams.events += 1;
                    let turn = self.journeys[number].hear_place(&self.fans[number], &status, at);
                    self.turn(number, turn, at);
                }
                (Heard::Event(name, changes), Some(Follows::Map)) => {
                    self.streams.events += 1;
                    if name == "reset" || !self.journeys[number].hear_map(&changes) {
                        self.streams.resets += 1;
                        self.journeys[number].forget_map();
                    }
                }
                (Heard::Ended, Some(_)) => {
                    self.streams.ended_early += 1;
                    self.follows[number] = None;
                    if self.journeys[number].stream_ended() {
                        self.turn(number, Turn::After(Duration::ZERO), at);
                    }
                }
            }
            self.count(number);
            self.follow(number, now);
        }
    }

    fn take_seats(&mut self, number: usize, at: Duration) {
        let journey = &self.journeys[number];
        self.revenue += journey.amount;
        for no in &journey.seats {
            if !self.sold.insert((journey.schedule, *no)) {
                self.sold_twice += 1;
            }
        }
        if self.sold.len() >= self.night.sale.seats && self.sold_out_after.is_none() {
            self.sold_out_after = Some(at);
        }
    }

    fn sample(&mut self, at: Duration) {
        let quantile = |at: f64| self.second.value_at_quantile(at) as f64 / 1_000.0;
        let seconds = at.saturating_sub(self.now.last_second).as_secs_f64().max(f64::EPSILON);
        let sample = Sample {
            second: at.as_secs_f64(),
            arrived: self.now.arrived,
            waiting: self.now.waiting,
            active: self.now.active,
            sold: self.sold.len() as u64,
            refused: self.now.refused,
            lost: self.now.lost,
            requests_per_second: self.second.len() as f64 / seconds,
            p50_ms: quantile(0.5),
            p99_ms: quantile(0.99),
        };
        self.now.last_second = at;
        self.second.reset();
        self.is_over |= !(self.watch)(&sample);
        self.samples.push(sample);
    }

    /// What came of the night, after [`crate::run`] has given this report of it.
    pub fn outcome(mut self, report: &Report) -> Outcome {
        let at = self.began.map_or(Duration::ZERO, |began| began.elapsed());
        self.sample(at);
        let mut ends: BTreeMap<End, u64> = BTreeMap::new();
        for end in &self.ends {
            *ends.entry(end.unwrap_or(End::Unfinished)).or_default() += 1;
        }
        let places: Vec<_> = self.journeys.iter().filter_map(|journey| journey.place).collect();
        let (mut told, mut hits, mut waits) = (0, 0, histogram());
        for journey in &self.journeys {
            let admitted_at = journey.place.and_then(|place| place.admitted_at);
            if let Some(waited) = admitted_at.and_then(|at| u64::try_from(at - journey.joined_at).ok()) {
                waits.saturating_record(waited.max(1));
            }
            if let (Some((low, high)), Some(admitted_at)) = (journey.told, admitted_at) {
                let waited = (admitted_at - journey.joined_at) as f64 / 1e6;
                told += 1;
                hits += u64::from((f64::from(low)..=f64::from(high)).contains(&waited));
            }
        }
        self.streams.opened = self.ears.opened();
        let hearings = hearings(&self.journeys);
        let refusals = self.refusals.into_iter();
        Outcome {
            fans: self.fans.len() as u64,
            seats: self.night.sale.seats as u64,
            sold: self.sold.len() as u64,
            sold_twice: self.sold_twice as u64,
            revenue: self.revenue,
            seconds: at.as_secs_f64(),
            sold_out_after_seconds: self.sold_out_after.map(|after| after.as_secs_f64()),
            ends: ends.into_iter().map(|(end, count)| (end.name().to_owned(), count)).collect(),
            order: Order {
                in_line: places.len() as u64,
                admitted: places.iter().filter(|place| place.admitted_at.is_some()).count() as u64,
                overtaken: order::overtaken(&places) as u64,
                joined_out_of_order: order::joined_out_of_order(&places) as u64,
                told_a_wait: told,
                waited_as_told: hits,
                wait_p50_seconds: waits.value_at_quantile(0.5) as f64 / 1e6,
                wait_p95_seconds: waits.value_at_quantile(0.95) as f64 / 1e6,
                wait_max_seconds: waits.max() as f64 / 1e6,
            },
            streams: self.streams,
            hearings,
            steps: report.steps.iter().map(StepFigures::of).collect(),
            refusals: refusals
                .map(|((stage, status, code), count)| Refusal {
                    step: stage.name().to_owned(),
                    status,
                    code,
                    count,
                })
                .collect(),
            generator_cpu_seconds: report.generator_cpu.as_secs_f64(),
            abandoned: report.abandoned,
            samples: self.samples,
        }
    }
}

impl Script for Crowd<'_> {
    fn steps(&self) -> Vec<String> {
        Stage::ALL.map(|stage| stage.name().to_owned()).into()
    }

    fn due(&mut self) -> Option<Instant> {
        let began = *self.began.get_or_insert_with(Instant::now);
        if self.is_over || self.finished == self.fans.len() {
            return Some(began);
        }
        self.first_due().map(|(at, _)| began + at)
    }

    fn tick_every(&self) -> Duration {
        if self.ears.is_idle() { Duration::MAX } else { LISTEN_EVERY }
    }

    fn tick(&mut self, now: Instant) {
        if !self.ears.is_idle() && !self.is_over {
            self.listen(now);
        }
        let at = self.since_opening(now);
        if at >= self.now.last_second + SAMPLE {
            self.is_over |= at >= self.night.limit;
            self.sample(at);
        }
    }

    fn next(&mut self, connection: usize, buffer: &mut Vec<u8>) -> Next {
        if self.is_over || self.finished == self.fans.len() {
            return Next::Done;
        }
        let Some((due, number)) = self.first_due() else { return Next::Later(AFTER_LOSS) };
        self.due.pop();
        self.due_at[number] = None;
        let now = Instant::now();
        let sent = self.since_opening(now);
        if self.follows[number] == Some(Follows::Line) {
            // Whoever listens is due when their patience ends.
            let turn = self.journeys[number].patience_ends(&self.fans[number]);
            self.turn(number, turn, sent);
            self.count(number);
            self.follow(number, now);
            return Next::Later(Duration::ZERO);
        }
        let journey = &mut self.journeys[number];
        journey.get_ready(&self.night.sale, now);
        if due == self.fans[number].comes {
            self.now.arrived += 1;
        }
        if journey.stage == Stage::Join {
            journey.join_sent.get_or_insert(sent);
        }
        journey.write(&self.night.sale, number, buffer);
        let step = Step(journey.stage as usize);
        self.on.insert(connection, (number, due, sent));
        Next::Send(step)
    }

    fn answered(&mut self, connection: usize, _step: Step, answer: &Answer<'_>) -> Then {
        let Some((number, due, sent)) = self.on.remove(&connection) else { return Then::Free };
        let heard = self.since_opening(Instant::now());
        let micros = u64::try_from(heard.saturating_sub(due).as_micros()).unwrap_or(u64::MAX);
        self.second.saturating_record(micros.max(1));
        let stage = self.journeys[number].stage;
        if answer.status >= 400 {
            self.now.refused += 1;
            *self.refusals.entry((stage, answer.status, code(answer).to_owned())).or_default() += 1;
        }
        let times = Times { sent, heard };
        let turn = self.journeys[number].take_in(&self.night.sale, &self.fans[number], answer, times);
        self.turn(number, turn, heard);
        self.count(number);
        self.follow(number, Instant::now());
        Then::Free
    }

    fn failed(&mut self, connection: usize, _step: Step, _failure: Failure) {
        if let Some((number, _, _)) = self.on.remove(&connection) {
            self.now.lost += 1;
            let at = self.since_opening(Instant::now()) + AFTER_LOSS;
            self.call(number, Some(at));
        }
    }
}
