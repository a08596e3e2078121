//! The waiting room on real servers: one Redis, and a cluster of three.

mod conformance;
mod counts;
mod instances;
mod losses;
mod messages;
mod outages;
mod own;
mod rules;
mod servers;
