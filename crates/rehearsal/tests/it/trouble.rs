//! Servers that split, close, lie and keep silent.

use std::collections::{BTreeMap, VecDeque};
use std::io::Read;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use frontrow_rehearsal::floor::{self, Floor, FloorHandle};
use frontrow_rehearsal::{
    Answer, Errors, Failure, Malformed, Next, Plan, Repeat, Request, RunError, Script, Step, Then, run,
};

use crate::server;

fn look() -> Repeat {
    Repeat::new(Request::get("server", "/").to_bytes())
}

/// Asks the same again and again and remembers what came of it.
#[derive(Default)]
struct Witness {
    bodies: Vec<Vec<u8>>,
    failures: Vec<Failure>,
}

impl Script for Witness {
    fn next(&mut self, _connection: usize, buffer: &mut Vec<u8>) -> Next {
        Request::get("server", "/").write(buffer);
        Next::Send(Step(0))
    }

    fn answered(&mut self, _connection: usize, _step: Step, answer: &Answer<'_>) -> Then {
        self.bodies.push(answer.body.to_vec());
        Then::Free
    }

    fn failed(&mut self, _connection: usize, _step: Step, failure: Failure) {
        self.failures.push(failure);
    }
}

/// Is held up while a connection that rests is closed on it.
struct HeldUp {
    due: VecDeque<Duration>,
    began: Instant,
    failures: Vec<Failure>,
}

impl Script for HeldUp {
    fn due(&mut self) -> Option<Instant> {
        Some(self.began + self.due.front().copied().unwrap_or_default())
    }

    fn next(&mut self, _connection: usize, buffer: &mut Vec<u8>) -> Next {
        if self.due.pop_front().is_none() {
            return Next::Done;
        }
        Request::get("server", "/").write(buffer);
        Next::Send(Step(0))
    }

    fn answered(&mut self, _connection: usize, _step: Step, answer: &Answer<'_>) -> Then {
        if answer.body == b"late" {
            server::pass(Duration::from_millis(1_500));
        }
        Then::Free
    }

    fn failed(&mut self, _connection: usize, _step: Step, failure: Failure) {
        self.failures.push(failure);
    }
}

#[test]
fn a_connection_that_was_closed_while_it_rested_costs_no_request() {
    let address = server::spawn(|number, peer| {
        // The second one is answered when the first has rested for long, which is closed while the script is busy.
        if number == 1 && peer.request().is_some() {
            server::pass(Duration::from_millis(1_200));
            peer.write(server::answer(200, "late").as_bytes());
        }
        while peer.request().is_some() {
            peer.write(server::answer(200, "soon").as_bytes());
            if number == 0 {
                server::pass(Duration::from_secs(2));
                return;
            }
        }
    });
    let due = [0, 0, 2_400].map(Duration::from_millis).into();
    let mut script = HeldUp { due, began: Instant::now(), failures: Vec::new() };
    let report = run(&Plan::new(address, 2).planned(), &mut script).unwrap();
    assert_eq!(script.failures, []);
    assert_eq!((report.statuses(), report.reconnects), (BTreeMap::from([(200, 3)]), 1));
}

#[test]
fn an_answer_may_come_in_many_pieces() {
    let address = server::spawn(|_, peer| {
        while peer.request().is_some() {
            for piece in server::answer(200, "in pieces").as_bytes().chunks(7) {
                peer.write(piece);
                server::pass(Duration::from_millis(1));
            }
        }
    });
    let mut witness = Witness::default();
    let report = run(&Plan::new(address, 2).requests(6), &mut witness).unwrap();
    assert_eq!(witness.bodies, vec![b"in pieces".to_vec(); 6]);
    assert_eq!((report.errors(), report.reconnects), (Errors::default(), 0));
}

