//! Tests of the test support itself, and of the house.

mod memory;
