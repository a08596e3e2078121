//! Frontrow's load generator: what stands in for the crowd when speed is measured.
//!
//! **What it is.** One thread, one epoll, many keep-alive HTTP/1.1 connections, requests written as ready
//! bytes, answers read by a minimal parser. It has to be cheaper than the server it loads, because both share
//! the machine. Closed loops find the most that a server can do ([`Pace::Closed`]); open loops find how long
//! people wait at a given arrival rate ([`Pace::Open`]), timed from the moment each request was *due*, so that
//! a stalled server can't hide its stall by stalling the generator. The [`floor`] is the bare server that
//! figures are put in proportion to: ratios travel between machines, absolute figures don't.
//!
//! **What it is not.** Not an HTTP client: no TLS, HTTP/2, pipelining, redirects, compression or cookies, and
//! chunked answers are refused with a reason ([`Malformed::Chunked`]). Not a judge of speed: it asserts
//! nothing, and a load result counts only once the store's audit has passed.
//!
//! **What holds.** A connection has at most one request in flight. Every request that left is reported once:
//! as an answer under its status, or as an error by kind; arrivals that found no connection before the end are
//! reported as unsent. Memory is bounded by connections × ([`Plan::max_answer_bytes`] + the largest request).
//! Nothing is repeated silently: a request lost with its connection is an error, and the script is told.
//!
//! The [`night`] of a sale, with fans from the line to the ticket, is what `frontrow rehearse` fires.
//!
//! # Adding a scenario
//!
//! 1. Implement [`Script`]: `steps` names the kinds of requests, `next` writes one with [`Request`] and says
//!    which step it is, `answered` reads the answer. State of a journey is kept per connection index, which
//!    survives reconnects; `failed` is where a journey starts over. A closure is a script of one step.
//! 2. In an open loop an arrival starts a journey when `answered` gives [`Then::Stay`] until its last step.
//! 3. Write a [`Plan`] ([`Pace::Planned`] where arrivals follow a curve), [`run`] it, and print the [`Report`] beside that of the floor from the same run:
//!    [`floor::FloorAnswer::sampled`] makes a floor that answers with the bytes of the measured route.
//!
//! ```
//! use frontrow_rehearsal::{Next, Plan, Request, Step, floor::Floor, run};
//!
//! let floor = Floor::default().spawn()?;
//! let host = floor.address().to_string();
//! let mut script = |_connection: usize, buffer: &mut Vec<u8>| {
//!     Request::post(&host, "/floor", br#"{"seats":[7]}"#).write(buffer);
//!     Next::Send(Step(0))
//! };
//! let report = run(&Plan::new(floor.address(), 4).requests(100), &mut script)?;
//! assert_eq!(report.statuses()[&200], 100);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod floor;
pub mod night;

mod answer;
mod clock;
mod connection;
mod engine;
mod listeners;
mod plan;
mod pool;
mod report;
mod request;
mod schedule;
mod script;
mod tally;

pub use answer::{Answer, Malformed};
pub use engine::{RunError, run};
pub use listeners::Listeners;
pub use plan::{Pace, Plan};
pub use report::{Errors, Latency, Report, Spread, StepReport};
pub use request::Request;
pub use script::{Failure, Next, Repeat, Script, Step, Then};
