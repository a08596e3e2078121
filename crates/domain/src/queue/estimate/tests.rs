use proptest::prelude::*;

use super::*;

const LIMITS: Limits = Limits {
    rate: RateLimit::of_milli(100_000),
    cap: 1_000,
    session_seconds: 300,
    hold_seconds: 300,
    seats_left: 1_000_000,
};

fn at(second: u32) -> Timestamp {
    Timestamp::from_micros(1_000_000_000_000).plus_seconds(second)
}

fn ends(lasted: &[u64]) -> Ages {
    let mut ages = Ages::default();
    for &seconds in lasted {
        ages.note(seconds);
    }
    ages
}

/// A line with a full room, in which one of ten lets the next in each second after a session of so many seconds.
fn steady(active: u32, lasted: u64, seconds: u32) -> Outflow {
    let mut flow = Outflow::default();
    let leaving = active / u32::try_from(lasted).expect("short");
    for second in 0..seconds {
        let is_full = u64::from(second) >= lasted;
        let ended = if is_full { vec![lasted; leaving as usize] } else { Vec::new() };
        let there = if is_full { active } else { leaving * (second + 1) };
        flow.add(&Tally { admitted: leaving, ended: ends(&ended), active: there }, at(second));
    }
    flow
}

fn told(forecast: &Forecast, ahead: u64) -> (u32, u32) {
    forecast.wait(ahead).map(|range| (range.low, range.high)).expect("something is told")
}

#[test]
fn the_rate_decides_where_the_cap_does_not_bind() {
    let forecast = Outflow::default().forecast(Limits { cap: 1_000_000, ..LIMITS }, 1.0);
    assert_eq!(told(&forecast, 499), (4, 9));
    assert_eq!(told(&forecast, 9_999), (84, 123));
    let absent = Forecast { present: 0.1, ..forecast };
    assert_eq!(told(&absent, 9_999), (8, 15), "nine of ten are gone");
}

#[test]
fn the_cap_decides_by_how_long_sessions_were_seen_to_last() {
    let long = steady(1_000, 100, 400).forecast(LIMITS, 1.0);
    let (low, high) = told(&long, 999);
    assert!(low < 100 && 100 < high && low > 60, "10 leave a second: {low} to {high}");
    let short = steady(1_000, 20, 400).forecast(LIMITS, 1.0);
    let (low, high) = told(&short, 4_999);
    assert!(low < 100 && 100 < high && low > 60, "50 leave a second: {low} to {high}");
}

#[test]
fn a_room_that_opens_is_told_of_by_what_the_settings_presume() {
    let cold = Outflow::default().forecast(LIMITS, 1.0);
    assert_eq!(told(&cold, 499), (4, 10), "there is room for them");
    // The last of 11,000: 1,000 at once, then one for each session of 45 s that ends.
    let (low, high) = told(&cold, 10_999);
    assert!(low < 450 && 450 < high && low > 250, "{low} to {high}");
    // Whoever has little time to pay is quick, or gone.
    let hurried = Outflow::default().forecast(Limits { hold_seconds: 20, ..LIMITS }, 1.0);
    let (low, high) = told(&hurried, 10_999);
    assert!(
        low >= 93 && high < 200,
        "{low} to {high}: sessions of 7 s do not fill the room, so the rate decides"
    );
}

#[test]
fn young_sessions_say_nothing_of_ages_that_nobody_has_reached() {
    // 500 were let in five seconds ago, and nobody has left: nobody leaves within five seconds anyway.
    let mut flow = Outflow::default();
    for second in 0..5 {
        flow.add(&Tally { admitted: 100, ended: Ages::default(), active: 100 * (second + 1) }, at(second));
    }
    let (cold, young) = (Outflow::default().forecast(LIMITS, 1.0), flow.forecast(LIMITS, 1.0));
    let (before, now) = (told(&cold, 5_000).1, told(&young, 5_000).1);
    assert!(now < 2 * before, "{before} s without them, {now} s with them");
}

