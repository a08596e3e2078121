//! The night of a sale, as its fans live it: what `frontrow rehearse` fires at a server.
//!
//! **What it is.** A crowd that is drawn from a seed ([`Fan`]), its arrivals on a curve ([`Curve`]), and a script
//! ([`Crowd`]) that takes each fan through the sale: join the line, ask when told to, look at the map, think, ask for seats,
//! collide and ask for others, charge, pay, or give up. A share of them follows streams and does not ask. The loop is open: whoever is due asks, whatever the server does,
//! and what they wait for a connection counts. What came of it is an [`Outcome`], held against [`Targets`] in a [`Verdict`],
//! and told as JSON or as a page for people ([`page()`]).
//!
//! **What it is not.** It starts no server, prepares no concert, and audits nothing: whoever does hands the results in.
//! Only HTTP is spoken.
//!
//! **What holds.** The same seed, crowd and settings draw the same fans: when each comes, with how many, how they choose,
//! how long they think, and what they give up over. What they meet depends on the server, so two runs differ where fans
//! meet each other. Every fan ends exactly once, under one of [`End::ALL`]. Order is judged by answers alone ([`order`]).

mod chart;
mod crowd;
mod curve;
mod ears;
mod end;
mod fan;
mod hall;
mod hearing;
mod journey;
pub mod order;
mod outcome;
mod page;
mod plain;
mod sale;
mod targets;
mod verdict;
mod wire;

pub use crowd::{Crowd, Night};
pub use curve::Curve;
pub use end::End;
pub use fan::{Crew, Fan, Picks, Surrender};
pub use hall::Hall;
pub use outcome::{Audit, Hearing, Order, Outcome, Sample, Settings, StepFigures, Streams};
pub use page::page;
pub use sale::{LogIn, Sale};
pub use targets::Targets;
pub use verdict::{Check, Verdict};
