//! Passwords that cost nothing to check. An honest fake: it must never leave tests.

use frontrow_application::account::{HashingOverloaded, Passwords};
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, ready};

/// Marks what this fake has made, so that nobody takes it for a hash.
const MARK: &str = "cheap$";

/// "Hashes" a password by writing it down. It protects nothing: it is here because argon2 takes as long as a
/// whole test does, and tests of log-in need only that the right password is told from a wrong one.
#[derive(Debug, Clone, Copy, Default)]
pub struct CheapPasswords;

impl Passwords for CheapPasswords {
    fn hash(&self, password: String) -> BoxFuture<'_, Result<String, HashingOverloaded>> {
        ready(Ok(format!("{MARK}{password}"))).boxed()
    }

    fn verify(
        &self,
        password: String,
        hash: Option<String>,
    ) -> BoxFuture<'_, Result<bool, HashingOverloaded>> {
        ready(Ok(hash.is_some_and(|hash| hash.strip_prefix(MARK) == Some(&password)))).boxed()
    }
}
