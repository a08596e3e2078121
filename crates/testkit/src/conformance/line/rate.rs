//! How many are let in within any sliding second (R-Q4): at most the rate, a hard limit, counted across pauses,
//! restarts and steps of the clock. What was not used is not saved up.

use std::sync::Arc;

use frontrow_domain::Timestamp;
use frontrow_domain::queue::{PlaceState, RateLimit, RoomState};

use super::bench::Bench;
use super::checks::{Admission, rate_exceeded};
use crate::clock::Dice;
use crate::line::{LineFactory, OpenedLine};

/// Rates in thousandths a second: below one, one, a broken one, and 1,400 in ten seconds.
const RATES: [u32; 4] = [400, 1_000, 2_500, 140_000];
/// Longer than any case here: nobody is ever gone.
const ALWAYS: u32 = 86_400;

/// A line that is ticked at uneven moments, and who was let in when.
///
/// Its time is what has truly passed: that is the clock's, until a case turns the clock back.
pub(super) struct Drive<F> {
    pub(super) bench: Bench<F>,
    dice: Dice,
    admissions: Vec<Admission>,
    true_micros: i64,
    let_in: u32,
    joined: u64,
}

impl<F: LineFactory> Drive<F> {
    /// A line with an unbounded cap and so many fans who never go away.
    pub(super) async fn open(factory: F, milli: u32, fans: u64) -> Self {
        let mut bench = Bench::open(factory);
        bench.policy.settings.max_active = 1_000_000;
        bench.policy.settings.presence_seconds = ALWAYS;
        bench.policy.settings.claim_seconds = ALWAYS;
        bench.policy.settings.session_seconds = ALWAYS;
        bench.policy.settings.admit_per_second_milli = milli;
        bench.crowd(0..fans).await;
        let true_micros = bench.now().micros();
        let dice = Dice::new(u64::from(milli));
        Self { bench, dice, admissions: Vec::new(), true_micros, let_in: 0, joined: fans }
    }

    fn limit(&self) -> RateLimit {
        RateLimit::of_milli(self.bench.policy.settings.admit_per_second_milli)
    }

    /// Lets time pass.
    fn pass_micros(&mut self, micros: i64) {
        self.bench.clock.advance_micros(micros);
        self.true_micros += micros;
    }

    /// Moves the line on, and notes who was let in.
    pub(super) async fn tick(&mut self) -> u32 {
        let admitted = self.bench.tick().await.admitted;
        self.note(admitted);
        admitted
    }

    fn note(&mut self, count: u32) {
        let at = Timestamp::from_micros(self.true_micros);
        self.admissions.push(Admission { at, count, limit: self.limit() });
        self.let_in += count;
    }

    /// Ticks for so long, one to sixty milliseconds apart. Answers how many were let in.
    pub(super) async fn run(&mut self, millis: u32) -> u32 {
        let (until, before) = (self.true_micros + i64::from(millis) * 1_000, self.let_in);
        while self.true_micros < until {
            let step = i64::from(self.dice.below(60) + 1) * 1_000;
            self.pass_micros(step.min(until - self.true_micros));
            self.tick().await;
        }
        self.let_in - before
    }

    /// What is wrong with when they were let in, by the ticks.
    pub(super) fn exceeded(&self) -> Option<String> {
        rate_exceeded(&self.admissions)
    }

    /// Asserts the same by the ticks and by what the places themselves say, and that both count the same people.
    async fn assert_within_rate(&self) {
        assert_eq!(self.exceeded(), None);
        let mut times = Vec::new();
        for fan in 0..self.joined {
            times.extend(self.bench.state(fan).await.admitted_at());
        }
        times.sort_unstable();
        assert_eq!(times.len(), self.let_in as usize, "who was let in says so");
        let limit = self.limit();
        let admissions: Vec<_> = times.into_iter().map(|at| Admission { at, count: 1, limit }).collect();
        assert_eq!(rate_exceeded(&admissions), None);
    }
}

