//! Tests that start the binary: what only a process can show. Rules are proven in the crates that hold them.

mod api_fuzz;
mod arena;
mod cli;
mod client;
mod cluster;
mod crash;
mod expiry;
mod issuer;
mod line;
mod outages;
mod plans;
mod refusals;
mod sale;
mod server;
mod stop;
