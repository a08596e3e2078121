//! Everybody at once: who is due, what came of it, and how it looks second by second.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashSet};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use crate::answer::Answer;
use crate::report::Report;
use crate::script::{Failure, Next, Script, Step, Then};
use crate::tally::histogram;

use super::fan::{Crew, Fan};
use super::hall::Hall;
use super::journey::{End, Journey, Stage, Times, Turn, code};
use super::order;
use super::outcome::{Order, Outcome, Refusal, Sample, StepFigures};

/// Before a fan asks again whose request got no answer.
const AFTER_LOSS: Duration = Duration::from_secs(1);
/// Between two samples.
const SAMPLE: Duration = Duration::from_secs(1);

/// What is sold, and to whom it may be.
#[derive(Debug, Clone)]
pub struct Sale {
    /// What requests name as their host.
    pub host: String,
    /// Whether a waiting room is in front.
    pub has_line: bool,
    /// The schedules, at least one.
    pub halls: Vec<Hall>,
    /// Seats that are to be had over all schedules.
    pub seats: usize,
    /// The least that a wallet takes at once, in minor units.
    pub charge_min: i64,
    /// The most that a wallet takes at once, in minor units.
    pub charge_max: i64,
    /// For each fan the value of `authorization`.
    pub bearers: Vec<String>,
}

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
    pub fn new(night: &'a Night, watch: impl FnMut(&Sample) -> bool + 'a) -> Self {
        let fans: Vec<Fan> = (0..night.crew.fans).map(|number| night.crew.fan(number)).collect();
        let journeys = fans.iter().map(|fan| Journey::new(fan, night.sale.has_line)).collect();
        let due = fans.iter().enumerate().map(|(number, fan)| Reverse((fan.comes, number))).collect();
        Self {
            night,
            journeys,
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
        }
    }

    fn since_opening(&self, now: Instant) -> Duration {
        self.began.map_or(Duration::ZERO, |began| now.saturating_duration_since(began))
    }

    /// Counts where a fan is now, and no longer where they were.
    fn count(&mut self, number: usize) {
        let stands = match self.journeys[number].stage {
            _ if self.ends[number].is_some() => Stands::Elsewhere,
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
            Turn::After(wait) => self.due.push(Reverse((at + wait, number))),
            Turn::Over(end) => {
                self.ends[number] = Some(end);
                self.finished += 1;
                if end == End::Bought {
                    self.take_seats(number, at);
                }
            }
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
        let (mut told, mut hits) = (0, 0);
        for journey in &self.journeys {
            let admitted_at = journey.place.and_then(|place| place.admitted_at);
            if let (Some((low, high)), Some(admitted_at)) = (journey.told, admitted_at) {
                let waited = (admitted_at - journey.joined_at) as f64 / 1e6;
                told += 1;
                hits += u64::from((f64::from(low)..=f64::from(high)).contains(&waited));
            }
        }
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
            },
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
        self.due.peek().map(|Reverse((at, _))| began + *at)
    }

    fn tick(&mut self, now: Instant) {
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
        let Some(Reverse((due, number))) = self.due.pop() else { return Next::Later(AFTER_LOSS) };
        let sent = self.since_opening(Instant::now());
        let journey = &mut self.journeys[number];
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
        Then::Free
    }

    fn failed(&mut self, connection: usize, _step: Step, _failure: Failure) {
        if let Some((number, _, _)) = self.on.remove(&connection) {
            self.now.lost += 1;
            let at = self.since_opening(Instant::now()) + AFTER_LOSS;
            self.due.push(Reverse((at, number)));
        }
    }
}
