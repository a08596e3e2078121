//! Frontrow's use cases, over ports.
//!
//! Everything that changes anything is a [`Command`]: it names the records that it touches and has one pure,
//! synchronous function that decides. The [`BoxOffice`] merges whatever has queued up into a [`Group`]; a
//! [`Store`](store::Store) loads what the group names, lets it decide, saves what changed, commits. Answers go
//! out after the commit. There is no other way to write.
//!
//! Reads do not go through commands: they use the query ports in [`store`] and what is kept in memory here
//! (the seat boards and the catalogue cache).
//!
//! This crate imports no adapter: no SQL, no HTTP, no broker. Each feature is a module of the same name as in
//! `frontrow-domain`, with one file per use case. To add a use case, see CONTRIBUTING.md.

pub mod account;
pub mod app;
pub mod attempts;
pub mod audit;
pub mod box_office;
pub mod catalog;
pub mod clock;
pub mod command;
pub mod copy;
pub mod events;
pub mod group;
pub mod jobs;
mod lanes;
pub mod messages;
pub mod metric;
pub mod once;
pub mod payment;
pub mod queue;
pub mod reservation;
pub mod sales;
pub mod seldom;
pub mod staff;
pub mod store;
pub mod ticket;
pub mod trace;
pub mod waiting_room;
pub mod wallet;

pub use app::{App, Parts, SalesSettings, Settings};
pub use box_office::{BoxOffice, BoxOfficeSettings, Failure, Priority};
pub use clock::{Clock, Entropy};
pub use command::{Command, Stop};
pub use group::{Decision, Group, News};
pub use once::{Answered, OnceRefused, OnceTag};
