//! Tests of the application over a store in memory, which does all that a store must do.

mod box_office;
mod lanes;
mod lost_claims;
mod office;
mod scenarios;
mod simulation;
