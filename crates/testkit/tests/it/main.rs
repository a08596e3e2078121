//! Tests of the test support itself, and of the house.

mod house;
mod line;
mod memory;
mod scenario;
