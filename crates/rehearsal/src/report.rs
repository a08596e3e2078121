//! What a run found.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use hdrhistogram::Histogram;

use crate::tally::histogram;

/// The figures of one run, its warm-up left out.
#[derive(Debug, Clone)]
pub struct Report {
    /// From the end of the warm-up to the end of the duration or the last answer, whichever is later.
    pub elapsed: Duration,
    /// The steps in the order the script named them.
    pub steps: Vec<StepReport>,
    /// Connections that could not be opened; errors of requests are with their steps.
    pub connect_errors: u64,
    /// Connections that were replaced because they were lost or because the server ended them.
    pub reconnects: u64,
    /// Arrivals of an open loop that were due and found no connection before the end. If there are any, the
    /// latencies are too good: those that would have waited longest are missing.
    pub unsent: u64,
    /// Whether the run ended because the server was away for longer than the plan's patience.
    pub abandoned: bool,
    /// Why the first unreadable answer could not be read.
    pub first_malformed: Option<String>,
    /// CPU time that the generator's thread took. Near `elapsed`, the generator may have been the limit.
    pub generator_cpu: Duration,
}

/// The figures of one kind of request.
#[derive(Debug, Clone)]
pub struct StepReport {
    /// Its name in the script.
    pub name: String,
    /// Microseconds from due (open loop) or sent (closed loop) to the end of the answer; answers only.
    pub latencies: Histogram<u64>,
    /// Answers by status code.
    pub statuses: BTreeMap<u16, u64>,
    /// Requests without an answer.
    pub errors: Errors,
    /// Bytes of the answers, heads included.
    pub bytes: u64,
}

/// Requests without an answer, by kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Errors {
    /// Connections that could not be opened. No request was lost by these.
    pub connect: u64,
    /// The connection was lost before the answer was complete.
    pub closed: u64,
    /// No complete answer in time.
    pub timeout: u64,
    /// The answer could not be read.
    pub malformed: u64,
}

impl Errors {
    /// All of them.
    pub fn total(&self) -> u64 {
        self.connect + self.closed + self.timeout + self.malformed
    }
}

/// Points of a distribution of latencies, in microseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Latency {
    /// Half took no longer.
    pub p50: u64,
    /// 90 % took no longer.
    pub p90: u64,
    /// 95 % took no longer.
    pub p95: u64,
    /// 99 % took no longer.
    pub p99: u64,
    /// 99.9 % took no longer.
    pub p99_9: u64,
    /// None took longer.
    pub max: u64,
}

impl Latency {
    fn of(latencies: &Histogram<u64>) -> Self {
        Self {
            p50: latencies.value_at_quantile(0.5),
            p90: latencies.value_at_quantile(0.9),
            p95: latencies.value_at_quantile(0.95),
            p99: latencies.value_at_quantile(0.99),
            p99_9: latencies.value_at_quantile(0.999),
            max: latencies.max(),
        }
    }
}

impl StepReport {
    /// How many were answered.
    pub fn requests(&self) -> u64 {
        self.latencies.len()
    }

    /// How long they took.
    pub fn latency(&self) -> Latency {
        Latency::of(&self.latencies)
    }
}

impl Report {
    /// How many requests were answered, with whatever status.
    pub fn requests(&self) -> u64 {
        self.steps.iter().map(StepReport::requests).sum()
    }

    /// Answers a second.
    pub fn rate(&self) -> f64 {
        per_second(self.requests(), self.elapsed)
    }

    /// Answers of this step a second; 0 if the script has no such step.
    pub fn step_rate(&self, name: &str) -> f64 {
        self.step(name).map_or(0.0, |step| per_second(step.requests(), self.elapsed))
    }

    /// The figures of the step of this name.
    pub fn step(&self, name: &str) -> Option<&StepReport> {
        self.steps.iter().find(|step| step.name == name)
    }

    /// How many times the rate of `floor` this is: 0.5 is half as fast. Not a number if `floor` has no answers.
    pub fn ratio_to(&self, floor: &Self) -> f64 {
        self.rate() / floor.rate()
    }

    /// Answers by status code, over all steps.
    pub fn statuses(&self) -> BTreeMap<u16, u64> {
        let mut all = BTreeMap::new();
        for (status, count) in self.steps.iter().flat_map(|step| &step.statuses) {
            *all.entry(*status).or_default() += count;
        }
        all
    }

