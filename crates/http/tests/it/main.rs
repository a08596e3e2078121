//! Tests of the HTTP interface: requests through the router, in process, over an application on a real store.

mod access;
mod account;
mod admin;
mod catalog;
mod external;
mod failures;
mod idempotency;
mod input;
mod payment;
mod reservation;
mod serve;
mod service;
mod wallet;
mod world;
