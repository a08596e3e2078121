//! Password hashing with argon2id (OWASP's minimum by default), a few at a time, on threads of its own: a log-in storm waits
//! in its own queue, and what it takes of the processors is what the sale leaves.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use anyhow::Context;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use frontrow_application::account::{HashingOverloaded, Passwords};
use frontrow_application::trace;
use futures_util::future::BoxFuture;
use rustix::process::setpriority_process;
use tokio::sync::oneshot;

use crate::config::sections::Auth;

/// Argon2id, bounded.
pub(crate) struct Argon2Passwords {
    argon2: Argon2<'static>,
    work: SyncSender<Job>,
    waiting: Arc<AtomicUsize>,
    /// Checked when there is no account, so that nobody can tell by the time that it took.
    decoy: String,
}

/// What a thread does next.
type Job = Box<dyn FnOnce() + Send>;

impl Argon2Passwords {
    /// Starts the threads, which end with it.
    pub(crate) fn new(settings: &Auth) -> anyhow::Result<Self> {
        let params = Params::new(
            settings.argon2_memory_kib,
            settings.argon2_iterations,
            settings.argon2_parallelism,
            None,
        )
        .map_err(|error| anyhow::anyhow!("the argon2 settings cannot be used: {error}"))?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let decoy = decoy(settings);
        let (work, jobs) = sync_channel(settings.hashing_queue);
        let jobs = Arc::new(Mutex::new(jobs));
        for number in 0..settings.hashing_concurrency {
            let (jobs, niceness) = (Arc::clone(&jobs), settings.hashing_niceness);
            thread::Builder::new()
                .name(format!("hashing-{number}"))
                .spawn(move || work_off(&jobs, niceness))
                .context("cannot start a thread for hashing")?;
        }
        Ok(Self { argon2, work, waiting: Arc::default(), decoy })
    }

    /// How many wait for their hash.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(Argon2<'static>) -> T + Send + 'static,
    ) -> Result<T, HashingOverloaded> {
        let (reply, answer) = oneshot::channel();
        let (argon2, waiting) = (self.argon2.clone(), Arc::clone(&self.waiting));
        let job: Job = Box::new(move || {
            waiting.fetch_sub(1, Ordering::AcqRel);
            // Who was told that it took too long, or has gone, needs no hash any more.
            if !reply.is_closed() {
                let _ = reply.send(work(argon2));
            }
        });
        self.waiting.fetch_add(1, Ordering::AcqRel);
        match self.work.try_send(job) {
            Ok(()) => answer.await.map_err(|_| HashingOverloaded),
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                self.waiting.fetch_sub(1, Ordering::AcqRel);
                metrics::counter!("frontrow_password_hashes_shed_total").increment(1);
                Err(HashingOverloaded)
            }
        }
    }
}

/// Does one job after the other until there can be no more.
fn work_off(jobs: &Mutex<Receiver<Job>>, niceness: i32) {
    // Of this thread alone: Linux gives every thread a nice value of its own.
    if let Err(error) = setpriority_process(None, niceness) {
        tracing::warn!(%error, "hashing passwords does not give way to other work");
    }
    loop {
        // Held while waiting: of several threads one waits for a job, the others for the lock.
        let Ok(job) = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv() else { return };
        // Nothing in a job panics; if it did, the others would still be hashed.
        if catch_unwind(AssertUnwindSafe(job)).is_err() {
            tracing::error!("hashing a password panicked");
        }
    }
}

impl Passwords for Argon2Passwords {
    fn hash(&self, password: String) -> BoxFuture<'_, Result<String, HashingOverloaded>> {
        Box::pin(async move {
            let hashed = self.run(move |argon2| hash(&argon2, password.as_bytes())).await?;
            hashed.map_err(|error| {
                trace::failed("a password could not be hashed", &error);
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

/// The hash of no password: salt and digest are zeros, of the sizes that real ones have. It is written and not worked out,
/// because the memory of one hash would be most of what an idle server takes.
fn decoy(settings: &Auth) -> String {
    let (salt, digest) = ("A".repeat(22), "A".repeat(43));
    let Auth { argon2_memory_kib, argon2_iterations, argon2_parallelism, .. } = settings;
    format!(
        "$argon2id$v=19$m={argon2_memory_kib},t={argon2_iterations},p={argon2_parallelism}${salt}${digest}"
    )
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

    /// Otherwise it would be refused unread, in no time.
    #[tokio::test]
    async fn the_decoy_is_checked_like_a_hash_of_this_server() {
        let passwords = passwords("64");
        let real = passwords.hash("correct horse".to_owned()).await.expect("hashed");
        let form = |hash: &str| hash.split('$').map(str::len).collect::<Vec<_>>();
        assert_eq!(form(&passwords.decoy), form(&real));
        let parts = |hash: &str| hash.split('$').take(4).map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(parts(&passwords.decoy), parts(&real));
        let refused = passwords.argon2.verify_password(b"x", passwords.decoy.as_str());
        assert_eq!(refused, Err(argon2::password_hash::Error::PasswordInvalid));
    }

    #[tokio::test]
    async fn a_storm_is_refused_beyond_the_queue_and_the_queue_recovers() {
        let passwords = passwords("2");
        let (begun, has_begun) = oneshot::channel();
        let (release, released) = std::sync::mpsc::channel::<()>();
        let held = passwords.run(move |_| {
            let _ = begun.send(());
            released.recv().expect("released");
        });
        let storm = async {
            has_begun.await.expect("the thread is held");
            let storm = (0..10).map(|_| passwords.verify("x".to_owned(), None));
            let storm = futures_util::future::join_all(storm);
            let release = async {
                tokio::task::yield_now().await;
                release.send(()).expect("the thread waits");
            };
            tokio::join!(storm, release).0
        };
        let (held, results) = tokio::join!(held, storm);
        assert_eq!(held, Ok(()));
        let refused = results.iter().filter(|result| result.is_err()).count();
        assert_eq!(refused, 8, "two have a place");
        assert_eq!(passwords.verify("x".to_owned(), None).await, Ok(false));
    }

    #[tokio::test]
    async fn what_nobody_waits_for_any_more_is_not_hashed() {
        let passwords = Arc::new(passwords("4"));
        let (begun, has_begun) = oneshot::channel();
        let (release, released) = std::sync::mpsc::channel::<()>();
        let held = tokio::spawn({
            let passwords = Arc::clone(&passwords);
            async move {
                let hold = move |_| {
                    let _ = begun.send(());
                    released.recv().expect("released");
                };
                passwords.run(hold).await
            }
        });
        has_begun.await.expect("the thread is held");
        let (ran, has_run) = std::sync::mpsc::channel();
        let mut given_up = Box::pin(passwords.run(move |_| ran.send(()).expect("the test listens")));
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(given_up.as_mut().poll(&mut context).is_pending());
        drop(given_up);
        release.send(()).expect("the thread waits");
        assert_eq!(held.await.expect("done"), Ok(()));
        assert_eq!(
            passwords.verify("x".to_owned(), None).await,
            Ok(false),
            "those behind it have their turn"
        );
        assert!(has_run.try_recv().is_err(), "it was given up before its turn");
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn hashing_gives_way_and_the_other_threads_do_not() {
        let niceness = || rustix::process::getpriority_process(None).expect("a nice value");
        let before = niceness();
        assert_eq!(passwords("4").run(move |_| niceness()).await, Ok(10.max(before)));
        assert_eq!(niceness(), before);
    }
}
