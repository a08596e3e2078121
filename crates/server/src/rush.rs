//! How busy the sale is, for what can wait: while it is calm, hashing and auditing take what they like of the machine, and
//! the busier it is the more they give way.
//!
//! What is looked at is how much time of the processors this process wants: what its threads ran, and what they were ready
//! to run and waited for a processor, of which Linux keeps account for each thread. So it shows when the sale is held up by
//! hashing, or by whatever else takes the machine; and it does not show when a store hangs, because nobody is helped by giving
//! way to that. Threads that hash do not count: hashing would hold itself up. Where there is no such account it is the share of
//! their time that the runtime's threads spend working, which is blind for the thread that commits.

use std::collections::HashMap;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

/// How often is looked: a rush begins within a second. A look takes some microseconds for each thread.
const LOOK: Duration = Duration::from_millis(250);
/// Up to this part of the processors nothing gives way: what hashing adds fits beside it.
const CALM: f64 = 0.5;
/// From this part on everything that can wait gives way as far as it may. Less than all: beside a thread that hashes the sale
/// cannot run on all of them. On two processors a sale at its limit wants 1.0 to 1.5, and a storm of log-ins alone 0.1 to 0.4.
const FULL: f64 = 0.75;

/// How busy the sale is. Calm until somebody looks.
#[derive(Debug, Default)]
pub(crate) struct Rush {
    /// The bits of the part of the processors that is wanted.
    wanted: AtomicU64,
    /// Threads that do not count.
    apart: Mutex<Vec<u32>>,
}

impl Rush {
    /// How far what can wait gives way: 0, not at all, to 1, as far as it may.
    pub(crate) fn pressure(&self) -> f64 {
        let wanted = f64::from_bits(self.wanted.load(Ordering::Relaxed));
        ((wanted - CALM) / (FULL - CALM)).clamp(0.0, 1.0)
    }

    /// Takes in what a look has found: at once when it is more, and by half when it is less, because a rush has gaps.
    pub(crate) fn note(&self, wanted: f64) {
        // More than there is says no more than that, and would take longer to be forgotten.
        let wanted = wanted.min(1.0);
        let before = f64::from_bits(self.wanted.load(Ordering::Relaxed));
        let now = if wanted >= before { wanted } else { f64::midpoint(before, wanted) };
        self.wanted.store(now.to_bits(), Ordering::Relaxed);
    }

    /// Has the thread that calls this not count, because it is one of those that give way.
    pub(crate) fn set_apart(&self) {
        if let Some(thread) = this_thread() {
            self.apart.lock().push(thread);
        }
    }
}

/// What the system calls the thread that asks.
fn this_thread() -> Option<u32> {
    fs::read_link("/proc/thread-self").ok()?.file_name()?.to_str()?.parse().ok()
}

/// For how long all threads of a runtime together have worked since its start.
pub(crate) fn worked(runtime: &Handle) -> Duration {
    let metrics = runtime.metrics();
    (0..metrics.num_workers()).map(|worker| metrics.worker_total_busy_duration(worker)).sum()
}

/// Adds up what threads want of the processors, from look to look.
struct Wants {
    /// Nanoseconds since the start of each thread.
    threads: HashMap<u32, u64>,
    /// Of the runtime, where nothing is known of threads.
    worked: Duration,
    runtime: Handle,
}

impl Wants {
    fn new() -> Self {
        let runtime = Handle::current();
        Self { threads: HashMap::new(), worked: worked(&runtime), runtime }
    }

    /// What was wanted since the last look.
    fn look(&mut self, rush: &Rush) -> Duration {
        let worked = worked(&self.runtime);
        let of_runtime = worked.saturating_sub(std::mem::replace(&mut self.worked, worked));
        let Some(found) = accounts() else { return of_runtime };
        let apart = rush.apart.lock();
        let found: HashMap<u32, u64> =
            found.into_iter().filter(|(thread, _)| !apart.contains(thread)).collect();
        drop(apart);
        // A thread that has come since the last look has done all of it since; what one did that has gone is lost.
        let since = |(thread, nanos): (&u32, &u64)| {
            nanos.saturating_sub(self.threads.get(thread).copied().unwrap_or(0))
        };
        let wanted = found.iter().map(since).sum();
        self.threads = found;
        Duration::from_nanos(wanted)
    }
}

/// What every thread of this process has run and waited for a processor since its start, in nanoseconds, where the system
/// tells. It is read from the kernel's memory and waits for nothing.
fn accounts() -> Option<Vec<(u32, u64)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc/self/task").ok()?.flatten() {
        // It may have ended meanwhile.
        let Ok(text) = fs::read_to_string(entry.path().join("schedstat")) else { continue };
        let thread = entry.file_name().to_str()?.parse().ok()?;
        found.push((thread, wanted_of(&text)?));
    }
    (!found.is_empty()).then_some(found)
}

