//! What one fan may have: so many requests a second and so many open streams of each server, and so many joins a minute
//! over all servers (issue "bots and crowds"). And what all of them together may have at once: so many requests in flight,
//! by what they are for (`load`).
//!
//! A fan is known by account where an access token says who asks, and by place where a queue token does. Staff are
//! not limited, because a door has many scanners and one account. Requests that name nobody are limited by what
//! they may ask for: all that is public is kept ready for everybody.
//!
//! Everything here is bounded, and kept in shards with a lock each, so that two requests at once hardly ever meet.

mod joins;
mod load;
mod rate;
mod streams;

use parking_lot::{Mutex, MutexGuard};

pub(crate) use joins::JoinLimit;
pub(crate) use load::{Class, InFlight, Load};
pub(crate) use rate::RequestLimit;
pub(crate) use streams::{NewestStream, OpenStreams, SeatStream};

/// Locks. Many more than there are processors.
const SHARDS: usize = 64;

/// Something that is kept by id, in shards.
struct Shards<T>(Box<[Mutex<T>]>);

impl<T: Default> Default for Shards<T> {
    fn default() -> Self {
        Self((0..SHARDS).map(|_| Mutex::default()).collect())
    }
}

impl<T> Shards<T> {
    /// The shard of an id. The tail of a `UUIDv7` is random.
    fn of(&self, id: &[u8; 16]) -> MutexGuard<'_, T> {
        self.0[usize::from(id[15]) % SHARDS].lock()
    }
}
