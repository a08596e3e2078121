//! Tests of the application over a store in memory, which does all that a store must do.

mod admitted;
mod box_office;
mod box_office_steps;
mod contract;
mod draw;
mod estimates;
mod events;
mod feed;
mod instances;
mod lanes;
mod line_conformance;
mod looks;
mod lost_claims;
mod messages;
mod office;
mod queue;
mod scenarios;
mod simulation;
mod sold_out;
mod staff;
