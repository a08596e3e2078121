//! What came of a night, as figures.

use serde::{Deserialize, Serialize};

use crate::report::StepReport;

/// What came of a night, before anybody judges it.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Outcome {
    /// How many came.
    pub fans: u64,
    /// How many seats there were to be had.
    pub seats: u64,
    /// Seats that fans were answered they have paid.
    pub sold: u64,
    /// Of these, seats that somebody else had been answered already.
    pub sold_twice: u64,
    /// What was paid for them, in minor units.
    pub revenue: i64,
    /// From the opening to the end.
    pub seconds: f64,
    /// From the opening to the payment of the last seat; nothing when seats were left.
    pub sold_out_after_seconds: Option<f64>,
    /// How many fans ended how, in words.
    pub ends: Vec<(String, u64)>,
    /// Whether the line kept its promises.
    pub order: Order,
    /// What came on streams.
    pub streams: Streams,
    /// How long it took until fans who had to wait heard that they are let in.
    pub hearings: Vec<Hearing>,
    /// Each kind of request.
    pub steps: Vec<StepFigures>,
    /// Every answer from 400 on, by step and code.
    pub refusals: Vec<Refusal>,
    /// CPU time that the generator took.
    pub generator_cpu_seconds: f64,
    /// Whether the server was away until nobody could wait for it.
    pub abandoned: bool,
    /// How it looked, second by second.
    pub samples: Vec<Sample>,
}

/// Whether the line kept its promises.
#[derive(Debug, Clone, Copy, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Order {
    /// Fans who had a place.
    pub in_line: u64,
    /// Fans who heard that they are let in.
    pub admitted: u64,
    /// Fans who were overtaken.
    pub overtaken: u64,
    /// Fans who got a number in front of one confirmed before they asked.
    pub joined_out_of_order: u64,
    /// Fans who were let in and had been told at joining how long it takes.
    pub told_a_wait: u64,
    /// Of these, how many waited within what they were told.
    pub waited_as_told: u64,
    /// Half of those who were let in had waited no longer. Seconds.
    pub wait_p50_seconds: f64,
    /// 95 % of them had waited no longer. Seconds.
    pub wait_p95_seconds: f64,
    /// None of them had waited longer. Seconds.
    pub wait_max_seconds: f64,
}

/// What came on streams.
#[derive(Debug, Clone, Copy, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Streams {
    /// Fans who follow streams.
    pub fans: u64,
    /// Streams that they opened.
    pub opened: u64,
    /// Streams that ended before they were done with them; they asked from then on.
    pub ended_early: u64,
    /// Events over all streams.
    pub events: u64,
    /// Maps that had to be fetched again.
    pub resets: u64,
}

/// How long after the server had let them in fans heard of it, of those who had been told to wait.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Hearing {
    /// How they heard: `on a stream` or `by asking`.
    pub how: String,
    /// How many fans.
    pub fans: u64,
    /// Milliseconds within which half of them heard.
    pub p50_ms: f64,
    /// Milliseconds within which 95 % heard.
    pub p95_ms: f64,
    /// Milliseconds within which 99 % heard.
    pub p99_ms: f64,
    /// Milliseconds within which all heard.
    pub max_ms: f64,
    /// So far all of these may be off, either way: the clocks of server and crowd are compared by the times of joins.
    pub uncertainty_ms: f64,
    /// How many heard within so many seconds, and not within those before; the last ones later still, without a number.
    pub within_seconds: Vec<(Option<f64>, u64)>,
}

/// One kind of request. Times are milliseconds from when it was due to the end of its answer.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StepFigures {
    /// Its name.
    pub step: String,
    /// Answers.
    pub answers: u64,
    /// Requests that got no answer.
    pub unanswered: u64,
    /// Half took no longer.
    pub p50_ms: f64,
    /// 95 % took no longer.
    pub p95_ms: f64,
    /// 99 % took no longer.
    pub p99_ms: f64,
    /// None took longer.
    pub max_ms: f64,
}

/// Answers of one kind that refuse something.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Refusal {
    /// Of which step.
    pub step: String,
    /// Its status.
    pub status: u16,
    /// Its code.
    pub code: String,
    /// How many.
    pub count: u64,
}

/// One second of a night.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Sample {
    /// Since the opening.
    pub second: f64,
    /// Fans who have come.
    pub arrived: u64,
    /// Fans in line.
    pub waiting: u64,
    /// Fans who are let in and not done.
    pub active: u64,
    /// Seats paid.
    pub sold: u64,
    /// Refusals so far.
    pub refused: u64,
    /// Requests without an answer so far.
    pub lost: u64,
    /// Answers a second, in this second.
    pub requests_per_second: f64,
    /// Milliseconds that half of them took at most.
    pub p50_ms: f64,
    /// Milliseconds that 99 % of them took at most.
    pub p99_ms: f64,
}

/// What an audit of the store says, as `frontrow audit --json` prints it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Audit {
    /// Whether everything agrees.
    pub clean: bool,
    /// How many things do not.
    pub difference_count: u64,
    /// Some of them, in words.
    pub differences: Vec<String>,
    /// What was paid for confirmed reservations, in minor units.
    pub confirmed: i64,
    /// Seats by state.
    pub seats_by_state: std::collections::BTreeMap<String, u64>,
}

/// What was rehearsed, where, and how: what the reader of a report has to know to repeat it.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Settings {
    /// The title of the concert.
    pub title: String,
    /// The currency of amounts, as three letters; empty when nobody knows.
    pub currency: String,
    /// Facts as names and values, in order.
    pub facts: Vec<(String, String)>,
}

impl StepFigures {
    pub(super) fn of(step: &StepReport) -> Self {
        let latency = step.latency();
        let millis = |micros: u64| micros as f64 / 1_000.0;
        Self {
            step: step.name.clone(),
            answers: step.requests(),
            unanswered: step.errors.total(),
            p50_ms: millis(latency.p50),
            p95_ms: millis(latency.p95),
            p99_ms: millis(latency.p99),
            max_ms: millis(latency.max),
        }
    }
}

impl Outcome {
    /// The figures of the step of this name.
    pub fn step(&self, name: &str) -> Option<&StepFigures> {
        self.steps.iter().find(|step| step.step == name)
    }

    /// Answers that say that the server has failed.
    pub fn server_errors(&self) -> u64 {
        self.refusals.iter().filter(|refusal| refusal.status >= 500).map(|refusal| refusal.count).sum()
    }

    /// Requests that got no answer.
    pub fn unanswered(&self) -> u64 {
        self.steps.iter().map(|step| step.unanswered).sum()
    }

    /// Answers of all kinds.
    pub fn answers(&self) -> u64 {
        self.steps.iter().map(|step| step.answers).sum()
    }
}
