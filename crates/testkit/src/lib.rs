//! Test support for Frontrow. Only ever a dev-dependency: nothing here is fit to serve anybody.
//!
//! - [`clock`]: a time that tests turn by hand, and ids that are the same in every run.
//! - [`stage`]: an application over any store, with builders for what a sale needs.
//! - [`scenario`]: whole evenings as text; `check` runs one and compares every answer.
//! - [`conformance`]: what every store must do, each case named once. [`store_suite!`] runs all of it on a store.
//! - [`memory`]: a store in plain maps. It runs the whole suite, which is the licence to test with it.
//! - [`wire`]: a network in front of a server, which can be cut and fall silent.
//! - [`faults`]: a decorator that makes a store busy, unavailable, unclear or slow on demand.
//! - [`mod@line`]: the same for waiting rooms: a journal in plain maps, one that fails on demand, lines that break a
//!   promise. [`conformance::line`] is what every waiting room must do; [`line_suite!`] runs all of it on one.
//! - [`delivery`]: the same for what is kept of events on their way to others; [`delivery_suite!`].
//! - [`differential`]: the same evening on two stores, generated, and cut down to what matters when they disagree.
//! - [`services`]: a MariaDB and a Redis of a test's own, which it may stop and start again.
//! - [`messages`]: a network between instances, which a test may make lose, repeat and swap what it carries.
//!
//! This crate imports no adapter. A store's own tests hand it a [`StoreFactory`] and one line of macro; see
//! [`store_suite!`]. To add a case, write an `async fn` in a module of [`conformance`] and name it once in the
//! table there: every store runs it from then on.
//!
//! Tests wait for conditions, never for a time; every wait is bounded by [`bounded`].
#![allow(clippy::missing_panics_doc, reason = "everything here reports by panicking: that is how tests fail")]

pub mod clock;
pub mod conformance;
pub mod delivery;
pub mod differential;
pub mod faults;
pub mod line;
pub mod memory;
pub mod messages;
pub mod passwords;
pub mod samples;
pub mod scenario;
pub mod services;
pub mod settings;
pub mod stage;
pub mod store;
pub mod wire;

pub use clock::{ManualClock, SeededEntropy};
pub use passwords::CheapPasswords;
pub use stage::Stage;
pub use store::{Opened, StoreFactory};

use std::future::Future;
use std::time::Duration;

/// The longest that one test may take before it counts as hung. No test comes near it; it is not a timing assert.
const CASE_MAX: Duration = Duration::from_mins(3);

/// Runs a test on a runtime of its own, on several threads, and fails it when it hangs.
pub fn bounded<F: Future>(case: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("the system can start a runtime");
    let result = runtime.block_on(async { tokio::time::timeout(CASE_MAX, case).await });
    // A hung case may have left threads behind that never end.
    runtime.shutdown_background();
    result.expect("the test ends")
}
