//! Scripts with a memory.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use frontrow_rehearsal::{Answer, Next, Pace, Plan, Request, Script, Step, Then, run};

use crate::server;

const HOLD: Step = Step(0);
const PAY: Step = Step(1);

/// Hold, then pay what was held, for as many journeys as asked for.
struct Journeys {
    left: usize,
    /// What each connection holds.
    held: Vec<Option<String>>,
    paid: BTreeSet<String>,
}

impl Journeys {
    fn new(journeys: usize, connections: usize) -> Self {
        Self { left: journeys, held: vec![None; connections], paid: BTreeSet::new() }
    }
}

impl Script for Journeys {
    fn steps(&self) -> Vec<String> {
        ["hold", "pay"].map(str::to_owned).to_vec()
    }

    fn next(&mut self, connection: usize, buffer: &mut Vec<u8>) -> Next {
        if let Some(id) = &self.held[connection] {
            Request::post("shop", "/pay", id.as_bytes()).write(buffer);
            return Next::Send(PAY);
        }
        if self.left == 0 {
            return Next::Done;
        }
        self.left -= 1;
        Request::post("shop", "/hold", b"{}").write(buffer);
        Next::Send(HOLD)
    }

    fn answered(&mut self, connection: usize, step: Step, answer: &Answer<'_>) -> Then {
        let body = String::from_utf8_lossy(answer.body).into_owned();
        if step == HOLD {
            self.held[connection] = Some(body);
            Then::Stay
        } else {
            assert_eq!(self.held[connection].take(), Some(body.clone()), "the answer of another connection");
            self.paid.insert(body);
            Then::Free
        }
    }
}

/// Gives out holds 0, 1, … and answers a payment with what was paid.
fn shop() -> std::net::SocketAddr {
    let holds = Arc::new(AtomicUsize::new(0));
    server::answering(move |asked| match asked.path.as_str() {
        "/hold" => server::answer(201, &holds.fetch_add(1, Ordering::Relaxed).to_string()),
        _ => server::answer(200, &String::from_utf8_lossy(&asked.body)),
    })
}

#[test]
fn a_journey_uses_what_it_was_answered() {
    for pace in [Pace::Closed, Pace::Open { per_second: 5_000.0 }] {
        let mut journeys = Journeys::new(200, 8);
        let report = run(&Plan { pace, ..Plan::new(shop(), 8) }, &mut journeys).unwrap();
        assert_eq!(journeys.paid.len(), 200, "{pace:?}");
        let [hold, pay] = ["hold", "pay"].map(|name| report.step(name).unwrap().requests());
        assert_eq!((hold, pay, report.steps.len()), (200, 200, 2), "{pace:?}");
        assert_eq!(report.errors().total(), 0, "{pace:?}");
    }
}

/// Arrivals are journeys: of 100 that were due, those not held for are unsent, and payments are no arrivals.
#[test]
fn the_steps_of_a_journey_are_beside_the_schedule() {
    let mut journeys = Journeys::new(1_000, 8);
    let plan = Plan::new(shop(), 8).open(1_000.0).duration(Duration::from_millis(100));
    let report = run(&plan, &mut journeys).unwrap();
    assert_eq!(report.step("hold").unwrap().requests() + report.unsent, 100, "{report}");
}

#[test]
fn a_script_may_think_before_it_goes_on() {
    for pace in [Pace::Closed, Pace::Open { per_second: 1_000_000.0 }] {
        let think = Duration::from_millis(5);
        let mut thought = [false; 2];
        let mut left = 10;
        let mut script = |connection: usize, buffer: &mut Vec<u8>| {
            if left == 0 {
                return Next::Done;
            }
            thought[connection] = !thought[connection];
            if thought[connection] {
                return Next::Later(think);
            }
            left -= 1;
            Request::get("shop", "/pay").write(buffer);
            Next::Send(Step(0))
        };
        let began = Instant::now();
        let report = run(&Plan { pace, ..Plan::new(shop(), 2) }, &mut script).unwrap();
        assert_eq!(report.requests(), 10, "{pace:?}");
        assert!(began.elapsed() >= think * 5, "two connections think ten times: {pace:?}");
    }
}

#[test]
fn steps_without_a_name_are_reported_too() {
    let mut script = |_: usize, buffer: &mut Vec<u8>| {
        Request::get("shop", "/pay").write(buffer);
        Next::Send(Step(7))
    };
    let report = run(&Plan::new(shop(), 1).requests(3), &mut script).unwrap();
    assert_eq!(report.step("unnamed").unwrap().requests(), 3);
}