    /// Errors over all steps, and those of connecting.
    pub fn errors(&self) -> Errors {
        let mut all = Errors { connect: self.connect_errors, ..Errors::default() };
        for Errors { connect, closed, timeout, malformed } in self.steps.iter().map(|step| step.errors) {
            all.connect += connect;
            all.closed += closed;
            all.timeout += timeout;
            all.malformed += malformed;
        }
        all
    }

    /// Latencies in microseconds over all steps.
    pub fn latencies(&self) -> Histogram<u64> {
        let mut all = histogram();
        for step in &self.steps {
            for at in step.latencies.iter_recorded() {
                all.saturating_record_n(at.value_iterated_to(), at.count_at_value());
            }
        }
        all
    }

    /// How long requests took, over all steps.
    pub fn latency(&self) -> Latency {
        Latency::of(&self.latencies())
    }

    /// Bytes of answers, heads included.
    pub fn bytes(&self) -> u64 {
        self.steps.iter().map(|step| step.bytes).sum()
    }

    /// CPU time that the generator took for an answer.
    pub fn generator_cpu_per_request(&self) -> Duration {
        let nanos = self.generator_cpu.as_nanos() / u128::from(self.requests().max(1));
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let requests = self.requests();
        writeln!(f, "{requests} answers in {:.3?}: {:.0} a second", self.elapsed, self.rate())?;
        writeln!(f, "  latency    {}", self.latency())?;
        write!(f, "  status    ")?;
        for (status, count) in self.statuses() {
            write!(f, " {status}: {count}")?;
        }
        writeln!(f, "\n  errors     {}", self.errors())?;
        if let Some(reason) = &self.first_malformed {
            writeln!(f, "  malformed  the first: {reason}")?;
        }
        if self.reconnects > 0 {
            writeln!(f, "  reconnects {}", self.reconnects)?;
        }
        if self.unsent > 0 {
            writeln!(
                f,
                "  unsent     {} were due and found no connection: latencies are too good",
                self.unsent
            )?;
        }
        if self.abandoned {
            writeln!(f, "  abandoned  the server was away for too long")?;
        }
        let per_answer = self.bytes() / requests.max(1);
        let share = 100.0 * self.generator_cpu.as_secs_f64() / self.elapsed.as_secs_f64().max(1e-9);
        let cpu = self.generator_cpu_per_request();
        write!(f, "  generator  {share:.0} % of a core, {cpu:.1?} and {per_answer} bytes an answer")?;
        if self.steps.len() > 1 {
            for step in &self.steps {
                let rate = per_second(step.requests(), self.elapsed);
                write!(f, "\n  {:<10} {:>9.0} a second, {}", step.name, rate, step.latency())?;
                if step.errors.total() > 0 {
                    write!(f, ", errors: {}", step.errors)?;
                }
            }
        }
        Ok(())
    }
}

impl fmt::Display for Latency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { p50, p90, p95, p99, p99_9, max } = self;
        write!(f, "p50 {p50} p90 {p90} p95 {p95} p99 {p99} p99.9 {p99_9} max {max} µs")
    }
}

impl fmt::Display for Errors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { connect, closed, timeout, malformed } = self;
        if self.total() == 0 {
            return write!(f, "none");
        }
        write!(f, "connect {connect} closed {closed} timeout {timeout} malformed {malformed}")
    }
}

/// The middle of several runs, and how far they lie apart.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    /// The lowest.
    pub low: f64,
    /// The middle one; of an even number, the lower of the two.
    pub median: f64,
    /// The highest.
    pub high: f64,
}

impl Spread {
    /// Of these figures, or none of none.
    pub fn of(figures: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut sorted: Vec<f64> = figures.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        let (low, high) = (*sorted.first()?, *sorted.last()?);
        Some(Self { low, median: sorted[(sorted.len() - 1) / 2], high })
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = f.precision().unwrap_or(0);
        let Self { low, median, high } = self;
        write!(f, "{median:.digits$} ({low:.digits$}–{high:.digits$})")
    }
}

#[expect(clippy::cast_precision_loss, reason = "exact up to 2^53 requests")]
fn per_second(count: u64, elapsed: Duration) -> f64 {
    if elapsed.is_zero() { 0.0 } else { count as f64 / elapsed.as_secs_f64() }
}
