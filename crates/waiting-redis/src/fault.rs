//! What can go wrong between here and Redis, and what is known of the request then.

use frontrow_application::waiting_room::LineError;
use redis::{ErrorKind, RedisError, ServerErrorKind};

/// Why a script has no answer.
#[derive(Debug, Clone)]
pub(crate) enum Fault {
    /// Nothing happened: Redis was not reached, or has refused.
    Refused(String),
    /// It was sent, and the connection broke before the answer.
    Cut(String),
    /// It was sent, and nobody can say: the answer took too long, or cannot be read.
    Unknown(String),
}

impl Fault {
    /// What an error of the driver says of a request that was sent.
    pub(crate) fn of(error: &RedisError) -> Self {
        let text = error.to_string();
        if error.is_timeout() {
            return Self::Unknown(text);
        }
        match error.kind() {
            // A script that fails half-way has done the first half.
            ErrorKind::Server(ServerErrorKind::ResponseError) if text.contains("user_script") => {
                Self::Unknown(format!("a script of the waiting room has failed: {text}"))
            }
            // Refusals come before a script begins: loading, out of memory, read-only, no majority.
            ErrorKind::Server(_)
            | ErrorKind::Extension
            | ErrorKind::AuthenticationFailed
            | ErrorKind::ClusterConnectionNotFound
            | ErrorKind::InvalidClientConfig => Self::Refused(text),
            _ if error.is_connection_refusal() => Self::Refused(text),
            _ if error.is_connection_dropped() || error.is_io_error() => Self::Cut(text),
            _ => Self::Unknown(text),
        }
    }

    /// For a request that changes nothing when it is repeated: it may be repeated, so nothing happened.
    pub(crate) fn harmless(self) -> LineError {
        LineError::Unavailable(self.text())
    }

    /// What was said of it.
    pub(crate) fn text(self) -> String {
        let (Self::Refused(text) | Self::Cut(text) | Self::Unknown(text)) = self;
        text
    }
}

impl From<Fault> for LineError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Refused(text) => Self::Unavailable(text),
            Fault::Cut(text) | Fault::Unknown(text) => Self::OutcomeUnknown(text),
        }
    }
}
