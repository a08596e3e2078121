//! Generated evenings on SQLite and on MySQL: every answer, every query and every event is the same.
//!
//! `FRONTROW_DIFFERENTIAL_CASES=500` has as many evenings. The seed is the same in every run unless
//! `PROPTEST_RNG_SEED` says another.

use std::cell::Cell;
use std::sync::Arc;

use frontrow_application::Clock;
use frontrow_domain::event::{Event, OutboxEvent};
use frontrow_testkit::differential::{Act, compare, evening};
use frontrow_testkit::memory::MemoryFactory;
use frontrow_testkit::{Opened, StoreFactory, bounded};
use proptest::test_runner::{Config, RngSeed, TestCaseError, TestError, TestRunner};

use crate::factories::{Embedded, Shared, careless_server};

/// Evenings of a plain run.
const CASES: u32 = 24;
/// How often a failing evening is cut down: each cut is an evening on two new stores.
const CUTS_MAX: u32 = 150;
/// Any number: the same in every run, so that a finding is found again.
const SEED: u64 = 5;

#[expect(clippy::disallowed_methods, reason = "a long run is asked for from outside")]
fn asked(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().and_then(|text| text.parse().ok())
}

fn runner(cases: u32) -> TestRunner {
    TestRunner::new(Config {
        cases,
        max_shrink_iters: CUTS_MAX,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(asked("PROPTEST_RNG_SEED").unwrap_or(SEED)),
        ..Config::default()
    })
}

#[test]
fn sqlite_and_mysql_answer_the_same() {
    let cases =
        asked("FRONTROW_DIFFERENTIAL_CASES").and_then(|cases| u32::try_from(cases).ok()).unwrap_or(CASES);
    let server = careless_server();
    let (held, is_found) = (Cell::new(0), Cell::new(false));
    let result = runner(cases).run(&evening(), |acts| {
        let compared = bounded(async { compare(&acts, Embedded::new(), Shared::on(&server)).await });
        if let Err(found) = &compared
            && !is_found.replace(true)
        {
            // Cutting it down takes its time.
            eprintln!("they disagree, after {} acts: {found}", acts.len());
        }
        held.set(held.get() + compared.map_err(TestCaseError::fail)?);
        Ok(())
    });
    if let Err(found) = result {
        panic!("{found}");
    }
    eprintln!("{} reservations in {cases} evenings", held.get());
    // Evenings on which nobody holds a seat compare nothing.
    assert!(held.get() >= cases as usize, "{} reservations in {cases} evenings", held.get());
}

/// A store that says nothing of holds in its outbox.
struct Forgetful(MemoryFactory);

impl StoreFactory for Forgetful {
    fn open(&self, clock: Arc<dyn Clock>) -> Opened {
        self.0.open(clock)
    }

    fn outbox(&self) -> Vec<OutboxEvent> {
        let mut events = self.0.outbox();
        events.retain(|event| !matches!(event.event, Event::ReservationCreated(_)));
        events
    }
}

/// A difference is found, and the evening is cut down to the one act that matters.
#[test]
fn control_a_store_that_forgets_is_found_out() {
    let result = runner(64).run(&evening(), |acts| {
        let compared = compare(&acts, MemoryFactory::new(), Forgetful(MemoryFactory::new()));
        bounded(compared).map(drop).map_err(TestCaseError::fail)
    });
    let Err(TestError::Fail(reason, acts)) = result else { panic!("nothing was found: {result:?}") };
    assert!(matches!(acts[..], [Act::Hold { .. } | Act::Best { .. }]), "{reason}\n{acts:#?}");
}