/// The sum of the first two numbers, time on a processor and time waiting for one (`proc_pid_schedstat(5)`).
fn wanted_of(schedstat: &str) -> Option<u64> {
    let mut numbers = schedstat.split_ascii_whitespace().map(str::parse::<u64>);
    let (ran, waited) = (numbers.next()?.ok()?, numbers.next()?.ok()?);
    Some(ran.saturating_add(waited))
}

/// Looks until told to stop, on a machine with so many processors.
pub(crate) async fn follow(rush: Arc<Rush>, processors: usize, stop: CancellationToken) {
    let mut tick = interval(LOOK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut wants = Wants::new();
    // The first tick is at once, and what was done for the start is no sale.
    tick.tick().await;
    wants.look(&rush);
    let mut then = Instant::now();
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = tick.tick() => {}
        }
        let wanted = wants.look(&rush).as_secs_f64();
        let there_was = then.elapsed().as_secs_f64() * processors as f64;
        then = Instant::now();
        if there_was > 0.0 {
            rush.note(wanted / there_was);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use super::*;

    #[test]
    fn nothing_gives_way_while_it_is_calm_and_everything_while_it_is_full() {
        let pressure = |share: f64| {
            let rush = Rush::default();
            rush.note(share);
            rush.pressure()
        };
        assert!([0.0, 0.3, CALM].map(pressure).iter().all(|pressure| *pressure <= 0.0));
        assert!([FULL, 1.0, 1.2].map(pressure).iter().all(|pressure| *pressure >= 1.0));
        let between = [0.55, 0.6, 0.65, 0.7].map(pressure);
        assert!(between.windows(2).all(|pair| 0.0 < pair[0] && pair[0] < pair[1] && pair[1] < 1.0));
    }

    #[test]
    fn a_rush_counts_at_once_and_its_gaps_do_not() {
        let rush = Rush::default();
        rush.note(1.0);
        assert!(rush.pressure() >= 1.0);
        rush.note(0.2);
        assert!(rush.pressure() > 0.0, "one calm look is a gap");
        rush.note(1.0);
        assert!(rush.pressure() >= 1.0);
        (0..10).for_each(|_| rush.note(0.2));
        assert!(rush.pressure() <= 0.0, "a second later it is over");
    }

    #[test]
    fn what_a_thread_wants_is_what_it_ran_and_what_it_waited_for() {
        assert_eq!(wanted_of("802771 59037 2\n"), Some(861_808));
        assert_eq!(wanted_of("0 0 0"), Some(0));
        for other in ["", "1", "1 x 2", "-1 2 3"] {
            assert_eq!(wanted_of(other), None, "{other:?}");
        }
    }

    /// Does something until it is over.
    fn spin(is_over: &AtomicBool) {
        while !is_over.load(Ordering::Relaxed) {
            assert_eq!((0..10_000).map(std::hint::black_box).count(), 10_000);
        }
    }

    /// Waits until it is so.
    async fn until(rush: &Rush, is_so: impl Fn() -> bool) {
        let deadline = Instant::now() + Duration::from_mins(1);
        while !is_so() {
            assert!(Instant::now() < deadline, "{rush:?}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Whatever else this process tests meanwhile comes to its end.
    #[tokio::test]
    async fn threads_that_want_a_processor_show_and_idle_ones_do_not() {
        let (rush, stop) = (Arc::new(Rush::default()), CancellationToken::new());
        let following = tokio::spawn(follow(Arc::clone(&rush), 1, stop.clone()));
        let is_over = Arc::new(AtomicBool::new(false));
        // Two for one processor, so that it is as much as there is, however slow the machine is.
        let busy = [(); 2].map(|()| {
            let is_over = Arc::clone(&is_over);
            std::thread::spawn(move || spin(&is_over))
        });
        until(&rush, || rush.pressure() >= 1.0).await;
        is_over.store(true, Ordering::Relaxed);
        for thread in busy {
            thread.join().expect("it ends");
        }
        until(&rush, || rush.pressure() <= 0.0).await;
        stop.cancel();
        following.await.expect("it ends");
    }

    #[tokio::test]
    async fn threads_that_give_way_do_not_count() {
        let rush = Arc::new(Rush::default());
        let mut wants = Wants::new();
        let is_over = Arc::new(AtomicBool::new(false));
        let threads = [true, false].map(|gives_way| {
            let (rush, is_over) = (Arc::clone(&rush), Arc::clone(&is_over));
            let (tell, told) = std::sync::mpsc::channel();
            let thread = std::thread::spawn(move || {
                if gives_way {
                    rush.set_apart();
                }
                tell.send(this_thread()).expect("the test listens");
                spin(&is_over);
            });
            (thread, told.recv().expect("it is there"))
        });
        wants.look(&rush);
        let counts = |thread: u32| wants.threads.contains_key(&thread);
        let [(_, apart), (_, other)] = &threads;
        // Where the system keeps no account there is nothing to leave out.
        if let (Some(apart), Some(other)) = (apart, other) {
            assert_eq!((counts(*apart), counts(*other)), (false, true));
        }
        is_over.store(true, Ordering::Relaxed);
        for (thread, _) in threads {
            thread.join().expect("it ends");
        }
    }
}
