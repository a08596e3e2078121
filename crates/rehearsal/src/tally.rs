//! Counting while a run goes on.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;

use crate::report::{Errors, StepReport};
use crate::script::{Failure, Step};

/// An hour: longer than any timeout and any queue of a run.
const LONGEST_MICROS: u64 = 3_600_000_000;

/// An empty histogram of microseconds, three digits fine.
pub(crate) fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, LONGEST_MICROS, 3).expect("the bounds are constants in range")
}

/// The counts of the measured part of a run.
#[derive(Debug)]
pub(crate) struct Tally {
    /// One per step that the script named, and one for those it did not.
    steps: Vec<StepReport>,
    /// Connections that were replaced.
    pub(crate) reconnects: u64,
    /// Arrivals that never found a connection.
    pub(crate) unsent: u64,
    /// The first answer that could not be read, for the report's reader.
    pub(crate) first_malformed: Option<String>,
}

impl Tally {
    pub(crate) fn new(steps: Vec<String>) -> Self {
        let step = |name| StepReport {
            name,
            latencies: histogram(),
            statuses: BTreeMap::new(),
            errors: Errors::default(),
            bytes: 0,
        };
        let names = steps.into_iter().chain(["unnamed".to_owned()]);
        Self { steps: names.map(step).collect(), reconnects: 0, unsent: 0, first_malformed: None }
    }

    pub(crate) fn answered(&mut self, step: Step, status: u16, bytes: usize, took: Duration) {
        let step = self.step(step);
        *step.statuses.entry(status).or_default() += 1;
        step.bytes += bytes as u64;
        let micros = u64::try_from(took.as_micros()).unwrap_or(LONGEST_MICROS);
        step.latencies.saturating_record(micros.max(1));
    }

    pub(crate) fn failed(&mut self, step: Step, failure: Failure) {
        let errors = &mut self.step(step).errors;
        match failure {
            Failure::Closed => errors.closed += 1,
            Failure::Timeout => errors.timeout += 1,
            Failure::Malformed(_) => errors.malformed += 1,
        }
    }

    pub(crate) fn note(&mut self, failure: Failure) {
        if let Failure::Malformed(reason) = failure {
            self.first_malformed.get_or_insert_with(|| reason.to_string());
        }
    }

    /// The steps that were named or used.
    pub(crate) fn into_steps(mut self) -> Vec<StepReport> {
        if self.steps.last().is_some_and(|unnamed| unnamed.requests() + unnamed.errors.total() == 0) {
            self.steps.pop();
        }
        self.steps
    }

    fn step(&mut self, step: Step) -> &mut StepReport {
        let unnamed = self.steps.len() - 1;
        &mut self.steps[step.0.min(unnamed)]
    }
}
