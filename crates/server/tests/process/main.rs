//! Tests that start the binary: what only a process can show. Rules are proven in the crates that hold them.

mod api_fuzz;
mod arena;
mod cli;
mod client;
mod cluster;
mod crash;
mod crossing;
mod expiry;
mod fairness;
mod issuer;
mod line;
mod night;
mod opposite;
mod outages;
mod plans;
mod refusals;
mod restarts;
mod rounds;
mod sale;
mod server;
mod stop;
mod survivor;
mod wire;
