//! A scenario that goes otherwise than it says fails, and shows where.

use std::panic::catch_unwind;

use frontrow_testkit::memory::MemoryFactory;
use frontrow_testkit::{bounded, scenario};

fn failure(text: &'static str) -> String {
    let failed = catch_unwind(|| bounded(scenario::check(MemoryFactory::new(), text)));
    let reason = failed.expect_err("the scenario is wrong");
    reason.downcast_ref::<String>().cloned().unwrap_or_default()
}

#[test]
fn every_answer_that_differs_is_shown_in_its_line() {
    let shown = failure(
        "schedule hall seats 2 price 50000
        fan alice 60000
        hold alice 1 -> taken 1
        hold alice 2 -> r1    # it is r2 by now
        balance alice -> 60000
        audit -> 3 differences",
    );
    let expected = "3 answers differ; this is how it went:
    1  schedule hall seats 2 price 50000
    2  fan alice 60000
!   3  hold alice 1 -> r1
       expected: taken 1
!   4  hold alice 2 -> r2
       expected: r1
    5  balance alice -> 60000
!   6  audit -> clean
       expected: 3 differences
";
    assert_eq!(shown, expected);
}

#[test]
fn a_step_without_an_answer_has_to_work() {
    let shown = failure(
        "schedule hall seats 2
        fan alice
        hold alice 1
        pay alice r1",
    );
    assert!(
        shown.contains("!   4  pay alice r1 -> declined 0 of 50000\n       expected: anything that works"),
        "{shown}"
    );
}

#[test]
fn what_is_no_step_is_told() {
    assert_eq!(failure("dance"), "there is no step \"dance\"");
    assert_eq!(failure("balance bob"), "nobody is called \"bob\"");
}
