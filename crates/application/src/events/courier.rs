//! The port to receivers of messages over HTTP.

use std::time::Duration;

use futures_util::future::BoxFuture;

/// A message for a receiver.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    /// Where to.
    pub url: String,
    /// Headers beside the content type, which is JSON.
    pub headers: Vec<(&'static str, String)>,
    /// The JSON.
    pub body: String,
}

/// What came of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Posted {
    /// How it went.
    pub result: PostResult,
    /// How long it took.
    pub took: Duration,
}

/// How it went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PostResult {
    /// The receiver has answered.
    Answered {
        /// With this status.
        status: u16,
        /// And asked to be left alone for so long.
        retry_after: Option<Duration>,
    },
    /// It has not: no connection, none in time, or an address that nothing may be sent to.
    Failed(String),
}

impl Posted {
    /// The status of the answer.
    pub const fn status(&self) -> Option<u16> {
        match self.result {
            PostResult::Answered { status, .. } => Some(status),
            PostResult::Failed(_) => None,
        }
    }

    /// Why the message was not taken; nothing when it was.
    pub fn failure(&self) -> Option<String> {
        match &self.result {
            PostResult::Answered { status: 200..=299, .. } => None,
            PostResult::Answered { status: status @ 300..=399, .. } => {
                Some(format!("the receiver answered {status}; redirects are not followed"))
            }
            PostResult::Answered { status, .. } => Some(format!("the receiver answered {status}")),
            PostResult::Failed(reason) => Some(reason.clone()),
        }
    }
}

/// Takes messages to receivers over HTTP.
///
/// MUSTs of every adapter: it answers within a few seconds whatever the receiver does; it follows no redirect; it reads
/// no more of an answer than its head; and it sends nothing to an address that the operator has not allowed, whatever the
/// name in the URL resolves to at that moment.
pub trait Courier: Send + Sync + 'static {
    /// Sends a message once.
    fn post(&self, message: Message) -> BoxFuture<'_, Posted>;

    /// Why nothing may be sent there; nothing when something may, as far as that can be told without asking a name server.
    fn refuses(&self, url: &str) -> Option<String>;
}