/// At every rate, with ticks at uneven moments: never above it in any sliding second, and close to it over time.
pub async fn no_sliding_second_is_above_the_rate(factory: impl LineFactory) {
    let mut drive = Drive::open(factory, RATES[0], 0).await;
    for (concert, milli) in (10..).zip(RATES) {
        drive.bench.concert = frontrow_domain::ConcertId::new(concert);
        drive.bench.policy.settings.admit_per_second_milli = milli;
        let expected = drive.limit().per_second() * 8.0;
        drive.joined = u64::from(milli) / 1_000 * 16 + 10;
        drive.bench.crowd(0..drive.joined).await;
        (drive.admissions, drive.let_in) = (Vec::new(), 0);
        drive.tick().await;
        let let_in = f64::from(drive.run(8_000).await);
        drive.assert_within_rate().await;
        assert!(let_in >= expected * 0.95 - 1.0, "{let_in} of {expected} at {milli}");
    }
}

/// A pause of any length lets nobody in, and is not made up for.
pub async fn the_rate_holds_across_pauses(factory: impl LineFactory) {
    let mut drive = Drive::open(factory, 5_000, 120).await;
    for millis in [10, 90, 400, 990, 1_010, 20_000] {
        drive.run(700).await;
        drive.bench.policy.state = RoomState::Paused;
        assert_eq!(drive.run(millis).await, 0, "nobody is let in while it is paused");
        drive.bench.policy.state = RoomState::Open;
        drive.tick().await;
    }
    assert!(drive.let_in > 15, "{} let in", drive.let_in);
    drive.assert_within_rate().await;
}

/// A process that ends and comes back does not forget whom it has let in, not even those who have left since.
pub async fn the_rate_holds_across_restarts_and_crashes(factory: impl LineFactory) {
    let mut drive = Drive::open(factory, 8_000, 150).await;
    for round in 0..12 {
        drive.run(300 + 70 * round).await;
        for fan in 0..drive.joined {
            if matches!(drive.bench.state(fan).await, PlaceState::Active(_)) {
                drive.bench.leave(fan).await;
            }
        }
        if round % 2 == 0 {
            drive.bench.crash();
        } else {
            drive.bench.reopen();
        }
        drive.tick().await;
    }
    assert!(drive.let_in > 30, "{} let in", drive.let_in);
    drive.assert_within_rate().await;
}

/// One within a hundred seconds, also when the process has ended in between and the fan is gone.
pub async fn a_low_rate_holds_across_a_crash(factory: impl LineFactory) {
    let mut drive = Drive::open(factory, 10, 1).await;
    assert_eq!(drive.tick().await, 1);
    drive.bench.leave(0).await;
    drive.bench.join_all(1..4).await;
    drive.joined = 4;
    drive.pass_micros(50_000_000);
    drive.bench.crash();
    assert_eq!(drive.run(40_000).await, 0);
    drive.bench.crash();
    drive.bench.ask_all(1..4).await;
    assert_eq!(drive.run(15_000).await, 1);
    drive.assert_within_rate().await;
}

/// A rate that is changed binds from the next tick on, downwards as well: whoever was let in before counts.
pub async fn a_changed_rate_binds_at_the_next_tick(factory: impl LineFactory) {
    let mut drive = Drive::open(factory, 40_000, 600).await;
    for milli in [40_000, 2_000, 700, 90_000, 1_000, 60_000, 3_000] {
        drive.bench.policy.settings.admit_per_second_milli = milli;
        drive.tick().await;
        let let_in = f64::from(drive.run(2_500).await);
        assert!(
            let_in >= drive.limit().per_second() - 1.0,
            "{let_in} within two seconds and a half at {milli}"
        );
    }
    assert_eq!(drive.exceeded(), None);
}

/// Nobody to let in for an hour, ticked or not: the first second afterwards is like any other.
pub async fn unused_rate_is_not_saved_up(factory: impl LineFactory) {
    let mut drive = Drive::open(factory, 20_000, 0).await;
    for (first, is_ticked) in [(0, true), (200, false)] {
        if is_ticked {
            drive.run(5_000).await;
        }
        drive.pass_micros(3_600_000_000);
        drive.bench.crowd(first..first + 200).await;
        drive.joined += 200;
        drive.tick().await;
        drive.run(3_000).await;
    }
    assert!(drive.let_in > 100, "{} let in", drive.let_in);
    drive.assert_within_rate().await;
}

