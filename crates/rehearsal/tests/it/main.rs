//! The generator against the floor, and against servers that misbehave on purpose.
//!
//! Nothing here asserts speed: bounds on time are lower bounds that arithmetic guarantees on any machine.

mod floor;
mod pace;
mod script;
mod server;
mod trouble;