#[test]
fn sessions_that_go_on_count_with_the_time_that_they_have_been_there() {
    // One of ten was quick; the others are still there after a minute.
    let mut flow = Outflow::default();
    flow.add(&Tally { admitted: 1_000, ended: Ages::default(), active: 1_000 }, at(0));
    for second in 1..60 {
        let ended = if second == 10 { ends(&[10; 100]) } else { Ages::default() };
        let active = if second < 10 { 1_000 } else { 900 };
        flow.add(&Tally { admitted: 0, ended, active }, at(second));
    }
    let (low, _) = told(&flow.forecast(LIMITS, 1.0), 2_000);
    assert!(low > 60, "{low} s: most sessions take longer than a minute");
}

#[test]
fn nobody_is_told_a_wait_who_will_not_be_let_in() {
    let cold = Outflow::default().forecast(LIMITS, 1.0);
    assert_eq!(cold.clone().halted().wait(3), None);
    assert_eq!(cold.with(RateLimit::of_milli(1_000), 0).wait(3), None, "a cap of none");
    assert_eq!(Forecast::UNKNOWN.wait(0), None);
    let scarce = Outflow::default().forecast(Limits { seats_left: 850, ..LIMITS }, 1.0);
    assert!(scarce.wait(998).is_some());
    assert_eq!(scarce.wait(1_000), None, "the seats will be gone");
    // A thousand were let in and took two each: 850 seats last for fewer.
    let mut flow = Outflow::default();
    let before = flow.forecast(Limits { seats_left: 2_850, ..LIMITS }, 1.0);
    assert!(before.wait(2_000).is_some());
    flow.add(&Tally { admitted: 1_000, ended: ends(&[10; 1_000]), active: 0 }, at(10));
    let after = flow.forecast(Limits { seats_left: 850, ..LIMITS }, 1.0);
    assert!(after.wait(400).is_some());
    assert_eq!(after.wait(600), None);
}

#[test]
fn other_limits_make_another_wait() {
    let full = steady(1_000, 100, 400).forecast(LIMITS, 1.0);
    let (_, before) = told(&full, 2_000);
    let (_, wider) = told(&full.with(LIMITS.rate, 4_000), 2_000);
    let (_, slower) = told(&full.with(RateLimit::of_milli(1_000), 4_000), 2_000);
    assert!(wider < before && before < slower, "{wider}, {before}, {slower}");
}

proptest! {
    /// Whatever was seen: the range is as narrow as the contract says, and more people never wait less.
    #[test]
    fn a_range_is_never_wider_than_it_may_be(
        seen in proptest::collection::vec((0_u32..500, proptest::collection::vec(0_u64..400, 0..20), 0_u32..5_000), 0..60),
        milli in 1_u32..20_000_000, cap in 1_u32..100_000, session_seconds in 10_u32..86_400, hold_seconds in 1_u32..3_600,
        present in 0.0_f64..=1.0, ahead in proptest::collection::vec(0_u64..2_000_000, 1..8),
    ) {
        let mut flow = Outflow::default();
        for (second, (admitted, lasted, active)) in (0..).zip(&seen) {
            flow.add(&Tally { admitted: *admitted, ended: ends(lasted), active: *active }, at(second));
        }
        let rate = RateLimit::of_milli(milli);
        let limits = Limits { rate, cap, session_seconds, hold_seconds, seats_left: 10_000_000 };
        let forecast = flow.forecast(limits, present);
        let mut ahead = ahead;
        ahead.sort_unstable();
        let mut last = WaitRange { low: 0, high: 0 };
        for ahead in ahead {
            let range = forecast.wait(ahead).expect("the line moves");
            prop_assert!(range.low <= range.high, "{range:?}");
            prop_assert!(u64::from(range.high) <= 2 * u64::from(range.low) + 30, "{range:?}");
            prop_assert!(last.low <= range.low && last.high <= range.high, "{last:?}, then {range:?}");
            last = range;
        }
    }
}
