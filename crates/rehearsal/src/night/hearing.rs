//! How long it took until fans heard that they are let in.
//!
//! The server says when it let somebody in, by its own clock, and the crowd knows when they heard. What lies between the two
//! clocks is found from all joins together: the server joined each fan after they had asked and before they were answered.

use std::time::Duration;

use hdrhistogram::Histogram;

use crate::tally::histogram;

use super::journey::{HeardBy, Journey};
use super::outcome::Hearing;

/// Up to so many seconds each is a bar of its own.
const BARS: [f64; 9] = [0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 30.0];

/// By how much the server's clock is ahead of the crowd's, in microseconds, and how far that may be off.
fn offset(joins: impl Iterator<Item = (i64, Duration, Duration)>) -> Option<(i64, i64)> {
    let (mut least, mut most) = (i64::MIN, i64::MAX);
    for (joined_at, sent, heard) in joins {
        least = least.max(joined_at.saturating_sub(micros(heard)));
        most = most.min(joined_at.saturating_sub(micros(sent)));
    }
    // Clocks that are set meanwhile leave nothing in between; the middle is still the best that there is.
    (most != i64::MAX).then(|| (least.midpoint(most), most.abs_diff(least).div_ceil(2).cast_signed()))
}

fn micros(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}

/// Those who heard on a stream and those who heard by asking, where there are any.
pub(super) fn hearings(journeys: &[Journey]) -> Vec<Hearing> {
    let places = || journeys.iter().filter_map(|journey| Some((journey, journey.place?)));
    let joins = places().map(|(journey, place)| (journey.joined_at, place.join_sent, place.join_heard));
    let Some((ahead, uncertainty)) = offset(joins) else { return Vec::new() };
    let mut found = Vec::new();
    for (how, by) in [("on a stream", HeardBy::Stream), ("by asking", HeardBy::Asking)] {
        let mut times = histogram();
        for (_, place) in places().filter(|(journey, _)| journey.heard_by == Some(by)) {
            let (Some(admitted), Some(heard)) = (place.admitted_at, place.active_heard) else { continue };
            let took = micros(heard).saturating_add(ahead).saturating_sub(admitted);
            times.saturating_record(u64::try_from(took).unwrap_or(0).max(1));
        }
        if !times.is_empty() {
            found.push(hearing(how, &times, uncertainty));
        }
    }
    found
}

fn hearing(how: &str, times: &Histogram<u64>, uncertainty: i64) -> Hearing {
    let at = |quantile| times.value_at_quantile(quantile) as f64 / 1_000.0;
    let mut within_seconds = Vec::new();
    let mut counted = 0;
    for bar in BARS {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "one of the bars")]
        let until = times.count_between(0, (bar * 1e6) as u64);
        within_seconds.push((Some(bar), until - counted));
        counted = until;
    }
    within_seconds.push((None, times.len() - counted));
    Hearing {
        how: how.to_owned(),
        fans: times.len(),
        p50_ms: at(0.5),
        p95_ms: at(0.95),
        p99_ms: at(0.99),
        max_ms: times.max() as f64 / 1_000.0,
        uncertainty_ms: uncertainty as f64 / 1_000.0,
        within_seconds,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clocks_are_compared_by_all_joins_together() {
        let millis = Duration::from_millis;
        // The server is 5 s ahead; each join happens somewhere between asking and being answered.
        let joins = [(5_010_000, millis(0), millis(30)), (6_025_000, millis(1_000), millis(1_026))];
        let (ahead, uncertainty) = offset(joins.into_iter()).unwrap();
        assert!((ahead - 5_000_000).abs() <= uncertainty, "{ahead} ± {uncertainty}");
        assert!(uncertainty <= 6_000, "two joins say more than one: {uncertainty}");
        assert_eq!(offset(std::iter::empty()), None);
    }

    #[test]
    fn everybody_is_in_one_bar() {
        let mut times = histogram();
        for micros in [50_000, 90_000, 400_000, 2_500_000, 90_000_000] {
            times.saturating_record(micros);
        }
        let hearing = hearing("by asking", &times, 1_500);
        assert_eq!((hearing.fans, hearing.uncertainty_ms), (5, 1.5));
        let bars: Vec<_> = hearing.within_seconds.iter().filter(|(_, fans)| *fans > 0).copied().collect();
        assert_eq!(bars, [(Some(0.1), 2), (Some(0.5), 1), (Some(3.0), 1), (None, 1)]);
        assert!((399.0..401.0).contains(&hearing.p50_ms) && hearing.max_ms > 89_000.0);
    }
}
