//! The arithmetic of the scripts is that of `frontrow_domain::queue`, number by number.

use frontrow_domain::queue::{Forecast, Pace, RateLimit};
use frontrow_testkit::clock::Dice;

use crate::servers::Server;

const ROOM: &str = include_str!("../../lua/room.lua");
const PLACE: &str = include_str!("../../lua/place.lua");
const FORECAST: &str = include_str!("../../lua/forecast.lua");

/// What Lua says; every number as text, because Redis cuts off what is behind the point.
fn lua(program: &str, args: &[String]) -> Vec<String> {
    let text = [ROOM, PLACE, FORECAST, program].concat();
    let mut eval = redis::cmd("EVAL");
    eval.arg(text).arg(1).arg("rules").arg("").arg("0").arg("0").arg(args);
    Server::single().ask(&eval)
}

/// Numbers of all sizes, the small ones and those around the bends more often.
fn number(dice: &mut Dice, most: u32) -> u32 {
    let scale = [3, 1_000, 20_000, most][dice.below(4) as usize].min(most);
    dice.below(scale.max(1))
}

#[test]
fn when_to_ask_again_is_told_as_the_rules_say() {
    let mut dice = Dice::new(41);
    for _ in 0..500 {
        let (milli, claim) = (number(&mut dice, 100_000_000).max(1), number(&mut dice, 3_600));
        let ahead = number(&mut dice, 2_000_000);
        let rate = RateLimit::of_milli(milli);
        let told = lua(
            "room.milli, room.claim = tonumber(ARGV[4]), tonumber(ARGV[5])
             local window, most = window_of(room.milli)
             return { name_of(window), name_of(most), name_of(ask_again(tonumber(ARGV[6]))) }",
            &[milli.to_string(), claim.to_string(), ahead.to_string()],
        );
        let poll = Pace { rate, claim_seconds: claim }.waiting(u64::from(ahead));
        let expected = [rate.window_micros().to_string(), rate.per_window().to_string(), poll.to_string()];
        assert_eq!(told, expected, "{milli} thousandths a second, claim {claim} s, {ahead} ahead");
    }
}

#[test]
fn the_wait_is_told_as_the_rules_say() {
    let mut dice = Dice::new(42);
    for _ in 0..500 {
        let forecast = Forecast {
            rate: f64::from(number(&mut dice, 2_000_000)) / 1_000.0,
            cap: number(&mut dice, 100_000),
            active: number(&mut dice, 100_000),
            hazard: dice.percent(70).then(|| f64::from(number(&mut dice, 1_000)) / 3_000.0),
            present: f64::from(dice.below(1_000)) / 999.0,
            is_flowing: dice.percent(90),
        };
        let ahead = number(&mut dice, 2_000_000);
        let told = lua(
            "local low, high = told_wait(tonumber(ARGV[10])) return { name_of(low), name_of(high) }",
            &[
                u8::from(forecast.is_flowing).to_string(),
                forecast.rate.to_string(),
                forecast.cap.to_string(),
                forecast.active.to_string(),
                forecast.hazard.unwrap_or(-1.0).to_string(),
                forecast.present.to_string(),
                ahead.to_string(),
            ],
        );
        let wait = forecast.wait(u64::from(ahead));
        let (low, high) = wait.map_or((u32::MAX, u32::MAX), |range| (range.low, range.high));
        assert_eq!(told, [low.to_string(), high.to_string()], "{forecast:?}, {ahead} ahead");
    }
}
