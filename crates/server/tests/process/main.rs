//! Tests that start the binary: what only a process can show. Rules are proven in the crates that hold them.

mod cli;
mod client;
mod crash;
mod expiry;
mod issuer;
mod line;
mod refusals;
mod sale;
mod server;
mod stop;
