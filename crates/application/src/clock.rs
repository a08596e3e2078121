//! The ports for what a pure function must not reach for: the time, and randomness.

use frontrow_domain::Timestamp;
use uuid::Uuid;

/// Tells the time.
///
/// MUST never go back within a process. Nothing but its adapters reads a clock.
pub trait Clock: Send + Sync + 'static {
    /// The present moment.
    fn now(&self) -> Timestamp;
}

/// Draws ids.
///
/// MUST answer `UUIDv7`s that are unique over all instances and grow with time within a process, so that lists
/// in order of id are in order of age.
pub trait Entropy: Send + Sync + 'static {
    /// A new id.
    fn uuid(&self) -> Uuid;
    /// Bytes that nobody can guess, also who knows all that were drawn before.
    fn secret(&self) -> [u8; 32];
}
