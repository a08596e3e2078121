//! What a night has to reach, out of a TOML file. Every key has a default that a sale of any size should reach.

use serde::{Deserialize, Serialize};

/// What a night has to reach. What is absent is not asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Targets {
    /// 99 % of the joins took no longer. Milliseconds.
    pub join_p99_ms: Option<f64>,
    /// 99 % of the questions for the place took no longer. Milliseconds.
    pub ask_p99_ms: Option<f64>,
    /// 99 % of the looks at the map took no longer. Milliseconds.
    pub map_p99_ms: Option<f64>,
    /// 99 % of the holds, refused ones too, took no longer. Milliseconds.
    pub hold_p99_ms: Option<f64>,
    /// 99 % of the payments took no longer. Milliseconds.
    pub pay_p99_ms: Option<f64>,
    /// No more answers than this from 500 on.
    pub server_errors_max: u64,
    /// No more requests than this without an answer.
    pub unanswered_max: u64,
    /// No more fans than this who were overtaken in line.
    pub overtaken_max: u64,
    /// At least so many of a hundred who were told how long they wait waited within that.
    pub waited_as_told_min_percent: Option<f64>,
    /// Everything is sold within so many seconds after the opening.
    pub sold_out_within_seconds: Option<f64>,
    /// At least so many of a hundred seats are sold at the end.
    pub sold_min_percent: Option<f64>,
}

impl Default for Targets {
    fn default() -> Self {
        Self {
            join_p99_ms: Some(1_000.0),
            ask_p99_ms: Some(500.0),
            map_p99_ms: Some(1_000.0),
            hold_p99_ms: Some(2_000.0),
            pay_p99_ms: Some(2_000.0),
            server_errors_max: 0,
            unanswered_max: 0,
            overtaken_max: 0,
            waited_as_told_min_percent: None,
            sold_out_within_seconds: None,
            sold_min_percent: None,
        }
    }
}

impl Targets {
    /// Reads a file's text; what it does not name keeps its default. The error says what is wrong, and where.
    pub fn read(text: &str) -> Result<Self, String> {
        let targets: Self = toml::from_str(text).map_err(|error| error.to_string())?;
        for (name, figure) in targets.figures() {
            if figure.is_some_and(|figure| !figure.is_finite() || figure < 0.0) {
                return Err(format!("{name} must be a number from 0 on"));
            }
        }
        Ok(targets)
    }

    fn figures(&self) -> [(&'static str, Option<f64>); 8] {
        [
            ("join_p99_ms", self.join_p99_ms),
            ("ask_p99_ms", self.ask_p99_ms),
            ("map_p99_ms", self.map_p99_ms),
            ("hold_p99_ms", self.hold_p99_ms),
            ("pay_p99_ms", self.pay_p99_ms),
            ("waited_as_told_min_percent", self.waited_as_told_min_percent),
            ("sold_out_within_seconds", self.sold_out_within_seconds),
            ("sold_min_percent", self.sold_min_percent),
        ]
    }

    /// The longest 99th percentile of each step that has one.
    pub(super) fn steps(&self) -> impl Iterator<Item = (&'static str, f64)> {
        let steps = [
            ("join", self.join_p99_ms),
            ("ask", self.ask_p99_ms),
            ("map", self.map_p99_ms),
            ("hold", self.hold_p99_ms),
            ("pay", self.pay_p99_ms),
        ];
        steps.into_iter().filter_map(|(step, target)| Some((step, target?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_changes_what_it_names() {
        let targets = Targets::read("ask_p99_ms = 250\nsold_out_within_seconds = 600\n").unwrap();
        let expected =
            Targets { ask_p99_ms: Some(250.0), sold_out_within_seconds: Some(600.0), ..Targets::default() };
        assert_eq!(targets, expected);
        assert_eq!(Targets::read("").unwrap(), Targets::default());
    }

    #[test]
    fn what_is_no_target_is_refused_with_its_name() {
        assert!(Targets::read("ask_p95_ms = 1").unwrap_err().contains("ask_p95_ms"));
        assert!(Targets::read("overtaken_max = -1").is_err());
        assert!(Targets::read("pay_p99_ms = -0.5").unwrap_err().contains("pay_p99_ms"));
        assert!(Targets::read("pay_p99_ms = nan").unwrap_err().contains("pay_p99_ms"));
    }
}
