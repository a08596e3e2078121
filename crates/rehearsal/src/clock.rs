//! Time finer than epoll's: CPU time of the generator's thread, and an alarm for arrivals.

use std::io;
use std::time::{Duration, Instant};

use mio::{Registry, Token};
use rustix::time::{ClockId, clock_gettime};

/// How long the calling thread has run on a CPU.
pub(crate) fn thread_cpu() -> Duration {
    let spent = clock_gettime(ClockId::ThreadCPUTime);
    let seconds = u64::try_from(spent.tv_sec).unwrap_or_default();
    Duration::new(seconds, u32::try_from(spent.tv_nsec).unwrap_or_default())
}

/// Wakes the poll at an instant.
///
/// epoll waits in whole milliseconds. At 10,000 arrivals a second that would send ten at once and report the
/// generator's own lateness as the server's; spinning instead would take a core from the server. Linux has
/// timers as file descriptors; where there are none (kqueue), polling itself is precise.
#[derive(Debug)]
pub(crate) struct Alarm {
    #[cfg(target_os = "linux")]
    timer: std::os::fd::OwnedFd,
    set: Option<Instant>,
}

#[cfg(target_os = "linux")]
impl Alarm {
    /// An alarm that shows up in the poll as `token`.
    pub(crate) fn new(registry: &Registry, token: Token) -> io::Result<Self> {
        use std::os::fd::AsRawFd;

        use rustix::time::{TimerfdClockId, TimerfdFlags, timerfd_create};

        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let timer = timerfd_create(TimerfdClockId::Monotonic, flags)?;
        let descriptor = timer.as_raw_fd();
        registry.register(&mut mio::unix::SourceFd(&descriptor), token, mio::Interest::READABLE)?;
        Ok(Self { timer, set: None })
    }

    /// Makes sure that the poll ends at `at`; the time that the poll itself has to wait, if it has to.
    pub(crate) fn set(&mut self, at: Instant, now: Instant) -> io::Result<Option<Duration>> {
        use rustix::time::{Itimerspec, TimerfdTimerFlags, Timespec, timerfd_settime};

        // An expiry is an edge of its own and setting clears the count, so the timer is never read.
        if self.set != Some(at) {
            let wait = at.saturating_duration_since(now).max(Duration::from_nanos(1));
            let it_value = Timespec {
                tv_sec: i64::try_from(wait.as_secs()).unwrap_or(i64::MAX),
                tv_nsec: wait.subsec_nanos().into(),
            };
            let it_interval = Timespec { tv_sec: 0, tv_nsec: 0 };
            timerfd_settime(&self.timer, TimerfdTimerFlags::empty(), &Itimerspec { it_interval, it_value })?;
            self.set = Some(at);
        }
        Ok(None)
    }
}

#[cfg(not(target_os = "linux"))]
impl Alarm {
    /// An alarm for a poll that waits precisely.
    pub(crate) fn new(_registry: &Registry, _token: Token) -> io::Result<Self> {
        Ok(Self { set: None })
    }

    /// The time that the poll has to wait to end at `at`.
    pub(crate) fn set(&mut self, at: Instant, now: Instant) -> io::Result<Option<Duration>> {
        self.set = Some(at);
        Ok(Some(at.saturating_duration_since(now)))
    }
}