/// A line that is full, and then is not: what the cap held back is not made up for either.
pub async fn what_the_cap_held_back_is_not_saved_up(factory: impl LineFactory) {
    let mut drive = Drive::open(factory, 10_000, 100).await;
    drive.bench.policy.settings.max_active = 1;
    drive.run(1_000).await;
    assert_eq!(drive.run(10_000).await, 0, "it is full");
    drive.bench.policy.settings.max_active = 1_000_000;
    drive.tick().await;
    drive.run(3_000).await;
    assert!(drive.let_in > 20, "{} let in", drive.let_in);
    drive.assert_within_rate().await;
}

/// A clock that is set back while the line runs: its time never goes back, no true second is above the rate, and it
/// goes on.
pub async fn the_rate_holds_when_the_clock_is_set_back(factory: impl LineFactory) {
    let mut drive = Drive::open(factory, 6_000, 200).await;
    drive.run(1_300).await;
    let mut last = drive.bench.look(0).await.now;
    let before = drive.let_in;
    drive.bench.clock.step_back(3);
    for _ in 0..90 {
        drive.run(100).await;
        let now = drive.bench.look(0).await.now;
        assert!(now >= last, "the time of a line never goes back: {last:?}, {now:?}");
        last = now;
    }
    assert!(drive.let_in > before + 20, "it goes on: {before}, {}", drive.let_in);
    drive.assert_within_rate().await;
}

/// A clock that is set back between two runs: the same.
pub async fn the_rate_holds_when_the_clock_is_set_back_across_a_crash(factory: impl LineFactory) {
    let mut drive = Drive::open(factory, 6_000, 200).await;
    drive.run(1_300).await;
    for is_crash in [true, false] {
        let (before, joined) = (drive.let_in, drive.joined);
        drive.bench.join(joined).await;
        drive.joined += 1;
        let newest = drive.bench.look(joined).await.place.joined_at;
        drive.bench.clock.step_back(5);
        if is_crash {
            drive.bench.crash();
        } else {
            drive.bench.reopen();
        }
        let now = drive.bench.look(0).await.now;
        assert!(now >= newest, "the line is not before its last place: {newest:?}, {now:?}");
        drive.tick().await;
        drive.run(9_000).await;
        assert!(drive.let_in > before + 20, "it goes on: {before}, {}", drive.let_in);
    }
    drive.assert_within_rate().await;
}

/// A clock that jumps ahead ends no wait early but by its own: in the line's time no second is above the rate.
pub async fn the_rate_holds_when_the_clock_jumps_ahead(factory: impl LineFactory) {
    let mut drive = Drive::open(factory, 6_000, 200).await;
    for jump in [999_999, 1_000_000, 30_000_000, 7_200_000_000] {
        drive.run(1_300).await;
        drive.pass_micros(jump);
        drive.tick().await;
    }
    drive.run(1_300).await;
    drive.assert_within_rate().await;
}

/// What is shown of the speed is who was let in within the last ten seconds.
pub async fn the_shown_speed_is_that_of_the_last_ten_seconds(factory: impl LineFactory) {
    let mut bench = Bench::open(factory);
    bench.join_all(0..30).await;
    let mut shown = Vec::new();
    for cap in [5, 25, 25, 25] {
        shown.push(bench.tick_with_cap(cap).await.admitted_per_second);
        bench.clock.advance(5);
    }
    assert_eq!(shown, [0.5, 2.5, 2.0, 0.0]);
}

/// Two instances on the same lines let in together what one may (D16). Where there can be only one instance, that one
/// is ticked by two.
pub async fn d16_instances_share_cap_and_rate(factory: impl LineFactory) {
    let mut drive = Drive::open(factory, 7_000, 150).await;
    let second = drive.bench.factory.second(Arc::new(drive.bench.clock.clone()));
    let second = second.map_or_else(|| Arc::clone(drive.bench.room()), |OpenedLine { room }| room);
    drive.bench.policy.settings.max_active = 30;
    for _ in 0..300 {
        drive.pass_micros(20_000);
        let (concert, policy) = (drive.bench.concert, drive.bench.policy);
        let other = Arc::clone(&second);
        let other = tokio::spawn(async move { other.tick(concert, policy).await.expect("the line answers") });
        let ours = drive.bench.tick().await;
        let theirs = other.await.expect("no panic");
        drive.note(ours.admitted + theirs.admitted);
        assert!(ours.active <= 30 && theirs.active <= 30, "{ours:?} {theirs:?}");
    }
    assert_eq!(drive.let_in, 30, "the cap is reached, and not passed");
    drive.assert_within_rate().await;
}