#[test]
fn an_answer_may_be_larger_than_any_buffer() {
    let body: String = (0..300_000).flat_map(|number: u32| [number.to_string(), ",".to_owned()]).collect();
    let sent = body.clone();
    let address = server::answering(move |_| server::answer(200, &sent));
    let mut witness = Witness::default();
    let report = run(&Plan::new(address, 2).requests(4), &mut witness).unwrap();
    assert_eq!(report.requests(), 4, "{report}");
    assert!(witness.bodies.iter().all(|got| *got == body.as_bytes()));

    let small = Plan { max_answer_bytes: 1_000_000, ..Plan::new(address, 1).requests(1) };
    run(&small, &mut witness).unwrap();
    assert_eq!(witness.failures, [Failure::Malformed(Malformed::TooLong)]);
}

#[test]
fn a_request_may_be_larger_than_the_socket_takes() {
    let address = server::answering(|asked| server::answer(200, &asked.body.len().to_string()));
    let body = vec![b'x'; 8 << 20];
    let mut script = Repeat::new(Request::post("server", "/", &body).to_bytes());
    let report = run(&Plan::new(address, 2).requests(4), &mut script).unwrap();
    assert_eq!((report.statuses(), report.errors()), (BTreeMap::from([(200, 4)]), Errors::default()));
}

#[test]
fn an_answer_before_the_end_of_the_request_counts_and_costs_the_connection() {
    let address = server::spawn(|_, peer| {
        if peer.head().is_some() {
            peer.write(server::answer(413, "too much").as_bytes());
            peer.linger();
        }
    });
    // More than the socket buffers of both ends may grow to.
    let body = vec![b'x'; 64 << 20];
    let mut script = Repeat::new(Request::post("server", "/", &body).to_bytes());
    let report = run(&Plan::new(address, 1).requests(2), &mut script).unwrap();
    assert_eq!((report.statuses(), report.errors()), (BTreeMap::from([(413, 2)]), Errors::default()));
    assert_eq!(report.reconnects, 1, "after the last one nobody needs a connection");
}

#[test]
fn a_server_that_closes_in_the_middle_costs_one_request_and_no_more() {
    let address = server::spawn(|number, peer| {
        while peer.request().is_some() {
            let whole = server::answer(200, "whole");
            let cut = if number < 3 { 20 * number } else { whole.len() };
            peer.write(&whole.as_bytes()[..cut]);
            if number < 3 {
                return;
            }
        }
    });
    let mut witness = Witness::default();
    let report = run(&Plan::new(address, 1).requests(10), &mut witness).unwrap();
    assert_eq!(report.errors(), Errors { closed: 3, ..Errors::default() });
    assert_eq!((report.requests(), report.reconnects), (7, 3));
    assert_eq!(witness.failures, [Failure::Closed; 3]);
    assert_eq!(witness.bodies, vec![b"whole".to_vec(); 7]);
}

#[test]
fn a_server_that_says_it_closes_costs_nothing() {
    let address = server::spawn(|_, peer| {
        peer.request();
        peer.write(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
    });
    let report = run(&Plan::new(address, 2).requests(20), &mut look()).unwrap();
    assert_eq!((report.requests(), report.errors()), (20, Errors::default()));
    assert!(report.reconnects >= 18, "{report}");
}

#[test]
fn a_connection_closed_while_idle_is_replaced_without_an_error() {
    let accepted = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&accepted);
    let address = server::spawn(move |_, peer| {
        counter.fetch_add(1, Ordering::SeqCst);
        if peer.request().is_some() {
            peer.write(server::answer(200, "and good-bye").as_bytes());
        }
    });
    let mut sent = 0;
    let mut script = |_: usize, buffer: &mut Vec<u8>| {
        // The next request only once its connection has been replaced.
        if accepted.load(Ordering::SeqCst) <= sent {
            return Next::Later(Duration::from_millis(1));
        }
        sent += 1;
        Request::get("server", "/").write(buffer);
        Next::Send(Step(0))
    };
    let report = run(&Plan::new(address, 1).requests(3), &mut script).unwrap();
    assert_eq!((report.requests(), report.errors(), report.reconnects), (3, Errors::default(), 2));
}

