//! The arithmetic of the scripts is that of `frontrow_domain::queue`, number by number.

use frontrow_domain::queue::{Ages, Forecast, Limits, Outflow, Pace, RateLimit, Tally};
use frontrow_testkit::ManualClock;
use frontrow_testkit::clock::Dice;

use crate::servers::Server;

const ROOM: &str = include_str!("../../lua/room.lua");
const PLACE: &str = include_str!("../../lua/place.lua");
const FORECAST: &str = include_str!("../../lua/forecast.lua");

/// What Lua says; every number as text, because Redis cuts off what is behind the point.
fn lua(program: &str, args: &[Vec<u8>]) -> Vec<String> {
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
            &[milli, claim, ahead].map(|number| number.to_string().into_bytes()),
        );
        let poll = Pace { rate, claim_seconds: claim }.waiting(u64::from(ahead));
        let expected = [rate.window_micros().to_string(), rate.per_window().to_string(), poll.to_string()];
        assert_eq!(told, expected, "{milli} thousandths a second, claim {claim} s, {ahead} ahead");
    }
}

/// What an instance may have seen, and may be told to keep to.
fn a_forecast(dice: &mut Dice) -> Forecast {
    let mut flow = Outflow::default();
    let seconds = dice.below(90);
    let active = number(dice, 20_000);
    for second in 0..seconds {
        let mut ended = Ages::default();
        for _ in 0..dice.below(20) {
            ended.note(u64::from(number(dice, second + 1)));
        }
        let now = ManualClock::EPOCH.plus_seconds(second);
        flow.add(&Tally { admitted: number(dice, 500), ended, active }, now);
    }
    let limits = Limits {
        rate: RateLimit::of_milli(number(dice, 2_000_000)),
        cap: number(dice, 100_000),
        session_seconds: 10 + number(dice, 86_390),
        hold_seconds: 1 + number(dice, 3_599),
        seats_left: number(dice, 2_000_000),
    };
    let forecast = flow.forecast(limits, f64::from(dice.below(1_000)) / 999.0);
    if dice.percent(90) { forecast } else { forecast.halted() }
}

/// The forecast as an instance sends it.
fn packed(forecast: &Forecast) -> Vec<u8> {
    let bends = forecast.bends().iter().flat_map(|bend| [bend.people, bend.low, bend.high]);
    if forecast.bends().is_empty() {
        return Vec::new();
    }
    [forecast.present, forecast.lasting].into_iter().chain(bends).flat_map(f64::to_le_bytes).collect()
}

#[test]
fn the_wait_is_told_as_the_rules_say() {
    let mut dice = Dice::new(42);
    let mut told_some = 0;
    for _ in 0..500 {
        let forecast = a_forecast(&mut dice);
        let ahead = number(&mut dice, 2_000_000);
        let told = lua(
            "local low, high = told_wait(tonumber(ARGV[5])) return { name_of(low), name_of(high) }",
            &[packed(&forecast), ahead.to_string().into_bytes()],
        );
        let wait = forecast.wait(u64::from(ahead));
        told_some += u32::from(wait.is_some());
        let (low, high) = wait.map_or((u32::MAX, u32::MAX), |range| (range.low, range.high));
        assert_eq!(told, [low.to_string(), high.to_string()], "{forecast:?}, {ahead} ahead");
    }
    assert!((100..490).contains(&told_some), "{told_some} were told something");
}

#[test]
fn ends_are_counted_by_the_ages_of_the_rules() {
    let mut dice = Dice::new(43);
    for seconds in (0..70).chain((0..50).map(|_| number(&mut dice, 200_000))) {
        let told = lua(
            "note_age(tonumber(ARGV[4])) note_age(0)
             local ages = { struct.unpack('<' .. string.rep('I4', AGES), room.ages) }
             for age = 1, AGES do ages[age] = name_of(ages[age]) end
             ages[AGES + 1] = nil
             return ages",
            &[seconds.to_string().into_bytes()],
        );
        let mut ages = Ages::default();
        ages.note(u64::from(seconds));
        ages.note(0);
        assert_eq!(told, ages.0.map(|count| count.to_string()), "{seconds} s");
    }
}
