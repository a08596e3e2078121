//! Accounts: signing up, logging in, refreshing, logging out, erasure, and fans of an external issuer.

mod edit;
mod erase;
mod external;
mod log_in;
mod sign_up;

pub use edit::{EditUserRefused, UserPatch};
pub use external::ExternalIdentity;
pub use log_in::{LogInRefused, LoggedIn, RefreshToken, Refreshed};
pub use sign_up::{NewAccount, SignUpRefused};

pub(crate) use log_in::unavailable;

use futures_util::future::BoxFuture;

/// Hashing is not to be had now: too many are waiting for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many passwords are being hashed")]
pub struct HashingOverloaded;

/// Hashes and checks passwords.
///
/// MUST use argon2id, MUST bound how many run at once (a log-in storm is not to take the processor from the
/// sale) and how many wait, and MUST take as long for an account that does not exist.
pub trait Passwords: Send + Sync + 'static {
    /// Whether one more would be taken now. To be asked before anything else is done for somebody, because whoever is
    /// refused anyway is to cost as little as can be; a yes is no promise.
    fn admit(&self) -> Result<(), HashingOverloaded> {
        Ok(())
    }
    /// A new hash, as a PHC string.
    fn hash(&self, password: String) -> BoxFuture<'_, Result<String, HashingOverloaded>>;
    /// Whether the password belongs to the hash. Without a hash it takes as long and is false.
    fn verify(
        &self,
        password: String,
        hash: Option<String>,
    ) -> BoxFuture<'_, Result<bool, HashingOverloaded>>;
}
