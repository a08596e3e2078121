//! Open loops: who waits is counted.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use frontrow_rehearsal::{Next, Pace, Plan, Repeat, Request, RunError, Script, Step, run};

use crate::server;

fn slow_server(delay: Duration) -> std::net::SocketAddr {
    server::answering(move |_| {
        server::pass(delay);
        server::answer(200, "slow")
    })
}

fn look() -> Repeat {
    Repeat::new(Request::get("slow", "/").to_bytes())
}

/// One connection, 20 ms an answer, an arrival every 2 ms: request k is due at 2k ms and can't be answered
/// before 20(k + 1) ms. A generator that omits the wait would report about 20 ms for each.
#[test]
fn an_open_loop_counts_the_wait_for_a_connection() {
    let plan = Plan::new(slow_server(Duration::from_millis(20)), 1).open(500.0).requests(20);
    let report = run(&plan, &mut look()).unwrap();
    assert_eq!(report.requests(), 20);
    let latency = report.latency();
    assert!(latency.p50 >= 20_000 + 9 * 18_000 - 1_000, "{latency}");
    assert!(latency.max >= 20_000 + 19 * 18_000 - 1_000, "{latency}");
}

#[test]
fn more_connections_take_the_arrivals_of_a_slow_one() {
    let plan = Plan::new(slow_server(Duration::from_millis(20)), 40).open(500.0).requests(20);
    let report = run(&plan, &mut look()).unwrap();
    assert_eq!(report.requests(), 20);
    assert!(report.latency().p50 >= 19_000, "{report}");
}

#[test]
fn an_open_loop_is_no_faster_than_its_schedule() {
    let plan = Plan::new(server::answering(|_| server::answer(200, "")), 4).open(1_000.0).requests(101);
    let report = run(&plan, &mut look()).unwrap();
    assert_eq!(report.requests(), 101);
    assert!(report.elapsed >= Duration::from_millis(100), "the last is due at 100 ms: {report}");
}

#[test]
fn arrivals_that_found_no_connection_are_reported() {
    let plan = Plan::new(slow_server(Duration::from_millis(500)), 1)
        .open(1_000.0)
        .duration(Duration::from_millis(100));
    let report = run(&plan, &mut look()).unwrap();
    assert_eq!((report.requests(), report.unsent), (1, 99));
    assert!(report.to_string().contains("too good"));
}

/// Three requests that the script wants at times of its own, over one connection.
struct Timetable {
    began: Option<Instant>,
    millis: VecDeque<u64>,
    ticks: usize,
}

impl Script for Timetable {
    fn due(&mut self) -> Option<Instant> {
        let began = *self.began.get_or_insert_with(Instant::now);
        Some(self.millis.front().map_or(began, |millis| began + Duration::from_millis(*millis)))
    }

    fn tick(&mut self, _now: Instant) {
        self.ticks += 1;
    }

    fn next(&mut self, _connection: usize, buffer: &mut Vec<u8>) -> Next {
        let Some(_) = self.millis.pop_front() else { return Next::Done };
        Request::get("slow", "/").write(buffer);
        Next::Send(Step(0))
    }
}

/// Two are due at once and the server takes 50 ms for each: the second waits for the first, and its wait counts. The
/// third is due when nothing else is going on.
#[test]
fn a_planned_loop_asks_when_the_script_says_and_counts_from_then() {
    let mut script = Timetable { began: None, millis: VecDeque::from([0, 0, 400]), ticks: 0 };
    let plan = Plan::new(slow_server(Duration::from_millis(50)), 1).planned();
    let report = run(&plan, &mut script).unwrap();
    assert_eq!(report.requests(), 3);
    assert!(report.latency().max >= 99_000, "the second has waited for the first: {report}");
    assert!(report.elapsed >= Duration::from_millis(445), "the third was not due sooner: {report}");
    assert!(script.ticks >= 4, "time goes by while nothing happens: {}", script.ticks);
}

#[test]
fn a_plan_that_contradicts_itself_is_refused() {
    let plan = Plan::new("127.0.0.1:9".parse().unwrap(), 1);
    for wrong in [
        Plan { connections: 0, ..plan.clone() },
        Plan { pace: Pace::Open { per_second: 0.0 }, ..plan.clone() },
        Plan { pace: Pace::Open { per_second: f64::NAN }, ..plan.clone() },
        plan.clone().requests(1).warm_up_percent(100),
        plan.clone().warm_up_percent(1),
        plan.clone().timeout(Duration::ZERO),
    ] {
        assert!(matches!(run(&wrong, &mut look()), Err(RunError::Plan(_))), "{wrong:?}");
    }
}
