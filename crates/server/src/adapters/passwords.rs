//! Password hashing with argon2id (OWASP's minimum by default), a few at a time, on threads of its own: a log-in storm waits
//! in its own queue, and what it takes of the processors is what the sale leaves. Besides a nice value, which does not keep a
//! hash from sweeping the caches that the sale works in, the threads rest between hashes while the sale is busy.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use frontrow_application::account::{HashingOverloaded, Passwords};
use frontrow_application::trace;
use futures_util::future::BoxFuture;
use rustix::process::setpriority_process;
use tokio::sync::oneshot;

use crate::config::sections::Auth;
use crate::rush::Rush;

/// Whoever would wait longer than this for a hash is refused, and told when to come again. As long as commands wait for the
/// store by default.
const PATIENCE: Duration = Duration::from_secs(5);

/// Argon2id, bounded.
pub(crate) struct Argon2Passwords {
    argon2: Argon2<'static>,
    work: SyncSender<Job>,
    waiting: Arc<AtomicUsize>,
    /// How many may wait.
    places: usize,
    pace: Arc<Pace>,
    /// Checked when there is no account, so that nobody can tell by the time that it took.
    decoy: String,
}

/// What a thread does next. False when there was nothing to do.
type Job = Box<dyn FnOnce() -> bool + Send>;

/// How a thread rests.
type Rest = fn(Duration);

/// How long a thread rests after a hash.
struct Pace {
    rush: Arc<Rush>,
    threads: usize,
    /// From the beginning of a hash to that of the next, on each thread, while the sale is as busy as can be.
    longest: Duration,
    /// Microseconds from the beginning of the last hash to that of the next on the same thread.
    lately_micros: AtomicU64,
}

impl Pace {
    fn new(settings: &Auth, rush: Arc<Rush>) -> Self {
        let threads = settings.hashing_concurrency;
        let longest =
            Duration::from_secs_f64(threads as f64 / f64::from(settings.hashing_min_per_second.max(1)));
        Self { rush, threads, longest, lately_micros: AtomicU64::new(0) }
    }

    /// The rest after a hash that took so long.
    fn rest_after(&self, took: Duration) -> Duration {
        let rest = self.longest.saturating_sub(took).mul_f64(self.rush.pressure());
        let lately = u64::try_from((took + rest).as_nanos().div_ceil(1_000)).unwrap_or(u64::MAX);
        self.lately_micros.store(lately, Ordering::Relaxed);
        rest
    }

    /// How long the last of so many waits, by what hashes took lately.
    fn wait_of(&self, waiting: usize) -> Duration {
        let turns = u64::try_from(waiting.div_ceil(self.threads)).unwrap_or(u64::MAX);
        Duration::from_micros(self.lately_micros.load(Ordering::Relaxed).saturating_mul(turns))
    }
}

impl Argon2Passwords {
    /// Starts the threads, which end with it. They give way to the sale as far as that is busy.
    pub(crate) fn new(settings: &Auth, rush: Arc<Rush>) -> anyhow::Result<Self> {
        Self::resting(settings, Pace::new(settings, rush), thread::park_timeout)
    }

    fn resting(settings: &Auth, pace: Pace, rest: Rest) -> anyhow::Result<Self> {
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
        let pace = Arc::new(pace);
        for number in 0..settings.hashing_concurrency {
            let (jobs, niceness) = (Arc::clone(&jobs), settings.hashing_niceness);
            let pace = Arc::clone(&pace);
            thread::Builder::new()
                .name(format!("hashing-{number}"))
                .spawn(move || work_off(&jobs, niceness, &pace, rest))
                .context("cannot start a thread for hashing")?;
        }
        Ok(Self { argon2, work, waiting: Arc::default(), places: settings.hashing_queue, pace, decoy })
    }

