//! Tests of the HTTP interface: requests through the router, in process, over an application on a real store.

mod access;
mod account;
mod admin;
mod audit_log;
mod catalog;
mod external;
mod failures;
mod idempotency;
mod input;
mod limits;
mod line;
mod logs;
mod payment;
mod queue;
mod queue_control;
mod queue_gate;
mod queue_stream;
mod reservation;
mod serve;
mod service;
mod streams;
mod wallet;
mod world;
