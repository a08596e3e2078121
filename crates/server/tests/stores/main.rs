//! The embedded store and the shared one, side by side: what one answers the other answers. Each has the conformance suite
//! in its own crate; this is where both are known.

mod differential;
mod factories;
