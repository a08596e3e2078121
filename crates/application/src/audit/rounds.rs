//! The audit that never ends: round after round beside the sale, a slice at a time. Every instance may do so at once, since
//! it only reads. There is no loop and no timer here.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use metrics::{counter, gauge, histogram};

use super::{AuditReport, AuditWalk};
use crate::app::App;
use crate::store::ReadError;

/// How many differences are remembered as told. Beyond that they are counted only: so many are one defect.
const REMEMBERED_MAX: usize = 1_000;

/// Where the audit is in its round, and what it has found.
#[derive(Debug)]
pub struct AuditRounds {
    walk: AuditWalk,
    begun: Instant,
    /// When the last round was complete; when it began to audit before that.
    completed: Instant,
    took: Duration,
    /// Differences of the round under way.
    found: u64,
    /// Differences of the last complete one.
    found_before: u64,
    /// Differences that were told, and are still there as far as is known.
    told: HashSet<String>,
    /// Those among them that the round under way has met.
    met: HashSet<String>,
}

impl Default for AuditRounds {
    fn default() -> Self {
        let now = Instant::now();
        Self {
            walk: AuditWalk::default(),
            begun: now,
            completed: now,
            took: Duration::ZERO,
            found: 0,
            found_before: 0,
            told: HashSet::new(),
            met: HashSet::new(),
        }
    }
}

impl AuditRounds {
    /// How many things do not agree: of the last complete round or of the one under way, whichever has more. So one that
    /// is found shows at once, and goes when a whole round has not met it.
    pub fn differences(&self) -> u64 {
        self.found.max(self.found_before)
    }

    /// Shows where it is. To be called every few seconds, also while no slice can be read.
    pub fn show(&self) {
        gauge!("frontrow_audit_differences").set(self.differences() as f64);
        gauge!("frontrow_audit_round_age_seconds").set(self.completed.elapsed().as_secs_f64());
        gauge!("frontrow_audit_round_duration_seconds").set(self.took.as_secs_f64());
    }

    /// Takes in what a slice says. Answers the differences that were not told yet.
    fn note(&mut self, slice: AuditReport) -> Vec<String> {
        self.found += slice.difference_count;
        let mut news = Vec::new();
        for difference in slice.differences {
            if !self.told.contains(&difference) && self.told.len() < REMEMBERED_MAX {
                self.told.insert(difference.clone());
                news.push(difference.clone());
            }
            if self.told.contains(&difference) {
                self.met.insert(difference);
            }
        }
        news
    }

    /// Ends a round and begins the next.
    fn complete(&mut self) {
        let now = Instant::now();
        self.took = now - self.begun;
        (self.begun, self.completed) = (now, now);
        self.found_before = std::mem::take(&mut self.found);
        // What is gone would be news if it came back.
        self.told = std::mem::take(&mut self.met);
        self.walk = AuditWalk::default();
    }
}

impl App {
    /// Audits one more slice of the store. Answers how long it took, and true with the end of a round.
    pub async fn tick_audit(&self, rounds: &mut AuditRounds) -> Result<(Duration, bool), ReadError> {
        let begun = Instant::now();
        let mut slice = AuditReport::default();
        let is_slice = rounds.walk.step(&*self.reads, &mut slice).await?;
        let took = begun.elapsed();
        if is_slice {
            histogram!("frontrow_audit_slice_seconds").record(took.as_secs_f64());
            for difference in rounds.note(slice) {
                tracing::error!(difference, "the audit has found what does not agree");
            }
        } else {
            counter!("frontrow_audit_rounds_total").increment(1);
            rounds.complete();
        }
        rounds.show();
        Ok((took, !is_slice))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slice(differences: &[&str]) -> AuditReport {
        let mut report = AuditReport::default();
        for difference in differences {
            report.note((*difference).to_owned());
        }
        report
    }

    #[test]
    fn a_difference_is_told_once_for_as_long_as_it_is_there() {
        let mut rounds = AuditRounds::default();
        assert_eq!(rounds.note(slice(&["a", "b"])), ["a", "b"]);
        assert_eq!(rounds.differences(), 2, "at once, before the round is over");
        rounds.complete();
        assert_eq!(rounds.differences(), 2, "until another round has not met it");
        assert_eq!(rounds.note(slice(&["a"])), Vec::<String>::new());
        rounds.complete();
        assert_eq!(rounds.differences(), 1);
        assert_eq!(rounds.note(slice(&["b"])), ["b"], "it was gone in between");
        rounds.complete();
        rounds.complete();
        assert_eq!(rounds.differences(), 0);
    }

    #[test]
    fn more_than_can_be_remembered_is_counted() {
        let mut rounds = AuditRounds::default();
        let many: Vec<String> = (0..REMEMBERED_MAX + 50).map(|number| number.to_string()).collect();
        let mut told = 0;
        for some in many.chunks(50) {
            let some: Vec<&str> = some.iter().map(String::as_str).collect();
            told += rounds.note(slice(&some)).len();
        }
        assert_eq!((told, rounds.differences()), (REMEMBERED_MAX, many.len() as u64));
    }
}
