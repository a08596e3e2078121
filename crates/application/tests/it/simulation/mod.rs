//! Seeded nights: fans, staff and jobs do what they like, the store fails, the clock jumps, the process dies; and
//! after every step everything must agree.
//!
//! A night is a seed: the same one goes the same way, command by command and group by group. The store is the one
//! in memory, the box office has its one worker, and what shares a group is decided by a door that is shut while
//! commands queue up. A seed that fails is printed with all its steps; it becomes a scenario.
//!
//! `FRONTROW_SIMULATION_SEEDS=10000` runs as many.

mod night;
mod step;

use frontrow_domain::event::OutboxEvent;
use frontrow_testkit::bounded;

use night::Night;

/// How many nights a plain run has.
const SEEDS: u64 = 50;
/// How many steps a night has.
const STEPS: usize = 60;

/// How many nights are asked for.
#[expect(
    clippy::disallowed_methods,
    reason = "a long run is asked for from outside; nothing else here depends on it"
)]
fn seeds() -> u64 {
    std::env::var("FRONTROW_SIMULATION_SEEDS").ok().and_then(|text| text.parse().ok()).unwrap_or(SEEDS)
}

/// Says which night failed, and how it went.
struct Witness {
    seed: u64,
    steps: Vec<String>,
}

impl Drop for Witness {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the night of seed {} failed after these steps:", self.seed);
            for step in &self.steps {
                eprintln!("  {step}");
            }
        }
    }
}

async fn run(seed: u64) -> Night {
    let mut witness = Witness { seed, steps: Vec::new() };
    let mut night = Night::open(seed).await;
    for _ in 0..STEPS {
        let step = night.choose();
        witness.steps.push(format!("{step:?}"));
        night.take(step).await;
        night.check().await;
    }
    night
}

/// What was written for others in a night, in order.
pub(crate) fn events_of_a_night(seed: u64) -> Vec<OutboxEvent> {
    bounded(async move { run(seed).await.events() })
}

#[test]
fn everything_agrees_after_every_step_of_every_night() {
    let mut seen = night::Seen::default();
    for seed in 0..seeds() {
        seen.add(bounded(async move { run(seed).await.seen() }));
    }
    // A simulation in which nothing happens proves nothing.
    assert!(seen.is_eventful(), "these nights were too quiet: {seen:?}");
}

#[test]
fn the_same_seed_is_the_same_night() {
    let night = |seed| bounded(async move { run(seed).await.memoir() });
    for seed in [3, 17] {
        assert_eq!(night(seed), night(seed));
    }
    assert_ne!(night(3), night(17));
}
