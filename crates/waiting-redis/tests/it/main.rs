//! The waiting room on real servers: one Redis, and a cluster of three.

mod conformance;
mod counts;
mod draws;
mod fail_over;
mod forms;
mod instances;
mod losses;
mod lost_draws;
mod messages;
mod outages;
mod own;
mod own_cluster;
mod rules;
mod scratch;
mod servers;
mod tls;
