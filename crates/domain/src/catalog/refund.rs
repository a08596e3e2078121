//! What a fan gets back who returns paid seats, and until when.

use super::FieldError;
use crate::{Money, Timestamp};

/// The most rows that a policy may have.
const ROWS_MAX: usize = 20;
/// Hours in the longest deadline: five years.
const HOURS_MAX: u32 = 5 * 366 * 24;

/// So much is given back until so long before the performance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RefundRow {
    /// Hours before the start at which this row has passed.
    pub until_hours_before: u32,
    /// Percent of the price.
    pub percent: u32,
}

/// The rows in order of time: each ends later than the one before it. Without rows nothing is taken back.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RefundPolicy(Vec<RefundRow>);

impl RefundPolicy {
    /// Nothing is taken back.
    pub const NONE: Self = Self(Vec::new());

    /// A policy of these rows; [`RefundPolicy::check`] says whether it is sound.
    pub const fn of(rows: Vec<RefundRow>) -> Self {
        Self(rows)
    }

    /// Its rows.
    pub fn rows(&self) -> &[RefundRow] {
        &self.0
    }

    /// Percent that are given back at `now`: the first row that has not passed. Nothing when all have.
    pub fn percent_at(&self, starts_at: Timestamp, now: Timestamp) -> Option<u32> {
        let ends = |row: &RefundRow| starts_at.minus_seconds(row.until_hours_before.saturating_mul(3_600));
        self.0.iter().find(|row| now < ends(row)).map(|row| row.percent)
    }

    /// Everything that is wrong with it; empty when it is sound.
    pub fn check(&self) -> Vec<FieldError> {
        let mut errors = Vec::new();
        if self.0.len() > ROWS_MAX {
            errors.push(FieldError::new("refundPolicy", format!("must have at most {ROWS_MAX} rows")));
            return errors;
        }
        for (position, row) in self.0.iter().enumerate() {
            let field = |name: &str| format!("refundPolicy[{position}].{name}");
            if row.until_hours_before > HOURS_MAX {
                let message = format!("must be from 0 to {HOURS_MAX}");
                errors.push(FieldError::new(field("untilHoursBefore"), message));
            }
            if row.percent > 100 {
                errors.push(FieldError::new(field("percent"), "must be from 0 to 100"));
            }
            let earlier = position.checked_sub(1).and_then(|before| self.0.get(before));
            if earlier.is_some_and(|earlier| earlier.until_hours_before <= row.until_hours_before) {
                let message = "must be less than in the row before: the first row that has not passed counts";
                errors.push(FieldError::new(field("untilHoursBefore"), message));
            }
        }
        errors
    }
}

/// So many percent (up to 100) of an amount, rounded down to whole minor units.
pub fn share(amount: Money, percent: u32) -> Money {
    // In 128 bits no product of the two overflows, and a share is never more than the whole.
    let part = i128::from(amount.minor()) * i128::from(percent.min(100)) / 100;
    Money::of(i64::try_from(part).unwrap_or(amount.minor()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(rows: &[(u32, u32)]) -> RefundPolicy {
        let row = |&(until_hours_before, percent)| RefundRow { until_hours_before, percent };
        RefundPolicy::of(rows.iter().map(row).collect())
    }

    fn hour(hour: i64) -> Timestamp {
        Timestamp::from_micros(hour * 3_600_000_000)
    }

    #[test]
    fn the_first_row_that_has_not_passed_counts_and_its_end_is_exclusive() {
        let policy = policy(&[(240, 100), (24, 70)]);
        let starts_at = hour(1_000);
        assert_eq!(policy.percent_at(starts_at, hour(0)), Some(100));
        assert_eq!(policy.percent_at(starts_at, Timestamp::from_micros(hour(760).micros() - 1)), Some(100));
        assert_eq!(policy.percent_at(starts_at, hour(760)), Some(70));
        assert_eq!(policy.percent_at(starts_at, hour(976)), None);
        assert_eq!(RefundPolicy::NONE.percent_at(starts_at, hour(0)), None);
    }

    #[test]
    fn a_share_is_rounded_down_and_never_more_than_the_whole() {
        for (amount, percent, expected) in [
            (100_000, 70, 70_000),
            (99, 50, 49),
            (1, 99, 0),
            (7, 100, 7),
            (7, 0, 0),
            (Money::MAX.minor(), 100, Money::MAX.minor()),
            (5, 200, 5),
        ] {
            assert_eq!(share(Money::of(amount), percent), Money::of(expected), "{percent} % of {amount}");
        }
    }

    #[test]
    fn rows_go_towards_the_performance() {
        assert_eq!(policy(&[(240, 100), (24, 70), (0, 0)]).check(), []);
        let fields = |rows: &[(u32, u32)]| -> Vec<String> {
            policy(rows).check().into_iter().map(|error| error.field).collect()
        };
        assert_eq!(
            fields(&[(24, 101), (24, 5)]),
            ["refundPolicy[0].percent", "refundPolicy[1].untilHoursBefore"]
        );
        assert_eq!(fields(&[(u32::MAX, 1)]), ["refundPolicy[0].untilHoursBefore"]);
        assert_eq!(fields(&[(1, 1); 21]), ["refundPolicy"]);
    }
}
