//! How busy the sale is, for what can wait: while it is calm, hashing and auditing take what they like of the machine, and
//! the busier it is the more they give way.
//!
//! What is looked at is the share of their time that the runtime's threads spend working. Everything that a fan asks for
//! runs on them; hashing and the embedded store's audit do not, so neither holds itself up. It is time by the clock: a thread that
//! wants a processor and has to wait for one counts as working, so it also shows when something else takes the machine. A
//! store that hangs does not show, and should not: nobody is helped by giving way to it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

/// How often is looked: a rush begins within a second, and a look costs less than a microsecond.
const LOOK: Duration = Duration::from_millis(100);
/// Up to this share nothing gives way: half of the threads' time is left.
const CALM: f64 = 0.5;
/// From this share on everything that can wait gives way as far as it may. Less than all: threads that are never idle
/// would be too late.
const FULL: f64 = 0.85;

/// How busy the sale is. Calm until somebody looks.
#[derive(Debug, Default)]
pub(crate) struct Rush {
    /// The bits of a share.
    share: AtomicU64,
}

impl Rush {
    /// How far what can wait gives way: 0, not at all, to 1, as far as it may.
    pub(crate) fn pressure(&self) -> f64 {
        let share = f64::from_bits(self.share.load(Ordering::Relaxed));
        ((share - CALM) / (FULL - CALM)).clamp(0.0, 1.0)
    }

    /// Takes in the share of a look: at once when there is more to do, and by half when there is less, because a rush has
    /// gaps.
    pub(crate) fn note(&self, share: f64) {
        let before = f64::from_bits(self.share.load(Ordering::Relaxed));
        let now = if share >= before { share } else { f64::midpoint(before, share) };
        self.share.store(now.to_bits(), Ordering::Relaxed);
    }
}

/// For how long all threads of a runtime together have worked since its start.
pub(crate) fn worked(runtime: &Handle) -> Duration {
    let metrics = runtime.metrics();
    (0..metrics.num_workers()).map(|worker| metrics.worker_total_busy_duration(worker)).sum()
}

/// Looks until told to stop.
pub(crate) async fn follow(rush: Arc<Rush>, stop: CancellationToken) {
    let runtime = Handle::current();
    let threads = runtime.metrics().num_workers() as f64;
    let mut tick = interval(LOOK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut then, mut before) = (Instant::now(), worked(&runtime));
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = tick.tick() => {}
        }
        let (now, worked) = (Instant::now(), worked(&runtime));
        let could = (now - then).as_secs_f64() * threads;
        if could > 0.0 {
            rush.note(worked.saturating_sub(before).as_secs_f64() / could);
        }
        (then, before) = (now, worked);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_gives_way_while_it_is_calm_and_everything_while_it_is_full() {
        let pressure = |share: f64| {
            let rush = Rush::default();
            rush.note(share);
            rush.pressure()
        };
        assert_eq!([0.0, 0.3, CALM].map(pressure), [0.0; 3]);
        assert_eq!([FULL, 1.0, 1.2].map(pressure), [1.0; 3]);
        let between = [0.55, 0.6, 0.7, 0.8].map(pressure);
        assert!(between.windows(2).all(|pair| 0.0 < pair[0] && pair[0] < pair[1] && pair[1] < 1.0));
    }

    #[test]
    fn a_rush_counts_at_once_and_its_gaps_do_not() {
        let rush = Rush::default();
        rush.note(1.0);
        assert_eq!(rush.pressure(), 1.0);
        rush.note(0.2);
        assert!(rush.pressure() > 0.0, "one calm look is a gap");
        rush.note(1.0);
        assert_eq!(rush.pressure(), 1.0);
        (0..10).for_each(|_| rush.note(0.2));
        assert_eq!(rush.pressure(), 0.0, "a second later it is over");
    }

    /// Threads that work for as long as the test likes, without a word about how fast they are.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn threads_that_work_show_and_idle_ones_do_not() {
        let (rush, stop) = (Arc::new(Rush::default()), CancellationToken::new());
        let following = tokio::spawn(follow(Arc::clone(&rush), stop.clone()));
        let is_over = Arc::new(std::sync::atomic::AtomicBool::new(false));
        let busy: Vec<_> = (0..2)
            .map(|_| {
                let is_over = Arc::clone(&is_over);
                tokio::spawn(async move {
                    while !is_over.load(Ordering::Relaxed) {
                        assert_eq!((0..10_000).map(std::hint::black_box).count(), 10_000);
                        tokio::task::yield_now().await;
                    }
                })
            })
            .collect();
        let until = async |is_so: &dyn Fn() -> bool| {
            let deadline = Instant::now() + Duration::from_secs(30);
            while !is_so() {
                assert!(Instant::now() < deadline, "{}", rush.pressure());
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        until(&|| rush.pressure() >= 1.0).await;
        is_over.store(true, Ordering::Relaxed);
        for task in busy {
            task.await.expect("it ends");
        }
        until(&|| rush.pressure() <= 0.0).await;
        stop.cancel();
        following.await.expect("it ends");
    }
}
