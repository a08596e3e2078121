//! The floor answers as configured, and the generator counts what it answers.

use std::collections::BTreeMap;
use std::process::Command;
use std::time::Duration;

use frontrow_rehearsal::floor::{Floor, FloorAnswer, FloorProcess};
use frontrow_rehearsal::{Errors, Next, Plan, Repeat, Report, Request, Script, Step, run};

use crate::server;

#[test]
fn every_request_is_sent_and_counted_once() {
    let floor = Floor { post: FloorAnswer::sized(60, 600), get: FloorAnswer::sized(0, 2_000) };
    let floor = floor.spawn().unwrap();
    let host = floor.address().to_string();
    let report = run(&Plan::new(floor.address(), 32).requests(5_000), &mut TwoRoutes { host }).unwrap();

    assert_eq!(report.requests(), 5_000);
    assert_eq!(report.statuses(), BTreeMap::from([(200, 5_000)]));
    assert_eq!(report.errors(), Errors::default());
    assert_eq!((report.reconnects, report.unsent, report.abandoned), (0, 0, false));
    let [get, post] = ["look", "hold"].map(|name| report.step(name).unwrap());
    assert_eq!(get.requests() + post.requests(), 5_000);
    assert!(get.bytes > get.requests() * 2_000 && get.bytes < get.requests() * 2_200);
    assert!(post.bytes > post.requests() * 660 && post.bytes < post.requests() * 860);
    let latency = report.latency();
    assert!(latency.p50 > 0 && latency.p50 <= latency.p99 && latency.p99 <= latency.max);
    assert!(report.rate() > 0.0);
    let text = report.to_string();
    assert!(text.contains("5000 answers") && text.contains("200: 5000") && text.contains("hold"), "{text}");
    floor.stop().unwrap();
}

/// Odd connections look, even ones hold.
struct TwoRoutes {
    host: String,
}

impl Script for TwoRoutes {
    fn steps(&self) -> Vec<String> {
        ["look", "hold"].map(str::to_owned).to_vec()
    }

    fn next(&mut self, connection: usize, buffer: &mut Vec<u8>) -> Next {
        if connection % 2 == 1 {
            Request::get(&self.host, "/floor").write(buffer);
            Next::Send(Step(0))
        } else {
            Request::post(&self.host, "/floor", br#"{"seats":[1]}"#).write(buffer);
            Next::Send(Step(1))
        }
    }
}

#[test]
fn a_floor_takes_after_the_measured_route() {
    let measured = server::answering(|_| {
        "HTTP/1.1 201 Created\r\nX-Request-Id: 7\r\nDate: now\r\nContent-Length: 2\r\n\r\n{}".to_owned()
    });
    let request = Request::get("measured", "/").to_bytes();
    let sample = FloorAnswer::sampled(measured, &request).unwrap().unwrap();
    assert_eq!((sample.status.as_u16(), &sample.body[..]), (201, &b"{}"[..]));
    assert_eq!(sample.headers.len(), 1, "date and length are hyper's: {:?}", sample.headers);

    let floor = Floor { get: sample.clone(), ..Floor::default() }.spawn().unwrap();
    let request = Request::get("floor", "/floor").to_bytes();
    let copy = FloorAnswer::sampled(floor.address(), &request).unwrap().unwrap();
    assert_eq!((copy.status, copy.body, copy.headers), (sample.status, sample.body, sample.headers));
}

#[test]
fn sized_answers_have_their_size() {
    for (header_bytes, body_bytes) in [(0, 0), (0, 1), (13, 2), (200, 1_000)] {
        let plain = FloorAnswer::sized(0, body_bytes);
        let answer = FloorAnswer::sized(header_bytes, body_bytes);
        assert_eq!(answer.body.len(), body_bytes);
        let bytes = |answer: &FloorAnswer| -> usize {
            answer.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum()
        };
        assert_eq!(bytes(&answer), bytes(&plain) + header_bytes);
    }
}

#[test]
fn the_warm_up_is_sent_and_not_counted() {
    let floor = Floor::default().spawn().unwrap();
    let mut sent = 0;
    let request = Request::get("floor", "/floor").to_bytes();
    let mut script = |_: usize, buffer: &mut Vec<u8>| {
        sent += 1;
        buffer.extend_from_slice(&request);
        Next::Send(Step(0))
    };
    let report = run(&Plan::new(floor.address(), 4).requests(500).warm_up_percent(20), &mut script).unwrap();
    assert_eq!((sent, report.requests()), (500, 400));
}

#[test]
fn a_duration_ends_a_run() {
    let floor = Floor::default().spawn().unwrap();
    let duration = Duration::from_millis(200);
    let plan = Plan::new(floor.address(), 4).duration(duration).warm_up_percent(50);
    let report = run(&plan, &mut Repeat::new(Request::get("floor", "/floor").to_bytes())).unwrap();
    assert!(report.elapsed >= duration / 2, "{report}");
    assert_eq!(report.errors().total(), 0);
}

#[test]
fn ratios_are_of_rates() {
    let floor = Floor::default().spawn().unwrap();
    let mut script = Repeat::new(Request::get("floor", "/floor").to_bytes());
    let report = run(&Plan::new(floor.address(), 1).requests(50), &mut script).unwrap();
    let slower = Report { elapsed: report.elapsed * 2, ..report.clone() };
    assert!((slower.ratio_to(&report) - 0.5).abs() < 1e-9);
}

#[test]
fn a_floor_process_is_known_by_the_address_it_says() {
    let mut says_one = Command::new("echo");
    says_one.arg("127.0.0.1:9");
    assert_eq!(FloorProcess::start(says_one).unwrap().address(), "127.0.0.1:9".parse().unwrap());
    let error = FloorProcess::start(Command::new("true")).unwrap_err().to_string();
    assert!(error.contains("no address"), "{error}");
}
