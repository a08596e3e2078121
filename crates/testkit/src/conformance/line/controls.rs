//! Lines that break a promise, on which the checks of this suite must find something. Without them a check that finds
//! nothing proves nothing.

use super::bench::Bench;
use super::checks::{cap_exceeded, inversions, places_amiss};
use super::crowds::rush;
use super::rate::Drive;
use crate::line::{Breach, BrokenFactory, LineFactory};

/// Fans of a control: several blocks of the numbers that are swapped.
const FANS: u64 = 20_000;

/// A line that answers its numbers in another order is found out.
pub async fn control_swapped_numbers_are_inversions(factory: impl LineFactory) {
    let bench = Bench::open(BrokenFactory::new(factory, Breach::SwapsNumbers));
    let requests = rush(bench.room(), bench.concert, FANS).await;
    assert!(inversions(&requests) > 0, "the check for inversions finds nothing");
}

/// A line that knows nobody again is found out.
pub async fn control_a_line_that_forgets_its_fans_gives_them_two_places(factory: impl LineFactory) {
    let bench = Bench::open(BrokenFactory::new(factory, Breach::ForgetsFans));
    let requests = rush(bench.room(), bench.concert, FANS / 4).await;
    assert!(!places_amiss(&requests).is_empty(), "the check for one place a fan finds nothing");
}

/// A line that lets everybody in is found out.
pub async fn control_a_line_that_ignores_the_cap_goes_beyond_it(factory: impl LineFactory) {
    let mut bench = Bench::open(BrokenFactory::new(factory, Breach::IgnoresCap));
    bench.join_all(0..10).await;
    let figures = bench.tick_with_cap(4).await;
    assert!(cap_exceeded(&figures, 4).is_some(), "the check of the cap finds nothing");
}

/// A line that is faster than it may be is found out.
pub async fn control_a_line_that_ignores_the_rate_is_too_fast(factory: impl LineFactory) {
    let mut drive = Drive::open(BrokenFactory::new(factory, Breach::IgnoresRate), 10_000, 200).await;
    drive.tick().await;
    drive.run(2_000).await;
    assert!(drive.exceeded().is_some(), "the check of the sliding second finds nothing");
}
