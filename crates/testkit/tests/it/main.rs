//! Tests of the test support itself, and of the house.

mod attempts;
mod capacity;
mod delivery;
mod documents;
mod figures;
mod house;
mod line;
mod memory;
mod messages;
mod scenario;
mod supply;
