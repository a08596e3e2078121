//! The line under test against a sorted list of places, step by step, with steps that are found at random and shrunk
//! when they fail.
//!
//! The list applies the rules of `frontrow_domain::queue` as naively as it can. Where the port leaves an adapter free
//! (whether a slot that a tick has freed is given out by the same tick, whether absent fans behind the last one let
//! in are skipped already) the list takes over what was done, once that is within the bounds.

mod list;

use frontrow_application::waiting_room::{NotLetIn, Pass};
use frontrow_domain::queue::{EndReason, JoinRefused, PlaceState, RoomState};
use frontrow_domain::{ConcertId, EntryId};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use super::bench::Bench;
use crate::line::LineFactory;
use crate::samples;
use list::List;

/// Fans of a run: few, so that they meet their own past.
const FANS: u64 = 7;
/// Fans of a crowd for each run, so that a slow line has fewer: 200 runs of the usual crowd.
const CROWD_A_RUN: u64 = 500;
/// How long a run is at the most.
const STEPS_MAX: usize = 70;

/// Silence after which a fan is gone.
const PRESENCE_SECONDS: u32 = 20;

type Checked<T = ()> = Result<T, TestCaseError>;

/// Something that happens to a line.
#[derive(Debug, Clone, Copy)]
enum Step {
    Join(u64),
    JoinRefused(u64),
    Ask(u64),
    Enter(u64),
    End(u64, EndReason),
    /// A payment for the place that the fan had before, or for none of theirs.
    EndOther(u64),
    Tick,
    Pass(i64),
    /// So long that everybody is gone; then those whose bit is set ask, from the last to the first.
    Silence(u8),
    Cap(u32),
    /// In thousandths a second: one that binds, or one that never does.
    Rate(u32),
    Room(RoomState),
    Crash,
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    let fan = 0..FANS;
    let reason = prop::sample::select(vec![EndReason::Left, EndReason::Paid, EndReason::Revoked]);
    let micros = prop::sample::select(vec![
        1, 20_000, 999_999, 1_000_000, 7_000_000, 19_999_999, 20_000_000, 41_000_000,
    ]);
    let state = prop::sample::select(vec![
        RoomState::Open,
        RoomState::Open,
        RoomState::Open,
        RoomState::Paused,
        RoomState::SoldOut,
        RoomState::Closed,
    ]);
    prop_oneof![
        12 => fan.clone().prop_map(Step::Join),
        1 => fan.clone().prop_map(Step::JoinRefused),
        8 => fan.clone().prop_map(Step::Ask),
        4 => fan.clone().prop_map(Step::Enter),
        3 => (fan.clone(), reason).prop_map(|(fan, reason)| Step::End(fan, reason)),
        1 => fan.prop_map(Step::EndOther),
        14 => Just(Step::Tick),
        8 => micros.prop_map(Step::Pass),
        3 => any::<u8>().prop_map(Step::Silence),
        3 => (0_u32..5).prop_map(Step::Cap),
        1 => prop::sample::select(vec![1_000, 2_500, 100_000_000]).prop_map(Step::Rate),
        2 => state.prop_map(Step::Room),
        1 => Just(Step::Crash),
        1 => Just(Step::Reopen),
    ]
}

/// A line and the list that it has to agree with.
struct Twins<'a, F> {
    bench: &'a mut Bench<F>,
    list: List,
}

