//! What `/metrics` shows: every metric there is, with its labels and what it says, in one table.
//!
//! The table is [`SECTIONS`], in `catalogue` and `engine`. It is what Prometheus is told of each metric (`HELP`), which
//! counters stand at 0 from the start, the bounds of every histogram, and the page `docs/metrics.md`. Where something is
//! counted, the code names it again, by the macros of the crate `metrics`; a process test fails when the server shows a
//! metric that is not in the table, or does not show one that is.
//!
//! What holds:
//! - Every label has a bounded set of values. What is shown by concert or schedule is shown so for
//!   [`SERIES_MAX`] of them at the most, and for the others together under [`OTHER`]; nothing that counts up has such a
//!   label, because that could never be forgotten.
//! - A gauge is set again and again by whoever knows its value, and forgotten when nobody has set it for two minutes: what
//!   is gone leaves no series behind, and a value that nobody looks after is not shown for ever. So a gauge is never
//!   raised and lowered by one, and no handle to one is kept.
//! - A counter or histogram is never forgotten. Where it is hot its handle is resolved once and kept.
//!
//! To add one: a line in its section, where it is counted, then `make metrics`. A name is never changed: dashboards and
//! alerts stand on it.

mod catalogue;
mod engine;
mod looks;
#[cfg(test)]
mod tests;

pub use looks::SaleMeter;

/// How many concerts, and how many schedules, have series of their own.
pub const SERIES_MAX: usize = 100;

/// The value of a label under which all others are shown together.
pub const OTHER: &str = "other";

/// What kind of metric it is, in the terms of Prometheus.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// Goes up only; begins at 0 with the process.
    Counter,
    /// Goes up and down.
    Gauge,
    /// How often a value was at most so large, by these bounds.
    Histogram(&'static [f64]),
}

impl Kind {
    /// The name that Prometheus has for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram(_) => "histogram",
        }
    }
}

/// Which values a label has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Values {
    /// One of these.
    Of(&'static [&'static str]),
    /// One of a set that is bounded by what this says.
    Any(&'static str),
}

/// A label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Label {
    /// Its name.
    pub name: &'static str,
    /// Its values.
    pub values: Values,
}

/// Where a metric is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// By every server.
    Always,
    /// By a server with the embedded store and line.
    Embedded,
    /// By a server on a shared store and line.
    Shared,
    /// By a server that has a Kafka in its settings.
    Kafka,
}

/// A metric.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Metric {
    /// Its name. The unit, in full and in the plural, is its end, before the `_total` of a counter.
    pub name: &'static str,
    /// Its kind.
    pub kind: Kind,
    /// What it is counted by.
    pub labels: &'static [Label],
    /// Where it is shown.
    pub scope: Scope,
    /// What it says, in a sentence.
    pub help: &'static str,
}

/// Metrics of one matter.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Section {
    /// What the matter is.
    pub title: &'static str,
    /// What one has to know to read them, in sentences.
    pub about: &'static str,
    /// The metrics.
    pub metrics: &'static [Metric],
}

/// Every metric that there is.
pub const SECTIONS: &[Section] = &[
    catalogue::REQUESTS,
    catalogue::LINE,
    catalogue::SALE,
    catalogue::EVENTS,
    engine::BOX_OFFICE,
    engine::AUDIT,
    engine::DEPENDENCIES,
    engine::STORE,
    engine::KAFKA,
    engine::PROCESS,
];

/// Every metric that there is, without sections.
pub fn all() -> impl Iterator<Item = &'static Metric> {
    SECTIONS.iter().flat_map(|section| section.metrics)
}

impl Metric {
    /// The unit that the name ends with; nothing where it counts something.
    pub fn unit(&self) -> &'static str {
        let name = self.name.strip_suffix("_total").unwrap_or(self.name);
        let units = ["seconds", "bytes", "ratio", "minor_units", "pages"];
        units.into_iter().find(|unit| name.ends_with(&format!("_{unit}"))).unwrap_or("")
    }

    /// Every series that is known beforehand: all combinations of values when every label has a fixed set of them, none
    /// otherwise.
    pub fn known_series(&self) -> Vec<Vec<(&'static str, &'static str)>> {
        let mut series = vec![Vec::new()];
        for label in self.labels {
            let Values::Of(values) = label.values else { return Vec::new() };
            series = series
                .iter()
                .flat_map(|before| {
                    values.iter().map(move |value| {
                        let mut with = before.clone();
                        with.push((label.name, *value));
                        with
                    })
                })
                .collect();
        }
        series
    }
}

const fn metric(kind: Kind, name: &'static str, labels: &'static [Label], help: &'static str) -> Metric {
    Metric { name, kind, labels, scope: Scope::Always, help }
}

const fn counter(name: &'static str, labels: &'static [Label], help: &'static str) -> Metric {
    metric(Kind::Counter, name, labels, help)
}

const fn gauge(name: &'static str, labels: &'static [Label], help: &'static str) -> Metric {
    metric(Kind::Gauge, name, labels, help)
}

const fn histogram(
    name: &'static str,
    bounds: &'static [f64],
    labels: &'static [Label],
    help: &'static str,
) -> Metric {
    metric(Kind::Histogram(bounds), name, labels, help)
}

impl Metric {
    const fn only(self, scope: Scope) -> Self {
        Self { scope, ..self }
    }
}

const fn one_of(name: &'static str, values: &'static [&'static str]) -> Label {
    Label { name, values: Values::Of(values) }
}

const fn any(name: &'static str, what: &'static str) -> Label {
    Label { name, values: Values::Any(what) }
}