    /// How many wait for their hash.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(Argon2<'static>) -> T + Send + 'static,
    ) -> Result<T, HashingOverloaded> {
        self.admit()?;
        let (reply, answer) = oneshot::channel();
        let (argon2, waiting) = (self.argon2.clone(), Arc::clone(&self.waiting));
        let job: Job = Box::new(move || {
            waiting.fetch_sub(1, Ordering::AcqRel);
            // Who was told that it took too long, or has gone, needs no hash any more.
            let is_wanted = !reply.is_closed();
            if is_wanted {
                metrics::counter!("frontrow_password_hashes_total").increment(1);
                let _ = reply.send(work(argon2));
            }
            is_wanted
        });
        self.waiting.fetch_add(1, Ordering::AcqRel);
        match self.work.try_send(job) {
            Ok(()) => answer.await.map_err(|_| HashingOverloaded),
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                self.waiting.fetch_sub(1, Ordering::AcqRel);
                Err(shed())
            }
        }
    }
}

/// One more was refused.
fn shed() -> HashingOverloaded {
    metrics::counter!("frontrow_password_hashes_shed_total").increment(1);
    HashingOverloaded
}

/// Does one job after the other until there can be no more, and rests in between as the sale asks for.
fn work_off(jobs: &Mutex<Receiver<Job>>, niceness: i32, pace: &Pace, rest: Rest) {
    // Of this thread alone: Linux gives every thread a nice value of its own.
    if let Err(error) = setpriority_process(None, niceness) {
        tracing::warn!(%error, "hashing passwords does not give way to other work");
    }
    pace.rush.set_apart();
    loop {
        // Held while waiting: of several threads one waits for a job, the others for the lock.
        let Ok(job) = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv() else { return };
        let begun = Instant::now();
        // Nothing in a job panics; if it did, the others would still be hashed.
        let has_hashed = catch_unwind(AssertUnwindSafe(job)).unwrap_or_else(|_| {
            tracing::error!("hashing a password panicked");
            true
        });
        // Nobody rests from nothing: those who give up would take the turns of those who wait.
        let pause = if has_hashed { pace.rest_after(begun.elapsed()) } else { Duration::ZERO };
        if !pause.is_zero() {
            rest(pause);
        }
    }
}

impl Passwords for Argon2Passwords {
    fn admit(&self) -> Result<(), HashingOverloaded> {
        let waiting = self.waiting();
        let has_room = waiting < self.places && self.pace.wait_of(waiting) < PATIENCE;
        if has_room { Ok(()) } else { Err(shed()) }
    }

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

    fn settings(more: &[(&str, &str)]) -> Auth {
        let cheap = [("auth.argon2_memory_kib", "8"), ("auth.argon2_iterations", "1")];
        let flags = cheap.iter().chain(more).map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        let flags: Vec<_> = flags.collect();
        config::load(None, Vec::<(String, String)>::new(), &flags).expect("settings").auth
    }

    fn passwords(queue: &str) -> Argon2Passwords {
        Argon2Passwords::new(&settings(&[("auth.hashing_queue", queue)]), Arc::default()).expect("argon2")
    }

    fn rush(wanted: f64) -> Arc<Rush> {
        let rush = Arc::<Rush>::default();
        rush.note(wanted);
        rush
    }

    /// How many hashes of so many milliseconds begin in 100 s, by as many threads as the settings say.
    fn hashes_in_100_s(settings: &Auth, rush: &Arc<Rush>, millis: u64) -> usize {
        let pace = Pace::new(settings, Arc::clone(rush));
        let took = Duration::from_millis(millis);
        let one = took + pace.rest_after(took);
        (Duration::from_secs(100).as_micros() / one.as_micros()) as usize * settings.hashing_concurrency
    }

    #[test]
    fn the_busier_the_sale_the_longer_hashing_rests_and_it_never_stops() {
        for threads in ["1", "4"] {
            let settings = settings(&[("auth.hashing_concurrency", threads)]);
            let per_second = |wanted: f64, millis| hashes_in_100_s(&settings, &rush(wanted), millis) / 100;
            let threads = settings.hashing_concurrency;
            assert_eq!(per_second(0.4, 10), 100 * threads, "as many as can be while it is calm");
            let falling = [0.5, 0.55, 0.6, 0.7, 0.9].map(|wanted| per_second(wanted, 10));
            assert!(falling.windows(2).all(|pair| pair[0] > pair[1]), "{falling:?}");
            // Whatever others ask for, and whatever part of the machine that takes.
            for wanted in [0.9, 1.0, 2.0] {
                assert_eq!(per_second(wanted, 10), 10, "{threads} threads at {wanted}");
            }
            // One that is as slow as that by itself does not rest at all.
            assert_eq!(per_second(1.0, 500), 2 * threads);
        }
    }

