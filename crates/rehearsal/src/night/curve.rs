//! When fans come.

use std::time::Duration;

/// How steep the front is: with this, three fifths of all come within the first fifth of the time, and the rest trickles
/// in. Published sales look like it: a wall at the opening, a long tail behind.
const STEEPNESS: f64 = 4.5;

/// A burst at the opening that falls off until the last fan has come.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Curve {
    over: Duration,
}

impl Curve {
    /// All fans come within this time.
    pub fn new(over: Duration) -> Self {
        Self { over }
    }

    /// When somebody comes of whom this share of all fans, 0 to 1, is ahead.
    pub fn at(&self, share: f64) -> Duration {
        let reach = 1.0 - (-STEEPNESS).exp();
        let part = -(1.0 - share.clamp(0.0, 1.0) * reach).ln() / STEEPNESS;
        self.over.mul_f64(part.clamp(0.0, 1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_fifths_come_within_the_first_fifth() {
        let curve = Curve::new(Duration::from_mins(5));
        let at = curve.at(0.6);
        assert!(at.abs_diff(Duration::from_mins(1)) < Duration::from_secs(1), "{at:?}");
    }

    #[test]
    fn the_first_comes_at_the_opening_and_the_last_at_the_end() {
        let curve = Curve::new(Duration::from_secs(10));
        assert_eq!(curve.at(0.0), Duration::ZERO);
        assert!(curve.at(1.0).abs_diff(Duration::from_secs(10)) < Duration::from_millis(1));
        let times: Vec<_> = (0..=100).map(|percent| curve.at(f64::from(percent) / 100.0)).collect();
        assert!(times.is_sorted());
        // A share that is none, as rounding makes it, is no reason to come never.
        assert_eq!((curve.at(-0.1), curve.at(f64::INFINITY)), (curve.at(0.0), curve.at(1.0)));
    }

    #[test]
    fn a_crowd_that_comes_at_once_comes_at_once() {
        assert_eq!(Curve::new(Duration::ZERO).at(0.7), Duration::ZERO);
    }
}
