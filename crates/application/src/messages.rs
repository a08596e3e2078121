//! The port by which the instances that share a store tell each other what is new.
//!
//! Nothing is decided by a message, and nothing is wrong without one: whoever is told something in this way finds it out
//! by asking the store as well, only later. So a message may get lost.

use std::future::Future;
use std::pin::Pin;

/// What a call of [`Messages`] answers.
pub type Message<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Why a message was not sent, in words for the log. Nobody can say whether it arrived all the same.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the message was not sent: {0}")]
pub struct NotSent(pub String);

/// Carries messages between the instances that share a store.
///
/// An adapter MUST carry a message, byte by byte, to every instance that listens while nothing is wrong, the one that sent
/// it perhaps among them. It MAY lose messages, repeat them, and bring them in another order; it MAY bring what others
/// have written. It MUST NOT keep more than a bounded number of messages for an instance that takes none.
pub trait Messages: Send + Sync + 'static {
    /// Sends a message. MUST answer within a few seconds, whatever is away.
    fn send(&self, message: Vec<u8>) -> Message<'_, Result<(), NotSent>>;

    /// The next message. Waits as long as there is none, also over an outage, behind which it MUST go on by itself. Asked
    /// by one task of an instance; one that stops waiting in the middle misses nothing by that.
    fn next(&self) -> Message<'_, Vec<u8>>;

    /// Whether messages come in now, as far as is known: nothing that is sent after this was true is missed until
    /// something goes wrong.
    fn is_listening(&self) -> bool;
}
