//! Tests of the test support itself, and of the house.

mod house;
mod memory;
mod scenario;