impl<F: LineFactory> Twins<'_, F> {
    async fn step(&mut self, step: Step) -> Checked {
        let now = self.bench.now();
        match step {
            Step::Join(fan) => self.join(fan, Ok(())).await?,
            Step::JoinRefused(fan) => self.join(fan, Err(JoinRefused::SoldOut)).await?,
            Step::Ask(fan) => self.ask(fan).await?,
            Step::Enter(fan) => self.enter(fan).await?,
            Step::End(fan, reason) => self.end(fan, None, reason).await?,
            Step::EndOther(fan) => {
                let other =
                    self.list.older(fan).map_or(samples::entry_id(u64::MAX >> 8), |spot| spot.place.entry);
                self.end(fan, Some(other), EndReason::Paid).await?;
            }
            Step::Tick => self.tick().await?,
            Step::Pass(micros) => self.bench.clock.advance_micros(micros),
            Step::Silence(asking) => {
                self.bench.clock.advance(PRESENCE_SECONDS);
                for fan in (0..FANS).rev().filter(|fan| asking >> fan & 1 == 1) {
                    self.ask(fan).await?;
                }
            }
            Step::Cap(cap) => self.bench.policy.settings.max_active = cap,
            Step::Rate(milli) => self.bench.policy.settings.admit_per_second_milli = milli,
            Step::Room(state) => self.bench.policy.state = state,
            Step::Crash | Step::Reopen => {
                // What has run out is noted within hundredths of a second; here that is before the end.
                self.tick().await?;
                self.bench.flush().await;
                if matches!(step, Step::Crash) {
                    self.bench.crash();
                } else {
                    self.bench.reopen();
                }
                self.list.restarted(now);
            }
        }
        self.compare().await
    }

    async fn join(&mut self, fan: u64, may_join: Result<(), JoinRefused>) -> Checked {
        let now = self.bench.now();
        let newcomer = self.bench.newcomer(fan);
        let answer =
            self.bench.room().join(self.bench.concert, newcomer, may_join).await.expect("the line answers");
        match (self.list.live(fan, now), answer) {
            (Some(_), Ok(joined)) => {
                prop_assert!(!joined.is_new, "fan {} has a place", fan);
                self.list.seen(fan, joined.standing.poll_after_seconds, now);
            }
            (None, Ok(joined)) => {
                prop_assert_eq!(may_join, Ok(()), "fan {} was to be refused", fan);
                prop_assert!(joined.is_new, "fan {} has none", fan);
                let place = joined.standing.place;
                prop_assert_eq!((place.user, place.entry), (newcomer.user, newcomer.entry));
                prop_assert_eq!((place.joined_at, place.state), (now, PlaceState::Waiting));
                prop_assert!(self.list.is_above_all(place.sequence), "{} is no new number", place.sequence);
                self.list.add(fan, place, joined.standing.poll_after_seconds);
            }
            (None, Err(refused)) => prop_assert_eq!(Err(refused), may_join),
            (Some(_), Err(refused)) => {
                prop_assert!(false, "fan {} has a place, and is told: {}", fan, refused);
            }
        }
        Ok(())
    }

    async fn ask(&mut self, fan: u64) -> Checked {
        let Some(place) = self.list.newest(fan).map(|spot| spot.place) else { return Ok(()) };
        let standing = self.bench.room().standing(Pass::of(&place)).await.expect("the line answers");
        prop_assert!(standing.is_some(), "the place of fan {} is known", fan);
        let told_seconds = standing.map_or(0, |standing| standing.poll_after_seconds);
        self.list.seen(fan, told_seconds, self.bench.now());
        Ok(())
    }

    async fn enter(&mut self, fan: u64) -> Checked {
        let now = self.bench.now();
        let Some(spot) = self.list.newest(fan) else { return Ok(()) };
        let pass = Pass::of(&spot.place);
        let expected = match spot.state_at(now) {
            PlaceState::Active(_) => Ok(()),
            // Whether trying the door is a sign of life is not said, so nobody here tries it from the line.
            PlaceState::Waiting | PlaceState::Skipped => return Ok(()),
            PlaceState::Ended { .. } => Err(NotLetIn::Ended),
        };
        prop_assert_eq!(self.bench.enter_with(pass).await, expected);
        if expected.is_ok() {
            self.list.has_come(fan);
        }
        Ok(())
    }

    async fn end(&mut self, fan: u64, only: Option<EntryId>, reason: EndReason) -> Checked {
        let now = self.bench.now();
        let user = samples::user(fan);
        let expected = match only {
            Some(_) => None,
            None => self.list.live(fan, now),
        };
        let answer = self.bench.room().end(self.bench.concert, user, only, reason).await.expect("answered");
        prop_assert_eq!(answer.map(|standing| standing.place), expected);
        if expected.is_some() {
            self.list.end(fan, reason, now);
        }
        Ok(())
    }

    async fn tick(&mut self) -> Checked {
        let now = self.bench.now();
        let figures = self.bench.tick().await;
        self.list.tick(self.bench.policy, &figures, now).map_err(TestCaseError::fail)
    }

    /// Everything that can be seen of every fan is what the list says.
    async fn compare(&mut self) -> Checked {
        let now = self.bench.now();
        for fan in 0..FANS {
            let found = self.bench.find(fan).await;
            self.list.check(fan, found, now).map_err(TestCaseError::fail)?;
        }
        self.list.compared();
        Ok(())
    }
}

/// One run in a line of its own, so that a run begins with an empty line and costs no new waiting room.
async fn run<F: LineFactory>(bench: &mut Bench<F>, steps: &[Step]) -> Checked {
    bench.concert = ConcertId::new(bench.concert.get() + 1);
    bench.policy.state = RoomState::Open;
    bench.policy.settings.max_active = 2;
    bench.policy.settings.admit_per_second_milli = 100_000_000;
    bench.policy.settings.session_seconds = 40;
    bench.policy.settings.claim_seconds = 15;
    bench.policy.settings.presence_seconds = PRESENCE_SECONDS;
    let mut twins = Twins { list: List::opened(bench.now()), bench };
    twins.tick().await?;
    for step in steps {
        twins.step(*step).await?;
    }
    Ok(())
}

/// Every answer, every place and every figure is that of the list, after every step of every run.
#[expect(
    clippy::unused_async,
    reason = "the runner of properties blocks; the cases of all suites have one shape"
)]
pub async fn every_step_agrees_with_a_sorted_list(factory: impl LineFactory) {
    let cases = u32::try_from(factory.crowd() / CROWD_A_RUN).expect("few runs");
    let bench = tokio::sync::Mutex::new(Bench::open(factory));
    // The same runs every time: a test that fails now and then is of no use to anybody.
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let steps = prop::collection::vec(step(), 1..STEPS_MAX);
    let runtime = tokio::runtime::Handle::current();
    let result = tokio::task::block_in_place(|| {
        runner.run(&steps, |steps| runtime.block_on(async { run(&mut *bench.lock().await, &steps).await }))
    });
    if let Err(error) = result {
        panic!("{error}");
    }
}