    /// How often a thread has rested. One test uses it.
    static RESTS: AtomicUsize = AtomicUsize::new(0);

    #[tokio::test]
    async fn a_thread_rests_after_every_hash_of_a_rush_and_after_none_of_a_calm() {
        let (rush, settings) = (rush(0.0), settings(&[]));
        // No machine is so slow that there is no rest left in an hour.
        let longest = Duration::from_hours(1);
        let pace = Pace { longest, ..Pace::new(&settings, Arc::clone(&rush)) };
        let count = |_: Duration| {
            RESTS.fetch_add(1, Ordering::AcqRel);
        };
        let passwords = Argon2Passwords::resting(&settings, pace, count).expect("argon2");
        let hash = async |times: usize| {
            for _ in 0..times {
                passwords.verify("x".to_owned(), None).await.expect("a place");
            }
            // The thread has begun this one, so it is through with the rest after the last one of those above.
            let (ran, has_run) = std::sync::mpsc::channel();
            passwords.run(move |_| ran.send(()).expect("the test listens")).await.expect("a place");
            has_run.try_recv().expect("it ran");
            RESTS.load(Ordering::Acquire)
        };
        assert_eq!(hash(5).await, 0);
        rush.note(1.0);
        let first = hash(5).await;
        // The one before these may have ended in the rush, and the one behind them may be resting already.
        assert!((5..=7).contains(&first), "{first}");
        (0..20).for_each(|_| rush.note(0.0));
        let last = hash(1).await;
        assert_eq!(hash(5).await, last, "and it is over with the rush");
    }

    #[tokio::test]
    async fn who_would_wait_too_long_is_refused_though_there_is_a_place() {
        let passwords = passwords("64");
        // A second each, so five may wait.
        passwords.pace.lately_micros.store(1_000_000, Ordering::Relaxed);
        let (begun, has_begun) = oneshot::channel();
        let (release, released) = std::sync::mpsc::channel::<()>();
        let held = passwords.run(move |_| {
            let _ = begun.send(());
            released.recv().expect("released");
        });
        let storm = async {
            has_begun.await.expect("the thread is held");
            let storm =
                futures_util::future::join_all((0..20).map(|_| passwords.verify("x".to_owned(), None)));
            let release = async {
                tokio::task::yield_now().await;
                assert_eq!(passwords.admit(), Err(HashingOverloaded), "asked beforehand it says the same");
                release.send(()).expect("the thread waits");
            };
            tokio::join!(storm, release).0
        };
        let (held, results) = tokio::join!(held, storm);
        assert_eq!(held, Ok(()));
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 5);
        assert_eq!(passwords.admit(), Ok(()), "there is room again");
    }

    /// Those who go away take no turns from those who stay.
    #[test]
    fn nobody_rests_from_what_was_given_up() {
        static GIVEN_UP_RESTS: AtomicUsize = AtomicUsize::new(0);
        let settings = settings(&[]);
        let (work, jobs) = sync_channel::<Job>(8);
        for is_wanted in [false, true, false, false] {
            work.send(Box::new(move || is_wanted)).expect("room");
        }
        drop(work);
        let pace = Pace { longest: Duration::from_hours(1), ..Pace::new(&settings, rush(1.0)) };
        work_off(&Mutex::new(jobs), 0, &pace, |_| {
            GIVEN_UP_RESTS.fetch_add(1, Ordering::AcqRel);
        });
        assert_eq!(GIVEN_UP_RESTS.load(Ordering::Acquire), 1);
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
