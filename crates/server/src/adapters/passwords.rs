//! Password hashing with argon2id (OWASP's minimum by default), a few at a time: a log-in storm waits in its own
//! queue and leaves the processor to the sale.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use frontrow_application::account::{HashingOverloaded, Passwords};
use futures_util::future::BoxFuture;
use tokio::sync::Semaphore;

use crate::config::sections::Auth;

/// Argon2id, bounded.
pub(crate) struct Argon2Passwords {
    argon2: Argon2<'static>,
    running: Arc<Semaphore>,
    waiting: AtomicUsize,
    waiting_max: usize,
    /// Checked when there is no account, so that nobody can tell by the time that it took.
    decoy: String,
}

impl Argon2Passwords {
    pub(crate) fn new(settings: &Auth) -> anyhow::Result<Self> {
        let params = Params::new(
            settings.argon2_memory_kib,
            settings.argon2_iterations,
            settings.argon2_parallelism,
            None,
        )
        .map_err(|error| anyhow::anyhow!("the argon2 settings cannot be used: {error}"))?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let decoy = hash(&argon2, b"nobody has this password")?;
        Ok(Self {
            argon2,
            running: Arc::new(Semaphore::new(settings.hashing_concurrency)),
            waiting: AtomicUsize::new(0),
            waiting_max: settings.hashing_queue,
            decoy,
        })
    }

    /// How many wait for their hash, with the one that is next.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(Argon2<'static>) -> T + Send + 'static,
    ) -> Result<T, HashingOverloaded> {
        let place = Place::take(&self.waiting, self.waiting_max)?;
        let permit = Arc::clone(&self.running).acquire_owned().await.map_err(|_| HashingOverloaded)?;
        drop(place);
        let argon2 = self.argon2.clone();
        let done = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            work(argon2)
        });
        done.await.map_err(|_| HashingOverloaded)
    }
}

/// A place in the queue, given back when it is dropped.
struct Place<'a>(&'a AtomicUsize);

impl<'a> Place<'a> {
    fn take(waiting: &'a AtomicUsize, max: usize) -> Result<Self, HashingOverloaded> {
        // The one that runs next is counted for a moment as well.
        if waiting.fetch_add(1, Ordering::AcqRel) > max {
            waiting.fetch_sub(1, Ordering::AcqRel);
            metrics::counter!("frontrow_password_hashes_shed_total").increment(1);
            return Err(HashingOverloaded);
        }
        Ok(Self(waiting))
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Passwords for Argon2Passwords {
    fn hash(&self, password: String) -> BoxFuture<'_, Result<String, HashingOverloaded>> {
        Box::pin(async move {
            let hashed = self.run(move |argon2| hash(&argon2, password.as_bytes())).await?;
            hashed.map_err(|error| {
                tracing::error!(%error, "a password could not be hashed");
                HashingOverloaded
            })
        })
    }

    fn verify(
        &self,
        password: String,
        hash: Option<String>,
    ) -> BoxFuture<'_, Result<bool, HashingOverloaded>> {
        Box::pin(async move {
            let exists = hash.is_some();
            let hash = hash.unwrap_or_else(|| self.decoy.clone());
            let matches = self
                .run(move |argon2| argon2.verify_password(password.as_bytes(), hash.as_str()).is_ok())
                .await?;
            Ok(matches && exists)
        })
    }
}

fn hash(argon2: &Argon2<'_>, password: &[u8]) -> anyhow::Result<String> {
    let hash = argon2.hash_password(password).map_err(|error| anyhow::anyhow!("argon2: {error}"))?;
    Ok(hash.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config;

    fn passwords(queue: &str) -> Argon2Passwords {
        let flags = [
            ("auth.argon2_memory_kib".to_owned(), "8".to_owned()),
            ("auth.argon2_iterations".to_owned(), "1".to_owned()),
            ("auth.hashing_queue".to_owned(), queue.to_owned()),
        ];
        let config = config::load(None, Vec::<(String, String)>::new(), &flags).expect("settings");
        Argon2Passwords::new(&config.auth).expect("argon2")
    }

    #[tokio::test]
    async fn the_right_password_matches_and_nothing_else() {
        let passwords = passwords("64");
        let hash = passwords.hash("correct horse".to_owned()).await.expect("hashed");
        assert!(hash.starts_with("$argon2id$v=19$"), "{hash}");
        assert_eq!(passwords.verify("correct horse".to_owned(), Some(hash.clone())).await, Ok(true));
        assert_eq!(passwords.verify("correct hors".to_owned(), Some(hash)).await, Ok(false));
        assert_eq!(passwords.verify("nobody has this password".to_owned(), None).await, Ok(false));
        assert_eq!(passwords.verify("x".to_owned(), Some("no hash".to_owned())).await, Ok(false));
    }

    #[tokio::test]
    async fn a_storm_is_refused_beyond_the_queue_and_the_queue_recovers() {
        let passwords = passwords("2");
        let held = Arc::clone(&passwords.running).acquire_owned().await.expect("permit");
        let storm = (0..10).map(|_| passwords.verify("x".to_owned(), None));
        let storm = futures_util::future::join_all(storm);
        let (results, ()) = tokio::join!(storm, async {
            tokio::task::yield_now().await;
            drop(held);
        });
        let refused = results.iter().filter(|result| result.is_err()).count();
        assert_eq!(refused, 7, "three have a place: two that wait, and the one that is next");
        assert_eq!(passwords.verify("x".to_owned(), None).await, Ok(false));
    }
}