#[test]
fn answers_that_cannot_be_read_are_errors_with_a_reason() {
    for (bytes, reason) in [
        ("SMTP 220 hello\r\n\r\n", "head"),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", "content-length"),
        ("HTTP/1.1 200 OK\r\n\r\nuntil I close", "without a content-length"),
        ("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n", "no request asked for"),
    ] {
        let address = server::spawn(move |_, peer| {
            while peer.request().is_some() {
                peer.write(bytes.as_bytes());
            }
        });
        let report = run(&Plan::new(address, 1).requests(3), &mut look()).unwrap();
        assert_eq!(report.errors(), Errors { malformed: 3, ..Errors::default() }, "{bytes}");
        assert_eq!((report.requests(), report.reconnects), (0, 2), "{bytes}");
        let text = report.to_string();
        assert!(report.first_malformed.is_some_and(|first| first.contains(reason)), "{text}");
    }
}

#[test]
fn a_server_that_never_answers_is_given_up_on() {
    let address = server::spawn(|_, peer| {
        peer.request();
        peer.linger();
    });
    let timeout = Duration::from_millis(50);
    let mut witness = Witness::default();
    let report = run(&Plan::new(address, 2).requests(4).timeout(timeout), &mut witness).unwrap();
    assert_eq!(report.errors(), Errors { timeout: 4, ..Errors::default() });
    assert_eq!((report.requests(), report.latency().max), (0, 0));
    assert_eq!(witness.failures, [Failure::Timeout; 4]);
}

#[test]
fn a_server_that_is_not_there_is_an_error_at_once() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let error = run(&Plan::new(address, 8).requests(1), &mut look()).unwrap_err();
    assert!(matches!(error, RunError::Unreachable(at) if at == address));
}

#[test]
fn a_server_that_goes_away_for_good_ends_the_run() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        drop(listener);
        let _ = stream.read(&mut [0; 1_024]);
    });
    let plan = Plan::new(address, 1).requests(10).patience(Duration::from_millis(200));
    let report = run(&plan, &mut look()).unwrap();
    assert!(report.abandoned && report.to_string().contains("away"), "{report}");
    assert_eq!(report.errors().closed, 1);
    assert!(report.errors().connect > 0);
}

/// Stops the server after ten answers, and starts another in its place at the first request lost by that.
struct Restart {
    address: SocketAddr,
    running: Option<FloorHandle>,
    answers: u64,
    restarted: bool,
}

impl Script for Restart {
    fn next(&mut self, _connection: usize, buffer: &mut Vec<u8>) -> Next {
        Request::get("floor", "/floor").write(buffer);
        Next::Send(Step(0))
    }

    fn answered(&mut self, _connection: usize, _step: Step, _answer: &Answer<'_>) -> Then {
        self.answers += 1;
        if self.answers == 10 {
            self.running.take().map(FloorHandle::stop);
        }
        Then::Free
    }

    fn failed(&mut self, _connection: usize, _step: Step, failure: Failure) {
        assert_eq!(failure, Failure::Closed);
        if !self.restarted {
            let listener = floor::listen(self.address).expect("the port is free again");
            thread::spawn(move || Floor::default().serve_blocking(listener));
            self.restarted = true;
        }
    }
}

#[test]
fn a_run_goes_on_with_a_restarted_server() {
    let running = Floor::default().spawn().unwrap();
    let address = running.address();
    let mut script = Restart { address, running: Some(running), answers: 0, restarted: false };
    let report = run(&Plan::new(address, 8).requests(500), &mut script).unwrap();
    assert_eq!(report.requests() + report.errors().closed, 500, "{report}");
    assert!(report.requests() > 400 && report.reconnects >= 8 && !report.abandoned, "{report}");
}
